/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fits a hard disk's profile to figures of the drive (hdd_published.h), by trying: the
 * experiments behind the figures are run on the model with other values until they agree
 * as well as they can. No chance in it: the same input gives the same profile.
 *
 * What is fitted, and by which figures:
 *   outer_sectors, inner_sectors             read_outer, read_inner, read_mean
 *   track_to_track, knee_time, full_stroke   rates and response times at depth 1, spans
 *   rpo_window, age_limit                    rates at depth 2 and more
 *   write_settle                             write_flush_depth_1, ..._uncached
 *   destage_window, dirty_commands           cached writes, flushes
 * A group without a figure keeps the base's values. Everything else is the base's: it is
 * not seen in these figures, or hardly (heads, zones, skew, knee, overhead).
 */
#ifndef HCB_LAB_DISK_FIT_H
#define HCB_LAB_DISK_FIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "bench/core/err.h"
#include "engines/hdd_profile.h"

struct disk_fit_opts {
	uint64_t seed; /* of the spindle and the loads */
	double length; /* of the experiments; 1: as disk calibrate's */
	bool progress; /* a line for each group, on standard error */
};

/*
 * base: where to begin; its `published` is what to fit to. out: base with other values.
 * Fails for an SSD, and without a figure that fits anything.
 */
int disk_fit(const struct hdd_profile *base, const struct disk_fit_opts *o,
             struct hdd_profile *out, struct hcb_err *err);

/*
 * {"profile", "figures": [{"key", "unit", "figure", "tolerance", "before", "after"}],
 * "keys": [{"section", "key", "before", "after"}], "demerit": {"before", "after"}}: of
 * the quantiles, figure is 0 and the others are demerits in percent. demerit: root mean
 * square of all relative errors, demerits among them. NULL: no memory.
 */
json_t *disk_fit_report(const struct hdd_profile *base, const struct hdd_profile *fitted,
                        const struct disk_fit_opts *o, struct hcb_err *err);
void disk_fit_print(const json_t *doc, FILE *f);

#endif
