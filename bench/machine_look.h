/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether this machine is fit to measure with now: nobody else measures, and its clock is
   kept right. */
#ifndef HCB_BENCH_MACHINE_LOOK_H
#define HCB_BENCH_MACHINE_LOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * {"others": ["1234 hcbench run postgres"], "clock": {"synchronized": true, "unix_s",
 * "monotonic_s"}}. others: processes on this machine that measure with hcbench, other
 * than this one, those it was started by and those of its own process group; a lab's
 * disks do not count. synchronized: as the kernel says (null: it does not).
 */
json_t *hcb_machine_look(void);

/* A process's arguments as /proc/PID/cmdline has them, each with a zero after it: is it
   an hcbench that measures? Pure. */
bool hcb_measures(const char *cmdline, size_t len);

#endif
