/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What "hcbench probe WORD" means: a pool, a device, a file to be made, or a target. */
#ifndef HCB_BENCH_PROBE_TARGET_H
#define HCB_BENCH_PROBE_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"

enum hcb_probe_kind {
	HCB_PROBE_POOL,   /* rbd, rados */
	HCB_PROBE_DEVICE, /* a claimed block device: nobody else's */
	HCB_PROBE_FILE,   /* on a file system that others use */
	HCB_PROBE_MODEL,
	HCB_PROBE_OTHER,
};

struct hcb_probe_target {
	enum hcb_probe_kind kind;
	char text[1400]; /* ENGINE:ADDRESS[,key=value...] */
	char file[1200]; /* the file that the probe will make, and remove; "": none */
	char fsync_dir[1200]; /* where fsyncs may be counted; "": nowhere */
	bool own_name;        /* the image's name was made up here: it is the probe's */
	uint64_t room_bytes;  /* of an existing file or device; 0: not known */
};

/*
 * A word with a ':' before any '/' is a target; one with a '/' is a path; any other is a
 * pool. extra: keys for Ceph targets, "" or ",conf=...,id=..."; unique: what makes the
 * name of what the probe makes its own, "1a2b3c4d". Looks at paths, opens nothing for
 * writing. Exit 2 for a word that can be none of these.
 */
int hcb_probe_resolve(const char *word, const char *extra, const char *unique,
                      struct hcb_probe_target *out, struct hcb_err *err);
const char *hcb_probe_kind_name(enum hcb_probe_kind kind);

#endif
