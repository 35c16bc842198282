/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Storage must be full enough to be real: before a run, the regions it will touch are
 * written once, ascending, with incompressible data, on targets that keep what they get.
 */
#ifndef HCB_BENCH_PREFILL_H
#define HCB_BENCH_PREFILL_H

#include <signal.h>

#include "bench/core/clock.h"
#include "bench/layout.h"

/* How many bytes hcb_prefill would write. */
uint64_t hcb_prefill_bytes(const struct hcb_layout *l);
/*
 * Writes bytes [0, used) of each device that outlives the run and was not prefilled that
 * far before, then flushes. rate: bytes/s over all, 0: none. *written gets the bytes.
 * -EINTR when a signal came, -EIO and others from the device, -ETIMEDOUT when nothing
 * completed within the deadline.
 */
int hcb_prefill(struct hcb_layout *l, const struct hcb_clock *clock, uint64_t rate,
                uint64_t deadline_ns, const volatile sig_atomic_t *signal_seen,
                bool progress, uint64_t *written, struct hcb_err *err);
/* A flush, waited for: what writethrough-until-flush caches wait for. */
int hcb_flush_once(struct hcb_dev *dev, const struct hcb_clock *clock,
                   uint64_t deadline_ns, struct hcb_err *err);

#endif
