/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workloads/zipf.h"

#include <errno.h>
#include <stdlib.h>

#define EXACT       128u
#define MAX_BUCKETS (EXACT + 64u * 57u) /* n below 2^64 */
#define ONE         0x1p53

/* x^e for x >= 1, e >= 0: the whole part by multiplying, the fraction bit by bit through
   repeated square roots. */
static double power(double x, double e)
{
	double result = 1, root = x;
	while (e >= 1) {
		result *= x;
		e -= 1;
	}
	for (int bit = 0; bit < 40 && e > 0; bit++) {
		root = __builtin_sqrt(root);
		e *= 2;
		if (e >= 1) {
			result *= root;
			e -= 1;
		}
	}
	return result;
}

/* first[] for n ranks; how many buckets there are. */
static uint32_t cut(struct hcb_zipf *z)
{
	uint64_t at = 0, width = 1;
	uint32_t k = 0;
	while (at < z->n) {
		z->first[k++] = at;
		if (at == EXACT * width)
			width *= 2;
		at = z->n - at > width ? at + width : z->n;
	}
	z->first[k] = z->n;
	return k;
}

int hcb_zipf_init(struct hcb_zipf *z, uint64_t n, double theta)
{
	*z = (struct hcb_zipf){.n = n};
	z->first = calloc(MAX_BUCKETS + 1, sizeof(*z->first));
	z->until = calloc(MAX_BUCKETS, sizeof(*z->until));
	double *weight = calloc(MAX_BUCKETS, sizeof(*weight));
	if (!z->first || !z->until || !weight) {
		free(weight);
		hcb_zipf_free(z);
		return -ENOMEM;
	}
	z->n_buckets = cut(z);
	double sum = 0, so_far = 0;
	for (uint32_t k = 0; k < z->n_buckets; k++) {
		double from = (double)z->first[k] + 1, to = (double)z->first[k + 1];
		weight[k] = (to - from + 1) / power((from + to) / 2, theta);
		sum += weight[k];
	}
	for (uint32_t k = 0; k < z->n_buckets; k++) {
		so_far += weight[k];
		z->until[k] = (uint64_t)(so_far / sum * ONE);
	}
	z->until[z->n_buckets - 1] = (uint64_t)ONE;
	free(weight);
	return 0;
}

void hcb_zipf_free(struct hcb_zipf *z)
{
	free(z->first);
	free(z->until);
	z->first = z->until = NULL;
}

uint64_t hcb_zipf_rank(const struct hcb_zipf *z, struct hcb_random *r)
{
	uint64_t u = hcb_random_u64(r) >> 11;
	uint32_t lo = 0, hi = z->n_buckets - 1; /* the first bucket with until > u */
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		if (z->until[mid] > u)
			hi = mid;
		else
			lo = mid + 1;
	}
	uint64_t width = z->first[lo + 1] - z->first[lo];
	return z->first[lo] + (width > 1 ? hcb_random_below(r, width) : 0);
}
