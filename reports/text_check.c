/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report of a nightly check, and of one series explained. */
#include <math.h>
#include <string.h>

#include "reports/check_parts.h"
#include "reports/text_parts.h"

#define str hcb_check_str
#define num hcb_check_num

static void put_percent(FILE *f, double share)
{
	if (isfinite(share))
		fprintf(f, "%8.1f %%", 100 * share);
	else
		fprintf(f, "%10s", "n/a");
}

static void put_row(FILE *f, const json_t *s)
{
	char value[32], base[32];
	const json_t *b = json_object_get(s, "baseline"),
	             *w = json_object_get(s, "window");
	fprintf(f, "  %-32s %-12s %12s %12s", str(s, "label"), str(s, "state"),
	        hcb_check_value(value, sizeof(value), s, num(s, "value")),
	        hcb_check_value(base, sizeof(base), s, num(b, "value")));
	put_percent(f, num(s, "mde"));
	if (isfinite(num(w, "z")))
		fprintf(f, " %6.1f of %.1f", num(w, "z"), num(w, "h"));
	fputs(json_is_true(json_object_get(s, "calibrated")) ? " calibrated\n" : "\n", f);
}

/* which: 0 gated, 1 controls, 2 the others. */
static int which(const json_t *s)
{
	return json_is_true(json_object_get(s, "gated"))     ? 0
	       : json_is_true(json_object_get(s, "control")) ? 1
	                                                     : 2;
}

static void put_table(FILE *f, const json_t *series, int part)
{
	static const char *const heads[] = {"gated", "controls", "not gated"};
	bool any = false;
	for (size_t i = 0; i < json_array_size(series); i++) {
		const json_t *s = json_array_get(series, i);
		if (which(s) != part)
			continue;
		if (!any)
			fprintf(f, "\n%-34s %-12s %12s %12s %10s %s\n", heads[part],
			        "state", "tonight", "baseline", "finds", "z of h");
		any = true;
		put_row(f, s);
	}
}

static void put_warnings(FILE *f, const json_t *doc)
{
	const json_t *w = json_object_get(doc, "warnings");
	for (size_t i = 0; i < json_array_size(w); i++)
		fprintf(f, "note: %s\n", json_string_value(json_array_get(w, i)));
}

static void put_night(FILE *f, const json_t *doc)
{
	const json_t *series = json_object_get(doc, "series");
	hcb_check_headline(f, doc);
	fputc('\n', f);
	for (size_t i = 0; i < json_array_size(series); i++) {
		const json_t *s = json_array_get(series, i);
		if (!hcb_check_speaks(s))
			continue;
		hcb_check_line(f, doc, s);
		fputc('\n', f);
	}
	put_warnings(f, doc);
	for (int part = 0; part < 3; part++)
		put_table(f, series, part);
	fputs("\nfinds: the smallest worsening found within 7 nights, 4 times of 5\n", f);
}

/* ---- one series ---- */

#define ROWS 10

static char mark_of(const json_t *n)
{
	static const struct {
		const char *state;
		char mark;
	} marks[] = {{"OK", 'o'},         {"LEARNING", '.'}, {"SUSPECT", '?'},
	             {"REGRESSION", '#'}, {"IMPROVED", '+'}, {"RECOVERED", 'o'},
	             {"INVALID", 'x'}};
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strcmp(marks[i].state, str(n, "state")) == 0)
			return marks[i].mark;
	return '?';
}

static void range_of(const json_t *nights, double base, double *lo, double *hi)
{
	*lo = *hi = base;
	for (size_t i = 0; i < json_array_size(nights); i++) {
		double v = num(json_array_get(nights, i), "value");
		*lo = isfinite(v) && !(v > *lo) ? v : *lo;
		*hi = isfinite(v) && !(v < *hi) ? v : *hi;
	}
	if (isfinite(*lo) && !(*hi > *lo))
		*hi = *lo + (fabs(*lo) > 0 ? fabs(*lo) * 0.01 : 1);
}

static int row_of(double v, double lo, double hi)
{
	return (int)lround((v - lo) / (hi - lo) * (ROWS - 1));
}

/* A column a night, three wide; the baseline as a line of dashes. */
static void put_plot(FILE *f, const json_t *s, const json_t *nights)
{
	char label[32];
	double base = num(json_object_get(s, "baseline"), "value"), lo, hi;
	size_t n = json_array_size(nights);
	range_of(nights, base, &lo, &hi);
	if (!n || !isfinite(lo))
		return;
	for (int row = ROWS - 1; row >= 0; row--) {
		double at = lo + (hi - lo) * row / (ROWS - 1);
		bool line = isfinite(base) && row_of(base, lo, hi) == row;
		fprintf(f, "%12s %c", hcb_check_value(label, sizeof(label), s, at),
		        line ? '+' : '|');
		for (size_t i = 0; i < n; i++) {
			const json_t *v = json_array_get(nights, i);
			bool here = isfinite(num(v, "value")) &&
			            row_of(num(v, "value"), lo, hi) == row;
			fprintf(f, "%c%c", line ? '-' : ' ',
			        here ? mark_of(v) : (line ? '-' : ' '));
		}
		fputc('\n', f);
	}
	fprintf(f, "%12s  %s to %s\n", "", str(json_array_get(nights, 0), "night"),
	        str(json_array_get(nights, n - 1), "night"));
	fputs("  o in order  # worse  + better  ? suspect  . learning  x not used  "
	      "- baseline\n",
	      f);
}

static void put_fields(FILE *f, const json_t *fields)
{
	for (size_t i = 0; i < json_array_size(fields); i++) {
		const json_t *d = json_array_get(fields, i);
		const char *from = str(d, "from"), *to = str(d, "to");
		fprintf(f, "    %s: %s -> %s\n", str(d, "field"), *from ? from : "none",
		        *to ? to : "none");
	}
}

static void put_onset(FILE *f, const json_t *s)
{
	const json_t *o = json_object_get(s, "onset"), *fields;
	char effect[64];
	if (!json_is_object(o))
		return;
	fprintf(f, "  effect    %s\n", hcb_check_effect(effect, sizeof(effect), s));
	fprintf(f, "  began     night %s (95 %%: %s to %s), %.0f nights%s\n",
	        str(o, "night"), str(o, "from"), str(o, "to"), num(o, "nights"),
	        json_is_true(json_object_get(s, "fast")) ? "; two nights far out" : "");
	fields = json_object_get(s, "changed");
	fprintf(f, "  changed in that range: %s\n",
	        json_array_size(fields) ? "" : "nothing that is recorded");
	put_fields(f, fields);
}

static void put_invalid(FILE *f, const json_t *nights)
{
	for (size_t i = 0; i < json_array_size(nights); i++) {
		const json_t *v = json_array_get(nights, i);
		if (*str(v, "why"))
			fprintf(f, "  not used  night %s: %s\n", str(v, "night"),
			        str(v, "why"));
		if (json_is_true(json_object_get(v, "ack")))
			fprintf(f, "  acknowledged after night %s\n", str(v, "night"));
	}
}

static void put_explained(FILE *f, const json_t *doc, const json_t *s)
{
	char a[32], b[32];
	const json_t *base = json_object_get(s, "baseline"),
	             *w = json_object_get(s, "window");
	const json_t *nights = json_object_get(doc, "explain");
	hcb_check_line(f, doc, s);
	fprintf(f, "\n\n  series    %s, key %s\n", str(s, "label"), str(s, "key"));
	fprintf(f, "  tonight   %s, median of %.0f %s (night %s)\n",
	        hcb_check_value(a, sizeof(a), s, num(s, "value")), num(s, "repetitions"),
	        *str(s, "over") ? str(s, "over") : "repetitions", str(doc, "night"));
	if (json_is_object(base))
		fprintf(f,
		        "  baseline  %s, median of %.0f nights, %s to %s; from night to "
		        "night %.1f %%\n",
		        hcb_check_value(b, sizeof(b), s, num(base, "value")),
		        num(base, "nights"), str(base, "from"), str(base, "to"),
		        100 * num(s, "deviation"));
	else if (num(s, "valid_nights") >= num(s, "nights_needed"))
		fprintf(f, "  baseline  not looked at: tonight does not count\n");
	else
		fprintf(f, "  baseline  none: %.0f valid nights of %.0f needed\n",
		        num(s, "valid_nights"), num(s, "nights_needed"));
	if (json_is_object(w) && isfinite(num(w, "z")))
		fprintf(f,
		        "  rule      z %.1f of %.1f over %.0f nights, moved %+.1f %% (at "
		        "least %.0f %% counts)%s\n",
		        num(w, "z"), num(w, "h"), num(w, "nights"), 100 * num(w, "shift"),
		        100 * num(w, "delta"),
		        json_is_true(json_object_get(s, "calibrated"))
		                ? "; calibrated on its own nights"
		                : "");
	if (isfinite(num(s, "mde")))
		fprintf(f, "  finds     %.1f %% within 7 nights, 4 times of 5\n",
		        100 * num(s, "mde"));
	if (num(s, "autocorrelation") > 0.4)
		fprintf(f,
		        "  note      neighbouring nights are alike (autocorrelation "
		        "%.2f): "
		        "\"hcbench history calibrate\"\n",
		        num(s, "autocorrelation"));
	put_onset(f, s);
	put_invalid(f, nights);
	if (*str(doc, "command"))
		fprintf(f, "  again     %s\n", str(doc, "command"));
	fputc('\n', f);
	put_plot(f, s, nights);
}

void hcb_text_check(FILE *f, const json_t *doc)
{
	if (json_object_get(doc, "explain"))
		put_explained(f, doc, json_array_get(json_object_get(doc, "series"), 0));
	else
		put_night(f, doc);
}
