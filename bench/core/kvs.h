/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts: ordered key/value pairs that end in the result file. Units are in the key names
 * (_ns, _bytes). A thin face over a JSON object, so that engines need not know JSON.
 */
#ifndef HCB_CORE_KVS_H
#define HCB_CORE_KVS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct hcb_kvs {
	json_t *obj;
};

static inline void hcb_kvs_str(struct hcb_kvs *k, const char *key, const char *v)
{
	json_object_set_new(k->obj, key, v ? json_string(v) : json_null());
}

static inline void hcb_kvs_u64(struct hcb_kvs *k, const char *key, uint64_t v)
{
	json_object_set_new(k->obj, key, json_integer((json_int_t)v));
}

static inline void hcb_kvs_double(struct hcb_kvs *k, const char *key, double v)
{
	json_object_set_new(k->obj, key, json_real(v));
}

static inline void hcb_kvs_bool(struct hcb_kvs *k, const char *key, bool v)
{
	json_object_set_new(k->obj, key, json_boolean(v));
}

static inline void hcb_kvs_json(struct hcb_kvs *k, const char *key, json_t *owned)
{
	json_object_set_new(k->obj, key, owned);
}

#endif
