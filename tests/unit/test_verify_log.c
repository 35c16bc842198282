/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log of --verify: what is written is what is read, and nothing damaged is. */
#include "hcb_test.h"

#include <endian.h>
#include <errno.h>
#include <unistd.h>

#include "bench/core/random.h"
#include "bench/verify_log.h"

#define GRAIN 4096u

static char dir[128], path[192];

static struct hcb_verify *some_books(void)
{
	struct hcb_verify_config c = {
	        .run = 0xfedcba9876543210ULL,
	        .grain = GRAIN,
	        .n_targets = 2,
	        .n_regions = 3,
	        .target = {{"uring:/a file,make=on", 1000 * GRAIN, false},
	                   {"rbd:main/db", 100000ull * GRAIN, true}},
	        .region = {{"wal", 0, 0, 999 * GRAIN},
	                   {"data", 1, 0, 90000ull * GRAIN},
	                   {"journal", 1, 90000ull * GRAIN, 10000ull * GRAIN}},
	};
	struct hcb_verify *v;
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_random r;
	hcb_random_init(&r, 5, 5);
	assert_ok(hcb_verify_new(&v, &c, &err), &err);
	for (uint64_t b = 0; b < 100000;
	     b += 1 + hcb_random_below(&r, b > 5000 && b < 20000 ? 1 : 300)) {
		struct hcb_verify_entry e = {(uint32_t)(b + 9), (uint32_t)(b + 5),
		                             (uint32_t)b};
		hcb_verify_set(v, 1, b * GRAIN, &e);
		if (b < 1000)
			hcb_verify_set(v, 0, b * GRAIN, &e);
	}
	const struct hcb_verify_entry last = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
	hcb_verify_set(v, 1, 99999ull * GRAIN, &last);
	return v;
}

static void write_log(void)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_verify *v = some_books();
	json_t *about = json_pack("{sssi}", "command", "hcbench run x", "seed", 3);
	assert_ok(hcb_verify_log_write(path, v, about, &err), &err);
	json_decref(about);
	hcb_verify_free(v, false);
}

static size_t load(unsigned char **data)
{
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	*data = malloc(1 << 22);
	size_t n = fread(*data, 1, 1 << 22, f);
	fclose(f);
	return n;
}

static void test_what_was_written_is_read(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_verify *v, *w = some_books();
	json_t *about;
	(void)state;
	write_log();
	assert_ok(hcb_verify_log_read(path, &v, &about, &err), &err);
	assert_string_equal(json_string_value(json_object_get(about, "command")),
	                    "hcbench run x");
	const struct hcb_verify_config *a = hcb_verify_config(v),
	                               *b = hcb_verify_config(w);
	assert_true(a->run == b->run && a->grain == b->grain);
	assert_int_equal(a->n_targets, 2);
	assert_int_equal(a->n_regions, 3);
	assert_memory_equal(a->target, b->target, sizeof(a->target));
	assert_memory_equal(a->region, b->region, sizeof(a->region));
	uint64_t written = 0;
	for (unsigned d = 0; d < 2; d++)
		for (uint64_t off = 0; off < a->target[d].bytes; off += GRAIN) {
			struct hcb_verify_entry x, y;
			hcb_verify_get(v, d, off, &x);
			hcb_verify_get(w, d, off, &y);
			assert_memory_equal(&x, &y, sizeof(x));
			written += x.issued != 0;
		}
	assert_true(written > 15000);
	assert_int_equal(hcb_verify_written_bytes(v, 0) + hcb_verify_written_bytes(v, 1),
	                 written * GRAIN);
	json_decref(about);
	hcb_verify_free(v, false);
	hcb_verify_free(w, false);
}

static int parse(const void *data, size_t len, struct hcb_err *err)
{
	struct hcb_verify *v;
	json_t *about;
	*err = (struct hcb_err)HCB_ERR_INIT;
	int r = hcb_verify_log_parse("it", data, len, &v, &about, err);
	if (r == 0) {
		json_decref(about);
		hcb_verify_free(v, false);
	} else {
		assert_null(v);
		assert_null(about);
	}
	return r;
}

static void test_no_changed_byte_and_no_missing_end_is_taken(void **state)
{
	struct hcb_err err;
	unsigned char *data;
	(void)state;
	write_log();
	size_t n = load(&data);
	assert_int_equal(parse(data, n, &err), 0);
	for (size_t i = 0; i < n; i += i < 600 || i > n - 60 ? 1 : 997) {
		data[i] ^= 0x10;
		assert_fails(parse(data, n, &err), &err, HCB_EXIT_USAGE, "read it");
		data[i] ^= 0x10;
	}
	for (size_t i = 0; i < n; i += i < 200 || i > n - 200 ? 1 : 997)
		assert_fails(parse(data, i, &err), &err, HCB_EXIT_USAGE, "read it");
	free(data);
}

/* With the right checksum: what a program that goes wrong might write. */
static void sign(unsigned char *data, size_t n)
{
	uint64_t hash = htole64(hcb_verify_log_hash(data, n - 8));
	memcpy(data + n - 8, &hash, 8);
}

static void test_what_makes_no_sense_is_refused(void **state)
{
	struct hcb_err err;
	unsigned char *data;
	(void)state;
	write_log();
	size_t n = load(&data);
	uint32_t head;
	memcpy(&head, data + 12, 4);
	unsigned char *run = data + 16 + le32toh(head);
	static const struct {
		size_t at; /* from the first run */
		uint32_t value;
		const char *says;
	} cases[] = {
	        {0, 2, "past the target's end"},
	        {4, 0, "past the target's end"},
	        {4, UINT32_MAX, "cut off"},
	        {8, 1000, "past the target's end"},
	        {12, UINT32_MAX, "past the target's end"},
	        {16, 0, "floors above"},
	        {20, UINT32_MAX, "floors above"},
	        {24, UINT32_MAX, "floors above"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t value = htole32(cases[i].value), before;
		memcpy(&before, run + cases[i].at, 4);
		memcpy(run + cases[i].at, &value, 4);
		sign(data, n);
		assert_fails(parse(data, n, &err), &err, HCB_EXIT_USAGE, cases[i].says);
		memcpy(run + cases[i].at, &before, 4);
	}
	sign(data, n);
	assert_int_equal(parse(data, n, &err), 0);
	data[8] = 9;
	sign(data, n);
	assert_fails(parse(data, n, &err), &err, HCB_EXIT_USAGE, "version 9");
	data[8] = 1;
	data[20] = '\001'; /* in the head */
	sign(data, n);
	assert_fails(parse(data, n, &err), &err, HCB_EXIT_USAGE, "no JSON");
	free(data);
}

static void test_only_a_log_is_written_over(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	char other[192], none[200];
	(void)state;
	snprintf(other, sizeof(other), "%s/thesis", dir);
	snprintf(none, sizeof(none), "%s/no/dir", dir);
	hcb_test_write(other, "my thesis", 9);
	assert_fails(hcb_verify_log_check(other, &err), &err, HCB_EXIT_REFUSED, "thesis");
	assert_fails(hcb_verify_log_check("/dev/null", &err), &err, HCB_EXIT_REFUSED,
	             "/dev/null");
	assert_fails(hcb_verify_log_check(none, &err), &err, HCB_EXIT_USAGE, "no");
	write_log();
	assert_ok(hcb_verify_log_check(path, &err), &err);
	unlink(path);
	assert_ok(hcb_verify_log_check(path, &err), &err);
	hcb_test_write(path, "", 0);
	assert_ok(hcb_verify_log_check(path, &err), &err);
	struct hcb_verify *v;
	json_t *about;
	assert_fails(hcb_verify_log_read(other, &v, &about, &err), &err, HCB_EXIT_USAGE,
	             "not a log");
	assert_fails(hcb_verify_log_read(path, &v, &about, &err), &err, HCB_EXIT_USAGE,
	             "not a log");
	assert_fails(hcb_verify_log_read(none, &v, &about, &err), &err, HCB_EXIT_USAGE,
	             "No such file");
	unlink(other);
}

static int make_dir(void **state)
{
	(void)state;
	hcb_test_mkdir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_what_was_written_is_read),
	        cmocka_unit_test(test_no_changed_byte_and_no_missing_end_is_taken),
	        cmocka_unit_test(test_what_makes_no_sense_is_refused),
	        cmocka_unit_test(test_only_a_log_is_written_over),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
