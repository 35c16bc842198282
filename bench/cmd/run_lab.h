/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "run --lab NAME": the run happens on a host of a lab and asks its disks what they saw.
 */
#ifndef HCB_CMD_RUN_LAB_H
#define HCB_CMD_RUN_LAB_H

#include "bench/run.h"

/*
 * Moves the process into the lab host's network (NULL: the first host's) and sets
 * run->around and dilation. Call it before any thread is started. -ENOENT if there is no
 * such lab.
 */
int hcb_run_lab_enter(const char *name, const char *host, struct hcb_run *run,
                      struct hcb_err *err);

#endif
