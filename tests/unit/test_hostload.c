/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "bench/hostload.h"
#include "tests/hcb_test.h"

#define N 41 /* readings: 40 seconds */

/* Two processors, 200 jiffies a second: 10 % busy, from 20 s to 25 s all of it. */
static void fill(struct hcb_hostload *h, uint64_t *busy, uint64_t *total)
{
	busy[0] = total[0] = 0;
	for (unsigned i = 1; i < N; i++) {
		total[i] = total[i - 1] + 200;
		busy[i] = busy[i - 1] + (i > 20 && i <= 25 ? 200 : 20);
	}
	h->busy = busy;
	h->total = total;
	h->steal = busy;
	atomic_store(&h->n, N);
}

static void test_worst_ten_seconds_of_a_part(void **state)
{
	static struct hcb_hostload h;
	uint64_t busy[N], total[N];
	(void)state;
	fill(&h, busy, total);
	assert_close(hcb_hostload_worst10(&h), 0.55, 1e-9);
	assert_close(hcb_hostload_worst10_of(&h, 0, 40), 0.55, 1e-9);
	assert_close(hcb_hostload_worst10_of(&h, 0, 20), 0.10, 1e-9);
	assert_close(hcb_hostload_worst10_of(&h, 25, 40), 0.10, 1e-9);
	/* begun and ended within a second: those seconds count as a whole */
	assert_close(hcb_hostload_worst10_of(&h, 10.5, 20.5), 0.1 + 0.09, 1e-9);
	/* shorter than ten: its mean */
	assert_close(hcb_hostload_worst10_of(&h, 20, 24), 1.0, 1e-9);
	assert_close(hcb_hostload_worst10_of(&h, 18, 22), 0.55, 1e-9);
	/* past what was read */
	assert_close(hcb_hostload_worst10_of(&h, 30, 99), 0.10, 1e-9);
	assert_close(hcb_hostload_worst10_of(&h, 50, 99), 0, 0);
	atomic_store(&h.n, 0);
	assert_close(hcb_hostload_worst10_of(&h, 0, 10), 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_worst_ten_seconds_of_a_part),
	};
	return cmocka_run_group_tests_name("hostload", tests, NULL, NULL);
}
