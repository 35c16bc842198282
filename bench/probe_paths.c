/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/probe_paths.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench/core/units.h"
#include "bench/netpath.h"
#include "bench/probe_evidence.h"

#define ROUND_TRIPS 11u
/* One way of one path: enough to be steady, little enough to be no burden. */
#define BURST_BYTES (32 * HCB_MIB)
#define BURST_NS    (1 * HCB_SEC)

static void say(const struct hcb_probe_look *l, const char *what, const char *why)
{
	char text[700];
	snprintf(text, sizeof(text), "%s: %s", what, why);
	json_array_append_new(l->notes, json_string(text));
}

static json_int_t id_of(const json_t *osd, const char *key)
{
	const json_t *v = json_object_get(osd, key);
	return json_is_integer(v) ? json_integer_value(v) : -1;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

/* ---- which OSDs ---- */

static bool holds_image(const struct hcb_probe_look *l, const json_t *placement,
                        json_int_t id)
{
	size_t i;
	json_t *v;
	const json_t *acting = json_object_get(placement, "acting");
	json_array_foreach(acting, i, v) if (json_integer_value(v) == id) return true;
	if (json_array_size(acting))
		return false;
	const json_t *osd = json_object_get(hcb_probe_run_osd(l->stream, id), "osd");
	return json_integer_value(json_object_get(osd, "op_w")) > 0 ||
	       json_integer_value(json_object_get(osd, "subop_w")) > 0;
}

/* As the kernel takes the drive to be; a disk under an OSD is its own or its partition's
   ("sdb", "sdb,nvme0n1"). */
static void read_write_cache(json_t *osd)
{
	struct utsname u;
	char path[160], line[32] = "";
	const char *devices = text_of(osd, "devices");
	json_object_set_new(osd, "write_cache", json_null());
	if (uname(&u) || strcmp(u.nodename, text_of(osd, "node")) != 0 || !*devices)
		return;
	snprintf(path, sizeof(path), "/sys/block/%.*s/queue/write_cache",
	         (int)strcspn(devices, ","), devices);
	FILE *f = fopen(path, "re");
	if (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		json_object_set_new(osd, "write_cache", json_string(line));
	}
	if (f)
		fclose(f);
}

static void to_lab_time(json_t *o, const char *key, double dilation)
{
	json_t *v = json_object_get(o, key);
	if (json_is_number(v))
		json_object_set_new(
		        o, key, json_integer(llround(json_number_value(v) / dilation)));
}

static json_t *those_in_use(const struct hcb_probe_look *l, const json_t *placement)
{
	json_t *out = json_array(), *osd;
	size_t i;
	json_array_foreach(l->all, i, osd)
	{
		if (!holds_image(l, placement, id_of(osd, "id")))
			continue;
		json_t *copy = json_copy(osd);
		read_write_cache(copy);
		to_lab_time(copy, "ping_mean_ns", l->dilation);
		to_lab_time(copy, "ping_max_ns", l->dilation);
		json_array_append_new(out, copy);
	}
	return out;
}

/* ---- paths ---- */

/* The object whose primary lies at this address; NULL: none does. */
static const char *object_at(const json_t *osds, const json_t *placement,
                             const char *address, json_int_t *id)
{
	size_t i, k;
	json_t *object, *osd;
	json_array_foreach(json_object_get(placement, "objects"), i, object)
	        json_array_foreach(osds, k, osd)
	{
		*id = id_of(osd, "id");
		if (id_of(object, "osd") == *id &&
		    strcmp(text_of(osd, "address"), address) == 0)
			return text_of(object, "object");
	}
	return NULL;
}

static void set_number(json_t *o, const char *key, double v)
{
	json_object_set_new(o, key, v > 0 ? json_integer(llround(v)) : json_null());
}

static void look_at_way(const struct hcb_probe_look *l, const char *address,
                        uint16_t port, json_t *path)
{
	struct hcb_netpath way;
	struct hcb_rtt rtt;
	struct hcb_err err = HCB_ERR_INIT;
	memset(&way, 0, sizeof(way));
	if (hcb_netpath_look(address, &way, &err))
		say(l, address, err.msg);
	if (hcb_netpath_rtt(address, port, ROUND_TRIPS, &rtt, &err))
		say(l, address, err.msg);
	json_object_set_new(path, "interface",
	                    *way.interface ? json_string(way.interface) : json_null());
	json_object_set_new(path, "interface_kind",
	                    *way.kind ? json_string(way.kind) : json_null());
	json_object_set_new(path, "local", json_boolean(way.local));
	json_object_set_new(path, "tunnel", json_boolean(way.tunnel));
	set_number(path, "mtu_bytes", way.mtu);
	set_number(path, "link_bit_per_s", (double)way.speed_bit_per_s);
	set_number(path, "rtt_min_ns", (double)rtt.min_ns / l->dilation);
	set_number(path, "rtt_ns", (double)rtt.median_ns / l->dilation);
}

static void look_at_speed(const struct hcb_probe_look *l, const char *address,
                          const char *object, json_t *path)
{
	const struct hcb_ceph_burst burst = {BURST_BYTES, BURST_NS};
	struct hcb_ceph_speed speed = {0, 0, 0};
	struct hcb_err err = HCB_ERR_INIT;
	if (!object)
		say(l, address,
		    "none of the region's objects has its primary there to measure "
		    "throughput with");
	else if (hcb_ceph_survey_speed(l->survey, object, &burst, &speed, &err))
		say(l, address, err.msg);
	set_number(path, "answer_ns", (double)speed.answer_ns / l->dilation);
	set_number(path, "from_osd_bytes_per_s",
	           speed.from_osd_bytes_per_s * l->dilation);
	set_number(path, "to_osd_bytes_per_s", speed.to_osd_bytes_per_s * l->dilation);
}

static void add_path(const struct hcb_probe_look *l, const json_t *osds,
                     const json_t *placement, const json_t *osd, json_t *paths)
{
	const char *address = text_of(osd, "address");
	if (!*address || hcb_json_find(paths, "address", address))
		return;
	json_int_t id = id_of(osd, "id");
	const char *object = object_at(osds, placement, address, &id);
	json_t *path = json_pack("{ss sO sI}", "address", address, "host",
	                         json_object_get(osd, "host"), "osd",
	                         object ? id : id_of(osd, "id"));
	look_at_way(l, address, (uint16_t)id_of(osd, "port"), path);
	look_at_speed(l, address, object, path);
	json_array_append_new(paths, path);
}

static void note_networks(const struct hcb_probe_look *l, const json_t *osds)
{
	size_t i;
	json_t *osd;
	json_array_foreach(osds, i, osd)
	{
		if (strcmp(text_of(osd, "address"), text_of(osd, "cluster_address")) == 0)
			continue;
		say(l, "the OSDs copy over a network of their own",
		    "what it carries cannot be measured from here");
		return;
	}
}

int hcb_probe_look(const struct hcb_probe_look *l, json_t **osds, json_t **paths,
                   struct hcb_err *err)
{
	size_t i;
	json_t *osd;
	json_t *placement = hcb_ceph_survey_placement(l->survey, l->bytes, err);
	if (!placement)
		return -EIO;
	*osds = those_in_use(l, placement);
	*paths = json_array();
	json_array_foreach(*osds, i, osd)
	{
		if (l->signal_seen && *l->signal_seen)
			break;
		if (json_array_size(*paths) < HCB_PROBE_MAX_PATHS)
			add_path(l, *osds, placement, osd, *paths);
	}
	note_networks(l, *osds);
	json_decref(placement);
	return 0;
}
