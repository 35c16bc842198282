/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The books' own layout, shared by verify.c (keeping them) and verify_check.c (holding
   what was read against them). Not for others. */
#ifndef HCB_BENCH_VERIFY_INTERNAL_H
#define HCB_BENCH_VERIFY_INTERNAL_H

#include "bench/verify.h"

#define VERIFY_GAPS 4096 /* as many failures with flushes that succeed in between */

/* A floor that waits for a flush: epoch is the number of the last flush sent before it
   was done. */
struct verify_waiting {
	uint32_t floor, epoch; /* epoch 0: none */
};

struct verify_block {
	uint32_t issued;
	uint32_t done, durable;
	struct verify_waiting older, newer; /* newer only beside an older one */
	uint16_t out;                       /* writes to it that have not come back */
	uint16_t frozen;                    /* one failed: no write adds to the floors */
};
_Static_assert(sizeof(struct verify_block) == 32, "what the documents say it costs");

struct verify_dev {
	struct verify_block *block;
	uint64_t n_blocks;
	uint64_t *written; /* bit per 64 blocks: one of them was written */
	uint32_t numbers;  /* the last given out; what is queued has some */
	uint32_t sent;     /* the last of a write that was sent */
	uint32_t epoch;    /* the last flush sent, or failure */
	uint32_t durable;  /* the newest flush that came back: covers smaller epochs */
	struct {
		uint32_t from, to; /* epochs no flush will ever cover, ascending */
	} gap[VERIFY_GAPS];
	unsigned n_gaps;
	uint32_t cuts;
};

enum verify_op_state { VERIFY_IDLE, VERIFY_WRITE, VERIFY_FLUSH, VERIFY_READ };

struct verify_op {
	enum verify_op_state state;
	uint16_t dev;
	uint32_t seq;   /* write: its number; flush: likewise; read: the last write's that
	                   was sent before it */
	uint32_t floor; /* write */
	uint32_t len;
	uint64_t off;
};

struct hcb_verify {
	struct hcb_verify_config conf;
	struct verify_dev dev[HCB_MAX_VOLUMES];
	struct verify_op *op; /* [n_ops] */
	/* Ops' buffers, the hashes of their sectors' bodies, and how much is made yet. */
	unsigned char *buf, *bytes;
	uint64_t *body;
	uint32_t *made;
	bool rollback; /* power may have been lost */
	char trouble[128];
	struct hcb_verify_result res;
};

/* Moves floors that a flush has covered by now, drops those that none will. */
void hcb_verify_settle(const struct verify_dev *d, struct verify_block *b);
/* As hcb_verify_check, of those blocks whose newest write is at most `upto`. */
void hcb_verify_look(struct hcb_verify *v, unsigned dev, uint64_t off, const void *buf,
                     uint32_t len, bool in_run, uint32_t upto);

#endif
