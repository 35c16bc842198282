/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/clock.h"

void hcb_clock_init_real(struct hcb_clock *c, double dilation)
{
	c->is_virtual = false;
	c->dilation = dilation;
	c->now_ns = 0;
	c->base_ns = hcb_monotonic_ns();
}

void hcb_clock_init_virtual(struct hcb_clock *c)
{
	c->is_virtual = true;
	c->dilation = 1.0;
	c->now_ns = 0;
	c->base_ns = 0;
}

void hcb_clock_advance(struct hcb_clock *c, uint64_t to_ns)
{
	if (c->is_virtual && to_ns > c->now_ns)
		c->now_ns = to_ns;
}

uint64_t hcb_clock_wall_until(const struct hcb_clock *c, uint64_t t_ns)
{
	uint64_t now = hcb_clock_now(c);
	if (c->is_virtual || t_ns <= now)
		return 0;
	if (t_ns == HCB_NEVER)
		return HCB_NEVER;
	return (uint64_t)((double)(t_ns - now) * c->dilation);
}
