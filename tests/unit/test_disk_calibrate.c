/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The profiles against their published figures, in virtual time. */
#include "hdd_test.h"

#include "lab/disk_calibrate.h"
#include "lab/disk_targets.h"

static json_t *calibrate(const struct hdd_profile *p)
{
	struct hcb_err err = HCB_ERR_INIT;
	json_t *doc = disk_calibrate(p, 1, &err);
	assert_non_null(doc);
	assert_int_equal(json_array_size(json_object_get(doc, "targets")), DISK_TARGETS);
	return doc;
}

static const char *text(const json_t *target, const char *key)
{
	const char *s = json_string_value(json_object_get(target, key));
	return s ? s : "";
}

/* How many have this verdict; prints those missed. */
static unsigned count(const json_t *doc, const char *verdict)
{
	size_t i;
	json_t *t;
	unsigned n = 0;
	json_array_foreach(json_object_get(doc, "targets"), i, t)
	{
		n += strcmp(text(t, "verdict"), verdict) == 0;
		if (strcmp(text(t, "verdict"), "missed") == 0)
			print_message("%s: target %s, %s: %g\n",
			              json_string_value(json_object_get(doc, "profile")),
			              text(t, "id"), text(t, "name"),
			              json_real_value(json_object_get(t, "measured")));
		/* No reference without a source, no verdict without a reference. */
		bool held = json_is_real(json_object_get(t, "reference"));
		assert_true(held == (*text(t, "source") != '\0'));
		assert_true(held == (*text(t, "verdict") != '\0'));
	}
	return n;
}

static void test_every_target_is_met(void **state)
{
	static const struct {
		const char *profile;
		unsigned met;
	} cases[] = {{"generic-7200", 28}, {"constellation-es3-2tb", 28},
	             {"wd-re4-2tb", 28},   {"barracuda-dm006-2tb", 20},
	             {"nearline-5400", 8}, {"sata-ssd", 9},
	             {"sata-ssd-plp", 9}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (HCB_TEST_SLOW && i != 0 && i != 5) /* a hard disk, an SSD */
			continue;
		struct hdd_profile p = hdd_test_profile(cases[i].profile);
		json_t *doc = calibrate(&p);
		assert_int_equal(count(doc, "missed"), 0);
		assert_int_equal(count(doc, "met"), cases[i].met);
		json_decref(doc);
	}
}

static double measure(const struct hdd_profile *p, const char *id, struct hdd_figure *f)
{
	struct disk_bench *b = disk_bench_new(p, 1, 1, NULL);
	const struct disk_target *t = disk_targets;
	assert_non_null(b);
	while (strcmp(t->id, id) != 0)
		t++;
	double v = t->measure(b, t->arg);
	assert_true(disk_target_figure(t, b, f));
	free(b);
	return v;
}

/* A drive that is not what its figures say misses them, each its own. */
static void test_another_drive_misses(void **state)
{
	static const char *const missed[] = {"1", "14a", "6", "17b"};
	struct hdd_figure f;
	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		struct hdd_profile p = hdd_test_profile("generic-7200");
		double good = measure(&p, missed[k], &f);
		assert_true(hdd_figure_met(&f, good));
		if (k == 0)
			p.knee_ns = p.full_ns;
		else if (k == 1)
			p.flush_ns = 9 * HCB_MS;
		else if (k == 2)
			p.rpo_window = 8;
		else
			p.destage_window = 8;
		double v = measure(&p, missed[k], &f);
		if (hdd_figure_met(&f, v))
			print_error("target %s is met: %g\n", missed[k], v);
		assert_false(hdd_figure_met(&f, v));
	}
}

static void test_the_same_seed_gives_the_same_figures(void **state)
{
	static const char *const ids[] = {"6", "17b", "22a"};
	struct hdd_profile p = hdd_test_profile("barracuda-dm006-2tb");
	struct hdd_figure f;
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		double v = measure(&p, ids[i], &f);
		assert_true(measure(&p, ids[i], &f) == v);
	}
	if (HCB_TEST_SLOW)
		return;
	json_t *a = calibrate(&p), *b = calibrate(&p);
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_target_is_met),
	        cmocka_unit_test(test_another_drive_misses),
	        cmocka_unit_test(test_the_same_seed_gives_the_same_figures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
