/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How targets that a key moves are found. Of a few keys, in a tenth of the time that
 * "hcbench disk calibrate --sensitivity" takes and so with changes from 3 % on; all keys
 * of all profiles: make accuracy.
 */
#include "hdd_test.h"

#include "lab/disk_sensitivity.h"

/* The one key of a document about it. */
static json_t *vary(const char *profile, const char *key, bool published)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile p = hdd_test_profile(profile);
	struct disk_sensitivity_opts o = {.seed = 1,
	                                  .seeds = 3,
	                                  .length = HCB_TEST_SLOW ? 0.03 : 0.1,
	                                  .least = 0.03,
	                                  .only = key};
	if (!published)
		memset(&p.published, 0, sizeof(p.published));
	json_t *doc = disk_sensitivity(&p, &o, &err);
	assert_non_null(doc);
	json_t *k = json_array_get(json_object_get(doc, "keys"), 0);
	assert_string_equal(json_string_value(json_object_get(k, "key")), key);
	assert_int_equal(json_array_size(json_object_get(doc, "keys")), 1);
	assert_int_equal(
	        disk_sensitivity_ones(doc),
	        strcmp(json_string_value(json_object_get(k, "verdict")), "one") == 0);
	json_incref(k);
	json_decref(doc);
	return k;
}

/* By how much it moves the target; 0: it does not. */
static double moves(const json_t *k, const char *target)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(k, "moved"), i, v)
	{
		if (strcmp(json_string_value(json_object_get(v, "id")), target) == 0)
			return json_real_value(json_object_get(v, "by"));
	}
	return 0;
}

static void assert_verdict(const json_t *k, const char *verdict)
{
	assert_string_equal(json_string_value(json_object_get(k, "verdict")), verdict);
}

/* Twice the speed of rotation: twice the appends, nearly twice the media rate. */
static void test_rotation_moves_what_turns(void **state)
{
	(void)state;
	json_t *k = vary("generic-7200", "rpm", true);
	assert_close(moves(k, "14a"), 1.0, 0.01);
	assert_true(moves(k, "11a") > 0.7 && moves(k, "2") != 0);
	assert_true(moves(k, "1") == 0 && moves(k, "18") == 0 && moves(k, "22a") == 0);
	assert_verdict(k, "several");
	json_decref(k);
}

static void test_settling_moves_writes_only(void **state)
{
	(void)state;
	json_t *k = vary("generic-7200", "write_settle", true);
	assert_true(moves(k, "3") < 0 && moves(k, "7") < 0 && moves(k, "17b") > 0);
	assert_true(moves(k, "2") == 0 && moves(k, "6") == 0 && moves(k, "20a") == 0);
	assert_verdict(k, "several");
	json_decref(k);
}

/* What a spindle draws is within 0.2 %; that is not a change. */
static void test_noise_moves_nothing(void **state)
{
	(void)state;
	json_t *k = vary("generic-7200", "rpm_tolerance", true);
	assert_verdict(k, "none");
	assert_int_equal(json_array_size(json_object_get(k, "moved")), 0);
	json_decref(k);
}

/* The sustained rate of an SSD is seen by sequential writes, 12 and 13. With a figure for
   neither it is held by nothing; 12's definition goes by the share of 11a. */
static void test_a_key_without_a_figure_is_unheld(void **state)
{
	(void)state;
	json_t *k = vary("sata-ssd", "dirty_commands", true);
	assert_verdict(k, "unheld");
	assert_true(moves(k, "26") > 0.5);
	json_decref(k);
	k = vary("sata-ssd", "read_channels", false);
	assert_verdict(k, "unheld");
	assert_true(moves(k, "6") < -0.2);
	json_decref(k);
}

/* One figure, one key: the screw that is looked for. */
static void test_a_screw_is_found(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile p = hdd_test_profile("sata-ssd");
	struct disk_sensitivity_opts o = {.seed = 1,
	                                  .seeds = 3,
	                                  .length = 0.1,
	                                  .least = 0.5,
	                                  .only = "dirty_commands"};
	(void)state;
	assert_ok(hdd_published_set(&p.published, "flush_full", "20ms, 10%, x", &err),
	          &err);
	json_t *doc = disk_sensitivity(&p, &o, &err);
	assert_non_null(doc);
	assert_int_equal(disk_sensitivity_ones(doc), 1);
	json_decref(doc);
}

/* What has no figure is in brackets, and a key that moves one figure among others is
   counted: 8a and 8b are one. */
static void test_the_table_tells_figures_apart(void **state)
{
	json_t *doc = json_pack(
	        "{s:[{s:s,s:s,s:s,s:[{s:s,s:f,s:b},{s:s,s:f,s:b},{s:s,s:f,s:b}]},"
	        "{s:s,s:s,s:s,s:[{s:s,s:f,s:b},{s:s,s:f,s:b}]}]}",
	        "keys", "section", "queue", "key", "a", "verdict", "several", "moved",
	        "id", "8a", "by", 0.05, "held", 1, "id", "8b", "by", 0.1, "held", 1, "id",
	        "9", "by", -0.5, "held", 0, "section", "queue", "key", "b", "verdict",
	        "several", "moved", "id", "2", "by", 0.05, "held", 1, "id", "9", "by",
	        0.1, "held", 1);
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	(void)state;
	assert_non_null(doc);
	assert_non_null(f);
	assert_int_equal(disk_sensitivity_print(doc, f), 0);
	fclose(f);
	assert_non_null(strstr(text, "several  8a +5% 8b +10% (9 -50%)\n"));
	assert_non_null(strstr(text, "several  2 +5% 9 +10%\n"));
	assert_non_null(strstr(text, "0 keys move exactly one target; 1 of those that"));
	free(text);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_rotation_moves_what_turns),
	        cmocka_unit_test(test_settling_moves_writes_only),
	        cmocka_unit_test(test_noise_moves_nothing),
	        cmocka_unit_test(test_a_key_without_a_figure_is_unheld),
	        cmocka_unit_test(test_a_screw_is_found),
	        cmocka_unit_test(test_the_table_tells_figures_apart),
	};
	const struct CMUnitTest few[] = {
	        cmocka_unit_test(test_a_key_without_a_figure_is_unheld),
	        cmocka_unit_test(test_a_screw_is_found),
	        cmocka_unit_test(test_the_table_tells_figures_apart),
	};
	return HCB_TEST_SLOW ? cmocka_run_group_tests(few, NULL, NULL)
	                     : cmocka_run_group_tests(tests, NULL, NULL);
}
