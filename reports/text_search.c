/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report of a search: the interval, what it rests on, response time by load. */
#include <stdbool.h>
#include <stdlib.h>
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

/* "41.2/s", "12" */
static char *load_text(const json_t *doc, double load, char *buf, size_t size)
{
	const char *key = str(json_object_get(doc, "search"), "load");
	const char *dot = strrchr(key, '.'); /* "db.rate" */
	bool rate = strcmp(dot ? dot + 1 : key, "rate") == 0;
	snprintf(buf, size, rate ? "%.10g/s" : "%.0f", load);
	return buf;
}

static void put_ends(FILE *f, const json_t *doc, const json_t *goal)
{
	char lo[40], hi[40];
	bool below = json_is_number(json_object_get(goal, "lower"));
	bool above = json_is_number(json_object_get(goal, "upper"));
	if (below)
		fprintf(f, "kept up to %s",
		        load_text(doc, num(goal, "lower"), lo, sizeof(lo)));
	if (above)
		fprintf(f, "%smissed from %s on", below ? ", " : "",
		        load_text(doc, num(goal, "upper"), hi, sizeof(hi)));
	if (below && above)
		fprintf(f, " (%.1f %% apart)", 100 * num(goal, "width"));
	if (!below && !above)
		fputs("nothing is known", f);
}

static void put_end(FILE *f, const json_t *doc, const json_t *goal, const char *side,
                    const char *kind)
{
	char load[40], key[32];
	if (!json_is_number(json_object_get(goal, side)))
		return;
	snprintf(key, sizeof(key), "%s_good", side);
	double good = num(goal, key);
	snprintf(key, sizeof(key), "%s_bad", side);
	double bad = num(goal, key), fit = num(goal, "fit_trials");
	snprintf(key, sizeof(key), "%s_believed", side);
	fprintf(f, "    %s: ", load_text(doc, num(goal, side), load, sizeof(load)));
	if (good + bad > 0)
		fprintf(f, "%.0f of %.0f trials %s", *kind == 'g' ? good : bad,
		        good + bad, kind);
	if (fit > 0)
		fprintf(f, "%sby a curve through all %.0f trials",
		        good + bad > 0 ? ", " : "", fit);
	if (*kind == 'g' && json_is_true(json_object_get(goal, "verified")))
		fprintf(f, ", and one of %.6g s",
		        num(json_object_get(doc, "search"), "long_trial_s"));
	if (!json_is_true(json_object_get(goal, key)))
		fputs("; too few to believe it", f);
	fputc('\n', f);
}

static void put_goal(FILE *f, const json_t *doc, const json_t *goal)
{
	bool regular = json_is_true(json_object_get(goal, "regular"));
	bool searched = json_is_true(json_object_get(goal, "searched"));
	fprintf(f, "%s  %s: ",
	        regular    ? "REGULAR"
	        : searched ? "IRREGULAR"
	                   : "by the way",
	        str(goal, "name"));
	put_ends(f, doc, goal);
	if (!regular && searched)
		fprintf(f, ": %s", str(goal, "end"));
	fputc('\n', f);
	put_end(f, doc, goal, "lower", "good");
	put_end(f, doc, goal, "upper", "bad");
}

static void put_head(FILE *f, const json_t *doc)
{
	const json_t *s = json_object_get(doc, "search");
	const json_t *slos = json_object_get(doc, "objectives");
	const json_t *targets = json_object_get(doc, "targets");
	char ns[32];
	fprintf(f, "search%s: the most %s of %s",
	        json_is_true(json_object_get(doc, "partial")) ? " (partial)" : "",
	        str(s, "load"), str(s, "workload"));
	for (size_t i = 0; i < json_array_size(targets); i++)
		fprintf(f, "%s%s", i ? " and " : " on ",
		        str(json_array_get(targets, i), "target"));
	fputs(" that keeps", f);
	for (size_t i = 0; i < json_array_size(slos); i++) {
		const json_t *slo = json_array_get(slos, i);
		fprintf(f, "%s%s <= %s", i ? ", " : " ", str(slo, "name"),
		        hcb_fmt_ns(ns, sizeof(ns), num(slo, "limit_ns")));
	}
	fputs("\n\n", f);
}

static int by_load(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	double p = num(*x, "load"), q = num(*y, "load");
	if (p < q || p > q)
		return p < q ? -1 : 1;
	return (int)(num(*x, "trial") - num(*y, "trial"));
}

static void put_ns(FILE *f, const json_t *trial, const char *key)
{
	char ns[32] = "n/a";
	const json_t *v = json_object_get(json_object_get(trial, "response_ns"), key);
	if (json_is_number(v))
		hcb_fmt_ns(ns, sizeof(ns), json_number_value(v));
	fprintf(f, "%11s", ns);
}

static void put_trial(FILE *f, const json_t *doc, const json_t *trial)
{
	char load[40];
	const char *because = str(trial, "because");
	fprintf(f, "  %10s%7.0f%10.1f", load_text(doc, num(trial, "load"), load, 40),
	        num(trial, "trial"), num(trial, "rate_per_s"));
	put_ns(f, trial, "p50");
	put_ns(f, trial, "p99");
	put_ns(f, trial, "max");
	fprintf(f, "  %s%s%s%s\n", str(trial, "outcome"),
	        json_is_true(json_object_get(trial, "verify")) ? " (long)" : "",
	        *because ? ": " : "", because);
}

static void put_curve(FILE *f, const json_t *doc)
{
	const json_t *trials = json_object_get(doc, "trials");
	const json_t *first = json_array_get(json_object_get(doc, "objectives"), 0);
	size_t n = json_array_size(trials);
	const json_t **sorted = malloc((n + !n) * sizeof(json_t *));
	if (!sorted || !first)
		n = 0;
	for (size_t i = 0; i < n; i++)
		sorted[i] = json_array_get(trials, i);
	if (n)
		qsort(sorted, n, sizeof(json_t *), by_load);
	fprintf(f, "\n  %10s%7s%10s%11s%11s%11s\n",
	        str(json_object_get(doc, "search"), "load"), "trial", "done/s", "p50",
	        "p99", "max");
	for (size_t i = 0; i < n; i++)
		put_trial(f, doc, sorted[i]);
	free(sorted);
}

void hcb_text_search(FILE *f, const json_t *doc)
{
	const json_t *goals = json_object_get(doc, "goals");
	const json_t *spent = json_object_get(doc, "spent");
	const json_t *search = json_object_get(doc, "search");
	put_head(f, doc);
	for (size_t i = 0; i < json_array_size(goals); i++)
		put_goal(f, doc, json_array_get(goals, i));
	put_curve(f, doc);
	fprintf(f,
	        "\n%.0f trials, %.0f of them count, of %.6g s measured each: %.0f s%s\n",
	        num(spent, "trials"), num(spent, "counted"), num(search, "trial_s"),
	        num(spent, "cost_s"),
	        strcmp(str(search, "clock"), "virtual") == 0 ? " of virtual time" : "");
	fprintf(f, "again: %s\n", str(search, "command"));
}
