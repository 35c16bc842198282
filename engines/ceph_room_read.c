/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ceph's answers made into a pool's room. Pure; builds without Ceph. */
#include <stdio.h>
#include <string.h>

#include "engines/ceph_room.h"

#define MAX_DEPTH 16 /* of a CRUSH map: root, region, ..., host, OSD */

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static const json_t *with(const json_t *list, const char *key, json_int_t id)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const json_t *v = json_object_get(one, key);
		if (json_is_integer(v) && json_integer_value(v) == id)
			return one;
	}
	return NULL;
}

static const json_t *named(const json_t *list, const char *key, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(text(json_array_get(list, i), key), name) == 0)
			return json_array_get(list, i);
	return NULL;
}

/* "take default~hdd, chooseleaf host" */
struct rule {
	char root[64], class[32], domain[32]; /* class "": all */
};

static void read_rule(const json_t *rule, struct rule *out)
{
	const json_t *steps = json_object_get(rule, "steps");
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < json_array_size(steps); i++) {
		const json_t *step = json_array_get(steps, i);
		const char *item = text(step, "item_name"), *type = text(step, "type");
		size_t len = strcspn(item, "~");
		if (strcmp(text(step, "op"), "take") == 0) {
			snprintf(out->root, sizeof(out->root), "%.*s", (int)len, item);
			snprintf(out->class, sizeof(out->class), "%s",
			         item[len] ? item + len + 1 : "");
		} else if (*type && !*out->domain) {
			/* The first choice is what the copies lie apart by. */
			snprintf(out->domain, sizeof(out->domain), "%s", type);
		}
	}
}

/* kb of an OSD that is out is 0, as is its weight. */
static void add_osd(const json_t *node, const char *host, const struct rule *rule,
                    json_t *osds)
{
	double kb = json_number_value(json_object_get(node, "kb"));
	double weight = json_number_value(json_object_get(node, "reweight"));
	if ((*rule->class && strcmp(text(node, "device_class"), rule->class) != 0) ||
	    !(kb > 0) || !(weight > 0))
		return;
	json_array_append_new(
	        osds,
	        json_pack("{sO ss* sf sf}", "id", json_object_get(node, "id"), "host",
	                  host, "bytes", 1024 * kb, "used_bytes",
	                  1024 * json_number_value(json_object_get(node, "kb_used"))));
}

static void collect(const json_t *nodes, const json_t *node, const char *host,
                    const struct rule *rule, unsigned depth, json_t *osds)
{
	const json_t *children = json_object_get(node, "children");
	if (strcmp(text(node, "type"), "osd") == 0)
		add_osd(node, host, rule, osds);
	if (strcmp(text(node, "type"), "host") == 0)
		host = text(node, "name");
	for (size_t i = 0; depth < MAX_DEPTH && i < json_array_size(children); i++) {
		json_int_t id = json_integer_value(json_array_get(children, i));
		const json_t *child = with(nodes, "id", id);
		if (child)
			collect(nodes, child, host, rule, depth + 1, osds);
	}
}

json_t *hcb_ceph_room(const json_t *dump, const json_t *rules, const json_t *df,
                      const char *pool)
{
	const json_t *nodes = json_object_get(df, "nodes");
	const json_t *p = named(json_object_get(dump, "pools"), "pool_name", pool);
	struct rule rule;
	if (!p)
		return NULL;
	read_rule(with(rules, "rule_id",
	               json_integer_value(json_object_get(p, "crush_rule"))),
	          &rule);
	const json_t *root = named(nodes, "name", rule.root);
	if (!root || !*rule.domain)
		return NULL;
	json_t *osds = json_array();
	collect(nodes, root, NULL, &rule, 0, osds);
	if (!json_array_size(osds)) {
		json_decref(osds);
		return NULL;
	}
	return json_pack("{ss sO ss* ss so}", "pool", pool, "size",
	                 json_object_get(p, "size"), "class",
	                 *rule.class ? rule.class : NULL, "domain", rule.domain, "osds",
	                 osds);
}
