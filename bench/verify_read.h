/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading back what a run wrote, at a bounded depth and with a deadline. */
#ifndef HCB_BENCH_VERIFY_READ_H
#define HCB_BENCH_VERIFY_READ_H

#include <signal.h>

#include "bench/verify.h"
#include "engines/engine.h"

struct hcb_verify_reader {
	struct hcb_verify *books;
	struct hcb_clock *clock; /* a virtual one is moved */
	uint64_t stall_ns;       /* give up when nothing completes that long; 0: never */
	const volatile sig_atomic_t *signal_seen;
	bool progress; /* talk on standard error */
};

/*
 * Reads every block of target d that was written, ascending, from the open device, and
 * holds it against the books. A block that cannot be read is a finding, not an error.
 * -EINTR: a signal came; -ETIMEDOUT: nothing completed for stall_ns; or the device is in
 * trouble.
 */
int hcb_verify_read(const struct hcb_verify_reader *r, unsigned d, struct hcb_dev *dev,
                    struct hcb_err *err);

#endif
