/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `make bench` makes of its runs: figures and verdicts. */
#include "hcb_test.h"

/* perf/ is a program of its own, not in the library. */
#include "perf/compare.c"
#include "perf/figures.c"

static struct perf_figure figure(enum perf_sense sense, double goal, double value,
                                 double lo, double hi)
{
	return (struct perf_figure){.row = "r",
	                            .name = "n",
	                            .unit = "u",
	                            .ours = value,
	                            .theirs = NAN,
	                            .judged = {value, lo, hi},
	                            .is_ratio = true,
	                            .sense = sense,
	                            .goal = goal,
	                            .blocks = 3};
}

static void test_verdicts(void **state)
{
	static const struct {
		enum perf_sense sense;
		double goal, value, lo, hi;
		const char *verdict;
	} cases[] = {
	        {PERF_AT_LEAST, 1.5, 1.6, 1.55, 1.7, "met"},
	        {PERF_AT_LEAST, 1.5, 1.6, 1.4, 1.7, "met?"},
	        {PERF_AT_LEAST, 1.5, 1.5, 1.5, 1.5, "met"},
	        {PERF_AT_LEAST, 1.5, 1.4, 1.3, 1.6, "missed?"},
	        {PERF_AT_LEAST, 1.5, 1.4, 1.3, 1.45, "missed"},
	        {PERF_AT_LEAST, 1.5, 1.6, -INFINITY, INFINITY, "met?"},
	        {PERF_AT_MOST, 0.5, 0.4, 0.3, 0.45, "met"},
	        {PERF_AT_MOST, 0.5, 0.4, 0.3, 0.6, "met?"},
	        {PERF_AT_MOST, 0.5, 0.6, 0.55, 0.7, "missed"},
	        {PERF_AT_MOST, 0.5, 0.6, 0.4, 0.7, "missed?"},
	        {PERF_WITHIN, 0.03, 1.01, 0.98, 1.02, "met"},
	        {PERF_WITHIN, 0.03, 1.01, 0.98, 1.04, "met?"},
	        {PERF_WITHIN, 0.03, 1.05, 1.04, 1.06, "missed"},
	        {PERF_WITHIN, 0.03, 0.95, 0.94, 0.96, "missed"},
	        {PERF_WITHIN, 0.03, 1.05, 0.9, 1.2, "missed?"},
	        {PERF_WITHIN, 0.03, 1.05, 1.0, 1.1, "missed?"},
	        {PERF_SHOWN, 0, 2, 1, 3, "-"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct perf_figure f = figure(cases[i].sense, cases[i].goal,
		                              cases[i].value, cases[i].lo, cases[i].hi);
		assert_string_equal(perf_verdict(&f), cases[i].verdict);
	}
}

static void test_measures_of_a_run(void **state)
{
	/* 4000 ops at 1000/s: 4 s, of which 2 s on a processor */
	const struct perf_run r = {.ops = 4000,
	                           .rate_per_s = 1000,
	                           .cpu_s = 2,
	                           .p50_ns = 5000,
	                           .late_p99_ns = 7000};
	(void)state;
	assert_close(perf_get(&r, PERF_RATE), 1000, 0);
	assert_close(perf_get(&r, PERF_RATE_PER_CPU), 2000, 1e-9);
	assert_close(perf_get(&r, PERF_CPU_PER_OP), 500, 1e-9);
	assert_close(perf_get(&r, PERF_CPU_SHARE), 50, 1e-9);
	assert_close(perf_get(&r, PERF_P50), 5, 1e-9);
	assert_close(perf_get(&r, PERF_LATE_P99), 7, 1e-9);
}

static void test_figures_of_runs(void **state)
{
	static struct perf_report report;
	static struct perf_run runs[2][PERF_MAX_BLOCKS];
	struct perf_ctx c = {.blocks = 3, .report = &report};
	(void)state;
	for (int b = 0; b < 3; b++) {
		runs[0][b].rate_per_s = 20 + b;
		runs[1][b].rate_per_s = 10 + b / 2.0;
	}
	perf_add_ratio(&c, &(struct perf_goal){"r", "n", PERF_RATE, PERF_AT_LEAST, 1.5},
	               runs);
	perf_add_value(&c, &(struct perf_goal){"r", "n", PERF_RATE, PERF_AT_LEAST, 30},
	               runs, false);
	assert_int_equal(report.n_figures, 2);
	assert_close(report.figure[0].ours, 21, 1e-9);
	assert_close(report.figure[0].theirs, 10.5, 1e-9);
	assert_close(report.figure[0].judged.lo, 2, 1e-6);
	assert_close(report.figure[0].judged.hi, 2, 1e-6);
	assert_string_equal(perf_verdict(&report.figure[0]), "met");
	assert_true(isnan(report.figure[1].theirs));
	assert_close(report.figure[1].judged.value, 21, 1e-9);
	assert_string_equal(perf_verdict(&report.figure[1]), "missed");
}

/* The table and the JSON say the same; what JSON cannot hold is null. */
static void test_report(void **state)
{
	static struct perf_report r;
	char *text = NULL;
	size_t n = 0;
	(void)state;
	r.n_figures = 2;
	r.figure[0] = figure(PERF_AT_LEAST, 1.5, 1.25, 1.2, 1.3);
	r.figure[1] = figure(PERF_AT_MOST, 0.5, 0.4, -INFINITY, INFINITY);
	r.figure[1].row = "s";
	r.n_skips = 1;
	r.skip[0].row = "t";
	snprintf(r.skip[0].why, sizeof(r.skip[0].why), "needs root");
	FILE *f = open_memstream(&text, &n);
	assert_non_null(f);
	perf_print(&r, f);
	fclose(f);
	assert_non_null(strstr(text, "1.250 [1.200, 1.300]"));
	assert_non_null(strstr(text, "1 goal missed; r: n\n"));
	assert_non_null(strstr(text, "not measured: needs root"));
	free(text);

	json_t *doc = perf_to_json(&r);
	const json_t *figures = json_object_get(doc, "figures");
	const json_t *two = json_array_get(figures, 1);
	assert_int_equal(json_array_size(figures), 2);
	assert_string_equal(
	        json_string_value(json_object_get(json_array_get(figures, 0), "verdict")),
	        "missed");
	assert_true(json_is_null(json_array_get(json_object_get(two, "interval95"), 0)));
	assert_true(json_is_null(json_object_get(two, "fio")));
	assert_int_equal(json_array_size(json_object_get(doc, "not_measured")), 1);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_verdicts),
	        cmocka_unit_test(test_measures_of_a_run),
	        cmocka_unit_test(test_figures_of_runs),
	        cmocka_unit_test(test_report),
	};
	return cmocka_run_group_tests_name("perf", tests, NULL, NULL);
}
