/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run with --verify: its books, the log they are kept in, the read-back. */
#ifndef HCB_BENCH_RUN_VERIFY_H
#define HCB_BENCH_RUN_VERIFY_H

#include "bench/run.h"
#include "bench/verify_document.h"

struct hcb_run_verify {
	struct hcb_verify *books; /* NULL: neither asked for, nor kept */
	struct hcb_verify_outcome out;
	bool lost;          /* something is not as promised */
	bool unverified;    /* what was asked for could not be done */
	char sentence[200]; /* then: what, as a reason in the verdict; else "" */
};

/* Refuses, once the targets are open, those that keep nothing. */
int hcb_run_verify_check(const struct hcb_run *run, const struct hcb_layout *l,
                         struct hcb_err *err);
/* Takes the memory for it; nothing if the run is not verified. */
int hcb_run_verify_new(struct hcb_run_verify *rv, const struct hcb_run *run,
                       const struct hcb_layout *l, struct hcb_err *err);
/*
 * After the loop: writes the log, opens what outlives the run anew (so that no cache of
 * ours answers) and reads back, unless the run was interrupted or its target no longer
 * answers.
 */
void hcb_run_verify_after(struct hcb_run_verify *rv, const struct hcb_run *run,
                          struct hcb_layout *l, const struct hcb_loop *loop,
                          struct hcb_clock *clock);
void hcb_run_verify_free(struct hcb_run_verify *rv, const struct hcb_layout *l);
/* The document's "verify"; null if the run is not verified. */
json_t *hcb_run_verify_json(const struct hcb_run_verify *rv, const struct hcb_run *run);

#endif
