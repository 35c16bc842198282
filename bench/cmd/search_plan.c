/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a search is to try: lengths of its trials, its loads, and how long it will take.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/search_parts.h"
#include "bench/core/units.h"

#define NO_CYCLES (60 * HCB_SEC) /* run's own where nothing else is said */

/* Warm-up to a cycle's edge and whole cycles, or by the clock: as run does it. */
static void take_lengths(struct search *s, double *trial_s, double *long_s)
{
	const struct hcb_run *run = &s->args.run;
	struct hcb_cycles c = s->args.wl->cycles(run->conf);
	uint64_t asked = run->duration_ns, warm = run->warmup_ns, length = c.length_ns;
	if (length && (!asked || asked >= length)) {
		s->measured_ns =
		        asked ? (asked + length / 2) / length * length : c.count * length;
		warm = run->warmup_auto ? length : (warm + length - 1) / length * length;
	} else {
		s->measured_ns = asked ? asked : NO_CYCLES;
		warm = run->warmup_auto ? s->measured_ns / 10 : warm;
	}
	s->long_ns = SEARCH_VERIFY * s->measured_ns;
	*trial_s = (double)(s->measured_ns + warm) / 1e9;
	if (run->warmup_auto && !(length && s->measured_ns >= length))
		warm = s->long_ns / 10;
	*long_s = (double)(s->long_ns + warm) / 1e9;
}

/* ---- the loads ---- */

static bool is_rate(const struct search *s)
{
	return s->load_opt->type == HCB_OPT_RATE;
}

void search_load_text(const struct search *s, double load, char *buf, size_t size)
{
	if (is_rate(s))
		snprintf(buf, size, "%.10g/s", load);
	else
		snprintf(buf, size, "%.0f", load);
}

static int parse_load(const struct search *s, const char *name, const char *text,
                      double *out, struct hcb_err *err)
{
	uint64_t n = 0;
	int r = is_rate(s) ? hcb_parse_rate(text, out) : hcb_parse_u64(text, &n);
	if (!is_rate(s))
		*out = (double)n;
	/* A bare number is a rate to the parser; of what a time must be said here. */
	if (is_rate(s) && !strchr(text, '/'))
		r = -EINVAL;
	if (r)
		return hcb_err_usage(err, "--%s %s: expected %s", name, text,
		                     is_rate(s) ? "a rate with its unit, such as 40/s"
		                                : "a whole number");
	const struct hcb_opt *o = s->load_opt;
	if (*out <= 0 || *out < o->min || (o->max > 0 && *out > o->max))
		return hcb_err_usage(err, "--%s %s: %s goes from %g to %g, and 0 is none",
		                     name, text, s->load, o->min, o->max);
	return 0;
}

/*
 * Headline transactions a second at which a trial has the samples that its figures need,
 * with what Poisson arrivals may fall short of their mean by (four standard deviations).
 */
static double least_rate(const struct search *s)
{
	double need = 1, seconds = (double)s->measured_ns / 1e9;
	for (unsigned i = 0; i < s->n_slos; i++)
		if (strcmp(s->slo[i].tx, s->headline) == 0)
			need = fmax(need, (double)s->slo[i].need);
	double least = (need + 4 * sqrt(need)) / seconds;
	double unit = pow(10, floor(log10(least)) - 1);
	return ceil(least / unit) * unit;
}

/* Users that offer that much by the workload's own account; a closed loop offers nothing
   that could be known, nor is that of several workloads asked for here. */
static double least_count(const struct search *s)
{
	const struct hcb_workload *wl = s->args.wl;
	const struct hcb_opt *o = s->load_opt;
	double least = fmax(1, o->min), load = least;
	void *conf = s->args.mix ? NULL : malloc(wl->conf_size);
	if (!conf)
		return least;
	memcpy(conf, s->args.conf, wl->conf_size);
	for (; o->max <= 0 || load <= o->max; load = ceil(load * HCB_SEARCH_STEP)) {
		char text[40];
		search_load_text(s, load, text, sizeof(text));
		if (hcb_opt_set(wl->opts, conf, "", o->name, text, NULL))
			break;
		double offered = wl->offered_per_s(conf);
		if (offered <= 0 || offered >= least_rate(s)) {
			least = offered > 0 ? load : least;
			break;
		}
	}
	free(conf);
	return least;
}

static int take_range(struct search *s, struct hcb_search_conf *c, struct hcb_err *err)
{
	double least = is_rate(s) ? least_rate(s) : least_count(s);
	c->from = least;
	c->to = s->load_opt->max > 0 ? s->load_opt->max : 1e6;
	int r = s->from_text ? parse_load(s, "from", s->from_text, &c->from, err) : 0;
	if (!r && s->to_text)
		r = parse_load(s, "to", s->to_text, &c->to, err);
	if (r)
		return r;
	if (is_rate(s) && c->from < least && s->from_text)
		return hcb_err_usage(err,
		                     "--from %s: in %.6g s too few commits for these "
		                     "figures: from %.3g/s on, or longer trials",
		                     s->from_text, (double)s->measured_ns / 1e9, least);
	if (c->to < c->from)
		return hcb_err_usage(err,
		                     "search: from %g to %g: expected the least "
		                     "first",
		                     c->from, c->to);
	return 0;
}

/* ---- together ---- */

unsigned search_goals(const struct search *s)
{
	return s->n_slos > 1 ? 1 + s->n_slos : 1;
}

int search_set_up(struct search *s, struct hcb_err *err)
{
	struct hcb_search_conf c = {.whole = !is_rate(s), .n_goals = search_goals(s)};
	c.wanted = s->each ? (1u << c.n_goals) - 1 : 1;
	take_lengths(s, &c.trial_s, &c.verify_s);
	int r = take_range(s, &c, err);
	c.cost_per_s = s->args.run.virtual_clock ? 1 : s->dilation;
	if (!s->budget_said)
		s->budget_ns = s->args.run.virtual_clock ? 0 : SEARCH_BUDGET;
	c.budget_s = (double)s->budget_ns / 1e9;
	if (!s->limit_ns)
		s->limit_ns = 3600 * HCB_SEC + (uint64_t)(4e9 * c.verify_s * s->dilation);
	return r ? r : hcb_search_init(&s->state, &c, err);
}

/* ---- the plan ---- */

static void span(double seconds, char *buf, size_t size)
{
	if (seconds < 120)
		snprintf(buf, size, "%.0f s", seconds);
	else if (seconds < 7200)
		snprintf(buf, size, "%.0f min", seconds / 60);
	else
		snprintf(buf, size, "%.1f h", seconds / 3600);
}

void search_say_plan(const struct search *s)
{
	const struct hcb_search_conf *c = &s->state.conf;
	unsigned least, likely, left = s->state.n_trials;
	char from[40], to[40], one[32], last[32], a[32], b[32];
	hcb_search_plan(&s->state, &least, &likely);
	search_load_text(s, c->from, from, sizeof(from));
	search_load_text(s, c->to, to, sizeof(to));
	double cost = c->cost_per_s, longer = c->verify_s - c->trial_s;
	span(c->trial_s * cost, one, sizeof(one));
	span(c->verify_s * cost, last, sizeof(last));
	span((least * c->trial_s + longer) * cost, a, sizeof(a));
	span((likely * c->trial_s + longer) * cost, b, sizeof(b));
	hcb_say("plan: %s from %s to %s in steps of 5 %%; a trial takes %s, of which "
	        "%.6g s are measured%s",
	        s->load, from, to, one, (double)s->measured_ns / 1e9,
	        s->args.run.virtual_clock ? " (virtual time)"
	        : s->dilation > 1         ? " (lab time)"
	                                  : "");
	hcb_say("plan: %u to %u trials, the last of %s: %s to %s%s", least, likely, last,
	        a, b, left ? ", those of before included" : "");
	if (c->budget_s > 0 && (likely * c->trial_s + longer) * cost > c->budget_s) {
		span(c->budget_s, a, sizeof(a));
		hcb_warn("that may be above the budget of %s: shorter trials (cycles), "
		         "a narrower --from and --to, or --budget; --resume goes on",
		         a);
	}
}
