/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ceph's answers made into a survey's list of OSDs. Pure; builds without Ceph. */
#include "engines/ceph_survey.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool hcb_ceph_split_address(const char *text, char *host, size_t size, uint16_t *port)
{
	const char *from = text, *end, *colon;
	if (*text == '[') {
		from = text + 1;
		end = strchr(text, ']');
		colon = end ? end + 1 : NULL;
	} else {
		end = colon = strchr(text, ':');
	}
	if (!end || !colon || *colon != ':' || end == from ||
	    (size_t)(end - from) >= size)
		return false;
	char *rest;
	unsigned long n = strtoul(colon + 1, &rest, 10);
	if (rest == colon + 1 || (*rest && *rest != '/') || n == 0 || n > 65535)
		return false;
	memcpy(host, from, (size_t)(end - from));
	host[end - from] = '\0';
	*port = (uint16_t)n;
	return true;
}

/* The first usable of an OSD's "public_addrs" (or the single "public_addr" of old). */
static bool address_of(const json_t *osd, const char *kind, char *host, size_t size,
                       uint16_t *port)
{
	char key[32];
	size_t i;
	json_t *one;
	snprintf(key, sizeof(key), "%s_addrs", kind);
	json_array_foreach(json_object_get(json_object_get(osd, key), "addrvec"), i, one)
	{
		const char *text = json_string_value(json_object_get(one, "addr"));
		if (text && hcb_ceph_split_address(text, host, size, port))
			return true;
	}
	snprintf(key, sizeof(key), "%s_addr", kind);
	const char *text = json_string_value(json_object_get(osd, key));
	return text && hcb_ceph_split_address(text, host, size, port);
}

static void put_addresses(json_t *out, const json_t *osd)
{
	char host[64];
	uint16_t port;
	bool ok = address_of(osd, "public", host, sizeof(host), &port);
	json_object_set_new(out, "address", ok ? json_string(host) : json_null());
	json_object_set_new(out, "port", ok ? json_integer(port) : json_null());
	ok = address_of(osd, "cluster", host, sizeof(host), &port);
	json_object_set_new(out, "cluster_address", ok ? json_string(host) : json_null());
}

/* The element of a list whose `key` is the integer id. */
static const json_t *by_id(const json_t *list, const char *key, json_int_t id)
{
	size_t i;
	json_t *one;
	json_array_foreach(list, i, one)
	{
		const json_t *v = json_object_get(one, key);
		if (json_is_integer(v) && json_integer_value(v) == id)
			return one;
	}
	return NULL;
}

static const char *crush_host(const json_t *nodes, json_int_t id)
{
	size_t i, k;
	json_t *node, *child;
	json_array_foreach(nodes, i, node)
	{
		const char *type = json_string_value(json_object_get(node, "type"));
		if (!type || strcmp(type, "host") != 0)
			continue;
		json_array_foreach(
		        json_object_get(node, "children"), k,
		        child) if (json_integer_value(child) ==
		                   id) return json_string_value(json_object_get(node,
		                                                                "name"));
	}
	return NULL;
}

static void put_text(json_t *out, const char *as, const json_t *from, const char *key)
{
	const char *s = json_string_value(json_object_get(from, key));
	json_object_set_new(out, as, s && *s ? json_string(s) : json_null());
}

/* Metadata are strings: "0", "1". */
static void put_switch(json_t *out, const char *as, const json_t *from, const char *key)
{
	const char *s = json_string_value(json_object_get(from, key));
	json_object_set_new(out, as, s ? json_boolean(*s == '1') : json_null());
}

json_t *hcb_ceph_osd_list(const json_t *dump, const json_t *metadata, const json_t *tree)
{
	json_t *list = json_array(), *osd;
	const json_t *nodes = json_object_get(tree, "nodes");
	size_t i;
	json_array_foreach(json_object_get(dump, "osds"), i, osd)
	{
		if (!json_integer_value(json_object_get(osd, "up")))
			continue;
		json_int_t id = json_integer_value(json_object_get(osd, "osd"));
		const json_t *meta = by_id(metadata, "id", id);
		const char *host = crush_host(nodes, id);
		json_t *out = json_pack("{sI}", "id", id);
		put_addresses(out, osd);
		json_object_set_new(out, "host", host ? json_string(host) : json_null());
		put_text(out, "class", by_id(nodes, "id", id), "device_class");
		put_switch(out, "rotational", meta, "rotational");
		put_switch(out, "log_rotational", meta, "journal_rotational");
		put_text(out, "node", meta, "hostname");
		put_text(out, "devices", meta, "devices");
		put_text(out, "device_ids", meta, "device_ids");
		json_object_set_new(out, "ping_mean_ns", json_null());
		json_object_set_new(out, "ping_max_ns", json_null());
		json_array_append_new(list, out);
	}
	return list;
}

/* Milliseconds, over the last minute; an OSD that pings for under a minute has none. */
void hcb_ceph_add_pings(json_t *osd, const json_t *answer)
{
	double sum = 0, max = 0;
	unsigned n = 0;
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(answer, "entries"), i, one)
	{
		const char *on = json_string_value(json_object_get(one, "interface"));
		const json_t *mean =
		        json_object_get(json_object_get(one, "average"), "1min");
		if (!on || strcmp(on, "back") != 0 || !json_is_number(mean) ||
		    json_is_true(json_object_get(one, "stale")))
			continue;
		double ms = json_number_value(mean);
		sum += ms;
		max = ms > max ? ms : max;
		n++;
	}
	if (!n)
		return;
	json_object_set_new(osd, "ping_mean_ns",
	                    json_integer((json_int_t)llround(sum / n * 1e6)));
	json_object_set_new(osd, "ping_max_ns",
	                    json_integer((json_int_t)llround(max * 1e6)));
}
