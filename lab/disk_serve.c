/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A served disk's life: make, mount, serve, unmount. disk_internal.h tells the threads.
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
	return hcb_err_set(err, -ENOTSUP, "serve %s: built without libfuse3", o->profile);
}

#else

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench/core/units.h"
#include "lab/disk_internal.h"

#define N_READERS 4

static uint64_t available_memory(void)
{
	return (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int open_store(struct serve *sv, struct hcb_err *err)
{
	sv->data_max = sv->o->data_bytes ? sv->o->data_bytes : available_memory() / 2;
	sv->data_fd = memfd_create("hcb-disk", MFD_CLOEXEC);
	if (sv->data_fd < 0 ||
	    ftruncate(sv->data_fd, (off_t)hdd_size_bytes(sv->disk)) != 0)
		return hcb_err_sys(err, -errno, "make the data of %s", sv->o->dir);
	sv->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (sv->timer_fd < 0)
		return hcb_err_sys(err, -errno, "make the timer of %s", sv->o->dir);
	/* Only touched pages take memory, and the free list is a stack: as many as the
	   deepest queue. */
	sv->arena = mmap(NULL, (size_t)N_REQ * MAX_IO, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sv->arena == MAP_FAILED)
		return hcb_err_sys(err, -errno, "make the buffers of %s", sv->o->dir);
	sv->requests = calloc(N_REQ, sizeof(*sv->requests));
	if (!sv->requests)
		return hcb_err_sys(err, -ENOMEM, "make the buffers of %s", sv->o->dir);
	for (uint32_t i = N_REQ; i-- > 0;) {
		sv->requests[i].buf = sv->arena + (size_t)i * MAX_IO;
		sv->requests[i].next = sv->unused;
		sv->unused = &sv->requests[i];
	}
	return 0;
}

static int open_model(struct serve *sv, struct hcb_err *err)
{
	const struct disk_serve_opts *o = sv->o;
	int r = hdd_profile_find(o->profile, &sv->profile, err);
	if (r)
		return r;
	struct hdd_config cfg = {
	        .profile = &sv->profile,
	        .seed = o->seed,
	        .filled = o->filled,
	        .cache = o->cache,
	        .size_bytes = o->size_bytes,
	        .depth = N_REQ,
	        .slow = o->slow,
	        .timing_off = o->timing_off,
	};
	sv->disk = hdd_new(&cfg, err);
	return sv->disk ? 0 : -EINVAL;
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

	/* Whatever is still held is answered at once; then the timer thread ends. */
	struct itimerspec now = {{0, 0}, {0, 1}};
	pthread_mutex_lock(&sv->lock);
	hdd_set_timing(sv->disk, hcb_clock_now(&sv->clock), false);
	sv->faults.fail |= sv->faults.hang;
	sv->faults.hang = false;
	sv->stopping = true;
	timerfd_settime(sv->timer_fd, 0, &now, NULL);
	pthread_mutex_unlock(&sv->lock);
	pthread_join(sv->timer, NULL);
	disk_release(sv);
	disk_pump(sv, false);
	return r < 0 ? hcb_err_sys(err, r, "serve %s", sv->o->dir) : 0;
}

int disk_serve_run(const struct disk_serve_opts *o, struct hcb_err *err)
{
	struct serve *sv = calloc(1, sizeof(*sv));
	if (!sv)
		return hcb_err_sys(err, -ENOMEM, "serve %s", o->dir);
	sv->o = o;
	sv->data_fd = sv->timer_fd = -1;
	sv->arena = MAP_FAILED;
	sv->armed_ns = HCB_NEVER;
	hcb_hist_reset(&sv->late);
	init_lock(sv);
	int r = open_model(sv, err);
	if (!r)
		r = open_store(sv, err);
	if (!r)
		r = mount_it(sv, err);
	if (!r) {
		sv->locked_memory = mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
		hcb_clock_init_real(&sv->clock, o->dilation);
		r = loop(sv, err);
		fuse_session_unmount(sv->se);
	}
	if (sv->se)
		fuse_session_destroy(sv->se);
	if (sv->arena != MAP_FAILED)
		munmap(sv->arena, (size_t)N_REQ * MAX_IO);
	if (sv->timer_fd >= 0)
		close(sv->timer_fd);
	if (sv->data_fd >= 0)
		close(sv->data_fd);
	free(sv->requests);
	hdd_free(sv->disk);
	pthread_mutex_destroy(&sv->lock);
	free(sv);
	return r;
}

#endif
