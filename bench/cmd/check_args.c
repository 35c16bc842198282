/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check: its command line. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "bench/cmd/check_args.h"
#include "bench/cmd/verb.h"
#include "bench/core/opt.h"
#include "bench/core/units.h"

#define DEFAULT_BLOCKS 5 /* a night's least (bench/history.h) */
#define DEFAULT_SETTLE (600 * HCB_SEC)

enum {
	O_RUN = 256,
	O_BLOCKS,
	O_SPREAD,
	O_DEADLINE,
	O_SETTLE,
	O_SEED,
	O_LAB,
	O_NO_CONTROLS,
	O_BRIEF,
	O_DIR,
	O_PATH,
	O_FACT,
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
        {"run", required_argument, NULL, O_RUN},
        {"blocks", required_argument, NULL, O_BLOCKS},
        {"spread", required_argument, NULL, O_SPREAD},
        {"deadline", required_argument, NULL, O_DEADLINE},
        {"settle", required_argument, NULL, O_SETTLE},
        {"seed", required_argument, NULL, O_SEED},
        {"lab", required_argument, NULL, O_LAB},
        {"no-controls", no_argument, NULL, O_NO_CONTROLS},
        {"brief", no_argument, NULL, O_BRIEF},
        {"dir", required_argument, NULL, O_DIR},
        {"path", required_argument, NULL, O_PATH},
        {"fact", required_argument, NULL, O_FACT},
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
	if (a->n_out == CHECK_MAX_OUTPUTS)
		return hcb_err_usage(err, "check: more than %d formats",
		                     CHECK_MAX_OUTPUTS);
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

/* ---- of a night that is measured ---- */

static int add_test(struct check_plan *p, struct hcb_err *err)
{
	if (p->tests == HCB_NIGHT_MAX_TESTS)
		return hcb_err_usage(err, "check: more than %d --run",
		                     HCB_NIGHT_MAX_TESTS);
	p->test[p->tests++].file = optarg;
	return 0;
}

static int parse_time(const char *opt, uint64_t *out, struct hcb_err *err)
{
	return hcb_parse_duration(optarg, out)
	               ? hcb_err_usage(err,
	                               "check: --%s %s: expected a time such as 2h, or 0",
	                               opt, optarg)
	               : 0;
}

static int parse_blocks(struct check_plan *p, struct hcb_err *err)
{
	uint64_t n;
	if (hcb_parse_u64(optarg, &n) || !n || n > HCB_NIGHT_MAX_BLOCKS)
		return hcb_err_usage(
		        err, "check: --blocks %s: expected a whole number from 1 to %d",
		        optarg, HCB_NIGHT_MAX_BLOCKS);
	p->blocks = (unsigned)n;
	return 0;
}

static int parse_seed(struct check_plan *p, struct hcb_err *err)
{
	if (hcb_parse_u64(optarg, &p->seed) ||
	    p->seed > INT64_MAX - 2 * HCB_NIGHT_MAX_BLOCKS)
		return hcb_err_usage(
		        err, "check: --seed %s: expected a whole number below 2^63 - 40",
		        optarg);
	return 0;
}

static int pass(struct check_plan *p, const char *option, struct hcb_err *err)
{
	if (p->n_passed + 2 > sizeof(p->passed) / sizeof(p->passed[0]))
		return hcb_err_usage(err, "check: more than %d --path", CHECK_MAX_PASSED);
	p->passed[p->n_passed++] = option;
	p->passed[p->n_passed++] = optarg;
	return 0;
}

static int add_fact(struct check_plan *p, struct hcb_err *err)
{
	char key[64];
	const char *eq = strchr(optarg, '=');
	if (!eq || eq == optarg || !eq[1] || (size_t)(eq - optarg) >= sizeof(key))
		return hcb_err_usage(err, "check: --fact %s: expected KEY=VALUE", optarg);
	snprintf(key, sizeof(key), "%.*s", (int)(eq - optarg), optarg);
	if (!p->facts)
		p->facts = json_object();
	json_object_set_new(p->facts, key, json_string(eq + 1));
	return 0;
}

static int night_option(struct check_args *a, int c, char **argv, struct hcb_err *err)
{
	struct check_plan *p = &a->plan;
	if (c != O_RUN && c >= 256 && !a->first_of_night)
		a->first_of_night = c;
	switch (c) {
	case O_RUN:
		return add_test(p, err);
	case O_BLOCKS:
		return parse_blocks(p, err);
	case O_SPREAD:
		return parse_time("spread", &p->spread_ns, err);
	case O_DEADLINE:
		return parse_time("deadline", &p->deadline_ns, err);
	case O_SETTLE:
		return parse_time("settle", &p->settle_ns, err);
	case O_SEED:
		return parse_seed(p, err);
	case O_LAB:
		p->lab = optarg;
		return 0;
	case O_NO_CONTROLS:
		p->no_controls = true;
		return 0;
	case O_BRIEF:
		p->brief = true;
		return 0;
	case O_DIR:
		return pass(p, "--dir", err);
	case O_PATH:
		return pass(p, "--path", err);
	case O_FACT:
		return add_fact(p, err);
	default:
		return hcb_bad_option("check", c, argv, options, err);
	}
}

/* ---- all ---- */

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
		if (a->o.n_gate == CHECK_MAX_GATE)
			return hcb_err_usage(err, "check: more than %d --gate",
			                     CHECK_MAX_GATE);
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
		a->plan.quiet = true;
		return 0;
	default:
		return night_option(a, c, argv, err);
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
	return to_stdout || a->plan.quiet ? 0 : add_format(a, "text", err);
}

static int check_sense(const struct check_args *a, struct hcb_err *err)
{
	const struct check_plan *p = &a->plan;
	if (a->explain && (a->o.n_gate || p->tests))
		return hcb_err_usage(err, "check explain: takes no --%s",
		                     p->tests ? "run" : "gate");
	for (size_t i = 0; !p->tests && a->first_of_night && options[i].name; i++)
		if (options[i].val == a->first_of_night)
			return hcb_err_usage(err, "check: --%s is of --run SCENARIO.ini",
			                     options[i].name);
	if (p->deadline_ns && p->spread_ns >= p->deadline_ns)
		return hcb_err_usage(err, "check: --spread lies beyond --deadline");
	return 0;
}

int check_args_parse(int argc, char **argv, struct check_args *a, struct hcb_err *err)
{
	int c, r = 0;
	a->o.fail_on = HCB_FAIL_REGRESSION;
	a->o.gate = a->gate;
	a->plan.blocks = DEFAULT_BLOCKS;
	a->plan.settle_ns = DEFAULT_SETTLE;
	a->plan.seed = 1;
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
	r = check_sense(a, err);
	r = r ? r : check_outputs(a, err);
	return r || !a->plan.tests ? r : check_plan_scenarios(&a->plan, err);
}
