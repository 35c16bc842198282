/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A site's own quiet nights, and the gate's thresholds from them. */
#include <errno.h>
#include <math.h>

#include "bench/core/random.h"
#include "bench/core/stats.h"
#include "bench/gate_rule.h"

#define HISTORIES 2000
#define JUDGED    100 /* nights of each */
#define LEAST     30  /* residuals */

/* The largest z of a history's judged nights that would be an alarm but for h, with
   baselines of n nights; 0 if there is none. */
static double loudest(const double *y, unsigned n, const struct hcb_gate_conf *any)
{
	struct hcb_gate_base base[HCB_GATE_WINDOW + 1]; /* a ring, by its last night */
	double most = 0;
	unsigned begin = n + HCB_GATE_WINDOW - 1;
	for (unsigned t = n - 1; t < begin + JUDGED; t++) {
		base[t % (HCB_GATE_WINDOW + 1)] =
		        hcb_gate_base_of(y + t + 1 - n, n, any->s_floor);
		if (t < begin)
			continue;
		for (unsigned m = 2; m <= HCB_GATE_WINDOW; m++) {
			unsigned end = (t - m) % (HCB_GATE_WINDOW + 1);
			struct hcb_gate_look l =
			        hcb_gate_look_at(&base[end], y + t + 1 - m, m, any);
			if (l.alarm && l.z > most)
				most = l.z;
		}
	}
	return most;
}

/* Where `budget` alarms come in 100 nights: with alarms at random, a history is without
   any with probability exp(-budget). */
static double h_for(const double *e, size_t len, unsigned n, double budget,
                    struct hcb_random *r, const struct hcb_gate_conf *any)
{
	double y[HCB_GATE_MAX + HCB_GATE_WINDOW + JUDGED], most[HISTORIES];
	for (unsigned k = 0; k < HISTORIES; k++) {
		hcb_gate_resample(e, len, y, n + HCB_GATE_WINDOW + JUDGED, r);
		most[k] = loudest(y, n, any);
	}
	hcb_sort(most, HISTORIES);
	unsigned quiet = (unsigned)ceil(exp(-budget) * HISTORIES);
	return most[quiet - 1];
}

size_t hcb_gate_quiet(const struct hcb_gate_night *nights,
                      const struct hcb_gate_result *results, size_t n, double *y)
{
	size_t from = n ? results[n - 1].segment : 0, many = 0;
	size_t onset = n; /* of what is announced next, going backwards */
	for (size_t i = n; i-- > from;) {
		const struct hcb_gate_result *r = &results[i];
		bool accepted = r->onset == from;
		if (r->announce && !accepted)
			onset = r->onset;
		bool began = i >= onset;
		if (i < onset)
			onset = n;
		bool calm = r->episode == HCB_GATE_OK && r->state != HCB_GATE_RECOVERED &&
		            !began;
		if (nights[i].valid && (accepted || calm))
			y[many++] = nights[i].y;
	}
	for (size_t i = 0; i < many / 2; i++) {
		double t = y[i];
		y[i] = y[many - 1 - i];
		y[many - 1 - i] = t;
	}
	return many;
}

int hcb_gate_calibrate(const double *residuals, size_t n, double budget, uint64_t seed,
                       struct hcb_gate_conf *conf)
{
	static const unsigned at[4] = {10, 14, 20, 30};
	struct hcb_gate_conf any;
	struct hcb_random r;
	if (n < LEAST || !(budget > 0 && budget < 10))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!isfinite(residuals[i]))
			return -EINVAL;
	/* Only what would be an alarm as shipped is looked at. */
	any = hcb_gate_defaults(HCB_GATE_P50);
	any.delta = 0;
	any.s_floor = conf->s_floor;
	if (!hcb_gate_sane(&any))
		return -EINVAL;
	hcb_random_init(&r, seed, 0);
	/* From the longest baseline: a shorter one never has the lower threshold. */
	double least = 0;
	for (int i = 3; i >= 0; i--) {
		double h = fmax(any.h[i], h_for(residuals, n, at[i], budget, &r, &any));
		least = fmax(least, h);
		conf->h[i] = least;
	}
	return 0;
}
