/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#ifdef HCB_HAVE_RBD
#include "engines/rbd_image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/units.h"

#define MARK_KEY      "hcbench"
#define PREFILLED_KEY "hcbench_prefilled" /* bytes from 0 that hold data, decimal */

typedef unsigned long long ull;

/* ---- the mark ---- */

int hcb_rbd_read_mark(struct hcb_rbd_vol *v, struct hcb_err *err)
{
	char text[4096];
	size_t len = sizeof(text);
	hcb_ceph_step(&v->c, "read the mark of image %s", v->what);
	int r = rbd_metadata_get(v->image, MARK_KEY, text, &len);
	if (r && r != -ENOENT && r != -ERANGE)
		return hcb_ceph_step_failed(&v->c, r, err);
	json_t *mark = NULL;
	if (r == 0 && len && text[len - 1] == '\0')
		len--;
	v->marked = r == 0 && hcb_ceph_mark_read(text, len, &mark);
	json_object_set_new(v->facts, "mark", mark ? mark : json_null());
	return 0;
}

static int write_mark(struct hcb_rbd_vol *v, struct hcb_err *err)
{
	char *text = hcb_ceph_mark_make(NULL);
	if (!text)
		return hcb_err_sys(err, -ENOMEM, "%s: mark image", v->c.name);
	hcb_ceph_step(&v->c, "mark image %s", v->what);
	int r = rbd_metadata_set(v->image, MARK_KEY, text);
	free(text);
	return r ? hcb_ceph_step_failed(&v->c, r, err) : hcb_rbd_read_mark(v, err);
}

/* Nothing, or what cannot be read, means: not known to be prefilled. */
static void read_prefilled(struct hcb_rbd_vol *v)
{
	char text[32];
	size_t len = sizeof(text);
	v->prefilled_bytes = 0;
	if (!v->marked || rbd_metadata_get(v->image, PREFILLED_KEY, text, &len))
		return;
	text[sizeof(text) - 1] = '\0';
	uint64_t bytes;
	if (hcb_parse_u64(text, &bytes) == 0 && bytes <= v->size_bytes)
		v->prefilled_bytes = bytes;
}

int hcb_rbd_prefilled_job(void *arg, struct hcb_err *err)
{
	struct hcb_rbd_vol *v = arg;
	char text[32];
	if (!v->marked)
		return 0;
	snprintf(text, sizeof(text), "%llu", (ull)v->prefilled_bytes);
	hcb_ceph_step(&v->c, "note on image %s how far it is prefilled", v->what);
	int r = rbd_metadata_set(v->image, PREFILLED_KEY, text);
	return r ? hcb_ceph_step_failed(&v->c, r, err) : 0;
}

/* ---- who else is there ---- */

/* Anyone but us who has the image open. */
static int check_watchers(struct hcb_rbd_vol *v, struct hcb_err *err)
{
	rbd_image_watcher_t w[16];
	size_t n = sizeof(w) / sizeof(w[0]);
	int64_t self = (int64_t)rados_get_instance_id(v->c.cluster);
	hcb_ceph_step(&v->c, "list the watchers of image %s", v->what);
	int r = rbd_watchers_list(v->image, w, &n);
	if (r == -ERANGE)
		return hcb_err_refuse(err, "%s: image %s is open in %zu other places",
		                      v->c.name, v->what, n);
	if (r)
		return hcb_ceph_step_failed(&v->c, r, err);
	for (size_t i = 0; i < n && r == 0; i++)
		if (w[i].id != self)
			r = hcb_err_refuse(
			        err,
			        "%s: image %s is open elsewhere (client.%lld at %s); a "
			        "client that died is forgotten after 30 s",
			        v->c.name, v->what, (long long)w[i].id, w[i].addr);
	rbd_watchers_list_cleanup(w, n);
	return r;
}

/* "auto N" is librbd's own exclusive lock: with a live holder there is a watcher. */
static int check_lockers(struct hcb_rbd_vol *v, struct hcb_err *err)
{
	char tag[256], clients[2048], cookies[2048], addrs[2048];
	size_t ltag = sizeof(tag), lcl = sizeof(clients), lco = sizeof(cookies),
	       lad = sizeof(addrs);
	int exclusive = 0;
	hcb_ceph_step(&v->c, "list the locks of image %s", v->what);
	ssize_t n = rbd_list_lockers(v->image, &exclusive, tag, &ltag, clients, &lcl,
	                             cookies, &lco, addrs, &lad);
	if (n < 0 && n != -ERANGE && n != -ENOENT)
		return hcb_ceph_step_failed(&v->c, (int)n, err);
	if (n == -ERANGE)
		return hcb_err_refuse(err, "%s: image %s is locked by many clients",
		                      v->c.name, v->what);
	if (n > 0 && strncmp(cookies, "auto ", 5) != 0)
		return hcb_err_refuse(
		        err, "%s: image %s is locked by %s (\"rbd lock ls\" shows it)",
		        v->c.name, v->what, clients);
	return 0;
}

int hcb_rbd_check_unused(struct hcb_rbd_vol *v, struct hcb_err *err)
{
	int r = check_watchers(v, err);
	return r ? r : check_lockers(v, err);
}

/* ---- what an image that is not ours may hold ---- */

static int check_snapshots(struct hcb_rbd_vol *v, struct hcb_err *err)
{
	rbd_snap_info_t snaps[8];
	int max = 8;
	hcb_ceph_step(&v->c, "list the snapshots of image %s", v->what);
	int n = rbd_snap_list(v->image, snaps, &max);
	if (n > 0)
		rbd_snap_list_end(snaps);
	if (n < 0 && n != -ERANGE)
		return hcb_ceph_step_failed(&v->c, n, err);
	if (n != 0)
		return hcb_err_refuse(
		        err,
		        "%s: image %s has %d snapshots (and perhaps clones) and is "
		        "not hcbench's; not even destroy= writes to it",
		        v->c.name, v->what, n > 0 ? n : max);
	return 0;
}

static int check_mirrored(struct hcb_rbd_vol *v, struct hcb_err *err)
{
	rbd_mirror_image_info_t info;
	hcb_ceph_step(&v->c, "ask whether image %s is mirrored", v->what);
	int r = rbd_mirror_image_get_info(v->image, &info, sizeof(info));
	if (r == -ENOENT || r == -EOPNOTSUPP)
		return 0;
	if (r)
		return hcb_ceph_step_failed(&v->c, r, err);
	bool on = info.state != RBD_MIRROR_IMAGE_DISABLED;
	rbd_mirror_image_get_info_cleanup(&info);
	if (on)
		return hcb_err_refuse(
		        err,
		        "%s: image %s is mirrored and is not hcbench's; not even "
		        "destroy= writes to it",
		        v->c.name, v->what);
	return 0;
}

static int check_ours(struct hcb_rbd_vol *v, struct hcb_err *err)
{
	if (v->marked)
		return 0;
	if (strcmp(v->conf.destroy, v->what) != 0)
		return hcb_err_refuse(err,
		                      "%s: image %s was not made by hcbench and would be "
		                      "overwritten; only destroy=%s allows that%s%s",
		                      v->c.name, v->what, v->what,
		                      v->conf.destroy[0] ? ", not destroy=" : "",
		                      v->conf.destroy);
	int r = check_snapshots(v, err); /* a clone hangs on a snapshot */
	return r ? r : check_mirrored(v, err);
}

/* ---- making ---- */

static int create(struct hcb_rbd_vol *v, uint64_t bytes, struct hcb_err *err)
{
	rbd_image_options_t opts;
	rbd_image_options_create(&opts);
	if (v->conf.object_bytes)
		rbd_image_options_set_uint64(
		        opts, RBD_IMAGE_OPTION_ORDER,
		        (uint64_t)__builtin_ctzll(v->conf.object_bytes));
	hcb_ceph_step(&v->c, "make image %s", v->what);
	int r = rbd_create4(v->c.io, v->c.addr.image, bytes, opts);
	rbd_image_options_destroy(opts);
	if (r == -ENOENT && v->c.addr.ns[0])
		return hcb_err_set(err, r,
		                   "%s: make image %s: namespace %s does not exist",
		                   v->c.name, v->what, v->c.addr.ns);
	return r ? hcb_ceph_step_failed(&v->c, r, err) : 0;
}

static uint64_t wanted_bytes(const struct hcb_rbd_vol *v)
{
	uint64_t b =
	        v->conf.size_bytes > v->want_bytes ? v->conf.size_bytes : v->want_bytes;
	return (b + HCB_MIB - 1) / HCB_MIB * HCB_MIB;
}

static int make_image(struct hcb_rbd_vol *v, struct hcb_err *err)
{
	if (!v->conf.make || v->read_only)
		return hcb_err_set(
		        err, -ENOENT,
		        "open %s: image does not exist; add make=on to have hcbench "
		        "make and mark it",
		        v->what);
	uint64_t bytes = wanted_bytes(v);
	if (bytes == 0)
		return hcb_err_usage(err, "%s: make image %s: how large? give size=",
		                     v->c.name, v->what);
	int r = hcb_ceph_check_room(&v->c, v->what, bytes, err);
	if (r == 0)
		r = create(v, bytes, err);
	if (r)
		return r;
	hcb_ceph_step(&v->c, "open image %s", v->what);
	r = rbd_open(v->c.io, v->c.addr.image, &v->image, NULL);
	if (r)
		return hcb_ceph_step_failed(&v->c, r, err);
	v->image_open = v->made = true;
	return write_mark(v, err);
}

/* An image of ours that an earlier run made smaller than this one needs. */
static int grow(struct hcb_rbd_vol *v, struct hcb_err *err)
{
	uint64_t want = wanted_bytes(v);
	if (v->want_bytes <= v->size_bytes)
		return 0;
	if (!v->marked || !v->conf.make || v->read_only)
		return hcb_err_set(
		        err, -ENOSPC,
		        "open %s: too small: the image has %llu bytes, the run needs "
		        "%llu%s",
		        v->what, (ull)v->size_bytes, (ull)v->want_bytes,
		        v->marked && !v->read_only ? "; make=on grows it" : "");
	int r = hcb_ceph_check_room(&v->c, v->what, want - v->size_bytes, err);
	if (r)
		return r;
	hcb_ceph_step(&v->c, "grow image %s", v->what);
	r = rbd_resize(v->image, want);
	if (r)
		return hcb_ceph_step_failed(&v->c, r, err);
	v->size_bytes = want;
	v->grown = true;
	return 0;
}

/* ---- facts ---- */

static void set_fact(struct hcb_rbd_vol *v, const char *key, json_t *value)
{
	json_object_set_new(v->facts, key, value);
}

/* The options as librbd applies them to this image: an image's or a pool's own setting
   ("conf_rbd_cache" in its metadata) beats what we asked for. */
static void config_facts(struct hcb_rbd_vol *v)
{
	static const char *const names[] = {
	        "rbd_cache",
	        "rbd_cache_policy",
	        "rbd_cache_size",
	        "rbd_cache_max_dirty",
	        "rbd_cache_max_dirty_age",
	        "rbd_cache_writethrough_until_flush",
	        "rbd_persistent_cache_mode",
	        NULL,
	};
	char value[64];
	int max = 256;
	rbd_config_option_t *o = calloc((size_t)max, sizeof(*o));
	for (size_t i = 0; names[i]; i++)
		if (rados_conf_get(v->c.cluster, names[i], value, sizeof(value)) == 0)
			set_fact(v, names[i], json_string(value));
	if (o && rbd_config_image_list(v->image, o, &max) == 0) {
		for (int k = 0; k < max; k++)
			for (size_t i = 0; names[i]; i++)
				if (strcmp(o[k].name, names[i]) == 0)
					set_fact(v, names[i], json_string(o[k].value));
		rbd_config_image_list_cleanup(o, max);
	}
	free(o);
}

static bool fact_is(const struct hcb_rbd_vol *v, const char *key, const char *value)
{
	const char *s = json_string_value(json_object_get(v->facts, key));
	return s && strcmp(s, value) == 0;
}

/* librbd 16: without a cache a write is acknowledged by all replicas; the write-around
   cache passes writes with the FUA flag; the older write-back cache ignores the flag. */
static void cache_facts(struct hcb_rbd_vol *v)
{
	config_facts(v);
	bool persistent = json_object_get(v->facts, "rbd_persistent_cache_mode") &&
	                  !fact_is(v, "rbd_persistent_cache_mode", "disabled");
	v->cache_on = !fact_is(v, "rbd_cache", "false") || persistent;
	v->fua_native = v->conf.fua && !persistent &&
	                (!v->cache_on || fact_is(v, "rbd_cache_policy", "writearound"));
	const char *durability =
	        persistent    ? "a write done lies in the client's persistent cache"
	        : v->cache_on ? "a write done may lie in the client's memory until the "
	                        "next flush"
	                      : "a write done is on the stable storage of every acting "
	                        "replica; a flush "
	                        "only waits for writes in flight";
	set_fact(v, "durability", json_string(durability));
	set_fact(v, "fua", json_string(v->fua_native ? "native" : "write, then flush"));
	set_fact(v, "cache_asked",
	         json_string(v->conf.cache == HCB_RBD_CACHE_NONE ? "none" : "writeback"));
}

static void features_fact(struct hcb_rbd_vol *v)
{
	static const char *const names[] = {
	        "layering",   "striping",     "exclusive-lock", "object-map",
	        "fast-diff",  "deep-flatten", "journaling",     "data-pool",
	        "operations", "migrating",    "non-primary",
	};
	uint64_t f = 0;
	rbd_get_features(v->image, &f);
	json_t *list = json_array();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (f >> i & 1)
			json_array_append_new(list, json_string(names[i]));
	set_fact(v, "image_features", list);
}

static void image_facts(struct hcb_rbd_vol *v, const rbd_image_info_t *info)
{
	uint64_t unit = 0, count = 0;
	rbd_get_stripe_unit(v->image, &unit);
	rbd_get_stripe_count(v->image, &count);
	set_fact(v, "image", json_string(v->what));
	set_fact(v, "image_bytes", json_integer((json_int_t)v->size_bytes));
	set_fact(v, "object_bytes", json_integer((json_int_t)info->obj_size));
	set_fact(v, "order", json_integer(info->order));
	set_fact(v, "stripe_unit_bytes", json_integer((json_int_t)unit));
	set_fact(v, "stripe_count", json_integer((json_int_t)count));
	features_fact(v);
	rbd_linked_image_spec_t parent;
	rbd_snap_spec_t snap;
	if (rbd_get_parent(v->image, &parent, &snap) == 0) {
		char text[512];
		snprintf(text, sizeof(text), "%s/%s@%s", parent.pool_name,
		         parent.image_name, snap.name);
		set_fact(v, "parent", json_string(text));
		rbd_linked_image_spec_cleanup(&parent);
		rbd_snap_spec_cleanup(&snap);
	} else {
		set_fact(v, "parent", json_null());
	}
	set_fact(v, "exclusive_lock", json_string(v->locked ? "held" : "none"));
	set_fact(v, "made", json_boolean(v->made));
	set_fact(v, "grown", json_boolean(v->grown));
	struct hcb_kvs kvs = {v->facts};
	hcb_ceph_pool_facts(&v->c, &kvs);
}

/* ---- opening ---- */

static int reopen_writable(struct hcb_rbd_vol *v, struct hcb_err *err)
{
	hcb_ceph_step(&v->c, "open image %s for writing", v->what);
	rbd_close(v->image);
	v->image_open = false;
	int r = rbd_open(v->c.io, v->c.addr.image, &v->image, NULL);
	if (r)
		return hcb_ceph_step_failed(&v->c, r, err);
	v->image_open = true;
	/* Once more, on the image now held: it may have been replaced in between. */
	r = hcb_rbd_read_mark(v, err);
	return r ? r : check_ours(v, err);
}

/*
 * The exclusive lock is taken now, so that the first write does not pay for it; asked for
 * explicitly it is also not handed over to the next client that wants to write. Looked at
 * before, because asking a live holder for it would already disturb it, and after,
 * because someone may have come in between.
 */
static int lock_image(struct hcb_rbd_vol *v, struct hcb_err *err)
{
	uint64_t features = 0;
	int r = hcb_rbd_check_unused(v, err);
	rbd_get_features(v->image, &features);
	if (r || !(features & RBD_FEATURE_EXCLUSIVE_LOCK))
		return r;
	hcb_ceph_step(&v->c, "take the exclusive lock of image %s", v->what);
	r = rbd_lock_acquire(v->image, RBD_LOCK_MODE_EXCLUSIVE);
	if (r)
		return hcb_ceph_step_failed(&v->c, r, err);
	v->locked = true;
	return check_watchers(v, err);
}

static int find_image(struct hcb_rbd_vol *v, struct hcb_err *err)
{
	hcb_ceph_step(&v->c, "open image %s", v->what);
	int r = rbd_open_read_only(v->c.io, v->c.addr.image, &v->image, NULL);
	if (r == -ENOENT)
		return make_image(v, err);
	if (r)
		return hcb_ceph_step_failed(&v->c, r, err);
	v->image_open = true;
	r = hcb_rbd_read_mark(v, err);
	if (r || v->read_only)
		return r;
	r = check_ours(v, err);
	if (r == 0)
		r = hcb_rbd_check_unused(v, err);
	return r ? r : reopen_writable(v, err);
}

int hcb_rbd_open_job(void *arg, struct hcb_err *err)
{
	struct hcb_rbd_vol *v = arg;
	/* As QEMU's cache.direct=on and =off do. Must be set before the image is opened.
	 */
	const char *const settings[] = {
	        "rbd_cache", v->conf.cache == HCB_RBD_CACHE_NONE ? "false" : "true",
	        NULL};
	rbd_image_info_t info;
	int r = hcb_ceph_connect(&v->c, settings, err);
	if (r == 0)
		r = find_image(v, err);
	if (r == 0 && !v->read_only)
		r = lock_image(v, err);
	if (r)
		return r;
	hcb_ceph_step(&v->c, "read the size of image %s", v->what);
	r = rbd_stat(v->image, &info, sizeof(info));
	if (r)
		return hcb_ceph_step_failed(&v->c, r, err);
	v->size_bytes = info.size;
	r = grow(v, err);
	if (r)
		return r;
	read_prefilled(v);
	cache_facts(v);
	image_facts(v, &info);
	/* writethrough_until_flush: a cache trusts its guest only after the first flush.
	 */
	hcb_ceph_step(&v->c, "flush image %s", v->what);
	r = v->read_only ? 0 : rbd_flush(v->image);
	if (r)
		return hcb_ceph_step_failed(&v->c, r, err);
	hcb_ceph_timeouts(&v->c, false);
	return 0;
}

int hcb_rbd_close_job(void *arg, struct hcb_err *err)
{
	struct hcb_rbd_vol *v = arg;
	int r = 0;
	if (v->image_open) {
		hcb_ceph_step(&v->c, "close image %s", v->what);
		r = rbd_close(v->image); /* flushes, and gives back lock and watch */
	}
	v->image_open = false;
	return r ? hcb_ceph_step_failed(&v->c, r, err) : 0;
}
#endif
