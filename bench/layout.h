/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which volume lies where: "--on VOLUME=TARGET" bindings, a workload's volumes, and the
 * devices they end on. Volumes on one target lie side by side, as on one VM disk: one
 * file system, one journal.
 */
#ifndef HCB_BENCH_LAYOUT_H
#define HCB_BENCH_LAYOUT_H

#include "engines/engine.h"
#include "workloads/workload.h"

struct hcb_binding {
	char volume[64]; /* "all" or a volume's name */
	const char *target;
	int group; /* bindings of one group other than 0 share a device, whatever it is */
};

struct hcb_layout {
	struct hcb_geometry geo;
	unsigned n_devs; /* = geo.n_fs */
	struct hcb_dev *devs[HCB_MAX_VOLUMES];
	uint64_t base[2 * HCB_MAX_VOLUMES];   /* [region]: byte offset on its device */
	uint64_t used_bytes[HCB_MAX_VOLUMES]; /* [dev] */
};

/* "wal=TARGET" -> binding; the text must outlive it. Exit 2 on bad form. */
int hcb_binding_parse(const char *text, struct hcb_binding *out, struct hcb_err *err);

/*
 * Parses the targets and places the volumes; opens nothing. Exit 2 for a volume the
 * workload has not, one bound twice, or one bound nowhere. Sets each device's want_bytes.
 * Free with hcb_layout_free, also after failure.
 */
int hcb_layout_make(struct hcb_layout *l, const struct hcb_workload *wl, const void *conf,
                    const struct hcb_binding *on, unsigned n, struct hcb_err *err);
void hcb_layout_free(struct hcb_layout *l);

/* After the devices are open: which file systems may use native FUA. */
void hcb_layout_set_fua(struct hcb_layout *l, bool native);

#endif
