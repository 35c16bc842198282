/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A nightly check for node_exporter's textfile collector: gauges only, no time stamps
 * (it refuses them), few labels. What to alert on is in docs/nightly.md: the age of
 * hcbench_last_success_timestamp_seconds above all, since a nightly that is silent is the
 * usual failure.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/check_parts.h"
#include "reports/report.h"

#define str hcb_check_str
#define num hcb_check_num

static const char *const states[] = {"INVALID",     "LEARNING", "MISSED",
                                     "OK",          "SUSPECT",  "REGRESSION",
                                     "ENVIRONMENT", "IMPROVED", "RECOVERED"};
#define N_STATES (sizeof(states) / sizeof(states[0]))

/* A label's value: the format's three escapes; other control characters are no text. */
static void put_label(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '\\')
			fputs("\\\\", f);
		else if (*s == '"')
			fputs("\\\"", f);
		else if (*s == '\n')
			fputs("\\n", f);
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			fputc('?', f);
		else
			fputc(*s, f);
	}
}

static void put_head(FILE *f, const char *name, const char *help)
{
	fprintf(f, "# HELP hcbench_%s %s\n# TYPE hcbench_%s gauge\n", name, help, name);
}

static void put_series(FILE *f, const char *name, const json_t *s, const char *state)
{
	fprintf(f, "hcbench_%s{series=\"", name);
	put_label(f, str(s, "label"));
	/* Two environments may measure one label in a night. */
	fputs("\",key=\"", f);
	put_label(f, str(s, "key"));
	fputc('"', f);
	if (state)
		fprintf(f, ",state=\"%s\"", state);
	fputs("} ", f);
}

static bool shown(const json_t *s)
{
	return json_is_true(json_object_get(s, "gated")) ||
	       json_is_true(json_object_get(s, "control"));
}

/* A night: what it holds for values of ours in base units is said in the help text. */
static void put_values(FILE *f, const json_t *series, const char *name, const char *help,
                       double (*of)(const json_t *s))
{
	bool any = false;
	for (size_t i = 0; i < json_array_size(series); i++) {
		const json_t *s = json_array_get(series, i);
		double v = of(s);
		if (!shown(s) || !isfinite(v))
			continue;
		if (!any)
			put_head(f, name, help);
		any = true;
		put_series(f, name, s, NULL);
		fprintf(f, "%.17g\n", v);
	}
}

/* Prometheus' base units: seconds. */
static double in_base(const json_t *s, double v)
{
	return strcmp(str(s, "unit"), "ns") == 0 ? v / 1e9 : v;
}

static double value_of(const json_t *s)
{
	return in_base(s, num(s, "value"));
}

static double baseline_of(const json_t *s)
{
	return in_base(s, num(json_object_get(s, "baseline"), "value"));
}

static double mde_of(const json_t *s)
{
	return num(s, "mde");
}

static double effect_of(const json_t *s)
{
	return num(s, "effect");
}

static double valid_of(const json_t *s)
{
	const char *state = str(s, "state");
	return strcmp(state, "INVALID") != 0 && strcmp(state, "MISSED") != 0;
}

static void put_verdicts(FILE *f, const json_t *doc, const json_t *series)
{
	put_head(f, "night_verdict", "1 for the verdict of the newest night.");
	for (size_t k = 0; k < N_STATES; k++)
		if (strcmp(states[k], "MISSED") != 0)
			fprintf(f, "hcbench_night_verdict{state=\"%s\"} %d\n", states[k],
			        strcmp(states[k], str(doc, "verdict")) == 0);
	put_head(f, "verdict", "1 for the state of a series.");
	for (size_t i = 0; i < json_array_size(series); i++) {
		const json_t *s = json_array_get(series, i);
		for (size_t k = 0; shown(s) && k < N_STATES; k++) {
			put_series(f, "verdict", s, states[k]);
			fprintf(f, "%d\n", strcmp(states[k], str(s, "state")) == 0);
		}
	}
}

static int prom_write(const json_t *const *docs, size_t n, FILE *f, struct hcb_err *err)
{
	if (n != 1)
		return hcb_err_usage(err, "report prom: one check at a time");
	const json_t *doc = docs[0], *series = json_object_get(doc, "series");
	double last = num(doc, "last_valid_run_s");
	put_head(f, "last_success_timestamp_seconds",
	         "When the newest run began of the last night that a gated series was "
	         "judged on, or learnt from; 0: there is none.");
	/* Always there: an alert on the age of what is missing would be none. */
	fprintf(f, "hcbench_last_success_timestamp_seconds %.0f\n",
	        isfinite(last) ? last : 0);
	put_verdicts(f, doc, series);
	put_values(f, series, "run_valid", "1: measured tonight, and valid.", valid_of);
	put_values(f, series, "value",
	           "Tonight's median; times in seconds, rates per second.", value_of);
	put_values(f, series, "baseline", "Median of the baseline's nights.",
	           baseline_of);
	put_values(f, series, "mde_ratio",
	           "Smallest worsening found within 7 nights with 80 % power.", mde_of);
	put_values(f, series, "effect_ratio",
	           "How far the value has moved, in an episode.", effect_of);
	return 0;
}

const struct hcb_report hcb_report_prom = {
        .name = "prom",
        .summary = "a nightly check for Prometheus' textfile collector",
        .kinds = "check",
        .write = prom_write,
};
