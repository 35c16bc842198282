/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what was measured to what can be judged: a run's document and what is known of the
 * OSDs and the paths to them, made into the evidence of bench/probe.h. Pure.
 */
#ifndef HCB_BENCH_PROBE_EVIDENCE_H
#define HCB_BENCH_PROBE_EVIDENCE_H

#include <jansson.h>

#include "bench/probe.h"

/* Of one phase of a probe. All JSON is borrowed; any may be NULL. */
struct hcb_probe_facts {
	const json_t *run; /* the phase's result document */
	bool pool;
	const json_t *osds; /* those under the image: engines/ceph_survey.h's elements */
	/*
	 * One for each host: {"address", "local", "tunnel", "rtt_ns", "answer_ns",
	 * "from_osd_bytes_per_s", "to_osd_bytes_per_s"}, in lab time.
	 */
	const json_t *paths;
	bool one_by_one, durable;
	double cap_bytes_per_s; /* 0: none */
};

void hcb_probe_see(const struct hcb_probe_facts *f, struct hcb_probe_seen *out);

/* The element of a list of objects whose `key` is this string; NULL: none. */
const json_t *hcb_json_find(const json_t *list, const char *key, const char *value);
/* Mean of what a run's osd[] keeps as NAME_count and NAME_ns; negative: no samples. */
double hcb_probe_osd_mean(const json_t *osd, const char *group, const char *name);
/* Its mean time to commit what clients and primaries sent it, ns; -1: it has none. */
double hcb_probe_osd_commit(const json_t *osd);
/* The run's osd[] element of this id. */
const json_t *hcb_probe_run_osd(const json_t *run, json_int_t id);

#endif
