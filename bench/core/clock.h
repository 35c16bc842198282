/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time. Everything reads time through one of these, in integer nanoseconds since the run
 * began ("lab time": with dilation D one lab second is D wall seconds).
 *
 *   real     CLOCK_MONOTONIC, dilation 1 or more; readable from any thread
 *   virtual  stands still until the run loop moves it; one thread only
 *
 * Only the run loop sleeps or moves a clock.
 */
#ifndef HCB_CORE_CLOCK_H
#define HCB_CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define HCB_NEVER UINT64_MAX

struct hcb_clock {
	bool is_virtual;
	double dilation;  /* wall seconds per lab second, >= 1 */
	uint64_t base_ns; /* real: CLOCK_MONOTONIC at the start */
	uint64_t now_ns;  /* virtual: the time */
};

void hcb_clock_init_real(struct hcb_clock *c, double dilation);
void hcb_clock_init_virtual(struct hcb_clock *c);

static inline uint64_t hcb_monotonic_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static inline uint64_t hcb_clock_now(const struct hcb_clock *c)
{
	if (c->is_virtual)
		return c->now_ns;
	uint64_t wall = hcb_monotonic_ns() - c->base_ns;
	return c->dilation == 1.0 ? wall : (uint64_t)((double)wall / c->dilation);
}

/* Virtual only: moves time forward; going backwards is ignored. */
void hcb_clock_advance(struct hcb_clock *c, uint64_t to_ns);
/* Real only: wall nanoseconds from now until lab time t; 0 if t has passed. */
uint64_t hcb_clock_wall_until(const struct hcb_clock *c, uint64_t t_ns);

#endif
