/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ceph.conf, keys and the monitor map. Keys are made here, and handed to the monitors
 * when they are created: no "ceph auth" calls follow, each of which costs a second.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lab/impl.h"

static void base64(const uint8_t *in, size_t n, char *out)
{
	static const char digits[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16;
		v |= i + 1 < n ? (uint32_t)in[i + 1] << 8 : 0;
		v |= i + 2 < n ? in[i + 2] : 0;
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*out++ = i + 2 < n ? digits[v & 63] : '=';
	}
	*out = '\0';
}

/* A cephx secret: type 1 (AES), time of making, length 16, all little-endian, the bytes.
 */
static int make_key(char out[48], struct hcb_err *err)
{
	uint8_t k[28] = {1, 0};
	uint32_t sec = (uint32_t)time(NULL);
	for (int i = 0; i < 4; i++)
		k[2 + i] = (uint8_t)(sec >> (8 * i));
	k[10] = 16;
	if (getrandom(k + 12, 16, 0) != 16)
		return hcb_err_sys(err, -errno, "make a key");
	base64(k, sizeof(k), out);
	return 0;
}

void lab_uuid(char out[40])
{
	uint8_t u[16];
	if (getrandom(u, sizeof(u), 0) != sizeof(u))
		abort(); /* cannot be: 16 bytes never come in part */
	u[6] = (uint8_t)((u[6] & 0x0f) | 0x40);
	u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
	char *p = out;
	for (int i = 0; i < 16; i++)
		p += sprintf(p, "%s%02x",
		             i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
}

/* ---- keyrings ---- */

static int put_key(const struct lab *lab, FILE *all, const char *entity, const char *key,
                   const char *caps, struct hcb_err *err)
{
	char path[192], text[512];
	snprintf(text, sizeof(text), "[%s]\n\tkey = %s\n%s", entity, key, caps);
	fputs(text, all);
	snprintf(path, sizeof(path), "%s/key/%s", lab->dir, entity);
	return lab_write_file(path, text, err);
}

static int put_keys(struct lab *lab, FILE *all, struct hcb_err *err)
{
	char name[64];
	int r = make_key(lab->mon_key, err);
	if (r == 0)
		r = make_key(lab->admin_key, err);
	if (r == 0)
		r = put_key(lab, all, "mon.", lab->mon_key, "\tcaps mon = \"allow *\"\n",
		            err);
	if (r == 0)
		r = put_key(lab, all, "client.admin", lab->admin_key,
		            "\tcaps mon = \"allow *\"\n\tcaps osd = \"allow *\"\n"
		            "\tcaps mds = \"allow *\"\n\tcaps mgr = \"allow *\"\n",
		            err);
	for (unsigned i = 0; r == 0 && i < lab->n_mons; i++) {
		snprintf(name, sizeof(name), "mgr.%s", lab->hosts[i].name);
		r = make_key(lab->hosts[i].mgr_key, err);
		if (r == 0)
			r = put_key(
			        lab, all, name, lab->hosts[i].mgr_key,
			        "\tcaps mon = \"allow profile mgr\"\n"
			        "\tcaps osd = \"allow *\"\n\tcaps mds = \"allow *\"\n",
			        err);
	}
	for (unsigned i = 0; r == 0 && i < lab->n_osds; i++) {
		snprintf(name, sizeof(name), "osd.%u", lab->osds[i].id);
		r = make_key(lab->osds[i].key, err);
		if (r == 0)
			r = put_key(lab, all, name, lab->osds[i].key,
			            "\tcaps mon = \"allow profile osd\"\n"
			            "\tcaps osd = \"allow *\"\n"
			            "\tcaps mgr = \"allow profile osd\"\n",
			            err);
	}
	return r;
}

static int make_keys(struct lab *lab, struct hcb_err *err)
{
	char path[160], *text = NULL;
	size_t len = 0;
	FILE *all = open_memstream(&text, &len);
	if (!all)
		return hcb_err_sys(err, -ENOMEM, "make keys");
	int r = put_keys(lab, all, err);
	if (fclose(all) && r == 0)
		r = hcb_err_sys(err, -ENOMEM, "make keys");
	snprintf(path, sizeof(path), "%s/key/all", lab->dir);
	if (r == 0)
		r = lab_write_file(path, text, err);
	free(text);
	return r;
}

/* ---- ceph.conf ---- */

static void mon_address(const struct lab_host *h, char *buf, size_t size)
{
	snprintf(buf, size, "[v2:%s:3300,v1:%s:6789]", h->address, h->address);
}

/* Ceph warns when there are fewer OSDs than copies by default, whatever the pools have.
 */
static unsigned most_copies(const struct hcb_cluster *c)
{
	unsigned most = 1;
	for (unsigned i = 0; i < c->n_pools; i++)
		if (c->pools[i].size > most)
			most = c->pools[i].size;
	return most;
}

/*
 * Not here, but on the command lines of those who need them: time-outs. A client that
 * gives up early would turn a slow cluster into a failed one, and `run` reads this file.
 */
static void conf_global(const struct lab *lab, FILE *f)
{
	char addr[96];
	fprintf(f, "# made by hcbench lab up; gone with hcbench lab down\n[global]\n");
	fprintf(f, "fsid = %s\nmon host =", lab->fsid);
	for (unsigned i = 0; i < lab->n_mons; i++) {
		mon_address(&lab->hosts[i], addr, sizeof(addr));
		fprintf(f, " %s", addr);
	}
	fprintf(f, "\nmon initial members = ");
	for (unsigned i = 0; i < lab->n_mons; i++)
		fprintf(f, "%s%s", i ? "," : "", lab->hosts[i].name);
	fprintf(f,
	        "\npublic network = %s.0/24\ncluster network = %s.0/24\n"
	        "auth cluster required = cephx\nauth service required = cephx\n"
	        "auth client required = cephx\nauth allow insecure global id reclaim = "
	        "false\n"
	        "run dir = %s/run\ncrash dir = %s/crash\n"
	        "log to stderr = false\nerr to stderr = true\n"
	        "osd pool default pg autoscale mode = off\n"
	        "osd pool default size = %u\n",
	        lab_net_kind(lab_net_of(lab->cluster.public_net))->prefix,
	        lab_net_kind(lab_net_of(lab->cluster.cluster_net))->prefix, lab->dir,
	        lab->dir, most_copies(&lab->cluster));
	/* Ceph gathers debug lines in memory even when none is written; that costs. */
	fprintf(f, "debug ms = 0/0\ndebug osd = 0/0\ndebug bluestore = 0/0\ndebug bluefs "
	           "= 0/0\n"
	           "debug bdev = 0/0\ndebug rocksdb = 1/1\ndebug paxos = 0/0\ndebug mon "
	           "= 0/1\n"
	           "debug monc = 0/0\ndebug auth = 0/0\ndebug objecter = 0/0\ndebug rbd "
	           "= 0/0\n"
	           "debug objectcacher = 0/0\ndebug filer = 0/0\ndebug tp = 0/0\n"
	           "debug throttle = 0/0\ndebug finisher = 0/0\ndebug perfcounter = 0/0\n"
	           "debug optracker = 0/0\ndebug heartbeatmap = 0/0\n");
}

/*
 * Ceph's own timers run in wall time, and so do its defaults: a second of lab time is D
 * of those. Names and defaults are those of Ceph 16.2 (src/common/options.cc). Two of
 * them say when data is written: an OSD's deferred writes at the latest, a client's dirty
 * cache. Time-outs that no run of a lab meets (scrub intervals, down-out) are left alone.
 */
static void conf_timers(const struct lab *lab, FILE *f)
{
	static const struct {
		const char *name;
		double seconds;
	} timers[] = {
	        {"osd heartbeat interval", 6},       {"osd heartbeat grace", 20},
	        {"osd mon heartbeat interval", 30},  {"mon lease", 5},
	        {"mon election timeout", 5},         {"paxos propose interval", 1},
	        {"osd op complaint time", 30},       {"osd recovery sleep hdd", 0.1},
	        {"osd mon report interval", 5},      {"mon tick interval", 5},
	        {"mon client hunt interval", 3},     {"ms connection ready timeout", 10},
	        {"bluestore max defer interval", 3}, {"rbd cache max dirty age", 1},
	};
	double d = lab->cluster.dilation;
	for (size_t i = 0; d != 1 && i < sizeof(timers) / sizeof(timers[0]); i++)
		fprintf(f, "%s = %g\n", timers[i].name, timers[i].seconds * d);
}

static void conf_daemon(const struct lab *lab, FILE *f, const char *kind)
{
	fprintf(f,
	        "[%s]\n%s data = %s/%s/$id\nadmin socket = %s/run/$name.asok\n"
	        "pid file = %s/run/$name.pid\nlog file = %s/log/$name.log\n",
	        kind, kind, lab->dir, kind, lab->dir, lab->dir, lab->dir);
	/* Not in [global]: the monitor would look there, find nothing and go without
	 * cephx. */
	if (strcmp(kind, "mon") != 0)
		fprintf(f, "keyring = %s/key/$name\n", lab->dir);
}

static void conf_daemons(const struct lab *lab, FILE *f)
{
	conf_daemon(lab, f, "mon");
	/* By default every monitor writes to the machine's own /var/log/ceph. */
	fprintf(f,
	        "mgr initial modules =\nmon cluster log file = "
	        "%s/log/$name.$channel.log\n",
	        lab->dir);
	/* A pool of one copy has to be allowed, and is what its file asks for: no
	 * warning. */
	for (unsigned i = 0; i < lab->cluster.n_pools; i++)
		if (lab->cluster.pools[i].size == 1) {
			fprintf(f, "mon allow pool size one = true\n"
			           "mon warn on pool no redundancy = false\n");
			break;
		}
	/* As shipped, where the logs have a disk to lie on. */
	if (lab->hosts[0].has_system)
		fprintf(f, "debug mon = 1/5\ndebug paxos = 1/5\ndebug rocksdb = 4/5\n");
	/*
	 * An empty module folder: the Python modules are most of a mgr's memory (300 MB),
	 * its idle processor time and its start. Placement group states need none of
	 * them. The health warning that follows is muted, see client.c.
	 */
	conf_daemon(lab, f, "mgr");
	fprintf(f, "mgr module path = %s/modules\n", lab->dir);
	conf_daemon(lab, f, "osd");
	/* Otherwise every OSD would file itself under this machine's one host name, no
	   placement group would find three hosts, and every client would wait for ever.
	 */
	fprintf(f,
	        "osd crush update on start = false\nosd class update on start = false\n"
	        "osd objectstore = bluestore\nbluestore block create = false\n"
	        "osd memory target = 2147483648\n");
	/*
	 * Not for the disk's sake, which takes a discard at no cost in time, but for this
	 * machine's: RocksDB's logs wander over the whole disk, and without discards
	 * every byte ever logged would stay in memory. BlueFS passes them on once its own
	 * journal says that the space is free.
	 */
	fprintf(f, "bdev enable discard = true\nbdev async discard = true\n");
	if (lab->recycle_wal)
		fprintf(f, "bluestore rocksdb options annex = "
		           "wal_recovery_mode=kTolerateCorruptedTailRecords\n");
	/* Two clients of one name must not share a socket: $pid and $cctid. */
	fprintf(f,
	        "[client]\nkeyring = %s/key/$name\n"
	        "admin socket = %s/run/$name.$pid.$cctid.asok\nlog to file = false\n",
	        lab->dir, lab->dir);
}

static int make_conf(const struct lab *lab, struct hcb_err *err)
{
	char path[160], *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return hcb_err_sys(err, -ENOMEM, "write ceph.conf");
	conf_global(lab, f);
	conf_timers(lab, f);
	conf_daemons(lab, f);
	int r = fclose(f) ? hcb_err_sys(err, -ENOMEM, "write ceph.conf") : 0;
	snprintf(path, sizeof(path), "%s/ceph.conf", lab->dir);
	if (r == 0)
		r = lab_write_file(path, text, err);
	free(text);
	return r;
}

static int make_monmap(const struct lab *lab, struct hcb_err *err)
{
	char path[160], addr[LAB_MAX_MONS][96];
	const char *argv[24] = {
	        "monmaptool", "--create", "--fsid", lab->fsid, "--set-min-mon-release",
	        "pacific"};
	unsigned n = 6;
	for (unsigned i = 0; i < lab->n_mons; i++) {
		mon_address(&lab->hosts[i], addr[i], sizeof(addr[i]));
		argv[n++] = "--addv";
		argv[n++] = lab->hosts[i].name;
		argv[n++] = addr[i];
	}
	snprintf(path, sizeof(path), "%s/monmap", lab->dir);
	argv[n] = path;
	struct hcb_child_opts o = {.timeout_ns = 20 * HCB_SEC};
	return hcb_child_run(argv, &o, NULL, err);
}

int lab_conf_make(struct lab *lab, struct hcb_err *err)
{
	lab_uuid(lab->fsid);
	for (unsigned i = 0; i < lab->n_osds; i++)
		lab_uuid(lab->osds[i].uuid);
	int r = make_conf(lab, err);
	if (r == 0)
		r = make_keys(lab, err);
	return r ? r : make_monmap(lab, err);
}
