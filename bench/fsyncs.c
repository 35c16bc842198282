/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/fsyncs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/core/clock.h"
#include "bench/core/units.h"

#define FILES 300u
#define BYTES 4001u

/* On the heap: a thread that hangs keeps it. */
struct loop {
	char dir[4200];
	uint64_t duration_ns;
	const volatile sig_atomic_t *signal_seen;
	_Atomic uint64_t n, ns, alive_ns; /* alive: when the last turn ended */
	atomic_bool done, told_to_stop;
	int error;
};

static void name_of(const struct loop *l, unsigned i, char *path, size_t size)
{
	snprintf(path, size, "%s/tf_%u.dat", l->dir, i);
}

static int turn(const struct loop *l, unsigned i, const char *data)
{
	char path[4300];
	name_of(l, i, path, sizeof(path));
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, data, BYTES);
	int r = n < 0 ? -errno : n != (ssize_t)BYTES ? -ENOSPC : 0;
	if (r == 0 && fsync(fd))
		r = -errno;
	close(fd);
	return r;
}

static void remove_all(const struct loop *l)
{
	char path[4300];
	for (unsigned i = 0; i < FILES; i++) {
		name_of(l, i, path, sizeof(path));
		unlink(path);
	}
	rmdir(l->dir);
}

static void *loop_main(void *arg)
{
	struct loop *l = arg;
	char data[BYTES];
	uint64_t start = hcb_monotonic_ns(), now = start;
	memset(data, 'A', sizeof(data) - 1);
	data[sizeof(data) - 1] = '\n';
	while (!l->error && now - start < l->duration_ns &&
	       !(l->signal_seen && *l->signal_seen) && !atomic_load(&l->told_to_stop)) {
		l->error = turn(l, (unsigned)(atomic_load(&l->n) % FILES), data);
		now = hcb_monotonic_ns();
		if (!l->error)
			atomic_fetch_add(&l->n, 1);
		atomic_store(&l->ns, now - start);
		atomic_store(&l->alive_ns, now);
	}
	remove_all(l);
	atomic_store(&l->done, true);
	return NULL;
}

/* False: a turn hangs. */
static bool wait_for(struct loop *l, uint64_t deadline_ns)
{
	while (!atomic_load(&l->done)) {
		struct timespec nap = {0, (long)(10 * HCB_MS)};
		nanosleep(&nap, NULL);
		uint64_t now = hcb_monotonic_ns(), alive = atomic_load(&l->alive_ns);
		if (now > alive && now - alive > deadline_ns)
			return atomic_load(&l->done);
	}
	return true;
}

static int start(struct loop *l, pthread_t *thread)
{
	sigset_t all, old;
	atomic_store(&l->alive_ns, hcb_monotonic_ns());
	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = pthread_create(thread, NULL, loop_main, l);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

int hcb_fsyncs(const char *dir, uint64_t duration_ns, uint64_t deadline_ns,
               const volatile sig_atomic_t *signal_seen, struct hcb_fsyncs *out,
               struct hcb_err *err)
{
	pthread_t thread;
	struct loop *l = calloc(1, sizeof(*l));
	memset(out, 0, sizeof(*out));
	if (!l)
		return hcb_err_sys(err, -ENOMEM, "count fsyncs in %s", dir);
	l->duration_ns = duration_ns;
	l->signal_seen = signal_seen;
	snprintf(l->dir, sizeof(l->dir), "%s/hcbench-probe-XXXXXX", dir);
	if (!mkdtemp(l->dir)) {
		int r = hcb_err_sys(err, -errno, "make a directory in %s", dir);
		free(l);
		return r;
	}
	int r = start(l, &thread);
	if (r) {
		rmdir(l->dir);
		free(l);
		return hcb_err_sys(err, r, "count fsyncs in %s: start a thread", dir);
	}
	if (!wait_for(l, deadline_ns)) {
		atomic_store(&l->told_to_stop, true);
		pthread_detach(thread);
		return hcb_err_set(err, -ETIMEDOUT,
		                   "count fsyncs in %s: no answer within %llu s; the "
		                   "directory %s stays",
		                   dir, (unsigned long long)(deadline_ns / HCB_SEC),
		                   l->dir);
	}
	pthread_join(thread, NULL);
	out->n = atomic_load(&l->n);
	out->ns = atomic_load(&l->ns);
	r = l->error ? hcb_err_sys(err, l->error, "count fsyncs in %s", dir) : 0;
	free(l);
	return r;
}
