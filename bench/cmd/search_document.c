/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The document of a search, and a search taken up again from it. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "bench/cmd/search_parts.h"
#include "bench/result.h"

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static double num(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* ---- written ---- */

/* What makes it this search and no other: a resumed one must have the same. */
static json_t *search_json(const struct search *s)
{
	const struct hcb_search_conf *c = &s->state.conf;
	return json_pack("{sisssssssfsfsfsfsfsIsssfss}", "rule", HCB_SEARCH_RULE,
	                 "workload", s->args.wl->name, "scenario",
	                 s->args.scenario ? s->what : "", "load", s->load, "from",
	                 c->from, "to", c->to, "step", HCB_SEARCH_STEP, "trial_s",
	                 (double)s->measured_ns / 1e9, "long_trial_s",
	                 (double)s->long_ns / 1e9, "seed", (json_int_t)s->seed, "clock",
	                 s->args.run.virtual_clock ? "virtual" : "real", "dilation",
	                 s->dilation, "command", s->command);
}

static json_t *load_json(const struct hcb_search_bound *b)
{
	return b->known ? json_real(b->load) : json_null();
}

static json_t *goal_json(const struct search *s, unsigned goal)
{
	struct hcb_search_result r;
	hcb_search_result(&s->state, goal, &r);
	const char *name = goal             ? s->slo[goal - 1].name
	                   : s->n_slos == 1 ? s->slo[0].name
	                                    : "all";
	bool both = r.lower.known && r.upper.known;
	return json_pack("{sssbsbsssosososbsisisbsisisisb}", "name", name, "searched",
	                 (int)(s->state.conf.wanted >> goal & 1), "regular",
	                 (int)r.regular, "end", hcb_search_end_text(r.end), "lower",
	                 load_json(&r.lower), "upper", load_json(&r.upper), "width",
	                 both ? json_real(r.upper.load / r.lower.load - 1) : json_null(),
	                 "lower_believed", (int)r.lower.believed, "lower_good",
	                 (int)r.lower.good, "lower_bad", (int)r.lower.bad,
	                 "upper_believed", (int)r.upper.believed, "upper_good",
	                 (int)r.upper.good, "upper_bad", (int)r.upper.bad, "fit_trials",
	                 (int)(r.lower.known ? r.lower.fit : r.upper.fit), "verified",
	                 (int)r.verified);
}

json_t *search_document(const struct search *s)
{
	bool partial = s->state.end == HCB_SEARCH_GOES_ON;
	json_t *doc = hcb_json_document("search", partial), *goals = json_array();
	for (unsigned g = 0; g < search_goals(s); g++)
		json_array_append_new(goals, goal_json(s, g));
	json_object_set_new(doc, "search", search_json(s));
	json_object_set_new(doc, "objectives", hcb_slo_json(s->slo, s->n_slos));
	json_object_set_new(doc, "end", json_string(hcb_search_end_text(s->state.end)));
	json_object_set_new(doc, "spent",
	                    json_pack("{sisisfso}", "trials", (int)s->state.n_trials,
	                              "counted", (int)s->state.n_counted, "cost_s",
	                              s->state.spent_s, "budget_s",
	                              s->budget_ns ? json_real((double)s->budget_ns / 1e9)
	                                           : json_null()));
	json_object_set_new(doc, "goals", goals);
	json_object_set(doc, "trials", s->trials);
	json_object_set_new(doc, "targets",
	                    s->targets ? json_incref(s->targets) : json_array());
	json_object_set_new(doc, "facts",
	                    s->facts ? json_incref(s->facts) : json_object());
	return doc;
}

/* ---- read again ---- */

static int another(const struct search *s, const char *why, struct hcb_err *err)
{
	return hcb_err_usage(err, "resume %s: it is another search: %s", s->out, why);
}

/* NULL, or the first member that differs. 1000 is 1000.0: other tools write it so. */
static const char *differs(const json_t *old, json_t *own)
{
	const char *key;
	json_t *v;
	json_object_foreach(own, key, v)
	{
		const json_t *was = json_object_get(old, key);
		bool same =
		        json_is_number(v) && json_is_number(was)
		                ? fabs(json_number_value(v) - json_number_value(was)) <= 0
		                : json_equal(was, v);
		if (!same)
			return key;
	}
	return NULL;
}

static int same_search(const struct search *s, const json_t *doc, struct hcb_err *err)
{
	char why[400];
	int r = 0;
	if (strcmp(str(doc, "kind"), "search") != 0)
		return hcb_err_usage(err, "resume %s: it is no search's document",
		                     s->out);
	if (strcmp(str(doc, "hcbench"), HCB_VERSION) != 0)
		return another(s, "of another version of hcbench", err);
	const json_t *old = json_object_get(doc, "search");
	json_t *own = search_json(s), *slos = hcb_slo_json(s->slo, s->n_slos);
	const char *key = differs(old, own);
	if (key && strcmp(key, "rule") == 0) {
		r = another(s, "its trials were chosen by another rule", err);
	} else if (key && strcmp(key, "command") != 0) {
		snprintf(why, sizeof(why), "\"%s\" differs", key);
		r = another(s, why, err);
	} else if (!json_equal(json_object_get(doc, "objectives"), slos)) {
		r = another(s, "other objectives", err);
	} else if (key) {
		snprintf(why, sizeof(why), "%.380s", str(old, "command"));
		r = another(s, why, err);
	}
	json_decref(own);
	json_decref(slos);
	return r;
}

static void seen_again(const struct search *s, const json_t *trial,
                       struct hcb_search_seen *seen)
{
	const json_t *missed = json_object_get(trial, "missed");
	*seen = (struct hcb_search_seen){.cost_s = num(trial, "cost_s")};
	seen->invalid = strcmp(str(trial, "outcome"), "invalid") == 0;
	for (size_t i = 0; i < json_array_size(missed); i++) {
		const char *name = json_string_value(json_array_get(missed, i));
		seen->bad |= 1;
		for (unsigned k = 0; s->n_slos > 1 && name && k < s->n_slos; k++)
			if (strcmp(name, s->slo[k].name) == 0)
				seen->bad |= 2u << k;
	}
}

/* Each trial is fed to the machine anew, which asks for the same ones. */
static int replay(struct search *s, const json_t *trials, size_t n, struct hcb_err *err)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *trial = json_array_get(trials, i);
		struct hcb_search_ask ask;
		struct hcb_search_seen seen;
		if (hcb_search_next(&s->state, &ask) != HCB_SEARCH_TRIAL ||
		    fabs(ask.load - num(trial, "load")) > 1e-9 * ask.load ||
		    ask.verify != json_is_true(json_object_get(trial, "verify")))
			return hcb_err_set(err, -EINVAL,
			                   "resume %s: trial %zu is not what comes next "
			                   "there: the document is damaged",
			                   s->out, i + 1);
		seen_again(s, trial, &seen);
		hcb_search_observe(&s->state, &seen);
	}
	return 0;
}

int search_resume(struct search *s, struct hcb_err *err)
{
	json_error_t je;
	json_t *doc = json_load_file(s->out, 0, &je);
	if (!doc)
		return hcb_err_set(err, -EINVAL, "resume %s: %s", s->out, je.text);
	int r = same_search(s, doc, err);
	json_t *trials = json_object_get(doc, "trials");
	size_t n = json_array_size(trials);
	/* Invalid ones at its end have ended it, perhaps; the machine may be fit now. */
	while (n && strcmp(str(json_array_get(trials, n - 1), "outcome"), "invalid") == 0)
		n--;
	s->state.conf.budget_s = 0; /* what was paid for is there */
	r = r ? r : replay(s, trials, n, err);
	s->state.conf.budget_s = (double)s->budget_ns / 1e9;
	for (size_t i = 0; !r && i < n; i++)
		json_array_append(s->trials, json_array_get(trials, i));
	if (!r && n) {
		s->targets = json_incref(json_object_get(doc, "targets"));
		s->facts = json_incref(json_object_get(doc, "facts"));
	}
	json_decref(doc);
	return r;
}
