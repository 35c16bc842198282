/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parts of "hcbench check --run", the nightly that measures before it judges:
 * check_plan.c reads the scenarios and finds out where the night takes place,
 * check_around.c looks at the surroundings, measures the controls and keeps others out,
 * check_night.c makes the runs, check_keep.c puts what is complete into the history.
 */
#ifndef HCB_CMD_CHECK_PARTS_H
#define HCB_CMD_CHECK_PARTS_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"
#include "bench/core/units.h"
#include "bench/history.h"
#include "bench/night.h"

#define CHECK_MAX_PASSED 32
/* A child is given so long even past the deadline: to end cleanly, and to look. */
#define CHECK_LEAST_LEFT (30 * HCB_SEC)

/* ---- what was asked for ---- */

struct check_test {
	const char *file;
	char name[HCB_HISTORY_NAME]; /* the file's stem */
	uint64_t least_ns; /* a run takes that long at least; 0: it does not say */
};

struct check_plan {
	struct check_test test[HCB_NIGHT_MAX_TESTS];
	unsigned tests, blocks;
	uint64_t spread_ns, settle_ns, deadline_ns; /* wall; 0: none */
	uint64_t seed;
	const char *lab;         /* NULL: none */
	const char *dir;         /* of the controls, NULL: their default */
	bool no_controls, brief; /* brief: not after the runs, nor all of them */
	const char *passed[2 * CHECK_MAX_PASSED]; /* options that are probe --controls' */
	size_t n_passed;
	json_t *facts; /* as history add --fact, or NULL */
	bool quiet;
	/* Found in the scenarios (check_plan.c). */
	bool models; /* nothing but models: nothing around them matters */
	char lab_found[256];
	char pool[128], conf[256], id[64], keyring[256]; /* of the first Ceph target */
};

/* Reads and checks the scenarios; exit 2 for what no night can be made of. */
int check_plan_scenarios(struct check_plan *p, struct hcb_err *err);

/* ---- a night at work ---- */

struct check_night {
	const struct check_plan *plan;
	const volatile sig_atomic_t *stop;
	char id[HCB_HISTORY_NIGHT];
	char history[400]; /* its directory */
	char work[480];    /* HISTORY/partial/ID: what is not in the history (yet) */
	uint64_t start_ns;
	uint64_t around_ns; /* what looking and the controls take */
	uint64_t longest_ns[HCB_NIGHT_MAX_TESTS];
	int locks[2];
	json_t *look[2]; /* at the start, at the end; NULL: not looked at */
	json_t *unfit;   /* reasons */
	json_t *done;    /* complete, not stored yet: [{"path", "name", "control",
	                    "rerun"}] */
	json_t *notes;   /* a line each */
	unsigned complete, failed, partial; /* runs */
	unsigned invalid;                   /* of the complete ones */
	/* All tries of one run were INVALID: this test gets one each from then on. */
	bool once_only[HCB_NIGHT_MAX_TESTS];
	bool deadline_reached;
	struct hcb_err last; /* of the last run that failed */
};

uint64_t check_elapsed_ns(const struct check_night *n);
/* What a child may take: what is left of the deadline, most_ns at most. */
uint64_t check_left_ns(const struct check_night *n, uint64_t most_ns);
/* What a run of that test takes, as far as is known: its longest so far, and no less than
   its scenario says. Of all tests the most. */
uint64_t check_needs_ns(const struct check_night *n, unsigned test);
uint64_t check_most_ns(const struct check_night *n);
void check_note(struct check_night *n, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));

/* Only one night in a history, and one on a lab or cluster. Exit 13: there is one. */
int check_lock(struct check_night *n, struct hcb_err *err);
void check_unlock(struct check_night *n);
/* Waits until the surroundings are fit, settle_ns at most and no longer than the deadline
   leaves room for a run; then n->look[0] and n->unfit say how they are. */
int check_settle(struct check_night *n, struct hcb_err *err);
/* Looks again and judges the whole night. */
int check_look_at_end(struct check_night *n, struct hcb_err *err);
/* The controls, "start" or "end". One that fails is noted. */
int check_controls(struct check_night *n, const char *when, struct hcb_err *err);

/*
 * Opens the night: its id, directories, locks. plan, stop and n->history are the
 * caller's; free with check_night_free whatever came of it.
 */
int check_night_begin(struct check_night *n, const char *night, struct hcb_err *err);
/*
 * Surroundings, controls, runs, controls, surroundings; then all that is complete into
 * the history. 0 also if the surroundings were not fit, or the deadline came: n says so.
 * -EINTR: interrupted; what is complete is stored then too.
 */
int check_night_measure(struct check_night *n, struct hcb_err *err);
/* The runs once more, of some tests, as reruns. */
int check_night_again(struct check_night *n, const bool *which, struct hcb_err *err);
void check_night_free(struct check_night *n);
/* {"tests", "blocks", ...}: the member "measured" of the check's document. */
json_t *check_night_json(const struct check_night *n, const json_t *again);

/* WORK/STEM.json, or with a number where a night of that id has left such a file: what is
   there may be the only copy. */
void check_new_path(const struct check_night *n, const char *stem, char *out,
                    size_t size);
enum check_found {
	CHECK_FOUND_NONE,    /* no file */
	CHECK_FOUND_PARTIAL, /* not a whole result, or none at all */
	CHECK_FOUND_INVALID, /* whole, but INVALID by its own judgement */
	CHECK_FOUND_WHOLE
};
/* What the file at path is, which must exist. why: of one that is INVALID, the first
   reason; size 0: not wanted. */
enum check_found check_find(const char *path, char *why, size_t size);
/* To be stored by check_keep. */
void check_remember(struct check_night *n, const char *path, const char *name,
                    bool control, bool rerun);
/* Everything in n->done into the history and out of the work directory. why: nothing of
   it is used; NULL: it is. */
int check_keep(struct check_night *n, const char *why, struct hcb_err *err);

#endif
