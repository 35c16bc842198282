/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "probe --controls": a night's controls, and what surrounds them. */
#ifndef HCB_CMD_PROBE_CONTROLS_H
#define HCB_CMD_PROBE_CONTROLS_H

#include <stdbool.h>

/* Has the command line of "probe" the word --controls? */
bool probe_wants_controls(int argc, char **argv);
/* As a verb's main. */
int probe_controls_main(int argc, char **argv);

#endif
