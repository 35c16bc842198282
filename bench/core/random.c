/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/random.h"

uint64_t hcb_mix64(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

void hcb_random_init(struct hcb_random *r, uint64_t seed, uint64_t stream)
{
	uint64_t x = hcb_mix64(seed ^ hcb_mix64(stream + 0x632be59bd9b4e019ULL));
	for (int i = 0; i < 4; i++) {
		x += 0x9e3779b97f4a7c15ULL;
		r->s[i] = hcb_mix64(x);
	}
}

/*
 * von Neumann 1951: draw a descending run u1 > u2 > ...; if its length is odd the first
 * draw is the fraction, else the whole part grows by one.
 */
double hcb_random_exp(struct hcb_random *r)
{
	for (double whole = 0;; whole += 1) {
		double first = hcb_random_unit(r), last = first;
		unsigned run = 1;
		for (;;) {
			double u = hcb_random_unit(r);
			if (u >= last)
				break;
			last = u;
			run++;
		}
		if (run & 1)
			return whole + first;
	}
}

uint64_t hcb_permute(uint64_t i, uint64_t n, uint64_t seed)
{
	if (n <= 1)
		return 0;
	unsigned half = 1;
	while (half < 32 && ((uint64_t)1 << (2 * half)) < n)
		half++;
	uint64_t mask = ((uint64_t)1 << half) - 1;
	do {
		uint64_t l = i >> half, r = i & mask;
		for (uint64_t k = 0; k < 4; k++) {
			uint64_t t = l ^ (hcb_mix64(r + hcb_mix64(seed + k)) & mask);
			l = r;
			r = t;
		}
		i = (l << half) | r;
	} while (i >= n);
	return i;
}
