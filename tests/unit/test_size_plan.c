/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plan files: what they say, what a layout takes from another, what is refused. */
#include "hcb_test.h"

#include <stdlib.h>
#include <string.h>

#include "bench/core/size_plan.h"
#include "bench/core/units.h"

#define HEAD                                                                             \
	"[size]\ndemand = 40/s\nload = db.rate\nslo = db.commit.p99=50ms\n"              \
	"slo = bulk.io.p95=1s\nneed = 500GiB\n"                                          \
	"[workload bulk]\ntype = micro\nrate = 10/s\n"                                   \
	"[workload db]\ntype = postgres\nneed = 1GiB\n"
#define SHARED                                                                           \
	"[layout shared]\nkind = shared\nlab = seed-direct\n"                            \
	"on = db.wal,db.data: rbd:main/db\non = bulk.all: rbd:main/bulk\n"

static struct hcb_size_plan *plan;
static struct hcb_err err;

static int reading(const char *text)
{
	err = (struct hcb_err)HCB_ERR_INIT;
	return hcb_size_plan_read_string(text, "p.ini", plan, &err);
}

static void test_what_a_plan_says(void **state)
{
	(void)state;
	assert_int_equal(reading(HEAD SHARED), 0);
	assert_true(plan->per_s && plan->load > 39.99 && plan->load < 40.01);
	assert_close(plan->sigma, 0.3, 1e-12);
	assert_int_equal(plan->main, 1);
	assert_true(plan->interference);
	assert_int_equal(plan->n_slos, 2);
	assert_string_equal(plan->slos[1].text, "bulk.io.p95=1s");
	assert_true(plan->need_bytes == 500 * HCB_GIB);
	assert_true(plan->workload_need[1] == HCB_GIB && plan->workload_need[0] == 0);
	assert_int_equal(plan->workloads[0].n_params, 1);
	const struct hcb_plan_layout *l = &plan->layouts[plan->shared];
	assert_int_equal(l->n_ons, 3);
	assert_int_equal(l->ons[1].workload, 1);
	assert_string_equal(l->ons[1].volume, "data");
	assert_string_equal(l->ons[1].target, "rbd:main/db");
	assert_int_equal(l->ons[0].line, l->ons[1].line);
	assert_int_equal(l->ons[2].workload, 0);
}

static void test_a_tuned_layout_is_the_shared_one_but_for_its_own(void **state)
{
	(void)state;
	assert_int_equal(
	        reading(HEAD SHARED
	                "[layout t]\nkind = tuned\nset = db.commit_delay=1ms\n"
	                "[layout s]\nkind = split\nof = shared\nlab = split-disk\n"
	                "on = db.all: rbd:db/db\n"),
	        0);
	const struct hcb_plan_layout *t = &plan->layouts[1], *s = &plan->layouts[2];
	assert_string_equal(t->lab, "seed-direct");
	assert_int_equal(t->n_ons, 3);
	assert_int_equal(t->sets[0].workload, 1);
	assert_string_equal(t->sets[0].pair, "commit_delay=1ms");
	assert_string_equal(s->lab, "split-disk");
	/* "all" of its own stands for each volume of the other's. */
	assert_int_equal(s->n_ons, 2);
	assert_string_equal(s->ons[0].target, "rbd:db/db");
	assert_string_equal(s->ons[1].target, "rbd:main/bulk");
}

static void test_what_is_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
	        {HEAD, "no layout of kind=shared"},
	        {HEAD SHARED SHARED, "given twice"},
	        {SHARED, "no [size] section"},
	        {HEAD SHARED "[layout x]\nkind = shared\non = db.all: null:\n",
	         "p.ini:18: [layout x]: kind=shared is given twice"},
	        {HEAD SHARED "[layout x]\nkind = splitt\n", "p.ini:19: "},
	        {HEAD SHARED "[layout x]\nkind = split\n", "without \"on\""},
	        {HEAD SHARED "[layout x]\non = db.all: null:\n", "without \"kind\""},
	        {HEAD SHARED "[layout x]\nkind = split\non = db: null:\n",
	         "expected WORKLOAD.VOLUME"},
	        {HEAD SHARED "[layout x]\nkind = split\non = bd.all: null:\n",
	         "no [workload bd]; did you mean \"db\""},
	        {HEAD SHARED "[layout x]\nkind = split\non = db.all: null:\n"
	                     "on = db.all: mem:1G\n",
	         "has a target already (line 20)"},
	        {HEAD SHARED "[layout x]\nkind = tuned\nset = commit_delay=1ms\n",
	         "expected WORKLOAD.KEY=VALUE"},
	        {HEAD SHARED "[layout x]\nkind = tuned\nset = db=1.5\n",
	         "expected WORKLOAD.KEY=VALUE"},
	        {HEAD SHARED "[layout x]\nkind = tuned\nosd = what\n",
	         "expected KEY=VALUE"},
	        {HEAD SHARED "[layout x]\nkind = split\nof = shard\n",
	         "did you mean \"shared\""},
	        {HEAD SHARED "[layout x]\nkind = split\nof = x\n", "no such layout"},
	        {HEAD SHARED "[layut x]\n", "did you mean [layout]"},
	        {HEAD SHARED "[layout x]\nkidn = split\n", "did you mean"},
	        {HEAD "on = all: null:\n" SHARED, "a layout's to say"},
	        {"[size]\ndemand = 40\nload = db.rate\nslo = x\n[workload db]\n"
	         "type = postgres\n" SHARED,
	         "p.ini:2: demand=40: expected a rate with its unit"},
	        {"[size]\ndemand = 40/s\nload = db.users\nslo = x\n[workload db]\n"
	         "type = postgres\n" SHARED,
	         "expected a whole number"},
	        {"[size]\ndemand = 0/s\nload = db.rate\nslo = x\n[workload db]\n"
	         "type = postgres\n" SHARED,
	         "demand=0/s"},
	        {"[size]\ndemand = 4/s\nload = rate\nslo = x\n[workload db]\n"
	         "type = postgres\n" SHARED,
	         "expected WORKLOAD.KEY"},
	        {"[size]\nstates = healthy,host-down\ndemand = 4/s\nload = db.rate\n"
	         "slo = x\n[workload db]\ntype = postgres\n" SHARED,
	         "states=healthy,host-down"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(reading(rows[i].text) < 0);
		assert_int_equal(err.exit, HCB_EXIT_USAGE);
		if (!strstr(err.msg, rows[i].says))
			fail_msg("row %zu says \"%s\", not \"%s\"", i, err.msg,
			         rows[i].says);
	}
}

static int set_up(void **state)
{
	(void)state;
	plan = calloc(1, sizeof(*plan));
	return plan ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(plan);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_what_a_plan_says),
	        cmocka_unit_test(test_a_tuned_layout_is_the_shared_one_but_for_its_own),
	        cmocka_unit_test(test_what_is_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
