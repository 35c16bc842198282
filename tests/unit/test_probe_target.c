/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a word means to probe, which interfaces are tunnels, and how fsyncs are counted.
 */
#include "hcb_test.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/fsyncs.h"
#include "bench/netpath.h"
#include "bench/probe_target.h"

static char dir[64];

static int setup(void **state)
{
	(void)state;
	hcb_test_mkdir(dir, sizeof(dir));
	return 0;
}

static int teardown(void **state)
{
	char path[128];
	(void)state;
	snprintf(path, sizeof(path), "%s/there", dir);
	unlink(path);
	return rmdir(dir);
}

static struct hcb_probe_target resolved(const char *word, const char *extra)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_probe_target t;
	assert_ok(hcb_probe_resolve(word, extra, "1a2b", &t, &err), &err);
	return t;
}

static const char *past_engine(const struct hcb_probe_target *t)
{
	return strchr(t->text, ':') + 1;
}

static void test_a_word_is_a_pool(void **state)
{
	(void)state;
	struct hcb_probe_target t = resolved("main", ",conf=/x/ceph.conf,id=bench");
	assert_string_equal(t.text, "rbd:main/hcbench-probe-1a2b,make=on,conf=/x/"
	                            "ceph.conf,id=bench");
	assert_int_equal(t.kind, HCB_PROBE_POOL);
	assert_true(t.own_name);
	assert_string_equal(t.file, "");
}

static void test_paths(void **state)
{
	char word[128], want[160];
	(void)state;
	struct hcb_probe_target t = resolved(dir, "");
	snprintf(want, sizeof(want), "%s/hcbench-probe-1a2b,make=on", dir);
	assert_string_equal(past_engine(&t), want);
	assert_int_equal(t.kind, HCB_PROBE_FILE);
	assert_string_equal(t.fsync_dir, dir);
	assert_int_equal(strncmp(t.file, want, strlen(t.file)), 0);

	/* A file that is not there is made and removed; one that is there stays. */
	snprintf(word, sizeof(word), "%s/there", dir);
	t = resolved(word, "");
	assert_string_equal(t.file, word);
	assert_string_equal(t.fsync_dir, dir);
	static char bytes[9 << 20];
	hcb_test_write(word, bytes, sizeof(bytes));
	t = resolved(word, "");
	assert_string_equal(past_engine(&t), word);
	assert_string_equal(t.file, "");
	assert_string_equal(t.fsync_dir, "");
	assert_int_equal(t.room_bytes, 8 << 20); /* whole 4 MiB before the mark */
	assert_true(!t.own_name);
	assert_int_equal(unlink(word), 0);
}

static void test_targets(void **state)
{
	char word[128];
	(void)state;
	struct hcb_probe_target t = resolved("hdd:generic-7200,cache=off", "");
	assert_string_equal(t.text, "hdd:generic-7200,cache=off");
	assert_int_equal(t.kind, HCB_PROBE_MODEL);
	t = resolved("rbd:main/db", ",id=x");
	assert_string_equal(t.text, "rbd:main/db,id=x");
	assert_int_equal(t.kind, HCB_PROBE_POOL);
	assert_false(t.own_name);
	snprintf(word, sizeof(word), "libaio:%s/new,make=on", dir);
	t = resolved(word, "");
	assert_int_equal(t.kind, HCB_PROBE_FILE);
	assert_has(t.file, "/new");
	assert_null(strchr(t.file, ','));
}

static void test_words_that_mean_nothing(void **state)
{
	struct hcb_probe_target t;
	struct hcb_err err = HCB_ERR_INIT;
	char many[2000];
	(void)state;
	memset(many, 'a', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	assert_fails(hcb_probe_resolve("rbdd:x/y", "", "1", &t, &err), &err,
	             HCB_EXIT_USAGE, "did you mean \"rbd\"");
	assert_fails(hcb_probe_resolve("", "", "1", &t, &err), &err, HCB_EXIT_USAGE,
	             "no pool");
	assert_fails(hcb_probe_resolve("a,b", "", "1", &t, &err), &err, HCB_EXIT_USAGE,
	             "no pool");
	assert_fails(hcb_probe_resolve("./a,b", "", "1", &t, &err), &err, HCB_EXIT_USAGE,
	             "comma");
	assert_fails(hcb_probe_resolve("/tmp", ",id=x", "1", &t, &err), &err,
	             HCB_EXIT_USAGE, "belong to pools");
	assert_fails(hcb_probe_resolve(many, "", "1", &t, &err), &err, HCB_EXIT_USAGE,
	             "too long");
	many[0] = '/';
	int r = hcb_probe_resolve(many, "", "1", &t, &err);
	assert_true(r < 0);
}

/* ---- interfaces ---- */

static void test_tunnels_are_told_from_guests_taps(void **state)
{
	(void)state;
	static const struct hcb_netlink_if ifs[] = {
	        {.index = 1, .name = "lo", .loopback = true},
	        {.index = 2, .name = "eno1", .master = 5},
	        {.index = 3, .name = "tap100i0", .kind = "tun", .master = 5},
	        {.index = 4, .name = "tinc0", .kind = "tun"},
	        {.index = 5, .name = "vmbr0", .kind = "bridge"}, /* a port, and a guest */
	        {.index = 6, .name = "vmbr1", .kind = "bridge"},
	        {.index = 7, .name = "gre1", .kind = "gretap", .master = 6},
	        {.index = 8, .name = "tap100i1", .kind = "tun", .master = 6},
	        {.index = 9, .name = "wg0", .kind = "wireguard"},
	        {.index = 10, .name = "vmbr2", .kind = "bridge"}, /* empty */
	        {.index = 11, .name = "vmbr3", .kind = "bridge"},
	        {.index = 12, .name = "bond0.7", .kind = "vlan", .master = 11},
	        {.index = 13, .name = "tap101i0", .kind = "tun", .master = 11},
	};
	static const bool want[] = {0, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 1};
	for (int i = 1; i <= 13; i++)
		assert_int_equal(hcb_netpath_is_tunnel(ifs, 13, i), want[i]);
	assert_false(hcb_netpath_is_tunnel(ifs, 13, 99));
}

static void test_the_way_to_this_host(void **state)
{
	struct hcb_netpath way;
	struct hcb_rtt rtt;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_ok(hcb_netpath_look("127.0.0.1", &way, &err), &err);
	assert_true(way.local && !way.tunnel);
	assert_string_equal(way.interface, "lo");
	assert_fails(hcb_netpath_look("localhost", &way, &err), &err, HCB_EXIT_FAILED,
	             "not a numeric address");
	/* Port 1 is tcpmux, which nobody runs. */
	assert_fails(hcb_netpath_rtt("127.0.0.1", 1, 3, &rtt, &err), &err,
	             HCB_EXIT_FAILED, "connect to 127.0.0.1 port 1");
	assert_int_equal(rtt.n, 0);
}

/* ---- fsyncs ---- */

static unsigned entries(void)
{
	unsigned n = 0;
	DIR *d = opendir(dir);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void test_fsyncs_are_counted_and_nothing_is_left(void **state)
{
	struct hcb_fsyncs f;
	struct hcb_err err = HCB_ERR_INIT;
	volatile sig_atomic_t sig = 0;
	(void)state;
	assert_ok(hcb_fsyncs(dir, 50000000, 60000000000u, &sig, &f, &err), &err);
	assert_true(f.n > 0 && f.ns >= 50000000);
	assert_int_equal(entries(), 0);
	sig = 2; /* a signal before it began: not one */
	assert_ok(hcb_fsyncs(dir, 3000000000u, 60000000000u, &sig, &f, &err), &err);
	assert_int_equal(f.n, 0);
	assert_int_equal(entries(), 0);
	assert_fails(hcb_fsyncs("/proc/none", 1, 1000000000, &sig, &f, &err), &err,
	             HCB_EXIT_FAILED, "make a directory in /proc/none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_word_is_a_pool),
	        cmocka_unit_test(test_paths),
	        cmocka_unit_test(test_targets),
	        cmocka_unit_test(test_words_that_mean_nothing),
	        cmocka_unit_test(test_tunnels_are_told_from_guests_taps),
	        cmocka_unit_test(test_the_way_to_this_host),
	        cmocka_unit_test(test_fsyncs_are_counted_and_nothing_is_left),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
