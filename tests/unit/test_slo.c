/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objectives: what is one, and whether a run kept it. */
#include "hcb_test.h"

#include <string.h>

#include "bench/slo.h"

static const struct hcb_workload *postgres(void)
{
	struct hcb_err err = HCB_ERR_INIT;
	return hcb_workload_find("postgres", &err);
}

static struct hcb_slo slo(const char *text)
{
	struct hcb_slo out;
	struct hcb_err err = HCB_ERR_INIT;
	assert_int_equal(hcb_slo_parse(text, postgres(), &out, &err), 0);
	return out;
}

static void test_an_objective(void **state)
{
	(void)state;
	struct hcb_slo o = slo("commit.p99=50ms");
	assert_string_equal(o.name, "commit.p99");
	assert_int_equal(o.limit_ns, 50000000);
	assert_int_equal(o.need, 368);
	o = slo("checkpoint.p99.9=2s");
	assert_string_equal(o.name, "checkpoint.p999");
	assert_string_equal(o.figure, "p999");
	assert_int_equal(slo("commit.max=1s").need, 1);
}

static void test_what_is_none(void **state)
{
	static const char *const texts[][2] = {
	        {"commit.p99=50", "unit"},       {"commit.p99=", "unit"},
	        {"commit.p99=0", "unit"},        {"commit.p99=50mss", "unit"},
	        {"commit.p98=50ms", "p98"},      {"commits.p99=50ms", "it has commit"},
	        {"p99=50ms", "commit.p99=50ms"}, {"commit.p99", "commit.p99=50ms"},
	        {"=.", "commit.p99=50ms"},       {"", "commit.p99=50ms"},
	        {"commit.=1s", "figure"},        {".p99=1s", "no such transaction"}};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct hcb_slo out;
		struct hcb_err err = HCB_ERR_INIT;
		assert_true(hcb_slo_parse(texts[i][0], postgres(), &out, &err) < 0);
		assert_int_equal(err.exit, HCB_EXIT_USAGE);
		assert_non_null(strstr(err.msg, texts[i][1]));
	}
}

/* A run's document as far as it is looked at. */
static struct hcb_slo_verdict judge(const char *verdict, const char *why, const char *tx)
{
	const struct hcb_slo slos[] = {slo("commit.p50=10ms"), slo("commit.p99=50ms"),
	                               slo("checkpoint.max=1s")};
	struct hcb_slo_verdict v;
	char text[1200];
	snprintf(
	        text, sizeof(text),
	        "{\"partial\": false, \"validity\": {\"verdict\": \"%s\", "
	        "\"reasons\": [\"%s\"]}, \"transactions\": [%s, {\"name\": "
	        "\"checkpoint\", \"failed\": 0, \"response_ns\": {\"max\": 900000000}}]}",
	        verdict, why, tx);
	json_t *doc = json_loads(text, 0, NULL);
	assert_non_null(doc);
	hcb_slo_judge(doc, slos, 3, &v);
	json_decref(doc);
	return v;
}

#define COMMITS(failed, p50, p99, because)                                               \
	"{\"name\": \"commit\", \"failed\": " failed ", \"response_ns\": {\"p50\": " p50 \
	", \"p99\": " p99 "}, \"null_because\": {" because "}}"

static void test_kept_and_missed(void **state)
{
	(void)state;
	struct hcb_slo_verdict v =
	        judge("VALID", "", COMMITS("0", "10000000", "49999999", ""));
	assert_true(!v.invalid && !v.missed && !*v.reason);
	assert_close(v.value_ns[1], 49999999, 0);
	assert_close(v.value_ns[2], 9e8, 0);
	v = judge("UNSTEADY", "moved", COMMITS("0", "9000000", "50000001", ""));
	assert_int_equal(v.missed, 2);
	assert_non_null(strstr(v.reason, "commit.p99"));
}

static void test_overload_and_failures_miss_all(void **state)
{
	(void)state;
	struct hcb_slo_verdict v =
	        judge("UNSTEADY", "overload: 40.0/s offered, 31.0/s achieved",
	              COMMITS("0", "null", "null",
	                      "\"p50\": \"overload\", \"p99\": \"overload\""));
	assert_true(v.overload && !v.invalid && v.missed == 7);
	assert_non_null(strstr(v.reason, "40.0/s offered, 31.0/s achieved"));
	assert_true(v.value_ns[0] != v.value_ns[0]); /* no figures */
	v = judge("VALID", "", COMMITS("2", "1000", "1000", ""));
	assert_int_equal(v.missed, 3);
	assert_non_null(strstr(v.reason, "2 failed: commit"));
}

static void test_what_says_nothing(void **state)
{
	(void)state;
	struct hcb_slo_verdict v =
	        judge("INVALID", "steal", COMMITS("0", "90000000", "90000000", ""));
	assert_true(v.invalid && !v.missed);
	assert_string_equal(v.reason, "steal");
	v = judge("VALID", "",
	          COMMITS("0", "1000", "null", "\"p99\": \"12 samples, 368 needed\""));
	assert_true(v.invalid);
	assert_non_null(strstr(v.reason, "12 samples, 368 needed"));
	assert_true(v.few);
	const struct hcb_slo one = slo("commit.p50=10ms");
	json_t *cut = json_pack("{sbs{ssso}s[]}", "partial", 1, "validity", "verdict",
	                        "UNSTEADY", "reasons", json_array(), "transactions");
	hcb_slo_judge(cut, &one, 1, &v);
	assert_true(v.invalid);
	json_decref(cut);
	cut = json_object(); /* no run at all */
	hcb_slo_judge(cut, &one, 1, &v);
	assert_true(v.invalid);
	json_decref(cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_an_objective),
	        cmocka_unit_test(test_what_is_none),
	        cmocka_unit_test(test_kept_and_missed),
	        cmocka_unit_test(test_overload_and_failures_miss_all),
	        cmocka_unit_test(test_what_says_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
