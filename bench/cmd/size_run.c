/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "hcbench size" has measured for it: a search of each layout, and of the database
 * alone on the shared one, each "hcbench search" as a process of its own, one trial at a
 * time. Layouts that are up together take turns, so that what drifts falls on all alike;
 * a search's document is its memory, also from one "hcbench size" to the next. Then, if
 * sharing is good enough, pairs of runs at the demand ("hcbench ab").
 */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cmd/search_parts.h"
#include "bench/cmd/self.h"
#include "bench/cmd/size_parts.h"
#include "bench/core/atomic_file.h"
#include "bench/core/histogram.h"
#include "bench/core/units.h"
#include "bench/search.h"
#include "lab/lab.h"

#define TRIAL_LIMIT (24 * 3600 * HCB_SEC) /* search has a closer one of its own */
#define OSD_LIMIT   (60 * HCB_SEC)
#define LAB_LIMIT   (20 * 60 * HCB_SEC) /* a lab up and down, for a run */
#define TO_FACTOR   8                   /* of the demand: the greatest load tried */

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static int interrupted(const struct size *s, struct hcb_err *err)
{
	return *s->stop ? hcb_err_set(err, -EINTR, "size: interrupted") : 0;
}

static struct size_layout *search_of(struct size *s, unsigned i)
{
	return i < s->n ? &s->layout[i] : s->has_alone ? &s->alone : NULL;
}

/* ---- files ---- */

static void file_of(const struct size *s, const struct size_layout *l, const char *what,
                    char *buf, size_t size)
{
	snprintf(buf, size, "%s/%s%s%s", s->dir, l->plan->name,
	         l == &s->alone ? ".alone" : "", what);
}

/* A search that is taken up again must be of the same scenario. What is not ours stays.
 */
static int same_or_new(const struct size *s, const char *path, const char *text,
                       struct hcb_err *err)
{
	static const char ours[] = "; layout ";
	char old[SIZE_TEXT];
	FILE *f = fopen(path, "r");
	if (!f)
		return hcb_write_atomic(path, text, strlen(text), err);
	size_t n = fread(old, 1, sizeof(old) - 1, f);
	fclose(f);
	old[n] = '\0';
	if (strcmp(old, text) == 0)
		return 0;
	if (strncmp(old, ours, strlen(ours)) != 0) {
		int r = hcb_err_set(err, -EEXIST,
		                    "write %s: there is a file that hcbench did not make",
		                    path);
		err->exit = HCB_EXIT_REFUSED;
		return r;
	}
	if (s->resume)
		return hcb_err_usage(
		        err,
		        "resume %s: %s is of another plan: what was measured "
		        "there does not count here",
		        s->dir, path);
	return hcb_write_atomic(path, text, strlen(text), err);
}

/* The old search's document goes, unless it is gone on with. */
static int clear_document(const struct size *s, const struct size_layout *l,
                          struct hcb_err *err)
{
	char path[400];
	file_of(s, l, ".json", path, sizeof(path));
	if (s->resume || access(path, F_OK))
		return 0;
	int r = hcb_result_path_check(path, err);
	if (!r && unlink(path))
		r = hcb_err_sys(err, -errno, "remove %s", path);
	return r;
}

/* ---- one trial of a search ---- */

static void to_text(const struct size *s, char *buf, size_t size)
{
	const struct hcb_size_plan *p = s->plan;
	if (*p->to)
		snprintf(buf, size, "%s", p->to);
	else if (p->per_s)
		snprintf(buf, size, "%.6g/s", TO_FACTOR * p->load);
	else
		snprintf(buf, size, "%.0f", TO_FACTOR * p->load);
}

struct search_words {
	char scenario[400], to[40], seed[32], budget[32];
	const char *argv[2 * HCB_PLAN_SLOS + 32];
	size_t n;
};

/* Of a search of l's scenario, but for where its document is and what is run of it. */
static void search_words(const struct size *s, const struct size_layout *l,
                         struct search_words *w)
{
	const struct hcb_size_plan *p = s->plan;
	bool alone = l == &s->alone;
	file_of(s, l, ".ini", w->scenario, sizeof(w->scenario));
	to_text(s, w->to, sizeof(w->to));
	snprintf(w->seed, sizeof(w->seed), "%llu", (unsigned long long)p->seed);
	snprintf(w->budget, sizeof(w->budget), "%lluns",
	         (unsigned long long)p->budget_ns);
	const char *const head[] = {
	        "search", w->scenario, "-q",
	        "--to",   w->to,       "--seed",
	        w->seed,  "--load",    size_own_name(s, alone, p->load_key)};
	for (w->n = 0; w->n < sizeof(head) / sizeof(head[0]); w->n++)
		w->argv[w->n] = head[w->n];
	for (unsigned i = 0; i < p->n_slos; i++) {
		const char *slo = size_own_name(s, alone, p->slos[i].text);
		if (!slo)
			continue; /* of a workload that is not there */
		w->argv[w->n++] = "--slo";
		w->argv[w->n++] = slo;
	}
	if (*p->from) {
		w->argv[w->n++] = "--from";
		w->argv[w->n++] = p->from;
	}
	if (p->budget_ns) {
		w->argv[w->n++] = "--budget";
		w->argv[w->n++] = w->budget;
	}
	w->argv[w->n] = NULL;
}

static int search_child(struct size *s, struct size_layout *l, const char *doc,
                        struct hcb_err *err)
{
	struct search_words w;
	char what[80];
	search_words(s, l, &w);
	snprintf(what, sizeof(what), "layout %s%s", l->plan->name,
	         l == &s->alone ? ", alone" : "");
	w.argv[w.n++] = "-o";
	w.argv[w.n++] = doc;
	/* In virtual time nothing drifts: no need for turns. */
	if (!s->virtual_clock) {
		w.argv[w.n++] = "--trials";
		w.argv[w.n++] = "1";
	}
	if (access(doc, F_OK) == 0)
		w.argv[w.n++] = "--resume";
	w.argv[w.n] = NULL;
	const struct self_opts o = {.timeout_ns = TRIAL_LIMIT,
	                            .stop = s->stop,
	                            .verdicts = true,
	                            .what = what};
	return self_run(w.argv, &o, NULL, NULL, err);
}

/* What search itself would refuse, and how long it will take: in this process, and
   without a lab, which is not up yet. */
static int try_one(struct size *s, const struct size_layout *l, struct hcb_err *err)
{
	char text[SIZE_TEXT];
	struct search_words w;
	struct search *x = calloc(1, sizeof(*x));
	if (!x)
		return hcb_err_sys(err, -ENOMEM, "size");
	search_words(s, l, &w);
	snprintf(w.scenario, sizeof(w.scenario), "%s/.try.ini", s->dir);
	int r = size_scenario(s, l, l == &s->alone, NULL, text, sizeof(text), err);
	r = r ? r : hcb_write_atomic(w.scenario, text, strlen(text), err);
	r = r ? r : search_parse((int)w.n, (char **)(uintptr_t)w.argv, x, err);
	unlink(w.scenario);
	if (!r) {
		unsigned least, likely;
		const struct hcb_search_conf *c = &x->state.conf;
		hcb_search_plan(&x->state, &least, &likely);
		s->virtual_clock = x->args.run.virtual_clock;
		s->likely_s += likely * c->trial_s + c->verify_s - c->trial_s;
		if (l == &s->layout[s->plan->shared])
			s->trial_ns = x->measured_ns;
	}
	hcb_run_args_free(&x->args);
	free(x);
	return r;
}

int size_try_out(struct size *s, struct hcb_err *err)
{
	int r = 0;
	for (unsigned i = 0; !r && i <= s->n; i++) {
		const struct size_layout *l = search_of(s, i);
		bool virtual_clock = s->virtual_clock;
		r = l ? try_one(s, l, err) : 0;
		if (!r && l && i && s->virtual_clock != virtual_clock)
			r = hcb_err_usage(
			        err,
			        "%s:%d: [layout %s]: in virtual time, or not, unlike "
			        "those before it: models and real disks are not compared",
			        s->plan->path, l->plan->line, l->plan->name);
	}
	return r;
}

static void say_trial(const struct size *s, const struct size_layout *l)
{
	const json_t *trials = json_object_get(l->search, "trials");
	size_t n = json_array_size(trials);
	const json_t *t = json_array_get(trials, n ? n - 1 : 0);
	if (s->quiet || !t)
		return;
	hcb_say("%s%s: trial %zu: %.6g (%s): %s%s%s", l->plan->name,
	        l == &s->alone ? ", alone" : "", n,
	        json_number_value(json_object_get(t, "load")), str(t, "why"),
	        str(t, "outcome"), *str(t, "because") ? ": " : "", str(t, "because"));
}

static bool last_invalid(const json_t *doc)
{
	const json_t *trials = json_object_get(doc, "trials");
	size_t n = json_array_size(trials);
	return n && strcmp(str(json_array_get(trials, n - 1), "outcome"), "invalid") == 0;
}

/* Of a search; search's own unless the plan says one. */
static double budget_s(const struct size *s)
{
	if (s->plan->budget_ns)
		return (double)s->plan->budget_ns / 1e9;
	return s->virtual_clock ? INFINITY : SEARCH_BUDGET / 1e9;
}

/* Cut short, and there is more to spend now. */
static bool goes_on(const struct size *s, const json_t *doc)
{
	const json_t *spent = json_object_get(doc, "spent");
	double had_s = json_number_value(json_object_get(spent, "budget_s"));
	return strcmp(str(doc, "end"), hcb_search_end_text(HCB_SEARCH_BUDGET)) == 0 &&
	       budget_s(s) > had_s;
}

/* search leaves invalid trials at a document's end out when it goes on: so they are
   counted here. */
static void note_invalid(struct size_layout *l)
{
	l->invalid_row = last_invalid(l->search) ? l->invalid_row + 1 : 0;
	l->done = !json_is_true(json_object_get(l->search, "partial")) ||
	          l->invalid_row >= HCB_SEARCH_INVALID;
}

/* That will not be otherwise the next time. */
static int too_few(const struct size *s, const struct size_layout *l, struct hcb_err *err)
{
	const json_t *trials = json_object_get(l->search, "trials");
	const json_t *t = json_array_get(trials, json_array_size(trials) - 1);
	if (!json_is_true(json_object_get(t, "few")))
		return 0;
	int r = hcb_err_set(err, -ENODATA,
	                    "%s: layout %s: %.300s: a greater \"from\", or longer trials",
	                    s->plan->path, l->plan->name, str(t, "because"));
	err->exit = HCB_EXIT_UNSTEADY;
	return r;
}

/* Options of the OSDs that are this layout's, for the length of its trial; they go back
   to what the lab gave them. */
static int set_osds(const struct size *s, const struct size_layout *l, bool on,
                    struct hcb_err *err)
{
	const struct hcb_cluster *c =
	        l == &s->alone ? s->layout[s->plan->shared].cluster : l->cluster;
	int r = 0;
	for (unsigned i = 0; !r && i < l->plan->n_osd; i++) {
		const char *pair = l->plan->osd[i].text, *eq = strchr(pair, '=');
		char key[128];
		snprintf(key, sizeof(key), "%.*s", (int)(eq - pair), pair);
		const char *const argv[] = {"lab",       "exec",
		                            s->lab.name, c->hosts[0].name,
		                            "--",        "ceph",
		                            "tell",      "osd.*",
		                            "config",    on ? "set" : "unset",
		                            key,         on ? eq + 1 : NULL,
		                            NULL};
		const struct self_opts o = {.timeout_ns = OSD_LIMIT,
		                            .stop = on ? s->stop : NULL};
		r = self_run(argv, &o, NULL, NULL, err);
	}
	return r;
}

static int one_trial(struct size *s, struct size_layout *l, struct hcb_err *err)
{
	char path[400];
	json_error_t je;
	struct hcb_err second = HCB_ERR_INIT;
	file_of(s, l, ".json", path, sizeof(path));
	int r = interrupted(s, err);
	r = r ? r : set_osds(s, l, true, err);
	r = r ? r : search_child(s, l, path, err);
	if (l->plan->n_osd && set_osds(s, l, false, r ? &second : err) && !r)
		r = -EIO;
	if (r && access(path, R_OK))
		return r;
	json_t *doc = json_load_file(path, 0, &je);
	if (!doc)
		return r ? r : hcb_err_set(err, -EIO, "read %s: %s", path, je.text);
	json_decref(l->search);
	l->search = doc;
	if (r)
		return r;
	note_invalid(l);
	say_trial(s, l);
	r = too_few(s, l, err);
	return r ? r : interrupted(s, err);
}

/* ---- labs, and layouts in turns ---- */

/* What is searched in it stands in its comments: all of it is the same, or it is another
   search. */
static int write_scenario(const struct size *s, const struct size_layout *l,
                          struct hcb_err *err)
{
	char text[SIZE_TEXT], path[400];
	const char *lab = *l->plan->lab ? s->lab.name : NULL;
	struct search_words w;
	int r = size_scenario(s, l, l == &s->alone, lab, text, sizeof(text), err);
	search_words(s, l, &w);
	for (size_t i = 3; !r && i + 1 < w.n; i += 2) {
		size_t n = strlen(text);
		if (strcmp(w.argv[i], "--budget") != 0)
			snprintf(text + n, sizeof(text) - n, "; %s %s\n", w.argv[i],
			         w.argv[i + 1]);
	}
	file_of(s, l, ".ini", path, sizeof(path));
	r = r ? r : same_or_new(s, path, text, err);
	return r ? r : clear_document(s, l, err);
}

static bool same_lab(const struct size_layout *a, const struct size_layout *b)
{
	return strcmp(a->plan->lab, b->plan->lab) == 0;
}

static int name_lab(struct size *s, const struct size_layout *l, struct hcb_err *err)
{
	s->lab = (struct lab_child){0};
	if (!*l->plan->lab)
		return 0;
	snprintf(s->lab.target, sizeof(s->lab.target), "%s", l->plan->lab);
	return hcb_lab_name(s->lab.target, s->lab.name, sizeof(s->lab.name), err);
}

static int enter(struct size *s, const struct size_layout *l, struct hcb_err *err)
{
	int r = name_lab(s, l, err);
	return r ? r : lab_child_up(&s->lab, "", s->quiet, s->stop, err);
}

static int write_down(struct size *s, struct hcb_err *err)
{
	int r = s->out ? size_decide(s, err) : 0;
	if (r || !s->out)
		return r;
	json_t *doc = size_document(s, true);
	r = hcb_write_json_atomic(s->out, doc, err);
	json_decref(doc);
	return r;
}

/* Scenarios, and what an earlier size has found by them. A search that is done there is
   done, and if all are its lab need not come up. */
static int prepare_group(struct size *s, const struct size_layout *first,
                         struct hcb_err *err)
{
	int r = name_lab(s, first, err);
	for (unsigned i = 0; !r && i <= s->n; i++) {
		struct size_layout *l = search_of(s, i);
		char path[400];
		if (!l || !same_lab(l, first))
			continue;
		r = write_scenario(s, l, err);
		file_of(s, l, ".json", path, sizeof(path));
		json_t *doc = !r && s->resume ? json_load_file(path, 0, NULL) : NULL;
		l->done = doc && strcmp(str(doc, "hcbench"), HCB_VERSION) == 0 &&
		          json_is_false(json_object_get(doc, "partial")) &&
		          !last_invalid(doc) && !goes_on(s, doc);
		if (l->done)
			l->search = doc;
		else
			json_decref(doc);
	}
	return r;
}

static bool group_done(struct size *s, const struct size_layout *first)
{
	bool done = true;
	for (unsigned i = 0; i <= s->n; i++) {
		const struct size_layout *l = search_of(s, i);
		if (l && same_lab(l, first))
			done &= l->done;
	}
	return done;
}

/* All searches of one lab, a trial of each in turn, there and back. */
static int search_group(struct size *s, const struct size_layout *first,
                        struct hcb_err *err)
{
	int r = 0;
	for (unsigned round = 0, left = 1; !r && left; round++) {
		left = 0;
		for (unsigned i = 0; !r && i <= s->n; i++) {
			struct size_layout *l = search_of(s, round % 2 ? s->n - i : i);
			if (!l || l->done || !same_lab(l, first))
				continue;
			r = one_trial(s, l, err);
			left += !l->done;
		}
		r = r ? r : write_down(s, err);
	}
	return r;
}

static int search_all(struct size *s, struct hcb_err *err)
{
	int r = 0;
	for (unsigned i = 0; !r && i < s->n; i++) {
		bool first = true;
		for (unsigned k = 0; k < i; k++)
			first &= !same_lab(&s->layout[k], &s->layout[i]);
		if (!first)
			continue;
		r = interrupted(s, err);
		r = r ? r : prepare_group(s, &s->layout[i], err);
		if (r || group_done(s, &s->layout[i]))
			continue;
		r = enter(s, &s->layout[i], err);
		r = r ? r : search_group(s, &s->layout[i], err);
		lab_child_down(&s->lab);
	}
	return r;
}

/* ---- at the demand ---- */

unsigned size_more_pairs(const struct size *s)
{
	return s->plan->pairs > 21 ? 64 : 3 * (unsigned)s->plan->pairs;
}

void size_pairs_file(const struct size *s, const struct size_layout *l, unsigned pairs,
                     char *buf, size_t size)
{
	char what[64];
	snprintf(what, sizeof(what), ".at-%.6g.%u.json", s->plan->load, pairs);
	file_of(s, l, what, buf, size);
}

static void take_pairs(struct size_layout *l, json_t *doc)
{
	if (!doc)
		return;
	json_decref(l->ab);
	l->ab = doc;
}

/* A trial has what its objectives need, of which p99 may be none: so many trials' length
   as have the samples for one, with what Poisson arrivals may fall short of their mean by
   (four standard deviations). 0: one trial's, or the offered rate is not known. */
static uint64_t pair_ns(const struct size *s)
{
	double n = (double)hcb_quantile_min_samples(0.99);
	double each = s->plan->load * (double)s->trial_ns / 1e9;
	double times = ceil((n + 4 * sqrt(n)) / each);
	return s->plan->per_s && times > 1 ? (uint64_t)times * s->trial_ns : 0;
}

/* Wall time of one run that is not stuck: as search gives its trials. */
static uint64_t run_limit(const struct size *s, const struct size_layout *l)
{
	uint64_t each = pair_ns(s) ? pair_ns(s) : s->trial_ns;
	double dilation = l->cluster ? l->cluster->dilation : 1;
	return 3600 * HCB_SEC + (uint64_t)(4 * (double)each * dilation);
}

static int ab_child(struct size *s, struct size_layout *l, unsigned pairs, uint64_t seed,
                    struct hcb_err *err)
{
	const struct hcb_size_plan *p = s->plan;
	const struct size_layout *shared = &s->layout[p->shared];
	char a[400], b[400], out[400], set[128], n_pairs[16], text[32], labs[560];
	char duration[32], limit_text[32];
	const char *argv[26];
	size_t n = 0;
	json_error_t je;
	file_of(s, shared, ".ini", a, sizeof(a));
	file_of(s, l, ".ini", b, sizeof(b));
	size_pairs_file(s, l, pairs, out, sizeof(out));
	snprintf(set, sizeof(set), "%s=%s", size_own_name(s, false, p->load_key),
	         p->demand);
	snprintf(n_pairs, sizeof(n_pairs), "%u", pairs);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
	const char *const head[] = {"ab",    a,   b,         "-q",    "-o",     out,
	                            "--set", set, "--pairs", n_pairs, "--seed", text};
	for (; n < sizeof(head) / sizeof(head[0]); n++)
		argv[n] = head[n];
	if (pair_ns(s)) {
		snprintf(duration, sizeof(duration), "%lluns",
		         (unsigned long long)pair_ns(s));
		argv[n++] = "--duration";
		argv[n++] = duration;
	}
	/* One lab for both is up already. */
	if (!same_lab(shared, l)) {
		snprintf(labs, sizeof(labs), "%s,%s", shared->plan->lab, l->plan->lab);
		argv[n++] = "--labs";
		argv[n++] = labs;
	}
	uint64_t limit = run_limit(s, l);
	snprintf(limit_text, sizeof(limit_text), "%llus",
	         (unsigned long long)(limit / HCB_SEC));
	argv[n++] = "--limit";
	argv[n++] = limit_text;
	argv[n] = NULL;
	/* As many pairs again may be dropped for an INVALID run. */
	const struct self_opts o = {.timeout_ns = 4 * pairs * (limit + LAB_LIMIT),
	                            .stop = s->stop,
	                            .verdicts = true,
	                            .answer = out,
	                            .what = "runs at the demand"};
	int r = interrupted(s, err);
	r = r ? r : self_run(argv, &o, NULL, NULL, err);
	if (r && err->exit == HCB_EXIT_INVALID) {
		hcb_warn("%s: %s", l->plan->name, err->msg);
		return 0; /* not compared */
	}
	json_t *doc = r ? NULL : json_load_file(out, 0, &je);
	if (!r && !doc)
		r = hcb_err_set(err, -EIO, "read %s: %s", out, je.text);
	if (json_is_false(json_object_get(doc, "partial")))
		take_pairs(l, doc);
	else
		json_decref(doc);
	return r;
}

/* Shared over split: lower and upper bound. */
static void ratio_of(const json_t *ab, double *lo, double *hi)
{
	const json_t *metrics = json_object_get(ab, "metrics");
	*lo = *hi = NAN;
	for (size_t i = 0; i < json_array_size(metrics); i++) {
		const json_t *m = json_array_get(metrics, i);
		if (strcmp(str(m, "name"), "response p99") != 0 ||
		    !json_is_number(json_object_get(m, "ratio_hi")))
			continue;
		*lo = 1 / json_number_value(json_object_get(m, "ratio_hi"));
		*hi = 1 / json_number_value(json_object_get(m, "ratio_lo"));
	}
}

/* Whole, and kept from before: its layouts are the same, or it would have been refused.
 */
static bool kept_pairs(const struct size *s, struct size_layout *l, unsigned pairs)
{
	char path[400];
	size_pairs_file(s, l, pairs, path, sizeof(path));
	json_t *doc = s->resume ? json_load_file(path, 0, NULL) : NULL;
	bool whole = doc && json_is_false(json_object_get(doc, "partial")) &&
	             strcmp(str(doc, "hcbench"), HCB_VERSION) == 0;
	if (!whole)
		json_decref(doc);
	else
		take_pairs(l, doc);
	return whole;
}

static int pairs_of(struct size *s, struct size_layout *l, unsigned pairs, uint64_t seed,
                    struct hcb_err *err)
{
	const struct size_layout *shared = &s->layout[s->plan->shared];
	if (kept_pairs(s, l, pairs))
		return 0;
	if (!s->quiet)
		hcb_say("%s against %s: %u pairs of runs at %s", shared->plan->name,
		        l->plan->name, pairs, s->plan->demand);
	/* Two labs ab brings up itself, new ones for each run. */
	int r = same_lab(shared, l) && !s->lab.made ? enter(s, l, err) : 0;
	return r ? r : ab_child(s, l, pairs, s->plan->seed + seed, err);
}

/* Where the first pairs cannot tell, three times as many others do. */
static int compare_one(struct size *s, unsigned i, struct hcb_err *err)
{
	struct size_layout *l = &s->layout[i];
	double lo, hi;
	int r = pairs_of(s, l, (unsigned)s->plan->pairs, 100000, err);
	ratio_of(l->ab, &lo, &hi);
	if (!r && lo < HCB_DECIDE_RATIO && hi >= HCB_DECIDE_RATIO)
		r = pairs_of(s, l, size_more_pairs(s), 200000, err);
	lab_child_down(&s->lab);
	ratio_of(l->ab, &lo, &hi);
	if (!r && isnan(lo))
		hcb_warn("%s: p99 at the demand is not known: a run has too few "
		         "transactions for it; a longer \"duration\" would tell",
		         l->plan->name);
	if (!r)
		s->evidence[i].p99_ratio_lo = lo;
	return r;
}

/* Only where it could make a difference: sharing holds, and so does the split. A lab's
   targets and none at all cannot take turns. */
static int compare_all(struct size *s, struct hcb_err *err)
{
	int r = size_decide(s, err);
	bool shares = s->decision.verdict == HCB_SIZE_KEEP_SHARED;
	const struct size_layout *shared = &s->layout[s->plan->shared];
	for (unsigned i = 0; !r && shares && i < s->n; i++) {
		const struct size_layout *l = &s->layout[i];
		/* Options of OSDs are set for a trial of size's own, not for a run of
		 * ab's. */
		if (l->kind != HCB_LAYOUT_SPLIT || l->plan->n_osd ||
		    shared->plan->n_osd || s->decision.p_ok[i].lo < HCB_DECIDE_P_OK ||
		    !*shared->plan->lab != !*l->plan->lab)
			continue;
		r = compare_one(s, i, err);
	}
	return r ? r : size_decide(s, err);
}

int size_run(struct size *s, struct hcb_err *err)
{
	int r = search_all(s, err);
	r = r ? r : compare_all(s, err);
	return r;
}

/* ---- the plan ---- */

void size_say_plan(const struct size *s)
{
	char to[40];
	unsigned labs = 0;
	to_text(s, to, sizeof(to));
	for (unsigned i = 0; i < s->n; i++) {
		bool first = *s->layout[i].plan->lab;
		for (unsigned k = 0; k < i; k++)
			first &= !same_lab(&s->layout[k], &s->layout[i]);
		labs += first;
		if (*s->layout[i].why_none)
			hcb_say("layout %s: %s", s->layout[i].plan->name,
			        s->layout[i].why_none);
	}
	hcb_say("plan: %u searches of %s up to %s, together some %.3g h%s%s",
	        s->n + s->has_alone, s->plan->load_key, to, s->likely_s / 3600,
	        s->virtual_clock ? " of virtual time" : ", prefill and set-up aside",
	        labs ? ", in labs that are brought up one at a time" : "");
}
