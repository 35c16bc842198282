/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What "hcbench check" was told. */
#ifndef HCB_CMD_CHECK_ARGS_H
#define HCB_CMD_CHECK_ARGS_H

#include "bench/check.h"
#include "bench/cmd/check_parts.h"
#include "reports/report.h"

#define CHECK_MAX_OUTPUTS 8
#define CHECK_MAX_GATE    32

struct check_args {
	struct hcb_check_opts o;
	const char *history, *explain;
	struct {
		const struct hcb_report *report;
		const char *path; /* NULL: standard output */
	} out[CHECK_MAX_OUTPUTS];
	size_t n_out;
	const char *gate[CHECK_MAX_GATE];
	struct check_plan plan; /* of the night that is measured; tests 0: none is */
	int first_of_night;     /* an option that needs --run; 0: none was given */
};

/* argv[0] is the verb. a is zeroed; a->plan.facts is the caller's to release. */
int check_args_parse(int argc, char **argv, struct check_args *a, struct hcb_err *err);

#endif
