/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the lab's verbs print, each from the document that lab/ makes. */
#ifndef HCB_CMD_LAB_VERBS_H
#define HCB_CMD_LAB_VERBS_H

#include "lab/lab.h"

void lab_print_check(const json_t *check);

#endif
