/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an engine is: one way to do I/O. One .c file per engine, ending in one const
 * struct hcb_engine, plus one line in registry.h. engines/README.md tells the life of a
 * device; null.c is the file to copy.
 *
 * Threads: every slot is called from the run loop's thread. An engine may have threads
 * of its own (librbd does); they may only stamp op->done_ns through the clock, pass
 * completed ops to poll(), write wake_fd, and set dev->trouble.
 */
#ifndef HCB_ENGINES_ENGINE_H
#define HCB_ENGINES_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "bench/core/clock.h"
#include "bench/core/err.h"
#include "bench/core/kvs.h"
#include "bench/core/op.h"
#include "bench/core/opt.h"

enum hcb_cap {
	HCB_CAP_READ = 1u << 0,
	HCB_CAP_WRITE = 1u << 1,
	HCB_CAP_FLUSH = 1u << 2,
	HCB_CAP_FUA = 1u << 3, /* native; without it the run loop writes, then flushes */
	HCB_CAP_DISCARD = 1u << 4,
	HCB_CAP_ALWAYS_DURABLE = 1u << 5, /* done means durable: a flush is free */
	HCB_CAP_MODEL = 1u << 6,          /* may run under the virtual clock */
	HCB_CAP_ANONYMOUS =
	        1u << 7, /* each mention is a device of its own, unless ADDRESS@NAME */
	HCB_CAP_REAL = 1u << 8,   /* writes to something that outlives the run */
	HCB_CAP_STORES = 1u << 9, /* a read gives what was written */
};

struct hcb_emulation;

struct hcb_dev {
	/* set before open */
	const struct hcb_engine *engine;
	const char *target;  /* as the user wrote it */
	const char *address; /* between "ENGINE:" and the first comma */
	void *conf;          /* conf_size bytes filled from opts */
	void *priv;          /* dev_size zeroed bytes */
	const struct hcb_clock *clock;
	uint64_t seed;        /* this device's own chance */
	uint32_t depth;       /* ops that will ever be in flight at once */
	uint32_t max_len;     /* longest op, bytes */
	uint64_t want_bytes;  /* the least size the run needs; an engine that makes
	                         its storage makes it this large */
	uint64_t deadline_ns; /* wall time any one call to the outside may take */
	bool read_only;       /* nothing will be written: open so */
	bool spread; /* the disks under it spread addresses over their stroke: what
	                share of them is in use says nothing */

	bool is_open; /* target.c's */

	/* set by open */
	uint64_t size_bytes;
	uint32_t block_bytes;     /* alignment of offset and length, a power of two */
	uint32_t caps;            /* of engine->caps, those this target has */
	uint64_t prefilled_bytes; /* from 0, written by an earlier run and known to be */
	/* Becomes readable when poll has something again after a call of poll that gave
	   nothing: who wants to wait polls until then first. An eventfd
	   (wake_is_eventfd), which whoever waited reads, or what poll itself makes
	   unreadable: a ring's descriptor, an epoll descriptor. Models: -1. */
	int wake_fd;
	bool wake_is_eventfd;

	/* set at any time, by any thread: the run must stop, and why. Points to a string
	   that lives as long as the device. NULL while all is well. */
	_Atomic(const char *) trouble;

	/* raised by an engine that plays a power cut, before it takes the first op after
	   it: what was done by then and not durable may be gone */
	_Atomic uint32_t power_cuts;

	/* set by close: the deadline passed and a library still holds ops' buffers.
	   Whoever owns those buffers must leak them: a late answer may yet be written
	   there. */
	bool abandoned;
};

/*
 * Facts that decide the verdict. The storage was not in the state the run asked for
 * (degraded, recovering): INVALID. It was doing something of its own besides: UNSTEADY.
 * The value says what, as a sentence without a full stop.
 */
#define HCB_FACT_NOT_AS_ASKED "not_as_asked"
#define HCB_FACT_DISTURBED    "disturbed"
/* What a reader must know to judge the numbers, without a say in the verdict. */
#define HCB_FACT_WARNING      "warning"
/* Data on less of a disk's stroke than this is warned of: seeks are short. */
#define HCB_MIN_SPAN          0.10

/* In what counters() says. If it differs at the end, the object's other counts are those
   of the end as they are, and a true member HCB_COUNTERS_RESTARTED says so. */
#define HCB_COUNTERS_INSTANCE  "instance"
#define HCB_COUNTERS_RESTARTED "restarted"

struct hcb_engine {
	const char *name, *summary;
	const char *unavailable;    /* NULL, or why this build lacks it ("built without
	                               librbd") */
	const char *address_help;   /* "POOL/IMAGE", "SIZE" */
	const struct hcb_opt *opts; /* NULL-name terminated, or NULL */
	uint32_t caps;
	size_t conf_size, dev_size, op_size;

	/* On failure leaves nothing open; close is then not called. May block, with
	 * deadlines. */
	int (*open)(struct hcb_dev *dev, struct hcb_err *err);
	/* Returns only when no op's buffer is referenced any more (or the deadline
	 * passed). */
	void (*close)(struct hcb_dev *dev);
	/* Facts for the result, after the run too: cache modes and policies in force,
	 * versions, geometry. */
	int (*describe)(const struct hcb_dev *dev, struct hcb_kvs *facts);
	/* Takes the first k of n ops and returns k; 0 = full, poll first. -errno =
	   broken. Each taken op comes back exactly once. Faults of one op travel in
	   op->result. */
	int (*submit)(struct hcb_dev *dev, struct hcb_op *const *ops, unsigned n);
	/* Never waits. */
	unsigned (*poll)(struct hcb_dev *dev, struct hcb_op **done, unsigned max);
	/* Bytes [0, bytes) now hold data: remember it for later runs. NULL: cannot. May
	 * block. */
	int (*note_prefilled)(struct hcb_dev *dev, uint64_t bytes, struct hcb_err *err);
	/* Models: lab time of the next completion, HCB_NEVER if none. Others: NULL. */
	uint64_t (*next_ns)(const struct hcb_dev *dev);
	/*
	 * What the storage itself counted, to be subtracted start from end: an object
	 * whose leaves are numbers ({"osd": {"0": {...}}, "librbd": {...}, "disk":
	 * {...}}). May block up to the deadline; called only while no op is in flight.
	 * An object's member HCB_COUNTERS_INSTANCE tells one process that counts from
	 * the next, which began at zero. NULL: has no counters.
	 */
	json_t *(*counters)(struct hcb_dev *dev, struct hcb_err *err);
	const struct hcb_emulation *emulation; /* emulation.h; NULL: has none */
};

/* After wake_fd was found readable. */
static inline void hcb_dev_woken(const struct hcb_dev *dev)
{
	uint64_t ticks;
	/* It does not block: nothing there is as good. */
	if (dev->wake_is_eventfd && read(dev->wake_fd, &ticks, sizeof(ticks)) < 0)
		return;
}

/* Unaligned, past the end, or a kind the device lacks: -errno; else 0. Engines call this
   first for each op in submit, and complete a bad op with that result. */
int hcb_dev_check_op(const struct hcb_dev *dev, const struct hcb_op *op);

#endif
