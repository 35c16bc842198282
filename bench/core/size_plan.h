/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plan files of "hcbench size": the demand, the workloads, and the layouts that are held
 * against it. INI, the dialect of scenario files:
 *
 *	[size]                      [workload db]        [layout shared]
 *	demand = 40/s               type = postgres      kind = shared
 *	load = db.rate              [workload social]    lab = seed-direct
 *	slo = db.commit.p99=50ms    type = micro         on = db.all: rbd:main/db
 *	need = 500GiB               rate = 20/s          on = social.all: rbd:main/media
 *
 *	[layout longer-checkpoints]
 *	kind = tuned
 *	set = db.checkpoint_timeout=15m
 *
 * Only what every plan has is checked here; which parameters, volumes, objectives and
 * pools there are is known further up, and each text keeps its line for that.
 */
#ifndef HCB_CORE_SIZE_PLAN_H
#define HCB_CORE_SIZE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"
#include "bench/core/scenario.h"

#define HCB_PLAN_LAYOUTS   16
#define HCB_PLAN_WORKLOADS 4
#define HCB_PLAN_SLOS      8
#define HCB_PLAN_ONS       12
#define HCB_PLAN_SETS      12
#define HCB_PLAN_TEXT      512

enum hcb_plan_kind { HCB_PLAN_SHARED, HCB_PLAN_TUNED, HCB_PLAN_SPLIT, HCB_PLAN_UNSAID };

/* What a layout gives up, least first: the order in which settings are preferred. */
enum hcb_gives_up {
	HCB_GIVES_UP_NOTHING,
	HCB_GIVES_UP_RECOVERY, /* time to start again after a crash, not data */
	HCB_GIVES_UP_LATENCY,  /* of the single commit or write, not data */
	HCB_GIVES_UP_COMMITS,  /* the last ones before a crash */
	HCB_GIVES_UP_COPIES,   /* storage that is not replicated */
	HCB_GIVES_UP_UNKNOWN,  /* a setting nobody has judged */
	HCB_GIVES_UP_UNSAID,
};

struct hcb_plan_text {
	char text[HCB_PLAN_TEXT];
	int line;
};

/* "db.wal,db.data: rbd:db/db": one of these for each volume; volume "all" too. */
struct hcb_plan_on {
	unsigned workload; /* index */
	char volume[32], target[HCB_PLAN_TEXT];
	int line;
};

/* "db.checkpoint_timeout=15m" */
struct hcb_plan_set {
	unsigned workload;
	char pair[256];
	int line;
};

struct hcb_plan_layout {
	char name[32], lab[256]; /* lab "": none */
	enum hcb_plan_kind kind;
	enum hcb_gives_up gives_up; /* UNSAID: by what it sets */
	char note[256];             /* the user's words on what it gives up; "" none */
	int line;
	struct hcb_plan_on ons[HCB_PLAN_ONS];
	unsigned n_ons;
	struct hcb_plan_set sets[HCB_PLAN_SETS];
	unsigned n_sets;
	struct hcb_plan_text osd[4]; /* "bluestore_max_defer_interval=1" */
	unsigned n_osd;
};

/* Some 130 KiB: not for the stack of a thread. */
struct hcb_size_plan {
	char path[512];
	char demand[32]; /* as it was written: "40/s", "5000" */
	bool per_s;      /* it is a rate */
	double load;     /* its number, above 0 */
	double sigma;
	char load_key[80]; /* "db.rate" */
	unsigned main;     /* the workload whose load it is */
	struct hcb_plan_text slos[HCB_PLAN_SLOS];
	unsigned n_slos;
	uint64_t need_bytes; /* 0: space takes no part */
	uint64_t budget_ns;  /* of one search; 0: search's own */
	uint64_t duration_ns;
	char warmup[32], from[32], to[32];
	uint64_t seed, pairs;
	bool interference; /* the demand's workload alone is searched too */
	enum hcb_scenario_clock clock;
	struct hcb_scenario_workload workloads[HCB_PLAN_WORKLOADS]; /* ons unused */
	uint64_t workload_need[HCB_PLAN_WORKLOADS]; /* bytes; 0: not said */
	unsigned n_workloads;
	struct hcb_plan_layout layouts[HCB_PLAN_LAYOUTS];
	unsigned n_layouts;
	unsigned shared; /* which of them */
};

/* Reads and checks a file. Errors name file and line; exit code 2. */
int hcb_size_plan_read(const char *path, struct hcb_size_plan *out, struct hcb_err *err);
int hcb_size_plan_read_string(const char *text, const char *name,
                              struct hcb_size_plan *out, struct hcb_err *err);
/* Everything a plan may say, from the tables that parse it. */
void hcb_size_plan_print_help(void *file /* FILE * */);
const char *hcb_gives_up_text(enum hcb_gives_up g);

#endif
