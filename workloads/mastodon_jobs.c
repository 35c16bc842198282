/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sidekiq's and Puma's threads. Jobs and requests arrive whether or not there is a thread
 * for them (open); a thread works through one at a time, each commit after the last
 * (closed). A thread is a backend of PostgreSQL, with the same number.
 *
 * Jobs without a commit (deliveries, fan-out to feeds) are left out: they write nothing
 * that reaches a disk but Redis' changes, which are counted with the others.
 */
#include <errno.h>
#include <stdlib.h>

#include "workloads/mastodon_impl.h"

#define MARKER_BYTES   300u                /* of log, one row updated in place [A] */
#define CRON_ROWS      1000u               /* 100 to so many trends [A] */
#define CRON_ROW_BYTES 150u                /* of log, a row upserted [A] */
#define ROWS_PER_PAGE  50u                 /* of a small row [A] */
#define BATCH_ROWS     1000u               /* Rails' in_batches; M app/lib/vacuum [S] */
#define BATCH_BYTES    (BATCH_ROWS * 200u) /* of log [A] */
#define BATCH_PAGES    60u /* what lies close in age lies close in the table [A] */

static const enum mst_kind job_kinds[] = {MST_K_CREATE, MST_K_BOOST};
static const enum mst_kind web_kinds[] = {MST_K_MARKER, MST_K_INTERACTION, MST_K_SESSION,
                                          MST_K_POST};
static const double job_shares[] = {MST_CREATE_SHARE, 1 - MST_CREATE_SHARE};
static const double web_rates[] = {MST_MARKERS, MST_INTERACTIONS, MST_SESSIONS,
                                   MST_POSTS};

/* --- pages and log ------------------------------------------------------------------ */

static uint64_t hot_page(struct pg *pg)
{
	return pg->heap_pages +
	       hcb_random_below(&pg->pages, pg->history_at - pg->heap_pages);
}

/* One page of a status: at the end of a table, or anywhere in an index. */
static uint64_t status_page(struct mst *m)
{
	struct pg *pg = &m->pg;
	if (hcb_random_unit(&pg->pages) < MST_TAIL_SHARE)
		return pg_touch_new(pg,
		                    pg->history_at + m->tail_pages++ % pg->history_pages);
	uint64_t page = hcb_random_below(&pg->pages, pg->heap_pages);
	if (hcb_random_unit(&pg->pages) < m->load.image_share)
		return pg_touch(pg, page);
	pg_touch_plain(pg, page);
	return 0;
}

static uint64_t log_of_status(struct mst *m)
{
	double n = m->load.pages_per_commit;
	uint64_t whole = (uint64_t)n, bytes = m->load.pg.wal_record_bytes;
	whole += hcb_random_unit(&m->pg.pages) < n - (double)whole;
	while (whole--)
		bytes += status_page(m);
	return bytes;
}

static uint64_t log_of_rows(struct mst *m, uint64_t rows)
{
	uint64_t bytes = rows * CRON_ROW_BYTES;
	for (uint64_t i = 0; i <= rows / ROWS_PER_PAGE; i++)
		bytes += pg_touch(&m->pg, hot_page(&m->pg));
	return bytes;
}

static uint64_t log_of_batch(struct mst *m)
{
	struct pg *pg = &m->pg;
	uint64_t at = hcb_random_below(&pg->pages, pg->heap_pages - BATCH_PAGES);
	uint64_t bytes = BATCH_BYTES;
	for (uint64_t i = 0; i < BATCH_PAGES; i++)
		bytes += pg_touch(pg, at + i);
	return bytes;
}

uint64_t mst_log(struct pg *pg, uint32_t b)
{
	struct mst *m = mst_of(pg);
	const struct mst_thread *t = &m->thread[b];
	switch (t->kind) {
	case MST_K_MARKER:
	case MST_K_SESSION:
		return MARKER_BYTES + pg_touch(pg, hot_page(pg));
	case MST_K_CRON:
		return log_of_rows(m, m->cron_rows);
	case MST_K_REMOVAL:
		return log_of_batch(m);
	case MST_K_CREATE:
	case MST_K_BOOST:
	case MST_K_POST:
	case MST_K_INTERACTION:
	case MST_KINDS:
		break;
	}
	return log_of_status(m);
}

/* --- threads ------------------------------------------------------------------------ */

static enum mst_kind draw_kind(struct mst_pool *p)
{
	double at = hcb_random_unit(&p->kinds);
	unsigned i = 0;
	while (i + 1 < p->n_kinds && at >= p->share[i])
		at -= p->share[i++];
	return p->kind[i];
}

static void start(struct mst *m, uint32_t thread, enum mst_kind k, uint32_t commits,
                  uint64_t due_ns, uint64_t now_ns)
{
	m->thread[thread] = (struct mst_thread){.due_ns = due_ns,
	                                        .start_ns = now_ns,
	                                        .left = commits,
	                                        .kind = k,
	                                        .busy = true};
	mst_media_of_job(m, k, now_ns);
	pg_begin_transaction(&m->pg, thread, now_ns, now_ns);
}

void mst_arrival(struct mst *m, struct mst_pool *p, uint64_t now_ns)
{
	struct hcb_arrivals *a = &p->arrivals;
	while (p->n_idle) {
		uint64_t due = a->next_ns;
		enum mst_kind k = draw_kind(p);
		uint32_t commits = mst_draw_commits(k, &p->kinds);
		p->waits = false;
		hcb_arrivals_draw(a);
		start(m, p->idle[--p->n_idle], k, commits, due,
		      now_ns > due ? now_ns : due);
		if (a->next_ns > now_ns) {
			hcb_events_push(&m->pg.ev, a->next_ns, p->event, 0);
			return;
		}
	}
	p->waits = true;
}

/* A run that is not over when the next is due is not begun again: such workers hold a
   lock until they are executed (M app/workers/scheduler). */
void mst_cron(struct mst *m, uint64_t now_ns)
{
	hcb_events_push(&m->pg.ev, now_ns + MST_CRON_NS, MST_EV_CRON, 0);
	if (m->thread[m->cron_thread].busy)
		return;
	uint32_t commits = mst_draw_commits(MST_K_CRON, &m->chance);
	uint64_t rows = 100 + hcb_random_below(&m->chance, CRON_ROWS - 100 + 1);
	m->cron_rows = rows / commits;
	start(m, m->cron_thread, MST_K_CRON, commits, now_ns, now_ns);
}

void mst_removal_commit(struct mst *m, uint64_t now_ns)
{
	start(m, m->removal_thread, MST_K_REMOVAL, 1, now_ns, now_ns);
}

static void finished(struct mst *m, uint32_t thread, uint64_t done_ns)
{
	struct mst_thread *t = &m->thread[thread];
	struct mst_pool *p = thread < m->load.threads ? &m->jobs : &m->web;
	struct hcb_sink *sink = m->pg.sink;
	t->busy = false;
	mst_redis_changed(m, t->kind);
	if (t->kind == MST_K_REMOVAL) {
		mst_removal_committed(m, done_ns);
		return;
	}
	sink->tx(sink,
	         p == &m->jobs || t->kind == MST_K_CRON ? MST_TX_JOB : MST_TX_REQUEST,
	         t->due_ns, t->start_ns, done_ns, t->failed);
	if (t->kind == MST_K_CRON)
		return;
	p->done++;
	p->idle[p->n_idle++] = thread;
	if (p->waits)
		mst_arrival(m, p, done_ns);
}

void mst_committed(struct pg *pg, uint32_t b, uint64_t done_ns, bool failed)
{
	struct mst *m = mst_of(pg);
	struct mst_thread *t = &m->thread[b];
	t->failed |= failed;
	if (--t->left)
		pg_begin_transaction(pg, b, done_ns, done_ns);
	else
		finished(m, b, done_ns);
}

/* --- what is pending ---------------------------------------------------------------- */

static void note_other(struct hcb_pending *out, uint64_t due_ns)
{
	out->others++;
	if (due_ns < out->oldest_due_ns)
		out->oldest_due_ns = due_ns;
}

/* Waiting arrivals are not stored: the generators are run on from where they stand. */
static void pending_arrivals(const struct mst_pool *pool, uint64_t before_ns,
                             struct hcb_pending *out)
{
	struct mst_pool p = *pool;
	for (; p.arrivals.next_ns < before_ns; hcb_arrivals_draw(&p.arrivals)) {
		note_other(out, p.arrivals.next_ns);
		out->to_come += mst_draw_commits(draw_kind(&p), &p.kinds);
	}
}

void mst_pending(const void *state, uint64_t before_ns, struct hcb_pending *out)
{
	const struct mst *m = state;
	*out = (struct hcb_pending){.oldest_due_ns = UINT64_MAX};
	for (uint32_t i = 0; i < m->load.pg.clients; i++) {
		const struct pg_backend *be = &m->pg.be[i];
		const struct mst_thread *t = &m->thread[i];
		bool asked = be->busy && be->due_ns < before_ns;
		if (!t->busy || t->due_ns >= before_ns)
			continue;
		out->count += asked;
		out->to_come += t->left - asked;
		if (t->kind != MST_K_REMOVAL)
			note_other(out, t->due_ns);
	}
	pending_arrivals(&m->jobs, before_ns, out);
	pending_arrivals(&m->web, before_ns, out);
}

/* --- life --------------------------------------------------------------------------- */

static int init_pool(struct mst *m, struct mst_pool *p, uint32_t first, uint32_t n)
{
	p->idle = calloc(n, sizeof(*p->idle));
	if (!p->idle)
		return -ENOMEM;
	for (uint32_t i = n; i-- > 0;)
		p->idle[p->n_idle++] = first + i;
	hcb_arrivals_draw(&p->arrivals);
	hcb_events_push(&m->pg.ev, p->arrivals.next_ns, p->event, 0);
	return 0;
}

int mst_jobs_init(struct mst *m)
{
	const struct mst_load *l = &m->load;
	enum hcb_arrivals_kind kind = (enum hcb_arrivals_kind)m->conf->arrivals;
	enum hcb_arrivals_kind users_kind =
	        kind == HCB_ARRIVALS_BURSTY  ? HCB_ARRIVALS_POISSON
	        : kind == HCB_ARRIVALS_DAILY ? HCB_ARRIVALS_DIURNAL
	                                     : kind;
	double sum = 0;
	m->thread = calloc(l->pg.clients, sizeof(*m->thread));
	if (!m->thread)
		return -ENOMEM;
	m->cron_thread = l->threads + l->web_threads;
	m->removal_thread = m->cron_thread + 1;
	m->jobs.event = MST_EV_JOB;
	m->jobs.kind = job_kinds;
	m->jobs.n_kinds = 2;
	m->web.event = MST_EV_REQUEST;
	m->web.kind = web_kinds;
	m->web.n_kinds = 4;
	for (unsigned i = 0; i < 4; i++)
		sum += web_rates[i];
	for (unsigned i = 0; i < 4; i++)
		m->web.share[i] = web_rates[i] / sum;
	for (unsigned i = 0; i < 2; i++)
		m->jobs.share[i] = job_shares[i];
	hcb_random_init(&m->jobs.kinds, m->pg.seed, 11);
	hcb_random_init(&m->web.kinds, m->pg.seed, 12);
	hcb_random_init(&m->chance, m->pg.seed, 13);
	hcb_arrivals_init(&m->jobs.arrivals, kind, l->jobs_per_s, m->pg.seed, 14);
	hcb_arrivals_init(&m->web.arrivals, users_kind, l->requests_per_s, m->pg.seed,
	                  15);
	/* The clock's five minutes begin somewhere in the run's. */
	hcb_events_push(&m->pg.ev, hcb_random_below(&m->chance, MST_CRON_NS), MST_EV_CRON,
	                0);
	int r = init_pool(m, &m->jobs, 0, l->threads);
	return r ? r : init_pool(m, &m->web, l->threads, l->web_threads);
}

void mst_jobs_free(struct mst *m)
{
	free(m->thread);
	free(m->jobs.idle);
	free(m->web.idle);
}
