/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check: has anything become worse? */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/check.h"
#include "bench/cmd/verb.h"
#include "bench/core/atomic_file.h"
#include "bench/core/opt.h"
#include "config.h"
#include "reports/report.h"

#define MAX_OUTPUTS 8
#define MAX_GATE    32

struct check_args {
	struct hcb_check_opts o;
	const char *history, *explain;
	bool quiet;
	struct {
		const struct hcb_report *report;
		const char *path; /* NULL: standard output */
	} out[MAX_OUTPUTS];
	size_t n_out;
	const char *gate[MAX_GATE];
};

static const struct option options[] = {
        {"history", required_argument, NULL, 'H'},
        {"night", required_argument, NULL, 'N'},
        {"gate", required_argument, NULL, 'g'},
        {"fail-on", required_argument, NULL, 'F'},
        {"format", required_argument, NULL, 'f'},
        {"output", required_argument, NULL, 'o'},
        {"json", no_argument, NULL, 'j'},
        {"all", no_argument, NULL, 'a'},
        {"quiet", no_argument, NULL, 'q'},
        {NULL, 0, NULL, 0},
};

static const char *const fail_on[] = {"never", "regression", "suspect", "inconclusive"};
static const char *const formats[] = {"text", "json",     "junit",
                                      "prom", "markdown", "github"};

/* The index of optarg in names, or -EINVAL and one line. */
static int choose(const char *opt, const char *const *names, size_t n,
                  struct hcb_err *err)
{
	char text[128] = "";
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(text);
		if (strcmp(names[i], optarg) == 0)
			return (int)i;
		snprintf(text + len, sizeof(text) - len, "%s%s", i ? ", " : "", names[i]);
	}
	const char *near = hcb_nearest(optarg, names, n);
	return hcb_err_usage(err, "check: --%s %s: expected %s%s%s%s", opt, optarg, text,
	                     near ? "; did you mean \"" : "", near ? near : "",
	                     near ? "\"?" : "");
}

static int add_format(struct check_args *a, const char *name, struct hcb_err *err)
{
	if (a->n_out == MAX_OUTPUTS)
		return hcb_err_usage(err, "check: more than %d formats", MAX_OUTPUTS);
	a->out[a->n_out++].report = hcb_report_find(name);
	return 0;
}

static int add_output(struct check_args *a, struct hcb_err *err)
{
	int r = a->n_out ? 0 : add_format(a, "text", err);
	if (r)
		return r;
	if (a->out[a->n_out - 1].path)
		return hcb_err_usage(err, "check: -o %s: follows no --format of its own",
		                     optarg);
	a->out[a->n_out - 1].path = optarg;
	return 0;
}

static int one_option(struct check_args *a, int c, char **argv, struct hcb_err *err)
{
	int k;
	switch (c) {
	case 'H':
		a->history = optarg;
		return 0;
	case 'N':
		a->o.night = optarg;
		return hcb_history_night_ok(optarg)
		               ? 0
		               : hcb_err_usage(err,
		                               "check: --night %.60s: no id of a night",
		                               optarg);
	case 'g':
		if (a->o.n_gate == MAX_GATE)
			return hcb_err_usage(err, "check: more than %d --gate", MAX_GATE);
		a->gate[a->o.n_gate++] = optarg;
		return 0;
	case 'F':
		k = choose("fail-on", fail_on, sizeof(fail_on) / sizeof(fail_on[0]), err);
		a->o.fail_on = k < 0 ? HCB_FAIL_NEVER : (enum hcb_fail_on)k;
		return k < 0 ? k : 0;
	case 'f':
		k = choose("format", formats, sizeof(formats) / sizeof(formats[0]), err);
		return k < 0 ? k : add_format(a, formats[k], err);
	case 'o':
		return add_output(a, err);
	case 'j':
		return add_format(a, "json", err);
	case 'a':
		a->o.all = true;
		return 0;
	case 'q':
		a->quiet = true;
		return 0;
	default:
		return hcb_bad_option("check", c, argv, options, err);
	}
}

static int check_outputs(struct check_args *a, struct hcb_err *err)
{
	size_t to_stdout = 0;
	for (size_t i = 0; i < a->n_out; i++)
		to_stdout += !a->out[i].path;
	if (to_stdout > 1)
		return hcb_err_usage(err,
		                     "check: two formats on standard output; -o FILE "
		                     "after --format puts one into a file");
	/* What goes into files does not take the place of the text. */
	return to_stdout || a->quiet ? 0 : add_format(a, "text", err);
}

static int parse(int argc, char **argv, struct check_args *a, struct hcb_err *err)
{
	int c, r = 0;
	a->o.fail_on = HCB_FAIL_REGRESSION;
	a->o.gate = a->gate;
	optind = 1;
	while (!r && (c = getopt_long(argc, argv, ":o:q", options, NULL)) != -1)
		r = one_option(a, c, argv, err);
	if (r)
		return r;
	argv += optind;
	argc -= optind;
	if (argc && strcmp(argv[0], "explain") == 0) {
		if (argc != 2)
			return hcb_err_usage(err, "check explain: expected SERIES");
		a->explain = argv[1];
	} else if (argc) {
		return hcb_err_usage(err, "check: unexpected \"%s\"", argv[0]);
	}
	if (a->explain && a->o.n_gate)
		return hcb_err_usage(err, "check explain: takes no --gate");
	return check_outputs(a, err);
}

/* Into memory first: a file is there whole or not at all. */
static int put_file(const struct hcb_report *r, const char *path, const json_t *doc,
                    struct hcb_err *err)
{
	char *text = NULL;
	size_t len = 0;
	const json_t *const docs[] = {doc};
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return hcb_err_sys(err, -ENOMEM, "write %s", path);
	int c = r->write(docs, 1, f, err);
	if (fclose(f) && !c)
		c = hcb_err_sys(err, -ENOMEM, "write %s", path);
	c = c ? c : hcb_write_atomic(path, text, len, err);
	free(text);
	return c;
}

static int put_all(const struct check_args *a, const json_t *doc, struct hcb_err *err)
{
	const json_t *const docs[] = {doc};
	int r = 0;
	for (size_t i = 0; !r && i < a->n_out; i++)
		r = a->out[i].path ? put_file(a->out[i].report, a->out[i].path, doc, err)
		                   : a->out[i].report->write(docs, 1, stdout, err);
	return r;
}

static json_t *judge(struct hcb_history *h, const struct check_args *a,
                     struct hcb_err *err)
{
	struct hcb_history_series s;
	if (!a->explain)
		return hcb_check(h, &a->o, err);
	return hcb_history_find(h, a->explain, &s, err)
	               ? NULL
	               : hcb_explain(h, &s, a->o.night, err);
}

static int go(const struct check_args *a, struct hcb_err *err)
{
	char dir[400];
	struct hcb_history h;
	int r = hcb_history_dir(a->history, dir, sizeof(dir), err);
	r = r ? r : hcb_history_open(dir, false, &h, err);
	if (r)
		return r;
	json_t *doc = judge(&h, a, err);
	r = doc ? put_all(a, doc, err) : (err->code ? err->code : -EIO);
	/* What was said is kept, as far as it was said of the default series. */
	if (!r && !a->explain && !a->o.n_gate && !a->o.night)
		r = hcb_history_judged(&h, doc, err);
	if (!r)
		r = (int)hcb_check_exit(doc);
	json_decref(doc);
	hcb_history_close(&h);
	return r;
}

static int check_main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct check_args a = {0};
	int r = parse(argc, argv, &a, &err);
	r = r ? r : go(&a, &err);
	return r < 0 ? hcb_fail(&err) : r;
}

#ifndef HCB_HAVE_SQLITE
#define WITHOUT " [not available: built without sqlite3]"
#else
#define WITHOUT ""
#endif

const struct hcb_verb hcb_verb_check = {
        .name = "check",
        .summary = "the nightly gate: has anything become worse?" WITHOUT,
        .usage =
                "usage: hcbench check [OPTION...]\n"
                "       hcbench check explain SERIES [OPTION...]\n"
                "Holds the newest night of the history against the nights before, series "
                "by series.\n"
                "\n"
                "  --night ID         another night than the newest\n"
                "  --gate SERIES      gate these only (several); refused if a series "
                "finds\n"
                "                     nothing under 30 %. Default: of each test the rate "
                "(closed\n"
                "                     loop) or what was carried, p50 and p99; at most "
                "10\n"
                "  --fail-on WHAT     regression (default), suspect, inconclusive, "
                "never\n"
                "  --format FORMAT    text, json, junit, prom, markdown, github; "
                "several\n"
                "  -o, --output FILE  where the format before it goes (default: standard "
                "output)\n"
                "  --json             --format json\n"
                "  --all              also the series that are not gated\n"
                "  --history DIR      else $HCBENCH_HISTORY, else /var/lib/hcbench "
                "(root) "
                "or\n"
                "                     $XDG_STATE_HOME/hcbench\n"
                "  -q, --quiet        no text besides what goes into files\n"
                "\n"
                "Exit code: 0 nothing worse; 10 a regression that nobody has "
                "acknowledged;\n"
                "11 the environment moved, or tests moved together; 12 too little "
                "history;\n"
                "13 nothing valid tonight.\n"
                "explain: one series: tonight, baseline, since when, what changed then, "
                "30 nights.\n",
        .main = check_main,
};
