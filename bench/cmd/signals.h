/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SIGINT and SIGTERM of verbs that end cleanly with what they have. */
#ifndef HCB_CMD_SIGNALS_H
#define HCB_CMD_SIGNALS_H

#include <signal.h>

/* From now on the first signal is kept in what is pointed to (0: none came); a second one
   ends the process. */
const volatile sig_atomic_t *hcb_catch_signals(void);

#endif
