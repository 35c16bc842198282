/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scenario files, plans of "size", and faults as the command line takes them. */
#include "tests/fuzz/fuzz.h"

#include "bench/core/ini.h"
#include "bench/core/scenario.h"
#include "bench/core/size_plan.h"

static void promise_workload(const struct hcb_scenario_workload *w)
{
	PROMISE(hcb_ini_is_name(w->name) && hcb_ini_is_name(w->type));
	PROMISE(w->n_ons >= 1 && w->n_ons <= HCB_MAX_SCENARIO_ONS);
	PROMISE(w->n_params <= HCB_MAX_SCENARIO_PARAMS);
	for (unsigned i = 0; i < w->n_ons; i++)
		PROMISE(hcb_ini_is_name(w->ons[i].volume) &&
		        strchr(w->ons[i].target, ':'));
	for (unsigned i = 0; i < w->n_params; i++)
		PROMISE(strchr(w->params[i].pair, '=') && w->params[i].line > 0);
}

static void promise_scenario(const struct hcb_scenario *s)
{
	PROMISE(s->n_workloads >= 1 && s->n_workloads <= HCB_MAX_SCENARIO_WORKLOADS);
	for (unsigned i = 0; i < s->n_workloads; i++)
		promise_workload(&s->workloads[i]);
	PROMISE(s->n_faults <= HCB_MAX_FAULTS);
	for (unsigned i = 0; i < s->n_faults; i++) {
		PROMISE(hcb_ini_is_name(s->faults[i].verb));
		PROMISE(i == 0 || s->faults[i - 1].at_ns <= s->faults[i].at_ns);
		PROMISE(!s->duration_ns || s->faults[i].at_ns < s->duration_ns);
	}
	PROMISE(!s->duration_ns || s->warmup_ns < s->duration_ns);
}

static void promise_plan(const struct hcb_size_plan *p)
{
	PROMISE(p->n_workloads >= 1 && p->n_workloads <= HCB_PLAN_WORKLOADS);
	PROMISE(p->n_layouts >= 1 && p->n_layouts <= HCB_PLAN_LAYOUTS);
	PROMISE(p->main < p->n_workloads && p->shared < p->n_layouts);
	PROMISE(p->load > 0 && p->n_slos >= 1);
	for (unsigned i = 0; i < p->n_layouts; i++) {
		const struct hcb_plan_layout *l = &p->layouts[i];
		PROMISE(hcb_ini_is_name(l->name) && l->n_ons >= 1);
		PROMISE((l->kind == HCB_PLAN_SHARED) == (i == p->shared));
		for (unsigned k = 0; k < l->n_ons; k++)
			PROMISE(l->ons[k].workload < p->n_workloads &&
			        strchr(l->ons[k].target, ':') && *l->ons[k].volume);
		for (unsigned k = 0; k < l->n_sets; k++)
			PROMISE(l->sets[k].workload < p->n_workloads &&
			        strchr(l->sets[k].pair, '='));
	}
}

static void plan_of(const char *text)
{
	static struct hcb_size_plan p;
	struct hcb_err err = HCB_ERR_INIT;
	int r = hcb_size_plan_read_string(text, "fuzz.ini", &p, &err);
	if (r)
		promise_refusal(r, &err);
	else
		promise_plan(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hcb_scenario s;
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_fault f;
	char *text = fuzz_text(data, size);
	int r = hcb_scenario_read_string(text, "fuzz.ini", &s, &err);
	if (r)
		promise_refusal(r, &err);
	else
		promise_scenario(&s);
	plan_of(text);
	text[strcspn(text, "\n")] = '\0';
	r = hcb_fault_parse(text, &f, &err);
	if (r)
		promise_refusal(r, &err);
	else
		PROMISE(hcb_ini_is_name(f.verb));
	free(text);
	return 0;
}
