/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a workload is: a pure state machine that emits ops. No clock, no I/O, no thread,
 * and no allocation of its own after init. One .c file per workload, ending in one const
 * struct hcb_workload, plus one line in registry.h.
 *
 * The run loop calls next() until it says WAIT or END, and done() once per op emitted, in
 * the order of completion. Both may record transactions and mark cycles through the sink.
 */
#ifndef HCB_WORKLOADS_WORKLOAD_H
#define HCB_WORKLOADS_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"
#include "bench/core/kvs.h"
#include "bench/core/op.h"
#include "bench/core/opt.h"

#define HCB_MAX_VOLUMES 8
#define HCB_MAX_STREAMS 64
#define HCB_MAX_TX      16

/* A region ops are addressed to: a volume, or the journal of a file system. */
struct hcb_region {
	const char *name; /* "wal", "data", "journal" */
	uint64_t bytes;
	unsigned fs;  /* which file system (= target) it lies on */
	bool prefill; /* reads expect it written before the run */
};

/*
 * The workload fills n_volumes, regions[0..n_volumes) and journal_bytes in plan(); the
 * run loop then decides which volumes share a target, sets .fs, and appends one journal
 * region per file system: the journal of file system f is regions[n_volumes + f].
 */
struct hcb_geometry {
	unsigned n_volumes, n_fs;
	uint64_t journal_bytes; /* 0: the workload needs no journal */
	struct hcb_region regions[2 * HCB_MAX_VOLUMES];
	bool fua[HCB_MAX_VOLUMES]; /* [fs]: the target has native FUA and may use it */
};

struct hcb_stream_info {
	const char *name; /* "commit", "checkpoint", "journal" */
	enum hcb_op_kind kind;
};

struct hcb_tx_info {
	const char *name; /* "commit" */
	const char *help; /* what one sample is */
	/* of another kind than the first: those due in the window are waited for too */
	bool awaited;
};

/* What the workload tells the run loop. All times in lab ns. */
struct hcb_sink {
	/* One transaction: when it was due, when the workload could begin it (service
	   starts), when it was done. failed: an op of it failed. */
	void (*tx)(struct hcb_sink *s, unsigned tx, uint64_t due_ns, uint64_t start_ns,
	           uint64_t done_ns, bool failed);
	/* A cycle (checkpoint) begins now. The first cycle begins at time 0 without a
	 * mark. */
	void (*cycle)(struct hcb_sink *s, uint64_t now_ns);
	/* A named phase begins (begin) or ends: "checkpoint-write", "checkpoint-sync". */
	void (*phase)(struct hcb_sink *s, unsigned phase, bool begin, uint64_t now_ns);
};

/* Whole cycles are the unit of warm-up and measuring; length 0: the workload has none. */
struct hcb_cycles {
	uint64_t length_ns;
	unsigned count;
};

/* Transactions that were due and are not done. */
struct hcb_pending {
	uint64_t count;         /* of the first kind */
	uint64_t oldest_due_ns; /* HCB_NEVER if there is none */
	uint64_t others;        /* of the awaited kinds */
	/* Of the first kind, not due yet, that what has arrived will ask for: a waiting
	   job's commits. With count it is the backlog. */
	uint64_t to_come;
};

enum hcb_next {
	HCB_NEXT_OP,   /* *op was filled */
	HCB_NEXT_WAIT, /* nothing before *wait_ns unless an op completes; HCB_NEVER: only
	                  then */
	HCB_NEXT_END,  /* nothing ever again */
};

struct hcb_workload {
	const char *name, *summary;
	const struct hcb_opt *opts;
	size_t conf_size;
	const struct hcb_stream_info *streams; /* n_streams of them */
	unsigned n_streams;
	const struct hcb_tx_info *txs; /* the first is the headline */
	unsigned n_txs;
	const char *const *phases; /* NULL-terminated names, or NULL */

	/* Arithmetic only: volumes and their sizes. Parameters that contradict each
	   other: exit 2. */
	int (*plan)(const void *conf, struct hcb_geometry *geo, struct hcb_err *err);
	/* Allocates; conf and geo outlive the state. */
	int (*init)(void **state, const void *conf, const struct hcb_geometry *geo,
	            uint64_t seed, struct hcb_sink *sink, struct hcb_err *err);
	void (*fini)(void *state);
	enum hcb_next (*next)(void *state, uint64_t now_ns, struct hcb_op *op,
	                      uint64_t *wait_ns);
	/* op->done_ns and op->result are set; op is the loop's again when this returns.
	 */
	void (*done)(void *state, const struct hcb_op *op);
	/* Transactions due before `before_ns` and not done, those still without a client
	 * too. */
	void (*pending)(const void *state, uint64_t before_ns, struct hcb_pending *out);
	/* What happened inside: group sizes, checkpoints, ... after the run. */
	void (*metrics)(const void *state, struct hcb_kvs *out);
	/* Length of one cycle by its parameters, and how many to measure unless told. */
	struct hcb_cycles (*cycles)(const void *conf);
	/* Offered transactions per second, 0 for closed loop. */
	double (*offered_per_s)(const void *conf);
	/* Most ops it may have in flight at once, and the longest of each kind. */
	uint32_t (*max_ops)(const void *conf);
	uint32_t max_write_bytes, max_read_bytes;
};

extern const struct hcb_workload
        *const hcb_workloads[]; /* NULL-terminated, registry order */
/* NULL if there is none: err names the nearest, exit 2. */
const struct hcb_workload *hcb_workload_find(const char *name, struct hcb_err *err);

#endif
