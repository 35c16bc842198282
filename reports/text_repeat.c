/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report of one load run several times: level, interval, and each run. */
#include <stdbool.h>
#include <string.h>

#include "bench/core/units.h"
#include "reports/text_parts.h"

#define MOST_RUNS 8 /* shown one by one */

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "?";
}

static double num(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void fmt(char *buf, size_t size, const json_t *v, const char *unit)
{
	if (!json_is_number(v))
		snprintf(buf, size, "n/a");
	else if (strcmp(unit, "ns") == 0)
		hcb_fmt_ns(buf, size, json_number_value(v));
	else
		snprintf(buf, size, "%.1f%s", json_number_value(v), unit);
}

static void put_interval(FILE *f, const json_t *m)
{
	char lo[32], hi[32], both[72] = "n/a";
	if (json_is_number(json_object_get(m, "lo"))) {
		fmt(lo, sizeof(lo), json_object_get(m, "lo"), str(m, "unit"));
		fmt(hi, sizeof(hi), json_object_get(m, "hi"), str(m, "unit"));
		snprintf(both, sizeof(both), "[%s, %s]", lo, hi);
	}
	fprintf(f, "  %-22s", both);
	if (json_is_number(json_object_get(m, "cv")))
		fprintf(f, "%4.0f %%   ", 100 * num(m, "cv"));
	else
		fprintf(f, "%6s   ", "n/a");
}

static void put_metric(FILE *f, const json_t *m)
{
	const json_t *values = json_object_get(m, "values");
	char buf[32];
	fprintf(f, "  %-16s", str(m, "name"));
	fmt(buf, sizeof(buf), json_object_get(m, "value"), str(m, "unit"));
	fprintf(f, "%12s", buf);
	put_interval(f, m);
	for (size_t i = 0; i < json_array_size(values) && i < MOST_RUNS; i++) {
		fmt(buf, sizeof(buf), json_array_get(values, i), str(m, "unit"));
		fprintf(f, "%s%s", i ? ", " : "", buf);
	}
	fprintf(f, "%s\n", json_array_size(values) > MOST_RUNS ? ", ..." : "");
}

/* Some run has a number that is not "none happened". */
static bool has_values(const json_t *m)
{
	const json_t *values = json_object_get(m, "values");
	for (size_t i = 0; i < json_array_size(values); i++)
		if (json_number_value(json_array_get(values, i)) > 0)
			return true;
	return false;
}

static void put_transaction(FILE *f, const json_t *tx)
{
	const json_t *metrics = json_object_get(tx, "metrics");
	size_t n = json_array_size(metrics), shown = 0;
	for (size_t i = 0; i < n; i++)
		shown += has_values(json_array_get(metrics, i));
	if (!shown)
		return;
	fprintf(f, "\n%-18s%12s  %-22s%-9s%s\n", str(tx, "name"), "mean", "95 % interval",
	        "of a run", "each run");
	for (size_t i = 0; i < n; i++)
		if (has_values(json_array_get(metrics, i)))
			put_metric(f, json_array_get(metrics, i));
	for (size_t i = 0; i < n; i++)
		if (!has_values(json_array_get(metrics, i)))
			fprintf(f, "  %-16s%12s  in every run\n",
			        str(json_array_get(metrics, i), "name"), "n/a");
}

void hcb_text_repeat(FILE *f, const json_t *doc)
{
	const json_t *p = json_object_get(doc, "repeat"),
	             *runs = json_object_get(doc, "runs"),
	             *txs = json_object_get(doc, "transactions");
	unsigned unsteady = 0;
	for (size_t i = 0; i < json_array_size(runs); i++)
		unsteady +=
		        strcmp(str(json_array_get(runs, i), "verdict"), "UNSTEADY") == 0;
	fprintf(f, "%.0f runs of %s on %s%s, seeds from %.0f", num(p, "runs"),
	        str(p, "workload"), str(p, "target"),
	        json_is_true(json_object_get(doc, "partial")) ? " (partial)" : "",
	        num(p, "seed"));
	if (num(p, "dropped_runs") > 0)
		fprintf(f, "; %.0f more were INVALID and do not count",
		        num(p, "dropped_runs"));
	fputc('\n', f);
	if (unsteady)
		fprintf(f, "  %u of them UNSTEADY; their numbers are in\n", unsteady);
	for (size_t i = 0; i < json_array_size(txs); i++)
		put_transaction(f, json_array_get(txs, i));
	fputs("\nmean: geometric, of the runs; interval: of that mean, from the spread "
	      "between runs;\nof a run: how far one run lies from it, one standard "
	      "deviation\n",
	      f);
	fprintf(f, "again: %s --repeat %.0f\n", str(p, "command"), num(p, "runs"));
}
