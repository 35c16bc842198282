/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Targets: "ENGINE:ADDRESS[,key=value...]" text to an opened device and back.
 */
#ifndef HCB_ENGINES_TARGET_H
#define HCB_ENGINES_TARGET_H

#include "engines/engine.h"

extern const struct hcb_engine *const hcb_engines[]; /* NULL-terminated, registry order */
const struct hcb_engine *hcb_engine_find(const char *name);

/*
 * Parses text, allocates conf and priv, applies defaults and keys. Opens nothing.
 * Unknown engine or key: exit 2 with the nearest. Free with hcb_target_free.
 */
int hcb_target_parse(const char *text, struct hcb_dev **dev, struct hcb_err *err);
/* Opens what hcb_target_parse made; the caller has filled clock, seed, depth, ... */
int hcb_target_open(struct hcb_dev *dev, struct hcb_err *err);
/* Nothing if it is not open. */
void hcb_target_close(struct hcb_dev *dev);
/* Closes and opens again, as the same target. Whoever used it has no op out. On failure
   it is closed. */
int hcb_target_reopen(struct hcb_dev *dev, bool read_only, struct hcb_err *err);
void hcb_target_free(struct hcb_dev *dev);
/* May both mentions share one device? (Same text, and not an anonymous engine's.) */
bool hcb_target_same(const struct hcb_dev *a, const struct hcb_dev *b);

#endif
