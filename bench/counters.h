/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counter snapshots of the storage: JSON objects whose leaves are numbers. */
#ifndef HCB_BENCH_COUNTERS_H
#define HCB_BENCH_COUNTERS_H

#include <jansson.h>

/*
 * after - before, leaf by leaf, in after's order. A leaf that only after has, or that is
 * no number in both, is taken from after as it is; one that only before has is dropped.
 * Where HCB_COUNTERS_INSTANCE (engines/engine.h) differs, all is taken from after.
 * Either may be NULL: the result is then NULL. The caller owns the result.
 */
json_t *hcb_counters_change(const json_t *before, const json_t *after);

#endif
