/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hcb_test.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/core/cluster.h"
#include "hcb_fixtures.h"

static struct hcb_cluster c;

static int read_fixture(const char *path, struct hcb_err *err)
{
	return hcb_cluster_read(path, &c, err);
}

static void read_good(const char *name)
{
	char path[512];
	struct hcb_err err = HCB_ERR_INIT;
	snprintf(path, sizeof(path), "%s/tests/fixtures/cluster/%s", hcb_test_src(),
	         name);
	assert_ok(read_fixture(path, &err), &err);
	assert_string_equal(c.path, path);
}

static void test_every_check_refuses_its_file(void **state)
{
	(void)state;
	hcb_fixtures_refused("cluster", 50, read_fixture);
}

static void test_everything_said_is_read(void **state)
{
	(void)state;
	read_good("good-mixed.ini");
	assert_string_equal(c.name, "good-mixed");
	assert_close(c.dilation, 2.5, 0);
	assert_int_equal(c.n_hosts, 3);
	for (unsigned i = 0; i < 2; i++) {
		const struct hcb_host_spec *h = &c.hosts[i];
		assert_string_equal(h->name, i ? "h2" : "h1");
		assert_true(h->port_bit_per_s == 2500000000ULL);
		assert_string_equal(h->system.profile, "");
		assert_false(h->system_served);
		assert_int_equal(h->n_osds, 2);
		assert_string_equal(h->osds[0].profile, "generic-7200");
		assert_string_equal(h->osds[0].crush_class, "hdd");
		assert_close(h->osds[0].filled, 0, 0);
		assert_int_equal(h->osds[0].size_bytes, 0);
		assert_string_equal(h->osds[1].profile, "fast-1");
		assert_string_equal(h->osds[1].crush_class, "ssd");
		assert_close(h->osds[1].filled, 0.6, 1e-12);
		assert_string_equal(h->osds[1].cache, "default");
		assert_true(h->osds[1].size_bytes == 500000000000ULL);
	}
	assert_string_equal(c.hosts[2].name, "h3");
	assert_int_equal(c.hosts[2].n_osds, 1);
	assert_int_equal(c.hosts[2].port_bit_per_s, 1000000000);
	assert_close(c.hosts[2].osds[0].filled, 0.25, 0);
	assert_string_equal(c.hosts[2].osds[0].cache, "off");
	assert_int_equal(c.public_net, HCB_NET_DIRECT);
	assert_int_equal(c.cluster_net, HCB_NET_TINC);
	assert_string_equal(c.hosts[2].system.profile, "slow");
	assert_true(c.hosts[2].system_served);
	assert_close(c.hosts[2].system.filled, 0.6, 1e-12);
	assert_true(c.hosts[2].system.size_bytes == 1000000000000ULL);
	assert_int_equal(c.vm_net, HCB_VM_GRE);
	assert_int_equal(c.rtt_ns, 300000);
	assert_close(c.tunnel_us_lo, 6, 0);
	assert_close(c.tunnel_us_hi, 14, 0);
	assert_int_equal(c.n_pools, 2);
	assert_string_equal(c.pools[0].name, "a");
	assert_int_equal(c.pools[0].size, 2);
	assert_int_equal(c.pools[0].min_size, 1);
	assert_int_equal(c.pools[0].pg_num, 128);
	assert_string_equal(c.pools[0].crush_class, "ssd");
	assert_string_equal(c.pools[0].domain, "host");
	assert_string_equal(c.pools[1].domain, "osd");
	assert_int_equal(c.pools[1].min_size, 2);
	assert_int_equal(c.pools[1].pg_num, 1);
}

static void test_least_file_takes_the_defaults(void **state)
{
	(void)state;
	read_good("good-least.ini");
	assert_close(c.dilation, 1, 0);
	assert_int_equal(c.hosts[0].port_bit_per_s, 1000000000);
	assert_close(c.hosts[0].osds[0].filled, 0.6, 1e-12);
	assert_int_equal(c.public_net, HCB_NET_DIRECT);
	assert_int_equal(c.vm_net, HCB_VM_NONE);
	assert_int_equal(c.rtt_ns, 0);
	assert_close(c.tunnel_us_hi, 0, 0);
	assert_int_equal(c.pools[0].size, 1);
	assert_int_equal(c.pools[0].min_size, 1);
}

static void test_shipped_default(void **state)
{
	char path[512];
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_ok(hcb_cluster_find("default", path, sizeof(path), &err), &err);
	assert_ok(hcb_cluster_read(path, &c, &err), &err);
	assert_string_equal(c.name, "seed-direct");
	assert_int_equal(c.n_hosts, 3);
	for (unsigned i = 0; i < 3; i++) {
		char name[8];
		snprintf(name, sizeof(name), "h%u", i + 1);
		assert_string_equal(c.hosts[i].name, name);
		assert_string_equal(c.hosts[i].system.profile, "generic-7200");
		assert_close(c.hosts[i].system.filled, 0.6, 1e-12);
		assert_false(c.hosts[i].system_served);
		assert_int_equal(c.hosts[i].port_bit_per_s, 1000000000);
		assert_int_equal(c.hosts[i].n_osds, 1);
		assert_close(c.hosts[i].osds[0].filled, 0.6, 1e-12);
	}
	assert_string_equal(c.pools[0].name, "main");
	assert_int_equal(c.pools[0].size, 3);
	assert_int_equal(c.pools[0].min_size, 2);
	assert_int_equal(c.pools[0].pg_num, 128);
	assert_string_equal(c.pools[0].domain, "host");
}

/* Every cluster file that is shipped reads, and is what its name promises. */
static void test_shipped_files(void **state)
{
	static const struct {
		const char *name;
		unsigned hosts, osds, pools;
		int net, vm;
		bool served;
	} want[] = {{"seed-direct", 3, 3, 1, HCB_NET_DIRECT, HCB_VM_NONE, false},
	            {"seed-tinc", 3, 3, 1, HCB_NET_TINC, HCB_VM_GRE, false},
	            {"split-pool", 3, 3, 2, HCB_NET_DIRECT, HCB_VM_NONE, false},
	            {"split-disk", 3, 6, 2, HCB_NET_DIRECT, HCB_VM_NONE, false},
	            {"system-disk", 3, 3, 1, HCB_NET_DIRECT, HCB_VM_NONE, true},
	            {"ssd-db", 3, 6, 2, HCB_NET_DIRECT, HCB_VM_NONE, false},
	            {"cache-off", 3, 3, 1, HCB_NET_DIRECT, HCB_VM_NONE, false},
	            {"split-single", 3, 4, 2, HCB_NET_DIRECT, HCB_VM_NONE, false},
	            {"four-hosts", 4, 4, 1, HCB_NET_DIRECT, HCB_VM_NONE, false}};
	char path[512], folder[512];
	struct hcb_err err = HCB_ERR_INIT;
	unsigned n = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_ok(hcb_cluster_find(want[i].name, path, sizeof(path), &err), &err);
		assert_ok(hcb_cluster_read(path, &c, &err), &err);
		assert_string_equal(c.name, want[i].name);
		assert_int_equal(c.n_hosts, want[i].hosts);
		assert_int_equal(c.n_pools, want[i].pools);
		assert_int_equal(c.public_net, want[i].net);
		assert_int_equal(c.cluster_net, want[i].net);
		assert_int_equal(c.vm_net, want[i].vm);
		assert_int_equal(c.rtt_ns, 0);
		unsigned osds = 0;
		for (unsigned h = 0; h < c.n_hosts; h++) {
			osds += c.hosts[h].n_osds;
			assert_int_equal(c.hosts[h].system_served, want[i].served);
		}
		assert_int_equal(osds, want[i].osds);
	}
	snprintf(folder, sizeof(folder), "%s/lab/clusters", hcb_test_src());
	DIR *d = opendir(folder);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += strstr(e->d_name, ".ini") != NULL;
	closedir(d);
	assert_int_equal(n, sizeof(want) / sizeof(want[0]));
}

static void test_file_name_becomes_the_name(void **state)
{
	static const char text[] = "[host a]\nosd=x\n[pool p]\nsize=1\n";
	struct hcb_err err = HCB_ERR_INIT;
	char big[700];
	(void)state;
	assert_ok(hcb_cluster_read_string(text, "dir.d/my-lab.ini", &c, &err), &err);
	assert_string_equal(c.name, "my-lab");
	assert_fails(hcb_cluster_read_string(text, "My_lab.ini", &c, &err), &err,
	             HCB_EXIT_USAGE, "read My_lab.ini: a cluster file's name is");
	assert_fails(hcb_cluster_read_string(text, ".ini", &c, &err), &err,
	             HCB_EXIT_USAGE, "a cluster file's name is");
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_fails(hcb_cluster_read_string(text, big, &c, &err), &err, HCB_EXIT_USAGE,
	             "path too long");
}

static void test_find(void **state)
{
	char dir[256], sub[300], file[400], path[512];
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	hcb_test_mkdir(dir, sizeof(dir));
	snprintf(sub, sizeof(sub), "%s/disks", dir);
	snprintf(file, sizeof(file), "%s/odd-disk.ini", sub);
	assert_int_equal(mkdir(sub, 0755), 0);
	hcb_test_write(file, "x", 1);
	setenv("HCBENCH_SHARE", dir, 1);
	assert_ok(hcb_share_find("disks", "odd-disk", path, sizeof(path), &err), &err);
	assert_string_equal(path, file);
	assert_fails(hcb_share_find("disks", "odd-dsk", path, sizeof(path), &err), &err,
	             HCB_EXIT_USAGE, "did you mean \"odd-disk\"?");
	unsetenv("HCBENCH_SHARE");
	assert_int_equal(hcb_share_find("disks", "odd-disk", path, sizeof(path), &err),
	                 -ENOENT);
	assert_fails(hcb_share_find("disks", "../disks/x", path, sizeof(path), &err),
	             &err, HCB_EXIT_USAGE, "expected a plain name");
	assert_fails(hcb_cluster_find("seed-drect", path, sizeof(path), &err), &err,
	             HCB_EXIT_USAGE, "did you mean \"seed-direct\"?");
	assert_ok(hcb_cluster_find(file, path, sizeof(path), &err), &err);
	assert_string_equal(path, file);
	unlink(file);
	assert_fails(hcb_cluster_find(file, path, sizeof(path), &err), &err,
	             HCB_EXIT_USAGE, "odd-disk.ini: No such file or directory");
	rmdir(sub);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_check_refuses_its_file),
	        cmocka_unit_test(test_everything_said_is_read),
	        cmocka_unit_test(test_least_file_takes_the_defaults),
	        cmocka_unit_test(test_shipped_default),
	        cmocka_unit_test(test_shipped_files),
	        cmocka_unit_test(test_file_name_becomes_the_name),
	        cmocka_unit_test(test_find),
	};
	return cmocka_run_group_tests_name("cluster", tests, NULL, NULL);
}
