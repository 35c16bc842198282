/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the searches found, as evidence; the decision; the document. */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "bench/cmd/size_parts.h"
#include "bench/result.h"
#include "bench/search.h"
#include "bench/space.h"

static const char *const kind_names[] = {
        [HCB_LAYOUT_SHARED] = "shared",
        [HCB_LAYOUT_TUNED] = "tuned",
        [HCB_LAYOUT_SPLIT] = "split",
        [HCB_LAYOUT_NONE] = "none",
};

/* ---- evidence ---- */

/* Goal 0 is all objectives together. */
static const json_t *goal_of(const struct size_layout *l)
{
	return json_array_get(json_object_get(l->search, "goals"), 0);
}

static double bound(const json_t *goal, const char *key)
{
	const json_t *v = json_object_get(goal, key);
	return json_is_number(v) ? json_number_value(v) : NAN;
}

static struct hcb_capacity capacity_of(const struct size_layout *l)
{
	const json_t *g = goal_of(l);
	return hcb_capacity_of(
	        bound(g, "lower"), json_is_true(json_object_get(g, "lower_believed")),
	        bound(g, "upper"), json_is_true(json_object_get(g, "upper_believed")));
}

static void weigh(struct size *s, unsigned i)
{
	const struct size_layout *l = &s->layout[i];
	struct hcb_layout_evidence *e = &s->evidence[i];
	e->name = l->plan->name;
	e->kind = l->kind;
	e->n_states = l->search ? 1 : 0;
	if (l->search)
		e->capacity[0] = capacity_of(l);
	e->space_known = l->space_known;
	e->space_ratio = l->space_ratio;
	e->disks_more = l->disks_more;
	e->gives_up = l->gives_up;
}

int size_decide(struct size *s, struct hcb_err *err)
{
	const struct hcb_demand demand = {s->plan->load, s->plan->sigma};
	for (unsigned i = 0; i < s->n; i++) {
		if (!s->decided)
			s->evidence[i].p99_ratio_lo = NAN;
		weigh(s, i);
	}
	s->decided = true;
	int r = hcb_decide(s->evidence, s->n, &demand, &s->decision);
	return r ? hcb_err_set(err, r, "size: what was measured is no capacity") : 0;
}

/* ---- the rule behind it, in words ---- */

static const char *rule(const struct size *s)
{
	static const char *const rules[] = {
	        [HCB_SIZE_INCONCLUSIVE] = "of no layout that is needed for an answer "
	                                  "does the whole interval "
	                                  "of P_ok lie on one side of 0.9: more or "
	                                  "longer trials would tell, "
	                                  "or a demand that is better known",
	        [HCB_SIZE_KEEP_SHARED] = "the shared layout's whole interval of P_ok is "
	                                 "at or above 0.9, and "
	                                 "no split that holds too is faster by 1.3 at "
	                                 "the demand, with 95 % "
	                                 "certainty",
	        [HCB_SIZE_OPTIONAL] =
	                "the shared layout's whole interval of P_ok is at or above 0.9; "
	                "the "
	                "split's p99 at the demand is lower by 1.3 at least, with 95 % "
	                "certainty",
	        [HCB_SIZE_TUNE] = "the shared layout's whole interval of P_ok is below "
	                          "0.9, that with "
	                          "the setting is at or above it; a setting comes before "
	                          "a split, the "
	                          "one that gives up least first",
	        [HCB_SIZE_SPLIT] =
	                "the shared layout's whole interval of P_ok is below 0.9, and no "
	                "setting that was tried is sure to make it hold; the split's is "
	                "at or above it, and of those it gives up least, then takes the "
	                "fewest disks more",
	        [HCB_SIZE_NEITHER] =
	                "the whole interval of P_ok of every layout is below 0.9",
	};
	const struct hcb_decision *d = &s->decision;
	bool split = false;
	for (unsigned i = 0; i < s->n; i++)
		split |= s->layout[i].kind == HCB_LAYOUT_SPLIT;
	if (d->verdict == HCB_SIZE_KEEP_SHARED &&
	    hcb_decide_not_compared(s->evidence, s->n, d) < s->n)
		return "the shared layout's whole interval of P_ok is at or above 0.9; "
		       "whether a split that holds too would be faster was not compared";
	if (d->verdict == HCB_SIZE_INCONCLUSIVE && !split &&
	    d->p_ok[d->shared].hi < HCB_DECIDE_P_OK)
		return "the shared layout's whole interval of P_ok is below 0.9, no "
		       "setting is sure to make it hold, and no split is among the "
		       "layouts";
	return rules[d->verdict];
}

/* ---- the document ---- */

static json_t *real(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *p_ok_json(const struct hcb_p_ok *p)
{
	return json_pack("{sfsfsf}", "lo", p->lo, "mid", p->mid, "hi", p->hi);
}

static json_t *disks_json(const struct size_disks *d)
{
	json_t *a = json_array();
	for (unsigned i = 0; i < d->n; i++)
		json_array_append_new(a, json_string(d->id[i]));
	return a;
}

static json_t *space_json(const struct size_layout *l)
{
	json_t *classes = json_array();
	for (unsigned k = 0; k < l->n_classes; k++) {
		const struct size_class *c = &l->classes[k];
		json_array_append_new(
		        classes,
		        json_pack("{sssisisisfsfsfsfsfsb}", "class", c->name, "osds",
		                  (int)c->osds, "hosts", (int)c->hosts, "copies",
		                  (int)c->copies, "raw_bytes", c->raw_bytes,
		                  "usable_bytes", c->usable_bytes, "need_bytes",
		                  c->need_bytes, "left_bytes", c->left_bytes,
		                  "stored_bytes", c->stored_bytes, "used", (int)c->used));
	}
	return json_pack("{sbsoso}", "known", (int)l->space_known, "ratio",
	                 l->space_known ? real(l->space_ratio) : json_null(), "classes",
	                 classes);
}

static json_t *capacity_json(const struct size_layout *l)
{
	const json_t *g = goal_of(l);
	struct hcb_capacity c = capacity_of(l);
	/* Ended here, not by the search: note_invalid. */
	const char *end = l->invalid_row >= HCB_SEARCH_INVALID
	                          ? hcb_search_end_text(HCB_SEARCH_UNFIT)
	                          : json_string_value(json_object_get(g, "end"));
	if (!l->search)
		return json_null();
	return json_pack(
	        "{sosososOsssi}", "lower", c.lower > 0 ? real(c.lower) : json_null(),
	        "upper", real(c.upper), "width",
	        c.lower > 0 ? real(c.upper / c.lower - 1) : json_null(), "regular",
	        json_object_get(g, "regular"), "end", end ? end : "", "trials",
	        (int)json_array_size(json_object_get(l->search, "trials")));
}

/* Of geometric middles, with the interval of both ends; null where an end is missing. */
static json_t *ratio_json(const struct size_layout *of, const struct size_layout *to)
{
	struct hcb_capacity a = capacity_of(of), b = capacity_of(to);
	bool whole = of->search && to->search && a.lower > 0 && b.lower > 0 &&
	             isfinite(a.upper) && isfinite(b.upper);
	if (!whole)
		return json_null();
	return json_pack("{sfsfsf}", "lo", a.lower / b.upper, "mid",
	                 sqrt(a.lower * a.upper / (b.lower * b.upper)), "hi",
	                 a.upper / b.lower);
}

static json_t *targets_json(const struct size *s, const struct size_layout *l)
{
	json_t *a = json_array();
	char name[80];
	for (unsigned i = 0; i < l->plan->n_ons; i++) {
		const struct hcb_plan_on *on = &l->plan->ons[i];
		snprintf(name, sizeof(name), "%s.%s",
		         s->plan->workloads[on->workload].name, on->volume);
		json_array_append_new(
		        a, json_pack("{ssss}", "volume", name, "target", on->target));
	}
	return a;
}

static json_t *layout_json(const struct size *s, unsigned i)
{
	const struct size_layout *l = &s->layout[i];
	const struct size_layout *shared = &s->layout[s->plan->shared];
	const struct hcb_decision *d = &s->decision;
	const struct hcb_demand demand = {s->plan->load, s->plan->sigma};
	double lo, hi;
	hcb_layout_flip(&s->evidence[i], &demand, &lo, &hi);
	const json_t *search = json_object_get(l->search, "search");
	const json_t *command = json_object_get(search, "command");
	return json_pack(
	        "{ss ss ss ss ss so so so so so so so so si si so si ss so so}", "name",
	        l->plan->name, "kind", kind_names[l->kind], "why_none", l->why_none,
	        "lab", l->plan->lab, "note", l->plan->note, "capacity", capacity_json(l),
	        "gain", l == shared ? json_null() : ratio_json(l, shared), "p_ok",
	        p_ok_json(&d->p_ok[i]), "flip_lo", real(lo), "flip_hi", real(hi),
	        "main_disks", disks_json(&l->main), "other_disks", disks_json(&l->other),
	        "space", space_json(l), "disks", (int)l->n_disks, "disks_more",
	        (int)l->disks_more, "p99_ratio_lo", real(s->evidence[i].p99_ratio_lo),
	        "gives_up_rank", (int)l->gives_up, "gives_up", l->gives_up_text,
	        "search_command",
	        command ? json_incref((json_t *)(uintptr_t)command) : json_null(),
	        "targets", targets_json(s, l));
}

/* What a split costs beside its disks. Only where it is so. */
static json_t *price_json(const struct size *s)
{
	json_t *a = json_array();
	char text[400];
	for (unsigned i = 0; i < s->n; i++) {
		const struct size_layout *l = &s->layout[i];
		if (l->kind != HCB_LAYOUT_SPLIT)
			continue;
		for (unsigned k = 0; k < l->n_classes; k++) {
			const struct size_class *c = &l->classes[k];
			if (!c->main || c->osds != c->hosts || c->hosts != c->copies)
				continue;
			snprintf(text, sizeof(text),
			         "%s: class %s has one OSD on each of %u hosts: one that "
			         "is dead cannot be rebuilt until it is replaced; size "
			         "%u keeps serving without it",
			         l->plan->name, c->name, c->hosts, c->copies);
			json_array_append_new(a, json_string(text));
		}
	}
	return a;
}

/* The verdict as the demand moves. */
static json_t *sensitivity_json(const struct size *s)
{
	static const double factors[] = {0.25, 0.5, 0.75, 1, 1.5, 2, 4};
	json_t *a = json_array();
	for (size_t k = 0; k < sizeof(factors) / sizeof(factors[0]); k++) {
		const struct hcb_demand demand = {s->plan->load * factors[k],
		                                  s->plan->sigma};
		struct hcb_layout_evidence e[HCB_PLAN_LAYOUTS];
		struct hcb_decision d;
		memcpy(e, s->evidence, sizeof(e));
		/* What was measured at the demand says nothing of another. */
		for (unsigned i = 0; i < s->n && k != 3; i++)
			e[i].p99_ratio_lo = NAN;
		if (hcb_decide(e, s->n, &demand, &d))
			continue;
		json_array_append_new(
		        a, json_pack("{sfsssssosf}", "demand", demand.load, "verdict",
		                     hcb_size_verdict_name(d.verdict), "layout",
		                     e[d.chosen].name, "p_ok_shared",
		                     p_ok_json(&d.p_ok[d.shared]), "factor", factors[k]));
	}
	return a;
}

static json_t *question_json(const struct size *s)
{
	const struct hcb_size_plan *p = s->plan;
	json_t *slos = json_array(), *wls = json_array();
	for (unsigned i = 0; i < p->n_slos; i++)
		json_array_append_new(slos, json_string(p->slos[i].text));
	for (unsigned w = 0; w < p->n_workloads; w++)
		json_array_append_new(wls, json_pack("{sssssI}", "name",
		                                     p->workloads[w].name, "type",
		                                     p->workloads[w].type, "need_bytes",
		                                     (json_int_t)p->workload_need[w]));
	return json_pack("{sssssfsfsososssIsI}", "plan", p->path, "load", p->load_key,
	                 "demand", p->load, "sigma", p->sigma, "slos", slos, "workloads",
	                 wls, "state", "healthy", "need_bytes", (json_int_t)p->need_bytes,
	                 "seed", (json_int_t)p->seed);
}

json_t *size_document(const struct size *s, bool partial)
{
	const struct hcb_decision *d = &s->decision;
	json_t *doc = hcb_json_document("size", partial), *layouts = json_array();
	for (unsigned i = 0; i < s->n; i++)
		json_array_append_new(layouts, layout_json(s, i));
	json_object_set_new(doc, "size", question_json(s));
	json_object_set_new(
	        doc, "decision",
	        json_pack("{sssssssososfsf}", "verdict",
	                  s->decided ? hcb_size_verdict_name(d->verdict)
	                             : hcb_size_verdict_name(HCB_SIZE_INCONCLUSIVE),
	                  "layout", s->layout[d->chosen].plan->name, "rule", rule(s),
	                  "flip_lo", real(d->flip_lo), "flip_hi", real(d->flip_hi),
	                  "p_ok_needed", HCB_DECIDE_P_OK, "ratio_needed",
	                  HCB_DECIDE_RATIO));
	json_object_set_new(
	        doc, "interference",
	        s->has_alone
	                ? json_pack("{soso}", "alone", capacity_json(&s->alone), "factor",
	                            ratio_json(&s->alone, &s->layout[s->plan->shared]))
	                : json_null());
	json_object_set_new(doc, "layouts", layouts);
	json_object_set_new(doc, "price", price_json(s));
	json_object_set_new(doc, "sensitivity", sensitivity_json(s));
	json_object_set_new(doc, "nearfull", json_real(HCB_SPACE_NEARFULL));
	return doc;
}
