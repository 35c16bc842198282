/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A verb of this very program as a process of its own: what a run does to the process it
 * lives in (network namespace, memory locked, signals) ends with it.
 */
#ifndef HCB_CMD_SELF_H
#define HCB_CMD_SELF_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"

#define SELF_MAX_ARGS 160

struct self_opts {
	uint64_t timeout_ns; /* wall */
	/* NULL, or where the caller's handler puts a signal's number: passed on to the
	   child. NULL for what must be done to its end, such as taking down. */
	const volatile sig_atomic_t *stop;
	bool verdicts; /* exits 11 and 13 (unsteady, invalid) are answers, not failures */
	/* The file that an answer is in, removed beforehand; without it they are
	   failures. NULL: they need none. */
	const char *answer;
	const char *what; /* for messages; NULL: the first two words */
};

/*
 * argv: verb and arguments, NULL-terminated, at most SELF_MAX_ARGS. *code: its exit code,
 * -1 if it has none; NULL: not wanted. *said: its standard output as JSON, the caller's,
 * NULL if that is none; NULL: not wanted. What it said last on standard error becomes our
 * message, its exit code ours; -EINTR if it was stopped.
 */
int self_run(const char *const *argv, const struct self_opts *opts, int *code,
             json_t **said, struct hcb_err *err);

/* A run that was refused as invalid before there was anything to write, as the result
   that it would have been: err's message is its reason. The caller's; NULL: no memory. */
json_t *self_invalid(const struct hcb_err *err);

#endif
