/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "run --repeat N": the same run N times, each a process of its own. */
#ifndef HCB_CMD_RUN_REPEAT_H
#define HCB_CMD_RUN_REPEAT_H

#include "bench/cmd/run_args.h"

/* argv: as run was given, argv[0] the verb; a: what was read of it. The exit code, or
   < 0 and err. */
int run_repeat(int argc, char **argv, const struct hcb_run_args *a, struct hcb_err *err);

#endif
