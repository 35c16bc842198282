/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing a profile down: another profile's file with other values in it. */
#ifndef HCB_LAB_DISK_INI_H
#define HCB_LAB_DISK_INI_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/core/err.h"
#include "engines/hdd_profile.h"

/*
 * Copies the file at path, from which `base` was read, to f. Lines of keys whose value
 * differs in `p` get the new value and the comment `why`; all others stay, comments and
 * all. figures: [published] is written anew from p, else it stays too.
 */
int disk_ini_write(const char *path, const struct hdd_profile *base,
                   const struct hdd_profile *p, const char *description, const char *why,
                   bool figures, FILE *f, struct hcb_err *err);

#endif
