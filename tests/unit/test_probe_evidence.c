/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From documents to evidence. The counters are those of a three-OSD lab, client on the
 * first host, while 1 MiB writes went to it for 9 s through 1 Gbit/s ports.
 */
#include "hcb_test.h"

#include "bench/probe_evidence.h"
#include "engines/ceph_survey.h"

static json_t *parse(const char *text)
{
	json_error_t e;
	json_t *o = json_loads(text, 0, &e);
	if (!o)
		fail_msg("%s at %d: %s", e.text, e.position, text);
	return o;
}

static const char *const run_text =
        "{\"run\":{\"duration_s\":8.0,\"drained_s\":9.0,\"params\":{\"bs_bytes\":1048576}"
        "},"
        "\"validity\":{\"host_busy\":0.32},\"totals\":{\"held\":0},"
        "\"transactions\":[{\"name\":\"io\",\"count\":236,\"rate_per_s\":29.5,"
        "\"service_ns\":{\"mean\":271820108.0}},{\"name\":\"durable\",\"count\":10,"
        "\"rate_per_s\":5.0,\"service_ns\":{\"mean\":300.0}}],"
        "\"streams\":[{\"name\":\"write\"},{\"name\":\"flush\",\"service_ns\":{\"mean\":"
        "90.0}}],"
        "\"osd\":["
        "{\"id\":0,\"bluestore\":{\"commit_lat_count\":201,\"commit_lat_ns\":19937659808,"
        "\"kv_sync_lat_count\":147,\"kv_sync_lat_ns\":7891859537},\"osd\":{\"op_w\":22,"
        "\"op_w_in_bytes\":37748736,\"op_out_bytes\":0,\"subop_w_in_bytes\":253883367}},"
        "{\"id\":1,\"bluestore\":{\"commit_lat_count\":201,\"commit_lat_ns\":18828287514,"
        "\"kv_sync_lat_ns\":7786472687},\"osd\":{\"op_w\":73,\"op_w_in_bytes\":138412032,"
        "\"op_out_bytes\":0,\"subop_w_in_bytes\":153160256}},"
        "{\"id\":2,\"bluestore\":{\"commit_lat_count\":201,\"commit_lat_ns\":16848555258,"
        "\"kv_sync_lat_ns\":7660966633},\"osd\":{\"op_w\":74,\"op_w_in_bytes\":115343360,"
        "\"op_out_bytes\":9000000,\"subop_w_in_bytes\":176251955}},"
        "{\"id\":3,\"bluestore\":{\"commit_lat_count\":4,\"commit_lat_ns\":99e9}}]}";

static const char *const osds_text =
        "[{\"id\":0,\"address\":\"10.0.0.1\",\"cluster_address\":\"10.0.0.1\"},"
        "{\"id\":1,\"address\":\"10.0.0.2\",\"cluster_address\":\"10.0.0.2\"},"
        "{\"id\":2,\"address\":\"10.0.0.3\",\"cluster_address\":\"10.0.0.3\"},"
        "{\"id\":3,\"address\":\"10.0.0.3\",\"cluster_address\":\"10.0.0.3\"},"
        "{\"id\":9,\"address\":\"10.0.0.9\",\"cluster_address\":\"10.0.0.9\"}]";

static const char *const paths_text =
        "[{\"address\":\"10.0.0.1\",\"local\":true,\"tunnel\":false,\"rtt_ns\":20000,"
        "\"answer_ns\":220000,\"from_osd_bytes_per_s\":4e8,\"to_osd_bytes_per_s\":4e8},"
        "{\"address\":\"10.0.0.2\",\"local\":false,\"tunnel\":false,\"rtt_ns\":90000,"
        "\"answer_ns\":290000,\"from_osd_bytes_per_s\":1.15e8,\"to_osd_bytes_per_s\":1."
        "17e8},"
        "{\"address\":\"10.0.0.3\",\"local\":false,\"tunnel\":false,\"rtt_ns\":80000,"
        "\"answer_ns\":280000,\"from_osd_bytes_per_s\":1.14e8,\"to_osd_bytes_per_s\":1."
        "16e8}]";

struct world {
	json_t *run, *osds, *paths;
	struct hcb_probe_facts facts;
	struct hcb_probe_seen seen;
};

static void look(struct world *w)
{
	w->facts.run = w->run;
	w->facts.osds = w->osds;
	w->facts.paths = w->paths;
	hcb_probe_see(&w->facts, &w->seen);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	w->run = parse(run_text);
	w->osds = parse(osds_text);
	w->paths = parse(paths_text);
	w->facts.pool = true;
	look(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	json_decref(w->run);
	json_decref(w->osds);
	json_decref(w->paths);
	free(w);
	return 0;
}

#define PASSED_ON                                                                        \
	((253883367.0 + 153160256 + 176251955) / (37748736.0 + 138412032 + 115343360))

static void test_the_client_and_its_disks(void **state)
{
	struct world *w = *state;
	assert_true(w->seen.ran && w->seen.pool && !w->seen.tunnel && !w->seen.capped);
	assert_close(w->seen.op_ns, 271820108, 0);
	assert_close(w->seen.bytes_per_s, 29.5 * 1048576, 1e-12);
	assert_close(w->seen.host_busy, 0.32, 0);
	assert_close(w->seen.disk_ns, 19937659808.0 / 201, 1e-12);
	assert_int_equal(w->seen.slow_osd, 0); /* osd.3 committed too little to count */
	assert_close(w->seen.disk_busy, 7.891859537 / 9, 1e-12);
	assert_int_equal(w->seen.busy_osd, 0);
	w->facts.durable = true;
	look(w);
	assert_close(w->seen.op_ns, 300, 0);
	assert_close(w->seen.flush_ns, 90, 0);
}

/* 103 writes of 20 ms, and 38 of the OSD's own that waited for 360 ms. */
static void test_an_osds_own_transactions_are_not_the_clients(void **state)
{
	json_t *osd = parse("{\"bluestore\":{\"commit_lat_count\":141,"
	                    "\"commit_lat_ns\":15740000000},"
	                    "\"osd\":{\"op_w_latency_count\":40,"
	                    "\"op_w_latency_ns\":1000000000,"
	                    "\"subop_w_latency_count\":60,"
	                    "\"subop_w_latency_ns\":1200000000}}");
	(void)state;
	assert_close(hcb_probe_osd_commit(osd), 22e6, 1e-12);
	json_object_del(json_object_get(osd, "osd"), "op_w_latency_count");
	json_object_del(json_object_get(osd, "osd"), "subop_w_latency_count");
	assert_close(hcb_probe_osd_commit(osd), 15740e6 / 141, 1e-12);
	json_decref(osd);
}

static void test_the_clients_own_port_has_most_to_do(void **state)
{
	struct world *w = *state;
	double out = 138412032.0 + 115343360 + 37748736 * PASSED_ON;
	assert_string_equal(w->seen.port, "10.0.0.1 (out)");
	assert_close(w->seen.port_capacity, 1.17e8, 0);
	assert_close(w->seen.port_busy, out / 9 / 1.17e8, 1e-12);
}

static void test_a_client_elsewhere_has_a_port_of_its_own(void **state)
{
	struct world *w = *state;
	json_object_set_new(json_array_get(w->paths, 0), "local", json_false());
	json_object_set_new(json_array_get(w->paths, 0), "to_osd_bytes_per_s",
	                    json_real(1.18e8));
	look(w);
	/* All that is written leaves it; each host takes all of it in, once. */
	double out = 37748736.0 + 138412032 + 115343360;
	double in = 115343360.0 + 176251955;
	assert_string_equal(w->seen.port, "10.0.0.3 (in)");
	assert_close(w->seen.port_busy, in / 9 / 1.16e8, 1e-12);
	json_object_set_new(json_array_get(w->paths, 2), "to_osd_bytes_per_s",
	                    json_real(1.18e8));
	look(w);
	assert_string_equal(w->seen.port, "10.0.0.2 (in)");
	assert_close(w->seen.port_busy, (138412032.0 + 153160256) / 9 / 1.17e8, 1e-12);
	assert_true(out / 1.18e8 < (138412032.0 + 153160256) / 1.17e8);
}

static void test_a_network_of_the_osds_own_is_left_out(void **state)
{
	struct world *w = *state;
	size_t i;
	json_t *osd;
	json_array_foreach(w->osds, i, osd)
	        json_object_set_new(osd, "cluster_address", json_string("10.9.9.9"));
	json_object_set_new(json_array_get(w->osds, 1), "ping_mean_ns",
	                    json_integer(5000000));
	look(w);
	assert_string_equal(w->seen.port, "10.0.0.1 (out)");
	assert_close(w->seen.port_busy, (138412032.0 + 115343360) / 9 / 1.17e8, 1e-12);
	/* and the round trip to the replicas is what the OSDs ping there. */
	assert_true(w->seen.network_ns > 5e6);
}

static void test_what_the_way_costs(void **state)
{
	struct world *w = *state;
	double n = 22 + 73 + 74;
	double rtt = (22 * 20000.0 + 73 * 90000 + 74 * 80000) / n;
	double there = 1048576 * 1e9 * (73 / 1.17e8 + 74 / 1.16e8) / n;
	/* osd.3 shares osd.2's host: a path for each OSD */
	double on = 1048576 * PASSED_ON / ((1.17e8 + 1.16e8 + 1.16e8) / 3) * 1e9;
	assert_close(w->seen.network_ns, rtt + there + 90000 + on, 1e-9);
	assert_close(w->seen.software_ns, 2 * 200000, 1e-9);
}

static void test_tunnels_and_caps(void **state)
{
	struct world *w = *state;
	json_object_set_new(json_array_get(w->paths, 1), "tunnel", json_true());
	json_object_set_new(json_object_get(w->run, "totals"), "held", json_integer(3));
	w->facts.cap_bytes_per_s = 31 * 1048576;
	look(w);
	assert_true(w->seen.tunnel && w->seen.capped); /* 29.5 of 31 */
	w->facts.cap_bytes_per_s = 32 * 1048576;
	look(w);
	assert_false(w->seen.capped); /* one second of it only, then */
	w->facts.cap_bytes_per_s = 31 * 1048576;
	json_object_set_new(json_object_get(w->run, "totals"), "held", json_integer(0));
	look(w);
	assert_false(w->seen.capped);
}

static void test_what_is_missing_is_not_known(void **state)
{
	struct world *w = *state;
	json_t *osd_counts = json_incref(json_object_get(w->run, "osd"));
	json_object_del(w->run, "osd"); /* a user who may not ask them */
	look(w);
	double there = 1048576 * 1e9 * (1 / 1.17e8 + 2 / 1.16e8) / 4;
	double rtt = (20000.0 + 90000 + 80000 + 80000) / 4;
	assert_close(w->seen.network_ns, rtt + there, 1e-9);
	assert_close(w->seen.software_ns, 2 * 200000, 1e-9);
	assert_true(w->seen.disk_ns < 0 && w->seen.port_busy <= 0);
	json_object_set_new(w->run, "osd", osd_counts);
	json_array_clear(w->paths);
	look(w);
	assert_true(w->seen.port_busy < 0 && w->seen.network_ns < 0 &&
	            w->seen.software_ns < 0);
	assert_true(w->seen.disk_ns > 0);
	json_object_del(w->run, "osd");
	look(w);
	assert_true(w->seen.disk_ns < 0 && w->seen.disk_busy < 0 && w->seen.slow_osd < 0);
	assert_true(w->seen.ran);
	json_decref(w->run);
	w->run = json_object();
	look(w);
	assert_false(w->seen.ran);
	struct hcb_probe_facts none = {.pool = true};
	hcb_probe_see(&none, &w->seen);
	assert_false(w->seen.ran);
}

/* ---- the survey's answers ---- */

static void test_addresses(void **state)
{
	char host[40];
	uint16_t port;
	(void)state;
	assert_true(
	        hcb_ceph_split_address("10.99.0.1:6800/4574", host, sizeof(host), &port));
	assert_string_equal(host, "10.99.0.1");
	assert_int_equal(port, 6800);
	assert_true(hcb_ceph_split_address("[fd00::2]:6801", host, sizeof(host), &port));
	assert_string_equal(host, "fd00::2");
	assert_int_equal(port, 6801);
	static const char *const bad[] = {
	        "",           "10.0.0.1", ":6800",   "10.0.0.1:", "[fd00::2]",
	        "[fd00::2:1", "a:0",      "a:65536", "a:1x",      "[]:1"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(hcb_ceph_split_address(bad[i], host, sizeof(host), &port));
	assert_false(hcb_ceph_split_address("10.99.0.100:1", host, 11, &port));
}

static void test_osds_and_their_pings(void **state)
{
	(void)state;
	json_t *dump = parse(
	        "{\"osds\":[{\"osd\":0,\"up\":1,\"public_addrs\":{\"addrvec\":[{\"type\":"
	        "\"v2\",\"addr\":\"10.99.0.1:6800\",\"nonce\":1},{\"type\":\"v1\","
	        "\"addr\":"
	        "\"10.99.0.1:6801\"}]},\"cluster_addrs\":{\"addrvec\":[{\"type\":\"v2\","
	        "\"addr\":\"10.1.0.1:6802\"}]}},{\"osd\":1,\"up\":0},{\"osd\":2,\"up\":1,"
	        "\"public_addr\":\"10.99.0.3:6801/77\",\"cluster_addr\":\":/0\"}]}");
	json_t *meta = parse("[{\"id\":0,\"hostname\":\"pve1\",\"rotational\":\"1\","
	                     "\"journal_rotational\":\"0\",\"devices\":\"sdb\","
	                     "\"device_ids\":\"\"}]");
	json_t *tree = parse("{\"nodes\":[{\"id\":-3,\"name\":\"h1\",\"type\":\"host\","
	                     "\"children\":[0]},{\"id\":0,\"type\":\"osd\","
	                     "\"device_class\":\"hdd\"}]}");
	json_t *got = hcb_ceph_osd_list(dump, meta, tree);
	json_t *pings = parse(
	        "{\"entries\":[{\"stale\":false,\"interface\":\"back\",\"average\":{"
	        "\"1min\":0.5}},{\"stale\":false,\"interface\":\"back\",\"average\":{"
	        "\"1min\":1.5}},{\"stale\":false,\"interface\":\"front\",\"average\":{"
	        "\"1min\":9}},{\"stale\":true,\"interface\":\"back\",\"average\":{"
	        "\"1min\":99}}]}");
	hcb_ceph_add_pings(json_array_get(got, 0), pings);
	hcb_ceph_add_pings(json_array_get(got, 1), NULL);
	json_t *want = parse(
	        "[{\"id\":0,\"address\":\"10.99.0.1\",\"port\":6800,\"cluster_address\":"
	        "\"10.1.0.1\",\"host\":\"h1\",\"class\":\"hdd\",\"rotational\":true,"
	        "\"log_rotational\":false,\"node\":\"pve1\",\"devices\":\"sdb\","
	        "\"device_ids\":null,\"ping_mean_ns\":1000000,\"ping_max_ns\":1500000},"
	        "{\"id\":2,\"address\":\"10.99.0.3\",\"port\":6801,\"cluster_address\":"
	        "null,\"host\":null,\"class\":null,\"rotational\":null,"
	        "\"log_rotational\":null,\"node\":null,\"devices\":null,\"device_ids\":"
	        "null,\"ping_mean_ns\":null,\"ping_max_ns\":null}]");
	assert_true(json_equal(got, want));
	json_decref(dump);
	json_decref(meta);
	json_decref(tree);
	json_decref(pings);
	json_decref(got);
	json_decref(want);
}

int main(void)
{
#define IN_WORLD(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	        IN_WORLD(test_the_client_and_its_disks),
	        cmocka_unit_test(test_an_osds_own_transactions_are_not_the_clients),
	        IN_WORLD(test_the_clients_own_port_has_most_to_do),
	        IN_WORLD(test_a_client_elsewhere_has_a_port_of_its_own),
	        IN_WORLD(test_a_network_of_the_osds_own_is_left_out),
	        IN_WORLD(test_what_the_way_costs),
	        IN_WORLD(test_tunnels_and_caps),
	        IN_WORLD(test_what_is_missing_is_not_known),
	        cmocka_unit_test(test_addresses),
	        cmocka_unit_test(test_osds_and_their_pings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
