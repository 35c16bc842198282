/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "bench/core/opt.h"
#include "bench/core/size_plan_raw.h"
#include "bench/core/units.h"

static int workload_of(const struct size_parser *ps, const char *word, size_t len,
                       int line, const char *what, unsigned *out, struct hcb_err *err)
{
	const struct hcb_size_plan *p = ps->p;
	const char *names[HCB_PLAN_WORKLOADS];
	char own[64];
	for (unsigned i = 0; i < p->n_workloads; i++) {
		names[i] = p->workloads[i].name;
		if (strlen(names[i]) == len && strncmp(names[i], word, len) == 0) {
			*out = i;
			return 0;
		}
	}
	snprintf(own, sizeof(own), "%.*s", (int)len, word);
	const char *near = hcb_nearest(own, names, p->n_workloads);
	return hcb_err_usage(err, "%s:%d: %s: there is no [workload %s]%s%s%s", p->path,
	                     line, what, own, near ? "; did you mean \"" : "",
	                     near ? near : "", near ? "\"?" : "");
}

static int take_demand(struct size_parser *ps, struct hcb_err *err)
{
	struct hcb_size_plan *p = ps->p;
	const char *text = ps->raw.demand, *dot = strchr(ps->raw.load, '.');
	uint64_t n = 0;
	if (!*text || !*ps->raw.load)
		return hcb_err_usage(err, "%s:%d: [size] without \"%s\"", p->path,
		                     ps->size_line, *text ? "load" : "demand");
	if (!dot)
		return hcb_err_usage(err,
		                     "%s:%d: load=%s: expected WORKLOAD.KEY, such as "
		                     "db.rate",
		                     p->path, ps->load_line, ps->raw.load);
	snprintf(p->load_key, sizeof(p->load_key), "%s", ps->raw.load);
	snprintf(p->demand, sizeof(p->demand), "%s", text);
	p->per_s = strcmp(dot + 1, "rate") == 0;
	int bad = p->per_s ? hcb_parse_rate(text, &p->load) : hcb_parse_u64(text, &n);
	if (!p->per_s && !bad)
		p->load = (double)n;
	if (bad || (p->per_s && !strchr(text, '/')) || !(p->load > 0))
		return hcb_err_usage(err, "%s:%d: demand=%s: expected %s", p->path,
		                     ps->demand_line, text,
		                     p->per_s ? "a rate with its unit, such as 40/s"
		                              : "a whole number, such as 5000");
	return workload_of(ps, ps->raw.load, (size_t)(dot - ps->raw.load), ps->load_line,
	                   "load", &p->main, err);
}

static int take_states(const struct size_parser *ps, struct hcb_err *err)
{
	if (strcmp(ps->raw.states, "healthy") == 0)
		return 0;
	return hcb_err_usage(err,
	                     "%s:%d: states=%s: this build measures \"healthy\" only: a "
	                     "run on a degraded cluster is INVALID",
	                     ps->p->path, ps->states_line, ps->raw.states);
}

static int take_size(struct size_parser *ps, struct hcb_err *err)
{
	struct hcb_size_plan *p = ps->p;
	const struct size_raw_size *raw = &ps->raw;
	if (!ps->had_size)
		return hcb_err_usage(err, "%s: no [size] section", p->path);
	p->sigma = raw->sigma;
	p->need_bytes = raw->need;
	p->budget_ns = raw->budget;
	p->duration_ns = raw->duration;
	p->seed = raw->seed;
	p->pairs = raw->pairs;
	p->interference = raw->interference;
	p->clock = (enum hcb_scenario_clock)(raw->clock + 1); /* -1: unsaid */
	memcpy(p->warmup, raw->warmup, sizeof(p->warmup));
	memcpy(p->from, raw->from, sizeof(p->from));
	memcpy(p->to, raw->to, sizeof(p->to));
	for (unsigned i = 0; i < p->n_workloads; i++)
		if (!p->workloads[i].type[0])
			return hcb_err_usage(err, "%s:%d: [workload %s] without \"type\"",
			                     p->path, p->workloads[i].line,
			                     p->workloads[i].name);
	if (!p->n_workloads)
		return hcb_err_usage(err, "%s: no [workload NAME] section", p->path);
	if (!p->n_slos)
		return hcb_err_usage(err, "%s:%d: [size] without \"slo\"", p->path,
		                     ps->size_line);
	int r = take_states(ps, err);
	return r ? r : take_demand(ps, err);
}

/* Names of workloads become their numbers. */
static int resolve(const struct size_parser *ps, struct hcb_plan_layout *l,
                   struct hcb_err *err)
{
	int r = 0;
	for (unsigned i = 0; !r && i < l->n_ons; i++) {
		struct hcb_plan_on *on = &l->ons[i];
		size_t len = strcspn(on->target, "\n");
		r = workload_of(ps, on->target, len, on->line, "on", &on->workload, err);
		memmove(on->target, on->target + len + 1, strlen(on->target + len));
		for (unsigned k = 0; !r && k < i; k++)
			if (l->ons[k].workload == on->workload &&
			    strcmp(l->ons[k].volume, on->volume) == 0)
				r = hcb_err_usage(
				        err,
				        "%s:%d: [layout %s]: on: %s.%s has a target "
				        "already (line %d)",
				        ps->p->path, on->line, l->name,
				        ps->p->workloads[on->workload].name, on->volume,
				        l->ons[k].line);
	}
	for (unsigned i = 0; !r && i < l->n_sets; i++) {
		struct hcb_plan_set *s = &l->sets[i];
		size_t len = strcspn(s->pair, ".");
		r = workload_of(ps, s->pair, len, s->line, "set", &s->workload, err);
		memmove(s->pair, s->pair + len + 1, strlen(s->pair + len));
	}
	return r;
}

static bool has_volume(const struct hcb_plan_layout *l, const struct hcb_plan_on *on)
{
	for (unsigned i = 0; i < l->n_ons; i++)
		if (l->ons[i].workload == on->workload &&
		    (strcmp(l->ons[i].volume, on->volume) == 0 ||
		     strcmp(l->ons[i].volume, "all") == 0))
			return true;
	return false;
}

/* What it does not say is as in the layout it is of. */
static int inherit(const struct hcb_size_plan *p, struct hcb_plan_layout *l,
                   const struct hcb_plan_layout *from, struct hcb_err *err)
{
	struct hcb_plan_layout own = *l;
	if (!*l->lab)
		memcpy(l->lab, from->lab, sizeof(l->lab));
	for (unsigned i = 0; i < from->n_ons; i++) {
		if (has_volume(&own, &from->ons[i]))
			continue;
		if (l->n_ons == HCB_PLAN_ONS)
			return hcb_err_usage(err,
			                     "%s:%d: [layout %s]: more than %d "
			                     "volumes",
			                     p->path, l->line, l->name, HCB_PLAN_ONS);
		l->ons[l->n_ons++] = from->ons[i];
	}
	return 0;
}

static int take_of(struct size_parser *ps, unsigned i, struct hcb_err *err)
{
	struct hcb_size_plan *p = ps->p;
	struct hcb_plan_layout *l = &p->layouts[i];
	const char *names[HCB_PLAN_LAYOUTS], *of = ps->layout[i].of;
	if (!*of && l->kind == HCB_PLAN_TUNED)
		of = p->layouts[p->shared].name;
	if (!*of)
		return 0;
	for (unsigned k = 0; k < p->n_layouts; k++) {
		names[k] = p->layouts[k].name;
		if (strcmp(names[k], of) != 0 || k == i)
			continue;
		if (l->kind == HCB_PLAN_TUNED && k != p->shared)
			return hcb_err_usage(
			        err,
			        "%s:%d: [layout %s]: of=%s: a tuned layout is of the "
			        "shared one, %s",
			        p->path, l->line, l->name, of,
			        p->layouts[p->shared].name);
		if (*ps->layout[k].of || p->layouts[k].kind == HCB_PLAN_TUNED)
			return hcb_err_usage(
			        err, "%s:%d: [layout %s]: of=%s: that is \"of\" another",
			        p->path, l->line, l->name, of);
		return inherit(p, l, &p->layouts[k], err);
	}
	const char *near = hcb_nearest(of, names, p->n_layouts);
	return hcb_err_usage(
	        err, "%s:%d: [layout %s]: of=%s: there is no such layout%s%s%s", p->path,
	        l->line, l->name, of, near ? "; did you mean \"" : "", near ? near : "",
	        near ? "\"?" : "");
}

static int find_shared(struct size_parser *ps, struct hcb_err *err)
{
	struct hcb_size_plan *p = ps->p;
	unsigned found = 0;
	for (unsigned i = 0; i < p->n_layouts; i++) {
		struct hcb_plan_layout *l = &p->layouts[i];
		if (ps->layout[i].kind < 0)
			return hcb_err_usage(err, "%s:%d: [layout %s] without \"kind\"",
			                     p->path, l->line, l->name);
		l->kind = (enum hcb_plan_kind)ps->layout[i].kind;
		l->gives_up = ps->layout[i].gives_up < 0
		                      ? HCB_GIVES_UP_UNSAID
		                      : (enum hcb_gives_up)ps->layout[i].gives_up;
		memcpy(l->lab, ps->layout[i].lab, sizeof(l->lab));
		memcpy(l->note, ps->layout[i].note, sizeof(l->note));
		if (l->kind != HCB_PLAN_SHARED)
			continue;
		if (found++)
			return hcb_err_usage(err,
			                     "%s:%d: [layout %s]: kind=shared is given "
			                     "twice: the others are held against one",
			                     p->path, l->line, l->name);
		p->shared = i;
	}
	return found ? 0
	             : hcb_err_usage(err,
	                             "%s: no layout of kind=shared: there is nothing "
	                             "to hold the others against",
	                             p->path);
}

static int check_layout(const struct hcb_size_plan *p, const struct hcb_plan_layout *l,
                        struct hcb_err *err)
{
	if (!l->n_ons)
		return hcb_err_usage(err, "%s:%d: [layout %s] without \"on\"", p->path,
		                     l->line, l->name);
	if (l->n_osd && !*l->lab)
		return hcb_err_usage(
		        err,
		        "%s:%d: [layout %s]: osd: a cluster that is in use is "
		        "not changed; that takes a lab",
		        p->path, l->osd[0].line, l->name);
	return 0;
}

int hcb_size_plan_finish(struct size_parser *ps, struct hcb_err *err)
{
	struct hcb_size_plan *p = ps->p;
	int r = take_size(ps, err);
	r = r ? r : find_shared(ps, err);
	for (unsigned i = 0; !r && i < p->n_layouts; i++)
		r = resolve(ps, &p->layouts[i], err);
	for (unsigned i = 0; !r && i < p->n_layouts; i++)
		r = take_of(ps, i, err);
	for (unsigned i = 0; !r && i < p->n_layouts; i++)
		r = check_layout(p, &p->layouts[i], err);
	return r;
}
