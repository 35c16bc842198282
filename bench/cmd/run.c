/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/run_args.h"
#include "bench/cmd/run_lab.h"
#include "bench/cmd/run_repeat.h"
#include "bench/cmd/signals.h"
#include "bench/cmd/verb.h"
#include "bench/core/atomic_file.h"
#include "bench/verify_log.h"
#include "reports/report.h"

static int show(const struct hcb_run_args *a, const json_t *doc, struct hcb_err *err)
{
	const struct hcb_report *report = hcb_report_find(a->json ? "json" : "text");
	int r = report->write(&doc, 1, stdout, err);
	return r && ferror(stdout) ? 0 : r; /* main says why, and fails */
}

static int run_main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_run_args a;
	json_t *doc = NULL;
	int code = HCB_EXIT_OK;
	int r = hcb_run_args_parse(argc, argv, &a, &err);
	if (!r && a.repeat > 1) {
		code = run_repeat(argc, argv, &a, &err);
		hcb_run_args_free(&a);
		return code < 0 ? hcb_fail(&err) : code;
	}
	if (!r && a.out)
		r = hcb_result_path_check(a.out, &err);
	if (!r && a.run.verify_log)
		r = hcb_verify_log_check(a.run.verify_log, &err);
	if (!r) {
		a.run.signal_seen = hcb_catch_signals();
		r = a.lab ? hcb_run_lab_enter(a.lab, a.lab_host, &a.run, &err) : 0;
	}
	if (!r)
		r = hcb_run_once(&a.run, &doc, &code, &err);
	/* The file first: whatever becomes of standard output, the result is kept. And
	   shown, whatever becomes of the file: it may have taken hours. */
	if (!r && a.out)
		r = hcb_write_json_atomic(a.out, doc, &err);
	if (doc) {
		struct hcb_err second = HCB_ERR_INIT;
		int r2 = show(&a, doc, r ? &second : &err);
		r = r ? r : r2;
	}
	json_decref(doc);
	hcb_run_args_free(&a);
	if (!r)
		return code;
	int failed = hcb_fail(&err);
	return r == -EINTR && a.run.signal_seen && *a.run.signal_seen
	               ? 128 + (int)*a.run.signal_seen
	               : failed;
}

const struct hcb_verb hcb_verb_run = {
        .name = "run",
        .summary = "replay a workload on targets and print an honest result",
        .usage = "usage: hcbench run WORKLOAD|SCENARIO.ini --on VOLUME=TARGET ... "
                 "[OPTION...]\n"
                 "  --on VOLUME=TARGET  where a volume lies; all=TARGET puts every "
                 "volume on one\n"
                 "  --set KEY=VALUE     a parameter of the workload (\"hcbench list\" "
                 "shows them)\n"
                 "  --duration TIME     measure that long (whole cycles where there are "
                 "any)\n"
                 "  --warmup auto|TIME  not measured (auto: to the first cycle's end)\n"
                 "  --repeat N          run it N times, each with the next seed: means "
                 "with intervals\n"
                 "                      from the spread between runs; -o R.json keeps "
                 "each as R-1.json, ...\n"
                 "  --seed N            default 1; under the virtual clock the same seed "
                 "gives the\n"
                 "                      same bytes\n"
                 "  --clock real|virtual  default: virtual if every target is a model\n"
                 "  --lab NAME          targets lie in this lab; --lab-host h2: run "
                 "there, not on h1\n"
                 "  --fault 'at=TIME FAULT [ARG...]'  break something of the lab then "
                 "(\"hcbench\n"
                 "                      lab fault --list\" shows what)\n"
                 "  -o, --output FILE   also write the result document there\n"
                 "  --json              print the document instead of the report\n"
                 "  --cap-bytes SIZE    stop after writing so much (default 1TiB)\n"
                 "  --cap-rate SIZE     write no more than that a second\n"
                 "  --keep-going        a failed operation does not end the run\n"
                 "  --native-fua        use FUA where the target has it\n"
                 "  --no-prefill        do not write the volumes before the run\n"
                 "  --verify            read back what was written: what is lost or torn "
                 "is named\n"
                 "  --verify-log FILE   keep what is to be there, for \"hcbench verify "
                 "FILE\" later\n"
                 "  --timeout TIME      for each call to the outside (default 30s)\n"
                 "  --stall-limit TIME  give up when nothing completes that long "
                 "(default 120s)\n"
                 "  -q, --quiet         no progress\n"
                 "exit: 0 valid, 1 failed or data lost, 2 usage, 11 unsteady, 13 "
                 "invalid, 14 refused "
                 "for safety,\n"
                 "      130/143 interrupted (the result is then marked partial)\n",
        .main = run_main,
};
