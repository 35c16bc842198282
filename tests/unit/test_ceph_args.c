/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a Ceph target names, and where its configuration is looked for. No cluster. */
#include "hcb_test.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engines/ceph_conf.h"
#include "engines/target.h"

static void test_image_addresses(void **state)
{
	static const struct {
		const char *text, *pool, *ns, *image;
	} good[] = {
	        {"main/db", "main", "", "db"},
	        {"main/tenant/db", "main", "tenant", "db"},
	        {"rbd/vm-101-disk-0", "rbd", "", "vm-101-disk-0"},
	};
	static const struct {
		const char *text, *why;
	} bad[] = {
	        {"main", "POOL/IMAGE"},
	        {"", "POOL/IMAGE"},
	        {"/db", "pool is empty"},
	        {"main/", "image is empty"},
	        {"main//db", "namespace is empty"},
	        {"a/b/c/d", "more than two slashes"},
	        {"main/db@before", "snapshot"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct hcb_ceph_addr a;
		struct hcb_err err = HCB_ERR_INIT;
		assert_ok(hcb_ceph_parse_image(good[i].text, &a, &err), &err);
		assert_string_equal(a.pool, good[i].pool);
		assert_string_equal(a.ns, good[i].ns);
		assert_string_equal(a.image, good[i].image);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hcb_ceph_addr a;
		struct hcb_err err = HCB_ERR_INIT;
		int r = hcb_ceph_parse_image(bad[i].text, &a, &err);
		assert_fails(r, &err, HCB_EXIT_USAGE, bad[i].why);
		assert_has(err.msg, bad[i].text);
	}
}

static void test_image_address_too_long_is_refused_not_cut(void **state)
{
	char text[400];
	struct hcb_ceph_addr a;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "main/", 5);
	text[5 + sizeof(a.image) - 1] = '\0';
	assert_ok(hcb_ceph_parse_image(text, &a, &err), &err);
	assert_int_equal(strlen(a.image), sizeof(a.image) - 1);
	text[5 + sizeof(a.image) - 1] = 'x';
	text[5 + sizeof(a.image)] = '\0';
	assert_fails(hcb_ceph_parse_image(text, &a, &err), &err, HCB_EXIT_USAGE,
	             "longer than");
}

static void test_pool_addresses(void **state)
{
	struct hcb_ceph_addr a;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_ok(hcb_ceph_parse_pool("main", &a, &err), &err);
	assert_string_equal(a.pool, "main");
	assert_string_equal(a.ns, "");
	assert_ok(hcb_ceph_parse_pool("main/mine", &a, &err), &err);
	assert_string_equal(a.ns, "mine");
	assert_fails(hcb_ceph_parse_pool("", &a, &err), &err, HCB_EXIT_USAGE,
	             "pool is empty");
	assert_fails(hcb_ceph_parse_pool("main/", &a, &err), &err, HCB_EXIT_USAGE,
	             "namespace");
	assert_fails(hcb_ceph_parse_pool("a/b/c", &a, &err), &err, HCB_EXIT_USAGE,
	             "slash");
}

static void test_monitor_names(void **state)
{
	static const char *const cases[][2] = {
	        {"10.0.0.1,10.0.0.2", "10.0.0.1,10.0.0.2"},
	        {"10.0.0.1 10.0.0.2; 10.0.0.3", "10.0.0.1,10.0.0.2,10.0.0.3"},
	        {"[v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0],[v2:10.0.0.2:3300/"
	         "0,v1:10.0.0.2:6789/0]",
	         "10.0.0.1,10.0.0.2"},
	        {"[v2:[fd00::1]:3300/0,v1:[fd00::1]:6789/0]", "fd00::1"},
	        {"mon1.example:6789", "mon1.example"},
	        {"10.0.0.11,10.0.0.1", "10.0.0.11,10.0.0.1"},
	        {"", ""},
	        {" , ;", ""},
	        {"[", ""},
	};
	char out[64];
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hcb_ceph_mon_names(cases[i][0], out, sizeof(out));
		assert_string_equal(out, cases[i][1]);
	}
}

static void test_monitor_names_never_overflow(void **state)
{
	char out[16], text[200];
	(void)state;
	for (size_t size = 1; size <= sizeof(out); size++) {
		memset(out, '#', sizeof(out));
		memset(text, 'm', sizeof(text));
		text[sizeof(text) - 1] = '\0';
		for (size_t i = 3; i < sizeof(text) - 1; i += 4)
			text[i] = ',';
		hcb_ceph_mon_names(text, out, size);
		assert_true(memchr(out, '\0', size) != NULL);
		for (size_t i = size; i < sizeof(out); i++)
			assert_int_equal(out[i], '#');
	}
}

/* ---- where ceph.conf and keyring are found ---- */

static char root[64];

static int make_root(void **state)
{
	(void)state;
	strcpy(root, "/tmp/hcb-ceph-args-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static int remove_root(void **state)
{
	(void)state;
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes root/path, with its folders. */
static void put(const char *path, const char *text)
{
	char full[300];
	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *s = full + strlen(root) + 1; (s = strchr(s, '/')); *s++ = '/') {
		*s = '\0';
		mkdir(full, 0700);
	}
	FILE *f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void expect(const struct hcb_ceph_conf *conf, const char *env,
                   const char *want_conf, const char *want_keyring)
{
	struct hcb_ceph_files files;
	struct hcb_err err = HCB_ERR_INIT;
	char full[600];
	assert_ok(hcb_ceph_find(conf, env, root, &files, &err), &err);
	snprintf(full, sizeof(full), "%s%s", root, want_conf);
	assert_string_equal(files.conf, full);
	snprintf(full, sizeof(full), "%s%s", *want_keyring ? root : "", want_keyring);
	assert_string_equal(files.keyring, full);
}

static void test_search_order(void **state)
{
	struct hcb_ceph_conf conf = {.id = "admin"};
	struct hcb_ceph_files files;
	struct hcb_err err = HCB_ERR_INIT;
	char env[128];
	(void)state;
	assert_fails(hcb_ceph_find(&conf, NULL, root, &files, &err), &err,
	             HCB_EXIT_FAILED, "find ceph.conf");
	put("/etc/ceph/ceph.conf", "[global]\n");
	expect(&conf, NULL, "/etc/ceph/ceph.conf", "");
	expect(&conf, "", "/etc/ceph/ceph.conf", "");
	put("/etc/pve/ceph.conf", "[global]\n");
	expect(&conf, NULL, "/etc/pve/ceph.conf", "");
	put("/env.conf", "[global]\n");
	snprintf(env, sizeof(env), "%s/env.conf", root);
	expect(&conf, env, "/env.conf", "");
	put("/given.conf", "[global]\n");
	snprintf(conf.conf, sizeof(conf.conf), "%s/given.conf", root);
	expect(&conf, env, "/given.conf", "");
}

static void test_proxmox_keyrings(void **state)
{
	struct hcb_ceph_conf conf = {.id = "admin"};
	char env[128];
	(void)state;
	put("/etc/pve/ceph.conf", "[global]\n");
	expect(&conf, NULL, "/etc/pve/ceph.conf", "");
	put("/etc/pve/priv/ceph/zz.keyring", "[client.admin]\n\tkey = A==\n");
	expect(&conf, NULL, "/etc/pve/ceph.conf", "/etc/pve/priv/ceph/zz.keyring");
	put("/etc/pve/priv/ceph/aa.keyring", " [client.admin]\n\tkey = A==\n");
	put("/etc/pve/priv/ceph/00.keyring", "[client.other]\n\tkey = B==\n");
	put("/etc/pve/priv/ceph/00.secret", "[client.admin]\n");
	expect(&conf, NULL, "/etc/pve/ceph.conf", "/etc/pve/priv/ceph/aa.keyring");
	strcpy(conf.id, "other");
	expect(&conf, NULL, "/etc/pve/ceph.conf", "/etc/pve/priv/ceph/00.keyring");
	strcpy(conf.id, "oth"); /* not a prefix match */
	expect(&conf, NULL, "/etc/pve/ceph.conf", "");
	strcpy(conf.id, "admin");
	put("/etc/pve/priv/ceph.client.admin.keyring", "[client.admin]\n\tkey = A==\n");
	expect(&conf, NULL, "/etc/pve/ceph.conf",
	       "/etc/pve/priv/ceph.client.admin.keyring");
	/* A conf that was named brings its own keyring line. */
	put("/env.conf", "[global]\n");
	snprintf(env, sizeof(env), "%s/env.conf", root);
	expect(&conf, env, "/env.conf", "");
	put("/my.keyring", "x");
	snprintf(conf.keyring, sizeof(conf.keyring), "%s/my.keyring", root);
	expect(&conf, NULL, "/etc/pve/ceph.conf", "/my.keyring");
}

static void test_what_was_named_must_be_there(void **state)
{
	struct hcb_ceph_conf conf = {.id = "admin"};
	struct hcb_ceph_files files;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	put("/etc/ceph/ceph.conf", "[global]\n");
	assert_fails(hcb_ceph_find(&conf, "/nowhere/a.conf", root, &files, &err), &err,
	             HCB_EXIT_FAILED, "/nowhere/a.conf");
	strcpy(conf.conf, "/nowhere/b.conf");
	assert_fails(hcb_ceph_find(&conf, NULL, root, &files, &err), &err,
	             HCB_EXIT_FAILED, "/nowhere/b.conf");
	conf.conf[0] = '\0';
	strcpy(conf.keyring, "/nowhere/k");
	assert_fails(hcb_ceph_find(&conf, NULL, root, &files, &err), &err,
	             HCB_EXIT_FAILED, "/nowhere/k");
}

static void test_keys_of_both_engines_parse_in_every_build(void **state)
{
	static const char *const good[] = {
	        "rbd:main/db",
	        "rbd:main/db,cache=writeback,make=on,size=4GiB,destroy=main/db",
	        "rbd:main/db,conf=/a,id=x,keyring=/k,fua,force-unhealthy,stall=30s",
	        "rados:main,object-size=8MiB,prefix=hcbench.x,make",
	};
	static const char *const bad[] = {
	        "rbd:main/db,cach=none",        "rbd:main/db,cache=unsafe",
	        "rbd:main/db,stall=0s",         "rados:main,cache=none",
	        "rados:main,object-size=64MiB",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct hcb_dev *dev;
		struct hcb_err err = HCB_ERR_INIT;
		assert_ok(hcb_target_parse(good[i], &dev, &err), &err);
		hcb_target_free(dev);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hcb_dev *dev;
		struct hcb_err err = HCB_ERR_INIT;
		assert_fails(hcb_target_parse(bad[i], &dev, &err), &err, HCB_EXIT_USAGE,
		             "engine r");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_image_addresses),
	        cmocka_unit_test(test_image_address_too_long_is_refused_not_cut),
	        cmocka_unit_test(test_pool_addresses),
	        cmocka_unit_test(test_monitor_names),
	        cmocka_unit_test(test_monitor_names_never_overflow),
	        cmocka_unit_test_setup_teardown(test_search_order, make_root,
	                                        remove_root),
	        cmocka_unit_test_setup_teardown(test_proxmox_keyrings, make_root,
	                                        remove_root),
	        cmocka_unit_test_setup_teardown(test_what_was_named_must_be_there,
	                                        make_root, remove_root),
	        cmocka_unit_test(test_keys_of_both_engines_parse_in_every_build),
	};
	return cmocka_run_group_tests_name("ceph args", tests, NULL, NULL);
}
