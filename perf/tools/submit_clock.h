/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What submit_clock.so writes: when each read was handed to io_submit. */
#ifndef HCB_PERF_SUBMIT_CLOCK_H
#define HCB_PERF_SUBMIT_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

#define PERF_CLOCK_ENV                                                                   \
	"HCB_SUBMIT_CLOCK" /* names a file as long as there is room for                  \
	                    */

struct perf_clock {
	_Atomic uint64_t n;  /* reads seen; past the file's end they are only counted */
	uint64_t stamp_ns[]; /* CLOCK_MONOTONIC at the call */
};

#endif
