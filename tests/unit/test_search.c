/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The load search: its rule by hand, its moves on systems that do as they are told, and a
   seeded excerpt of `make accuracy`. */
#include "bench/search_curve.h"
#include "hcb_test.h"
#include "search_world.h"

#include <stdlib.h>
#include <string.h>

static struct hcb_search s; /* large: not for the stack */

static void start(double from, double to, unsigned goals, uint32_t wanted)
{
	const struct hcb_search_conf c = {.from = from,
	                                  .to = to,
	                                  .n_goals = goals,
	                                  .wanted = wanted,
	                                  .trial_s = 60,
	                                  .verify_s = 240,
	                                  .cost_per_s = 1};
	struct hcb_err err = HCB_ERR_INIT;
	assert_int_equal(hcb_search_init(&s, &c, &err), 0);
}

/* 1 to 64 of what there are no halves of, and nothing to be verified. */
static void start_whole(void)
{
	const struct hcb_search_conf c = {.from = 1,
	                                  .to = 64,
	                                  .whole = true,
	                                  .n_goals = 1,
	                                  .wanted = 1,
	                                  .trial_s = 60};
	struct hcb_err err = HCB_ERR_INIT;
	assert_int_equal(hcb_search_init(&s, &c, &err), 0);
}

static void see(bool bad)
{
	const struct hcb_search_seen seen = {.bad = bad, .cost_s = s.asked.length_s};
	hcb_search_observe(&s, &seen);
}

/* Each goal is missed above its limit, always. */
static unsigned run_steps(const double *limit, unsigned goals)
{
	struct hcb_search_ask ask;
	while (hcb_search_next(&s, &ask) == HCB_SEARCH_TRIAL) {
		struct hcb_search_seen seen = {.cost_s = ask.length_s};
		for (unsigned g = 0; g < goals; g++)
			seen.bad |= (uint32_t)(ask.load > limit[g]) << g;
		hcb_search_observe(&s, &seen);
	}
	return s.n_trials;
}

static struct hcb_search_result result(unsigned goal)
{
	struct hcb_search_result r;
	hcb_search_result(&s, goal, &r);
	return r;
}

static void test_rule_of_the_rfc_by_hand(void **state)
{
	/* good, bad: of five trials three agreeing decide; at one half it is no excess */
	static const struct {
		unsigned good, bad;
		enum hcb_search_class is;
	} rows[] = {{0, 0, HCB_SEARCH_UNDECIDED}, {2, 0, HCB_SEARCH_UNDECIDED},
	            {0, 2, HCB_SEARCH_UNDECIDED}, {2, 2, HCB_SEARCH_UNDECIDED},
	            {3, 0, HCB_SEARCH_LOWER},     {0, 3, HCB_SEARCH_UPPER},
	            {3, 2, HCB_SEARCH_LOWER},     {2, 3, HCB_SEARCH_UPPER},
	            {3, 3, HCB_SEARCH_LOWER},     {3, 4, HCB_SEARCH_UPPER}};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(hcb_search_classify(rows[i].good, rows[i].bad),
		                 rows[i].is);
}

static void test_belief_is_the_binomial_tail(void **state)
{
	(void)state;
	assert_close(hcb_search_belief(0, 0), 0.5, 1e-15);
	assert_close(hcb_search_belief(3, 0), 15.0 / 16, 1e-15);
	assert_close(hcb_search_belief(0, 3), 1.0 / 16, 1e-15);
	assert_close(hcb_search_belief(4, 1), 57.0 / 64, 1e-15);
	assert_close(hcb_search_belief(5, 1), 120.0 / 128, 1e-15);
	assert_close(hcb_search_belief(6, 2), 466.0 / 512, 1e-15);
}

/* A limit at 100 that is never crossed by chance. */
static void test_doubles_halves_confirms_verifies(void **state)
{
	static const double doubled[] = {10, 20, 40, 80, 160};
	struct hcb_search_ask ask;
	(void)state;
	start(10, 1000, 1, 1);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(hcb_search_next(&s, &ask), HCB_SEARCH_TRIAL);
		assert_between(ask.load, doubled[i] * 0.95, doubled[i] * 1.05);
		assert_int_equal(ask.why, HCB_SEARCH_BRACKET);
		see(ask.load > 100);
	}
	for (unsigned mid = 0; hcb_search_next(&s, &ask), mid < 3; mid++) {
		assert_int_equal(ask.why, HCB_SEARCH_MIDPOINT);
		see(ask.load > 100);
	}
	/* Smaller first, twice more each, the higher one not after a bad one. */
	static const struct {
		bool low;
		enum hcb_search_why why;
	} ends[] = {{true, HCB_SEARCH_CONFIRM},
	            {true, HCB_SEARCH_CONFIRM},
	            {false, HCB_SEARCH_CONFIRM},
	            {true, HCB_SEARCH_REST},
	            {false, HCB_SEARCH_CONFIRM}};
	double low = ask.load, high = 0;
	for (size_t i = 0; i < 5; i++) {
		hcb_search_next(&s, &ask);
		assert_int_equal(ask.why, ends[i].why);
		assert_int_equal(ask.load <= 100, ends[i].low);
		high = ask.load;
		see(ask.load > 100);
	}
	/* Then the long one, of the lower. */
	hcb_search_next(&s, &ask);
	assert_true(ask.verify && ask.why == HCB_SEARCH_VERIFY);
	assert_close(ask.load, low, 1e-12);
	assert_close(ask.length_s, 240, 0);
	see(false);
	assert_int_equal(hcb_search_next(&s, &ask), HCB_SEARCH_DONE);
	struct hcb_search_result r = result(0);
	assert_true(r.regular && r.verified && r.end == HCB_SEARCH_REGULAR);
	assert_close(r.lower.load, low, 1e-12);
	assert_close(r.upper.load, high, 1e-12);
	assert_true(low < 100 && 100 < high && high < 1.12 * low);
	assert_int_equal(s.n_trials, 5 + 3 + 5 + 1);
}

/* The first trial at 80 is good by luck, the limit is 50: the upper bound wins. */
static void test_inversion(void **state)
{
	struct hcb_search_ask ask;
	bool lucky = true;
	(void)state;
	start(10, 1000, 1, 1);
	while (hcb_search_next(&s, &ask) == HCB_SEARCH_TRIAL) {
		bool near_80 = ask.load > 75 && ask.load < 85;
		see(ask.load > 50 && !(near_80 && lucky));
		lucky &= !near_80;
	}
	struct hcb_search_result r = result(0);
	assert_false(lucky);
	assert_true(r.regular);
	assert_true(r.lower.load <= 50 && r.upper.load > 50);
	assert_true(r.upper.load < 1.12 * r.lower.load);
}

/* Bad luck at the lower end costs three more trials there, and one below it that comes
   after the bad one; it moves nothing. */
static void test_one_bad_trial_among_good(void **state)
{
	struct hcb_search_ask ask;
	struct hcb_search_result undisturbed;
	const double limit = 100;
	(void)state;
	start(10, 1000, 1, 1);
	unsigned trials = run_steps(&limit, 1);
	undisturbed = result(0);
	start(10, 1000, 1, 1);
	bool once = true;
	while (hcb_search_next(&s, &ask) == HCB_SEARCH_TRIAL) {
		bool unlucky = once && ask.why == HCB_SEARCH_CONFIRM && ask.load < 100;
		see(ask.load > 100 || unlucky);
		once &= !unlucky;
	}
	struct hcb_search_result r = result(0);
	assert_false(once);
	assert_close(r.lower.load, undisturbed.lower.load, 1e-12);
	assert_close(r.upper.load, undisturbed.upper.load, 1e-12);
	assert_true(r.regular && r.lower.good == 6 && r.lower.bad == 1);
	assert_int_equal(s.n_trials, trials + 4);
}

/* A load that is good as often as bad is no end: they lie on either side of it. */
static void test_a_load_too_near_the_truth(void **state)
{
	struct hcb_search_ask ask;
	const double limit = 100;
	unsigned turn = 0;
	(void)state;
	start(10, 1000, 1, 1);
	run_steps(&limit, 1);
	double near = result(0).lower.load;
	start(10, 1000, 1, 1);
	while (hcb_search_next(&s, &ask) == HCB_SEARCH_TRIAL) {
		bool toss = ask.load > near * 0.99 && ask.load < near * 1.01;
		see(toss ? turn++ % 2 : ask.load > near);
	}
	struct hcb_search_result r = result(0);
	assert_true(turn >= 2 * HCB_SEARCH_SPLIT);
	assert_true(r.regular && r.lower.load < near * 0.99 &&
	            r.upper.load > near * 1.01);
	assert_true(r.upper.load < 1.17 * r.lower.load);
	assert_true(r.lower.good && r.upper.bad); /* both were tried */
}

static void test_contradictions_by_hand(void **state)
{
	static const struct hcb_search_count agree[] = {{3, 0, 0, 0}, {0, 3, 0, 0}},
	                                     one[] = {{5, 1, 0, 0}, {0, 3, 0, 0}},
	                                     crossed[] = {{2, 1, 0, 0},
	                                                  {1, 2, 0, 0},
	                                                  {2, 0, 0, 0},
	                                                  {0, 4, 0, 0}},
	                                     bad[] = {{0, 3, 0, 0}, {0, 1, 0, 0}};
	(void)state;
	assert_int_equal(hcb_search_contradictions(agree, 2), 0);
	assert_int_equal(hcb_search_contradictions(one, 2), 1);
	assert_int_equal(hcb_search_contradictions(crossed, 4),
	                 3); /* limit above the third */
	assert_int_equal(hcb_search_contradictions(bad, 2), 0);
	assert_int_equal(hcb_search_contradictions(NULL, 0), 0);
}

/* Trials that are the same on either side of 100: so is the interval. Four times as many
   make it half as long; untried loads are nothing to it. */
static void test_fit_of_what_is_symmetric(void **state)
{
	static const double load[] = {50, 80, 90, 100, 125, 200};
	struct hcb_search_count c[] = {{0, 0, 0, 0}, {9, 1, 0, 0}, {0, 0, 0, 0},
	                               {5, 5, 0, 0}, {1, 9, 0, 0}, {0, 0, 0, 0}};
	struct hcb_search_curve few, many;
	(void)state;
	hcb_search_fit(load, c, 6, 0.025, &few);
	assert_close(few.lo * few.hi, 1e4, 50);
	assert_between(few.lo, 85, 95);
	assert_between(few.spread, 0.05, 0.15);
	for (unsigned i = 0; i < 6; i++) {
		c[i].good = (uint16_t)(4 * c[i].good);
		c[i].bad = (uint16_t)(4 * c[i].bad);
	}
	hcb_search_fit(load, c, 6, 0.025, &many);
	assert_between(log(few.hi / few.lo) / log(many.hi / many.lo), 1.7, 2.4);
}

/* 50 trials of PostgreSQL on a lab's three disks, of a search that went load by load and
   believed no upper end. */
static void test_fit_of_a_lab(void **state)
{
	static const double load[] = {11,   21.8, 30.6, 35.5, 39.1, 41.1, 43.1,
	                              45.3, 47.5, 49.9, 60.7, 63.7, 70.2, 85.4};
	static const struct hcb_search_count c[] = {
	        {1, 0, 0, 0},  {1, 0, 0, 0}, {1, 0, 0, 0}, {1, 0, 0, 0}, {5, 0, 0, 0},
	        {11, 0, 0, 0}, {3, 3, 0, 0}, {3, 3, 0, 0}, {3, 3, 0, 0}, {2, 4, 0, 0},
	        {1, 2, 0, 0},  {0, 1, 0, 0}, {0, 1, 0, 0}, {0, 1, 0, 0}};
	struct hcb_search_curve f;
	(void)state;
	hcb_search_fit(load, c, 14, 0.025, &f);
	assert_between(f.lo, 43, 46.5);
	assert_between(f.hi, 52, 57);
	assert_int_equal(hcb_search_contradictions(c, 14), 12);
}

/* Cut off, coarse trials give the interval that they carry. */
static void test_budget_out_of_coarse_trials(void **state)
{
	struct hcb_search_ask ask;
	struct world w;
	(void)state;
	world_make(&w, WORLD_COARSE, 11);
	start(5, 5000, 1, 1);
	while (hcb_search_contradictions(s.count[0], s.n_loads) < HCB_SEARCH_SPLIT) {
		assert_int_equal(hcb_search_next(&s, &ask), HCB_SEARCH_TRIAL);
		const struct hcb_search_seen seen = world_try(&w, &ask);
		hcb_search_observe(&s, &seen);
	}
	s.conf.budget_s = s.spent_s;
	assert_int_equal(hcb_search_next(&s, &ask), HCB_SEARCH_DONE);
	struct hcb_search_result r = result(0);
	assert_int_equal(r.end, HCB_SEARCH_BUDGET);
	assert_true(!r.regular && r.lower.believed && r.upper.believed);
	assert_true(r.lower.load < w.limit && w.limit < r.upper.load);
}

static void test_budget_out(void **state)
{
	struct hcb_search_ask ask;
	(void)state;
	start(10, 1000, 1, 1);
	s.conf.budget_s = 7 * 60 + 1;
	const double limit = 100;
	assert_int_equal(run_steps(&limit, 1), 7);
	assert_int_equal(hcb_search_next(&s, &ask), HCB_SEARCH_DONE);
	struct hcb_search_result r = result(0);
	assert_int_equal(r.end, HCB_SEARCH_BUDGET);
	assert_false(r.regular || r.verified || r.lower.believed || r.upper.believed);
	assert_true(r.lower.known && r.lower.load < 100);
	assert_true(r.upper.known && r.upper.load > 100);
	/* What a second costs is learnt: at half the price it gets as far as the long
	   trial, 13 * 30 s and 120 s. */
	start(10, 1000, 1, 1);
	s.conf.budget_s = 7 * 60 + 1;
	while (hcb_search_next(&s, &ask) == HCB_SEARCH_TRIAL) {
		const struct hcb_search_seen seen = {.bad = ask.load > 100,
		                                     .cost_s = ask.length_s / 2};
		hcb_search_observe(&s, &seen);
	}
	assert_int_equal(s.n_trials, 13);
	r = result(0);
	assert_int_equal(r.end, HCB_SEARCH_BUDGET);
	assert_true(r.lower.believed && r.upper.believed && !r.verified && !r.regular);
}

static void test_nothing_passes_and_everything_does(void **state)
{
	double limit = 5;
	(void)state;
	start(10, 1000, 1, 1);
	assert_int_equal(run_steps(&limit, 1), 3);
	struct hcb_search_result r = result(0);
	assert_int_equal(r.end, HCB_SEARCH_LEAST_FAILS);
	assert_false(r.regular || r.lower.known);
	assert_true(r.upper.believed && r.upper.bad == 3);
	assert_close(r.upper.load, 10, 1e-12);

	limit = 5000;
	start(10, 1000, 1, 1);
	run_steps(&limit, 1);
	r = result(0);
	assert_int_equal(r.end, HCB_SEARCH_GREATEST_PASSES);
	assert_false(r.regular || r.upper.known);
	assert_true(r.lower.believed && r.verified);
	assert_close(r.lower.load, 1000, 1e-12);
}

static void test_invalid_trials_teach_nothing(void **state)
{
	const struct hcb_search_seen unfit = {.invalid = true, .bad = 1, .cost_s = 60};
	struct hcb_search_ask ask, again;
	(void)state;
	start(10, 1000, 1, 1);
	hcb_search_next(&s, &ask);
	see(false);
	hcb_search_next(&s, &ask);
	for (unsigned i = 1; i < HCB_SEARCH_INVALID; i++) {
		hcb_search_observe(&s, &unfit);
		assert_int_equal(hcb_search_next(&s, &again), HCB_SEARCH_TRIAL);
		assert_close(again.load, ask.load, 0);
		assert_int_equal(again.why, HCB_SEARCH_REPEAT);
	}
	see(false); /* one that counts: the row is broken */
	hcb_search_next(&s, &again);
	assert_int_equal(again.why, HCB_SEARCH_BRACKET);
	for (unsigned i = 0; i < HCB_SEARCH_INVALID; i++) {
		assert_int_equal(hcb_search_next(&s, &again), HCB_SEARCH_TRIAL);
		hcb_search_observe(&s, &unfit);
	}
	assert_int_equal(hcb_search_next(&s, &again), HCB_SEARCH_DONE);
	assert_int_equal(result(0).end, HCB_SEARCH_UNFIT);
	assert_int_equal(s.n_counted, 2);
	assert_false(result(0).upper.known);
}

/* Good and bad in turn from 92 to 108: that there is no end on the far side is said, and
   the near one is known. */
static struct hcb_search_result in_turn(double from, double to)
{
	struct hcb_search_ask ask;
	unsigned turn = 0;
	start(from, to, 1, 1);
	while (hcb_search_next(&s, &ask) == HCB_SEARCH_TRIAL) {
		bool toss = ask.load > 92 && ask.load < 108;
		see(toss ? turn++ % 2 : ask.load > 100);
	}
	return result(0);
}

static void test_an_end_too_near_the_truth(void **state)
{
	struct hcb_search_result r = in_turn(100, 1000);
	(void)state;
	assert_int_equal(r.end, HCB_SEARCH_NO_LOWER);
	assert_false(r.regular || r.lower.known);
	assert_true(r.upper.known && r.upper.fit && r.upper.load > 100);

	r = in_turn(10, 100);
	assert_int_equal(r.end, HCB_SEARCH_NO_UPPER);
	assert_false(r.regular || r.upper.known);
	assert_true(r.lower.known && r.lower.fit && r.lower.load < 100);
}

/* It holds in short trials, not in the long one: the next load below has to. */
static void test_verification_steps_down(void **state)
{
	struct hcb_search_ask ask;
	double failed = 0;
	(void)state;
	start(10, 1000, 1, 1);
	while (hcb_search_next(&s, &ask) == HCB_SEARCH_TRIAL) {
		bool first = ask.verify && failed <= 0;
		if (first)
			failed = ask.load;
		see(ask.load > 100 || first);
	}
	struct hcb_search_result r = result(0);
	assert_true(r.verified && r.lower.load < failed * 0.99);
	assert_true(r.lower.load > failed / 1.06);
	assert_true(r.regular && r.upper.load > 100);

	/* Never in a long one: below the least there is nothing. */
	start(80, 120, 1, 1);
	while (hcb_search_next(&s, &ask) == HCB_SEARCH_TRIAL)
		see(ask.load > 100 || ask.verify);
	assert_int_equal(result(0).end, HCB_SEARCH_LEAST_SHORT);

	/* Not at the greatest, which is no upper bound for that: the next below it does.
	 */
	start(80, 120, 1, 1);
	while (hcb_search_next(&s, &ask) == HCB_SEARCH_TRIAL)
		see(ask.verify && ask.load >= 120);
	r = result(0);
	assert_int_equal(r.end, HCB_SEARCH_GREATEST_SHORT);
	assert_true(r.verified && r.lower.load < 120 && !r.upper.known);
}

static void test_goals_share_trials(void **state)
{
	const double limit[] = {100, 60, 100};
	(void)state;
	start(10, 1000, 1, 1);
	unsigned one = run_steps(limit, 1);
	/* After 78 the first goal wants 155, the second 55: the smaller is next. */
	struct hcb_search_ask ask;
	start(10, 1000, 2, 3);
	for (unsigned i = 0; i < 4; i++) {
		hcb_search_next(&s, &ask);
		const struct hcb_search_seen seen = {
		        .bad = (ask.load > 100) | (uint32_t)(ask.load > 60) << 1};
		hcb_search_observe(&s, &seen);
	}
	hcb_search_next(&s, &ask);
	assert_between(ask.load, 50, 60);
	start(10, 1000, 2, 3);
	unsigned both = run_steps(limit, 2);
	assert_true(both < 2 * one);
	for (unsigned g = 0; g < 2; g++) {
		struct hcb_search_result r = result(g);
		assert_true(r.regular && r.verified);
		assert_true(r.lower.load <= limit[g] && limit[g] < r.upper.load);
	}
	/* Not wanted: no trial of its own, bounds by the way. */
	start(10, 1000, 2, 1);
	assert_int_equal(run_steps(limit, 2), one);
	struct hcb_search_result r = result(1);
	assert_int_equal(r.end, HCB_SEARCH_ASIDE);
	assert_true(!r.regular && r.lower.load <= 60 && 60 < r.upper.load);
}

static void test_whole_loads(void **state)
{
	const double limit = 7.5;
	(void)state;
	start_whole();
	for (unsigned i = 1; i < s.n_loads; i++)
		assert_true(floor(s.load[i]) >= s.load[i] && s.load[i] > s.load[i - 1]);
	run_steps(&limit, 1);
	struct hcb_search_result r = result(0);
	assert_true(r.regular && !r.verified); /* nothing was to be verified */
	assert_close(r.lower.load, 7, 0);
	assert_close(r.upper.load, 8, 0);
}

/* What is next follows from what was seen. */
static void test_replayed_observations_give_the_same_state(void **state)
{
	static struct hcb_search first;
	static struct hcb_search_seen seen[HCB_SEARCH_MAX_TRIALS];
	struct hcb_search_ask ask;
	struct world w;
	unsigned n = 0;
	(void)state;
	world_make(&w, WORLD_INVALID, 7);
	start(5, 5000, 1, 1);
	while (hcb_search_next(&s, &ask) == HCB_SEARCH_TRIAL) {
		seen[n] = world_try(&w, &ask);
		hcb_search_observe(&s, &seen[n++]);
		hcb_search_observe(&s, &seen[0]); /* nobody asked: nothing happens */
	}
	first = s;
	start(5, 5000, 1, 1);
	for (unsigned i = 0; i < n; i++) {
		hcb_search_next(&s, &ask);
		hcb_search_next(&s, &ask); /* asking twice is asking once */
		hcb_search_observe(&s, &seen[i]);
	}
	assert_int_equal(hcb_search_next(&s, &ask), HCB_SEARCH_DONE);
	assert_int_equal(s.n_trials, n);
	assert_memory_equal(s.count, first.count, sizeof(s.count));
	assert_close(s.spent_s, first.spent_s, 0);
	assert_int_equal(s.end, first.end);
}

static void test_loads_that_are_none(void **state)
{
	static const double ranges[][2] = {{0, 10},   {-1, 10},      {10, 9},
	                                   {NAN, 10}, {1, INFINITY}, {1e-9, 1e9}};
	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct hcb_err err = HCB_ERR_INIT;
		const struct hcb_search_conf c = {.from = ranges[i][0],
		                                  .to = ranges[i][1],
		                                  .n_goals = 1,
		                                  .wanted = 1,
		                                  .trial_s = 1};
		assert_true(hcb_search_init(&s, &c, &err) < 0);
		assert_int_equal(err.exit, HCB_EXIT_USAGE);
		assert_true(*err.msg);
	}
	/* One load is a range too. */
	start(10, 10, 1, 1);
	assert_int_equal(s.n_loads, 1);
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* The goals of docs/accuracy/search.md, on an eighth of its systems. */
static void test_holds_the_truth(void **state)
{
	double width[80];
	unsigned holds = 0, widths = 0;
	const unsigned n = sizeof(width) / sizeof(width[0]);
	(void)state;
	for (unsigned i = 0; i < n; i++) {
		struct world w;
		world_make(&w, (enum world_kind)(i % WORLD_KINDS), 1000 + i);
		struct world_answer a = world_search(&s, &w);
		holds += a.holds;
		if (a.width > 0)
			width[widths++] = a.width;
		if (w.kind == WORLD_LEAST)
			assert_int_equal(a.result.end, HCB_SEARCH_LEAST_FAILS);
		if (w.kind == WORLD_GREATEST)
			assert_int_equal(a.result.end, HCB_SEARCH_GREATEST_PASSES);
	}
	qsort(width, widths, sizeof(width[0]), by_size);
	assert_true(holds >= 0.95 * n);
	assert_true(width[widths / 2] <= HCB_SEARCH_WIDTH);
}

/* 31 trials a search, and 45 to 58 where what one load shows tells nothing of others. */
static void test_coarse_trials_are_not_spent_on_one_load(void **state)
{
	const unsigned n = 200;
	unsigned trials = 0;
	(void)state;
	for (unsigned i = 0; i < n; i++) {
		struct world w;
		world_make(&w, WORLD_COARSE, 5000 + i);
		world_search(&s, &w);
		trials += s.n_trials;
	}
	assert_between((double)trials / n, 25, 40);
}

/* Bad by chance, logistic, spread 8 %; goal g's limit is limit[g]. */
static void run_coarse(struct hcb_random *r, const double *limit, unsigned goals,
                       double *failed)
{
	struct hcb_search_ask ask;
	while (hcb_search_next(&s, &ask) == HCB_SEARCH_TRIAL) {
		struct hcb_search_seen seen = {.cost_s = ask.length_s};
		for (unsigned g = 0; g < goals; g++) {
			double p = 1 / (1 + exp(-log(ask.load / limit[g]) / 0.08));
			seen.bad |= (uint32_t)(hcb_random_unit(r) < p) << g;
		}
		if (failed && ask.verify && *failed <= 0) {
			seen.bad = 1;
			*failed = ask.load;
		}
		hcb_search_observe(&s, &seen);
	}
}

/* What did not hold in a long trial bounds what does, however the fit moves after. */
static void test_coarse_and_a_long_trial_that_fails(void **state)
{
	const double limit = 400;
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct hcb_random r;
		double failed = 0;
		hcb_random_init(&r, 700 + i, 1);
		start(10, 1000, 1, 1);
		run_coarse(&r, &limit, 1, &failed);
		struct hcb_search_result got = result(0);
		assert_true(failed > 0);
		assert_true(got.lower.known && got.lower.load < failed);
	}
}

/* Trials far below, for other goals, take none from the higher one. */
static void test_coarse_goals_far_apart(void **state)
{
	static const double limit[] = {400, 50, 100};
	double alone = 0, shared = 0;
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct hcb_random r;
		hcb_random_init(&r, 900 + i, 1);
		start(10, 1000, 1, 1);
		run_coarse(&r, limit, 1, NULL);
		alone += log(result(0).upper.load / result(0).lower.load);
		hcb_random_init(&r, 900 + i, 2);
		start(10, 1000, 3, 7);
		run_coarse(&r, limit, 3, NULL);
		shared += log(result(0).upper.load / result(0).lower.load);
	}
	assert_between(shared / alone, 0.9, 1.1);
}

/* Clients: from 6 to 7 are more than three steps of the grid, and yet nothing lies
   between them. */
static void test_coarse_whole_loads(void **state)
{
	const double limit = 6.5;
	double width = 0;
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct hcb_random r;
		hcb_random_init(&r, 1100 + i, 1);
		start_whole();
		run_coarse(&r, &limit, 1, NULL);
		struct hcb_search_result got = result(0);
		width += got.upper.load - got.lower.load;
	}
	assert_between(width / 100, 1, 2.2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_rule_of_the_rfc_by_hand),
	        cmocka_unit_test(test_belief_is_the_binomial_tail),
	        cmocka_unit_test(test_doubles_halves_confirms_verifies),
	        cmocka_unit_test(test_inversion),
	        cmocka_unit_test(test_one_bad_trial_among_good),
	        cmocka_unit_test(test_a_load_too_near_the_truth),
	        cmocka_unit_test(test_contradictions_by_hand),
	        cmocka_unit_test(test_fit_of_what_is_symmetric),
	        cmocka_unit_test(test_fit_of_a_lab),
	        cmocka_unit_test(test_budget_out_of_coarse_trials),
	        cmocka_unit_test(test_budget_out),
	        cmocka_unit_test(test_nothing_passes_and_everything_does),
	        cmocka_unit_test(test_an_end_too_near_the_truth),
	        cmocka_unit_test(test_invalid_trials_teach_nothing),
	        cmocka_unit_test(test_verification_steps_down),
	        cmocka_unit_test(test_goals_share_trials),
	        cmocka_unit_test(test_whole_loads),
	        cmocka_unit_test(test_replayed_observations_give_the_same_state),
	        cmocka_unit_test(test_loads_that_are_none),
	        cmocka_unit_test(test_holds_the_truth),
	        cmocka_unit_test(test_coarse_trials_are_not_spent_on_one_load),
	        cmocka_unit_test(test_coarse_and_a_long_trial_that_fails),
	        cmocka_unit_test(test_coarse_goals_far_apart),
	        cmocka_unit_test(test_coarse_whole_loads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
