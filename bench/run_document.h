/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was observed in a run -> the result document. No decisions, no I/O. */
#ifndef HCB_BENCH_RUN_DOCUMENT_H
#define HCB_BENCH_RUN_DOCUMENT_H

#include "bench/run.h"
#include "bench/validity.h"

struct hcb_observed {
	const struct hcb_run *run;
	const struct hcb_layout *layout;
	const struct hcb_loop *loop;
	const struct hcb_record *rec;
	const struct hcb_judgement *judged;
	const struct hcb_faults *faults;
	void *wl_state;
	double host_busy, host_mean, steal;
	uint64_t control_before_ns, control_after_ns, control_spent_ns; /* control.h */
	int loop_nice;         /* the run loop's niceness */
	bool clock_is_counter; /* the run's clock read the processor's counter */
	double clock_error;    /* its share of error against CLOCK_MONOTONIC */
	double achieved_per_s; /* open loop: due in the window less the backlog's growth
	                        */
	uint64_t started_unix_s, wall_ns;
	uint64_t prefilled_bytes;
	json_t *described[HCB_MAX_VOLUMES];  /* what each engine says of its target;
	                                        borrowed */
	json_t *dev_change[HCB_MAX_VOLUMES]; /* counters over the run, or NULL; borrowed
	                                      */
	json_t *around_change;               /* borrowed */
	json_t *verify; /* owned until then: goes into the document */
};

json_t *hcb_run_document(const struct hcb_observed *o);

#endif
