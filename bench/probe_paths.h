/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cluster under a probe's image: its OSDs, and what the paths to them carry. */
#ifndef HCB_BENCH_PROBE_PATHS_H
#define HCB_BENCH_PROBE_PATHS_H

#include <jansson.h>
#include <signal.h>
#include <stdint.h>

#include "bench/core/err.h"
#include "engines/ceph_survey.h"

/* Hosts looked at: each takes up to two seconds. */
#define HCB_PROBE_MAX_PATHS 8u

struct hcb_probe_look {
	struct hcb_ceph_survey *survey;
	const json_t *all; /* the survey's OSDs, asked for while the network was idle */
	const json_t
	        *stream; /* the phase's document: who took part, if nobody else says */
	uint64_t bytes;  /* of the image that are written */
	double dilation;
	const volatile sig_atomic_t *signal_seen;
	json_t *notes; /* what could not be measured, and why */
};

/*
 * *osds: the elements of ceph_survey.h of those OSDs that hold the image, with
 * "write_cache" (of an OSD on this machine) added. *paths: one for each host, as
 * probe_evidence.h has them, in lab time. Both are the caller's.
 */
int hcb_probe_look(const struct hcb_probe_look *look, json_t **osds, json_t **paths,
                   struct hcb_err *err);

#endif
