/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history list, show, export: what reads it. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/check_internal.h"
#include "bench/cmd/history_verbs.h"
#include "bench/core/units.h"
#include "bench/result.h"

static json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *series_json(const struct hcb_history_series *s)
{
	return json_pack("{ssssssssssss sbsb sI ssss ss?}", "key", s->key, "label",
	                 s->label, "test", s->name, "metric", s->metric, "unit", s->unit,
	                 "direction", s->more_is_better ? "higher" : "lower", "control",
	                 s->control, "carried", s->carried, "nights",
	                 (json_int_t)s->nights, "first", s->first, "last", s->last,
	                 "carried_from", s->old[0] ? s->old : NULL);
}

static int print_json(json_t *doc)
{
	int r = json_dumpf(doc, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
	putchar('\n');
	json_decref(doc);
	return r ? HCB_EXIT_FAILED : HCB_EXIT_OK;
}

int history_list(const struct history_conf *c, const char **words, int n,
                 struct hcb_err *err)
{
	struct hcb_history h;
	struct hcb_history_series *s;
	size_t count;
	(void)words;
	(void)n;
	int r = history_open(c, false, &h, err);
	if (r)
		return r;
	r = hcb_history_all(&h, &s, &count, err);
	hcb_history_close(&h);
	if (r)
		return r;
	json_t *doc = hcb_json_document("history", false), *list = json_array();
	json_object_set_new(doc, "series", list);
	for (size_t i = 0; i < count; i++) {
		if (c->json) {
			json_array_append_new(list, series_json(&s[i]));
			continue;
		}
		if (i == 0)
			printf("%-34s %-16s %7s  %-12s %s\n", "series", "key", "nights",
			       "newest", "");
		printf("%-34s %-16s %7zu  %-12s %s%s%s%s\n", s[i].label, s[i].key,
		       s[i].nights, s[i].last,
		       s[i].control     ? "control"
		       : s[i].rank >= 0 ? "gated by default"
		                        : "",
		       s[i].carried ? " taken over by another" : "",
		       s[i].old[0] ? " carries on " : "", s[i].old);
	}
	free(s);
	if (c->json)
		return print_json(doc);
	json_decref(doc);
	return HCB_EXIT_OK;
}

static void print_night(const struct hcb_walked *w, size_t i, const char *unit)
{
	char value[32];
	const struct hcb_history_night *v = &w->night[i];
	printf("%-12s %12s  %2u %-6s  %-10s %s%s\n", v->night,
	       hcb_fmt_value(value, sizeof(value), v->value, unit), v->n,
	       v->over_runs ? "runs" : "blocks", hcb_gate_state_name(w->result[i].state),
	       v->why, v->ack ? " acknowledged" : "");
}

int history_show(const struct history_conf *c, const char **words, int n,
                 struct hcb_err *err)
{
	struct hcb_history h;
	struct hcb_history_series s;
	struct hcb_walked w = {0};
	(void)n;
	int r = history_open(c, false, &h, err);
	if (r)
		return r;
	r = hcb_history_find(&h, words[0], &s, err);
	r = r ? r : hcb_check_walk(&h, &s, c->night[0] ? c->night : NULL, &w, err);
	hcb_history_close(&h);
	if (r)
		return r;
	if (c->json) {
		json_t *doc = hcb_json_document("history", false), *one = series_json(&s);
		json_object_set_new(one, "values", hcb_check_nights_json(&w, w.n));
		json_object_set_new(doc, "series", json_pack("[o]", one));
		hcb_walked_free(&w);
		return print_json(doc);
	}
	printf("%s (%s)%s\n", s.label, s.key, s.control ? ", control" : "");
	for (size_t i = 0; i < w.n; i++)
		print_night(&w, i, s.unit);
	hcb_walked_free(&w);
	return HCB_EXIT_OK;
}

/* ---- export ---- */

struct column {
	struct hcb_history_series s;
	struct hcb_history_night *v;
	size_t n, at;
	bool twin; /* another column has the same label */
};

static int export_json(struct column *col, size_t n)
{
	json_t *doc = hcb_json_document("history", false), *list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *one = series_json(&col[i].s), *values = json_array();
		for (size_t k = 0; k < col[i].n; k++) {
			const struct hcb_history_night *v = &col[i].v[k];
			json_array_append_new(
			        values,
			        json_pack("{sssosIsssbss?sb}", "night", v->night, "value",
			                  number(v->value), "repetitions",
			                  (json_int_t)v->n, "over",
			                  v->over_runs ? "runs" : "blocks", "valid",
			                  v->valid, "why", v->why[0] ? v->why : NULL,
			                  "ack", v->ack));
		}
		json_object_set_new(one, "values", values);
		json_array_append_new(list, one);
	}
	json_object_set_new(doc, "series", list);
	return print_json(doc);
}

/* RFC 4180: quoted where it has to be. */
static void put_field(const char *text)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		fputs(text, stdout);
		return;
	}
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

static const char *least_night(const struct column *col, size_t n)
{
	const char *least = NULL;
	for (size_t i = 0; i < n; i++)
		if (col[i].at < col[i].n &&
		    (!least || strcmp(col[i].v[col[i].at].night, least) < 0))
			least = col[i].v[col[i].at].night;
	return least;
}

/* A line a night, a column a series, nothing where a night was not valid: what
   `otava analyze` of a CSV test with time_column "time" reads. */
static int export_csv(struct column *col, size_t n)
{
	const char *night;
	fputs("time", stdout);
	for (size_t i = 0; i < n; i++) {
		char name[HCB_HISTORY_NAME + 64 + HCB_HISTORY_HASH];
		snprintf(name, sizeof(name), "%s%s%s", col[i].s.label,
		         col[i].twin ? "@" : "", col[i].twin ? col[i].s.key : "");
		putchar(',');
		put_field(name);
	}
	putchar('\n');
	while ((night = least_night(col, n))) {
		char now[HCB_HISTORY_NIGHT];
		snprintf(now, sizeof(now), "%s", night);
		put_field(now);
		for (size_t i = 0; i < n; i++) {
			struct column *c = &col[i];
			putchar(',');
			if (!c->v || c->at == c->n || strcmp(c->v[c->at].night, now) != 0)
				continue;
			if (c->v[c->at].valid)
				printf("%.17g", c->v[c->at].value);
			c->at++;
		}
		putchar('\n');
	}
	return HCB_EXIT_OK;
}

static void mark_twins(struct column *col, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(col[i].s.label, col[i - 1].s.label) == 0)
			col[i].twin = col[i - 1].twin = true;
}

int history_export(const struct history_conf *c, const char **words, int n,
                   struct hcb_err *err)
{
	struct hcb_history h;
	struct hcb_history_series *s = NULL;
	size_t count = 0, used = 0;
	(void)words;
	(void)n;
	int r = history_open(c, false, &h, err);
	if (r)
		return r;
	r = hcb_history_all(&h, &s, &count, err);
	struct column *col = calloc(count + 1, sizeof(*col));
	if (!r && !col)
		r = hcb_err_sys(err, -ENOMEM, "export the history");
	for (size_t i = 0; !r && i < count; i++) {
		if (s[i].carried)
			continue;
		col[used].s = s[i];
		r = hcb_history_nights(&h, s[i].key, &col[used].v, &col[used].n, err);
		used++;
	}
	hcb_history_close(&h);
	if (!r) {
		mark_twins(col, used);
		r = c->csv ? export_csv(col, used) : export_json(col, used);
	}
	while (used)
		free(col[--used].v);
	free(col);
	free(s);
	return r;
}
