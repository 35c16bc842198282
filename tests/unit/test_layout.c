/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bench/layout.h"
#include "workloads/registry.h"

static void *conf_of(const struct hcb_workload *wl)
{
	void *c = calloc(1, wl->conf_size);
	hcb_opt_defaults(wl->opts, c);
	return c;
}

static int lay(struct hcb_layout *l, struct hcb_err *err, const char *a, const char *b)
{
	struct hcb_binding on[2];
	unsigned n = 0;
	void *conf = conf_of(&hcb_workload_postgres);
	int r = hcb_binding_parse(a, &on[n++], err);
	if (!r && b)
		r = hcb_binding_parse(b, &on[n++], err);
	if (r)
		memset(l, 0, sizeof(*l));
	else
		r = hcb_layout_make(l, &hcb_workload_postgres, conf, on, n, err);
	free(conf);
	return r;
}

static void test_all_on_one_target_then_side_by_side_with_one_journal(void **state)
{
	(void)state;
	struct hcb_layout l;
	struct hcb_err err = HCB_ERR_INIT;
	assert_int_equal(lay(&l, &err, "all=null:", NULL), 0);
	assert_int_equal(l.n_devs, 1);
	assert_int_equal(l.geo.n_fs, 1);
	assert_int_equal(l.base[0], 0);
	assert_true(l.base[1] >= l.geo.regions[0].bytes);
	assert_string_equal(l.geo.regions[2].name, "journal");
	assert_true(l.base[2] >= l.base[1] + l.geo.regions[1].bytes);
	assert_true(l.devs[0]->want_bytes >= l.base[2] + l.geo.regions[2].bytes);
	hcb_layout_free(&l);
}

static void test_specific_binding_beats_all_and_has_a_journal_of_its_own(void **state)
{
	(void)state;
	struct hcb_layout l;
	struct hcb_err err = HCB_ERR_INIT;
	assert_int_equal(lay(&l, &err, "all=null:", "wal=null:,size=8GiB"), 0);
	assert_int_equal(l.n_devs, 2);
	assert_int_not_equal(l.geo.regions[0].fs, l.geo.regions[1].fs);
	assert_int_equal(l.geo.regions[2].fs, 0);
	assert_int_equal(l.geo.regions[3].fs, 1);
	assert_int_equal(l.base[0], 0);
	assert_int_equal(l.base[1], 0);
	hcb_layout_free(&l);
}

static void test_two_anonymous_targets_are_two_devices(void **state)
{
	(void)state;
	struct hcb_layout l;
	struct hcb_err err = HCB_ERR_INIT;
	assert_int_equal(lay(&l, &err, "wal=null:", "data=null:"), 0);
	assert_int_equal(l.n_devs, 2);
	hcb_layout_free(&l);
	/* a name makes them one */
	assert_int_equal(lay(&l, &err, "wal=null:@a", "data=null:@a"), 0);
	assert_int_equal(l.n_devs, 1);
	hcb_layout_free(&l);
}

static void test_bad_bindings_are_usage_errors_that_name_the_volume(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b, *text;
	} t[] = {
	        {"wal=null:", NULL, "volume data"},
	        {"wall=null:", NULL, "did you mean \"wal\""},
	        {"all=null:", "all=null:", "given twice"},
	        {"all", NULL, "expected VOLUME=TARGET"},
	        {"all=", NULL, "expected VOLUME=TARGET"},
	        {"all=nul:", NULL, "did you mean \"null\""},
	        {"all=null", NULL, "expected ENGINE:ADDRESS"},
	        {"all=null:,sise=1MiB", NULL, "did you mean \"size\""},
	        {"all=null:,size=1Mib2", NULL, "expected a size"},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct hcb_layout l;
		struct hcb_err err = HCB_ERR_INIT;
		assert_true(lay(&l, &err, t[i].a, t[i].b) < 0);
		assert_int_equal(err.exit, HCB_EXIT_USAGE);
		if (!strstr(err.msg, t[i].text))
			fail_msg("\"%s\" is not in \"%s\"", t[i].text, err.msg);
		hcb_layout_free(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                test_all_on_one_target_then_side_by_side_with_one_journal),
	        cmocka_unit_test(
	                test_specific_binding_beats_all_and_has_a_journal_of_its_own),
	        cmocka_unit_test(test_two_anonymous_targets_are_two_devices),
	        cmocka_unit_test(test_bad_bindings_are_usage_errors_that_name_the_volume),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
