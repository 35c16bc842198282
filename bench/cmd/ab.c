/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ab: two scenarios, run in turns. Each run is a process of its own: two labs have two
 * networks, and a run enters one for good.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/ab.h"
#include "bench/cmd/ab_labs.h"
#include "bench/cmd/self.h"
#include "bench/cmd/signals.h"
#include "bench/cmd/verb.h"
#include "bench/core/atomic_file.h"
#include "bench/core/units.h"
#include "bench/result.h"
#include "reports/report.h"

#define DEFAULT_PAIRS 5
#define DEFAULT_LIMIT (3600 * HCB_SEC)

#define MAX_PASSED 64
#define MAX_SIDES  3

static const char *const side_names[MAX_SIDES] = {"a", "b", "c"};

struct side {
	const char *what; /* scenario file, or workload */
	json_t *doc[HCB_AB_MAX_PAIRS];
};

struct ab {
	struct side side[MAX_SIDES];
	unsigned sides;
	uint64_t pairs, seed, limit_ns;
	const char *out, *keep;
	bool json, quiet;
	struct ab_labs labs;
	const char *passed[2 * MAX_PASSED]; /* options that are run's */
	size_t n_passed;
	char dir[64]; /* of results that are not kept */
	size_t n;     /* pairs complete */
	unsigned dropped;
	json_t *log; /* every run: pair, side, verdict, reasons, path */
};

static const struct option options[] = {
        {"pairs", required_argument, NULL, 'p'},
        {"seed", required_argument, NULL, 's'},
        {"limit", required_argument, NULL, 'l'},
        {"keep", required_argument, NULL, 'k'},
        {"json", no_argument, NULL, 'j'},
        {"output", required_argument, NULL, 'o'},
        {"quiet", no_argument, NULL, 'q'},
        {"labs", required_argument, NULL, 'L'},
        {"together", no_argument, NULL, 'T'},
        {"on", required_argument, NULL, 'O'},
        {"set", required_argument, NULL, 'S'},
        {"duration", required_argument, NULL, 'D'},
        {"warmup", required_argument, NULL, 'W'},
        {"tunnel-ends", no_argument, NULL, 'E'},
        {"dilation", required_argument, NULL, 'I'},
        {NULL, 0, NULL, 0},
};

static int pass(struct ab *a, const char *option, struct hcb_err *err)
{
	if (a->n_passed + 2 > sizeof(a->passed) / sizeof(a->passed[0]))
		return hcb_err_usage(err, "ab: more than %d options for the runs",
		                     MAX_PASSED);
	a->passed[a->n_passed++] = option;
	a->passed[a->n_passed++] = optarg;
	return 0;
}

static int parse_number(const char *opt, uint64_t min, uint64_t max, uint64_t *out,
                        struct hcb_err *err)
{
	if (hcb_parse_u64(optarg, out) || *out < min || *out > max)
		return hcb_err_usage(err,
		                     "--%s %s: expected a whole number from %llu to "
		                     "%llu",
		                     opt, optarg, (unsigned long long)min,
		                     (unsigned long long)max);
	return 0;
}

static int one_option(struct ab *a, int c, char **argv, struct hcb_err *err)
{
	switch (c) {
	case 'p':
		return parse_number("pairs", 2, HCB_AB_MAX_PAIRS, &a->pairs, err);
	case 's':
		return parse_number("seed", 0, INT64_MAX - HCB_AB_MAX_PAIRS, &a->seed,
		                    err);
	case 'l':
		if (hcb_parse_duration(optarg, &a->limit_ns) || !a->limit_ns)
			return hcb_err_usage(
			        err, "--limit %s: expected a time such as 1h", optarg);
		return 0;
	case 'k':
		a->keep = optarg;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case 'o':
		a->out = optarg;
		return 0;
	case 'q':
		a->quiet = true;
		return 0;
	case 'L':
		return ab_labs_parse(optarg, &a->labs, err);
	case 'T':
		a->labs.together = true;
		return 0;
	case 'E':
		a->labs.ends = true;
		return 0;
	case 'I':
		snprintf(a->labs.dilation, sizeof(a->labs.dilation), "%.15s", optarg);
		return 0;
	case 'O':
		return pass(a, "--on", err);
	case 'S':
		return pass(a, "--set", err);
	case 'D':
		return pass(a, "--duration", err);
	case 'W':
		return pass(a, "--warmup", err);
	default:
		return hcb_bad_option("ab", c, argv, options, err);
	}
}

static bool is_file(const char *word)
{
	size_t n = strlen(word);
	return strchr(word, '/') || (n > 4 && strcmp(word + n - 4, ".ini") == 0);
}

/* Two scenarios; or one, or a workload, on two labs. */
static int take_sides(struct ab *a, char **words, int n, struct hcb_err *err)
{
	bool labs = *a->labs.lab[0].target;
	if (n != 2 && !(n == 1 && labs))
		return hcb_err_usage(err, "ab: expected two scenario files, or one or a "
		                          "workload with --labs A,B");
	if (!labs && (a->labs.together || a->labs.ends || *a->labs.dilation))
		return hcb_err_usage(err,
		                     "ab: --together, --tunnel-ends and --dilation are "
		                     "of --labs A,B");
	a->sides = a->labs.ends ? 3 : 2;
	a->side[2].what = words[n - 1];
	for (int i = 0; i < 2; i++) {
		a->side[i].what = words[n == 2 ? i : 0];
		if (is_file(a->side[i].what) && access(a->side[i].what, R_OK))
			return hcb_err_sys(err, -errno, "read %s", a->side[i].what);
	}
	return 0;
}

static int parse(int argc, char **argv, struct ab *a, struct hcb_err *err)
{
	int c, r = 0;
	a->pairs = DEFAULT_PAIRS;
	a->seed = 1;
	a->limit_ns = DEFAULT_LIMIT;
	optind = 1;
	while (!r && (c = getopt_long(argc, argv, ":o:q", options, NULL)) != -1)
		r = one_option(a, c, argv, err);
	if (r)
		return r;
	a->labs.quiet = a->quiet;
	r = take_sides(a, argv + optind, argc - optind, err);
	if (r)
		return r;
	return a->out ? hcb_result_path_check(a->out, err) : 0;
}

/* ---- one run ---- */

static void result_path(const struct ab *a, size_t pair, unsigned side, char *buf,
                        size_t size)
{
	snprintf(buf, size, "%s/%c%zu.json", a->keep ? a->keep : a->dir, "abc"[side],
	         pair + 1);
}

/* The lab's way of replication, looked at after each run: what drifts is seen. */
static json_t *path_of(const struct ab *a, const json_t *doc)
{
	const json_t *lab = json_object_get(json_object_get(doc, "facts"), "lab");
	const char *name = json_string_value(json_object_get(lab, "name"));
	return name && !*a->labs.stop ? ab_lab_path(&a->labs, name) : NULL;
}

/* Takes path over. */
static void note(struct ab *a, size_t pair, unsigned side, const json_t *doc,
                 json_t *path)
{
	const json_t *v = json_object_get(doc, "validity");
	json_array_append_new(
	        a->log, json_pack("{sisssOsOsOso*}", "pair", (int)pair + 1, "side",
	                          side_names[side], "run_id",
	                          json_object_get(json_object_get(doc, "run"), "id"),
	                          "verdict", json_object_get(v, "verdict"), "reasons",
	                          json_object_get(v, "reasons"), "path",
	                          path ? path : path_of(a, doc)));
}

static int run_child(struct ab *a, unsigned side, uint64_t seed, const char *path,
                     int *code, struct hcb_err *err)
{
	char text[32];
	const char *argv[16 + 2 * MAX_PASSED];
	size_t n = 0;
	const struct self_opts o = {.timeout_ns = a->limit_ns,
	                            .stop = a->labs.stop,
	                            .verdicts = true,
	                            .answer = path};
	snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
	const char *const head[] = {"run", a->side[side].what, "-q", "-o",
	                            path,  "--seed",           text};
	for (; n < sizeof(head) / sizeof(head[0]); n++)
		argv[n] = head[n];
	for (size_t i = 0; i < a->n_passed; i++)
		argv[n++] = a->passed[i];
	if (*ab_lab_of(&a->labs, side)->target) {
		argv[n++] = "--lab";
		argv[n++] = ab_lab_of(&a->labs, side)->name;
	}
	argv[n] = NULL;
	return self_run(argv, &o, code, NULL, err);
}

/* 0: *doc is a result that counts, or NULL if it was INVALID. */
static int run_side(struct ab *a, size_t pair, unsigned side, json_t **doc,
                    struct hcb_err *err)
{
	char path[600];
	json_error_t je;
	int code;
	json_t *way = NULL;
	result_path(a, pair, side, path, sizeof(path));
	*doc = NULL;
	int r = ab_labs_enter(&a->labs, side, &way, err);
	r = r ? r : run_child(a, side, a->seed + pair, path, &code, err);
	if (r && err->exit == HCB_EXIT_INVALID) {
		*doc = self_invalid(err);
		code = HCB_EXIT_INVALID;
		r = *doc ? 0 : r;
	} else if (!r) {
		*doc = json_load_file(path, 0, &je);
		if (!*doc)
			r = hcb_err_set(err, -EIO, "read %s: %s", path, je.text);
	}
	if (!a->keep)
		unlink(path); /* of an interrupted run, too */
	if (r) {
		json_decref(way);
		return r;
	}
	note(a, pair, side, *doc, way);
	if (code == HCB_EXIT_INVALID) {
		json_decref(*doc);
		*doc = NULL;
	}
	ab_labs_leave(&a->labs, side);
	return 0;
}

static void progress(const struct ab *a, size_t pair, const json_t *const *doc)
{
	char text[256];
	size_t n = 0;
	if (a->quiet)
		return;
	for (unsigned s = 0; s < a->sides && n < sizeof(text); s++) {
		const json_t *tx =
		        json_array_get(json_object_get(doc[s], "transactions"), 0);
		double p99 = json_number_value(
		        json_object_get(json_object_get(tx, "response_ns"), "p99"));
		n += (size_t)snprintf(
		        text + n, sizeof(text) - n, "%s%c %.1f/s, p99 %.1f ms",
		        s ? "; " : "", "ABC"[s],
		        json_number_value(json_object_get(tx, "rate_per_s")), p99 / 1e6);
	}
	hcb_say("pair %zu of %llu: %s", pair + 1, (unsigned long long)a->pairs, text);
}

static void say_dropped(const struct ab *a)
{
	for (size_t i = json_array_size(a->log); i-- > 0;) {
		const json_t *run = json_array_get(a->log, i);
		const char *v = json_string_value(json_object_get(run, "verdict"));
		if (!v || strcmp(v, "INVALID") != 0)
			continue;
		const char *why = json_string_value(
		        json_array_get(json_object_get(run, "reasons"), 0));
		hcb_say("pair dropped: side %s was INVALID: %s",
		        json_string_value(json_object_get(run, "side")),
		        why ? why : "no reason given");
		return;
	}
}

/* A B, B A, A B, ...: what drifts with time falls on both alike. */
static int run_pair(struct ab *a, size_t attempt, struct hcb_err *err)
{
	json_t *doc[MAX_SIDES] = {NULL};
	bool all = true;
	int r = 0;
	for (unsigned i = 0; !r && i < a->sides; i++) {
		unsigned side = (attempt % 2 ? a->sides - 1 - i : i) % MAX_SIDES;
		r = run_side(a, attempt, side, &doc[side], err);
		all &= doc[side] != NULL;
	}
	if (!r && all) {
		progress(a, a->n, (const json_t *const *)doc);
		for (unsigned s = 0; s < a->sides; s++)
			a->side[s].doc[a->n] = doc[s];
		a->n++;
		return 0;
	}
	if (!r) {
		a->dropped++;
		if (!a->quiet)
			say_dropped(a);
	}
	for (unsigned s = 0; s < a->sides; s++)
		json_decref(doc[s]);
	return r;
}

static int run_all(struct ab *a, struct hcb_err *err)
{
	int r = ab_labs_up(&a->labs, err);
	for (size_t i = 0; !r && a->n < a->pairs; i++) {
		if (*a->labs.stop)
			return hcb_err_set(err, -EINTR, "ab: interrupted");
		if (i >= HCB_AB_MAX_PAIRS || a->dropped > a->pairs) {
			r = hcb_err_set(
			        err, -EIO,
			        "ab: %u pairs had an INVALID run: the machine or "
			        "the cluster is not fit; \"hcbench run\" says why",
			        a->dropped);
			err->exit = HCB_EXIT_INVALID;
			break;
		}
		r = run_pair(a, i, err);
	}
	return r;
}

/* ---- the document ---- */

static json_t *side_json(const struct ab *a, unsigned side)
{
	const struct side *s = &a->side[side];
	size_t n = a->n;
	const json_t *first = n ? s->doc[0] : NULL;
	const json_t *targets = json_object_get(first, "targets");
	const char *target =
	        json_string_value(json_object_get(json_array_get(targets, 0), "target"));
	const json_t *lab = json_object_get(json_object_get(first, "facts"), "lab");
	const char *cluster = json_string_value(json_object_get(lab, "cluster"));
	return json_pack("{ssssss?ss?sbso*}", "scenario", s->what, "workload",
	                 n ? json_string_value(json_object_get(
	                             json_object_get(first, "run"), "workload"))
	                   : "",
	                 "target", target, "cluster", cluster, "same_lab",
	                 ab_lab_shared(&a->labs, side), "path",
	                 hcb_ab_path(a->log, side_names[side]));
}

static const char *headline(const json_t *doc)
{
	const json_t *tx = json_array_get(json_object_get(doc, "transactions"), 0);
	const char *name = json_string_value(json_object_get(tx, "name"));
	return name ? name : "";
}

static json_t *document(const struct ab *a, bool partial)
{
	json_t *doc = hcb_json_document("ab", partial);
	json_t *metrics = hcb_ab_metrics(a->side[0].doc, a->side[1].doc, a->n);
	const json_t *first = a->n ? a->side[0].doc[0] : NULL;
	json_object_set_new(doc, "ab",
	                    json_pack("{sososIsIsIsf}", "a", side_json(a, 0), "b",
	                              side_json(a, 1), "pairs", (json_int_t)a->n,
	                              "dropped_pairs", (json_int_t)a->dropped, "seed",
	                              (json_int_t)a->seed, "margin", HCB_EFFECT_MARGIN));
	json_object_set_new(doc, "transaction", json_string(headline(first)));
	json_object_set_new(doc, "metrics", metrics);
	if (a->sides > 2) {
		json_object_set_new(json_object_get(doc, "ab"), "c", side_json(a, 2));
		json_object_set_new(doc, "metrics_c",
		                    hcb_ab_metrics(a->side[0].doc, a->side[2].doc, a->n));
	}
	json_object_set(doc, "runs", a->log);
	return doc;
}

/* How many metrics were judged; undecided: one could not be. */
static unsigned judged(const json_t *metrics, bool *undecided)
{
	unsigned n = 0;
	for (size_t i = 0; i < json_array_size(metrics); i++) {
		const char *v = json_string_value(
		        json_object_get(json_array_get(metrics, i), "verdict"));
		*undecided |= v && strcmp(v, "INCONCLUSIVE") == 0;
		n += v && strcmp(v, "N/A") != 0;
	}
	return n;
}

/* 0 if every metric that can be judged was; 11 if one is undecided or there is none. */
static int exit_code(const json_t *doc)
{
	bool undecided = false;
	unsigned n = judged(json_object_get(doc, "metrics"), &undecided);
	n += judged(json_object_get(doc, "metrics_c"), &undecided);
	return n && !undecided ? HCB_EXIT_OK : HCB_EXIT_UNSTEADY;
}

static int finish(const struct ab *a, bool partial, struct hcb_err *err)
{
	json_t *doc = document(a, partial);
	const json_t *const docs[] = {doc};
	int r = a->out ? hcb_write_json_atomic(a->out, doc, err) : 0;
	if (!r)
		r = hcb_report_find(a->json ? "json" : "text")
		            ->write(docs, 1, stdout, err);
	int code = exit_code(doc);
	json_decref(doc);
	return r ? r : code;
}

static int make_dir(struct ab *a, struct hcb_err *err)
{
	const char *base = getenv("TMPDIR");
	if (a->keep)
		return access(a->keep, W_OK)
		               ? hcb_err_sys(err, -errno, "keep results in %s", a->keep)
		               : 0;
	snprintf(a->dir, sizeof(a->dir), "%.40s/hcbench-ab-XXXXXX", base ? base : "/tmp");
	return mkdtemp(a->dir) ? 0 : hcb_err_sys(err, -errno, "make %s", a->dir);
}

static int ab_main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT, second = HCB_ERR_INIT;
	struct ab a = {0};
	int r = parse(argc, argv, &a, &err);
	r = r ? r : make_dir(&a, &err);
	if (r)
		return hcb_fail(&err);
	a.log = json_array();
	a.labs.stop = hcb_catch_signals();
	r = run_all(&a, &err);
	ab_labs_down(&a.labs);
	int code = a.n || !r ? finish(&a, r != 0, &second) : 0;
	if (*a.dir)
		rmdir(a.dir);
	for (size_t i = 0; i < a.n; i++) {
		for (unsigned k = 0; k < a.sides; k++)
			json_decref(a.side[k].doc[i]);
	}
	json_decref(a.log);
	if (*a.labs.stop)
		return 128 + (int)*a.labs.stop;
	if (r)
		return hcb_fail(&err);
	return code < 0 ? hcb_fail(&second) : code;
}

const struct hcb_verb hcb_verb_ab = {
        .name = "ab",
        .summary = "two scenarios in interleaved pairs: the difference, and if it is one",
        .usage = "usage: hcbench ab A.ini B.ini [OPTION...]\n"
                 "       hcbench ab WORKLOAD|SCENARIO.ini --labs A,B --on VOLUME=TARGET "
                 "... [OPTION...]\n"
                 "Runs the scenarios in turns, A B, B A, A B, ..., each pair with one "
                 "seed, and prints\n"
                 "the ratio B/A of each metric with its 95 % interval.\n"
                 "  --labs A,B       the runs happen in these labs, names or cluster "
                 "files, brought up\n"
                 "                   and taken down; one that is up is used as it is\n"
                 "  --together       both labs at once, the same for every pair: "
                 "quicker, but what sets\n"
                 "                   these two apart counts as the difference. Else one "
                 "at a time, a new\n"
                 "                   one for each run\n"
                 "  --tunnel-ends    B's tunnel at the lower end of what its cluster "
                 "file assumes, and\n"
                 "                   as C at the upper (\"lab tunnel\")\n"
                 "  --dilation D     for labs that are brought up\n"
                 "  --on, --set, --duration, --warmup\n"
                 "                   as \"hcbench run\" takes them, for both sides\n"
                 "  --pairs N        default 5, at least 2\n"
                 "  --seed N         of the first pair; each has the next (default 1)\n"
                 "  --limit TIME     for one run (default 1h)\n"
                 "  --keep DIR       keep every run's result there\n"
                 "  -o, --output FILE  also write the comparison there\n"
                 "  --json           print the document instead of the report\n"
                 "  -q, --quiet      no progress\n"
                 "After each run in a lab the way of replication is measured as \"lab "
                 "path\" does.\n"
                 "A pair with an INVALID run is dropped and run again.\n"
                 "exit: 0 decided, 1 failed, 2 usage, 11 inconclusive, 13 too many "
                 "invalid runs\n",
        .main = ab_main,
};
