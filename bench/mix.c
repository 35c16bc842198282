/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/mix.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/random.h"

#define CARRIED 0.95 /* as in validity.c */

struct mix_sink {
	struct hcb_sink sink; /* first: what the part is given */
	struct mix *mix;
	unsigned part;
};

struct mix {
	const struct hcb_mix *m;
	struct hcb_sink *out;
	void *state[HCB_MAX_PARTS];
	struct hcb_geometry geo[HCB_MAX_PARTS]; /* as each part sees it */
	struct mix_sink sink[HCB_MAX_PARTS];
	bool ended[HCB_MAX_PARTS];
	uint8_t part_of_stream[HCB_MAX_STREAMS];
	unsigned n_volumes; /* of all: journals come after them */
	unsigned turn;      /* who is asked first */
};

/* --- one sink for each part --------------------------------------------------------- */

static void on_tx(struct hcb_sink *s, unsigned tx, uint64_t due_ns, uint64_t start_ns,
                  uint64_t done_ns, bool failed)
{
	struct mix_sink *p = (struct mix_sink *)s;
	struct hcb_sink *out = p->mix->out;
	out->tx(out, tx + p->mix->m->part[p->part].tx0, due_ns, start_ns, done_ns,
	        failed);
}

static void on_cycle(struct hcb_sink *s, uint64_t now_ns)
{
	struct mix_sink *p = (struct mix_sink *)s;
	if (p->part == 0)
		p->mix->out->cycle(p->mix->out, now_ns);
}

static void on_phase(struct hcb_sink *s, unsigned phase, bool begin, uint64_t now_ns)
{
	struct mix_sink *p = (struct mix_sink *)s;
	if (p->part == 0)
		p->mix->out->phase(p->mix->out, phase, begin, now_ns);
}

/* --- the workload's slots ------------------------------------------------------------
 */

static int mix_plan(const void *conf, struct hcb_geometry *geo, struct hcb_err *err)
{
	const struct hcb_mix *m = conf;
	(void)err;
	memset(geo, 0, sizeof(*geo));
	for (unsigned p = 0; p < m->n_parts; p++) {
		const struct hcb_geometry *own = &m->part[p].own;
		if (own->journal_bytes > geo->journal_bytes)
			geo->journal_bytes = own->journal_bytes;
		for (unsigned v = 0; v < own->n_volumes; v++) {
			unsigned to = geo->n_volumes++;
			geo->regions[to] = own->regions[v];
			geo->regions[to].name = m->volume_name[to];
		}
	}
	return 0;
}

/* A part's volumes, and behind them the journal of every file system there is. */
static void view_of(const struct hcb_mix_part *part, const struct hcb_geometry *all,
                    struct hcb_geometry *out)
{
	unsigned n = part->own.n_volumes;
	*out = *all;
	out->n_volumes = n;
	out->journal_bytes = part->own.journal_bytes;
	memcpy(out->regions, &all->regions[part->volume0], n * sizeof(out->regions[0]));
	for (unsigned v = 0; v < n; v++)
		out->regions[v].name = part->own.regions[v].name;
	for (unsigned f = 0; f < all->n_fs; f++)
		out->regions[n + f] = all->regions[all->n_volumes + f];
}

static void mix_fini(void *state)
{
	struct mix *x = state;
	for (unsigned p = 0; p < x->m->n_parts; p++)
		if (x->state[p])
			x->m->part[p].wl->fini(x->state[p]);
	free(x);
}

static int mix_init(void **state, const void *conf, const struct hcb_geometry *geo,
                    uint64_t seed, struct hcb_sink *sink, struct hcb_err *err)
{
	struct mix *x = calloc(1, sizeof(*x));
	if (!x)
		return hcb_err_sys(err, -ENOMEM, "several workloads");
	const struct hcb_mix *m = x->m = conf;
	x->out = sink;
	x->n_volumes = geo->n_volumes;
	for (unsigned p = 0; p < m->n_parts; p++) {
		const struct hcb_mix_part *part = &m->part[p];
		for (unsigned s = 0; s < part->wl->n_streams; s++)
			x->part_of_stream[part->stream0 + s] = (uint8_t)p;
		view_of(part, geo, &x->geo[p]);
		x->sink[p] = (struct mix_sink){{on_tx, on_cycle, on_phase}, x, p};
		/* The main part draws what it would draw alone. */
		int r = part->wl->init(&x->state[p], part->conf, &x->geo[p],
		                       p ? hcb_mix64(seed + p) : seed, &x->sink[p].sink,
		                       err);
		if (r) {
			x->state[p] = NULL;
			mix_fini(x);
			return r;
		}
	}
	*state = x;
	return 0;
}

/* In turns, so that a part that always has something does not starve the others. */
static enum hcb_next mix_next(void *state, uint64_t now_ns, struct hcb_op *op,
                              uint64_t *wait_ns)
{
	struct mix *x = state;
	unsigned n = x->m->n_parts, ended = 0;
	*wait_ns = UINT64_MAX;
	for (unsigned i = 0; i < n; i++) {
		unsigned p = (x->turn + i) % n;
		const struct hcb_mix_part *part = &x->m->part[p];
		uint64_t wait = UINT64_MAX;
		enum hcb_next r =
		        x->ended[p] ? HCB_NEXT_END
		                    : part->wl->next(x->state[p], now_ns, op, &wait);
		if (r == HCB_NEXT_OP) {
			unsigned own = part->own.n_volumes;
			op->region =
			        (uint16_t)(op->region < own
			                           ? part->volume0 + op->region
			                           : x->n_volumes + op->region - own);
			op->stream = (uint16_t)(op->stream + part->stream0);
			x->turn = p + 1;
			return HCB_NEXT_OP;
		}
		x->ended[p] = r == HCB_NEXT_END;
		ended += x->ended[p];
		if (r == HCB_NEXT_WAIT && wait < *wait_ns)
			*wait_ns = wait;
	}
	return ended == n ? HCB_NEXT_END : HCB_NEXT_WAIT;
}

static void mix_done(void *state, const struct hcb_op *op)
{
	struct mix *x = state;
	unsigned p = x->part_of_stream[op->stream];
	const struct hcb_mix_part *part = &x->m->part[p];
	unsigned own = part->own.n_volumes;
	struct hcb_op seen = *op; /* as the part sent it out */
	seen.stream = (uint16_t)(op->stream - part->stream0);
	seen.region =
	        (uint16_t)(op->region < x->n_volumes ? op->region - part->volume0
	                                             : op->region - x->n_volumes + own);
	part->wl->done(x->state[p], &seen);
}

static void mix_pending(const void *state, uint64_t before_ns, struct hcb_pending *out)
{
	const struct mix *x = state;
	x->m->part[0].wl->pending(x->state[0], before_ns, out);
}

static void mix_metrics(const void *state, struct hcb_kvs *out)
{
	const struct mix *x = state;
	for (unsigned p = 0; p < x->m->n_parts; p++) {
		struct hcb_kvs k = {json_object()};
		x->m->part[p].wl->metrics(x->state[p], &k);
		hcb_kvs_json(out, x->m->part[p].name, k.obj);
	}
}

static struct hcb_cycles mix_cycles(const void *conf)
{
	const struct hcb_mix *m = conf;
	return m->part[0].wl->cycles(m->part[0].conf);
}

static double mix_offered(const void *conf)
{
	const struct hcb_mix *m = conf;
	return m->part[0].wl->offered_per_s(m->part[0].conf);
}

static uint32_t mix_max_ops(const void *conf)
{
	const struct hcb_mix *m = conf;
	uint32_t n = 0;
	for (unsigned p = 0; p < m->n_parts; p++)
		n += m->part[p].wl->max_ops(m->part[p].conf);
	return n;
}

/* --- making one ----------------------------------------------------------------------
 */

static int too_many(const struct hcb_mix_part *part, const char *what, unsigned limit,
                    struct hcb_err *err)
{
	return hcb_err_usage(err, "workload %s: with it there are more than %u %s",
	                     part->name, limit, what);
}

static void join(char *to, size_t size, const char *part, const char *name)
{
	snprintf(to, size, "%.31s.%.31s", part, name);
}

static int add_part(struct hcb_mix *m, struct hcb_mix_part *part, unsigned *volumes,
                    struct hcb_err *err)
{
	const struct hcb_workload *wl = part->wl;
	int r = wl->plan(part->conf, &part->own, err);
	if (r)
		return r;
	if (*volumes + part->own.n_volumes > HCB_MAX_VOLUMES)
		return too_many(part, "volumes", HCB_MAX_VOLUMES, err);
	if (m->wl.n_txs + wl->n_txs > HCB_MAX_TX)
		return too_many(part, "kinds of transaction", HCB_MAX_TX, err);
	if (m->wl.n_streams + wl->n_streams > HCB_MAX_STREAMS)
		return too_many(part, "streams", HCB_MAX_STREAMS, err);
	part->volume0 = *volumes;
	part->tx0 = m->wl.n_txs;
	part->stream0 = m->wl.n_streams;
	for (unsigned v = 0; v < part->own.n_volumes; v++)
		join(m->volume_name[(*volumes)++], sizeof(m->volume_name[0]), part->name,
		     part->own.regions[v].name);
	for (unsigned i = 0; i < wl->n_txs; i++) {
		unsigned to = m->wl.n_txs++;
		join(m->tx_name[to], sizeof(m->tx_name[0]), part->name, wl->txs[i].name);
		/* The window waits for the main part's only: the others' are not pending.
		 */
		m->tx[to] = (struct hcb_tx_info){m->tx_name[to], wl->txs[i].help,
		                                 part == m->part && wl->txs[i].awaited};
	}
	for (unsigned i = 0; i < wl->n_streams; i++) {
		unsigned to = m->wl.n_streams++;
		join(m->stream_name[to], sizeof(m->stream_name[0]), part->name,
		     wl->streams[i].name);
		m->stream[to] =
		        (struct hcb_stream_info){m->stream_name[to], wl->streams[i].kind};
	}
	if (wl->max_write_bytes > m->wl.max_write_bytes)
		m->wl.max_write_bytes = wl->max_write_bytes;
	if (wl->max_read_bytes > m->wl.max_read_bytes)
		m->wl.max_read_bytes = wl->max_read_bytes;
	size_t n = strlen(m->name);
	snprintf(m->name + n, sizeof(m->name) - n, "%s%s", n ? "+" : "", wl->name);
	return 0;
}

int hcb_mix_make(struct hcb_mix *m, struct hcb_err *err)
{
	unsigned volumes = 0;
	m->name[0] = '\0';
	m->wl = (struct hcb_workload){
	        .name = m->name,
	        .summary = "several workloads of a scenario",
	        .conf_size = sizeof(*m),
	        .streams = m->stream,
	        .txs = m->tx,
	        .phases = m->part[0].wl->phases,
	        .plan = mix_plan,
	        .init = mix_init,
	        .fini = mix_fini,
	        .next = mix_next,
	        .done = mix_done,
	        .pending = mix_pending,
	        .metrics = mix_metrics,
	        .cycles = mix_cycles,
	        .offered_per_s = mix_offered,
	        .max_ops = mix_max_ops,
	};
	for (unsigned p = 0; p < m->n_parts; p++) {
		int r = add_part(m, &m->part[p], &volumes, err);
		if (r)
			return r;
	}
	return 0;
}

/* --- bindings ------------------------------------------------------------------------
 */

static int check_volumes(const struct hcb_mix_part *part, const struct hcb_binding *on,
                         unsigned n, struct hcb_err *err)
{
	const char *names[HCB_MAX_VOLUMES + 1];
	unsigned n_names = 0;
	for (unsigned v = 0; v < part->own.n_volumes; v++)
		names[n_names++] = part->own.regions[v].name;
	names[n_names++] = "all";
	for (unsigned i = 0; i < n; i++) {
		unsigned v = 0;
		while (v < n_names && strcmp(names[v], on[i].volume) != 0)
			v++;
		if (v < n_names)
			continue;
		const char *near = hcb_nearest(on[i].volume, names, n_names);
		return hcb_err_usage(err, "workload %s: %s has no volume \"%s\"%s%s%s",
		                     part->name, part->wl->name, on[i].volume,
		                     near ? "; did you mean \"" : "", near ? near : "",
		                     near ? "\"?" : "");
	}
	return 0;
}

int hcb_mix_bind(const struct hcb_mix *m, unsigned part, const struct hcb_binding *on,
                 unsigned n, struct hcb_binding *out, unsigned *n_out,
                 struct hcb_err *err)
{
	const struct hcb_mix_part *p = &m->part[part];
	int r = check_volumes(p, on, n, err);
	for (unsigned v = 0; !r && v < p->own.n_volumes; v++) {
		const struct hcb_binding *found = NULL;
		for (unsigned i = 0; i < n; i++)
			if (strcmp(on[i].volume, p->own.regions[v].name) == 0 ||
			    (!found && strcmp(on[i].volume, "all") == 0))
				found = &on[i];
		if (!found)
			return hcb_err_usage(
			        err,
			        "workload %s: its volume %s is on no target: "
			        "add on = %s: TARGET or on = all: TARGET",
			        p->name, p->own.regions[v].name, p->own.regions[v].name);
		struct hcb_binding *to = &out[(*n_out)++];
		snprintf(to->volume, sizeof(to->volume), "%s",
		         m->volume_name[p->volume0 + v]);
		to->target = found->target;
		to->group = found->group;
	}
	return r;
}

/* --- what is said of them ------------------------------------------------------------
 */

json_t *hcb_mix_params(const struct hcb_mix *m)
{
	json_t *all = json_object();
	for (unsigned p = 0; p < m->n_parts; p++) {
		json_t *one = json_pack("{ss}", "type", m->part[p].wl->name);
		hcb_opt_to_json(m->part[p].wl->opts, m->part[p].conf, one);
		json_object_set_new(all, m->part[p].name, one);
	}
	return all;
}

/*
 * Fewer carried than offered may be chance: jobs of several transactions each vary more
 * than single ones. Behind is who also left a backlog: over a second's worth and over 5 %
 * of what was offered.
 */
static bool left_behind(const struct hcb_mix_part *part, const void *state,
                        uint64_t before_ns, double offered_per_s, double seconds)
{
	struct hcb_pending p;
	part->wl->pending(state, before_ns, &p);
	double backlog = (double)(p.count + p.to_come);
	return backlog > offered_per_s &&
	       backlog > (1 - CARRIED) * offered_per_s * seconds;
}

bool hcb_mix_behind(const struct hcb_mix *m, const void *state,
                    const struct hcb_record *rec, double seconds, char *out, size_t size)
{
	const struct mix *x = state;
	struct hcb_tx_record *t = malloc(sizeof(*t));
	bool behind = false;
	for (unsigned p = 1; t && !behind && p < m->n_parts; p++) {
		const struct hcb_mix_part *part = &m->part[p];
		double rate = part->wl->offered_per_s(part->conf);
		hcb_record_merge_tx(rec, part->tx0, t);
		double carried = (double)t->response.count;
		behind = rate > 0 && carried < CARRIED * rate * seconds &&
		         left_behind(part, x->state[p], rec->measure_end_ns, rate,
		                     seconds);
		if (behind)
			snprintf(out, size,
			         "workload %s: %.1f/s offered, %.1f/s of them carried",
			         part->name, rate, carried / seconds);
	}
	free(t);
	return behind;
}
