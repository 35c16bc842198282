/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workloads/law.h"

#define BITS 44 /* of a logarithm's fraction */

double hcb_law_log2(double x)
{
	double whole = 0, part = 0, bit = 0.5;
	for (; x >= 2; whole++)
		x *= 0.5;
	for (; x < 1; whole--)
		x *= 2;
	/* log2 x = log2(x^2) / 2: each squaring brings out one more bit. */
	for (int i = 0; i < BITS; i++, bit *= 0.5) {
		x *= x;
		if (x < 2)
			continue;
		x *= 0.5;
		part += bit;
	}
	return whole + part;
}

double hcb_law_exp2(double x)
{
	double y = 1, root = 2, bit = 0.5;
	int whole = (int)x - (x < (int)x); /* rounded down */
	x -= whole;
	for (; whole > 0; whole--)
		y *= 2;
	for (; whole < 0; whole++)
		y *= 0.5;
	/* 2^x is the product of 2^(2^-i) over the bits set in x. */
	for (int i = 0; i < BITS; i++, bit *= 0.5) {
		root = __builtin_sqrt(root);
		if (x < bit)
			continue;
		x -= bit;
		y *= root;
	}
	return y;
}

double hcb_law_pow(double x, double y)
{
	return hcb_law_exp2(y * hcb_law_log2(x));
}

double hcb_law_through(const struct hcb_law_point *p, size_t n, double x)
{
	size_t i = 1;
	while (i + 1 < n && x > p[i].x)
		i++;
	double slope =
	        hcb_law_log2(p[i].y / p[i - 1].y) / hcb_law_log2(p[i].x / p[i - 1].x);
	return p[i - 1].y * hcb_law_pow(x / p[i - 1].x, slope);
}
