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

/* Two labs of one cluster file are not alike: the spread of such labs is not in intervals
   that come of one lab a side. */
static void put_same_lab(FILE *f, const json_t *ab)
{
	if (json_is_true(json_object_get(json_object_get(ab, "a"), "same_lab")) ||
	    json_is_true(json_object_get(json_object_get(ab, "b"), "same_lab")))
		fprintf(f,
		        "  every pair ran in the same lab of a side: what sets just "
		        "these "
		        "labs apart counts\n  as the difference, and the intervals know "
		        "nothing of it\n");
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
	put_same_lab(f, ab);
	put_runs(f, json_object_get(doc, "runs"));
	const char *tx = str(doc, "transaction");
	hcb_text_effects(f, tx, "A", "B", json_object_get(doc, "metrics"));
	hcb_text_effects(f, tx, "A", "C", json_object_get(doc, "metrics_c"));
	hcb_text_margin(f, num(ab, "margin"));
}
