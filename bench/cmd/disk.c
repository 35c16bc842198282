/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/cmd/verb.h"
#include "bench/core/clock.h"
#include "bench/core/opt.h"
#include "bench/core/units.h"
#include "lab/disk_calibrate.h"
#include "lab/disk_serve.h"

#define READY_SECONDS 10

static const char usage[] =
        "usage: hcbench disk serve PROFILE --mount DIR [--size S] [--filled P] [--seed "
        "N]\n"
        "                          [--cache on|off|default] [--timing on|off] [--slow "
        "F]\n"
        "                          [--dilation D] [--data LIMIT] [--foreground]\n"
        "       hcbench disk stat DIR [--json]\n"
        "       hcbench disk calibrate PROFILE [--seed N] [--json]\n"
        "       hcbench disk set DIR KEY=VALUE...      timing=on|off, slow=F, "
        "reset-lateness\n"
        "\n"
        "serve: DIR/disk behaves as the drive PROFILE (lab/disks/, or a path to a .ini). "
        "Put a\n"
        "loop device on it (losetup --direct-io=on). Its data is kept in memory (at most "
        "LIMIT)\n"
        "and is gone when it ends: on unmount or SIGTERM.\n";

struct serve_conf {
	char mount[512];
	uint64_t size_bytes, data_bytes, seed;
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
        {.name = "foreground",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct serve_conf, foreground),
         .def = "off",
         .help = "do not become a daemon"},
        {.name = NULL},
};

/* "--key value", "--key=value", "--flag"; the rest are positional, at most max. */
static int parse_args(const struct hcb_opt *opts, void *conf, int argc, char **argv,
                      const char **pos, int max, struct hcb_err *err)
{
	int n = 0;
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) != 0) {
			if (n == max)
				return hcb_err_usage(err, "disk: unexpected \"%s\"",
				                     argv[i]);
			pos[n++] = argv[i];
			continue;
		}
		char pair[600];
		const char *key = argv[i] + 2;
		const struct hcb_opt *o = hcb_opt_find(opts, key);
		bool takes = o && o->type != HCB_OPT_BOOL;
		if (o && o->type == HCB_OPT_BOOL && i + 1 < argc &&
		    (strcmp(argv[i + 1], "on") == 0 || strcmp(argv[i + 1], "off") == 0))
			takes = true;
		if (takes && i + 1 == argc)
			return hcb_err_usage(err, "disk: --%s: expected a value", key);
		int len = takes ? snprintf(pair, sizeof(pair), "%s=%s", key, argv[++i])
		                : snprintf(pair, sizeof(pair), "%s", key);
		if (len >= (int)sizeof(pair))
			return hcb_err_usage(err, "disk: --%.40s: value too long", key);
		int r = hcb_opt_set_pair(opts, conf, "disk", pair, err);
		if (r)
			return r;
	}
	return n < max ? hcb_err_usage(err, "disk: too few arguments; see "
	                                    "\"hcbench disk --help\"")
	               : 0;
}

/* ---- serve ---- */

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

static int disk_serve(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct serve_conf c;
	const char *profile[1];
	memset(&c, 0, sizeof(c));
	hcb_opt_defaults(serve_opts, &c);
	if (parse_args(serve_opts, &c, argc, argv, profile, 1, &err))
		return hcb_fail(&err);
	char dir[512];
	struct stat st;
	if (!c.mount[0]) {
		hcb_err_usage(&err, "disk serve: --mount DIR is missing");
		return hcb_fail(&err);
	}
	if (!realpath(c.mount, dir) || stat(dir, &st) != 0) {
		hcb_err_sys(&err, -errno, "mount %s", c.mount);
		return hcb_fail(&err);
	}
	struct disk_serve_opts o = {
	        .profile = profile[0],
	        .dir = dir,
	        .size_bytes = c.size_bytes,
	        .data_bytes = c.data_bytes,
	        .seed = c.seed,
	        .filled = c.filled,
	        .dilation = c.dilation,
	        .slow = c.slow,
	        .cache = (enum hdd_switch)(c.cache - 1),
	        .timing_off = !c.timing,
	        .ready_fd = -1,
	};
	int r = c.foreground ? disk_serve_run(&o, &err) : serve_daemon(&o, &st, &err);
	return r ? hcb_fail(&err) : HCB_EXIT_OK;
}

/* ---- stat, set ---- */

static const struct hcb_opt stat_opts[] = {
        {.name = "json",
         .type = HCB_OPT_BOOL,
         .def = "off",
         .help = "print the document"},
        {.name = NULL},
};

static json_int_t number(const json_t *doc, const char *a, const char *b)
{
	const json_t *v = json_object_get(doc, a);
	return json_integer_value(b ? json_object_get(v, b) : v);
}

static void print_stat(const json_t *doc)
{
	char late[3][32], busy[3][32], flush[2][32];
	static const char *const q[] = {"p50", "p99", "max"};
	static const char *const part[] = {"seek_ns", "rotate_ns", "transfer_ns"};
	for (int i = 0; i < 3; i++) {
		hcb_fmt_ns(late[i], 32, (double)number(doc, "lateness_ns", q[i]));
		hcb_fmt_ns(busy[i], 32, (double)number(doc, "disk", part[i]));
	}
	json_int_t n = number(doc, "disk", "flushes");
	hcb_fmt_ns(flush[0], 32,
	           n ? (double)number(doc, "disk", "flush_ns") / (double)n : 0);
	hcb_fmt_ns(flush[1], 32, (double)number(doc, "flush_max_ns", NULL));
	printf("%s, cache %s, timing %s, %" JSON_INTEGER_FORMAT " queued\n",
	       json_string_value(json_object_get(doc, "profile")),
	       json_is_true(json_object_get(doc, "cache")) ? "on" : "off",
	       json_is_true(json_object_get(doc, "timing")) ? "on" : "off",
	       number(doc, "queued", NULL));
	printf("reads %" JSON_INTEGER_FORMAT ", writes %" JSON_INTEGER_FORMAT
	       ", flushes %" JSON_INTEGER_FORMAT " (mean %s, max %s)\n",
	       number(doc, "disk", "reads"), number(doc, "disk", "writes"), n, flush[0],
	       flush[1]);
	printf("seeking %s, waiting for the sector %s, transferring %s\n", busy[0],
	       busy[1], busy[2]);
	printf("timer lateness p50 %s, p99 %s, max %s (%s)\n", late[0], late[1], late[2],
	       json_is_true(json_object_get(doc, "timer_fifo")) ? "SCHED_FIFO"
	                                                        : "ordinary priority");
}

static int disk_stat(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	int as_json = 0;
	const char *dir[1];
	if (parse_args(stat_opts, &as_json, argc, argv, dir, 1, &err))
		return hcb_fail(&err);
	char path[600];
	snprintf(path, sizeof(path), "%s/stat", dir[0]);
	FILE *f = fopen(path, "re");
	if (!f) {
		hcb_err_sys(&err, -errno, "open %s", path);
		return hcb_fail(&err);
	}
	json_error_t je;
	json_t *doc = json_loadf(f, 0, &je);
	fclose(f);
	if (!doc) {
		hcb_err_set(&err, -EIO, "read %s: not a served disk's: %s", path,
		            je.text);
		return hcb_fail(&err);
	}
	if (as_json)
		json_dumpf(doc, stdout, JSON_INDENT(1)), putchar('\n');
	else
		print_stat(doc);
	json_decref(doc);
	return HCB_EXIT_OK;
}

static int disk_set(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	if (argc < 2) {
		fputs(usage, stderr);
		return HCB_EXIT_USAGE;
	}
	char path[600], line[256];
	snprintf(path, sizeof(path), "%s/ctl", argv[0]);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		hcb_err_sys(&err, -errno, "open %s", path);
		return hcb_fail(&err);
	}
	for (int i = 1; i < argc && !err.code; i++) {
		snprintf(line, sizeof(line), "%s\n", argv[i]);
		char *eq = strchr(line, '=');
		if (eq)
			*eq = ' ';
		size_t n = strlen(line);
		if (write(fd, line, n) == (ssize_t)n)
			continue;
		if (errno == EINVAL)
			hcb_err_usage(&err,
			              "set %s: \"%s\" is not one of timing=on|off, "
			              "slow=FACTOR, reset-lateness",
			              argv[0], argv[i]);
		else
			hcb_err_sys(&err, -errno, "set %s: %s", argv[0], argv[i]);
	}
	close(fd);
	return err.code ? hcb_fail(&err) : HCB_EXIT_OK;
}

/* ---- calibrate ---- */

struct calibrate_conf {
	uint64_t seed;
	int json;
};

static const struct hcb_opt calibrate_opts[] = {
        {.name = "seed",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct calibrate_conf, seed),
         .def = "1",
         .help = "of the spindle and the load"},
        {.name = "json",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct calibrate_conf, json),
         .def = "off",
         .help = "print the document"},
        {.name = NULL},
};

static int disk_calibrate_verb(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct calibrate_conf c;
	const char *profile[1];
	memset(&c, 0, sizeof(c));
	hcb_opt_defaults(calibrate_opts, &c);
	if (parse_args(calibrate_opts, &c, argc, argv, profile, 1, &err))
		return hcb_fail(&err);
	json_t *doc = disk_calibrate(profile[0], c.seed, &err);
	if (!doc)
		return hcb_fail(&err);
	FILE *null = c.json ? fopen("/dev/null", "we") : NULL;
	unsigned missed = disk_calibrate_print(doc, null ? null : stdout);
	if (null)
		fclose(null);
	if (c.json) {
		json_dumpf(doc, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
		putchar('\n');
	}
	json_decref(doc);
	return missed ? HCB_EXIT_FAILED : HCB_EXIT_OK;
}

static int disk_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*fn)(int, char **);
	} sub[] = {{"serve", disk_serve},
	           {"stat", disk_stat},
	           {"set", disk_set},
	           {"calibrate", disk_calibrate_verb}};
	for (size_t i = 0; argc > 1 && i < sizeof(sub) / sizeof(sub[0]); i++)
		if (strcmp(sub[i].name, argv[1]) == 0)
			return sub[i].fn(argc - 2, argv + 2);
	fputs(usage, stderr);
	return HCB_EXIT_USAGE;
}

const struct hcb_verb hcb_verb_disk = {
        .name = "disk",
        .summary = "the emulated disk: serve it, look at it, switch it, check it",
        .usage = usage,
        .main = disk_main,
};
