/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/control.h"

#include "bench/core/clock.h"
#include "bench/core/units.h"

#define STEPS   200000u /* of six operations, each waiting for the one before */
/* A processor that idled takes tens of ms to come up to its rate (cpufreq's governors
   sample each 10 ms or so): it is asked until it has not become faster for so long. */
#define CALM_NS (50 * HCB_MS)
#define MOST_NS (300 * HCB_MS)

static uint64_t sink; /* what comes out is used, or it would not be computed */

static void work(void)
{
	uint64_t x = sink | 1;
	for (unsigned i = 0; i < STEPS; i++) {
		/* xorshift64 (Marsaglia 2003): no step can begin before the last has
		 * ended */
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	sink = x;
}

uint64_t hcb_control_ns(uint64_t *spent_ns)
{
	uint64_t begin = hcb_monotonic_ns(), now = begin, better = begin, least = 0;
	while (now - better < CALM_NS && now - begin < MOST_NS) {
		uint64_t from = now;
		work();
		now = hcb_monotonic_ns();
		/* Less by under 1 % is the clock's own noise. */
		if (!least || now - from < least - least / 100)
			better = now;
		if (!least || now - from < least)
			least = now - from;
	}
	*spent_ns += now - begin;
	return least;
}
