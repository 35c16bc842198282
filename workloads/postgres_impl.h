/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PostgreSQL as a machine that an application runs on. The machine: postgres_machine.c
 * (timers, dispatch, life), postgres_backend.c (pages, a transaction up to its commit),
 * postgres_wal.c (group commit), postgres_checkpoint.c (checkpointer, kernel write-back).
 * The workload postgres is one application of it, pgbench's: postgres.c (the model in
 * prose, the load), postgres_params.c (parameters). mastodon is another.
 */
#ifndef HCB_WORKLOADS_POSTGRES_IMPL_H
#define HCB_WORKLOADS_POSTGRES_IMPL_H

#include "bench/core/random.h"
#include "bench/core/units.h"
#include "workloads/arrivals.h"
#include "workloads/journal.h"
#include "workloads/machine.h"
#include "workloads/workload.h"

#define PG_PAGE           8192u        /* BLCKSZ and XLOG_BLCKSZ, PostgreSQL's default */
#define PG_SEGMENT        (16u << 20)  /* wal_segment_size, default */
#define PG_MAX_WRITE      (256u << 10) /* longest write: merged neighbours, zero-fill */
#define PG_SWEEP_INFLIGHT 128u /* write-back stops here: a block queue's nr_requests */
#define PG_WRITEBACK      32u  /* checkpoint_flush_after = 256 kB: pages per batch */

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
	int full_page_writes, wal_compression;
	double compressed; /* wal_compression: what is left of an image */
};

/* Log of one full-page image. */
static inline uint64_t pg_image_bytes(const struct pg_conf *c)
{
	return c->wal_compression ? (uint64_t)((double)c->fpi_bytes * c->compressed)
	                          : c->fpi_bytes;
}

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
enum pg_phase { PG_PH_WRITE, PG_PH_SYNC, PG_PH_FINISH, PG_PHASES };

enum pg_event_type {
	PG_EV_READ,    /* arg: backend; its first page is needed */
	PG_EV_BACKEND, /* arg: backend; its processor time is over: commit */
	PG_EV_COMMIT_DELAY,
	PG_EV_WALWRITER,
	PG_EV_CKPT_DUE,
	PG_EV_CKPT_TICK,
	PG_EV_JBD2,
	PG_EV_WRITEBACK,
	PG_EV_APP, /* from here on: the application's own */
};

/* Token: type in the top byte, argument below. */
enum pg_token_type {
	PG_T_READ = 1,
	PG_T_WAL,
	PG_T_CKPT,
	PG_T_CKPT_SYNC,
	PG_T_EVICT,
	PG_T_METADATA,
	PG_T_JOURNAL,
	PG_T_APP, /* from here on: the application's own */
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
enum { PG_J_WAL = 1, PG_J_CKPT = 2, PG_J_TIMER = 4, PG_J_APP = 8 };

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

struct pg;

/* What runs on it. Slots that are never called for may be NULL. */
struct pg_app {
	/* Backend b commits: touches the pages of its transaction (pg_touch) and returns
	   the log that took. */
	uint64_t (*log)(struct pg *pg, uint32_t b);
	/* It has committed, the sample is recorded; the backend is idle. */
	void (*committed)(struct pg *pg, uint32_t b, uint64_t done_ns, bool failed);
	/* An event from PG_EV_APP on, an op with a token from PG_T_APP on. */
	void (*event)(struct pg *pg, const struct hcb_event *e);
	void (*op_done)(struct pg *pg, const struct hcb_op *op);
	/* A journal commit that waiters from PG_J_APP on asked for. */
	void (*journal_done)(struct pg *pg, uint32_t who, const struct hcb_op *op);
};

/* The database's pages, in this order; then PG_SPARE_PAGES of clog and pg_control. */
struct pg_db {
	uint64_t heap_pages;    /* touched at random */
	uint64_t hot_pages;     /* touched again and again */
	uint64_t history_pages; /* appended to; a ring */
};
#define PG_SPARE_PAGES 16u

/* A machine to be made. All of it outlives the machine. */
struct pg_setup {
	const struct pg_app *app;
	const struct pg_conf *conf;
	const struct pg_db *db;
	const struct hcb_geometry *geo; /* PG_VOL_WAL and PG_VOL_DATA first */
	struct hcb_sink *sink;
	uint64_t seed;
	unsigned phase[PG_PHASES];    /* their numbers among the workload's */
	uint32_t app_ops, app_events; /* room for the application's own */
	bool closed; /* a commit is due when it is called for, not at its arrival */
	/* a closed loop's backends are never idle: commit_siblings counts all of them */
	bool never_idle;
};

struct pg {
	const struct pg_app *app;
	const struct pg_conf *conf;
	const struct hcb_geometry *geo;
	struct hcb_sink *sink;
	struct hcb_random pages, chance;
	uint64_t seed;
	unsigned phase[PG_PHASES];
	bool closed, never_idle;
	struct hcb_events ev;
	struct hcb_outq out;
	struct pg_backend *be;
	uint32_t n_busy; /* backends in a transaction */
	uint64_t n_pages, heap_pages, history_at, history_pages;
	uint64_t xacts, xacts_at_ckpt;
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

/* postgres_machine.c: the slots of a workload whose state begins with a struct pg */
int pg_open(struct pg *pg, const struct pg_setup *s, struct hcb_err *err);
void pg_close(struct pg *pg); /* also of one that pg_open failed on */
enum hcb_next pg_next(void *state, uint64_t now_ns, struct hcb_op *op, uint64_t *wait_ns);
void pg_done(void *state, const struct hcb_op *op);
void pg_metrics(const void *state, struct hcb_kvs *out);
/* Most ops of the machine alone. */
uint32_t pg_machine_ops(const struct pg_conf *c);
void pg_phase(struct pg *pg, enum pg_phase phase, bool begin, uint64_t now_ns);

/* postgres_params.c */
#define PG_HEAP_PAGES_PER_SCALE  1640u /* 100 000 accounts, 61 rows a page */
#define PG_INDEX_PAGES_PER_SCALE 274u  /* pgbench_accounts_pkey, 2.14 MB a scale unit */
#define PG_HISTORY_PAGES         8192u /* 64 MiB: then it begins again */
#define PG_STREAM_INFOS                                                                  \
	[PG_S_COMMIT_WRITE] = {"commit", HCB_WRITE},                                     \
	[PG_S_COMMIT_FLUSH] = {"commit-flush", HCB_FLUSH},                               \
	[PG_S_SEGMENT] = {"new-segment", HCB_WRITE},                                     \
	[PG_S_CKPT_WRITE] = {"checkpoint", HCB_WRITE},                                   \
	[PG_S_CKPT_FLUSH] = {"checkpoint-flush", HCB_FLUSH},                             \
	[PG_S_EVICT] = {"eviction", HCB_WRITE}, [PG_S_JOURNAL] = {"journal", HCB_WRITE}, \
	[PG_S_JOURNAL_FLUSH] = {"journal-flush", HCB_FLUSH},                             \
	[PG_S_METADATA] = {"metadata", HCB_WRITE},                                       \
	[PG_S_READ] = {"cache-miss", HCB_READ}
/* Settings that any application's table has; OFFSET(field) of struct pg_conf. */
#define PG_OPTS_CHECKPOINT(OFFSET)                                                       \
	{.name = "checkpoint_timeout",                                                   \
	 .type = HCB_OPT_DURATION,                                                       \
	 .offset = OFFSET(checkpoint_timeout_ns),                                        \
	 .def = "5m",                                                                    \
	 .min = 1e9,                                                                     \
	 .max = 86400e9,                                                                 \
	 .help = "PostgreSQL's; short runs set 30s and say so"},                         \
	        {.name = "max_wal_size",                                                 \
	         .type = HCB_OPT_SIZE,                                                   \
	         .offset = OFFSET(max_wal_bytes),                                        \
	         .def = "1GiB",                                                          \
	         .min = 0x1p25,                                                          \
	         .max = 0x1p50,                                                          \
	         .help = "PostgreSQL's"},                                                \
	        {.name = "checkpoint_completion_target",                                 \
	         .type = HCB_OPT_DOUBLE,                                                 \
	         .offset = OFFSET(completion_target),                                    \
	         .def = "0.9",                                                           \
	         .min = 0.01,                                                            \
	         .max = 1,                                                               \
	         .help = "PostgreSQL's"},                                                \
	        {.name = "checkpoints",                                                  \
	         .type = HCB_OPT_U64,                                                    \
	         .offset = OFFSET(checkpoints),                                          \
	         .def = "2",                                                             \
	         .min = 1,                                                               \
	         .max = 200,                                                             \
	         .help = "whole checkpoint cycles to measure without --duration"},
#define PG_OPTS_IMAGES(OFFSET)                                                           \
	{.name = "full_page_writes",                                                     \
	 .type = HCB_OPT_BOOL,                                                           \
	 .offset = OFFSET(full_page_writes),                                             \
	 .def = "on",                                                                    \
	 .help = "PostgreSQL's"},                                                        \
	        {.name = "wal_compression",                                              \
	         .type = HCB_OPT_BOOL,                                                   \
	         .offset = OFFSET(wal_compression),                                      \
	         .def = "off",                                                           \
	         .later = true,                                                          \
	         .help = "PostgreSQL's; the processor time is left out"},                \
	        {.name = "compressed",                                                   \
	         .type = HCB_OPT_SHARE,                                                  \
	         .offset = OFFSET(compressed),                                           \
	         .def = "40%",                                                           \
	         .later = true,                                                          \
	         .min = 0.01,                                                            \
	         .max = 1,                                                               \
	         .help = "wal_compression: what it leaves of an image (assumed)"},
#define PG_OPTS_COMMIT(OFFSET)                                                           \
	{.name = "synchronous_commit",                                                   \
	 .type = HCB_OPT_BOOL,                                                           \
	 .offset = OFFSET(synchronous_commit),                                           \
	 .def = "on",                                                                    \
	 .help = "off: a commit does not wait; up to 600 ms may be lost"},               \
	        {.name = "commit_delay",                                                 \
	         .type = HCB_OPT_DURATION,                                               \
	         .offset = OFFSET(commit_delay_ns),                                      \
	         .def = "0",                                                             \
	         .max = 100e6,                                                           \
	         .help = "PostgreSQL's"},                                                \
	        {.name = "commit_siblings",                                              \
	         .type = HCB_OPT_U64,                                                    \
	         .offset = OFFSET(commit_siblings),                                      \
	         .def = "5",                                                             \
	         .max = 1000,                                                            \
	         .help = "PostgreSQL's"},
extern const struct hcb_opt pg_opts[];
extern const struct hcb_stream_info pg_streams[PG_STREAMS];
extern const struct hcb_tx_info pg_txs[PG_TXS];
extern const char *const pg_phases[];
uint64_t pg_heap_pages(const struct pg_conf *c); /* accounts and its index */
uint64_t pg_hot_pages(const struct pg_conf *c);  /* tellers, branches */
struct pg_db pg_db_of(const struct pg_conf *c);
int pg_plan(const void *conf, struct hcb_geometry *geo, struct hcb_err *err);
/* The two volumes and the journal's size, for any application. */
void pg_plan_volumes(const struct pg_conf *c, const struct pg_db *db,
                     struct hcb_geometry *geo);

/* postgres_backend.c */
/* Marks the page; returns the log its first touch since the checkpoint costs. */
uint64_t pg_touch(struct pg *pg, uint64_t page);
/* The same of a page that has just been added to its file (page: absolute): its first
   insert initialises it, so no image of it is logged; inode and bitmap are dirty. */
uint64_t pg_touch_new(struct pg *pg, uint64_t page);
/* The same of a page whose change needs no image: hint bits, a map of free space. */
void pg_touch_plain(struct pg *pg, uint64_t page);
/* A buffer is needed: now and then the victim is dirty and goes to the kernel. */
void pg_maybe_evict(struct pg *pg);
/* An idle backend begins one that was due at due_ns, at now_ns or later. */
void pg_begin_transaction(struct pg *pg, uint32_t b, uint64_t due_ns, uint64_t now_ns);
void pg_read_page(struct pg *pg, uint32_t b, uint64_t now_ns);
void pg_read_done(struct pg *pg, uint32_t b, const struct hcb_op *op);
void pg_commit_call(struct pg *pg, uint32_t b, uint64_t now_ns);
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
