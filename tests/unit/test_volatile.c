/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is left after a power cut, held against the definition: random writes, flushes and
 * FUA writes, any number of them out at once, then the cut. Every sector must hold a
 * version that is before no durable one; a liar must be seen to break that.
 */
#include "hcb_test.h"

#include <errno.h>

#include "bench/core/units.h"
#include "engines/target.h"
#include "engines/volatile.h"

#define SECTORS 64u
#define OPS     400u
#define SLOTS   12u
#define NEVER   UINT32_MAX

/* A write or flush, in steps of the test. */
struct event {
	enum hcb_op_kind kind;
	bool fua, out;
	uint32_t first, n; /* sectors */
	uint32_t begun, ended, durable;
};

struct world {
	struct hcb_volatile v;
	struct hcb_dev dev;
	struct hcb_clock clock;
	struct hcb_random r;
	struct event ev[OPS];
	struct hcb_op op[SLOTS];
	struct hcb_volatile_op priv[SLOTS];
	unsigned char buf[SLOTS][SECTORS * 512];
	uint32_t of_slot[SLOTS]; /* event */
	uint32_t n, now;
};

static void begin(struct world *w, uint32_t slot)
{
	struct event *e = &w->ev[w->n];
	struct hcb_op *op = &w->op[slot];
	*e = (struct event){
	        .kind = HCB_WRITE, .ended = NEVER, .durable = NEVER, .out = true};
	*op = (struct hcb_op){.buf = w->buf[slot], .priv = &w->priv[slot]};
	if (hcb_random_below(&w->r, 6) == 0) {
		e->kind = HCB_FLUSH;
	} else {
		e->fua = hcb_random_below(&w->r, 10) == 0;
		e->first = (uint32_t)hcb_random_below(&w->r, SECTORS);
		e->n = 1 + (uint32_t)hcb_random_below(&w->r, SECTORS - e->first);
		e->n = e->n > 16 ? 16 : e->n;
		op->off = e->first * 512;
		op->len = e->n * 512;
		op->flags = e->fua ? HCB_OP_FUA : 0;
		for (uint32_t i = 0; i < e->n; i++)
			memset(w->buf[slot] + i * 512, 0, 512),
			        memcpy(w->buf[slot] + i * 512, &w->n, 4),
			        w->buf[slot][i * 512 + 4] = 1;
	}
	op->kind = e->kind;
	e->begun = ++w->now;
	w->of_slot[slot] = w->n++;
	hcb_volatile_begin(&w->v, op);
}

static void end(struct world *w, uint32_t slot)
{
	struct event *e = &w->ev[w->of_slot[slot]];
	hcb_volatile_end(&w->v, &w->op[slot], false);
	assert_int_equal(w->op[slot].result, 0);
	e->out = false;
	e->ended = ++w->now;
	if (e->fua)
		e->durable = e->ended;
	for (uint32_t i = 0; e->kind == HCB_FLUSH && i < w->n; i++) {
		struct event *o = &w->ev[i];
		if (o->kind == HCB_WRITE && o->ended < e->begun && o->durable == NEVER)
			o->durable = e->ended;
	}
}

static bool covers(const struct event *e, uint32_t sector)
{
	return e->kind == HCB_WRITE && sector >= e->first && sector - e->first < e->n;
}

/* Is write `i` (NEVER: what was there before the first) before a durable one of its
   sector? */
static bool is_gone(const struct world *w, uint32_t i, uint32_t sector)
{
	uint32_t ended = i == NEVER ? 0 : w->ev[i].ended;
	for (uint32_t k = 0; k < w->n; k++)
		if (covers(&w->ev[k], sector) && w->ev[k].durable != NEVER &&
		    ended < w->ev[k].begun && k != i)
			return true;
	return false;
}

struct tally {
	unsigned broken, rolled_back, sectors;
};

/* One history; what is there after the cut. */
static void history(uint64_t seed, bool lies, struct tally *t)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	hcb_random_init(&w->r, seed, 9);
	hcb_clock_init_virtual(&w->clock);
	w->dev.clock = &w->clock;
	assert_int_equal(hcb_volatile_init(&w->v, SECTORS * 512, seed), 0);
	w->v.lies = lies;
	w->v.cut_ns = 5;
	uint32_t total = 20 + (uint32_t)hcb_random_below(&w->r, OPS - 20);
	bool out[SLOTS] = {false};
	while (w->n < total) {
		uint32_t s = (uint32_t)hcb_random_below(&w->r, SLOTS);
		if (out[s])
			end(w, s);
		else
			begin(w, s);
		out[s] = !out[s];
	}
	hcb_clock_advance(&w->clock, 5);
	hcb_volatile_tick(&w->v, &w->dev);
	assert_int_equal(atomic_load(&w->dev.power_cuts), 1);
	for (uint32_t s = 0; s < SLOTS; s++) {
		if (!out[s])
			continue;
		hcb_volatile_end(&w->v, &w->op[s], false); /* never acknowledged */
		assert_int_equal(w->op[s].result, -EIO);
	}
	unsigned char now[SECTORS * 512];
	struct hcb_op read = {
	        .kind = HCB_READ, .buf = now, .len = sizeof(now), .priv = &w->priv[0]};
	hcb_volatile_begin(&w->v, &read);
	for (uint32_t i = 0; i < SECTORS; i++) {
		uint32_t who = NEVER, newest = NEVER;
		if (now[i * 512 + 4])
			memcpy(&who, now + i * 512, 4);
		assert_true(who == NEVER || (who < w->n && covers(&w->ev[who], i)));
		for (uint32_t k = 0; k < w->n; k++)
			if (covers(&w->ev[k], i))
				newest = k;
		t->sectors++;
		t->broken += is_gone(w, who, i);
		t->rolled_back += who != newest;
	}
	hcb_volatile_free(&w->v);
	free(w);
}

static void test_an_honest_one_keeps_what_was_flushed_and_little_else(void **state)
{
	struct tally t = {0};
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++)
		history(seed, false, &t);
	assert_int_equal(t.broken, 0);
	/* It does take away what it may: else this tests nothing. */
	assert_true(t.rolled_back > t.sectors / 10);
}

static void test_a_liar_does_not(void **state)
{
	struct tally t = {0};
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++)
		history(seed, true, &t);
	assert_true(t.broken > t.sectors / 10);
}

/* More than it has room for: the oldest go to the medium, and none is mixed up. */
static void test_a_full_cache_keeps_the_oldest(void **state)
{
	struct hcb_volatile v;
	struct hcb_clock clock;
	struct hcb_dev dev = {.clock = &clock};
	struct hcb_volatile_op priv;
	const uint32_t len = 1 << 20;
	unsigned char *buf = malloc(len);
	(void)state;
	hcb_clock_init_virtual(&clock);
	assert_int_equal(hcb_volatile_init(&v, 64ull * len, 1), 0);
	v.cut_ns = 1;
	for (uint32_t i = 0; i < 64; i++) {
		struct hcb_op op = {.kind = HCB_WRITE,
		                    .off = (uint64_t)i * len,
		                    .len = len - 512 * (i % 3),
		                    .buf = buf,
		                    .priv = &priv};
		memset(buf, (int)i + 1, len);
		hcb_volatile_begin(&v, &op);
		hcb_volatile_end(&v, &op, false);
	}
	hcb_clock_advance(&clock, 1);
	hcb_volatile_tick(&v, &dev);
	unsigned there = 0;
	for (uint32_t i = 0; i < 64; i++) {
		struct hcb_op op = {.kind = HCB_READ,
		                    .off = (uint64_t)i * len,
		                    .len = 512,
		                    .buf = buf,
		                    .priv = &priv};
		hcb_volatile_begin(&v, &op);
		for (uint32_t k = 0; k < 512; k++)
			assert_true(buf[k] == (i + 1) || buf[k] == 0);
		there += buf[0] != 0;
		assert_true(buf[0] != 0 || i >= 64 - 16);
	}
	assert_true(there >= 64 - 16 && there < 64);
	hcb_volatile_free(&v);
	free(buf);
}

/* The keys that only make sense together. */
static void test_keys(void **state)
{
	static const char *const bad[] = {"mem:1MiB,cut=5s", "mem:1MiB,lie=on",
	                                  "hdd:generic-7200,cut=5s",
	                                  "hdd:generic-7200,lie=on"};
	struct hcb_clock clock;
	(void)state;
	hcb_clock_init_virtual(&clock);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hcb_err err = HCB_ERR_INIT;
		struct hcb_dev *dev;
		assert_ok(hcb_target_parse(bad[i], &dev, &err), &err);
		dev->clock = &clock;
		dev->depth = 4;
		dev->max_len = 1 << 20;
		assert_fails(hcb_target_open(dev, &err), &err, HCB_EXIT_USAGE, "need");
		hcb_target_free(dev);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                test_an_honest_one_keeps_what_was_flushed_and_little_else),
	        cmocka_unit_test(test_a_liar_does_not),
	        cmocka_unit_test(test_a_full_cache_keeps_the_oldest),
	        cmocka_unit_test(test_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
