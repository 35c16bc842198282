/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/disk_targets.h"

#include <stdio.h>

#include "bench/core/units.h"

#define RUN_S 60.0

/* ---- random ---- */

static double mean_seek(struct disk_bench *b, unsigned arg)
{
	(void)arg;
	return disk_mean_seek_ms(b);
}

static double read_rate(struct disk_bench *b, unsigned depth)
{
	return disk_read_rate(b, depth);
}

static double read_p99(struct disk_bench *b, unsigned depth)
{
	return disk_read_p99_ms(b, depth);
}

static double read_span(struct disk_bench *b, unsigned percent)
{
	return disk_random_4k(b, HCB_READ, HDD_DEFAULT, 1, percent / 100.0).per_s;
}

static double write_uncached(struct disk_bench *b, unsigned depth)
{
	return disk_random_4k(b, HCB_WRITE, HDD_OFF, depth, 1).per_s;
}

static double write_cached(struct disk_bench *b, unsigned depth)
{
	return disk_random_4k(b, HCB_WRITE, HDD_ON, depth, 1).per_s;
}

static double buffer_rate(struct disk_bench *b, unsigned arg)
{
	(void)arg;
	return disk_buffer_rate_mb(b);
}

/* From a clean cache: what a short benchmark of a drive sees. */
static double write_cached_short(struct disk_bench *b, unsigned seconds)
{
	return disk_run_load(b, &(struct disk_load){.kind = HCB_WRITE,
	                                            .cache = HDD_ON,
	                                            .depth = 1,
	                                            .bytes = 4096,
	                                            .span_to = 1,
	                                            .whole = true,
	                                            .seconds = seconds})
	        .per_s;
}

static double read_response(struct disk_bench *b, unsigned depth)
{
	return disk_read_demerit(b, depth);
}

/* ---- sequential ---- */

static double sequential(struct disk_bench *b, enum hcb_op_kind kind,
                         enum hdd_switch cache, uint32_t bytes, double from)
{
	return disk_run_load(b, &(struct disk_load){.kind = kind,
	                                            .cache = cache,
	                                            .sequential = true,
	                                            .depth = 1,
	                                            .bytes = bytes,
	                                            .span_from = from,
	                                            .span_to = 1,
	                                            .seconds = RUN_S})
	        .mb_per_s;
}

static double read_outer(struct disk_bench *b, unsigned arg)
{
	(void)arg;
	if (!(b->read_outer_mb > 0))
		b->read_outer_mb = sequential(b, HCB_READ, HDD_DEFAULT, HCB_MIB, 0);
	return b->read_outer_mb;
}

/* 60 s at these rates are under 1 % of the disk: the last 1 % is the inner zone. */
static double read_inner(struct disk_bench *b, unsigned arg)
{
	(void)arg;
	return sequential(b, HCB_READ, HDD_DEFAULT, HCB_MIB, 0.99);
}

static double read_mean(struct disk_bench *b, unsigned places)
{
	return disk_mean_rate_mb(b, places);
}

static double write_outer(struct disk_bench *b, unsigned cache)
{
	return sequential(b, HCB_WRITE, cache ? HDD_ON : HDD_OFF, HCB_MIB, 0);
}

/* Slower than the medium: what reading ahead brings. */
static double read_slow_host(struct disk_bench *b, unsigned think_ms)
{
	return disk_run_load(b, &(struct disk_load){.kind = HCB_READ,
	                                            .cache = HDD_DEFAULT,
	                                            .sequential = true,
	                                            .depth = 1,
	                                            .bytes = 65536,
	                                            .span_to = 1,
	                                            .seconds = RUN_S,
	                                            .think_ns = think_ms * HCB_MS})
	        .mb_per_s;
}

/* In percent of the media rate. */
static double small_reads(struct disk_bench *b, unsigned arg)
{
	return 100 * sequential(b, HCB_READ, HDD_DEFAULT, 4096, 0) / read_outer(b, arg);
}

/* ---- flushes ---- */

static struct disk_load synced(bool seq, uint32_t bytes)
{
	return (struct disk_load){.kind = HCB_WRITE,
	                          .cache = HDD_ON,
	                          .sequential = seq,
	                          .flush = true,
	                          .depth = 1,
	                          .bytes = bytes,
	                          .span_to = 1,
	                          .seconds = RUN_S};
}

static double append(struct disk_bench *b, unsigned bytes)
{
	struct disk_load l = synced(true, bytes);
	return disk_run_load(b, &l).per_s;
}

/* A host that takes most of a turn to answer still meets the next one. */
static double append_slow_host(struct disk_bench *b, unsigned think_ms)
{
	struct disk_load l = synced(true, 4096);
	l.think_ns = think_ms * HCB_MS;
	return disk_run_load(b, &l).per_s;
}

/* The journal of a file system: some way from the file. */
static double journal(struct disk_bench *b, unsigned percent)
{
	struct disk_load l = synced(true, 4096);
	l.far_bytes = b->profile.sectors / 100 * percent / 8 * 4096;
	return disk_run_load(b, &l).per_s;
}

static double write_flush(struct disk_bench *b, unsigned bytes)
{
	struct disk_load l = synced(false, bytes);
	return disk_run_load(b, &l).per_s;
}

static double flush_after(struct disk_bench *b, unsigned n)
{
	double rounds = 200 * b->length;
	return disk_flush_after_ms(b, n, rounds < 20 ? 20 : (unsigned)rounds);
}

/* As many writes as the cache takes, and half as many again. */
static double flush_full(struct disk_bench *b, unsigned rounds)
{
	return disk_flush_after_ms(b, (unsigned)(b->profile.dirty_commands * 3 / 2),
	                           rounds);
}

static double past_flush(struct disk_bench *b, unsigned arg)
{
	(void)arg;
	return disk_reads_past_flush(b);
}

/* ---- by definition ---- */

static void as_read_32(struct disk_bench *b, struct hdd_figure *f)
{
	*f = (struct hdd_figure){.given = true,
	                         .value = disk_read_rate(b, 32),
	                         .limit = 0.05,
	                         .source = "definition: target 6, as measured"};
}

static void as_write_32(struct disk_bench *b, struct hdd_figure *f)
{
	*f = (struct hdd_figure){.given = true,
	                         .value = write_uncached(b, 32),
	                         .limit = 0.05,
	                         .source = "definition: target 7, as measured"};
}

static void as_read_outer(struct disk_bench *b, struct hdd_figure *f)
{
	*f = (struct hdd_figure){.given = true,
	                         .value = read_outer(b, 0),
	                         .limit = 0.05,
	                         .source = "definition: target 11a, as measured"};
}

static void one_turn(struct disk_bench *b, struct hdd_figure *f)
{
	*f = (struct hdd_figure){.given = true,
	                         .value = b->profile.rpm / 60,
	                         .limit = 0.01,
	                         .source = "definition: one revolution"};
}

static void none_past(struct disk_bench *b, struct hdd_figure *f)
{
	(void)b;
	*f = (struct hdd_figure){.given = true,
	                         .how = HDD_AT_MOST,
	                         .source = "definition: FLUSH is not queued (SATA)"};
}

static void most_of_media(struct disk_bench *b, struct hdd_figure *f)
{
	(void)b;
	*f = (struct hdd_figure){.given = true,
	                         .how = HDD_AT_LEAST,
	                         .value = 85,
	                         .source = "ublk-disksim: 186 to 197 of 205 MB/s"};
}

const struct disk_target disk_targets[DISK_TARGETS] = {
        {"1", "mean read seek, uniform cylinders", "ms", HDD_MEAN_SEEK, true, mean_seek,
         0, NULL, NULL},
        {"2", "4K random read, depth 1", "/s", HDD_READ_1, false, read_rate, 1, NULL,
         NULL},
        {"3", "4K random write, depth 1, cache off", "/s", HDD_WRITE_1_UNCACHED, false,
         write_uncached, 1, NULL, NULL},
        {"4", "4K random read, depth 4", "/s", HDD_READ_4, false, read_rate, 4, NULL,
         NULL},
        {"5a", "4K random read, depth 8", "/s", HDD_READ_8, false, read_rate, 8, NULL,
         NULL},
        {"5b", "4K random read, depth 16", "/s", HDD_READ_16, false, read_rate, 16, NULL,
         NULL},
        {"6", "4K random read, depth 32", "/s", HDD_READ_32, false, read_rate, 32, NULL,
         NULL},
        {"7", "4K random write, depth 32, cache off", "/s", HDD_WRITE_32_UNCACHED, false,
         write_uncached, 32, NULL, NULL},
        {"8a", "4K random read, 128 offered, as depth 32", "/s", -1, false, read_rate,
         128, as_read_32, "6"},
        {"8b", "4K write, cache off, 128 offered, as depth 32", "/s", -1, false,
         write_uncached, 128, as_write_32, "7"},
        {"9", "p99 of 4K random read, depth 32", "ms", HDD_READ_32_P99, false, read_p99,
         32, NULL, NULL},
        {"10", "4K random write, depth 1, cache on, 5 min", "/s", HDD_WRITE_1_CACHED,
         false, write_cached, 1, NULL, NULL},
        {"11a", "1 MiB sequential read, outermost", "MB/s", HDD_READ_OUTER, false,
         read_outer, 0, NULL, NULL},
        {"11b", "1 MiB sequential read, innermost", "MB/s", HDD_READ_INNER, true,
         read_inner, 0, NULL, NULL},
        {"12", "1 MiB sequential write, cache on, outermost", "MB/s", HDD_WRITE_OUTER,
         false, write_outer, 1, as_read_outer, "11a"},
        {"13", "1 MiB sequential write, cache off, outermost", "MB/s",
         HDD_WRITE_OUTER_UNCACHED, false, write_outer, 0, NULL, NULL},
        {"14a", "4K append and flush: one revolution", "/s", -1, true, append, 4096,
         one_turn, NULL},
        {"14b", "8K append and flush: one revolution", "/s", -1, true, append, 8192,
         one_turn, NULL},
        {"14c", "4K append and flush, host 6 ms away: the same", "/s", -1, true,
         append_slow_host, 6, one_turn, NULL},
        {"15", "the same, and a far journal write and flush", "/s", HDD_JOURNAL, false,
         journal, 5, NULL, NULL},
        {"16", "4K random write and flush, cache on", "/s", HDD_WRITE_FLUSH, false,
         write_flush, 4096, NULL, NULL},
        {"17a", "flush after 8 scattered 4K writes", "ms", HDD_FLUSH_8, false,
         flush_after, 8, NULL, NULL},
        {"17b", "flush after 64 scattered 4K writes", "ms", HDD_FLUSH_64, false,
         flush_after, 64, NULL, NULL},
        {"18", "reads that overtake an active flush, of 1000", "", -1, false, past_flush,
         0, none_past, NULL},
        {"19", "4K sequential read, depth 1, of the media rate", "%", -1, true,
         small_reads, 0, most_of_media, NULL},
        {"20a", "4K random read, depth 1, 5 % of the span", "/s", HDD_READ_SPAN_5, false,
         read_span, 5, NULL, NULL},
        {"20b", "4K random read, depth 1, 25 % of the span", "/s", HDD_READ_SPAN_25,
         false, read_span, 25, NULL, NULL},
        {"21", "4K random read, depth 2", "/s", HDD_READ_2, false, read_rate, 2, NULL,
         NULL},
        {"22a", "demerit of target 2's response times", "%", HDD_READ_1_RESPONSE, false,
         read_response, 1, NULL, NULL},
        {"22b", "demerit of target 6's response times", "%", HDD_READ_32_RESPONSE, false,
         read_response, 32, NULL, NULL},
        {"23", "1 MiB sequential read, mean over the disk", "MB/s", HDD_READ_MEAN, true,
         read_mean, 33, NULL, NULL},
        {"24", "64 KiB read again from the buffer, depth 1", "MB/s", HDD_BUFFER_RATE,
         true, buffer_rate, 0, NULL, NULL},
        {"25", "target 10 in its first 30 s", "/s", HDD_WRITE_1_CACHED_30S, false,
         write_cached_short, 30, NULL, NULL},
        {"26", "flush of a cache full of scattered 4K writes", "ms", HDD_FLUSH_FULL,
         false, flush_full, 10, NULL, NULL},
        {"27", "64 KiB sequential read, host 1 ms away", "MB/s", HDD_READ_SLOW_HOST, true,
         read_slow_host, 1, NULL, NULL},
};

bool disk_target_applies(const struct disk_target *t, const struct hdd_profile *p)
{
	return !t->mechanics || p->type == HDD_TYPE_HDD;
}

bool disk_target_figure(const struct disk_target *t, struct disk_bench *b,
                        struct hdd_figure *f)
{
	if (!disk_target_applies(t, &b->profile))
		return false;
	if (t->figure >= 0 && b->profile.published.figure[t->figure].given) {
		*f = b->profile.published.figure[t->figure];
		return true;
	}
	if (!t->define)
		return false;
	t->define(b, f);
	return true;
}
