/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history: what earlier nights measured. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench/cmd/history_verbs.h"
#include "bench/cmd/verb.h"
#include "bench/cmd/verb_args.h"
#include "config.h"

#define MAX_WORDS 4096

#define OPT(n, t, f, d, h)                                                               \
	{                                                                                \
		.name = n, .type = t, .offset = offsetof(struct history_conf, f),        \
		.size = sizeof(((struct history_conf *)0)->f), .def = d, .help = h       \
	}
static const struct hcb_opt options[] = {
        OPT("history", HCB_OPT_STR, history, "", "directory of the history"),
        OPT("night", HCB_OPT_STR, night, "", "id of the night"),
        OPT("name", HCB_OPT_STR, name, "", "of the test"),
        OPT("control", HCB_OPT_BOOL, control, "off", "tells of the environment"),
        OPT("rerun", HCB_OPT_BOOL, rerun, "off", "made to confirm a suspect night"),
        OPT("why", HCB_OPT_STR, why, "", "reason of what is decided"),
        OPT("force", HCB_OPT_BOOL, force, "off", "acknowledge without an episode"),
        OPT("csv", HCB_OPT_BOOL, csv, "off", "a table, a night a line"),
        OPT("json", HCB_OPT_BOOL, json, "off", "for programs"),
        OPT("compare", HCB_OPT_BOOL, compare, "off", "change nothing"),
        OPT("reset", HCB_OPT_BOOL, reset, "off", "the shipped thresholds again"),
        {.name = "budget",
         .type = HCB_OPT_DOUBLE,
         .offset = offsetof(struct history_conf, budget),
         .min = 0.001,
         .max = 9.999,
         .def = "0.1",
         .help = "false alarms per 100 nights"},
        OPT("seed", HCB_OPT_U64, seed, "1", "of the calibration"),
        {.name = NULL},
};

static const struct {
	const char *name;
	int (*main)(const struct history_conf *c, const char **words, int n,
	            struct hcb_err *err);
	int least, most; /* words */
	const char *what;
} verbs[] = {
        {"add", history_add, 1, MAX_WORDS, "RESULT.json..."},
        {"list", history_list, 0, 0, ""},
        {"show", history_show, 1, 1, "SERIES"},
        {"ack", history_ack, 1, 1, "SERIES --why TEXT [--force]"},
        {"link", history_link, 2, 2, "OLD NEW"},
        {"calibrate", history_calibrate, 0, MAX_WORDS, "[SERIES...]"},
        {"drop-night", history_drop_night, 1, 1, "NIGHT [--why TEXT]"},
        {"export", history_export, 0, 0, "[--csv]"},
        {"rebuild", history_rebuild, 0, 0, "[--compare]"},
        {"where", history_where, 0, 0, ""},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

int history_open(const struct history_conf *c, bool make, struct hcb_history *h,
                 struct hcb_err *err)
{
	char dir[400];
	int r = hcb_history_dir(c->history[0] ? c->history : NULL, dir, sizeof(dir), err);
	return r ? r : hcb_history_open(dir, make, h, err);
}

/* --fact may come several times, which an option table does not know. */
static int take_facts(int *argc, char **argv, struct history_conf *c, struct hcb_err *err)
{
	int kept = 0;
	for (int i = 0; i < *argc; i++) {
		bool joined = strncmp(argv[i], "--fact=", 7) == 0;
		if (!joined && strcmp(argv[i], "--fact") != 0) {
			argv[kept++] = argv[i];
			continue;
		}
		if (!joined && i + 1 == *argc)
			return hcb_err_usage(err, "history: --fact: expected a value");
		const char *pair = joined ? argv[i] + 7 : argv[++i];
		const char *eq = strchr(pair, '=');
		if (!eq || eq == pair || !eq[1])
			return hcb_err_usage(
			        err, "history: --fact %s: expected KEY=VALUE", pair);
		if (c->n_facts == sizeof(c->fact) / sizeof(c->fact[0]))
			return hcb_err_usage(err, "history: more than %zu --fact",
			                     c->n_facts);
		c->fact[c->n_facts++] = pair;
	}
	*argc = kept;
	return 0;
}

static int find_verb(const char *word, size_t *which, struct hcb_err *err)
{
	const char *names[N_VERBS];
	for (size_t i = 0; i < N_VERBS; i++) {
		names[i] = verbs[i].name;
		*which = i;
		if (strcmp(word, names[i]) == 0)
			return 0;
	}
	const char *near = hcb_nearest(word, names, N_VERBS);
	return hcb_err_usage(err, "history: unknown verb \"%s\"; %s%s%s", word,
	                     near ? "did you mean \""
	                          : "\"hcbench history --help\" lists "
	                            "them",
	                     near ? near : "", near ? "\"?" : "");
}

static int go(int argc, char **argv, struct hcb_err *err)
{
	static const char *words[MAX_WORDS];
	struct history_conf c = {0};
	size_t v;
	int n, r;
	if (argc < 2)
		return hcb_err_usage(err,
		                     "history: expected add, list, show, ack, link, "
		                     "calibrate, drop-night, export, rebuild or where");
	hcb_opt_defaults(options, &c);
	r = find_verb(argv[1], &v, err);
	argc -= 2;
	argv += 2;
	r = r ? r : take_facts(&argc, argv, &c, err);
	r = r ? r
	      : hcb_verb_args_some("history", options, &c, argc, argv, words, MAX_WORDS,
	                           &n, err);
	if (r)
		return r;
	if (n < verbs[v].least || n > verbs[v].most)
		return hcb_err_usage(err, "history %s: expected %s", verbs[v].name,
		                     verbs[v].what[0] ? verbs[v].what : "nothing more");
	return verbs[v].main(&c, words, n, err);
}

static int history_main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	int r = go(argc, argv, &err);
	return r < 0 ? hcb_fail(&err) : r;
}

#ifndef HCB_HAVE_SQLITE
#define WITHOUT " [not available: built without sqlite3]"
#else
#define WITHOUT ""
#endif

const struct hcb_verb hcb_verb_history = {
        .name = "history",
        .summary = "keep results over nights: add, list, show, ack, link, ..." WITHOUT,
        .usage =
                "usage: hcbench history add RESULT.json... [OPTION...]\n"
                "       hcbench history list | show SERIES | export [--csv]\n"
                "       hcbench history ack SERIES --why TEXT [--force]\n"
                "       hcbench history link OLD NEW\n"
                "       hcbench history calibrate [SERIES...] [--budget N] [--seed N]\n"
                "       hcbench history calibrate --reset SERIES...\n"
                "       hcbench history drop-night NIGHT [--why TEXT]\n"
                "       hcbench history rebuild [--compare]\n"
                "       hcbench history where\n"
                "Results over nights, for \"hcbench check\". SERIES is a label as list "
                "prints it, or a key.\n"
                "\n"
                "  add        keeps results; runs of one night belong together, and a "
                "night needs\n"
                "             5 blocks or runs to be used\n"
                "    --night ID     of all of them; else the day on which the night "
                "began "
                "(noon to noon)\n"
                "    --name TEST    what the series are called; else the workload\n"
                "    --control      tells of the environment, not of what is tested\n"
                "    --rerun        made again because the night was SUSPECT\n"
                "    --fact K=V     joins the fingerprint of the environment; several\n"
                "  list       every series: nights, newest night, what it is of\n"
                "  show       the nights of a series\n"
                "  ack        a regression is known and accepted: its level is the new "
                "baseline;\n"
                "             --force: without one, the baseline begins anew from "
                "nothing\n"
                "  link       NEW carries OLD on, in spite of its other environment\n"
                "  calibrate  thresholds from the series' own quiet nights at the "
                "level it has now\n"
                "             (30 at least), for --budget false alarms per 100 nights "
                "(0.1);\n"
                "             --reset: the shipped thresholds again\n"
                "  drop-night takes a night out, such as one that a wrong clock has "
                "named; its\n"
                "             files are kept in dropped/NIGHT\n"
                "  export     all series as JSON; --csv: a line a night, as Apache Otava "
                "reads it\n"
                "  rebuild    the database again from the result files, and whether it "
                "was "
                "equal;\n"
                "             a damaged one is moved aside. --compare changes "
                "nothing. Exit code 1\n"
                "             if a file cannot be read; then a whole one stays\n"
                "  where      prints the history's directory\n"
                "\n"
                "  --history DIR  else $HCBENCH_HISTORY, else /var/lib/hcbench (root) or "
                "$XDG_STATE_HOME/hcbench\n"
                "  --json         list, show, export: for programs\n",
        .main = history_main,
};
