/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The history of results. In one directory:
 *
 *   results/NIGHT/TIME-RUN-NAME.json  the result documents, as they came, with one member
 *                                     "history" more: the truth
 *   acts/TIME-....json                what people decided: acknowledgements, links,
 *                                     calibrations: the truth too
 *   dropped/NIGHT/                    results of nights that are not to be used: nothing
 *                                     reads them
 *   history.db                        SQLite; all of it can be made again from the files
 *                                     (hcb_history_rebuild), and is compared with them
 *
 * A *night* is all runs that carry one night id; nights are in the order of their ids, by
 * byte, and never in that of a clock. What a night says of a series is the median of its
 * repetitions: of its runs if there are at least HCB_HISTORY_REPS of them, else of all
 * the runs' blocks. With fewer it is kept and shown, but not used; so are runs that are
 * partial or INVALID, or that somebody disturbed.
 */
#ifndef HCB_BENCH_HISTORY_H
#define HCB_BENCH_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/core/err.h"
#include "bench/gate.h"
#include "bench/history_extract.h"

#define HCB_HISTORY_SCHEMA 2
#define HCB_HISTORY_REPS   5
#define HCB_HISTORY_NIGHT  32 /* a night's id, with its terminator */

struct hcb_db;
struct hcb_history {
	struct hcb_db *db;
	char dir[400]; /* empty: in memory, without files */
	int lock;      /* of DIR/.lock, shared while it is open; -1: none */
};

/* given, or $HCBENCH_HISTORY, else /var/lib/hcbench for root, else
   $XDG_STATE_HOME/hcbench, else ~/.local/state/hcbench. */
int hcb_history_dir(const char *given, char *out, size_t size, struct hcb_err *err);

/*
 * make: the directory and the database are made if they are not there; else having none
 * is an error, exit code 12. A database of an older schema is brought up, one of a newer
 * schema refused, a damaged one or a missing one beside result files refused with what to
 * do. dir NULL: in memory.
 */
int hcb_history_open(const char *dir, bool make, struct hcb_history *h,
                     struct hcb_err *err);
void hcb_history_close(struct hcb_history *h);
/* Brings a database up to `version` (tests stop at an older one). *from: what it was. */
int hcb_history_migrate(struct hcb_history *h, int version, int *from,
                        struct hcb_err *err);

/* A night's id: 1 to 31 letters, digits, '.', '_', '-', not beginning with '.'. */
bool hcb_history_night_ok(const char *night);

struct hcb_history_how {
	const char *night; /* NULL: of run.started */
	const char *name;  /* of the test, NULL: the workload's type */
	json_t *facts;     /* strings that join the fingerprint, or NULL */
	bool control;      /* tells of the environment, not of what is tested */
	bool rerun; /* made because the night looked SUSPECT: confirms it or not, and
	               takes no part in its median */
	const char *invalid; /* why nothing of its night is used, NULL: it is: the
	                        surroundings were not such that it could be */
	int64_t now;         /* seconds since 1970 */
};
struct hcb_history_added {
	char night[HCB_HISTORY_NIGHT];
	char path[300];      /* below the directory */
	bool already;        /* this very run was there: nothing was changed */
	unsigned new_series; /* series that begin with it */
	unsigned carried;    /* of them, those that carry on one of an unknown machine */
	char was[HCB_HISTORY_HASH]; /* fingerprint that this test had before, if another
	                             */
	char now[HCB_HISTORY_HASH];
	char invalid[256]; /* why it is not used */
};
/*
 * The file is there before the database says so: what is interrupted in between is taken
 * up when the same result is added again, or by a rebuild. doc gets the member "history".
 */
int hcb_history_add(struct hcb_history *h, json_t *doc, const char *where,
                    const struct hcb_history_how *how, struct hcb_history_added *added,
                    struct hcb_err *err);
/*
 * Of a result that says which machine it is from: series that begin with its night, and
 * of which there are earlier ones but for that very fact, carry these on, with their
 * calibration: what does not say it, as results of earlier times do not, is taken to be
 * of the first machine that does. By acts of links, as if somebody had said so.
 */
int hcb_history_carry_unknown(struct hcb_history *h, const struct hcb_history_doc *d,
                              int64_t now, unsigned *carried, struct hcb_err *err);
/* Only the database, from a document with "history"; path below the directory. */
int hcb_history_insert(struct hcb_history *h, json_t *doc, const char *path,
                       struct hcb_history_added *added, struct hcb_err *err);

/* ---- asking ---- */

struct hcb_history_series {
	int64_t id;
	char key[HCB_HISTORY_HASH];
	char name[HCB_HISTORY_NAME]; /* test */
	char metric[64];
	char label[HCB_HISTORY_NAME + 64]; /* "test.metric", unique unless `twin` */
	char unit[16];
	bool more_is_better, control;
	int rank;
	char fingerprint[HCB_HISTORY_HASH];
	char first[HCB_HISTORY_NIGHT], last[HCB_HISTORY_NIGHT];
	size_t nights;
	char old[HCB_HISTORY_HASH]; /* carried over from; empty: from nothing */
	bool carried;               /* another one has taken it over */
};
/* By label, the newest last night first among equals. To be freed. */
int hcb_history_all(struct hcb_history *h, struct hcb_history_series **out, size_t *n,
                    struct hcb_err *err);
/* A key, the beginning of one (4 digits at least), or a label; of several with that label
   the one with the newest night. Exit code 2 if there is none, or two tonight. */
int hcb_history_find(struct hcb_history *h, const char *word,
                     struct hcb_history_series *out, struct hcb_err *err);

struct hcb_history_night {
	char night[HCB_HISTORY_NIGHT];
	double value, rerun; /* NaN: none */
	unsigned n;          /* repetitions that the value is the median of */
	bool over_runs;      /* of runs; else of blocks */
	bool valid, ack;
	char why[96]; /* it is not valid */
};
/* The nights of a series and of those it was carried over from, oldest first. */
int hcb_history_nights(struct hcb_history *h, const char *key,
                       struct hcb_history_night **out, size_t *n, struct hcb_err *err);
/* The newest night of all; empty if there is none. */
int hcb_history_newest(struct hcb_history *h, char night[HCB_HISTORY_NIGHT],
                       struct hcb_err *err);
/* Fingerprint, details and workload of a night's first run in a series, one object; NULL
   if none. */
json_t *hcb_history_environment(struct hcb_history *h, const char *key, const char *night,
                                struct hcb_err *err);
json_t *hcb_history_fingerprint(struct hcb_history *h, const char *hash,
                                struct hcb_err *err);
/* A result of that night in the series: its run.command, to be freed; NULL if none. */
char *hcb_history_command(struct hcb_history *h, const char *key, const char *night);
/* What differs between two such objects: "machine.kernel 6.8.4 -> 6.8.8, ..."; appended
   to a JSON array as {"field", "from", "to"}. */
void hcb_history_diff(const json_t *from, const json_t *to, json_t *array);
/* The gate's settings for a series: the kind's, with a calibration if there is one.
   Returns whether there is. */
bool hcb_history_conf(struct hcb_history *h, const struct hcb_history_series *s,
                      struct hcb_gate_conf *conf);
/* Nights whose runs' times go backwards among the last 60: a line for each, appended. */
int hcb_history_clock_jumps(struct hcb_history *h, json_t *warnings, struct hcb_err *err);

/* ---- deciding ---- */

int hcb_history_ack(struct hcb_history *h, const struct hcb_history_series *s,
                    const char *why, int64_t now, struct hcb_err *err);
int hcb_history_link(struct hcb_history *h, const struct hcb_history_series *from,
                     const struct hcb_history_series *to, int64_t now,
                     struct hcb_err *err);
int hcb_history_calibrated(struct hcb_history *h, const struct hcb_history_series *s,
                           const struct hcb_gate_conf *conf, double budget, uint64_t seed,
                           size_t nights, int64_t now, struct hcb_err *err);
/* The shipped thresholds again. */
int hcb_history_uncalibrated(struct hcb_history *h, const struct hcb_history_series *s,
                             int64_t now, struct hcb_err *err);
struct hcb_history_dropped {
	size_t runs, acks; /* acks: acknowledgements as of that night, of no effect now */
	char where[HCB_HISTORY_NIGHT + 32]; /* below the directory; empty: in memory */
};
/*
 * Takes a night out: its rows, and its files to dropped/NIGHT (or NIGHT.2, ...), whence
 * `history add --night` takes results up again. What was interrupted in between is taken
 * up by the same call. why: NULL if nobody says. Exit code 2: there is no such night.
 */
int hcb_history_drop(struct hcb_history *h, const char *night, const char *why,
                     int64_t now, struct hcb_history_dropped *out, struct hcb_err *err);
/* Keeps a document of kind check (checks/NIGHT.json) and its verdicts. */
int hcb_history_judged(struct hcb_history *h, json_t *check, struct hcb_err *err);

/* ---- rebuilding ---- */

struct hcb_history_rebuilt {
	size_t runs, acts, skipped; /* skipped: files that cannot be read, or are no
	                               results of a schema that is known; each is said */
	bool kept;     /* different, and left in place all the same: it is whole, and may
	                  know of what is in the files that were skipped */
	bool compared; /* there was a readable database */
	char differs[200]; /* tables; empty: equal */
	char aside[500];   /* where the former database went; empty: nowhere */
};
/* only_compare: the present database is left alone. So is one that can be read while a
   file cannot. */
int hcb_history_rebuild(const char *dir, bool only_compare,
                        struct hcb_history_rebuilt *out, struct hcb_err *err);
/* The same of two databases: "run, block"; empty if equal. */
int hcb_history_compare(struct hcb_history *a, struct hcb_history *b, char *differs,
                        size_t size, struct hcb_err *err);
/* Applies one act's document to the database; -EINVAL if it is none. */
int hcb_history_apply(struct hcb_history *h, const json_t *act, struct hcb_err *err);
/* DIR/.lock: a descriptor; locked (flock's LOCK_SH, LOCK_EX) within some seconds or
   -EBUSY. A rebuild waits for all that use the database, and they for it. */
int hcb_history_lock_file(const char *dir, struct hcb_err *err);
int hcb_history_lock(int fd, const char *dir, int how, struct hcb_err *err);
/* Makes the directory and those above it. */
int hcb_history_mkdirs(const char *path, struct hcb_err *err);

#endif
