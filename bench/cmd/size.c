/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * size: may the database share its disks, does a setting do, must it be split off? By
 * measurement: the most load of every layout that keeps the objectives, held against the
 * demand by bench/decide.h's rule.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/cmd/signals.h"
#include "bench/cmd/size_parts.h"
#include "bench/cmd/verb.h"
#include "bench/core/atomic_file.h"
#include "reports/report.h"

static const struct option options[] = {
        {"keep", required_argument, NULL, 'k'},   {"resume", no_argument, NULL, 'r'},
        {"check", no_argument, NULL, 'c'},        {"json", no_argument, NULL, 'j'},
        {"output", required_argument, NULL, 'o'}, {"quiet", no_argument, NULL, 'q'},
        {"plan-help", no_argument, NULL, 'P'},    {NULL, 0, NULL, 0},
};

static int parse(int argc, char **argv, struct size *s, struct hcb_err *err)
{
	int c;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":o:q", options, NULL)) != -1) {
		switch (c) {
		case 'k':
			s->keep = optarg;
			break;
		case 'r':
			s->resume = true;
			break;
		case 'c':
			s->check = true;
			break;
		case 'j':
			s->json = true;
			break;
		case 'o':
			s->out = optarg;
			break;
		case 'q':
			s->quiet = true;
			break;
		case 'P':
			hcb_size_plan_print_help(stdout);
			return 1;
		default:
			return hcb_bad_option("size", c, argv, options, err);
		}
	}
	if (optind != argc - 1)
		return hcb_err_usage(err, "size: expected one plan file; \"hcbench size "
		                          "--plan-help\" shows what it may say");
	s->path = argv[optind];
	if (s->resume && !s->keep)
		return hcb_err_usage(err, "size: --resume goes on with the searches of "
		                          "--keep DIR");
	return s->out ? hcb_result_path_check(s->out, err) : 0;
}

/* The plan, and everything that can be wrong with it. */
static int take_plan(struct size *s, struct hcb_err *err)
{
	s->plan = calloc(1, sizeof(*s->plan));
	if (!s->plan)
		return hcb_err_sys(err, -ENOMEM, "read %s", s->path);
	int r = hcb_size_plan_read(s->path, s->plan, err);
	if (r)
		return r;
	s->n = s->plan->n_layouts;
	for (unsigned i = 0; i < s->n; i++)
		s->layout[i].plan = &s->plan->layouts[i];
	s->has_alone = s->plan->interference && s->plan->n_workloads > 1;
	s->alone.plan = &s->plan->layouts[s->plan->shared];
	r = size_check(s, err);
	return r ? r : size_disks_find(s, err);
}

static int make_dir(struct size *s, struct hcb_err *err)
{
	const char *base = getenv("TMPDIR");
	if (s->keep && strlen(s->keep) >= sizeof(s->dir))
		return hcb_err_usage(err, "size: --keep %.40s...: path too long",
		                     s->keep);
	if (s->keep) {
		snprintf(s->dir, sizeof(s->dir), "%s", s->keep);
		if (mkdir(s->dir, 0755) && errno != EEXIST)
			return hcb_err_sys(err, -errno, "make %s", s->dir);
		return access(s->dir, W_OK)
		               ? hcb_err_sys(err, -errno, "keep results in %s", s->dir)
		               : 0;
	}
	snprintf(s->dir, sizeof(s->dir), "%.40s/hcbench-size-XXXXXX",
	         base ? base : "/tmp");
	s->own_dir = mkdtemp(s->dir) != NULL;
	return s->own_dir ? 0 : hcb_err_sys(err, -errno, "make %s", s->dir);
}

static void remove_dir(const struct size *s)
{
	static const char *const kinds[] = {".ini", ".json"};
	const unsigned pairs[] = {(unsigned)s->plan->pairs, size_more_pairs(s)};
	char path[400];
	if (!s->own_dir)
		return;
	for (unsigned i = 0; i <= s->n; i++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			const struct size_layout *l =
			        i < s->n ? &s->layout[i] : &s->alone;
			snprintf(path, sizeof(path), "%s/%s%s%s", s->dir, l->plan->name,
			         i < s->n ? "" : ".alone", kinds[k]);
			unlink(path);
		}
	for (unsigned i = 0; i < s->n; i++)
		for (size_t k = 0; k < sizeof(pairs) / sizeof(pairs[0]); k++) {
			size_pairs_file(s, &s->layout[i], pairs[k], path, sizeof(path));
			unlink(path);
		}
	rmdir(s->dir);
}

static int finish(struct size *s, bool partial, struct hcb_err *err)
{
	int r = size_decide(s, err);
	if (r)
		return r;
	json_t *doc = size_document(s, partial);
	const json_t *const docs[] = {doc};
	r = s->out ? hcb_write_json_atomic(s->out, doc, err) : 0;
	r = r ? r
	      : hcb_report_find(s->json ? "json" : "text")->write(docs, 1, stdout, err);
	json_decref(doc);
	return r;
}

/* 0 or more: the exit code; -errno: err tells. */
static int size(struct size *s, struct hcb_err *err)
{
	struct hcb_err second = HCB_ERR_INIT;
	int r = make_dir(s, err);
	r = r ? r : size_try_out(s, err);
	if (!r && !s->quiet)
		size_say_plan(s);
	if (r || s->check) {
		remove_dir(s);
		return r ? r : finish(s, true, err);
	}
	r = size_run(s, err);
	/* What there is, also after an error: it may have taken hours. */
	bool some = false;
	for (unsigned i = 0; i < s->n; i++)
		some |= s->layout[i].search != NULL;
	if (some || !r) {
		int r2 = finish(s, r != 0, r ? &second : err);
		r = r ? r : r2;
	}
	remove_dir(s);
	if (r)
		return r;
	return s->decision.verdict == HCB_SIZE_INCONCLUSIVE ? HCB_EXIT_UNSTEADY
	                                                    : HCB_EXIT_OK;
}

static void free_layout(struct size_layout *l)
{
	json_decref(l->search);
	json_decref(l->ab);
	for (unsigned i = 0; i < HCB_PLAN_ONS; i++)
		json_decref(l->room[i]);
	free(l->cluster);
}

static int size_main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct size *s = calloc(1, sizeof(*s));
	if (!s) {
		hcb_err_sys(&err, -ENOMEM, "size");
		return hcb_fail(&err);
	}
	int r = parse(argc, argv, s, &err);
	bool shown = r == 1;
	r = r ? r : take_plan(s, &err);
	s->stop = hcb_catch_signals();
	r = r ? r : size(s, &err);
	int sig = (int)*s->stop;
	for (unsigned i = 0; i < s->n; i++)
		free_layout(&s->layout[i]);
	free_layout(&s->alone);
	free(s->plan);
	free(s);
	if (shown)
		return HCB_EXIT_OK;
	if (sig)
		return 128 + sig;
	return r < 0 ? hcb_fail(&err) : r;
}

const struct hcb_verb hcb_verb_size = {
        .name = "size",
        .summary = "may the database share its disks: the split decision, by measurement",
        .usage =
                "usage: hcbench size PLAN.ini [OPTION...]\n"
                "Searches the most load of each layout of the plan that keeps the "
                "objectives, and says\n"
                "whether sharing is fine, a setting does, or a split is needed for the "
                "demand: KEEP\n"
                "SHARED, OPTIONAL, TUNE, SPLIT, NEITHER or INCONCLUSIVE, and where that "
                "flips.\n"
                "Plans to begin with are in lab/plans, the rule is in "
                "docs/decision.md.\n"
                "  --plan-help        what a plan may say\n"
                "  --keep DIR         scenarios and the document of every search are "
                "kept there\n"
                "  --resume           go on with the searches in DIR\n"
                "  --check            says what each layout is, its disks and space, and "
                "runs nothing\n"
                "  -o, --output FILE  write the document there, after every round of "
                "trials\n"
                "  --json             print the document instead of the report\n"
                "  -q, --quiet        no plan, no line a trial\n"
                "Labs are brought up and taken down, one at a time; a cluster that is "
                "in use is reached\n"
                "by targets alone, and nothing of it is changed but what they name.\n"
                "exit: 0 decided, 1 failed, 2 usage, 11 inconclusive, 130/143 "
                "interrupted (FILE is then\n"
                "      marked partial)\n",
        .main = size_main,
};
