/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a Ceph cluster that is in use lets one measure without harm, night after night,
 * and the state it is in. All on a survey's connection (ceph_survey.h), within its
 * bounds.
 *
 * Objects are written only under names that begin HCB_CEPH_CONTROL, only if they are new
 * or carry hcbench's mark, and are removed by who had them written.
 */
#ifndef HCB_ENGINES_CEPH_CONTROLS_H
#define HCB_ENGINES_CEPH_CONTROLS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engines/ceph_survey.h"

#define HCB_CEPH_CONTROL       "hcbench-control"
#define HCB_CEPH_CONTROL_BYTES (4ull << 20) /* of each such object */

/*
 * {"status": "HEALTH_OK", "checks": "OSD_DOWN, ...", "recovery", "scrub", "deep_scrub",
 * "degraded", "osds_up", "osds_in"}, as `status` says now.
 */
json_t *hcb_ceph_survey_status(struct hcb_ceph_survey *s, struct hcb_err *err);
/* A call outlived even librados' own timeout: nothing more will be answered here, and a
   new survey is needed. */
bool hcb_ceph_survey_lost(const struct hcb_ceph_survey *s);
/* "10.0.0.1,10.0.0.2"; valid as long as the survey. */
const char *hcb_ceph_survey_monitors(const struct hcb_ceph_survey *s);

/*
 * `ceph tell osd.ID bench BYTES BLOCK`: the OSD writes that much to its own store,
 * without copies, waits until it is committed and removes it again. *bytes_per_s: of wall
 * time.
 */
int hcb_ceph_survey_bench(struct hcb_ceph_survey *s, int osd, uint64_t bytes,
                          uint64_t block, double *bytes_per_s, struct hcb_err *err);
/*
 * `ceph osd perf`: [{"id", "commit_ns"}], wall time, what each OSD last reported to the
 * manager (every 5 s, of the commits since the report before; none: 0).
 */
json_t *hcb_ceph_survey_perf(struct hcb_ceph_survey *s, struct hcb_err *err);

/* [{"osd", "object"}]: a name for each OSD that is primary of any of 64. Nothing is
   written. */
json_t *hcb_ceph_survey_control_names(struct hcb_ceph_survey *s, struct hcb_err *err);
/* Exit 14 if there is such an object without our mark. Until the next one is put,
   hcb_ceph_survey_speed takes it for its object. */
int hcb_ceph_survey_put(struct hcb_ceph_survey *s, const char *object,
                        struct hcb_err *err);
/* One that is not there is success; one that is not ours is left alone, exit 14. */
int hcb_ceph_survey_remove(struct hcb_ceph_survey *s, const char *object,
                           struct hcb_err *err);

/* ---- pure parts, for tests; only with librados ---- */

json_t *hcb_ceph_status_digest(const json_t *status);
/* Both shapes that `osd perf` has had (Nautilus: one level deeper). */
json_t *hcb_ceph_osd_perf_list(const json_t *answer);
/* The rate in the answer to `bench`; 0: it has none. */
double hcb_ceph_bench_rate(const json_t *answer);

#endif
