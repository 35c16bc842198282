/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/disk_experiments.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/random.h"
#include "bench/core/stats.h"
#include "bench/core/units.h"
#include "engines/hdd_geometry.h"

#define RUN_S  60.0  /* per experiment, as the references ask */
#define LONG_S 300.0 /* sustained cached writes: many times the cache */

/* An SSD does in a second what a hard disk does in minutes. */
#define SSD_LENGTH (1.0 / 12)

enum { STREAM_LOAD = 77, STREAM_SEEK, STREAM_FLUSH, STREAM_PAST };

struct disk_bench *disk_bench_new(const struct hdd_profile *p, uint64_t seed,
                                  double length, struct hcb_err *err)
{
	struct disk_bench *b = calloc(1, sizeof(*b));
	if (!b) {
		hcb_err_sys(err, -ENOMEM, "measure %s", p->name);
		return NULL;
	}
	b->seed = seed;
	b->length = length;
	disk_bench_reset(b, p);
	return b;
}

void disk_bench_reset(struct disk_bench *b, const struct hdd_profile *p)
{
	b->profile = *p;
	memset(b->read_rate, 0, sizeof(b->read_rate));
	b->read_outer_mb = 0;
	hcb_hist_reset(&b->hist);
}

static struct hdd *new_disk(const struct disk_bench *b, enum hdd_switch cache)
{
	struct hdd_config cfg = {.profile = &b->profile,
	                         .seed = b->seed,
	                         .cache = cache,
	                         .depth = DISK_MAX_DEPTH,
	                         .slow = 1};
	struct hdd *m = hdd_new(&cfg, NULL);
	if (!m)
		abort(); /* out of memory: the profile was checked */
	return m;
}

/* The next thing done; moves *now there. Something must be outstanding. */
static struct hdd_done next_done(struct hdd *m, uint64_t *now)
{
	struct hdd_done d;
	for (;;) {
		*now = hdd_next_ns(m);
		if (hdd_advance(m, *now, &d, 1))
			return d;
	}
}

static void submit(struct hdd *m, uint64_t now, enum hcb_op_kind kind, uint64_t off,
                   uint32_t len, uintptr_t who)
{
	struct hdd_req r = {.kind = kind, .off = off, .len = len, .cookie = (void *)who};
	if (hdd_submit(m, now, &r) != 0)
		abort(); /* the request is within the disk, and depth was given */
}

struct state {
	struct hcb_random random;
	uint64_t first, blocks, next, start[DISK_MAX_DEPTH];
};

static void begin(struct hdd *m, struct state *st, const struct disk_load *l,
                  uint64_t now, uintptr_t who)
{
	uint64_t i = l->sequential ? st->next++ % st->blocks
	                           : hcb_random_below(&st->random, st->blocks);
	st->start[who] = now;
	submit(m, now, l->kind, (st->first + i) * l->bytes, l->bytes, who);
}

/* A flush, and the far write and flush of a journal: part of the op that began. */
static void chain(struct hdd *m, const struct disk_load *l, uint64_t *now)
{
	submit(m, *now, HCB_FLUSH, 0, 0, 0);
	next_done(m, now);
	if (!l->far_bytes)
		return;
	submit(m, *now, HCB_WRITE, l->far_bytes, 4096, 0);
	next_done(m, now);
	submit(m, *now, HCB_FLUSH, 0, 0, 0);
	next_done(m, now);
}

struct disk_outcome disk_run_load(struct disk_bench *b, const struct disk_load *l)
{
	struct hdd *m = new_disk(b, l->cache);
	struct state st = {.next = 0};
	uint64_t now = 0, n = 0, lbas = b->profile.sectors * 512 / l->bytes;
	double length = b->profile.type == HDD_TYPE_SSD ? SSD_LENGTH : 1;
	if (!l->whole)
		length *= b->length;
	uint64_t run_ns = (uint64_t)(l->seconds * length * 1e9);
	hcb_random_init(&st.random, b->seed, STREAM_LOAD);
	st.first = (uint64_t)(l->span_from * (double)lbas);
	st.blocks = (uint64_t)(l->span_to * (double)lbas) - st.first;
	hcb_hist_reset(&b->hist);
	for (uintptr_t i = 0; i < l->depth; i++)
		begin(m, &st, l, 0, i);
	while (now < run_ns) {
		struct hdd_done d = next_done(m, &now);
		uintptr_t who = (uintptr_t)d.cookie;
		if (l->flush)
			chain(m, l, &now);
		hcb_hist_record(&b->hist, now - st.start[who]);
		n++;
		now += l->think_ns; /* depth 1 only: the model cannot go back */
		begin(m, &st, l, now, who);
	}
	hdd_free(m);
	double s = (double)now / 1e9;
	return (struct disk_outcome){
	        .per_s = (double)n / s,
	        .mb_per_s = (double)n * l->bytes / s / 1e6,
	        .mean_ms = hcb_hist_mean(&b->hist) / 1e6,
	        .p99_ms = (double)hcb_hist_quantile(&b->hist, 0.99) / 1e6,
	};
}

struct disk_outcome disk_random_4k(struct disk_bench *b, enum hcb_op_kind kind,
                                   enum hdd_switch cache, uint32_t depth, double span)
{
	bool sustained = kind == HCB_WRITE && cache == HDD_ON;
	return disk_run_load(b,
	                     &(struct disk_load){.kind = kind,
	                                         .cache = cache,
	                                         .depth = depth,
	                                         .bytes = 4096,
	                                         .span_to = span,
	                                         .seconds = sustained ? LONG_S : RUN_S});
}

static double demerit(const struct disk_bench *b, const struct hdd_quantiles *set)
{
	double ms[HDD_MAX_QUANTILES];
	if (!set || !set->n)
		return NAN;
	for (size_t i = 0; i < set->n; i++)
		ms[i] = (double)hcb_hist_quantile(&b->hist, set->q[i]) / 1e6;
	return 100 * hcb_demerit_quantiles(set->q, set->ms, ms, set->n);
}

static void measure_reads(struct disk_bench *b, uint32_t depth)
{
	if (b->read_rate[depth] > 0)
		return;
	struct disk_outcome o = disk_random_4k(b, HCB_READ, HDD_DEFAULT, depth, 1);
	b->read_rate[depth] = o.per_s;
	b->read_p99_ms[depth] = o.p99_ms;
	const struct hdd_published *p = &b->profile.published;
	b->read_demerit[depth] = demerit(b, depth == 1    ? &p->read_1
	                                    : depth == 32 ? &p->read_32
	                                                  : NULL);
}

double disk_read_rate(struct disk_bench *b, uint32_t depth)
{
	measure_reads(b, depth);
	return b->read_rate[depth];
}

double disk_read_p99_ms(struct disk_bench *b, uint32_t depth)
{
	measure_reads(b, depth);
	return b->read_p99_ms[depth];
}

double disk_read_demerit(struct disk_bench *b, uint32_t depth)
{
	measure_reads(b, depth);
	return b->read_demerit[depth];
}

/* ---- experiments that are not a closed loop ---- */

double disk_mean_seek_ms(const struct disk_bench *b)
{
	struct hdd_geometry *g = malloc(sizeof(*g));
	struct hcb_random r;
	double sum = 0;
	const int n = 100000; /* deviation of the mean: 0.1 % */
	if (!g)
		abort();
	hdd_geometry_init(g, &b->profile, 1.0);
	hcb_random_init(&r, b->seed, STREAM_SEEK);
	for (int i = 0; i < n; i++) {
		uint64_t a = hcb_random_below(&r, g->cyls),
		         c = hcb_random_below(&r, g->cyls);
		if (a != c)
			sum += hdd_seek_ns(g, (uint32_t)(a > c ? a - c : c - a));
	}
	free(g);
	return sum / n / 1e6;
}

double disk_flush_after_ms(struct disk_bench *b, unsigned n, unsigned rounds)
{
	struct hdd *m = new_disk(b, HDD_ON);
	struct hcb_random r;
	uint64_t now = 0, blocks = b->profile.sectors / 8;
	hcb_random_init(&r, b->seed, STREAM_FLUSH);
	hcb_hist_reset(&b->hist);
	for (unsigned k = 0; k < rounds; k++) {
		for (unsigned i = 0; i < n; i++) {
			submit(m, now, HCB_WRITE, hcb_random_below(&r, blocks) * 4096,
			       4096, 0);
			next_done(m, &now);
		}
		uint64_t from = now;
		submit(m, now, HCB_FLUSH, 0, 0, 0);
		next_done(m, &now);
		hcb_hist_record(&b->hist, now - from);
	}
	hdd_free(m);
	return hcb_hist_mean(&b->hist) / 1e6;
}

double disk_reads_past_flush(const struct disk_bench *b)
{
	enum { FLUSH = 1, READ };
	struct hdd *m = new_disk(b, HDD_ON);
	struct hcb_random r;
	uint64_t now = 0, blocks = b->profile.sectors / 8;
	unsigned past = 0;
	hcb_random_init(&r, b->seed, STREAM_PAST);
	for (unsigned k = 0; k < 1000; k++) {
		submit(m, now, HCB_WRITE, hcb_random_below(&r, blocks) * 4096, 4096, 0);
		next_done(m, &now);
		submit(m, now, HCB_FLUSH, 0, 0, FLUSH);
		submit(m, now + HCB_US, HCB_READ, hcb_random_below(&r, blocks) * 4096,
		       4096, READ);
		past += (uintptr_t)next_done(m, &now).cookie == READ;
		next_done(m, &now);
	}
	hdd_free(m);
	return past;
}

double disk_buffer_rate_mb(const struct disk_bench *b)
{
	struct hdd *m = new_disk(b, HDD_DEFAULT);
	uint64_t now = 0, begin = 0;
	const unsigned n = 100, bytes = 65536;
	for (unsigned i = 0; i <= n; i++) {
		submit(m, now, HCB_READ, 0, bytes, 0);
		next_done(m, &now);
		if (i == 0)
			begin = now;
	}
	hdd_free(m);
	return (double)n * bytes / (double)(now - begin) * 1e3;
}

double disk_mean_rate_mb(struct disk_bench *b, unsigned n)
{
	struct hdd *m = new_disk(b, HDD_DEFAULT);
	uint64_t now = 0, bytes = b->profile.sectors * 512, run = 64 * HCB_MIB;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t from = (bytes - run) / (n - 1) * i / HCB_MIB * HCB_MIB;
		for (uint64_t off = 0; off < run; off += HCB_MIB) {
			submit(m, now, HCB_READ, from + off, HCB_MIB, 0);
			next_done(m, &now);
		}
	}
	hdd_free(m);
	return (double)n * (double)run / (double)now * 1e3;
}
