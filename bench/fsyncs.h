/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FSYNCS/SECOND as Proxmox VE's pveperf counts them (pve-manager, bin/pveperf,
 * test_fsync): for three seconds, in a directory of its own, over and over: open one of
 * 300 files afresh (cut to nothing), write 4001 bytes, fsync, close. Done the same way
 * here so that the number can be compared; what it leaves out is for the caller to say.
 */
#ifndef HCB_BENCH_FSYNCS_H
#define HCB_BENCH_FSYNCS_H

#include <signal.h>
#include <stdint.h>

#include "bench/core/err.h"

#define HCB_FSYNCS_NS ((uint64_t)3000000000u)

struct hcb_fsyncs {
	uint64_t n, ns; /* fsyncs, and the wall time they took */
};

/*
 * Makes a directory in `dir` and removes it again. Ends early at a signal. -ETIMEDOUT if
 * one turn takes longer than deadline_ns: then a thread that hangs in the kernel, and the
 * directory, are left behind, and the message names it.
 */
int hcb_fsyncs(const char *dir, uint64_t duration_ns, uint64_t deadline_ns,
               const volatile sig_atomic_t *signal_seen, struct hcb_fsyncs *out,
               struct hcb_err *err);

#endif
