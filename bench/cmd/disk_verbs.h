/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of "hcbench disk", a file each. argv begins after the part's name. */
#ifndef HCB_CMD_DISK_VERBS_H
#define HCB_CMD_DISK_VERBS_H

#include "bench/core/err.h"
#include "bench/core/opt.h"

extern const char hcb_disk_usage[];

/* As hcb_verb_args. */
int hcb_disk_args(const struct hcb_opt *opts, void *conf, int argc, char **argv,
                  const char **pos, int n, struct hcb_err *err);

int hcb_disk_serve(int argc, char **argv);
int hcb_disk_stat(int argc, char **argv);
int hcb_disk_calibrate(int argc, char **argv);
int hcb_disk_ctl(int argc, char **argv);
int hcb_disk_fit(int argc, char **argv);
int hcb_disk_dump(int argc, char **argv);
int hcb_disk_demerit(int argc, char **argv);
int hcb_disk_data(int argc, char **argv);

#endif
