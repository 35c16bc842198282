/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A verb of this very program as a child: here this test is the program, and plays one
   that writes a result, or does not, and ends with a code. */
#include "hcb_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cmd/self.h"
#include "bench/core/units.h"

static char path[64];

/* argv: "play" CODE FILE|- */
static int play(char **argv)
{
	if (strcmp(argv[3], "-") != 0) {
		FILE *f = fopen(argv[3], "w");
		fputs("{\"new\": true}", f);
		fclose(f);
	}
	fputs("hcbench: first line\nhcbench: the cluster is HEALTH_ERR\n", stderr);
	return atoi(argv[2]);
}

/* What is left in the file: 0 nothing, 'o' what was there before, 'n' the child's. */
static int found(void)
{
	char text[32] = "";
	FILE *f = fopen(path, "r");
	if (!f)
		return 0;
	fgets(text, sizeof(text), f);
	fclose(f);
	return strstr(text, "new") ? 'n' : 'o';
}

static int child(const char *code, bool writes, bool verdicts, bool answer,
                 int *exit_code, struct hcb_err *err)
{
	const char *const argv[] = {"play", code, writes ? path : "-", NULL};
	const struct self_opts o = {.timeout_ns = 20 * HCB_SEC,
	                            .verdicts = verdicts,
	                            .answer = answer ? path : NULL};
	FILE *f = fopen(path, "w");
	fputs("old", f);
	fclose(f);
	*err = (struct hcb_err)HCB_ERR_INIT;
	return self_run(argv, &o, exit_code, NULL, err);
}

static void test_a_verdict_without_its_answer_is_a_failure(void **state)
{
	struct hcb_err err;
	int code;
	(void)state;
	assert_int_equal(child("13", true, true, true, &code, &err), 0);
	assert_int_equal(code, 13);
	assert_int_equal(found(), 'n');
	/* What an earlier one left is no answer either. */
	assert_true(child("13", false, true, true, &code, &err) < 0);
	assert_int_equal(err.exit, 13);
	assert_string_equal(err.msg, "play 13: the cluster is HEALTH_ERR");
	assert_int_equal(found(), 0);
	assert_true(child("11", false, true, true, &code, &err) < 0);
	assert_int_equal(err.exit, 11);
	/* Who names none has its answer in the code. */
	assert_int_equal(child("13", false, true, false, &code, &err), 0);
	assert_int_equal(found(), 'o');
}

static void test_a_failure_is_one_with_or_without_a_file(void **state)
{
	struct hcb_err err;
	int code;
	(void)state;
	assert_int_equal(child("0", true, false, true, &code, &err), 0);
	assert_true(child("1", true, true, true, &code, &err) < 0);
	assert_int_equal(err.exit, 1);
	assert_true(child("13", true, false, true, &code, &err) < 0);
	assert_int_equal(err.exit, 13);
}

static void test_what_was_refused_as_invalid_stands_for_its_result(void **state)
{
	struct hcb_err err;
	int code;
	(void)state;
	assert_true(child("13", false, true, true, &code, &err) < 0);
	json_t *doc = self_invalid(&err);
	const json_t *v = json_object_get(doc, "validity");
	assert_true(json_is_true(json_object_get(doc, "partial")));
	assert_true(json_is_null(json_object_get(json_object_get(doc, "run"), "id")));
	assert_string_equal(json_string_value(json_object_get(v, "verdict")), "INVALID");
	assert_string_equal(
	        json_string_value(json_array_get(json_object_get(v, "reasons"), 0)),
	        "play 13: the cluster is HEALTH_ERR");
	json_decref(doc);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_verdict_without_its_answer_is_a_failure),
	        cmocka_unit_test(test_a_failure_is_one_with_or_without_a_file),
	        cmocka_unit_test(test_what_was_refused_as_invalid_stands_for_its_result),
	};
	if (argc == 4 && strcmp(argv[1], "play") == 0)
		return play(argv);
	snprintf(path, sizeof(path), "/tmp/hcb-self-%d", (int)getpid());
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
