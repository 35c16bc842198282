/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Child processes: argument vectors, never a shell; every wait has a deadline; output is
 * captured with a bound. A child that outlives its deadline is killed with its group.
 */
#ifndef HCB_CORE_CHILD_H
#define HCB_CORE_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/core/err.h"

#define HCB_CHILD_STOP_NS (60 * 1000000000ull) /* a run drains, a lab comes down */

struct hcb_child_opts {
	const char *netns; /* path or name of a network namespace to enter, or NULL */
	const char *stdin_text; /* fed to standard input, or NULL for /dev/null */
	const char *log_path;   /* standard error (daemons: both) appended here; NULL:
	                           captured   (daemons: dropped) */
	const char *const *env; /* extra "NAME=value" strings, NULL-terminated, or NULL */
	uint64_t timeout_ns;    /* wall; 0 is a bug (daemons: to start; 0 means 10 s) */
	bool quiet_fail; /* a non-zero exit is the caller's to judge: returns 0 then too
	                  */
	/* NULL, or where the caller's handler puts a signal's number: the child, which is
	   in a group of its own, is sent it once, and has HCB_CHILD_STOP_NS from there.
	 */
	const volatile sig_atomic_t *stop;
};

struct hcb_child_result {
	int status; /* as waitpid gives it */
	bool timed_out;
	char *out, *errout; /* what it printed, terminated, at most 16 MiB each; caller
	                       frees */
	size_t out_len, err_len;
};

/*
 * Runs argv (NULL-terminated; argv[0] looked up in PATH) to its end. 0 if it exited with
 * 0 (or opts->quiet_fail). Otherwise -ETIMEDOUT or -EIO with a message that names the
 * command, how it ended and the last line it printed to standard error; -ENOENT if there
 * is no such command (sbin is searched besides PATH), another -errno if it could not be
 * started. res may be NULL; it is always set, so it can always be freed. Past 16 MiB
 * output is dropped. The child dies with the thread that started it (PR_SET_PDEATHSIG).
 * What it left running in the background lives on, unless the deadline passed.
 */
int hcb_child_run(const char *const *argv, const struct hcb_child_opts *opts,
                  struct hcb_child_result *res, struct hcb_err *err);
void hcb_child_result_free(struct hcb_child_result *res);

/*
 * Starts argv as a daemon: own session, standard input /dev/null, output to log_path. It
 * survives its parent. *pid is its process.
 */
int hcb_child_daemon(const char *const *argv, const struct hcb_child_opts *opts,
                     pid_t *pid, struct hcb_err *err);
/* SIGTERM, wait up to grace_ns, SIGKILL, wait again. Not only for own children. 0 if
 * gone. */
int hcb_process_stop(pid_t pid, uint64_t grace_ns);
/* Exists and is not a zombie. */
bool hcb_process_alive(pid_t pid);

#endif
