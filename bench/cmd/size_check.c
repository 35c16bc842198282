/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan as scenarios, and what of it cannot be one. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/size_parts.h"
#include "bench/core/opt.h"
#include "bench/core/units.h"
#include "bench/slo.h"
#include "engines/target.h"
#include "lab/lab.h"
#include "workloads/workload.h"

/* ---- what a setting gives up ---- */

static const struct {
	const char *key, *value; /* value NULL: any */
	enum hcb_gives_up gives_up;
	const char *text; /* NULL: the bench's own key, no setting */
} known[] = {
        {"checkpoints", NULL, HCB_GIVES_UP_NOTHING, NULL},
        {"checkpoint_timeout", NULL, HCB_GIVES_UP_RECOVERY,
         "no data; after a crash more WAL is replayed, about as long as the interval"},
        {"max_wal_size", NULL, HCB_GIVES_UP_RECOVERY,
         "no data; after a crash more WAL is replayed, and it takes that much room"},
        {"checkpoint_completion_target", NULL, HCB_GIVES_UP_NOTHING, "nothing"},
        {"wal_compression", NULL, HCB_GIVES_UP_NOTHING, "nothing; processor time"},
        {"fpi", NULL, HCB_GIVES_UP_NOTHING,
         "nothing, if by wal_compression; processor time"},
        {"shared_buffers", NULL, HCB_GIVES_UP_NOTHING, "nothing; memory"},
        {"commit_delay", NULL, HCB_GIVES_UP_LATENCY,
         "no data; a commit waits for others to share its flush"},
        {"commit_siblings", NULL, HCB_GIVES_UP_LATENCY,
         "no data; a commit waits for others to share its flush"},
        {"synchronous_commit", "off", HCB_GIVES_UP_COMMITS,
         "the commits of up to three times wal_writer_delay (0.6 s) before a crash, "
         "though the client was told of them; no corruption"},
        {"full_page_writes", "off", HCB_GIVES_UP_UNKNOWN,
         "torn pages after a crash are not repaired: not a setting to choose"},
        {"aof", "off", HCB_GIVES_UP_COMMITS,
         "what Redis took since its last snapshot: jobs that are queued, sessions"},
        {"appendonly", "off", HCB_GIVES_UP_COMMITS,
         "what Redis took since its last snapshot: jobs that are queued, sessions"},
        {"bluestore_max_defer_interval", NULL, HCB_GIVES_UP_NOTHING,
         "nothing; deferred writes are gathered less"},
};

void size_gives_up(struct size_layout *l, enum hcb_gives_up g, const char *key,
                   const char *text)
{
	size_t n = strlen(l->gives_up_text);
	if (g > l->gives_up)
		l->gives_up = g;
	if (strstr(l->gives_up_text, text)) /* two keys of one setting */
		return;
	snprintf(l->gives_up_text + n, sizeof(l->gives_up_text) - n, "%s%s%s%s",
	         n ? "; " : "", key, *key ? ": " : "", text);
}

/* "checkpoint_timeout=15m" */
static void judge_setting(struct size_layout *l, const char *pair)
{
	const char *eq = strchr(pair, '=');
	size_t len = (size_t)(eq - pair);
	char key[64];
	snprintf(key, sizeof(key), "%.*s", (int)len, pair);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].key, key) == 0 &&
		    (!known[i].value || strcmp(known[i].value, eq + 1) == 0)) {
			if (known[i].text)
				size_gives_up(l, known[i].gives_up, key, known[i].text);
			return;
		}
	if (l->plan->gives_up == HCB_GIVES_UP_UNSAID)
		size_gives_up(l, HCB_GIVES_UP_UNKNOWN, key, "not known");
}

static void take_gives_up(struct size_layout *l)
{
	const struct hcb_plan_layout *p = l->plan;
	for (unsigned i = 0; i < p->n_sets; i++)
		judge_setting(l, p->sets[i].pair);
	for (unsigned i = 0; i < p->n_osd; i++)
		judge_setting(l, p->osd[i].text);
	if (p->gives_up != HCB_GIVES_UP_UNSAID)
		size_gives_up(l, p->gives_up, "", hcb_gives_up_text(p->gives_up));
	if (*p->note)
		size_gives_up(l, l->gives_up, "", p->note);
}

/* ---- one workload by its section and a layout's settings ---- */

static int where_err(const struct size *s, int line, const char *what, const char *name,
                     const struct hcb_err *found, struct hcb_err *err)
{
	return hcb_err_usage(err, "%s:%d: [%s %s]: %.300s", s->plan->path, line, what,
	                     name, found->msg);
}

static const struct hcb_workload *find(const struct size *s, unsigned w,
                                       struct hcb_err *err)
{
	const struct hcb_scenario_workload *section = &s->plan->workloads[w];
	struct hcb_err found = HCB_ERR_INIT;
	const struct hcb_workload *wl = hcb_workload_find(section->type, &found);
	if (!wl)
		where_err(s, section->line, "workload", section->name, &found, err);
	return wl;
}

static int set_params(const struct size *s, const struct size_layout *l, unsigned w,
                      const struct hcb_workload *wl, void *conf, struct hcb_err *err)
{
	const struct hcb_scenario_workload *section = &s->plan->workloads[w];
	const struct hcb_plan_layout *p = l->plan;
	char where[640];
	int r = 0;
	hcb_opt_defaults(wl->opts, conf);
	for (unsigned i = 0; !r && i < section->n_params; i++) {
		snprintf(where, sizeof(where), "%s:%d: workload %s", s->plan->path,
		         section->params[i].line, section->name);
		r = hcb_opt_set_pair(wl->opts, conf, where, section->params[i].pair, err);
	}
	for (unsigned i = 0; !r && i < p->n_sets; i++) {
		if (p->sets[i].workload != w)
			continue;
		snprintf(where, sizeof(where), "%s:%d: layout %s: workload %s",
		         s->plan->path, p->sets[i].line, p->name, section->name);
		r = hcb_opt_set_pair(wl->opts, conf, where, p->sets[i].pair, err);
	}
	return r;
}

static int check_volume(const struct size *s, const struct size_layout *l,
                        const struct hcb_plan_on *on, const struct hcb_geometry *geo,
                        struct hcb_err *err)
{
	const char *names[HCB_MAX_VOLUMES + 1];
	unsigned n = 0;
	for (; n < geo->n_volumes; n++) {
		names[n] = geo->regions[n].name;
		if (strcmp(names[n], on->volume) == 0)
			return 0;
	}
	if (strcmp(on->volume, "all") == 0)
		return 0;
	names[n++] = "all";
	const char *near = hcb_nearest(on->volume, names, n);
	return hcb_err_usage(
	        err, "%s:%d: [layout %s]: on: workload %s has no volume %s%s%s%s",
	        s->plan->path, on->line, l->plan->name,
	        s->plan->workloads[on->workload].name, on->volume,
	        near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int check_bound(const struct size *s, const struct size_layout *l, unsigned w,
                       const struct hcb_geometry *geo, struct hcb_err *err)
{
	const struct hcb_plan_layout *p = l->plan;
	for (unsigned v = 0; v < geo->n_volumes; v++) {
		bool bound = false;
		for (unsigned i = 0; i < p->n_ons; i++)
			bound |= p->ons[i].workload == w &&
			         (strcmp(p->ons[i].volume, "all") == 0 ||
			          strcmp(p->ons[i].volume, geo->regions[v].name) == 0);
		if (!bound)
			return hcb_err_usage(
			        err,
			        "%s:%d: [layout %s]: volume %s.%s is on no target: add "
			        "on = %s.%s: TARGET",
			        s->plan->path, p->line, p->name,
			        s->plan->workloads[w].name, geo->regions[v].name,
			        s->plan->workloads[w].name, geo->regions[v].name);
	}
	return 0;
}

static int check_workload(const struct size *s, const struct size_layout *l, unsigned w,
                          struct hcb_err *err)
{
	const struct hcb_workload *wl = find(s, w, err);
	struct hcb_geometry *geo = calloc(1, sizeof(*geo));
	void *conf = wl ? calloc(1, wl->conf_size) : NULL;
	int r = !wl           ? -EINVAL
	        : geo && conf ? set_params(s, l, w, wl, conf, err)
	                      : hcb_err_sys(err, -ENOMEM, "size");
	r = r ? r : wl->plan(conf, geo, err);
	for (unsigned i = 0; !r && i < l->plan->n_ons; i++)
		if (l->plan->ons[i].workload == w)
			r = check_volume(s, l, &l->plan->ons[i], geo, err);
	r = r ? r : check_bound(s, l, w, geo, err);
	free(conf);
	free(geo);
	return r;
}

/* {system HOST} becomes its path; lab NULL: something that has its form. */
static int expand(const char *target, const char *lab, char *buf, size_t size,
                  struct hcb_err *err)
{
	const char *open = strstr(target, "{system "), *close;
	char path[192] = "/system", host[32];
	int r = 0;
	if (!open || !(close = strchr(open, '}'))) {
		snprintf(buf, size, "%s", target);
		return 0;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(close - open - 8), open + 8);
	if (lab)
		r = hcb_lab_system_path(lab, host, path, sizeof(path), err);
	snprintf(buf, size, "%.*s%s%s", (int)(open - target), target, path, close + 1);
	return r;
}

static int check_targets(const struct size *s, const struct size_layout *l,
                         struct hcb_err *err)
{
	for (unsigned i = 0; i < l->plan->n_ons; i++) {
		const struct hcb_plan_on *on = &l->plan->ons[i];
		struct hcb_err found = HCB_ERR_INIT;
		struct hcb_dev *dev = NULL;
		char text[HCB_PLAN_TEXT + 64];
		if (strstr(on->target, "{system ") && !*l->plan->lab)
			return hcb_err_usage(err,
			                     "%s:%d: [layout %s]: on: {system HOST} is "
			                     "of a lab, and it has none",
			                     s->plan->path, on->line, l->plan->name);
		int r = expand(on->target, NULL, text, sizeof(text), &found);
		r = r ? r : hcb_target_parse(text, &dev, &found);
		if (r)
			return where_err(s, on->line, "layout", l->plan->name, &found,
			                 err);
		hcb_target_free(dev);
	}
	return 0;
}

/* ---- load and objectives ---- */

/* The key's rest after "NAME.", NULL if it is not NAME's. */
static const char *rest_of(const char *text, const char *name)
{
	size_t n = strlen(name);
	return strncmp(text, name, n) == 0 && text[n] == '.' ? text + n + 1 : NULL;
}

static int check_load(const struct size *s, struct hcb_err *err)
{
	static const char *const loads[] = {"rate", "clients", "users"};
	const struct hcb_scenario_workload *w = &s->plan->workloads[s->plan->main];
	const struct hcb_workload *wl = find(s, s->plan->main, err);
	const char *key = rest_of(s->plan->load_key, w->name);
	char has[100] = "";
	if (!wl)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		size_t n = strlen(has);
		if (!hcb_opt_find(wl->opts, loads[i]))
			continue;
		snprintf(has + n, sizeof(has) - n, "%s%s", n ? ", " : "", loads[i]);
		if (strcmp(loads[i], key) == 0)
			return 0;
	}
	return hcb_err_usage(err, "%s: load=%s: %s has no such load; it has %s",
	                     s->plan->path, s->plan->load_key, w->type, has);
}

static int check_slos(const struct size *s, struct hcb_err *err)
{
	for (unsigned i = 0; i < s->plan->n_slos; i++) {
		const struct hcb_plan_text *slo = &s->plan->slos[i];
		struct hcb_err found = HCB_ERR_INIT;
		struct hcb_slo parsed;
		const char *rest = NULL;
		unsigned w = 0;
		for (; w < s->plan->n_workloads && !rest; w++)
			rest = rest_of(slo->text, s->plan->workloads[w].name);
		if (!rest)
			return hcb_err_usage(
			        err,
			        "%s:%d: slo=%.100s: expected WORKLOAD.TRANSACTION."
			        "FIGURE=TIME of one of the workloads",
			        s->plan->path, slo->line, slo->text);
		const struct hcb_workload *wl = find(s, w - 1, err);
		if (!wl)
			return -EINVAL;
		if (hcb_slo_parse(rest, wl, &parsed, &found))
			return where_err(s, slo->line, "size", "slo", &found, err);
	}
	return 0;
}

int size_check(struct size *s, struct hcb_err *err)
{
	int r = check_load(s, err);
	r = r ? r : check_slos(s, err);
	for (unsigned i = 0; !r && i < s->n; i++) {
		struct size_layout *l = &s->layout[i];
		for (unsigned w = 0; !r && w < s->plan->n_workloads; w++)
			r = check_workload(s, l, w, err);
		r = r ? r : check_targets(s, l, err);
		take_gives_up(l);
	}
	return r;
}

/* ---- as a scenario ---- */

__attribute__((format(printf, 3, 4))) static void put(char *buf, size_t size,
                                                      const char *fmt, ...)
{
	size_t n = strlen(buf);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(buf + n, size - n, fmt, ap);
	va_end(ap);
}

static bool replaced(const struct hcb_plan_layout *p, unsigned w, const char *pair)
{
	size_t len = strcspn(pair, "=") + 1;
	for (unsigned i = 0; i < p->n_sets; i++)
		if (p->sets[i].workload == w && strncmp(p->sets[i].pair, pair, len) == 0)
			return true;
	return false;
}

/* Volumes that one line of the plan puts on one target stay on one line. */
static int put_ons(const struct hcb_plan_layout *p, unsigned w, const char *lab,
                   char *buf, size_t size, struct hcb_err *err)
{
	char target[HCB_PLAN_TEXT + 256];
	for (unsigned i = 0; i < p->n_ons; i++) {
		const struct hcb_plan_on *on = &p->ons[i];
		bool first = true;
		if (on->workload != w)
			continue;
		for (unsigned k = 0; k < i; k++)
			first &= p->ons[k].workload != w || p->ons[k].line != on->line;
		if (!first)
			continue;
		int r = expand(on->target, lab, target, sizeof(target), err);
		if (r)
			return r;
		put(buf, size, "on = %s", on->volume);
		for (unsigned k = i + 1; k < p->n_ons; k++)
			if (p->ons[k].workload == w && p->ons[k].line == on->line)
				put(buf, size, ",%s", p->ons[k].volume);
		put(buf, size, ": %s\n", target);
	}
	return 0;
}

static int put_workload(const struct size *s, const struct size_layout *l, unsigned w,
                        const char *lab, char *buf, size_t size, struct hcb_err *err)
{
	const struct hcb_scenario_workload *section = &s->plan->workloads[w];
	put(buf, size, "\n[workload %s]\ntype = %s\n", section->name, section->type);
	for (unsigned i = 0; i < section->n_params; i++) {
		const char *pair = section->params[i].pair;
		int len = (int)strcspn(pair, "=");
		if (!replaced(l->plan, w, pair))
			put(buf, size, "%.*s = %s\n", len, pair, pair + len + 1);
	}
	for (unsigned i = 0; i < l->plan->n_sets; i++) {
		const char *pair = l->plan->sets[i].pair;
		int len = (int)strcspn(pair, "=");
		if (l->plan->sets[i].workload == w)
			put(buf, size, "%.*s = %s\n", len, pair, pair + len + 1);
	}
	return put_ons(l->plan, w, lab, buf, size, err);
}

int size_scenario(const struct size *s, const struct size_layout *l, bool alone,
                  const char *lab, char *buf, size_t size, struct hcb_err *err)
{
	const struct hcb_size_plan *p = s->plan;
	*buf = '\0';
	put(buf, size, "; layout %s%s\n[scenario]\nseed = %llu\n", l->plan->name,
	    alone ? ", the demand's workload alone" : "", (unsigned long long)p->seed);
	if (p->duration_ns)
		put(buf, size, "duration = %lluns\n", (unsigned long long)p->duration_ns);
	if (*p->warmup)
		put(buf, size, "warmup = %s\n", p->warmup);
	if (p->clock != HCB_CLOCK_UNSAID)
		put(buf, size, "clock = %s\n",
		    p->clock == HCB_CLOCK_REAL ? "real" : "virtual");
	if (lab)
		put(buf, size, "cluster = %s\n", lab);
	/* What else a search depends on, for whoever goes on with it. */
	for (unsigned i = 0; i < l->plan->n_osd; i++)
		put(buf, size, "; osd %s\n", l->plan->osd[i].text);
	if (l->cluster && l->cluster_hash[0])
		put(buf, size, "; cluster file %s\n", l->cluster_hash);
	/* The demand's first: its cycles and its headline are the run's. */
	int r = put_workload(s, l, p->main, lab, buf, size, err);
	for (unsigned w = 0; !r && !alone && w < p->n_workloads; w++)
		if (w != p->main)
			r = put_workload(s, l, w, lab, buf, size, err);
	if (!r && strlen(buf) + 1 >= size)
		r = hcb_err_usage(err, "%s: layout %s is longer than %zu bytes", p->path,
		                  l->plan->name, size);
	return r;
}

const char *size_own_name(const struct size *s, bool alone, const char *name)
{
	const char *rest = rest_of(name, s->plan->workloads[s->plan->main].name);
	return alone || s->plan->n_workloads == 1 ? rest : name;
}
