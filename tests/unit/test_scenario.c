/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hcb_test.h"

#include "bench/core/scenario.h"
#include "hcb_fixtures.h"

static struct hcb_scenario s;

static int read_fixture(const char *path, struct hcb_err *err)
{
	return hcb_scenario_read(path, &s, err);
}

static void read_good(const char *name)
{
	char path[512];
	struct hcb_err err = HCB_ERR_INIT;
	snprintf(path, sizeof(path), "%s/tests/fixtures/scenario/%s", hcb_test_src(),
	         name);
	assert_ok(read_fixture(path, &err), &err);
}

static void test_every_check_refuses_its_file(void **state)
{
	(void)state;
	hcb_fixtures_refused("scenario", 36, read_fixture);
}

static void check_on(const struct hcb_scenario_on *on, const char *volume,
                     const char *target, int line)
{
	assert_string_equal(on->volume, volume);
	assert_string_equal(on->target, target);
	assert_int_equal(on->line, line);
}

static void test_everything_said_is_read(void **state)
{
	(void)state;
	read_good("good-full.ini");
	assert_string_equal(s.cluster, "seed-tinc");
	assert_true(s.duration_ns == 900000000000ULL);
	assert_true(s.warmup_said && !s.warmup_auto);
	assert_true(s.warmup_ns == 30000000000ULL);
	assert_true(s.seed_said);
	assert_int_equal(s.seed, 7);
	assert_int_equal(s.repeat, 3);
	assert_int_equal(s.clock, HCB_CLOCK_REAL);
	assert_int_equal(s.n_workloads, 2);
	const struct hcb_scenario_workload *w = &s.workloads[0];
	assert_string_equal(w->name, "db");
	assert_string_equal(w->type, "postgres");
	assert_int_equal(w->line, 9);
	assert_int_equal(w->n_params, 1);
	assert_string_equal(w->params[0].pair, "rate=40/s");
	assert_int_equal(w->params[0].line, 11);
	assert_int_equal(w->n_ons, 2);
	check_on(&w->ons[0], "all", "rbd:main/db,id=admin", 12);
	check_on(&w->ons[1], "wal", "hdd:generic-7200,cache=on", 13);
	w = &s.workloads[1];
	assert_int_equal(w->n_params, 2);
	assert_string_equal(w->params[0].pair, "users=5000");
	assert_string_equal(w->params[1].pair, "user=1");
	assert_int_equal(w->n_ons, 2);
	check_on(&w->ons[0], "redis", "rbd:main/media", 17);
	check_on(&w->ons[1], "media", "rbd:main/media", 17);
}

static void test_faults_come_in_order_of_time_then_of_the_file(void **state)
{
	static const struct {
		uint64_t at_s;
		const char *verb, *args;
	} want[] = {
	        {30, "kill-host", "h2"}, {30, "slow-link", "h3 10ms"}, {60, "heal", ""}};
	(void)state;
	read_good("good-full.ini");
	assert_int_equal(s.n_faults, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(s.faults[i].at_ns == want[i].at_s * 1000000000);
		assert_string_equal(s.faults[i].verb, want[i].verb);
		assert_string_equal(s.faults[i].args, want[i].args);
	}
}

static void test_unsaid_is_told_from_said(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	read_good("good-least.ini");
	assert_string_equal(s.cluster, "");
	assert_int_equal(s.duration_ns, 0);
	assert_false(s.warmup_said);
	assert_false(s.seed_said);
	assert_int_equal(s.repeat, 0);
	assert_int_equal(s.clock, HCB_CLOCK_UNSAID);
	assert_int_equal(s.n_faults, 0);
	assert_ok(hcb_scenario_read_string(
	                  "[scenario]\nseed = 0\nwarmup = auto\nclock = virtual\n"
	                  "[workload a]\ntype = x\non = all: null:\n",
	                  "x", &s, &err),
	          &err);
	assert_true(s.seed_said && s.warmup_said && s.warmup_auto);
	assert_int_equal(s.clock, HCB_CLOCK_VIRTUAL);
	assert_ok(hcb_scenario_read_string("[scenario]\nwarmup = 0s\n"
	                                   "[workload a]\ntype = x\non = all: null:\n",
	                                   "x", &s, &err),
	          &err);
	assert_true(s.warmup_said && !s.warmup_auto && s.warmup_ns == 0);
}

static void test_fault_of_the_command_line(void **state)
{
	static const char *const bad[] = {
	        "",
	        "kill-host h2",
	        "at=30s",
	        "at=30s ",
	        "at= kill-host h2",
	        "at=30 x",
	        "at=-1s kill-host h2",
	        "at=30s Kill h2",
	        "30s kill-host",
	        "at",
	        "at=99999999999999999999999999999999999999999s x"};
	struct hcb_fault f;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_ok(hcb_fault_parse("at=30s kill-host h2", &f, &err), &err);
	assert_true(f.at_ns == 30000000000ULL);
	assert_string_equal(f.verb, "kill-host");
	assert_string_equal(f.args, "h2");
	assert_ok(hcb_fault_parse("at=0 \t heal", &f, &err), &err);
	assert_int_equal(f.at_ns, 0);
	assert_string_equal(f.args, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_fails(hcb_fault_parse(bad[i], &f, &err), &err, HCB_EXIT_USAGE,
		             "fault ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_check_refuses_its_file),
	        cmocka_unit_test(test_everything_said_is_read),
	        cmocka_unit_test(test_faults_come_in_order_of_time_then_of_the_file),
	        cmocka_unit_test(test_unsaid_is_told_from_said),
	        cmocka_unit_test(test_fault_of_the_command_line),
	};
	return cmocka_run_group_tests_name("scenario", tests, NULL, NULL);
}
