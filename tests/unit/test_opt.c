/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hcb_test.h"

#include "bench/core/opt.h"

struct conf {
	char word[8];
	int flag, mode;
	uint64_t count, bytes, time_ns, bits;
	double real, rate, share;
	uint64_t guard;
};

static const char *const modes[] = {"none", "writeback", NULL};

static const struct hcb_opt opts[] = {
        {"word", HCB_OPT_STR, offsetof(struct conf, word), 8, 0, 0, "abc", NULL, "a word",
         false},
        {"flag", HCB_OPT_BOOL, offsetof(struct conf, flag), 0, 0, 0, "off", NULL, "",
         false},
        {"mode", HCB_OPT_ENUM, offsetof(struct conf, mode), 0, 0, 0, "writeback", modes,
         "", false},
        {"count", HCB_OPT_U64, offsetof(struct conf, count), 0, 1, 100, "3", NULL, "",
         false},
        {"bytes", HCB_OPT_SIZE, offsetof(struct conf, bytes), 0, 512, 1e9, "4KiB", NULL,
         "", false},
        {"time", HCB_OPT_DURATION, offsetof(struct conf, time_ns), 0, 0, 0, "50ms", NULL,
         "", false},
        {"bits", HCB_OPT_BITRATE, offsetof(struct conf, bits), 0, 0, 0, "1Gbit", NULL, "",
         false},
        {"real", HCB_OPT_DOUBLE, offsetof(struct conf, real), 0, -1, 1, "0.5", NULL, "",
         false},
        {"rate", HCB_OPT_RATE, offsetof(struct conf, rate), 0, 0, 0, "40/s", NULL, "",
         false},
        {"share", HCB_OPT_SHARE, offsetof(struct conf, share), 0, 0, 1, "60%", NULL, "",
         false},
        {.name = NULL},
};

static void test_defaults(void **state)
{
	struct conf c = {.guard = 0xfeed};
	(void)state;
	hcb_opt_defaults(opts, &c);
	assert_string_equal(c.word, "abc");
	assert_int_equal(c.flag, 0);
	assert_int_equal(c.mode, 1);
	assert_int_equal(c.count, 3);
	assert_int_equal(c.bytes, 4096);
	assert_int_equal(c.time_ns, 50000000);
	assert_int_equal(c.bits, 1000000000);
	assert_close(c.real, 0.5, 0);
	assert_close(c.rate, 40, 0);
	assert_close(c.share, 0.6, 1e-15);
	assert_int_equal(c.guard, 0xfeed);
}

static void test_every_type_is_set_and_echoed(void **state)
{
	static const struct {
		const char *key, *value, *json_key, *json;
	} cases[] = {
	        {"word", "xyz", "word", "\"xyz\""},
	        {"flag", "yes", "flag", "true"},
	        {"mode", "none", "mode", "\"none\""},
	        {"count", "100", "count", "100"},
	        {"bytes", "1MiB", "bytes_bytes", "1048576"},
	        {"time", "2s", "time_ns", "2000000000"},
	        {"bits", "100Mbit", "bits_bit_per_s", "100000000"},
	        {"real", "-1", "real", "-1.0"},
	        {"rate", "60/m", "rate_per_s", "1.0"},
	        {"share", "25%", "share", "0.25"},
	};
	struct conf c = {.guard = 0xfeed};
	(void)state;
	hcb_opt_defaults(opts, &c);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hcb_err err = HCB_ERR_INIT;
		assert_ok(
		        hcb_opt_set(opts, &c, "here", cases[i].key, cases[i].value, &err),
		        &err);
	}
	json_t *obj = json_object();
	hcb_opt_to_json(opts, &c, obj);
	assert_int_equal(json_object_size(obj), sizeof(cases) / sizeof(cases[0]));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = json_dumps(json_object_get(obj, cases[i].json_key),
		                        JSON_ENCODE_ANY);
		assert_non_null(text);
		assert_string_equal(text, cases[i].json);
		free(text);
	}
	json_decref(obj);
	assert_int_equal(c.guard, 0xfeed);
}

static void test_refusals_change_nothing(void **state)
{
	static const struct {
		const char *key, *value, *part;
	} cases[] = {
	        {"coutn", "1", "here: unknown key \"coutn\"; did you mean \"count\"?"},
	        {"zzzzzzzzzz", "1", "unknown key \"zzzzzzzzzz\""},
	        {"", "1", "unknown key"},
	        {"Count", "1", "did you mean \"count\"?"},
	        {"count", "0", "out of range (1 to 100)"},
	        {"count", "101", "out of range"},
	        {"count", "5x", "here: count=5x: expected a whole number"},
	        {"count", "", "expected a whole number"},
	        {"bytes", "511", "out of range"},
	        {"bytes", "99999999999999TiB", "expected a size"},
	        {"real", "1.01", "out of range"},
	        {"real", "nan", "expected a number"},
	        {"share", "101%", "out of range"},
	        {"time", "5", "expected a time such as 50ms"},
	        {"bits", "5", "expected a bit rate"},
	        {"rate", "5", "expected a rate"},
	        {"flag", "maybe", "expected on or off"},
	        {"mode", "writethrough", "expected one of none, writeback"},
	        {"word", "12345678", "longer than 7 characters"},
	};
	struct conf before = {.guard = 0xfeed}, c;
	(void)state;
	hcb_opt_defaults(opts, &before);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hcb_err err = HCB_ERR_INIT;
		memcpy(&c, &before, sizeof(c));
		int r = hcb_opt_set(opts, &c, "here", cases[i].key, cases[i].value, &err);
		assert_fails(r, &err, HCB_EXIT_USAGE, cases[i].part);
		assert_memory_equal(&c, &before, sizeof(c));
	}
}

static void test_longest_word_fits(void **state)
{
	struct conf c = {.flag = 7};
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_ok(hcb_opt_set(opts, &c, "here", "word", "1234567", &err), &err);
	assert_string_equal(c.word, "1234567");
	assert_int_equal(c.flag, 7);
}

static void test_pairs(void **state)
{
	struct conf c = {.guard = 0};
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_ok(hcb_opt_set_pair(opts, &c, "here", "count=9", &err), &err);
	assert_int_equal(c.count, 9);
	assert_ok(hcb_opt_set_pair(opts, &c, "here", "flag", &err), &err);
	assert_int_equal(c.flag, 1);
	assert_ok(hcb_opt_set_pair(opts, &c, "here", "word=a=b", &err), &err);
	assert_string_equal(c.word, "a=b");
	assert_fails(hcb_opt_set_pair(opts, &c, "here", "count", &err), &err,
	             HCB_EXIT_USAGE, "\"count\": expected key=value");
	assert_fails(hcb_opt_set_pair(opts, &c, "here", "=5", &err), &err, HCB_EXIT_USAGE,
	             "expected key=value");
	assert_fails(hcb_opt_set_pair(opts, &c, "here", "", &err), &err, HCB_EXIT_USAGE,
	             "expected key=value");
	char big[200];
	memset(big, 'k', sizeof(big) - 3);
	strcpy(big + sizeof(big) - 3, "=1");
	assert_fails(hcb_opt_set_pair(opts, &c, "here", big, &err), &err, HCB_EXIT_USAGE,
	             "expected key=value");
}

static void test_nearest(void **state)
{
	static const char *const words[] = {"size", "min_size", "pg_num"};
	(void)state;
	assert_string_equal(hcb_nearest("sise", words, 3), "size");
	assert_string_equal(hcb_nearest("minsize", words, 3), "min_size");
	assert_string_equal(hcb_nearest("pg_num", words, 3), "pg_num");
	assert_null(hcb_nearest("quite-another", words, 3));
	assert_null(hcb_nearest("x", words, 0));
	char big[300];
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_null(hcb_nearest(big, words, 3));
}

static void test_no_table_knows_no_key(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	int conf = 0;
	(void)state;
	hcb_opt_defaults(NULL, &conf);
	assert_fails(hcb_opt_set(NULL, &conf, "engine x", "k", "v", &err), &err,
	             HCB_EXIT_USAGE, "engine x: unknown key \"k\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_defaults),
	        cmocka_unit_test(test_every_type_is_set_and_echoed),
	        cmocka_unit_test(test_refusals_change_nothing),
	        cmocka_unit_test(test_longest_word_fits),
	        cmocka_unit_test(test_pairs),
	        cmocka_unit_test(test_nearest),
	        cmocka_unit_test(test_no_table_knows_no_key),
	};
	return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
