/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SIGINT and SIGTERM of verbs that end cleanly with what they have. */
#ifndef HCB_CMD_SIGNALS_H
#define HCB_CMD_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* From now on the first signal is kept in what is pointed to (0: none came); a second one
   ends the process. */
const volatile sig_atomic_t *hcb_catch_signals(void);

/*
 * A deadline that ends what is at work as a SIGTERM would: after ns of wall time (0:
 * none any more) the signal is there as if it had come. Whoever set it takes it back with
 * hcb_alarm_off, which says whether it had rung, and then goes on; a signal that really
 * came stays.
 */
void hcb_alarm_in(uint64_t ns);
bool hcb_alarm_off(void);

#endif
