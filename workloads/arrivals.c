/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workloads/arrivals.h"

#include "bench/core/units.h"

#define DAY_NS (86400 * HCB_SEC)
#define SWING  0.6 /* the busiest time of day 1.6, the quietest 0.4 (assumed) */

void hcb_arrivals_init(struct hcb_arrivals *a, enum hcb_arrivals_kind kind,
                       double rate_per_s, uint64_t seed, uint64_t stream)
{
	a->rate_per_s = rate_per_s;
	a->kind = kind;
	a->seed = seed;
	a->next_ns = 0;
	hcb_random_init(&a->chance, seed, stream);
}

/*
 * b-model: the load of each half of an interval is b or 1-b of the whole's, which half
 * has more being a coin's choice, from an hour (2^12 s) down to one second.
 */
static double burst(uint64_t seed, uint64_t now_ns)
{
	const double more = 2 * 0.65, less = 2 * (1 - 0.65);
	uint64_t s = now_ns / HCB_SEC;
	double f = 1;
	for (uint64_t level = 0; level < 12; level++) {
		uint64_t half = s >> level & 1;
		uint64_t coin =
		        hcb_mix64(seed ^ hcb_mix64((s >> (level + 1)) * 16 + level)) & 1;
		f *= half == coin ? more : less;
	}
	return f;
}

/* A day, begun at its mean and rising: a wave of two parabolas, as no libm is wanted. */
static double time_of_day(uint64_t now_ns)
{
	double x = 2 * (double)(now_ns % DAY_NS) / (double)DAY_NS;
	return x < 1 ? 1 + SWING * 4 * x * (1 - x) : 1 - SWING * 4 * (x - 1) * (2 - x);
}

void hcb_arrivals_draw(struct hcb_arrivals *a)
{
	double gap = 1e9 / a->rate_per_s;
	if (a->kind != HCB_ARRIVALS_STEADY)
		gap *= hcb_random_exp(&a->chance);
	if (a->kind == HCB_ARRIVALS_BURSTY || a->kind == HCB_ARRIVALS_DAILY)
		gap /= burst(a->seed, a->next_ns);
	if (a->kind == HCB_ARRIVALS_DAILY || a->kind == HCB_ARRIVALS_DIURNAL)
		gap /= time_of_day(a->next_ns);
	a->next_ns += gap < 1 ? 1 : (uint64_t)gap;
}
