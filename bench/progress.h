/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Progress on standard error: a line that is redrawn on a terminal, else one each 30 s.
 */
#ifndef HCB_BENCH_PROGRESS_H
#define HCB_BENCH_PROGRESS_H

#include "bench/loop.h"

void hcb_progress_attach(struct hcb_loop *l, bool on);

#endif
