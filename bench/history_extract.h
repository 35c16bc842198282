/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the history keeps of a result document: pure, no I/O.
 *
 * A series is one metric of one workload in one environment. The workload is its type,
 * parameters, loop, clock and the name given to the test; the environment is its
 * *fingerprint*: facts that stay the same from night to night as long as nobody changes
 * anything (processor, memory, which machine, disks by model and serial, Ceph's major
 * version, the pool's size and rule, layout, tunnel). Nothing that is measured, counted
 * or read from a clock is in it: a fingerprint with such a thing makes each night a
 * series of its own. *Details* are what may change without being another environment
 * (Ceph's minor version, hcbench's own, the number of PGs): they are named when a change
 * is looked for.
 */
#ifndef HCB_BENCH_HISTORY_EXTRACT_H
#define HCB_BENCH_HISTORY_EXTRACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/core/err.h"
#include "bench/gate.h"

#define HCB_HISTORY_HASH 17 /* 16 hexadecimal digits */
#define HCB_HISTORY_NAME 96

struct hcb_history_metric {
	char name[64]; /* "commit.p99" */
	char unit[16]; /* "ns", "1/s" */
	bool more_is_better;
	int rank;      /* 0: gated by default, first to go if there are too many: larger
	                  ones; -1: stored and shown only */
	double value;  /* of the whole run; NaN: the document has null */
	double *block; /* those that have a value */
	size_t n_blocks;
	char why[80]; /* why there is no value; empty if there is */
};

struct hcb_history_doc {
	char id[64];
	char kind[16];
	char name[HCB_HISTORY_NAME]; /* of the test; else the workload's type */
	char version[32];
	int schema;
	int64_t started; /* seconds since 1970; -1: unknown (virtual clock) */
	double duration_s;
	bool partial, unsteady;
	char invalid[256];                        /* why it is not used; empty: it is */
	json_t *workload, *fingerprint, *details; /* members sorted */
	char workload_hash[HCB_HISTORY_HASH], fingerprint_hash[HCB_HISTORY_HASH];
	struct hcb_history_metric *metric;
	size_t n_metrics;
};

/*
 * `where` names the file. A document of kind run; or of any other kind that has
 * "metrics": [{"name", "unit", "direction": "higher"|"lower", "value", "samples": []}],
 * as controls have. The member "history", if there, gives "name", "facts" (strings that
 * join the fingerprint) and "invalid" (why it is not used, whatever its own verdict).
 * Exit code 2: it is nothing of this.
 */
int hcb_history_extract(const json_t *doc, const char *where, struct hcb_history_doc *out,
                        struct hcb_err *err);
void hcb_history_doc_free(struct hcb_history_doc *d);

/* The hash of members sorted by name: the same for two equal objects. */
void hcb_history_hash(const json_t *value, char out[HCB_HISTORY_HASH]);
/* The key of a series. */
void hcb_history_key(const struct hcb_history_doc *d, const struct hcb_history_metric *m,
                     char out[HCB_HISTORY_HASH]);
/* Which of the gate's rules a metric ("commit.p99") falls under. */
enum hcb_gate_kind hcb_history_kind(const char *metric, bool more_is_better);

/* "2026-01-31T12:00:00Z"; -1 if it is none. */
int64_t hcb_history_time(const char *text);
/* The night that a time belongs to, "2026-01-30": nights run from noon to noon, local
   time, and are called after the day they begin on. */
void hcb_history_night_of(int64_t t, char out[16]);

#endif
