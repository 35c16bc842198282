/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/gate.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "bench/core/stats.h"
#include "bench/gate_rule.h"

#define ROOM 128 /* nights that a walk remembers */
#define AFTER                                                                            \
	40 /* of them at most since an episode's onset: a full baseline and window */
#define DROP                                                                             \
	48 /* forgotten at once when there is no more room: what is left is more than    \
	      a baseline, a window and AFTER */
#define BACK      3   /* nights that make a recovery */
#define BACK_MEAN 1.0 /* s that their mean may be off */
#define TOGETHER  0.30
#define SEED      0x67617465 /* of the intervals: the same series, the same answer */

_Static_assert(ROOM - DROP >= HCB_GATE_MAX + AFTER, "a baseline before an episode");

const char *hcb_gate_state_name(enum hcb_gate_state s)
{
	static const char *const names[] = {
	        [HCB_GATE_INVALID] = "INVALID",
	        [HCB_GATE_LEARNING] = "LEARNING",
	        [HCB_GATE_OK] = "OK",
	        [HCB_GATE_SUSPECT] = "SUSPECT",
	        [HCB_GATE_REGRESSION] = "REGRESSION",
	        [HCB_GATE_IMPROVED] = "IMPROVED",
	        [HCB_GATE_RECOVERED] = "RECOVERED",
	};
	return names[s];
}

struct hcb_gate_conf hcb_gate_defaults(enum hcb_gate_kind kind)
{
	static const double delta[] = {
	        [HCB_GATE_THROUGHPUT] = 0.03,
	        [HCB_GATE_P50] = 0.05,
	        [HCB_GATE_P99] = 0.10,
	};
	/* A latency is known to half a bucket: 2^-8 (histogram.h). */
	struct hcb_gate_conf c = {{6.2, 5.4, 4.9, 4.7}, delta[kind], 1.0 / 256};
	return c;
}

double hcb_gate_datum(double value, bool more_is_better)
{
	if (!(value > 0 && isfinite(value)))
		return NAN;
	return more_is_better ? -log(value) : log(value);
}

double hcb_gate_change(double difference, bool more_is_better)
{
	return expm1(more_is_better ? -difference : difference);
}

/* ---- a walk through the nights ---- */

/*
 * The nights that may be in a baseline or a window, oldest first: valid ones of this
 * segment, without past episodes. base[i] is the baseline that ends with night i, known
 * except after `frozen` while an episode lasts.
 */
struct walk {
	const struct hcb_gate_conf *conf;
	double bound[HCB_GATE_MAX + 1]; /* hcb_gate_bound(n) */
	double y[ROOM];
	size_t at[ROOM]; /* the night's index */
	struct hcb_gate_base base[ROOM];
	unsigned len;
	size_t valid;    /* nights of the segment, also those forgotten */
	size_t segment;  /* the index of its first night */
	int episode;     /* 0; 1 REGRESSION, -1 IMPROVED */
	unsigned frozen; /* in an episode: the last night before the onset */
	size_t onset;    /* and its index */
	size_t lasted;   /* valid nights since, the onset's included */
};

static void set_base(struct walk *w, unsigned i)
{
	unsigned n = i + 1 < HCB_GATE_MAX ? i + 1 : HCB_GATE_MAX;
	w->base[i] = (struct hcb_gate_base){.n = n};
	if (n >= HCB_GATE_MIN)
		w->base[i] = hcb_gate_base_of(w->y + i + 1 - n, n, w->conf->s_floor);
}

/* Forgets the nights from..to-1. */
static void forget(struct walk *w, unsigned from, unsigned to)
{
	unsigned rest = w->len - to;
	memmove(w->y + from, w->y + to, rest * sizeof(w->y[0]));
	memmove(w->at + from, w->at + to, rest * sizeof(w->at[0]));
	memmove(w->base + from, w->base + to, rest * sizeof(w->base[0]));
	w->len -= to - from;
}

static void remember(struct walk *w, double y, size_t t)
{
	if (w->episode && w->len - w->frozen > AFTER)
		forget(w, w->frozen + 1, w->frozen + 2);
	if (w->len == ROOM) {
		forget(w, 0, DROP);
		if (w->episode)
			w->frozen -= DROP;
	}
	w->y[w->len] = y;
	w->at[w->len++] = t;
	w->valid++;
	if (w->episode)
		w->lasted++;
	else
		set_base(w, w->len - 1);
}

/* A new segment of the nights from `first` on; begins: the index of its first night. */
static void begin_segment(struct walk *w, unsigned first, size_t begins)
{
	forget(w, 0, first);
	w->valid = w->len;
	w->segment = begins;
	w->episode = 0;
	for (unsigned i = 0; i < w->len; i++)
		set_base(w, i);
}

static void show_base(const struct walk *w, struct hcb_gate_result *r, unsigned end)
{
	const struct hcb_gate_base *b = &w->base[end];
	unsigned first = end + 1 - b->n;
	r->n = b->n;
	r->base_from = w->at[first];
	r->base_to = w->at[end];
	r->baseline = b->median;
	r->mu = b->mu;
	r->s = b->s;
	r->autocorr1 = hcb_autocorr1(w->y + first, b->n);
	r->mde = hcb_gate_mde(b, w->conf);
}

static void show_look(struct hcb_gate_result *r, struct hcb_gate_look l)
{
	r->m = l.m;
	r->z = l.z;
	r->h = l.h;
	r->shift = l.shift;
}

static enum hcb_gate_state episode_of(const struct walk *w)
{
	return w->episode > 0   ? HCB_GATE_REGRESSION
	       : w->episode < 0 ? HCB_GATE_IMPROVED
	                        : HCB_GATE_OK;
}

static void show_interval(const struct walk *w, struct hcb_gate_result *r)
{
	const struct hcb_gate_base *b = &w->base[w->frozen];
	hcb_gate_interval(w->y + w->frozen + 1 - b->n, b->n, w->y + w->len - r->m, r->m,
	                  SEED, &r->lo, &r->hi);
}

static void begin_episode(struct walk *w, struct hcb_gate_result *r, int sign, unsigned m)
{
	w->episode = sign;
	w->frozen = w->len - m - 1;
	w->onset = w->at[w->len - m];
	w->lasted = m;
	r->announce = true;
	r->state = episode_of(w);
	show_base(w, r, w->frozen);
	show_interval(w, r);
}

/* No episode: is tonight the night one is announced? */
static void judge(struct walk *w, struct hcb_gate_result *r, bool rerun_agrees)
{
	unsigned tonight = w->len - 1;
	struct hcb_gate_look best = {0};
	r->state = HCB_GATE_LEARNING;
	if (tonight < HCB_GATE_MIN)
		return;
	const struct hcb_gate_base *before = &w->base[tonight - 1];
	r->outside = hcb_gate_outside(before, w->y[tonight], w->bound[before->n],
	                              w->conf->s_floor);
	r->state = r->outside > 0 ? HCB_GATE_SUSPECT : HCB_GATE_OK;
	show_base(w, r, tonight - 1);
	for (unsigned m = 2; m <= HCB_GATE_WINDOW; m++) {
		if (tonight < m + HCB_GATE_MIN - 1)
			break;
		best = hcb_gate_louder(best, hcb_gate_look_at(&w->base[tonight - m],
		                                              w->y + tonight + 1 - m, m,
		                                              w->conf));
	}
	show_look(r, best);
	if (best.alarm) {
		begin_episode(w, r, best.z < 0 ? -1 : 1, best.m);
		return;
	}
	int collapse = 0;
	if (best.m)
		collapse = hcb_gate_collapse(&w->base[tonight - 2], w->y + tonight - 1);
	r->confirm = collapse > 0 && !rerun_agrees;
	if (collapse && rerun_agrees) {
		r->fast = true;
		show_look(r, hcb_gate_look_at(&w->base[tonight - 2], w->y + tonight - 1,
		                              2, w->conf));
		begin_episode(w, r, collapse, 2);
	}
}

static bool is_back(const struct walk *w)
{
	const struct hcb_gate_base *b = &w->base[w->frozen];
	double sum = 0;
	if (w->lasted < BACK)
		return false;
	for (unsigned i = w->len - BACK; i < w->len; i++) {
		sum += w->y[i] - b->mu;
		if (fabs(w->y[i] - b->mu) > 2 * b->s)
			return false;
	}
	return fabs(sum) / BACK <= BACK_MEAN * b->s;
}

/* The nights of the episode but the last few are of no level that lasts. */
static void recover(struct walk *w)
{
	forget(w, w->frozen + 1, w->len - BACK);
	w->valid -= w->lasted - BACK;
	w->episode = 0;
	for (unsigned i = w->len - BACK; i < w->len; i++)
		set_base(w, i);
}

/* In an episode: over, turned into its opposite, or going on? */
static void follow(struct walk *w, struct hcb_gate_result *r)
{
	const struct hcb_gate_base *b = &w->base[w->frozen];
	unsigned since = w->len - 1 - w->frozen;
	unsigned most = since < HCB_GATE_WINDOW ? since : HCB_GATE_WINDOW;
	struct hcb_gate_look opposite = {0};
	r->outside =
	        hcb_gate_outside(b, w->y[w->len - 1], w->bound[b->n], w->conf->s_floor);
	show_base(w, r, w->frozen);
	show_look(r, hcb_gate_look_at(b, w->y + w->len - most, most, w->conf));
	for (unsigned m = 2; m <= most; m++) {
		struct hcb_gate_look l =
		        hcb_gate_look_at(b, w->y + w->len - m, m, w->conf);
		if (l.alarm && l.z * w->episode < 0)
			opposite = hcb_gate_louder(opposite, l);
	}
	if (opposite.m) {
		forget(w, w->frozen + 1, w->len - opposite.m);
		w->valid -= w->lasted - opposite.m;
		show_look(r, opposite);
		begin_episode(w, r, -w->episode, opposite.m);
	} else if (is_back(w)) {
		r->state = HCB_GATE_RECOVERED;
		recover(w);
	} else {
		r->state = episode_of(w);
		if (w->episode < 0 && r->outside > 0)
			r->state = HCB_GATE_SUSPECT;
	}
}

static void blank(struct hcb_gate_result *r)
{
	*r = (struct hcb_gate_result){
	        .state = HCB_GATE_INVALID,
	        .onset = HCB_GATE_NONE,
	        .base_from = HCB_GATE_NONE,
	        .base_to = HCB_GATE_NONE,
	        .baseline = NAN,
	        .mu = NAN,
	        .s = NAN,
	        .autocorr1 = NAN,
	        .mde = NAN,
	        .z = NAN,
	        .h = NAN,
	        .shift = NAN,
	        .lo = NAN,
	        .hi = NAN,
	};
}

static void one_night(struct walk *w, const struct hcb_gate_night *night, size_t t,
                      bool last, struct hcb_gate_result *r)
{
	blank(r);
	r->valid = (unsigned)w->valid;
	if (night->valid) {
		size_t onset = w->onset;
		bool in_episode = w->episode != 0;
		remember(w, night->y, t);
		if (in_episode)
			follow(w, r);
		else
			judge(w, r, night->rerun_agrees);
		if (r->state == HCB_GATE_RECOVERED)
			r->onset = onset;
	}
	r->episode = episode_of(w);
	if (w->episode) {
		r->onset = w->onset;
		if (last && night->valid && !r->announce)
			show_interval(w, r);
	}
	bool lasting = w->episode < 0 && w->lasted >= HCB_GATE_MIN;
	if (w->episode && (night->ack || lasting))
		begin_segment(w, w->frozen + 1, w->onset);
	else if (night->ack)
		begin_segment(w, w->len, t + 1);
	r->segment = w->segment;
}

int hcb_gate_walk(const struct hcb_gate_night *nights, size_t n,
                  const struct hcb_gate_conf *conf, struct hcb_gate_result *out)
{
	struct walk w = {.conf = conf};
	if (!hcb_gate_sane(conf))
		return -EINVAL;
	for (size_t t = 0; t < n; t++)
		if (nights[t].valid && !isfinite(nights[t].y))
			return -EINVAL;
	for (unsigned k = HCB_GATE_MIN; k <= HCB_GATE_MAX; k++)
		w.bound[k] = hcb_gate_bound(k);
	for (size_t t = 0; t < n; t++)
		one_night(&w, &nights[t], t, t + 1 == n, &out[t]);
	return 0;
}

int hcb_gate_drift(const double *pinned, size_t n_pinned, const double *recent,
                   size_t n_recent, const struct hcb_gate_conf *conf,
                   struct hcb_gate_result *out)
{
	unsigned n = n_pinned < HCB_GATE_MAX ? (unsigned)n_pinned : HCB_GATE_MAX;
	unsigned most = n_recent < HCB_GATE_WINDOW ? (unsigned)n_recent : HCB_GATE_WINDOW;
	const double *end = recent + n_recent;
	struct hcb_gate_look best = {0};
	if (!hcb_gate_sane(conf))
		return -EINVAL;
	for (unsigned i = 0; i < n; i++)
		if (!isfinite(pinned[i]))
			return -EINVAL;
	for (unsigned i = 1; i <= most; i++)
		if (!isfinite(end[-(ptrdiff_t)i]))
			return -EINVAL;
	blank(out);
	out->state = out->episode = HCB_GATE_OK;
	if (n < HCB_GATE_MIN || most < 2) {
		out->state = HCB_GATE_LEARNING;
		return 0;
	}
	struct hcb_gate_base b = hcb_gate_base_of(pinned, n, conf->s_floor);
	for (unsigned m = 2; m <= most; m++)
		best = hcb_gate_louder(best, hcb_gate_look_at(&b, end - m, m, conf));
	out->n = b.n;
	out->baseline = b.median;
	out->mu = b.mu;
	out->s = b.s;
	out->autocorr1 = hcb_autocorr1(pinned, n);
	out->mde = hcb_gate_mde(&b, conf);
	show_look(out, best);
	hcb_gate_interval(pinned, n, end - best.m, best.m, SEED, &out->lo, &out->hi);
	if (best.alarm)
		out->state = out->episode =
		        best.z > 0 ? HCB_GATE_REGRESSION : HCB_GATE_IMPROVED;
	return 0;
}

/* ---- across series ---- */

int hcb_gate_moves(const struct hcb_gate_result *r, size_t t)
{
	if (r->state == HCB_GATE_INVALID || r->state == HCB_GATE_LEARNING)
		return 0;
	if (r->outside)
		return r->outside;
	if (r->episode == HCB_GATE_OK || t - r->onset >= HCB_GATE_WINDOW)
		return 0;
	return r->episode == HCB_GATE_REGRESSION ? 1 : -1;
}

struct hcb_gate_voice hcb_gate_voice(const struct hcb_gate_result *r, size_t t,
                                     unsigned group)
{
	return (struct hcb_gate_voice){
	        .moves = hcb_gate_moves(r, t),
	        .judged = r->state != HCB_GATE_INVALID && r->state != HCB_GATE_LEARNING,
	        .group = group,
	};
}

/* Does any judged metric of v[i]'s group move by `sign`? sign 0: is any judged? */
static bool group_has(const struct hcb_gate_voice *v, size_t n, unsigned group, int sign)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].judged && v[i].group == group && (!sign || v[i].moves == sign))
			return true;
	return false;
}

static bool first_of_group(const struct hcb_gate_voice *v, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (v[k].group == v[i].group)
			return false;
	return true;
}

enum hcb_gate_environment hcb_gate_environment(const struct hcb_gate_voice *controls,
                                               size_t n_controls,
                                               const struct hcb_gate_voice *metrics,
                                               size_t n_metrics)
{
	size_t judged = 0, worse = 0, better = 0;
	for (size_t i = 0; i < n_controls; i++)
		if (controls[i].judged && controls[i].moves)
			return HCB_GATE_CONTROL;
	for (size_t i = 0; i < n_metrics; i++) {
		if (!first_of_group(metrics, i))
			continue;
		unsigned g = metrics[i].group;
		judged += group_has(metrics, n_metrics, g, 0);
		worse += group_has(metrics, n_metrics, g, 1);
		better += group_has(metrics, n_metrics, g, -1);
	}
	size_t most = worse > better ? worse : better;
	if (most >= 2 && (double)most > TOGETHER * (double)judged)
		return HCB_GATE_TOGETHER;
	return HCB_GATE_STEADY;
}
