/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A probe from beginning to end: writes, asks, times, judges, removes what it made, and
 * writes it all down. Each phase is a run of micro (bench/run.h) on the same target.
 */
#ifndef HCB_BENCH_PROBE_RUN_H
#define HCB_BENCH_PROBE_RUN_H

#include "bench/probe_target.h"
#include "bench/run.h"

/* Of the region a probe writes to: 64 objects of a pool, over all its OSDs. */
#define HCB_PROBE_REGION_BYTES (256ull << 20)
/* No phase is begun after so long; what was not done is said. */
#define HCB_PROBE_LATEST_NS    (50ull * 1000000000u)

struct hcb_probe_plan {
	const char *word, *command; /* as typed; canonical */
	struct hcb_probe_target target;
	uint64_t duration_ns;     /* of the four phases together, lab time */
	uint64_t cap_bytes_per_s; /* of writes; 0: none */
	uint64_t seed, deadline_ns;
	bool virtual_clock;
	double dilation;
	const struct hcb_surroundings *around;
	const volatile sig_atomic_t *signal_seen;
	bool talk;
};

/*
 * 0: *doc is the document (the caller's), *exit_code what the command exits with: 0, 11,
 * 13 as the phases' verdicts are (a cap that held is no blemish here), 1 if a phase
 * failed, 128 + signal. -errno: nothing was measured. Either way what the probe made is
 * removed, or a message says what is left.
 */
int hcb_probe_run(const struct hcb_probe_plan *plan, json_t **doc, int *exit_code,
                  struct hcb_err *err);

#endif
