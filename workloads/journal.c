/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workloads/journal.h"

void hcb_journal_dirty(struct hcb_journal *j, uint32_t mask)
{
	j->dirty |= mask;
}

void hcb_journal_dirty_more(struct hcb_journal *j, uint32_t n)
{
	j->more += n;
}

static void push_write(struct hcb_journal *j, uint32_t len, uint32_t flags,
                       uint64_t now_ns)
{
	if (j->pos + len > j->bytes)
		j->pos = 0;
	struct hcb_want w = {
	        .kind = HCB_WRITE,
	        .flags = flags,
	        .len = len,
	        .region = j->region,
	        .stream = j->stream_write,
	        .off = j->pos,
	        .due_ns = now_ns,
	        .token = j->token,
	};
	hcb_outq_push(j->out, &w);
	j->pos += len;
}

static void push_flush(struct hcb_journal *j, uint64_t now_ns)
{
	struct hcb_want w = {
	        .kind = HCB_FLUSH,
	        .region = j->region,
	        .stream = j->stream_flush,
	        .due_ns = now_ns,
	        .token = j->token,
	};
	hcb_outq_push(j->out, &w);
}

static void begin(struct hcb_journal *j, uint64_t now_ns)
{
	uint32_t named = (uint32_t)__builtin_popcount(j->dirty);
	uint32_t more =
	        (uint32_t)(j->more < HCB_JOURNAL_MAX_TX ? j->more : HCB_JOURNAL_MAX_TX);
	/* at least the inode whose fsync this is */
	uint32_t blocks = named + more ? named + more : 1;
	j->dirty = 0;
	j->more -= more;
	j->waiters_now = j->waiters_next;
	j->waiters_next = 0;
	j->state = HCB_J_LOG;
	j->blocks_logged += blocks + 1; /* and the commit block */
	while (blocks) {
		uint32_t n =
		        blocks < HCB_JOURNAL_MAX_BLOCKS ? blocks : HCB_JOURNAL_MAX_BLOCKS;
		push_write(j, (1 + n) * HCB_JOURNAL_BLOCK, 0, now_ns);
		j->blocks_logged++; /* the descriptor */
		j->log_out++;
		blocks -= n;
	}
}

void hcb_journal_ask(struct hcb_journal *j, uint32_t waiter, uint64_t now_ns)
{
	j->waiters_next |= waiter;
	if (j->state == HCB_J_IDLE)
		begin(j, now_ns);
}

static uint32_t finish(struct hcb_journal *j, uint64_t done_ns)
{
	uint32_t who = j->waiters_now;
	j->commits++;
	j->waiters_now = 0;
	j->state = HCB_J_IDLE;
	if (j->waiters_next || j->more >= HCB_JOURNAL_MAX_TX)
		begin(j, done_ns);
	return who;
}

uint32_t hcb_journal_done(struct hcb_journal *j, uint64_t done_ns)
{
	switch (j->state) {
	case HCB_J_LOG:
		if (--j->log_out)
			return 0;
		j->state = HCB_J_PREFLUSH;
		push_flush(j, done_ns);
		return 0;
	case HCB_J_PREFLUSH:
		j->state = HCB_J_COMMIT;
		push_write(j, HCB_JOURNAL_BLOCK, j->fua ? HCB_OP_FUA : 0, done_ns);
		return 0;
	case HCB_J_COMMIT:
		if (j->fua)
			return finish(j, done_ns);
		j->state = HCB_J_POSTFLUSH;
		push_flush(j, done_ns);
		return 0;
	case HCB_J_POSTFLUSH:
		return finish(j, done_ns);
	case HCB_J_IDLE:
		break;
	}
	return 0;
}
