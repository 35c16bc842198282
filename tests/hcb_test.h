/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every test program includes first: cmocka with its four headers, and helpers. */
#ifndef HCB_TESTS_HCB_TEST_H
#define HCB_TESTS_HCB_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/err.h"

/* Built with a sanitizer, which takes three to ten times as long: tests of pure
   arithmetic that take seconds leave to the ordinary build what shows no more here. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) /* gcc */
#define HCB_TEST_SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HCB_TEST_SLOW 1
#endif
#endif
#ifndef HCB_TEST_SLOW
#define HCB_TEST_SLOW 0
#endif

/* cmocka 1.1.5 compares floats only, and does not say by how much they differ. */
#define assert_close(a, b, rel) hcb_assert_close((a), (b), (rel), __FILE__, __LINE__)
static inline void hcb_assert_close(double a, double b, double rel, const char *file,
                                    int line)
{
	double scale = fabs(b) > 0 ? fabs(b) : 1;
	if (fabs(a - b) <= rel * scale)
		return;
	print_error("%.17g is not %.17g within %g relative\n", a, b, rel);
	_fail(file, line);
}

#define assert_between(x, lo, hi) hcb_assert_between((x), (lo), (hi), __FILE__, __LINE__)
static inline void hcb_assert_between(double x, double lo, double hi, const char *file,
                                      int line)
{
	if (x >= lo && x <= hi)
		return;
	print_error("%.17g is not between %.17g and %.17g\n", x, lo, hi);
	_fail(file, line);
}

/* text contains part; an error's message does. */
#define assert_has(text, part) hcb_assert_has((text), (part), __FILE__, __LINE__)
static inline void hcb_assert_has(const char *text, const char *part, const char *file,
                                  int line)
{
	if (text && strstr(text, part))
		return;
	print_error("\"%s\" is not in \"%s\"\n", part, text ? text : "(null)");
	_fail(file, line);
}

/* r is a failure; err has a message of one line with part in it, and the exit code. */
#define assert_fails(r, err, ex, part)                                                   \
	hcb_assert_fails((r), (err), (ex), (part), __FILE__, __LINE__)
static inline void hcb_assert_fails(int r, const struct hcb_err *err, enum hcb_exit ex,
                                    const char *part, const char *file, int line)
{
	if (r >= 0) {
		print_error("did not fail; expected \"%s\"\n", part);
		_fail(file, line);
	}
	hcb_assert_has(err->msg, part, file, line);
	if (strchr(err->msg, '\n') || err->exit != ex) {
		print_error("\"%s\": exit code %d, expected %d, on one line\n", err->msg,
		            (int)err->exit, (int)ex);
		_fail(file, line);
	}
}

/* 0, or the test fails with the message. */
#define assert_ok(r, err) hcb_assert_ok((r), (err), __FILE__, __LINE__)
static inline void hcb_assert_ok(int r, const struct hcb_err *err, const char *file,
                                 int line)
{
	if (r == 0)
		return;
	print_error("failed with %d: %s\n", r, err->msg);
	_fail(file, line);
}

/* The source tree, for fixtures. */
static inline const char *hcb_test_src(void)
{
	const char *src = getenv("HCB_SRC");
	return src ? src : ".";
}

/* A new empty directory (in TMPDIR); remove it with hcb_test_rmdir. */
static inline void hcb_test_mkdir(char *path, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(path, size, "%s/hcb-test-XXXXXX", tmp ? tmp : "/tmp");
	assert_true(n > 0 && (size_t)n < size);
	assert_non_null(mkdtemp(path));
}

static inline void hcb_test_write(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

#endif
