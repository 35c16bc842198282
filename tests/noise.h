/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Noise for tests of statistics: a night's (or an op's) deviation from its level, mean 0
 * and variance 1 unless said otherwise, seeded.
 */
#ifndef HCB_TESTS_NOISE_H
#define HCB_TESTS_NOISE_H

#include <math.h>
#include <stdbool.h>

#include "bench/core/random.h"

enum noise_kind {
	NOISE_NORMAL,
	NOISE_T4,  /* Student's t with 4 degrees of freedom, scaled to variance 1 */
	NOISE_BAD, /* normal, and 3 % of the nights 6 deviations worse */
	NOISE_AR3, /* normal, lag-1 autocorrelation 0.3 */
	NOISE_AR6, /* 0.6 */
	NOISE_TWO, /* normal, and 35 % of the nights at a level 6 deviations worse */
	NOISE_KINDS
};

static const char *const noise_name[] = {
        [NOISE_NORMAL] = "normal", [NOISE_T4] = "t4",       [NOISE_BAD] = "3 % bad",
        [NOISE_AR3] = "AR(0.3)",   [NOISE_AR6] = "AR(0.6)", [NOISE_TWO] = "2 levels",
};

struct noise {
	enum noise_kind kind;
	struct hcb_random r;
	bool spare, begun;
	double next, last; /* the second of a pair of normals; the AR's last value */
};

static inline void noise_init(struct noise *z, enum noise_kind kind, uint64_t seed,
                              uint64_t stream)
{
	*z = (struct noise){.kind = kind};
	hcb_random_init(&z->r, seed, stream);
}

/* Marsaglia's polar method. */
static inline double noise_normal(struct noise *z)
{
	double u, v, s;
	z->spare = !z->spare;
	if (!z->spare)
		return z->next;
	do {
		u = 2 * hcb_random_unit(&z->r) - 1;
		v = 2 * hcb_random_unit(&z->r) - 1;
		s = u * u + v * v;
	} while (s >= 1 || s <= 0);
	double f = sqrt(-2 * log(s) / s);
	z->next = v * f;
	return u * f;
}

/* A stationary series of normals. */
static inline double noise_ar(struct noise *z, double phi)
{
	double e = noise_normal(z);
	z->last = z->begun ? phi * z->last + sqrt(1 - phi * phi) * e : e;
	z->begun = true;
	return z->last;
}

static inline double noise_draw(struct noise *z)
{
	double y;
	switch (z->kind) {
	case NOISE_T4: /* chi-squared with 4 degrees is twice two exponentials */
		y = noise_normal(z);
		return y / sqrt((hcb_random_exp(&z->r) + hcb_random_exp(&z->r)) / 2) /
		       sqrt(2);
	case NOISE_BAD:
		y = noise_normal(z);
		return hcb_random_unit(&z->r) < 0.03 ? y + 6 : y;
	case NOISE_TWO:
		y = noise_normal(z);
		return hcb_random_unit(&z->r) < 0.35 ? y + 6 : y;
	case NOISE_AR3:
		return noise_ar(z, 0.3);
	case NOISE_AR6:
		return noise_ar(z, 0.6);
	default:
		return noise_normal(z);
	}
}

#endif
