/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A scenario file as what "hcbench run" was told: one workload of it, or several. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/run_args.h"

/* --- one workload: the command line may add to it and overrule it --------------------
 */

static bool bound(const struct hcb_run_args *a, const char *volume)
{
	for (unsigned i = 0; i < a->n_on; i++)
		if (strcmp(a->on[i].volume, volume) == 0)
			return true;
	return false;
}

static void bind(const struct hcb_scenario_on *on, struct hcb_binding *to)
{
	memset(to, 0, sizeof(*to));
	memcpy(to->volume, on->volume, sizeof(on->volume));
	to->target = on->target;
	to->group = on->line; /* "redis,media: T" is one T */
}

/* The workload a section names; a mistake by its file and line. */
static const struct hcb_workload *find(const struct hcb_scenario_workload *w,
                                       const char *path, struct hcb_err *err)
{
	struct hcb_err found = HCB_ERR_INIT;
	const struct hcb_workload *wl = hcb_workload_find(w->type, &found);
	if (!wl)
		hcb_err_usage(err, "%s:%d: [workload %s]: %.300s", path, w->line, w->name,
		              found.msg);
	return wl;
}

static int set_params(const struct hcb_workload *wl, void *conf,
                      const struct hcb_scenario_workload *w, const char *path,
                      struct hcb_err *err)
{
	char where[640];
	hcb_opt_defaults(wl->opts, conf);
	for (unsigned i = 0; i < w->n_params; i++) {
		snprintf(where, sizeof(where), "%s:%d: workload %s", path,
		         w->params[i].line, w->name);
		int r = hcb_opt_set_pair(wl->opts, conf, where, w->params[i].pair, err);
		if (r)
			return r;
	}
	return 0;
}

/* Tried out here, where their lines are known. */
static int try_params(const struct hcb_run_args *a, const struct hcb_scenario_workload *w,
                      struct hcb_err *err)
{
	void *conf = calloc(1, a->wl->conf_size);
	if (!conf)
		return hcb_err_sys(err, -ENOMEM, "read %s", a->scenario->path);
	int r = set_params(a->wl, conf, w, a->scenario->path, err);
	free(conf);
	return r;
}

/* The file's parameters go before the command line's, so that the latter win. */
static int take_params(struct hcb_run_args *a, struct hcb_scenario_workload *w,
                       struct hcb_err *err)
{
	if (a->n_sets + w->n_params > HCB_MAX_SETS)
		return hcb_err_usage(err, "%s: more than %d parameters",
		                     a->scenario->path, HCB_MAX_SETS);
	memmove(a->sets + w->n_params, a->sets, a->n_sets * sizeof(a->sets[0]));
	for (unsigned i = 0; i < w->n_params; i++)
		a->sets[i] = w->params[i].pair;
	a->n_sets += w->n_params;
	return 0;
}

static int take_workload(struct hcb_run_args *a, struct hcb_scenario_workload *w,
                         struct hcb_err *err)
{
	a->wl = find(w, a->scenario->path, err);
	int r = a->wl ? try_params(a, w, err) : -EINVAL;
	r = r ? r : take_params(a, w, err);
	for (unsigned i = 0; !r && i < w->n_ons; i++) {
		if (bound(a, w->ons[i].volume))
			continue;
		if (a->n_on == 2 * HCB_MAX_VOLUMES)
			return hcb_err_usage(err, "%s: more than %u bindings",
			                     a->scenario->path, a->n_on);
		bind(&w->ons[i], &a->on[a->n_on++]);
	}
	return r;
}

/* --- several -------------------------------------------------------------------------
 */

/* "--set db.rate=40/s" -> "rate=40/s" if the part is db; NULL if it is another's. */
static const char *own_set(const char *set, const char *part)
{
	size_t n = strlen(part);
	return strncmp(set, part, n) == 0 && set[n] == '.' ? set + n + 1 : NULL;
}

static int set_parts(const struct hcb_run_args *a, struct hcb_mix_part *part,
                     struct hcb_err *err)
{
	char where[64];
	int r = 0;
	snprintf(where, sizeof(where), "workload %s", part->name);
	for (unsigned i = 0; !r && i < a->n_sets; i++) {
		const char *pair = own_set(a->sets[i], part->name);
		r = pair ? hcb_opt_set_pair(part->wl->opts, part->conf, where, pair, err)
		         : 0;
	}
	return r;
}

/* Whose a parameter is has to be said. */
static int check_sets(const struct hcb_run_args *a, struct hcb_err *err)
{
	const struct hcb_scenario *s = a->scenario;
	for (unsigned i = 0; i < a->n_sets; i++) {
		bool found = false;
		for (unsigned k = 0; k < s->n_workloads; k++)
			found |= own_set(a->sets[i], s->workloads[k].name) != NULL;
		if (!found)
			return hcb_err_usage(err,
			                     "%s: has %u workloads: --set %s does not "
			                     "say whose; e.g. --set %s.%s",
			                     s->path, s->n_workloads, a->sets[i],
			                     s->workloads[0].name, a->sets[i]);
	}
	return 0;
}

static int configure_part(const struct hcb_run_args *a, struct hcb_mix_part *part,
                          const struct hcb_scenario_workload *w, struct hcb_err *err)
{
	memcpy(part->name, w->name, sizeof(part->name));
	part->wl = find(w, a->scenario->path, err);
	if (!part->wl)
		return -EINVAL;
	part->conf = calloc(1, part->wl->conf_size);
	if (!part->conf)
		return hcb_err_sys(err, -ENOMEM, "workload %s", w->name);
	int r = set_params(part->wl, part->conf, w, a->scenario->path, err);
	return r ? r : set_parts(a, part, err);
}

static int take_mix(struct hcb_run_args *a, struct hcb_err *err)
{
	const struct hcb_scenario *s = a->scenario;
	if (a->n_on)
		return hcb_err_usage(err,
		                     "%s: has %u workloads: --on would not say whose; "
		                     "write it into the file",
		                     s->path, s->n_workloads);
	int r = check_sets(a, err);
	if (r)
		return r;
	a->mix = calloc(1, sizeof(*a->mix));
	if (!a->mix)
		return hcb_err_sys(err, -ENOMEM, "read %s", s->path);
	for (unsigned i = 0; !r && i < s->n_workloads; i++) {
		a->mix->n_parts++;
		r = configure_part(a, &a->mix->part[i], &s->workloads[i], err);
	}
	r = r ? r : hcb_mix_make(a->mix, err);
	for (unsigned i = 0; !r && i < s->n_workloads; i++) {
		const struct hcb_scenario_workload *w = &s->workloads[i];
		struct hcb_binding on[HCB_MAX_SCENARIO_ONS];
		for (unsigned k = 0; k < w->n_ons; k++)
			bind(&w->ons[k], &on[k]);
		r = hcb_mix_bind(a->mix, i, on, w->n_ons, a->on, &a->n_on, err);
	}
	a->wl = &a->mix->wl;
	return r;
}

/* --- the rest of the file -------------------------------------------------------------
 */

static void take_settings(struct hcb_run_args *a)
{
	const struct hcb_scenario *s = a->scenario;
	if (s->duration_ns && !a->run.duration_ns)
		a->run.duration_ns = s->duration_ns;
	if (s->warmup_said && !a->warmup_said) {
		a->run.warmup_auto = s->warmup_auto;
		a->run.warmup_ns = s->warmup_ns;
	}
	if (s->seed_said && !a->seed_said)
		a->run.seed = s->seed;
	if (s->clock != HCB_CLOCK_UNSAID && a->clock == HCB_CHOOSE_AUTO)
		a->clock =
		        s->clock == HCB_CLOCK_REAL ? HCB_CHOOSE_REAL : HCB_CHOOSE_VIRTUAL;
	if (s->cluster[0] && !a->lab)
		a->lab = s->cluster;
}

int hcb_run_take_scenario(struct hcb_run_args *a, const char *path, struct hcb_err *err)
{
	a->scenario = calloc(1, sizeof(*a->scenario));
	if (!a->scenario)
		return hcb_err_sys(err, -ENOMEM, "read %s", path);
	int r = hcb_scenario_read(path, a->scenario, err);
	if (r)
		return r;
	struct hcb_scenario *s = a->scenario;
	if (a->n_faults + s->n_faults > HCB_MAX_FAULTS)
		return hcb_err_usage(err, "%s: with --fault more than %d faults", path,
		                     HCB_MAX_FAULTS);
	for (unsigned i = 0; i < s->n_faults; i++)
		a->faults[a->n_faults++] = s->faults[i];
	if (!a->repeat)
		a->repeat = s->repeat;
	take_settings(a);
	if (s->n_workloads == 1)
		return take_workload(a, &s->workloads[0], err);
	return take_mix(a, err);
}
