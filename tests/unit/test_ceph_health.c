/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `status` and `perf dump` answer, read without a cluster: which states stop a run,
 * and which numbers come out; and the queue between a library's threads and the run loop.
 */
#include "hcb_test.h"

#include "config.h"

#ifdef HCB_HAVE_RADOS
#include <poll.h>
#include <pthread.h>

#include "engines/ceph_conn.h"

static struct hcb_ceph_health read_status(const char *text)
{
	struct hcb_ceph_health h;
	json_t *o = json_loads(text, 0, NULL);
	assert_non_null(o);
	hcb_ceph_health_read(o, &h);
	json_decref(o);
	return h;
}

static void test_states_that_stop_a_run(void **state)
{
	static const char *const checks[] = {"OSD_NEARFULL", "OSD_BACKFILLFULL",
	                                     "OSD_FULL", "POOL_NEARFULL", "POOL_FULL"};
	char text[400];
	uint32_t all = 0;
	(void)state;
	for (size_t i = 0; i < 5; i++) {
		snprintf(text, sizeof(text),
		         "{\"health\":{\"status\":\"HEALTH_WARN\",\"checks\":{\"OSD_"
		         "DOWN\":{"
		         "\"severity\":\"HEALTH_WARN\",\"summary\":{\"message\":\"1 "
		         "down\"}},"
		         "\"%s\":{\"severity\":\"HEALTH_WARN\",\"summary\":{\"message\":"
		         "\"too much\"}}}}}",
		         checks[i]);
		struct hcb_ceph_health h = read_status(text);
		assert_int_not_equal(h.bad, 0);
		assert_int_equal(h.bad & all, 0); /* a bit of its own */
		all |= h.bad;
		assert_has(h.text, checks[i]);
		assert_has(h.text, "too much");
		assert_has(h.checks, "OSD_DOWN, ");
	}
	struct hcb_ceph_health h = read_status(
	        "{\"health\":{\"status\":\"HEALTH_ERR\",\"checks\":{\"OSD_DOWN\":{"
	        "\"severity\":"
	        "\"HEALTH_WARN\",\"summary\":{\"message\":\"1 down\"}},\"PG_DAMAGED\":{"
	        "\"severity\":\"HEALTH_ERR\",\"summary\":{\"message\":\"1 pg\"}}}}}");
	assert_int_equal(h.bad & all, 0);
	assert_int_not_equal(h.bad, 0);
	assert_string_equal(h.text, "PG_DAMAGED: 1 pg");

	/* What somebody muted is not the reason; a muted full pool is full all the same.
	 */
	h = read_status(
	        "{\"health\":{\"status\":\"HEALTH_WARN\",\"checks\":{"
	        "\"MGR_MODULE_ERROR\":{\"severity\":\"HEALTH_ERR\",\"muted\":true,"
	        "\"summary\":{\"message\":\"10 failed\"}},\"POOL_FULL\":{"
	        "\"severity\":\"HEALTH_WARN\",\"muted\":true,\"summary\":{"
	        "\"message\":\"1 full\"}}}}}");
	assert_int_not_equal(h.bad & all, 0);
	assert_string_equal(h.text, "POOL_FULL: 1 full");
}

static void test_states_that_do_not(void **state)
{
	(void)state;
	struct hcb_ceph_health h = read_status(
	        "{\"health\":{\"status\":\"HEALTH_WARN\",\"checks\":{\"OSD_DOWN\":{"
	        "\"severity\":"
	        "\"HEALTH_WARN\",\"summary\":{\"message\":\"1 down\"}}}},\"osdmap\":{"
	        "\"num_up_osds\":2,\"num_in_osds\":3},\"pgmap\":{\"pgs_by_state\":[{"
	        "\"state_name\":\"active+clean+scrubbing+deep\",\"count\":1},{\"state_"
	        "name\":"
	        "\"active+undersized+degraded+remapped+backfill_wait\",\"count\":2}]}}");
	assert_int_equal(h.bad, 0);
	assert_true(h.known && h.scrub && h.recovery && h.degraded);
	assert_int_equal(h.osds_up, 2);
	assert_int_equal(h.osds_in, 3);
	h = read_status(
	        "{\"health\":{\"status\":\"HEALTH_OK\",\"checks\":{}},\"pgmap\":{"
	        "\"pgs_by_state\":[{\"state_name\":\"active+clean\",\"count\":32}]}}");
	assert_true(h.known && !h.bad && !h.scrub && !h.recovery && !h.degraded);
	h = read_status("{}");
	assert_false(h.known);
}

static void test_osd_counters_are_integers(void **state)
{
	(void)state;
	json_t *dump = json_loads(
	        "{\"bluestore\":{\"kv_commit_lat\":{\"avgcount\":3,\"sum\":0.000000500,"
	        "\"avgtime\":1e-7},\"deferred_write_ops\":7,\"bluestore_onodes\":5},"
	        "\"osd\":{\"op_w\":9,\"subop_w_latency\":{\"avgcount\":1,\"sum\":2."
	        "000000001},"
	        "\"osd_map_bl_cache_miss_avg\":{\"avgcount\":1,\"sum\":2}},\"cct\":{"
	        "\"x\":1}}",
	        0, NULL);
	json_t *got = hcb_ceph_osd_counters(dump);
	json_t *want = json_loads(
	        "{\"bluestore\":{\"kv_commit_lat_count\":3,\"kv_commit_lat_ns\":500,"
	        "\"deferred_write_ops\":7},\"osd\":{\"op_w\":9,\"subop_w_latency_count\":"
	        "1,"
	        "\"subop_w_latency_ns\":2000000001}}",
	        0, NULL);
	assert_non_null(want);
	assert_true(json_equal(got, want));
	json_decref(dump);
	json_decref(got);
	json_decref(want);
}

static void test_client_counters_find_the_image(void **state)
{
	(void)state;
	json_t *dump = json_loads(
	        "{\"librbd-10ab-main-db\":{\"wr\":4,\"wr_bytes\":16384,"
	        "\"opened_time\":1.5},\"objecter\":{\"op_w\":4,\"linger_ping\":"
	        "2},\"finisher-librbd::x\":{\"queue_len\":1}}",
	        0, NULL);
	json_t *got = hcb_ceph_client_counters(dump);
	json_t *want = json_loads(
	        "{\"wr\":4,\"wr_bytes\":16384,\"objecter\":{\"op_w\":4}}", 0, NULL);
	assert_true(json_equal(got, want));
	json_decref(dump);
	json_decref(got);
	json_decref(want);
}

static void test_marks(void **state)
{
	(void)state;
	json_t *mark = NULL;
	char *text = hcb_ceph_mark_make(json_pack("{s:i}", "size_bytes", 7));
	assert_true(hcb_ceph_mark_read(text, strlen(text), &mark));
	assert_int_equal(json_integer_value(json_object_get(mark, "size_bytes")), 7);
	assert_int_equal(strlen(json_string_value(json_object_get(mark, "uuid"))), 36);
	json_decref(mark);
	free(text);
	static const char *const not_ours[] = {"",    "x",
	                                       "{}",  "{\"hcbench\":1,\"uuid\":\"u\"}",
	                                       "[1]", "{\"hcbench\":\"0.1\"}"};
	for (size_t i = 0; i < sizeof(not_ours) / sizeof(not_ours[0]); i++)
		assert_false(hcb_ceph_mark_read(not_ours[i], strlen(not_ours[i]), NULL));
}

/* ---- the queue ---- */

#define OPS     20000
#define DEPTH   64
#define THREADS 4

/* What a library would be: threads that complete slots handed to them. */
struct completer {
	struct hcb_ceph_slot *_Atomic mailbox[DEPTH];
	atomic_bool stop;
};

static void *complete_some(void *arg)
{
	struct completer *c = arg;
	while (!atomic_load(&c->stop))
		for (unsigned i = 0; i < DEPTH; i++) {
			struct hcb_ceph_slot *s = atomic_exchange(&c->mailbox[i], NULL);
			if (s)
				hcb_ceph_slot_done(s, (int)(s->op->token % 7));
		}
	return NULL;
}

/* Reads what made it readable, as whoever waits does. */
static bool readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t ticks;
	return poll(&p, 1, ms) == 1 && read(fd, &ticks, sizeof(ticks)) > 0;
}

/* With nothing in flight the eventfd must come to rest, or the loop would spin. A thread
   may still be between pushing and writing, hence the patience. */
static bool falls_quiet(struct hcb_ceph_queue *q)
{
	struct hcb_op *none[1];
	uint64_t end = hcb_monotonic_ns() + 500000000;
	do {
		assert_int_equal(hcb_ceph_queue_poll(q, none, 1), 0);
		if (!readable(q->efd, 1))
			return true;
	} while (hcb_monotonic_ns() < end);
	return false;
}

/* The loop sleeps on the eventfd, after a poll that gave nothing: a wake-up that is lost
   ends the test in 5 s. */
static void test_queue_delivers_each_once_and_never_sleeps_through(void **state)
{
	static struct completer c;
	static struct hcb_op ops[DEPTH];
	static uint8_t seen[OPS];
	struct hcb_op *done[DEPTH], *spare[DEPTH];
	struct hcb_clock clock;
	struct hcb_ceph_queue q;
	pthread_t t[THREADS];
	unsigned n_spare = 0, got = 0, next = 0;
	(void)state;
	hcb_clock_init_real(&clock, 1.0);
	assert_int_equal(hcb_ceph_queue_init(&q, DEPTH, &clock), 0);
	for (unsigned i = 0; i < DEPTH; i++)
		spare[n_spare++] = &ops[i];
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, complete_some, &c);
	while (got < OPS) {
		/* Now and then the loop has nothing to do and must be able to sleep. */
		if (n_spare == DEPTH)
			assert_true(falls_quiet(&q));

		while (next < OPS && n_spare && (next % 20 || n_spare == DEPTH)) {
			struct hcb_op *op = spare[--n_spare];
			op->token = next++;
			struct hcb_ceph_slot *s = hcb_ceph_slot_take(&q, op);
			assert_non_null(s);
			atomic_store(&c.mailbox[s->index], s);
		}
		unsigned n = hcb_ceph_queue_poll(&q, done, 1 + next % DEPTH);
		if (!n)
			assert_true(readable(q.efd, 5000));
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(seen[done[i]->token]++, 0);
			assert_int_equal(done[i]->result, done[i]->token % 7);
			spare[n_spare++] = done[i];
		}
		got += n;
	}
	atomic_store(&c.stop, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	/* Nothing left: the eventfd calms down instead of spinning the loop. One wake-up
	   may be over: of a slot that poll took just after it had asked to be woken. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(hcb_ceph_queue_poll(&q, done, DEPTH), 0);
	readable(q.efd, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(hcb_ceph_queue_poll(&q, done, DEPTH), 0);
	assert_false(readable(q.efd, 0));
	assert_int_equal(hcb_ceph_queue_oldest(&q), 0);
	hcb_ceph_queue_destroy(&q);
}

static void test_queue_full_empty_and_abandoned(void **state)
{
	struct hcb_clock clock;
	struct hcb_ceph_queue q;
	struct hcb_op a = {.token = 1}, b = {.token = 2}, c = {.token = 3}, *done[4];
	(void)state;
	hcb_clock_init_real(&clock, 1.0);
	assert_int_equal(hcb_ceph_queue_init(&q, 2, &clock), 0);
	struct hcb_ceph_slot *sa = hcb_ceph_slot_take(&q, &a);
	struct hcb_ceph_slot *sb = hcb_ceph_slot_take(&q, &b);
	assert_null(hcb_ceph_slot_take(&q, &c));
	assert_int_equal(hcb_ceph_queue_poll(&q, done, 1), 0);
	assert_false(readable(q.efd, 0));
	hcb_ceph_slot_done(sa, 0);
	hcb_ceph_slot_done(sb, -5);
	assert_true(readable(q.efd, 0)); /* once for both */
	assert_int_equal(hcb_ceph_queue_poll(&q, done, 1), 1);
	assert_ptr_equal(done[0], &a); /* oldest first */
	assert_int_equal(hcb_ceph_queue_poll(&q, done, 4), 1);
	assert_int_equal(done[0]->result, -5);
	hcb_ceph_queue_poll(&q, done, 4);
	assert_false(readable(q.efd, 0));
	hcb_ceph_queue_kick(&q);
	assert_true(readable(q.efd, 0));
	assert_int_equal(hcb_ceph_queue_poll(&q, done, 4), 0);
	assert_false(readable(q.efd, 0));
	struct hcb_ceph_slot *sc = hcb_ceph_slot_take(&q, &c);
	assert_int_equal(hcb_ceph_queue_drain(&q, 20000000), 1);
	assert_true(hcb_ceph_queue_oldest(&q) >= 10000000);
	atomic_store(&q.deaf, true);
	c.done_ns = 77;
	hcb_ceph_slot_done(sc, -1); /* a late answer touches nothing */
	assert_int_equal(c.done_ns, 77);
	assert_int_equal(hcb_ceph_queue_poll(&q, done, 4), 0);
	hcb_ceph_queue_destroy(&q);
}

static void test_share_of_a_class_in_use(void **state)
{
	(void)state;
	json_t *df = json_loads(
	        "{\"stats\":{\"total_bytes\":1000,\"total_used_raw_bytes\":300},"
	        "\"stats_by_class\":{\"hdd\":{\"total_bytes\":800,"
	        "\"total_used_raw_bytes\":40},\"ssd\":{\"total_bytes\":0,"
	        "\"total_used_raw_bytes\":0}}}",
	        0, NULL);
	assert_close(hcb_ceph_class_used(df, "hdd"), 0.05, 1e-12);
	assert_close(hcb_ceph_class_used(df, "any"), 0.3, 1e-12);
	assert_true(hcb_ceph_class_used(df, "ssd") < 0);
	assert_true(hcb_ceph_class_used(df, "nvme") < 0);
	assert_true(hcb_ceph_class_used(NULL, "hdd") < 0);
	json_decref(df);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_states_that_stop_a_run),
	        cmocka_unit_test(test_states_that_do_not),
	        cmocka_unit_test(test_osd_counters_are_integers),
	        cmocka_unit_test(test_client_counters_find_the_image),
	        cmocka_unit_test(test_marks),
	        cmocka_unit_test(test_share_of_a_class_in_use),
	        cmocka_unit_test(test_queue_delivers_each_once_and_never_sleeps_through),
	        cmocka_unit_test(test_queue_full_empty_and_abandoned),
	};
	return cmocka_run_group_tests_name("ceph health", tests, NULL, NULL);
}
#else
static void skipped(void **state)
{
	(void)state;
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        {.name = "ceph health (built without librados)", .test_func = skipped},
	};
	return cmocka_run_group_tests_name("ceph health", tests, NULL, NULL);
}
#endif
