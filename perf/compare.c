/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From runs to figures. */
#include <math.h>
#include <stdlib.h>

#include "bench/core/stats.h"
#include "bench/core/student.h"
#include "perf/perf.h"

static const char *const units[] = {
        [PERF_RATE] = "1/s",      [PERF_RATE_PER_CPU] = "1/s per core",
        [PERF_CPU_PER_OP] = "us", [PERF_CPU_SHARE] = "% of a core",
        [PERF_P50] = "us",        [PERF_LATE_P99] = "us",
        [PERF_OTHER] = "",
};

double perf_get(const struct perf_run *r, enum perf_what what)
{
	switch (what) {
	case PERF_RATE:
		return r->rate_per_s;
	case PERF_RATE_PER_CPU:
		return r->ops / r->cpu_s;
	case PERF_CPU_PER_OP:
		return r->cpu_s / r->ops * 1e6;
	case PERF_CPU_SHARE:
		return r->cpu_s / (r->ops / r->rate_per_s) * 100;
	case PERF_P50:
		return r->p50_ns / 1e3;
	case PERF_LATE_P99:
		return r->late_p99_ns / 1e3;
	case PERF_OTHER:
		break;
	}
	return NAN;
}

static struct perf_figure *new_figure(struct perf_ctx *c, const struct perf_goal *g,
                                      const char *unit)
{
	struct perf_report *r = c->report;
	if (r->n_figures == PERF_MAX_FIGURES)
		abort(); /* more rows than there is room for: a bug */
	struct perf_figure *f = &r->figure[r->n_figures++];
	*f = (struct perf_figure){
	        .row = g->row,
	        .name = g->name,
	        .unit = unit,
	        .ours = NAN,
	        .theirs = NAN,
	        .sense = g->sense,
	        .goal = g->goal,
	        .blocks = c->blocks,
	};
	return f;
}

static void collect(const struct perf_ctx *c, enum perf_what what,
                    const struct perf_run *runs, double *out)
{
	for (unsigned b = 0; b < c->blocks; b++)
		out[b] = perf_get(&runs[b], what);
}

void perf_add_ratio_of(struct perf_ctx *c, const struct perf_goal *g, const char *unit,
                       const double *ours, const double *theirs)
{
	struct perf_figure *f = new_figure(c, g, unit);
	struct hcb_interval_of_ratio i =
	        hcb_interval_of_ratio(ours, theirs, c->blocks, 0.95);
	f->ours = hcb_mean(ours, c->blocks);
	f->theirs = hcb_mean(theirs, c->blocks);
	f->is_ratio = true;
	f->judged = (struct perf_interval){i.ratio, i.lo, i.hi};
}

void perf_add_ratio(struct perf_ctx *c, const struct perf_goal *g,
                    struct perf_run (*runs)[PERF_MAX_BLOCKS])
{
	double a[PERF_MAX_BLOCKS], b[PERF_MAX_BLOCKS];
	collect(c, g->what, runs[0], a);
	collect(c, g->what, runs[1], b);
	perf_add_ratio_of(c, g, units[g->what], a, b);
}

void perf_add_value(struct perf_ctx *c, const struct perf_goal *g,
                    struct perf_run (*runs)[PERF_MAX_BLOCKS], bool theirs)
{
	double v[PERF_MAX_BLOCKS];
	struct perf_figure *f = new_figure(c, g, units[g->what]);
	if (theirs) {
		collect(c, g->what, runs[1], v);
		f->theirs = hcb_mean(v, c->blocks);
	}
	collect(c, g->what, runs[0], v);
	struct hcb_interval_of_mean i = hcb_interval_of_mean(v, c->blocks, 0.95);
	f->ours = i.mean;
	f->judged = (struct perf_interval){i.mean, i.lo, i.hi};
}
