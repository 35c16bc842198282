/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of a served disk: what goes in comes out, and damage is noticed. */
#include "hcb_test.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/core/diskrec.h"
#include "bench/core/random.h"
#include "lab/disk_record.h"

static char dir[256], path[300];

static int setup(void **state)
{
	(void)state;
	hcb_test_mkdir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/record", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	remove(path);
	return rmdir(dir);
}

static const struct hcb_diskrec_header header = {.started_unix_ns = 1700000000123456789,
                                                 .size_bytes = 2000398934016,
                                                 .block_bytes = 512,
                                                 .dilation = 1.5,
                                                 .target = "hdd:generic-7200,store=on"};

static struct hcb_diskrec record_of(struct hcb_random *r, uint64_t i)
{
	return (struct hcb_diskrec){.arrive_ns = i * 1000,
	                            .done_ns = i * 1000 + hcb_random_below(r, 1 << 30),
	                            .off = hcb_random_u64(r) & ~511ULL,
	                            .len = (uint32_t)hcb_random_u64(r),
	                            .kind = (uint8_t)hcb_random_below(r, 4),
	                            .error = (uint16_t)hcb_random_below(r, 2) * EIO};
}

static struct disk_recorder *start(void)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct disk_recorder *rec;
	assert_ok(disk_record_start(path, &header, &rec, &err), &err);
	return rec;
}

/* Makes a file of n records, which is less than the ring takes. */
static void make(uint64_t n)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_random rnd;
	struct disk_recorder *rec = start();
	hcb_random_init(&rnd, 5, 0);
	for (uint64_t i = 0; i < n; i++) {
		struct hcb_diskrec r = record_of(&rnd, i);
		disk_record_put(rec, &r);
	}
	assert_ok(disk_record_stop(rec, &err), &err);
}

/* Reads it all; how many records, and the last return value. */
static uint64_t read_all(int *last, bool *complete, uint64_t *dropped,
                         struct hcb_err *err)
{
	struct hcb_diskrec_reader *rd;
	struct hcb_random rnd;
	struct hcb_diskrec r;
	uint64_t n = 0;
	hcb_random_init(&rnd, 5, 0);
	assert_ok(hcb_diskrec_open(path, &rd, err), err);
	const struct hcb_diskrec_header *h = hcb_diskrec_header(rd);
	assert_int_equal(h->started_unix_ns, header.started_unix_ns);
	assert_int_equal(h->size_bytes, header.size_bytes);
	assert_int_equal(h->block_bytes, 512);
	assert_true(h->dilation == 1.5);
	assert_string_equal(h->target, header.target);
	while ((*last = hcb_diskrec_next(rd, &r, err)) > 0) {
		struct hcb_diskrec want = record_of(&rnd, n++);
		assert_int_equal(r.arrive_ns, want.arrive_ns);
		assert_int_equal(r.done_ns, want.done_ns);
		assert_int_equal(r.off, want.off);
		assert_int_equal(r.len, want.len);
		assert_int_equal(r.kind, want.kind);
		assert_int_equal(r.error, want.error);
	}
	*complete = hcb_diskrec_complete(rd, dropped);
	hcb_diskrec_close(rd);
	return n;
}

static void test_comes_back(void **state)
{
	static const uint64_t sizes[] = {0, 1, 4096, 60000};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct hcb_err err = HCB_ERR_INIT;
		bool complete;
		uint64_t dropped;
		int last;
		make(sizes[i]);
		assert_int_equal(read_all(&last, &complete, &dropped, &err), sizes[i]);
		assert_int_equal(last, 0);
		assert_true(complete);
		assert_int_equal(dropped, 0);
	}
}

/* The ring is full, nobody waits: counted, and said by the file. */
static void test_drops_are_counted(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_diskrec r = {.kind = 1};
	struct hcb_diskrec_reader *rd;
	struct disk_recorder *rec = start();
	uint64_t n = 0, dropped, put = 500000;
	(void)state;
	for (uint64_t i = 0; i < put; i++)
		disk_record_put(rec, &r);
	json_t *doc = disk_record_json(rec);
	json_int_t said = json_integer_value(json_object_get(doc, "dropped"));
	assert_true(said > 0);
	json_decref(doc);
	assert_ok(disk_record_stop(rec, &err), &err);
	assert_ok(hcb_diskrec_open(path, &rd, &err), &err);
	while (hcb_diskrec_next(rd, &r, &err) > 0)
		n++;
	assert_true(hcb_diskrec_complete(rd, &dropped));
	assert_int_equal(dropped, said);
	assert_int_equal(n + dropped, put);
	hcb_diskrec_close(rd);
}

static void test_cannot_start(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct disk_recorder *rec;
	(void)state;
	assert_fails(disk_record_start("/dev/full", &header, &rec, &err), &err,
	             HCB_EXIT_REFUSED, "/dev/full");
	assert_fails(disk_record_start("/no/such/dir/x", &header, &rec, &err), &err,
	             HCB_EXIT_FAILED, "/no/such/dir/x");
}

/* The file's disk is full meanwhile: said, and everything since counts as dropped. */
static void test_write_error_is_said(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_diskrec r = {.kind = 1};
	struct rlimit old, small = {8192, RLIM_INFINITY};
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	struct disk_recorder *rec = start();
	for (unsigned i = 0; i < 1000; i++)
		disk_record_put(rec, &r);
	json_t *doc = NULL;
	const char *why = NULL;
	for (int i = 0; i < 1000 && !why; i++) {
		json_decref(doc);
		usleep(10000);
		doc = disk_record_json(rec);
		why = json_string_value(json_object_get(doc, "error"));
	}
	assert_has(why, "too large");
	assert_int_equal(json_integer_value(json_object_get(doc, "dropped")), 1000);
	json_decref(doc);
	assert_fails(disk_record_stop(rec, &err), &err, HCB_EXIT_FAILED, "too large");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
}

static void test_nobody_elses_file(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct disk_recorder *rec;
	struct hcb_diskrec_reader *rd;
	(void)state;
	hcb_test_write(path, "my diary", 8);
	assert_fails(disk_record_start(path, &header, &rec, &err), &err, HCB_EXIT_REFUSED,
	             "exists and is not a disk's record");
	assert_fails(hcb_diskrec_open(path, &rd, &err), &err, HCB_EXIT_USAGE,
	             "not the record of a served disk");
	assert_int_equal(remove(path), 0);
	make(1);
	make(2); /* its own it writes over */
}

static void test_cut_off_is_noticed(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct stat st;
	bool complete;
	uint64_t dropped;
	int last;
	(void)state;
	make(5000); /* two blocks and the end */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
	assert_int_equal(read_all(&last, &complete, &dropped, &err), 5000);
	assert_int_equal(last, 0);
	assert_false(complete);
	assert_int_equal(truncate(path, HCB_DISKREC_HEADER + HCB_DISKREC_BLOCK +
	                                        4096 * HCB_DISKREC_RECORD + 100),
	                 0);
	assert_int_equal(read_all(&last, &complete, &dropped, &err), 4096);
	assert_false(complete);
}

/* Any byte changed, in the first block or its header: an error, and no wrong record. */
static void test_damage_is_noticed(void **state)
{
	static const long at[] = {HCB_DISKREC_HEADER, HCB_DISKREC_HEADER + 9,
	                          HCB_DISKREC_HEADER + 25, HCB_DISKREC_HEADER + 41,
	                          HCB_DISKREC_HEADER + HCB_DISKREC_BLOCK + 32 * 99 + 7};
	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct hcb_err err = HCB_ERR_INIT;
		bool complete;
		uint64_t dropped;
		int last;
		make(100);
		FILE *f = fopen(path, "r+");
		assert_non_null(f);
		fseek(f, at[i], SEEK_SET);
		int c = fgetc(f);
		fseek(f, at[i], SEEK_SET);
		fputc(c ^ 0x10, f);
		fclose(f);
		assert_int_equal(read_all(&last, &complete, &dropped, &err), 0);
		assert_fails(last, &err, HCB_EXIT_FAILED, "damaged after 0 records");
		assert_false(complete);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	        T(test_comes_back),        T(test_drops_are_counted),
	        T(test_cannot_start),      T(test_write_error_is_said),
	        T(test_nobody_elses_file), T(test_cut_off_is_noticed),
	        T(test_damage_is_noticed),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
