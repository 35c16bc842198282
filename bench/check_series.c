/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One series: its nights through the gate, and what is to be said of the last. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/check_internal.h"
#include "bench/onset.h"

#define WEEK 7 /* nights */

/* ---- the walk ---- */

void hcb_walked_free(struct hcb_walked *w)
{
	free(w->night);
	free(w->gate);
	free(w->result);
	memset(w, 0, sizeof(*w));
}

/*
 * Does the rerun of a night confirm it? At least half of the night's distance from its
 * baseline, on the same side: noise of one run alone would leave none of it on average.
 */
static bool agrees(const struct hcb_gate_night *g, const struct hcb_gate_result *r,
                   double rerun)
{
	double tonight = g->y - r->baseline, again = rerun - r->baseline;
	return isfinite(again) && isfinite(tonight) && again * tonight > 0 &&
	       fabs(again) >= 0.5 * fabs(tonight);
}

static int walk(const struct hcb_history_series *s, struct hcb_walked *w,
                struct hcb_err *err)
{
	bool reruns = false;
	for (size_t i = 0; i < w->n; i++) {
		const struct hcb_history_night *v = &w->night[i];
		w->gate[i] = (struct hcb_gate_night){
		        .y = v->valid ? hcb_gate_datum(v->value, s->more_is_better)
		                      : (double)NAN,
		        .valid = v->valid,
		        .ack = v->ack,
		};
		reruns |= v->valid && v->rerun > 0;
	}
	int r = hcb_gate_walk(w->gate, w->n, &w->conf, w->result);
	if (!r && reruns) {
		for (size_t i = 0; i < w->n; i++)
			w->gate[i].rerun_agrees =
			        w->gate[i].valid && w->night[i].rerun > 0 &&
			        agrees(&w->gate[i], &w->result[i],
			               hcb_gate_datum(w->night[i].rerun,
			                              s->more_is_better));
		r = hcb_gate_walk(w->gate, w->n, &w->conf, w->result);
	}
	return r ? hcb_err_sys(err, r, "judge series %s", s->key) : 0;
}

int hcb_check_walk(struct hcb_history *h, const struct hcb_history_series *s,
                   const char *until, struct hcb_walked *w, struct hcb_err *err)
{
	memset(w, 0, sizeof(*w));
	int r = hcb_history_nights(h, s->key, &w->night, &w->n, err);
	if (r)
		return r;
	while (until && w->n && strcmp(w->night[w->n - 1].night, until) > 0)
		w->n--;
	w->calibrated = hcb_history_conf(h, s, &w->conf);
	w->gate = calloc(w->n + 1, sizeof(*w->gate));
	w->result = calloc(w->n + 1, sizeof(*w->result));
	r = w->gate && w->result ? walk(s, w, err)
	                         : hcb_err_sys(err, -ENOMEM, "judge series %s", s->key);
	if (r)
		hcb_walked_free(w);
	return r;
}

const struct hcb_gate_result *hcb_check_last(const struct hcb_check_one *c)
{
	return c->w.n ? &c->w.result[c->w.n - 1] : NULL;
}

/* The rule's result is of the night itself; an `ack` comes after it. */
enum hcb_gate_state hcb_check_episode(const struct hcb_check_one *c)
{
	const struct hcb_gate_result *r = hcb_check_last(c);
	return r && !c->w.night[c->w.n - 1].ack ? r->episode : HCB_GATE_OK;
}

bool hcb_check_drifted(const struct hcb_check_one *c, struct hcb_check_drift *out)
{
	const struct hcb_walked *w = &c->w;
	double *y = calloc(w->n + 1, sizeof(*y));
	size_t n = 0;
	/* An acknowledged level is one that is meant. */
	for (size_t i = 0; y && i < w->n; i++) {
		if (w->gate[i].valid)
			y[n++] = w->gate[i].y;
		if (w->gate[i].ack)
			n = 0;
	}
	out->pinned = n < HCB_GATE_MAX + WEEK ? HCB_GATE_MIN : HCB_GATE_MAX;
	bool due = c->tonight && w->n && w->gate[w->n - 1].valid &&
	           n >= out->pinned + WEEK && (n - out->pinned) % WEEK == 0 &&
	           hcb_check_episode(c) == HCB_GATE_OK;
	bool drifted = due &&
	               hcb_gate_drift(y, out->pinned, y + out->pinned, n - out->pinned,
	                              &w->conf, &out->result) == 0 &&
	               out->result.state == HCB_GATE_REGRESSION;
	free(y);
	return drifted;
}

bool hcb_check_red(const struct hcb_check_one *c)
{
	return hcb_check_episode(c) == HCB_GATE_REGRESSION && !c->suppressed;
}

/* ---- JSON ---- */

static json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *night_name(const struct hcb_walked *w, size_t i)
{
	return i < w->n ? json_string(w->night[i].night) : json_null();
}

/* exp(-y) of a metric of which more is better, exp(y) else. */
static double value_of(double y, bool more_is_better)
{
	return exp(more_is_better ? -y : y);
}

json_t *hcb_check_nights_json(const struct hcb_walked *w, size_t most)
{
	json_t *out = json_array();
	for (size_t i = w->n > most ? w->n - most : 0; i < w->n; i++) {
		const struct hcb_history_night *v = &w->night[i];
		json_array_append_new(
		        out, json_pack("{sssossss?sisssb}", "night", v->night, "value",
		                       number(v->value), "state",
		                       hcb_gate_state_name(w->result[i].state), "why",
		                       v->why[0] ? v->why : NULL, "repetitions",
		                       (int)v->n, "over",
		                       v->over_runs ? "runs" : "blocks", "ack", v->ack));
	}
	return out;
}

static size_t valid_since(const struct hcb_walked *w, size_t from)
{
	size_t n = 0;
	for (size_t i = from; i < w->n; i++)
		n += w->night[i].valid;
	return n;
}

/* What is different in the environment between the night before the range in which it
   may have begun, and the range's end. */
static json_t *changed(struct hcb_history *h, const struct hcb_check_one *c,
                       size_t before, size_t after, struct hcb_err *err)
{
	json_t *out = json_array();
	json_t *a = hcb_history_environment(h, c->s.key, c->w.night[before].night, err);
	json_t *b = hcb_history_environment(h, c->s.key, c->w.night[after].night, err);
	hcb_history_diff(a, b, out);
	json_decref(a);
	json_decref(b);
	return out;
}

/* Where it began, as the gate has it and within what range; sets *before and *after to
   the nights between which to look for what changed. */
static json_t *onset_json(const struct hcb_check_one *c, size_t onset, size_t *before,
                          size_t *after)
{
	const struct hcb_walked *w = &c->w;
	double y[HCB_ONSET_NIGHTS];
	size_t index[HCB_ONSET_NIGHTS], n = 0;
	struct hcb_onset o;
	size_t from = onset, to = onset;
	/* The last valid nights, but not so few of those before that there is no level.
	 */
	size_t first = w->n;
	while (first > 0 && n < HCB_ONSET_NIGHTS)
		n += w->gate[--first].valid;
	if (first + 10 > onset && onset >= 30)
		first = onset - 30;
	n = 0;
	for (size_t i = first; i < w->n && n < HCB_ONSET_NIGHTS; i++) {
		if (!w->gate[i].valid)
			continue;
		index[n] = i;
		y[n++] = w->gate[i].y;
	}
	if (hcb_onset(y, n, 1, &o) == 0) {
		from = index[o.from] < onset ? index[o.from] : onset;
		to = index[o.to] > onset ? index[o.to] : onset;
	}
	*before = from;
	while (*before > 0 && !w->gate[--*before].valid)
		continue;
	*after = to;
	return json_pack("{sosososI}", "night", night_name(w, onset), "from",
	                 night_name(w, from), "to", night_name(w, to), "nights",
	                 (json_int_t)valid_since(w, onset));
}

static void put_episode(struct hcb_history *h, const struct hcb_check_one *c, json_t *o,
                        struct hcb_err *err)
{
	const struct hcb_gate_result *r = hcb_check_last(c);
	bool any =
	        r && r->onset != HCB_GATE_NONE &&
	        (hcb_check_episode(c) != HCB_GATE_OK || r->state == HCB_GATE_RECOVERED);
	size_t before, after, last = c->w.n;
	double lo = (double)NAN, hi = (double)NAN;
	json_object_set_new(o, "announce", json_boolean(r && r->announce));
	json_object_set_new(o, "fast", json_boolean(r && r->fast));
	json_object_set_new(o, "confirm", json_boolean(r && c->tonight && r->confirm));
	/* The interval of the night that had one: it is computed when it is announced. */
	while (any && last-- > r->onset && isnan(lo)) {
		lo = c->w.result[last].lo;
		hi = c->w.result[last].hi;
	}
	lo = hcb_gate_change(lo, c->s.more_is_better);
	hi = hcb_gate_change(hi, c->s.more_is_better);
	json_object_set_new(o, "effect",
	                    number(any ? hcb_gate_change(r->shift, c->s.more_is_better)
	                               : (double)NAN));
	json_object_set_new(o, "effect_lo", number(fmin(lo, hi)));
	json_object_set_new(o, "effect_hi", number(fmax(lo, hi)));
	json_object_set_new(o, "onset",
	                    any ? onset_json(c, r->onset, &before, &after) : json_null());
	json_object_set_new(o, "changed",
	                    any ? changed(h, c, before, after, err) : json_array());
}

/* A young series: which one of that label ended before it, and why they are two. */
static json_t *replaces(struct hcb_history *h, const struct hcb_check_one *c,
                        const struct hcb_history_series *all, size_t n_all,
                        struct hcb_err *err)
{
	const struct hcb_history_series *old = NULL;
	for (size_t i = 0; i < n_all; i++) {
		const struct hcb_history_series *s = &all[i];
		if (strcmp(s->label, c->s.label) == 0 && strcmp(s->key, c->s.key) != 0 &&
		    strcmp(s->last, c->s.first) <= 0 && !s->carried && !c->s.old[0] &&
		    (!old || strcmp(s->last, old->last) > 0))
			old = s;
	}
	if (!old || c->w.n >= HCB_GATE_MIN)
		return json_null();
	json_t *fields = json_array();
	json_t *a = hcb_history_environment(h, old->key, old->last, err);
	json_t *b = hcb_history_environment(h, c->s.key, c->s.last, err);
	hcb_history_diff(a, b, fields);
	json_decref(a);
	json_decref(b);
	return json_pack("{sssIssso}", "key", old->key, "nights", (json_int_t)old->nights,
	                 "last", old->last, "changed", fields);
}

static json_t *reason(const struct hcb_check_one *c)
{
	const struct hcb_walked *w = &c->w;
	if (c->successor[0])
		return json_sprintf("series %s has its place, in another environment",
		                    c->successor);
	if (c->gone)
		return json_sprintf("not measured since night %s",
		                    w->night[w->n - 1].night);
	if (!c->tonight)
		return json_string("not measured tonight");
	return w->n && w->night[w->n - 1].why[0] ? json_string(w->night[w->n - 1].why)
	                                         : json_null();
}

static void put_numbers(const struct hcb_check_one *c, json_t *o)
{
	const struct hcb_gate_result *r = hcb_check_last(c);
	const struct hcb_history_night *v = c->w.n ? &c->w.night[c->w.n - 1] : NULL;
	bool base = r && isfinite(r->baseline);
	json_object_set_new(o, "value", number(v && c->tonight ? v->value : (double)NAN));
	json_object_set_new(o, "repetitions",
	                    json_integer(v && c->tonight ? (json_int_t)v->n : 0));
	json_object_set_new(o, "over",
	                    v && c->tonight
	                            ? json_string(v->over_runs ? "runs" : "blocks")
	                            : json_null());
	json_object_set_new(
	        o, "baseline",
	        base ? json_pack("{sosososI}", "value",
	                         number(value_of(r->baseline, c->s.more_is_better)),
	                         "from", night_name(&c->w, r->base_from), "to",
	                         night_name(&c->w, r->base_to), "nights",
	                         (json_int_t)r->n)
	             : json_null());
	json_object_set_new(o, "deviation",
	                    base ? number(hcb_gate_change(r->s, false)) : json_null());
	json_object_set_new(o, "mde", base ? number(r->mde) : json_null());
	json_object_set_new(o, "autocorrelation",
	                    base ? number(r->autocorr1) : json_null());
	json_object_set_new(
	        o, "window",
	        base ? json_pack("{sIsosososo}", "nights", (json_int_t)r->m, "z",
	                         number(r->z), "h", number(r->h), "shift",
	                         number(hcb_gate_change(r->shift, c->s.more_is_better)),
	                         "delta", number(c->w.conf.delta))
	             : json_null());
}

json_t *hcb_check_series_json(struct hcb_history *h, const struct hcb_check_one *c,
                              const struct hcb_history_series *all, size_t n_all,
                              struct hcb_err *err)
{
	const struct hcb_gate_result *r = hcb_check_last(c);
	json_t *o = json_pack(
	        "{ssssssssssss sbsb ssssssss so}", "key", c->s.key, "label", c->s.label,
	        "test", c->s.name, "metric", c->s.metric, "unit", c->s.unit, "direction",
	        c->s.more_is_better ? "higher" : "lower", "gated", c->gated, "control",
	        c->s.control, "state", c->state, "rule_state",
	        r ? hcb_gate_state_name(r->state) : "LEARNING", "episode",
	        hcb_gate_state_name(hcb_check_episode(c)), "night",
	        c->w.n ? c->w.night[c->w.n - 1].night : "", "reason", reason(c));
	json_object_set_new(o, "gone", json_boolean(c->gone));
	json_object_set_new(o, "replaced_by",
	                    c->successor[0] ? json_string(c->successor) : json_null());
	json_object_set_new(o, "valid_nights",
	                    json_integer((json_int_t)valid_since(&c->w, 0)));
	json_object_set_new(o, "nights_needed", json_integer(HCB_GATE_MIN + 1));
	json_object_set_new(o, "calibrated", json_boolean(c->w.calibrated));
	put_numbers(c, o);
	put_episode(h, c, o, err);
	json_object_set_new(o, "replaces", replaces(h, c, all, n_all, err));
	return o;
}
