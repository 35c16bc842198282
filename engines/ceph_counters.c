/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Ceph itself counted: `perf dump` of every OSD that is up, through the cluster (no
 * access to the hosts is needed), and of this client, through its own admin socket. Cut
 * to what a run is judged by, and flattened to integers, so that the caller may subtract
 * start from end: NAME for a counter, NAME_count and NAME_ns for a latency.
 *
 * An OSD that restarts between the two begins again at zero, which shows as a negative
 * difference.
 */
#include "config.h"

#ifdef HCB_HAVE_RADOS
#include "engines/ceph_conn.h"
#include "engines/ceph_json.h"
#include "engines/engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/core/units.h"

/* A trailing * matches any rest. Each list ends with NULL. */
static const char *const bluestore_names[] = {
        "kv_*",
        "state_*",
        "throttle_lat",
        "submit_lat",
        "commit_lat",
        "read_lat",
        "read_wait_aio_lat",
        "deferred_write_ops",
        "deferred_write_bytes",
        "write_pad_bytes",
        "write_penalty_read_ops",
        "bluestore_txc",
        "bluestore_write_big",
        "bluestore_write_big_bytes",
        "bluestore_write_big_deferred",
        "bluestore_write_small",
        "bluestore_write_small_bytes",
        "bluestore_write_small_pre_read",
        "bluestore_write_deferred",
        "bluestore_write_deferred_bytes",
        "bluestore_write_new",
        NULL,
};
static const char *const bluefs_names[] = {
        "bytes_written_wal",
        "bytes_written_sst",
        "bytes_written_slow",
        "logged_bytes",
        "log_compactions",
        "files_written_wal",
        "files_written_sst",
        "read_bytes",
        "read_random_bytes",
        "read_random_disk_bytes",
        "read_random_disk_count",
        "compact_lat",
        NULL,
};
static const char *const osd_names[] = {
        "op",
        "op_latency",
        "op_process_latency",
        "op_in_bytes",
        "op_out_bytes",
        "op_r*",
        "op_w*",
        "subop",
        "subop_in_bytes",
        "subop_latency",
        "subop_w*",
        "numpg*",
        "recovery_ops",
        "recovery_bytes",
        "push",
        "push_out_bytes",
        NULL,
};
static const char *const rocksdb_names[] = {
        "submit_latency",
        "submit_sync_latency",
        "compact",
        NULL,
};
static const char *const librbd_names[] = {
        "rd",
        "rd_bytes",
        "rd_latency",
        "wr",
        "wr_bytes",
        "wr_latency",
        "flush",
        "flush_latency",
        "discard",
        "discard_bytes",
        "discard_latency",
        "cmp",
        "ws",
        "ws_bytes",
        NULL,
};
static const char *const objecter_names[] = {
        "op",           "op_r",
        "op_w",         "op_rmw",
        "op_send",      "op_send_bytes",
        "op_resend",    "op_reply",
        "osdop_read",   "osdop_sparse_read",
        "osdop_write",  "osdop_writefull",
        "osdop_create", NULL,
};

static const struct {
	const char *section;
	const char *const *names;
} osd_sections[] = {
        {"bluestore", bluestore_names},
        {"bluefs", bluefs_names},
        {"osd", osd_names},
        {"rocksdb", rocksdb_names},
};

static bool wanted(const char *const *names, const char *name)
{
	for (; *names; names++) {
		size_t n = strlen(*names);
		if ((*names)[n - 1] == '*' ? strncmp(*names, name, n - 1) == 0
		                           : strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

/* Counters as they are, latencies in two. */
static json_t *flatten(const json_t *section, const char *const *names)
{
	const char *name;
	json_t *v, *out = json_object();
	json_object_foreach((json_t *)(uintptr_t)section, name, v)
	{
		char key[128];
		if (!wanted(names, name))
			continue;
		if (json_is_integer(v)) {
			json_object_set(out, name, v);
			continue;
		}
		json_t *count = json_object_get(v, "avgcount"),
		       *sum = json_object_get(v, "sum");
		if (!json_is_integer(count) || !json_is_number(sum))
			continue;
		snprintf(key, sizeof(key), "%s_count", name);
		json_object_set(out, key, count);
		snprintf(key, sizeof(key), "%s_ns", name);
		double ns = json_number_value(sum) * 1e9;
		json_object_set_new(out, key, json_integer((json_int_t)llround(ns)));
	}
	return out;
}

json_t *hcb_ceph_osd_counters(const json_t *dump)
{
	json_t *out = json_object();
	for (size_t i = 0; i < sizeof(osd_sections) / sizeof(osd_sections[0]); i++) {
		const json_t *section = json_object_get(dump, osd_sections[i].section);
		if (section)
			json_object_set_new(out, osd_sections[i].section,
			                    flatten(section, osd_sections[i].names));
	}
	return out;
}

json_t *hcb_ceph_client_counters(const json_t *dump)
{
	const char *name;
	json_t *section, *out = json_object();
	json_object_foreach((json_t *)(uintptr_t)dump, name, section)
	{
		/* "librbd-ID-POOL-IMAGE": a connection serves one image. */
		bool image = strncmp(name, "librbd-", 7) == 0;
		if (!image && strcmp(name, "objecter") != 0)
			continue;
		json_t *flat = flatten(section, image ? librbd_names : objecter_names);
		if (image)
			json_object_update(out, flat);
		else
			json_object_set(out, name, flat);
		json_decref(flat);
	}
	return out;
}

/* ---- our own admin socket ---- */

static int connect_own(struct hcb_ceph *c)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/client.asok", c->sockdir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	struct timeval tv = {.tv_sec = 5};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa))) {
		int e = errno;
		close(fd);
		return -e;
	}
	return fd;
}

static bool read_full(int fd, void *buf, size_t len)
{
	for (size_t got = 0; got < len;) {
		ssize_t n = read(fd, (char *)buf + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

/* The protocol: a JSON command and a zero byte; back come a length (big endian) and text.
 */
json_t *hcb_ceph_own(struct hcb_ceph *c, const char *prefix)
{
	char cmd[128];
	uint32_t len_be = 0;
	int n = snprintf(cmd, sizeof(cmd), "{\"prefix\":\"%s\",\"format\":\"json\"}",
	                 prefix);
	int fd = connect_own(c);
	if (fd < 0)
		return NULL;
	json_t *o = NULL;
	char *text = NULL;
	if (send(fd, cmd, (size_t)n + 1, MSG_NOSIGNAL) == n + 1 &&
	    read_full(fd, &len_be, sizeof(len_be)) && ntohl(len_be) < 16u << 20) {
		text = malloc(ntohl(len_be) + 1);
		if (text && read_full(fd, text, ntohl(len_be)))
			o = hcb_ceph_json(text, ntohl(len_be));
	}
	free(text);
	close(fd);
	return o;
}

/* ---- the OSDs ---- */

static json_t *osd_dump(struct hcb_ceph *c, int id)
{
	const char *cmd[] = {"{\"prefix\":\"perf dump\",\"format\":\"json\"}"};
	char *buf = NULL, *status = NULL;
	size_t len = 0, status_len = 0;
	int r = rados_osd_command(c->cluster, id, cmd, 1, "", 0, &buf, &len, &status,
	                          &status_len);
	json_t *dump = r == 0 ? hcb_ceph_json(buf, len) : NULL;
	json_t *out = dump ? hcb_ceph_osd_counters(dump) : json_null();
	json_decref(dump);
	rados_buffer_free(buf);
	rados_buffer_free(status);
	return out;
}

struct counters_job {
	struct hcb_ceph *c;
	json_t *osds;
};

/* Each OSD has the deadline; what all may take together is ten deadlines. */
static int counters_job(void *arg, struct hcb_err *err)
{
	struct counters_job *j = arg;
	struct hcb_ceph *c = j->c;
	size_t i;
	json_t *osd;
	hcb_ceph_step(c, "list the OSDs at monitors %s", c->mons);
	json_t *map = hcb_ceph_mon(c, json_pack("{s:s}", "prefix", "osd dump"), err);
	if (!map)
		return -EIO;
	uint64_t end = hcb_monotonic_ns() + 10 * c->deadline_ns;
	json_array_foreach(json_object_get(map, "osds"), i, osd)
	{
		char key[16];
		int id = (int)json_integer_value(json_object_get(osd, "osd"));
		if (!json_integer_value(json_object_get(osd, "up")))
			continue;
		snprintf(key, sizeof(key), "%d", id);
		hcb_ceph_step(c, "read the counters of osd.%d", id);
		bool late = hcb_monotonic_ns() >= end;
		json_t *one = late ? json_null() : osd_dump(c, id);
		int64_t instance = hcb_ceph_osd_instance(osd);
		if (instance >= 0)
			json_object_set_new(one, HCB_COUNTERS_INSTANCE,
			                    json_integer(instance));
		json_object_set_new(j->osds, key, one);
	}
	json_decref(map);
	return 0;
}

json_t *hcb_ceph_counters(struct hcb_ceph *c, struct hcb_err *err)
{
	/* Heap, not stack: a job that never returns keeps using it. */
	struct counters_job *j = malloc(sizeof(*j));
	if (!j) {
		hcb_err_sys(err, -ENOMEM, "%s: read counters", c->name);
		return NULL;
	}
	j->c = c;
	j->osds = json_object();
	hcb_ceph_timeouts(c, true);
	int r = hcb_ceph_job(c, counters_job, j, err);
	if (c->lost)
		return NULL;
	hcb_ceph_timeouts(c, false);
	json_t *osds = j->osds;
	free(j);
	if (r) {
		json_decref(osds);
		return NULL;
	}
	json_t *out = json_pack("{s:o}", "osd", osds),
	       *own = hcb_ceph_own(c, "perf dump");
	json_object_set_new(out, "librbd",
	                    own ? hcb_ceph_client_counters(own) : json_null());
	json_decref(own);
	return out;
}
#endif
