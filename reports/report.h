/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A report is a pure function from result documents to a stream: it decides nothing. One
 * .c file per report, ending in one const struct, plus one line in registry.h.
 */
#ifndef HCB_REPORTS_REPORT_H
#define HCB_REPORTS_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "bench/core/err.h"

struct hcb_report {
	const char *name, *summary;
	const char
	        *kinds; /* of documents it takes, comma separated: "run", "run,search" */
	int (*write)(const json_t *const *docs, size_t n, FILE *out, struct hcb_err *err);
	/* In place of write: a picture of one document. term: svg, png, dumb. */
	int (*draw)(const json_t *doc, const char *term, FILE *out, struct hcb_err *err);
};

const struct hcb_report *hcb_report_find(const char *name);
extern const struct hcb_report *const hcb_reports[]; /* NULL-terminated */

#endif
