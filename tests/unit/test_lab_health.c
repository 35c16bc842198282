/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a cluster counts as well, and when after a fault. */
#include "hcb_test.h"

#include "config.h"
#include "lab/client.h"

#ifdef HCB_HAVE_RADOS

static struct lab_cluster_state good(void)
{
	return (struct lab_cluster_state){.health = "HEALTH_OK",
	                                  .osds = 3,
	                                  .osds_up = 3,
	                                  .pgs = 128,
	                                  .pgs_clean = 128,
	                                  .mons = 3,
	                                  .mgr = true};
}

static bool recovered(const char *health, const char *checks)
{
	struct lab_cluster_state st = good();
	snprintf(st.health, sizeof(st.health), "%s", health);
	snprintf(st.checks, sizeof(st.checks), "%s", checks);
	return lab_cluster_recovered(&st, 3, 128, 3);
}

static void test_good_is_all_of_it(void **state)
{
	struct lab_cluster_state st = good();
	(void)state;
	assert_true(lab_cluster_good(&st, 3, 128, 3));
	assert_false(lab_cluster_good(&st, 4, 128, 3));
	assert_false(lab_cluster_good(&st, 3, 129, 3));
	assert_false(lab_cluster_good(&st, 3, 128, 2));
	st.pgs_clean = 127;
	assert_false(lab_cluster_good(&st, 3, 128, 3));
	st = good();
	st.mgr = false;
	assert_false(lab_cluster_good(&st, 3, 128, 3));
}

static void test_slow_heartbeats_are_history_and_nothing_else_is(void **state)
{
	struct lab_cluster_state st = good();
	(void)state;
	assert_true(recovered("HEALTH_OK", ""));
	assert_true(recovered("HEALTH_WARN", "OSD_SLOW_PING_TIME_BACK"));
	assert_true(recovered("HEALTH_WARN",
	                      "OSD_SLOW_PING_TIME_BACK OSD_SLOW_PING_TIME_FRONT"));
	assert_false(recovered("HEALTH_WARN", ""));
	assert_false(recovered("HEALTH_WARN", "MON_DOWN"));
	assert_false(recovered("HEALTH_WARN", "MON_DOWN OSD_SLOW_PING_TIME_BACK"));
	assert_false(recovered("HEALTH_WARN", "OSD_SLOW_PING_TIME_BACK PG_DEGRADED"));
	snprintf(st.checks, sizeof(st.checks), "OSD_SLOW_PING_TIME_BACK");
	snprintf(st.health, sizeof(st.health), "HEALTH_WARN");
	st.osds_up = 2;
	assert_false(lab_cluster_recovered(&st, 3, 128, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_good_is_all_of_it),
	        cmocka_unit_test(test_slow_heartbeats_are_history_and_nothing_else_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void test_nothing(void **state)
{
	(void)state;
	print_message("built without librados\n");
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
