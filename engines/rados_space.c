/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#ifdef HCB_HAVE_RADOS
#include "engines/rados_space.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/units.h"

#define DEFAULT_OBJECT (4 * HCB_MIB)

typedef unsigned long long ull;

static void mark_name(const struct hcb_rados_vol *v, char *out, size_t size)
{
	snprintf(out, size, "%s.mark", v->conf.prefix);
}

/* The mark must be new (first) or be replaced by a larger one of ours. */
static int write_mark(struct hcb_rados_vol *v, bool first, struct hcb_err *err)
{
	char name[96];
	mark_name(v, name, sizeof(name));
	char *text = hcb_ceph_mark_make(
	        json_pack("{s:I, s:I}", "size_bytes", (json_int_t)v->size_bytes,
	                  "object_bytes", (json_int_t)v->object_bytes));
	if (!text)
		return hcb_err_sys(err, -ENOMEM, "%s: write %s", v->c.name, name);
	hcb_ceph_step(&v->c, "write object %s in pool %s", name, v->c.addr.pool);
	rados_write_op_t op = rados_create_write_op();
	if (first)
		rados_write_op_create(op, LIBRADOS_CREATE_EXCLUSIVE, NULL);
	rados_write_op_write_full(op, text, strlen(text));
	int r = rados_write_op_operate(op, v->c.io, name, NULL, 0);
	rados_release_write_op(op);
	json_t *mark = NULL;
	hcb_ceph_mark_read(text, strlen(text), &mark);
	json_object_set_new(v->facts, "mark", mark);
	free(text);
	return r ? hcb_ceph_step_failed(&v->c, r, err) : 0;
}

/* Objects PREFIX.*: whose ever they are, they are not ours without a mark. */
static int check_empty(struct hcb_rados_vol *v, struct hcb_err *err)
{
	rados_list_ctx_t list;
	const char *name;
	size_t n = strlen(v->conf.prefix);
	hcb_ceph_step(&v->c, "list the objects of pool %s", v->c.addr.pool);
	int r = rados_nobjects_list_open(v->c.io, &list);
	if (r)
		return hcb_ceph_step_failed(&v->c, r, err);
	int found = 0;
	while (!found && (r = rados_nobjects_list_next(list, &name, NULL, NULL)) == 0) {
		hcb_ceph_step(&v->c, "list the objects of pool %s", v->c.addr.pool);
		if (strncmp(name, v->conf.prefix, n) == 0 && name[n] == '.')
			found = hcb_err_refuse(
			        err,
			        "%s: object %s in namespace %s was not made by "
			        "hcbench; choose another prefix=",
			        v->c.name, name, v->c.addr.ns);
	}
	rados_nobjects_list_close(list);
	if (found)
		return found;
	return r && r != -ENOENT ? hcb_ceph_step_failed(&v->c, r, err) : 0;
}

static uint64_t wanted_bytes(const struct hcb_rados_vol *v)
{
	uint64_t b =
	        v->conf.size_bytes > v->want_bytes ? v->conf.size_bytes : v->want_bytes;
	return (b + HCB_MIB - 1) / HCB_MIB * HCB_MIB;
}

static int make_space(struct hcb_rados_vol *v, const char *name, struct hcb_err *err)
{
	if (!v->conf.make || v->read_only)
		return hcb_err_set(
		        err, -ENOENT,
		        "open %s: object %s does not exist in namespace %s; add "
		        "make=on to have hcbench make it",
		        v->c.name, name, v->c.addr.ns);
	v->size_bytes = wanted_bytes(v);
	v->object_bytes = v->conf.object_bytes ? v->conf.object_bytes : DEFAULT_OBJECT;
	if (v->size_bytes == 0)
		return hcb_err_usage(err, "%s: make %s: how large? give size=", v->c.name,
		                     v->conf.prefix);
	int r = hcb_ceph_check_room(&v->c, v->conf.prefix, v->size_bytes, err);
	if (r == 0)
		r = check_empty(v, err);
	v->made = true;
	return r ? r : write_mark(v, true, err);
}

static int grow(struct hcb_rados_vol *v, struct hcb_err *err)
{
	uint64_t had = v->size_bytes, want = wanted_bytes(v);
	if (v->want_bytes <= had)
		return 0;
	if (!v->conf.make || v->read_only)
		return hcb_err_set(
		        err, -ENOSPC,
		        "open %s: too small: %s has %llu bytes, the run needs %llu",
		        v->c.name, v->conf.prefix, (ull)had, (ull)v->want_bytes);
	int r = hcb_ceph_check_room(&v->c, v->conf.prefix, want - had, err);
	v->size_bytes = want;
	v->grown = true;
	return r ? r : write_mark(v, false, err);
}

static int adopt(struct hcb_rados_vol *v, const char *name, json_t *mark,
                 struct hcb_err *err)
{
	json_int_t size = json_integer_value(json_object_get(mark, "size_bytes"));
	json_int_t object = json_integer_value(json_object_get(mark, "object_bytes"));
	if (size <= 0 || object < 4096)
		return hcb_err_refuse(err, "%s: object %s holds no sizes: damaged",
		                      v->c.name, name);
	v->size_bytes = (uint64_t)size;
	v->object_bytes = (uint64_t)object;
	if (v->conf.object_bytes && v->conf.object_bytes != v->object_bytes)
		return hcb_err_usage(
		        err,
		        "%s: object-size=%llu, but %s was made with %llu; choose "
		        "another prefix=",
		        v->c.name, (ull)v->conf.object_bytes, v->conf.prefix,
		        (ull)v->object_bytes);
	json_object_set(v->facts, "mark", mark);
	return grow(v, err);
}

static int find_mark(struct hcb_rados_vol *v, struct hcb_err *err)
{
	char name[96], text[4096];
	mark_name(v, name, sizeof(name));
	hcb_ceph_step(&v->c, "read object %s in pool %s", name, v->c.addr.pool);
	int r = rados_read(v->c.io, name, text, sizeof(text), 0);
	if (r == -ENOENT)
		return make_space(v, name, err);
	if (r < 0)
		return hcb_ceph_step_failed(&v->c, r, err);
	json_t *mark = NULL;
	if (!hcb_ceph_mark_read(text, (size_t)r, &mark))
		return hcb_err_refuse(
		        err, "%s: object %s in namespace %s is not hcbench's mark",
		        v->c.name, name, v->c.addr.ns);
	r = adopt(v, name, mark, err);
	json_decref(mark);
	return r;
}

int hcb_rados_open_job(void *arg, struct hcb_err *err)
{
	struct hcb_rados_vol *v = arg;
	int r = hcb_ceph_connect(&v->c, NULL, err);
	if (r == 0)
		r = find_mark(v, err);
	if (r)
		return r;
	struct hcb_kvs kvs = {v->facts};
	hcb_kvs_str(&kvs, "namespace", v->c.addr.ns);
	hcb_kvs_str(&kvs, "prefix", v->conf.prefix);
	hcb_kvs_u64(&kvs, "object_bytes", v->object_bytes);
	hcb_kvs_bool(&kvs, "made", v->made);
	hcb_kvs_bool(&kvs, "grown", v->grown);
	hcb_kvs_str(
	        &kvs, "durability",
	        "a write done is on the stable storage of every acting replica; there is "
	        "nothing to flush");
	hcb_ceph_pool_facts(&v->c, &kvs);
	hcb_ceph_timeouts(&v->c, false);
	return 0;
}
#endif
