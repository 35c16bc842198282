/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --verify found, as JSON (docs/results-format.md) and in a sentence. */
#ifndef HCB_BENCH_VERIFY_DOCUMENT_H
#define HCB_BENCH_VERIFY_DOCUMENT_H

#include <jansson.h>

#include "bench/verify.h"

struct hcb_verify_outcome {
	bool asked;        /* to read back */
	bool complete;     /* and it was, to the last block */
	char why[600];     /* if not: why not */
	const char *log;   /* where the books were kept, or NULL */
	char log_why[600]; /* they could not be */
};

/* costs: say what it cost too (null under the virtual clock). */
json_t *hcb_verify_json(const struct hcb_verify *v, const struct hcb_verify_outcome *o,
                        bool costs);
/* "12 blocks lost, 3 torn; first: ..."; false: nothing is wrong. */
bool hcb_verify_sentence(const struct hcb_verify *v, char *out, size_t size);

#endif
