/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine hdd from the inside: hdd.c makes a disk and passes ops, hdd_data.c keeps the
 * data of store=on, hdd_switch.c looks into it and switches it. Not for others.
 */
#ifndef HCB_ENGINES_HDD_ENGINE_H
#define HCB_ENGINES_HDD_ENGINE_H

#include "engines/emulation.h"
#include "engines/hdd_model.h"
#include "engines/hdd_store.h"

struct hdd_conf {
	uint64_t size_bytes, seed, data_bytes, cut_ns;
	double filled, slow;
	int cache, fua, store, lie, timing;
};

struct hdd_dev {
	struct hdd_profile profile;
	struct hdd *disk;
	struct hdd_store *store; /* NULL without store=on */
	uint64_t seed;
	bool lies;             /* flushes are acknowledged and do nothing */
	struct hcb_op **early; /* ops done at submit, oldest at tail */
	uint32_t head, tail, mask;
};

/* In op->priv. */
struct hdd_op {
	struct hdd_store_op st;
};

/* hdd_data.c: each does nothing without a store */

int hdd_data_open(struct hcb_dev *dev, struct hcb_err *err);
/* The op's data: 0 or -errno. Any thread. */
int hdd_data_move(const struct hdd_dev *d, struct hcb_op *op);
/* The op goes to the model now: 0, or -EIO: without power. */
int hdd_data_submitted(const struct hdd_dev *d, struct hcb_op *op);

/* hdd_switch.c */

/* First thing in submit and poll: cut=, once. The power is back at once. */
void hdd_cut_when_due(struct hcb_dev *dev);
extern const struct hcb_emulation hdd_emulation;

#endif
