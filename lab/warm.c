/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Warming the OSDs, with the disks' timing off: writes until RocksDB on every OSD is in
 * the state it keeps for the rest of its life.
 *
 * How: overwrites of 60 KiB, which BlueStore defers because they are under 64 KiB, so
 * that their bytes pass through RocksDB's write-ahead log; several that do not touch each
 * other go in one operation, which is one batch of the log. Ceph's defaults let the log
 * grow to 1 GiB (max_total_wal_size) before the oldest file must go; past that point
 * memtables are flushed, tables compacted, and, where RocksDB reuses its logs, logs are
 * reused.
 *
 * (On disks that do not rotate BlueStore defers nothing: there it is values of omap
 * keys.)
 *
 * What is measured: flushes the disk saw per kv batch, under 4 KiB overwrites one at a
 * time. 2 says that every sync of the log also writes BlueFS's own journal, because the
 * log grew: so it is in stock Ceph 16.2, for ever, since its RocksDB 6.8 sets
 * recycle_log_file_num to 0 in its default recovery mode. 1 says that logs are reused
 * (lab up --recycle-wal, after warming).
 */
#include "lab/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/random.h"

#ifdef HCB_HAVE_RADOS

#define OBJECTS     24
#define DEPTH       24
#define EXTENT      ((size_t)60 * 1024)
#define STRIDE      ((uint64_t)64 * 1024)
#define PER_OBJECT  16
#define PER_OP      8
#define ROUND_BYTES (96ULL << 20)   /* to each OSD */
#define WAL_TARGET  (1100ULL << 20) /* a little over max_total_wal_size */
#define WAL_MOST    (2200ULL << 20)
#define PROBES      192
#define REUSED      1.3 /* under this, logs are being reused */
#define TIME_LIMIT  (180 * HCB_SEC)

struct counters {
	uint64_t kv, wal_bytes, flushes;
};

struct warmer {
	struct lab *lab;
	struct hcb_lab_info info;
	struct lab_client client;
	const struct hcb_pool_spec
	        *pool; /* the one that is written to, and what of it: */
	unsigned osds[HCB_LAB_MAX_OSDS], n_osds;
	bool rotates; /* all of those disks do */
	rados_ioctx_t io;
	char *data;
	uint64_t ops;
	struct counters base[HCB_LAB_MAX_OSDS];
};

static int64_t perf_int(const json_t *perf, const char *a, const char *b, const char *c)
{
	const json_t *v = json_object_get(json_object_get(perf, a), b);
	return json_integer_value(c ? json_object_get(v, c) : v);
}

static int read_counters(const struct warmer *w, unsigned i, struct counters *out,
                         struct hcb_err *err)
{
	const struct hcb_lab_osd_info *o = &w->info.osds[i];
	json_t *perf = NULL;
	int r = hcb_lab_asok(o->asok, "perf dump", 20 * HCB_SEC, &perf, err);
	if (r)
		return r;
	out->kv = (uint64_t)perf_int(perf, "bluestore", "kv_sync_lat", "avgcount");
	out->wal_bytes = (uint64_t)perf_int(perf, "bluefs", "bytes_written_wal", NULL);
	json_decref(perf);
	r = lab_loop_flushes(o->loop, &out->flushes);
	return r ? hcb_err_sys(err, r, "read the flush count of %s", o->loop) : 0;
}

/* Log bytes written since the start, on the OSD that has the fewest. */
static int least_wal(const struct warmer *w, uint64_t *out, struct hcb_err *err)
{
	struct counters c;
	*out = UINT64_MAX;
	for (unsigned i = 0; i < w->n_osds; i++) {
		int r = read_counters(w, w->osds[i], &c, err);
		if (r)
			return r;
		uint64_t d = c.wal_bytes - w->base[i].wal_bytes;
		if (d < *out)
			*out = d;
	}
	return 0;
}

/* ---- writing ---- */

/* On hard disks BlueStore defers these, so they pass through the log. */
static void add_extents(const struct warmer *w, rados_write_op_t op, uint64_t pass)
{
	for (unsigned i = 0; i < PER_OP; i++) {
		uint64_t slot = (pass * PER_OP + i) % PER_OBJECT;
		rados_write_op_write(op, w->data, EXTENT, slot * STRIDE);
	}
}

/* On others it defers nothing; what always passes through the log is a key's value. */
static void add_values(const struct warmer *w, rados_write_op_t op, uint64_t pass)
{
	char names[PER_OP][16];
	const char *keys[PER_OP], *values[PER_OP];
	size_t sizes[PER_OP];
	for (unsigned i = 0; i < PER_OP; i++) {
		snprintf(names[i], sizeof(names[i]), "%u",
		         (unsigned)((pass * PER_OP + i) % PER_OBJECT));
		keys[i] = names[i];
		values[i] = w->data;
		sizes[i] = EXTENT;
	}
	rados_write_op_omap_set(op, keys, values, sizes, PER_OP);
}

static rados_write_op_t next_op(struct warmer *w, char *name, size_t size)
{
	rados_write_op_t op = rados_create_write_op();
	uint64_t pass = w->ops / OBJECTS;
	snprintf(name, size, "hcb-warm.%u", (unsigned)(w->ops % OBJECTS));
	if (op)
		(w->rotates ? add_extents : add_values)(w, op, pass);
	w->ops++;
	return op;
}

static int finish(rados_completion_t *c)
{
	if (!*c)
		return 0;
	rados_aio_wait_for_complete(*c);
	int r = rados_aio_get_return_value(*c);
	rados_aio_release(*c);
	*c = NULL;
	return r;
}

static int submit(struct warmer *w, rados_completion_t *c)
{
	char name[32];
	rados_write_op_t op = next_op(w, name, sizeof(name));
	int r = op ? rados_aio_create_completion2(NULL, NULL, c) : -ENOMEM;
	if (r == 0)
		r = rados_aio_write_op_operate(op, w->io, *c, name, NULL, 0);
	if (op)
		rados_release_write_op(op);
	return r;
}

static int write_round(struct warmer *w, struct hcb_err *err)
{
	rados_completion_t c[DEPTH] = {NULL};
	uint64_t bytes = ROUND_BYTES * w->n_osds / w->pool->size;
	unsigned n = (unsigned)(bytes / ((uint64_t)PER_OP * EXTENT));
	int r = 0;
	for (unsigned i = 0; r == 0 && i < n; i++) {
		r = finish(&c[i % DEPTH]);
		if (r == 0)
			r = submit(w, &c[i % DEPTH]);
	}
	for (unsigned i = 0; i < DEPTH; i++) {
		int r2 = finish(&c[i]);
		r = r ? r : r2;
	}
	return r ? hcb_err_sys(err, r, "warm up: write to pool %s", w->pool->name) : 0;
}

/* Flushes per kv batch under small overwrites one at a time, on the worst OSD. */
static int probe(struct warmer *w, double *ratio, struct hcb_err *err)
{
	struct counters a[HCB_LAB_MAX_OSDS], b;
	char name[32];
	int r = 0;
	*ratio = 0;
	for (unsigned i = 0; i < PROBES && r == 0; i++) {
		/* The first few are to fresh space, and are not what is counted. */
		for (unsigned k = 0; i == OBJECTS && k < w->n_osds && r == 0; k++)
			r = read_counters(w, w->osds[k], &a[k], err);
		if (r)
			return r;
		snprintf(name, sizeof(name), "hcb-warm.%u", i % OBJECTS);
		r = rados_write(w->io, name, w->data, 4096, 0);
		if (r)
			return hcb_err_sys(err, r, "warm up: write %s", name);
	}
	for (unsigned k = 0; k < w->n_osds; k++) {
		if ((r = read_counters(w, w->osds[k], &b, err)))
			return r;
		uint64_t kv = b.kv - a[k].kv;
		double one = kv ? (double)(b.flushes - a[k].flushes) / (double)kv : 0;
		if (one > *ratio)
			*ratio = one;
	}
	return 0;
}

static void remove_objects(struct warmer *w)
{
	char name[32];
	for (unsigned i = 0; i < OBJECTS; i++) {
		snprintf(name, sizeof(name), "hcb-warm.%u", i);
		rados_remove(w->io, name);
	}
}

/* ---- the course of it ---- */

static int write_until_warm(struct warmer *w, struct hcb_lab_warm_info *res,
                            struct hcb_err *err)
{
	uint64_t start = hcb_monotonic_ns();
	for (;;) {
		int r = write_round(w, err);
		if (r == 0)
			r = least_wal(w, &res->wal_bytes, err);
		if (r)
			return r;
		bool over = hcb_monotonic_ns() - start > TIME_LIMIT;
		if (res->wal_bytes < WAL_TARGET && !over)
			continue;
		r = probe(w, &res->kv_flush_ratio, err);
		if (r)
			return r;
		res->recycles_wal = res->kv_flush_ratio < REUSED;
		if (over || !w->lab->recycle_wal || res->recycles_wal ||
		    res->wal_bytes > WAL_MOST)
			return 0;
	}
}

/* The OSDs of one class, through the first pool that lies on it. */
static int warm_class(struct warmer *w, struct hcb_lab_warm_info *res,
                      struct hcb_err *err)
{
	int r = rados_ioctx_create(w->client.rados, w->pool->name, &w->io);
	if (r)
		return hcb_err_sys(err, r, "open pool %s", w->pool->name);
	w->n_osds = 0;
	w->rotates = true;
	for (unsigned i = 0; r == 0 && i < w->lab->n_osds; i++) {
		const struct lab_osd *o = &w->lab->osds[i];
		bool rotates;
		if (strcmp(o->spec.crush_class, w->pool->crush_class) != 0)
			continue;
		w->osds[w->n_osds++] = i;
		r = lab_disk_rotates(&o->spec, &rotates, err);
		w->rotates &= rotates;
	}
	for (unsigned i = 0; r == 0 && i < w->n_osds; i++)
		r = read_counters(w, w->osds[i], &w->base[i], err);
	if (r == 0)
		r = probe(w, &res->kv_flush_ratio_at_start, err);
	if (r == 0)
		r = write_until_warm(w, res, err);
	remove_objects(w);
	rados_ioctx_destroy(w->io);
	res->done = r == 0 && res->wal_bytes >= WAL_TARGET &&
	            (!w->lab->recycle_wal || res->recycles_wal);
	return r;
}

static bool class_done(const struct lab *lab, unsigned pool)
{
	for (unsigned i = 0; i < pool; i++)
		if (strcmp(lab->cluster.pools[i].crush_class,
		           lab->cluster.pools[pool].crush_class) == 0)
			return true;
	return false;
}

/* Of all classes the worst. */
static void join(struct hcb_lab_warm_info *all, const struct hcb_lab_warm_info *one)
{
	all->done &= one->done;
	all->recycles_wal &= one->recycles_wal;
	if (one->wal_bytes < all->wal_bytes)
		all->wal_bytes = one->wal_bytes;
	if (one->kv_flush_ratio > all->kv_flush_ratio)
		all->kv_flush_ratio = one->kv_flush_ratio;
	if (one->kv_flush_ratio_at_start > all->kv_flush_ratio_at_start)
		all->kv_flush_ratio_at_start = one->kv_flush_ratio_at_start;
}

static int warm_all(struct warmer *w, struct hcb_err *err)
{
	const struct hcb_cluster *c = &w->lab->cluster;
	struct hcb_lab_warm_info all = {
	        .done = true, .recycles_wal = true, .wal_bytes = UINT64_MAX};
	uint64_t start = hcb_monotonic_ns();
	int r = 0;
	for (unsigned i = 0; r == 0 && i < c->n_pools; i++) {
		struct hcb_lab_warm_info one = {0};
		if (class_done(w->lab, i))
			continue;
		w->pool = &c->pools[i];
		w->ops = 0;
		r = warm_class(w, &one, err);
		join(&all, &one);
	}
	all.seconds = (double)(hcb_monotonic_ns() - start) / 1e9;
	w->lab->warm = all;
	return r;
}

static int warm_job(void *arg, struct hcb_err *err)
{
	struct warmer w = {.lab = arg};
	struct hcb_random rnd;
	lab_info_from(w.lab, &w.info);
	w.data = malloc(EXTENT);
	if (!w.data)
		return hcb_err_sys(err, -ENOMEM, "warm up");
	hcb_random_init(&rnd, 1, 0);
	for (size_t i = 0; i < EXTENT; i++)
		w.data[i] = (char)hcb_random_u64(&rnd);
	int r = lab_client_open(&w.client, w.info.conf, "60", err);
	if (r)
		goto out;
	r = warm_all(&w, err);
	lab_client_close(&w.client);
out:
	free(w.data);
	return r;
}

int lab_warm(struct lab *lab, struct hcb_err *err)
{
	unsigned classes = 0;
	for (unsigned i = 0; i < lab->cluster.n_pools; i++)
		classes += !class_done(lab, i);
	return lab_job_run("warm up the OSDs", lab->hosts[0].netns,
	                   classes * TIME_LIMIT + 60 * HCB_SEC, warm_job, lab, err);
}

#endif
