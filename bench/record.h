/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a run remembers. All memory is taken before the first op; recording allocates
 * nothing. A transaction belongs to the block (cycle) and window it was *due* in, so that
 * what was slow at the end of a block is not lost; intervals go by when it was done.
 */
#ifndef HCB_BENCH_RECORD_H
#define HCB_BENCH_RECORD_H

#include <stdbool.h>

#include "bench/core/err.h"
#include "bench/core/histogram.h"
#include "workloads/workload.h"

#define HCB_MAX_BLOCKS 1024 /* then the window ends */
#define HCB_MAX_PHASES 4
#define HCB_MAX_GAPS   64
#define HCB_GAP_NS     1000000000u /* shorter is no stall: a 7200 rpm pool has such */

struct hcb_tx_record {
	struct hcb_hist response, service;
	uint64_t failed;
};

struct hcb_stream_record {
	struct hcb_hist service;
	uint64_t count, bytes, errors;
};

struct hcb_block {
	uint64_t start_ns, end_ns; /* end 0: still open */
	int verdict;               /* enum hcb_verdict, by who judges the run */
	struct hcb_hist lateness;
	uint64_t away_ns; /* hcb_record_away */
	struct hcb_tx_record tx[HCB_MAX_TX];
	struct hcb_stream_record stream[HCB_MAX_STREAMS];
};

/* One second; its histogram lies in the arena as (bucket, count) pairs. */
struct hcb_interval {
	uint64_t count, write_bytes, read_bytes, flushes;
	uint32_t first_pair, n_pairs;
	uint32_t phases; /* bit set: phase active at some time in it */
	uint64_t max_ns;
};

struct hcb_pair {
	uint32_t bucket, count;
};

/* A time in which no headline transaction was done. */
struct hcb_gap {
	uint64_t from_ns, to_ns;
};

struct hcb_record {
	struct hcb_sink sink; /* first: the workload's way in */
	const struct hcb_workload *wl;
	bool measuring;
	uint64_t measure_start_ns, measure_end_ns; /* end 0: open */
	uint64_t cycle_marks, last_cycle_ns;
	struct hcb_block *blocks; /* [HCB_MAX_BLOCKS], zero pages until used */
	unsigned n_blocks;
	/* Headline transaction split by what the workload was doing: [n_phases] is
	 * "none". Empty if it has no phases. */
	struct hcb_hist by_phase[HCB_MAX_PHASES + 1];
	uint64_t phase_ended_ns[HCB_MAX_PHASES];
	uint64_t phase_seen[HCB_MAX_PHASES]; /* times begun */
	uint32_t phase_now;
	/* stalls of HCB_GAP_NS and more between one completion and the next, the first
	   HCB_MAX_GAPS of them; warm-up and all */
	struct hcb_gap gaps[HCB_MAX_GAPS];
	unsigned n_gaps;
	uint64_t last_tx_ns;
	struct hcb_hist lateness; /* of the blocks kept: hcb_record_merge_lateness */
	uint64_t away_ns;         /* the same */
	uint32_t stream_regions[HCB_MAX_STREAMS]; /* bit set: it had ops there */
	/* since the first op, warm-up and all: to be compared with what the storage
	 * counted */
	uint64_t total_writes, total_write_bytes, total_reads, total_read_bytes,
	        total_flushes;
	uint64_t total_errors, held_ops;
	uint64_t window_end_ns; /* 0: open. Transactions due before it that are waited for
	                           ... */
	uint64_t done_after_end; /* ... and done since */
	/* intervals */
	struct hcb_interval *intervals;
	struct hcb_pair *pairs;
	uint32_t n_intervals, max_intervals, n_pairs, max_pairs;
	struct hcb_hist now; /* of the interval under way */
	struct hcb_interval cur;
	uint64_t cur_end_ns;
	uint64_t lost_intervals; /* past the arena's end */
	/* the run loop asks to be told of cycles */
	void (*on_cycle)(void *arg, uint64_t now_ns);
	void *on_cycle_arg;
};

/* Of an op submitted inside the window. */
static inline void hcb_record_lateness(struct hcb_record *r, uint64_t ns)
{
	if (r->measuring)
		hcb_hist_record(&r->blocks[r->n_blocks - 1].lateness, ns);
}

int hcb_record_init(struct hcb_record *r, const struct hcb_workload *wl,
                    struct hcb_err *err);
void hcb_record_free(struct hcb_record *r);
/* Opens the first block at now; later calls close the open one and open the next. */
void hcb_record_block(struct hcb_record *r, uint64_t now_ns);
void hcb_record_measure(struct hcb_record *r, uint64_t start_ns);
void hcb_record_stop(struct hcb_record *r, uint64_t end_ns);
/* Drops the open block: a tail that is no whole cycle. */
void hcb_record_drop_open_block(struct hcb_record *r);
void hcb_record_op(struct hcb_record *r, const struct hcb_op *op);
void hcb_record_close_until(struct hcb_record *r, uint64_t now_ns);
/* Closes the intervals that are over; to be called before anything is counted in one. */
static inline void hcb_record_tick(struct hcb_record *r, uint64_t now_ns)
{
	if (now_ns >= r->cur_end_ns)
		hcb_record_close_until(r, now_ns);
}

/* Bin-wise merge of the blocks into *out (caller zeroes through hcb_hist_reset). */
void hcb_record_merge_tx(const struct hcb_record *r, unsigned tx,
                         struct hcb_tx_record *out);
/* The loop did not run from then to then though there was something to do: counted in the
   blocks that this lies in. */
void hcb_record_away(struct hcb_record *r, uint64_t from_ns, uint64_t to_ns);
/* Into r->lateness and r->away_ns. */
void hcb_record_merge_lateness(struct hcb_record *r);
void hcb_record_merge_stream(const struct hcb_record *r, unsigned s,
                             struct hcb_stream_record *out);

#endif
