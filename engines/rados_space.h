/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flat address space of a rados target: byte N lies in object
 * PREFIX.%016x (N / object size, hexadecimal) of one namespace of one pool.
 *
 * PREFIX.mark holds our mark, the size and the object size. Without it nothing is
 * written; it is made only on request and only while no object PREFIX.* exists. So no
 * object that hcbench did not name can be touched.
 */
#ifndef HCB_ENGINES_RADOS_SPACE_H
#define HCB_ENGINES_RADOS_SPACE_H

#include "config.h"
#include "engines/ceph_conf.h"

#define HCB_RADOS_NAMESPACE "hcbench"

struct hcb_rados_conf {
	struct hcb_ceph_conf ceph;
	int make;
	uint64_t size_bytes, object_bytes;
	char prefix[64];
};

#ifdef HCB_HAVE_RADOS
#include "engines/ceph_conn.h"

/* The piece of an op that lies in one object. */
struct hcb_rados_part {
	struct hcb_rados_vol *vol;
	struct hcb_ceph_slot *slot;
	rados_completion_t completion; /* under vol->cancel_lock */
	char *buf;
	size_t len;
	bool read;
};

struct hcb_rados_vol {
	struct hcb_ceph c;
	struct hcb_ceph_queue q;
	struct hcb_rados_conf conf;
	uint64_t want_bytes, size_bytes, object_bytes;
	uint32_t max_len, max_parts;
	bool read_only, made, grown;
	struct hcb_rados_part *parts; /* max_parts for each slot */
	pthread_mutex_t cancel_lock;
	json_t *facts;
};

/* Job (arg: struct hcb_rados_vol): connects, checks or makes the mark. */
int hcb_rados_open_job(void *arg, struct hcb_err *err);
#endif

#endif
