/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a cluster counts as well, and when after a fault. */
#include "hcb_test.h"

#include "config.h"
#include "lab/client.h"
#include "lab/peered.h"

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

/* As Ceph 16.2.15 prints them. */
static json_t *osd(int id, int up, int from, int nonce)
{
	return json_pack("{s:i,s:i,s:i,s:{s:[{s:s,s:i},{s:s,s:i}]}}", "osd", id, "up", up,
	                 "up_from", from, "public_addrs", "addrvec", "type", "v2",
	                 "nonce", nonce, "type", "v1", "nonce", nonce);
}

static json_t *pg(const char *state, int epoch, int a, int b)
{
	return json_pack("{s:s,s:i,s:[ii],s:[ii]}", "state", state, "reported_epoch",
	                 epoch, "up", a, b, "acting", a, b);
}

static void test_an_osd_in_the_map_is_the_process_that_runs(void **state)
{
	const struct lab_booted want[] = {{0, 4000}, {1, 4001}, {2, 2004002}, {3, -1}};
	json_t *map =
	        json_pack("{s:[oooo]}", "osds", osd(0, 1, 9, 4000), osd(1, 1, 9, 2004001),
	                  osd(2, 1, 9, 2004002), osd(3, 1, 9, 4003));
	(void)state;
	/* 1 has taken a new address twice */
	assert_int_equal(lab_osds_booted(map, want, 4), 3);
	const struct lab_booted anew[] = {{0, 5000}, {1, 5001}, {2, 4002}, {3, 4003}};
	assert_int_equal(lab_osds_booted(map, anew, 4), 2);
	json_decref(map);
	map = json_pack("{s:[oo]}", "osds", osd(0, 0, 9, 4000), osd(7, 1, 9, 4001));
	assert_int_equal(lab_osds_booted(map, want, 2), 0); /* down; another's number */
	json_decref(map);
	map = json_object();
	assert_int_equal(lab_osds_booted(map, want, 4), 0);
	json_decref(map);
}

static void test_a_group_counts_once_reported_after_its_osds_came_up(void **state)
{
	json_t *map = json_pack("{s:[ooo]}", "osds", osd(0, 1, 20, 1), osd(1, 1, 22, 2),
	                        osd(2, 1, 15, 3));
	json_t *pgs =
	        json_pack("[ooooooo]", pg("active+clean", 22, 0, 1),
	                  pg("active+clean", 21, 0, 1), /* before osd.1 */
	                  pg("active+clean", 21, 0, 2),
	                  pg("active+clean", 19, 2, 0), /* before osd.0 */
	                  pg("active+clean+scrubbing", 30, 1, 2), pg("peering", 30, 1, 2),
	                  pg("active+recovery_unfound", 30, 1, 2));
	(void)state;
	assert_int_equal(lab_pgs_unsettled(map, pgs), 4);
	json_decref(pgs);
	/* what Ceph has put an OSD in for is in acting alone */
	pgs = json_pack("[{s:s,s:i,s:[i],s:[ii]}]", "state", "active+clean",
	                "reported_epoch", 21, "up", 0, "acting", 0, 1);
	assert_int_equal(lab_pgs_unsettled(map, pgs), 1);
	json_decref(pgs);
	json_decref(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_an_osd_in_the_map_is_the_process_that_runs),
	        cmocka_unit_test(
	                test_a_group_counts_once_reported_after_its_osds_came_up),
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
