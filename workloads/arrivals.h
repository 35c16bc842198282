/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When transactions of an open load arrive: steady, Poisson, or in bursts. Seeded, no
 * libm, nothing allocated; copied, it can be run on to count what is still to come.
 */
#ifndef HCB_WORKLOADS_ARRIVALS_H
#define HCB_WORKLOADS_ARRIVALS_H

#include <stdint.h>

#include "bench/core/random.h"

enum hcb_arrivals_kind {
	HCB_ARRIVALS_POISSON,
	HCB_ARRIVALS_STEADY,
	HCB_ARRIVALS_BURSTY,  /* b-model, b = 0.65, 1 s to 2^12 s (assumed) */
	HCB_ARRIVALS_DAILY,   /* that, times the time of day: 0.4 to 1.6 (assumed) */
	HCB_ARRIVALS_DIURNAL, /* Poisson, times the time of day */
};

struct hcb_arrivals {
	double rate_per_s; /* mean, above 0 */
	enum hcb_arrivals_kind kind;
	uint64_t seed; /* of the bursts: the same seed, the same busy seconds */
	struct hcb_random chance;
	uint64_t next_ns; /* the next arrival */
};

/* next_ns is 0: draw before the first use. stream: of hcb_random_init. */
void hcb_arrivals_init(struct hcb_arrivals *a, enum hcb_arrivals_kind kind,
                       double rate_per_s, uint64_t seed, uint64_t stream);
/* Moves next_ns on by one gap, 1 ns at least. */
void hcb_arrivals_draw(struct hcb_arrivals *a);

#endif
