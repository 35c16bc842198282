/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small experiments on the model of a disk, in virtual time: what a benchmark would
 * measure on the drive. The whole of the disk is used and nothing is spread (`filled` 0)
 * unless said. The same bench gives the same figures.
 */
#ifndef HCB_LAB_DISK_EXPERIMENTS_H
#define HCB_LAB_DISK_EXPERIMENTS_H

#include "bench/core/histogram.h"
#include "engines/hdd_model.h"

#define DISK_MAX_DEPTH 128

/* 1 MB: allocate it. */
struct disk_bench {
	struct hdd_profile profile;
	uint64_t seed; /* of the spindle and the load */
	double length; /* 1: 60 s an experiment (300 s for cached writes); less: shorter
	                */
	struct hcb_hist hist; /* response times of the last experiment, ns */
	/* Rates of random reads by depth, measured once; 0: not yet. */
	double read_rate[DISK_MAX_DEPTH + 1], read_p99_ms[DISK_MAX_DEPTH + 1];
	/* In percent, against the published quantiles; depth 1 and 32. NAN: none. */
	double read_demerit[DISK_MAX_DEPTH + 1];
	double read_outer_mb;
};

/* NULL: no memory. The caller frees. */
struct disk_bench *disk_bench_new(const struct hdd_profile *p, uint64_t seed,
                                  double length, struct hcb_err *err);
/* As new, for another profile of the same type. */
void disk_bench_reset(struct disk_bench *b, const struct hdd_profile *p);

/* One closed loop of `depth` requests. */
struct disk_load {
	enum hcb_op_kind kind;
	enum hdd_switch cache;
	bool sequential, flush;    /* flush: after every write, part of the op */
	uint32_t depth, bytes;     /* depth at most DISK_MAX_DEPTH */
	double span_from, span_to; /* share of the LBAs */
	double seconds;
	bool whole; /* takes them whatever the bench's length: the beginning counts */
	uint64_t far_bytes; /* a journal: second write and flush, so far away; 0: none */
	uint64_t think_ns;  /* between an op's end and the next one of the same slot */
};

struct disk_outcome {
	double per_s, mb_per_s, mean_ms, p99_ms;
};

struct disk_outcome disk_run_load(struct disk_bench *b, const struct disk_load *l);
/* 4 KiB at random over the first `span` of the disk. */
struct disk_outcome disk_random_4k(struct disk_bench *b, enum hcb_op_kind kind,
                                   enum hdd_switch cache, uint32_t depth, double span);
/* The same reads over the whole disk, remembered. */
double disk_read_rate(struct disk_bench *b, uint32_t depth);
double disk_read_p99_ms(struct disk_bench *b, uint32_t depth);
/* Of response times, against the profile's published quantiles, in percent; NAN if there
   are none for this depth. */
double disk_read_demerit(struct disk_bench *b, uint32_t depth);

/* Mean of the seek curve over uniform pairs of cylinders. */
double disk_mean_seek_ms(const struct disk_bench *b);
/* Mean of a flush after n scattered cached 4 KiB writes; rounds of it. */
double disk_flush_after_ms(struct disk_bench *b, unsigned n, unsigned rounds);
/* 64 KiB read again and again, from the buffer: MB/s. */
double disk_buffer_rate_mb(const struct disk_bench *b);
/* Of 1000 reads submitted while a FLUSH is at work, those that end before it. */
double disk_reads_past_flush(const struct disk_bench *b);
/* Sequential 1 MiB reads of 64 MiB at each of n places over the disk: MB/s in all. */
double disk_mean_rate_mb(struct disk_bench *b, unsigned n);

#endif
