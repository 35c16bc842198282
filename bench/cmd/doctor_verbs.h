/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What "hcbench doctor" can look at; argv[0] is the word. Each returns the exit code. */
#ifndef HCB_CMD_DOCTOR_VERBS_H
#define HCB_CMD_DOCTOR_VERBS_H

int doctor_lab(int argc, char **argv);
int doctor_tunnel(int argc, char **argv);

#endif
