/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Holds a disk profile against what is published of the drive (the profile's [published]
 * section, hdd_published.h) and against what must hold by definition, in virtual time:
 * the targets of disk_targets.h, one small experiment each.
 */
#ifndef HCB_LAB_DISK_CALIBRATE_H
#define HCB_LAB_DISK_CALIBRATE_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/core/err.h"
#include "engines/hdd_profile.h"

/*
 * {"profile", "seed", "targets": [{"id", "name", "unit", "reference", "measured",
 * "tolerance", "verdict": "met|missed", "source"}]}; reference, verdict and source are
 * null where nothing is published, measured where the disk has no mechanics to measure.
 * NULL with err filled.
 */
json_t *disk_calibrate(const struct hdd_profile *p, uint64_t seed, struct hcb_err *err);
/* The same document as a table. */
void disk_calibrate_print(const json_t *doc, FILE *f);

#endif
