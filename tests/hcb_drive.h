/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives a workload in virtual time against a device that takes a fixed time for each
 * kind of op, any number at once. Every op passes through a watcher, so that a test sees
 * what a disk would see.
 */
#ifndef HCB_TESTS_DRIVE_H
#define HCB_TESTS_DRIVE_H

#include <stdlib.h>
#include <string.h>

#include "workloads/machine.h"
#include "workloads/workload.h"

#define DRIVE_OPS 4096

struct drive {
	struct hcb_sink sink; /* first */
	const struct hcb_workload *wl;
	void *conf, *state;
	struct hcb_geometry geo;
	struct hcb_op ops[DRIVE_OPS];
	uint32_t free[DRIVE_OPS], n_free;
	struct hcb_events done;
	uint64_t latency_ns[HCB_OP_KINDS];
	uint64_t spread_ns; /* neighbours take up to 12 of these longer than each other */
	uint64_t now_ns, freeze_from_ns, freeze_to_ns; /* nothing completes in between */
	/* seen */
	uint64_t tx[HCB_MAX_TX], tx_max_ns[HCB_MAX_TX], cycles, cycle_at_ns, hash;
	uint64_t op_count[HCB_MAX_STREAMS];
	void (*on_op)(struct drive *d, const struct hcb_op *op);
	void (*on_done)(struct drive *d, const struct hcb_op *op);
	void (*on_tx)(struct drive *d, unsigned tx);
	void (*on_phase)(struct drive *d, unsigned phase, bool begin);
	void *arg;
};

static inline void drive_tx(struct hcb_sink *s, unsigned tx, uint64_t due, uint64_t start,
                            uint64_t done, bool failed)
{
	struct drive *d = (struct drive *)s;
	assert_true(start >= due);
	assert_true(done >= start);
	assert_false(failed);
	d->tx[tx]++;
	if (d->on_tx)
		d->on_tx(d, tx);
	if (done - due > d->tx_max_ns[tx])
		d->tx_max_ns[tx] = done - due;
}

static inline void drive_cycle(struct hcb_sink *s, uint64_t now)
{
	struct drive *d = (struct drive *)s;
	d->cycles++;
	d->cycle_at_ns = now;
}

static inline void drive_phase(struct hcb_sink *s, unsigned phase, bool begin,
                               uint64_t now)
{
	struct drive *d = (struct drive *)s;
	(void)now;
	if (d->on_phase)
		d->on_phase(d, phase, begin);
}

/* params: "key=value" strings, NULL-terminated. All volumes on one file system. */
static inline struct drive *drive_new(const struct hcb_workload *wl,
                                      const char *const *params, uint64_t seed)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct drive *d = calloc(1, sizeof(*d));
	assert_non_null(d);
	d->wl = wl;
	d->conf = calloc(1, wl->conf_size);
	hcb_opt_defaults(wl->opts, d->conf);
	for (; params && *params; params++)
		assert_int_equal(
		        hcb_opt_set_pair(wl->opts, d->conf, "test", *params, &err), 0);
	assert_int_equal(wl->plan(d->conf, &d->geo, &err), 0);
	d->geo.n_fs = 1;
	d->geo.regions[d->geo.n_volumes] =
	        (struct hcb_region){.name = "journal", .bytes = d->geo.journal_bytes};
	d->sink = (struct hcb_sink){drive_tx, drive_cycle, drive_phase};
	assert_int_equal(hcb_events_init(&d->done, DRIVE_OPS), 0);
	for (uint32_t i = DRIVE_OPS; i-- > 0;)
		d->free[d->n_free++] = i;
	d->latency_ns[HCB_WRITE] = 100000;
	d->latency_ns[HCB_READ] = 8000000;
	d->latency_ns[HCB_FLUSH] = 8333333;
	assert_int_equal(wl->init(&d->state, d->conf, &d->geo, seed, &d->sink, &err), 0);
	return d;
}

static inline void drive_free(struct drive *d)
{
	d->wl->fini(d->state);
	hcb_events_free(&d->done);
	free(d->conf);
	free(d);
}

static inline void drive_submit(struct drive *d, uint32_t i)
{
	struct hcb_op *op = &d->ops[i];
	const struct hcb_region *r = &d->geo.regions[op->region];
	assert_true(op->due_ns <= d->now_ns);
	assert_true(op->kind == HCB_FLUSH ? op->len == 0 : op->len > 0);
	assert_int_equal(op->len % 4096, 0);
	assert_int_equal(op->off % 4096, 0);
	assert_true(op->off + op->len <= r->bytes);
	assert_true(op->len <= (op->kind == HCB_READ ? d->wl->max_read_bytes
	                                             : d->wl->max_write_bytes));
	assert_int_equal(d->wl->streams[op->stream].kind, op->kind);
	d->op_count[op->stream]++;
	uint64_t words[5] = {op->kind, op->off, op->len, op->region, op->due_ns};
	for (int k = 0; k < 5; k++)
		d->hash = (d->hash ^ words[k]) * 0x100000001b3ULL;
	if (d->on_op)
		d->on_op(d, op);
	op->submit_ns = d->now_ns;
	uint64_t at =
	        d->now_ns + d->latency_ns[op->kind] + op->off / 4096 % 13 * d->spread_ns;
	if (at >= d->freeze_from_ns && at < d->freeze_to_ns)
		at = d->freeze_to_ns;
	hcb_events_push(&d->done, at, 0, i);
}

static inline void drive_complete(struct drive *d)
{
	while (hcb_events_next(&d->done) <= d->now_ns) {
		struct hcb_event e = hcb_events_pop(&d->done);
		struct hcb_op *op = &d->ops[e.arg];
		op->done_ns = e.at_ns;
		op->result = 0;
		d->wl->done(d->state, op);
		if (d->on_done)
			d->on_done(d, op);
		d->free[d->n_free++] = e.arg;
	}
}

/* Until lab time `until`, or (n > 0) until n transactions of the first kind are done. */
static inline void drive_run(struct drive *d, uint64_t until_ns, uint64_t n)
{
	while (d->now_ns < until_ns && (!n || d->tx[0] < n)) {
		uint64_t wait = UINT64_MAX;
		drive_complete(d);
		assert_true(d->n_free > 0);
		uint32_t i = d->free[--d->n_free];
		memset(&d->ops[i], 0, sizeof(d->ops[i]));
		enum hcb_next r = d->wl->next(d->state, d->now_ns, &d->ops[i], &wait);
		if (r == HCB_NEXT_OP) {
			drive_submit(d, i);
			continue;
		}
		d->free[d->n_free++] = i;
		assert_int_equal(r, HCB_NEXT_WAIT);
		uint64_t at = hcb_events_next(&d->done);
		d->now_ns = at < wait ? at : wait;
	}
}

#endif
