/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parts that workloads are built from: a heap of timed events, a queue of ops ready to go
 * out, and a bitmap swept in ascending order. Nothing here allocates after init; equal
 * times have a defined order (the order of insertion).
 */
#ifndef HCB_WORKLOADS_MACHINE_H
#define HCB_WORKLOADS_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/core/op.h"

struct hcb_event {
	uint64_t at_ns, seq;
	uint32_t type, arg;
};

struct hcb_events {
	struct hcb_event *heap;
	uint32_t n, cap;
	uint64_t seq;
};

int hcb_events_init(struct hcb_events *e, uint32_t cap); /* 0 or -ENOMEM */
void hcb_events_free(struct hcb_events *e);
/* cap events at most: pushing more is a bug and aborts. */
void hcb_events_push(struct hcb_events *e, uint64_t at_ns, uint32_t type, uint32_t arg);
/* The earliest event's time, UINT64_MAX if there is none. */
uint64_t hcb_events_next(const struct hcb_events *e);
struct hcb_event hcb_events_pop(struct hcb_events *e);

/* What a workload wants done: the part of hcb_op that it fills. */
struct hcb_want {
	enum hcb_op_kind kind;
	uint32_t flags, len;
	uint16_t region, stream;
	uint64_t off, due_ns, token;
};

struct hcb_outq {
	struct hcb_want *ring;
	uint32_t head, tail, mask;
};

int hcb_outq_init(struct hcb_outq *q, uint32_t at_least); /* 0 or -ENOMEM */
void hcb_outq_free(struct hcb_outq *q);
void hcb_outq_push(struct hcb_outq *q,
                   const struct hcb_want *w);             /* full: a bug, aborts */
bool hcb_outq_pop(struct hcb_outq *q, struct hcb_op *op); /* false: empty */

struct hcb_bits {
	uint64_t *word;
	uint64_t n; /* bits */
};

int hcb_bits_init(struct hcb_bits *b, uint64_t n); /* all clear; 0 or -ENOMEM */
void hcb_bits_free(struct hcb_bits *b);
void hcb_bits_clear(struct hcb_bits *b);
/* First set bit at or after from; b->n if there is none. */
uint64_t hcb_bits_next(const struct hcb_bits *b, uint64_t from);
void hcb_bits_swap(struct hcb_bits *a, struct hcb_bits *b);

static inline bool hcb_bits_get(const struct hcb_bits *b, uint64_t i)
{
	return b->word[i >> 6] >> (i & 63) & 1;
}

/* Returns the bit's former value. */
static inline bool hcb_bits_set(struct hcb_bits *b, uint64_t i)
{
	uint64_t m = (uint64_t)1 << (i & 63);
	bool was = b->word[i >> 6] & m;
	b->word[i >> 6] |= m;
	return was;
}

static inline bool hcb_bits_unset(struct hcb_bits *b, uint64_t i)
{
	uint64_t m = (uint64_t)1 << (i & 63);
	bool was = b->word[i >> 6] & m;
	b->word[i >> 6] &= ~m;
	return was;
}

#endif
