/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which series are gated, what the night is as a whole, what the command exits with. */
#include "bench/check.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/check_internal.h"
#include "bench/history_db.h"
#include "bench/result.h"

struct check {
	struct hcb_history *h;
	const struct hcb_check_opts *o;
	char night[HCB_HISTORY_NIGHT], previous[HCB_HISTORY_NIGHT],
	        alive[HCB_HISTORY_NIGHT]; /* the oldest night of a series that is missed
	                                   */
	struct hcb_history_series *all;
	size_t n_all;
	struct hcb_check_one *one;
	size_t n;
	enum hcb_gate_environment environment;
	json_t *warnings;
};

static void warn(struct check *c, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));
static void warn(struct check *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(c->warnings, json_string(text));
}

/* ---- nights ---- */

struct last_nights {
	struct check *c;
	int n;
};

static int take_night(void *arg, const struct hcb_row *row)
{
	struct last_nights *l = arg;
	const char *night = hcb_row_text(row, 0);
	if (l->n == 1)
		snprintf(l->c->previous, sizeof(l->c->previous), "%s", night);
	snprintf(l->c->alive, sizeof(l->c->alive), "%s", night);
	l->n++;
	return 0;
}

static int find_nights(struct check *c, struct hcb_err *err)
{
	int r = 0;
	struct last_nights l = {.c = c};
	if (c->o->night)
		snprintf(c->night, sizeof(c->night), "%s", c->o->night);
	else
		r = hcb_history_newest(c->h, c->night, err);
	r = r ? r
	      : hcb_db_each(
	                c->h->db, err, take_night, &l,
	                "SELECT DISTINCT night FROM run WHERE night <= ?1 ORDER BY night "
	                "DESC LIMIT 8",
	                "s", c->night);
	if (!r && (!l.n || (l.n == 1 && strcmp(c->alive, c->night) != 0)))
		r = hcb_err_set(err, -ENOENT, "check: no night %s%sin the history",
		                c->night, c->night[0] ? " " : "");
	if (r == -ENOENT && err)
		err->exit = HCB_EXIT_NO_HISTORY;
	return r;
}

/* ---- which series ---- */

/* Which series has measured the same metric of the same test since, in another
   environment? NULL: none. */
static const struct hcb_history_series *successor(const struct check *c,
                                                  const struct hcb_history_series *s)
{
	const struct hcb_history_series *found = NULL;
	for (size_t i = 0; i < c->n_all; i++)
		if (strcmp(c->all[i].label, s->label) == 0 &&
		    strcmp(c->all[i].key, s->key) != 0 &&
		    strcmp(c->all[i].last, found ? found->last : s->last) > 0)
			found = &c->all[i];
	return found;
}

static bool asked_for(const struct check *c, const struct hcb_history_series *s)
{
	for (size_t i = 0; i < c->o->n_gate; i++)
		if (strcmp(c->o->gate[i], s->label) == 0 ||
		    (strlen(c->o->gate[i]) >= 4 &&
		     strncmp(s->key, c->o->gate[i], strlen(c->o->gate[i])) == 0))
			return true;
	return false;
}

/* Order of the document: controls last, gated by rank over all tests; what is gone
   before what has its place. */
static int by_rank(const void *a, const void *b)
{
	const struct hcb_check_one *x = a, *y = b;
	if (x->s.control != y->s.control)
		return x->s.control ? 1 : -1;
	unsigned rx = (unsigned)x->s.rank, ry = (unsigned)y->s.rank; /* -1: last */
	if (rx != ry)
		return rx < ry ? -1 : 1;
	int d = strcmp(x->s.label, y->s.label);
	if (!d && x->gone != y->gone)
		return x->gone ? -1 : 1;
	return d ? d : strcmp(x->s.key, y->s.key);
}

/* How it stands tonight, INVALID if it was not measured. An `ack` of tonight has made its
   level the baseline. */
static enum hcb_gate_state state_of(const struct hcb_check_one *one)
{
	const struct hcb_gate_result *r = hcb_check_last(one);
	if (!one->tonight)
		return HCB_GATE_INVALID;
	return r->state == r->episode ? hcb_check_episode(one) : r->state;
}

/* s as the next one of the night's, if it is one of ours. */
static int take_one(struct check *c, const struct hcb_history_series *s,
                    struct hcb_err *err)
{
	bool wanted = asked_for(c, s) || (c->o->also && strcmp(c->o->also, s->key) == 0);
	if (s->carried || strcmp(s->first, c->night) > 0 ||
	    (s->rank < 0 && !wanted && !c->o->all))
		return 0;
	const struct hcb_history_series *next =
	        strcmp(s->last, c->night) < 0 ? successor(c, s) : NULL;
	bool over = next || strcmp(s->last, c->alive) < 0;
	if (over && !wanted && (s->control || s->rank < 0))
		return 0;
	struct hcb_check_one *one = &c->one[c->n];
	one->s = *s;
	int r = hcb_check_walk(c->h, s, c->night, &one->w, err);
	if (r)
		return r;
	/* A regression does not go away because nobody measures it any more. */
	one->gone = over && !s->control && hcb_check_red(one);
	if (over && !wanted && !one->gone) {
		hcb_walked_free(&one->w);
		return 0;
	}
	c->n++;
	if (one->gone && next)
		memcpy(one->successor, next->key, sizeof(one->successor));
	one->tonight =
	        one->w.n && strcmp(one->w.night[one->w.n - 1].night, c->night) == 0;
	snprintf(one->state, sizeof(one->state), "%s",
	         one->tonight ? hcb_gate_state_name(state_of(one)) : "MISSED");
	return 0;
}

static int take_series(struct check *c, struct hcb_err *err)
{
	int r = hcb_history_all(c->h, &c->all, &c->n_all, err);
	c->one = r ? NULL : calloc(c->n_all + 1, sizeof(*c->one));
	if (!r && !c->one)
		r = hcb_err_sys(err, -ENOMEM, "check");
	for (size_t i = 0; !r && i < c->n_all; i++)
		r = take_one(c, &c->all[i], err);
	if (!r)
		qsort(c->one, c->n, sizeof(*c->one), by_rank);
	return r;
}

/* Too coarse to gate: it would be green whatever happens below that. */
static bool coarse(const struct hcb_check_one *one)
{
	const struct hcb_gate_result *r = hcb_check_last(one);
	/* Infinite: nothing that happens is found within the nights that count. */
	return r && !isnan(r->mde) && r->mde > HCB_CHECK_MDE;
}

static const char *finds(const struct hcb_check_one *one, char *buf, size_t size)
{
	double mde = hcb_check_last(one)->mde;
	if (isinf(mde))
		snprintf(buf, size, "no change is large enough for it to find");
	else
		snprintf(buf, size,
		         "the smallest change it can find is %.0f %%, over %.0f %%",
		         100 * mde, 100 * HCB_CHECK_MDE);
	return buf;
}

static int gate_asked(struct check *c, struct hcb_err *err)
{
	char text[80];
	size_t gated = 0;
	for (size_t k = 0; k < c->o->n_gate; k++) {
		struct hcb_history_series s;
		bool there = false;
		int r = hcb_history_find(c->h, c->o->gate[k], &s, err);
		if (r)
			return r;
		for (size_t i = 0; i < c->n; i++) {
			struct hcb_check_one *one = &c->one[i];
			if (strcmp(one->s.key, s.key) != 0)
				continue;
			there = true;
			if (coarse(one) && !hcb_check_red(one))
				return hcb_err_usage(err, "check --gate %s: %s: no gate",
				                     c->o->gate[k],
				                     finds(one, text, sizeof(text)));
			gated += !one->gated;
			one->gated = true;
		}
		if (!there)
			return hcb_err_usage(err,
			                     "check --gate %s: has no night up to %s, or "
			                     "another series has taken it over",
			                     c->o->gate[k], c->night);
	}
	if (gated > HCB_CHECK_MOST)
		return hcb_err_usage(err, "check --gate: %zu series, at most %d", gated,
		                     HCB_CHECK_MOST);
	/* By its label: also what has that label no longer. */
	for (size_t i = 0; i < c->n; i++)
		c->one[i].gated |= c->one[i].gone && asked_for(c, &c->one[i].s);
	return 0;
}

static void gate_default(struct check *c)
{
	char text[80];
	size_t gated = 0;
	for (size_t i = 0; i < c->n; i++) {
		struct hcb_check_one *one = &c->one[i];
		if (one->s.control || one->s.rank < 0)
			continue;
		if (one->gone) {
			/* Its false alarms are over: it takes nobody's place. */
			one->gated = gated < HCB_CHECK_MOST;
		} else if (gated == HCB_CHECK_MOST) {
			warn(c, "%s is not gated: %d are already", one->s.label,
			     HCB_CHECK_MOST);
		} else if (coarse(one) && !hcb_check_red(one)) {
			warn(c, "%s is not gated: %s", one->s.label,
			     finds(one, text, sizeof(text)));
		} else {
			one->gated = true;
			gated++;
		}
	}
}

/* ---- the environment ---- */

static unsigned group_of(const struct check *c, size_t i)
{
	for (unsigned k = 0; k < i; k++)
		if (strcmp(c->one[k].s.name, c->one[i].s.name) == 0)
			return k;
	return (unsigned)i;
}

static struct hcb_gate_voice voice(const struct check *c, size_t i)
{
	const struct hcb_check_one *one = &c->one[i];
	struct hcb_gate_voice silent = {.group = group_of(c, i)};
	return one->tonight
	               ? hcb_gate_voice(hcb_check_last(one), one->w.n - 1, silent.group)
	               : silent;
}

static int judge_environment(struct check *c, struct hcb_err *err)
{
	struct hcb_gate_voice *controls = calloc(c->n + 1, sizeof(*controls)),
	                      *metrics = calloc(c->n + 1, sizeof(*metrics));
	size_t nc = 0, nm = 0;
	if (!controls || !metrics) {
		free(controls);
		free(metrics);
		return hcb_err_sys(err, -ENOMEM, "check");
	}
	for (size_t i = 0; i < c->n; i++) {
		if (c->one[i].s.control)
			controls[nc++] = voice(c, i);
		else if (c->one[i].s.rank >= 0)
			metrics[nm++] = voice(c, i);
	}
	c->environment = hcb_gate_environment(controls, nc, metrics, nm);
	free(controls);
	free(metrics);
	for (size_t i = 0; i < c->n; i++) {
		struct hcb_check_one *one = &c->one[i];
		const struct hcb_gate_result *r = hcb_check_last(one);
		/* Only while it is young: what has lasted is worse, whatever else is, and
		   a control that stays moved must not hold it back for ever. */
		one->suppressed = c->environment != HCB_GATE_STEADY && one->tonight &&
		                  !one->s.control &&
		                  hcb_check_episode(one) == HCB_GATE_REGRESSION &&
		                  r->onset != HCB_GATE_NONE &&
		                  one->w.n - 1 - r->onset < HCB_GATE_WINDOW;
		if (one->suppressed)
			snprintf(one->state, sizeof(one->state), "ENVIRONMENT");
	}
	return 0;
}

static const struct {
	enum hcb_gate_environment e;
	const char *name;
} environments[] = {{HCB_GATE_STEADY, "STEADY"},
                    {HCB_GATE_CONTROL, "CONTROL"},
                    {HCB_GATE_TOGETHER, "TOGETHER"}};

static json_t *environment_json(const struct check *c)
{
	json_t *moved = json_array();
	size_t controls = 0, judged = 0;
	const char *name = "STEADY";
	for (size_t i = 0; i < sizeof(environments) / sizeof(environments[0]); i++)
		if (environments[i].e == c->environment)
			name = environments[i].name;
	for (size_t i = 0; i < c->n; i++) {
		const struct hcb_check_one *one = &c->one[i];
		struct hcb_gate_voice v = voice(c, i);
		controls += one->s.control;
		judged += one->s.control && v.judged;
		if (v.judged && v.moves && (one->s.control || one->s.rank >= 0))
			json_array_append_new(
			        moved,
			        json_pack("{sssssbss}", "key", one->s.key, "label",
			                  one->s.label, "control", one->s.control,
			                  "direction", v.moves > 0 ? "worse" : "better"));
	}
	return json_pack("{sssIsIso}", "verdict", name, "controls", (json_int_t)controls,
	                 "controls_judged", (json_int_t)judged, "moved", moved);
}

/* ---- the verdict ---- */

struct tally {
	size_t gated, judged, red, environment, suspect, invalid, missed, learning,
	        improved, recovered;
};

static struct tally count(const struct check *c)
{
	struct tally t = {0};
	for (size_t i = 0; i < c->n; i++) {
		const struct hcb_check_one *one = &c->one[i];
		if (!one->gated)
			continue;
		enum hcb_gate_state s = state_of(one);
		bool learning = s == HCB_GATE_LEARNING;
		t.gated++;
		t.red += hcb_check_red(one);
		t.environment += one->suppressed;
		t.missed += !one->tonight;
		t.invalid += one->tonight && s == HCB_GATE_INVALID;
		t.learning += learning;
		t.suspect += s == HCB_GATE_SUSPECT;
		t.improved += s == HCB_GATE_IMPROVED;
		t.recovered += s == HCB_GATE_RECOVERED;
		t.judged += s != HCB_GATE_INVALID && !learning;
	}
	return t;
}

/* The first that holds. Nothing judged: never OK. */
static const char *verdict(const struct tally *t)
{
	return t->red                                    ? "REGRESSION"
	       : t->environment                          ? "ENVIRONMENT"
	       : !t->judged && (t->invalid || t->missed) ? "INVALID"
	       : !t->judged                              ? "LEARNING"
	       : t->suspect                              ? "SUSPECT"
	       : t->recovered                            ? "RECOVERED"
	       : t->improved                             ? "IMPROVED"
	                                                 : "OK";
}

static int exit_of(const char *v, const struct tally *t, enum hcb_gate_environment e,
                   enum hcb_fail_on on)
{
	static const struct {
		const char *verdict;
		int code;
	} codes[] = {{"REGRESSION", HCB_EXIT_REGRESSION},
	             {"ENVIRONMENT", HCB_EXIT_UNSTEADY},
	             {"INVALID", HCB_EXIT_INVALID},
	             {"LEARNING", HCB_EXIT_NO_HISTORY}};
	if (on == HCB_FAIL_NEVER)
		return HCB_EXIT_OK;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(codes[i].verdict, v) == 0)
			return codes[i].code;
	if (on >= HCB_FAIL_SUSPECT && t->suspect)
		return HCB_EXIT_REGRESSION;
	if (on == HCB_FAIL_INCONCLUSIVE) {
		if (t->invalid || t->missed)
			return HCB_EXIT_INVALID;
		if (t->learning)
			return HCB_EXIT_NO_HISTORY;
		if (e != HCB_GATE_STEADY)
			return HCB_EXIT_UNSTEADY;
	}
	return HCB_EXIT_OK;
}

/* The newest night that said something of a gated series, as one to be judged or to learn
   from; empty: none. A run may be valid on a night that is not, with too few of them. */
static const char *last_judged(const struct check *c)
{
	const char *night = "";
	for (size_t k = 0; k < c->n; k++) {
		const struct hcb_walked *w = &c->one[k].w;
		size_t n = c->one[k].gated ? w->n : 0;
		while (n && !w->gate[n - 1].valid)
			n--;
		if (n && strcmp(w->night[n - 1].night, night) > 0)
			night = w->night[n - 1].night;
	}
	return night;
}

/* A silent nightly is the usual failure: when did that night's newest run begin? */
static json_t *last_valid(const struct check *c)
{
	int64_t t = -1;
	hcb_db_int(c->h->db, NULL, -1, &t,
	           "SELECT max(t_start) FROM run WHERE t_start >= 0 AND invalid_reason "
	           "IS NULL "
	           "AND control = 0 AND night = ?1",
	           "s", last_judged(c));
	return t < 0 ? json_null() : json_integer(t);
}

static const char *const fail_names[] = {
        [HCB_FAIL_NEVER] = "never",
        [HCB_FAIL_REGRESSION] = "regression",
        [HCB_FAIL_SUSPECT] = "suspect",
        [HCB_FAIL_INCONCLUSIVE] = "inconclusive",
};

static json_t *document(struct check *c, struct hcb_err *err)
{
	struct tally t = count(c);
	const char *v = verdict(&t);
	json_t *doc = hcb_json_document("check", false), *series = json_array();
	json_object_set_new(doc, "night", json_string(c->night));
	json_object_set_new(doc, "previous_night",
	                    c->previous[0] ? json_string(c->previous) : json_null());
	json_object_set_new(doc, "verdict", json_string(v));
	json_object_set_new(doc, "fail_on", json_string(fail_names[c->o->fail_on]));
	json_object_set_new(doc, "exit_code",
	                    json_integer(exit_of(v, &t, c->environment, c->o->fail_on)));
	json_object_set_new(
	        doc, "counts",
	        json_pack("{sIsIsIsIsIsIsIsIsIsI}", "gated", (json_int_t)t.gated,
	                  "judged", (json_int_t)t.judged, "regression", (json_int_t)t.red,
	                  "environment", (json_int_t)t.environment, "suspect",
	                  (json_int_t)t.suspect, "improved", (json_int_t)t.improved,
	                  "recovered", (json_int_t)t.recovered, "learning",
	                  (json_int_t)t.learning, "invalid", (json_int_t)t.invalid,
	                  "missed", (json_int_t)t.missed));
	json_object_set_new(doc, "environment", environment_json(c));
	json_object_set_new(doc, "last_valid_run_s", last_valid(c));
	for (size_t i = 0; i < c->n; i++)
		json_array_append_new(
		        series,
		        hcb_check_series_json(c->h, &c->one[i], c->all, c->n_all, err));
	json_object_set_new(doc, "series", series);
	json_object_set(doc, "warnings", c->warnings);
	return doc;
}

static void free_check(struct check *c)
{
	for (size_t i = 0; i < c->n; i++)
		hcb_walked_free(&c->one[i].w);
	free(c->one);
	free(c->all);
	json_decref(c->warnings);
}

/* No alarm: nothing happened on any one night, and it is not new. */
static void tell_drift(struct check *c)
{
	struct hcb_check_drift d;
	for (size_t i = 0; i < c->n; i++)
		if (c->one[i].gated && hcb_check_drifted(&c->one[i], &d))
			warn(c,
			     "DRIFT %s: the last %u nights are worse than its first %zu "
			     "by "
			     "%.0f %% (%.0f to %.0f), too slowly for any night to show "
			     "it; "
			     "\"history ack --force\" if that is as it should be",
			     c->one[i].s.label, d.result.m, d.pinned,
			     100 * expm1(d.result.shift), 100 * expm1(d.result.lo),
			     100 * expm1(d.result.hi));
}

json_t *hcb_check(struct hcb_history *h, const struct hcb_check_opts *o,
                  struct hcb_err *err)
{
	struct check c = {.h = h, .o = o, .warnings = json_array()};
	json_t *doc = NULL;
	int r = find_nights(&c, err);
	r = r ? r : take_series(&c, err);
	if (!r && o->n_gate)
		r = gate_asked(&c, err);
	else if (!r)
		gate_default(&c);
	r = r ? r : judge_environment(&c, err);
	if (!r)
		tell_drift(&c);
	r = r ? r : hcb_history_clock_jumps(h, c.warnings, err);
	if (!r)
		doc = document(&c, err);
	free_check(&c);
	return doc;
}

json_t *hcb_explain(struct hcb_history *h, const struct hcb_history_series *s,
                    const char *night, struct hcb_err *err)
{
	char mine_key[HCB_HISTORY_HASH];
	struct hcb_check_opts o = {.night = night ? night : s->last,
	                           .also = mine_key,
	                           .fail_on = HCB_FAIL_NEVER};
	struct hcb_walked w;
	snprintf(mine_key, sizeof(mine_key), "%s", s->key);
	json_t *doc = hcb_check(h, &o, err), *mine = NULL, *v;
	size_t i;
	if (!doc)
		return NULL;
	/* Judged beside all of the night's, for what moves with it; then alone. */
	json_array_foreach(json_object_get(doc, "series"), i, v)
	{
		const char *key = json_string_value(json_object_get(v, "key"));
		if (key && strcmp(key, mine_key) == 0)
			mine = json_incref(v);
	}
	if (!mine)
		hcb_err_usage(err,
		              "check explain: %s has no night up to %s, or another "
		              "series has taken it over",
		              s->label, o.night);
	if (!mine || hcb_check_walk(h, s, o.night, &w, err)) {
		json_decref(mine);
		json_decref(doc);
		return NULL;
	}
	json_object_set_new(doc, "explain", hcb_check_nights_json(&w, HCB_GATE_MAX));
	char *command =
	        hcb_history_command(h, s->key, w.n ? w.night[w.n - 1].night : o.night);
	json_object_set_new(doc, "command", command ? json_string(command) : json_null());
	free(command);
	json_object_set_new(doc, "series", json_pack("[o]", mine));
	hcb_walked_free(&w);
	return doc;
}

enum hcb_exit hcb_check_exit(const json_t *doc)
{
	return (enum hcb_exit)json_integer_value(json_object_get(doc, "exit_code"));
}
