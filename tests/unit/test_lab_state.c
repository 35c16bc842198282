/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a cluster file becomes, and that lab.json gives back what was put into it. */
#include "hcb_test.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/impl.h"

static struct lab lab;
static struct hcb_lab_info put, got;
static char state_dir[64]; /* HCBENCH_LAB_DIR */

static void plan(const char *text)
{
	char dir[200], path[256];
	struct hcb_err err = HCB_ERR_INIT;
	const struct hcb_lab_up_opts o = {.target = path};
	hcb_test_mkdir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/my-lab.ini", dir);
	hcb_test_write(path, text, strlen(text));
	memset(&lab, 0, sizeof(lab));
	assert_ok(lab_plan(&lab, &o, &err), &err);
	unlink(path);
	rmdir(dir);
}

static const char both[] = "[host a b]\n"
                           "osd=generic-7200\n"
                           "osd=sata-ssd,class=ssd\n"
                           "system_disk=generic-7200,served=on\n"
                           "[host c d]\n"
                           "osd=generic-7200\n"
                           "[network]\n"
                           "cluster=tinc\n"
                           "vm=gre\n"
                           "rtt=300us\n"
                           "tunnel_us_per_packet=6..14\n"
                           "[pool p]\n"
                           "[pool q]\n"
                           "class=ssd\n"
                           "size=2\n";

static void test_names_and_addresses(void **state)
{
	char addr[32];
	(void)state;
	plan(both);
	assert_string_equal(lab.name, "my-lab");
	assert_memory_equal(lab.dir, state_dir, strlen(state_dir));
	assert_string_equal(lab.dir + strlen(state_dir), "/my-lab");
	assert_int_equal(lab.n_mons, 3);
	assert_true(lab.hosts[2].has_mon && !lab.hosts[3].has_mon);
	assert_int_equal(lab.n_osds, 6);
	assert_int_equal(lab.osds[3].host, 1);
	assert_int_equal(lab.osds[4].host, 2);
	assert_string_equal(lab.osds[3].spec.crush_class, "ssd");
	assert_true(lab.hosts[1].has_system && !lab.hosts[2].has_system);
	assert_string_equal(lab.hosts[1].netns, "hcb-my-lab-b");
	assert_string_equal(lab.hosts[1].vm_netns, "hcb-my-lab-b_vm");
	/* Public is direct, so that is where the monitors are. */
	assert_string_equal(lab.hosts[1].address, "10.99.0.2");
	lab_address(LAB_NET_ADMIN, 3, addr, sizeof(addr));
	assert_string_equal(addr, "10.1.0.4");
	lab_address(LAB_NET_VMLINK, 3, addr, sizeof(addr));
	assert_string_equal(addr, "10.2.0.4");
	assert_int_equal(lab_net_kind(LAB_NET_ADMIN)->port, 655);
	assert_int_equal(lab_net_kind(LAB_NET_VMLINK)->port, 656);
	for (int n = 0; n < LAB_N_NETS; n++)
		assert_true(lab_has_net(&lab.cluster, (enum lab_net)n));
	plan("[host a b c]\nosd=x\n[network]\npublic=tinc\n[pool p]\n");
	assert_string_equal(lab.hosts[2].address, "10.1.0.3");
	assert_true(lab_has_net(&lab.cluster, LAB_NET_ADMIN));
	assert_false(lab_has_net(&lab.cluster, LAB_NET_VMLINK));
	plan("[host a b]\nosd=x\n[pool p]\nsize=2\n");
	assert_int_equal(lab.n_mons, 1);
	assert_false(lab_has_net(&lab.cluster, LAB_NET_ADMIN));
	assert_false(lab_has_net(&lab.cluster, LAB_NET_VM));
}

static void test_a_lab_is_found_as_it_was_saved(void **state)
{
	char path[128];
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	plan(both);
	for (unsigned i = 0; i < 4; i++) {
		lab.hosts[i].mon_pid = (pid_t)(100 + i);
		lab.hosts[i].mgr_pid = (pid_t)(200 + i);
		lab.hosts[i].tinc_pid[LAB_NET_ADMIN] = (pid_t)(300 + i);
		lab.hosts[i].tinc_pid[LAB_NET_VMLINK] = (pid_t)(400 + i);
		lab.hosts[i].system_loop = (int)i;
	}
	for (unsigned i = 0; i < lab.n_osds; i++) {
		lab.osds[i].pid = (pid_t)(500 + i);
		lab.osds[i].loop = (int)(10 + i);
	}
	lab.recycle_wal = true;
	lab.warm = (struct hcb_lab_warm_info){
	        .done = true, .seconds = 1.5, .wal_bytes = 77, .kv_flush_ratio = 2};
	snprintf(lab.fsid, sizeof(lab.fsid), "some-id");
	assert_int_equal(mkdir(lab.dir, 0700), 0);
	assert_ok(lab_state_save(&lab, &err), &err);
	lab_info_from(&lab, &put);
	assert_ok(hcb_lab_find("my-lab", &got, &err), &err);
	/* Both are zeroed before they are filled, so padding is alike too. */
	assert_memory_equal(&put, &got, sizeof(put));
	assert_string_equal(got.hosts[1].cluster_address, "10.1.0.2");
	assert_string_equal(got.hosts[1].link_address, "10.99.0.2");
	assert_string_equal(got.hosts[3].vm_address, "10.3.0.4");
	snprintf(path, sizeof(path), "%s/system/a/fs", lab.dir);
	assert_string_equal(got.hosts[0].system_fs, path);
	assert_string_equal(got.hosts[2].system_fs, "");
	assert_int_equal(got.hosts[2].tinc_vm, 402);
	assert_int_equal(got.n_not_emulated, 2);
	assert_non_null(strstr(got.not_emulated[0], "rtt = 300 us"));
	assert_string_equal(got.vm_net, "gre");
	snprintf(path, sizeof(path), "%s/lab.json", lab.dir);
	unlink(path);
	rmdir(lab.dir);
	assert_fails(hcb_lab_find("my-lab", &got, &err), &err, HCB_EXIT_FAILED,
	             "lab my-lab: not up");
}

static int make_state_dir(void **state)
{
	(void)state;
	hcb_test_mkdir(state_dir, sizeof(state_dir));
	return setenv("HCBENCH_LAB_DIR", state_dir, 1);
}

static int remove_state_dir(void **state)
{
	(void)state;
	return rmdir(state_dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_names_and_addresses),
	        cmocka_unit_test(test_a_lab_is_found_as_it_was_saved),
	};
	return cmocka_run_group_tests_name("lab_state", tests, make_state_dir,
	                                   remove_state_dir);
}
