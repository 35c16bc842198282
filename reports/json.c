/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "reports/report.h"

static int json_write(const json_t *const *docs, size_t n, FILE *out, struct hcb_err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (json_dumpf(docs[i], out, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) ||
		    fputc('\n', out) == EOF)
			return hcb_err_sys(err, -EIO, "write the result");
	}
	return 0;
}

const struct hcb_report hcb_report_json = {
        .name = "json",
        .summary = "the result document itself",
        .kinds = "run,repeat,ab,compare,search,size,verify,probe,check,controls",
        .write = json_write,
};
