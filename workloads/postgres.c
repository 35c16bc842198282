/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * postgres: what PostgreSQL 15 writes under a TPC-B-like load (pgbench), as ops.
 *
 * The model. `clients` backends run transactions. A transaction touches one page of the
 * accounts table, uniform over the database, and with probability kappa - 1 one more (a
 * page that a non-HOT update or the index adds), one hot page (tellers, branches) and the
 * tail of history. A touched page that memory does not hold is read first. A page touched
 * for the first time since the checkpoint began puts its full image into the log, so the
 * log per transaction is highest after a checkpoint and decays as pages repeat:
 * W0 + FPI * dD/dN with D(N) = P (1 - exp(-N/P)), which the bitmap of touched pages gives
 * by itself. The same bitmap is what the checkpoint writes. The backend then waits until
 * the log is flushed up to its record: that wait is one sample of the transaction
 * `commit`: WAL write plus flush (postgres_wal.c). The checkpointer and the kernel's
 * write-back are in postgres_checkpoint.c, the file system's journal in journal.c.
 *
 * Load. Without a rate: closed loop, each client starts its next transaction `think`
 * after the last. With rate=N/s: open, arrivals wait for a free client, and a commit is
 * due when its transaction arrived.
 *
 * Left out: autovacuum, the background writer (0 when buffers suffice), hint bits,
 * temporary files, standbys.
 *
 * Sources of the defaults: PostgreSQL 15 sources and postgresql.conf.sample (page,
 * segment, timeout, targets, pacing); W0 = 500 B, FPI = 8.2 KB and kappa from published
 * pgbench WAL measurements (edu.postgrespro.ru dba2_11 and dba2_10 labs); scale factors
 * from pgbench (1640 heap pages, 157 history rows a page). docs/workloads.md tells what
 * is derived and what assumed.
 */
#include <errno.h>
#include <stdlib.h>

#include "workloads/postgres_impl.h"

#define HISTORY_ROWS_PER_PAGE 157u

enum { EV_ARRIVAL = PG_EV_APP };

struct pgbench {
	struct pg pg; /* first: the machine's slots are the workload's */
	struct pg_db db;
	struct hcb_arrivals arrivals;
	uint32_t *idle; /* stack of idle backends (open loop) */
	uint32_t n_idle;
	bool arrival_waits; /* one is due and no backend is free */
	uint64_t history_rows;
};

static struct pgbench *of(struct pg *pg)
{
	return (struct pgbench *)pg;
}

/* --- a transaction's pages ---------------------------------------------------------- */

/* History grows: a page is extended (written zeroed, inode and bitmap dirty). */
static uint64_t append_history(struct pg *pg)
{
	struct pgbench *b = of(pg);
	uint64_t page = pg->history_at +
	                b->history_rows / HISTORY_ROWS_PER_PAGE % pg->history_pages;
	bool first = b->history_rows++ % HISTORY_ROWS_PER_PAGE == 0;
	return first ? pg_touch_new(pg, page) : pg_touch(pg, page);
}

static uint64_t transaction_log(struct pg *pg, uint32_t backend)
{
	const struct pg_conf *c = pg->conf;
	(void)backend;
	uint64_t bytes = c->wal_record_bytes;
	/* HOT update: the account's own heap page. Non-HOT: another page or the index
	 * too. */
	bytes += pg_touch(
	        pg, hcb_random_below(&pg->pages, c->scale * PG_HEAP_PAGES_PER_SCALE));
	if (hcb_random_unit(&pg->pages) < c->kappa - 1)
		bytes += pg_touch(pg, hcb_random_below(&pg->pages, pg->heap_pages));
	bytes += pg_touch(pg,
	                  pg->heap_pages + hcb_random_below(&pg->pages, pg_hot_pages(c)));
	bytes += append_history(pg);
	pg_maybe_evict(pg);
	return bytes;
}

/* --- the load ----------------------------------------------------------------------- */

/* The next arrival is served by an idle backend at now, or has to wait for one. */
static void arrival(struct pgbench *b, uint64_t now_ns)
{
	struct hcb_arrivals *a = &b->arrivals;
	while (b->n_idle) {
		uint64_t due = a->next_ns;
		b->arrival_waits = false;
		hcb_arrivals_draw(a);
		pg_begin_transaction(&b->pg, b->idle[--b->n_idle], due,
		                     now_ns > due ? now_ns : due);
		if (a->next_ns > now_ns) {
			hcb_events_push(&b->pg.ev, a->next_ns, EV_ARRIVAL, 0);
			return;
		}
	}
	b->arrival_waits = true;
}

static void committed(struct pg *pg, uint32_t backend, uint64_t done_ns, bool failed)
{
	struct pgbench *b = of(pg);
	(void)failed; /* it is in the commit's sample */
	if (pg->closed) {
		uint64_t next = done_ns + pg->conf->think_ns;
		pg_begin_transaction(pg, backend, next, next);
		return;
	}
	b->idle[b->n_idle++] = backend;
	if (b->arrival_waits)
		arrival(b, done_ns);
}

static void event(struct pg *pg, const struct hcb_event *e)
{
	arrival(of(pg), e->at_ns);
}

static const struct pg_app pgbench = {
        .log = transaction_log,
        .committed = committed,
        .event = event,
};

static void begin_load(struct pgbench *b)
{
	const struct pg_conf *c = b->pg.conf;
	if (c->rate_per_s > 0) {
		for (uint32_t i = (uint32_t)c->clients; i-- > 0;)
			b->idle[b->n_idle++] = i;
		hcb_arrivals_init(&b->arrivals, (enum hcb_arrivals_kind)c->arrivals,
		                  c->rate_per_s, b->pg.seed, 1);
		hcb_arrivals_draw(&b->arrivals);
		hcb_events_push(&b->pg.ev, b->arrivals.next_ns, EV_ARRIVAL, 0);
		return;
	}
	/* Clients connect over the first 100 ms, as pgbench's do, not in the same
	 * instant. */
	for (uint32_t i = 0; i < c->clients; i++)
		pg_begin_transaction(&b->pg, i, 0,
		                     hcb_random_below(&b->pg.chance, 100 * HCB_MS));
}

/* --- the workload's slots ----------------------------------------------------------- */

static void pgbench_fini(void *state)
{
	struct pgbench *b = state;
	pg_close(&b->pg);
	free(b->idle);
	free(b);
}

static int pgbench_init(void **state, const void *conf, const struct hcb_geometry *geo,
                        uint64_t seed, struct hcb_sink *sink, struct hcb_err *err)
{
	const struct pg_conf *c = conf;
	struct pgbench *b = calloc(1, sizeof(*b));
	if (!b)
		return hcb_err_sys(err, -ENOMEM, "workload postgres");
	b->db = pg_db_of(c);
	struct pg_setup s = {
	        .app = &pgbench,
	        .conf = c,
	        .db = &b->db,
	        .geo = geo,
	        .sink = sink,
	        .seed = seed,
	        .phase = {PG_PH_WRITE, PG_PH_SYNC, PG_PH_FINISH},
	        .closed = c->rate_per_s <= 0,
	        .never_idle = c->rate_per_s <= 0,
	};
	b->idle = calloc(c->clients, sizeof(*b->idle));
	int r = b->idle ? pg_open(&b->pg, &s, err)
	                : hcb_err_sys(err, -ENOMEM, "workload postgres");
	if (r) {
		pgbench_fini(b);
		return r;
	}
	begin_load(b);
	*state = b;
	return 0;
}

static struct hcb_cycles pg_cycles(const void *conf)
{
	const struct pg_conf *c = conf;
	return (struct hcb_cycles){c->checkpoint_timeout_ns, (unsigned)c->checkpoints};
}

/* Waiting arrivals are not stored: the generator is run on from where it stands. */
static void pgbench_pending(const void *state, uint64_t before_ns,
                            struct hcb_pending *out)
{
	const struct pgbench *b = state;
	const struct pg_conf *c = b->pg.conf;
	*out = (struct hcb_pending){.oldest_due_ns = UINT64_MAX};
	for (uint64_t i = 0; i < c->clients; i++) {
		const struct pg_backend *be = &b->pg.be[i];
		if (!be->busy || be->due_ns >= before_ns)
			continue;
		out->count++;
		if (be->due_ns < out->oldest_due_ns)
			out->oldest_due_ns = be->due_ns;
	}
	if (c->rate_per_s <= 0)
		return;
	struct hcb_arrivals a = b->arrivals;
	if (a.next_ns < before_ns && a.next_ns < out->oldest_due_ns)
		out->oldest_due_ns = a.next_ns;
	for (; a.next_ns < before_ns; hcb_arrivals_draw(&a))
		out->count++;
}

static double pg_offered(const void *conf)
{
	return ((const struct pg_conf *)conf)->rate_per_s;
}

static uint32_t pgbench_max_ops(const void *conf)
{
	return pg_machine_ops(conf);
}

const struct hcb_workload hcb_workload_postgres = {
        .name = "postgres",
        .summary = "PostgreSQL 15 under a TPC-B-like load: commits, checkpoints, journal",
        .opts = pg_opts,
        .conf_size = sizeof(struct pg_conf),
        .streams = pg_streams,
        .n_streams = PG_STREAMS,
        .txs = pg_txs,
        .n_txs = PG_TXS,
        .phases = pg_phases,
        .plan = pg_plan,
        .init = pgbench_init,
        .fini = pgbench_fini,
        .next = pg_next,
        .done = pg_done,
        .pending = pgbench_pending,
        .metrics = pg_metrics,
        .cycles = pg_cycles,
        .offered_per_s = pg_offered,
        .max_ops = pgbench_max_ops,
        .max_write_bytes = PG_MAX_WRITE,
        .max_read_bytes = PG_PAGE,
};
