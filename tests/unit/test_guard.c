/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guards of devices and files. The device tests make loop devices over files of their
 * own, as root; elsewhere they are skipped. Nothing but those is ever opened for writing.
 */
#include "hcb_test.h"

#include "hcb_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/core/guard.h"
#include "bench/core/units.h"

#define DISK_BYTES (48 * HCB_MIB)

/* ---- the mark ---- */

static void test_crc32c_is_castagnolis(void **state)
{
	(void)state;
	assert_int_equal(hcb_crc32c("123456789", 9),
	                 0xe3069283u); /* RFC 3720 B.4 and others */
	uint8_t zeros[32] = {0};
	assert_int_equal(hcb_crc32c(zeros, 32), 0x8a9136aau);
}

static void test_mark_round_trip_and_any_flipped_bit(void **state)
{
	struct hcb_mark m = {.size_bytes = 0x123456789abcULL,
	                     .prefilled_bytes = 0xfedcba98ULL},
	                got;
	uint8_t buf[HCB_MARK_BYTES];
	(void)state;
	strcpy(m.uuid, "0a04c7b4-ebbe-4229-a992-f65885a1a8fd");
	strcpy(m.date, "2026-01-02T03:04:05Z");
	memset(m.host, 'h', sizeof(m.host) - 1);
	strcpy(m.version, "9.9.9");
	hcb_mark_pack(&m, buf);
	assert_true(hcb_mark_unpack(buf, &got));
	assert_memory_equal(&m, &got, sizeof(m));
	for (unsigned bit = 0; bit < HCB_MARK_BYTES * 8; bit += 11) {
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(hcb_mark_unpack(buf, &got));
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	memset(buf, 0, sizeof(buf));
	assert_false(hcb_mark_unpack(buf, &got));
}

/* SPC-4 7.8.13: peripheral type, page code 80h, length, then the number in ASCII. */
static void test_vpd_serial(void **state)
{
	static const uint8_t page[] = "\0\x80\0\x0c  WD-WCC4E12 and more";
	static const uint8_t other[] = "\0\x83\0\4WXYZ";
	char out[32];
	(void)state;
	hcb_guard_vpd_serial(page, sizeof(page), out, sizeof(out));
	assert_string_equal(out, "WD-WCC4E12");
	hcb_guard_vpd_serial(page, 9, out, sizeof(out)); /* cut short */
	assert_string_equal(out, "WD-");
	hcb_guard_vpd_serial(other, sizeof(other), out, sizeof(out));
	assert_string_equal(out, "");
	hcb_guard_vpd_serial(page, 3, out, sizeof(out));
	assert_string_equal(out, "");
}

/* ---- files ---- */

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/var/tmp/hcb-guard-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	char path[128];
	static const char *const names[] = {"f", "g", "link", "disk", "disk2", "mnt"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		remove(path);
	}
	return rmdir(dir);
}

static char *in_dir(const char *name)
{
	static char path[4][128];
	static unsigned k;
	char *p = path[k++ % 4];
	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static void test_file_made_is_opened_again_and_held(void **state)
{
	struct hcb_guard g, h;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_ok(hcb_guard_make_file(in_dir("f"), 100000, &g, &err), &err);
	assert_true(g.marked && !g.is_device);
	assert_true(g.size_bytes >= 100000 && g.size_bytes % 4096 == 0);
	assert_int_equal(g.whole_bytes, g.size_bytes + HCB_MARK_BYTES);
	assert_fails(hcb_guard_file(in_dir("f"), 0, &h, &err), &err, HCB_EXIT_REFUSED,
	             "in use by another program");
	/* Every usable byte written, the mark is still there. */
	char *junk = aligned_alloc(4096, g.size_bytes);
	memset(junk, 0xa5, g.size_bytes);
	assert_int_equal(pwrite(g.fd, junk, g.size_bytes, 0), g.size_bytes);
	free(junk);
	char uuid[40];
	strcpy(uuid, g.mark.uuid);
	hcb_guard_close(&g);
	assert_ok(hcb_guard_file(in_dir("f"), 0, &g, &err), &err);
	assert_string_equal(g.mark.uuid, uuid);
	assert_int_equal(strlen(uuid), 36);
	hcb_guard_close(&g);
	assert_fails(hcb_guard_make_file(in_dir("f"), 4096, &g, &err), &err,
	             HCB_EXIT_REFUSED, "exists already");
}

static void put_file(const char *path, size_t bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	close(fd);
}

static void test_file_of_somebody_elses_is_refused_and_unchanged(void **state)
{
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	struct stat before, after;
	(void)state;
	put_file(in_dir("f"), 65536);
	assert_int_equal(stat(in_dir("f"), &before), 0);
	assert_fails(hcb_guard_file(in_dir("f"), 0, &g, &err), &err, HCB_EXIT_REFUSED,
	             "not made by hcbench");
	assert_has(err.msg, in_dir("f"));
	assert_int_equal(stat(in_dir("f"), &after), 0);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(g.fd, -1);
	assert_ok(hcb_guard_file(in_dir("f"), HCB_GUARD_READ_ONLY, &g, &err), &err);
	assert_false(g.marked);
	hcb_guard_close(&g);
}

static void test_file_odd_kinds(void **state)
{
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_fails(hcb_guard_file(in_dir("f"), 0, &g, &err), &err, HCB_EXIT_FAILED,
	             "No such file");
	assert_fails(hcb_guard_file(dir, 0, &g, &err), &err, HCB_EXIT_FAILED,
	             "directory");
	put_file(in_dir("f"), 4096);
	assert_fails(hcb_guard_file(in_dir("f"), 0, &g, &err), &err, HCB_EXIT_FAILED,
	             "too small");
	assert_int_equal(mkfifo(in_dir("g"), 0600), 0);
	assert_fails(hcb_guard_file(in_dir("g"), 0, &g, &err), &err, HCB_EXIT_FAILED,
	             "not a regular file");
	assert_fails(hcb_guard_device(in_dir("f"), 0, NULL, &g, &err), &err,
	             HCB_EXIT_FAILED, "not a block device");
}

/* What a prefill wrote is known to the next opening, grows only, and survives nothing but
   a mark. */
static void test_file_prefilled_is_remembered(void **state)
{
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	char uuid[40];
	(void)state;
	assert_ok(hcb_guard_make_file(in_dir("f"), 65536, &g, &err), &err);
	assert_int_equal(g.mark.prefilled_bytes, 0);
	strcpy(uuid, g.mark.uuid);
	assert_ok(hcb_guard_note_prefilled(&g, 40960, &err), &err);
	assert_ok(hcb_guard_note_prefilled(&g, 8192, &err), &err);
	hcb_guard_close(&g);
	assert_ok(hcb_guard_file(in_dir("f"), 0, &g, &err), &err);
	assert_int_equal(g.mark.prefilled_bytes, 40960);
	assert_string_equal(g.mark.uuid, uuid);
	assert_ok(hcb_guard_mark(&g, &err), &err);
	assert_int_equal(g.mark.prefilled_bytes, 0);
	hcb_guard_close(&g);
	put_file(in_dir("g"), 65536);
	assert_ok(hcb_guard_file(in_dir("g"), HCB_GUARD_UNMARKED, &g, &err), &err);
	assert_ok(hcb_guard_note_prefilled(&g, 8192, &err), &err);
	assert_false(g.marked);
	hcb_guard_close(&g);
}

/* A mark that was copied elsewhere, or whose file was cut or grown, is no licence. */
static void test_file_resized_is_refused(void **state)
{
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	uint8_t mark[HCB_MARK_BYTES];
	(void)state;
	assert_ok(hcb_guard_make_file(in_dir("f"), 65536, &g, &err), &err);
	hcb_mark_pack(&g.mark, mark);
	hcb_guard_close(&g);
	put_file(in_dir("g"), 32768);
	int fd = open(in_dir("g"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, mark, sizeof(mark), 32768 - HCB_MARK_BYTES),
	                 sizeof(mark));
	close(fd);
	assert_fails(hcb_guard_file(in_dir("g"), 0, &g, &err), &err, HCB_EXIT_REFUSED,
	             "not what hcbench marked");
}

/* ---- devices ---- */

static const char *no_devices; /* why the device tests cannot run, or NULL */
static struct hcb_test_loop lo[2];

static int make_disks(void **state)
{
	if (no_devices)
		return 0;
	return make_dir(state) ||
	                       hcb_test_loop_attach(&lo[0], in_dir("disk"), DISK_BYTES) ||
	                       hcb_test_loop_attach(&lo[1], in_dir("disk2"), DISK_BYTES)
	               ? -1
	               : 0;
}

static int remove_disks(void **state)
{
	if (no_devices)
		return 0;
	umount(in_dir("mnt"));
	swapoff(lo[0].path);
	hcb_test_loop_detach(&lo[0]);
	hcb_test_loop_detach(&lo[1]);
	return remove_dir(state);
}

static void claim(const char *path)
{
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	assert_ok(hcb_guard_device(path, HCB_GUARD_UNMARKED, NULL, &g, &err), &err);
	assert_false(g.marked);
	assert_ok(hcb_guard_mark(&g, &err), &err);
	hcb_guard_close(&g);
}

/* Refused with `why`, also when it carries our mark: a mark does not excuse the rest. */
static void expect_refused(const char *why)
{
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	assert_fails(hcb_guard_device(lo[0].path, 0, NULL, &g, &err), &err,
	             HCB_EXIT_REFUSED, why);
	assert_has(err.msg, lo[0].path);
	assert_int_equal(g.fd, -1);
	assert_fails(hcb_guard_device(lo[0].path, HCB_GUARD_UNMARKED, NULL, &g, &err),
	             &err, HCB_EXIT_REFUSED, why);
}

static void write_at(const char *path, uint64_t off, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, (off_t)off), len);
	fsync(fd);
	close(fd);
}

/* Runs a program of the system; false if it is not there. */
static bool run(const char *prog, const char *const *argv)
{
	int status = 0;
	if (access(prog, X_OK) != 0)
		return false;
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execv(prog, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return true;
}

#define NEEDS_DEVICES                                                                    \
	do {                                                                             \
		(void)state;                                                             \
		if (no_devices) {                                                        \
			print_message("skipped: %s\n", no_devices);                      \
			skip();                                                          \
		}                                                                        \
	} while (0)

static void test_device_claimed_is_opened(void **state)
{
	NEEDS_DEVICES;
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	bool blank = false;
	assert_fails(hcb_guard_device(lo[0].path, 0, NULL, &g, &err), &err,
	             HCB_EXIT_REFUSED, "not claimed");
	claim(lo[0].path);
	assert_ok(hcb_guard_device(lo[0].path, 0, "/nowhere/results.json", &g, &err),
	          &err);
	assert_true(g.is_device && g.marked);
	assert_int_equal(g.whole_bytes, DISK_BYTES);
	assert_int_equal(g.size_bytes, DISK_BYTES - HCB_MARK_BYTES);
	assert_int_equal(g.block_bytes, 512);
	assert_ok(hcb_guard_blank(&g, &blank, &err), &err);
	assert_true(blank);
	char *buf = aligned_alloc(4096, 4096);
	memset(buf, 0, 4096);
	buf[4095] = 1;
	assert_int_equal(pwrite(g.fd, buf, 4096, (off_t)g.size_bytes - 4096), 4096);
	free(buf);
	assert_ok(hcb_guard_blank(&g, &blank, &err), &err);
	assert_false(blank);
	hcb_guard_close(&g);
}

static void test_device_switched_read_only_is_not_written_to(void **state)
{
	NEEDS_DEVICES;
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	int on = 1, off = 0;
	claim(lo[0].path);
	assert_int_equal(ioctl(lo[0].fd, BLKROSET, &on), 0);
	assert_fails(hcb_guard_device(lo[0].path, 0, NULL, &g, &err), &err,
	             HCB_EXIT_FAILED, "the device is read-only");
	assert_ok(hcb_guard_device(lo[0].path, HCB_GUARD_READ_ONLY, NULL, &g, &err),
	          &err);
	hcb_guard_close(&g);
	assert_int_equal(ioctl(lo[0].fd, BLKROSET, &off), 0);
}

static void test_device_held_by_another_is_refused(void **state)
{
	NEEDS_DEVICES;
	claim(lo[0].path);
	int fd = open(lo[0].path, O_RDONLY | O_EXCL | O_CLOEXEC);
	assert_true(fd >= 0);
	expect_refused("O_EXCL");
	close(fd);
	struct hcb_guard g, h;
	struct hcb_err err = HCB_ERR_INIT;
	assert_ok(hcb_guard_device(lo[0].path, 0, NULL, &g, &err), &err);
	assert_fails(hcb_guard_device(lo[0].path, 0, NULL, &h, &err), &err,
	             HCB_EXIT_REFUSED, "O_EXCL");
	hcb_guard_close(&g);
}

static void test_device_mounted_is_refused(void **state)
{
	NEEDS_DEVICES;
	const char *argv[] = {"mkfs.ext4", "-q", "-F", lo[0].path, NULL};
	if (!run("/sbin/mkfs.ext4", argv)) {
		print_message("skipped: no mkfs.ext4\n");
		skip();
	}
	expect_refused("signature: ext4");
	assert_int_equal(mkdir(in_dir("mnt"), 0700), 0);
	assert_int_equal(mount(lo[0].path, in_dir("mnt"), "ext4", MS_RDONLY, ""), 0);
	expect_refused("is mounted on ");
	/* What is mounted there is also where results would lie. */
	struct stat st;
	struct hcb_err err = HCB_ERR_INIT;
	assert_int_equal(stat(lo[0].path, &st), 0);
	assert_fails(hcb_guard_check_users(lo[0].path, st.st_rdev, NULL, &err), &err,
	             HCB_EXIT_REFUSED, in_dir("mnt"));
	assert_int_equal(umount(in_dir("mnt")), 0);
	expect_refused("signature: ext4");
}

static void test_device_used_as_swap_is_refused(void **state)
{
	NEEDS_DEVICES;
	const char *argv[] = {"mkswap", lo[0].path, NULL};
	if (!run("/sbin/mkswap", argv)) {
		print_message("skipped: no mkswap\n");
		skip();
	}
	expect_refused("signature: swap");
	if (swapon(lo[0].path, 0) != 0) {
		print_message("skipped: swapon: %s\n", strerror(errno));
		skip();
	}
	expect_refused("in use as swap");
	assert_int_equal(swapoff(lo[0].path), 0);
}

static void test_device_with_signature_is_refused(void **state)
{
	NEEDS_DEVICES;
	uint8_t blank[4096] = {0};
	claim(lo[0].path);
	static const char bluestore[] = "bluestore block device\n";
	write_at(lo[0].path, 0, bluestore, sizeof(bluestore) - 1);
	expect_refused("ceph_bluestore");
	write_at(lo[0].path, 0, blank, sizeof(blank));
	/* LVM: label in sector 1, "LVM2 001", header offset; its checksum need not hold.
	 */
	uint8_t lvm[512] = "LABELONE";
	lvm[8] = 1;
	lvm[20] = 32;
	memcpy(lvm + 24, "LVM2 001", 8);
	write_at(lo[0].path, 512, lvm, sizeof(lvm));
	expect_refused("LVM2_member");
	write_at(lo[0].path, 512, blank, sizeof(blank));
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	assert_ok(hcb_guard_device(lo[0].path, 0, NULL, &g, &err), &err);
	hcb_guard_close(&g);
}

static void test_device_with_partitions_is_refused(void **state)
{
	NEEDS_DEVICES;
	claim(lo[0].path);
	/* An MBR with one Linux partition: sector 2048, 8 MiB. */
	uint8_t mbr[512] = {0};
	mbr[446 + 4] = 0x83;
	mbr[446 + 9] = 8;
	mbr[446 + 13] = 0x40;
	mbr[510] = 0x55;
	mbr[511] = 0xaa;
	write_at(lo[0].path, 0, mbr, sizeof(mbr));
	expect_refused("partition table: dos");
	/* A partition the kernel knows of and the table does not: still refused. */
	uint8_t blank[512] = {0};
	write_at(lo[0].path, 0, blank, sizeof(blank));
	struct blkpg_partition part = {.start = HCB_MIB, .length = 8 * HCB_MIB, .pno = 1};
	struct blkpg_ioctl_arg arg = {
	        .op = BLKPG_ADD_PARTITION, .datalen = sizeof(part), .data = &part};
	int fd = open(lo[0].path, O_RDONLY | O_CLOEXEC);
	int r = ioctl(fd, BLKPG, &arg);
	close(fd);
	if (r != 0) {
		print_message("skipped: BLKPG_ADD_PARTITION: %s\n", strerror(errno));
		skip();
	}
	expect_refused("has partitions (loop");
	/* A partition that is mounted is a device that is mounted. */
	char p1[48];
	snprintf(p1, sizeof(p1), "%sp1", lo[0].path);
	const char *argv[] = {"mkfs.ext4", "-q", "-F", p1, NULL};
	if (access(p1, F_OK) != 0 || !run("/sbin/mkfs.ext4", argv)) {
		print_message("skipped: no mkfs.ext4, or no node %s\n", p1);
		skip();
	}
	assert_int_equal(mkdir(in_dir("mnt"), 0700), 0);
	assert_int_equal(mount(p1, in_dir("mnt"), "ext4", MS_RDONLY, ""), 0);
	expect_refused("is mounted on ");
	assert_int_equal(umount(in_dir("mnt")), 0);
}

static void test_device_unmarked_or_of_another_size_is_refused(void **state)
{
	NEEDS_DEVICES;
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	assert_fails(hcb_guard_device(lo[0].path, 0, NULL, &g, &err), &err,
	             HCB_EXIT_REFUSED, "not claimed");
	assert_ok(hcb_guard_device(lo[0].path, HCB_GUARD_READ_ONLY, NULL, &g, &err),
	          &err);
	hcb_guard_close(&g);
	struct hcb_mark m = {.size_bytes = DISK_BYTES / 2};
	uint8_t buf[HCB_MARK_BYTES];
	hcb_mark_pack(&m, buf);
	write_at(lo[0].path, DISK_BYTES - HCB_MARK_BYTES, buf, sizeof(buf));
	assert_fails(hcb_guard_device(lo[0].path, 0, NULL, &g, &err), &err,
	             HCB_EXIT_REFUSED, "not what hcbench marked");
}

static void turn_link(void)
{
	remove(in_dir("link"));
	assert_int_equal(symlink(lo[1].path, in_dir("link")), 0);
}

static void test_device_changed_between_check_and_use_is_refused(void **state)
{
	NEEDS_DEVICES;
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	claim(lo[0].path);
	claim(lo[1].path);
	assert_int_equal(symlink(lo[0].path, in_dir("link")), 0);
	assert_ok(hcb_guard_device(in_dir("link"), 0, NULL, &g, &err), &err);
	assert_string_equal(g.path, lo[0].path);
	hcb_guard_close(&g);
	hcb_guard_test_pause = turn_link;
	int r = hcb_guard_device(in_dir("link"), 0, NULL, &g, &err);
	hcb_guard_test_pause = NULL;
	assert_fails(r, &err, HCB_EXIT_REFUSED, "changed while it was being checked");
	assert_int_equal(g.fd, -1);
}

/* Looks only: the device under / is never opened here. */
static void test_device_under_root_or_results_is_refused(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct stat st;
	char sys[64];
	(void)state;
	assert_int_equal(stat("/", &st), 0);
	snprintf(sys, sizeof(sys), "/sys/dev/block/%u:%u", major(st.st_dev),
	         minor(st.st_dev));
	if (access(sys, F_OK) != 0) {
		print_message("skipped: / lies on no block device here\n");
		skip();
	}
	assert_fails(hcb_guard_check_users("/dev/root-disk", st.st_dev, NULL, &err), &err,
	             HCB_EXIT_REFUSED, "/dev/root-disk");
}

#define DEVICE_TEST(f) cmocka_unit_test_setup_teardown(f, make_disks, remove_disks)
#define FILE_TEST(f)   cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	no_devices = hcb_test_no_loops();
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_crc32c_is_castagnolis),
	        cmocka_unit_test(test_mark_round_trip_and_any_flipped_bit),
	        cmocka_unit_test(test_vpd_serial),
	        FILE_TEST(test_file_made_is_opened_again_and_held),
	        FILE_TEST(test_file_of_somebody_elses_is_refused_and_unchanged),
	        FILE_TEST(test_file_odd_kinds),
	        FILE_TEST(test_file_prefilled_is_remembered),
	        FILE_TEST(test_file_resized_is_refused),
	        DEVICE_TEST(test_device_claimed_is_opened),
	        DEVICE_TEST(test_device_switched_read_only_is_not_written_to),
	        DEVICE_TEST(test_device_held_by_another_is_refused),
	        DEVICE_TEST(test_device_mounted_is_refused),
	        DEVICE_TEST(test_device_used_as_swap_is_refused),
	        DEVICE_TEST(test_device_with_signature_is_refused),
	        DEVICE_TEST(test_device_with_partitions_is_refused),
	        DEVICE_TEST(test_device_unmarked_or_of_another_size_is_refused),
	        DEVICE_TEST(test_device_changed_between_check_and_use_is_refused),
	        cmocka_unit_test(test_device_under_root_or_results_is_refused),
	};
	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
