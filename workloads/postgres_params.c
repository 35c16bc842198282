/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parameters of the postgres workload, and how large its volumes are. */
#include "workloads/postgres_impl.h"

#define JOURNAL_BYTES (128 * HCB_MIB) /* mke2fs for such sizes */

static const char *const arrival_names[] = {"poisson", "steady", "bursty", NULL};

#define OPT(field) offsetof(struct pg_conf, field)
const struct hcb_opt pg_opts[] = {
        {.name = "scale",
         .type = HCB_OPT_U64,
         .offset = OPT(scale),
         .def = "100",
         .min = 1,
         .max = 100000,
         .help = "pgbench scale: 15 MiB of database each"},
        {.name = "clients",
         .type = HCB_OPT_U64,
         .offset = OPT(clients),
         .def = "16",
         .min = 1,
         .max = 5000,
         .help = "backends"},
        {.name = "rate",
         .type = HCB_OPT_RATE,
         .offset = OPT(rate_per_s),
         .def = "0/s",
         .min = 0,
         .max = 1e6,
         .help = "transactions offered, e.g. 40/s (open load); 0/s: closed loop"},
        {.name = "arrivals",
         .type = HCB_OPT_ENUM,
         .offset = OPT(arrivals),
         .def = "poisson",
         .names = arrival_names,
         .help = "poisson, steady, or bursty (b-model, b=0.65, 1 s to 1 h; assumed)"},
        {.name = "think",
         .type = HCB_OPT_DURATION,
         .offset = OPT(think_ns),
         .def = "0",
         .help = "closed loop: pause between two transactions of a client"},
        {.name = "cpu",
         .type = HCB_OPT_DURATION,
         .offset = OPT(cpu_ns),
         .def = "200us",
         .help = "time of a transaction outside the storage (assumed)"},
        PG_OPTS_CHECKPOINT(OPT){.name = "files",
                                .type = HCB_OPT_U64,
                                .offset = OPT(files),
                                .def = "12",
                                .min = 1,
                                .max = 10000,
                                .help = "files fsynced by a checkpoint (assumed; 600-700 "
                                        "seen elsewhere)"},
        {.name = "wal_segments",
         .type = HCB_OPT_U64,
         .offset = OPT(wal_segments),
         .def = "28",
         .min = 5,
         .max = 4096,
         .help = "16 MiB segments in the ring (5 to 64 by default settings)"},
        {.name = "new_segment",
         .type = HCB_OPT_SHARE,
         .offset = OPT(new_segment),
         .def = "2%",
         .min = 0,
         .max = 1,
         .help = "share of segments made, not recycled (assumed)"},
        {.name = "wal_record",
         .type = HCB_OPT_SIZE,
         .offset = OPT(wal_record_bytes),
         .def = "500",
         .min = 40,
         .max = 1e8,
         .help = "log of a transaction without page images"},
        {.name = "fpi",
         .type = HCB_OPT_SIZE,
         .offset = OPT(fpi_bytes),
         .def = "8200",
         .min = 100,
         .max = 8400,
         .help = "log of one full-page image"},
        {.name = "kappa",
         .type = HCB_OPT_DOUBLE,
         .offset = OPT(kappa),
         .def = "1.3",
         .min = 1,
         .max = 2,
         .help = "pages touched per account update (assumed: 1.0 HOT to 2.0)"},
        PG_OPTS_IMAGES(OPT){
                .name = "shared_buffers",
                .type = HCB_OPT_SIZE,
                .offset = OPT(shared_buffers_bytes),
                .def = "4GiB",
                .min = 0x1p20,
                .max = 0x1p45,
                .help = "below the database's size, backends evict dirty pages"},
        {.name = "cache",
         .type = HCB_OPT_SIZE,
         .offset = OPT(cache_bytes),
         .def = "8GiB",
         .min = 0x1p20,
         .max = 0x1p45,
         .help = "shared_buffers plus page cache; below the database's size pages are "
                 "read"},
        PG_OPTS_COMMIT(OPT){.name = NULL},
};

const struct hcb_stream_info pg_streams[PG_STREAMS] = {PG_STREAM_INFOS};

const struct hcb_tx_info pg_txs[PG_TXS] = {
        [PG_TX_COMMIT] = {.name = "commit",
                          .help = "WAL write plus flush, from when it was due"},
        [PG_TX_CHECKPOINT] = {.name = "checkpoint",
                              .help = "from its start to the last segment recycled"},
};

const char *const pg_phases[] = {"checkpoint write", "checkpoint sync",
                                 "checkpoint finish", NULL};

/* accounts and its index */
uint64_t pg_heap_pages(const struct pg_conf *c)
{
	return c->scale * (PG_HEAP_PAGES_PER_SCALE + PG_INDEX_PAGES_PER_SCALE);
}

uint64_t pg_hot_pages(const struct pg_conf *c)
{
	return 2 + c->scale / 8;
}
struct pg_db pg_db_of(const struct pg_conf *c)
{
	return (struct pg_db){pg_heap_pages(c), pg_hot_pages(c), PG_HISTORY_PAGES};
}

void pg_plan_volumes(const struct pg_conf *c, const struct pg_db *db,
                     struct hcb_geometry *geo)
{
	geo->n_volumes = PG_VOLUMES;
	geo->regions[PG_VOL_WAL] = (struct hcb_region){
	        .name = "wal", .bytes = c->wal_segments * PG_SEGMENT, .prefill = true};
	geo->regions[PG_VOL_DATA] =
	        (struct hcb_region){.name = "data",
	                            .bytes = (db->heap_pages + db->hot_pages +
	                                      db->history_pages + PG_SPARE_PAGES) *
	                                     PG_PAGE,
	                            .prefill = true};
	geo->journal_bytes = JOURNAL_BYTES;
}

int pg_plan(const void *conf, struct hcb_geometry *geo, struct hcb_err *err)
{
	const struct pg_conf *c = conf;
	if (c->cache_bytes < c->shared_buffers_bytes)
		return hcb_err_usage(err,
		                     "postgres: cache is below shared_buffers: it is "
		                     "shared_buffers plus the page cache");
	if (!c->synchronous_commit && c->rate_per_s <= 0 && c->cpu_ns + c->think_ns == 0)
		return hcb_err_usage(
		        err, "postgres: synchronous_commit=off in a closed loop "
		             "needs cpu or think above 0: nothing else would take time");
	if (c->rate_per_s > 0 && c->think_ns)
		return hcb_err_usage(
		        err, "postgres: think belongs to a closed loop; with rate "
		             "the arrivals set the pace");
	struct pg_db db = pg_db_of(c);
	pg_plan_volumes(c, &db, geo);
	return 0;
}
