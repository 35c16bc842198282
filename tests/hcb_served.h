/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A served model disk of a test's own, behind a loop device as in a lab
 * (docs/served-disk.md): the one device whose cache can be looked into and whose flush
 * can be held. It ends with the test, however it ends.
 */
#ifndef HCB_TESTS_SERVED_H
#define HCB_TESTS_SERVED_H

#include "hcb_loop.h"
#include "hcb_test.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct hcb_test_served {
	char dir[160];
	pid_t pid; /* 0: none */
	struct hcb_test_loop loop;
};

static inline const char *hcb_test_program(void)
{
	const char *p = getenv("HCBENCH"); /* tests/run sets it */
	return p ? p : "build/hcbench";
}

/* Why no disk can be served here, or NULL. */
static inline const char *hcb_test_no_served(void)
{
#ifndef HCB_HAVE_FUSE3
	return "built without libfuse3";
#else
	if (hcb_test_no_loops())
		return hcb_test_no_loops();
	if (access("/dev/fuse", R_OK | W_OK) != 0)
		return "no /dev/fuse";
	return access(hcb_test_program(), X_OK) ? "no hcbench to serve a disk with"
	                                        : NULL;
#endif
}

static inline void hcb_test_served_path(const struct hcb_test_served *s, const char *name,
                                        char *out, size_t size)
{
	snprintf(out, size, "%.150s/%s", s->dir, name);
}

/* A line to its ctl file, which takes it or says no. */
static inline int hcb_test_served_ctl(const struct hcb_test_served *s, const char *line)
{
	char path[192];
	hcb_test_served_path(s, "ctl", path, sizeof(path));
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, line, strlen(line));
	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(line) ? 0 : -1;
}

/* A number of its stat document; group NULL: of the document itself. -1: not there. */
static inline int64_t hcb_test_served_stat(const struct hcb_test_served *s,
                                           const char *group, const char *key)
{
	char path[192];
	hcb_test_served_path(s, "stat", path, sizeof(path));
	json_t *doc = json_load_file(path, 0, NULL);
	json_t *from = group ? json_object_get(doc, group) : doc;
	json_t *v = json_object_get(from, key);
	int64_t n = json_is_integer(v) ? (int64_t)json_integer_value(v) : -1;
	json_decref(doc);
	return n;
}

static inline void hcb_test_served_stop(struct hcb_test_served *s)
{
	hcb_test_loop_detach(&s->loop);
	for (int tries = 0; s->pid > 0 && tries < 500; tries++) {
		kill(s->pid, tries < 400 ? SIGTERM : SIGKILL);
		usleep(10000);
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
			s->pid = 0;
	}
	if (s->dir[0]) {
		umount2(s->dir, MNT_DETACH);
		rmdir(s->dir);
	}
	s->dir[0] = '\0';
}

/* Serves one of 64 MiB on in/name and puts a loop device over it. 0, or -1. */
static inline int hcb_test_served_start(struct hcb_test_served *s, const char *in,
                                        const char *name)
{
	char disk[192];
	snprintf(s->dir, sizeof(s->dir), "%.100s/%.40s", in, name);
	if (mkdir(s->dir, 0700))
		return -1;
	s->pid = fork();
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		execl(hcb_test_program(), "hcbench", "disk", "serve", "generic-7200",
		      "--mount", s->dir, "--size", "64MiB", "--seed", "3", "--foreground",
		      (char *)0);
		_exit(127);
	}
	hcb_test_served_path(s, "disk", disk, sizeof(disk));
	for (int tries = 0; s->pid > 0 && tries < 2000; tries++) {
		if (access(disk, F_OK) == 0)
			return hcb_test_loop_over(&s->loop, disk, LO_FLAGS_DIRECT_IO);
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
			s->pid = 0;
		usleep(10000);
	}
	return -1;
}

#endif
