/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scenario of a layout is what --resume goes by: whatever a search depends on has to
   be in its text. */
#include "hcb_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cmd/size_parts.h"

static char dir[64];

static void put(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

/* Of the layout "tuned". */
static void scenario(const char *osd, const char *disk, char text[SIZE_TEXT])
{
	char plan[1200], cluster[600], path[128];
	struct hcb_err err = HCB_ERR_INIT;
	struct size *s = calloc(1, sizeof(*s));
	snprintf(
	        cluster, sizeof(cluster),
	        "[cluster]\n[host h1 h2 h3]\nport = 1Gbit\nosd = %s\n[network]\npublic = "
	        "direct\ncluster = direct\n[pool main]\nsize = 3\npg_num = 32\n",
	        disk);
	put("c.ini", cluster);
	snprintf(plan, sizeof(plan),
	         "[size]\ndemand = 40/s\nload = db.rate\nslo = db.commit.p99=50ms\n"
	         "[workload db]\ntype = postgres\n"
	         "[layout shared]\nkind = shared\nlab = %s/c.ini\non = db.all: "
	         "rbd:main/db\n"
	         "[layout tuned]\nkind = tuned\nosd = bluestore_max_defer_interval=%s\n",
	         dir, osd);
	put("p.ini", plan);
	snprintf(path, sizeof(path), "%s/p.ini", dir);
	s->plan = calloc(1, sizeof(*s->plan));
	assert_ok(hcb_size_plan_read(path, s->plan, &err), &err);
	s->n = s->plan->n_layouts;
	for (unsigned i = 0; i < s->n; i++)
		s->layout[i].plan = &s->plan->layouts[i];
	assert_ok(size_disks_find(s, &err), &err);
	assert_ok(size_scenario(s, &s->layout[1], false, "c", text, SIZE_TEXT, &err),
	          &err);
	for (unsigned i = 0; i < s->n; i++)
		free(s->layout[i].cluster);
	free(s->plan);
	free(s);
}

static void test_it_differs_with_all_that_it_depends_on(void **state)
{
	static char a[SIZE_TEXT], b[SIZE_TEXT];
	(void)state;
	scenario("0.5", "generic-7200", a);
	scenario("0.5", "generic-7200", b);
	assert_string_equal(a, b);
	assert_non_null(strstr(a, "; osd bluestore_max_defer_interval=0.5\n"));
	scenario("1", "generic-7200", b);
	assert_string_not_equal(a, b);
	/* Another cluster file by the same name. */
	scenario("0.5", "wd-re4-2tb", b);
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_it_differs_with_all_that_it_depends_on),
	};
	snprintf(dir, sizeof(dir), "/tmp/hcb-size-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	char path[128];
	snprintf(path, sizeof(path), "%s/c.ini", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/p.ini", dir);
	unlink(path);
	rmdir(dir);
	return failed;
}
