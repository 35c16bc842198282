/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who the conformance tests are run on, and how what that made is removed again. */
#ifndef HCB_TESTS_SUBJECTS_H
#define HCB_TESTS_SUBJECTS_H

#include "hcb_loop.h"
#include "hcb_nbd.h"
#include "hcb_served.h"
#include "hcb_test.h"

#include <assert.h>

#include "bench/core/guard.h"
#include "bench/core/units.h"
#include "engines/engine.h"

#define WANT (16 * HCB_MIB)

struct subject {
	const struct hcb_engine *engine;
	char target[512];
	char wrong[512];    /* a target whose opening must fail, "" if none can */
	const char *absent; /* why it cannot run here, or NULL */
	bool stores;        /* reads give back what was written */
	/* the served disk it lies on: for the tests that need one, and only those */
	struct hcb_test_served *served;
};

#define MAX_SUBJECTS 24
static struct subject subjects[MAX_SUBJECTS];
static size_t n_subjects;

static struct subject *add(const struct hcb_engine *e, const char *target,
                           const char *wrong, bool stores)
{
	assert(n_subjects < MAX_SUBJECTS);
	struct subject *s = &subjects[n_subjects++];
	s->engine = e;
	s->stores = stores;
	s->absent = e->unavailable;
	snprintf(s->target, sizeof(s->target), "%s", target);
	snprintf(s->wrong, sizeof(s->wrong), "%s", wrong);
	return s;
}

static char ceph_name[64];

static void add_ceph(const struct hcb_engine *e, bool rbd)
{
	const char *conf = getenv("HCBENCH_TEST_CEPH_CONF");
	const char *pool = getenv("HCBENCH_TEST_CEPH_POOL");
	char target[512], wrong[512];
	if (!pool)
		pool = "main";
	snprintf(ceph_name, sizeof(ceph_name), "hcbench-conformance-%d", (int)getpid());
	if (!conf)
		conf = "";
	if (rbd) {
		snprintf(target, sizeof(target), "rbd:%s/%s,make=on,conf=%s", pool,
		         ceph_name, conf);
		snprintf(wrong, sizeof(wrong), "rbd:%s/%s-absent,conf=%s", pool,
		         ceph_name, conf);
	} else {
		snprintf(target, sizeof(target), "rados:%s,make=on,prefix=%s,conf=%s",
		         pool, ceph_name, conf);
		snprintf(wrong, sizeof(wrong), "rados:%s-absent,conf=%s", ceph_name,
		         conf);
	}
	struct subject *s = add(e, target, wrong, true);
	if (!s->absent && !*conf)
		s->absent = "HCBENCH_TEST_CEPH_CONF names no cluster";
}

/* ---- files and block devices ---- */

static char file_dir[128];
static struct hcb_test_loop loop[2];
static struct hcb_test_served served[3];
static const char *no_loop;

static void make_dir(void)
{
	hcb_test_mkdir(file_dir, sizeof(file_dir));
	no_loop = hcb_test_no_loops();
}

static void make_zeros(const char *name, uint64_t bytes)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", file_dir, name);
	hcb_test_write(path, "", 0);
	if (truncate(path, (off_t)bytes)) {
		perror(path);
		exit(1);
	}
}

static void mark_loop(const struct hcb_test_loop *l)
{
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	if (hcb_guard_device(l->path, HCB_GUARD_UNMARKED, NULL, &g, &err) ||
	    hcb_guard_mark(&g, &err)) {
		fprintf(stderr, "test_engine: %s\n", err.msg);
		exit(1);
	}
	hcb_guard_close(&g);
}

/* A loop device of 24 MiB that carries our mark. */
static void make_loop(struct hcb_test_loop *l, const char *file)
{
	if (hcb_test_loop_attach(l, file, WANT + 8 * HCB_MIB))
		no_loop = "no loop device could be set up";
	else
		mark_loop(l);
}

/* Why there is no served disk in s now, or NULL. */
static const char *make_served(struct hcb_test_served *s, const char *name)
{
	const char *why = hcb_test_no_served();
	if (!why && (hcb_test_served_start(s, file_dir, name) ||
	             hcb_test_served_ctl(s, "timing off"))) /* while it is opened */
		why = "a disk could not be served";
	return why;
}

static void add_served(const struct hcb_engine *e, struct hcb_test_served *d)
{
	char target[512], name[32];
	snprintf(name, sizeof(name), "served-%s", e->name);
	const char *why = e->unavailable ? e->unavailable : make_served(d, name);
	snprintf(target, sizeof(target), "%s:%s", e->name,
	         why ? "/dev/loop" : d->loop.path);
	struct subject *s = add(e, target, "", true);
	s->absent = why;
	s->served = d;
	if (!why)
		mark_loop(&d->loop);
}

/* On a file that the first opening makes, with and without native FUA, and on a loop
   device where there can be one. The one that must fail is not hcbench's. */
static void add_blockdev(const struct hcb_engine *e, struct hcb_test_loop *l)
{
	char target[512], wrong[512], path[256];
	snprintf(path, sizeof(path), "foreign-%s", e->name);
	make_zeros(path, 65536);
	snprintf(wrong, sizeof(wrong), "%s:%s/%s", e->name, file_dir, path);
	snprintf(target, sizeof(target), "%s:%s/f-%s,make=on", e->name, file_dir,
	         e->name);
	add(e, target, wrong, true);
	snprintf(target, sizeof(target), "%s:%s/g-%s,make=on,fua=on", e->name, file_dir,
	         e->name);
	add(e, target, "", true);
	snprintf(path, sizeof(path), "%s/disk-%s", file_dir, e->name);
	if (!no_loop && !e->unavailable)
		make_loop(l, path);
	snprintf(target, sizeof(target), "%s:%s,fua=on", e->name,
	         no_loop ? "/dev/loop" : l->path);
	struct subject *s = add(e, target, "", true);
	if (!s->absent)
		s->absent = no_loop;
	add_served(e, &served[l - loop]);
}

/* ---- NBD servers ---- */

static struct hcb_test_nbd servers[5];

static const char *serve(struct hcb_test_nbd *s, const char *prog,
                         const char *const *argv)
{
	const char *why = hcb_test_no_server(prog);
	if (!why && hcb_test_nbd_start(s, file_dir, argv))
		why = "an NBD server did not start";
	return why;
}

/* qemu-storage-daemon over a loop device over a served disk. */
static void add_nbd_served(const struct hcb_engine *e, struct hcb_test_served *d)
{
	char target[512], node[300];
	const char *argv[] = {"qemu-storage-daemon",
	                      "--blockdev",
	                      node,
	                      "--nbd-server",
	                      "addr.type=unix,addr.path=" HCB_NBD_SOCK,
	                      "--export",
	                      "type=nbd,id=e,node-name=d,name=,writable=on",
	                      NULL};
	const char *why = e->unavailable ? e->unavailable : make_served(d, "served-nbd");
	snprintf(node, sizeof(node),
	         "driver=host_device,node-name=d,cache.direct=on,filename=%s",
	         why ? "" : d->loop.path);
	why = why ? why : serve(&servers[4], "qemu-storage-daemon", argv);
	snprintf(target, sizeof(target), "nbd:unix:%s,make=on", servers[4].sock);
	struct subject *s = add(e, target, "", true);
	s->absent = why;
	s->served = d;
}

/* On nbdkit, with and without its FUA, and on qemu-storage-daemon over a raw file. The
   one that must fail holds data of somebody else's. */
static void add_nbd(const struct hcb_engine *e)
{
	static const char *const memory[] = {"nbdkit", "-f",  "-U", HCB_NBD_SOCK,
	                                     "memory", "24M", NULL};
	static const char *const foreign[] = {"nbdkit",  "-f",  "-U", HCB_NBD_SOCK,
	                                      "pattern", "24M", NULL};
	char target[512], wrong[512], file[300];
	const char *qemu[] = {"qemu-storage-daemon",
	                      "--blockdev",
	                      file,
	                      "--blockdev",
	                      "driver=raw,node-name=r,file=f,discard=unmap",
	                      "--nbd-server",
	                      "addr.type=unix,addr.path=" HCB_NBD_SOCK,
	                      "--export",
	                      "type=nbd,id=e,node-name=r,name=disk,writable=on",
	                      NULL};
	snprintf(file, sizeof(file),
	         "driver=file,node-name=f,discard=unmap,filename=%s/disk-nbd", file_dir);
	const char *no_kit = NULL, *no_qemu = NULL;
	if (!e->unavailable) {
		no_kit = serve(&servers[0], "nbdkit", memory);
		no_kit = no_kit ? no_kit : serve(&servers[1], "nbdkit", memory);
		no_kit = no_kit ? no_kit : serve(&servers[2], "nbdkit", foreign);
		make_zeros("disk-nbd", WANT + 8 * HCB_MIB);
		no_qemu = serve(&servers[3], "qemu-storage-daemon", qemu);
	}
	snprintf(target, sizeof(target), "nbd:unix:%s,make=on", servers[0].sock);
	snprintf(wrong, sizeof(wrong), "nbd:unix:%s,make=on", servers[2].sock);
	struct subject *s = add(e, target, wrong, true);
	s->absent = s->absent ? s->absent : no_kit;
	snprintf(target, sizeof(target), "nbd:unix:%s,make=on,fua=on", servers[1].sock);
	s = add(e, target, "", true);
	s->absent = s->absent ? s->absent : no_kit;
	snprintf(target, sizeof(target), "nbd:nbd+unix:///disk?socket=%s,make=on,fua=on",
	         servers[3].sock);
	s = add(e, target, "", true);
	s->absent = s->absent ? s->absent : no_qemu;
	add_nbd_served(e, &served[2]);
}

static void remove_files(void)
{
	static const char *const names[] = {
	        "foreign-uring", "f-uring",        "g-uring",
	        "disk-uring",    "foreign-libaio", "f-libaio",
	        "g-libaio",      "disk-libaio",    "disk-nbd"};
	char path[256];
	for (size_t i = 0; i < sizeof(loop) / sizeof(loop[0]); i++)
		hcb_test_loop_detach(&loop[i]);
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		hcb_test_nbd_stop(&servers[i]);
	for (size_t i = 0; i < sizeof(served) / sizeof(served[0]); i++)
		hcb_test_served_stop(&served[i]);
	for (size_t i = 0; file_dir[0] && i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", file_dir, names[i]);
		remove(path);
	}
	if (file_dir[0])
		rmdir(file_dir);
}

static void targets_of(const struct hcb_engine *e)
{
	if (strcmp(e->name, "null") == 0) {
		add(e, "null:", "", false);
	} else if (strcmp(e->name, "mem") == 0) {
		add(e, "mem:32MiB", "mem:lots", true);
		add(e, "mem:32MiB,volatile=on,cut=1h", "mem:32MiB,lie=on", true);
	} else if (strcmp(e->name, "hdd") == 0) {
		add(e, "hdd:generic-7200", "hdd:no-such-profile", false);
		add(e, "hdd:generic-7200,store=on,cache=on", "", true);
		add(e, "hdd:generic-7200,store=on,cut=1h", "", true);
		add(e, "hdd:sata-ssd,store=on", "", true);
	} else if (strcmp(e->name, "rbd") == 0) {
		add_ceph(e, true);
	} else if (strcmp(e->name, "rados") == 0) {
		add_ceph(e, false);
	} else if (strcmp(e->name, "libaio") == 0) {
		add_blockdev(e, &loop[0]);
	} else if (strcmp(e->name, "uring") == 0) {
		add_blockdev(e, &loop[1]);
	} else if (strcmp(e->name, "nbd") == 0) {
		add_nbd(e);
	} else {
		fprintf(stderr,
		        "test_engine: engine \"%s\" has no target to be tested on; add "
		        "one to targets_of()\n",
		        e->name);
		exit(1);
	}
}

/* ---- removing what the Ceph engines made ---- */

#ifdef HCB_HAVE_RBD
#include <rbd/librbd.h>

static void remove_objects(rados_t cluster, const char *pool)
{
	rados_ioctx_t io;
	rados_list_ctx_t list;
	const char *name;
	if (rados_ioctx_create(cluster, pool, &io))
		return;
	rbd_remove(io, ceph_name);
	rados_ioctx_set_namespace(io, "hcbench");
	if (rados_nobjects_list_open(io, &list) == 0) {
		while (rados_nobjects_list_next(list, &name, NULL, NULL) == 0)
			if (strncmp(name, ceph_name, strlen(ceph_name)) == 0)
				rados_remove(io, name);
		rados_nobjects_list_close(list);
	}
	rados_ioctx_destroy(io);
}

static void remove_ceph(void)
{
	const char *conf = getenv("HCBENCH_TEST_CEPH_CONF");
	const char *pool = getenv("HCBENCH_TEST_CEPH_POOL");
	rados_t cluster;
	if (!conf || rados_create(&cluster, "admin"))
		return;
	rados_conf_read_file(cluster, conf);
	rados_conf_set(cluster, "client_mount_timeout", "20");
	rados_conf_set(cluster, "rados_osd_op_timeout", "20");
	if (rados_connect(cluster) == 0)
		remove_objects(cluster, pool ? pool : "main");
	rados_shutdown(cluster);
}
#else
static void remove_ceph(void)
{
}
#endif

static int remove_all(void **state)
{
	(void)state;
	remove_ceph();
	remove_files();
	return 0;
}

#endif
