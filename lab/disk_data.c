/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/disk_data.h"

#include <stdlib.h>
#include <string.h>

#include "bench/core/opt.h"
#include "bench/core/random.h"
#include "bench/core/units.h"
#include "engines/hdd_geometry.h"
#include "lab/disk_experiments.h"

#define LIVE_BYTES (4 * HCB_GIB) /* of a small test image */

static struct disk_bench *new_bench(const struct hdd_profile *p, uint64_t seed)
{
	struct disk_bench *b = disk_bench_new(p, seed, 1, NULL);
	if (!b)
		abort(); /* out of memory, and nothing is lost */
	return b;
}

static void published(FILE *f, const struct hdd_profile *p, int figure)
{
	if (figure >= 0 && p->published.figure[figure].given)
		fprintf(f, " %.6g\n", p->published.figure[figure].value);
	else
		fputs(" -\n", f);
}

/* ---- mechanics ---- */

static void print_seek(const struct hdd_profile *p, uint64_t seed, FILE *f)
{
	struct hdd_geometry *g = malloc(sizeof(*g));
	(void)seed;
	if (!g)
		abort();
	hdd_geometry_init(g, p, 1.0);
	fputs("# distance read_ms write_ms\n", f);
	for (uint32_t i = 0; i <= 150; i++) {
		/* Closer together where the curve bends. */
		double share = (double)i * i / 22500.0;
		uint32_t d = (uint32_t)(share * (g->cyls - 1) + 0.5);
		if (d == 0)
			d = 1;
		double ms = hdd_seek_ns(g, d) / 1e6;
		fprintf(f, "%.6f %.4f %.4f\n", (double)d / (g->cyls - 1), ms,
		        ms + (double)p->write_settle_ns / 1e6);
	}
	free(g);
}

/* Sequential rate by address: a track's sectors in a turn and a switch. */
static void print_zones(const struct hdd_profile *p, uint64_t seed, FILE *f)
{
	struct hdd_geometry *g = malloc(sizeof(*g));
	(void)seed;
	if (!g)
		abort();
	hdd_geometry_init(g, p, 1.0);
	fputs("# address rate_mb_per_s\n", f);
	for (uint32_t z = 0; z < g->n_zones; z++) {
		double rate = g->zone[z].spt * 512.0 / (g->rev_ns + g->skew_ns) * 1e3;
		double all = (double)g->sectors;
		fprintf(f, "%.6f %.3f\n%.6f %.3f\n", (double)g->zone[z].first_lba / all,
		        rate, (double)g->zone[z + 1].first_lba / all, rate);
	}
	free(g);
}

/* ---- queue ---- */

static int depth_figure(uint32_t depth)
{
	static const struct {
		uint32_t depth;
		int figure;
	} figures[] = {{1, HDD_READ_1}, {2, HDD_READ_2},   {4, HDD_READ_4},
	               {8, HDD_READ_8}, {16, HDD_READ_16}, {32, HDD_READ_32}};
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		if (figures[i].depth == depth)
			return figures[i].figure;
	return -1;
}

static void print_depth(const struct hdd_profile *p, uint64_t seed, FILE *f)
{
	struct disk_bench *b = new_bench(p, seed);
	fputs("# depth read_per_s p50_ms p99_ms write_uncached_per_s published_per_s\n",
	      f);
	for (uint32_t d = 1; d <= 64; d *= 2) {
		double w = disk_random_4k(b, HCB_WRITE, HDD_OFF, d, 1).per_s;
		double r = disk_random_4k(b, HCB_READ, HDD_DEFAULT, d, 1).per_s;
		fprintf(f, "%u %.3f %.4f %.4f %.3f", d, r,
		        (double)hcb_hist_quantile(&b->hist, 0.5) / 1e6,
		        (double)hcb_hist_quantile(&b->hist, 0.99) / 1e6, w);
		published(f, p, depth_figure(d));
	}
	free(b);
}

static void print_response(const struct hdd_profile *p, uint64_t seed, FILE *f)
{
	struct disk_bench *b = new_bench(p, seed);
	const struct hdd_quantiles *set = &p->published.read_1;
	disk_random_4k(b, HCB_READ, HDD_DEFAULT, 1, 1);
	fputs("# ms share published\n", f);
	for (unsigned i = 2; i < 1000; i += 4)
		fprintf(f, "%.4f %.4f -\n",
		        (double)hcb_hist_quantile(&b->hist, i / 1000.0) / 1e6,
		        i / 1000.0);
	for (size_t i = 0; i < set->n; i++)
		fprintf(f, "%.4f - %.4f\n", set->ms[i], set->q[i]);
	free(b);
}

/* ---- flush ---- */

static void print_flush(const struct hdd_profile *p, uint64_t seed, FILE *f)
{
	struct disk_bench *b = new_bench(p, seed);
	fputs("# writes mean_ms p99_ms published_ms\n", f);
	for (unsigned n = 1; n <= 256; n += n < 8 ? 1 : n < 32 ? 4 : n < 128 ? 8 : 16) {
		double ms = disk_flush_after_ms(b, n, 200);
		fprintf(f, "%u %.4f %.4f", n, ms,
		        (double)hcb_hist_quantile(&b->hist, 0.99) / 1e6);
		published(f, p, n == 8 ? HDD_FLUSH_8 : n == 64 ? HDD_FLUSH_64 : -1);
	}
	free(b);
}

/* ---- filled ---- */

static struct hdd *filled_disk(const struct hdd_profile *p, uint64_t seed, double filled)
{
	struct hdd_config cfg = {.profile = p,
	                         .seed = seed,
	                         .cache = HDD_DEFAULT,
	                         .filled = filled,
	                         .size_bytes = LIVE_BYTES,
	                         .depth = 32,
	                         .slow = 1};
	struct hdd *m = hdd_new(&cfg, NULL);
	if (!m)
		abort();
	return m;
}

/* Reads of 4 KiB at random over the live data, depth at once: a second's worth. */
static double filled_reads(const struct hdd_profile *p, uint64_t seed, double filled,
                           unsigned depth)
{
	struct hdd *m = filled_disk(p, seed, filled);
	struct hcb_random r;
	struct hdd_done d;
	uint64_t now = 0;
	const unsigned ops = 6000;
	unsigned sent = 0, done = 0;
	hcb_random_init(&r, seed, 90);
	while (done < ops) {
		while (sent < ops && sent - done < depth) {
			uint64_t block = hcb_random_below(&r, LIVE_BYTES / 4096);
			struct hdd_req q = {
			        .kind = HCB_READ, .off = block * 4096, .len = 4096};
			if (hdd_submit(m, now, &q))
				abort(); /* within the disk and its depth */
			sent++;
		}
		now = hdd_next_ns(m);
		done += hdd_advance(m, now, &d, 1);
	}
	hdd_free(m);
	return ops * 1e9 / (double)now;
}

static void print_filled(const struct hdd_profile *p, uint64_t seed, FILE *f)
{
	fputs("# filled depth_1_per_s depth_4_per_s depth_32_per_s\n", f);
	for (unsigned i = 0; i <= 20; i++) {
		double share = i / 20.0;
		fprintf(f, "%.2f %.3f %.3f %.3f\n", share,
		        filled_reads(p, seed, share, 1), filled_reads(p, seed, share, 4),
		        filled_reads(p, seed, share, 32));
	}
}

const struct disk_data disk_data[DISK_DATA] = {
        {"depth", "random reads and writes by queue depth", false, print_depth},
        {"filled", "reads of 4 GiB of data by the share they are spread over", true,
         print_filled},
        {"flush", "a flush by the number of scattered writes before it", false,
         print_flush},
        {"response", "distribution of response times of random reads at depth 1", false,
         print_response},
        {"seek", "seek time by distance", true, print_seek},
        {"zones", "sequential rate by address", true, print_zones},
};

int disk_data_print(const struct hdd_profile *p, const char *name, uint64_t seed, FILE *f,
                    struct hcb_err *err)
{
	const char *names[DISK_DATA];
	for (size_t i = 0; i < DISK_DATA; i++) {
		names[i] = disk_data[i].name;
		if (strcmp(name, names[i]) != 0)
			continue;
		if (disk_data[i].mechanics && p->type != HDD_TYPE_HDD)
			return hcb_err_usage(err, "data %s: %s is not a hard disk", name,
			                     p->name);
		disk_data[i].print(p, seed, f);
		return 0;
	}
	const char *near = hcb_nearest(name, names, DISK_DATA);
	return near ? hcb_err_usage(err,
	                            "data: no data called \"%s\"; did you mean \"%s\"?",
	                            name, near)
	            : hcb_err_usage(err, "data: no data called \"%s\"", name);
}
