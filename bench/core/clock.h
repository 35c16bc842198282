/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time. Everything reads time through one of these, in integer nanoseconds since the run
 * began ("lab time": with dilation D one lab second is D wall seconds).
 *
 *   real     CLOCK_MONOTONIC, dilation 1 or more; readable from any thread
 *   virtual  stands still until the run loop moves it; one thread only
 *
 * Only the run loop sleeps or moves a clock.
 *
 * A real clock may be read from the processor's counter instead (x86's TSC), as fio does:
 * three readings an op are most of what an op on nothing costs, and the counter takes 10
 * ns where the kernel's clock takes 24 (AMD EPYC, in a virtual machine). It is used only
 * where the kernel itself keeps time by it, having found that it runs evenly and alike on
 * all processors; else CLOCK_MONOTONIC is read. Its rate is measured against
 * CLOCK_MONOTONIC once a process, good to some parts in a million; so such a clock is for
 * the length of a run, not for a server's life, and hcb_clock_error says at the end how
 * well it kept. Readings are not ordered with the memory accesses around them: a stamp
 * may be some tens of nanoseconds early, and on another processor earlier than one that
 * was taken before. Who subtracts stamps has to allow for that.
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
	/* real, by the counter: lab ns = (ticks - base_ticks) * mult / 2^32; mult 0: by
	   CLOCK_MONOTONIC */
	uint64_t base_ticks, mult;
};

void hcb_clock_init_real(struct hcb_clock *c, double dilation);
void hcb_clock_init_virtual(struct hcb_clock *c);
/*
 * Real only, and before anybody reads it: starts the clock again, by the processor's
 * counter if that can be relied on. Takes 20 ms the first time in a process. False: it
 * goes on by CLOCK_MONOTONIC.
 */
bool hcb_clock_use_counter(struct hcb_clock *c);
/* By which share a real clock has run faster (above 0) or slower than CLOCK_MONOTONIC
   since it was started. 0 if it is that clock, or was started just now. */
double hcb_clock_error(const struct hcb_clock *c);

/* The processor's counter; 0 where there is none that we know. */
static inline uint64_t hcb_ticks(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}

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
	if (c->mult)
		return (uint64_t)(((unsigned __int128)(hcb_ticks() - c->base_ticks) *
		                   c->mult) >>
		                  32);
	uint64_t wall = hcb_monotonic_ns() - c->base_ns;
	return c->dilation == 1.0 ? wall : (uint64_t)((double)wall / c->dilation);
}

/* Virtual only: moves time forward; going backwards is ignored. */
void hcb_clock_advance(struct hcb_clock *c, uint64_t to_ns);
/* Real only: wall nanoseconds from now until lab time t; 0 if t has passed. */
uint64_t hcb_clock_wall_until(const struct hcb_clock *c, uint64_t t_ns);

#endif
