/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#define CALIBRATE_NS  20000000u /* with readings good to 50 ns: 5 parts in a million */
#define READINGS      8         /* of which the tightest counts */
#define WIDEST_NS     2000u     /* a reading that took longer was interrupted */
#define LEAST_TO_TELL 1000000u  /* ns: of less there is no rate to be had */

void hcb_clock_init_real(struct hcb_clock *c, double dilation)
{
	*c = (struct hcb_clock){
	        .is_virtual = false,
	        .dilation = dilation,
	        .base_ns = hcb_monotonic_ns(),
	};
}

void hcb_clock_init_virtual(struct hcb_clock *c)
{
	*c = (struct hcb_clock){.is_virtual = true, .dilation = 1.0};
}

/* ---- the processor's counter ---- */

/* Both clocks at one moment, near enough. */
struct moment {
	uint64_t ticks, ns;
	uint64_t width_ns; /* that long it took to read both */
};

static struct moment look(void)
{
	struct moment best = {0, 0, UINT64_MAX};
	for (int i = 0; i < READINGS; i++) {
		uint64_t before = hcb_monotonic_ns();
		uint64_t ticks = hcb_ticks();
		uint64_t after = hcb_monotonic_ns();
		if (after - before < best.width_ns)
			best = (struct moment){ticks, before + (after - before) / 2,
			                       after - before};
	}
	return best;
}

/* Runs at one rate whatever the processor does, and the kernel keeps time by it. */
static bool counter_is_sound(void)
{
	bool sound = false;
#ifdef __x86_64__
	unsigned a, b, c, d;
	char name[16] = "";
	if (!__get_cpuid(0x80000007, &a, &b, &c, &d) || !(d & (1u << 8)))
		return false;
	FILE *f = fopen(
	        "/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
	if (!f)
		return false;
	sound = fgets(name, sizeof(name), f) && strcmp(name, "tsc\n") == 0;
	fclose(f);
#endif
	return sound;
}

static double ns_per_tick; /* 0: not to be used */

static void calibrate(void)
{
	const struct timespec pause = {0, CALIBRATE_NS};
	if (!counter_is_sound())
		return;
	struct moment from = look();
	nanosleep(&pause, NULL);
	struct moment to = look();
	if (from.width_ns > WIDEST_NS || to.width_ns > WIDEST_NS ||
	    to.ticks <= from.ticks || to.ns - from.ns < CALIBRATE_NS / 2)
		return;
	ns_per_tick = (double)(to.ns - from.ns) / (double)(to.ticks - from.ticks);
}

bool hcb_clock_use_counter(struct hcb_clock *c)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	if (c->is_virtual)
		return false;
	pthread_once(&once, calibrate);
	double mult = ns_per_tick / c->dilation * 0x1p32;
	if (!(mult >= 1e6 && mult < 1e12)) /* 2 kHz to 4 THz: else it is nonsense */
		mult = 0;
	struct moment now = look();
	c->base_ns = now.ns;
	c->base_ticks = now.ticks;
	c->mult = (uint64_t)mult;
	return c->mult != 0;
}

double hcb_clock_error(const struct hcb_clock *c)
{
	if (c->is_virtual || !c->mult)
		return 0;
	struct moment now = look();
	double ours = (double)(now.ticks - c->base_ticks) * (double)c->mult * 0x1p-32 *
	              c->dilation;
	double theirs = (double)(now.ns - c->base_ns);
	return theirs < LEAST_TO_TELL ? 0 : ours / theirs - 1;
}

/* ---- moving and waiting ---- */

void hcb_clock_advance(struct hcb_clock *c, uint64_t to_ns)
{
	if (c->is_virtual && to_ns > c->now_ns)
		c->now_ns = to_ns;
}

uint64_t hcb_clock_wall_until(const struct hcb_clock *c, uint64_t t_ns)
{
	uint64_t now = hcb_clock_now(c);
	if (c->is_virtual || t_ns <= now)
		return 0;
	if (t_ns == HCB_NEVER)
		return HCB_NEVER;
	return (uint64_t)((double)(t_ns - now) * c->dilation);
}
