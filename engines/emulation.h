/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What only an emulated device has: it can be looked into and switched while it runs.
 * For `hcbench disk serve` and for tests; the run loop knows nothing of it.
 */
#ifndef HCB_ENGINES_EMULATION_H
#define HCB_ENGINES_EMULATION_H

#include <jansson.h>

#include "engines/engine.h"

struct hcb_emulation {
	/* One switch and its arguments, "slow 10"; `help` lists them. Exit 2 for what is
	   not one. Ops may be in flight. */
	int (*control)(struct hcb_dev *dev, const char *line, struct hcb_err *err);
	const char *help;
	/* Do ops take the model's time? Else they are done when submitted. */
	bool (*timing)(const struct hcb_dev *dev);
	/* Adds how it is now to doc: switches, what is in its cache, its counters. */
	void (*live)(const struct hcb_dev *dev, json_t *doc);
	/*
	 * Moves the op's data before the op is submitted; submit then leaves it alone
	 * (HCB_OP_MOVED). The one slot that may run on any thread and beside others: for
	 * who cannot let everybody wait for a copy. op->result is set to 0 or -errno; a
	 * failed op must be submitted all the same.
	 */
	void (*transfer)(struct hcb_dev *dev, struct hcb_op *op);
};

#endif
