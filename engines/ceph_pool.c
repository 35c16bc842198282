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
	hcb_kvs_json(facts, "pool_device_class",
	             rule ? rule_class(c, rule) : json_null());
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
