/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pool's room, of answers of Ceph 16. */
#include "hcb_test.h"

#include <jansson.h>

#include "engines/ceph_room.h"

static json_t *parse(const char *text)
{
	json_error_t je;
	json_t *j = json_loads(text, 0, &je);
	if (!j)
		fail_msg("%s in %s", je.text, text);
	return j;
}

static const char dump[] =
        "{\"pools\":[{\"pool\":1,\"pool_name\":\"vm\",\"size\":3,\"crush_rule\":7},"
        "{\"pool\":2,\"pool_name\":\"any\",\"size\":2,\"crush_rule\":0},"
        "{\"pool\":3,\"pool_name\":\"lost\",\"size\":2,\"crush_rule\":9}]}";
static const char rules[] =
        "[{\"rule_id\":0,\"steps\":[{\"op\":\"take\",\"item_name\":\"default\"},"
        "{\"op\":\"chooseleaf_firstn\",\"num\":0,\"type\":\"osd\"},{\"op\":\"emit\"}]},"
        "{\"rule_id\":7,\"steps\":[{\"op\":\"take\",\"item_name\":\"default~hdd\"},"
        "{\"op\":\"choose_firstn\",\"num\":0,\"type\":\"host\"},"
        "{\"op\":\"chooseleaf_firstn\",\"num\":1,\"type\":\"osd\"},"
        "{\"op\":\"emit\"}]}]";
/* osd.2 is out, osd.9 of another root, osd.3 in a chassis of no host. */
static const char df[] =
        "{\"nodes\":["
        "{\"id\":-1,\"name\":\"default\",\"type\":\"root\",\"children\":[-3,-5,3]},"
        "{\"id\":-3,\"name\":\"h1\",\"type\":\"host\",\"children\":[0,1]},"
        "{\"id\":0,\"device_class\":\"hdd\",\"type\":\"osd\",\"reweight\":1,"
        "\"kb\":1000,\"kb_used\":400},"
        "{\"id\":1,\"device_class\":\"ssd\",\"type\":\"osd\",\"reweight\":1,"
        "\"kb\":100,\"kb_used\":1},"
        "{\"id\":-5,\"name\":\"h2\",\"type\":\"host\",\"children\":[2]},"
        "{\"id\":2,\"device_class\":\"hdd\",\"type\":\"osd\",\"reweight\":0,"
        "\"kb\":1000,\"kb_used\":0},"
        "{\"id\":3,\"device_class\":\"hdd\",\"type\":\"osd\",\"reweight\":0.9,"
        "\"kb\":3000,\"kb_used\":1500},"
        "{\"id\":-9,\"name\":\"other\",\"type\":\"root\",\"children\":[9]},"
        "{\"id\":9,\"device_class\":\"hdd\",\"type\":\"osd\",\"reweight\":1,"
        "\"kb\":5000,\"kb_used\":0}]}";

static json_t *room(const char *pool, const char *tree)
{
	json_t *a = parse(dump), *b = parse(rules), *c = parse(tree);
	json_t *got = hcb_ceph_room(a, b, c, pool);
	json_decref(a);
	json_decref(b);
	json_decref(c);
	return got;
}

static void expect(const char *pool, const char *text)
{
	json_t *got = room(pool, df), *want = parse(text);
	if (!json_equal(got, want))
		fail_msg("%s: %s", pool, json_dumps(got, 0));
	json_decref(got);
	json_decref(want);
}

static void test_the_osds_of_the_rule(void **state)
{
	(void)state;
	expect("vm", "{\"pool\":\"vm\",\"size\":3,\"class\":\"hdd\",\"domain\":\"host\","
	             "\"osds\":[{\"id\":0,\"host\":\"h1\",\"bytes\":1024000.0,"
	             "\"used_bytes\":409600.0},{\"id\":3,\"bytes\":3072000.0,"
	             "\"used_bytes\":1536000.0}]}");
	expect("any", "{\"pool\":\"any\",\"size\":2,\"domain\":\"osd\",\"osds\":["
	              "{\"id\":0,\"host\":\"h1\",\"bytes\":1024000.0,\"used_bytes\":"
	              "409600.0},{\"id\":1,\"host\":\"h1\",\"bytes\":102400.0,"
	              "\"used_bytes\":1024.0},{\"id\":3,\"bytes\":3072000.0,"
	              "\"used_bytes\":1536000.0}]}");
}

static void test_what_is_not_there_is_no_room(void **state)
{
	static const char circle[] =
	        "{\"nodes\":[{\"id\":-1,\"name\":\"default\",\"type\":\"root\","
	        "\"children\":[-1,-2]}]}";
	(void)state;
	assert_null(room("none", df));
	assert_null(room("lost", df));
	assert_null(room("vm", "{}"));
	assert_null(room("vm", circle));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_osds_of_the_rule),
	        cmocka_unit_test(test_what_is_not_there_is_no_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
