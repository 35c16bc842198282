/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/size_plan.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "bench/core/ini.h"
#include "bench/core/opt.h"
#include "bench/core/size_plan_raw.h"

#define RAW(s, f) offsetof(struct s, f), .size = sizeof(((struct s *)0)->f)

static const char *const clock_names[] = {"real", "virtual", NULL};
static const char *const kind_names[] = {"shared", "tuned", "split", NULL};
static const char *const gives_up_names[] = {"nothing",        "recovery-time", "latency",
                                             "recent-commits", "copies",        NULL};

static const struct hcb_opt size_opts[] = {
        {.name = "demand",
         .type = HCB_OPT_STR,
         .offset = RAW(size_raw_size, demand),
         .help = "the load it has to carry: a rate with its unit (40/s), or users "
                 "(5000)"},
        {.name = "demand_sigma",
         .type = HCB_OPT_DOUBLE,
         .offset = offsetof(struct size_raw_size, sigma),
         .max = 3,
         .def = "0.3",
         .help = "how well it is known: deviation of its logarithm; 0.3 is a third"},
        {.name = "load",
         .type = HCB_OPT_STR,
         .offset = RAW(size_raw_size, load),
         .help = "which workload's parameter the demand is: db.rate, social.users"},
        {.name = "slo",
         .type = HCB_OPT_STR,
         .offset = RAW(size_raw_size, slo),
         .help = "WORKLOAD.TRANSACTION.FIGURE=TIME to be kept; repeats"},
        {.name = "states",
         .type = HCB_OPT_STR,
         .offset = RAW(size_raw_size, states),
         .def = "healthy",
         .help = "in which states it has to be kept: healthy"},
        {.name = "need",
         .type = HCB_OPT_SIZE,
         .offset = offsetof(struct size_raw_size, need),
         .def = "0",
         .help = "space of all data together, before copies; 0: space takes no part"},
        {.name = "from",
         .type = HCB_OPT_STR,
         .offset = RAW(size_raw_size, from),
         .help = "least load tried (default: as search)"},
        {.name = "to",
         .type = HCB_OPT_STR,
         .offset = RAW(size_raw_size, to),
         .help = "greatest load tried (default: eight times the demand)"},
        {.name = "budget",
         .type = HCB_OPT_DURATION,
         .offset = offsetof(struct size_raw_size, budget),
         .def = "0s",
         .help = "of each search; 0s: search's own"},
        {.name = "duration",
         .type = HCB_OPT_DURATION,
         .offset = offsetof(struct size_raw_size, duration),
         .def = "0s",
         .help = "of a trial; 0s: the workload's own"},
        {.name = "warmup",
         .type = HCB_OPT_STR,
         .offset = RAW(size_raw_size, warmup),
         .help = "of a trial, as in a scenario"},
        {.name = "interference",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct size_raw_size, interference),
         .def = "on",
         .help = "off: without the search of the demand's workload alone"},
        {.name = "pairs",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct size_raw_size, pairs),
         .min = 2,
         .max = 64,
         .def = "5",
         .help = "runs at the demand, shared and split in turns"},
        {.name = "seed",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct size_raw_size, seed),
         .max = 1e15,
         .def = "1",
         .help = "of the first trial of every search"},
        {.name = "clock",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct size_raw_size, clock),
         .names = clock_names,
         .help = "as in a scenario"},
        {.name = NULL},
};

/* Any other key of a workload is one of its own parameters. */
static const struct hcb_opt workload_opts[] = {
        {.name = "type",
         .type = HCB_OPT_STR,
         .offset = RAW(size_raw_workload, type),
         .help = "which workload: hcbench list shows them"},
        {.name = "need",
         .type = HCB_OPT_SIZE,
         .offset = offsetof(struct size_raw_workload, need),
         .def = "0",
         .help = "space of its data, before copies, where layouts have it apart"},
        {.name = NULL},
};

static const struct hcb_opt layout_opts[] = {
        {.name = "kind",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct size_raw_layout, kind),
         .names = kind_names,
         .help = "shared (one), tuned (the shared one, a setting changed), split"},
        {.name = "lab",
         .type = HCB_OPT_STR,
         .offset = RAW(size_raw_layout, lab),
         .help = "cluster file it is in, by name or path, brought up for it; none: "
                 "targets as they are"},
        {.name = "of",
         .type = HCB_OPT_STR,
         .offset = RAW(size_raw_layout, of),
         .help = "layout whose lab and targets it has but for its own (tuned: the shared "
                 "one)"},
        {.name = "on",
         .type = HCB_OPT_STR,
         .offset = RAW(size_raw_layout, on),
         .help = "WORKLOAD.VOLUME[,WORKLOAD.VOLUME...]: TARGET; VOLUME may be \"all\"; "
                 "{system HOST} in it is the lab's system disk; repeats"},
        {.name = "set",
         .type = HCB_OPT_STR,
         .offset = RAW(size_raw_layout, set),
         .help = "WORKLOAD.KEY=VALUE, in place of the workload's own; repeats"},
        {.name = "osd",
         .type = HCB_OPT_STR,
         .offset = RAW(size_raw_layout, osd),
         .help = "KEY=VALUE of Ceph's OSDs while it is measured (labs only); repeats"},
        {.name = "gives_up",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct size_raw_layout, gives_up),
         .names = gives_up_names,
         .help = "what it costs in durability, if that is not known of its settings"},
        {.name = "note",
         .type = HCB_OPT_STR,
         .offset = RAW(size_raw_layout, note),
         .help = "the same in words, for the report"},
        {.name = NULL},
};

enum kind { KIND_SIZE, KIND_WORKLOAD, KIND_LAYOUT, N_KINDS };
static const struct hcb_ini_kind kinds[N_KINDS] = {
        [KIND_SIZE] = {"size", false, size_opts},
        [KIND_WORKLOAD] = {"workload", true, workload_opts},
        [KIND_LAYOUT] = {"layout", true, layout_opts},
};

const char *hcb_gives_up_text(enum hcb_gives_up g)
{
	static const char *const texts[] = {
	        [HCB_GIVES_UP_NOTHING] = "nothing",
	        [HCB_GIVES_UP_RECOVERY] =
	                "no data; starting again after a crash takes longer",
	        [HCB_GIVES_UP_LATENCY] = "no data; a single write takes longer",
	        [HCB_GIVES_UP_COMMITS] = "the last commits before a crash",
	        [HCB_GIVES_UP_COPIES] = "the copies: a dead disk takes its data with it",
	        [HCB_GIVES_UP_UNKNOWN] = "not known",
	        [HCB_GIVES_UP_UNSAID] = "not said",
	};
	return texts[g];
}

/* ---- sections ---- */

static int check_name(const char *what, const char *name, struct hcb_err *err)
{
	if (hcb_ini_is_name(name))
		return 0;
	return hcb_err_usage(err, "%s \"%.40s\": a name is 1 to 24 of a-z, 0-9 and \"-\"",
	                     what, name);
}

static int begin_workload(struct size_parser *ps, const char *name, int line,
                          struct hcb_err *err)
{
	struct hcb_size_plan *p = ps->p;
	int r = check_name("workload", name, err);
	for (unsigned i = 0; !r && i < p->n_workloads; i++)
		if (strcmp(p->workloads[i].name, name) == 0)
			r = hcb_err_usage(err, "workload \"%s\" is given twice", name);
	if (r)
		return r;
	if (p->n_workloads == HCB_PLAN_WORKLOADS)
		return hcb_err_usage(err, "more than %d workloads", HCB_PLAN_WORKLOADS);
	struct hcb_scenario_workload *w = &p->workloads[p->n_workloads++];
	snprintf(w->name, sizeof(w->name), "%.31s", name);
	w->line = line;
	memset(&ps->workload, 0, sizeof(ps->workload));
	return 0;
}

static int begin_layout(struct size_parser *ps, const char *name, int line,
                        struct hcb_err *err)
{
	struct hcb_size_plan *p = ps->p;
	int r = check_name("layout", name, err);
	for (unsigned i = 0; !r && i < p->n_layouts; i++)
		if (strcmp(p->layouts[i].name, name) == 0)
			r = hcb_err_usage(err, "layout \"%s\" is given twice", name);
	if (r)
		return r;
	if (p->n_layouts == HCB_PLAN_LAYOUTS)
		return hcb_err_usage(err, "more than %d layouts", HCB_PLAN_LAYOUTS);
	struct size_raw_layout *raw = &ps->layout[p->n_layouts];
	memset(raw, 0, sizeof(*raw));
	raw->kind = raw->gives_up = -1;
	struct hcb_plan_layout *l = &p->layouts[p->n_layouts++];
	snprintf(l->name, sizeof(l->name), "%.31s", name);
	l->line = line;
	return 0;
}

static int begin_section(struct size_parser *ps, const char *section, int line,
                         struct hcb_err *err)
{
	char names[HCB_INI_NAMES];
	ps->kind = hcb_ini_kind(kinds, N_KINDS, section, names, err);
	ps->seen = 0;
	snprintf(ps->where, sizeof(ps->where), "[%.70s]", section);
	if (ps->kind < 0)
		return ps->kind;
	if (ps->kind == KIND_WORKLOAD)
		return begin_workload(ps, names, line, err);
	if (ps->kind == KIND_LAYOUT)
		return begin_layout(ps, names, line, err);
	if (ps->had_size)
		return hcb_err_usage(err, "[size] is given twice");
	ps->had_size = true;
	ps->size_line = line;
	return 0;
}

/* ---- keys ---- */

static int add_param(struct size_parser *ps, const char *key, const char *value, int line,
                     struct hcb_err *err)
{
	struct hcb_scenario_workload *w = &ps->p->workloads[ps->p->n_workloads - 1];
	size_t len = strlen(key);
	for (unsigned i = 0; i < w->n_params; i++)
		if (strncmp(w->params[i].pair, key, len) == 0 &&
		    w->params[i].pair[len] == '=')
			return hcb_err_usage(err, "%s: %s is given twice", ps->where,
			                     key);
	if (strcmp(key, "on") == 0)
		return hcb_err_usage(
		        err, "%s: where it lies is a layout's to say: [layout ...] on",
		        ps->where);
	if (w->n_params == HCB_MAX_SCENARIO_PARAMS)
		return hcb_err_usage(err, "%s: more than %d keys", ps->where,
		                     HCB_MAX_SCENARIO_PARAMS);
	struct hcb_scenario_param *q = &w->params[w->n_params];
	int n = snprintf(q->pair, sizeof(q->pair), "%s=%s", key, value);
	if (n < 0 || (size_t)n >= sizeof(q->pair))
		return hcb_err_usage(err, "%s: %.60s: longer than %zu characters",
		                     ps->where, key, sizeof(q->pair) - 1);
	q->line = line;
	w->n_params++;
	return 0;
}

static int workload_key(struct size_parser *ps, const char *key, const char *value,
                        int line, struct hcb_err *err)
{
	struct hcb_size_plan *p = ps->p;
	struct hcb_scenario_workload *w = &p->workloads[p->n_workloads - 1];
	if (!hcb_opt_find(workload_opts, key))
		return add_param(ps, key, value, line, err);
	int r = hcb_ini_opt(workload_opts, &ps->workload, ps->where, &ps->seen, key,
	                    value, err);
	if (r)
		return r;
	memcpy(w->type, ps->workload.type, sizeof(w->type));
	p->workload_need[p->n_workloads - 1] = ps->workload.need;
	return w->type[0] ? check_name("type", w->type, err) : 0;
}

/* Only the text: which workloads there are is known at the end of the file. */
static int keep_text(const char *what, struct hcb_plan_text *list, unsigned *n,
                     unsigned max, const char *value, int line, struct hcb_err *err)
{
	if (*n == max)
		return hcb_err_usage(err, "more than %u of %s", max, what);
	snprintf(list[*n].text, sizeof(list[*n].text), "%s", value);
	list[(*n)++].line = line;
	return 0;
}

static int one_on(struct size_parser *ps, struct hcb_plan_layout *l, char *word,
                  const char *target, int line, struct hcb_err *err)
{
	word += strspn(word, " \t");
	word[strcspn(word, " \t")] = '\0';
	char *dot = strchr(word, '.');
	if (!dot || dot == word || !dot[1] || dot - word > 31 || strlen(dot + 1) > 31)
		return hcb_err_usage(err,
		                     "%s: on: \"%.60s\": expected WORKLOAD.VOLUME, such "
		                     "as db.wal or db.all",
		                     ps->where, word);
	if (l->n_ons == HCB_PLAN_ONS)
		return hcb_err_usage(err, "%s: more than %d volumes", ps->where,
		                     HCB_PLAN_ONS);
	struct hcb_plan_on *on = &l->ons[l->n_ons++];
	/* The name, until the workloads are known. */
	snprintf(on->volume, sizeof(on->volume), "%s", dot + 1);
	snprintf(on->target, sizeof(on->target), "%.*s%c%s", (int)(dot - word), word,
	         '\n', target);
	on->line = line;
	return 0;
}

static int parse_on(struct size_parser *ps, struct hcb_plan_layout *l, char *text,
                    int line, struct hcb_err *err)
{
	char *rest = text, *target = strchr(text, ':');
	if (!target || !strchr(target + 1, ':'))
		return hcb_err_usage(err,
		                     "%s: on=%.200s: expected WORKLOAD.VOLUME[,...]: "
		                     "ENGINE:ADDRESS",
		                     ps->where, text);
	*target++ = '\0';
	target += strspn(target, " \t");
	if (strlen(target) + 34 >= HCB_PLAN_TEXT)
		return hcb_err_usage(err, "%s: on: target too long", ps->where);
	while (rest) {
		char *word = strsep(&rest, ",");
		int r = one_on(ps, l, word, target, line, err);
		if (r)
			return r;
	}
	return 0;
}

static int parse_set(struct size_parser *ps, struct hcb_plan_layout *l, const char *text,
                     int line, struct hcb_err *err)
{
	const char *dot = strchr(text, '.'), *eq = strchr(text, '=');
	if (!dot || !eq || dot > eq || dot == text || dot + 1 == eq)
		return hcb_err_usage(err, "%s: set=%.100s: expected WORKLOAD.KEY=VALUE",
		                     ps->where, text);
	if (l->n_sets == HCB_PLAN_SETS)
		return hcb_err_usage(err, "%s: more than %d settings", ps->where,
		                     HCB_PLAN_SETS);
	struct hcb_plan_set *s = &l->sets[l->n_sets++];
	snprintf(s->pair, sizeof(s->pair), "%s", text);
	s->line = line;
	return 0;
}

static int layout_key(struct size_parser *ps, const char *key, const char *value,
                      int line, struct hcb_err *err)
{
	struct size_raw_layout *raw = &ps->layout[ps->p->n_layouts - 1];
	struct hcb_plan_layout *l = &ps->p->layouts[ps->p->n_layouts - 1];
	bool on = strcmp(key, "on") == 0, set = strcmp(key, "set") == 0;
	bool osd = strcmp(key, "osd") == 0;
	uint64_t once = 0;
	int r = hcb_ini_opt(layout_opts, raw, ps->where,
	                    on || set || osd ? &once : &ps->seen, key, value, err);
	if (r)
		return r;
	if (on)
		return parse_on(ps, l, raw->on, line, err);
	if (set)
		return parse_set(ps, l, raw->set, line, err);
	if (osd && !strchr(value, '='))
		return hcb_err_usage(err, "%s: osd=%.100s: expected KEY=VALUE", ps->where,
		                     value);
	return osd ? keep_text("osd", l->osd, &l->n_osd, 4, value, line, err) : 0;
}

static int size_key(struct size_parser *ps, const char *key, const char *value, int line,
                    struct hcb_err *err)
{
	bool slo = strcmp(key, "slo") == 0;
	uint64_t once = 0;
	int r = hcb_ini_opt(size_opts, &ps->raw, ps->where, slo ? &once : &ps->seen, key,
	                    value, err);
	if (r)
		return r;
	if (strcmp(key, "load") == 0)
		ps->load_line = line;
	if (strcmp(key, "demand") == 0)
		ps->demand_line = line;
	if (strcmp(key, "states") == 0)
		ps->states_line = line;
	return slo ? keep_text("slo", ps->p->slos, &ps->p->n_slos, HCB_PLAN_SLOS, value,
	                       line, err)
	           : 0;
}

static int on_line(void *arg, const char *section, const char *key, const char *value,
                   int line, struct hcb_err *err)
{
	struct size_parser *ps = arg;
	if (!key)
		return begin_section(ps, section, line, err);
	if (ps->kind < 0)
		return hcb_err_usage(err, "key \"%.40s\" before the first section", key);
	if (ps->kind == KIND_WORKLOAD)
		return workload_key(ps, key, value, line, err);
	if (ps->kind == KIND_LAYOUT)
		return layout_key(ps, key, value, line, err);
	return size_key(ps, key, value, line, err);
}

static int begin_reading(struct size_parser *ps, const char *path,
                         struct hcb_size_plan *out, struct hcb_err *err)
{
	memset(ps, 0, sizeof(*ps));
	memset(out, 0, sizeof(*out));
	ps->p = out;
	ps->kind = -1;
	hcb_opt_defaults(size_opts, &ps->raw);
	ps->raw.clock = -1;
	if (strlen(path) >= sizeof(out->path))
		return hcb_err_usage(err, "read %.200s...: path too long", path);
	snprintf(out->path, sizeof(out->path), "%s", path);
	return 0;
}

int hcb_size_plan_read(const char *path, struct hcb_size_plan *out, struct hcb_err *err)
{
	struct size_parser ps;
	int r = begin_reading(&ps, path, out, err);
	r = r ? r : hcb_ini_read(path, on_line, &ps, err);
	return r ? r : hcb_size_plan_finish(&ps, err);
}

int hcb_size_plan_read_string(const char *text, const char *name,
                              struct hcb_size_plan *out, struct hcb_err *err)
{
	struct size_parser ps;
	int r = begin_reading(&ps, name, out, err);
	r = r ? r : hcb_ini_read_string(text, name, on_line, &ps, err);
	return r ? r : hcb_size_plan_finish(&ps, err);
}

void hcb_size_plan_print_help(void *file)
{
	static const char *const heads[N_KINDS] = {"[size]", "[workload NAME]",
	                                           "[layout NAME]"};
	for (int i = 0; i < N_KINDS; i++) {
		fprintf(file, "%s\n", heads[i]);
		hcb_opt_print_help(kinds[i].opts, file);
	}
}
