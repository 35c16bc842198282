/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hcb_test.h"

#include <errno.h>

static void test_set_keeps_code_and_text(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_int_equal(hcb_err_set(&err, -EIO, "read %s: %d", "x", 7), -EIO);
	assert_int_equal(err.code, -EIO);
	assert_int_equal(err.exit, HCB_EXIT_FAILED);
	assert_string_equal(err.msg, "read x: 7");
}

static void test_sys_appends_reason(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_int_equal(hcb_err_sys(&err, -ENOENT, "open %s", "/x"), -ENOENT);
	assert_string_equal(err.msg, "open /x: No such file or directory");
}

static void test_each_kind_has_its_exit_code(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_int_equal(hcb_err_usage(&err, "a"), -EINVAL);
	assert_int_equal(err.exit, 2);
	assert_int_equal(hcb_err_refuse(&err, "a"), -EPERM);
	assert_int_equal(err.exit, 14);
	assert_int_equal(hcb_err_invalid(&err, "a"), -ENOTRECOVERABLE);
	assert_int_equal(err.exit, 13);
}

static void test_null_err_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(hcb_err_set(NULL, -EIO, "x"), -EIO);
	assert_int_equal(hcb_err_sys(NULL, -EIO, "x"), -EIO);
	assert_int_equal(hcb_err_usage(NULL, "x"), -EINVAL);
}

static void test_long_message_is_cut_and_terminated(void **state)
{
	struct hcb_err err;
	char text[2000];
	(void)state;
	memset(&err, 0x55, sizeof(err));
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	hcb_err_sys(&err, -EIO, "open %s", text);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_int_equal(err.code, -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_set_keeps_code_and_text),
	        cmocka_unit_test(test_sys_appends_reason),
	        cmocka_unit_test(test_each_kind_has_its_exit_code),
	        cmocka_unit_test(test_null_err_is_allowed),
	        cmocka_unit_test(test_long_message_is_cut_and_terminated),
	};
	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
