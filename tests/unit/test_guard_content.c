/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lies on a device: every kind of signature that a cluster node's disks carry is
 * refused, on a loop device that carries hcbench's own mark. Where a tool of the system
 * makes one cheaply the tool is asked too; else the bytes are written that tell the kind,
 * as its own software reads them (libblkid's probes follow that).
 */
#include "hcb_test.h"

#include "hcb_loop.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/core/guard.h"
#include "bench/core/units.h"

#define DISK        (1088 * HCB_MIB) /* sparse; ZFS is not looked for under 64 MiB */
#define FROM_END(n) (DISK - (n))

static const char *no_devices;
static char dir[128], file[160];
static struct hcb_test_loop lo;

static int make_disk(void **state)
{
	(void)state;
	if (no_devices)
		return 0;
	hcb_test_mkdir(dir, sizeof(dir));
	snprintf(file, sizeof(file), "%s/disk", dir);
	return hcb_test_loop_attach(&lo, file, DISK);
}

static int remove_disk(void **state)
{
	(void)state;
	if (no_devices)
		return 0;
	hcb_test_loop_detach(&lo);
	unlink(file);
	return rmdir(dir);
}

static void put(uint64_t off, const void *data, size_t len)
{
	int fd = open(lo.path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, (off_t)off), len);
	assert_int_equal(fsync(fd), 0);
	close(fd);
}

static void le(void *at, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		((uint8_t *)at)[i] = (uint8_t)(v >> 8 * i);
}

/* ---- kinds of bytes that take more than a few ---- */

/* LVM2: a label in sector 1. Its checksum is wrong: what is damaged is not free. */
static void put_lvm(void)
{
	uint8_t s[512] = "LABELONE";
	s[8] = 1;
	s[20] = 32;
	memcpy(s + 24, "LVM2 001", 8);
	put(512, s, sizeof(s));
}

/* ZFS: uberblocks in the first label, and in the last one only. */
static void put_zfs_at(uint64_t label)
{
	uint8_t u[8 * 1024] = {0};
	for (unsigned i = 0; i < 8; i++)
		le(u + i * 1024, 0x00bab10c, 8);
	put(label + 128 * HCB_KIB, u, sizeof(u));
}

static void put_zfs(void)
{
	put_zfs_at(0);
}

static void put_zfs_last_label(void)
{
	put_zfs_at(FROM_END(256 * HCB_KIB));
}

/* md: superblock version 1, whose place says which minor, and version 0.90. */
static void put_md(uint64_t off)
{
	uint8_t s[4096] = {0};
	le(s, 0xa92b4efc, 4);
	le(s + 4, 1, 4);
	le(s + 128, 4096, 8);              /* data_offset */
	le(s + 136, DISK / 512 - 8192, 8); /* data_size */
	le(s + 144, off / 512, 8);         /* super_offset */
	put(off, s, sizeof(s));
}

static void put_md12(void)
{
	put_md(4096);
}

static void put_md10(void)
{
	put_md(FROM_END(8192));
}

static void put_md090(void)
{
	uint8_t s[4096] = {0};
	le(s, 0xa92b4efc, 4);
	le(s + 8, 90, 4);
	put(FROM_END(65536), s, sizeof(s));
}

static void put_bcache(void)
{
	static const uint8_t magic[16] = {0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca,
	                                  0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d, 0x81};
	uint8_t s[4096] = {0};
	le(s + 8, 8, 8);  /* its own sector */
	le(s + 16, 1, 8); /* version: a backing device */
	memcpy(s + 24, magic, sizeof(magic));
	put(4096, s, sizeof(s));
}

static uint32_t crc32_ieee(const void *data, size_t len)
{
	uint32_t crc = 0xffffffffu;
	for (const uint8_t *p = data; len--; p++) {
		crc ^= *p;
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* GPT (UEFI 5.3.2), with no entries and no protective MBR: as a tool left it that wiped
   sector 0 alone. */
static void put_gpt(uint64_t lba, uint64_t other, uint64_t entries)
{
	static const uint8_t table[16384];
	uint8_t h[512] = "EFI PART";
	le(h + 8, 0x10000, 4);
	le(h + 12, 92, 4);
	le(h + 24, lba, 8);
	le(h + 32, other, 8);
	le(h + 40, 34, 8);
	le(h + 48, DISK / 512 - 34, 8);
	memset(h + 56, 7, 16);
	le(h + 72, entries, 8);
	le(h + 80, 128, 4);
	le(h + 84, 128, 4);
	le(h + 88, crc32_ieee(table, sizeof(table)), 4);
	le(h + 16, crc32_ieee(h, 92), 4);
	put(lba * 512, h, sizeof(h));
}

static void put_gpt_first(void)
{
	put_gpt(1, DISK / 512 - 1, 2);
}

static void put_pmbr(void)
{
	uint8_t s[512] = {0};
	s[450] = 0xee;
	le(s + 454, 1, 4);
	le(s + 458, DISK / 512 - 1, 4);
	s[510] = 0x55;
	s[511] = 0xaa;
	put(0, s, sizeof(s));
}

/* ---- all of them ---- */

static const struct kind {
	const char *name, *says;
	uint64_t off;
	const void *data;
	size_t len;
	void (*put)(void);
} kinds[] = {
#define BYTES(off, text) off, text, sizeof(text) - 1, NULL
        {"Ceph OSD", "ceph_bluestore, at 0 GiB", BYTES(0, "bluestore block device\n")},
        {"Ceph OSD, first label wiped", "ceph_bluestore, at 1 GiB",
         BYTES(HCB_GIB, "bluestore block device\n")},
        {"LVM", "LVM2_member", 0, NULL, 0, put_lvm},
        {"LUKS 1", "crypto_LUKS", BYTES(0, "LUKS\xba\xbe\0\1")},
        {"LUKS 2", "crypto_LUKS", BYTES(0, "LUKS\xba\xbe\0\2")},
        {"LUKS 2, first header wiped", "crypto_LUKS", BYTES(16384, "SKUL\xba\xbe\0\2")},
        {"ZFS", "zfs_member", 0, NULL, 0, put_zfs},
        {"ZFS, last label", "zfs_member", 0, NULL, 0, put_zfs_last_label},
        {"md 1.2", "linux_raid_member", 0, NULL, 0, put_md12},
        {"md 1.0", "linux_raid_member", 0, NULL, 0, put_md10},
        {"md 0.90", "linux_raid_member", 0, NULL, 0, put_md090},
        {"bcache", "bcache", 0, NULL, 0, put_bcache},
        {"btrfs", "btrfs", BYTES(65536 + 64, "_BHRfS_M")},
        {"VMFS", "VMFS", BYTES(0x200000, "\x5e\xf1\xab\x2f")},
        {"GPT", "partition table: gpt", 0, NULL, 0, put_gpt_first},
        {"protective MBR", "partition table: PMBR", 0, NULL, 0, put_pmbr},
};

static void claim_disk(void)
{
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	assert_ok(hcb_guard_device(lo.path, HCB_GUARD_UNMARKED, NULL, &g, &err), &err);
	assert_ok(hcb_guard_mark(&g, &err), &err);
	hcb_guard_close(&g);
}

/* To a run, which wants the mark, and to claim, which does not. */
static void expect_refused(const char *name, const char *why)
{
	static const unsigned flags[] = {0, HCB_GUARD_UNMARKED};
	for (size_t i = 0; i < 2; i++) {
		struct hcb_guard g;
		struct hcb_err err = HCB_ERR_INIT;
		int r = hcb_guard_device(lo.path, flags[i], NULL, &g, &err);
		if (r == 0)
			print_error("%s was let through\n", name);
		assert_fails(r, &err, HCB_EXIT_REFUSED, why);
		assert_has(err.msg, lo.path);
	}
}

#define NEEDS_DEVICES                                                                    \
	(void)state;                                                                     \
	if (no_devices) {                                                                \
		print_message("skipped: %s\n", no_devices);                              \
		skip();                                                                  \
	}

static void test_signature_is_refused(void **state)
{
	NEEDS_DEVICES;
	const struct kind *k = *state;
	claim_disk();
	if (k->put)
		k->put();
	else
		put(k->off, k->data, k->len);
	expect_refused(k->name, k->says);
}

/* A partition table is refused where only its copy at the end is left: the disk was not
   claimed then, as the mark would lie on it. */
static void test_second_gpt_alone_is_refused(void **state)
{
	NEEDS_DEVICES;
	put_gpt(DISK / 512 - 1, 1, DISK / 512 - 33);
	expect_refused("GPT at the end", "partition table: gpt");
}

/* Damaged is not blank: two kinds at once, and a claimed disk with nothing is let in. */
static void test_several_kinds_at_once_are_refused(void **state)
{
	NEEDS_DEVICES;
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	claim_disk();
	assert_ok(hcb_guard_device(lo.path, 0, NULL, &g, &err), &err);
	hcb_guard_close(&g);
	put_lvm();
	put_zfs();
	expect_refused("LVM and ZFS", "carries");
}

/* ---- what the tools of the system make ---- */

static bool run_tool(const char *const *argv)
{
	int status = -1;
	if (access(argv[0], X_OK) != 0)
		return false;
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static void test_what_tools_make_is_refused(void **state)
{
	NEEDS_DEVICES;
	static const struct {
		const char *argv[10], *says;
	} tools[] = {
	        {{"/usr/sbin/mkswap", lo.path}, "signature: swap"},
	        {{"/usr/sbin/mkfs.ext4", "-q", "-F", lo.path}, "signature: ext4"},
	        {{"/usr/sbin/mkfs.xfs", "-q", "-f", lo.path}, "signature: xfs"},
	        {{"/usr/sbin/cryptsetup", "-q", "luksFormat", "--type=luks2",
	          "--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000",
	          "--key-file=/etc/hostname", lo.path},
	         "crypto_LUKS"},
	};
	unsigned made = 0;
	claim_disk();
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		if (!run_tool(tools[i].argv))
			continue;
		made++;
		expect_refused(tools[i].argv[0], tools[i].says);
		uint8_t *zeros = calloc(1, 4 * HCB_MIB);
		put(0, zeros, 4 * HCB_MIB);
		free(zeros);
	}
	if (!made) {
		print_message("skipped: no mkswap, mkfs.ext4, mkfs.xfs or cryptsetup\n");
		skip();
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_disk, remove_disk)

int main(void)
{
	enum { N = sizeof(kinds) / sizeof(kinds[0]) };
	static char names[N][96];
	struct CMUnitTest tests[N + 3] = {
	        TEST(test_second_gpt_alone_is_refused),
	        TEST(test_several_kinds_at_once_are_refused),
	        TEST(test_what_tools_make_is_refused),
	};
	no_devices = hcb_test_no_loops();
	for (size_t i = 0; i < N; i++) {
		snprintf(names[i], sizeof(names[i]), "signature is refused: %s",
		         kinds[i].name);
		tests[3 + i] = (struct CMUnitTest){names[i], test_signature_is_refused,
		                                   make_disk, remove_disk,
		                                   (void *)(uintptr_t)&kinds[i]};
	}
	return cmocka_run_group_tests_name("guard: content", tests, NULL, NULL);
}
