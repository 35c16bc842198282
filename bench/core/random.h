/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Seeded chance: xoshiro256** (Blackman and Vigna, public domain algorithm), seeded
 * through splitmix64. No global state; the same seed gives the same numbers with every
 * compiler. The exponential and geometric draws use integer tables and exact IEEE
 * operations only (no libm), so that they too are the same everywhere.
 */
#ifndef HCB_CORE_RANDOM_H
#define HCB_CORE_RANDOM_H

#include <stdint.h>

struct hcb_random {
	uint64_t s[4];
};

/* Streams of one seed are independent: give each user its own stream number. */
void hcb_random_init(struct hcb_random *r, uint64_t seed, uint64_t stream);

static inline uint64_t hcb_random_u64(struct hcb_random *r)
{
	uint64_t *s = r->s;
	uint64_t x = s[1] * 5;
	uint64_t result = ((x << 7) | (x >> 57)) * 9;
	uint64_t t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return result;
}

/* Uniform in [0, n), n > 0; bias below 2^-64 n. */
static inline uint64_t hcb_random_below(struct hcb_random *r, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)hcb_random_u64(r) * n) >> 64);
}

/* Uniform in [0, 1), 53 bits. */
static inline double hcb_random_unit(struct hcb_random *r)
{
	return (double)(hcb_random_u64(r) >> 11) * 0x1p-53;
}

/* Exponential with mean 1, by von Neumann's comparison method: no logarithm. */
double hcb_random_exp(struct hcb_random *r);

/*
 * A seeded permutation of [0, n): element i's image. Feistel rounds with cycle walking:
 * no table, O(1).
 */
uint64_t hcb_permute(uint64_t i, uint64_t n, uint64_t seed);

uint64_t hcb_mix64(uint64_t x); /* splitmix64's finaliser */

#endif
