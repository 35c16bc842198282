/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/scenario.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "bench/core/ini.h"
#include "bench/core/opt.h"
#include "bench/core/units.h"

#define MAX_DURATION_NS 2.6e15 /* 30 days */

struct raw_scenario {
	char cluster[256], warmup[32];
	uint64_t duration_ns, seed, repeat;
	int clock;
};

struct raw_workload {
	char type[32], on[800];
};

struct raw_fault {
	uint64_t at_ns;
	char what[232];
};

static const char *const clock_names[] = {"real", "virtual", NULL};

static const struct hcb_opt scenario_opts[] = {
        {.name = "cluster",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct raw_scenario, cluster),
         .size = sizeof(((struct raw_scenario *)0)->cluster),
         .help = "cluster file the targets lie on, by name or path"},
        {.name = "duration",
         .type = HCB_OPT_DURATION,
         .offset = offsetof(struct raw_scenario, duration_ns),
         .min = 1e6,
         .max = MAX_DURATION_NS,
         .help = "length of the run, lab time"},
        {.name = "warmup",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct raw_scenario, warmup),
         .size = sizeof(((struct raw_scenario *)0)->warmup),
         .help = "\"auto\", or a time such as 30s that is left out of the result"},
        {.name = "seed",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct raw_scenario, seed),
         .help = "chance of workloads and models"},
        {.name = "repeat",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct raw_scenario, repeat),
         .min = 1,
         .max = 100,
         .help = "runs, each with the next seed"},
        {.name = "clock",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct raw_scenario, clock),
         .names = clock_names,
         .help = "real, or virtual if every target is a model"},
        {.name = NULL},
};

/* Any other key of a workload is one of its own parameters. */
static const struct hcb_opt workload_opts[] = {
        {.name = "type",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct raw_workload, type),
         .size = sizeof(((struct raw_workload *)0)->type),
         .help = "which workload: hcbench list shows them"},
        {.name = "on",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct raw_workload, on),
         .size = sizeof(((struct raw_workload *)0)->on),
         .help = "VOLUME[,VOLUME...]: TARGET; \"all\" means every other volume; repeats"},
        {.name = NULL},
};

static const struct hcb_opt fault_opts[] = {
        {.name = "at",
         .type = HCB_OPT_DURATION,
         .offset = offsetof(struct raw_fault, at_ns),
         .max = MAX_DURATION_NS,
         .help = "when, lab time since the run began"},
        {.name = "do",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct raw_fault, what),
         .size = sizeof(((struct raw_fault *)0)->what),
         .help = "what: FAULT [ARGUMENT...]"},
        {.name = NULL},
};

enum kind { KIND_SCENARIO, KIND_WORKLOAD, KIND_FAULT, N_KINDS };
static const struct hcb_ini_kind kinds[N_KINDS] = {
        [KIND_SCENARIO] = {"scenario", false, scenario_opts},
        [KIND_WORKLOAD] = {"workload", true, workload_opts},
        [KIND_FAULT] = {"fault", true, fault_opts},
};

struct parser {
	struct hcb_scenario *s;
	int kind; /* -1 before the first section */
	char where[80];
	uint64_t seen;
	bool had_scenario;
	struct raw_scenario raw;
	struct raw_workload workload;
	struct raw_fault fault[HCB_MAX_FAULTS];
	char fault_name[HCB_MAX_FAULTS][32];
};

static int check_name(const char *what, const char *name, struct hcb_err *err)
{
	if (hcb_ini_is_name(name))
		return 0;
	return hcb_err_usage(err, "%s \"%.40s\": a name is 1 to 24 of a-z, 0-9 and \"-\"",
	                     what, name);
}

static int begin_workload(struct parser *p, const char *name, int lineno,
                          struct hcb_err *err)
{
	struct hcb_scenario *s = p->s;
	int r = check_name("workload", name, err);
	for (unsigned i = 0; r == 0 && i < s->n_workloads; i++)
		if (strcmp(s->workloads[i].name, name) == 0)
			r = hcb_err_usage(err, "workload \"%s\" is given twice", name);
	if (r)
		return r;
	if (s->n_workloads == HCB_MAX_SCENARIO_WORKLOADS)
		return hcb_err_usage(err, "more than %d workloads",
		                     HCB_MAX_SCENARIO_WORKLOADS);
	struct hcb_scenario_workload *w = &s->workloads[s->n_workloads++];
	snprintf(w->name, sizeof(w->name), "%.31s", name);
	w->line = lineno;
	memset(&p->workload, 0, sizeof(p->workload));
	return 0;
}

static int begin_fault(struct parser *p, const char *name, int lineno,
                       struct hcb_err *err)
{
	struct hcb_scenario *s = p->s;
	int r = check_name("fault", name, err);
	for (unsigned i = 0; r == 0 && i < s->n_faults; i++)
		if (strcmp(p->fault_name[i], name) == 0)
			r = hcb_err_usage(err, "fault \"%s\" is given twice", name);
	if (r)
		return r;
	if (s->n_faults == HCB_MAX_FAULTS)
		return hcb_err_usage(err, "more than %d faults", HCB_MAX_FAULTS);
	snprintf(p->fault_name[s->n_faults], sizeof(p->fault_name[0]), "%.31s", name);
	p->fault[s->n_faults].at_ns = UINT64_MAX; /* not said */
	s->faults[s->n_faults++].line = lineno;
	return 0;
}

static int begin_section(struct parser *p, const char *section, int lineno,
                         struct hcb_err *err)
{
	char names[HCB_INI_NAMES];
	p->kind = hcb_ini_kind(kinds, N_KINDS, section, names, err);
	p->seen = 0;
	snprintf(p->where, sizeof(p->where), "[%.70s]", section);
	if (p->kind < 0)
		return p->kind;
	if (p->kind == KIND_WORKLOAD)
		return begin_workload(p, names, lineno, err);
	if (p->kind == KIND_FAULT)
		return begin_fault(p, names, lineno, err);
	if (p->had_scenario)
		return hcb_err_usage(err, "[scenario] is given twice");
	p->had_scenario = true;
	return 0;
}

/* ---------------------------------------------------------------------- keys ---- */

static int add_on(struct parser *p, const char *volume, const char *target, int lineno,
                  struct hcb_err *err)
{
	struct hcb_scenario_workload *w = &p->s->workloads[p->s->n_workloads - 1];
	if (!hcb_ini_is_name(volume))
		return hcb_err_usage(err, "%s: on: \"%.40s\" is not the name of a volume",
		                     p->where, volume);
	for (unsigned i = 0; i < w->n_ons; i++)
		if (strcmp(w->ons[i].volume, volume) == 0)
			return hcb_err_usage(err,
			                     "%s: on: %s has a target already (line %d)",
			                     p->where, volume, w->ons[i].line);
	if (w->n_ons == HCB_MAX_SCENARIO_ONS)
		return hcb_err_usage(err, "%s: more than %d volumes", p->where,
		                     HCB_MAX_SCENARIO_ONS);
	struct hcb_scenario_on *on = &w->ons[w->n_ons++];
	snprintf(on->volume, sizeof(on->volume), "%s", volume);
	snprintf(on->target, sizeof(on->target), "%s", target);
	on->line = lineno;
	return 0;
}

/* "redis,media: rbd:main/media" */
static int parse_on(struct parser *p, int lineno, struct hcb_err *err)
{
	char *rest = p->workload.on, *target = strchr(rest, ':');
	if (!target || !strchr(target + 1, ':'))
		return hcb_err_usage(err,
		                     "%s: on=%.200s: expected VOLUME[,VOLUME...]: "
		                     "ENGINE:ADDRESS",
		                     p->where, p->workload.on);
	*target++ = '\0';
	target += strspn(target, " \t");
	if (strlen(target) >= sizeof(p->s->workloads[0].ons[0].target))
		return hcb_err_usage(err, "%s: on: target too long", p->where);
	while (rest) {
		char *v = strsep(&rest, ",");
		v += strspn(v, " \t");
		v[strcspn(v, " \t")] = '\0';
		int r = add_on(p, v, target, lineno, err);
		if (r)
			return r;
	}
	return 0;
}

static int add_param(struct parser *p, const char *key, const char *value, int lineno,
                     struct hcb_err *err)
{
	struct hcb_scenario_workload *w = &p->s->workloads[p->s->n_workloads - 1];
	size_t len = strlen(key);
	for (unsigned i = 0; i < w->n_params; i++)
		if (strncmp(w->params[i].pair, key, len) == 0 &&
		    w->params[i].pair[len] == '=')
			return hcb_err_usage(err, "%s: %s is given twice", p->where, key);
	if (w->n_params == HCB_MAX_SCENARIO_PARAMS)
		return hcb_err_usage(err, "%s: more than %d keys", p->where,
		                     HCB_MAX_SCENARIO_PARAMS);
	struct hcb_scenario_param *q = &w->params[w->n_params];
	int n = snprintf(q->pair, sizeof(q->pair), "%s=%s", key, value);
	if (n < 0 || (size_t)n >= sizeof(q->pair))
		return hcb_err_usage(err, "%s: %.60s: longer than %zu characters",
		                     p->where, key, sizeof(q->pair) - 1);
	q->line = lineno;
	w->n_params++;
	return 0;
}

static int workload_key(struct parser *p, const char *key, const char *value, int lineno,
                        struct hcb_err *err)
{
	if (!hcb_opt_find(workload_opts, key))
		return add_param(p, key, value, lineno, err);
	bool is_on = strcmp(key, "on") == 0;
	uint64_t once = 0;
	int r = hcb_ini_opt(workload_opts, &p->workload, p->where,
	                    is_on ? &once : &p->seen, key, value, err);
	if (r)
		return r;
	if (is_on)
		return parse_on(p, lineno, err);
	struct hcb_scenario_workload *w = &p->s->workloads[p->s->n_workloads - 1];
	memcpy(w->type, p->workload.type, sizeof(w->type));
	return check_name("type", w->type, err);
}

static int on_line(void *arg, const char *section, const char *key, const char *value,
                   int lineno, struct hcb_err *err)
{
	struct parser *p = arg;
	if (!key)
		return begin_section(p, section, lineno, err);
	if (p->kind < 0)
		return hcb_err_usage(err, "key \"%.40s\" before the first section", key);
	if (p->kind == KIND_WORKLOAD)
		return workload_key(p, key, value, lineno, err);
	if (p->kind == KIND_FAULT)
		return hcb_ini_opt(fault_opts, &p->fault[p->s->n_faults - 1], p->where,
		                   &p->seen, key, value, err);
	p->s->seed_said = p->s->seed_said || strcmp(key, "seed") == 0;
	return hcb_ini_opt(scenario_opts, &p->raw, p->where, &p->seen, key, value, err);
}

/* -------------------------------------------------------------------- checks ---- */

/* "kill-host h2" */
static int split_fault(const char *what, struct hcb_fault *f, struct hcb_err *err)
{
	char verb[sizeof(f->verb) + 1];
	size_t len = strcspn(what, " \t");
	snprintf(verb, sizeof(verb), "%.*s",
	         (int)(len < sizeof(verb) ? len : sizeof(verb) - 1), what);
	const char *args = what + len + strspn(what + len, " \t");
	if (!hcb_ini_is_name(verb))
		return hcb_err_usage(err, "\"%.60s\": expected FAULT [ARGUMENT...]",
		                     what);
	if (strlen(args) >= sizeof(f->args))
		return hcb_err_usage(err, "%s: arguments too long", verb);
	snprintf(f->verb, sizeof(f->verb), "%.31s", verb);
	snprintf(f->args, sizeof(f->args), "%s", args);
	return 0;
}

int hcb_fault_parse(const char *text, struct hcb_fault *out, struct hcb_err *err)
{
	char at[32];
	size_t len = strcspn(text, " \t");
	memset(out, 0, sizeof(*out));
	if (strncmp(text, "at=", 3) != 0 || len - 3 >= sizeof(at) || !text[len])
		return hcb_err_usage(
		        err, "fault \"%.100s\": expected \"at=TIME FAULT [ARGUMENT...]\"",
		        text);
	snprintf(at, sizeof(at), "%.*s", (int)(len - 3), text + 3);
	if (hcb_parse_duration(at, &out->at_ns))
		return hcb_err_usage(
		        err, "fault \"%.100s\": at=%s: expected a time such as 30s", text,
		        at);
	struct hcb_err why = HCB_ERR_INIT;
	if (split_fault(text + len + strspn(text + len, " \t"), out, &why))
		return hcb_err_usage(err, "fault %.300s", why.msg);
	return 0;
}

static int take_faults(struct parser *p, struct hcb_err *err)
{
	struct hcb_scenario *s = p->s;
	for (unsigned i = 0; i < s->n_faults; i++) {
		struct hcb_fault *f = &s->faults[i];
		const char *missing = p->fault[i].at_ns == UINT64_MAX ? "at"
		                      : !*p->fault[i].what            ? "do"
		                                                      : NULL;
		struct hcb_err why = HCB_ERR_INIT;
		if (missing)
			return hcb_err_usage(err, "%s:%d: [fault %s] without \"%s\"",
			                     s->path, f->line, p->fault_name[i], missing);
		f->at_ns = p->fault[i].at_ns;
		if (split_fault(p->fault[i].what, f, &why))
			return hcb_err_usage(err, "%s:%d: [fault %s]: do: %.200s",
			                     s->path, f->line, p->fault_name[i], why.msg);
		if (s->duration_ns && f->at_ns >= s->duration_ns)
			return hcb_err_usage(
			        err,
			        "%s:%d: [fault %s]: at is not before the end of "
			        "the run",
			        s->path, f->line, p->fault_name[i]);
	}
	/* Insertion keeps the file's order among equals. */
	for (unsigned i = 1; i < s->n_faults; i++) {
		struct hcb_fault f = s->faults[i];
		unsigned j = i;
		for (; j > 0 && s->faults[j - 1].at_ns > f.at_ns; j--)
			s->faults[j] = s->faults[j - 1];
		s->faults[j] = f;
	}
	return 0;
}

static int take_warmup(struct parser *p, struct hcb_err *err)
{
	struct hcb_scenario *s = p->s;
	s->warmup_said = p->raw.warmup[0] != '\0';
	s->warmup_auto = strcmp(p->raw.warmup, "auto") == 0;
	if (!s->warmup_said || s->warmup_auto)
		return 0;
	if (hcb_parse_duration(p->raw.warmup, &s->warmup_ns))
		return hcb_err_usage(
		        err,
		        "%s: [scenario]: warmup=%s: expected \"auto\" or a time "
		        "such as 30s",
		        s->path, p->raw.warmup);
	if (s->duration_ns && s->warmup_ns >= s->duration_ns)
		return hcb_err_usage(
		        err, "%s: [scenario]: warmup=%s leaves nothing of the duration",
		        s->path, p->raw.warmup);
	return 0;
}

static int finish(struct parser *p, struct hcb_err *err)
{
	struct hcb_scenario *s = p->s;
	memcpy(s->cluster, p->raw.cluster, sizeof(s->cluster));
	s->duration_ns = p->raw.duration_ns;
	s->seed = p->raw.seed;
	s->repeat = p->raw.repeat;
	s->clock = (enum hcb_scenario_clock)(p->raw.clock + 1); /* -1: unsaid */
	int r = take_warmup(p, err);
	if (r)
		return r;
	if (!s->n_workloads)
		return hcb_err_usage(err, "%s: no [workload NAME] section", s->path);
	for (unsigned i = 0; i < s->n_workloads; i++) {
		const struct hcb_scenario_workload *w = &s->workloads[i];
		if (!w->type[0] || !w->n_ons)
			return hcb_err_usage(err, "%s:%d: [workload %s] without \"%s\"",
			                     s->path, w->line, w->name,
			                     w->type[0] ? "on" : "type");
	}
	return take_faults(p, err);
}

static int begin_reading(struct parser *p, const char *path, struct hcb_scenario *out,
                         struct hcb_err *err)
{
	memset(p, 0, sizeof(*p));
	memset(out, 0, sizeof(*out));
	p->s = out;
	p->kind = -1;
	p->raw.clock = -1;
	if (strlen(path) >= sizeof(out->path))
		return hcb_err_usage(err, "read %.200s...: path too long", path);
	snprintf(out->path, sizeof(out->path), "%s", path);
	return 0;
}

int hcb_scenario_read(const char *path, struct hcb_scenario *out, struct hcb_err *err)
{
	struct parser p;
	int r = begin_reading(&p, path, out, err);
	if (r == 0)
		r = hcb_ini_read(path, on_line, &p, err);
	return r ? r : finish(&p, err);
}

int hcb_scenario_read_string(const char *text, const char *name, struct hcb_scenario *out,
                             struct hcb_err *err)
{
	struct parser p;
	int r = begin_reading(&p, name, out, err);
	if (r == 0)
		r = hcb_ini_read_string(text, name, on_line, &p, err);
	return r ? r : finish(&p, err);
}
