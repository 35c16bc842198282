/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Holds a disk profile against published figures, in virtual time: each target is one
 * small experiment on the model. The references come from vendors' manuals, from one
 * measured drive, and from an independent Monte-Carlo of the same mechanics.
 */
#ifndef HCB_LAB_DISK_CALIBRATE_H
#define HCB_LAB_DISK_CALIBRATE_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/core/err.h"

/* {"profile", "seed", "targets": [{"id", "name", "unit", "reference", "measured",
   "tolerance", "verdict": "met|missed"}]}; NULL with err filled. */
json_t *disk_calibrate(const char *profile, uint64_t seed, struct hcb_err *err);
/* The same document as a table. Returns how many targets were missed. */
unsigned disk_calibrate_print(const json_t *doc, FILE *f);

#endif
