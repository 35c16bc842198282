/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of an op through a library that completes it on a thread of its own (librbd,
 * librados): a slot per op in flight, a lock-free list of completed slots, an eventfd.
 *
 * The library's callback only ever touches the slot, never the op: slots belong to the
 * engine's heap object, which is leaked if the storage never answers, while ops belong
 * to the run loop, which frees them. That is also why op->priv is not used.
 *
 *   loop thread: take, poll, oldest        library threads: done
 */
#ifndef HCB_ENGINES_CEPH_QUEUE_H
#define HCB_ENGINES_CEPH_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/core/clock.h"
#include "bench/core/op.h"

struct hcb_ceph_queue;

struct hcb_ceph_slot {
	struct hcb_ceph_queue *q;
	struct hcb_op *op;
	struct hcb_ceph_slot *next; /* free list, done list or ready list */
	_Atomic uint64_t
	        since_ns; /* coarse monotonic time of submission; 0: not in flight */
	uint64_t done_ns;
	int result;
	uint32_t index, aux;         /* aux: the engine's own */
	_Atomic uint32_t parts_left; /* rados: an op across objects has several */
	_Atomic int part_error;
};

struct hcb_ceph_queue {
	struct hcb_ceph_slot *slots;
	uint32_t n;
	const struct hcb_clock *clock;
	int efd;
	/* loop thread only */
	struct hcb_ceph_slot *free, *ready;
	uint32_t taken;
	/* any thread */
	_Atomic(struct hcb_ceph_slot *) done; /* newest first */
	atomic_bool armed; /* the loop is about to sleep: who completes wakes it */
	atomic_bool deaf;  /* abandoned: completions are dropped */
};

int hcb_ceph_queue_init(struct hcb_ceph_queue *q, uint32_t depth,
                        const struct hcb_clock *c);
void hcb_ceph_queue_destroy(struct hcb_ceph_queue *q);

/* NULL: depth ops are in flight or not yet polled. */
struct hcb_ceph_slot *hcb_ceph_slot_take(struct hcb_ceph_queue *q, struct hcb_op *op);
/* Stamps and hands over. The slot is the loop's again: touch it no more. */
void hcb_ceph_slot_done(struct hcb_ceph_slot *slot, int result);
/* After a call that gave nothing the eventfd becomes readable with the next op done. */
unsigned hcb_ceph_queue_poll(struct hcb_ceph_queue *q, struct hcb_op **done,
                             unsigned max);
/* Makes the eventfd readable although nothing is done: the loop shall look at `trouble`.
 */
void hcb_ceph_queue_kick(struct hcb_ceph_queue *q);
/* How long the op longest in flight has been there, in wall ns; 0 if none. Any thread. */
uint64_t hcb_ceph_queue_oldest(const struct hcb_ceph_queue *q);
/* Waits for every op in flight and drops them, at most timeout_ns. How many are left. */
uint32_t hcb_ceph_queue_drain(struct hcb_ceph_queue *q, uint64_t timeout_ns);

#endif
