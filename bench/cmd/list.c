/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "bench/cmd/verb.h"
#include "bench/core/cluster.h"
#include "engines/target.h"
#include "reports/report.h"
#include "workloads/workload.h"

static int list_main(int argc, char **argv)
{
	if (argc > 1) {
		fprintf(stderr, "hcbench: list: unexpected \"%s\"\n", argv[1]);
		return HCB_EXIT_USAGE;
	}
	puts("engines (target: ENGINE:ADDRESS[,key=value...])");
	for (size_t i = 0; hcb_engines[i]; i++) {
		const struct hcb_engine *e = hcb_engines[i];
		printf(" %s:%s\n  %s%s%s%s\n", e->name, e->address_help, e->summary,
		       e->unavailable ? " [not available: " : "",
		       e->unavailable ? e->unavailable : "", e->unavailable ? "]" : "");
		hcb_opt_print_help(e->opts, stdout);
	}
	puts("\nworkloads (keys: --set key=value)");
	for (size_t i = 0; hcb_workloads[i]; i++) {
		printf(" %s\n  %s\n", hcb_workloads[i]->name, hcb_workloads[i]->summary);
		hcb_opt_print_help(hcb_workloads[i]->opts, stdout);
	}
	puts("\ncluster files (lab/clusters/NAME.ini)");
	hcb_cluster_print_help(stdout);
	puts("\nreports");
	for (size_t i = 0; hcb_reports[i]; i++)
		printf(" %-8s %s\n", hcb_reports[i]->name, hcb_reports[i]->summary);
	return HCB_EXIT_OK;
}

const struct hcb_verb hcb_verb_list = {
        .name = "list",
        .summary = "engines, workloads, cluster files, reports with their keys",
        .usage = "usage: hcbench list\nEngines, workloads, cluster files and reports of "
                 "this "
                 "build, with their keys.\n",
        .main = list_main,
};
