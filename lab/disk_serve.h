/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A model disk served to the machine: a FUSE mount with three files.
 *
 *   disk  the disk. Put a loop device on it (losetup --direct-io=on, queue/rotational set
 *         to 1); on the bare file a flush holds the inode and a write blocks its
 *         submitter.
 *   stat  a JSON document: live counters, timer lateness, switches. Read only.
 *   ctl   lines that switch it; docs/served-disk.md lists them. Write only.
 *
 * Requests are handed to the model (engines/hdd_model.h) when they arrive and answered
 * when the model says they are done. Data is stored at submission in a sparse file in
 * memory that dies with the process; what a read returns is what was stored when it was
 * submitted.
 */
#ifndef HCB_LAB_DISK_SERVE_H
#define HCB_LAB_DISK_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"
#include "engines/hdd_model.h"

struct disk_serve_opts {
	const char *profile, *dir;
	uint64_t size_bytes; /* 0: as the profile */
	uint64_t data_bytes; /* most memory the data may take; 0: half of what is
	                        available */
	uint64_t seed;
	double filled, dilation, slow;
	enum hdd_switch cache;
	bool timing_off;
	int ready_fd; /* written "ok\n" once mounted, then closed; -1: nobody asks */
};

/* Serves until unmounted or told to end (SIGTERM, SIGINT); unmounts. Blocks. */
int disk_serve_run(const struct disk_serve_opts *o, struct hcb_err *err);

#endif
