/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory runs out at the Nth allocation of our own code, for N = 1, 2, ... until a whole
 * run meets no fault: each time the run must either fail with one message and leave
 * nothing open, or succeed. jansson's and libc's own allocations are left alone: main()
 * makes jansson end the process when there is none (bench/cmd/main.c).
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/units.h"
#include "bench/run.h"
#include "workloads/registry.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_ALLOCATOR 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OWN_ALLOCATOR 0
#endif
#endif
#ifndef OWN_ALLOCATOR
#define OWN_ALLOCATOR 1
#endif

static uint64_t countdown, calls;
static bool armed;

#if OWN_ALLOCATOR
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
extern const char __executable_start, etext;

/* True if this allocation is to fail. Only what this program's own code asks for. */
static bool fails(const void *caller)
{
	const char *c = caller;
	if (!armed || c < &__executable_start || c >= &etext)
		return false;
	calls++;
	return countdown && --countdown == 0;
}

__attribute__((noinline)) void *malloc(size_t n)
{
	if (fails(__builtin_return_address(0))) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_malloc(n);
}

__attribute__((noinline)) void *calloc(size_t n, size_t size)
{
	if (fails(__builtin_return_address(0))) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_calloc(n, size);
}
#endif

static int run_once(const struct hcb_workload *wl, const char *target, bool verify,
                    json_t **doc, struct hcb_err *err)
{
	const char *small = wl == &hcb_workload_postgres ? "scale=1" : "database=64MiB";
	struct hcb_binding on;
	int code;
	void *conf = calloc(1, wl->conf_size);
	hcb_opt_defaults(wl->opts, conf);
	assert_int_equal(hcb_opt_set_pair(wl->opts, conf, "test", small, err), 0);
	assert_int_equal(hcb_binding_parse(target, &on, err), 0);
	struct hcb_run run = {
	        .wl = wl,
	        .conf = conf,
	        .on = &on,
	        .n_on = 1,
	        .seed = 1,
	        .virtual_clock = true,
	        .dilation = 1,
	        .warmup_auto = true,
	        .duration_ns = 2 * HCB_SEC,
	        .deadline_ns = HCB_SEC,
	        .verify = verify,
	        .command = "test",
	};
	armed = true;
	int r = hcb_run_once(&run, doc, &code, err);
	armed = false;
	free(conf);
	return r;
}

static void every_failure(const struct hcb_workload *wl, const char *target, bool verify)
{
	uint64_t n, failed = 0;
	for (n = 1; n < 10000; n++) {
		struct hcb_err err = HCB_ERR_INIT;
		json_t *doc = NULL;
		countdown = n;
		calls = 0;
		int r = run_once(wl, target, verify, &doc, &err);
		if (r) {
			failed++;
			assert_null(doc);
			if (r != -ENOMEM)
				fail_msg("allocation %llu: %d: %s", (unsigned long long)n,
				         r, err.msg);
			assert_true(err.msg[0] != '\0');
		} else {
			assert_non_null(doc);
			json_decref(doc);
		}
		if (calls < n)
			break; /* the whole run took fewer: every one has failed once */
	}
	assert_true(n < 10000);
	/* nearly all of them are needed; the few others only cost a figure */
	assert_true(failed >= 8 && failed + 8 >= n - 1);
}

static void test_null(void **state)
{
	(void)state;
	if (!OWN_ALLOCATOR)
		skip();
	every_failure(&hcb_workload_postgres, "all=null:", false);
}

static void test_hdd(void **state)
{
	(void)state;
	if (!OWN_ALLOCATOR)
		skip();
	every_failure(&hcb_workload_postgres, "all=hdd:generic-7200", false);
}

static void test_mastodon(void **state)
{
	(void)state;
	if (!OWN_ALLOCATOR)
		skip();
	every_failure(&hcb_workload_mastodon, "all=hdd:generic-7200", false);
}

static void test_verify(void **state)
{
	(void)state;
	if (!OWN_ALLOCATOR)
		skip();
	every_failure(&hcb_workload_postgres, "all=hdd:generic-7200,store=on", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_null),
	        cmocka_unit_test(test_hdd),
	        cmocka_unit_test(test_mastodon),
	        cmocka_unit_test(test_verify),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
