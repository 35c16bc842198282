/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs: a function run in a forked child. Three things need that: work in another network
 * namespace (librados starts threads, and threads keep the namespace of their maker),
 * several slow commands at once, and calls that may never return (a FUSE server that
 * hangs, a cluster that does not answer).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/impl.h"

volatile sig_atomic_t lab_stop_signal;

void *lab_shared_alloc(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	               0);
	return p == MAP_FAILED ? NULL : p;
}

void lab_shared_free(void *p, size_t size)
{
	if (p)
		munmap(p, size);
}

static int enter(const char *netns, struct hcb_err *err)
{
	char path[160];
	snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') ? "" : "/run/netns/",
	         netns);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return hcb_err_sys(err, -errno, "open %s", path);
	int r = setns(fd, CLONE_NEWNET) ? -errno : 0;
	close(fd);
	return r ? hcb_err_sys(err, r, "enter %s", path) : 0;
}

__attribute__((noreturn)) static void job_main(int fd, pid_t parent, const char *netns,
                                               lab_job_fn *fn, void *arg)
{
	struct hcb_err err = HCB_ERR_INIT;
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	int r = netns ? enter(netns, &err) : 0;
	if (r == 0)
		r = fn(arg, &err);
	if (r && err.code == 0)
		err.code = r;
	if (r == 0)
		err = (struct hcb_err)HCB_ERR_INIT;
	ssize_t n = write(fd, &err, sizeof(err));
	_exit(n == (ssize_t)sizeof(err) && r == 0 ? 0 : 1);
}

int lab_job_start(struct lab_job *j, const char *what, const char *netns, lab_job_fn *fn,
                  void *arg, struct hcb_err *err)
{
	int fd[2];
	pid_t parent = getpid();
	*j = (struct lab_job){.pid = -1, .pidfd = -1, .fd = -1, .what = what};
	if (pipe2(fd, O_CLOEXEC))
		return hcb_err_sys(err, -errno, "%s: make a pipe", what);
	fflush(NULL);
	j->pid = fork();
	if (j->pid == 0)
		job_main(fd[1], parent, netns, fn, arg);
	int code = errno;
	close(fd[1]);
	j->fd = fd[0];
	if (j->pid < 0)
		return hcb_err_sys(err, -code, "%s: fork", what);
	j->pidfd = pidfd_open(j->pid, 0);
	if (j->pidfd < 0)
		return hcb_err_sys(err, -errno, "%s: pidfd_open", what);
	return 0;
}

/* 0 ended, -ETIMEDOUT, -EINTR. */
static int wait_end(const struct lab_job *j, uint64_t deadline_ns)
{
	for (;;) {
		struct pollfd p = {.fd = j->pidfd, .events = POLLIN};
		uint64_t now = hcb_monotonic_ns();
		if (lab_stop_signal)
			return -EINTR;
		if (now >= deadline_ns)
			return -ETIMEDOUT;
		/* Looks at the flag at least every 200 ms: a signal may come just before.
		 */
		uint64_t ms = (deadline_ns - now) / HCB_MS + 1;
		if (poll(&p, 1, ms > 200 ? 200 : (int)ms) > 0)
			return 0;
	}
}

int lab_job_wait(struct lab_job *j, uint64_t deadline_ns, struct hcb_err *err)
{
	struct hcb_err told = HCB_ERR_INIT;
	int status = 0, r;
	if (j->pid <= 0 || j->pidfd < 0) {
		r = -ECHILD;
		goto out;
	}
	r = wait_end(j, deadline_ns);
	if (r)
		kill(j->pid, SIGKILL);
	/* One that is stuck in the kernel is left to end by itself. */
	struct pollfd p = {.fd = j->pidfd, .events = POLLIN};
	if (poll(&p, 1, 2000) > 0)
		waitpid(j->pid, &status, 0);
	if (r == -EINTR)
		hcb_err_set(err, r, "%s: interrupted", j->what);
	else if (r)
		hcb_err_set(err, r, "%s: not done in time", j->what);
	else if (read(j->fd, &told, sizeof(told)) != (ssize_t)sizeof(told))
		r = hcb_err_set(err, -EIO, "%s: ended without a word (status %d)",
		                j->what, status);
	else if (told.code) {
		r = told.code;
		if (err)
			*err = told;
	}
out:
	if (j->fd >= 0)
		close(j->fd);
	if (j->pidfd >= 0)
		close(j->pidfd);
	j->fd = j->pidfd = -1;
	return r;
}

int lab_job_run(const char *what, const char *netns, uint64_t timeout_ns, lab_job_fn *fn,
                void *arg, struct hcb_err *err)
{
	struct lab_job j;
	int r = lab_job_start(&j, what, netns, fn, arg, err);
	if (r == 0)
		return lab_job_wait(&j, hcb_monotonic_ns() + timeout_ns, err);
	if (j.pid > 0) {
		kill(j.pid, SIGKILL);
		waitpid(j.pid, NULL, 0);
	}
	if (j.fd >= 0)
		close(j.fd);
	return r;
}
