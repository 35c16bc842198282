/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hcbench disk serve": becomes a daemon, and returns when the disk is there. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/cmd/disk_verbs.h"
#include "bench/cmd/verb.h"
#include "lab/disk_serve.h"

#define READY_SECONDS 10

struct serve_conf {
	char mount[512], record[512];
	uint64_t size_bytes, data_bytes, seed, timeout_ns;
	double filled, dilation, slow;
	int cache, timing, foreground;
};

static const char *const cache_names[] = {"default", "off", "on", NULL};

static const struct hcb_opt serve_opts[] = {
        {.name = "mount",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct serve_conf, mount),
         .size = sizeof(((struct serve_conf *)0)->mount),
         .help = "directory to mount on"},
        {.name = "size",
         .type = HCB_OPT_SIZE,
         .offset = offsetof(struct serve_conf, size_bytes),
         .help = "bytes it claims to hold; 0: as the profile"},
        {.name = "filled",
         .type = HCB_OPT_SHARE,
         .offset = offsetof(struct serve_conf, filled),
         .def = "0",
         .min = 0,
         .max = 1,
         .help = "share of the stroke live data is spread over"},
        {.name = "seed",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct serve_conf, seed),
         .def = "1",
         .help = "this spindle's speed, phase and layout"},
        {.name = "cache",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct serve_conf, cache),
         .def = "default",
         .names = cache_names,
         .help = "volatile write cache"},
        {.name = "timing",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct serve_conf, timing),
         .def = "on",
         .help = "off: answers at once"},
        {.name = "slow",
         .type = HCB_OPT_DOUBLE,
         .offset = offsetof(struct serve_conf, slow),
         .def = "1",
         .min = 1,
         .max = 1000,
         .help = "each visit to the medium takes so many times as long"},
        {.name = "dilation",
         .type = HCB_OPT_DOUBLE,
         .offset = offsetof(struct serve_conf, dilation),
         .def = "1",
         .min = 1,
         .max = 1000,
         .help = "wall seconds per second of the disk's time"},
        {.name = "data",
         .type = HCB_OPT_SIZE,
         .offset = offsetof(struct serve_conf, data_bytes),
         .help = "most memory the data may take; 0: half of what is free"},
        {.name = "record",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct serve_conf, record),
         .size = sizeof(((struct serve_conf *)0)->record),
         .help = "file to record every request in"},
        {.name = "timeout",
         .type = HCB_OPT_DURATION,
         .offset = offsetof(struct serve_conf, timeout_ns),
         .def = "30s",
         .help = "a target's: for each call to the outside"},
        {.name = "foreground",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct serve_conf, foreground),
         .def = "off",
         .help = "do not become a daemon"},
        {.name = NULL},
};

/* Is something other than dir's parent mounted on dir, with a file "disk" in it? Runs in
   a thread of its own, since a file system that does not answer holds its caller. */
struct prober {
	char path[600];
	dev_t before;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool there;
};

static void *probe_main(void *arg)
{
	struct prober *p = arg;
	for (;;) {
		struct stat st;
		if (stat(p->path, &st) == 0 && st.st_dev != p->before)
			break;
		nanosleep(&(struct timespec){0, 5000000}, NULL);
	}
	pthread_mutex_lock(&p->lock);
	p->there = true;
	pthread_cond_signal(&p->cond);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Reads what the daemon has to say until it says "ok" or dies. */
static int wait_ready(int fd, pid_t pid, struct prober *p, struct hcb_err *err)
{
	char text[512];
	size_t n = 0;
	ssize_t k;
	while (n < sizeof(text) - 1 && (k = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)k;
	text[n] = '\0';
	if (strcmp(text, "ok\n") != 0) {
		int status, code = HCB_EXIT_FAILED;
		if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
		    WEXITSTATUS(status))
			code = WEXITSTATUS(status);
		hcb_err_set(err, -EIO, "%s", n ? text : "serve: the daemon died");
		if (err)
			err->exit = (enum hcb_exit)code;
		return -EIO;
	}
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += READY_SECONDS;
	pthread_t t;
	int e = pthread_create(&t, NULL, probe_main, p);
	if (e)
		return hcb_err_sys(err, -e, "wait for %s", p->path);
	pthread_mutex_lock(&p->lock);
	while (!p->there && e == 0)
		e = pthread_cond_timedwait(&p->cond, &p->lock, &ts);
	pthread_mutex_unlock(&p->lock);
	if (p->there)
		return 0;
	kill(pid, SIGTERM);
	return hcb_err_set(err, -ETIMEDOUT, "wait for %s: not there after %d s", p->path,
	                   READY_SECONDS);
}

static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return;
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
}

/* The daemon's side: errors go through the pipe, since nobody reads its standard error.
 */
static int serve_child(struct disk_serve_opts *o, int fd)
{
	struct hcb_err err = HCB_ERR_INIT;
	setsid();
	leave_terminal();
	o->ready_fd = fd;
	int r = disk_serve_run(o, &err);
	if (!r)
		return HCB_EXIT_OK;
	if (dprintf(fd, "%s", err.msg) < 0)
		return HCB_EXIT_FAILED;
	return err.exit ? (int)err.exit : HCB_EXIT_FAILED;
}

static int serve_daemon(struct disk_serve_opts *o, const struct stat *before,
                        struct hcb_err *err)
{
	static struct prober p = {.lock = PTHREAD_MUTEX_INITIALIZER,
	                          .cond = PTHREAD_COND_INITIALIZER};
	int fds[2];
	snprintf(p.path, sizeof(p.path), "%s/disk", o->dir);
	p.before = before->st_dev;
	if (pipe2(fds, O_CLOEXEC) != 0)
		return hcb_err_sys(err, -errno, "serve %s", o->dir);
	pid_t pid = fork();
	if (pid < 0)
		return hcb_err_sys(err, -errno, "serve %s: fork", o->dir);
	if (pid == 0) {
		close(fds[0]);
		_exit(serve_child(o, fds[1]));
	}
	close(fds[1]);
	return wait_ready(fds[0], pid, &p, err);
}

/* Half of what is available, unless told: the data of a disk takes what is written. */
static uint64_t data_limit(const struct serve_conf *c)
{
	uint64_t pages = (uint64_t)sysconf(_SC_AVPHYS_PAGES);
	return c->data_bytes ? c->data_bytes
	                     : pages * (uint64_t)sysconf(_SC_PAGESIZE) / 2;
}

/* PROFILE and the options that are keys of the model. */
static int profile_target(const struct serve_conf *c, const char *profile, char *text,
                          size_t size, struct hcb_err *err)
{
	int n = snprintf(text, size,
	                 "hdd:%s,store=on,size=%llu,filled=%.17g,seed=%llu,cache=%s,"
	                 "slow=%.17g,timing=%s,data=%llu",
	                 profile, (unsigned long long)c->size_bytes, c->filled,
	                 (unsigned long long)c->seed, cache_names[c->cache], c->slow,
	                 c->timing ? "on" : "off", (unsigned long long)data_limit(c));
	return n > 0 && (size_t)n < size
	               ? 0
	               : hcb_err_usage(err, "disk serve: %.40s...: too long", profile);
}

/* A target has keys of its own for what these say of a profile. */
static int check_target(const struct serve_conf *c, const char *target,
                        struct hcb_err *err)
{
	struct serve_conf d;
	memset(&d, 0, sizeof(d));
	hcb_opt_defaults(serve_opts, &d);
	const char *key = c->filled != d.filled           ? "filled"
	                  : c->slow != d.slow             ? "slow"
	                  : c->cache != d.cache           ? "cache"
	                  : c->timing != d.timing         ? "timing"
	                  : c->data_bytes != d.data_bytes ? "data"
	                                                  : NULL;
	return key ? hcb_err_usage(err,
	                           "disk serve: --%s is for a PROFILE; what a target is "
	                           "stands in its keys: %s,...",
	                           key, target)
	           : 0;
}

/* "ENGINE:ADDRESS", where a path to a profile may have a colon, too. */
static bool is_target(const char *text)
{
	const char *colon = strchr(text, ':'), *slash = strchr(text, '/');
	return colon && (!slash || colon < slash);
}

static int read_conf(int argc, char **argv, struct serve_conf *c, const char **what,
                     struct hcb_err *err)
{
	memset(c, 0, sizeof(*c));
	hcb_opt_defaults(serve_opts, c);
	int r = hcb_disk_args(serve_opts, c, argc, argv, what, 1, err);
	if (!r && !c->mount[0])
		r = hcb_err_usage(err, "disk serve: --mount DIR is missing");
	return r;
}

int hcb_disk_serve(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct serve_conf c;
	const char *what;
	char dir[512], text[1024];
	struct stat st;
	int r = read_conf(argc, argv, &c, &what, &err);
	if (!r && (!realpath(c.mount, dir) || stat(dir, &st) != 0))
		r = hcb_err_sys(&err, -errno, "mount %s", c.mount);
	bool target = !r && is_target(what);
	if (!r)
		r = target ? check_target(&c, what, &err)
		           : profile_target(&c, what, text, sizeof(text), &err);
	if (r)
		return hcb_fail(&err);
	struct disk_serve_opts o = {
	        .target = target ? what : text,
	        .dir = dir,
	        .record = c.record[0] ? c.record : NULL,
	        .seed = c.seed,
	        .size_bytes = target ? c.size_bytes : 0,
	        .deadline_ns = c.timeout_ns,
	        .dilation = c.dilation,
	        .ready_fd = -1,
	};
	r = c.foreground ? disk_serve_run(&o, &err) : serve_daemon(&o, &st, &err);
	return r ? hcb_fail(&err) : HCB_EXIT_OK;
}
