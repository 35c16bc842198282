/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/search.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "bench/search_curve.h"

#define NONE (-1)

/* Two steps of 5 %, and what rounding to three digits may add. */
#define NEAR 1.11

enum lean { UNTRIED, GOOD, BAD, TIE, BETWEEN };

/* ---- a load ---- */

enum hcb_search_class hcb_search_classify(unsigned good, unsigned bad)
{
	unsigned seen = good + bad;
	unsigned whole = seen > HCB_SEARCH_SUM ? seen : HCB_SEARCH_SUM;
	unsigned missing = whole - seen;
	if (bad > HCB_SEARCH_EXCEED * whole)
		return HCB_SEARCH_UPPER;
	if (bad + missing <= HCB_SEARCH_EXCEED * whole)
		return HCB_SEARCH_LOWER;
	return HCB_SEARCH_UNDECIDED;
}

/* Beta(bad + 1, good + 1) below one half: a binomial tail, exact in doubles. */
double hcb_search_belief(unsigned good, unsigned bad)
{
	unsigned n = good + bad + 1;
	double term = ldexp(1, -(int)n), sum = 0;
	for (unsigned k = 0; k <= n; k++) {
		if (k > bad)
			sum += term;
		term = term * (n - k) / (k + 1);
	}
	return sum;
}

static bool believed(const struct hcb_search_count *c)
{
	double p = hcb_search_belief(c->good, c->bad);
	return hcb_search_classify(c->good, c->bad) != HCB_SEARCH_UNDECIDED &&
	       (p >= HCB_SEARCH_BELIEF || p <= 1 - HCB_SEARCH_BELIEF);
}

static enum lean lean_of(const struct hcb_search_count *c)
{
	enum hcb_search_class k = hcb_search_classify(c->good, c->bad);
	if (!c->good && !c->bad)
		return UNTRIED;
	bool bad =
	        k == HCB_SEARCH_UPPER || (k == HCB_SEARCH_UNDECIDED && c->bad > c->good);
	if (!bad && c->long_bad)
		return BETWEEN;
	if (k == HCB_SEARCH_UNDECIDED && c->good == c->bad)
		return TIE;
	return bad ? BAD : GOOD;
}

/* ---- the bounds of a goal ---- */

/* Indices of loads, NONE if there is none. */
struct view {
	bool coarse;   /* trials contradict each other: the bounds are the fit's */
	double spread; /* the fit's */
	int upper;     /* smallest that leans bad: the relevant upper bound */
	int tie;       /* smallest below it that leans nowhere */
	int between;   /* smallest below it that did not hold in a long trial */
	int lower;     /* largest good below these two: the relevant lower bound */
	int inner;     /* coarse: the same, whatever long trials showed */
	int most;      /* largest tried */
};

static void look_at_leans(const struct hcb_search *s, unsigned goal, struct view *v)
{
	for (int i = 0; i < (int)s->n_loads && v->upper == NONE; i++) {
		enum lean l = lean_of(&s->count[goal][i]);
		if (l == BAD)
			v->upper = i;
		else if (l == TIE && v->tie == NONE)
			v->tie = i;
		else if (l == BETWEEN && v->between == NONE)
			v->between = i;
		else if (l == GOOD && v->between == NONE)
			v->lower = i;
	}
}

/* The loads next to the fit's interval, outwards. */
static void look_at_fit(const struct hcb_search *s, unsigned goal, struct view *v)
{
	struct hcb_search_curve c;
	hcb_search_fit(s->load, s->count[goal], s->n_loads, HCB_SEARCH_TAIL, &c);
	v->spread = c.spread;
	for (int i = 0; i < (int)s->n_loads; i++) {
		if (s->count[goal][i].long_bad && v->between == NONE)
			v->between = i;
		if (s->load[i] <= c.lo)
			v->inner = i;
		if (s->load[i] <= c.lo && v->between == NONE)
			v->lower = i;
		if (s->load[i] >= c.hi && v->upper == NONE)
			v->upper = i;
	}
}

static void look(const struct hcb_search *s, unsigned goal, struct view *v)
{
	*v = (struct view){false, 0, NONE, NONE, NONE, NONE, NONE, NONE};
	for (int i = 0; i < (int)s->n_loads; i++)
		if (lean_of(&s->count[goal][i]) != UNTRIED)
			v->most = i;
	v->coarse =
	        hcb_search_contradictions(s->count[goal], s->n_loads) >= HCB_SEARCH_SPLIT;
	(v->coarse ? look_at_fit : look_at_leans)(s, goal, v);
}

/* ---- what is next for a goal ---- */

struct wish {
	int index; /* NONE: the goal is done */
	enum hcb_search_why why;
};

static const struct wish nothing = {NONE, HCB_SEARCH_BRACKET};

static int nearest_load(const struct hcb_search *s, double load)
{
	int best = 0;
	for (int i = 1; i < (int)s->n_loads; i++)
		if (fabs(log(s->load[i] / load)) < fabs(log(s->load[best] / load)))
			best = i;
	return best;
}

/* No upper bound yet: upwards, or the top is an end. */
static struct wish up(const struct hcb_search *s, const struct view *v)
{
	int top = (int)s->n_loads - 1;
	if (v->most == top)
		return nothing;
	int twice = nearest_load(s, 2 * s->load[v->most]);
	return (struct wish){twice > v->most ? twice : v->most + 1, HCB_SEARCH_BRACKET};
}

/* No lower bound: downwards from the lowest load that is not good. */
static struct wish down(const struct hcb_search *s, const struct view *v)
{
	int edge = v->between != NONE ? v->between : v->upper;
	if (edge == 0)
		return nothing;
	if (edge == v->between)
		return (struct wish){edge - 1, HCB_SEARCH_STEP_OUT};
	int half = nearest_load(s, s->load[edge] / 2);
	return (struct wish){half < edge ? half : edge - 1, HCB_SEARCH_BRACKET};
}

/* Two loads of which the one between them is worth a trial. */
static bool apart(const struct hcb_search *s, int low, int high)
{
	return low != NONE && high != NONE && high - low > 1 &&
	       s->load[high] > NEAR * s->load[low];
}

/*
 * Another trial at a load above the lower bound. Not right after a bad one: what that
 * left behind would be held against this load. One at the lower bound comes between,
 * where it can only make the interval wider.
 */
static struct wish again(const struct hcb_search *s, unsigned goal, const struct view *v,
                         int i)
{
	bool rest = v->lower != NONE && v->lower < i && s->last_bad >> goal & 1;
	return rest ? (struct wish){v->lower, HCB_SEARCH_REST}
	            : (struct wish){i, HCB_SEARCH_CONFIRM};
}

/* The ends drawn together, smaller first, then tried until they are believed. */
static struct wish inside(const struct hcb_search *s, unsigned goal, const struct view *v)
{
	const struct hcb_search_count *c = s->count[goal];
	if (v->between != NONE) {
		if (v->between - v->lower > 1 && v->lower != NONE)
			return (struct wish){(v->lower + v->between) / 2,
			                     HCB_SEARCH_MIDPOINT};
	} else if (apart(s, v->lower, v->upper)) {
		return (struct wish){(v->lower + v->upper) / 2, HCB_SEARCH_MIDPOINT};
	}
	if (v->lower != NONE && !believed(&c[v->lower]))
		return (struct wish){v->lower, HCB_SEARCH_CONFIRM};
	if (v->upper != NONE && !believed(&c[v->upper]))
		return again(s, goal, v, v->upper);
	return nothing;
}

/*
 * Of the fit's interval, long trials aside: no short one brings nearer what those moved.
 * Trials far from it were for other goals or for direction, and tell nothing of it.
 */
static bool enough(const struct hcb_search *s, unsigned goal, const struct view *v,
                   int lower, int upper)
{
	const struct hcb_search_count *c = s->count[goal];
	unsigned seen = 0;
	for (unsigned i = 0; i < s->n_loads; i++)
		if (s->load[i] * HCB_SEARCH_NEARBY >= s->load[lower] &&
		    s->load[i] <= s->load[upper] * HCB_SEARCH_NEARBY)
			seen += c[i].good + c[i].bad;
	double aim = 1 + v->spread / HCB_SEARCH_PER;
	return seen >= HCB_SEARCH_ENOUGH || upper - lower <= 1 ||
	       log(s->load[upper] / s->load[lower]) <= aim * log(NEAR);
}

/*
 * The ends of the fit's interval: a trial there tells nearly as much of the limit as one
 * at the limit, and of the spread. The upper one, but after a bad trial the load below
 * the lower, where what that left behind does little. Each has been tried in the end.
 */
static struct wish at_the_ends(const struct hcb_search *s, unsigned goal,
                               const struct view *v)
{
	const struct hcb_search_count *c = s->count[goal];
	int inner = v->inner == NONE ? 0 : v->inner;
	int lower = v->lower == NONE ? 0 : v->lower;
	int upper = v->upper == NONE ? (int)s->n_loads - 1 : v->upper;
	int rest = inner > 0 ? inner - 1 : 0;
	bool done = enough(s, goal, v, inner, upper);
	if (!done && s->last_bad >> goal & 1 && rest < upper)
		return (struct wish){rest, HCB_SEARCH_REST};
	if (done && lean_of(&c[lower]) == UNTRIED)
		return (struct wish){lower, HCB_SEARCH_CONFIRM};
	if (!done || lean_of(&c[upper]) == UNTRIED)
		return (struct wish){upper, HCB_SEARCH_CONFIRM};
	return nothing;
}

static struct wish by_leans(const struct hcb_search *s, unsigned goal,
                            const struct view *v)
{
	struct wish w = nothing;
	if (v->tie != NONE)
		return again(s, goal, v, v->tie);
	if (v->upper == NONE)
		w = up(s, v);
	if (w.index == NONE && v->lower == NONE)
		w = down(s, v);
	return w.index == NONE ? inside(s, goal, v) : w;
}

static struct wish goal_next(const struct hcb_search *s, unsigned goal)
{
	struct view v;
	look(s, goal, &v);
	if (v.most == NONE)
		return (struct wish){nearest_load(s, s->conf.start), HCB_SEARCH_BRACKET};
	struct wish w = (v.coarse ? at_the_ends : by_leans)(s, goal, &v);
	if (w.index == NONE && v.lower != NONE && s->conf.verify_s > 0 &&
	    !s->count[goal][v.lower].long_good)
		w = (struct wish){v.lower, HCB_SEARCH_VERIFY};
	return w;
}

/* ---- the search ---- */

static double three_digits(double x)
{
	double unit = pow(10, floor(log10(x)) - 2);
	return round(x / unit) * unit;
}

static double rounded(const struct hcb_search_conf *c, double x)
{
	return c->whole ? round(x) : three_digits(x);
}

static int make_grid(struct hcb_search *s, struct hcb_err *err)
{
	const struct hcb_search_conf *c = &s->conf;
	double x = c->from;
	for (;; x *= HCB_SEARCH_STEP) {
		/* the ends are as they were asked for */
		double load = s->n_loads ? rounded(c, x) : c->from;
		if (load >= c->to)
			load = c->to;
		if (s->n_loads && load <= s->load[s->n_loads - 1]) {
			if (load >= c->to)
				return 0;
			continue;
		}
		if (s->n_loads == HCB_SEARCH_MAX_LOADS)
			return hcb_err_usage(err,
			                     "search: from %g to %g is more than %d "
			                     "loads of 5 %%",
			                     c->from, c->to, HCB_SEARCH_MAX_LOADS);
		s->load[s->n_loads++] = load;
		if (load >= c->to)
			return 0;
	}
}

int hcb_search_init(struct hcb_search *s, const struct hcb_search_conf *conf,
                    struct hcb_err *err)
{
	memset(s, 0, sizeof(*s));
	s->conf = *conf;
	if (!(conf->from > 0) || !(conf->to >= conf->from) || !isfinite(conf->to))
		return hcb_err_usage(err, "search: from %g to %g: expected loads above 0",
		                     conf->from, conf->to);
	if (conf->whole && (floor(conf->from) < conf->from || floor(conf->to) < conf->to))
		return hcb_err_usage(err, "search: from %g to %g: expected whole numbers",
		                     conf->from, conf->to);
	if (!conf->n_goals || conf->n_goals > HCB_SEARCH_MAX_GOALS || !conf->wanted ||
	    conf->wanted >> conf->n_goals || !(conf->trial_s > 0))
		return hcb_err_usage(err, "search: nothing to search for");
	if (!(s->conf.start > 0))
		s->conf.start = conf->from;
	return make_grid(s, err);
}

static double price(const struct hcb_search *s, double length_s)
{
	return length_s * (s->tried_s > 0 ? s->spent_s / s->tried_s : s->conf.cost_per_s);
}

static bool ask(struct hcb_search *s, struct wish w)
{
	bool verify = w.why == HCB_SEARCH_VERIFY;
	double length_s = verify ? s->conf.verify_s : s->conf.trial_s;
	if (s->conf.budget_s > 0 && s->spent_s + price(s, length_s) > s->conf.budget_s) {
		s->end = HCB_SEARCH_BUDGET;
		return false;
	}
	s->asked = (struct hcb_search_ask){s->load[w.index], length_s, (unsigned)w.index,
	                                   verify, w.why};
	return true;
}

/* Of what the wanted goals wish the smallest load; the long trials last. */
static struct wish choose(const struct hcb_search *s)
{
	struct wish best = nothing;
	for (unsigned g = 0; g < s->conf.n_goals; g++) {
		if (!(s->conf.wanted >> g & 1))
			continue;
		struct wish w = goal_next(s, g);
		bool longer = w.why == HCB_SEARCH_VERIFY;
		bool best_longer = best.why == HCB_SEARCH_VERIFY;
		if (w.index == NONE)
			continue;
		if (best.index == NONE || longer < best_longer ||
		    (longer == best_longer && w.index < best.index))
			best = w;
	}
	return best;
}

enum hcb_search_step hcb_search_next(struct hcb_search *s, struct hcb_search_ask *out)
{
	if (s->end == HCB_SEARCH_GOES_ON && !s->waiting) {
		if (s->invalid_row >= HCB_SEARCH_INVALID)
			s->end = HCB_SEARCH_UNFIT;
		else if (s->n_trials >= HCB_SEARCH_MAX_TRIALS)
			s->end = HCB_SEARCH_TRIALS;
	}
	if (s->end == HCB_SEARCH_GOES_ON && !s->waiting) {
		struct wish w = choose(s);
		if (w.index == NONE)
			s->end = HCB_SEARCH_REGULAR;
		else
			s->waiting = ask(s, w);
		if (s->waiting && s->invalid_row)
			s->asked.why = HCB_SEARCH_REPEAT;
	}
	if (s->end != HCB_SEARCH_GOES_ON)
		return HCB_SEARCH_DONE;
	*out = s->asked;
	return HCB_SEARCH_TRIAL;
}

static void count(struct hcb_search_count *c, bool verify, bool bad)
{
	if (verify && bad)
		c->long_bad = 1;
	else if (verify)
		c->long_good = 1;
	else if (bad)
		c->bad++;
	else
		c->good++;
}

void hcb_search_observe(struct hcb_search *s, const struct hcb_search_seen *seen)
{
	if (!s->waiting)
		return;
	s->waiting = false;
	s->n_trials++;
	s->spent_s += seen->cost_s;
	s->tried_s += s->asked.length_s;
	s->invalid_row = seen->invalid ? s->invalid_row + 1 : 0;
	if (seen->invalid)
		return;
	s->n_counted++;
	s->last_bad = seen->bad;
	for (unsigned g = 0; g < s->conf.n_goals; g++)
		count(&s->count[g][s->asked.index], s->asked.verify, seen->bad >> g & 1);
}

/* ---- what came of it ---- */

static void bound(const struct hcb_search *s, unsigned goal, const struct view *v, int i,
                  struct hcb_search_bound *out)
{
	*out = (struct hcb_search_bound){0};
	if (i == NONE)
		return;
	const struct hcb_search_count *c = &s->count[goal][i];
	unsigned fit = 0;
	for (unsigned k = 0; v->coarse && k < s->n_loads; k++)
		fit += s->count[goal][k].good + s->count[goal][k].bad;
	*out = (struct hcb_search_bound){
	        true, fit || believed(c), s->load[i], c->good, c->bad, fit};
}

/* Of a goal whose trials are all done. */
static enum hcb_search_end ended(const struct hcb_search *s, const struct view *v)
{
	int top = (int)s->n_loads - 1;
	if (v->upper == NONE)
		return v->lower == top     ? HCB_SEARCH_GREATEST_PASSES
		       : v->between == top ? HCB_SEARCH_GREATEST_SHORT
		                           : HCB_SEARCH_NO_UPPER;
	if (v->lower == NONE)
		return v->upper == 0     ? HCB_SEARCH_LEAST_FAILS
		       : v->between == 0 ? HCB_SEARCH_LEAST_SHORT
		                         : HCB_SEARCH_NO_LOWER;
	/* Whole loads cannot be nearer than the next one, or the one behind it if that
	   did not hold in a long trial. */
	int next = v->lower + 1;
	bool wide = s->load[v->upper] > (1 + HCB_SEARCH_WIDE) * s->load[v->lower] &&
	            v->upper != next && !(v->between == next && v->upper == next + 1);
	return wide ? HCB_SEARCH_TOO_WIDE : HCB_SEARCH_REGULAR;
}

void hcb_search_result(const struct hcb_search *s, unsigned goal,
                       struct hcb_search_result *out)
{
	struct view v;
	look(s, goal, &v);
	memset(out, 0, sizeof(*out));
	bound(s, goal, &v, v.lower, &out->lower);
	bound(s, goal, &v, v.upper, &out->upper);
	out->verified = v.lower != NONE && s->count[goal][v.lower].long_good;
	if (goal_next(s, goal).index == NONE)
		out->end = ended(s, &v);
	else if (!(s->conf.wanted >> goal & 1))
		out->end = HCB_SEARCH_ASIDE;
	else
		out->end = s->end;
	out->regular = out->end == HCB_SEARCH_REGULAR;
}

const char *hcb_search_why_text(enum hcb_search_why why)
{
	static const char *const texts[] = {"bracket", "midpoint", "confirm", "step out",
	                                    "rest",    "verify",   "again"};
	return texts[why];
}

const char *hcb_search_end_text(enum hcb_search_end end)
{
	static const char *const texts[] = {
	        [HCB_SEARCH_GOES_ON] = "not done",
	        [HCB_SEARCH_REGULAR] = "regular",
	        [HCB_SEARCH_LEAST_FAILS] = "even the least load fails",
	        [HCB_SEARCH_GREATEST_PASSES] = "even the greatest load passes",
	        [HCB_SEARCH_TOO_WIDE] =
	                "trials are good and bad in turn over a wide range",
	        [HCB_SEARCH_LEAST_SHORT] = "the least load holds in short trials only",
	        [HCB_SEARCH_GREATEST_SHORT] =
	                "the greatest load holds in short trials only",
	        [HCB_SEARCH_NO_LOWER] = "the least load passes about as often as not",
	        [HCB_SEARCH_NO_UPPER] = "the greatest load passes about as often as not",
	        [HCB_SEARCH_BUDGET] = "the budget is spent",
	        [HCB_SEARCH_UNFIT] = "too many invalid trials in a row",
	        [HCB_SEARCH_TRIALS] = "too many trials",
	        [HCB_SEARCH_ASIDE] = "not searched for",
	};
	return texts[end];
}

/*
 * Doublings to the middle of the grid on a log scale, then halvings of a factor of two to
 * within 10 %, then two more trials at either end with one in between, and the long one.
 * Likely: as make accuracy finds, twice that.
 */
void hcb_search_plan(const struct hcb_search *s, unsigned *least, unsigned *likely)
{
	unsigned goals = 0;
	for (unsigned g = 0; g < s->conf.n_goals; g++)
		goals += s->conf.wanted >> g & 1;
	double octaves = log2(s->load[s->n_loads - 1] / s->load[0]);
	unsigned bracket = 2 + (octaves > 8 ? 4 : (unsigned)(octaves / 2));
	unsigned halvings = octaves < 1 ? 1 : 3;
	*least = bracket + goals * (halvings + 5 + (s->conf.verify_s > 0));
	*likely = 2 * *least;
}
