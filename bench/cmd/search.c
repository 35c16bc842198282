/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * search: the most load that keeps its objectives. What is tried next is bench/search.h's
 * to say; each trial is a run in a process of its own.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/cmd/search_parts.h"
#include "bench/cmd/self.h"
#include "bench/cmd/signals.h"
#include "bench/cmd/verb.h"
#include "bench/core/atomic_file.h"
#include "bench/core/units.h"
#include "reports/report.h"

static uint64_t wall_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * HCB_SEC + (uint64_t)ts.tv_nsec;
}

/* ---- one trial ---- */

static uint64_t trial_seed(const struct search *s)
{
	return s->seed + s->state.n_trials;
}

static int run_child(const struct search *s, const struct hcb_search_ask *ask,
                     const char *path, const volatile sig_atomic_t *stop,
                     struct hcb_err *err)
{
	char load[40], set[80], seed[32], longer[32], what[80];
	const char *argv[2 * SEARCH_MAX_PASSED + 16];
	size_t n = 0;
	search_load_text(s, ask->load, load, sizeof(load));
	snprintf(set, sizeof(set), "%s=%s", s->load, load);
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)trial_seed(s));
	snprintf(longer, sizeof(longer), "%llums",
	         (unsigned long long)(s->long_ns / HCB_MS));
	snprintf(what, sizeof(what), "trial %u at %s", s->state.n_trials + 1, load);
	const char *const head[] = {"run",    s->what, "-q",    "-o", path,
	                            "--seed", seed,    "--set", set};
	for (; n < sizeof(head) / sizeof(head[0]); n++)
		argv[n] = head[n];
	for (size_t i = 0; i < s->n_passed; i++)
		if (s->passed[i])
			argv[n++] = s->passed[i];
	if (ask->verify) {
		argv[n++] = "--duration";
		argv[n++] = longer;
	}
	argv[n] = NULL;
	const struct self_opts o = {.timeout_ns = s->limit_ns,
	                            .stop = stop,
	                            .verdicts = true,
	                            .answer = path,
	                            .what = what};
	return self_run(argv, &o, NULL, NULL, err);
}

static const json_t *headline(const json_t *doc)
{
	return json_array_get(json_object_get(doc, "transactions"), 0);
}

static json_t *missed_json(const struct search *s, uint32_t missed)
{
	json_t *a = json_array();
	for (unsigned i = 0; i < s->n_slos; i++)
		if (missed >> i & 1)
			json_array_append_new(a, json_string(s->slo[i].name));
	return a;
}

static json_t *figures_json(const struct search *s, const struct hcb_slo_verdict *v)
{
	json_t *a = json_array();
	for (unsigned i = 0; i < s->n_slos; i++) {
		bool is = isfinite(v->value_ns[i]);
		json_array_append_new(
		        a, json_pack("{ssso}", "name", s->slo[i].name, "value_ns",
		                     is ? json_real(v->value_ns[i]) : json_null()));
	}
	return a;
}

/* cost_s: of the budget; wall time, under the virtual clock that of the run. */
static json_t *trial_json(const struct search *s, const struct hcb_search_ask *ask,
                          const json_t *doc, const struct hcb_slo_verdict *v,
                          double cost_s)
{
	const json_t *run = json_object_get(doc, "run");
	const json_t *validity = json_object_get(doc, "validity");
	const char *outcome = v->invalid ? "invalid" : v->missed ? "bad" : "good";
	const json_t *tx = headline(doc);
	return json_pack("{sisfsssbsIsO?sssosssbsosO?sO?sO?sO?sO?sO?sO?sf}", "trial",
	                 (int)s->state.n_trials + 1, "load", ask->load, "why",
	                 hcb_search_why_text(ask->why), "verify", (int)ask->verify,
	                 "seed", (json_int_t)trial_seed(s), "run_id",
	                 json_object_get(run, "id"), "outcome", outcome, "missed",
	                 missed_json(s, v->invalid ? 0 : v->missed), "because", v->reason,
	                 "few", (int)v->few, "figures", figures_json(s, v), "verdict",
	                 json_object_get(validity, "verdict"), "reasons",
	                 json_object_get(validity, "reasons"), "count",
	                 json_object_get(tx, "count"), "measured_s",
	                 json_object_get(run, "measured_s"), "achieved_per_s",
	                 json_object_get(run, "achieved_per_s"), "rate_per_s",
	                 json_object_get(tx, "rate_per_s"), "response_ns",
	                 json_object_get(tx, "response_ns"), "cost_s", cost_s);
}

static void say_trial(const struct search *s, const struct hcb_search_ask *ask,
                      const json_t *trial)
{
	static const struct {
		const char *key, *name;
	} show[] = {{"p50", "p50"}, {"p99", "p99"}};
	const json_t *lat = json_object_get(trial, "response_ns");
	const char *because = json_string_value(json_object_get(trial, "because"));
	char load[40], text[100] = "", ns[32];
	if (s->quiet)
		return;
	search_load_text(s, ask->load, load, sizeof(load));
	for (size_t i = 0; i < sizeof(show) / sizeof(show[0]); i++) {
		size_t n = strlen(text);
		const json_t *v = json_object_get(lat, show[i].key);
		snprintf(text + n, sizeof(text) - n, ", %s %s", show[i].name,
		         json_is_number(v)
		                 ? hcb_fmt_ns(ns, sizeof(ns), json_number_value(v))
		                 : "n/a");
	}
	hcb_say("trial %u: %s (%s)%s: %s%s%s", s->state.n_trials + 1, load,
	        hcb_search_why_text(ask->why), text,
	        json_string_value(json_object_get(trial, "outcome")),
	        *because ? ": " : "", because);
}

/* Too few samples are too few again: that is said, and not tried. */
static int remember(struct search *s, const struct hcb_search_ask *ask, const json_t *doc,
                    uint64_t spent_ns, struct hcb_err *err)
{
	struct hcb_slo_verdict v;
	const json_t *run = json_object_get(doc, "run");
	hcb_slo_judge(doc, s->slo, s->n_slos, &v);
	double cost_s = s->args.run.virtual_clock
	                        ? json_number_value(json_object_get(run, "drained_s"))
	                        : (double)spent_ns / 1e9;
	json_t *trial = trial_json(s, ask, doc, &v, cost_s);
	say_trial(s, ask, trial);
	json_array_append_new(s->trials, trial);
	if (!s->targets && json_object_get(doc, "targets")) {
		s->targets = json_incref(json_object_get(doc, "targets"));
		s->facts = json_incref(json_object_get(doc, "facts"));
	}
	const struct hcb_search_seen seen = {
	        .invalid = v.invalid,
	        .bad = s->n_slos > 1 ? v.missed << 1 | (v.missed != 0) : v.missed,
	        .cost_s = cost_s};
	hcb_search_observe(&s->state, &seen);
	if (!v.few)
		return 0;
	int r = hcb_err_set(err, -ENODATA,
	                    "trial %u: %.300s: a greater --from, or longer "
	                    "trials (--duration)",
	                    s->state.n_trials, v.reason);
	err->exit = HCB_EXIT_UNSTEADY;
	return r;
}

static int write_down(const struct search *s, struct hcb_err *err)
{
	if (!s->out)
		return 0;
	json_t *doc = search_document(s);
	int r = hcb_write_json_atomic(s->out, doc, err);
	json_decref(doc);
	return r;
}

static int one_trial(struct search *s, const struct hcb_search_ask *ask,
                     const volatile sig_atomic_t *stop, struct hcb_err *err)
{
	char path[100];
	json_error_t je;
	snprintf(path, sizeof(path), "%s/trial.json", s->dir);
	uint64_t began = wall_ns();
	int r = run_child(s, ask, path, stop, err);
	json_t *doc = r ? NULL : json_load_file(path, 0, &je);
	if (!r && !doc)
		r = hcb_err_set(err, -EIO, "read %s: %s", path, je.text);
	if (r && err->exit == HCB_EXIT_INVALID && (doc = self_invalid(err)))
		r = 0;
	unlink(path);
	if (!r && *stop)
		r = hcb_err_set(err, -EINTR, "search: interrupted");
	if (!r) {
		struct hcb_err second = HCB_ERR_INIT;
		r = remember(s, ask, doc, wall_ns() - began, err);
		int r2 = write_down(s, r ? &second : err);
		r = r ? r : r2;
	}
	json_decref(doc);
	return r;
}

static int run_all(struct search *s, const volatile sig_atomic_t *stop,
                   struct hcb_err *err)
{
	struct hcb_search_ask ask;
	unsigned before = s->state.n_trials;
	int r = 0;
	/* Asked first: whether it is done is known then. */
	while (!r && hcb_search_next(&s->state, &ask) == HCB_SEARCH_TRIAL) {
		if (s->most && s->state.n_trials - before >= s->most)
			break;
		r = *stop ? hcb_err_set(err, -EINTR, "search: interrupted")
		          : one_trial(s, &ask, stop, err);
	}
	return r;
}

/* ---- together ---- */

static int exit_code(const struct search *s)
{
	bool regular = true;
	if (s->state.n_trials && !s->state.n_counted)
		return HCB_EXIT_INVALID;
	for (unsigned g = 0; g < search_goals(s); g++) {
		struct hcb_search_result res;
		hcb_search_result(&s->state, g, &res);
		if (s->state.conf.wanted >> g & 1)
			regular &= res.regular;
	}
	return regular ? HCB_EXIT_OK : HCB_EXIT_UNSTEADY;
}

static int show(const struct search *s, struct hcb_err *err)
{
	json_t *doc = search_document(s);
	const json_t *const docs[] = {doc};
	int r = hcb_report_find(s->json ? "json" : "text")->write(docs, 1, stdout, err);
	json_decref(doc);
	return r;
}

static int make_dir(struct search *s, struct hcb_err *err)
{
	const char *base = getenv("TMPDIR");
	snprintf(s->dir, sizeof(s->dir), "%.36s/hcbench-search-XXXXXX",
	         base ? base : "/tmp");
	if (mkdtemp(s->dir))
		return 0;
	int r = hcb_err_sys(err, -errno, "make %s", s->dir);
	*s->dir = '\0';
	return r;
}

/* 0 or more: the exit code; -errno: err tells. */
static int search(struct search *s, const volatile sig_atomic_t *stop,
                  struct hcb_err *err)
{
	struct hcb_err second = HCB_ERR_INIT;
	int r = make_dir(s, err);
	if (r)
		return r;
	if (!s->quiet)
		search_say_plan(s);
	r = run_all(s, stop, err);
	rmdir(s->dir);
	/* What there is, also after an error: it may have taken hours. */
	if (s->state.n_trials || !r) {
		int r2 = write_down(s, r ? &second : err);
		r = r ? r : r2;
		r2 = show(s, r ? &second : err);
		r = r ? r : r2;
	}
	return r ? r : exit_code(s);
}

static int search_main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct search *s = calloc(1, sizeof(*s));
	if (!s) {
		hcb_err_sys(&err, -ENOMEM, "search");
		return hcb_fail(&err);
	}
	s->trials = json_array();
	int r = search_parse(argc, argv, s, &err);
	r = r || !s->resume ? r : search_resume(s, &err);
	const volatile sig_atomic_t *stop = hcb_catch_signals();
	r = r ? r : search(s, stop, &err);
	json_decref(s->trials);
	json_decref(s->targets);
	json_decref(s->facts);
	hcb_run_args_free(&s->args);
	free(s);
	if (*stop)
		return 128 + (int)*stop;
	return r < 0 ? hcb_fail(&err) : r;
}

const struct hcb_verb hcb_verb_search = {
        .name = "search",
        .summary = "the most load that keeps an objective, as an interval",
        .usage = "usage: hcbench search WORKLOAD|SCENARIO.ini --on VOLUME=TARGET ...\n"
                 "               --slo TRANSACTION.FIGURE=TIME ... --load "
                 "rate|clients|users [OPTION...]\n"
                 "Runs the workload at one load after the other until the most that "
                 "keeps all objectives\n"
                 "lies between two loads that were tried often enough to be believed.\n"
                 "  --slo commit.p99=50ms  what is to be kept; FIGURE is mean, p50, p95, "
                 "p99, p99.9 or\n"
                 "                     max. A failed transaction or overload misses "
                 "every objective\n"
                 "  --load KEY         which parameter of the workload is the load; of a "
                 "scenario with several\n"
                 "                     workloads NAME.KEY\n"
                 "  --from LOAD, --to LOAD\n"
                 "                     least and greatest (default: the least rate whose "
                 "trials have\n"
                 "                     enough samples, or 1; the parameter's greatest)\n"
                 "  --each             with several objectives: the interval of each as "
                 "well\n"
                 "  --budget TIME      ends there with what is known (default 2h; under "
                 "the virtual\n"
                 "                     clock none, and counted in its time)\n"
                 "  --limit TIME       for one trial (default 1h and four times its "
                 "length)\n"
                 "  --trials N         ends after N trials, with a partial document; "
                 "--resume goes on\n"
                 "  --seed N           of the first trial; each has the next (default "
                 "1)\n"
                 "  --on, --set, --duration, --warmup, --clock, --lab, --lab-host, "
                 "--cap-bytes, --cap-rate,\n"
                 "  --native-fua, --no-prefill, --timeout, --stall-limit\n"
                 "                     as \"hcbench run\" takes them, for every trial\n"
                 "  -o, --output FILE  write the document there, after every trial\n"
                 "  --resume           go on with the search that FILE holds\n"
                 "  --json             print the document instead of the report\n"
                 "  -q, --quiet        no plan, no line a trial\n"
                 "exit: 0 an interval, 1 failed, 2 usage, 11 none or not certain, 13 "
                 "every trial invalid,\n"
                 "      130/143 interrupted (FILE is then marked partial)\n",
        .main = search_main,
};
