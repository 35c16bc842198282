/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/run_args.h"
#include "bench/cmd/run_lab.h"
#include "bench/cmd/signals.h"
#include "bench/cmd/verb.h"
#include "bench/core/atomic_file.h"
#include "bench/core/units.h"
#include "bench/verify_again.h"
#include "bench/verify_log.h"
#include "reports/report.h"

enum { O_ON = 256, O_LAB, O_LAB_HOST, O_JSON, O_TIMEOUT, O_STALL };

static const struct option options[] = {
        {"on", required_argument, NULL, O_ON},
        {"lab", required_argument, NULL, O_LAB},
        {"lab-host", required_argument, NULL, O_LAB_HOST},
        {"json", no_argument, NULL, O_JSON},
        {"timeout", required_argument, NULL, O_TIMEOUT},
        {"stall-limit", required_argument, NULL, O_STALL},
        {"output", required_argument, NULL, 'o'},
        {"quiet", no_argument, NULL, 'q'},
        {NULL, 0, NULL, 0},
};

struct verify_args {
	struct hcb_verify_again again;
	struct hcb_binding on[HCB_MAX_VOLUMES];
	struct hcb_run_args lab; /* of a run only what entering a lab takes */
	const char *out;
	bool json;
};

static int parse_time(const char *opt, uint64_t *out, struct hcb_err *err)
{
	return hcb_parse_duration(optarg, out)
	               ? hcb_err_usage(err, "--%s %s: expected a time such as 60s", opt,
	                               optarg)
	               : 0;
}

static int one_option(struct verify_args *a, int c, char *const *argv,
                      struct hcb_err *err)
{
	switch (c) {
	case O_ON:
		if (a->again.n_on == HCB_MAX_VOLUMES)
			return hcb_err_usage(err, "--on: more than %d", HCB_MAX_VOLUMES);
		return hcb_binding_parse(optarg, &a->on[a->again.n_on++], err);
	case O_LAB:
		a->lab.lab = optarg;
		return 0;
	case O_LAB_HOST:
		a->lab.lab_host = optarg;
		return 0;
	case O_JSON:
		a->json = true;
		return 0;
	case O_TIMEOUT:
		return parse_time("timeout", &a->again.deadline_ns, err);
	case O_STALL:
		return parse_time("stall-limit", &a->again.stall_ns, err);
	case 'o':
		a->out = optarg;
		return 0;
	case 'q':
		a->again.progress = false;
		return 0;
	default:
		return hcb_bad_option("verify", c, argv, options, err);
	}
}

static int parse(int argc, char **argv, struct verify_args *a, struct hcb_err *err)
{
	int c, r = 0;
	a->again.on = a->on;
	a->again.progress = true;
	a->again.dilation = 1;
	a->again.deadline_ns = 30 * HCB_SEC;
	a->again.stall_ns = 120 * HCB_SEC;
	optind = 1;
	while (!r && (c = getopt_long(argc, argv, ":o:q", options, NULL)) != -1)
		r = one_option(a, c, argv, err);
	if (!r && optind != argc - 1)
		r = hcb_err_usage(err, "verify: expected the file that a run with "
		                       "--verify-log kept");
	if (!r)
		a->again.log = argv[optind];
	return r;
}

/* The run's own lab, unless another is named. */
static int enter_lab(struct verify_args *a, const json_t *about, struct hcb_err *err)
{
	if (!a->lab.lab) {
		a->lab.lab = json_string_value(json_object_get(about, "lab"));
		if (!a->lab.lab_host)
			a->lab.lab_host =
			        json_string_value(json_object_get(about, "lab_host"));
	}
	if (!a->lab.lab)
		return 0;
	int r = hcb_run_lab_enter(a->lab.lab, a->lab.lab_host, &a->lab.run, err);
	a->again.around = a->lab.run.around;
	if (!r)
		a->again.dilation = a->lab.run.dilation;
	return r;
}

static int show(const struct verify_args *a, const json_t *doc, struct hcb_err *err)
{
	const struct hcb_report *report = hcb_report_find(a->json ? "json" : "text");
	int r = report->write(&doc, 1, stdout, err);
	return r && ferror(stdout) ? 0 : r; /* main says why, and fails */
}

static int verify(struct verify_args *a, json_t **doc, int *code, struct hcb_err *err)
{
	json_t *about = NULL;
	int r = a->out ? hcb_result_path_check(a->out, err) : 0;
	r = r ? r : hcb_verify_log_read(a->again.log, &a->again.books, &about, err);
	if (!r) {
		a->again.about = about;
		a->again.signal_seen = hcb_catch_signals();
		r = enter_lab(a, about, err);
	}
	r = r ? r : hcb_verify_again(&a->again, doc, code, err);
	/* Nobody reads from the books' buffers: they have none. */
	hcb_verify_free(a->again.books, false);
	if (!r && a->out)
		r = hcb_write_json_atomic(a->out, *doc, err);
	if (*doc) { /* whatever became of the file */
		struct hcb_err second = HCB_ERR_INIT;
		int r2 = show(a, *doc, r ? &second : err);
		r = r ? r : r2;
	}
	json_decref(*doc);
	json_decref(about);
	return r;
}

static int verify_main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct verify_args *a = calloc(1, sizeof(*a));
	json_t *doc = NULL;
	int code = HCB_EXIT_OK;
	int r = a ? parse(argc, argv, a, &err) : hcb_err_sys(&err, -ENOMEM, "verify");
	r = r ? r : verify(a, &doc, &code, &err);
	free(a);
	return r ? hcb_fail(&err) : code;
}

const struct hcb_verb hcb_verb_verify = {
        .name = "verify",
        .summary = "read back what a run with --verify-log wrote",
        .usage =
                "usage: hcbench verify LOG [OPTION...]\n"
                "LOG is what \"hcbench run --verify-log LOG\" kept. Opens the run's "
                "targets, read only, and\n"
                "names every block that is not as promised: after a power cut, a node's "
                "loss, a repair.\n"
                "What no flush had covered may be gone, and is only counted.\n"
                "  --on VOLUME=TARGET  where that volume is now, if not where it was\n"
                "  --lab NAME          not the run's own lab; --lab-host h2: from there\n"
                "  -o, --output FILE   also write the result document there\n"
                "  --json              print the document instead of the report\n"
                "  --timeout TIME      for each call to the outside (default 30s)\n"
                "  --stall-limit TIME  give up when nothing completes that long "
                "(default 120s)\n"
                "  -q, --quiet         no progress\n"
                "exit: 0 all is there, 1 something is not or could not be read, 2 usage, "
                "14 refused for\n"
                "      safety, 130/143 interrupted\n",
        .main = verify_main,
};
