/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One operation. The workload fills the first group, the run loop the second, the engine
 * the third; everybody reads all of it once it is done.
 */
#ifndef HCB_CORE_OP_H
#define HCB_CORE_OP_H

#include <stdint.h>

enum hcb_op_kind {
	HCB_READ,
	HCB_WRITE,
	HCB_FLUSH, /* done: every write *completed before this was submitted* is durable
	            */
	HCB_DISCARD,
	HCB_OP_KINDS,
};

enum {
	HCB_OP_FUA =
	        1u << 0, /* this write is durable when done; others are not covered */
	HCB_OP_FUA_EMULATED = 1u
	                      << 1, /* the run loop's: it sends the write, then a flush */
	HCB_OP_MOVED = 1u << 2,     /* its data has moved: engines/emulation.h */
};

struct hcb_op {
	/* workload */
	enum hcb_op_kind kind;
	uint32_t flags;
	uint32_t len;    /* bytes; 0 for FLUSH */
	uint16_t region; /* index into the geometry's regions */
	uint16_t stream; /* index into the workload's stream table */
	uint64_t off;    /* bytes, relative to the region; absolute once submitted */
	uint64_t due_ns; /* when the workload wanted it */
	uint64_t token;  /* the workload's own */

	/* run loop */
	void *buf; /* len bytes, aligned to 4096; write: payload, read: destination */
	uint64_t submit_ns; /* when it was handed to the engine */
	struct hcb_op *next;
	uint32_t index; /* slot in the loop's pool */
	uint16_t dev;   /* which target */
	uint16_t loop_state;

	/* engine */
	uint64_t done_ns; /* stamped once, where completion happens */
	int result;       /* 0 or -errno; a short transfer is -EIO */
	void *priv; /* the engine's op_size bytes, zeroed at open, kept between uses */
};

#endif
