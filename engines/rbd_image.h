/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening an image without being able to harm one. What is refused with exit code 14:
 *
 *   - an image without our mark (image metadata "hcbench"), unless destroy= names it
 *     exactly;
 *   - an unmarked image with snapshots, clones or mirroring, even then;
 *   - any image, marked or not, that another client has open or that carries an advisory
 *     lock ("rbd lock add").
 *
 * An exclusive lock whose holder no longer watches the image is a dead client's: librbd
 * breaks it when we acquire ours.
 */
#ifndef HCB_ENGINES_RBD_IMAGE_H
#define HCB_ENGINES_RBD_IMAGE_H

#include "config.h"
#include "engines/ceph_conf.h"

enum hcb_rbd_cache { HCB_RBD_CACHE_NONE, HCB_RBD_CACHE_WRITEBACK };

struct hcb_rbd_conf {
	struct hcb_ceph_conf ceph;
	int cache, make, fua;
	uint64_t size_bytes, object_bytes;
	char destroy[400];
};

#ifdef HCB_HAVE_RBD
#include <rbd/librbd.h>

#include "engines/ceph_conn.h"

/* What a job may touch; on the heap, leaked if a job is lost. */
struct hcb_rbd_vol {
	struct hcb_ceph c;
	struct hcb_ceph_queue q;
	struct hcb_rbd_conf conf;
	uint64_t want_bytes;
	bool read_only;

	rbd_image_t image;
	bool image_open, locked, marked, made, grown, cache_on, fua_native;
	uint64_t size_bytes, prefilled_bytes;
	json_t *facts;
	char what[320]; /* "POOL/NAMESPACE/IMAGE" */
};

/* Jobs (arg: struct hcb_rbd_vol). open connects, guards, makes, opens, locks, flushes. */
int hcb_rbd_open_job(void *arg, struct hcb_err *err);
int hcb_rbd_close_job(void *arg, struct hcb_err *err);
/* Writes prefilled_bytes into the metadata of an image that is ours. */
int hcb_rbd_prefilled_job(void *arg, struct hcb_err *err);

/* Inside a job, with the image open: v->marked and the fact "mark"; refuses an image that
   anyone else has open or has locked. */
int hcb_rbd_read_mark(struct hcb_rbd_vol *v, struct hcb_err *err);
int hcb_rbd_check_unused(struct hcb_rbd_vol *v, struct hcb_err *err);
#endif

/*
 * Removes the image that a parsed rbd target names, if it carries our mark with this uuid
 * (NULL: any mark of ours) and nobody has it open. 0 also if there is no such image. The
 * cluster's health does not matter: what we made goes.
 */
struct hcb_dev;
int hcb_rbd_remove(const struct hcb_dev *dev, const char *uuid, struct hcb_err *err);

#endif
