/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What /proc's texts say, and that our own process is in them. */
#include "hcb_test.h"

#include <unistd.h>

#include "bench/core/procstat.h"

static void test_cpu_of_a_stat_line(void **state)
{
	uint64_t ticks = 0;
	(void)state;
	assert_true(hcb_proc_cpu_ticks("7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 3 0 "
	                               "250 40 9 9 20 0 1 0 55 1000 200\n",
	                               &ticks));
	assert_int_equal(ticks, 290);
	assert_false(
	        hcb_proc_cpu_ticks("7 (a) S 1 7 7 0 -1 4194560 100 0 3 0 250", &ticks));
	assert_false(hcb_proc_cpu_ticks("", &ticks));
}

static void test_packets_of_a_line(void **state)
{
	static const char line[] = "hcb-admin: 5000 40 1 2 0 0 0 3 700 6 0 0 0 0 0 0\n";
	struct hcb_proc_traffic t;
	(void)state;
	assert_true(hcb_proc_net_line(line, "hcb-admin", &t));
	assert_int_equal(t.packets, 46);
	assert_int_equal(t.bytes, 5700);
	assert_false(hcb_proc_net_line(line, "hcb-adm", &t));
	assert_false(hcb_proc_net_line(line, "hcb-admin2", &t));
	assert_false(hcb_proc_net_line("hcb-admin: 5000 40", "hcb-admin", &t));
	/* The two lines of headings. */
	assert_false(hcb_proc_net_line(" face |bytes    packets errs", "face", &t));
}

static void test_of_this_process(void **state)
{
	uint64_t before, after, busy, later;
	struct hcb_proc_traffic t;
	(void)state;
	assert_true(hcb_proc_cpu_ns(getpid(), &before));
	assert_true(hcb_machine_busy_ns(&busy));
	/* Until a tick or two are counted; without one this would not end. */
	do
		assert_true(hcb_proc_cpu_ns(getpid(), &after));
	while (after == before);
	assert_true(hcb_machine_busy_ns(&later));
	assert_true(later >= busy);
	assert_true(hcb_proc_traffic(getpid(), "lo", &t));
	assert_false(hcb_proc_traffic(getpid(), "no-such", &t));
	assert_false(hcb_proc_cpu_ns(-1, &before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_cpu_of_a_stat_line),
	        cmocka_unit_test(test_packets_of_a_line),
	        cmocka_unit_test(test_of_this_process),
	};
	return cmocka_run_group_tests_name("procstat", tests, NULL, NULL);
}
