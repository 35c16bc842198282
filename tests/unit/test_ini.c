/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hcb_test.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/core/ini.h"
#include "hcb_fixtures.h"

struct log {
	char text[4096];
	int fail_at;
};

static int note(void *arg, const char *section, const char *key, const char *value,
                int lineno, struct hcb_err *err)
{
	struct log *log = arg;
	size_t len = strlen(log->text);
	if (lineno == log->fail_at)
		return hcb_err_refuse(err, "not this one");
	if (key)
		snprintf(log->text + len, sizeof(log->text) - len, "%d [%s] %s=%s\n",
		         lineno, section, key, value);
	else
		snprintf(log->text + len, sizeof(log->text) - len, "%d [%s]\n", lineno,
		         section);
	return 0;
}

static int read_fixture(const char *path, struct hcb_err *err)
{
	struct log log = {.fail_at = -1};
	return hcb_ini_read(path, note, &log, err);
}

static void test_dialect(void **state)
{
	char path[512];
	struct log log = {.fail_at = -1};
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	snprintf(path, sizeof(path), "%s/tests/fixtures/ini/good-dialect.ini",
	         hcb_test_src());
	assert_ok(hcb_ini_read(path, note, &log, &err), &err);
	assert_string_equal(log.text, "5 [first  section]\n"
	                              "6 [first  section] key=value\n"
	                              "7 [first  section] indented=still a key\n"
	                              "8 [first  section] spaced key=spaced value\n"
	                              "9 [first  section] semi=a;b\n"
	                              "10 [first  section] hash=a #b\n"
	                              "11 [first  section] colon=value\n"
	                              "12 [first  section] empty=\n"
	                              "13 [first  section] equals=a=b\n"
	                              "15 [second]\n"
	                              "16 [second] last=no newline\n");
}

static void test_every_bad_file_is_refused_by_line(void **state)
{
	(void)state;
	hcb_fixtures_refused("ini", 9, read_fixture);
}

/* libinih keeps 49 characters of a section, 199 of a line. */
static void test_long_names_and_lines_are_whole(void **state)
{
	char text[1200], *p = text;
	struct log log = {.fail_at = -1};
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	*p++ = '[';
	memset(p, 's', 200);
	p += 200;
	p += sprintf(p, "]\nk=");
	memset(p, 'v', 900);
	p += 900;
	*p = '\0';
	assert_ok(hcb_ini_read_string(text, "x", note, &log, &err), &err);
	assert_int_equal(strlen(log.text),
	                 strlen("1 []\n") + 200 + strlen("2 [] k=\n") + 200 + 900);
}

static void test_longest_line(void **state)
{
	char text[1003] = "k=";
	struct log log = {.fail_at = -1};
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	memset(text + 2, 'v', 998);
	strcpy(text + 1000, "\n");
	assert_ok(hcb_ini_read_string(text, "x", note, &log, &err), &err);
	assert_int_equal(strlen(log.text), strlen("1 [] k=\n") + 998);
	strcpy(text + 1000, "v");
	assert_fails(hcb_ini_read_string(text, "x", note, &log, &err), &err,
	             HCB_EXIT_USAGE, "x:1: line longer than 1000 characters");
}

static void test_failing_line_stops_with_its_place(void **state)
{
	static const char text[] = "[a]\nk=1\nl=2\nm=3\n[b]\n";
	(void)state;
	for (int at = 1; at <= 5; at++) {
		struct log log = {.fail_at = at};
		struct hcb_err err = HCB_ERR_INIT;
		char want[40];
		int r = hcb_ini_read_string(text, "x.ini", note, &log, &err);
		snprintf(want, sizeof(want), "x.ini:%d: not this one", at);
		assert_int_equal(r, -EPERM);
		assert_fails(r, &err, HCB_EXIT_REFUSED, want);
		snprintf(want, sizeof(want), "%d [", at + 1);
		assert_null(strstr(log.text, want));
	}
}

static void test_bom_is_skipped(void **state)
{
	struct log log = {.fail_at = -1};
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_ok(hcb_ini_read_string("\xef\xbb\xbf[a]\nk=v\n", "x", note, &log, &err),
	          &err);
	assert_string_equal(log.text, "1 [a]\n2 [a] k=v\n");
}

static void test_empty_text_is_no_lines(void **state)
{
	struct log log = {.fail_at = -1};
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_ok(hcb_ini_read_string("", "x", note, &log, &err), &err);
	assert_ok(hcb_ini_read_string("\n\n;\n", "x", note, &log, &err), &err);
	assert_string_equal(log.text, "");
}

static void test_files_that_are_none(void **state)
{
	char dir[256], path[300];
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	hcb_test_mkdir(dir, sizeof(dir));
	assert_fails(read_fixture(dir, &err), &err, HCB_EXIT_USAGE, "not a regular file");
	assert_fails(read_fixture("/dev/zero", &err), &err, HCB_EXIT_USAGE,
	             "not a regular file");
	snprintf(path, sizeof(path), "%s/x", dir);
	assert_int_equal(read_fixture(path, &err), -ENOENT);
	assert_fails(-1, &err, HCB_EXIT_USAGE, ": No such file or directory");
	assert_int_equal(mkfifo(path, 0600), 0); /* must not wait for a writer */
	assert_fails(read_fixture(path, &err), &err, HCB_EXIT_USAGE,
	             "not a regular file");
	unlink(path);
	rmdir(dir);
}

static void test_largest_file(void **state)
{
	enum { SIZE = 1024 * 1024 + 1 };
	char dir[256], path[300], *big = malloc(SIZE);
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_non_null(big);
	memset(big, '\n', SIZE);
	hcb_test_mkdir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/big.ini", dir);
	hcb_test_write(path, big, SIZE - 1);
	assert_ok(read_fixture(path, &err), &err);
	hcb_test_write(path, big, SIZE);
	assert_fails(read_fixture(path, &err), &err, HCB_EXIT_USAGE, "larger than 1 MiB");
	free(big);
	unlink(path);
	rmdir(dir);
}

static void test_names(void **state)
{
	static const char *const good[] = {"a", "h1", "a-b", "0",
	                                   "abcdefghijklmnopqrstuvwx"};
	static const char *const bad[] = {"",
	                                  "-a",
	                                  "A",
	                                  "a_b",
	                                  "a b",
	                                  "a/b",
	                                  "..",
	                                  "a.b",
	                                  "a\n",
	                                  "\xc3\xa4",
	                                  "abcdefghijklmnopqrstuvwxy"};
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(hcb_ini_is_name(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(hcb_ini_is_name(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_dialect),
	        cmocka_unit_test(test_every_bad_file_is_refused_by_line),
	        cmocka_unit_test(test_long_names_and_lines_are_whole),
	        cmocka_unit_test(test_longest_line),
	        cmocka_unit_test(test_failing_line_stops_with_its_place),
	        cmocka_unit_test(test_bom_is_skipped),
	        cmocka_unit_test(test_empty_text_is_no_lines),
	        cmocka_unit_test(test_files_that_are_none),
	        cmocka_unit_test(test_largest_file),
	        cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}
