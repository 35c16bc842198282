/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults on a schedule. What breaks something (a lab's "lab fault") is a program of its
 * own: it may take seconds, and the run loop must not wait for it. It is started when its
 * time has come, its end is noticed, and what it said is kept for the result.
 *
 * Called from the run loop's thread only; nothing is allocated after hcb_faults_init.
 */
#ifndef HCB_BENCH_FAULTS_H
#define HCB_BENCH_FAULTS_H

#include <jansson.h>
#include <sys/types.h>

#include "bench/core/clock.h"
#include "bench/core/scenario.h"

#define HCB_FAULT_ARGS 16

/* Where faults come from: the lab, a model pool. */
struct hcb_fault_source {
	void *arg;
	/* Before the run: 0 if it knows this fault; exit 2. */
	int (*check)(void *arg, const struct hcb_fault *f, struct hcb_err *err);
	/* The program that does it: argv, NULL-terminated, at most HCB_FAULT_ARGS with
	   the NULL. Strings live in buf or for ever. */
	void (*command)(void *arg, const struct hcb_fault *f, const char **argv,
	                char *buf, size_t size);
};

struct hcb_fault_event {
	const struct hcb_fault *fault;
	uint64_t started_ns, ended_ns; /* lab time; HCB_NEVER: not yet */
	int status;                    /* as waitpid gives it */
	int failed;                    /* -errno: it could not be started */
	pid_t pid;                     /* while it runs */
	int fd;
	char said[256]; /* its last line */
	size_t n_said;
};

struct hcb_faults {
	const struct hcb_fault_source *source;
	struct hcb_fault_event event[HCB_MAX_FAULTS]; /* by time */
	unsigned n, started;
};

/* Checks them all. The faults and the source outlive f. */
int hcb_faults_init(struct hcb_faults *f, const struct hcb_fault_source *source,
                    const struct hcb_fault *list, unsigned n, struct hcb_err *err);
/* Starts what is due, notices what has ended. Never waits. */
void hcb_faults_tick(struct hcb_faults *f, uint64_t now_ns);
/* When the next one is due; HCB_NEVER if none is left. */
uint64_t hcb_faults_next_ns(const struct hcb_faults *f);
/* After the run: waits for those still at work, at most so long (wall), then kills them.
 */
void hcb_faults_finish(struct hcb_faults *f, const struct hcb_clock *clock,
                       uint64_t timeout_ns);
/* [{"at_s", "do", "started_s", "ended_s", "exit", "said"}]; owned by the caller. */
json_t *hcb_faults_json(const struct hcb_faults *f);

#endif
