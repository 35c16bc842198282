/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "bench/core/units.h"

#define EVERY_S 30u

static const char *state_of(const struct hcb_loop *l)
{
	if (l->stop != HCB_STOP_NONE)
		return "draining";
	return l->rec->measuring ? "measuring" : "warming up";
}

static void draw(void *arg, const struct hcb_loop *l, uint64_t now_ns)
{
	(void)arg;
	bool tty = isatty(STDERR_FILENO);
	uint64_t s = now_ns / HCB_SEC;
	if (l->clock->is_virtual || (!tty && (s == 0 || s % EVERY_S)))
		return;
	const struct hcb_record *r = l->rec;
	const struct hcb_interval *last =
	        r->n_intervals ? &r->intervals[r->n_intervals - 1] : NULL;
	unsigned blocks = r->n_blocks - (r->measuring && r->n_blocks ? 1 : 0);
	char max[32];
	hcb_fmt_ns(max, sizeof(max), last ? (double)last->max_ns : 0);
	fprintf(stderr,
	        "%shcbench: %s, %llu s: %llu %s/s, slowest %s, %u block%s complete%s",
	        tty ? "\r\033[K" : "", state_of(l), (unsigned long long)s,
	        (unsigned long long)(last ? last->count : 0), l->wl->txs[0].name, max,
	        blocks, blocks == 1 ? "" : "s",
	        tty && l->stop == HCB_STOP_NONE ? "" : "\n");
}

void hcb_progress_attach(struct hcb_loop *l, bool on)
{
	l->progress = on ? draw : NULL;
}
