/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that hangs before it is opened: nobody may be held by it, since in the kernel
 * no signal reaches whoever is. A served disk whose "hang" is on.
 */
#include "hcb_served.h"

#include "bench/core/guard.h"
#include "bench/core/units.h"

static struct hcb_test_served disk;

static int setup(void **state)
{
	char dir[128];
	(void)state;
	if (hcb_test_no_served())
		return 0;
	hcb_test_mkdir(dir, sizeof(dir));
	return hcb_test_served_start(&disk, dir, "disk");
}

static int teardown(void **state)
{
	(void)state;
	if (disk.dir[0]) {
		hcb_test_served_ctl(&disk, "hang off\n");
		hcb_test_served_stop(&disk);
	}
	return 0;
}

static int claim(struct hcb_err *err)
{
	struct hcb_guard g;
	int r = hcb_guard_device(disk.loop.path, HCB_GUARD_UNMARKED, NULL, &g, err);
	if (r == 0)
		hcb_guard_close(&g);
	return r;
}

static void test_it_is_said_and_nobody_is_held(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	uint64_t usual = hcb_guard_answer_ns;
	(void)state;
	if (!disk.dir[0]) {
		print_message("%s\n", hcb_test_no_served());
		skip();
	}
	assert_int_equal(hcb_test_served_ctl(&disk, "hang on\n"), 0);
	hcb_guard_answer_ns = HCB_SEC / 4;
	assert_int_equal(claim(&err), -ETIMEDOUT);
	assert_non_null(strstr(err.msg, disk.loop.path));
	assert_non_null(strstr(err.msg,
	                       "did not answer a read of its first block within 0.25 s"));
	hcb_guard_answer_ns = usual;
	assert_int_equal(hcb_test_served_ctl(&disk, "hang off\n"), 0);
	assert_int_equal(claim(&err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_it_is_said_and_nobody_is_held),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
