/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check: has anything become worse? With --run it measures a night first. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/check.h"
#include "bench/cmd/check_args.h"
#include "bench/cmd/signals.h"
#include "bench/cmd/verb.h"
#include "bench/core/atomic_file.h"
#include "config.h"

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

static int go(const struct check_args *a, const char *dir, struct hcb_err *err)
{
	struct hcb_history h;
	int r = hcb_history_open(dir, false, &h, err);
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

/* ---- with --run ---- */

/* The night as it stands in the history. */
static json_t *judge_night(const struct check_args *a, const struct check_night *n,
                           struct hcb_err *err)
{
	struct hcb_history h;
	struct hcb_check_opts o = a->o;
	o.night = n->id;
	if (hcb_history_open(n->history, false, &h, err))
		return NULL;
	json_t *doc = hcb_check(&h, &o, err);
	hcb_history_close(&h);
	return doc;
}

/* One night that is far out is suspect; the same work again says whether it was the night
   or a moment of it. Once. */
static int confirm(const struct check_args *a, struct check_night *n, json_t **doc,
                   json_t *again, struct hcb_err *err)
{
	bool which[HCB_NIGHT_MAX_TESTS];
	const char *names[HCB_NIGHT_MAX_TESTS];
	for (unsigned i = 0; i < a->plan.tests; i++)
		names[i] = a->plan.test[i].name;
	if (json_array_size(n->unfit) ||
	    !hcb_night_suspects(*doc, names, a->plan.tests, which))
		return 0;
	for (unsigned i = 0; i < a->plan.tests; i++) {
		if (!which[i])
			continue;
		json_array_append_new(again, json_string(names[i]));
		check_note(n, "%s looks suspect: once more", names[i]);
	}
	int r = check_night_again(n, which, err);
	if (r)
		return r;
	json_decref(*doc);
	*doc = judge_night(a, n, err);
	return *doc ? 0 : err->code;
}

/* What the night has to say comes before what the series have. */
static void add_night(const struct check_night *n, const json_t *again, json_t *doc)
{
	json_t *lines = json_deep_copy(n->notes);
	json_array_extend(lines, json_object_get(doc, "warnings"));
	json_object_set_new(doc, "warnings", lines);
	json_object_set_new(doc, "measured", check_night_json(n, again));
}

static int finish(const struct check_args *a, const struct check_night *n, json_t *doc,
                  struct hcb_err *err)
{
	struct hcb_history h;
	int r = put_all(a, doc, err);
	if (!r && !a->o.n_gate) {
		r = hcb_history_open(n->history, false, &h, err);
		if (!r) {
			r = hcb_history_judged(&h, doc, err);
			hcb_history_close(&h);
		}
	}
	return r ? r : (int)hcb_check_exit(doc);
}

static int measure_and_judge(const struct check_args *a, struct check_night *n,
                             struct hcb_err *err)
{
	json_t *again = json_array(), *doc = NULL;
	int r = check_night_measure(n, err);
	if (!r) {
		doc = judge_night(a, n, err);
		r = doc ? confirm(a, n, &doc, again, err) : err->code;
	}
	/* Nothing was measured, and nothing ever before. */
	if (r == -ENOENT && json_array_size(n->unfit))
		r = hcb_err_invalid(err, "check --run: %s",
		                    json_string_value(json_array_get(n->unfit, 0)));
	if (!r) {
		add_night(n, again, doc);
		r = finish(a, n, doc, err);
	}
	json_decref(doc);
	json_decref(again);
	return r;
}

static int go_night(const struct check_args *a, const char *dir, struct hcb_err *err)
{
	struct check_night n = {.plan = &a->plan};
	n.stop = hcb_catch_signals();
	snprintf(n.history, sizeof(n.history), "%s", dir);
	int r = check_night_begin(&n, a->o.night, err);
	r = r ? r : measure_and_judge(a, &n, err);
	int sig = (int)*n.stop;
	if (r < 0 && n.work[0] && n.partial)
		hcb_say("check: what is not complete is in %s", n.work);
	check_night_free(&n);
	if (r == -EINTR && sig)
		err->exit = (enum hcb_exit)(128 + sig);
	return r;
}

static int check_main(int argc, char **argv)
{
	char dir[400];
	struct hcb_err err = HCB_ERR_INIT;
	struct check_args a = {0};
	int r = check_args_parse(argc, argv, &a, &err);
	r = r ? r : hcb_history_dir(a.history, dir, sizeof(dir), &err);
	if (!r)
		r = a.plan.tests ? go_night(&a, dir, &err) : go(&a, dir, &err);
	json_decref(a.plan.facts);
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
                "       hcbench check --run SCENARIO.ini [--run ...] [OPTION...]\n"
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
                "With --run it measures the night first: the controls, each scenario "
                "--blocks times\n"
                "in turns, the controls again; puts into the history what is complete; "
                "and makes\n"
                "the runs of a test that looks SUSPECT once more.\n"
                "  --blocks N         runs of each scenario (default 5: a night's "
                "least)\n"
                "  --spread TIME      begin them evenly over so long, or what the "
                "deadline leaves\n"
                "                     (default: one after another)\n"
                "  --deadline TIME    for all of it; what is complete then is judged\n"
                "  --settle TIME      wait so long for a healthy, idle cluster, or "
                "what the\n"
                "                     deadline leaves (default 10m)\n"
                "  --lab NAME         the scenarios' targets lie in this lab\n"
                "  --seed N           of the first run of each (default 1)\n"
                "  --fact KEY=VALUE   joins the fingerprint of the environment; several\n"
                "  --no-controls      none (models have none)\n"
                "  --brief            controls before the runs only, and those of half "
                "a minute\n"
                "  --dir DIR, --path NAME=ADDRESS:PORT\n"
                "                     as \"hcbench probe --controls\" takes them\n"
                "\n"
                "Exit code: 0 nothing worse; 10 a regression that nobody has "
                "acknowledged;\n"
                "11 one that a control or unrelated tests go along with; 12 too little "
                "history;\n"
                "13 nothing valid tonight.\n"
                "explain: one series: tonight, baseline, since when, what changed then, "
                "30 nights.\n",
        .main = check_main,
};
