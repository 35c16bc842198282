/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much room the OSDs of a pool have, on a cluster in use: for the sizing. Asks and
 * reads; writes nothing.
 */
#ifndef HCB_ENGINES_CEPH_ROOM_H
#define HCB_ENGINES_CEPH_ROOM_H

#include <jansson.h>

#include "engines/ceph_survey.h"

/*
 * Of the pool of the survey's target: {"pool", "size" (copies), "class" (null: of all
 * classes), "domain" (the failure domain: "host", "osd", ...), "osds": [{"id", "host"
 * (null: none), "bytes", "used_bytes"}]}, the OSDs that its CRUSH rule may take, those
 * that are out left out. NULL: err says why; asking takes the right to ask a manager.
 */
json_t *hcb_ceph_survey_room(struct hcb_ceph_survey *s, struct hcb_err *err);

/* Pure: of the answers to "osd dump", "osd crush rule dump" and "osd df" with
   output_method=tree. NULL: the pool, its rule or its root is not in them, or none of its
   OSDs. */
json_t *hcb_ceph_room(const json_t *dump, const json_t *rules, const json_t *df,
                      const char *pool);

#endif
