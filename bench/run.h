/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One run from targets to result document: open, prefill, count, loop, count, judge,
 * write down.
 */
#ifndef HCB_BENCH_RUN_H
#define HCB_BENCH_RUN_H

#include <jansson.h>
#include <signal.h>

#include "bench/layout.h"
#include "bench/loop.h"
#include "bench/mix.h"

/*
 * What surrounds the targets (a lab): called at points of the run. Any may be NULL. The
 * JSON objects are the caller's to own.
 */
struct hcb_surroundings {
	void *arg;
	/* Before a target is opened: fills keys of its conf that the user left out. */
	int (*prepare)(void *arg, struct hcb_dev *dev, struct hcb_err *err);
	/* Before prefilling and after it: the lab turns its disks' timing off and on. */
	int (*prefilling)(void *arg, bool begin, struct hcb_err *err);
	/* {"osd": {"0": {"disk": {...}}}}: what served disks counted until now. */
	json_t *(*counters)(void *arg);
	/* Before the first op: forget the disks' lateness so far. */
	void (*reset_lateness)(void *arg);
	/* Worst p99 of the emulated disks' lateness since the reset; false: there are
	 * none. */
	bool (*disk_lateness)(void *arg, uint64_t *p99_ns);
	/* What can be broken on purpose; NULL: nothing. */
	const struct hcb_fault_source *faults;
	/* Facts for the result. */
	void (*describe)(void *arg, struct hcb_kvs *facts);
};

struct hcb_run {
	const struct hcb_workload *wl;
	void *conf;
	const struct hcb_mix *mix; /* what wl is made of; NULL: one workload */
	const struct hcb_binding *on;
	unsigned n_on;
	uint64_t seed;
	bool virtual_clock;
	double dilation;
	bool warmup_auto;
	uint64_t warmup_ns, duration_ns; /* duration 0: by the workload's cycles */
	struct hcb_caps caps;
	const struct hcb_fault *faults; /* by time */
	unsigned n_faults;
	bool fua_native, no_prefill;
	bool verify;                /* read back what was written, once the run is over */
	const char *verify_log;     /* keep the books of it there, for a later reading */
	const char *lab, *lab_host; /* named in the log; NULL: none */
	uint64_t deadline_ns;
	const char *command; /* canonical, for the result */
	const struct hcb_surroundings *around;
	const volatile sig_atomic_t *signal_seen;
	bool progress; /* talk on standard error */
};

/*
 * 0: *doc is the document (caller owns it), *exit_code what the command exits with.
 * -errno: nothing was measured; err tells.
 */
int hcb_run_once(const struct hcb_run *run, json_t **doc, int *exit_code,
                 struct hcb_err *err);

#endif
