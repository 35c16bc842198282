/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection to a Ceph cluster, for rbd and rados: found, bounded, watched, asked.
 *
 * Nothing here waits for ever. Two bounds stand one behind the other:
 *
 *  1. librados' own timeouts, set to the device's deadline: client_mount_timeout,
 *     rados_mon_op_timeout, rados_osd_op_timeout. The last is raised to "none" by
 *     hcb_ceph_timeouts(false) once the target is open: an I/O that waits out a failover
 *     of 30 s, or an OSD stopped for minutes, is slow, not failed, and QEMU, which sets
 * no timeout either, would wait for it. (Objecter applies a change of this option to the
 *     ops submitted after it.) What bounds a run then is `stall`: the watch thread stops
 *     the run when one op has had no answer for that long.
 *  2. Not everything obeys those options (registering a watch does not), so every
 *     blocking sequence runs as a *job* on a helper thread that names each step before
 *     taking it. A step that outlives the deadline by a second loses the connection: the
 *     job's thread and all it may touch are leaked, and the caller gets "STEP: no answer
 *     within N s". Everything a job touches therefore lives in the heap object that
 *     embeds struct hcb_ceph, never in hcb_dev.
 */
#ifndef HCB_ENGINES_CEPH_CONN_H
#define HCB_ENGINES_CEPH_CONN_H

#include <pthread.h>
#include <rados/librados.h>

#include "engines/ceph_conf.h"
#include "engines/ceph_queue.h"
#include "engines/engine.h"

struct hcb_ceph;
typedef int hcb_ceph_job_fn(void *arg, struct hcb_err *err);

struct hcb_ceph_job {
	hcb_ceph_job_fn *fn;
	void *arg;
	struct hcb_err err;
	int result;
	bool done;
	uint64_t step_since_ns;
	char step[400];
};

/* One look at `status`. */
struct hcb_ceph_health {
	bool known, recovery, scrub, degraded;
	uint32_t bad;     /* reasons to stop: bits of ceph_watch.c's table */
	char status[24];  /* "HEALTH_OK" */
	char checks[256]; /* "OSD_DOWN, PG_DEGRADED" */
	char text[200];   /* what is bad: "OSD_NEARFULL: 1 nearfull osd(s)" */
	uint32_t osds_up, osds_in;
};

struct hcb_ceph {
	/* fixed by hcb_ceph_init */
	struct hcb_ceph_conf conf;
	struct hcb_ceph_addr addr;
	struct hcb_ceph_files files;
	char name[320]; /* "rbd:main/db", for messages */
	uint64_t deadline_ns;
	bool spread;      /* of hcb_dev */
	char sockdir[64]; /* 0700, holds our admin socket */

	/* set by the connect job */
	rados_t cluster;
	rados_ioctx_t io;
	char mons[200];
	bool io_open, connected;

	pthread_mutex_t lock;
	pthread_cond_t cond; /* on CLOCK_MONOTONIC */
	struct hcb_ceph_job job;
	bool lost; /* a job or the watch never came back: leak all of this */

	/* watch thread */
	struct hcb_ceph_queue *queue;
	struct hcb_dev *dev; /* whose `trouble` is set; NULL once closed */
	char *trouble_text;
	size_t trouble_size;
	pthread_t watch;
	bool watching, stop;
	struct hcb_ceph_health first, last, worst;
	bool saw_recovery, saw_scrub, saw_degraded;
	uint32_t samples, unanswered;
};

/* Looks for conf and keyring; connects to nothing. On failure there is nothing to undo.
 */
int hcb_ceph_init(struct hcb_ceph *c, const struct hcb_dev *dev,
                  const struct hcb_ceph_addr *addr, struct hcb_err *err);
/* Shuts down what is connected, unless lost, and removes the socket's directory. */
void hcb_ceph_fini(struct hcb_ceph *c);

/*
 * Runs fn(arg) on a helper thread, at most the deadline for each of its steps. If it is
 * lost (c->lost) the caller must leak c and whatever arg reaches.
 */
int hcb_ceph_job(struct hcb_ceph *c, hcb_ceph_job_fn *fn, void *arg, struct hcb_err *err);
/* Inside a job: what it does next, as an object a message can begin with. */
void hcb_ceph_step(struct hcb_ceph *c, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));
/* Inside a job: the step failed with code. */
int hcb_ceph_step_failed(struct hcb_ceph *c, int code, struct hcb_err *err);

/* Inside a job: configure, connect, check health, open the pool and namespace. settings:
   pairs of name and value, NULL-terminated. */
int hcb_ceph_connect(struct hcb_ceph *c, const char *const *settings,
                     struct hcb_err *err);
/* Bounded (set-up, counters, close) or not (while I/O runs). */
void hcb_ceph_timeouts(struct hcb_ceph *c, bool bounded);

/* A monitor command; cmd is stolen. The JSON answer, or NULL and a message. */
json_t *hcb_ceph_mon(struct hcb_ceph *c, json_t *cmd, struct hcb_err *err);
/* Asks our own admin socket. NULL: no answer. */
json_t *hcb_ceph_own(struct hcb_ceph *c, const char *prefix);

/* Health. check: inside a job, fails with exit 13 on a state no run should start in. */
int hcb_ceph_health_check(struct hcb_ceph *c, struct hcb_err *err);
int hcb_ceph_watch_start(struct hcb_ceph *c, struct hcb_dev *dev,
                         struct hcb_ceph_queue *q, char *trouble_text,
                         size_t trouble_size, struct hcb_err *err);
void hcb_ceph_watch_stop(struct hcb_ceph *c);
void hcb_ceph_health_facts(struct hcb_ceph *c, struct hcb_kvs *facts);
/* Reads a `status` document. Pure; for ceph_watch.c and its tests. */
void hcb_ceph_health_read(const json_t *status, struct hcb_ceph_health *out);

/* Inside a job: versions, size, min_size, pg_num, CRUSH rule, device class. */
/* Share of the raw space of a device class in use, by `df`; "any": of all; < 0: unknown.
 */
double hcb_ceph_class_used(const json_t *df, const char *device_class);
void hcb_ceph_pool_facts(struct hcb_ceph *c, struct hcb_kvs *facts);
/* Inside a job: fails with -ENOSPC if the pool cannot take that many bytes of user data.
 */
int hcb_ceph_check_room(struct hcb_ceph *c, const char *what, uint64_t bytes,
                        struct hcb_err *err);

/* The engine slot's work: {"osd": {"0": {...} or null}, "librbd": {...}}. */
json_t *hcb_ceph_counters(struct hcb_ceph *c, struct hcb_err *err);
/* One OSD's `perf dump` cut to what a run is judged by, leaves integers. Pure. */
json_t *hcb_ceph_osd_counters(const json_t *perf_dump);
/* The client's own: librbd's counters, and under "objecter" what went to the OSDs. */
json_t *hcb_ceph_client_counters(const json_t *perf_dump);

/* {"hcbench", "uuid", "date", "host"} plus what extra (stolen, may be NULL) holds: the
   mark on what hcbench made. */
char *hcb_ceph_mark_make(json_t *extra);
/* Is text such a mark? *out (may be NULL) receives the object, borrowed by nobody. */
bool hcb_ceph_mark_read(const char *text, size_t len, json_t **out);

#endif
