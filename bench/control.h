/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control measurement: the same work before and after a run. If it does not take the
 * same time, the machine under the run changed, and so did what the run says.
 */
#ifndef HCB_BENCH_CONTROL_H
#define HCB_BENCH_CONTROL_H

#include <stdint.h>

/*
 * ns that 1.2 million dependent integer operations take: the least of many times, so
 * that what else runs here (which hcb_hostload sees) does not count, but the processor's
 * clock rate, and the hypervisor's part in it, do. Adds what it took to *spent_ns: 60 to
 * 300 ms of one processor.
 */
uint64_t hcb_control_ns(uint64_t *spent_ns);

#endif
