/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the workload mastodon: mastodon.c (the model in prose, glue),
 * mastodon_params.c (parameters, the laws from users to loads), mastodon_jobs.c
 * (Sidekiq's and Puma's threads), mastodon_redis.c (snapshots, AOF), mastodon_media.c
 * (files, their write-back and removal, logs). PostgreSQL is the machine of
 * postgres_impl.h.
 *
 * Marks of the numbers, as in docs/workloads.md: [S] sourced, [D] derived, [A] assumed.
 */
#ifndef HCB_WORKLOADS_MASTODON_IMPL_H
#define HCB_WORKLOADS_MASTODON_IMPL_H

#include "workloads/postgres_impl.h"

#define MST_MIN_USERS 100u /* where the laws' points lie; beyond them nobody knows */
#define MST_MAX_USERS 50000u
#define MST_MAX_WRITE (1u << 20) /* longest write of a file's extent */

#define MST_CREATE_SHARE 0.6 /* of what comes in, the rest boosts [D] */
#define MST_TAIL_SHARE   0.2 /* of a status' pages, added at a table's end [A] */
/* Requests that write, per active user and day. */
#define MST_POSTS        (6.6 / 7)   /* MDOC, mastodon.social in 2019 [D] */
#define MST_INTERACTIONS (87.0 / 30) /* sunny.garden, 73 to 101 a month [D] */
#define MST_MARKERS      15.0        /* [A] */
#define MST_SESSIONS     2.0         /* M SIGN_IN_UPDATE_FREQUENCY and the token's [D] */

enum mst_volume { MST_VOL_REDIS = PG_VOLUMES, MST_VOL_MEDIA, MST_VOLUMES };

enum mst_stream {
	MST_S_RDB = PG_STREAMS,
	MST_S_AOF,
	MST_S_MEDIA,
	MST_S_LOG,
	MST_S_REMOVAL,
	MST_STREAMS
};

enum mst_tx { MST_TX_JOB = PG_TXS, MST_TX_REQUEST, MST_TX_SNAPSHOT, MST_TXS };

/* A commit that met two counts with the later one. A checkpoint writes most of the time,
   a snapshot goes on for seconds to minutes, a sync for less. */
enum mst_phase { MST_PH_WRITE, MST_PH_SNAPSHOT, MST_PH_SYNC, MST_PH_FINISH };

enum mst_event_type {
	MST_EV_JOB = PG_EV_APP, /* arrivals */
	MST_EV_REQUEST,
	MST_EV_CRON,
	MST_EV_REDIS, /* each second: save rules, AOF */
	MST_EV_CHUNK, /* the next chunk of a snapshot is ready */
	MST_EV_FLUSHER,
	MST_EV_REMOVE, /* the next file to remove */
};

enum mst_token_type {
	MST_T_RDB = PG_T_APP, /* arg: which of two chunks */
	MST_T_AOF,
	MST_T_MEDIA,
	MST_T_LOG,
	MST_T_REMOVAL
};

/* Waiters for a journal commit, and blocks of it, beside PostgreSQL's. */
enum { MST_J_RDB = PG_J_APP, MST_J_AOF = PG_J_APP << 1, MST_J_LOG = PG_J_APP << 2 };
enum {
	MST_M_RDB = 1 << 8,
	MST_M_RDB_MAPS = 1 << 9,
	MST_M_RDB_DIR = 1 << 10,
	MST_M_AOF = 1 << 11,
	MST_M_LOG = 1 << 12,
	MST_M_MEDIA_MAPS = 1 << 13,
};

struct mst_conf {
	struct pg_conf pg; /* its settings that a user may change; mst_derive the rest */
	uint64_t users;
	double load;
	int arrivals;
	uint64_t threads, web_threads, database_bytes, rdb_bytes; /* 0: by the laws */
	uint64_t media_bytes;
	int aof;
	uint64_t writeback_ns, delete_at_ns, delete_files;
};

/* What users make of it. */
struct mst_load {
	struct pg_conf pg; /* all of it filled */
	struct pg_db db;
	double jobs_per_s, requests_per_s, commits_per_s; /* jobs: those that write */
	double pages_per_commit, image_share, log_bytes_per_s;
	uint32_t threads, web_threads;
	uint64_t rdb_bytes, aof_at, delete_files;
};

enum mst_kind {
	MST_K_CREATE, /* a status comes in, with its media */
	MST_K_BOOST,
	MST_K_POST,        /* a user writes one */
	MST_K_INTERACTION, /* favourites, follows, boosts */
	MST_K_MARKER,      /* has read up to here */
	MST_K_SESSION,
	MST_K_CRON,
	MST_K_REMOVAL, /* a batch of attachments is gone */
	MST_KINDS
};

/* A thread and its backend, which have one number. */
struct mst_thread {
	uint64_t due_ns, start_ns;
	uint32_t left; /* commits to go */
	enum mst_kind kind;
	bool busy, failed;
};

/* Threads that serve one queue. */
struct mst_pool {
	struct hcb_arrivals arrivals;
	struct hcb_random kinds;
	const enum mst_kind *kind; /* n_kinds of them */
	double share[4];           /* of each kind */
	unsigned n_kinds;
	uint32_t *idle, n_idle; /* a stack */
	uint32_t event;
	bool waits; /* an arrival is due and no thread is idle */
	uint64_t done;
};

enum mst_rdb_state { MST_RDB_IDLE, MST_RDB_WRITE, MST_RDB_FSYNC, MST_RDB_RENAME };

struct mst_redis {
	enum mst_rdb_state state;
	bool failed, held; /* held: the next chunk waits for the one before the last */
	uint64_t changes;  /* since the last snapshot began, in thirds of one */
	uint64_t begun_with, last_save_ns, start_ns;
	uint64_t at, base; /* next byte of the file; which of two places it lies at */
	uint32_t out[2];   /* writes in flight of each of two chunks */
	uint32_t chunk;    /* the last one sent: 0 or 1 */
	/* AOF */
	uint64_t aof_pos, aof_due; /* bytes written, bytes to write since */
	uint32_t aof_out;
	bool aof_busy;
	/* counted */
	uint64_t snapshots, snapshot_ns, snapshot_max_ns, aof_delayed;
};

struct mst_file {
	uint64_t born_ns, off, bytes;
};

#define MST_FILES  (1u << 15) /* dirty files held apart; then they are taken together */
#define MST_STYLES 4u         /* original, small, card, avatar: a directory tree each */

struct mst_media {
	struct hcb_random chance;
	struct mst_file *ring;
	uint32_t head, tail;     /* of the ring: dirty files, oldest first */
	uint64_t sent;           /* bytes of the oldest that are on their way */
	uint64_t crowd;          /* bytes that found the ring full */
	uint64_t born_before_ns; /* older files are to go out */
	uint64_t cursor[MST_STYLES], style_bytes;
	uint64_t home_left; /* metadata blocks to write home */
	uint32_t inflight, ticks;
	bool behind;     /* the device is full: goes on when it has room */
	uint64_t log_at; /* where the logs lie */
	uint64_t log_pos;
	uint32_t log_out;
	uint64_t remove_left, of_batch;
	/* counted */
	uint64_t files, bytes, removed;
};

struct mst {
	struct pg pg; /* first: the machine's slots are the workload's */
	const struct mst_conf *conf;
	struct mst_load load;
	struct mst_thread *thread;
	struct mst_pool jobs, web;
	struct hcb_random chance;
	uint32_t cron_thread, removal_thread;
	uint64_t cron_rows, tail_pages;
	struct mst_redis redis;
	struct mst_media media;
};

static inline struct mst *mst_of(struct pg *pg)
{
	return (struct mst *)pg;
}

/* mastodon_params.c */
extern const struct hcb_opt mst_opts[];
extern const struct hcb_stream_info mst_streams[MST_STREAMS];
extern const struct hcb_tx_info mst_txs[MST_TXS];
extern const char *const mst_phases[];
void mst_derive(const struct mst_conf *c, struct mst_load *l);
int mst_plan(const void *conf, struct hcb_geometry *geo, struct hcb_err *err);
uint32_t mst_max_ops(const void *conf);
/* Commits of one such job or request, mean and drawn. */
double mst_mean_commits(enum mst_kind k);
uint32_t mst_draw_commits(enum mst_kind k, struct hcb_random *r);
#define MST_CRON_NS (300 * HCB_SEC) /* M config/sidekiq.yml [S] */

/* mastodon_jobs.c */
int mst_jobs_init(struct mst *m); /* 0 or -ENOMEM */
void mst_jobs_free(struct mst *m);
void mst_arrival(struct mst *m, struct mst_pool *p, uint64_t now_ns);
void mst_cron(struct mst *m, uint64_t now_ns);
/* One batch of removed attachments: the UPDATE of its rows. */
void mst_removal_commit(struct mst *m, uint64_t now_ns);
uint64_t mst_log(struct pg *pg, uint32_t b);
void mst_committed(struct pg *pg, uint32_t b, uint64_t done_ns, bool failed);
void mst_pending(const void *state, uint64_t before_ns, struct hcb_pending *out);

/* mastodon_redis.c */
void mst_redis_init(struct mst *m);
void mst_redis_changed(struct mst *m, enum mst_kind k); /* such a job is done */
void mst_redis_tick(struct mst *m, uint64_t now_ns);
void mst_rdb_chunk(struct mst *m, uint64_t now_ns);
void mst_rdb_op_done(struct mst *m, const struct hcb_op *op);
void mst_rdb_journal_done(struct mst *m, const struct hcb_op *op);
void mst_aof_op_done(struct mst *m, const struct hcb_op *op);
void mst_aof_journal_done(struct mst *m);

/* mastodon_media.c */
int mst_media_init(struct mst *m); /* 0 or -ENOMEM */
void mst_media_free(struct mst *m);
/* Files that come with such a job, written to memory now. */
void mst_media_of_job(struct mst *m, enum mst_kind k, uint64_t now_ns);
void mst_flusher(struct mst *m, uint64_t now_ns);
void mst_log_op_done(struct mst *m);
void mst_media_op_done(struct mst *m, const struct hcb_op *op);
void mst_remove_next(struct mst *m, uint64_t now_ns);
void mst_removal_op_done(struct mst *m, const struct hcb_op *op);
void mst_removal_committed(struct mst *m, uint64_t done_ns);

#endif
