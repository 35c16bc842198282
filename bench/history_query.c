/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the history is asked. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/core/opt.h"
#include "bench/history.h"
#include "bench/history_db.h"

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

/* ---- series ---- */

struct series_list {
	struct hcb_history_series *s;
	size_t n, room;
};

static int take_series(void *arg, const struct hcb_row *row)
{
	struct series_list *l = arg;
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		void *more = realloc(l->s, room * sizeof(*l->s));
		if (!more)
			return -ENOMEM;
		l->s = more;
		l->room = room;
	}
	struct hcb_history_series *s = &l->s[l->n++];
	memset(s, 0, sizeof(*s));
	s->id = hcb_row_int(row, 0);
	copy(s->key, sizeof(s->key), hcb_row_text(row, 1));
	copy(s->name, sizeof(s->name), hcb_row_text(row, 2));
	copy(s->metric, sizeof(s->metric), hcb_row_text(row, 3));
	snprintf(s->label, sizeof(s->label), "%s.%s", s->name, s->metric);
	copy(s->unit, sizeof(s->unit), hcb_row_text(row, 4));
	s->more_is_better = hcb_row_int(row, 5) != 0;
	s->rank = (int)hcb_row_int(row, 6);
	s->control = hcb_row_int(row, 7) != 0;
	copy(s->fingerprint, sizeof(s->fingerprint), hcb_row_text(row, 8));
	copy(s->first, sizeof(s->first), hcb_row_text(row, 9));
	copy(s->last, sizeof(s->last), hcb_row_text(row, 10));
	s->nights = (size_t)hcb_row_int(row, 11);
	copy(s->old, sizeof(s->old), hcb_row_text(row, 12));
	s->carried = hcb_row_int(row, 13) != 0;
	return 0;
}

int hcb_history_all(struct hcb_history *h, struct hcb_history_series **out, size_t *n,
                    struct hcb_err *err)
{
	struct series_list l = {0};
	int r = hcb_db_each(
	        h->db, err, take_series, &l,
	        "SELECT s.id, s.key, s.name, s.metric, s.unit, s.more, s.rank, "
	        "s.control, "
	        "f.hash, (SELECT min(night) FROM night WHERE series = s.id), (SELECT "
	        "max(night) FROM night WHERE series = s.id) AS newest, (SELECT count(*) "
	        "FROM "
	        "night WHERE series = s.id), l.old, EXISTS(SELECT 1 FROM link WHERE old "
	        "= "
	        "s.key) FROM series s JOIN fingerprint f ON f.id = s.fingerprint LEFT "
	        "JOIN "
	        "link l ON l.series = s.key ORDER BY s.name, s.metric, newest DESC, "
	        "s.key",
	        "");
	if (r == -ENOMEM)
		hcb_err_sys(err, r, "read the history");
	if (r) {
		free(l.s);
		l = (struct series_list){0};
	}
	*out = l.s;
	*n = l.n;
	return r;
}

static bool is_key(const char *word)
{
	size_t n = strlen(word);
	return n >= 4 && n < HCB_HISTORY_HASH && strspn(word, "0123456789abcdef") == n;
}

static const char *nearest_label(const char *word, const struct hcb_history_series *s,
                                 size_t n)
{
	const char **labels = calloc(n + 1, sizeof(*labels));
	for (size_t i = 0; labels && i < n; i++)
		labels[i] = s[i].label;
	const char *near = labels ? hcb_nearest(word, labels, n) : NULL;
	free(labels);
	return near;
}

static int pick(const char *word, const struct hcb_history_series *s, size_t n,
                struct hcb_history_series *out, struct hcb_err *err)
{
	const struct hcb_history_series *found = NULL;
	for (int by_key = 0; !found && by_key < 2; by_key++) {
		for (size_t i = 0; i < n; i++) {
			bool hit = by_key ? is_key(word) && strncmp(s[i].key, word,
			                                            strlen(word)) == 0
			                  : strcmp(s[i].label, word) == 0;
			if (!hit)
				continue;
			if (!found || strcmp(s[i].last, found->last) > 0) {
				found = &s[i];
			} else if (by_key || strcmp(s[i].last, found->last) == 0) {
				return hcb_err_usage(err,
				                     "history: \"%s\" is %s and %s; name "
				                     "it by its key",
				                     word, found->key, s[i].key);
			}
		}
	}
	if (found) {
		*out = *found;
		return 0;
	}
	const char *near = nearest_label(word, s, n);
	return hcb_err_usage(err, "history: no series \"%s\"%s%s%s", word,
	                     near ? "; did you mean \"" : "", near ? near : "",
	                     near ? "\"?" : "; \"hcbench history list\" shows them");
}

int hcb_history_find(struct hcb_history *h, const char *word,
                     struct hcb_history_series *out, struct hcb_err *err)
{
	struct hcb_history_series *s;
	size_t n;
	int r = hcb_history_all(h, &s, &n, err);
	r = r ? r : pick(word, s, n, out, err);
	free(s);
	return r;
}

/* ---- nights ---- */

struct night_list {
	struct hcb_history_night *v;
	size_t n, room;
};

static int take_night_row(void *arg, const struct hcb_row *row)
{
	struct night_list *l = arg;
	const char *night = hcb_row_text(row, 0), *over = hcb_row_text(row, 3),
	           *why = hcb_row_text(row, 4);
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 256;
		void *more = realloc(l->v, room * sizeof(*l->v));
		if (!more)
			return -ENOMEM;
		l->v = more;
		l->room = room;
	}
	struct hcb_history_night *v = &l->v[l->n];
	memset(v, 0, sizeof(*v));
	copy(v->night, sizeof(v->night), night);
	v->value = hcb_row_real(row, 1);
	v->n = (unsigned)hcb_row_int(row, 2);
	v->over_runs = over && strcmp(over, "runs") == 0;
	copy(v->why, sizeof(v->why), why);
	v->rerun = hcb_row_real(row, 5);
	v->ack = hcb_row_int(row, 6) != 0;
	v->valid = !why && v->value > 0 && isfinite(v->value);
	if (!why && !v->valid)
		copy(v->why, sizeof(v->why), "not over 0");
	/* On the night of a change both series may have one; the newer series' counts,
	   which comes last. */
	if (l->n && strcmp(l->v[l->n - 1].night, v->night) == 0) {
		bool ack = l->v[l->n - 1].ack || v->ack;
		if (v->valid || !l->v[l->n - 1].valid)
			l->v[l->n - 1] = *v;
		l->v[l->n - 1].ack = ack;
		return 0;
	}
	l->n++;
	return 0;
}

int hcb_history_nights(struct hcb_history *h, const char *key,
                       struct hcb_history_night **out, size_t *n, struct hcb_err *err)
{
	struct night_list l = {0};
	/* depth bounds what a ring of links, which `link` refuses, would do. */
	int r = hcb_db_each(
	        h->db, err, take_night_row, &l,
	        "WITH RECURSIVE chain(key, depth) AS (SELECT ?1, 0 UNION ALL SELECT "
	        "l.old, "
	        "c.depth + 1 FROM chain c JOIN link l ON l.series = c.key WHERE c.depth "
	        "< "
	        "1000) SELECT n.night, n.value, n.n, n.over, n.why, n.rerun, "
	        "EXISTS(SELECT 1 "
	        "FROM ack a JOIN chain ca ON ca.key = a.series WHERE a.night = n.night) "
	        "FROM chain c JOIN series s ON s.key = c.key JOIN night n ON n.series "
	        "= s.id ORDER BY n.night, c.depth DESC",
	        "s", key);
	if (r == -ENOMEM)
		hcb_err_sys(err, r, "read the history");
	if (r) {
		free(l.v);
		l = (struct night_list){0};
	}
	*out = l.v;
	*n = l.n;
	return r;
}

static int take_text(void *arg, const struct hcb_row *row)
{
	char **out = arg;
	const char *t = hcb_row_text(row, 0);
	free(*out);
	*out = t ? strdup(t) : NULL;
	return 0;
}

int hcb_history_newest(struct hcb_history *h, char night[HCB_HISTORY_NIGHT],
                       struct hcb_err *err)
{
	char *text = NULL;
	int r = hcb_db_each(h->db, err, take_text, &text, "SELECT max(night) FROM run",
	                    "");
	copy(night, HCB_HISTORY_NIGHT, text);
	free(text);
	return r;
}

/* ---- environments ---- */

static int take_environment(void *arg, const struct hcb_row *row)
{
	json_t **out = arg;
	*out = json_pack("{sososo}", "fingerprint",
	                 json_loads(hcb_row_text(row, 0), 0, NULL), "details",
	                 json_loads(hcb_row_text(row, 1), 0, NULL), "workload",
	                 json_loads(hcb_row_text(row, 2), 0, NULL));
	return 1;
}

json_t *hcb_history_environment(struct hcb_history *h, const char *key, const char *night,
                                struct hcb_err *err)
{
	json_t *out = NULL;
	hcb_db_each(
	        h->db, err, take_environment, &out,
	        "WITH RECURSIVE chain(key, depth) AS (SELECT ?1, 0 UNION ALL SELECT "
	        "l.old, c.depth + 1 FROM chain c JOIN link l ON l.series = c.key WHERE "
	        "c.depth < 1000) SELECT f.json, d.json, w.json FROM chain c JOIN series "
	        "s ON "
	        "s.key "
	        "= c.key JOIN sample p ON p.series = s.id JOIN run r ON r.id = p.run "
	        "JOIN "
	        "fingerprint f ON f.id = r.fingerprint JOIN fingerprint d ON d.id = "
	        "r.details JOIN workload w ON w.id = r.workload WHERE r.night = ?2 ORDER "
	        "BY c.depth, r.t_start, r.uid LIMIT 1",
	        "ss", key, night);
	return out;
}

json_t *hcb_history_fingerprint(struct hcb_history *h, const char *hash,
                                struct hcb_err *err)
{
	char *text = NULL;
	int r = hcb_db_each(h->db, err, take_text, &text,
	                    "SELECT json FROM fingerprint WHERE hash = ?1", "s", hash);
	json_t *out = r || !text ? NULL : json_loads(text, 0, NULL);
	free(text);
	return out;
}

char *hcb_history_command(struct hcb_history *h, const char *key, const char *night)
{
	char *path = NULL, full[1024], *command = NULL;
	hcb_db_each(
	        h->db, NULL, take_text, &path,
	        "SELECT r.path FROM series s JOIN sample p ON p.series = s.id JOIN run r "
	        "ON r.id = p.run WHERE s.key = ?1 AND r.night = ?2 AND r.rerun = 0 ORDER "
	        "BY r.t_start, r.uid LIMIT 1",
	        "ss", key, night);
	if (path && h->dir[0]) {
		snprintf(full, sizeof(full), "%s/%s", h->dir, path);
		json_t *doc = json_load_file(full, 0, NULL);
		const char *c = json_string_value(
		        json_object_get(json_object_get(doc, "run"), "command"));
		command = c ? strdup(c) : NULL;
		json_decref(doc);
	}
	free(path);
	return command;
}

/* A value as one word or a short text. */
static json_t *plain(const json_t *v)
{
	if (!v)
		return json_null();
	if (json_is_string(v))
		return json_string(json_string_value(v));
	char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS |
	                                   JSON_REAL_PRECISION(6));
	json_t *out = text ? json_string(text) : json_null();
	free(text);
	return out;
}

static void diff(const char *at, const json_t *from, const json_t *to, json_t *array)
{
	char path[256];
	const char *key;
	json_t *v;
	if (from && to && json_equal(from, to))
		return;
	if (json_is_object(from) && json_is_object(to)) {
		/* The cast drops a const that jansson's macros do not know. */
		json_object_foreach((json_t *)(uintptr_t)from, key, v)
		{
			snprintf(path, sizeof(path), "%s%s%s", at, *at ? "." : "", key);
			diff(path, v, json_object_get(to, key), array);
		}
		json_object_foreach((json_t *)(uintptr_t)to, key, v)
		{
			if (json_object_get(from, key))
				continue;
			snprintf(path, sizeof(path), "%s%s%s", at, *at ? "." : "", key);
			diff(path, NULL, v, array);
		}
		return;
	}
	if (json_is_array(from) && json_is_array(to) &&
	    json_array_size(from) == json_array_size(to)) {
		for (size_t i = 0; i < json_array_size(from); i++) {
			snprintf(path, sizeof(path), "%s[%zu]", at, i);
			diff(path, json_array_get(from, i), json_array_get(to, i), array);
		}
		return;
	}
	json_array_append_new(array, json_pack("{sssoso}", "field", at, "from",
	                                       plain(from), "to", plain(to)));
}

void hcb_history_diff(const json_t *from, const json_t *to, json_t *array)
{
	static const char *const parts[] = {"workload", "fingerprint", "details"};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const json_t *a = json_object_get(from, parts[i]),
		             *b = json_object_get(to, parts[i]);
		if (a && b)
			diff("", a, b, array);
	}
}

/* ---- calibrations, clocks ---- */

static int take_conf(void *arg, const struct hcb_row *row)
{
	struct hcb_gate_conf *conf = arg;
	for (int i = 0; i < 4; i++)
		conf->h[i] = hcb_row_real(row, i);
	return 1;
}

bool hcb_history_conf(struct hcb_history *h, const struct hcb_history_series *s,
                      struct hcb_gate_conf *conf)
{
	*conf = hcb_gate_defaults(hcb_history_kind(s->metric, s->more_is_better));
	return hcb_db_each(h->db, NULL, take_conf, conf,
	                   "SELECT h10, h14, h20, h30 FROM calibration WHERE series = ?1",
	                   "s", s->key) == 1;
}

struct clock_walk {
	char night[HCB_HISTORY_NIGHT];
	int64_t first; /* of the night after the row at hand; rows come newest first */
	json_t *warnings;
};

static int take_clock(void *arg, const struct hcb_row *row)
{
	struct clock_walk *w = arg;
	const char *night = hcb_row_text(row, 0);
	int64_t last = hcb_row_int(row, 2);
	if (w->night[0] && last > w->first)
		json_array_append_new(
		        w->warnings,
		        json_sprintf(
		                "a clock jumped: night %s has runs that are later than "
		                "those of night %s; nights are in the order of their ids",
		                night, w->night));
	copy(w->night, sizeof(w->night), night);
	w->first = hcb_row_int(row, 1);
	return 0;
}

int hcb_history_clock_jumps(struct hcb_history *h, json_t *warnings, struct hcb_err *err)
{
	struct clock_walk w = {.warnings = warnings};
	return hcb_db_each(
	        h->db, err, take_clock, &w,
	        "SELECT night, min(t_start), max(t_start) FROM run WHERE t_start >= "
	        "0 AND night IN (SELECT DISTINCT night FROM run ORDER BY night DESC "
	        "LIMIT 60) GROUP BY night ORDER BY night DESC",
	        "");
}
