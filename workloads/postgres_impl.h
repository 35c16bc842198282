/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the postgres workload: postgres.c (the model in prose, glue),
 * postgres_params.c (parameters), postgres_backend.c (transactions), postgres_wal.c
 * (group commit), postgres_checkpoint.c (checkpointer, kernel write-back).
 */
#ifndef HCB_WORKLOADS_POSTGRES_IMPL_H
#define HCB_WORKLOADS_POSTGRES_IMPL_H

#include "bench/core/random.h"
#include "bench/core/units.h"
#include "workloads/journal.h"
#include "workloads/machine.h"
#include "workloads/workload.h"

#define PG_PAGE           8192u        /* BLCKSZ and XLOG_BLCKSZ, PostgreSQL's default */
#define PG_SEGMENT        (16u << 20)  /* wal_segment_size, default */
#define PG_MAX_WRITE      (256u << 10) /* longest write: merged neighbours, zero-fill */
#define PG_SWEEP_INFLIGHT 128u /* write-back stops here: a block queue's nr_requests */
#define PG_WRITEBACK      32u  /* checkpoint_flush_after = 256 kB: pages per batch */

enum pg_arrivals { PG_POISSON, PG_STEADY, PG_BURSTY };

struct pg_conf {
	uint64_t scale, clients;
	double rate_per_s; /* 0: closed loop */
	int arrivals;
	uint64_t think_ns, cpu_ns;
	uint64_t checkpoint_timeout_ns, max_wal_bytes, wal_segments;
	double completion_target;
	uint64_t checkpoints; /* whole cycles to measure unless --duration says */
	uint64_t files;
	uint64_t wal_record_bytes, fpi_bytes;
	double kappa;
	uint64_t shared_buffers_bytes, cache_bytes;
	double new_segment;
	int synchronous_commit;
	uint64_t commit_delay_ns, commit_siblings;
	int full_page_writes;
};

enum pg_volume { PG_VOL_WAL, PG_VOL_DATA, PG_VOLUMES };

enum pg_stream {
	PG_S_COMMIT_WRITE,
	PG_S_COMMIT_FLUSH,
	PG_S_SEGMENT,
	PG_S_CKPT_WRITE,
	PG_S_CKPT_FLUSH,
	PG_S_EVICT,
	PG_S_JOURNAL,
	PG_S_JOURNAL_FLUSH,
	PG_S_METADATA,
	PG_S_READ,
	PG_STREAMS,
};

enum pg_tx { PG_TX_COMMIT, PG_TX_CHECKPOINT, PG_TXS };
enum pg_phase { PG_PH_WRITE, PG_PH_SYNC, PG_PH_FINISH };

enum pg_event_type {
	PG_EV_ARRIVAL,
	PG_EV_READ,    /* arg: backend; its first page is needed */
	PG_EV_BACKEND, /* arg: backend; its processor time is over: commit */
	PG_EV_COMMIT_DELAY,
	PG_EV_WALWRITER,
	PG_EV_CKPT_DUE,
	PG_EV_CKPT_TICK,
	PG_EV_JBD2,
	PG_EV_WRITEBACK,
};

/* Token: type in the top byte, argument below. */
enum pg_token_type {
	PG_T_READ = 1,
	PG_T_WAL,
	PG_T_CKPT,
	PG_T_CKPT_SYNC,
	PG_T_EVICT,
	PG_T_METADATA,
	PG_T_JOURNAL
};
#define PG_TOKEN(type, arg) ((uint64_t)(type) << 56 | (uint64_t)(arg))

/* Metadata blocks: inodes (WAL, data, history, pg_control), bitmap, group, directory. */
enum {
	PG_M_WAL = 1,
	PG_M_DATA = 2,
	PG_M_HISTORY = 4,
	PG_M_CONTROL = 8,
	PG_M_BITMAP = 16,
	PG_M_GROUP = 32,
	PG_M_DIRECTORY = 64,
	PG_M_NEW_WAL = 128
};

/* Who waits for a journal commit. */
enum { PG_J_WAL = 1, PG_J_CKPT = 2, PG_J_TIMER = 4 };

struct pg_backend {
	uint64_t due_ns, start_ns, lsn;
	uint32_t reads_left;
	bool busy, failed;
};

enum pg_wal_state {
	PG_WAL_IDLE,
	PG_WAL_DELAY,
	PG_WAL_WRITE,
	PG_WAL_FLUSH,
	PG_WAL_ZERO,
	PG_WAL_ZERO_SYNC
};

struct pg_wal {
	enum pg_wal_state state;
	uint64_t insert, flushed; /* bytes of log since the beginning */
	uint64_t pos, chunk_end, target;
	uint32_t out;        /* writes of this chunk not yet done */
	uint32_t syncs_left; /* of a new segment */
	bool failed;
	uint32_t *queue; /* backends waiting for a flush, by LSN */
	uint32_t q_head, q_tail, q_mask;
	uint64_t ckpt_lsn; /* what the checkpointer waits for, 0: nothing */
	/* counted */
	uint64_t flushes, commits, group_max, segments, new_segments, bytes_written, fpi;
};

enum pg_ckpt_state {
	PG_CK_IDLE,
	PG_CK_WRITE,
	PG_CK_DRAIN,
	PG_CK_FSYNC,
	PG_CK_CONTROL,
	PG_CK_CONTROL_SYNC,
	PG_CK_RECORD,
	PG_CK_RECYCLE
};

/* Writes the set bits of a bitmap in ascending order, neighbours merged. */
struct pg_sweep {
	struct hcb_bits bits;
	uint64_t cursor;
	uint64_t batch[PG_WRITEBACK];
	uint32_t n_batch, inflight;
	uint16_t stream;
	uint8_t token_type;
};

struct pg_ckpt {
	enum pg_ckpt_state state;
	bool due, ticking, failed;
	struct pg_sweep sweep;
	uint64_t total, written;
	uint64_t start_ns, write_end_ns, sync_end_ns, wal_start;
	uint64_t fsyncs_left, recycle_left, recycle_step;
	uint64_t last_start_ns, last_wal; /* for the triggers */
	/* counted */
	uint64_t count, finished, forced_by_wal, buffers, recycled;
	uint64_t write_ns, sync_ns, total_ns, sync_max_ns;
};

struct pg {
	const struct pg_conf *conf;
	const struct hcb_geometry *geo;
	struct hcb_sink *sink;
	struct hcb_random arrivals, pages, chance;
	uint64_t seed;
	struct hcb_events ev;
	struct hcb_outq out;
	struct pg_backend *be;
	uint32_t *free_be; /* stack of idle backends (open loop) */
	uint32_t n_free;
	uint64_t next_arrival;
	bool arrival_waits; /* it is due and no backend is free */
	uint64_t n_pages, heap_pages, history_at, history_pages;
	uint64_t history_rows, xacts, xacts_at_ckpt;
	double miss;  /* probability that a touched page must be read */
	double evict; /* probability that a touch evicts a dirty page */
	struct hcb_bits touched, dirty;
	uint64_t n_dirty; /* bits set in dirty */
	struct pg_wal wal;
	struct pg_ckpt ckpt;
	struct pg_sweep evictions;
	struct hcb_journal journal[HCB_MAX_VOLUMES];
	bool active[HCB_MAX_VOLUMES]; /* [fs]: written to since the last 5 s commit */
};

/* postgres_params.c */
#define PG_HEAP_PAGES_PER_SCALE  1640u /* 100 000 accounts, 61 rows a page */
#define PG_INDEX_PAGES_PER_SCALE 274u  /* pgbench_accounts_pkey, 2.14 MB a scale unit */
#define PG_HISTORY_PAGES         8192u /* 64 MiB: then it begins again */
extern const struct hcb_opt pg_opts[];
extern const struct hcb_stream_info pg_streams[PG_STREAMS];
extern const struct hcb_tx_info pg_txs[PG_TXS];
extern const char *const pg_phases[];
uint64_t pg_heap_pages(const struct pg_conf *c); /* accounts and its index */
uint64_t pg_hot_pages(const struct pg_conf *c);  /* tellers, branches */
int pg_plan(const void *conf, struct hcb_geometry *geo, struct hcb_err *err);

/* postgres_backend.c */
void pg_begin_transaction(struct pg *pg, uint32_t b, uint64_t due_ns, uint64_t now_ns);
void pg_read_page(struct pg *pg, uint32_t b, uint64_t now_ns);
void pg_read_done(struct pg *pg, uint32_t b, const struct hcb_op *op);
void pg_commit_call(struct pg *pg, uint32_t b, uint64_t now_ns);
void pg_draw_arrival(struct pg *pg);
/* The arrival at next_arrival is served by a free backend at now, or has to wait. */
void pg_arrival(struct pg *pg, uint64_t now_ns);
void pg_backend_committed(struct pg *pg, uint32_t b, uint64_t done_ns, bool failed);

/* postgres_wal.c */
int pg_wal_init(struct pg *pg);
/* The backend's record is in the log up to its lsn; it waits for the flush. */
void pg_wal_wait(struct pg *pg, uint32_t backend, uint64_t now_ns);
void pg_wal_flush_for_checkpoint(struct pg *pg, uint64_t now_ns);
void pg_wal_op_done(struct pg *pg, const struct hcb_op *op);
void pg_wal_journal_done(struct pg *pg, uint64_t done_ns);
void pg_wal_delay_over(struct pg *pg, uint64_t now_ns);
void pg_wal_writer(struct pg *pg, uint64_t now_ns);

/* postgres_checkpoint.c */
void pg_ckpt_due(struct pg *pg, uint64_t now_ns); /* the timeout has passed */
void pg_ckpt_wal_grew(struct pg *pg, uint64_t now_ns);
void pg_ckpt_tick(struct pg *pg, uint64_t now_ns);
void pg_ckpt_op_done(struct pg *pg, const struct hcb_op *op);
void pg_ckpt_sync_done(struct pg *pg, uint64_t done_ns, bool failed);
void pg_ckpt_record_flushed(struct pg *pg, uint64_t done_ns);
void pg_writeback(struct pg *pg, uint64_t now_ns);
void pg_evict_op_done(struct pg *pg, const struct hcb_op *op);

#endif
