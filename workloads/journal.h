/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal of one file system, as ext4's jbd2 drives a device (Linux
 * fs/jbd2/commit.c): metadata dirtied since the last commit is written to a ring, one
 * descriptor block and the metadata blocks, contiguous; when they are there a commit
 * block follows with PREFLUSH and FUA. A device without native FUA gets a second flush
 * instead (Documentation/block/writeback_cache_control.rst). One commit runs at a time;
 * what asks for one meanwhile shares the next. A transaction that is full (a burst of new
 * files, a mass removal) commits without being asked.
 *
 * Pure state machine: it pushes ops with the stream and token given at init, and the
 * owner passes their completions back.
 */
#ifndef HCB_WORKLOADS_JOURNAL_H
#define HCB_WORKLOADS_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "workloads/machine.h"

enum hcb_journal_state {
	HCB_J_IDLE,
	HCB_J_LOG,
	HCB_J_PREFLUSH,
	HCB_J_COMMIT,
	HCB_J_POSTFLUSH
};

struct hcb_journal {
	struct hcb_outq *out;
	uint16_t region, stream_write, stream_flush;
	uint64_t token;      /* on every op it pushes */
	uint64_t bytes, pos; /* ring size and next free byte */
	bool fua;
	enum hcb_journal_state state;
	uint32_t dirty;   /* bit set: that metadata block is in the running transaction */
	uint64_t more;    /* blocks in it that are counted, not named */
	uint32_t log_out; /* writes of the log not yet done */
	uint32_t waiters_now;  /* bit set: who waits for the commit under way */
	uint32_t waiters_next; /* ... for the one after */
	uint64_t commits, blocks_logged;
};

#define HCB_JOURNAL_BLOCK      4096u
/* The longest write: 1 descriptor + 62 blocks. A larger transaction takes several. */
#define HCB_JOURNAL_MAX_BLOCKS 62u
/* The largest transaction, of the owner's blocks; the rest goes into the next. jbd2 stops
   at a quarter of the ring, 8192 of 128 MiB: this keeps the ops in flight few. */
#define HCB_JOURNAL_MAX_TX     2048u
/* Ops one commit has in flight at most. */
#define HCB_JOURNAL_MAX_OPS    ((HCB_JOURNAL_MAX_TX + 32) / HCB_JOURNAL_MAX_BLOCKS + 2)

/*
 * Metadata was changed: the blocks of the mask join the running transaction. A block is
 * logged once however often it changes, so the owner gives each of its few (an inode, a
 * bitmap, a directory) a bit.
 */
void hcb_journal_dirty(struct hcb_journal *j, uint32_t mask);
/* So do n blocks that nobody else will dirty: a new file's inode and directory. */
void hcb_journal_dirty_more(struct hcb_journal *j, uint32_t n);
/* waiter (a bit) wants everything dirtied until now committed. Starts at once if idle. */
void hcb_journal_ask(struct hcb_journal *j, uint32_t waiter, uint64_t now_ns);
/* One of the journal's ops is done. Returns the waiters whose commit that completed, 0 if
   it goes on; a commit that was asked for meanwhile is then under way. */
uint32_t hcb_journal_done(struct hcb_journal *j, uint64_t done_ns);

#endif
