/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bounds it: the decision, over the cases it has to tell apart. */
#include "hcb_test.h"

#include "bench/probe.h"

/* Three OSDs on 7200 rpm disks, 1 Gbit/s: what the lab shows. */
static struct hcb_probe_seen hdd_commit(void)
{
	return (struct hcb_probe_seen){
	        .ran = true,
	        .pool = true,
	        .one_by_one = true,
	        .durable = true,
	        .op_ns = 31.0e6,
	        .flush_ns = 0.08e6,
	        .disk_ns = 25.0e6,
	        .network_ns = 0.4e6,
	        .software_ns = 0.5e6,
	        .disk_busy = 0.78,
	        .port_busy = 0.01,
	        .host_busy = 0.25,
	        .bytes_per_s = 258e3,
	        .slow_osd = 1,
	        .busy_osd = 2,
	        .port = "10.99.0.1 (out)",
	        .port_capacity = 117e6,
	};
}

static struct hcb_probe_seen hdd_stream(void)
{
	struct hcb_probe_seen e = hdd_commit();
	e.one_by_one = e.durable = false;
	e.op_ns = 272e6;
	e.disk_ns = 99e6;
	e.network_ns = 27e6;
	e.disk_busy = 0.88;
	e.port_busy = 0.31;
	e.bytes_per_s = 30.9e6;
	return e;
}

static struct hcb_bound judge(const struct hcb_probe_seen *e)
{
	struct hcb_bound b;
	hcb_probe_judge(e, &b);
	return b;
}

static enum hcb_resource bound(const struct hcb_probe_seen *e)
{
	return judge(e).resource;
}

static void summary(const struct hcb_probe_seen *c, const struct hcb_probe_seen *s,
                    char *out, size_t size)
{
	struct hcb_bound cb = judge(c), sb = judge(s);
	hcb_probe_summary(c, &cb, s, &sb, out, size);
}

static void test_pool_of_slow_disks_is_bound_by_their_flush(void **state)
{
	(void)state;
	char text[600];
	struct hcb_probe_seen c = hdd_commit(), s = hdd_stream();
	struct hcb_bound b = judge(&c);
	assert_int_equal(b.resource, HCB_RES_FLUSH);
	assert_true(b.by_time);
	assert_close(b.part_ns, 25.0e6, 0);
	assert_close(b.rest_ns, 5.1e6, 1e-9);
	assert_int_equal(bound(&s), HCB_RES_DISK);
	assert_false(judge(&s).by_time);
	/* An OSD's mean is of other writes too, and no part is more than the whole. */
	c.disk_ns = 34e6;
	assert_close(judge(&c).part_ns, 31.0e6, 0);
	assert_close(judge(&c).rest_ns, 0, 0);
	c.disk_ns = 25e6;
	summary(&c, &s, text, sizeof(text));
	assert_int_equal(strncmp(text,
	                         "disk flush (a flushed 8 KiB write takes 31.0 ms, "
	                         "25.0 ms of it until osd.1",
	                         60),
	                 0);
	assert_has(text, "streams: disk (30.9 MB/s, osd.2 waits 88 % of the time");
}

/* The same pool behind 100 Mbit/s ports, as the lab shows it. */
static void test_narrow_ports_are_named_first(void **state)
{
	(void)state;
	char text[600];
	struct hcb_probe_seen c = hdd_commit(), s = hdd_stream();
	c.op_ns = 32.0e6;
	c.network_ns = 2.6e6;
	s.op_ns = 1421e6;
	s.disk_ns = 57e6;
	s.network_ns = 270e6;
	s.disk_busy = 0.31;
	s.port_busy = 0.92;
	s.port_capacity = 11.7e6;
	s.bytes_per_s = 6.2e6;
	assert_int_equal(bound(&c), HCB_RES_FLUSH);
	assert_int_equal(bound(&s), HCB_RES_NETWORK);
	summary(&c, &s, text, sizeof(text));
	assert_int_equal(strncmp(text, "network (streams: 6.20 MB/s, ", 29), 0);
	assert_has(text, "port 10.99.0.1 (out) carries 92 % of its 94 Mbit/s");
	assert_has(text, "; commits: disk flush (a flushed 8 KiB write takes 32.0 ms");
	/* Half of that load is still more than any disk's. */
	s.port_busy = 0.51;
	assert_int_equal(bound(&s), HCB_RES_NETWORK);
	s.tunnel = true;
	assert_int_equal(bound(&s), HCB_RES_TUNNEL);
}

/* Flash with a protected cache and long lines: most of a commit is on its way. */
static void test_round_trips_bound_commits_on_fast_disks(void **state)
{
	(void)state;
	char text[600];
	struct hcb_probe_seen c = hdd_commit(), s = hdd_stream();
	c.op_ns = 12.0e6;
	c.disk_ns = 0.3e6;
	c.network_ns = 10.5e6;
	assert_int_equal(bound(&c), HCB_RES_NETWORK);
	c.tunnel = true;
	assert_int_equal(bound(&c), HCB_RES_TUNNEL);
	summary(&c, &s, text, sizeof(text));
	assert_has(text,
	           "tunnel (a flushed 8 KiB write takes 12.0 ms, 10.5 ms of it round "
	           "trips and transfer)");
}

static void test_software_bounds_flash_on_a_fast_network(void **state)
{
	(void)state;
	struct hcb_probe_seen c = hdd_commit();
	c.op_ns = 0.8e6;
	c.disk_ns = 0.15e6;
	c.network_ns = 0.1e6;
	c.software_ns = 0.5e6;
	assert_int_equal(bound(&c), HCB_RES_PROCESSOR);
}

static void test_time_nobody_accounts_for_is_unclear(void **state)
{
	(void)state;
	char text[300];
	struct hcb_probe_seen c = hdd_commit();
	c.disk_ns = 5e6; /* 25 ms are nobody's */
	struct hcb_bound b = judge(&c);
	assert_int_equal(b.resource, HCB_RES_UNCLEAR);
	hcb_probe_sentence(&c, &b, "a write", text, sizeof(text));
	assert_string_equal(text, "a write takes 31.0 ms, 5.00 ms of it accounted for");
	/* On a host whose processors are full, that is what was waited for. */
	c.host_busy = 0.9;
	assert_int_equal(bound(&c), HCB_RES_PROCESSOR);
	/* But a busy host does not make a flush's time its own. */
	c = hdd_commit();
	c.host_busy = 1.0;
	assert_int_equal(bound(&c), HCB_RES_FLUSH);
}

/* A user who may not ask the OSDs. */
static void test_without_the_osds_word_the_disk_has_what_is_left(void **state)
{
	(void)state;
	struct hcb_probe_seen c = hdd_commit(), s = hdd_stream();
	c.disk_ns = c.disk_busy = s.disk_ns = s.disk_busy = -1;
	c.slow_osd = s.busy_osd = -1;
	struct hcb_bound b = judge(&c);
	assert_int_equal(b.resource, HCB_RES_FLUSH);
	assert_close(b.part_ns, 30.1e6, 1e-9);
	assert_true(b.rest_ns < 0);
	assert_int_equal(bound(&s), HCB_RES_DISK);
	s.port_busy = 0.95;
	assert_int_equal(bound(&s), HCB_RES_NETWORK);
	/* Without paths either, nothing can be said. */
	c.network_ns = c.software_ns = c.port_busy = -1;
	assert_int_equal(bound(&c), HCB_RES_UNCLEAR);
	memset(&c, 0, sizeof(c));
	assert_int_equal(bound(&c), HCB_RES_UNCLEAR);
}

static void test_a_full_processor_bounds_streams_if_nothing_is_fuller(void **state)
{
	(void)state;
	char text[600];
	struct hcb_probe_seen c = hdd_commit(), s = hdd_stream();
	s.disk_busy = 0.6;
	s.host_busy = 0.84; /* not full */
	assert_int_equal(bound(&s), HCB_RES_DISK);
	s.host_busy = 0.95;
	assert_int_equal(bound(&s), HCB_RES_PROCESSOR);
	summary(&c, &s, text, sizeof(text));
	assert_has(text, "processor (streams: 30.9 MB/s, this host's processors are 95 % "
	                 "busy); commits: disk flush");
	s.disk_busy = 0.1;
	assert_int_equal(bound(&s), HCB_RES_PROCESSOR);
	/* What keeps the host busy may be others: the disk is what has no time left. */
	s.disk_busy = 0.7;
	assert_int_equal(bound(&s), HCB_RES_DISK);
	s.disk_busy = 0.2;
	s.port_busy = 0.8;
	assert_int_equal(bound(&s), HCB_RES_NETWORK);
}

static void test_the_cap_is_named_and_what_comes_after_it(void **state)
{
	(void)state;
	char text[600];
	struct hcb_probe_seen c = hdd_commit(), s = hdd_stream();
	s.capped = true;
	s.bytes_per_s = 33.5e6;
	s.disk_busy = 0.2;
	s.port_busy = 0.6;
	struct hcb_bound b = judge(&s);
	assert_int_equal(b.resource, HCB_RES_CAP);
	assert_int_equal(b.next, HCB_RES_NETWORK);
	summary(&c, &s, text, sizeof(text));
	assert_int_equal(strncmp(text, "disk flush (", 12), 0);
	assert_has(text, "streams: rate cap (33.5 MB/s, held there; nearest to a limit: "
	                 "network, port 10.99.0.1 (out) carries 60 %");
	/* Had there been no cap it would not have been more. */
	s.port_busy = 0.86;
	assert_int_equal(bound(&s), HCB_RES_NETWORK);
}

static void test_one_disk(void **state)
{
	(void)state;
	char text[300];
	struct hcb_probe_seen e = {.ran = true,
	                           .one_by_one = true,
	                           .durable = true,
	                           .op_ns = 8.4e6,
	                           .flush_ns = 8.3e6,
	                           .disk_ns = -1,
	                           .network_ns = -1,
	                           .software_ns = -1,
	                           .disk_busy = -1,
	                           .port_busy = -1,
	                           .host_busy = -1};
	struct hcb_bound b = judge(&e);
	assert_int_equal(b.resource, HCB_RES_FLUSH);
	hcb_probe_sentence(&e, &b, "a write", text, sizeof(text));
	assert_string_equal(text,
	                    "a write takes 8.40 ms, nearly all of it the flush itself");
	/* Its cache off: the write waits for the platter, the flush for nothing. */
	e.flush_ns = 0.05e6;
	b = judge(&e);
	assert_int_equal(b.resource, HCB_RES_DISK);
	assert_close(b.part_ns, 8.35e6, 1e-9);
	/* Memory. */
	e.op_ns = 900;
	e.flush_ns = 300;
	assert_int_equal(bound(&e), HCB_RES_PROCESSOR);
	/* Many at once on a full host. */
	e.op_ns = 8.4e6;
	e.flush_ns = 8.3e6;
	e.host_busy = 0.9;
	assert_int_equal(bound(&e), HCB_RES_FLUSH);
	e.one_by_one = false;
	assert_int_equal(bound(&e), HCB_RES_PROCESSOR);
}

static void test_nothing_was_measured(void **state)
{
	(void)state;
	char text[300];
	struct hcb_probe_seen c = hdd_commit(), s = {.ran = false};
	summary(&c, &s, text, sizeof(text));
	assert_has(text, "streams: unclear (not measured)");
	c.ran = false;
	s = hdd_stream();
	summary(&c, &s, text, sizeof(text));
	assert_int_equal(strncmp(text, "disk (streams: ", 15), 0);
	assert_has(text, "commits: unclear (not measured)");
}

static void test_rates_in_words(void **state)
{
	(void)state;
	char b[32];
	assert_string_equal(hcb_fmt_rate(b, sizeof(b), 11.7e6), "11.7 MB/s");
	assert_string_equal(hcb_fmt_rate(b, sizeof(b), 258e3), "258 kB/s");
	assert_string_equal(hcb_fmt_rate(b, sizeof(b), 1.5e9), "1.50 GB/s");
	assert_string_equal(hcb_fmt_rate(b, sizeof(b), 12), "12.0 B/s");
	assert_string_equal(hcb_fmt_bitrate(b, sizeof(b), 11.75e6), "94 Mbit/s");
	assert_string_equal(hcb_fmt_bitrate(b, sizeof(b), 1.25e9), "10.0 Gbit/s");
	for (int r = 0; r < HCB_N_RES; r++)
		assert_true(hcb_resource_name((enum hcb_resource)r) &&
		            hcb_resource_key((enum hcb_resource)r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_pool_of_slow_disks_is_bound_by_their_flush),
	        cmocka_unit_test(test_narrow_ports_are_named_first),
	        cmocka_unit_test(test_round_trips_bound_commits_on_fast_disks),
	        cmocka_unit_test(test_software_bounds_flash_on_a_fast_network),
	        cmocka_unit_test(test_time_nobody_accounts_for_is_unclear),
	        cmocka_unit_test(test_without_the_osds_word_the_disk_has_what_is_left),
	        cmocka_unit_test(
	                test_a_full_processor_bounds_streams_if_nothing_is_fuller),
	        cmocka_unit_test(test_the_cap_is_named_and_what_comes_after_it),
	        cmocka_unit_test(test_one_disk),
	        cmocka_unit_test(test_nothing_was_measured),
	        cmocka_unit_test(test_rates_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
