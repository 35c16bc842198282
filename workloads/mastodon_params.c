/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parameters of the workload mastodon, and the laws that make a load of a number of
 * active users. Nothing here is in the event path.
 *
 * Sources: M = github glitch-soc/mastodon@839591f; MDOC = github mastodon/documentation
 * @2903485. What is assumed waits for captures of the real thing.
 */
#include "workloads/law.h"
#include "workloads/mastodon_impl.h"

#define DAY_S 86400.0

/* Jobs a second of U active users: two points, 100 users and 100 k jobs a day, 10 000 and
   3.25 M (blog.kujoe.net, 2022) [D, a fit of two points: rough]. */
#define JOBS_FACTOR   0.036
#define JOBS_EXPONENT 0.755
/* Statuses and boosts that come in, a share of all jobs [A]: chosen so that the database
   grows as published. The other jobs deliver and fan out: network and Redis only. */
#define INGEST_SHARE  0.3
#define COMMITS       3.6  /* of one status or boost, mean [D]: what the points are for */
#define CRON_COMMITS  5.5  /* 1 to 10 [A] */
#define RECORD_BYTES  3000 /* of log a status, without images [A] */
#define FILES_SHARE   0.67 /* files a status or boost brings [D] */
/* Rewritten from here on (redis.conf, auto-aof-rewrite-min-size [S]); the rewrite itself
   is left out, and the log begins again. */
#define AOF_BYTES     (64 * HCB_MIB)
#define MAX_DATABASE  (16.0 * 0x1p30) /* what is written to of the whole [A] */
#define ROWS_PER_HOT  50              /* markers on a page [A] */

/* What three sizes of instance were taken to have: 100, 5000, 50 000 users. */
#define LAW(name, a, b, c)                                                               \
	static const struct hcb_law_point name[] = {{100, a}, {5000, b}, {50000, c}}
LAW(threads_law, 10, 60, 250);         /* that commit at once [A] */
LAW(pages_law, 9, 7, 5);               /* a checkpoint writes per status [A] */
LAW(images_law, 6, 3, 1.5);            /* in the log per status [A] */
LAW(files_law, 120, 200, 400);         /* fsynced by a checkpoint [A] */
LAW(database_law, 10e9, 150e9, 800e9); /* bytes [A] */
LAW(rdb_law, 30e6, 500e6, 4e9);        /* bytes of a snapshot [A] */
LAW(log_law, 1000, 20000, 120000);     /* bytes a second [A] */
#define AT(law, users) hcb_law_through(law, sizeof(law) / sizeof(law[0]), users)

/* Commits of one, M app/services, app/lib/activitypub [D]: so many at least, and how many
   in a hundred have none, one, two ... more. Within the range the weights are [A]. */
static const struct commits {
	uint32_t least;
	uint8_t more[8];
} commits[MST_KINDS] = {
        [MST_K_CREATE] = {2, {20, 26, 23, 13, 8, 5, 3, 2}}, /* mean 4.0 */
        [MST_K_BOOST] = {3, {100}},
        [MST_K_POST] = {3, {28, 25, 18, 13, 8, 5, 3, 0}}, /* mean 4.75 */
        [MST_K_INTERACTION] = {1, {50, 50}},
        [MST_K_MARKER] = {1, {100}},
        [MST_K_SESSION] = {1, {100}},
        [MST_K_CRON] = {1, {0}}, /* drawn apart */
        [MST_K_REMOVAL] = {1, {100}},
};

static const char *const arrival_names[] = {"poisson", "steady", "bursty", "daily", NULL};

#define OPT(field)    offsetof(struct mst_conf, field)
#define PG_OPT(field) offsetof(struct mst_conf, pg.field)
const struct hcb_opt mst_opts[] = {
        {.name = "users",
         .type = HCB_OPT_U64,
         .offset = OPT(users),
         .def = "1000",
         .min = MST_MIN_USERS,
         .max = MST_MAX_USERS,
         .help = "active users; all else follows from them (100 to 50000: no law is "
                 "known beyond)"},
        {.name = "load",
         .type = HCB_OPT_DOUBLE,
         .offset = OPT(load),
         .def = "1",
         .min = 0.1,
         .max = 10,
         .help = "times the average load: 3 a busy hour, 10 catching up after an outage "
                 "(assumed)"},
        {.name = "arrivals",
         .type = HCB_OPT_ENUM,
         .offset = OPT(arrivals),
         .def = "poisson",
         .names = arrival_names,
         .help = "poisson, steady, bursty (b-model, b=0.65), daily (that, and the time "
                 "of day: for long runs)"},
        {.name = "threads",
         .type = HCB_OPT_U64,
         .offset = OPT(threads),
         .def = "0",
         .max = 2000,
         .help = "of Sidekiq; 0: by users, 10 to 250 (assumed)"},
        {.name = "web_threads",
         .type = HCB_OPT_U64,
         .offset = OPT(web_threads),
         .def = "0",
         .max = 2000,
         .help = "of Puma; 0: as many as threads (assumed)"},
        {.name = "cpu",
         .type = HCB_OPT_DURATION,
         .offset = PG_OPT(cpu_ns),
         .def = "5ms",
         .help = "of a thread before each commit: Ruby, SQL, network (assumed)"},
        {.name = "database",
         .type = HCB_OPT_SIZE,
         .offset = OPT(database_bytes),
         .def = "0",
         .max = 0x1p45,
         .help = "that is written to; 0: by users, 10 GB to 16 GiB (assumed); smaller "
                 "fits a small pool"},
        PG_OPTS_CHECKPOINT(PG_OPT){
                .name = "files",
                .type = HCB_OPT_U64,
                .offset = PG_OPT(files),
                .def = "0",
                .max = 10000,
                .help = "fsynced by a checkpoint; 0: by users, 120 to 400 (assumed)"},
        {.name = "new_segment",
         .type = HCB_OPT_SHARE,
         .offset = PG_OPT(new_segment),
         .def = "2%",
         .max = 1,
         .help = "share of WAL segments made, not recycled (assumed)"},
        {.name = "fpi",
         .type = HCB_OPT_SIZE,
         .offset = PG_OPT(fpi_bytes),
         .def = "6000",
         .min = 100,
         .max = 8400,
         .help = "log of one full-page image, its hole left out (assumed)"},
        PG_OPTS_IMAGES(PG_OPT) PG_OPTS_COMMIT(PG_OPT){
                .name = "snapshot",
                .type = HCB_OPT_SIZE,
                .offset = OPT(rdb_bytes),
                .def = "0",
                .max = 0x1p37,
                .help = "size of Redis' dump; 0: by users, 30 MB to 4 GB (assumed)"},
        {.name = "aof",
         .type = HCB_OPT_BOOL,
         .offset = OPT(aof),
         .def = "off",
         .help = "Redis' append-only file, fsynced each second (Debian: off)"},
        {.name = "media",
         .type = HCB_OPT_SIZE,
         .offset = OPT(media_bytes),
         .def = "4GiB",
         .min = 0x1p30,
         .max = 0x1p45,
         .help = "of the media volume: new files fill it, then it begins again"},
        {.name = "writeback",
         .type = HCB_OPT_DURATION,
         .offset = OPT(writeback_ns),
         .def = "30s",
         .min = 5e9,
         .max = 600e9,
         .help = "the kernel sends a file off so long after it was written, at most"},
        {.name = "delete_at",
         .type = HCB_OPT_DURATION,
         .offset = OPT(delete_at_ns),
         .def = "0",
         .help = "when the nightly removal of old media begins; 0: never"},
        {.name = "delete_files",
         .type = HCB_OPT_U64,
         .offset = OPT(delete_files),
         .def = "0",
         .max = 1e9,
         .help = "it removes so many; 0: as many as a day brings"},
        {.name = NULL},
};

const struct hcb_stream_info mst_streams[MST_STREAMS] = {
        PG_STREAM_INFOS,
        [MST_S_RDB] = {"snapshot", HCB_WRITE},
        [MST_S_AOF] = {"aof", HCB_WRITE},
        [MST_S_MEDIA] = {"media", HCB_WRITE},
        [MST_S_LOG] = {"log", HCB_WRITE},
        [MST_S_REMOVAL] = {"removal", HCB_READ},
};

const struct hcb_tx_info mst_txs[MST_TXS] = {
        [PG_TX_COMMIT] =
                {.name = "commit",
                 .help = "WAL write plus flush, from when a thread asked for it"},
        [PG_TX_CHECKPOINT] = {.name = "checkpoint",
                              .help = "from its start to the last segment recycled"},
        [MST_TX_JOB] = {.name = "job",
                        .help = "of Sidekiq, from when it was queued to its last commit",
                        .awaited = true},
        [MST_TX_REQUEST] = {.name = "request",
                            .help = "of a user who posts, favourites or reads, from "
                                    "when it came to its last commit",
                            .awaited = true},
        [MST_TX_SNAPSHOT] = {.name = "snapshot",
                             .help = "Redis' dump, from its trigger until it is durable "
                                     "under its name"},
};

const char *const mst_phases[] = {
        [MST_PH_WRITE] = "checkpoint write",
        [MST_PH_SNAPSHOT] = "redis snapshot",
        [MST_PH_SYNC] = "checkpoint sync",
        [MST_PH_FINISH] = "checkpoint finish",
        NULL,
};

/* --- kinds of job ------------------------------------------------------------------- */

double mst_mean_commits(enum mst_kind k)
{
	double sum = 0;
	for (unsigned i = 0; i < 8; i++)
		sum += (commits[k].least + i) * commits[k].more[i] / 100.0;
	return k == MST_K_CRON ? CRON_COMMITS : sum;
}

uint32_t mst_draw_commits(enum mst_kind k, struct hcb_random *r)
{
	const struct commits *c = &commits[k];
	if (k == MST_K_CRON)
		return 1 + (uint32_t)hcb_random_below(r, 10);
	uint64_t at = hcb_random_below(r, 100);
	uint32_t i = 0;
	while (i < 7 && at >= c->more[i])
		at -= c->more[i++];
	return c->least + i;
}

/* --- the laws ----------------------------------------------------------------------- */

static double ingested_per_s(const struct mst_conf *c)
{
	return INGEST_SHARE * JOBS_FACTOR * hcb_law_pow((double)c->users, JOBS_EXPONENT);
}

#define REQUESTS (MST_POSTS + MST_INTERACTIONS + MST_MARKERS + MST_SESSIONS)

static uint64_t or_law(uint64_t given, double law)
{
	return given ? given : (uint64_t)(law + 0.5);
}

static void derive_rates(const struct mst_conf *c, struct mst_load *l)
{
	double u = (double)c->users, by = c->load / DAY_S * u;
	l->jobs_per_s = ingested_per_s(c) * c->load;
	l->requests_per_s = REQUESTS * by;
	l->commits_per_s =
	        l->jobs_per_s * (MST_CREATE_SHARE * mst_mean_commits(MST_K_CREATE) +
	                         (1 - MST_CREATE_SHARE) * mst_mean_commits(MST_K_BOOST)) +
	        by * (MST_POSTS * mst_mean_commits(MST_K_POST) +
	              MST_INTERACTIONS * mst_mean_commits(MST_K_INTERACTION) +
	              MST_MARKERS + MST_SESSIONS) +
	        CRON_COMMITS / ((double)MST_CRON_NS / 1e9);
	l->pages_per_commit = AT(pages_law, u) / COMMITS;
	/* A page added needs no image; of the others so many log one. The two laws are
	   assumed apart from each other: that fewer images than pages are written is
	   left to hint bits, free space maps and split pages. */
	l->image_share = AT(images_law, u) / ((1 - MST_TAIL_SHARE) * AT(pages_law, u));
	l->log_bytes_per_s = AT(log_law, u) * c->load;
}

static void derive_database(const struct mst_conf *c, struct mst_load *l)
{
	double law = AT(database_law, (double)c->users);
	uint64_t pages =
	        or_law(c->database_bytes, law < MAX_DATABASE ? law : MAX_DATABASE) /
	        PG_PAGE;
	/* Where tables end, at most 512 MiB of it, and what is hot at any size [A]. */
	uint64_t tail = pages / 8 < 65536 ? pages / 8 : 65536;
	uint64_t hot = 64 + c->users / ROWS_PER_HOT;
	l->db = (struct pg_db){pages - tail - hot, hot, tail};
}

static uint64_t wal_segments(const struct mst_conf *c, const struct mst_load *l)
{
	double images = l->pages_per_commit * (1 - MST_TAIL_SHARE) * l->image_share;
	double per_commit =
	        RECORD_BYTES / COMMITS + images * (double)pg_image_bytes(&c->pg);
	double bytes = 1.9 * l->commits_per_s * per_commit *
	               (double)c->pg.checkpoint_timeout_ns / 1e9;
	double n = bytes / PG_SEGMENT;
	return n < 5 ? 5 : n > 64 ? 64 : (uint64_t)(n + 0.5); /* min_, max_wal_size */
}

void mst_derive(const struct mst_conf *c, struct mst_load *l)
{
	double u = (double)c->users;
	derive_rates(c, l);
	derive_database(c, l);
	l->threads = (uint32_t)or_law(c->threads, AT(threads_law, u));
	l->web_threads = (uint32_t)or_law(c->web_threads, l->threads);
	l->rdb_bytes = or_law(c->rdb_bytes, AT(rdb_law, u));
	l->delete_files =
	        or_law(c->delete_files, FILES_SHARE * ingested_per_s(c) * DAY_S);
	l->aof_at = (2 * l->rdb_bytes / (4 * HCB_MIB) + 1) * (4 * HCB_MIB);
	l->pg = c->pg;
	l->pg.clients = l->threads + l->web_threads + 2; /* cron, removal */
	l->pg.files = or_law(c->pg.files, AT(files_law, u));
	l->pg.wal_record_bytes = (uint64_t)(RECORD_BYTES / COMMITS);
	l->pg.wal_segments = wal_segments(c, l);
	l->pg.kappa = 1;
	/* Nothing is evicted, nothing read: the servers hold what is written to [A]. */
	l->pg.shared_buffers_bytes = (l->db.heap_pages + 1) * PG_PAGE;
	l->pg.cache_bytes = l->pg.shared_buffers_bytes;
}

int mst_plan(const void *conf, struct hcb_geometry *geo, struct hcb_err *err)
{
	const struct mst_conf *c = conf;
	struct mst_load l;
	if (c->database_bytes && c->database_bytes < 64 * HCB_MIB)
		return hcb_err_usage(err, "mastodon: database is below 64MiB");
	if (c->delete_files && !c->delete_at_ns)
		return hcb_err_usage(err,
		                     "mastodon: delete_files needs delete_at, when the "
		                     "removal begins");
	mst_derive(c, &l);
	pg_plan_volumes(&l.pg, &l.db, geo);
	geo->n_volumes = MST_VOLUMES;
	geo->regions[MST_VOL_REDIS] = (struct hcb_region){
	        .name = "redis", .bytes = l.aof_at + AOF_BYTES, .prefill = true};
	geo->regions[MST_VOL_MEDIA] = (struct hcb_region){
	        .name = "media",
	        .bytes = c->media_bytes / (4 * HCB_MIB) * (4 * HCB_MIB),
	        .prefill = true};
	return 0;
}

uint32_t mst_max_ops(const void *conf)
{
	struct mst_load l;
	mst_derive(conf, &l);
	uint32_t rdb = 8, aof = 20, log = 36, removal = 1; /* rings may end in between */
	return pg_machine_ops(&l.pg) + rdb + aof + log + removal + PG_SWEEP_INFLIGHT +
	       MST_VOLUMES * (uint32_t)HCB_JOURNAL_MAX_OPS;
}
