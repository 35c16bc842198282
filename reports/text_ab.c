/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report of a comparison: verdict of each metric, ratio with its interval. */
#include <string.h>

#include "bench/core/units.h"
#include "reports/text_parts.h"

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "?";
}

static double num(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void put_side(FILE *f, const json_t *ab, const char *side, char letter)
{
	const json_t *s = json_object_get(ab, side);
	const json_t *cluster = json_object_get(s, "cluster");
	fprintf(f, "  %c  %s: %s on %s", letter, str(s, "scenario"), str(s, "workload"),
	        str(s, "target"));
	if (json_is_string(cluster))
		fprintf(f, ", lab %s", json_string_value(cluster));
	fputc('\n', f);
}

static void put_tunnel(FILE *f, const json_t *p)
{
	const json_t *from = json_object_get(p, "tunnel_us_per_packet_from");
	const json_t *to = json_object_get(p, "tunnel_us_per_packet_to");
	const json_t *range = json_object_get(p, "assumed_us_per_packet");
	if (json_is_number(from) && json_is_number(to))
		fprintf(f,
		        "     tunnel: %.1f us of processor a packet sent, %.1f received",
		        json_number_value(from), json_number_value(to));
	else
		fprintf(f, "     tunnel: too few packets to tell its cost");
	if (json_is_number(json_object_get(p, "held_to_us_per_packet")))
		fprintf(f,
		        ";\n     held to %g: %.1f and %.1f with the time it stood still",
		        num(p, "held_to_us_per_packet"),
		        num(p, "tunnel_held_us_per_packet_from"),
		        num(p, "tunnel_held_us_per_packet_to"));
	if (json_is_array(range))
		fprintf(f, " (assumed: %g to %g)",
		        json_number_value(json_array_get(range, 0)),
		        json_number_value(json_array_get(range, 1)));
	fputc('\n', f);
}

static void put_path(FILE *f, const json_t *ab, const char *side, char letter)
{
	const json_t *p = json_object_get(json_object_get(ab, side), "path");
	char rtt[32];
	if (!json_is_object(p))
		return;
	hcb_fmt_ns(rtt, sizeof(rtt), num(p, "rtt_ns"));
	fprintf(f, "  %c's way of replication (%s to %s, %s; medians of %.0f):\n", letter,
	        str(p, "from"), str(p, "to"), str(p, "interface"), num(p, "probes"));
	fprintf(f, "     round trip %s, one stream %.0f Mbit/s", rtt,
	        num(p, "bit_per_s") / 1e6);
	if (json_is_number(json_object_get(p, "processor_us_per_packet")))
		fprintf(f, ", %.1f us of processor a packet",
		        num(p, "processor_us_per_packet"));
	fprintf(f, ", processors %.0f %% busy\n", 100 * num(p, "host_busy"));
	if (json_is_true(json_object_get(p, "tunnel")))
		put_tunnel(f, p);
}

static void put_value(FILE *f, const json_t *m, const char *key)
{
	char buf[32] = "n/a";
	const json_t *v = json_object_get(m, key);
	if (json_is_number(v) && strcmp(str(m, "unit"), "ns") == 0)
		hcb_fmt_ns(buf, sizeof(buf), json_number_value(v));
	else if (json_is_number(v))
		snprintf(buf, sizeof(buf), "%.1f%s", json_number_value(v),
		         str(m, "unit"));
	fprintf(f, "%12s", buf);
}

static void put_metric(FILE *f, const json_t *m)
{
	const json_t *more = json_object_get(m, "more_pairs");
	fprintf(f, "  %-16s", str(m, "name"));
	put_value(f, m, "a");
	put_value(f, m, "b");
	if (json_is_number(json_object_get(m, "ratio")))
		fprintf(f, "%9.3f  [%.3f, %.3f]", num(m, "ratio"), num(m, "ratio_lo"),
		        num(m, "ratio_hi"));
	else
		fprintf(f, "%9s  %-16s", "n/a", "");
	fprintf(f, "  %s", str(m, "verdict"));
	if (json_is_number(more))
		fprintf(f, ": some %.0f more pairs would tell", json_number_value(more));
	fputc('\n', f);
}

static void put_runs(FILE *f, const json_t *runs)
{
	unsigned unsteady = 0;
	for (size_t i = 0; i < json_array_size(runs); i++)
		unsteady +=
		        strcmp(str(json_array_get(runs, i), "verdict"), "UNSTEADY") == 0;
	if (unsteady)
		fprintf(f, "  %u of %zu runs were UNSTEADY; their numbers are in\n",
		        unsteady, json_array_size(runs));
}

static void put_metrics(FILE *f, const json_t *doc, const char *key, char letter)
{
	const json_t *metrics = json_object_get(doc, key);
	if (!metrics)
		return;
	fprintf(f, "\n%-18s%12s%12c%7c/A  %-16s  %c is\n", str(doc, "transaction"), "A",
	        letter, letter, "95 % interval", letter);
	for (size_t i = 0; i < json_array_size(metrics); i++)
		put_metric(f, json_array_get(metrics, i));
}

void hcb_text_ab(FILE *f, const json_t *doc)
{
	const json_t *ab = json_object_get(doc, "ab");
	fprintf(f, "A against B%s, %.0f interleaved pairs",
	        json_is_true(json_object_get(doc, "partial")) ? " (partial)" : "",
	        num(ab, "pairs"));
	if (num(ab, "dropped_pairs") > 0)
		fprintf(f, ", %.0f more dropped for an INVALID run",
		        num(ab, "dropped_pairs"));
	fprintf(f, ", seeds from %.0f\n", num(ab, "seed"));
	put_side(f, ab, "a", 'A');
	put_side(f, ab, "b", 'B');
	if (json_object_get(ab, "c"))
		put_side(f, ab, "c", 'C');
	put_path(f, ab, "a", 'A');
	put_path(f, ab, "b", 'B');
	put_path(f, ab, "c", 'C');
	put_runs(f, json_object_get(doc, "runs"));
	put_metrics(f, doc, "metrics", 'B');
	put_metrics(f, doc, "metrics_c", 'C');
	fprintf(f, "  EQUIVALENT: within %.0f %% of each other\n",
	        100 * num(ab, "margin"));
}
