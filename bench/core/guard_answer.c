/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does a device answer at all? One that hangs holds whoever opens or reads it in the
 * kernel, where no signal reaches, SIGKILL included. So a child tries first, and it is
 * the child that is left behind.
 */
#include "bench/core/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/core/clock.h"
#include "bench/core/units.h"

/* A 7200 rpm drive in standby is given up to 30 s to spin up (assumed; makers' data
   sheets say 10 to 25 s for drives of this class). */
uint64_t hcb_guard_answer_ns = 30 * HCB_SEC;

/* Whether it succeeds is for the real open to say. Threads may exist: only calls that are
   safe after fork. */
__attribute__((noreturn)) static void try_read(const char *path)
{
	static alignas(4096) char block[4096];
	/* Left behind, it must not keep locks and pipes of ours. */
	close_range(3, ~0U, 0);
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? 0 : pread(fd, block, sizeof(block), 0);
	_exit(n < 0);
}

int hcb_guard_answers(const char *path, struct hcb_err *err)
{
	pid_t pid = fork();
	if (pid == 0)
		try_read(path);
	if (pid < 0)
		return hcb_err_sys(err, -errno, "open %s: fork", path);
	struct pollfd p = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	if (p.fd < 0) {
		int code = -errno;
		kill(pid, SIGKILL);
		return hcb_err_sys(err, code, "open %s: pidfd_open", path);
	}
	uint64_t end = hcb_monotonic_ns() + hcb_guard_answer_ns, now;
	int r = 0;
	while (r == 0 && (now = hcb_monotonic_ns()) < end) {
		r = poll(&p, 1, (int)((end - now) / HCB_MS) + 1);
		/* Ctrl-C is obeyed here as well. */
		if (r < 0)
			r = hcb_err_sys(err, -errno, "open %s", path);
	}
	close(p.fd);
	if (r > 0) {
		waitpid(pid, NULL, 0);
		return 0;
	}
	kill(pid, SIGKILL);
	if (r == 0)
		r = hcb_err_set(err, -ETIMEDOUT,
		                "open %s: it did not answer a read of its first block "
		                "within %.3g s",
		                path, (double)hcb_guard_answer_ns / 1e9);
	return r;
}
