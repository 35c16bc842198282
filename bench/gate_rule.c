/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/gate_rule.h"

#include <math.h>
#include <string.h>

#include "bench/core/random.h"
#include "bench/core/stats.h"
#include "bench/core/student.h"

#define CLAMP_BASE      2.5    /* d, of a night in the baseline */
#define CLAMP_WINDOW    3.3    /* s, of a night in the window */
#define MAD_TO_SD       1.4826 /* of a normal distribution */
/* What clamping at 2.5 d takes from a normal distribution's deviation (1.02 makes up for
   it), and how far below d it may fall: two guesses of one thing. */
#define CLAMPED_TO_SD   1.02
#define LEAST_OF_MAD    0.8
/* Of nights at two levels, most of them at one, d is the scatter about that one. The
   distance without the best and the worst tenth has both levels in it, and nothing of as
   many bad nights; 2.3 deviations of 20 to 30 normal ones. As much of it as takes no
   power where the nights are normal. */
#define TENTHS_TO_SD    (1 / 2.3)
#define LEAST_OF_TENTHS 0.75
#define BOUND           0.999 /* of a single night, one-sided */
#define COLLAPSE_S      6.0
#define COLLAPSE        0.25
#define RESAMPLES       999
#define Z_80            0.8416 /* 80 % of a normal distribution */
#define Z_975           1.9600 /* 97.5 % */
#define MDE_NIGHTS      7
/* By so many s a step has to be beyond the floor for one of the medians of 2 to 7 nights
   to be, 80 % of the time: simulated (tests/accuracy/gate.c). */
#define MEDIAN_80       0.15

static const unsigned h_at[4] = {10, 14, 20, 30};

bool hcb_gate_sane(const struct hcb_gate_conf *conf)
{
	bool sane = isfinite(conf->delta) && conf->delta >= 0 &&
	            isfinite(conf->s_floor) && conf->s_floor > 0;
	for (int i = 0; i < 4; i++)
		sane = sane && isfinite(conf->h[i]) && conf->h[i] > 0;
	return sane;
}

double hcb_gate_h(const struct hcb_gate_conf *conf, unsigned n)
{
	int i = 0;
	if (n >= h_at[3])
		return conf->h[3];
	if (n <= h_at[0])
		return conf->h[0];
	while (n > h_at[i + 1])
		i++;
	double a = 1.0 / h_at[i], b = 1.0 / h_at[i + 1], x = 1.0 / n;
	return conf->h[i] + (conf->h[i + 1] - conf->h[i]) * (a - x) / (a - b);
}

/* Insertion: of thirty values at most. */
static void sort_few(double *y, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		double v = y[i];
		unsigned k = i;
		for (; k && y[k - 1] > v; k--)
			y[k] = y[k - 1];
		y[k] = v;
	}
}

static double middle(const double *sorted, unsigned n)
{
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static double median_of(const double *y, unsigned n)
{
	double copy[HCB_GATE_MAX];
	memcpy(copy, y, n * sizeof(*y));
	sort_few(copy, n);
	return middle(copy, n);
}

static double clamp(double x, double mid, double half)
{
	return x < mid - half ? mid - half : x > mid + half ? mid + half : x;
}

static void mean_and_sd(const double *y, unsigned n, double *mean, double *sd)
{
	double sum = 0, squares = 0;
	for (unsigned i = 0; i < n; i++)
		sum += y[i];
	*mean = sum / n;
	for (unsigned i = 0; i < n; i++)
		squares += (y[i] - *mean) * (y[i] - *mean);
	*sd = sqrt(squares / (n - 1));
}

struct hcb_gate_base hcb_gate_base_of(const double *y, unsigned n, double s_floor)
{
	struct hcb_gate_base b = {.n = n};
	double w[HCB_GATE_MAX];
	memcpy(w, y, n * sizeof(*y));
	sort_few(w, n);
	b.median = middle(w, n);
	double tenths = TENTHS_TO_SD * (w[n - 1 - n / 10] - w[n / 10]);
	for (unsigned i = 0; i < n; i++)
		w[i] = fabs(y[i] - b.median);
	sort_few(w, n);
	double d = fmax(MAD_TO_SD * middle(w, n), LEAST_OF_TENTHS * tenths);
	/* Of a series that mostly repeats one value d is 0: what differs by its
	   resolution is no outlier. */
	double half = CLAMP_BASE * fmax(d, s_floor);
	for (unsigned i = 0; i < n; i++)
		w[i] = clamp(y[i], b.median, half);
	mean_and_sd(w, n, &b.mu, &b.s);
	b.s = fmax(fmax(CLAMPED_TO_SD * b.s, LEAST_OF_MAD * d), s_floor);
	mean_and_sd(y, n, &b.mean, &b.sd);
	return b;
}

struct hcb_gate_look hcb_gate_look_at(const struct hcb_gate_base *b, const double *window,
                                      unsigned m, const struct hcb_gate_conf *conf)
{
	struct hcb_gate_look l = {.m = m, .h = hcb_gate_h(conf, b->n)};
	double a = 0;
	for (unsigned i = 0; i < m; i++)
		a += clamp(window[i], b->mu, CLAMP_WINDOW * b->s) / m;
	l.z = (a - b->mu) / (b->s * sqrt(1.0 / m + 1.0 / b->n));
	double sign = l.z < 0 ? -1 : 1;
	l.shift = median_of(window, m) - b->median;
	if (m == 2) /* both have to have moved */
		l.shift = sign * fmin(sign * (window[0] - b->median),
		                      sign * (window[1] - b->median));
	l.alarm = sign * l.z > l.h && sign * l.shift > fmax(b->s, log1p(conf->delta));
	return l;
}

struct hcb_gate_look hcb_gate_louder(struct hcb_gate_look a, struct hcb_gate_look b)
{
	if (!a.m || !b.m)
		return a.m ? a : b;
	if (a.alarm != b.alarm)
		return a.alarm ? a : b;
	double za = fabs(a.z), zb = fabs(b.z);
	if (!a.alarm) {
		za /= a.h;
		zb /= b.h;
	}
	return zb > za ? b : a;
}

double hcb_gate_bound(unsigned n)
{
	return hcb_t_quantile(BOUND, n - 1) * sqrt(1 + 1.0 / n);
}

int hcb_gate_outside(const struct hcb_gate_base *b, double y, double bound,
                     double s_floor)
{
	double reach = bound * fmax(b->sd, s_floor);
	return (y - b->mean > reach) - (y - b->mean < -reach);
}

int hcb_gate_collapse(const struct hcb_gate_base *b, const double *two)
{
	double far = COLLAPSE_S * b->s, change = log1p(COLLAPSE);
	for (int sign = 1; sign >= -1; sign -= 2) {
		bool both = true;
		for (int i = 0; i < 2; i++)
			both = both && sign * (two[i] - b->mu) > far &&
			       sign * (two[i] - b->median) > change;
		if (both)
			return sign;
	}
	return 0;
}

/* Of a normal x about k: the share that is clamped, and E min(x, CLAMP_WINDOW). */
static double clamped_share(double k)
{
	return erfc((CLAMP_WINDOW - k) / sqrt(2)) / 2;
}

static double after_clamp(double k)
{
	double over = k - CLAMP_WINDOW;
	return k - over * clamped_share(k) - exp(-over * over / 2) / sqrt(2 * M_PI);
}

double hcb_gate_mde(const struct hcb_gate_base *b, const struct hcb_gate_conf *conf)
{
	double error = sqrt(1.0 / MDE_NIGHTS + 1.0 / b->n);
	double need = hcb_gate_h(conf, b->n) * error, lo = 0, hi = 20;
	if (need >= after_clamp(hi))
		return INFINITY; /* clamped, so many nights cannot add up to h */
	while (hi - lo > 1e-6) {
		double mid = (lo + hi) / 2;
		*(after_clamp(mid) < need ? &lo : &hi) = mid;
	}
	/* Where many nights are clamped it takes more for as much of z. */
	double by_z = (lo + Z_80 * error / sqrt(1 - clamped_share(lo))) * b->s;
	double by_median = fmax(b->s, log1p(conf->delta)) + MEDIAN_80 * b->s;
	return expm1(fmax(by_z, by_median));
}

/* ---- the interval of a shift ---- */

void hcb_gate_resample(const double *e, size_t len, double *out, unsigned n,
                       struct hcb_random *r)
{
	size_t at = 0;
	for (unsigned i = 0; i < n; i++) {
		if (i % HCB_GATE_BLOCK == 0)
			at = (size_t)hcb_random_below(r, len - HCB_GATE_BLOCK + 1);
		out[i] = e[at + i % HCB_GATE_BLOCK];
	}
}

/*
 * Both windows' distances from their medians are resampled together: a window of two or
 * three nights says nothing of its own spread. What a resampled shift strays from 0, the
 * shift itself strayed from the truth (the basic bootstrap).
 */
void hcb_gate_interval(const double *base, unsigned n, const double *window, unsigned m,
                       uint64_t seed, double *lo, double *hi)
{
	double e[HCB_GATE_MAX + HCB_GATE_WINDOW], stray[RESAMPLES];
	double b[HCB_GATE_MAX], w[HCB_GATE_WINDOW];
	double mb = median_of(base, n), mw = median_of(window, m);
	struct hcb_random r;
	/* Distances from medians of the same nights are too small, blocks of so few
	   nights vary too little (Kunsch 1989: by 1 - HCB_GATE_BLOCK / N of the
	   variance), and quantiles of so few are t's. */
	double all = n + m;
	double wider = sqrt(all / (all - 2) / (1 - HCB_GATE_BLOCK / all)) *
	               hcb_t_quantile(0.975, all - 2) / Z_975;
	for (unsigned i = 0; i < n; i++)
		e[i] = base[i] - mb;
	for (unsigned i = 0; i < m; i++)
		e[n + i] = window[i] - mw;
	hcb_random_init(&r, seed, 0);
	for (unsigned k = 0; k < RESAMPLES; k++) {
		hcb_gate_resample(e, n + m, b, n, &r);
		hcb_gate_resample(e, n + m, w, m, &r);
		sort_few(b, n);
		sort_few(w, m);
		stray[k] = wider * (middle(w, m) - middle(b, n));
	}
	hcb_sort(stray, RESAMPLES);
	/* The 25th and the 975th of 999 leave 2.5 % outside on each side. */
	*lo = mw - mb - stray[974];
	*hi = mw - mb - stray[24];
}
