/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How busy this machine's processors are while a run goes on: a thread reads /proc/stat
 * once a second into memory taken before. Steal counts as busy: it is time the run did
 * not get.
 */
#ifndef HCB_BENCH_HOSTLOAD_H
#define HCB_BENCH_HOSTLOAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"

#define HCB_HOSTLOAD_MAX (48u * 3600)

struct hcb_hostload {
	pthread_t thread;
	atomic_bool stop;
	_Atomic uint32_t n;
	uint64_t *busy, *total, *steal; /* jiffies since boot, one reading a second */
};

int hcb_hostload_start(struct hcb_hostload *h, struct hcb_err *err);
void hcb_hostload_stop(struct hcb_hostload *h); /* joins; the readings stay */
void hcb_hostload_free(struct hcb_hostload *h);
/* Shares of all processors' time, 0 to 1: over all readings, and of the worst 10 s. */
double hcb_hostload_mean(const struct hcb_hostload *h);
double hcb_hostload_worst10(const struct hcb_hostload *h);
/* The same of the part between two wall times since the start; shorter: its mean. */
double hcb_hostload_worst10_of(const struct hcb_hostload *h, double from_s, double to_s);
double hcb_hostload_steal(const struct hcb_hostload *h);

#endif
