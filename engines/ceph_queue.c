/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engines/ceph_queue.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Good to a few milliseconds and an eighth of the price: only ages of seconds matter. */
static uint64_t coarse_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

int hcb_ceph_queue_init(struct hcb_ceph_queue *q, uint32_t depth,
                        const struct hcb_clock *c)
{
	memset(q, 0, sizeof(*q));
	q->n = depth ? depth : 1;
	q->clock = c;
	q->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (q->efd < 0)
		return -errno;
	q->slots = calloc(q->n, sizeof(*q->slots));
	if (!q->slots) {
		close(q->efd);
		return -ENOMEM;
	}
	for (uint32_t i = q->n; i-- > 0;) {
		q->slots[i].q = q;
		q->slots[i].index = i;
		q->slots[i].next = q->free;
		q->free = &q->slots[i];
	}
	return 0;
}

void hcb_ceph_queue_destroy(struct hcb_ceph_queue *q)
{
	if (q->slots)
		close(q->efd);
	free(q->slots);
	q->slots = NULL;
}

struct hcb_ceph_slot *hcb_ceph_slot_take(struct hcb_ceph_queue *q, struct hcb_op *op)
{
	struct hcb_ceph_slot *s = q->free;
	if (!s)
		return NULL;
	q->free = s->next;
	q->taken++;
	s->op = op;
	s->result = 0;
	atomic_store_explicit(&s->part_error, 0, memory_order_relaxed);
	atomic_store_explicit(&s->since_ns, coarse_ns(), memory_order_relaxed);
	return s;
}

static void wake(struct hcb_ceph_queue *q)
{
	uint64_t one = 1;
	ssize_t r = write(q->efd, &one, sizeof(one));
	(void)r; /* EAGAIN: the counter is full, so it is readable */
}

/*
 * A loop that is awake is not woken: the write costs more than all else here. Push first,
 * look at the flag second; poll raises the flag first and looks at the list second. So
 * either this thread sees the flag or poll sees the slot.
 */
void hcb_ceph_slot_done(struct hcb_ceph_slot *s, int result)
{
	struct hcb_ceph_queue *q = s->q;
	if (atomic_load(&q->deaf))
		return;
	s->done_ns = hcb_clock_now(q->clock);
	s->result = result;
	atomic_store_explicit(&s->since_ns, 0, memory_order_relaxed);
	struct hcb_ceph_slot *old = atomic_load_explicit(&q->done, memory_order_relaxed);
	do {
		s->next = old;
	} while (!atomic_compare_exchange_weak(&q->done, &old, s));
	if (atomic_load(&q->armed) && atomic_exchange(&q->armed, false))
		wake(q);
}

void hcb_ceph_queue_kick(struct hcb_ceph_queue *q)
{
	wake(q);
}

/* Takes what is done, oldest first. */
static void refill(struct hcb_ceph_queue *q)
{
	struct hcb_ceph_slot *s = atomic_exchange(&q->done, NULL);
	while (s) {
		struct hcb_ceph_slot *next = s->next;
		s->next = q->ready;
		q->ready = s;
		s = next;
	}
}

static unsigned take(struct hcb_ceph_queue *q, struct hcb_op **done, unsigned max)
{
	unsigned n = 0;
	if (!q->ready)
		refill(q);
	while (n < max && q->ready) {
		struct hcb_ceph_slot *s = q->ready;
		q->ready = s->next;
		s->op->done_ns = s->done_ns;
		s->op->result = s->result;
		done[n++] = s->op;
		s->op = NULL;
		s->next = q->free;
		q->free = s;
		q->taken--;
	}
	return n;
}

unsigned hcb_ceph_queue_poll(struct hcb_ceph_queue *q, struct hcb_op **done, unsigned max)
{
	unsigned n = take(q, done, max);
	if (n)
		return n;
	atomic_store(&q->armed, true);
	return atomic_load(&q->done) ? take(q, done, max) : 0;
}

uint64_t hcb_ceph_queue_oldest(const struct hcb_ceph_queue *q)
{
	uint64_t now = coarse_ns(), oldest = 0;
	for (uint32_t i = 0; i < q->n; i++) {
		uint64_t t =
		        atomic_load_explicit(&q->slots[i].since_ns, memory_order_relaxed);
		if (t && t < now && now - t > oldest)
			oldest = now - t;
	}
	return oldest;
}

uint32_t hcb_ceph_queue_drain(struct hcb_ceph_queue *q, uint64_t timeout_ns)
{
	uint64_t end = hcb_monotonic_ns() + timeout_ns;
	struct hcb_op *op;
	for (;;) {
		while (hcb_ceph_queue_poll(q, &op, 1) == 1)
			;
		uint64_t now = hcb_monotonic_ns();
		if (q->taken == 0 || now >= end)
			return q->taken;
		uint64_t ms = (end - now) / 1000000 + 1;
		struct pollfd p = {.fd = q->efd, .events = POLLIN};
		uint64_t ticks;
		if (poll(&p, 1, ms > 1000 ? 1000 : (int)ms) > 0 &&
		    read(q->efd, &ticks, sizeof(ticks)) < 0)
			continue; /* it does not block */
	}
}
