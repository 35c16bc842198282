/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One body of tests, run over every engine of this build. Engines that need a Ceph
 * cluster run when HCBENCH_TEST_CEPH_CONF names one (pool: HCBENCH_TEST_CEPH_POOL, else
 * "main"); they make what they use and remove it again. An engine that is new in the
 * registry fails here until it has a line in targets_of().
 *
 * Model engines run under the virtual clock, the others under the real one; nothing here
 * judges how fast anything was.
 */
#include "hcb_test.h"

#include "rig.h"

#include <errno.h>
#include <pthread.h>

#include "bench/core/random.h"
#include "bench/core/units.h"
#include "engines/target.h"

/* ---- counting our own allocations ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef COUNTS_ALLOCATIONS
#define COUNTS_ALLOCATIONS 1
#endif

static _Atomic bool counting;
static _Atomic unsigned allocations;

#if COUNTS_ALLOCATIONS
/* The whole program's allocator goes through these. What counts is a call that returns
   into this executable (so these must not be inlined into it): a library's own
   allocations (librbd makes some for each op) are not the engine's. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
extern const char __executable_start, etext;

static void count(const void *caller)
{
	const char *at = caller;
	if (atomic_load(&counting) && at >= &__executable_start && at < &etext)
		atomic_fetch_add(&allocations, 1);
}

__attribute__((noinline)) void *malloc(size_t n)
{
	count(__builtin_return_address(0));
	return __libc_malloc(n);
}

__attribute__((noinline)) void *calloc(size_t n, size_t size)
{
	count(__builtin_return_address(0));
	return __libc_calloc(n, size);
}

__attribute__((noinline)) void *realloc(void *p, size_t n)
{
	count(__builtin_return_address(0));
	return __libc_realloc(p, n);
}
#endif

/* ---- the tests ---- */

static void slots_are_complete(void **state)
{
	const struct subject *s = *state;
	const struct hcb_engine *e = s->engine;
	assert_true(e->name && *e->name && e->summary && *e->summary && e->address_help);
	for (const struct hcb_opt *o = e->opts; o && o->name; o++)
		assert_true(o->help && *o->help);
	if (e->unavailable)
		skip();
	assert_true(e->open && e->close && e->describe && e->submit && e->poll);
	assert_int_equal(!!(e->caps & HCB_CAP_MODEL), e->next_ns != NULL);
	assert_true(e->caps & (HCB_CAP_READ | HCB_CAP_WRITE));
	assert_false((e->caps & HCB_CAP_MODEL) && (e->caps & HCB_CAP_REAL));
}

static void open_keeps_its_promises(void **state)
{
	RIG(g, state);
	const struct hcb_dev *d = g.dev;
	uint32_t caps = d->caps;
	assert_int_equal(caps & ~s->engine->caps, 0);
	assert_int_equal(!!(caps & HCB_CAP_STORES), s->stores);
	assert_true(d->size_bytes >= WANT);
	assert_true(d->block_bytes >= 1 && (d->block_bytes & (d->block_bytes - 1)) == 0);
	assert_int_equal(d->size_bytes % d->block_bytes, 0);
	assert_true((caps & HCB_CAP_MODEL) ? d->wake_fd == -1 : d->wake_fd >= 0);
	struct hcb_kvs facts = {json_object()};
	assert_int_equal(d->engine->describe(d, &facts), 0);
	assert_true(json_object_size(facts.obj) > 0);
	json_decref(facts.obj);
	assert_int_equal(run_one(&g, HCB_WRITE, 0, 4096), 0);
	assert_int_equal(d->caps, caps);
	rig_close(&g);
}

/* Twice the depth at once: some may not be taken, none may be lost or come twice. */
static void each_op_comes_back_once(void **state)
{
	RIG(g, state);
	struct hcb_op *list[N_OPS];
	for (unsigned i = 0; i < N_OPS; i++) {
		prepare(&g, i, i % 3 ? HCB_WRITE : HCB_READ, i * 8192ULL, 8192);
		list[i] = &g.op[i];
	}
	for (unsigned at = 0; at < N_OPS;) {
		unsigned n = N_OPS - at < 2 * DEPTH ? N_OPS - at : 2 * DEPTH;
		unsigned took = submit(&g, list + at, n);
		assert_true(took > 0 || g.out > 0); /* an empty device is not full */
		at += took;
		reap(&g, g.out ? g.out - 1 : 0);
		for (unsigned i = 0; i < N_OPS; i++)
			list[i]->submit_ns =
			        i >= at ? hcb_clock_now(&g.clock) : list[i]->submit_ns;
	}
	reap(&g, 0);
	for (unsigned i = 0; i < N_OPS; i++) {
		assert_int_equal(g.done[i], 1);
		assert_int_equal(g.op[i].result, 0);
	}
	struct hcb_op *more[4];
	assert_int_equal(g.dev->engine->poll(g.dev, more, 4), 0);
	rig_close(&g);
}

static void fill(void *buf, uint32_t len, uint64_t seed)
{
	struct hcb_random r;
	hcb_random_init(&r, seed, 0);
	uint64_t *p = buf;
	for (uint32_t i = 0; i < len / 8; i++)
		p[i] = hcb_random_u64(&r);
}

/* Odd places and sizes, in 512 bytes or the target's larger blocks; overlapping, so that
   the order of completed writes matters. */
static void data_read_is_data_written(void **state)
{
	RIG(g, state);
	if (!s->stores) {
		rig_close(&g);
		skip();
	}
	struct hcb_random r;
	hcb_random_init(&r, 7, 0);
	char *model = calloc(1, WANT);
	uint32_t unit = g.dev->block_bytes > 512 ? g.dev->block_bytes : 512;
	for (unsigned i = 0; i < 60; i++) {
		uint32_t len =
		        (uint32_t)(1 + hcb_random_below(&r, MAX_LEN / unit)) * unit;
		uint64_t off = hcb_random_below(&r, (256 * HCB_KIB - len) / unit) * unit +
		               4 * HCB_MIB - 128 * HCB_KIB; /* across an object's edge */
		fill(g.op[0].buf, len, i);
		memcpy(model + off, g.op[0].buf, len);
		assert_int_equal(run_one(&g, HCB_WRITE, off, len), 0);
		if (i % 3 == 0) {
			memset(g.op[0].buf, 0xee, len);
			assert_int_equal(run_one(&g, HCB_READ, off, len), 0);
			assert_memory_equal(g.op[0].buf, model + off, len);
		}
	}
	rig_close(&g);
	free(model);
}

static void edges_and_past_them(void **state)
{
	RIG(g, state);
	uint64_t size = g.dev->size_bytes;
	uint32_t b = g.dev->block_bytes;
	assert_int_equal(run_one(&g, HCB_WRITE, 0, b), 0);
	assert_int_equal(run_one(&g, HCB_WRITE, size - b, b), 0);
	assert_int_equal(run_one(&g, HCB_READ, size - b, b), 0);
	assert_int_equal(run_one(&g, HCB_WRITE, size, b), -ENOSPC);
	assert_int_equal(run_one(&g, HCB_READ, size - b, 2 * b), -ENOSPC);
	assert_int_equal(run_one(&g, HCB_READ, UINT64_MAX - b + 1, b), -ENOSPC);
	if (b > 1) {
		assert_int_equal(run_one(&g, HCB_WRITE, 1, b), -EINVAL);
		assert_int_equal(run_one(&g, HCB_READ, 0, b + 1), -EINVAL);
		assert_int_equal(run_one(&g, HCB_READ, b / 2, b), -EINVAL);
	}
	assert_int_equal(run_one(&g, HCB_READ, 0, 0), -EINVAL);
	if (!(g.dev->caps & HCB_CAP_DISCARD))
		assert_int_equal(run_one(&g, HCB_DISCARD, 0, b), -EOPNOTSUPP);
	assert_int_equal(run_one(&g, HCB_READ, 0, b), 0); /* and goes on */
	rig_close(&g);
}

/* Bytes that have reached the medium since the disk was made; -1: nobody can tell. */
static int64_t on_medium(struct rig *g)
{
	if (g->s->served)
		return hcb_test_served_stat(g->s->served, "disk", "media_write_bytes");
	struct hcb_err err = HCB_ERR_INIT;
	json_t *doc = g->dev->engine->counters(g->dev, &err);
	json_t *n = json_object_get(json_object_get(doc, "disk"), "media_write_bytes");
	int64_t bytes = json_is_integer(n) ? (int64_t)json_integer_value(n) : -1;
	json_decref(doc);
	return bytes;
}

/* What was completed before a flush was submitted is on the medium when the flush is
   done: seen by what the disk, modelled or served, has written there. */
static void flush_covers_completed_writes(void **state)
{
	RIG(g, state);
	bool cache = !(g.dev->caps & HCB_CAP_ALWAYS_DURABLE);
	if (s->served)
		assert_int_equal(hcb_test_served_ctl(s->served, "timing on"), 0);
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(run_one(&g, HCB_FLUSH, 0, 0), 0);
		int64_t before = on_medium(&g);
		assert_true(before >= 0);
		for (unsigned i = 0; i < DEPTH; i++)
			assert_int_equal(run_one(&g, HCB_WRITE,
			                         i * HCB_MIB + round * 4096ULL, 4096),
			                 0);
		/* Of a model it is known that a cache holds them back until then. */
		if (cache && g.clock.is_virtual)
			assert_true(on_medium(&g) - before < DEPTH * 4096);
		assert_int_equal(run_one(&g, HCB_FLUSH, 0, 0), 0);
		assert_true(on_medium(&g) - before >= DEPTH * 4096);
		if (g.s->served)
			assert_int_equal(
			        hcb_test_served_stat(g.s->served, NULL, "dirty_bytes"),
			        0);
	}
	if (s->served)
		hcb_test_served_ctl(s->served, "timing off");
	rig_close(&g);
}

/* ---- a submit while a flush is out ---- */

static _Atomic bool watching, let_go;

/* If a submit waits for the flush, in the kernel and deaf to signals, somebody else has
   to end that. */
static void *watch(void *arg)
{
	for (int i = 0; i < 1000 && atomic_load(&watching); i++)
		usleep(10000);
	atomic_store(&let_go, atomic_load(&watching));
	hcb_test_served_ctl(arg, "hang off");
	return NULL;
}

/* The disk is told to hold its answers. With a flush out, a write is taken, and submit is
   back, while the flush is still out: no time is judged, though told. */
static void submit_returns_while_a_flush_is_out(void **state)
{
	RIG(g, state);
	struct hcb_test_served *disk = s->served;
	struct hcb_op *flush = &g.op[0], *wr = &g.op[1], *done[DEPTH];
	pthread_t watcher;
	assert_int_equal(run_one(&g, HCB_WRITE, 0, 4096), 0);
	assert_int_equal(hcb_test_served_ctl(disk, "hang on"), 0);
	atomic_store(&watching, true);
	atomic_store(&let_go, false);
	assert_int_equal(pthread_create(&watcher, NULL, watch, disk), 0);
	prepare(&g, 0, HCB_FLUSH, 0, 0);
	prepare(&g, 1, HCB_WRITE, HCB_MIB, 4096);
	g.done[0] = g.done[1] = 0;
	bool took = submit(&g, &flush, 1) == 1;
	while (hcb_test_served_stat(disk, "faults", "held") < 1 && !atomic_load(&let_go))
		usleep(1000); /* until the disk has the flush */
	uint64_t begin = hcb_monotonic_ns();
	took &= submit(&g, &wr, 1) == 1;
	uint64_t inside = hcb_monotonic_ns() - begin;
	bool held = hcb_test_served_stat(disk, "faults", "held") >= 1;
	unsigned back = g.dev->engine->poll(g.dev, done, DEPTH);
	for (unsigned i = 0; i < back; i++)
		g.done[done[i]->index]++;
	g.out -= back;
	bool rescued = atomic_load(&let_go);
	atomic_store(&watching, false);
	pthread_join(watcher, NULL); /* lets the disk go on */
	reap(&g, 0);
	printf("# %s: a submit with a flush out took %llu us\n", s->target,
	       (unsigned long long)inside / 1000);
	assert_true(took && held && back == 0 && !rescued);
	assert_true(flush->result == 0 && g.done[0] == 1);
	assert_true(wr->result == 0 && g.done[1] == 1);
	rig_close(&g);
}

static void flush_follows_writes(void **state)
{
	RIG(g, state);
	if (!(g.dev->caps & HCB_CAP_FLUSH)) {
		rig_close(&g);
		skip();
	}
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(run_one(&g, HCB_WRITE, i * 4096ULL, 4096), 0);
		uint64_t written = g.op[0].done_ns;
		assert_int_equal(run_one(&g, HCB_FLUSH, 0, 0), 0);
		assert_true(g.op[0].done_ns >= written);
	}
	/* A flush with writes in flight, and two at once. */
	struct hcb_op *list[DEPTH];
	for (unsigned i = 0; i < DEPTH; i++) {
		bool flush = i == 3 || i == 4;
		prepare(&g, i, flush ? HCB_FLUSH : HCB_WRITE, flush ? 0 : i * 4096ULL,
		        flush ? 0 : 4096);
		list[i] = &g.op[i];
		g.done[i] = 0;
	}
	for (unsigned at = 0; at < DEPTH; reap(&g, g.out ? g.out - 1 : 0))
		at += submit(&g, list + at, DEPTH - at);
	reap(&g, 0);
	for (unsigned i = 0; i < DEPTH; i++)
		assert_true(g.done[i] == 1 && g.op[i].result == 0);
	rig_close(&g);
}

/* Durable or refused, never taken without being so; the run loop then flushes. */
static void fua_write_is_kept_or_refused(void **state)
{
	RIG(g, state);
	struct hcb_op *op = &g.op[0];
	bool fua = g.dev->caps & HCB_CAP_FUA;
	fill(g.op[1].buf, 8192, 11);
	prepare(&g, 0, HCB_WRITE, 8192, 8192);
	op->flags = HCB_OP_FUA;
	memcpy(op->buf, g.op[1].buf, 8192);
	assert_int_equal(submit(&g, &op, 1), 1);
	reap(&g, 0);
	assert_int_equal(op->result, fua ? 0 : -EOPNOTSUPP);
	memset(op->buf, 0, 8192);
	assert_int_equal(run_one(&g, HCB_READ, 8192, 8192), 0);
	if (fua && s->stores)
		assert_memory_equal(op->buf, g.op[1].buf, 8192);
	rig_close(&g);
}

/* What is discarded may read as anything; what lies beside it stays. */
static void discard_leaves_the_rest(void **state)
{
	RIG(g, state);
	uint32_t len = 16 * 4096;
	if (!(g.dev->caps & HCB_CAP_DISCARD)) { /* this target of the engine's has none */
		assert_int_equal(run_one(&g, HCB_DISCARD, 0, len), -EOPNOTSUPP);
		rig_close(&g);
		return;
	}
	fill(g.op[1].buf, len, 12);
	memcpy(g.op[0].buf, g.op[1].buf, len);
	assert_int_equal(run_one(&g, HCB_WRITE, HCB_MIB, len), 0);
	assert_int_equal(run_one(&g, HCB_DISCARD, HCB_MIB + 4096, len - 8192), 0);
	assert_int_equal(run_one(&g, HCB_READ, HCB_MIB, len), 0);
	if (s->stores) {
		char *got = g.op[0].buf, *want = g.op[1].buf;
		assert_memory_equal(got, want, 4096);
		assert_memory_equal(got + len - 4096, want + len - 4096, 4096);
	}
	assert_int_equal(run_one(&g, HCB_DISCARD, g.dev->size_bytes, 4096), -ENOSPC);
	rig_close(&g);
}

/* rig_close frees every buffer: an engine that still used one would be caught by ASAN. */
static void close_with_ops_out(void **state)
{
	RIG(g, state);
	struct hcb_op *list[DEPTH];
	for (unsigned i = 0; i < DEPTH; i++) {
		prepare(&g, i, i % 2 ? HCB_READ : HCB_WRITE, i * (uint64_t)MAX_LEN,
		        MAX_LEN);
		list[i] = &g.op[i];
	}
	assert_true(submit(&g, list, DEPTH) > 0);
	rig_close(&g);
}

static void errors_carry_the_targets_name(void **state)
{
	const struct subject *s = *state;
	struct rig g;
	struct hcb_err err = HCB_ERR_INIT;
	char address[512];
	if (s->absent || !s->wrong[0])
		skip();
	int r = rig_open(&g, s, s->wrong, &err);
	snprintf(address, sizeof(address), "%s", strchr(s->wrong, ':') + 1);
	address[strcspn(address, ",")] = '\0';
	assert_true(r < 0 && err.exit != 0);
	assert_has(err.msg, address);
	assert_null(strchr(err.msg, '\n'));
	assert_int_equal(g.dev ? g.dev->wake_fd : -1, -1);
	rig_close(&g);
}

static void mixed_load(struct rig *g, uint64_t seed, unsigned total, uint64_t *hash)
{
	struct hcb_random r;
	struct hcb_op *free_ops[DEPTH], *done[DEPTH];
	unsigned n_free = 0, started = 0, ended = 0;
	hcb_random_init(&r, seed, 0);
	for (unsigned i = 0; i < DEPTH; i++)
		free_ops[n_free++] = &g->op[i];
	while (ended < total) {
		while (n_free && started < total) {
			struct hcb_op *op = free_ops[n_free - 1];
			uint64_t what = hcb_random_below(&r, 10);
			bool flush = what == 0 && (g->dev->caps & HCB_CAP_FLUSH);
			uint32_t len = flush ? 0 : 4096u << hcb_random_below(&r, 4);
			uint64_t off =
			        flush ? 0 : hcb_random_below(&r, WANT / 4096 - 8) * 4096;
			prepare(g, op->index,
			        flush      ? HCB_FLUSH
			        : what < 4 ? HCB_READ
			                   : HCB_WRITE,
			        off, len);
			if (g->dev->engine->submit(g->dev, &op, 1) != 1)
				break;
			n_free--;
			started++;
		}
		unsigned n = g->dev->engine->poll(g->dev, done, DEPTH);
		for (unsigned i = 0; i < n; i++) {
			uint64_t v = done[i]->done_ns ^ (uint64_t)done[i]->index << 56 ^
			             (uint64_t)(uint32_t)done[i]->result;
			*hash = hcb_mix64(*hash ^ v);
			free_ops[n_free++] = done[i];
		}
		ended += n;
		if (n == 0)
			wait_some(g);
	}
}

static void nothing_is_allocated_while_running(void **state)
{
	RIG(g, state);
	uint64_t hash = 0;
	if (!COUNTS_ALLOCATIONS) {
		rig_close(&g);
		skip();
	}
	mixed_load(&g, 1, 64, &hash);
	atomic_store(&allocations, 0);
	atomic_store(&counting, true);
	mixed_load(&g, 2, 300, &hash);
	atomic_store(&counting, false);
	assert_int_equal(atomic_load(&allocations), 0);
	/* And the counter counts. */
	atomic_store(&counting, true);
	void *volatile p = malloc(10);
	atomic_store(&counting, false);
	free(p);
	assert_int_equal(atomic_load(&allocations), 1);
	rig_close(&g);
}

static void virtual_runs_are_identical(void **state)
{
	const struct subject *s = *state;
	uint64_t hash[2] = {0, 0};
	if (s->absent || !(s->engine->caps & HCB_CAP_MODEL))
		skip();
	for (int i = 0; i < 2; i++) {
		struct rig g;
		struct hcb_err err = HCB_ERR_INIT;
		assert_ok(rig_open(&g, s, s->target, &err), &err);
		mixed_load(&g, 3, 2000, &hash[i]);
		rig_close(&g);
	}
	assert_int_equal(hash[0], hash[1]);
}

#define BODY(f)                                                                          \
	{                                                                                \
#f, f                                                                    \
	}
static const struct {
	const char *name;
	CMUnitTestFunction f;
} body[] = {
        BODY(slots_are_complete),
        BODY(open_keeps_its_promises),
        BODY(each_op_comes_back_once),
        BODY(data_read_is_data_written),
        BODY(edges_and_past_them),
        BODY(flush_follows_writes),
        BODY(flush_covers_completed_writes),
        BODY(submit_returns_while_a_flush_is_out),
        BODY(discard_leaves_the_rest),
        BODY(fua_write_is_kept_or_refused),
        BODY(close_with_ops_out),
        BODY(errors_carry_the_targets_name),
        BODY(nothing_is_allocated_while_running),
        BODY(virtual_runs_are_identical),
};
#define N_BODY (sizeof(body) / sizeof(body[0]))

/* A test that has no meaning for this subject is no skipped one: it is left out. */
static const char *does_not_apply(const struct subject *s, size_t k)
{
	bool sees = body[k].f == flush_covers_completed_writes;
	if (body[k].f == submit_returns_while_a_flush_is_out && !s->served)
		return "no flush of it can be held";
	if (s->served && !sees && body[k].f != submit_returns_while_a_flush_is_out)
		return "seen on another target of the engine";
	if (sees && !s->served && strcmp(s->engine->name, "hdd") != 0)
		return "its medium cannot be looked at";
	if (body[k].f == discard_leaves_the_rest && !(s->engine->caps & HCB_CAP_DISCARD))
		return "has no discard";
	if (body[k].f == data_read_is_data_written && !s->stores)
		return "stores nothing";
	if (body[k].f == errors_carry_the_targets_name && !s->wrong[0])
		return "no address is wrong";
	if (body[k].f == virtual_runs_are_identical && !(s->engine->caps & HCB_CAP_MODEL))
		return "not a model";
	/* .ci/run: the lab's part runs these on the lab's cluster, and counts them there
	 */
	if (s->absent && getenv("HCBENCH_TEST_CEPH_LATER"))
		return "run on the lab's cluster later";
	return NULL;
}

/* Why this test of this subject is skipped, for its name; "" if it is not. */
static const char *exemption(const struct subject *s, size_t k)
{
	if (body[k].f == slots_are_complete)
		return s->engine->unavailable ? s->engine->unavailable : "";
	if (s->absent)
		return s->absent;
	if (body[k].f == nothing_is_allocated_while_running && !COUNTS_ALLOCATIONS)
		return "a sanitizer owns the allocator";
	return "";
}

int main(void)
{
	static struct CMUnitTest tests[MAX_SUBJECTS * N_BODY];
	static char names[MAX_SUBJECTS * N_BODY][256];
	size_t n = 0;
	make_dir();
	for (size_t i = 0; hcb_engines[i]; i++)
		targets_of(hcb_engines[i]);
	for (size_t i = 0; i < n_subjects; i++) {
		for (size_t k = 0; k < N_BODY; k++) {
			const char *not = does_not_apply(&subjects[i], k);
			if (not ) {
				printf("# left out: %s %s: %s\n", subjects[i].target,
				       body[k].name, not );
				continue;
			}
			const char *why = exemption(&subjects[i], k);
			int len = (int)strcspn(subjects[i].target, ",");
			bool more =
			        subjects[i].target[len] && subjects[i].engine->next_ns;
			snprintf(names[n], sizeof(names[n]), "%.*s %s%s%s%s",
			         more ? 60 : len, subjects[i].target, body[k].name,
			         *why ? " (" : "", why, *why ? ")" : "");
			tests[n].name = names[n];
			tests[n].test_func = body[k].f;
			tests[n].initial_state = &subjects[i];
			n++;
		}
	}
	return _cmocka_run_group_tests("engines", tests, n, NULL, remove_all);
}
