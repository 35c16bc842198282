/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recording every request of a served disk (bench/core/diskrec.h is the format). Who
 * answers requests puts records into a ring and goes on; a thread of the recorder's own
 * writes them. When the ring is full because the file's disk is slow, records are dropped
 * and counted; the file says how many.
 */
#ifndef HCB_LAB_DISK_RECORD_H
#define HCB_LAB_DISK_RECORD_H

#include <jansson.h>

#include "bench/core/diskrec.h"

struct disk_recorder;

/* Refused (exit code 14): a file that is there, not empty and not such a record. */
int disk_record_start(const char *path, const struct hcb_diskrec_header *h,
                      struct disk_recorder **rec, struct hcb_err *err);
/* Never waits. One thread at a time. rec may be NULL. */
void disk_record_put(struct disk_recorder *rec, const struct hcb_diskrec *r);
/* {"records", "dropped", "error": null or why nothing more is written}; null without. */
json_t *disk_record_json(struct disk_recorder *rec);
/* Writes what is left, ends the file. 0, or -errno: it is not whole. */
int disk_record_stop(struct disk_recorder *rec, struct hcb_err *err);

#endif
