/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/load_result.h"
#include "bench/cmd/verb.h"
#include "bench/core/opt.h"
#include "reports/report.h"

#define MAX_DOCS 256

static const struct hcb_report *find(const char *name, struct hcb_err *err)
{
	const struct hcb_report *r = hcb_report_find(name);
	const char *names[32];
	size_t n = 0;
	if (r)
		return r;
	for (; hcb_reports[n] && n < 32; n++)
		names[n] = hcb_reports[n]->name;
	const char *near = hcb_nearest(name, names, n);
	hcb_err_usage(err, "unknown report \"%s\"; %s%s%s", name,
	              near ? "did you mean \"" : "\"hcbench list\" shows them",
	              near ? near : "", near ? "\"?" : "");
	return NULL;
}

struct report_args {
	const struct hcb_report *report;
	const char *term;
	char **files;
	int n_files;
};

static int parse(int argc, char **argv, struct report_args *a, struct hcb_err *err)
{
	static const struct option options[] = {
	        {"term", required_argument, NULL, 't'},
	        {NULL, 0, NULL, 0},
	};
	int c;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (c != 't') {
			hcb_bad_option("report", c, argv, options, err);
			return -EINVAL;
		}
		a->term = optarg;
	}
	if (argc - optind < 2 || argc - optind - 1 > MAX_DOCS)
		return hcb_err_usage(err, "report: expected KIND RESULT.json...");
	a->report = find(argv[optind], err);
	a->files = argv + optind + 1;
	a->n_files = argc - optind - 1;
	if (!a->report)
		return -EINVAL;
	if (a->term && !a->report->draw)
		return hcb_err_usage(err, "report %s: is text; --term is for pictures",
		                     a->report->name);
	if (a->report->draw && a->n_files > 1)
		return hcb_err_usage(err, "report %s: draws one result at a time",
		                     a->report->name);
	return 0;
}

static int report_main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	const json_t *docs[MAX_DOCS] = {NULL};
	json_t *owned[MAX_DOCS] = {NULL};
	struct report_args a = {0};
	size_t n = 0;
	int r = parse(argc, argv, &a, &err);
	for (int i = 0; !r && i < a.n_files; i++) {
		r = load_result(a.files[i], a.report->kinds, &owned[n], &err);
		docs[n] = owned[n];
		n += owned[n] != NULL;
	}
	if (!r)
		r = a.report->draw ? a.report->draw(docs[0], a.term ? a.term : "svg",
		                                    stdout, &err)
		                   : a.report->write(docs, n, stdout, &err);
	while (n)
		json_decref(owned[--n]);
	return r ? hcb_fail(&err) : HCB_EXIT_OK;
}

const struct hcb_verb hcb_verb_report = {
        .name = "report",
        .summary = "print kept results again, in another form",
        .usage = "usage: hcbench report KIND [--term TERM] RESULT.json...\n"
                 "KIND is text, json or timeline (\"hcbench list\" shows all).\n"
                 "  --term TERM  of a picture: svg (default), png, or dumb for a text "
                 "screen\n",
        .main = report_main,
};
