/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workloads/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int hcb_events_init(struct hcb_events *e, uint32_t cap)
{
	e->heap = calloc(cap, sizeof(*e->heap));
	e->n = 0;
	e->cap = cap;
	e->seq = 0;
	return e->heap ? 0 : -ENOMEM;
}

void hcb_events_free(struct hcb_events *e)
{
	free(e->heap);
	e->heap = NULL;
}

static bool before(const struct hcb_event *a, const struct hcb_event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->seq < b->seq;
}

static void overflow(const char *what)
{
	fprintf(stderr, "hcbench: bug: workload %s overflow\n", what);
	abort();
}

void hcb_events_push(struct hcb_events *e, uint64_t at_ns, uint32_t type, uint32_t arg)
{
	if (e->n == e->cap)
		overflow("event heap");
	struct hcb_event ev = {.at_ns = at_ns, .seq = e->seq++, .type = type, .arg = arg};
	uint32_t i = e->n++;
	while (i > 0 && before(&ev, &e->heap[(i - 1) / 2])) {
		e->heap[i] = e->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	e->heap[i] = ev;
}

uint64_t hcb_events_next(const struct hcb_events *e)
{
	return e->n ? e->heap[0].at_ns : UINT64_MAX;
}

struct hcb_event hcb_events_pop(struct hcb_events *e)
{
	struct hcb_event top = e->heap[0], last = e->heap[--e->n];
	uint32_t i = 0;
	for (;;) {
		uint32_t c = 2 * i + 1;
		if (c >= e->n)
			break;
		if (c + 1 < e->n && before(&e->heap[c + 1], &e->heap[c]))
			c++;
		if (!before(&e->heap[c], &last))
			break;
		e->heap[i] = e->heap[c];
		i = c;
	}
	e->heap[i] = last;
	return top;
}

int hcb_outq_init(struct hcb_outq *q, uint32_t at_least)
{
	uint32_t n = 16;
	while (n < at_least)
		n *= 2;
	q->ring = calloc(n, sizeof(*q->ring));
	q->head = q->tail = 0;
	q->mask = n - 1;
	return q->ring ? 0 : -ENOMEM;
}

void hcb_outq_free(struct hcb_outq *q)
{
	free(q->ring);
	q->ring = NULL;
}

void hcb_outq_push(struct hcb_outq *q, const struct hcb_want *w)
{
	if (q->head - q->tail > q->mask)
		overflow("op queue");
	q->ring[q->head++ & q->mask] = *w;
}

bool hcb_outq_pop(struct hcb_outq *q, struct hcb_op *op)
{
	if (q->head == q->tail)
		return false;
	const struct hcb_want *w = &q->ring[q->tail++ & q->mask];
	op->kind = w->kind;
	op->flags = w->flags;
	op->len = w->len;
	op->region = w->region;
	op->stream = w->stream;
	op->off = w->off;
	op->due_ns = w->due_ns;
	op->token = w->token;
	return true;
}

int hcb_bits_init(struct hcb_bits *b, uint64_t n)
{
	b->n = n;
	b->word = calloc((n + 63) / 64 + 1, sizeof(uint64_t));
	return b->word ? 0 : -ENOMEM;
}

void hcb_bits_free(struct hcb_bits *b)
{
	free(b->word);
	b->word = NULL;
}

void hcb_bits_clear(struct hcb_bits *b)
{
	memset(b->word, 0, (b->n + 63) / 64 * sizeof(uint64_t));
}

uint64_t hcb_bits_next(const struct hcb_bits *b, uint64_t from)
{
	if (from >= b->n)
		return b->n;
	uint64_t i = from >> 6, last = (b->n - 1) >> 6;
	uint64_t w = b->word[i] & (~(uint64_t)0 << (from & 63));
	while (!w && i < last)
		w = b->word[++i];
	return w ? (i << 6) + (uint64_t)__builtin_ctzll(w) : b->n;
}

void hcb_bits_swap(struct hcb_bits *a, struct hcb_bits *b)
{
	struct hcb_bits t = *a;
	*a = *b;
	*b = t;
}
