/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One device of a subject, opened as a run opens it, and ops to be put through it. */
#ifndef HCB_TESTS_RIG_H
#define HCB_TESTS_RIG_H

#include "subjects.h"

#include <poll.h>

#include "engines/target.h"

#define DEPTH   8u
#define N_OPS   (3 * DEPTH)
#define MAX_LEN 65536u

struct rig {
	const struct subject *s;
	struct hcb_clock clock;
	struct hcb_dev *dev;
	struct hcb_op op[N_OPS];
	unsigned done[N_OPS]; /* how often each came back */
	unsigned out;         /* in flight */
	void *mem, *priv;
	bool open;
};

static int rig_open(struct rig *g, const struct subject *s, const char *target,
                    struct hcb_err *err)
{
	memset(g, 0, sizeof(*g));
	g->s = s;
	if (s->engine->caps & HCB_CAP_MODEL)
		hcb_clock_init_virtual(&g->clock);
	else
		hcb_clock_init_real(&g->clock, 1.0);
	int r = hcb_target_parse(target, &g->dev, err);
	if (r)
		return r;
	g->dev->clock = &g->clock;
	g->dev->seed = 42;
	g->dev->depth = DEPTH;
	g->dev->max_len = MAX_LEN;
	g->dev->want_bytes = WANT;
	r = hcb_target_open(g->dev, err);
	g->open = r == 0;
	g->mem = aligned_alloc(4096, (size_t)N_OPS * MAX_LEN);
	g->priv = calloc(N_OPS, s->engine->op_size + 1);
	memset(g->mem, 0, (size_t)N_OPS * MAX_LEN);
	for (uint32_t i = 0; i < N_OPS; i++) {
		g->op[i].index = i;
		g->op[i].buf = (char *)g->mem + (size_t)i * MAX_LEN;
		g->op[i].priv = (char *)g->priv + i * s->engine->op_size;
	}
	return r;
}

static void rig_close(struct rig *g)
{
	if (g->open)
		hcb_target_close(g->dev);
	g->open = false;
	assert_true(!g->dev || !g->dev->abandoned);
	hcb_target_free(g->dev);
	free(g->mem);
	free(g->priv);
}

static void prepare(struct rig *g, unsigned i, enum hcb_op_kind kind, uint64_t off,
                    uint32_t len)
{
	struct hcb_op *op = &g->op[i];
	op->kind = kind;
	op->flags = 0;
	op->off = off;
	op->len = len;
	op->result = 12345;
	op->done_ns = 0;
	op->submit_ns = hcb_clock_now(&g->clock);
}

static unsigned submit(struct rig *g, struct hcb_op *const *ops, unsigned n)
{
	int k = g->dev->engine->submit(g->dev, ops, n);
	assert_true(k >= 0 && (unsigned)k <= n);
	g->out += (unsigned)k;
	assert_true(g->out <= DEPTH);
	return (unsigned)k;
}

/* Sleeps or moves the clock, as the run loop would. */
static void wait_some(struct rig *g)
{
	if (g->dev->engine->next_ns && g->clock.is_virtual) {
		uint64_t t = g->dev->engine->next_ns(g->dev);
		assert_true(t != HCB_NEVER);
		hcb_clock_advance(&g->clock, t);
		return;
	}
	struct pollfd p = {.fd = g->dev->wake_fd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 30000), 1);
	hcb_dev_woken(g->dev);
}

/* Takes what is done until at most `left` are in flight. */
static void reap(struct rig *g, unsigned left)
{
	struct hcb_op *done[5]; /* shorter than the depth on purpose */
	while (g->out > left) {
		unsigned n = g->dev->engine->poll(g->dev, done, 5);
		assert_true(n <= 5 && n <= g->out);
		for (unsigned i = 0; i < n; i++) {
			g->done[done[i]->index]++;
			assert_true(done[i]->done_ns >= done[i]->submit_ns);
			assert_true(done[i]->done_ns <= hcb_clock_now(&g->clock));
		}
		g->out -= n;
		if (n == 0)
			wait_some(g);
	}
}

static int run_one(struct rig *g, enum hcb_op_kind kind, uint64_t off, uint32_t len)
{
	struct hcb_op *op = &g->op[0];
	prepare(g, 0, kind, off, len);
	g->done[0] = 0;
	assert_int_equal(submit(g, &op, 1), 1);
	reap(g, 0);
	assert_int_equal(g->done[0], 1);
	return op->result;
}

#define RIG(g, state)                                                                    \
	struct rig g;                                                                    \
	const struct subject *s = *(state);                                              \
	struct hcb_err err = HCB_ERR_INIT;                                               \
	if (s->absent)                                                                   \
		skip();                                                                  \
	assert_ok(rig_open(&g, s, s->target, &err), &err)

#endif
