/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/hcb_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/history.h"
#include "bench/history_db.h"
#include "bench/result.h"

static json_t *transactions(double x)
{
	return json_pack("[{sssfs{sfsfsfsnsn}s{ssss}}]", "name", "commit", "rate_per_s",
	                 100 / x, "response_ns", "p50", 9e6 * x, "p99", 40e6 * x, "mean",
	                 10e6 * x, "p95", "p999", "null_because", "p999",
	                 "9 samples, 100 needed", "p95", "overload");
}

/* A run of `blocks` blocks around x. */
static json_t *result(const char *id, const char *started, double x, int blocks)
{
	json_t *doc = hcb_json_document("run", false), *b = json_array();
	json_object_set_new(doc, "run",
	                    json_pack("{sssss{sisi}ssss?sfss}", "id", id, "workload",
	                              "postgres", "params", "clients", 4, "scale", 10,
	                              "clock", "real", "started", started, "duration_s",
	                              60.0, "loop", "closed"));
	json_object_set_new(doc, "validity",
	                    json_pack("{sss[]}", "verdict", "VALID", "reasons"));
	json_object_set_new(doc, "transactions", transactions(x));
	for (int i = 0; i < blocks; i++)
		json_array_append_new(
		        b, json_pack("{ssso}", "validity", "VALID", "transactions",
		                     transactions(x * (1 + 0.01 * (i - blocks / 2)))));
	json_object_set_new(doc, "blocks", b);
	json_object_set_new(doc, "targets",
	                    json_pack("[{s[s]sss{sssisisf}}]", "volumes", "wal", "engine",
	                              "libaio", "facts", "device_serial", "A1",
	                              "size_bytes", 1000000, "used_bytes", id[0] * 1000,
	                              "span", 0.5));
	json_object_set_new(doc, "facts",
	                    json_pack("{s{sssssisI}sfsf}", "machine", "kernel", "6.8.4",
	                              "cpu", "x", "cpus", 2, "memory_bytes",
	                              (json_int_t)17179869184 - id[0] * 1000,
	                              "host_busy_mean", 0.01 * id[0], "clock_error",
	                              1e-6));
	return doc;
}

static int add_how(struct hcb_history *h, json_t *doc, const struct hcb_history_how *how,
                   struct hcb_history_added *a, struct hcb_err *err)
{
	int r = hcb_history_add(h, doc, "test", how, a, err);
	json_decref(doc);
	return r;
}

static void add(struct hcb_history *h, json_t *doc, const char *night)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_history_added a;
	struct hcb_history_how how = {.night = night, .now = 2000000000};
	if (add_how(h, doc, &how, &a, &err))
		fail_msg("%s", err.msg);
}

static struct hcb_history memory(void)
{
	struct hcb_history h;
	struct hcb_err err = HCB_ERR_INIT;
	if (hcb_history_open(NULL, true, &h, &err))
		fail_msg("%s", err.msg);
	return h;
}

static struct hcb_history_night only_night(struct hcb_history *h, const char *label)
{
	struct hcb_history_series s;
	struct hcb_history_night *v, out;
	struct hcb_err err = HCB_ERR_INIT;
	size_t n;
	assert_int_equal(hcb_history_find(h, label, &s, &err), 0);
	assert_int_equal(hcb_history_nights(h, s.key, &v, &n, &err), 0);
	assert_int_equal(n, 1);
	out = *v;
	free(v);
	return out;
}

static void test_blocks_make_a_night(void **state)
{
	(void)state;
	struct hcb_history h = memory();
	add(&h, result("a", "2026-05-01T02:00:00Z", 1, 5), "n1");
	struct hcb_history_night v = only_night(&h, "postgres.commit.p50");
	assert_true(v.valid && !v.over_runs);
	assert_int_equal(v.n, 5);
	assert_close(v.value, 9e6, 1e-12);
	v = only_night(&h, "postgres.commit.rate");
	assert_close(v.value, 100, 1e-12);
	/* A null is no 0. */
	v = only_night(&h, "postgres.commit.p999");
	assert_false(v.valid);
	assert_string_equal(v.why, "no value: 9 samples, 100 needed");
	hcb_history_close(&h);
}

static void test_too_few_blocks_are_kept_and_not_used(void **state)
{
	(void)state;
	struct hcb_history h = memory();
	add(&h, result("a", "2026-05-01T02:00:00Z", 1, 4), "n1");
	struct hcb_history_night v = only_night(&h, "postgres.commit.p50");
	assert_false(v.valid);
	assert_int_equal(v.n, 4);
	assert_true(v.value > 0);
	assert_string_equal(v.why, "4 blocks, 5 needed");
	hcb_history_close(&h);
}

static void test_runs_make_a_night(void **state)
{
	(void)state;
	static const char *const ids[] = {"a", "b", "c", "d", "e", "f"};
	struct hcb_history h = memory();
	for (int i = 0; i < 5; i++)
		add(&h, result(ids[i], "2026-05-01T02:00:00Z", 1 + 0.1 * i, 3), "n1");
	struct hcb_history_night v = only_night(&h, "postgres.commit.p50");
	assert_true(v.valid && v.over_runs);
	assert_int_equal(v.n, 5);
	assert_close(v.value, 9e6 * 1.2, 1e-12);
	/* One INVALID among six: of five runs still, the same kind of median. */
	json_t *bad = result(ids[5], "2026-05-01T02:00:00Z", 100, 3);
	json_object_set_new(json_object_get(bad, "validity"), "verdict",
	                    json_string("INVALID"));
	add(&h, bad, "n1");
	v = only_night(&h, "postgres.commit.p50");
	assert_true(v.valid && v.over_runs);
	assert_close(v.value, 9e6 * 1.2, 1e-12);
	hcb_history_close(&h);
}

static void test_what_is_not_used(void **state)
{
	(void)state;
	static const struct {
		const char *key, *why;
	} cases[] = {{"partial", "partial"},
	             {"INVALID", "the bench was late"},
	             {"disturbed", "scrubbing"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hcb_history h = memory();
		json_t *doc = result("a", "2026-05-01T02:00:00Z", 1, 6);
		json_t *target = json_array_get(json_object_get(doc, "targets"), 0);
		if (i == 0)
			json_object_set_new(doc, "partial", json_true());
		if (i == 1)
			json_object_set_new(doc, "validity",
			                    json_pack("{sss[s]}", "verdict", "INVALID",
			                              "reasons", cases[i].why));
		if (i == 2)
			json_object_set_new(json_object_get(target, "facts"), "disturbed",
			                    json_string("scrubbing"));
		add(&h, doc, "n1");
		struct hcb_history_night v = only_night(&h, "postgres.commit.p50");
		assert_false(v.valid);
		assert_string_equal(v.why, cases[i].why);
		hcb_history_close(&h);
	}
}

/* UNSTEADY by itself may be the slowdown that is looked for. */
static void test_unsteady_is_used(void **state)
{
	(void)state;
	struct hcb_history h = memory();
	json_t *doc = result("a", "2026-05-01T02:00:00Z", 1, 6);
	json_object_set_new(json_object_get(doc, "validity"), "verdict",
	                    json_string("UNSTEADY"));
	add(&h, doc, "n1");
	assert_true(only_night(&h, "postgres.commit.p50").valid);
	hcb_history_close(&h);
}

static size_t series_count(struct hcb_history *h)
{
	struct hcb_history_series *s;
	struct hcb_err err = HCB_ERR_INIT;
	size_t n;
	assert_int_equal(hcb_history_all(h, &s, &n, &err), 0);
	free(s);
	return n;
}

/* What is measured or read from a clock differs between these two; the environment does
   not. */
static void test_fingerprint_holds_stable_facts_only(void **state)
{
	(void)state;
	struct hcb_history h = memory();
	add(&h, result("a", "2026-05-01T02:00:00Z", 1, 5), "n1");
	size_t before = series_count(&h);
	json_t *doc = result("b", "2026-05-02T02:00:00Z", 2, 5);
	json_object_set_new(json_object_get(doc, "run"), "seed", json_integer(77));
	add(&h, doc, "n2");
	assert_int_equal(series_count(&h), before);
	hcb_history_close(&h);
}

static void test_each_stable_fact_begins_new_series(void **state)
{
	(void)state;
	static const char *const changes[] = {"cpu", "serial", "params", "name", "given"};
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct hcb_history h = memory();
		struct hcb_history_added a;
		struct hcb_err err = HCB_ERR_INIT;
		struct hcb_history_how how = {.night = "n2", .now = 2000000000};
		add(&h, result("a", "2026-05-01T02:00:00Z", 1, 5), "n1");
		size_t before = series_count(&h);
		json_t *doc = result("b", "2026-05-02T02:00:00Z", 1, 5);
		json_t *machine =
		        json_object_get(json_object_get(doc, "facts"), "machine");
		json_t *facts = json_object_get(
		        json_array_get(json_object_get(doc, "targets"), 0), "facts");
		json_t *params = json_object_get(json_object_get(doc, "run"), "params");
		if (i == 0)
			json_object_set_new(machine, "cpu", json_string("y"));
		if (i == 1)
			json_object_set_new(facts, "device_serial", json_string("B2"));
		if (i == 2)
			json_object_set_new(params, "clients", json_integer(5));
		if (i == 3)
			how.name = "other";
		if (i == 4)
			how.facts = json_pack("{ss}", "tunnel", "on");
		assert_int_equal(add_how(&h, doc, &how, &a, &err), 0);
		json_decref(how.facts);
		assert_int_equal(series_count(&h), 2 * before);
		/* Of one test in another environment it is said. */
		assert_int_equal(a.was[0] != '\0', i == 0 || i == 1 || i == 4);
		hcb_history_close(&h);
	}
}

/* An hcbench that has a new parameter says its default in each result. */
static void test_a_parameter_that_came_later_begins_no_series(void **state)
{
	(void)state;
	struct hcb_history h = memory();
	struct hcb_err err = HCB_ERR_INIT;
	add(&h, result("a", "2026-05-01T02:00:00Z", 1, 5), "n1");
	size_t before = series_count(&h);
	json_t *doc = result("b", "2026-05-02T02:00:00Z", 1, 5);
	json_t *params = json_object_get(json_object_get(doc, "run"), "params");
	json_object_set_new(params, "wal_compression", json_false());
	json_object_set_new(params, "compressed", json_real(0.4));
	add(&h, doc, "n2");
	assert_int_equal(series_count(&h), before);
	/* Another value of it does, and is named. */
	doc = result("c", "2026-05-03T02:00:00Z", 1, 5);
	params = json_object_get(json_object_get(doc, "run"), "params");
	json_object_set_new(params, "wal_compression", json_true());
	add(&h, doc, "n3");
	assert_int_equal(series_count(&h), 2 * before);
	struct hcb_history_series *all = NULL;
	size_t n = 0;
	assert_int_equal(hcb_history_all(&h, &all, &n, &err), 0);
	json_t *changed = json_array(), *was = NULL, *now = NULL;
	for (size_t i = 0; i < n; i++) {
		json_t **to = strcmp(all[i].last, "n3") == 0 ? &now : &was;
		json_decref(*to);
		*to = hcb_history_environment(&h, all[i].key, all[i].last, &err);
	}
	hcb_history_diff(was, now, changed);
	assert_int_equal(json_array_size(changed), 1);
	assert_string_equal(
	        json_string_value(json_object_get(json_array_get(changed, 0), "field")),
	        "params.wal_compression");
	json_decref(changed);
	json_decref(was);
	json_decref(now);
	free(all);
	hcb_history_close(&h);
}

/* Software may change in a series: else no upgrade could be judged. */
static void test_an_upgrade_is_the_same_series(void **state)
{
	(void)state;
	static const char *const software[] = {"kernel", "system"};
	struct hcb_history h = memory();
	add(&h, result("a", "2026-05-01T02:00:00Z", 1, 5), "n1");
	size_t before = series_count(&h);
	json_t *doc = result("b", "2026-05-02T02:00:00Z", 1, 5);
	json_t *machine = json_object_get(json_object_get(doc, "facts"), "machine");
	json_t *facts = json_object_get(
	        json_array_get(json_object_get(doc, "targets"), 0), "facts");
	for (size_t i = 0; i < 2; i++)
		json_object_set_new(machine, software[i], json_string("another"));
	json_object_set_new(facts, "ceph_version", json_string("ceph version 17.2.7"));
	json_object_set_new(doc, "hcbench", json_string("9.9"));
	add(&h, doc, "n2");
	assert_int_equal(series_count(&h), before);
	hcb_history_close(&h);
}

static void test_adding_twice(void **state)
{
	(void)state;
	struct hcb_history h = memory();
	struct hcb_history_added a;
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_history_how how = {.night = "n1", .now = 2000000000};
	add(&h, result("a", "2026-05-01T02:00:00Z", 1, 5), "n1");
	assert_int_equal(
	        add_how(&h, result("a", "2026-05-01T02:00:00Z", 1, 5), &how, &a, &err),
	        0);
	assert_true(a.already);
	/* Another result that says to be the same run. */
	assert_int_equal(
	        add_how(&h, result("a", "2026-05-01T02:00:00Z", 2, 5), &how, &a, &err),
	        -EINVAL);
	assert_has(err.msg, "another result of run a");
	/* And the same run for another night. */
	how.night = "n2";
	assert_int_equal(
	        add_how(&h, result("a", "2026-05-01T02:00:00Z", 1, 5), &how, &a, &err),
	        -EINVAL);
	assert_has(err.msg, "in night n1 already");
	assert_close(only_night(&h, "postgres.commit.p50").value, 9e6, 1e-12);
	hcb_history_close(&h);
}

static void test_nights_are_named(void **state)
{
	(void)state;
	char night[16];
	struct hcb_history h = memory();
	struct hcb_history_added a;
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_history_how how = {.now = hcb_history_time("2026-05-20T12:00:00Z")};
	setenv("TZ", "UTC", 1);
	tzset();
	hcb_history_night_of(hcb_history_time("2026-05-02T11:59:59Z"), night);
	assert_string_equal(night, "2026-05-01");
	hcb_history_night_of(hcb_history_time("2026-05-02T12:00:00Z"), night);
	assert_string_equal(night, "2026-05-02");
	hcb_history_night_of(hcb_history_time("2026-01-01T00:00:00Z"), night);
	assert_string_equal(night, "2025-12-31");
	/* From the future: a clock was wrong; virtual: it says no time. */
	assert_int_equal(
	        add_how(&h, result("a", "2031-05-01T02:00:00Z", 1, 5), &how, &a, &err),
	        -EINVAL);
	assert_has(err.msg, "future");
	assert_int_equal(add_how(&h, result("a", NULL, 1, 5), &how, &a, &err), -EINVAL);
	assert_has(err.msg, "--night");
	assert_int_equal(series_count(&h), 0);
	assert_true(hcb_history_night_ok("2026-05-01"));
	assert_true(hcb_history_night_ok("run_1.b"));
	assert_false(hcb_history_night_ok(".."));
	assert_false(hcb_history_night_ok("a/b"));
	assert_false(hcb_history_night_ok(""));
	assert_false(hcb_history_night_ok("12345678901234567890123456789012"));
	hcb_history_close(&h);
}

/* Version 1 with what it could hold, brought up: nothing is lost, the new is there. */
static void test_an_older_schema_is_brought_up(void **state)
{
	(void)state;
	struct hcb_history h = {.lock = -1};
	struct hcb_err err = HCB_ERR_INIT;
	int from;
	int64_t n;
	assert_int_equal(hcb_db_open(NULL, true, &h.db, &err), 0);
	assert_int_equal(hcb_history_migrate(&h, 1, &from, &err), 0);
	assert_int_equal(from, 0);
	assert_int_equal(
	        hcb_db_exec(
	                h.db,
	                "INSERT INTO workload VALUES(1, 'w', '{}');"
	                "INSERT INTO fingerprint VALUES(1, 'f', '{}');"
	                "INSERT INTO run VALUES(1, 'u', 'n1', 'db', 'run', 5, 60, '0', "
	                "1, 1, 1, 1, NULL, 0, 0, 'results/n1/x.json', 'h');"
	                "INSERT INTO series VALUES(1, 'feedfacefeedface', 'db', "
	                "'commit.p50', 'ns', 0, 1, 1, 1);"
	                "INSERT INTO night VALUES(1, 'n1', 9e6, 5, 'blocks', NULL)",
	                &err),
	        0);
	assert_int_equal(hcb_db_int(h.db, &err, -1, &n, "SELECT count(*) FROM link", ""),
	                 -EIO);
	assert_int_equal(hcb_history_migrate(&h, HCB_HISTORY_SCHEMA, &from, &err), 0);
	assert_int_equal(from, 1);
	assert_int_equal(hcb_db_int(h.db, &err, -1, &n, "PRAGMA user_version", ""), 0);
	assert_int_equal(n, HCB_HISTORY_SCHEMA);
	assert_close(only_night(&h, "db.commit.p50").value, 9e6, 1e-12);
	assert_int_equal(hcb_db_int(h.db, &err, -1, &n, "SELECT control FROM run", ""),
	                 0);
	assert_int_equal(n, 0);
	/* Again: nothing to do. */
	assert_int_equal(hcb_history_migrate(&h, HCB_HISTORY_SCHEMA, &from, &err), 0);
	assert_int_equal(from, HCB_HISTORY_SCHEMA);
	/* A newer one is left alone. */
	assert_int_equal(hcb_db_exec(h.db, "PRAGMA user_version = 99", &err), 0);
	assert_int_equal(hcb_history_migrate(&h, HCB_HISTORY_SCHEMA, &from, &err),
	                 -EPROTO);
	assert_has(err.msg, "newer hcbench");
	hcb_history_close(&h);
}

static struct hcb_history_series find(struct hcb_history *h, const char *word)
{
	struct hcb_history_series s;
	struct hcb_err err = HCB_ERR_INIT;
	if (hcb_history_find(h, word, &s, &err))
		fail_msg("%s", err.msg);
	return s;
}

static void test_links_carry_over(void **state)
{
	(void)state;
	struct hcb_history h = memory();
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_history_night *v;
	size_t n;
	add(&h, result("a", "2026-05-01T02:00:00Z", 1, 5), "n1");
	struct hcb_history_series old = find(&h, "postgres.commit.p50"),
	                          other = find(&h, "postgres.commit.p99");
	json_t *doc = result("b", "2026-05-02T02:00:00Z", 2, 5);
	json_object_set_new(json_object_get(json_object_get(doc, "facts"), "machine"),
	                    "cpu", json_string("y"));
	json_object_set_new(json_object_get(json_object_get(doc, "facts"), "machine"),
	                    "kernel", json_string("6.8.8"));
	add(&h, doc, "n2");
	struct hcb_history_series new_one = find(&h, "postgres.commit.p50");
	assert_string_not_equal(old.key, new_one.key);
	assert_int_equal(hcb_history_link(&h, &other, &new_one, 1, &err), -EINVAL);
	assert_has(err.msg, "another metric");
	assert_int_equal(hcb_history_link(&h, &new_one, &new_one, 1, &err), -EINVAL);
	assert_int_equal(hcb_history_link(&h, &old, &new_one, 1, &err), 0);
	assert_int_equal(hcb_history_link(&h, &new_one, &old, 1, &err), -EINVAL);
	assert_has(err.msg, "from itself");
	assert_int_equal(hcb_history_nights(&h, new_one.key, &v, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(v[0].night, "n1");
	assert_close(v[1].value, 18e6, 1e-12);
	free(v);
	/* What changed is found across it, what makes the environment first. */
	json_t *a = hcb_history_environment(&h, new_one.key, "n1", &err),
	       *b = hcb_history_environment(&h, new_one.key, "n2", &err),
	       *fields = json_array();
	hcb_history_diff(a, b, fields);
	assert_int_equal(json_array_size(fields), 2);
	json_t *f = json_array_get(fields, 0);
	assert_string_equal(json_string_value(json_object_get(f, "field")),
	                    "machine.cpu");
	f = json_array_get(fields, 1);
	assert_string_equal(json_string_value(json_object_get(f, "field")),
	                    "machine.kernel");
	assert_string_equal(json_string_value(json_object_get(f, "to")), "6.8.8");
	json_decref(a);
	json_decref(b);
	json_decref(fields);
	hcb_history_close(&h);
}

/* host: NULL for null, empty for none at all. */
static unsigned add_from(struct hcb_history *h, const char *id, const char *night,
                         const char *host, struct hcb_history_added *a)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_history_how how = {.night = night, .name = "db", .now = 2000000000};
	json_t *doc = result(id, NULL, 1, 5);
	json_t *machine = json_object_get(json_object_get(doc, "facts"), "machine");
	if (!host || *host)
		json_object_set_new(machine, "host",
		                    host ? json_string(host) : json_null());
	if (add_how(h, doc, &how, a, &err))
		fail_msg("%s", err.msg);
	return a->carried;
}

static size_t nights_of(struct hcb_history *h, const char *key)
{
	struct hcb_history_night *v;
	struct hcb_err err = HCB_ERR_INIT;
	size_t n;
	assert_int_equal(hcb_history_nights(h, key, &v, &n, &err), 0);
	free(v);
	return n;
}

/* Two servers of one order are two environments; what does not say which one it is from
   is of the first that does. */
static void test_each_machine_has_its_series(void **state)
{
	(void)state;
	struct hcb_history h = memory();
	struct hcb_history_added a;
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_gate_conf conf = hcb_gate_defaults(HCB_GATE_P50);
	static const char *const label = "db.commit.p50";
	add_from(&h, "a", "n1", "", &a); /* of an earlier hcbench */
	assert_int_equal(add_from(&h, "b", "n2", NULL, &a), 0);
	size_t series = series_count(&h);
	struct hcb_history_series old = find(&h, label);
	conf.h[3] = 9;
	assert_int_equal(hcb_history_calibrated(&h, &old, &conf, 0.1, 7, 40, 1, &err), 0);
	assert_int_equal(nights_of(&h, old.key), 2);
	/* The first machine that says which it is. */
	assert_int_equal(add_from(&h, "c", "n3", "aaaa", &a), series);
	assert_int_equal(a.new_series, series);
	struct hcb_history_series mine = find(&h, label);
	assert_string_equal(mine.old, old.key);
	assert_int_equal(nights_of(&h, mine.key), 3);
	assert_true(hcb_history_conf(&h, &mine, &conf));
	assert_close(conf.h[3], 9, 1e-12);
	assert_int_equal(add_from(&h, "d", "n3", "aaaa", &a), 0);
	/* Another one, alike in all else: told, and not judged by those. */
	assert_int_equal(add_from(&h, "e", "n4", "bbbb", &a), 0);
	assert_int_equal(a.new_series, series);
	assert_true(a.was[0]);
	struct hcb_history_series other = find(&h, label);
	assert_string_not_equal(other.key, mine.key);
	assert_int_equal(nights_of(&h, other.key), 1);
	assert_int_equal(series_count(&h), 3 * series);
	/* Nor does a series that is there already take over what comes later. */
	hcb_history_close(&h);
	h = memory();
	add_from(&h, "a", "n1", "aaaa", &a);
	add_from(&h, "b", "n2", NULL, &a);
	assert_int_equal(add_from(&h, "c", "n3", "aaaa", &a), 0);
	assert_int_equal(nights_of(&h, find(&h, label).key), 2);
	hcb_history_close(&h);
}

static void test_reruns_stay_out_of_the_median(void **state)
{
	(void)state;
	struct hcb_history h = memory();
	struct hcb_history_added a;
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_history_how how = {.night = "n1", .rerun = true, .now = 2000000000};
	add(&h, result("a", "2026-05-01T02:00:00Z", 1, 5), "n1");
	assert_int_equal(
	        add_how(&h, result("b", "2026-05-01T03:00:00Z", 3, 5), &how, &a, &err),
	        0);
	struct hcb_history_night v = only_night(&h, "postgres.commit.p50");
	assert_close(v.value, 9e6, 1e-12);
	assert_close(v.rerun, 27e6, 1e-12);
	assert_int_equal(v.n, 5);
	hcb_history_close(&h);
}

static void test_controls_are_of_their_own(void **state)
{
	(void)state;
	struct hcb_history h = memory();
	struct hcb_history_added a;
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_history_how how = {.night = "n1", .control = true, .now = 2000000000};
	json_t *doc = hcb_json_document("control", false);
	json_object_set_new(
	        doc, "run",
	        json_pack("{ssss}", "id", "c1", "started", "2026-05-01T02:00:00Z"));
	json_object_set_new(doc, "metrics",
	                    json_pack("[{sssssssfs[fffff]}]", "name", "rtt.p50", "unit",
	                              "ns", "direction", "lower", "value", 3e5, "samples",
	                              3e5, 3e5, 4e5, 2e5, 3e5));
	assert_int_equal(add_how(&h, doc, &how, &a, &err), 0);
	struct hcb_history_series s = find(&h, "control.rtt.p50");
	assert_true(s.control && !s.more_is_better);
	assert_true(only_night(&h, s.key).valid);
	/* A metric that does not say what is better. */
	doc = hcb_json_document("control", false);
	json_object_set_new(
	        doc, "run",
	        json_pack("{ssss}", "id", "c2", "started", "2026-05-01T02:00:00Z"));
	json_object_set_new(
	        doc, "metrics",
	        json_pack("[{sssssf}]", "name", "rtt", "unit", "ns", "value", 3e5));
	assert_int_equal(add_how(&h, doc, &how, &a, &err), -EINVAL);
	assert_has(err.msg, "direction");
	hcb_history_close(&h);
}

static void test_without_sqlite(void **state)
{
	(void)state;
	print_message("%s\n", hcb_db_unavailable);
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_blocks_make_a_night),
	        cmocka_unit_test(test_too_few_blocks_are_kept_and_not_used),
	        cmocka_unit_test(test_runs_make_a_night),
	        cmocka_unit_test(test_what_is_not_used),
	        cmocka_unit_test(test_unsteady_is_used),
	        cmocka_unit_test(test_fingerprint_holds_stable_facts_only),
	        cmocka_unit_test(test_each_stable_fact_begins_new_series),
	        cmocka_unit_test(test_a_parameter_that_came_later_begins_no_series),
	        cmocka_unit_test(test_an_upgrade_is_the_same_series),
	        cmocka_unit_test(test_adding_twice),
	        cmocka_unit_test(test_nights_are_named),
	        cmocka_unit_test(test_an_older_schema_is_brought_up),
	        cmocka_unit_test(test_links_carry_over),
	        cmocka_unit_test(test_each_machine_has_its_series),
	        cmocka_unit_test(test_reruns_stay_out_of_the_median),
	        cmocka_unit_test(test_controls_are_of_their_own),
	};
	const struct CMUnitTest none[] = {cmocka_unit_test(test_without_sqlite)};
	if (hcb_db_unavailable)
		return cmocka_run_group_tests(none, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
