/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Columns for plots of a disk profile, in virtual time: a line of names behind "#", then
 * numbers; "-" where there is none. Published figures stand in a column of their own.
 */
#ifndef HCB_LAB_DISK_DATA_H
#define HCB_LAB_DISK_DATA_H

#include <stdio.h>

#include "bench/core/err.h"
#include "engines/hdd_profile.h"

struct disk_data {
	const char *name, *help;
	bool mechanics; /* of hard disks only */
	void (*print)(const struct hdd_profile *p, uint64_t seed, FILE *f);
};

#define DISK_DATA 6
extern const struct disk_data disk_data[DISK_DATA];

/* Prints the one called name. Unknown, or of mechanics an SSD lacks: exit code 2. */
int disk_data_print(const struct hdd_profile *p, const char *name, uint64_t seed, FILE *f,
                    struct hcb_err *err);

#endif
