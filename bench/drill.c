/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/drill.h"

#include <stdlib.h>
#include <string.h>

#include "bench/core/units.h"
#include "bench/result.h"

struct span {
	uint64_t from_ns, to_ns;
};

/* The end of the last stall that began before t: it is over only then. */
static uint64_t stalls_over(const struct hcb_record *rec, uint64_t from_ns, uint64_t t)
{
	for (unsigned i = 0; i < rec->n_gaps; i++) {
		const struct hcb_gap *g = &rec->gaps[i];
		if (g->to_ns > from_ns && g->from_ns < t && g->to_ns > t)
			t = g->to_ns;
	}
	if (rec->last_tx_ns < t && rec->window_end_ns > rec->last_tx_ns + HCB_GAP_NS)
		t = rec->window_end_ns;
	return t;
}

static uint64_t all_done(const struct hcb_faults *f, uint64_t end_ns)
{
	uint64_t t = 0;
	for (unsigned i = 0; i < f->n; i++) {
		const struct hcb_fault_event *e = &f->event[i];
		uint64_t done = e->ended_ns == HCB_NEVER ? end_ns : e->ended_ns;
		if (e->started_ns != HCB_NEVER && done > t)
			t = done;
	}
	return t;
}

static json_t *part(const struct hcb_record *rec, struct span s)
{
	struct hcb_hist *h = malloc(sizeof(*h));
	if (!h || s.to_ns <= s.from_ns) {
		free(h);
		return json_null();
	}
	hcb_hist_reset(h);
	for (uint64_t i = s.from_ns / HCB_SEC; i < rec->n_intervals; i++) {
		const struct hcb_interval *v = &rec->intervals[i];
		if (i * HCB_SEC >= s.to_ns)
			break;
		for (uint32_t k = 0; k < v->n_pairs; k++) {
			const struct hcb_pair *p = &rec->pairs[v->first_pair + k];
			uint64_t value = hcb_hist_bucket_low(p->bucket) +
			                 hcb_hist_bucket_width(p->bucket) / 2;
			for (uint32_t n = 0; n < p->count; n++)
				hcb_hist_record(h, value < v->max_ns ? value : v->max_ns);
		}
	}
	json_t *j = json_pack("{sfsfsIso}", "from_s", (double)s.from_ns / 1e9, "to_s",
	                      (double)s.to_ns / 1e9, "count", (json_int_t)h->count,
	                      "response_ns", hcb_json_latency(h, false, NULL));
	free(h);
	return j;
}

static json_t *recovery(const struct hcb_faults *f)
{
	for (unsigned i = f->n; i-- > 0;) {
		const struct hcb_fault_event *e = &f->event[i];
		if (strcmp(e->fault->verb, "heal") == 0 && e->ended_ns != HCB_NEVER &&
		    !e->failed && e->status == 0)
			return json_real((double)(e->ended_ns - e->started_ns) / 1e9);
	}
	return json_null();
}

json_t *hcb_drill_json(const struct hcb_record *rec, const struct hcb_faults *f)
{
	if (!f->started)
		return NULL;
	uint64_t end = rec->measure_end_ns, first = f->event[0].started_ns;
	uint64_t over = stalls_over(rec, first, all_done(f, end));
	uint64_t total = 0, longest = 0;
	/* Whole seconds: the fault's own belongs to it, and so does the last stall's. */
	uint64_t cut = first / HCB_SEC * HCB_SEC;
	over = (over + HCB_SEC - 1) / HCB_SEC * HCB_SEC;
	over = over > end ? end : over;
	for (unsigned i = 0; i < rec->n_gaps; i++) {
		const struct hcb_gap *g = &rec->gaps[i];
		if (g->to_ns <= first)
			continue;
		total += g->to_ns - g->from_ns;
		longest =
		        g->to_ns - g->from_ns > longest ? g->to_ns - g->from_ns : longest;
	}
	return json_pack("{sososo sf sf so}", "before",
	                 part(rec, (struct span){rec->measure_start_ns, cut}), "during",
	                 part(rec, (struct span){cut, over}), "after",
	                 part(rec, (struct span){over, end}), "stall_s",
	                 (double)total / 1e9, "longest_stall_s", (double)longest / 1e9,
	                 "recovery_s", recovery(f));
}
