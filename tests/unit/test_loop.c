/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run loop in virtual time, on a device whose every completion the test decides. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/units.h"
#include "bench/loop.h"
#include "hcb_test.h"
#include "workloads/machine.h"
#include "workloads/registry.h"

/* --- a device with a latency, a depth, a frozen span and a bad address -------------- */

struct toy {
	struct hcb_events done;
	struct hcb_op *op[4096];
	uint32_t free[4096], n_free, inflight, depth;
	uint64_t latency_ns[HCB_OP_KINDS], freeze_from_ns, freeze_to_ns, bad_off;
	uint64_t seen[HCB_OP_KINDS], most_inflight;
	bool bad;
	uint64_t submit_cost_ns; /* a submit call keeps its caller so long */
	struct hcb_clock *own_clock;
};

static int toy_submit(struct hcb_dev *dev, struct hcb_op *const *ops, unsigned n)
{
	struct toy *t = dev->priv;
	unsigned i;
	for (i = 0; i < n && t->inflight < t->depth; i++) {
		uint64_t at = hcb_clock_now(dev->clock) + t->latency_ns[ops[i]->kind];
		if (at >= t->freeze_from_ns && at < t->freeze_to_ns)
			at = t->freeze_to_ns;
		uint32_t slot = t->free[--t->n_free];
		t->op[slot] = ops[i];
		ops[i]->result = t->bad && ops[i]->off == t->bad_off ? -EIO : 0;
		hcb_events_push(&t->done, at, 0, slot);
		t->inflight++;
		t->seen[ops[i]->kind]++;
		if (t->inflight > t->most_inflight)
			t->most_inflight = t->inflight;
	}
	if (t->submit_cost_ns)
		hcb_clock_advance(t->own_clock, t->own_clock->now_ns + t->submit_cost_ns);
	return (int)i;
}

static unsigned toy_poll(struct hcb_dev *dev, struct hcb_op **done, unsigned max)
{
	struct toy *t = dev->priv;
	unsigned n = 0;
	while (n < max && hcb_events_next(&t->done) <= hcb_clock_now(dev->clock)) {
		struct hcb_event e = hcb_events_pop(&t->done);
		t->op[e.arg]->done_ns = e.at_ns;
		done[n++] = t->op[e.arg];
		t->free[t->n_free++] = e.arg;
		t->inflight--;
	}
	return n;
}

static uint64_t toy_next(const struct hcb_dev *dev)
{
	const struct toy *t = dev->priv;
	return hcb_events_next(&t->done);
}

static const struct hcb_engine toy_engine = {
        .name = "toy",
        .caps = HCB_CAP_READ | HCB_CAP_WRITE | HCB_CAP_FLUSH | HCB_CAP_MODEL,
        .submit = toy_submit,
        .poll = toy_poll,
        .next_ns = toy_next,
};

/* --- a fixture: postgres on it ------------------------------------------------------ */

struct fixture {
	struct toy toy;
	struct hcb_dev dev;
	struct hcb_layout layout;
	struct hcb_clock clock;
	struct hcb_record rec;
	struct hcb_loop loop;
	void *conf;
};

static struct fixture *make_fua(const char *const *params, bool fua)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct fixture *f = calloc(1, sizeof(*f));
	const struct hcb_workload *wl = &hcb_workload_postgres;
	assert_non_null(f);
	f->conf = calloc(1, wl->conf_size);
	hcb_opt_defaults(wl->opts, f->conf);
	for (; *params; params++)
		assert_int_equal(
		        hcb_opt_set_pair(wl->opts, f->conf, "test", *params, &err), 0);
	assert_int_equal(wl->plan(f->conf, &f->layout.geo, &err), 0);
	struct hcb_geometry *geo = &f->layout.geo;
	geo->n_fs = 1;
	geo->fua[0] = fua;
	geo->regions[geo->n_volumes] =
	        (struct hcb_region){"journal", geo->journal_bytes, 0, 1};
	for (unsigned i = 1; i <= geo->n_volumes; i++)
		f->layout.base[i] = f->layout.base[i - 1] + geo->regions[i - 1].bytes;
	hcb_events_init(&f->toy.done, 4096);
	for (uint32_t i = 4096; i-- > 0;)
		f->toy.free[f->toy.n_free++] = i;
	f->toy.depth = 64;
	f->toy.latency_ns[HCB_WRITE] = 200 * HCB_US;
	f->toy.latency_ns[HCB_FLUSH] = 8 * HCB_MS;
	f->toy.latency_ns[HCB_READ] = 8 * HCB_MS;
	f->dev = (struct hcb_dev){.engine = &toy_engine,
	                          .target = "toy:",
	                          .priv = &f->toy,
	                          .clock = &f->clock,
	                          .caps = toy_engine.caps,
	                          .wake_fd = -1};
	f->dev.depth = wl->max_ops(f->conf);
	f->layout.devs[0] = &f->dev;
	f->layout.n_devs = 1;
	hcb_clock_init_virtual(&f->clock);
	assert_int_equal(hcb_record_init(&f->rec, wl, &err), 0);
	f->loop = (struct hcb_loop){
	        .wl = wl, .layout = &f->layout, .clock = &f->clock, .rec = &f->rec};
	f->loop.window = (struct hcb_window){.duration_ns = 20 * HCB_SEC,
	                                     .warmup_ns = 2 * HCB_SEC,
	                                     .grace_ns = 30 * HCB_SEC};
	assert_int_equal(wl->init(&f->loop.state, f->conf, geo, 1, &f->rec.sink, &err),
	                 0);
	assert_int_equal(hcb_loop_init(&f->loop, 1, &err), 0);
	return f;
}

static struct fixture *make(const char *const *params)
{
	return make_fua(params, false);
}

static void drop(struct fixture *f)
{
	hcb_workload_postgres.fini(f->loop.state);
	hcb_loop_free(&f->loop);
	hcb_record_free(&f->rec);
	hcb_events_free(&f->toy.done);
	free(f->conf);
	free(f);
}

static struct hcb_tx_record *commits(const struct fixture *f)
{
	static struct hcb_tx_record t;
	hcb_record_merge_tx(&f->rec, 0, &t);
	return &t;
}

static const char *const steady[] = {"rate=40/s", "arrivals=steady", "clients=8", NULL};

/* --- tests -------------------------------------------------------------------------- */

static void test_window_is_warmup_then_duration_to_the_nanosecond(void **state)
{
	(void)state;
	struct fixture *f = make(steady);
	hcb_loop_run(&f->loop);
	assert_int_equal(f->loop.stop, HCB_STOP_DONE);
	assert_int_equal(f->rec.measure_start_ns, 2 * HCB_SEC);
	assert_int_equal(f->rec.measure_end_ns, 22 * HCB_SEC);
	/* every commit due in [2 s, 22 s) at 40/s, no other */
	assert_int_equal(commits(f)->response.count, 800);
	drop(f);
}

static void test_stall_at_the_end_of_the_window_is_not_lost(void **state)
{
	(void)state;
	struct fixture *f = make(steady);
	f->toy.freeze_from_ns = 20 * HCB_SEC;
	f->toy.freeze_to_ns = 25 * HCB_SEC;
	hcb_loop_run(&f->loop);
	assert_int_equal(f->loop.stop, HCB_STOP_DONE);
	assert_int_equal(f->loop.unfinished.count, 0);
	assert_int_equal(commits(f)->response.count, 800);
	/* due at 20 s, done after 25 s */
	assert_true(commits(f)->response.max >= 4900 * HCB_MS);
	/* 80 of 800 were due while nothing moved: p95 must see them */
	assert_true(hcb_hist_quantile(&commits(f)->response, 0.95) > 2 * HCB_SEC);
	/* the bench itself was never late */
	assert_int_equal(f->rec.lateness.max, 0);
	drop(f);
}

static void test_stall_beyond_the_grace_is_counted_as_unfinished(void **state)
{
	(void)state;
	struct fixture *f = make(steady);
	f->toy.freeze_from_ns = 20 * HCB_SEC;
	f->toy.freeze_to_ns = 100 * HCB_SEC;
	hcb_loop_run(&f->loop);
	assert_true(f->loop.unfinished.count >= 78 && f->loop.unfinished.count <= 81);
	assert_int_equal(f->loop.unfinished.count + commits(f)->response.count, 800);
	drop(f);
}

static void test_stall_limit_ends_a_run_that_never_completes(void **state)
{
	(void)state;
	struct fixture *f = make(steady);
	f->toy.freeze_from_ns = 10 * HCB_SEC;
	f->toy.freeze_to_ns = 3600 * HCB_SEC;
	f->loop.caps.stall_ns = 5 * HCB_SEC;
	hcb_loop_run(&f->loop);
	assert_int_equal(f->loop.stop, HCB_STOP_STALL);
	assert_non_null(strstr(f->loop.reason, "no completion for 5 s"));
	/* Found out at the next event, the window's end; the ops that are out were waited
	   for already. */
	assert_int_equal(f->clock.now_ns, 20 * HCB_SEC);
	drop(f);
}

static void test_whole_cycles_cut_warmup_and_end_at_checkpoints(void **state)
{
	(void)state;
	const char *const p[] = {"rate=40/s", "checkpoint_timeout=30s", "scale=10", NULL};
	struct fixture *f = make(p);
	f->loop.window = (struct hcb_window){.whole_cycles = true,
	                                     .warmup_ns = 1,
	                                     .cycles = 2,
	                                     .cycle_ns = 30 * HCB_SEC,
	                                     .grace_ns = 30 * HCB_SEC};
	hcb_loop_run(&f->loop);
	assert_int_equal(f->rec.n_blocks, 2);
	assert_int_equal(f->rec.blocks[0].start_ns, 30 * HCB_SEC);
	assert_int_equal(f->rec.blocks[1].start_ns, 60 * HCB_SEC);
	assert_int_equal(f->rec.measure_end_ns, 90 * HCB_SEC);
	assert_false(f->loop.no_cycle_edge);
	drop(f);
}

static void test_cycles_that_never_come_end_by_the_clock_and_are_told(void **state)
{
	(void)state;
	const char *const p[] = {"rate=40/s", "checkpoint_timeout=1h", NULL};
	struct fixture *f = make(p);
	f->loop.window = (struct hcb_window){.whole_cycles = true,
	                                     .warmup_ns = 1,
	                                     .cycles = 2,
	                                     .cycle_ns = 30 * HCB_SEC,
	                                     .grace_ns = 30 * HCB_SEC};
	hcb_loop_run(&f->loop);
	assert_true(f->loop.no_cycle_edge);
	assert_true(f->clock.now_ns < 400 * HCB_SEC);
	drop(f);
}

static volatile sig_atomic_t raised;

static void test_closed_loop_ends_when_its_last_commits_do(void **state)
{
	(void)state;
	const char *const p[] = {"clients=8", "cache=256MiB", "shared_buffers=128MiB",
	                         NULL};
	struct fixture *f = make(p);
	hcb_loop_run(&f->loop);
	assert_int_equal(f->loop.stop, HCB_STOP_DONE);
	assert_int_equal(f->loop.unfinished.count, 0);
	/* not the 30 s of grace: nobody was owed anything any more */
	assert_true(f->clock.now_ns < 22200 * HCB_MS);
	drop(f);
}

static void raise_in_drain(void *arg, const struct hcb_loop *l, uint64_t now_ns)
{
	(void)arg;
	(void)l;
	raised = now_ns >= 22 * HCB_SEC ? SIGINT : 0;
}

static void test_signal_while_waiting_for_the_last_ones_ends_the_waiting(void **state)
{
	(void)state;
	struct fixture *f = make(steady);
	raised = 0;
	f->toy.freeze_from_ns = 20 * HCB_SEC;
	f->toy.freeze_to_ns = 45 * HCB_SEC;
	f->loop.signal_seen = &raised;
	f->loop.progress = raise_in_drain;
	hcb_loop_run(&f->loop);
	assert_int_equal(f->loop.stop, HCB_STOP_SIGNAL);
	assert_true(f->clock.now_ns < 36 * HCB_SEC);
	/* 2 s at 40/s were due and hang: they are told */
	assert_true(f->loop.unfinished.count >= 78 && f->loop.unfinished.count <= 81);
	drop(f);
}

static void test_failed_op_ends_the_run_and_is_named(void **state)
{
	(void)state;
	struct fixture *f = make(steady);
	f->toy.bad = true;
	f->toy.bad_off = 0; /* the first page of the log */
	hcb_loop_run(&f->loop);
	assert_int_equal(f->loop.stop, HCB_STOP_ERROR);
	assert_non_null(strstr(f->loop.reason, "at 0 of toy:: Input/output error"));
	drop(f);
}

static void test_failed_op_when_told_to_go_on_then_the_commit_fails_alone(void **state)
{
	(void)state;
	struct fixture *f = make(steady);
	f->toy.bad = true;
	f->toy.bad_off = 8 * 8192; /* one page of the log */
	f->loop.caps.keep_going = true;
	f->loop.window.warmup_ns = 0;
	hcb_loop_run(&f->loop);
	assert_int_equal(f->loop.stop, HCB_STOP_DONE);
	assert_true(commits(f)->failed > 0);
	assert_true(commits(f)->response.count > 700);
	drop(f);
}

static void raise_late(void *arg, const struct hcb_loop *l, uint64_t now_ns)
{
	(void)arg;
	(void)l;
	raised = now_ns >= 10 * HCB_SEC ? SIGINT : 0;
}

static void test_signal_then_partial_window_and_nothing_left_out(void **state)
{
	(void)state;
	struct fixture *f = make(steady);
	raised = 0;
	f->loop.signal_seen = &raised;
	f->loop.progress = raise_late;
	hcb_loop_run(&f->loop);
	assert_int_equal(f->loop.stop, HCB_STOP_SIGNAL);
	assert_int_equal(f->toy.inflight, 0);
	assert_true(f->loop.ended_ns >= 10 * HCB_SEC &&
	            f->loop.ended_ns < 10100 * HCB_MS);
	assert_true(commits(f)->response.count > 300);
	drop(f);
}

static void test_trouble_of_a_target_stops_the_run(void **state)
{
	(void)state;
	struct fixture *f = make(steady);
	atomic_store(&f->dev.trouble, "cluster is HEALTH_ERR");
	hcb_loop_run(&f->loop);
	assert_int_equal(f->loop.stop, HCB_STOP_TROUBLE);
	assert_string_equal(f->loop.reason, "cluster is HEALTH_ERR");
	drop(f);
}

static void test_cap_on_bytes_stops_and_cap_on_rate_holds_back(void **state)
{
	(void)state;
	struct fixture *f = make(steady);
	f->loop.caps.bytes = 4 * HCB_MIB;
	hcb_loop_run(&f->loop);
	assert_int_equal(f->loop.stop, HCB_STOP_BYTES);
	assert_true(f->rec.total_write_bytes >= 4 * HCB_MIB &&
	            f->rec.total_write_bytes < 5 * HCB_MIB);
	drop(f);
	f = make(steady);
	f->loop.caps.bytes_per_s = 256 * HCB_KIB;
	hcb_loop_run(&f->loop);
	assert_true(f->rec.held_ops > 0);
	for (uint32_t i = 0; i < f->rec.n_intervals; i++)
		assert_true(f->rec.intervals[i].write_bytes <= 512 * HCB_KIB);
	drop(f);
}

static void test_full_device_makes_ops_wait_but_nobody_late(void **state)
{
	(void)state;
	const char *const p[] = {"clients=200", "cache=256MiB", "shared_buffers=128MiB",
	                         "scale=100", NULL};
	struct fixture *f = make(p);
	f->toy.depth = 4;
	hcb_loop_run(&f->loop);
	assert_int_equal(f->loop.stop, HCB_STOP_DONE);
	assert_int_equal(f->toy.most_inflight, 4);
	/* what had to wait for room is the storage's delay, not the bench's */
	assert_int_equal(f->rec.lateness.max, 0);
	drop(f);
}

static void test_time_inside_submit_is_the_storages_not_the_benchs(void **state)
{
	(void)state;
	const char *const p[] = {"rate=400/s", "clients=50", NULL};
	struct fixture *f = make(p);
	f->toy.own_clock = &f->clock;
	f->toy.submit_cost_ns = 5 * HCB_MS;
	hcb_loop_run(&f->loop);
	assert_true(f->rec.lateness.count > 1000);
	/* ops fell due inside those calls: nobody could have sent them earlier */
	assert_int_equal(f->rec.lateness.max, 0);
	/* and the time is not lost: a commit holds two such calls */
	assert_true(commits(f)->response.min >= 10 * HCB_MS);
	drop(f);
}

static void test_fua_without_native_support_is_a_write_then_a_flush(void **state)
{
	(void)state;
	struct fixture *f = make_fua(steady, true); /* asked for, and the toy has none */
	hcb_loop_run(&f->loop);
	struct hcb_stream_record *s = calloc(1, sizeof(*s));
	hcb_record_merge_stream(&f->rec, 6 /* journal */, s);
	assert_string_equal(hcb_workload_postgres.streams[6].name, "journal");
	assert_true(s->count > 0);
	/* the commit block took the flush's time too, and counts as one write of 4 KiB */
	assert_true(s->service.max >= 8200 * HCB_US);
	assert_int_equal(s->errors, 0);
	free(s);
	drop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_window_is_warmup_then_duration_to_the_nanosecond),
	        cmocka_unit_test(test_stall_at_the_end_of_the_window_is_not_lost),
	        cmocka_unit_test(test_stall_beyond_the_grace_is_counted_as_unfinished),
	        cmocka_unit_test(test_stall_limit_ends_a_run_that_never_completes),
	        cmocka_unit_test(test_whole_cycles_cut_warmup_and_end_at_checkpoints),
	        cmocka_unit_test(
	                test_cycles_that_never_come_end_by_the_clock_and_are_told),
	        cmocka_unit_test(test_closed_loop_ends_when_its_last_commits_do),
	        cmocka_unit_test(
	                test_signal_while_waiting_for_the_last_ones_ends_the_waiting),
	        cmocka_unit_test(test_failed_op_ends_the_run_and_is_named),
	        cmocka_unit_test(
	                test_failed_op_when_told_to_go_on_then_the_commit_fails_alone),
	        cmocka_unit_test(test_signal_then_partial_window_and_nothing_left_out),
	        cmocka_unit_test(test_trouble_of_a_target_stops_the_run),
	        cmocka_unit_test(test_cap_on_bytes_stops_and_cap_on_rate_holds_back),
	        cmocka_unit_test(test_full_device_makes_ops_wait_but_nobody_late),
	        cmocka_unit_test(test_time_inside_submit_is_the_storages_not_the_benchs),
	        cmocka_unit_test(test_fua_without_native_support_is_a_write_then_a_flush),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
