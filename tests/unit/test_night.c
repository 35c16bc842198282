/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A night's order, its deadline, and which surroundings make its numbers useless; and who
 * else measures on this machine.
 */
#include "hcb_test.h"

#include <jansson.h>
#include <string.h>

#include "bench/core/units.h"
#include "bench/machine_look.h"
#include "bench/night.h"

/* ---- order ---- */

static void test_each_round_has_each_test_once(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= HCB_NIGHT_MAX_TESTS; n++)
		for (unsigned round = 0; round < 2 * n; round++) {
			unsigned seen = 0;
			for (unsigned i = 0; i < n; i++) {
				unsigned t = hcb_night_test(n, round, i);
				assert_true(t < n);
				seen |= 1u << t;
			}
			assert_int_equal(seen, (1u << n) - 1);
		}
}

/* Over 2 n rounds each test stands at each place equally often, and two tests come after
   each other as often as the other way round. */
static void test_order_is_balanced(void **state)
{
	(void)state;
	for (unsigned n = 2; n <= 7; n++) {
		unsigned place[8][8] = {{0}};
		int after[8][8] = {{0}};
		for (unsigned round = 0; round < 2 * n; round++)
			for (unsigned i = 0; i < n; i++) {
				unsigned t = hcb_night_test(n, round, i);
				place[t][i]++;
				if (i) {
					after[hcb_night_test(n, round, i - 1)][t]++;
					after[t][hcb_night_test(n, round, i - 1)]--;
				}
			}
		for (unsigned t = 0; t < n; t++)
			for (unsigned i = 0; i < n; i++)
				assert_int_equal(place[t][i], 2);
		for (unsigned a = 0; a < n; a++)
			for (unsigned b = 0; b < n; b++)
				assert_int_equal(after[a][b], 0);
	}
}

static void test_spread(void **state)
{
	(void)state;
	assert_int_equal(hcb_night_due_ns(0, 10, 3600 * HCB_SEC), 0);
	assert_int_equal(hcb_night_due_ns(5, 10, 3600 * HCB_SEC), 1800 * HCB_SEC);
	assert_int_equal(hcb_night_due_ns(3, 10, 0), 0);
	/* A day in ns times a run's number would not fit. */
	assert_int_equal(hcb_night_due_ns(319, 320, UINT64_MAX / 2),
	                 UINT64_MAX / 2 / 320 * 319);
}

static void test_deadline(void **state)
{
	const uint64_t s = HCB_SEC;
	(void)state;
	assert_true(hcb_night_fits(UINT64_MAX / 2, 100 * s, 60 * s, 0));
	/* The longest and a quarter, and what comes after the runs. */
	assert_true(hcb_night_fits(0, 100 * s, 60 * s, 186 * s));
	assert_false(hcb_night_fits(0, 100 * s, 60 * s, 185 * s));
	assert_false(hcb_night_fits(2 * s, 100 * s, 60 * s, 186 * s));
	/* Of the first run nothing is known; past the deadline none begins. */
	assert_true(hcb_night_fits(0, 0, 0, 1));
	assert_false(hcb_night_fits(10 * s, 0, 0, 10 * s));
	assert_false(hcb_night_fits(11 * s, 0, 0, 10 * s));
}

static void test_settling_ends_with_the_deadline(void **state)
{
	const uint64_t s = HCB_SEC;
	(void)state;
	assert_int_equal(hcb_night_settle_ns(600 * s, 0, 100 * s, 60 * s, 0), 600 * s);
	assert_int_equal(hcb_night_settle_ns(600 * s, 0, 100 * s, 60 * s, 3600 * s),
	                 600 * s);
	/* 185 s for a run and what comes after it. */
	assert_int_equal(hcb_night_settle_ns(600 * s, 0, 100 * s, 60 * s, 400 * s),
	                 215 * s);
	assert_int_equal(hcb_night_settle_ns(600 * s, 15 * s, 100 * s, 60 * s, 400 * s),
	                 200 * s);
	assert_int_equal(hcb_night_settle_ns(600 * s, 0, 100 * s, 60 * s, 100 * s), 0);
	assert_int_equal(hcb_night_settle_ns(600 * s, 300 * s, 100 * s, 60 * s, 400 * s),
	                 0);
	/* However short, it is no reason to wait longer. */
	assert_int_equal(hcb_night_settle_ns(0, 0, 100 * s, 60 * s, 400 * s), 0);
}

/* Whenever the first began, the last one fits, if there is room for it at all. */
static void test_spread_ends_in_the_deadline(void **state)
{
	const uint64_t s = HCB_SEC, run = 540 * s, end = 7200 * s, after = 120 * s;
	(void)state;
	assert_int_equal(hcb_night_spread_ns(6000 * s, 10, 0, run, after, 0), 6000 * s);
	assert_int_equal(hcb_night_spread_ns(6000 * s, 1, 900 * s, run, after, end),
	                 6000 * s);
	/* 6405 s are left for nine steps: no reason to hurry. */
	assert_int_equal(hcb_night_spread_ns(6000 * s, 10, 0, run, after, end), 6000 * s);
	for (uint64_t first = 0; first < 6400 * s; first += 7 * s)
		for (unsigned n = 2; n < 30; n += 9) {
			uint64_t spread =
			        hcb_night_spread_ns(7000 * s, n, first, run, after, end);
			uint64_t last = first + hcb_night_due_ns(n - 1, n, spread);
			assert_true(hcb_night_fits(last, run, after, end));
			assert_true(spread <= 7000 * s);
			/* No shorter than it must be. */
			if (spread < 7000 * s)
				assert_false(
				        hcb_night_fits(last + n * 1000, run, after, end));
		}
	assert_int_equal(hcb_night_spread_ns(6000 * s, 10, 6500 * s, run, after, end), 0);
}

/* ---- surroundings ---- */

static json_t *good(double at_s)
{
	json_t *o = json_pack("{s{ss ss sb sb sb sb} s[] sn s{sb sf sf}}", "cluster",
	                      "status", "HEALTH_OK", "checks", "", "recovery", 0, "scrub",
	                      0, "deep_scrub", 0, "degraded", 0, "others", "unanswered",
	                      "clock", "synchronized", 1, "unix_s", 1.7e9 + at_s,
	                      "monotonic_s", 1000 + at_s);
	assert_non_null(o);
	return o;
}

/* The only reason, which must begin so; NULL: there must be none. */
static void expect_reason(const json_t *start, const json_t *end, bool with_end,
                          const char *begins)
{
	json_t *reasons = hcb_night_unfit(start, end, with_end);
	if (json_array_size(reasons) != (begins ? 1 : 0))
		fail_msg("reasons: %s", json_dumps(reasons, 0));
	const char *text = json_string_value(json_array_get(reasons, 0));
	if (begins && strncmp(text, begins, strlen(begins)) != 0)
		fail_msg("\"%s\" does not begin \"%s\"", text, begins);
	json_decref(reasons);
}

static void test_fit(void **state)
{
	json_t *a = good(0), *b = good(7200);
	(void)state;
	expect_reason(a, NULL, false, NULL);
	expect_reason(a, b, true, NULL);
	/* A scrub that is not deep reads little; Ceph does it all day. */
	json_object_set_new(json_object_get(a, "cluster"), "scrub", json_true());
	expect_reason(a, b, true, NULL);
	/* No cluster: plain disks. */
	json_object_set_new(a, "cluster", json_null());
	json_object_set_new(b, "cluster", json_null());
	expect_reason(a, b, true, NULL);
	json_decref(a);
	json_decref(b);
}

static void test_each_state_is_a_reason(void **state)
{
	static const struct {
		const char *key, *at_start, *at_end;
	} bad[] = {
	        {"recovery", "at the start recovery or backfill",
	         "at the end recovery or backfill"},
	        {"deep_scrub", "at the start a deep scrub", "at the end a deep scrub"},
	        {"degraded", "at the start objects are degraded",
	         "at the end objects are degraded"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *a = good(0), *b = good(60);
		json_object_set_new(json_object_get(a, "cluster"), bad[i].key,
		                    json_true());
		expect_reason(a, b, true, bad[i].at_start);
		expect_reason(a, NULL, false, bad[i].at_start);
		/* The other way round, with the clocks as they were. */
		json_t *c = good(0);
		json_object_set_new(json_object_get(b, "cluster"), bad[i].key,
		                    json_true());
		expect_reason(c, b, true, bad[i].at_end);
		json_decref(a);
		json_decref(b);
		json_decref(c);
	}
}

static void test_health_others_silence(void **state)
{
	json_t *a = good(0), *b = good(60);
	(void)state;
	json_object_set_new(json_object_get(b, "cluster"), "status",
	                    json_string("HEALTH_WARN"));
	json_object_set_new(json_object_get(b, "cluster"), "checks",
	                    json_string("OSD_DOWN, PG_DEGRADED"));
	expect_reason(
	        a, b, true,
	        "at the end the cluster was in HEALTH_WARN (OSD_DOWN, PG_DEGRADED)");
	json_decref(b);
	b = good(60);
	json_object_set_new(json_object_get(b, "cluster"), "status", json_null());
	expect_reason(a, b, true, "at the end the cluster was in an unknown state");
	json_decref(b);
	b = good(60);
	json_array_append_new(json_object_get(b, "others"),
	                      json_string("process 7, hcbench run postgres"));
	expect_reason(a, b, true, "at the end another hcbench was at work: process 7");
	json_object_set_new(b, "others", json_array());
	json_object_set_new(b, "unanswered", json_string("no answer within 10 s"));
	expect_reason(a, b, true, "at the end no answer within 10 s");
	/* Never looked at is not fit. */
	expect_reason(a, NULL, true, "at the end nobody looked");
	expect_reason(NULL, NULL, false, "at the start nobody looked");
	json_decref(a);
	json_decref(b);
}

static void jump(double by_s, double after_s, const char *expected)
{
	json_t *a = good(0), *b = good(after_s);
	json_object_set_new(json_object_get(b, "clock"), "unix_s",
	                    json_real(1.7e9 + after_s + by_s));
	expect_reason(a, b, true, expected);
	json_decref(a);
	json_decref(b);
}

static void test_clock(void **state)
{
	(void)state;
	jump(0.9, 60, NULL);
	jump(-0.9, 60, NULL);
	jump(3600, 7200, "the clock jumped by +3600.0 s");
	jump(-37, 7200, "the clock jumped by -37.0 s");
	/* 500 ppm is what a clock that is being corrected may do: no jump. */
	jump(7200 * 500e-6, 7200, NULL);
	jump(10, 7200, "the clock jumped by +10.0 s");
	json_t *a = good(0);
	assert_null(hcb_night_clock_note(a));
	json_object_set_new(json_object_get(a, "clock"), "synchronized", json_false());
	assert_non_null(hcb_night_clock_note(a));
	expect_reason(a, NULL, false, NULL); /* said, and no more */
	json_object_set_new(json_object_get(a, "clock"), "synchronized", json_null());
	assert_null(hcb_night_clock_note(a));
	json_decref(a);
}

static void test_night_goes_back(void **state)
{
	(void)state;
	assert_true(hcb_night_goes_back("2026-05-01", "2026-05-02"));
	assert_false(hcb_night_goes_back("2026-05-02", "2026-05-02"));
	assert_false(hcb_night_goes_back("2026-05-03", "2026-05-02"));
	assert_false(hcb_night_goes_back("2026-05-01", ""));
	assert_false(hcb_night_goes_back("2026-05-01", "release-7"));
	assert_false(hcb_night_goes_back("2026-05-01", "2026-05-02b"));
	assert_false(hcb_night_goes_back("a", "b"));
}

static void test_days_after(void **state)
{
	(void)state;
	assert_int_equal(hcb_night_days_after("2026-05-09", "2026-05-02"), 7);
	assert_int_equal(hcb_night_days_after("2028-03-01", "2028-02-28"), 2);
	assert_int_equal(hcb_night_days_after("2026-05-01", "2026-05-02"), -1);
	assert_int_equal(hcb_night_days_after("2026-05-01", ""), 0);
	assert_int_equal(hcb_night_days_after("2026-05-01", "release-7"), 0);
}

static void test_suspects(void **state)
{
	static const char *const tests[] = {"db", "disk", "social"};
	bool which[3];
	json_t *doc = json_pack("{s[{ss ss sb} {ss ss sb} {ss ss sb} {ss ss sb sb}]}",
	                        "series", "test", "db", "state", "OK", "gated", 1, "test",
	                        "db", "state", "SUSPECT", "gated", 1, "test", "disk",
	                        "state", "SUSPECT", "gated", 0, "test", "social", "state",
	                        "REGRESSION", "gated", 1, "confirm", 0);
	(void)state;
	assert_int_equal(hcb_night_suspects(doc, tests, 3, which), 1);
	assert_true(which[0]);
	assert_false(which[1]); /* not gated: nobody waits for its answer */
	assert_false(which[2]); /* red already */
	json_t *last = json_array_get(json_object_get(doc, "series"), 3);
	json_object_set_new(last, "state", json_string("OK"));
	json_object_set_new(last, "confirm", json_true());
	assert_int_equal(hcb_night_suspects(doc, tests, 3, which), 2);
	assert_true(which[2]);
	json_decref(doc);
}

/* ---- who measures ---- */

static bool measures(const char *words)
{
	char line[200];
	size_t n = strlen(words);
	memcpy(line, words, n + 1);
	for (size_t i = 0; i < n; i++)
		line[i] = line[i] == ' ' ? '\0' : line[i];
	return hcb_measures(line, n + 1);
}

static void test_who_measures(void **state)
{
	(void)state;
	assert_true(measures("hcbench run postgres --on all=rbd:main/db"));
	assert_true(measures("/usr/bin/hcbench search x.ini"));
	assert_true(measures("/proc/self/exe run x.ini -q"));
	assert_true(measures("build/hcbench check --run x.ini"));
	assert_true(measures("hcbench check --run=x.ini"));
	assert_false(measures("hcbench check --format junit"));
	assert_false(measures("hcbench check"));
	assert_false(measures("hcbench disk serve generic-7200"));
	assert_false(measures("hcbench lab exec l h1 -- hcbench run x"));
	assert_false(measures("vi hcbench run"));
	assert_false(measures("not-hcbench run x"));
	assert_false(measures("hcbench"));
	assert_false(hcb_measures("", 0));
	/* Cut off before the verb's end. */
	assert_false(hcb_measures("hcbench\0run", 11));
}

static void test_looking_does_not_see_itself(void **state)
{
	(void)state;
	json_t *o = hcb_machine_look();
	const json_t *clock = json_object_get(o, "clock");
	assert_true(json_is_array(json_object_get(o, "others")));
	assert_true(json_number_value(json_object_get(clock, "unix_s")) > 1.6e9);
	assert_true(json_number_value(json_object_get(clock, "monotonic_s")) > 0);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_each_round_has_each_test_once),
	        cmocka_unit_test(test_order_is_balanced),
	        cmocka_unit_test(test_spread),
	        cmocka_unit_test(test_deadline),
	        cmocka_unit_test(test_settling_ends_with_the_deadline),
	        cmocka_unit_test(test_spread_ends_in_the_deadline),
	        cmocka_unit_test(test_fit),
	        cmocka_unit_test(test_each_state_is_a_reason),
	        cmocka_unit_test(test_health_others_silence),
	        cmocka_unit_test(test_clock),
	        cmocka_unit_test(test_night_goes_back),
	        cmocka_unit_test(test_days_after),
	        cmocka_unit_test(test_suspects),
	        cmocka_unit_test(test_who_measures),
	        cmocka_unit_test(test_looking_does_not_see_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
