/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of "hcbench lab" that have a file of their own. argv begins after the part's
   name. */
#ifndef HCB_CMD_LAB_VERBS_H
#define HCB_CMD_LAB_VERBS_H

#include "lab/lab.h"

/* From the document of hcb_lab_check. */
void lab_print_check(const json_t *check);
int lab_traffic_main(int argc, char **argv);
int lab_path_main(int argc, char **argv);
int lab_tunnel_main(int argc, char **argv);
int lab_guest_main(int argc, char **argv);

#endif
