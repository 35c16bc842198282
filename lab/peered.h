/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether what the monitors say of placement groups is of the OSDs that run now. */
#ifndef HCB_LAB_PEERED_H
#define HCB_LAB_PEERED_H

#include "lab/client.h"

#ifdef HCB_HAVE_RADOS
#include <jansson.h>

struct lab_booted {
	unsigned id;
	pid_t pid; /* -1: it does not run */
};

/* How many of want are up in the map (what "osd dump" says) as the process they are. */
unsigned lab_osds_booted(const json_t *dump, const struct lab_booted *want, unsigned n);
/* How many placement groups ("pg_stats" of "pg dump pgs") are not active+clean, or were
   last reported before one of their OSDs came up. */
unsigned lab_pgs_unsettled(const json_t *dump, const json_t *pg_stats);

struct lab_peered {
	unsigned osds;          /* as lab_osds_booted */
	unsigned pgs;           /* that there are stats of */
	unsigned pgs_unsettled; /* as lab_pgs_unsettled */
};
int lab_peered(const struct hcb_lab_info *info, struct lab_peered *out,
               struct hcb_err *err);
#endif

#endif
