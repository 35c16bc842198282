/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between loop.c, which runs, and loop_memory.c, which takes and gives back all of it. */
#ifndef HCB_BENCH_LOOP_INTERNAL_H
#define HCB_BENCH_LOOP_INTERNAL_H

#include "bench/core/random.h"
#include "bench/core/units.h"
#include "bench/loop.h"

/* Incompressible; ops read from seeded places in it. */
#define HCB_LOOP_PAYLOAD (8 * HCB_MIB)

/* A FUA write to a target without native FUA: first the write goes out, then a flush. */
struct emulated_fua {
	bool flushing;
	uint32_t len;
	uint64_t off, due_ns, submit_ns;
};

struct op_list {
	struct hcb_op *head, **tail;
};

struct dev_state {
	struct op_list waiting; /* due, not yet taken by the engine */
	uint32_t inflight;
};

struct hcb_loop_own {
	struct hcb_op *ops;
	unsigned char *priv;
	struct emulated_fua *fua; /* [op index] */
	struct hcb_op *free;
	uint32_t n_ops, inflight;
	struct dev_state dev[HCB_MAX_VOLUMES];
	unsigned char *payload, *read_buf;
	struct hcb_random chance;
	bool draining;   /* the window is over */
	bool quiet;      /* the workload is not asked any more */
	uint64_t end_ns; /* of the window */
	uint64_t drain_until_ns;
	uint64_t last_done_ns, next_progress_ns;
	uint64_t submit_from_ns, submit_to_ns; /* of the last submit call */
	bool just_submitted;                   /* in the turn before this one */
	uint64_t next_turn_ns; /* from when on there was something to do again */
	uint64_t written, cap_second, cap_used;
	uint64_t still_at_ns, still_turns; /* turns at one instant of virtual time */
};

#endif
