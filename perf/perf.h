/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `make bench`: what hcbench itself costs, held against fio doing the same job on this
 * machine, in turns, in one run. It prints ratios with 95 % intervals and says which
 * goals they meet; it never fails because one is missed.
 *
 * A row is one thing to measure: a .c file here (row_*.c) and its line in rows[] of
 * main.c. A row runs its programs in blocks, A B, B A, A B, ..., and makes figures of
 * what they gave.
 *
 * Processor time is the whole process's, threads and children too (getrusage of what was
 * waited for), less that of a run of the same program that only starts and ends.
 */
#ifndef HCB_PERF_H
#define HCB_PERF_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/core/err.h"

#define PERF_MAX_BLOCKS   40
#define PERF_MAX_PROGRAMS 4
#define PERF_MAX_FIGURES  64

/* ---- figures: figures.c ---- */

enum perf_sense {
	PERF_AT_LEAST,
	PERF_AT_MOST,
	PERF_WITHIN, /* goal is the distance from 1 */
	PERF_SHOWN,  /* no goal */
};

struct perf_interval {
	double value, lo, hi; /* 95 % */
};

struct perf_figure {
	const char *row, *name, *unit;
	double ours, theirs;         /* means; NAN: there is nobody to compare with */
	struct perf_interval judged; /* ours / theirs, or ours alone */
	bool is_ratio;
	enum perf_sense sense;
	double goal; /* in judged's unit */
	unsigned blocks;
};

struct perf_skip {
	const char *row;
	char why[512];
};

struct perf_report {
	struct perf_figure figure[PERF_MAX_FIGURES];
	unsigned n_figures;
	struct perf_skip skip[PERF_MAX_FIGURES];
	unsigned n_skips;
};

/*
 * "met" and "missed"; with a question mark where the interval reaches across the goal;
 * "-" without one.
 */
const char *perf_verdict(const struct perf_figure *f);
void perf_print(const struct perf_report *r, void *file /* FILE * */);
json_t *perf_to_json(const struct perf_report *r);

/* ---- running programs: programs.c ---- */

struct perf_ctx {
	const char *hcbench;    /* the program under test */
	const char *tools;      /* where the programs of tools/ are */
	const char *dir;        /* for files on a disk, absolute */
	char work[512];         /* own directory, removed at the end */
	unsigned blocks;        /* of each row */
	double scale;           /* of the length of each run; 1: as the row has it */
	const char *netns;      /* programs run there, NULL: here */
	const char *const *env; /* "NAME=value" besides, or NULL */
	struct perf_report *report;
};

/* Set by a signal: the row under way ends after its run, and cleans up. */
extern volatile sig_atomic_t perf_stop;

/* What one run of one program gave; NAN where it does not say. */
struct perf_run {
	double ops;        /* all that were done */
	double rate_per_s; /* while it was measured */
	double cpu_s;      /* start-up taken off by perf_interleave */
	double p50_ns;     /* from the call to submit */
	double late_p99_ns;
};

struct perf_program {
	/* seconds 0: start, do next to nothing, end */
	int (*run)(struct perf_ctx *c, const void *arg, double seconds,
	           struct perf_run *out, struct hcb_err *err);
	const void *arg;
	bool counts_itself;   /* its cpu_s is without start-up already */
	double startup_cpu_s; /* set by perf_interleave */
};

/*
 * Runs n programs in c->blocks blocks, each block's order the reverse of the last one's.
 * runs[p][b] is program p's in block b.
 */
int perf_interleave(struct perf_ctx *c, const char *row, struct perf_program *p,
                    unsigned n, double seconds, struct perf_run (*runs)[PERF_MAX_BLOCKS],
                    struct hcb_err *err);

/* The same job for hcbench and for fio: 4 KiB blocks, uniformly over a span. */
struct perf_job {
	const char *target;       /* hcbench's: "uring:FILE" */
	const char *ioengine;     /* fio's */
	const char *file;         /* fio's filename; NULL: none */
	const char *fio_extra[4]; /* more arguments of fio's, NULL-terminated */
	const char *replay;       /* fio's --read_iolog=FILE: all but depth is in it */
	bool write;
	unsigned depth, flush; /* flush: fdatasync after so many writes, 0: never */
	uint64_t span_bytes;
	double rate_per_s; /* hcbench's, steady arrivals; 0: closed loop */
	double warmup_s;   /* before what is measured, both; 0: none */
};

int perf_hcbench(struct perf_ctx *c, const void *job, double seconds,
                 struct perf_run *out, struct hcb_err *err);
int perf_fio(struct perf_ctx *c, const void *job, double seconds, struct perf_run *out,
             struct hcb_err *err);
/* A tool of ours that prints {"ops":, "seconds":}, and "cpu_s" if it knows better. */
int perf_tool(struct perf_ctx *c, const char *const *argv, double seconds,
              struct perf_run *out, struct hcb_err *err);
/* Runs argv to its end. cpu_s and out (the caller frees it) may be NULL. */
int perf_exec(struct perf_ctx *c, const char *const *argv, double seconds, double *cpu_s,
              char **out, struct hcb_err *err);

/* ---- figures from runs: compare.c ---- */

enum perf_what {
	PERF_RATE,
	PERF_RATE_PER_CPU, /* per second of processor time */
	PERF_CPU_PER_OP,
	PERF_CPU_SHARE,
	PERF_P50,
	PERF_LATE_P99,
	PERF_OTHER,
};

struct perf_goal {
	const char *row, *name;
	enum perf_what what;
	enum perf_sense sense;
	double goal; /* of a ratio, or in the unit that is printed */
};

double perf_get(const struct perf_run *r, enum perf_what what);
/* runs[0] over runs[1]. */
void perf_add_ratio(struct perf_ctx *c, const struct perf_goal *g,
                    struct perf_run (*runs)[PERF_MAX_BLOCKS]);
/* runs[0] alone; theirs: runs[1] is printed beside it. */
void perf_add_value(struct perf_ctx *c, const struct perf_goal *g,
                    struct perf_run (*runs)[PERF_MAX_BLOCKS], bool theirs);
/* A figure that is no perf_what: ours over theirs, values a block. */
void perf_add_ratio_of(struct perf_ctx *c, const struct perf_goal *g, const char *unit,
                       const double *ours, const double *theirs);

/* ---- rows ---- */

struct perf_row {
	const char *name, *what;
	/* Writes what is missing here for it into why, or leaves it empty. */
	void (*missing)(const struct perf_ctx *c, const struct perf_row *row, char *why,
	                size_t size);
	int (*measure)(struct perf_ctx *c, const struct perf_row *row,
	               struct hcb_err *err);
	const void *arg; /* the row's own */
};

/* For `missing`: append to why. */
void perf_needs_program(char *why, size_t size, const char *name);
void perf_needs_engine(const struct perf_ctx *c, char *why, size_t size,
                       const char *engine);
void perf_needs_root(char *why, size_t size);
void perf_lacks(char *why, size_t size, const char *what);

extern const struct perf_row perf_row_null_1, perf_row_null_32;
extern const struct perf_row perf_row_uring_ram, perf_row_libaio_ram;
extern const struct perf_row perf_row_uring_file, perf_row_libaio_file;
extern const struct perf_row perf_row_uring_disk, perf_row_libaio_disk, perf_row_log_disk;
extern const struct perf_row perf_row_rbd;
extern const struct perf_row perf_row_stream;
extern const struct perf_row perf_row_hdd_1, perf_row_hdd_32;

#endif
