/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A target served to the machine: a FUSE mount with three files.
 *
 *   disk  the disk. Put a loop device on it (losetup --direct-io=on, queue/rotational set
 *         to 1); on the bare file a flush holds the inode and a write blocks its
 *         submitter.
 *   stat  a JSON document: live counters, timer lateness, switches. Read only.
 *   ctl   lines that switch it; docs/served-disk.md lists them. Write only.
 *
 * Requests become the engine's ops when they arrive and are answered when it says that
 * they are done: a model disk's at the model's time, a pool's when librbd has them.
 */
#ifndef HCB_LAB_DISK_SERVE_H
#define HCB_LAB_DISK_SERVE_H

#include <stdint.h>

#include "bench/core/err.h"

struct disk_serve_opts {
	const char *target; /* as runs take it; must store data */
	const char *dir;
	const char *record;   /* file to record every request in, or NULL */
	uint64_t seed;        /* of the target's chance, where it has no key for it */
	uint64_t size_bytes;  /* the least it must hold; 0: whatever it does */
	uint64_t deadline_ns; /* for each call to the outside, and for what is out at the
	                         end */
	double dilation; /* models only: wall seconds per second of the disk's time */
	int ready_fd;    /* written "ok\n" once mounted, then closed; -1: nobody asks */
};

/* Serves until unmounted or told to end (SIGTERM, SIGINT); unmounts. Blocks. */
int disk_serve_run(const struct disk_serve_opts *o, struct hcb_err *err);

#endif
