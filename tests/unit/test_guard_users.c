/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses a device, as sysfs tells it: dm, md and bcache above it, the root file system
 * or the results on something made of it; and a serial number to be typed. Kernels that
 * tests run on need not have dm or md, and a loop device has no serial number, so sysfs
 * is a tree of the test's own, about a real loop device.
 */
#include "hcb_test.h"

#include "hcb_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bench/cmd/verb.h"
#include "bench/core/guard.h"
#include "bench/core/units.h"

extern const struct hcb_verb hcb_verb_claim;

static const char *no_devices;
static char dir[128], file[160], sys[160];
static struct hcb_test_loop lo;
static dev_t dev;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static int setup(void **state)
{
	struct stat st;
	(void)state;
	if (no_devices)
		return 0;
	hcb_test_mkdir(dir, sizeof(dir));
	snprintf(file, sizeof(file), "%s/disk", dir);
	snprintf(sys, sizeof(sys), "%s/sys", dir);
	if (hcb_test_loop_attach(&lo, file, 48 * HCB_MIB) || stat(lo.path, &st))
		return -1;
	dev = st.st_rdev;
	hcb_guard_sys_root = sys;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (no_devices)
		return 0;
	hcb_guard_sys_root = "/sys";
	hcb_test_loop_detach(&lo);
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define NEEDS_DEVICES                                                                    \
	(void)state;                                                                     \
	if (no_devices) {                                                                \
		print_message("skipped: %s\n", no_devices);                              \
		skip();                                                                  \
	}

/* SYS/dev/block/MAJOR:MINOR/REST, with its folders; text NULL: a folder itself. */
static void make(dev_t of, const char *rest, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/dev/block/%u:%u/%s%s", sys, major(of), minor(of),
	         rest, text ? "" : "/");
	for (char *slash = path + strlen(dir) + 1; (slash = strchr(slash, '/'));
	     slash++) {
		*slash = '\0';
		if (mkdir(path, 0700))
			assert_int_equal(errno, EEXIST);
		*slash = '/';
	}
	if (text)
		hcb_test_write(path, text, strlen(text));
}

static void expect_refused(const char *results, const char *why)
{
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	assert_fails(hcb_guard_device(lo.path, HCB_GUARD_UNMARKED, results, &g, &err),
	             &err, HCB_EXIT_REFUSED, why);
	assert_has(err.msg, lo.path);
}

static void expect_free(const char *results)
{
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	assert_ok(hcb_guard_device(lo.path, HCB_GUARD_UNMARKED, results, &g, &err), &err);
	hcb_guard_close(&g);
}

static void test_device_held_by_dm_md_or_bcache_is_refused(void **state)
{
	NEEDS_DEVICES;
	static const char *const above[] = {"dm-3", "md127", "bcache0", "drbd1"};
	make(dev, "holders", NULL);
	expect_free(NULL);
	for (size_t i = 0; i < sizeof(above) / sizeof(above[0]); i++) {
		char rest[64], why[64], path[512];
		snprintf(rest, sizeof(rest), "holders/%s", above[i]);
		snprintf(why, sizeof(why), "is part of %s", above[i]);
		make(dev, rest, NULL);
		expect_refused(NULL, why);
		snprintf(path, sizeof(path), "%s/dev/block/%u:%u/%s", sys, major(dev),
		         minor(dev), rest);
		assert_int_equal(rmdir(path), 0);
		expect_free(NULL);
	}
}

/* As an OSD on a partition is: the volume is above the partition, not the disk. */
static void test_device_whose_partition_is_held_is_refused(void **state)
{
	NEEDS_DEVICES;
	dev_t part = makedev(259, 4242);
	char rest[64], number[32];
	snprintf(rest, sizeof(rest), "%sp2/partition", lo.path + 5);
	make(dev, rest, "2\n");
	snprintf(rest, sizeof(rest), "%sp2/dev", lo.path + 5);
	snprintf(number, sizeof(number), "%u:%u\n", major(part), minor(part));
	make(dev, rest, number);
	expect_refused(NULL, "has partitions (loop");
	make(part, "holders/dm-7", NULL);
	expect_refused(NULL, "is part of dm-7");
}

/* A device that lies under that file system, two floors down: a file system on a logical
   volume on md on it. */
static void build_on_it(const char *path)
{
	struct stat st;
	char number[32];
	dev_t md = makedev(9, 77);
	assert_int_equal(stat(path, &st), 0);
	snprintf(number, sizeof(number), "%u:%u\n", major(md), minor(md));
	make(st.st_dev, "slaves/md77/dev", number);
	snprintf(number, sizeof(number), "%u:%u\n", major(dev), minor(dev));
	make(md, "slaves/sdz/dev", number);
}

static void test_device_under_the_root_file_system_is_refused(void **state)
{
	NEEDS_DEVICES;
	expect_free(NULL);
	build_on_it("/");
	expect_refused(NULL, "lies under the root file system (/)");
}

static void test_device_under_the_results_is_refused(void **state)
{
	NEEDS_DEVICES;
	struct stat root, shm;
	if (stat("/dev/shm", &shm) || stat("/", &root) || shm.st_dev == root.st_dev) {
		print_message("skipped: /dev/shm is no file system of its own\n");
		skip();
	}
	build_on_it("/dev/shm");
	expect_free(NULL);
	expect_free("/proc/results.json");
	expect_refused("/dev/shm/not/there/yet/results.json", "lies under the results");
}

/* slaves that go round in circles do not hang it. */
static void test_circle_in_sysfs_ends(void **state)
{
	NEEDS_DEVICES;
	struct stat st;
	char number[32];
	assert_int_equal(stat("/", &st), 0);
	snprintf(number, sizeof(number), "%u:%u\n", major(st.st_dev), minor(st.st_dev));
	make(st.st_dev, "slaves/self/dev", number);
	expect_free(NULL);
}

/* ---- claim, of a device with a serial number ---- */

static char said[600];

int hcb_fail(const struct hcb_err *err) /* main.c's, which is no part of a test */
{
	snprintf(said, sizeof(said), "%s", err->msg);
	return (int)err->exit;
}

static int claim(const char *confirm)
{
	char arg[96], name[] = "claim", json[] = "--json";
	snprintf(arg, sizeof(arg), "--confirm=%s", confirm);
	char *argv[] = {name, lo.path, json, confirm ? arg : NULL, NULL};
	fflush(stdout);
	int out = dup(1), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, 1);
	int r = hcb_verb_claim.main(confirm ? 4 : 3, argv);
	fflush(stdout);
	dup2(out, 1);
	close(out);
	close(null);
	return r;
}

static void test_claim_takes_the_serial_number_and_nothing_else(void **state)
{
	NEEDS_DEVICES;
	static const char *const wrong[] = {"", "WD-WX41", "wd-wx41a1234567",
	                                    "WD-WX41A12345678"};
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	make(dev, "device/serial", "WD-WX41A1234567  \n");
	make(dev, "device/model", "WDC WD2003FYYS-0\n");
	assert_int_equal(claim(NULL), HCB_EXIT_REFUSED);
	assert_has(said, "it needs --confirm=WD-WX41A1234567");
	assert_int_equal(claim(lo.path), HCB_EXIT_REFUSED);
	assert_int_equal(claim(file), HCB_EXIT_REFUSED);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(claim(wrong[i]), HCB_EXIT_REFUSED);
		assert_has(said, "does not name it; WD-WX41A1234567 does");
	}
	assert_fails(hcb_guard_device(lo.path, 0, NULL, &g, &err), &err, HCB_EXIT_REFUSED,
	             "not claimed");
	assert_int_equal(claim("WD-WX41A1234567"), HCB_EXIT_OK);
	assert_ok(hcb_guard_device(lo.path, 0, NULL, &g, &err), &err);
	assert_string_equal(g.serial, "WD-WX41A1234567");
	assert_string_equal(g.model, "WDC WD2003FYYS-0");
	hcb_guard_close(&g);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	no_devices = hcb_test_no_loops();
	const struct CMUnitTest tests[] = {
	        TEST(test_device_held_by_dm_md_or_bcache_is_refused),
	        TEST(test_device_whose_partition_is_held_is_refused),
	        TEST(test_device_under_the_root_file_system_is_refused),
	        TEST(test_device_under_the_results_is_refused),
	        TEST(test_circle_in_sysfs_ends),
	        TEST(test_claim_takes_the_serial_number_and_nothing_else),
	};
	return cmocka_run_group_tests_name("guard: users", tests, NULL, NULL);
}
