/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/record.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/core/units.h"

#define MAX_INTERVALS (48u * 3600) /* two days */
#define MAX_PAIRS     (64u << 20)  /* reserved, not touched until used */

static void *reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static void open_hist(struct hcb_hist *h)
{
	/* The buckets are zero pages already: do not touch them. */
	h->min = UINT64_MAX;
}

/* The block a transaction due at `due` belongs to; NULL before the measured window. */
static struct hcb_block *block_of(struct hcb_record *r, uint64_t due_ns)
{
	/* Nearly always the last one. */
	for (unsigned i = r->n_blocks; i-- > 0;) {
		struct hcb_block *b = &r->blocks[i];
		if (due_ns >= b->start_ns)
			return b->end_ns && due_ns >= b->end_ns ? NULL : b;
	}
	return NULL;
}

static unsigned phase_of(const struct hcb_record *r, uint64_t due_ns)
{
	/* The later phase counts: what overlaps the sync phase was stalled by it. */
	for (unsigned p = HCB_MAX_PHASES; p-- > 0;)
		if ((r->phase_now >> p & 1) ||
		    (r->phase_seen[p] && r->phase_ended_ns[p] > due_ns))
			return p;
	return HCB_MAX_PHASES;
}

static void note_gap(struct hcb_record *r, uint64_t done_ns)
{
	if (done_ns > r->last_tx_ns + HCB_GAP_NS && r->n_gaps < HCB_MAX_GAPS)
		r->gaps[r->n_gaps++] = (struct hcb_gap){r->last_tx_ns, done_ns};
	if (done_ns > r->last_tx_ns)
		r->last_tx_ns = done_ns;
}

static void on_tx(struct hcb_sink *s, unsigned tx, uint64_t due_ns, uint64_t start_ns,
                  uint64_t done_ns, bool failed)
{
	struct hcb_record *r = (struct hcb_record *)s;
	uint64_t response = done_ns > due_ns ? done_ns - due_ns : 0;
	uint32_t bucket = hcb_hist_index(response);
	if (tx == 0 && !failed) {
		hcb_record_tick(r, done_ns);
		note_gap(r, done_ns);
		hcb_hist_record_at(&r->now, bucket, response);
	}
	r->done_after_end += (tx == 0 || r->wl->txs[tx].awaited) && r->window_end_ns &&
	                     due_ns < r->window_end_ns;
	struct hcb_block *b = block_of(r, due_ns);
	if (!b)
		return;
	if (failed) {
		b->tx[tx].failed++;
		return;
	}
	hcb_hist_record_at(&b->tx[tx].response, bucket, response);
	hcb_hist_record(&b->tx[tx].service, done_ns > start_ns ? done_ns - start_ns : 0);
	if (tx == 0 && r->wl->phases)
		hcb_hist_record_at(&r->by_phase[phase_of(r, due_ns)], bucket, response);
}

static void on_cycle(struct hcb_sink *s, uint64_t now_ns)
{
	struct hcb_record *r = (struct hcb_record *)s;
	r->cycle_marks++;
	r->last_cycle_ns = now_ns;
	if (r->on_cycle)
		r->on_cycle(r->on_cycle_arg, now_ns);
}

static void on_phase(struct hcb_sink *s, unsigned phase, bool begin, uint64_t now_ns)
{
	struct hcb_record *r = (struct hcb_record *)s;
	hcb_record_tick(r, now_ns);
	if (begin) {
		r->phase_now |= 1u << phase;
		r->phase_seen[phase]++;
		r->cur.phases |= 1u << phase;
	} else {
		r->phase_now &= ~(1u << phase);
		r->phase_ended_ns[phase] = now_ns;
	}
}

int hcb_record_init(struct hcb_record *r, const struct hcb_workload *wl,
                    struct hcb_err *err)
{
	memset(r, 0, sizeof(*r));
	r->sink = (struct hcb_sink){.tx = on_tx, .cycle = on_cycle, .phase = on_phase};
	r->wl = wl;
	r->cur_end_ns = HCB_SEC;
	r->max_intervals = MAX_INTERVALS;
	r->max_pairs = MAX_PAIRS;
	r->blocks = reserve(HCB_MAX_BLOCKS * sizeof(*r->blocks));
	r->intervals = reserve(MAX_INTERVALS * sizeof(*r->intervals));
	r->pairs = reserve(MAX_PAIRS * sizeof(*r->pairs));
	hcb_hist_reset(&r->lateness);
	hcb_hist_reset(&r->now);
	for (unsigned p = 0; p <= HCB_MAX_PHASES; p++)
		hcb_hist_reset(&r->by_phase[p]);
	if (r->blocks && r->intervals && r->pairs)
		return 0;
	hcb_record_free(r);
	return hcb_err_sys(err, -ENOMEM, "reserve memory for the record");
}

void hcb_record_free(struct hcb_record *r)
{
	if (r->blocks)
		munmap(r->blocks, HCB_MAX_BLOCKS * sizeof(*r->blocks));
	if (r->intervals)
		munmap(r->intervals, MAX_INTERVALS * sizeof(*r->intervals));
	if (r->pairs)
		munmap(r->pairs, MAX_PAIRS * sizeof(*r->pairs));
	r->blocks = NULL;
	r->intervals = NULL;
	r->pairs = NULL;
}

void hcb_record_block(struct hcb_record *r, uint64_t now_ns)
{
	if (r->n_blocks)
		r->blocks[r->n_blocks - 1].end_ns = now_ns;
	if (r->n_blocks == HCB_MAX_BLOCKS)
		return;
	struct hcb_block *b = &r->blocks[r->n_blocks++];
	b->start_ns = now_ns;
	b->end_ns = 0;
	open_hist(&b->lateness);
	for (unsigned i = 0; i < r->wl->n_txs; i++) {
		open_hist(&b->tx[i].response);
		open_hist(&b->tx[i].service);
	}
	for (unsigned i = 0; i < r->wl->n_streams; i++)
		open_hist(&b->stream[i].service);
}

void hcb_record_measure(struct hcb_record *r, uint64_t start_ns)
{
	r->measuring = true;
	r->measure_start_ns = start_ns;
	hcb_record_block(r, start_ns);
}

void hcb_record_stop(struct hcb_record *r, uint64_t end_ns)
{
	r->measuring = false;
	r->measure_end_ns = end_ns;
	if (r->n_blocks && !r->blocks[r->n_blocks - 1].end_ns)
		r->blocks[r->n_blocks - 1].end_ns = end_ns;
}

void hcb_record_drop_open_block(struct hcb_record *r)
{
	if (r->n_blocks > 1) {
		r->n_blocks--;
		r->measure_end_ns = r->blocks[r->n_blocks - 1].end_ns;
	}
}

static void close_interval(struct hcb_record *r)
{
	struct hcb_hist *h = &r->now;
	uint32_t lo = hcb_hist_lowest(h), hi = hcb_hist_highest(h);
	if (r->n_intervals == r->max_intervals ||
	    (h->count && r->n_pairs + (hi - lo + 1) > r->max_pairs)) {
		r->lost_intervals++;
	} else {
		r->cur.first_pair = r->n_pairs;
		r->cur.count = h->count;
		r->cur.max_ns = h->count ? h->max : 0;
		for (uint32_t i = lo; i <= hi; i++)
			if (h->bucket[i])
				r->pairs[r->n_pairs++] =
				        (struct hcb_pair){i, (uint32_t)h->bucket[i]};
		r->cur.n_pairs = r->n_pairs - r->cur.first_pair;
		r->intervals[r->n_intervals++] = r->cur;
	}
	if (h->count)
		memset(&h->bucket[lo], 0, (hi - lo + 1) * sizeof(h->bucket[0]));
	h->count = h->sum = h->max = h->saturated = 0;
	open_hist(h);
	memset(&r->cur, 0, sizeof(r->cur));
	r->cur.phases = r->phase_now;
	r->cur_end_ns += HCB_SEC;
}

void hcb_record_close_until(struct hcb_record *r, uint64_t now_ns)
{
	while (now_ns >= r->cur_end_ns)
		close_interval(r);
}

static void count_total(struct hcb_record *r, const struct hcb_op *op)
{
	switch (op->kind) {
	case HCB_WRITE:
		r->total_writes++;
		r->total_write_bytes += op->len;
		r->cur.write_bytes += op->len;
		break;
	case HCB_READ:
		r->total_reads++;
		r->total_read_bytes += op->len;
		r->cur.read_bytes += op->len;
		break;
	case HCB_FLUSH:
		r->total_flushes++;
		r->cur.flushes++;
		break;
	case HCB_DISCARD:
	case HCB_OP_KINDS:
		break;
	}
}

void hcb_record_op(struct hcb_record *r, const struct hcb_op *op)
{
	if (op->result) {
		r->total_errors++;
	} else {
		hcb_record_tick(r, op->done_ns);
		count_total(r, op);
	}
	r->stream_regions[op->stream] |= 1u << op->region;
	struct hcb_block *b = block_of(r, op->due_ns);
	if (!b)
		return;
	struct hcb_stream_record *s = &b->stream[op->stream];
	if (op->result) {
		s->errors++;
		return;
	}
	s->count++;
	s->bytes += op->len;
	/* Stamped on two processors, an op that takes no time may seem to end before. */
	hcb_hist_record(&s->service,
	                op->done_ns > op->submit_ns ? op->done_ns - op->submit_ns : 0);
}

void hcb_record_merge_tx(const struct hcb_record *r, unsigned tx,
                         struct hcb_tx_record *out)
{
	hcb_hist_reset(&out->response);
	hcb_hist_reset(&out->service);
	out->failed = 0;
	for (unsigned i = 0; i < r->n_blocks; i++) {
		hcb_hist_merge(&out->response, &r->blocks[i].tx[tx].response);
		hcb_hist_merge(&out->service, &r->blocks[i].tx[tx].service);
		out->failed += r->blocks[i].tx[tx].failed;
	}
}

void hcb_record_away(struct hcb_record *r, uint64_t from_ns, uint64_t to_ns)
{
	for (unsigned i = r->n_blocks; i-- > 0;) {
		struct hcb_block *b = &r->blocks[i];
		uint64_t lo = from_ns > b->start_ns ? from_ns : b->start_ns;
		uint64_t hi = b->end_ns && b->end_ns < to_ns ? b->end_ns : to_ns;
		if (hi > lo)
			b->away_ns += hi - lo;
		if (b->start_ns <= from_ns)
			break;
	}
}

void hcb_record_merge_lateness(struct hcb_record *r)
{
	hcb_hist_reset(&r->lateness);
	r->away_ns = 0;
	for (unsigned i = 0; i < r->n_blocks; i++) {
		hcb_hist_merge(&r->lateness, &r->blocks[i].lateness);
		r->away_ns += r->blocks[i].away_ns;
	}
}

void hcb_record_merge_stream(const struct hcb_record *r, unsigned s,
                             struct hcb_stream_record *out)
{
	hcb_hist_reset(&out->service);
	out->count = out->bytes = out->errors = 0;
	for (unsigned i = 0; i < r->n_blocks; i++) {
		const struct hcb_stream_record *b = &r->blocks[i].stream[s];
		hcb_hist_merge(&out->service, &b->service);
		out->count += b->count;
		out->bytes += b->bytes;
		out->errors += b->errors;
	}
}
