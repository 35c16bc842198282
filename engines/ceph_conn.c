/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#ifdef HCB_HAVE_RADOS
#include "engines/ceph_conn.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/core/units.h"

static unsigned deadline_s(const struct hcb_ceph *c)
{
	uint64_t s = (c->deadline_ns + HCB_SEC - 1) / HCB_SEC;
	return s < 1 ? 1 : s > 86400 ? 86400 : (unsigned)s;
}

int hcb_ceph_init(struct hcb_ceph *c, const struct hcb_dev *dev,
                  const struct hcb_ceph_addr *addr, struct hcb_err *err)
{
	c->conf = *(const struct hcb_ceph_conf *)dev->conf;
	c->addr = *addr;
	c->deadline_ns = dev->deadline_ns;
	c->spread = dev->spread;
	snprintf(c->name, sizeof(c->name), "%s:%s", dev->engine->name, dev->address);
	int r = hcb_ceph_find(&c->conf, getenv("CEPH_CONF"), "", &c->files, err);
	if (r)
		return r;
	/* /run is emptied at boot, should we be killed before removing it. */
	strcpy(c->sockdir, "/run/hcbench-XXXXXX");
	if (!mkdtemp(c->sockdir)) {
		strcpy(c->sockdir, "/tmp/hcbench-XXXXXX");
		if (!mkdtemp(c->sockdir))
			return hcb_err_sys(err, -errno, "open %s: make %s", c->name,
			                   c->sockdir);
	}
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->cond, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&c->lock, NULL);
	return 0;
}

static void remove_socket(struct hcb_ceph *c)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/client.asok", c->sockdir);
	unlink(path);
	rmdir(c->sockdir);
}

static int shutdown_job(void *arg, struct hcb_err *err)
{
	struct hcb_ceph *c = arg;
	(void)err;
	hcb_ceph_step(c, "leave the cluster at monitors %s", c->mons);
	if (c->io_open)
		rados_ioctx_destroy(c->io);
	rados_shutdown(c->cluster);
	return 0;
}

void hcb_ceph_fini(struct hcb_ceph *c)
{
	struct hcb_err err = HCB_ERR_INIT;
	if (c->cluster && !c->lost && hcb_ceph_job(c, shutdown_job, c, &err))
		hcb_warn("%s", err.msg);
	remove_socket(c);
	if (c->lost)
		return;
	pthread_cond_destroy(&c->cond);
	pthread_mutex_destroy(&c->lock);
}

/* ---- jobs ---- */

static void *job_main(void *arg)
{
	struct hcb_ceph *c = arg;
	int r = c->job.fn(c->job.arg, &c->job.err);
	pthread_mutex_lock(&c->lock);
	c->job.result = r;
	c->job.done = true;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* Ctrl-C belongs to the run loop's thread; librados' threads inherit this mask too. */
static int start_thread(pthread_t *t, void *(*fn)(void *), void *arg)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = pthread_create(t, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

/* With the lock held: until done, or the step in hand is a second past the deadline. */
static bool wait_job(struct hcb_ceph *c)
{
	while (!c->job.done) {
		uint64_t end = c->job.step_since_ns + deadline_s(c) * HCB_SEC + HCB_SEC;
		if (hcb_monotonic_ns() >= end)
			return false;
		struct timespec ts = {.tv_sec = (time_t)(end / HCB_SEC),
		                      .tv_nsec = (long)(end % HCB_SEC)};
		pthread_cond_timedwait(&c->cond, &c->lock, &ts);
	}
	return true;
}

int hcb_ceph_job(struct hcb_ceph *c, hcb_ceph_job_fn *fn, void *arg, struct hcb_err *err)
{
	pthread_t thread;
	if (c->lost)
		return hcb_err_set(err, -ENOTCONN, "%s: the connection was lost",
		                   c->name);
	memset(&c->job, 0, sizeof(c->job));
	c->job.fn = fn;
	c->job.arg = arg;
	c->job.step_since_ns = hcb_monotonic_ns();
	int r = start_thread(&thread, job_main, c);
	if (r)
		return hcb_err_sys(err, r, "%s: start a thread", c->name);
	pthread_mutex_lock(&c->lock);
	bool done = wait_job(c);
	if (!done) {
		c->lost = true;
		r = hcb_err_set(err, -ETIMEDOUT, "%s: %s: no answer within %u s", c->name,
		                c->job.step, deadline_s(c));
	}
	pthread_mutex_unlock(&c->lock);
	if (!done) {
		pthread_detach(thread);
		return r;
	}
	pthread_join(thread, NULL);
	if (err && c->job.result)
		*err = c->job.err;
	return c->job.result;
}

void hcb_ceph_step(struct hcb_ceph *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	pthread_mutex_lock(&c->lock);
	vsnprintf(c->job.step, sizeof(c->job.step), fmt, ap);
	c->job.step_since_ns = hcb_monotonic_ns();
	pthread_mutex_unlock(&c->lock);
	va_end(ap);
}

int hcb_ceph_step_failed(struct hcb_ceph *c, int code, struct hcb_err *err)
{
	if (code == -ETIMEDOUT)
		return hcb_err_set(err, code, "%s: %s: no answer within %u s", c->name,
		                   c->job.step, deadline_s(c));
	return hcb_err_sys(err, code, "%s: %s", c->name, c->job.step);
}

/* ---- connecting ---- */

static int set_conf(struct hcb_ceph *c, const char *key, const char *value,
                    struct hcb_err *err)
{
	int r = rados_conf_set(c->cluster, key, value);
	if (r == 0)
		return 0;
	return hcb_err_sys(err, r, "%s: set Ceph option %s=%s", c->name, key, value);
}

void hcb_ceph_timeouts(struct hcb_ceph *c, bool bounded)
{
	char s[16];
	snprintf(s, sizeof(s), "%u", bounded ? deadline_s(c) : 0);
	rados_conf_set(c->cluster, "rados_osd_op_timeout", s);
}

static int configure(struct hcb_ceph *c, const char *const *settings, struct hcb_err *err)
{
	char sock[96], seconds[16], mon_host[1024] = "";
	snprintf(sock, sizeof(sock), "%s/client.asok", c->sockdir);
	snprintf(seconds, sizeof(seconds), "%u", deadline_s(c));
	int r = rados_conf_read_file(c->cluster, c->files.conf);
	if (r)
		return hcb_err_sys(err, r, "%s: read %s", c->name, c->files.conf);
	const char *const fixed[] = {
	        "client_mount_timeout",
	        seconds,
	        "rados_mon_op_timeout",
	        seconds,
	        "rados_osd_op_timeout",
	        seconds,
	        "admin_socket",
	        sock,
	        /* One message, ours: librados' own lines would stand beside it. */
	        "err_to_stderr",
	        "false",
	        "log_to_stderr",
	        "false",
	        NULL,
	};
	for (size_t i = 0; r == 0 && fixed[i]; i += 2)
		r = set_conf(c, fixed[i], fixed[i + 1], err);
	for (size_t i = 0; r == 0 && settings && settings[i]; i += 2)
		r = set_conf(c, settings[i], settings[i + 1], err);
	if (r == 0 && c->files.keyring[0])
		r = set_conf(c, "keyring", c->files.keyring, err);
	rados_conf_get(c->cluster, "mon_host", mon_host, sizeof(mon_host));
	hcb_ceph_mon_names(mon_host, c->mons, sizeof(c->mons));
	if (r == 0 && !c->mons[0])
		return hcb_err_set(err, -EINVAL, "%s: %s names no monitor (mon host)",
		                   c->name, c->files.conf);
	return r;
}

static int connect_failed(struct hcb_ceph *c, int r, struct hcb_err *err)
{
	char keyring[512] = "";
	rados_conf_get(c->cluster, "keyring", keyring, sizeof(keyring));
	if (r == -ENOENT)
		return hcb_err_set(err, r, "%s: %s: no key for client.%s in %s", c->name,
		                   c->job.step, c->conf.id, keyring);
	if (r == -EACCES || r == -EPERM)
		return hcb_err_set(err, r,
		                   "%s: %s: the key for client.%s in %s was refused",
		                   c->name, c->job.step, c->conf.id, keyring);
	return hcb_ceph_step_failed(c, r, err);
}

static int open_pool(struct hcb_ceph *c, struct hcb_err *err)
{
	hcb_ceph_step(c, "open pool %s", c->addr.pool);
	int r = rados_ioctx_create(c->cluster, c->addr.pool, &c->io);
	if (r == -ENOENT)
		return hcb_err_set(err, r, "%s: pool %s does not exist", c->name,
		                   c->addr.pool);
	if (r)
		return hcb_ceph_step_failed(c, r, err);
	c->io_open = true;
	rados_ioctx_set_namespace(c->io, c->addr.ns);
	return 0;
}

int hcb_ceph_connect(struct hcb_ceph *c, const char *const *settings, struct hcb_err *err)
{
	int r = rados_create(&c->cluster, c->conf.id);
	if (r) {
		c->cluster = NULL;
		return hcb_err_sys(err, r, "%s: create a client", c->name);
	}
	r = configure(c, settings, err);
	if (r)
		return r;
	hcb_ceph_step(c, "connect to monitors %s", c->mons);
	r = rados_connect(c->cluster);
	if (r)
		return connect_failed(c, r, err);
	c->connected = true;
	r = hcb_ceph_health_check(c, err);
	return r ? r : open_pool(c, err);
}

/* ---- marks ---- */

static void read_line(const char *path, char *out, size_t size)
{
	out[0] = '\0';
	FILE *f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(out, (int)size, f))
		out[strcspn(out, "\n")] = '\0';
	fclose(f);
}

char *hcb_ceph_mark_make(json_t *extra)
{
	char uuid[64], host[128], date[32];
	time_t now = time(NULL);
	struct tm tm;
	read_line("/proc/sys/kernel/random/uuid", uuid, sizeof(uuid));
	if (gethostname(host, sizeof(host)))
		strcpy(host, "?");
	host[sizeof(host) - 1] = '\0';
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "hcbench", HCB_VERSION, "uuid",
	                      uuid, "date", date, "host", host);
	if (extra)
		json_object_update(o, extra);
	json_decref(extra);
	char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

bool hcb_ceph_mark_read(const char *text, size_t len, json_t **out)
{
	json_t *o = json_loadb(text, len, JSON_DISABLE_EOF_CHECK, NULL);
	bool ours = json_is_string(json_object_get(o, "hcbench")) &&
	            json_is_string(json_object_get(o, "uuid"));
	if (out)
		*out = ours ? json_incref(o) : NULL;
	json_decref(o);
	return ours;
}
#endif
