/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hcbench verify LOG": reading back in another process, once the storage is there
   again. */
#ifndef HCB_BENCH_VERIFY_AGAIN_H
#define HCB_BENCH_VERIFY_AGAIN_H

#include <jansson.h>
#include <signal.h>

#include "bench/layout.h"
#include "bench/run.h"

struct hcb_verify_again {
	const char *log;
	struct hcb_verify *books;     /* of the log, */
	const json_t *about;          /* and what it says of the run */
	const struct hcb_binding *on; /* volumes whose target goes by another text now */
	unsigned n_on;
	double dilation;
	uint64_t deadline_ns; /* of any one call to the outside */
	uint64_t stall_ns;
	const struct hcb_surroundings *around;
	const volatile sig_atomic_t *signal_seen;
	bool progress;
};

/*
 * Opens the log's targets, read only, one after the other, and reads back. 0: *doc is the
 * document of kind "verify" (the caller owns it), *exit_code what the command exits with:
 * 0, 1 (something is not as promised, or could not be read to the end), 130 or 143.
 * -errno: a target could not be opened; err tells.
 */
int hcb_verify_again(const struct hcb_verify_again *a, json_t **doc, int *exit_code,
                     struct hcb_err *err);

#endif
