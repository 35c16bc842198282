/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intervals on blocks as shipped (bench/core/interval.h), on simulated streams of ops:
 * how often a 95 % interval holds what it is an interval of. Exit code 1 if a goal is
 * missed. `make accuracy` keeps what it prints.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/interval.h"
#include "bench/core/stats.h"
#include "bench/core/student.h"
#include "noise.h"

#define OPS    1000 /* of a block: half a minute of 33 commits/s */
#define BLOCKS 20
#define LOWEST 0.92
#define MOST   0.98
#define SEED   1

static unsigned missed;
static const size_t sizes[3] = {5, 10, 20};

/* ---- streams of ops ---- */

struct stream {
	const char *name, *what;
	double slow;  /* share of a second mode, 20 times as slow */
	double sigma; /* of a mode, in logarithms */
	double phi;   /* of the logarithms, from op to op */
};

static const struct stream streams[] = {
        {"lognormal", "independent, sigma 1", 0, 1, 0},
        {"bimodal", "10 % of the ops 20 x as slow", 0.10, 0.3, 0},
        {"edge", "1 %: the p99 is between the modes", 0.01, 0.3, 0},
        {"AR(0.9)", "lognormal, correlated over 10 ops", 0, 1, 0.9},
        {"AR(0.99)", "over 100 ops, a tenth of a block", 0, 1, 0.99},
};

enum { P50, P99, MEAN, METRICS };
static const char *const metric_name[] = {"p50", "p99", "mean"};

static void one_block(const struct stream *s, struct noise *z, double *value)
{
	static double x[OPS];
	for (size_t i = 0; i < OPS; i++) {
		double y =
		        s->sigma * (s->phi > 0 ? noise_ar(z, s->phi) : noise_normal(z));
		bool slow = s->slow > 0 && hcb_random_unit(&z->r) < s->slow;
		x[i] = exp(y) * (slow ? 20 : 1);
	}
	value[MEAN] = hcb_mean(x, OPS);
	hcb_sort(x, OPS);
	value[P50] = x[OPS / 2 - 1];
	value[P99] = x[OPS * 99 / 100 - 1];
}

/* ---- coverage ---- */

struct coverage {
	unsigned held, t_held; /* by the interval; by Student's t on the same blocks */
	double width;          /* hi / lo - 1, summed */
};

static void look(const double *x, size_t n, uint64_t seed, double truth,
                 struct coverage *c)
{
	struct hcb_blocks b;
	double y[BLOCKS];
	for (size_t i = 0; i < n; i++)
		y[i] = log(x[i]);
	if (hcb_blocks_interval(x, n, 0.95, seed, &b) < 0)
		abort();
	struct hcb_interval_of_mean t = hcb_interval_of_mean(y, n, 0.95);
	c->held += b.lo <= truth && truth <= b.hi;
	c->t_held += t.lo <= log(truth) && log(truth) <= t.hi;
	c->width += b.hi / b.lo - 1;
}

/* all: `trials` times BLOCKS values. The truth is what they all together centre on. */
static void print_row(const char *name, const char *metric, const double *all,
                      unsigned trials, bool goal)
{
	double sum = 0;
	bool ok = true;
	for (size_t i = 0; i < (size_t)trials * BLOCKS; i++)
		sum += log(all[i]);
	double truth = exp(sum / (double)trials / BLOCKS);
	printf("%-10s %-5s", name, metric);
	for (int k = 0; k < 3; k++) {
		struct coverage c = {0};
		for (unsigned i = 0; i < trials; i++)
			look(all + (size_t)i * BLOCKS, sizes[k], i, truth, &c);
		double share = (double)c.held / trials;
		ok = ok && share >= LOWEST && share <= MOST;
		printf("  %5.1f %%", 100 * share);
		if (k == 2)
			printf(" (t: %5.1f %%)", 100.0 * c.t_held / trials);
		printf(" %6.1f %%", 100 * c.width / trials);
	}
	missed += goal && !ok;
	printf("  %s\n", !goal ? "-" : ok ? "met" : "MISSED");
}

static void head(const char *title)
{
	printf("%s\n\n%-10s %-5s  %-7s %8s  %-7s %8s  %-19s %6s  92..98 %%\n", title, "",
	       "", "5", "width", "10", "width", "20 blocks", "width");
}

static void of_ops(double *all, unsigned trials)
{
	head("Blocks of 1000 ops: coverage of 95 % intervals, mean width (hi / lo - 1)");
	for (size_t s = 0; s < sizeof(streams) / sizeof(streams[0]); s++) {
		struct noise z;
		size_t n = (size_t)trials * BLOCKS;
		noise_init(&z, NOISE_NORMAL, SEED, s);
		for (size_t i = 0; i < n; i++) {
			double v[METRICS];
			one_block(&streams[s], &z, v);
			for (int m = 0; m < METRICS; m++)
				all[(size_t)m * n + i] = v[m];
		}
		for (int m = 0; m < METRICS; m++)
			print_row(streams[s].name, metric_name[m], all + (size_t)m * n,
			          trials, true);
	}
	printf("\n");
	for (size_t s = 0; s < sizeof(streams) / sizeof(streams[0]); s++)
		printf("%-10s %s\n", streams[s].name, streams[s].what);
}

/* ---- blocks that are not what they should be ---- */

enum { INDEPENDENT, CORRELATED_3, CORRELATED_6, TWO_LEVELS, SKEWED, SHAPES };
static const char *const shape_name[] = {"normal", "AR(0.3)", "AR(0.6)", "two", "skewed"};
static const char *const shape_what[] = {
        "logarithms normal, independent: what t is made for",
        "the same, each block depends on the one before it",
        "more so",
        "each third block twice as slow, as beside a scrub",
        "exponential: the logarithm's lower tail is long",
};

static double block_value(int shape, struct noise *z)
{
	switch (shape) {
	case CORRELATED_3:
		return exp(0.1 * noise_ar(z, 0.3));
	case CORRELATED_6:
		return exp(0.1 * noise_ar(z, 0.6));
	case TWO_LEVELS:
		return exp(0.1 * noise_normal(z)) *
		       (hcb_random_below(&z->r, 3) == 0 ? 2 : 1);
	case SKEWED:
		return hcb_random_exp(&z->r) + 1e-12;
	default:
		return exp(0.1 * noise_normal(z));
	}
}

static void of_blocks(double *all, unsigned trials)
{
	printf("\n");
	head("Blocks drawn as such, for what happens outside of the goal");
	for (int shape = 0; shape < SHAPES; shape++) {
		for (unsigned i = 0; i < trials; i++) {
			struct noise z; /* each trial a series of its own */
			noise_init(&z, NOISE_NORMAL, SEED + 1 + (uint64_t)shape, i);
			for (int k = 0; k < BLOCKS; k++)
				all[(size_t)i * BLOCKS + (size_t)k] =
				        block_value(shape, &z);
		}
		print_row(shape_name[shape], "", all, trials, false);
	}
	printf("\n");
	for (int shape = 0; shape < SHAPES; shape++)
		printf("%-10s %s\n", shape_name[shape], shape_what[shape]);
}

int main(int argc, char **argv)
{
	unsigned trials = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2000;
	double *all = trials ? malloc(METRICS * sizeof(*all) * trials * BLOCKS) : NULL;
	if (!all)
		return 1;
	of_ops(all, trials);
	of_blocks(all, trials);
	printf("\n%u trials a row: +- %.1f %% by chance.\n", trials,
	       100 * sqrt(0.95 * 0.05 / trials));
	free(all);
	return missed ? 1 : 0;
}
