/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people decide about the history, and what was said of it: each a small file first,
 * so that a rebuild knows it.
 */
#include <errno.h>
#include <math.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/core/atomic_file.h"
#include "bench/history.h"
#include "bench/history_acts.h"
#include "bench/history_db.h"
#include "bench/result.h"

static const char *str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static int64_t num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static double real(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

/* ---- applying ---- */

static int apply_ack(struct hcb_history *h, const json_t *a, struct hcb_err *err)
{
	return hcb_db_run(
	        h->db, err,
	        "INSERT OR REPLACE INTO ack(series, night, t, who, why) VALUES(?1, "
	        "?2, ?3, ?4, ?5)",
	        "ssiss", str(a, "series"), str(a, "night"), num(a, "t"), str(a, "who"),
	        str(a, "why"));
}

static int apply_link(struct hcb_history *h, const json_t *a, struct hcb_err *err)
{
	return hcb_db_run(
	        h->db, err,
	        "INSERT OR REPLACE INTO link(series, old, t, who) VALUES(?1, ?2, "
	        "?3, ?4)",
	        "ssis", str(a, "series"), str(a, "old"), num(a, "t"), str(a, "who"));
}

static int apply_calibration(struct hcb_history *h, const json_t *a, struct hcb_err *err)
{
	const json_t *v = json_object_get(a, "h");
	return hcb_db_run(
	        h->db, err,
	        "INSERT OR REPLACE INTO calibration(series, h10, h14, h20, h30, "
	        "seed, budget, nights, t, who) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, "
	        "?8, ?9, ?10)",
	        "sddddidiis", str(a, "series"), json_number_value(json_array_get(v, 0)),
	        json_number_value(json_array_get(v, 1)),
	        json_number_value(json_array_get(v, 2)),
	        json_number_value(json_array_get(v, 3)), num(a, "seed"),
	        real(a, "budget"), num(a, "nights"), num(a, "t"), str(a, "who"));
}

static int apply_reset(struct hcb_history *h, const json_t *a, struct hcb_err *err)
{
	return hcb_db_run(h->db, err, "DELETE FROM calibration WHERE series = ?1", "s",
	                  str(a, "series"));
}

static int apply_check(struct hcb_history *h, const json_t *c, struct hcb_err *err)
{
	size_t i;
	json_t *g;
	int r = 0;
	json_array_foreach(json_object_get(c, "series"), i, g)
	{
		const json_t *w = json_object_get(g, "window"),
		             *b = json_object_get(g, "baseline");
		r = r ? r
		      : hcb_db_run(h->db, err,
		                   "INSERT OR REPLACE INTO verdict(night, series, state, "
		                   "z, m, "
		                   "n, h, effect, mde, baseline_from, baseline_to) "
		                   "VALUES(?1, "
		                   "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
		                   "sssdiidddss", str(c, "night"), str(g, "key"),
		                   str(g, "state"), real(w, "z"), num(w, "nights"),
		                   num(b, "nights"), real(w, "h"), real(g, "effect"),
		                   real(g, "mde"), str(b, "from"), str(b, "to"));
	}
	return r;
}

/* The results are no longer among those that are read. */
static int apply_nothing(struct hcb_history *h, const json_t *a, struct hcb_err *err)
{
	(void)h;
	(void)a;
	(void)err;
	return 0;
}

static const struct {
	const char *what;
	int (*apply)(struct hcb_history *h, const json_t *act, struct hcb_err *err);
	const char *strings[4]; /* members it cannot do without */
} acts[] = {
        {"ack", apply_ack, {"series", "night", "why"}},
        {"link", apply_link, {"series", "old"}},
        {"calibration", apply_calibration, {"series"}},
        {"calibration-reset", apply_reset, {"series"}},
        {"drop-night", apply_nothing, {"night"}},
};

int hcb_history_apply(struct hcb_history *h, const json_t *act, struct hcb_err *err)
{
	const char *kind = str(act, "kind"), *what = str(act, "act");
	if (kind && strcmp(kind, "check") == 0 && str(act, "night"))
		return apply_check(h, act, err);
	for (size_t i = 0; what && i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (strcmp(acts[i].what, what) != 0)
			continue;
		for (size_t k = 0; acts[i].strings[k]; k++)
			if (!str(act, acts[i].strings[k]))
				return hcb_err_set(err, -EINVAL, "%s without %s", what,
				                   acts[i].strings[k]);
		return acts[i].apply(h, act, err);
	}
	return hcb_err_set(err, -EINVAL, "no act of the history");
}

/* ---- deciding ---- */

static const char *who(void)
{
	const struct passwd *p = getpwuid(getuid());
	return p ? p->pw_name : "unknown";
}

json_t *hcb_history_act(const char *what, const struct hcb_history_series *of,
                        int64_t now)
{
	json_t *a = hcb_json_document("history", false);
	json_object_set_new(a, "act", json_string(what));
	if (of) {
		json_object_set_new(a, "series", json_string(of->key));
		json_object_set_new(a, "label", json_string(of->label));
	}
	json_object_set_new(a, "t", json_integer(now));
	json_object_set_new(a, "who", json_string(who()));
	return a;
}

static int write_file(struct hcb_history *h, json_t *act, const char *dir,
                      const char *name, struct hcb_err *err)
{
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", h->dir, dir);
	int r = hcb_history_mkdirs(path, err);
	snprintf(path, sizeof(path), "%s/%s/%s", h->dir, dir, name);
	return r ? r : hcb_write_json_atomic(path, act, err);
}

static void act_name(const json_t *act, const char *subject, char *out, size_t size)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	snprintf(out, size, "%012lld%09ld-%s-%s.json", (long long)ts.tv_sec, ts.tv_nsec,
	         str(act, "act"), subject);
}

int hcb_history_act_write(struct hcb_history *h, json_t *act, const char *subject,
                          struct hcb_err *err)
{
	char name[128];
	act_name(act, subject, name, sizeof(name));
	return h->dir[0] ? write_file(h, act, "acts", name, err) : 0;
}

/* Takes act over. The name sorts by time: a later act of the same kind replaces an
   earlier one, also when a rebuild reads them. */
static int keep(struct hcb_history *h, json_t *act, const char *dir, const char *name,
                struct hcb_err *err)
{
	int r = hcb_db_begin(h->db, err);
	if (r) {
		json_decref(act);
		return r;
	}
	r = hcb_history_apply(h, act, err);
	if (!r && h->dir[0])
		r = write_file(h, act, dir, name, err);
	json_decref(act);
	return hcb_db_end(h->db, r, err);
}

static int keep_act(struct hcb_history *h, json_t *act, struct hcb_err *err)
{
	char name[128];
	act_name(act, str(act, "series"), name, sizeof(name));
	return keep(h, act, "acts", name, err);
}

int hcb_history_ack(struct hcb_history *h, const struct hcb_history_series *s,
                    const char *why, int64_t now, struct hcb_err *err)
{
	json_t *a = hcb_history_act("ack", s, now);
	json_object_set_new(a, "night", json_string(s->last));
	json_object_set_new(a, "why", json_string(why));
	return keep_act(h, a, err);
}

static int take_one(void *arg, const struct hcb_row *row)
{
	snprintf(arg, HCB_HISTORY_HASH, "%s", hcb_row_text(row, 0));
	return 0;
}

/* Would `to` be carried over from itself? */
static int check_ring(struct hcb_history *h, const struct hcb_history_series *from,
                      const struct hcb_history_series *to, struct hcb_err *err)
{
	char at[HCB_HISTORY_HASH];
	snprintf(at, sizeof(at), "%s", from->key);
	for (int i = 0; at[0] && i < 1000; i++) {
		if (strcmp(at, to->key) == 0)
			return hcb_err_usage(
			        err,
			        "history link: %s would be carried over from "
			        "itself",
			        to->key);
		char next[HCB_HISTORY_HASH] = "";
		int r = hcb_db_each(h->db, err, take_one, next,
		                    "SELECT old FROM link WHERE series = ?1", "s", at);
		if (r)
			return r;
		memcpy(at, next, sizeof(at));
	}
	return 0;
}

int hcb_history_link(struct hcb_history *h, const struct hcb_history_series *from,
                     const struct hcb_history_series *to, int64_t now,
                     struct hcb_err *err)
{
	if (strcmp(from->metric, to->metric) != 0 || strcmp(from->unit, to->unit) != 0 ||
	    from->more_is_better != to->more_is_better)
		return hcb_err_usage(err, "history link: %s is no %s: another metric",
		                     from->label, to->label);
	if (from->control != to->control)
		return hcb_err_usage(err, "history link: one is a control, one is not");
	if (to->old[0])
		return hcb_err_usage(err,
		                     "history link: %s is carried over from %s already",
		                     to->key, to->old);
	int r = check_ring(h, from, to, err);
	if (r)
		return r;
	json_t *a = hcb_history_act("link", to, now);
	json_object_set_new(a, "old", json_string(from->key));
	r = keep_act(h, a, err);
	if (r == -EEXIST)
		return hcb_err_usage(
		        err,
		        "history link: another series was carried over from %s "
		        "already",
		        from->key);
	return r;
}

int hcb_history_calibrated(struct hcb_history *h, const struct hcb_history_series *s,
                           const struct hcb_gate_conf *conf, double budget, uint64_t seed,
                           size_t nights, int64_t now, struct hcb_err *err)
{
	json_t *a = hcb_history_act("calibration", s, now);
	json_object_set_new(
	        a, "h",
	        json_pack("[ffff]", conf->h[0], conf->h[1], conf->h[2], conf->h[3]));
	json_object_set_new(a, "seed", json_integer((json_int_t)seed));
	json_object_set_new(a, "budget", json_real(budget));
	json_object_set_new(a, "nights", json_integer((json_int_t)nights));
	return keep_act(h, a, err);
}

int hcb_history_uncalibrated(struct hcb_history *h, const struct hcb_history_series *s,
                             int64_t now, struct hcb_err *err)
{
	return keep_act(h, hcb_history_act("calibration-reset", s, now), err);
}

int hcb_history_judged(struct hcb_history *h, json_t *check, struct hcb_err *err)
{
	char name[HCB_HISTORY_NIGHT + 8];
	snprintf(name, sizeof(name), "%s.json", str(check, "night"));
	return keep(h, json_incref(check), "checks", name, err);
}
