/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A deadline that looks like a signal is told apart from one, whichever comes first. */
#include "hcb_test.h"

#include <signal.h>
#include <unistd.h>

#include "bench/cmd/signals.h"

#define FOR_EVER_NS (3600ull * 1000000000u)

static const volatile sig_atomic_t *stop;

/* The alarm comes when it comes; a test that hangs here is killed by who runs it. */
static void wait_for_signal(void)
{
	while (!*stop)
		usleep(1000);
}

static void test_an_alarm_is_taken_back(void **state)
{
	(void)state;
	hcb_alarm_in(1);
	wait_for_signal();
	assert_int_equal(*stop, SIGTERM);
	assert_true(hcb_alarm_off());
	assert_int_equal(*stop, 0);
	assert_false(hcb_alarm_off());
}

static void test_no_alarm_is_none(void **state)
{
	(void)state;
	hcb_alarm_in(FOR_EVER_NS);
	assert_false(hcb_alarm_off());
	assert_int_equal(*stop, 0);
}

/* Last: a signal that came stays, and a second one would end this process. */
static void test_a_signal_after_the_alarm_stays(void **state)
{
	(void)state;
	hcb_alarm_in(1);
	wait_for_signal();
	raise(SIGINT);
	assert_false(hcb_alarm_off());
	assert_int_equal(*stop, SIGINT);
	/* And an alarm after it changes nothing. */
	raise(SIGALRM);
	assert_int_equal(*stop, SIGINT);
	assert_false(hcb_alarm_off());
	assert_int_equal(*stop, SIGINT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_an_alarm_is_taken_back),
	        cmocka_unit_test(test_no_alarm_is_none),
	        cmocka_unit_test(test_a_signal_after_the_alarm_stays),
	};
	stop = hcb_catch_signals();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
