/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the cluster says about the pool under a target. */
#include "config.h"

#ifdef HCB_HAVE_RADOS
#include "engines/ceph_conn.h"

#include <errno.h>
#include <string.h>

/* The rule's first "take": "default~hdd" means class hdd, "default" any. */
static json_t *rule_class(struct hcb_ceph *c, const char *rule)
{
	size_t i;
	json_t *step, *out = NULL;
	json_t *dump = hcb_ceph_mon(
	        c, json_pack("{s:s, s:s}", "prefix", "osd crush rule dump", "name", rule),
	        NULL);
	json_array_foreach(json_object_get(dump, "steps"), i, step)
	{
		const char *item = json_string_value(json_object_get(step, "item_name"));
		const char *tilde = item ? strchr(item, '~') : NULL;
		if (item && !out)
			out = json_string(tilde ? tilde + 1 : "any");
	}
	json_decref(dump);
	return out ? out : json_null();
}

static void copy(struct hcb_kvs *facts, const char *as, const json_t *from,
                 const char *key)
{
	json_t *v = json_object_get(from, key);
	hcb_kvs_json(facts, as, v ? json_incref(v) : json_null());
}

double hcb_ceph_class_used(const json_t *df, const char *device_class)
{
	const json_t *stats =
	        strcmp(device_class, "any") == 0
	                ? json_object_get(df, "stats")
	                : json_object_get(json_object_get(df, "stats_by_class"),
	                                  device_class);
	double total = json_number_value(json_object_get(stats, "total_bytes"));
	const json_t *used = json_object_get(stats, "total_used_raw_bytes");
	return total > 0 && json_is_number(used) ? json_number_value(used) / total : -1;
}

/*
 * BlueStore fills a disk from its beginning: on a fresh cluster all data lie side by side
 * and the arm hardly moves. (0.5 % of the span in use: 146 random writes a second of a
 * model disk that does 72 over the whole of it.)
 */
static void used_facts(struct hcb_ceph *c, const char *device_class,
                       struct hcb_kvs *facts)
{
	json_t *df = hcb_ceph_mon(c, json_pack("{s:s}", "prefix", "df"), NULL);
	double used = hcb_ceph_class_used(df, device_class);
	json_decref(df);
	hcb_kvs_json(facts, "pool_class_used", used < 0 ? json_null() : json_real(used));
	if (used >= 0 && used < HCB_MIN_SPAN && !c->spread &&
	    strcmp(device_class, "hdd") == 0)
		hcb_kvs_str(
		        facts, HCB_FACT_WARNING,
		        "less than 10 % of the pool's hdds is in use: data lie side by "
		        "side, and seeks are shorter than they will be");
}

void hcb_ceph_pool_facts(struct hcb_ceph *c, struct hcb_kvs *facts)
{
	hcb_ceph_step(c, "read the settings of pool %s from monitors %s", c->addr.pool,
	              c->mons);
	json_t *pool = hcb_ceph_mon(c,
	                            json_pack("{s:s, s:s, s:s}", "prefix", "osd pool get",
	                                      "pool", c->addr.pool, "var", "all"),
	                            NULL);
	copy(facts, "pool_size", pool, "size");
	copy(facts, "pool_min_size", pool, "min_size");
	copy(facts, "pool_pg_num", pool, "pg_num");
	copy(facts, "pool_crush_rule", pool, "crush_rule");
	if (json_object_get(pool, "erasure_code_profile"))
		copy(facts, "pool_erasure_code_profile", pool, "erasure_code_profile");
	const char *rule = json_string_value(json_object_get(pool, "crush_rule"));
	json_t *class = rule ? rule_class(c, rule) : json_null();
	if (json_is_string(class))
		used_facts(c, json_string_value(class), facts);
	hcb_kvs_json(facts, "pool_device_class", class);
	json_decref(pool);
	json_t *v = hcb_ceph_mon(c, json_pack("{s:s}", "prefix", "version"), NULL);
	copy(facts, "ceph_version", v, "version");
	json_decref(v);
	json_t *own = hcb_ceph_own(c, "version");
	copy(facts, "client_version", own, "version");
	json_decref(own);
}

int hcb_ceph_check_room(struct hcb_ceph *c, const char *what, uint64_t bytes,
                        struct hcb_err *err)
{
	size_t i;
	json_t *pool;
	hcb_ceph_step(c, "ask how much room pool %s has", c->addr.pool);
	json_t *df = hcb_ceph_mon(c, json_pack("{s:s}", "prefix", "df"), err);
	if (!df)
		return -EIO;
	int r = 0;
	json_array_foreach(json_object_get(df, "pools"), i, pool)
	{
		const char *name = json_string_value(json_object_get(pool, "name"));
		json_t *avail =
		        json_object_get(json_object_get(pool, "stats"), "max_avail");
		if (!name || strcmp(name, c->addr.pool) != 0 || !json_is_integer(avail))
			continue;
		if ((uint64_t)json_integer_value(avail) < bytes)
			r = hcb_err_set(
			        err, -ENOSPC,
			        "%s: make %s of %llu bytes: pool %s has room for %llu",
			        c->name, what, (unsigned long long)bytes, c->addr.pool,
			        (unsigned long long)json_integer_value(avail));
	}
	json_decref(df);
	return r;
}
#endif
