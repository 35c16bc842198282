/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/check_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/units.h"

const char *hcb_check_str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

double hcb_check_num(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

char *hcb_check_value(char *buf, size_t size, const json_t *series, double v)
{
	return hcb_fmt_value(buf, size, v, hcb_check_str(series, "unit"));
}

char *hcb_check_effect(char *buf, size_t size, const json_t *series)
{
	double e = 100 * hcb_check_num(series, "effect"),
	       lo = 100 * hcb_check_num(series, "effect_lo"),
	       hi = 100 * hcb_check_num(series, "effect_hi");
	if (!isfinite(e))
		buf[0] = '\0';
	else if (isfinite(lo) && isfinite(hi))
		snprintf(buf, size, "%+.0f %% [%+.0f, %+.0f]", e, lo, hi);
	else
		snprintf(buf, size, "%+.0f %%", e);
	return buf;
}

bool hcb_check_speaks(const json_t *series)
{
	const char *state = hcb_check_str(series, "state");
	bool shown = json_is_true(json_object_get(series, "gated")) ||
	             json_is_true(json_object_get(series, "control"));
	return shown && strcmp(state, "OK") != 0;
}

static void put_changed(FILE *f, const json_t *fields)
{
	size_t n = json_array_size(fields);
	for (size_t i = 0; i < n && i < 4; i++) {
		const json_t *d = json_array_get(fields, i);
		const char *from = hcb_check_str(d, "from"), *to = hcb_check_str(d, "to");
		fprintf(f, "%s%s %.60s -> %.60s", i ? ", " : "",
		        hcb_check_str(d, "field"), *from ? from : "none",
		        *to ? to : "none");
	}
	if (n > 4)
		fprintf(f, " and %zu more", n - 4);
	if (!n)
		fputs("nothing that is recorded", f);
}

static void put_controls(FILE *f, const json_t *doc)
{
	const json_t *e = json_object_get(doc, "environment"), *moved, *m;
	const char *verdict = hcb_check_str(e, "verdict");
	moved = json_object_get(e, "moved");
	if (strcmp(verdict, "TOGETHER") == 0) {
		fputs("; unrelated tests moved together", f);
		fputs(hcb_check_num(e, "controls_judged") > 0
		              ? ", controls steady: an upgrade of everything?"
		              : ", and no control says why",
		      f);
		return;
	}
	if (strcmp(verdict, "CONTROL") != 0) {
		fputs(hcb_check_num(e, "controls_judged") > 0
		              ? "; controls steady"
		              : "; no controls to judge by",
		      f);
		return;
	}
	fputs("; control moved:", f);
	for (size_t i = 0; i < json_array_size(moved); i++) {
		m = json_array_get(moved, i);
		if (json_is_true(json_object_get(m, "control")))
			fprintf(f, " %s %s", hcb_check_str(m, "label"),
			        hcb_check_str(m, "direction"));
	}
}

static void put_episode(FILE *f, const json_t *doc, const json_t *s)
{
	char effect[64], from[32], to[32];
	const json_t *onset = json_object_get(s, "onset");
	double base = hcb_check_num(json_object_get(s, "baseline"), "value"),
	       e = hcb_check_num(s, "effect");
	fprintf(f, " %s %s -> %s", hcb_check_effect(effect, sizeof(effect), s),
	        hcb_check_value(from, sizeof(from), s, base),
	        hcb_check_value(to, sizeof(to), s, base * (1 + e)));
	double nights = hcb_check_num(onset, "nights");
	fprintf(f, " since %s (%.0f night%s)", hcb_check_str(onset, "night"), nights,
	        nights > 1 ? "s" : "");
	if (!json_is_true(json_object_get(s, "gone"))) /* tonight's say nothing of it */
		put_controls(f, doc);
	fputs("; changed: ", f);
	put_changed(f, json_object_get(s, "changed"));
}

static void put_learning(FILE *f, const json_t *s)
{
	const json_t *old = json_object_get(s, "replaces");
	fprintf(f, ": %.0f of %.0f nights", hcb_check_num(s, "valid_nights"),
	        hcb_check_num(s, "nights_needed"));
	if (!json_is_object(old))
		return;
	fprintf(f,
	        "; another workload or environment than series %s (%.0f nights, to %s): ",
	        hcb_check_str(old, "key"), hcb_check_num(old, "nights"),
	        hcb_check_str(old, "last"));
	put_changed(f, json_object_get(old, "changed"));
	fprintf(f, "; to carry it over: hcbench history link %s %s",
	        hcb_check_str(old, "key"), hcb_check_str(s, "key"));
}

static void put_tonight(FILE *f, const json_t *s)
{
	char base[32], value[32];
	double b = hcb_check_num(json_object_get(s, "baseline"), "value"),
	       v = hcb_check_num(s, "value");
	fprintf(f, " %+.0f %% tonight, %s -> %s", 100 * (v / b - 1),
	        hcb_check_value(base, sizeof(base), s, b),
	        hcb_check_value(value, sizeof(value), s, v));
}

void hcb_check_line(FILE *f, const json_t *doc, const json_t *s)
{
	const char *state = hcb_check_str(s, "state"), *label = hcb_check_str(s, "label"),
	           *episode = hcb_check_str(s, "episode"),
	           *reason = hcb_check_str(s, "reason");
	bool standing = json_is_object(json_object_get(s, "onset"));
	if (standing && strcmp(state, episode) != 0 &&
	    strcmp(state, "ENVIRONMENT") != 0 && strcmp(episode, "OK") != 0)
		fprintf(f, "%s (tonight %s%s%s) %s", episode, state, *reason ? ": " : "",
		        reason, label);
	else
		fprintf(f, "%s %s", state, label);
	if (json_is_true(json_object_get(s, "control")))
		fputs(" (control)", f);
	if (standing) {
		put_episode(f, doc, s);
	} else if (strcmp(state, "LEARNING") == 0) {
		put_learning(f, s);
	} else if (strcmp(state, "SUSPECT") == 0) {
		put_tonight(f, s);
		fputs("; one night alone is no verdict: run the test again", f);
	} else if (*reason) {
		fprintf(f, ": %s", reason);
	}
	/* Of that label another one may be measured now. */
	if (json_is_true(json_object_get(s, "gone")))
		fprintf(f, "; until hcbench history ack %s", hcb_check_str(s, "key"));
	else
		fprintf(f, "; hcbench check explain %s", label);
}

char *hcb_check_line_text(const json_t *doc, const json_t *series)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return NULL;
	hcb_check_line(f, doc, series);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

void hcb_check_headline(FILE *f, const json_t *doc)
{
	static const struct {
		const char *key, *text;
	} parts[] = {
	        {"regression", "worse"},    {"environment", "moved with the environment"},
	        {"suspect", "suspect"},     {"improved", "better"},
	        {"recovered", "recovered"}, {"learning", "learning"},
	        {"invalid", "not valid"},   {"missed", "not measured"},
	};
	const json_t *n = json_object_get(doc, "counts"),
	             *e = json_object_get(doc, "environment");
	fprintf(f, "%s: night %s, %.0f series gated, %.0f judged",
	        hcb_check_str(doc, "verdict"), hcb_check_str(doc, "night"),
	        hcb_check_num(n, "gated"), hcb_check_num(n, "judged"));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (hcb_check_num(n, parts[i].key) > 0)
			fprintf(f, ", %.0f %s", hcb_check_num(n, parts[i].key),
			        parts[i].text);
	fprintf(f, "; %.0f of %.0f controls judged", hcb_check_num(e, "controls_judged"),
	        hcb_check_num(e, "controls"));
}
