/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A run with faults, cut into what a user asks of it: how long commits stood still, how
 * they were before, meanwhile and afterwards, how long the cluster took to be well again.
 *
 * before   from the measured window's start to the first fault
 * during   from there until everything asked for was done (a "heal" ends when the cluster
 *          is well) and the last stall that began meanwhile was over
 * after    the rest of the window
 *
 * By whole seconds, and by when a transaction was done: what came home in the second
 * after a stall had waited through it and belongs to it.
 */
#ifndef HCB_BENCH_DRILL_H
#define HCB_BENCH_DRILL_H

#include <jansson.h>

#include "bench/faults.h"
#include "bench/record.h"

/*
 * {"before", "during", "after": {"from_s", "to_s", "count", "response_ns"},
 *  "stall_s": sum of the stalls from the first fault on, "longest_stall_s",
 *  "recovery_s": how long the last "heal" took, null without one}; NULL without faults.
 */
json_t *hcb_drill_json(const struct hcb_record *rec, const struct hcb_faults *f);

#endif
