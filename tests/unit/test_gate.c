/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nightly gate's walk through a series' nights. */
#include "hcb_test.h"

#include <errno.h>

#include "bench/core/stats.h"
#include "bench/gate.h"
#include "gate_nights.h"
#include "noise.h"

static struct hcb_gate_result other[MOST];

/* "LLLLLLLLLLOOOS..." of nights from..to-1. */
static void assert_states(size_t from, const char *want)
{
	static const char letter[] = {
	        [HCB_GATE_INVALID] = 'x',    [HCB_GATE_LEARNING] = 'L',
	        [HCB_GATE_OK] = 'o',         [HCB_GATE_SUSPECT] = 'S',
	        [HCB_GATE_REGRESSION] = 'R', [HCB_GATE_IMPROVED] = 'I',
	        [HCB_GATE_RECOVERED] = 'b',
	};
	char got[200];
	size_t n = strlen(want);
	assert_true(n < sizeof(got));
	for (size_t i = 0; i < n; i++)
		got[i] = letter[res[from + i].state];
	got[n] = '\0';
	assert_string_equal(got, want);
}

static size_t announcements(size_t n)
{
	size_t count = 0;
	for (size_t t = 0; t < n; t++)
		count += res[t].announce;
	return count;
}

/* ---- learning, invalid nights, what is refused ---- */

static void test_ten_valid_nights_are_learnt_from(void **state)
{
	(void)state;
	level(0, 20, 3);
	walk(20);
	assert_states(0, "LLLLLLLLLLoooooooooo");
	assert_int_equal(res[9].valid, 9);
	assert_true(isnan(res[9].s) && isnan(res[9].mde));
	assert_int_equal(res[10].n, 10);
	assert_int_equal(res[10].base_from, 0);
	assert_int_equal(res[10].base_to, 9);
	assert_close(res[10].baseline, 3, 1e-12);
	assert_close(res[10].mu, 3, 1e-12);
	assert_int_equal(res[10].m, 0); /* no window yet: it needs 12 nights */
	assert_int_equal(res[11].m, 2);
	assert_int_equal(res[10].onset, HCB_GATE_NONE);
	night[3].valid = night[11].valid = false;
	night[3].y = NAN;
	walk(20);
	assert_states(0, "LLLxLLLLLLLxoooooooo");
	assert_int_equal(res[12].base_to, 10);
}

static void test_a_history_of_invalid_nights_says_nothing(void **state)
{
	(void)state;
	level(0, 40, 3);
	for (size_t t = 0; t < 40; t++)
		night[t].valid = false;
	walk(40);
	assert_states(0, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	assert_int_equal(res[39].valid, 0);
	walk(0);
}

static void test_what_is_no_number_is_refused(void **state)
{
	struct hcb_gate_conf c = conf_of(0.05), bad;
	(void)state;
	level(0, 20, 3);
	memset(res, 0x5a, sizeof(res[0]));
	other[0] = res[0];
	for (int k = 0; k < 2; k++) {
		night[15].y = k ? NAN : INFINITY;
		assert_int_equal(hcb_gate_walk(night, 20, &c, res), -EINVAL);
	}
	assert_memory_equal(&res[0], &other[0], sizeof(res[0]));
	night[15].y = 3;
	for (int k = 0; k < 4; k++) {
		bad = c;
		*(k == 0   ? &bad.delta
		  : k == 1 ? &bad.s_floor
		  : k == 2 ? &bad.h[3]
		           : &bad.h[0]) = k == 0   ? -0.1
		                          : k == 2 ? NAN
		                                   : 0;
		assert_int_equal(hcb_gate_walk(night, 20, &bad, res), -EINVAL);
	}
}

/* ---- one night, a step, a collapse ---- */

static void test_a_bad_night_is_suspect_and_no_more(void **state)
{
	(void)state;
	level(0, 60, 3);
	night[40].y = 4;
	night[40].rerun_agrees = true;
	walk(60);
	assert_states(30, "ooooooooooSooooooooooooooooooo");
	assert_int_equal(res[40].outside, 1);
	assert_int_equal(res[40].episode, HCB_GATE_OK);
	night[40].y = 2; /* a good one is nothing to run again for */
	walk(60);
	assert_states(38, "ooooo");
	assert_int_equal(res[40].outside, -1);
	assert_int_equal(announcements(60), 0);
}

static void test_a_step_is_announced_once_on_its_third_night(void **state)
{
	(void)state;
	level(0, 60, 3);
	level(40, 60, 3.2);
	walk(60);
	assert_states(38, "ooSSRRRRRRRRRRRRRRRRRR");
	assert_int_equal(announcements(60), 1);
	assert_true(res[42].announce && !res[42].fast);
	assert_int_equal(res[42].m, 3);
	assert_int_equal(res[42].n, 30);
	for (size_t t = 42; t < 60; t++) {
		assert_int_equal(res[t].onset, 40);
		assert_int_equal(res[t].episode, HCB_GATE_REGRESSION);
		assert_int_equal(res[t].base_from, 10); /* frozen */
		assert_int_equal(res[t].base_to, 39);
		assert_close(res[t].baseline, 3, 1e-9);
	}
	assert_close(res[59].shift, 0.2, 1e-9);
	assert_close(res[59].hi, 0.2, 0.1); /* the wobble is the same again and again */
	assert_true(res[59].lo <= res[59].hi && res[59].m == 10);
	assert_true(isfinite(res[42].lo) && isnan(res[50].lo));
	assert_close(hcb_gate_change(res[59].shift, false), expm1(0.2), 1e-9);
}

static void test_a_step_below_the_floor_is_none(void **state)
{
	struct hcb_gate_conf c = conf_of(0.25);
	(void)state;
	level(0, 60, 3);
	level(40, 60, 3.2); /* 22 % */
	assert_int_equal(hcb_gate_walk(night, 60, &c, res), 0);
	assert_int_equal(announcements(60), 0);
	assert_true(res[39].mde > 0.25);
	walk(40);
	assert_between(res[39].mde, 0.04, 0.08);
}

static void test_a_collapse_that_its_rerun_confirms_takes_two_nights(void **state)
{
	(void)state;
	level(0, 60, 3);
	level(40, 60, 3.3); /* 35 % */
	walk(60);
	assert_states(38, "ooSSR");
	assert_false(res[42].fast);
	/* Not of the first night, and not of one that is red. */
	assert_true(!res[40].confirm && res[41].confirm && !res[42].confirm);
	night[40].rerun_agrees = true; /* of the first night says nothing yet */
	walk(60);
	assert_states(38, "ooSSR");
	night[41].rerun_agrees = true;
	walk(60);
	assert_states(38, "ooSRR");
	assert_true(res[41].announce && res[41].fast && !res[41].confirm);
	assert_int_equal(res[41].onset, 40);
	assert_int_equal(res[41].m, 2);
	level(40, 60, 3.2); /* 22 % is no collapse */
	night[41].rerun_agrees = true;
	walk(60);
	assert_states(38, "ooSSR");
}

static void test_a_constant_series_is_held_to_its_resolution(void **state)
{
	struct hcb_gate_conf c = conf_of(0.05);
	(void)state;
	for (size_t t = 0; t < 60; t++)
		night[t] = (struct hcb_gate_night){.y = 5, .valid = true};
	assert_int_equal(hcb_gate_walk(night, 60, &c, res), 0);
	assert_int_equal(announcements(60), 0);
	assert_states(40, "oooooooooo");
	assert_close(res[50].s, 0.001, 1e-12);
	assert_close(res[50].z, 0, 1e-9);
	assert_close(res[50].autocorr1, 0, 1e-12);
	for (size_t t = 50; t < 60; t++)
		night[t].y = 5.1;
	assert_int_equal(hcb_gate_walk(night, 60, &c, res), 0);
	assert_states(49, "oSSRRRRRRRR");
}

/* ---- episodes: ended by an ack, by themselves, by their opposite ---- */

static void test_an_ack_makes_the_new_level_the_baseline(void **state)
{
	(void)state;
	level(0, 100, 3);
	level(40, 100, 3.2);
	night[45].ack = true;
	walk(100);
	/* Since the onset there are 6 nights; 4 more are learnt from. */
	assert_states(40, "SSRRRRLLLLoooooooooo");
	assert_int_equal(res[46].valid, 6);
	assert_int_equal(res[50].base_from, 40);
	assert_close(res[50].baseline, 3.2, 1e-9);
	assert_int_equal(announcements(100), 1);
	night[45].ack = false;
	night[60].ack = true; /* enough nights: no gap in the watch */
	walk(100);
	assert_states(55, "RRRRRRoooooooooo");
	assert_int_equal(res[61].n, 21);
	level(80, 100, 3.4);
	night[60].ack = true;
	walk(100);
	assert_int_equal(announcements(100), 2);
	assert_states(80, "SSRRR");
	assert_int_equal(res[82].onset, 80);
	assert_close(res[99].shift, 0.2, 1e-9);
}

static void test_an_ack_counts_on_an_invalid_night_and_without_an_episode(void **state)
{
	(void)state;
	level(0, 100, 3);
	night[50].ack = true; /* something was changed: begin anew */
	walk(100);
	assert_states(50, "oLLLLLLLLLLooooo");
	assert_int_equal(res[51].valid, 0);
	night[50].ack = false;
	level(40, 100, 3.2);
	night[55].valid = false;
	night[55].ack = true;
	walk(100);
	assert_states(53, "RRxoooo");
	assert_int_equal(res[55].episode, HCB_GATE_REGRESSION);
	assert_int_equal(res[55].onset, 40);
}

static void test_a_second_step_without_an_ack_is_the_same_episode(void **state)
{
	(void)state;
	level(0, 100, 3);
	level(40, 70, 3.2);
	level(70, 100, 3.5);
	walk(100);
	assert_int_equal(announcements(100), 1);
	assert_close(res[65].shift, 0.2, 1e-9);
	assert_close(res[99].shift, 0.5, 1e-9);
	assert_int_equal(res[99].onset, 40);
}

static void test_what_goes_away_is_recovered_and_leaves_no_trace(void **state)
{
	(void)state;
	level(0, 120, 3);
	level(40, 60, 3.2);
	walk(120);
	assert_states(58, "RRRRbooooooo");
	assert_int_equal(res[62].onset, 40); /* of what is over */
	assert_int_equal(res[62].episode, HCB_GATE_OK);
	assert_int_equal(res[63].onset, HCB_GATE_NONE);
	/* The baseline: 27 nights before, the 3 that were back. */
	assert_int_equal(res[63].n, 30);
	assert_int_equal(res[63].base_from, 13);
	assert_int_equal(res[63].base_to, 62);
	assert_close(res[63].baseline, 3, 0.01);
	assert_close(res[63].s, res[39].s, 0.1);
	assert_int_equal(res[63].valid, 43);
	/* And it is found again. */
	level(80, 120, 3.2);
	walk(120);
	assert_int_equal(announcements(120), 2);
	assert_states(80, "SSR");
	assert_int_equal(res[82].onset, 80);
}

/* s is 0.015: 0.025 is within 2 s of the old level, and nearer to another one. */
static void test_what_comes_near_is_not_back(void **state)
{
	(void)state;
	level(0, 80, 3);
	level(40, 80, 3.2);
	for (size_t t = 50; t < 70; t++)
		night[t].y = 3.025;
	walk(80);
	assert_between(res[49].s, 0.0125, 0.025);
	assert_states(50, "RRRRRRRRRRRRRRRRRRRRRRR");
	for (size_t t = 50; t < 53; t++)
		night[t].y = 3.005 - 0.02 * (double)(t == 51);
	walk(80);
	assert_states(50, "RRb");
}

static void test_an_improvement_that_is_lost_at_once_is_recovered(void **state)
{
	(void)state;
	level(0, 100, 3);
	level(40, 47, 2.8);
	walk(100);
	assert_states(38, "ooooIIIIIIIboooo");
	assert_int_equal(res[42].onset, 40);
	assert_close(res[46].shift, -0.2, 1e-9);
	assert_true(res[42].z < 0);
	assert_int_equal(announcements(100), 1);
}

static void test_an_improvement_that_lasts_is_kept(void **state)
{
	(void)state;
	level(0, 100, 3);
	level(40, 70, 2.8);
	walk(100);
	assert_states(40, "ooIIIIIIIIoooo");
	assert_int_equal(res[50].base_from, 40);
	assert_close(res[50].baseline, 2.8, 1e-9);
	/* To lose it is a regression. */
	assert_states(68, "ooSSR");
	assert_int_equal(res[72].onset, 70);
	assert_int_equal(announcements(100), 2);
}

static void test_an_episode_may_turn_into_its_opposite(void **state)
{
	(void)state;
	level(0, 100, 3);
	level(40, 47, 3.2);
	level(47, 100, 2.8);
	walk(100);
	assert_states(40, "SSRRRRRRRIIIIIIIIoooo");
	assert_int_equal(res[49].onset, 47);
	assert_true(res[49].announce);
	assert_int_equal(res[49].base_to, 39);
	assert_int_equal(announcements(100), 2);
	for (size_t t = 0; t < 100; t++)
		night[t].y = -night[t].y;
	walk(100);
	/* Outside of the old baseline by good news, then by bad. */
	assert_states(40, "ooIIIIISSRRRR");
}

/* ---- properties ---- */

static void noisy(size_t n, enum noise_kind kind, uint64_t seed)
{
	struct noise z;
	noise_init(&z, kind, seed, 0);
	for (size_t t = 0; t < n; t++)
		night[t] = (struct hcb_gate_night){
		        .y = 3 + 0.05 * noise_draw(&z),
		        .valid = true,
		};
}

/* The rule as its description has it, from the whole history each night; z of the loudest
   window and whether it is an alarm. */
static bool by_the_book(const double *y, size_t T, const struct hcb_gate_conf *c,
                        double *loudest)
{
	static const double at[] = {10, 14, 20, 30};
	bool alarm = false;
	double most = 0;
	for (size_t m = 2; m <= 10; m++) {
		double b[30], w[30], r[10], mu = 0, squares = 0, a = 0;
		size_t n = T + 1 - m < 30 ? T + 1 - m : 30;
		if (n < 10)
			continue;
		memcpy(b, y + T + 1 - m - n, n * sizeof(*b));
		memcpy(r, y + T + 1 - m, m * sizeof(*r));
		double med = hcb_median(b, n);
		for (size_t i = 0; i < n; i++)
			w[i] = fabs(b[i] - med);
		double tenths = b[n - 1 - n / 10] - b[n / 10]; /* sorted by now */
		double d = fmax(1.4826 * hcb_median(w, n), 0.75 / 2.3 * tenths);
		for (size_t i = 0; i < n; i++) {
			w[i] = fmax(med - 2.5 * d, fmin(med + 2.5 * d, b[i]));
			mu += w[i] / (double)n;
		}
		for (size_t i = 0; i < n; i++)
			squares += (w[i] - mu) * (w[i] - mu);
		double s = fmax(1.02 * sqrt(squares / (double)(n - 1)), 0.8 * d);
		for (size_t i = 0; i < m; i++)
			a += fmax(mu - 3.3 * s, fmin(mu + 3.3 * s, r[i])) / (double)m;
		double z = (a - mu) / (s * sqrt(1.0 / (double)m + 1.0 / (double)n));
		double shift = hcb_median(r, m) - med, h = c->h[3];
		if (m == 2)
			shift = z < 0 ? r[1] - med : r[0] - med; /* sorted by now */
		for (int i = 0; i < 3; i++)
			if ((double)n < at[i + 1] && (double)n >= at[i])
				h = c->h[i] + (c->h[i + 1] - c->h[i]) *
				                      (1 / at[i] - 1 / (double)n) /
				                      (1 / at[i] - 1 / at[i + 1]);
		alarm = alarm || (fabs(z) > h && shift * z > 0 &&
		                  fabs(shift) > fmax(s, log1p(c->delta)));
		if (fabs(z) / h > fabs(most))
			most = z / h;
	}
	*loudest = most;
	return alarm;
}

static void test_each_night_is_judged_as_the_description_has_it(void **state)
{
	double y[300], loudest;
	size_t alarms = 0;
	struct hcb_gate_conf c = conf_of(0.0);
	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++) {
		noisy(300, seed % 2 ? NOISE_BAD : NOISE_AR6, seed);
		for (size_t t = 0; t < 300; t++)
			y[t] = night[t].y;
		assert_int_equal(hcb_gate_walk(night, 300, &c, res), 0);
		for (size_t t = 11; t < 300; t++) {
			bool alarm = by_the_book(y, t, &c, &loudest);
			assert_int_equal(alarm, res[t].announce);
			if (alarm) { /* from here on the walk remembers another past */
				alarms++;
				break;
			}
			assert_close(res[t].z / res[t].h, loudest, 1e-9);
		}
	}
	assert_between((double)alarms, 10, 60);
}

static void assert_alike(size_t a, size_t b)
{
	assert_int_equal(res[a].state, other[b].state);
	assert_int_equal(res[a].announce, other[b].announce);
	assert_int_equal(res[a].m, other[b].m);
	assert_true((isnan(res[a].z) && isnan(other[b].z)) ||
	            fabs(res[a].z - other[b].z) < 1e-12);
	assert_true((isnan(res[a].s) && isnan(other[b].s)) ||
	            fabs(res[a].s - other[b].s) < 1e-15);
}

static void test_a_night_is_judged_by_what_came_before_it_only(void **state)
{
	struct hcb_gate_conf c = conf_of(0.0);
	(void)state;
	noisy(400, NOISE_AR6, 1);
	for (size_t t = 150; t < 200; t++)
		night[t].y += 0.3;
	night[180].ack = true;
	assert_int_equal(hcb_gate_walk(night, 400, &c, res), 0);
	assert_true(announcements(400) >= 2);
	for (size_t n = 100; n < 400; n += 7) {
		assert_int_equal(hcb_gate_walk(night, n, &c, other), 0);
		for (size_t t = 0; t < n; t++)
			assert_alike(t, t);
	}
}

static void test_invalid_nights_change_nothing_but_the_count(void **state)
{
	struct hcb_gate_conf c = conf_of(0.0);
	static size_t at[400];
	size_t k = 0;
	struct hcb_random r;
	(void)state;
	hcb_random_init(&r, 2, 0);
	noisy(400, NOISE_AR6, 3);
	for (size_t t = 200; t < 400; t++)
		night[t].y += 0.3;
	assert_int_equal(hcb_gate_walk(night, 400, &c, other), 0);
	static struct hcb_gate_night valid[400];
	memcpy(valid, night, sizeof(valid));
	for (size_t t = 0; k < 400; t++) {
		night[t].valid = hcb_random_below(&r, 3) > 0;
		night[t].y = night[t].valid ? valid[k].y : 1e6;
		if (night[t].valid)
			at[k++] = t;
	}
	assert_int_equal(hcb_gate_walk(night, at[399] + 1, &c, res), 0);
	for (k = 0; k < 400; k++)
		assert_alike(at[k], k);
	assert_int_equal(res[at[399]].onset, at[other[399].onset]);
}

static void test_good_and_bad_are_mirror_images(void **state)
{
	struct hcb_gate_conf c = conf_of(0.0);
	size_t alarms = 0;
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		noisy(200, NOISE_AR6, seed);
		assert_int_equal(hcb_gate_walk(night, 200, &c, res), 0);
		for (size_t t = 0; t < 200; t++)
			night[t].y = -night[t].y;
		assert_int_equal(hcb_gate_walk(night, 200, &c, other), 0);
		for (size_t t = 10; t < 200; t++) {
			assert_int_equal(res[t].outside, -other[t].outside);
			assert_int_equal(res[t].announce, other[t].announce);
			assert_int_equal(res[t].onset, other[t].onset);
			if (res[t].announce) {
				alarms++;
				assert_true(res[t].state != other[t].state);
				break;
			}
		}
	}
	assert_true(alarms > 5);
}

/* Long histories, episodes of any length: what the walk forgets it does not need. */
static void test_ten_thousand_nights(void **state)
{
	struct hcb_gate_conf c = conf_of(0.0);
	(void)state;
	noisy(10000, NOISE_NORMAL, 12);
	for (size_t t = 3000; t < 9000; t++)
		night[t].y += 0.4; /* never acknowledged until 8000 */
	for (size_t t = 9000; t < 10000; t++)
		night[t].y += t % 200 < 40 ? 0.4 : 0; /* comes and goes */
	night[8000].ack = true;
	assert_int_equal(hcb_gate_walk(night, 10000, &c, res), 0);
	assert_int_equal(res[7999].state, HCB_GATE_REGRESSION);
	assert_int_equal(res[7999].onset, 3000);
	assert_int_equal(res[7999].base_to, 2999);
	assert_close(res[7999].baseline, 3, 0.02);
	assert_int_equal(res[8001].state, HCB_GATE_OK);
	assert_int_equal(res[8001].n, 30);
	assert_close(res[8001].baseline, 3.4, 0.02);
	assert_int_equal(res[9200 + 39].state, HCB_GATE_REGRESSION);
	assert_int_equal(res[9200 + 60].state, HCB_GATE_OK);
}

/* ---- the grid, an excerpt: tests/accuracy/gate.c is the whole of it ---- */

static unsigned episodes(enum noise_kind kind, unsigned series)
{
	struct hcb_gate_conf c = conf_of(0.0);
	unsigned n = 0;
	for (unsigned k = 0; k < series; k++) {
		noisy(130, kind, 1000 + k);
		for (size_t t = 0; t < 130; t++)
			night[t].rerun_agrees = true;
		assert_int_equal(hcb_gate_walk(night, 130, &c, res), 0);
		for (size_t t = 30; t < 130; t++)
			n += res[t].announce && res[t].state == HCB_GATE_REGRESSION;
	}
	return n;
}

static void test_false_alarms_keep_to_the_budget(void **state)
{
	unsigned series = HCB_TEST_SLOW ? 200 : 1000;
	(void)state;
	assert_between(episodes(NOISE_NORMAL, series), 1, 0.1 * series);
	assert_between(episodes(NOISE_T4, series), 1, 0.1 * series);
	assert_between(episodes(NOISE_BAD, series), 1, 0.1 * series);
	/* 0.09 as the whole grid has it, with chance; 0.98 without its clause. */
	assert_between(episodes(NOISE_TWO, series), 1, 0.15 * series);
	/* 0.6 is beyond what the thresholds are made for: the test can tell. */
	assert_true(episodes(NOISE_AR6, series) > 0.2 * series);
}

/* Not below a share by more than the chance of so few series, three standard deviations
   of it: the whole grid is held to the share itself. */
static void assert_share(unsigned found, unsigned of, double share)
{
	double chance = 3 * sqrt(share * (1 - share) / of);
	assert_between((double)found / of, share - chance, 1);
}

static void test_steps_are_found_in_the_promised_time(void **state)
{
	static const struct {
		double step;
		double by3, by7, by14; /* the design's table less 0.05 */
	} row[] = {{2, 0.04, 0.57, 0.79}, {3, 0.47, 0.94, 0.95}, {4, 0.86, 0.95, 0.95}};
	struct hcb_gate_conf c = conf_of(0.0);
	const unsigned series = 400;
	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		unsigned found[3] = {0};
		for (unsigned k = 0; k < series; k++) {
			noisy(44, NOISE_NORMAL, 5000 + k);
			for (size_t t = 30; t < 44; t++)
				night[t].y += 0.05 * row[i].step;
			assert_int_equal(hcb_gate_walk(night, 44, &c, res), 0);
			size_t t = 30;
			while (t < 44 &&
			       !(res[t].announce && res[t].state == HCB_GATE_REGRESSION))
				t++;
			found[0] += t < 33;
			found[1] += t < 37;
			found[2] += t < 44;
		}
		assert_share(found[0], series, row[i].by3);
		assert_share(found[1], series, row[i].by7);
		assert_share(found[2], series, row[i].by14);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_ten_valid_nights_are_learnt_from),
	        cmocka_unit_test(test_a_history_of_invalid_nights_says_nothing),
	        cmocka_unit_test(test_what_is_no_number_is_refused),
	        cmocka_unit_test(test_a_bad_night_is_suspect_and_no_more),
	        cmocka_unit_test(test_a_step_is_announced_once_on_its_third_night),
	        cmocka_unit_test(test_a_step_below_the_floor_is_none),
	        cmocka_unit_test(
	                test_a_collapse_that_its_rerun_confirms_takes_two_nights),
	        cmocka_unit_test(test_a_constant_series_is_held_to_its_resolution),
	        cmocka_unit_test(test_an_ack_makes_the_new_level_the_baseline),
	        cmocka_unit_test(
	                test_an_ack_counts_on_an_invalid_night_and_without_an_episode),
	        cmocka_unit_test(test_a_second_step_without_an_ack_is_the_same_episode),
	        cmocka_unit_test(test_what_goes_away_is_recovered_and_leaves_no_trace),
	        cmocka_unit_test(test_what_comes_near_is_not_back),
	        cmocka_unit_test(test_an_improvement_that_is_lost_at_once_is_recovered),
	        cmocka_unit_test(test_an_improvement_that_lasts_is_kept),
	        cmocka_unit_test(test_an_episode_may_turn_into_its_opposite),
	        cmocka_unit_test(test_each_night_is_judged_as_the_description_has_it),
	        cmocka_unit_test(test_a_night_is_judged_by_what_came_before_it_only),
	        cmocka_unit_test(test_invalid_nights_change_nothing_but_the_count),
	        cmocka_unit_test(test_good_and_bad_are_mirror_images),
	        cmocka_unit_test(test_ten_thousand_nights),
	        cmocka_unit_test(test_false_alarms_keep_to_the_budget),
	        cmocka_unit_test(test_steps_are_found_in_the_promised_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
