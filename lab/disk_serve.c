/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A served disk's life: open, mount, serve, unmount. disk_internal.h tells the threads.
 */
#include "lab/disk_serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#ifndef HCB_HAVE_FUSE3

int disk_serve_run(const struct disk_serve_opts *o, struct hcb_err *err)
{
	return hcb_err_set(err, -ENOTSUP, "serve %s: built without libfuse3", o->target);
}

#else

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench/core/units.h"
#include "lab/disk_internal.h"

#define N_READERS 4

static int start_record(struct serve *sv, struct hcb_err *err)
{
	struct timespec ts;
	struct hcb_diskrec_header h = {.size_bytes = sv->dev->size_bytes,
	                               .block_bytes = sv->dev->block_bytes,
	                               .dilation = sv->clock.dilation};
	if (!sv->o->record)
		return 0;
	clock_gettime(CLOCK_REALTIME, &ts);
	uint64_t wall = (uint64_t)((double)hcb_clock_now(&sv->clock) * h.dilation);
	h.started_unix_ns = (uint64_t)ts.tv_sec * HCB_SEC + (uint64_t)ts.tv_nsec - wall;
	snprintf(h.target, sizeof(h.target), "%s", sv->dev->target);
	return disk_record_start(sv->o->record, &h, &sv->record, err);
}

/* Can a file system live on it? */
static int check_caps(const struct serve *sv, struct hcb_err *err)
{
	uint32_t caps = sv->dev->caps;
	const char *lack = NULL;
	if (!(caps & HCB_CAP_STORES))
		lack = "keeps no data";
	else if (!(caps & HCB_CAP_READ) || !(caps & HCB_CAP_WRITE))
		lack = "cannot be read and written";
	else if (!(caps & (HCB_CAP_FLUSH | HCB_CAP_ALWAYS_DURABLE)))
		lack = "has no flush: what is written would not be durable";
	return lack ? hcb_err_usage(err, "serve %s: it %s", sv->o->target, lack) : 0;
}

static int open_target(struct serve *sv, struct hcb_err *err)
{
	const struct disk_serve_opts *o = sv->o;
	int r = hcb_target_parse(o->target, &sv->dev, err);
	if (r)
		return r;
	struct hcb_dev *dev = sv->dev;
	if (o->dilation != 1 && !(dev->engine->caps & HCB_CAP_MODEL))
		r = hcb_err_usage(err, "serve %s: only a model's time can be dilated",
		                  o->target);
	dev->clock = &sv->clock;
	dev->seed = o->seed;
	dev->depth = N_REQ;
	dev->max_len = MAX_IO;
	dev->want_bytes = o->size_bytes;
	dev->deadline_ns = o->deadline_ns;
	/* Signals are for the thread that serves; the engine's threads inherit this. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	r = r ? r : hcb_target_open(dev, err);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r) {
		hcb_target_free(dev);
		sv->dev = NULL;
		return r;
	}
	sv->emulation = dev->engine->emulation;
	return check_caps(sv, err);
}

static int open_buffers(struct serve *sv, struct hcb_err *err)
{
	size_t priv = (sv->dev->engine->op_size + 63) / 64 * 64;
	sv->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (sv->timer_fd < 0)
		return hcb_err_sys(err, -errno, "make the timer of %s", sv->o->dir);
	/* Only touched pages take memory, and the free list is a stack: as many as the
	   deepest queue. */
	sv->arena = mmap(NULL, (size_t)N_REQ * MAX_IO, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	sv->requests = calloc(N_REQ, sizeof(*sv->requests));
	sv->priv = calloc(N_REQ, priv + 1);
	if (sv->arena == MAP_FAILED || !sv->requests || !sv->priv)
		return hcb_err_sys(err, -ENOMEM, "make the buffers of %s", sv->o->dir);
	for (uint32_t i = N_REQ; i-- > 0;) {
		struct request *r = &sv->requests[i];
		r->op.buf = sv->arena + (size_t)i * MAX_IO;
		r->op.priv = sv->priv + (size_t)i * priv;
		r->op.index = i;
		r->next = sv->unused;
		sv->unused = r;
	}
	return 0;
}

static void init_lock(struct serve *sv)
{
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&sv->lock, &a);
	pthread_mutexattr_destroy(&a);
}

static int mount_it(struct serve *sv, struct hcb_err *err)
{
	char max_read[32];
	snprintf(max_read, sizeof(max_read), "max_read=%u", MAX_IO);
	char *argv[] = {(char[]){"hcbench"},
	                (char[]){"-o"},
	                max_read,
	                (char[]){"-o"},
	                (char[]){"fsname=hcb-disk,subtype=hcb-disk,default_permissions"},
	                NULL};
	struct fuse_args args = FUSE_ARGS_INIT(5, argv);
	sv->se = fuse_session_new(&args, &disk_operations, sizeof(disk_operations), sv);
	fuse_opt_free_args(&args);
	if (!sv->se)
		return hcb_err_set(err, -EIO, "serve %s: libfuse refused its options",
		                   sv->o->dir);
	if (fuse_session_mount(sv->se, sv->o->dir) != 0)
		return hcb_err_set(err, -EIO, "mount %s: FUSE mount failed", sv->o->dir);
	return 0;
}

static void answer_ready(int fd)
{
	if (fd < 0)
		return;
	if (write(fd, "ok\n", 3) != 3)
		hcb_warn("disk: nobody waits for the mount");
	close(fd);
}

/* What is still out is answered: a model's at once, others' when they are done or the
   deadline is over. */
static void finish(struct serve *sv)
{
	struct itimerspec now = {{0, 0}, {0, 1}};
	struct hcb_err err = HCB_ERR_INIT;
	pthread_mutex_lock(&sv->lock);
	sv->faults.fail |= sv->faults.hang;
	sv->faults.hang = false;
	if (sv->emulation && sv->emulation->control(sv->dev, "timing off", &err))
		hcb_warn("%s", err.msg);
	sv->stopping = true;
	timerfd_settime(sv->timer_fd, 0, &now, NULL);
	pthread_mutex_unlock(&sv->lock);
	pthread_join(sv->timer, NULL);
	disk_release(sv);
	uint64_t until = hcb_monotonic_ns() + sv->o->deadline_ns;
	for (;;) {
		disk_pump(sv, false);
		if (sv->in_engine == 0 || hcb_monotonic_ns() >= until)
			break;
		struct pollfd p = {.fd = sv->dev->wake_fd, .events = POLLIN};
		poll(&p, 1, 20);
	}
	for (uint32_t i = 0; i < N_REQ; i++)
		if (sv->requests[i].busy)
			fuse_reply_err(sv->requests[i].req, EIO);
}

static int loop(struct serve *sv, struct hcb_err *err)
{
	if (fuse_set_signal_handlers(sv->se) != 0)
		return hcb_err_set(err, -EIO, "serve %s: cannot take signals",
		                   sv->o->dir);
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	int r = pthread_create(&sv->timer, NULL, disk_timer_main, sv);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r) {
		fuse_remove_signal_handlers(sv->se);
		return hcb_err_sys(err, -r, "serve %s: start the timer", sv->o->dir);
	}
	answer_ready(sv->o->ready_fd);
	struct fuse_loop_config *cfg = fuse_loop_cfg_create();
	fuse_loop_cfg_set_max_threads(cfg, N_READERS);
	fuse_loop_cfg_set_clone_fd(cfg, 0);
	r = fuse_session_loop_mt(sv->se, cfg);
	fuse_loop_cfg_destroy(cfg);
	fuse_remove_signal_handlers(sv->se);
	finish(sv);
	return r < 0 ? hcb_err_sys(err, r, "serve %s", sv->o->dir) : 0;
}

/* A library that the deadline left behind may yet write into the buffers: then they stay,
   and the process ends with them. */
static void let_go(struct serve *sv)
{
	bool abandoned = false;
	if (sv->dev) {
		hcb_target_close(sv->dev);
		abandoned = sv->dev->abandoned;
	}
	if (sv->timer_fd >= 0)
		close(sv->timer_fd);
	if (abandoned)
		return;
	if (sv->arena != MAP_FAILED)
		munmap(sv->arena, (size_t)N_REQ * MAX_IO);
	free(sv->requests);
	free(sv->priv);
	hcb_target_free(sv->dev);
	pthread_mutex_destroy(&sv->lock);
	free(sv);
}

int disk_serve_run(const struct disk_serve_opts *o, struct hcb_err *err)
{
	struct serve *sv = calloc(1, sizeof(*sv));
	if (!sv)
		return hcb_err_sys(err, -ENOMEM, "serve %s", o->dir);
	sv->o = o;
	sv->timer_fd = -1;
	sv->arena = MAP_FAILED;
	sv->armed_ns = HCB_NEVER;
	hcb_hist_reset(&sv->late);
	init_lock(sv);
	hcb_clock_init_real(&sv->clock, o->dilation);
	int r = open_target(sv, err);
	if (!r)
		r = open_buffers(sv, err);
	if (!r)
		r = start_record(sv, err);
	if (!r)
		r = mount_it(sv, err);
	if (!r) {
		sv->locked_memory = mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
		r = loop(sv, err);
		fuse_session_unmount(sv->se);
	}
	if (sv->se)
		fuse_session_destroy(sv->se);
	int r2 = disk_record_stop(sv->record, r ? NULL : err);
	let_go(sv);
	return r ? r : r2;
}

#endif
