/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several workloads as one: what each part does is what it does alone. */
#include "hcb_test.h"

#include <errno.h>

#include "bench/core/random.h"
#include "bench/core/units.h"
#include "bench/mix.h"
#include "hcb_drive.h"
#include "workloads/registry.h"

#define PG (&hcb_workload_postgres)
#define MI (&hcb_workload_micro)

static void set_part(struct hcb_mix *m, const char *name, const struct hcb_workload *wl,
                     const char *const *params)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_mix_part *p = &m->part[m->n_parts++];
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->wl = wl;
	p->conf = calloc(1, wl->conf_size);
	hcb_opt_defaults(wl->opts, p->conf);
	for (; params && *params; params++)
		assert_ok(hcb_opt_set_pair(wl->opts, p->conf, "test", *params, &err),
		          &err);
}

static const char *const pg_params[] = {"rate=40/s", "checkpoint_timeout=30s", NULL};
static const char *const bulk_params[] = {"rate=20/s", "bs=64KiB", NULL};

static struct hcb_mix *make_mix(void)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_mix *m = calloc(1, sizeof(*m));
	set_part(m, "db", PG, pg_params);
	set_part(m, "bulk", MI, bulk_params);
	assert_ok(hcb_mix_make(m, &err), &err);
	return m;
}

static void free_mix(struct hcb_mix *m)
{
	for (unsigned p = 0; p < m->n_parts; p++)
		free(m->part[p].conf);
	free(m);
}

static void test_names_carry_the_part_and_kinds_stay(void **state)
{
	struct hcb_mix *m = make_mix();
	(void)state;
	assert_string_equal(m->wl.name, "postgres+micro");
	assert_string_equal(m->wl.txs[0].name, "db.commit");
	assert_string_equal(m->wl.txs[PG->n_txs].name, "bulk.io");
	assert_int_equal(m->wl.n_streams, PG->n_streams + MI->n_streams);
	for (unsigned s = 0; s < MI->n_streams; s++)
		assert_int_equal(m->wl.streams[PG->n_streams + s].kind,
		                 MI->streams[s].kind);
	assert_int_equal(m->wl.max_ops(m),
	                 PG->max_ops(m->part[0].conf) + MI->max_ops(m->part[1].conf));
	assert_true(m->wl.offered_per_s(m) == 40);
	free_mix(m);
}

/* What one part sends, as a hash of where, what and when; -1 for the other's. */
struct watch {
	const struct hcb_mix *m;
	uint64_t hash[2], ops[2];
};

static void watch_op(struct drive *d, const struct hcb_op *op)
{
	struct watch *w = d->arg;
	unsigned p = w->m && op->stream >= w->m->part[1].stream0;
	unsigned stream = op->stream - (w->m ? w->m->part[p].stream0 : 0);
	uint64_t words[] = {op->kind, op->off, op->len, op->due_ns, stream};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		w->hash[p] = hcb_mix64(w->hash[p] ^ words[i]);
	w->ops[p]++;
}

/* On a device where nobody waits for anybody, a part beside another is the part alone. */
/* drive.h makes the configuration itself: a mix has one already. */
static struct drive *drive_mix(struct hcb_mix *m, uint64_t seed)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct drive *d = calloc(1, sizeof(*d));
	d->wl = &m->wl;
	assert_ok(m->wl.plan(m, &d->geo, &err), &err);
	d->geo.n_fs = 1;
	d->geo.regions[d->geo.n_volumes] =
	        (struct hcb_region){.name = "journal", .bytes = d->geo.journal_bytes};
	d->sink = (struct hcb_sink){drive_tx, drive_cycle, drive_phase};
	assert_int_equal(hcb_events_init(&d->done, DRIVE_OPS), 0);
	for (uint32_t i = DRIVE_OPS; i-- > 0;)
		d->free[d->n_free++] = i;
	d->latency_ns[HCB_WRITE] = 100000;
	d->latency_ns[HCB_READ] = 8000000;
	d->latency_ns[HCB_FLUSH] = 8333333;
	assert_ok(m->wl.init(&d->state, m, &d->geo, seed, &d->sink, &err), &err);
	return d;
}

static void free_drive_mix(struct drive *d)
{
	d->wl->fini(d->state);
	hcb_events_free(&d->done);
	free(d);
}

static void test_a_part_does_what_it_does_alone(void **state)
{
	struct watch both = {0}, pg = {0}, mi = {0};
	struct hcb_mix *m = make_mix();
	(void)state;
	both.m = m;

	struct drive *d = drive_mix(m, 5);
	d->arg = &both;
	d->on_op = watch_op;
	drive_run(d, 90 * HCB_SEC, 0);

	struct drive *a = drive_new(PG, pg_params, 5);
	a->arg = &pg;
	a->on_op = watch_op;
	drive_run(a, 90 * HCB_SEC, 0);
	struct drive *b = drive_new(MI, bulk_params, hcb_mix64(5 + 1));
	b->arg = &mi;
	b->on_op = watch_op;
	drive_run(b, 90 * HCB_SEC, 0);

	assert_true(pg.ops[0] > 5000 && mi.ops[0] > 1000);
	assert_int_equal(both.ops[0], pg.ops[0]);
	assert_int_equal(both.ops[1], mi.ops[0]);
	assert_int_equal(both.hash[0], pg.hash[0]);
	assert_int_equal(both.hash[1], mi.hash[0]);
	assert_int_equal(d->tx[0], a->tx[0]);
	assert_int_equal(d->tx[m->part[1].tx0], b->tx[0]);
	assert_int_equal(d->cycles, a->cycles); /* the main part's only */
	struct hcb_pending x, y;
	m->wl.pending(d->state, 80 * HCB_SEC, &x);
	PG->pending(a->state, 80 * HCB_SEC, &y);
	assert_int_equal(x.count, y.count);
	drive_free(a);
	drive_free(b);
	free_drive_mix(d);
	free_mix(m);
}

static void test_all_of_a_part_is_one_disk_and_another_line_another(void **state)
{
	struct hcb_mix *m = make_mix();
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_binding out[2 * HCB_MAX_VOLUMES];
	struct hcb_binding db = {"all", "hdd:generic-7200", 7},
	                   bulk = {"all", "hdd:generic-7200", 9};
	struct hcb_layout l;
	unsigned n = 0;
	(void)state;
	assert_ok(hcb_mix_bind(m, 0, &db, 1, out, &n, &err), &err);
	assert_int_equal(n, m->part[0].own.n_volumes);
	assert_string_equal(out[0].volume, "db.wal");
	assert_ok(hcb_mix_bind(m, 1, &bulk, 1, out, &n, &err), &err);
	assert_ok(hcb_layout_make(&l, &m->wl, m, out, n, &err), &err);
	assert_int_equal(l.n_devs, 2);
	assert_int_equal(l.geo.regions[0].fs, l.geo.regions[1].fs);
	assert_int_equal(l.geo.regions[m->part[1].volume0].fs, 1);
	hcb_layout_free(&l);

	struct hcb_binding wrong = {"redis", "null:", 1}, half = {"wal", "null:", 1};
	n = 0;
	assert_int_equal(hcb_mix_bind(m, 0, &wrong, 1, out, &n, &err), -EINVAL);
	assert_has(err.msg, "redis");
	assert_int_equal(err.exit, HCB_EXIT_USAGE);
	err = (struct hcb_err)HCB_ERR_INIT;
	assert_int_equal(hcb_mix_bind(m, 0, &half, 1, out, &n, &err), -EINVAL);
	assert_has(err.msg, "data");
	free_mix(m);
}

static void test_too_many_volumes_are_refused(void **state)
{
	struct hcb_mix *m = calloc(1, sizeof(*m));
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	for (int i = 0; i < 5; i++) {
		char name[8] = {'p', (char)('0' + i)};
		set_part(m, name, PG, NULL);
	}
	assert_int_equal(hcb_mix_make(m, &err), -EINVAL);
	assert_has(err.msg, "p4");
	free_mix(m);
}

static void test_another_part_that_falls_behind_is_named(void **state)
{
	struct hcb_mix *m = make_mix();
	struct hcb_record rec;
	struct hcb_err err = HCB_ERR_INIT;
	char text[160];
	(void)state;
	assert_ok(hcb_record_init(&rec, &m->wl, &err), &err);
	hcb_record_measure(&rec, 0);
	rec.measure_end_ns = 100 * HCB_SEC;
	unsigned io = m->part[1].tx0;
	/* 20/s for 100 s: 2000 offered, of which 88 % were done. */
	for (uint64_t i = 0; i < 1760; i++)
		rec.sink.tx(&rec.sink, io, i * HCB_MS, i * HCB_MS, i * HCB_MS + 5, false);
	/* The device took part until 88 s: the rest waits. */
	struct drive *d = drive_mix(m, 5);
	d->freeze_from_ns = 88 * HCB_SEC;
	d->freeze_to_ns = 1000 * HCB_SEC;
	drive_run(d, 100 * HCB_SEC, 0);
	assert_true(hcb_mix_behind(m, d->state, &rec, 100, text, sizeof(text)));
	assert_has(text, "bulk");
	free_drive_mix(d);
	/* Nothing waits: fewer than the mean came, which chance may do. */
	d = drive_mix(m, 5);
	drive_run(d, 101 * HCB_SEC, 0);
	assert_false(hcb_mix_behind(m, d->state, &rec, 100, text, sizeof(text)));
	/* 95 % were carried, whatever waits now. */
	for (uint64_t i = 0; i < 140; i++)
		rec.sink.tx(&rec.sink, io, 9, 9, 10, false);
	d->freeze_from_ns = 101 * HCB_SEC;
	d->freeze_to_ns = 1000 * HCB_SEC;
	drive_run(d, 200 * HCB_SEC, 0);
	assert_false(hcb_mix_behind(m, d->state, &rec, 100, text, sizeof(text)));
	free_drive_mix(d);
	hcb_record_free(&rec);
	free_mix(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_names_carry_the_part_and_kinds_stay),
	        cmocka_unit_test(test_a_part_does_what_it_does_alone),
	        cmocka_unit_test(test_all_of_a_part_is_one_disk_and_another_line_another),
	        cmocka_unit_test(test_too_many_volumes_are_refused),
	        cmocka_unit_test(test_another_part_that_falls_behind_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
