/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nights for the gate whose outcome can be worked out. */
#ifndef HCB_GATE_NIGHTS_H
#define HCB_GATE_NIGHTS_H

#include "bench/gate.h"
#include "hcb_test.h"

#define MOST 12000

static struct hcb_gate_night night[MOST];
static struct hcb_gate_result res[MOST];

static struct hcb_gate_conf conf_of(double delta)
{
	struct hcb_gate_conf c = hcb_gate_defaults(HCB_GATE_P50);
	c.delta = delta;
	c.s_floor = 0.001;
	return c;
}

/* Nights from..to-1 at a level, with the same five small deviations (1.6 %) again and
   again: what is seen can be worked out, and no chance is in it. */
static void level(size_t from, size_t to, double y)
{
	static const double wobble[] = {-0.02, 0, 0.02, 0.01, -0.01};
	for (size_t t = from; t < to; t++)
		night[t] = (struct hcb_gate_night){.y = y + wobble[t % 5], .valid = true};
}

static void walk(size_t n)
{
	struct hcb_gate_conf c = conf_of(0.05);
	assert_int_equal(hcb_gate_walk(night, n, &c, res), 0);
}

#endif
