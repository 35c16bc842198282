/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/decide.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* The normal distribution's 0.9 quantile: P_ok is 0.9 where the capacity lies that many
   sigma above the demand. */
#define Z_OK 1.2815515655446004

const char *hcb_size_verdict_name(enum hcb_size_verdict v)
{
	static const char *const names[] = {
	        [HCB_SIZE_INCONCLUSIVE] = "INCONCLUSIVE",
	        [HCB_SIZE_KEEP_SHARED] = "KEEP SHARED",
	        [HCB_SIZE_OPTIONAL] = "OPTIONAL",
	        [HCB_SIZE_TUNE] = "TUNE",
	        [HCB_SIZE_SPLIT] = "SPLIT",
	        [HCB_SIZE_NEITHER] = "NEITHER",
	};
	return names[v];
}

struct hcb_capacity hcb_capacity_of(double lower, bool lower_believed, double upper,
                                    bool upper_believed)
{
	return (struct hcb_capacity){
	        .lower = lower_believed && lower > 0 ? lower : 0,
	        .upper = upper_believed && upper > 0 ? upper : INFINITY,
	};
}

double hcb_demand_within(const struct hcb_demand *d, double capacity)
{
	if (!(capacity > 0))
		return 0;
	if (isinf(capacity))
		return 1;
	if (d->sigma <= 0)
		return capacity >= d->load;
	return erfc(-log(capacity / d->load) / d->sigma / sqrt(2)) / 2;
}

static double middle(const struct hcb_capacity *c)
{
	return isinf(c->upper) ? c->lower : sqrt(c->lower * c->upper);
}

static struct hcb_p_ok p_ok_of(const struct hcb_layout_evidence *l,
                               const struct hcb_demand *d)
{
	struct hcb_p_ok p = {1, 1, 1};
	if (l->space_known && !(l->space_ratio >= 1))
		return (struct hcb_p_ok){0, 0, 0};
	if (l->n_states == 0)
		return (struct hcb_p_ok){0, 0.5, 1};
	for (unsigned s = 0; s < l->n_states; s++) {
		const struct hcb_capacity *c = &l->capacity[s];
		p.lo = fmin(p.lo, hcb_demand_within(d, c->lower));
		p.mid = fmin(p.mid, hcb_demand_within(d, middle(c)));
		p.hi = fmin(p.hi, hcb_demand_within(d, c->upper));
	}
	return p;
}

static bool holds(const struct hcb_p_ok *p)
{
	return p->lo >= HCB_DECIDE_P_OK;
}

static bool fails(const struct hcb_p_ok *p)
{
	return p->hi < HCB_DECIDE_P_OK;
}

static bool sound(const struct hcb_layout_evidence *l)
{
	if (l->n_states > HCB_DECIDE_STATES)
		return false;
	for (unsigned s = 0; s < l->n_states; s++)
		if (!(l->capacity[s].lower >= 0 &&
		      l->capacity[s].upper >= l->capacity[s].lower))
			return false;
	return !l->space_known || l->space_ratio >= 0;
}

static int find_shared(const struct hcb_layout_evidence *layouts, size_t n,
                       size_t *shared)
{
	unsigned found = 0;
	for (size_t i = 0; i < n; i++) {
		if (!sound(&layouts[i]))
			return -EINVAL;
		if (layouts[i].kind == HCB_LAYOUT_SHARED) {
			*shared = i;
			found++;
		}
	}
	return found == 1 ? 0 : -EINVAL;
}

/* What is given up cannot be bought back, so it counts before disks: storage without
   copies must not win because it costs nothing. */
static bool cheaper(const struct hcb_layout_evidence *a,
                    const struct hcb_layout_evidence *b)
{
	return a->gives_up != b->gives_up ? a->gives_up < b->gives_up
	                                  : a->disks_more < b->disks_more;
}

/* The cheapest of a kind that holds; n: none. */
static size_t cheapest(const struct hcb_layout_evidence *layouts, size_t n,
                       const struct hcb_decision *d, enum hcb_layout_kind kind,
                       bool worth_it)
{
	size_t best = n;
	for (size_t i = 0; i < n; i++) {
		const struct hcb_layout_evidence *l = &layouts[i];
		if (l->kind != kind || !holds(&d->p_ok[i]))
			continue;
		if (worth_it && !(l->p99_ratio_lo >= HCB_DECIDE_RATIO))
			continue;
		if (best == n || cheaper(l, &layouts[best]))
			best = i;
	}
	return best;
}

/* A layout on the same disks is none of its own. Where no split was tried, nothing is
   known of one. */
static bool all_fail(const struct hcb_layout_evidence *layouts, size_t n,
                     const struct hcb_decision *d)
{
	bool split = false;
	for (size_t i = 0; i < n; i++) {
		if (layouts[i].kind != HCB_LAYOUT_NONE && !fails(&d->p_ok[i]))
			return false;
		split |= layouts[i].kind == HCB_LAYOUT_SPLIT;
	}
	return split;
}

size_t hcb_decide_not_compared(const struct hcb_layout_evidence *layouts, size_t n,
                               const struct hcb_decision *d)
{
	for (size_t i = 0; i < n; i++)
		if (layouts[i].kind == HCB_LAYOUT_SPLIT && holds(&d->p_ok[i]) &&
		    isnan(layouts[i].p99_ratio_lo))
			return i;
	return n;
}

static void choose(const struct hcb_layout_evidence *layouts, size_t n,
                   struct hcb_decision *d)
{
	const struct hcb_p_ok *shared = &d->p_ok[d->shared];
	size_t split = cheapest(layouts, n, d, HCB_LAYOUT_SPLIT, holds(shared));
	size_t tuned = cheapest(layouts, n, d, HCB_LAYOUT_TUNED, false);
	d->chosen = d->shared;
	d->verdict = HCB_SIZE_INCONCLUSIVE;
	if (all_fail(layouts, n, d)) {
		d->verdict = HCB_SIZE_NEITHER;
	} else if (holds(shared)) {
		d->verdict = split < n ? HCB_SIZE_OPTIONAL : HCB_SIZE_KEEP_SHARED;
		d->chosen = split < n ? split : d->shared;
	} else if (fails(shared) && (tuned < n || split < n)) {
		d->verdict = tuned < n ? HCB_SIZE_TUNE : HCB_SIZE_SPLIT;
		d->chosen = tuned < n ? tuned : split;
	}
}

/* The demand that a capacity carries with P_ok just 0.9. */
static double carries(double capacity, double sigma)
{
	return capacity * exp(-Z_OK * (sigma > 0 ? sigma : 0));
}

void hcb_layout_flip(const struct hcb_layout_evidence *layout,
                     const struct hcb_demand *demand, double *lo, double *hi)
{
	bool fits = !layout->space_known || layout->space_ratio >= 1;
	*lo = *hi = !layout->n_states ? NAN : fits ? INFINITY : 0;
	for (unsigned s = 0; s < layout->n_states; s++) {
		const struct hcb_capacity *c = &layout->capacity[s];
		*lo = fmin(*lo, carries(c->lower, demand->sigma));
		*hi = fmin(*hi, carries(c->upper, demand->sigma));
	}
}

int hcb_decide(const struct hcb_layout_evidence *layouts, size_t n,
               const struct hcb_demand *demand, struct hcb_decision *out)
{
	memset(out, 0, sizeof(*out));
	if (n > HCB_DECIDE_LAYOUTS || !(demand->load > 0) || isinf(demand->load) ||
	    !(demand->sigma >= 0) || isinf(demand->sigma))
		return -EINVAL;
	int r = find_shared(layouts, n, &out->shared);
	if (r)
		return r;
	for (size_t i = 0; i < n; i++)
		out->p_ok[i] = p_ok_of(&layouts[i], demand);
	hcb_layout_flip(&layouts[out->shared], demand, &out->flip_lo, &out->flip_hi);
	choose(layouts, n, out);
	return 0;
}
