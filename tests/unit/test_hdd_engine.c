/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The model disk as an engine: its keys, what it may do, its data, its two clocks. */
#include "hdd_test.h"

#include <errno.h>

#include "engines/target.h"

static struct hcb_clock clock_;

static struct hcb_dev *open_target(const char *text, uint64_t seed)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev;
	char full[1200];
	/* The profile by path: tests run from anywhere. */
	snprintf(full, sizeof(full), "hdd:%s/lab/disks/%s", hcb_test_src(), text);
	hcb_clock_init_virtual(&clock_);
	assert_ok(hcb_target_parse(full, &dev, &err), &err);
	dev->clock = &clock_;
	dev->seed = seed;
	dev->depth = 32;
	dev->max_len = 1 << 20;
	assert_ok(hcb_target_open(dev, &err), &err);
	return dev;
}

static void close_target(struct hcb_dev *dev)
{
	hcb_target_close(dev);
	hcb_target_free(dev);
}

/* One op from start to end; returns its time. */
static uint64_t one(struct hcb_dev *dev, enum hcb_op_kind kind, uint64_t off, void *buf,
                    uint32_t len, int result)
{
	char priv[64] = {0};
	struct hcb_op op = {
	        .kind = kind, .off = off, .len = len, .buf = buf, .priv = priv};
	assert_true(dev->engine->op_size <= sizeof(priv));
	struct hcb_op *p = &op, *done = NULL;
	uint64_t begin = hcb_clock_now(&clock_);
	assert_int_equal(dev->engine->submit(dev, &p, 1), 1);
	while (dev->engine->poll(dev, &done, 1) == 0) {
		uint64_t next = dev->engine->next_ns(dev);
		assert_true(next != HCB_NEVER);
		hcb_clock_advance(&clock_, next);
	}
	assert_ptr_equal(done, &op);
	assert_int_equal(op.result, result);
	assert_true(op.done_ns >= begin && op.done_ns <= hcb_clock_now(&clock_));
	assert_true(dev->engine->next_ns(dev) == HCB_NEVER);
	return op.done_ns - begin;
}

static void test_caps_follow_the_keys(void **state)
{
	static const struct {
		const char *target;
		uint32_t has, lacks;
	} cases[] = {
	        {"generic-7200.ini", HCB_CAP_FLUSH | HCB_CAP_MODEL,
	         HCB_CAP_FUA | HCB_CAP_ALWAYS_DURABLE | HCB_CAP_DISCARD},
	        {"generic-7200.ini,fua=on", HCB_CAP_FUA, HCB_CAP_ALWAYS_DURABLE},
	        {"generic-7200.ini,cache=off", HCB_CAP_ALWAYS_DURABLE, HCB_CAP_FUA},
	};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct hcb_dev *dev = open_target(cases[i].target, 1);
		assert_int_equal(dev->caps & cases[i].has, cases[i].has);
		assert_int_equal(dev->caps & cases[i].lacks, 0);
		assert_int_equal(dev->size_bytes % 4096, 0);
		close_target(dev);
	}
}

static void test_stored_data_comes_back(void **state)
{
	struct hcb_dev *dev = open_target("generic-7200.ini,store=on", 1);
	static char w[65536], r[65536];
	(void)state;
	for (size_t i = 0; i < sizeof(w); i++)
		w[i] = (char)(i * 7 + i / 256);
	one(dev, HCB_WRITE, dev->size_bytes - sizeof(w), w, sizeof(w), 0);
	one(dev, HCB_FLUSH, 0, NULL, 0, 0);
	one(dev, HCB_READ, dev->size_bytes - sizeof(w), r, sizeof(r), 0);
	assert_memory_equal(w, r, sizeof(w));
	one(dev, HCB_READ, 0, r, 4096, 0);
	for (size_t i = 0; i < 4096; i++)
		assert_int_equal(r[i], 0);
	close_target(dev);
}

static void test_bad_ops_come_back_with_a_result(void **state)
{
	struct hcb_dev *dev = open_target("generic-7200.ini,size=1GiB", 1);
	char b[4096];
	(void)state;
	one(dev, HCB_READ, 1 << 30, b, 4096, -ENOSPC);
	one(dev, HCB_READ, 100, b, 512, -EINVAL);
	one(dev, HCB_DISCARD, 0, NULL, 4096, -EOPNOTSUPP);
	assert_true(one(dev, HCB_READ, 0, b, 4096, 0) > 100000);
	close_target(dev);
}

static void test_counters_count_and_facts_name_the_disk(void **state)
{
	struct hcb_dev *dev = open_target("generic-7200.ini,filled=60%,size=1GiB", 1);
	struct hcb_kvs facts = {.obj = json_object()};
	struct hcb_err err = HCB_ERR_INIT;
	char b[4096] = {0};
	(void)state;
	one(dev, HCB_WRITE, 0, b, 4096, 0);
	one(dev, HCB_FLUSH, 0, NULL, 0, 0);
	json_t *doc = dev->engine->counters(dev, &err);
	json_t *disk = json_object_get(doc, "disk");
	assert_int_equal(json_integer_value(json_object_get(disk, "writes")), 1);
	assert_int_equal(json_integer_value(json_object_get(disk, "write_bytes")), 4096);
	assert_int_equal(json_integer_value(json_object_get(disk, "flushes")), 1);
	assert_int_equal(json_integer_value(json_object_get(disk, "media_writes")), 1);
	json_decref(doc);
	assert_int_equal(dev->engine->describe(dev, &facts), 0);
	assert_string_equal(json_string_value(json_object_get(facts.obj, "profile")),
	                    "generic-7200");
	assert_close(json_real_value(json_object_get(facts.obj, "span")), 0.6, 1e-9);
	assert_close(json_real_value(json_object_get(facts.obj, "rpm")), 7200, 0.00201);
	json_decref(facts.obj);
	close_target(dev);
}

/* The run's seed and the text decide: another of either is another spindle. */
static void test_spindles_are_their_own(void **state)
{
	static const struct {
		const char *target;
		uint64_t seed;
	} who[] = {{"generic-7200.ini", 1},
	           {"generic-7200.ini", 2},
	           {"generic-7200.ini@a", 1},
	           {"generic-7200.ini@b", 1},
	           {"generic-7200.ini", 1}};
	uint64_t t[5];
	char b[4096];
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct hcb_dev *dev = open_target(who[i].target, who[i].seed);
		t[i] = one(dev, HCB_READ, 1ull << 40, b, 4096, 0);
		close_target(dev);
	}
	assert_int_equal(t[0], t[4]);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			assert_true(t[i] != t[j]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_caps_follow_the_keys),
	        cmocka_unit_test(test_stored_data_comes_back),
	        cmocka_unit_test(test_bad_ops_come_back_with_a_result),
	        cmocka_unit_test(test_counters_count_and_facts_name_the_disk),
	        cmocka_unit_test(test_spindles_are_their_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
