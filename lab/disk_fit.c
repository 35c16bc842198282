/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/disk_fit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/units.h"
#include "lab/disk_targets.h"

#define MAX_KNOBS   4 /* one is left empty: the end */
#define MAX_FIGURES 12
#define WORST       1e9
#define GRID_LENGTH 0.25 /* of the experiments while looking about */

struct knob {
	const char *section, *key;
	uint64_t grid_from, grid_to; /* tried first, times 2 each; 0: not */
};

struct group {
	const char *name;
	struct knob knob[MAX_KNOBS];
	int figure[MAX_FIGURES]; /* enum hdd_figure_id; ends with -1 */
};

static const struct group groups[] = {
        {"seek curve",
         {{"seek", "track_to_track", 0, 0},
          {"seek", "knee_time", 0, 0},
          {"seek", "full_stroke", 0, 0}},
         {HDD_MEAN_SEEK, HDD_READ_1, HDD_READ_1_RESPONSE, HDD_READ_SPAN_5,
          HDD_READ_SPAN_25, -1}},
        {"queue",
         {{"queue", "rpo_window", 1, 32},
          {"queue", "age_limit", 4 * HCB_MS, 1024 * HCB_MS}},
         {HDD_READ_2, HDD_READ_4, HDD_READ_8, HDD_READ_16, HDD_READ_32,
          HDD_READ_32_RESPONSE, HDD_READ_32_P99, -1}},
        {"settling",
         {{"seek", "write_settle", 0, 0}},
         {HDD_WRITE_FLUSH, HDD_WRITE_1_UNCACHED, HDD_WRITE_32_UNCACHED, -1}},
        {"cache",
         {{"buffer", "destage_window", 1, 256}, {"buffer", "dirty_commands", 64, 4096}},
         {HDD_WRITE_1_CACHED, HDD_WRITE_1_CACHED_30S, HDD_FLUSH_8, HDD_FLUSH_64,
          HDD_FLUSH_FULL, -1}},
};
#define N_GROUPS (sizeof(groups) / sizeof(groups[0]))

struct fit {
	const struct disk_fit_opts *o;
	struct disk_bench *bench;
	struct hdd_profile best;
	unsigned tried;
};

static const struct hcb_opt *find_key(const char *section, const char *key)
{
	size_t n;
	const struct hcb_ini_kind *s = hdd_profile_sections(HDD_TYPE_HDD, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(s[i].name, section) == 0)
			return hcb_opt_find(s[i].opts, key);
	return NULL;
}

static const struct disk_target *target_of(int figure)
{
	for (int i = 0; i < DISK_TARGETS; i++)
		if (disk_targets[i].figure == figure)
			return &disk_targets[i];
	return NULL;
}

/* ---- how far off a profile is ---- */

/* In units of the tolerance, so that a sharp figure counts for more than a vague one. */
static double off_by(const struct hdd_figure *f, bool demerit, double measured)
{
	if (demerit)
		return measured / 100 / f->limit;
	double d = measured - f->value;
	switch (f->how) {
	case HDD_WITHIN:
		return d / (f->limit * f->value);
	case HDD_AT_MOST:
		return d > 0 ? d / (0.05 * f->value) : 0;
	case HDD_AT_LEAST:
		return d < 0 ? d / (0.05 * f->value) : 0;
	case HDD_RANGE:
		d = measured - (f->value + f->limit) / 2;
		return 2 * d / (f->limit - f->value);
	}
	return WORST;
}

static double measure(struct disk_bench *b, int figure)
{
	const struct disk_target *t = target_of(figure);
	return t->measure(b, t->arg);
}

static double cost_of(struct fit *ft, const struct hdd_profile *p, const int *figure)
{
	double sum = 0;
	unsigned n = 0;
	disk_bench_reset(ft->bench, p);
	for (; *figure >= 0; figure++) {
		const struct hdd_figure *f = &p->published.figure[*figure];
		if (!f->given)
			continue;
		bool demerit = hdd_figure_unit((enum hdd_figure_id) * figure) ==
		               HDD_UNIT_QUANTILES;
		double off = off_by(f, demerit, measure(ft->bench, *figure));
		sum += off * off;
		n++;
	}
	ft->tried++;
	return n ? sum / n : 0;
}

static bool any_given(const struct hdd_profile *p, const int *figure)
{
	for (; *figure >= 0; figure++)
		if (p->published.figure[*figure].given)
			return true;
	return false;
}

/* ---- the search ---- */

/* The best with one key at another value. Where the profile is none, the worst. */
static double try_value(struct fit *ft, const struct hcb_opt *o, double value,
                        const int *figure, struct hdd_profile *p)
{
	struct hcb_err ignored = HCB_ERR_INIT;
	hdd_profile_set_number(o, p, value);
	if (p->destage_window > p->dirty_commands)
		p->destage_window = p->dirty_commands;
	if (hdd_profile_check(p, &ignored))
		return WORST;
	return cost_of(ft, p, figure);
}

/* All values of one or two keys, doubled from grid_from to grid_to, in short runs. */
static void look_about(struct fit *ft, const struct knob *k, const int *figure)
{
	struct hdd_profile base = ft->best, p;
	double least = WORST, length = ft->bench->length;
	const struct hcb_opt *o0 = find_key(k[0].section, k[0].key);
	const struct hcb_opt *o1 = find_key(k[1].section, k[1].key);
	ft->bench->length = length * GRID_LENGTH;
	for (uint64_t a = k[0].grid_from; a <= k[0].grid_to; a *= 2)
		for (uint64_t b = k[1].grid_from; b <= k[1].grid_to; b *= 2) {
			p = base;
			hdd_profile_set_number(o1, &p, (double)b);
			double cost = try_value(ft, o0, (double)a, figure, &p);
			if (cost < least) {
				least = cost;
				ft->best = p;
			}
		}
	ft->bench->length = length;
}

/* From value v one step up or down; whole numbers by one at least. */
static double step_from(const struct hcb_opt *o, double v, double step, bool up)
{
	double to = up ? v * (1 + step) : v / (1 + step);
	bool whole = o->type == HCB_OPT_U64;
	if (whole && fabs(to - v) < 1)
		to = up ? v + 1 : v - 1;
	return whole ? floor(to + 0.5) : to;
}

/* A key as far as it pays in one direction. */
static bool walk(struct fit *ft, const struct hcb_opt *o, double step, bool up,
                 const int *figure, double *cost)
{
	bool moved = false;
	for (;;) {
		struct hdd_profile p = ft->best;
		double v;
		hdd_profile_number(o, &p, &v);
		double c = try_value(ft, o, step_from(o, v, step, up), figure, &p);
		if (!(c < *cost * 0.999))
			return moved;
		*cost = c;
		ft->best = p;
		moved = true;
	}
}

/* Compass search: every key up and down, the step halved when nothing pays. */
static void search(struct fit *ft, const struct knob *k, unsigned n, const int *figure,
                   double step, double least_step)
{
	double cost = cost_of(ft, &ft->best, figure);
	while (step > least_step) {
		bool moved = false;
		for (unsigned i = 0; i < n; i++) {
			const struct hcb_opt *o = find_key(k[i].section, k[i].key);
			moved |= walk(ft, o, step, true, figure, &cost) ||
			         walk(ft, o, step, false, figure, &cost);
		}
		if (!moved)
			step /= 2;
	}
}

static void fit_group(struct fit *ft, const struct group *g)
{
	unsigned n = 0;
	if (!any_given(&ft->best, g->figure))
		return;
	while (n < MAX_KNOBS && g->knob[n].key)
		n++;
	if (g->knob[0].grid_from > 0)
		look_about(ft, g->knob, g->figure);
	search(ft, g->knob, n, g->figure, 0.25, 0.004);
	if (ft->o->progress)
		fprintf(stderr, "fit: %s: off by %.2f tolerances after %u tries\n",
		        g->name, sqrt(cost_of(ft, &ft->best, g->figure)), ft->tried);
}

/* ---- media rates: by proportion ---- */

/* Sectors per track and, since the capacity stays, tracks. */
static bool set_density(struct hdd_profile *p, double outer, double inner)
{
	struct hcb_err ignored = HCB_ERR_INIT;
	struct hdd_profile q = *p;
	q.outer_sectors = (uint64_t)(outer + 0.5);
	q.inner_sectors = (uint64_t)(inner + 0.5);
	/* Zones round down: up to half a sector per track is lost. */
	double per_track = (double)(q.outer_sectors + q.inner_sectors) / 2;
	q.tracks =
	        (uint64_t)((double)q.sectors / ((double)q.heads * per_track) * 1.0008) +
	        1;
	if (hdd_profile_check(&q, &ignored))
		return false;
	*p = q;
	return true;
}

static double ratio(struct fit *ft, int figure)
{
	const struct hdd_figure *f = &ft->best.published.figure[figure];
	return f->given ? f->value / measure(ft->bench, figure) : 0;
}

static void fit_rates(struct fit *ft)
{
	for (int round = 0; round < 3; round++) {
		disk_bench_reset(ft->bench, &ft->best);
		double outer = ratio(ft, HDD_READ_OUTER),
		       inner = ratio(ft, HDD_READ_INNER);
		double mean = ratio(ft, HDD_READ_MEAN);
		double first = outer > 0 ? outer : inner > 0 ? inner : mean;
		if (!(first > 0))
			return;
		double to_outer = outer > 0 ? outer : first;
		double to_inner = inner > 0 ? inner : first;
		if (!set_density(&ft->best, (double)ft->best.outer_sectors * to_outer,
		                 (double)ft->best.inner_sectors * to_inner))
			return;
	}
}

/* What the figures say is good for three digits at most. */
static void round_off(struct fit *ft, const struct hdd_profile *base)
{
	for (size_t i = 0; i < N_GROUPS; i++)
		for (const struct knob *k = groups[i].knob; k->key; k++) {
			struct hdd_profile p = ft->best;
			struct hcb_err ignored = HCB_ERR_INIT;
			const struct hcb_opt *o = find_key(k->section, k->key);
			double v, was, unit = 1;
			hdd_profile_number(o, &p, &v);
			hdd_profile_number(o, base, &was);
			if (v == was)
				continue;
			while (v / unit >= 1000)
				unit *= 10;
			hdd_profile_set_number(o, &p, floor(v / unit + 0.5) * unit);
			if (hdd_profile_check(&p, &ignored) == 0)
				ft->best = p;
		}
}

int disk_fit(const struct hdd_profile *base, const struct disk_fit_opts *o,
             struct hdd_profile *out, struct hcb_err *err)
{
	static const int rates[] = {HDD_READ_OUTER, HDD_READ_INNER, HDD_READ_MEAN, -1};
	struct fit ft = {.o = o, .best = *base};
	bool any = any_given(base, rates);
	if (base->type != HDD_TYPE_HDD)
		return hcb_err_usage(err, "fit %s: only hard disks are fitted",
		                     base->name);
	for (size_t i = 0; i < N_GROUPS; i++)
		any |= any_given(base, groups[i].figure);
	if (!any)
		return hcb_err_usage(err, "fit %s: no figure to fit to", base->name);
	ft.bench = disk_bench_new(base, o->seed, o->length, err);
	if (!ft.bench)
		return -ENOMEM;
	fit_rates(&ft);
	for (size_t i = 0; i < N_GROUPS; i++)
		fit_group(&ft, &groups[i]);
	/* The seek curve is seen in every figure: once more, with all of them. */
	int all[HDD_FIGURE_COUNT + 1], n = 0;
	for (size_t i = 0; i < N_GROUPS; i++)
		for (const int *f = groups[i].figure; *f >= 0; f++)
			all[n++] = *f;
	all[n] = -1;
	for (size_t i = 0; i < N_GROUPS; i++) {
		unsigned k = 0;
		while (k < MAX_KNOBS && groups[i].knob[k].key)
			k++;
		if (any_given(base, groups[i].figure))
			search(&ft, groups[i].knob, k, all, 0.05, 0.01);
	}
	round_off(&ft, base);
	*out = ft.best;
	free(ft.bench);
	return 0;
}
