/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ceph's JSON: counters that went below zero, and everything that must stay as it is. */
#include "hcb_test.h"

#include <inttypes.h>

#include "engines/ceph_json.h"

static json_t *read(const char *text)
{
	return hcb_ceph_json(text, strlen(text));
}

static int64_t value(const char *number)
{
	char text[80];
	snprintf(text, sizeof(text), "{\"a\":%s,\"b\":7}", number);
	json_t *o = read(text);
	assert_non_null(o);
	assert_int_equal(json_integer_value(json_object_get(o, "b")), 7);
	assert_true(json_is_integer(json_object_get(o, "a")));
	int64_t v = json_integer_value(json_object_get(o, "a"));
	json_decref(o);
	return v;
}

static void test_below_zero(void **state)
{
	(void)state;
	assert_true(value("18446744073709551609") == -7);
	assert_true(value("18446744073709551615") == -1);
	assert_true(value("10000000000000000000") == INT64_C(-8446744073709551616));
	assert_true(value("9223372036854775807") == INT64_MAX);
	assert_true(value("9223372036854775808") == INT64_MAX);
	assert_true(value("9999999999999999999") == INT64_MAX);
	assert_true(value("-9223372036854775808") == INT64_MIN);
}

static void test_the_rest_of_the_answer_stays(void **state)
{
	(void)state;
	json_t *o = read("{\"s\":\"\\\"18446744073709551609\\\\\",\"l\":[1,"
	                 "18446744073709551614,2.5e1],\"r\":18446744073709551615.5,"
	                 "\"18446744073709551613\":true}");
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "s")),
	                    "\"18446744073709551609\\");
	assert_true(json_integer_value(json_array_get(json_object_get(o, "l"), 1)) == -2);
	assert_close(json_real_value(json_array_get(json_object_get(o, "l"), 2)), 25, 0);
	assert_close(json_real_value(json_object_get(o, "r")), 18446744073709551615.5,
	             1e-15);
	assert_true(json_is_true(json_object_get(o, "18446744073709551613")));
	json_decref(o);
}

static void test_what_is_no_json(void **state)
{
	(void)state;
	assert_null(read(""));
	assert_null(read("{\"a\":18446744073709551609"));
	assert_null(read("Error EACCES"));
	assert_null(read("{\"a\":99999999999999999999999}")); /* no counter has as many */
	assert_null(hcb_ceph_json(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_below_zero),
	        cmocka_unit_test(test_the_rest_of_the_answer_stays),
	        cmocka_unit_test(test_what_is_no_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
