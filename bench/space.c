/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/space.h"

#include <math.h>
#include <string.h>

/* The largest D with sum of min(b, D) >= copies * D. Domains larger than D count D each:
   with the k largest of them capped, D = (sum of the others) / (copies - k). */
static double most(const double *b, size_t n, unsigned copies)
{
	double best = 0;
	if (n < copies || !copies)
		return 0;
	/* D is one of the domains' sizes, or what the uncapped ones give. */
	for (size_t i = 0; i < n; i++) {
		double sum = 0;
		for (size_t k = 0; k < n; k++)
			sum += fmin(b[k], b[i]);
		if (sum >= copies * b[i] && b[i] > best)
			best = b[i];
	}
	double rest = 0;
	unsigned capped = 0;
	for (size_t k = 0; k < n; k++) {
		if (b[k] > best)
			capped++;
		else
			rest += b[k];
	}
	if (capped < copies)
		best = fmax(best, rest / (copies - capped));
	return best;
}

double hcb_space_usable(const double *bytes, size_t n, unsigned copies, bool lose)
{
	double left[HCB_SPACE_DOMAINS];
	size_t largest = 0;
	if (n > HCB_SPACE_DOMAINS || n < copies)
		return 0;
	memcpy(left, bytes, n * sizeof(*bytes));
	for (size_t i = 1; i < n; i++)
		if (bytes[i] > bytes[largest])
			largest = i;
	if (lose && n > copies) {
		memmove(left + largest, left + largest + 1,
		        (n - largest - 1) * sizeof(*left));
		n--;
	}
	return HCB_SPACE_NEARFULL * most(left, n, copies);
}
