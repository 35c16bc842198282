/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hcbench size" in its parts. */
#ifndef HCB_CMD_SIZE_PARTS_H
#define HCB_CMD_SIZE_PARTS_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>

#include "bench/cmd/lab_child.h"
#include "bench/core/cluster.h"
#include "bench/core/size_plan.h"
#include "bench/decide.h"
#include "bench/history_extract.h"
#include "engines/engine.h"

#define SIZE_MAX_DISKS   192 /* as HCB_SPACE_DOMAINS */
#define SIZE_MAX_CLASSES 4
#define SIZE_TEXT        16384 /* of a scenario */

/* Disks under a set of volumes, by names that are equal if the disks are. */
struct size_disks {
	char id[SIZE_MAX_DISKS][96];
	unsigned n;
	bool more; /* than fit */
};

/* Room in one device class of a cluster file or of a cluster in use, or on a host's
   system disk. */
struct size_class {
	char name[48];                   /* "hdd", "system h1" */
	double usable_bytes, need_bytes; /* a host down, at nearfull */
	double stored_bytes;             /* in use: data there now; usable is beside it */
	double raw_bytes, left_bytes; /* all its OSDs; what a layout leaves of usable */
	unsigned osds, hosts, copies;
	bool used, main; /* by this layout, by its demand's workload */
};

/* A layout, or the demand's workload alone on the shared one: each has a search. */
struct size_layout {
	const struct hcb_plan_layout *plan;
	enum hcb_layout_kind kind;   /* as found, not as said */
	char why_none[256];          /* kind NONE: what was found */
	struct hcb_cluster *cluster; /* its lab's; NULL: none */
	/* Of each target in a pool in use, hcb_ceph_survey_room's; NULL: none, or it is
	   not known. */
	json_t *room[HCB_PLAN_ONS];
	char cluster_hash[HCB_HISTORY_HASH]; /* of its file's text */
	struct size_disks main, other; /* under the demand's workload; under the rest */
	unsigned n_disks, disks_more;
	struct size_class classes[SIZE_MAX_CLASSES];
	unsigned n_classes;
	bool space_known;
	double space_ratio;
	enum hcb_gives_up gives_up;
	char gives_up_text[400];
	json_t *search, *ab; /* documents; NULL: none */
	unsigned invalid_row;
	bool done;
};

struct size {
	struct hcb_size_plan *plan;
	const char *path, *out, *keep;
	bool json, quiet, resume, check;
	char dir[280]; /* of scenarios and of the searches' documents */
	bool own_dir;
	const volatile sig_atomic_t *stop;
	struct size_layout layout[HCB_PLAN_LAYOUTS];
	unsigned n;
	struct size_layout alone; /* plan: the shared one's; no cluster */
	bool has_alone;
	bool virtual_clock;
	uint64_t trial_ns;    /* measured of a trial of the shared layout */
	double likely_s;      /* of all trials, lab time */
	struct lab_child lab; /* that is up */
	struct hcb_decision decision;
	struct hcb_layout_evidence evidence[HCB_PLAN_LAYOUTS];
	bool decided;
};

/* ---- size_check.c ---- */

/* Whatever cannot be measured is said here, by the plan's file and line: parameters,
   volumes, objectives. */
int size_check(struct size *s, struct hcb_err *err);
/*
 * The scenario of a layout. alone: the demand's workload and nothing else. lab: the name
 * of the lab it runs in, up or not; NULL: none, and {system HOST} is a path that only
 * looks like one.
 */
int size_scenario(const struct size *s, const struct size_layout *l, bool alone,
                  const char *lab, char *buf, size_t size, struct hcb_err *err);
/* The load's key and an objective as they are called in that scenario: with one workload
   they lose its name. */
const char *size_own_name(const struct size *s, bool alone, const char *name);

/* Adds to what a layout gives up. key: of which setting, or "". */
void size_gives_up(struct size_layout *l, enum hcb_gives_up g, const char *key,
                   const char *text);

/* ---- size_disks.c ---- */

/* What lies under each layout, kinds, disks, space: from cluster files, devices, pools.
 */
int size_disks_find(struct size *s, struct hcb_err *err);

/* The pool of its lab that a target lies in; NULL: none. */
const struct hcb_pool_spec *size_pool_under(const struct size_layout *l,
                                            const struct hcb_plan_on *on);

/* ---- size_copies.c ---- */

/* A volume of the database's on storage that keeps fewer copies than the shared layout's,
   whatever the plan says; then what is given up is complete. After size_disks_find's
   other parts. */
void size_copies_find(const struct size *s, struct size_layout *l);

/* ---- size_space.c ---- */

/* l->classes, space_known and space_ratio, from its cluster file. */
int size_space_find(const struct size *s, struct size_layout *l, struct hcb_err *err);

/* ---- size_run.c ---- */

/* Whatever search would refuse, before anything is built. Needs s->dir. */
int size_try_out(struct size *s, struct hcb_err *err);
/* All searches and comparisons; labs go up and down. */
int size_run(struct size *s, struct hcb_err *err);
void size_say_plan(const struct size *s);
/* The document of so many pairs of runs at the plan's demand. */
void size_pairs_file(const struct size *s, const struct size_layout *l, unsigned pairs,
                     char *buf, size_t size);
unsigned size_more_pairs(const struct size *s); /* where the first cannot tell */

/* ---- size_document.c ---- */

/* What is known by now, into s->evidence and s->decision. */
int size_decide(struct size *s, struct hcb_err *err);
json_t *size_document(const struct size *s, bool partial);

#endif
