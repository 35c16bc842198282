/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What "hcbench search" was told. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/search_parts.h"
#include "bench/cmd/verb.h"
#include "bench/core/atomic_file.h"
#include "bench/core/units.h"
#include "lab/lab.h"

static const struct option options[] = {
        {"slo", required_argument, NULL, 'S'},
        {"load", required_argument, NULL, 'L'},
        {"from", required_argument, NULL, 'F'},
        {"to", required_argument, NULL, 'T'},
        {"each", no_argument, NULL, 'E'},
        {"budget", required_argument, NULL, 'B'},
        {"limit", required_argument, NULL, 'l'},
        {"trials", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'},
        {"resume", no_argument, NULL, 'R'},
        {"json", no_argument, NULL, 'j'},
        {"output", required_argument, NULL, 'o'},
        {"quiet", no_argument, NULL, 'q'},
        /* run's own */
        {"on", required_argument, NULL, 'P'},
        {"set", required_argument, NULL, 'P'},
        {"duration", required_argument, NULL, 'P'},
        {"warmup", required_argument, NULL, 'P'},
        {"clock", required_argument, NULL, 'P'},
        {"lab", required_argument, NULL, 'P'},
        {"lab-host", required_argument, NULL, 'P'},
        {"cap-bytes", required_argument, NULL, 'P'},
        {"cap-rate", required_argument, NULL, 'P'},
        {"timeout", required_argument, NULL, 'P'},
        {"stall-limit", required_argument, NULL, 'P'},
        {"native-fua", no_argument, NULL, 'N'},
        {"no-prefill", no_argument, NULL, 'N'},
        {NULL, 0, NULL, 0},
};

/* What can be searched, in the order messages name it. */
static const char *const loads[] = {"rate", "clients", "users"};
#define N_LOADS (sizeof(loads) / sizeof(loads[0]))

/* ---- options ---- */

/* Their texts as they will stand in run's vector. */
static char passed_name[SEARCH_MAX_PASSED][24];

static int pass(struct search *s, int which, struct hcb_err *err)
{
	size_t k = s->n_passed / 2;
	if (s->n_passed + 2 > 2 * SEARCH_MAX_PASSED)
		return hcb_err_usage(err, "search: more than %d options for the trials",
		                     SEARCH_MAX_PASSED);
	snprintf(passed_name[k], sizeof(passed_name[k]), "--%s", options[which].name);
	s->passed[s->n_passed++] = passed_name[k];
	s->passed[s->n_passed++] = options[which].has_arg ? optarg : NULL;
	return 0;
}

static int take_time(const char *name, uint64_t *out, struct hcb_err *err)
{
	if (hcb_parse_duration(optarg, out) || !*out)
		return hcb_err_usage(err, "--%s %s: expected a time such as 2h", name,
		                     optarg);
	return 0;
}

static int take_text(const char *name, const char **out, struct hcb_err *err)
{
	if (*out)
		return hcb_err_usage(err, "search: --%s is there twice", name);
	*out = optarg;
	return 0;
}

static int take_seed(struct search *s, struct hcb_err *err)
{
	s->seed_said = true;
	if (hcb_parse_u64(optarg, &s->seed) ||
	    s->seed > INT64_MAX - HCB_SEARCH_MAX_TRIALS)
		return hcb_err_usage(err, "--seed %s: expected a whole number below 2^63",
		                     optarg);
	return 0;
}

static int take_most(struct search *s, struct hcb_err *err)
{
	if (hcb_parse_u64(optarg, &s->most) || !s->most)
		return hcb_err_usage(err, "--trials %s: expected a whole number above 0",
		                     optarg);
	return 0;
}

static int take_slo(struct search *s, struct hcb_err *err)
{
	if (s->n_slos == HCB_MAX_SLOS)
		return hcb_err_usage(err, "search: more than %d objectives",
		                     HCB_MAX_SLOS);
	s->slo_text[s->n_slos++] = optarg;
	return 0;
}

static int one_option(struct search *s, int c, int which, char **argv,
                      struct hcb_err *err)
{
	switch (c) {
	case 'S':
		return take_slo(s, err);
	case 'L':
		return take_text("load", &s->load, err);
	case 'F':
		return take_text("from", &s->from_text, err);
	case 'T':
		return take_text("to", &s->to_text, err);
	case 'B':
		s->budget_said = true;
		return take_time("budget", &s->budget_ns, err);
	case 'l':
		return take_time("limit", &s->limit_ns, err);
	case 'n':
		return take_most(s, err);
	case 's':
		return take_seed(s, err);
	case 'P':
	case 'N':
		return pass(s, which, err);
	case 'o':
		s->out = optarg;
		return 0;
	case 'E':
		s->each = true;
		return 0;
	case 'R':
		s->resume = true;
		return 0;
	case 'j':
		s->json = true;
		return 0;
	case 'q':
		s->quiet = true;
		return 0;
	default:
		return hcb_bad_option("search", c, argv, options, err);
	}
}

/* ---- what a trial is ---- */

/* Whatever run would refuse is refused now, in run's words. */
static int take_run(struct search *s, struct hcb_err *err)
{
	char *argv[2 * SEARCH_MAX_PASSED + 8], seed[32];
	char run[] = "run", seed_option[] = "--seed";
	int n = 0;
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)s->seed);
	argv[n++] = run;
	for (size_t i = 0; i < s->n_passed; i++)
		if (s->passed[i])
			argv[n++] = (char *)(uintptr_t)s->passed[i];
	if (s->seed_said) {
		argv[n++] = seed_option;
		argv[n++] = seed;
	}
	argv[n++] = (char *)(uintptr_t)s->what;
	argv[n] = NULL;
	int r = hcb_run_args_parse(n, argv, &s->args, err);
	if (r)
		return r;
	s->seed = s->args.run.seed; /* a scenario has its own, perhaps */
	if (s->args.n_faults)
		return hcb_err_usage(err,
		                     "search: %s has faults: a search is of what "
		                     "is whole",
		                     s->what);
	return 0;
}

/* The workload whose load it is: of a scenario with several "db.rate" says which. */
static int load_of(const struct search *s, const struct hcb_workload **wl,
                   const char **key, struct hcb_err *err)
{
	const struct hcb_mix *mix = s->args.mix;
	const char *dot = strchr(s->load, '.');
	*key = s->load;
	*wl = s->args.wl;
	for (unsigned p = 0; mix && dot && p < mix->n_parts; p++) {
		size_t n = strlen(mix->part[p].name);
		if ((size_t)(dot - s->load) != n ||
		    strncmp(mix->part[p].name, s->load, n) != 0)
			continue;
		*key = dot + 1;
		*wl = mix->part[p].wl;
		return 0;
	}
	if (mix)
		return hcb_err_usage(
		        err, "--load %s: %s has %u workloads: whose? e.g. %s.rate",
		        s->load, s->what, mix->n_parts, mix->part[0].name);
	return 0;
}

static int no_set(const struct search *s, struct hcb_err *err)
{
	size_t len = strlen(s->load);
	for (size_t i = 0; i + 1 < s->n_passed; i += 2) {
		const char *pair = s->passed[i + 1];
		if (strcmp(s->passed[i], "--set") == 0 &&
		    strncmp(pair, s->load, len) == 0 && pair[len] == '=')
			return hcb_err_usage(err,
			                     "search: --set %s: %s is what is searched; "
			                     "--from and --to bound it",
			                     pair, s->load);
	}
	return 0;
}

static int take_load(struct search *s, struct hcb_err *err)
{
	const struct hcb_workload *wl;
	const char *key;
	char has[100] = "";
	int r = load_of(s, &wl, &key, err);
	if (r)
		return r;
	for (size_t i = 0; i < N_LOADS; i++) {
		size_t n = strlen(has);
		const struct hcb_opt *o = hcb_opt_find(wl->opts, loads[i]);
		if (!o)
			continue;
		snprintf(has + n, sizeof(has) - n, "%s%s", n ? ", " : "", loads[i]);
		if (strcmp(loads[i], key) == 0)
			s->load_opt = o;
	}
	snprintf(s->headline, sizeof(s->headline), "%.*s%s", (int)(key - s->load),
	         s->load, wl->txs[0].name);
	if (!s->load_opt)
		return hcb_err_usage(err, "--load %s: %s has no such load; it has %s",
		                     s->load, wl->name, has);
	return no_set(s, err);
}

static int take_slos(struct search *s, struct hcb_err *err)
{
	for (unsigned i = 0; i < s->n_slos; i++) {
		int r = hcb_slo_parse(s->slo_text[i], s->args.wl, &s->slo[i], err);
		if (r)
			return r;
		for (unsigned k = 0; k < i; k++)
			if (strcmp(s->slo[k].name, s->slo[i].name) == 0)
				return hcb_err_usage(err, "--slo %s: %s is there twice",
				                     s->slo_text[i], s->slo[i].name);
	}
	return 0;
}

/* ---- together ---- */

/* As run's canonical command, with what is search's own. */
static void canonical(struct search *s)
{
	static const char own[] = "hcbench run ";
	char from[40], to[40];
	size_t n;
	search_load_text(s, s->state.conf.from, from, sizeof(from));
	search_load_text(s, s->state.conf.to, to, sizeof(to));
	snprintf(s->command, sizeof(s->command), "hcbench search %s",
	         s->args.command + sizeof(own) - 1);
	for (unsigned i = 0; i < s->n_slos; i++) {
		n = strlen(s->command);
		snprintf(s->command + n, sizeof(s->command) - n, " --slo %s",
		         s->slo_text[i]);
	}
	n = strlen(s->command);
	snprintf(s->command + n, sizeof(s->command) - n, " --load %s --from %s --to %s%s",
	         s->load, from, to, s->each ? " --each" : "");
}

static int find_lab(struct search *s, struct hcb_err *err)
{
	static struct hcb_lab_info lab;
	s->dilation = 1;
	if (!s->args.lab)
		return 0;
	int r = hcb_lab_find(s->args.lab, &lab, err);
	s->dilation = r ? 1 : lab.dilation;
	return r;
}

int search_parse(int argc, char **argv, struct search *s, struct hcb_err *err)
{
	int c, r = 0, which = 0;
	optind = 1;
	while (!r && (c = getopt_long(argc, argv, ":o:q", options, &which)) != -1)
		r = one_option(s, c, which, argv, err);
	if (r)
		return r;
	if (optind != argc - 1)
		return hcb_err_usage(err, "search: expected one workload or scenario "
		                          "file; \"hcbench list\" shows the workloads");
	s->what = argv[optind];
	if (!s->n_slos)
		return hcb_err_usage(err, "search: what is to be kept? e.g. --slo "
		                          "commit.p99=50ms");
	if (!s->load)
		return hcb_err_usage(err, "search: of what load? --load rate, clients or "
		                          "users");
	if (s->resume && !s->out)
		return hcb_err_usage(err, "search: --resume goes on with the document of "
		                          "-o FILE");
	r = take_run(s, err);
	r = r ? r : take_load(s, err);
	r = r ? r : take_slos(s, err);
	r = r ? r : find_lab(s, err);
	r = r ? r : search_set_up(s, err);
	r = r || !s->out ? r : hcb_result_path_check(s->out, err);
	if (!r)
		canonical(s);
	return r;
}
