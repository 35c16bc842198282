/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/hcb_test.h"

#include "tests/check_shape.h"

static const char *const hostile[] = {
        "db.commit.p99",
        "\"><failure/>&|`*\n::error::\r\\\"} 1\t%0A ]]> <!-- \x01\xef\xbf\xbf",
        "",
        "\\",
        "\"",
        "\n",
        "|||||||",
        "\\|",
        "a,b:c%",
        "\xf0\x9f\x90\x98 \xc3\xa9",
        "\x7f\x1b[31m",
};

static void test_no_text_breaks_the_form(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(hostile) / sizeof(hostile[0]); k++) {
		json_t *doc = shape_check(hostile[k]);
		assert_non_null(doc);
		for (size_t i = 0; i < N_SHAPES; i++) {
			char *out = shape_written(shapes[i].kind, doc);
			const char *wrong = shapes[i].shape(out);
			if (wrong)
				fail_msg("%s, text %zu: %s:\n%s", shapes[i].kind, k,
				         wrong, out);
			free(out);
		}
		json_decref(doc);
	}
}

/* The checks above see what is broken. */
static void test_the_shapes_are_strict(void **state)
{
	(void)state;
	assert_non_null(shape_xml("<a b=\"\"\"></a>"));
	assert_non_null(shape_xml("<a>&</a>"));
	assert_non_null(shape_xml("<a><b></a></b>"));
	assert_null(shape_xml("<?xml version=\"1.0\"?>\n<a b=\"&lt;\"><c/></a>"));
	assert_non_null(shape_prom("hcbench_x{a=\"\"\"} 1\n"));
	assert_non_null(shape_prom("hcbench_x{a=\"b\"} 1 17\n"));
	assert_non_null(shape_prom("hcbench_x{a=\"b\"} nan"));
	assert_null(shape_prom("hcbench_x{a=\"\\\"\"} 1e-3\n"));
	assert_non_null(shape_github("::error title=x::y\nz\n"));
	assert_non_null(shape_markdown("| a | b |\n"));
}

static void expect_parts(const char *kind, const char *const *parts)
{
	json_t *doc = shape_check("db.commit.p99");
	char *out = shape_written(kind, doc);
	for (; *parts; parts++)
		assert_has(out, *parts);
	free(out);
	json_decref(doc);
}

static void test_what_they_say(void **state)
{
	(void)state;
	static const char *const junit[] = {
	        "tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"2\"",
	        "<failure message=\"REGRESSION db.commit.p99 +50 % 1 db.commit.p99 -&gt; "
	        "1.5",
	        "<property name=\"mde\" value=\"0.1\"/>", NULL};
	static const char *const prom[] = {
	        "# TYPE hcbench_verdict gauge\n",
	        "hcbench_verdict{series=\"db.commit.p99\",key=\"db.commit.p99\",state="
	        "\"REGRESSION\"} 1\n",
	        "hcbench_night_verdict{state=\"REGRESSION\"} 1\n",
	        "hcbench_night_verdict{state=\"OK\"} 0\n",
	        "hcbench_last_success_timestamp_seconds 0\n",
	        "hcbench_mde_ratio{series=\"db.commit.p99\",key=\"db.commit.p99\"} 0.1",
	        NULL};
	static const char *const github[] = {"::error title=db.commit.p99::REGRESSION",
	                                     "::warning title=db.commit.p99::SUSPECT",
	                                     NULL};
	static const char *const markdown[] = {"| db.commit.p99 | REGRESSION |",
	                                       "| 50.0 % | 10.0 % |", NULL};
	static const char *const text[] = {"REGRESSION db.commit.p99 +50 %",
	                                   "control moved: db.commit.p99 worse",
	                                   "hcbench check explain db.commit.p99", NULL};
	expect_parts("junit", junit);
	expect_parts("prom", prom);
	expect_parts("github", github);
	expect_parts("markdown", markdown);
	expect_parts("text", text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_no_text_breaks_the_form),
	        cmocka_unit_test(test_the_shapes_are_strict),
	        cmocka_unit_test(test_what_they_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
