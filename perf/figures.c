/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was found: the table and its JSON. Decides nothing but met or missed. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "perf/perf.h"

/* How far v is on the good side of the goal; below 0: on the bad one. */
static double margin(const struct perf_figure *f, double v)
{
	if (f->sense == PERF_AT_LEAST)
		return v - f->goal;
	if (f->sense == PERF_AT_MOST)
		return f->goal - v;
	return f->goal - fabs(v - 1);
}

const char *perf_verdict(const struct perf_figure *f)
{
	if (f->sense == PERF_SHOWN)
		return "-";
	bool good = margin(f, f->judged.value) >= 0;
	bool lo = margin(f, f->judged.lo) >= 0, hi = margin(f, f->judged.hi) >= 0;
	/* WITHIN: both ends may be bad on either side of a good value. */
	bool sure = good ? lo && hi : !lo && !hi;
	if (!good && f->sense == PERF_WITHIN && f->judged.lo < 1 && f->judged.hi > 1)
		sure = false;
	if (good)
		return sure ? "met" : "met?";
	return sure ? "missed" : "missed?";
}

/* Four digits and a thousands' letter: "13.42 M". */
static char *short_number(char *buf, size_t n, double v)
{
	static const struct {
		double unit;
		const char *letter;
	} steps[] = {{1e9, " G"}, {1e6, " M"}, {1e3, " k"}, {1, ""}};
	size_t i = 0;
	if (isnan(v)) {
		snprintf(buf, n, "-");
		return buf;
	}
	while (i < 3 && fabs(v) < steps[i].unit)
		i++;
	double x = v / steps[i].unit;
	int decimals = fabs(x) < 10 ? 2 : fabs(x) < 100 ? 1 : 0;
	snprintf(buf, n, "%.*f%s", decimals, x, steps[i].letter);
	return buf;
}

static void interval_text(const struct perf_figure *f, char *buf, size_t n)
{
	char v[32], lo[32], hi[32];
	if (f->is_ratio)
		snprintf(buf, n, "%.3f [%.3f, %.3f]", f->judged.value, f->judged.lo,
		         f->judged.hi);
	else
		snprintf(buf, n, "%s [%s, %s]",
		         short_number(v, sizeof(v), f->judged.value),
		         short_number(lo, sizeof(lo), f->judged.lo),
		         short_number(hi, sizeof(hi), f->judged.hi));
}

static void goal_text(const struct perf_figure *f, char *buf, size_t n)
{
	char v[32];
	const char *sign = f->sense == PERF_AT_LEAST ? ">=" : "<=";
	if (f->sense == PERF_SHOWN)
		snprintf(buf, n, "-");
	else if (f->sense == PERF_WITHIN)
		snprintf(buf, n, "1 +- %.2g", f->goal);
	else if (f->is_ratio)
		snprintf(buf, n, "%s %.3g", sign, f->goal);
	else
		snprintf(buf, n, "%s %s", sign, short_number(v, sizeof(v), f->goal));
}

void perf_print(const struct perf_report *r, void *file)
{
	FILE *out = file;
	char ours[32], theirs[32], interval[80], goal[32];
	const char *row = "";
	unsigned missed = 0;
	fprintf(out, "%-13s %-34s %9s %9s  %-28s %-10s %s\n", "row", "figure", "hcbench",
	        "fio", "ratio or ours [95 %]", "goal", "");
	for (unsigned i = 0; i < r->n_figures; i++) {
		const struct perf_figure *f = &r->figure[i];
		char name[64];
		interval_text(f, interval, sizeof(interval));
		goal_text(f, goal, sizeof(goal));
		snprintf(name, sizeof(name), "%s, %s", f->name, f->unit);
		fprintf(out, "%-13s %-34s %9s %9s  %-28s %-10s %s\n",
		        strcmp(row, f->row) ? f->row : "", name,
		        short_number(ours, sizeof(ours), f->ours),
		        short_number(theirs, sizeof(theirs), f->theirs), interval, goal,
		        perf_verdict(f));
		row = f->row;
		missed += strncmp(perf_verdict(f), "missed", 6) == 0;
	}
	for (unsigned i = 0; i < r->n_skips; i++)
		fprintf(out, "%-13s not measured: %s\n", r->skip[i].row, r->skip[i].why);
	fprintf(out, "%u goal%s missed", missed, missed == 1 ? "" : "s");
	for (unsigned i = 0; i < r->n_figures; i++) {
		const struct perf_figure *f = &r->figure[i];
		if (strncmp(perf_verdict(f), "missed", 6) == 0)
			fprintf(out, "; %s: %s", f->row, f->name);
	}
	fprintf(out, "\n? the interval reaches across the goal\n");
}

/* JSON has no infinity: null. */
static json_t *real(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static const char *const sense_names[] = {"at_least", "at_most", "within", NULL};

static json_t *figure_json(const struct perf_figure *f)
{
	json_t *o = json_pack("{ss ss ss so so ss so s[oo] sI}", "row", f->row, "figure",
	                      f->name, "unit", f->unit, "hcbench", real(f->ours), "fio",
	                      real(f->theirs), "judged",
	                      f->is_ratio ? "ratio" : "hcbench", "value",
	                      real(f->judged.value), "interval95", real(f->judged.lo),
	                      real(f->judged.hi), "blocks", (json_int_t)f->blocks);
	if (f->sense != PERF_SHOWN) {
		json_object_set_new(o, "sense", json_string(sense_names[f->sense]));
		json_object_set_new(o, "goal", real(f->goal));
	}
	json_object_set_new(o, "verdict", json_string(perf_verdict(f)));
	return o;
}

json_t *perf_to_json(const struct perf_report *r)
{
	json_t *figures = json_array(), *skips = json_array();
	for (unsigned i = 0; i < r->n_figures; i++)
		json_array_append_new(figures, figure_json(&r->figure[i]));
	for (unsigned i = 0; i < r->n_skips; i++)
		json_array_append_new(skips, json_pack("{ssss}", "row", r->skip[i].row,
		                                       "why", r->skip[i].why));
	return json_pack("{soso}", "figures", figures, "not_measured", skips);
}
