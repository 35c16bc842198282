/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a probe found, and its document (docs/results-format.md). */
#ifndef HCB_BENCH_PROBE_DOCUMENT_H
#define HCB_BENCH_PROBE_DOCUMENT_H

#include "bench/fsyncs.h"
#include "bench/probe.h"
#include "bench/probe_run.h"

enum {
	HCB_PROBE_COMMIT,
	HCB_PROBE_COMMITS,
	HCB_PROBE_STREAM,
	HCB_PROBE_READ,
	HCB_N_PROBE
};

struct hcb_probe_phase {
	const char *name, *what;
	const char *params[8]; /* of micro, NULL-terminated */
	bool one_by_one, durable;
	double share; /* of the probe's duration */
};
extern const struct hcb_probe_phase hcb_probe_phases[HCB_N_PROBE];

struct hcb_probe_found {
	const struct hcb_probe_plan *plan;
	const struct hcb_probe_target *target;
	json_t *runs[HCB_N_PROBE]; /* the phases' documents; NULL: did not run */
	json_t *osds;              /* NULL: no pool, or nobody told */
	json_t *paths;
	struct hcb_fsyncs fsyncs; /* n 0: not counted */
	json_t *notes;            /* strings, what went otherwise than planned */
	uint64_t written_bytes, region_bytes;
	uint64_t started_unix_s, wall_ns;
	bool partial;
	int removed; /* 1 yes, 0 no: it is still there, -1 nothing was made */
};

/* *exit_code: by the verdict; signals and failures are the caller's. */
json_t *hcb_probe_document(struct hcb_probe_found *f, int *exit_code);

#endif
