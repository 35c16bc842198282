/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run loop: one thread, any number of targets, one workload. It alone sleeps and
 * moves the clock. Per op it keeps when it was due, when it was submitted, when it was
 * done.
 *
 * Lateness is submit - due of ops the engine had room for: the bench's own error. An op
 * that had to wait because the target was full, or because a cap held it, is not late.
 */
#ifndef HCB_BENCH_LOOP_H
#define HCB_BENCH_LOOP_H

#include <signal.h>

#include "bench/faults.h"
#include "bench/layout.h"
#include "bench/record.h"
#include "bench/verify.h"

struct hcb_window {
	bool whole_cycles;    /* warm-up and end fall on cycle edges */
	uint64_t warmup_ns;   /* at least this long */
	uint64_t duration_ns; /* measured; whole_cycles: to the nearest edge */
	unsigned cycles;   /* whole_cycles: measured cycles at least (0: by duration) */
	uint64_t cycle_ns; /* by the parameters */
	uint64_t grace_ns; /* after the end, for what was due before it */
};

struct hcb_caps {
	uint64_t bytes;       /* written in all, 0: no cap */
	uint64_t bytes_per_s; /* of writes, 0: no cap */
	uint64_t stall_ns;    /* no completion for so long with ops out: the run ends */
	bool keep_going;      /* a failed op does not end the run */
};

enum hcb_stop {
	HCB_STOP_NONE,
	HCB_STOP_DONE, /* the window is complete */
	HCB_STOP_END,  /* the workload ended */
	HCB_STOP_SIGNAL,
	HCB_STOP_TROUBLE, /* a target says so */
	HCB_STOP_ERROR,   /* an op failed, or an engine broke */
	HCB_STOP_STALL,
	HCB_STOP_BYTES, /* the cap on bytes */
	HCB_STOP_STUCK, /* nobody will ever do anything again, or at one instant for
	                   ever */
};

/* A turn of the loop later than that is counted: hcb_record_away. As the limit of an op's
   lateness (validity.c), of which this is the other side. */
#define HCB_AWAY_NS (1 * HCB_MS)

struct hcb_loop {
	/* set by the caller */
	const struct hcb_workload *wl;
	void *state;
	struct hcb_layout *layout;
	struct hcb_clock *clock;
	struct hcb_record *rec;
	struct hcb_window window;
	struct hcb_caps caps;
	struct hcb_verify *verify;                /* NULL: data is not verified */
	const volatile sig_atomic_t *signal_seen; /* set by the handler to the signal */
	void (*progress)(void *arg, const struct hcb_loop *l,
	                 uint64_t now_ns); /* once a second */
	void *progress_arg;
	struct hcb_faults *faults; /* NULL: none; ticked while the window is open */

	/* results */
	enum hcb_stop stop;
	char reason[256]; /* of stop, for TROUBLE, ERROR, STALL, STUCK */
	struct hcb_pending pending_start, pending_end, unfinished;
	uint32_t left_out;   /* ops that never came back */
	bool no_cycle_edge;  /* the window had to end without one */
	uint64_t ended_ns;   /* the window's end */
	uint64_t drained_ns; /* when the last op had come home, or was given up */

	/* own */
	struct hcb_loop_own *own;
};

/* Takes all memory; layout's devices are open. */
int hcb_loop_init(struct hcb_loop *l, uint64_t seed, struct hcb_err *err);
/* Runs to the end. A target's trouble is a stop, not an error. */
void hcb_loop_run(struct hcb_loop *l);
void hcb_loop_free(struct hcb_loop *l);

#endif
