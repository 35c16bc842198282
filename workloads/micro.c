/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * micro: one size, one pattern, one depth: for calibration, for comparing targets, and to
 * be held against fio.
 *
 * The model. `depth` slots each have at most one op out. A slot that has completed
 * `flush` writes since its last flush sends one and waits for it; what it covers is at
 * least its own writes. So depth=1 flush=1 is a log, and depth=16 flush=1 is sixteen of
 * them, as sixteen fio jobs with fdatasync=1 are.
 *
 * Without a rate the loop is closed: a slot's next op is due when its last one (or its
 * flush) was done. With a rate it is open: ops arrive, wait for a free slot, and their
 * response counts from their arrival.
 *
 * Places are blocks of `bs` in the first `span` of the volume: uniform, in sequence
 * (reads and writes each have one cursor that all slots share; it wraps), or by Zipf's
 * law over ranks that a seeded permutation scatters.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/clock.h"
#include "bench/core/random.h"
#include "bench/core/units.h"
#include "workloads/workload.h"
#include "workloads/zipf.h"

#define MAX_BS    ((uint32_t)HCB_MIB)
#define MAX_DEPTH 1024

enum { KIND_READ, KIND_WRITE, KIND_MIXED };
enum { PATTERN_RANDOM, PATTERN_SEQUENTIAL, PATTERN_ZIPF };
enum { ARRIVALS_POISSON, ARRIVALS_STEADY };
enum { TX_IO, TX_FLUSH, TX_DURABLE, N_TXS };
enum { S_READ, S_WRITE, S_FLUSH, N_STREAMS };

struct micro_conf {
	int kind, pattern, arrivals;
	uint64_t bs_bytes, size_bytes, depth, flush;
	double rate_per_s, mix, theta;
	char span[32];
};

enum slot_state {
	SLOT_IDLE,     /* open loop: nothing to do */
	SLOT_WANTS_IO, /* in the ready queue, as the next */
	SLOT_WANTS_FLUSH,
	SLOT_IO,
	SLOT_FLUSH,
};

struct slot {
	uint64_t due_ns, free_ns; /* of what it wants or has out; when it became free */
	uint64_t writes;          /* since its last flush; of the first of them: */
	uint64_t first_due_ns, first_submit_ns;
	bool failed; /* one of them, or a flush since */
	enum slot_state state;
};

struct micro {
	const struct micro_conf *conf;
	struct hcb_sink *sink;
	struct slot *slot;
	uint32_t *ready, *idle; /* ring of slots that want something; stack */
	uint32_t head, tail, mask, n_idle;
	uint64_t units, cursor[2], seed;
	struct hcb_random place, choice, arrivals;
	struct hcb_zipf zipf;
	double arrived_ns; /* of the next arrival, unrounded */
	uint64_t next_arrival, n_arrivals;
	uint64_t reads, writes, flushes;
};

static const char *const kind_names[] = {"read", "write", "mixed", NULL};
static const char *const pattern_names[] = {"random", "sequential", "zipf", NULL};
static const char *const arrival_names[] = {"poisson", "steady", NULL};

#define OPT(field) offsetof(struct micro_conf, field)
static const struct hcb_opt micro_opts[] = {
        {.name = "kind",
         .type = HCB_OPT_ENUM,
         .offset = OPT(kind),
         .def = "write",
         .names = kind_names,
         .help = "read, write or mixed"},
        {.name = "pattern",
         .type = HCB_OPT_ENUM,
         .offset = OPT(pattern),
         .def = "random",
         .names = pattern_names,
         .help = "random, sequential or zipf"},
        {.name = "bs",
         .type = HCB_OPT_SIZE,
         .offset = OPT(bs_bytes),
         .def = "4KiB",
         .min = 4096,
         .max = MAX_BS,
         .help = "size of an op, a multiple of 4KiB"},
        {.name = "depth",
         .type = HCB_OPT_U64,
         .offset = OPT(depth),
         .def = "1",
         .min = 1,
         .max = MAX_DEPTH,
         .help = "ops out at once, flushes included"},
        {.name = "rate",
         .type = HCB_OPT_RATE,
         .offset = OPT(rate_per_s),
         .def = "0/s",
         .min = 0,
         .max = 1e7,
         .help = "ops offered, e.g. 100/s (open load); 0/s: closed loop"},
        {.name = "arrivals",
         .type = HCB_OPT_ENUM,
         .offset = OPT(arrivals),
         .def = "poisson",
         .names = arrival_names,
         .help = "of an open load: poisson or steady"},
        {.name = "mix",
         .type = HCB_OPT_SHARE,
         .offset = OPT(mix),
         .def = "70%",
         .min = 0,
         .max = 1,
         .help = "share of reads when mixed"},
        {.name = "flush",
         .type = HCB_OPT_U64,
         .offset = OPT(flush),
         .def = "0",
         .max = 1e9,
         .help = "a slot flushes after so many of its writes, and waits; 0: never"},
        {.name = "size",
         .type = HCB_OPT_SIZE,
         .offset = OPT(size_bytes),
         .def = "1GiB",
         .min = 4096,
         .max = 0x1p50,
         .help = "of the volume"},
        {.name = "span",
         .type = HCB_OPT_STR,
         .offset = OPT(span),
         .size = sizeof(((struct micro_conf *)0)->span),
         .def = "100%",
         .help = "what of it is used, from its start: a share (\"10%\") or a size"},
        {.name = "theta",
         .type = HCB_OPT_DOUBLE,
         .offset = OPT(theta),
         .def = "1.1",
         .min = 0,
         .max = 4,
         .help = "zipf's exponent; 0 is uniform"},
        {.name = NULL},
};

static const struct hcb_stream_info micro_streams[N_STREAMS] = {
        [S_READ] = {"read", HCB_READ},
        [S_WRITE] = {"write", HCB_WRITE},
        [S_FLUSH] = {"flush", HCB_FLUSH},
};

static const struct hcb_tx_info micro_txs[N_TXS] = {
        [TX_IO] = {.name = "io", .help = "one read or write, from when it was due"},
        [TX_FLUSH] = {.name = "flush",
                      .help = "one flush, from the end of the write before it"},
        [TX_DURABLE] = {.name = "durable",
                        .help = "a slot's writes since its last flush and the flush, "
                                "from when the first was due"},
};

/* --- parameters -------------------------------------------------------------------- */

/* How many blocks of bs the span has. */
static int count_units(const struct micro_conf *c, uint64_t *units, struct hcb_err *err)
{
	double share;
	uint64_t bytes;
	if (strchr(c->span, '%')) {
		if (hcb_parse_share(c->span, &share) || share <= 0 || share > 1)
			return hcb_err_usage(err,
			                     "workload micro: span=%s: expected a share "
			                     "above 0 and up to 100%%, or a size",
			                     c->span);
		bytes = (uint64_t)((double)c->size_bytes * share);
	} else if (hcb_parse_size(c->span, &bytes) || bytes > c->size_bytes) {
		return hcb_err_usage(err,
		                     "workload micro: span=%s: expected a share such as "
		                     "10%%, or a size up to that of the volume",
		                     c->span);
	}
	*units = bytes / c->bs_bytes;
	if (!*units)
		return hcb_err_usage(err, "workload micro: span=%s: smaller than bs",
		                     c->span);
	return 0;
}

static int micro_plan(const void *conf, struct hcb_geometry *geo, struct hcb_err *err)
{
	const struct micro_conf *c = conf;
	uint64_t units;
	if (c->bs_bytes % 4096)
		return hcb_err_usage(err,
		                     "workload micro: bs=%llu: expected a multiple of "
		                     "4KiB",
		                     (unsigned long long)c->bs_bytes);
	if (c->flush && c->kind == KIND_READ)
		return hcb_err_usage(err,
		                     "workload micro: flush belongs to writes; kind=read "
		                     "has none");
	int r = count_units(c, &units, err);
	if (r)
		return r;
	geo->n_volumes = 1;
	geo->journal_bytes = 0;
	geo->regions[0] = (struct hcb_region){
	        .name = "all",
	        .bytes = (c->size_bytes + 4095) / 4096 * 4096,
	        .prefill = true,
	};
	return 0;
}

static struct hcb_cycles micro_cycles(const void *conf)
{
	(void)conf;
	return (struct hcb_cycles){0, 0};
}

static double micro_offered(const void *conf)
{
	return ((const struct micro_conf *)conf)->rate_per_s;
}

static uint32_t micro_max_ops(const void *conf)
{
	return (uint32_t)((const struct micro_conf *)conf)->depth;
}

/* --- slots ------------------------------------------------------------------------- */

static void want(struct micro *m, uint32_t s, enum slot_state what, uint64_t due_ns)
{
	m->slot[s].state = what;
	m->slot[s].due_ns = due_ns;
	m->ready[m->head++ & m->mask] = s;
}

static void set_free(struct micro *m, uint32_t s, uint64_t now_ns)
{
	m->slot[s].free_ns = now_ns;
	if (m->conf->rate_per_s <= 0) {
		want(m, s, SLOT_WANTS_IO, now_ns);
		return;
	}
	m->slot[s].state = SLOT_IDLE;
	m->idle[m->n_idle++] = s;
}

static void draw_arrival(struct micro *m)
{
	double gap = 1e9 / m->conf->rate_per_s;
	m->n_arrivals++;
	if (m->conf->arrivals == ARRIVALS_STEADY)
		m->arrived_ns = (double)m->n_arrivals * gap;
	else
		m->arrived_ns += gap * hcb_random_exp(&m->arrivals);
	m->next_arrival = (uint64_t)m->arrived_ns;
}

static uint64_t draw_unit(struct micro *m, bool write)
{
	uint64_t at;
	switch (m->conf->pattern) {
	case PATTERN_SEQUENTIAL:
		at = m->cursor[write];
		m->cursor[write] = at + 1 < m->units ? at + 1 : 0;
		return at;
	case PATTERN_ZIPF:
		return hcb_permute(hcb_zipf_rank(&m->zipf, &m->place), m->units, m->seed);
	default:
		return hcb_random_below(&m->place, m->units);
	}
}

static void fill_op(struct micro *m, uint32_t s, struct hcb_op *op)
{
	struct slot *sl = &m->slot[s];
	op->flags = 0;
	op->region = 0;
	/* What arrived while every slot was taken could not go out before one was free:
	   the storage made it wait, not the bench. Its response counts from its arrival.
	 */
	op->due_ns = sl->due_ns > sl->free_ns ? sl->due_ns : sl->free_ns;
	op->token = s;
	if (sl->state == SLOT_WANTS_FLUSH) {
		sl->state = SLOT_FLUSH;
		op->kind = HCB_FLUSH;
		op->stream = S_FLUSH;
		op->len = 0;
		op->off = 0;
		return;
	}
	bool write = m->conf->kind == KIND_WRITE;
	if (m->conf->kind == KIND_MIXED)
		write = hcb_random_unit(&m->choice) >= m->conf->mix;
	sl->state = SLOT_IO;
	op->kind = write ? HCB_WRITE : HCB_READ;
	op->stream = write ? S_WRITE : S_READ;
	op->len = (uint32_t)m->conf->bs_bytes;
	op->off = draw_unit(m, write) * m->conf->bs_bytes;
}

static enum hcb_next micro_next(void *state, uint64_t now_ns, struct hcb_op *op,
                                uint64_t *wait_ns)
{
	struct micro *m = state;
	if (m->head == m->tail) {
		*wait_ns = HCB_NEVER;
		if (m->conf->rate_per_s <= 0 || !m->n_idle)
			return HCB_NEXT_WAIT;
		*wait_ns = m->next_arrival;
		if (m->next_arrival > now_ns)
			return HCB_NEXT_WAIT;
		want(m, m->idle[--m->n_idle], SLOT_WANTS_IO, m->next_arrival);
		draw_arrival(m);
	}
	fill_op(m, m->ready[m->tail++ & m->mask], op);
	return HCB_NEXT_OP;
}

/* Counts towards the slot's next flush; the flush makes all of it one transaction. */
static void note_durable(struct micro *m, struct slot *sl, const struct hcb_op *op)
{
	if (op->kind == HCB_READ || !m->conf->flush)
		return;
	if (op->kind == HCB_WRITE && sl->writes++ == 0) {
		sl->first_due_ns = sl->due_ns;
		sl->first_submit_ns = op->submit_ns;
		sl->failed = false;
	}
	sl->failed |= op->result != 0;
	if (op->kind == HCB_WRITE)
		return;
	m->sink->tx(m->sink, TX_DURABLE, sl->first_due_ns, sl->first_submit_ns,
	            op->done_ns, sl->failed);
	sl->writes = 0;
}

static void micro_done(void *state, const struct hcb_op *op)
{
	struct micro *m = state;
	uint32_t s = (uint32_t)op->token;
	struct slot *sl = &m->slot[s];
	unsigned tx = op->kind == HCB_FLUSH ? TX_FLUSH : TX_IO;
	m->sink->tx(m->sink, tx, sl->due_ns, op->submit_ns, op->done_ns, op->result != 0);
	m->reads += op->kind == HCB_READ;
	m->writes += op->kind == HCB_WRITE;
	m->flushes += op->kind == HCB_FLUSH;
	note_durable(m, sl, op);
	if (m->conf->flush && sl->writes == m->conf->flush)
		want(m, s, SLOT_WANTS_FLUSH, op->done_ns);
	else
		set_free(m, s, op->done_ns);
}

/* Waiting arrivals are not stored: a copy of the generator is run on from here. */
static void micro_pending(const void *state, uint64_t before_ns, struct hcb_pending *out)
{
	struct micro m = *(const struct micro *)state;
	*out = (struct hcb_pending){.oldest_due_ns = UINT64_MAX};
	for (uint64_t s = 0; s < m.conf->depth; s++) {
		const struct slot *sl = &m.slot[s];
		if ((sl->state != SLOT_WANTS_IO && sl->state != SLOT_IO) ||
		    sl->due_ns >= before_ns)
			continue;
		out->count++;
		if (sl->due_ns < out->oldest_due_ns)
			out->oldest_due_ns = sl->due_ns;
	}
	if (m.conf->rate_per_s <= 0)
		return;
	if (m.next_arrival < before_ns && m.next_arrival < out->oldest_due_ns)
		out->oldest_due_ns = m.next_arrival;
	for (; m.next_arrival < before_ns; draw_arrival(&m))
		out->count++;
}

/* --- life -------------------------------------------------------------------------- */

static void micro_fini(void *state)
{
	struct micro *m = state;
	hcb_zipf_free(&m->zipf);
	free(m->slot);
	free(m->ready);
	free(m->idle);
	free(m);
}

static int take_memory(struct micro *m)
{
	uint32_t depth = (uint32_t)m->conf->depth, n = 1;
	while (n < depth)
		n *= 2;
	m->mask = n - 1;
	m->slot = calloc(depth, sizeof(*m->slot));
	m->ready = calloc(n, sizeof(*m->ready));
	m->idle = calloc(depth, sizeof(*m->idle));
	if (!m->slot || !m->ready || !m->idle)
		return -ENOMEM;
	return m->conf->pattern == PATTERN_ZIPF
	               ? hcb_zipf_init(&m->zipf, m->units, m->conf->theta)
	               : 0;
}

static int micro_init(void **state, const void *conf, const struct hcb_geometry *geo,
                      uint64_t seed, struct hcb_sink *sink, struct hcb_err *err)
{
	struct micro *m = calloc(1, sizeof(*m));
	(void)geo;
	if (!m)
		return hcb_err_sys(err, -ENOMEM, "workload micro");
	m->conf = conf;
	m->sink = sink;
	m->seed = seed;
	int r = count_units(m->conf, &m->units, err);
	if (r == 0 && (r = take_memory(m)))
		hcb_err_sys(err, r, "workload micro");
	if (r) {
		micro_fini(m);
		return r;
	}
	/* Reads in sequence keep away from what is being written. */
	m->cursor[0] = m->conf->kind == KIND_MIXED ? m->units / 2 : 0;
	hcb_random_init(&m->place, seed, 1);
	hcb_random_init(&m->choice, seed, 2);
	hcb_random_init(&m->arrivals, seed, 3);
	for (uint32_t s = (uint32_t)m->conf->depth; s-- > 0;)
		set_free(m, s, 0);
	if (m->conf->rate_per_s > 0)
		draw_arrival(m);
	*state = m;
	return 0;
}

static void micro_metrics(const void *state, struct hcb_kvs *out)
{
	const struct micro *m = state;
	hcb_kvs_u64(out, "reads", m->reads);
	hcb_kvs_u64(out, "writes", m->writes);
	hcb_kvs_u64(out, "flushes", m->flushes);
	hcb_kvs_u64(out, "span_bytes", m->units * m->conf->bs_bytes);
}

const struct hcb_workload hcb_workload_micro = {
        .name = "micro",
        .summary = "one size, pattern and depth: for calibration and comparison",
        .opts = micro_opts,
        .conf_size = sizeof(struct micro_conf),
        .streams = micro_streams,
        .n_streams = N_STREAMS,
        .txs = micro_txs,
        .n_txs = N_TXS,
        .plan = micro_plan,
        .init = micro_init,
        .fini = micro_fini,
        .next = micro_next,
        .done = micro_done,
        .pending = micro_pending,
        .metrics = micro_metrics,
        .cycles = micro_cycles,
        .offered_per_s = micro_offered,
        .max_ops = micro_max_ops,
        .max_write_bytes = MAX_BS,
        .max_read_bytes = MAX_BS,
};
