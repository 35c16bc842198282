/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fixtures that say themselves what is wrong with them: the first line of a bad-*.ini is
 * "; expect: TEXT", and the message must be PATH followed by TEXT. The same files are the
 * seeds of the fuzzers.
 */
#ifndef HCB_TESTS_HCB_FIXTURES_H
#define HCB_TESTS_HCB_FIXTURES_H

#include "hcb_test.h"

#include <dirent.h>

typedef int hcb_fixture_fn(const char *path, struct hcb_err *err);

static inline void hcb_fixture_expected(const char *path, char *text, size_t size)
{
	static const char head[] = "; expect: ";
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, (int)size, f));
	fclose(f);
	assert_memory_equal(text, head, sizeof(head) - 1);
	memmove(text, text + sizeof(head) - 1, strlen(text + sizeof(head) - 1) + 1);
	text[strcspn(text, "\n")] = '\0';
}

/* Every bad-*.ini of tests/fixtures/DIR is refused as it says; there are at least
 * `least`. */
static inline void hcb_fixtures_refused(const char *dir, unsigned least,
                                        hcb_fixture_fn *read)
{
	char folder[512], path[1024], part[512], want[1600];
	unsigned n = 0, wrong = 0;
	snprintf(folder, sizeof(folder), "%s/tests/fixtures/%s", hcb_test_src(), dir);
	DIR *d = opendir(folder);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		if (strncmp(e->d_name, "bad-", 4) != 0)
			continue;
		struct hcb_err err = HCB_ERR_INIT;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		hcb_fixture_expected(path, part, sizeof(part));
		snprintf(want, sizeof(want), "%s%s", path, part);
		int r = read(path, &err);
		if (r >= 0 || err.exit != HCB_EXIT_USAGE ||
		    strncmp(err.msg, want, strlen(want)) != 0) {
			print_error("%s: result %d, exit %d, \"%s\"\n", want, r,
			            (int)err.exit, err.msg);
			wrong++;
		}
		n++;
	}
	closedir(d);
	assert_int_equal(wrong, 0);
	assert_true(n >= least);
}

#endif
