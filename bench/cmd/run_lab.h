/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "run --lab NAME": the run happens on a host of a lab and asks its disks what they saw.
 */
#ifndef HCB_CMD_RUN_LAB_H
#define HCB_CMD_RUN_LAB_H

#include "bench/cmd/run_args.h"

/*
 * Moves the process into the lab host's network and sets a->run.around and dilation. Call
 * it before any thread is started. -ENOENT if there is no such lab.
 */
int hcb_run_lab_enter(struct hcb_run_args *a, struct hcb_err *err);

#endif
