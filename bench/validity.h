/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * May the number be believed (design section 8)? A pure judgement of what was observed.
 * INVALID: the bench or the machine, not the storage, shaped the result. UNSTEADY: the
 * storage or the load was not in a steady state; the numbers stand, with the reason
 * first.
 */
#ifndef HCB_BENCH_VALIDITY_H
#define HCB_BENCH_VALIDITY_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/loop.h"

enum hcb_verdict { HCB_VALID, HCB_UNSTEADY, HCB_INVALID };

#define HCB_MAX_REASONS 12

/* What the verdict is made of. Shares are 0 to 1. */
struct hcb_evidence {
	enum hcb_stop stop;
	const char *stop_reason;
	bool virtual_clock;
	uint64_t lateness_p99_ns, lateness_n;
	double away; /* share of the window in which the loop did not run and had to */
	uint64_t service_p50_ns; /* of the ops, median */
	double host_busy_worst10;
	double clock_error; /* of the run's clock against the kernel's, as a share */
	uint64_t control_before_ns, control_after_ns; /* control.h; 0: not measured */
	uint64_t disk_late_p99_ns; /* emulated disks, the worst one; 0: none */
	bool disk_late_known;
	double offered_per_s, achieved_per_s; /* offered 0: closed loop */
	uint64_t due, unfinished;             /* headline transactions */
	uint64_t backlog_start, backlog_end;  /* due and not done at the window's edges */
	bool measured;                        /* the window began */
	bool has_cycles, no_cycle_edge;
	unsigned whole_cycles;
	double cycle_rate_spread; /* (max - min) / mean of the cycles' rates */
	double cycle_rate_noise;  /* what counting alone would give, same unit */
	uint64_t held_ops, op_errors;
	bool drifting; /* no cycles: the seconds' mean or p99 moved over the window */
	const char *other_behind; /* what a workload beside the main one could not carry,
	                             or NULL */
	const char *data_wrong;  /* what --verify found, or why it could not look; NULL */
	const char *environment; /* why the storage was not as asked for, or NULL */
	const char *disturbance; /* what else it was doing, or NULL */
};

struct hcb_judgement {
	enum hcb_verdict verdict;
	bool overload; /* percentiles mean nothing: print none */
	unsigned n;
	char reasons[HCB_MAX_REASONS][200];
};

/* What is known of one block alone. */
struct hcb_block_evidence {
	uint64_t lateness_p99_ns, lateness_n, service_p50_ns, op_errors;
	double away; /* as above, of the block */
	double host_busy_worst10;
	double clock_error; /* of the run's clock against the kernel's, as a share */
	bool whole;         /* it ended where it was to end, however the run did */
};

const char *hcb_verdict_name(enum hcb_verdict v);
void hcb_judge(const struct hcb_evidence *e, struct hcb_judgement *out);
/*
 * A block's own verdict: by how late the bench and how busy the processors were in it and
 * by the ops that failed in it; by what is known of the run only (a disk's timer, the
 * cluster's state, overload, caps) as the run. What takes several blocks to see is none
 * of a block's.
 */
enum hcb_verdict hcb_judge_block(const struct hcb_evidence *run,
                                 const struct hcb_block_evidence *b);

#endif
