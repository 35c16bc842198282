/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between ceph_survey.c (OSDs, placement, speed) and ceph_controls.c (what is measured
   every night). */
#ifndef HCB_ENGINES_CEPH_SURVEY_INTERNAL_H
#define HCB_ENGINES_CEPH_SURVEY_INTERNAL_H

#include "bench/core/units.h"
#include "engines/ceph_conn.h"
#include "engines/ceph_survey.h"

#define SURVEY_CHUNK ((uint32_t)(256 * HCB_KIB))
#define SURVEY_DEPTH 8u /* 2 MiB on the way: 10 Gbit/s for 1.6 ms */

/* All that a job may touch; on the heap, leaked if a job is lost. */
struct hcb_ceph_survey {
	struct hcb_ceph c;
	bool is_rbd;
	json_t *answer;
	uint64_t bytes;
	char object[160];
	uint64_t object_bytes;
	struct hcb_ceph_burst burst;
	struct hcb_ceph_speed speed;
	char *buf;      /* SURVEY_DEPTH chunks */
	int osd;        /* that is asked */
	char text[200]; /* the command to it */
};

/* The answer of a job, which is the caller's. NULL: it failed. */
json_t *hcb_ceph_survey_ask(struct hcb_ceph_survey *s, hcb_ceph_job_fn *job,
                            struct hcb_err *err);
/* Inside a job: a question to the monitors that has no arguments. */
json_t *hcb_ceph_survey_mon(struct hcb_ceph_survey *s, const char *prefix,
                            struct hcb_err *err);
/* Inside a job: adds to s->answer, {"acting": [], "objects": []}, where an object lies,
   or would. */
void hcb_ceph_survey_place(struct hcb_ceph_survey *s, const char *name);

#endif
