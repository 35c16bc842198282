/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engines/ceph_survey.h"

#include <errno.h>

#ifdef HCB_HAVE_RBD
#include <rbd/librbd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/units.h"
#include "engines/ceph_json.h"
#include "engines/ceph_survey_internal.h"

#define MAX_PINGED  12u /* OSDs asked for their pings: each answer lists all its peers */
#define MAX_OBJECTS 64u /* looked up, one question to the monitors each */
#define CHUNK       SURVEY_CHUNK
#define DEPTH       SURVEY_DEPTH
#define SMALL       4096u
#define SMALL_READS 21u
#define MISMATCH    (-4095) /* librados: cmpext differs, at -(4095 + offset) */

static int open_job(void *arg, struct hcb_err *err)
{
	struct hcb_ceph_survey *s = arg;
	return hcb_ceph_connect(&s->c, NULL, err);
}

static void survey_free(struct hcb_ceph_survey *s)
{
	hcb_ceph_fini(&s->c);
	if (s->c.lost)
		return; /* a thread may come back to it: leaked on purpose */
	json_decref(s->answer);
	free(s->buf);
	free(s);
}

int hcb_ceph_survey_open(const struct hcb_dev *dev, struct hcb_ceph_survey **out,
                         struct hcb_err *err)
{
	struct hcb_ceph_addr addr;
	bool is_rbd = strcmp(dev->engine->name, "rbd") == 0;
	int r = is_rbd ? hcb_ceph_parse_image(dev->address, &addr, err)
	               : hcb_ceph_parse_pool(dev->address, &addr, err);
	if (r)
		return r;
	struct hcb_ceph_survey *s = calloc(1, sizeof(*s));
	char *buf = calloc(DEPTH, CHUNK);
	if (s && buf)
		r = hcb_ceph_init(&s->c, dev, &addr, err);
	else
		r = hcb_err_sys(err, -ENOMEM, "look at the cluster of %s", dev->target);
	if (r) {
		free(buf);
		free(s);
		return r;
	}
	s->buf = buf;
	s->is_rbd = is_rbd;
	r = hcb_ceph_job(&s->c, open_job, s, err);
	if (r)
		survey_free(s);
	else
		*out = s;
	return r;
}

void hcb_ceph_survey_close(struct hcb_ceph_survey *s)
{
	if (s)
		survey_free(s);
}

json_t *hcb_ceph_survey_ask(struct hcb_ceph_survey *s, hcb_ceph_job_fn *job,
                            struct hcb_err *err)
{
	if (hcb_ceph_job(&s->c, job, s, err))
		return NULL;
	json_t *out = s->answer;
	s->answer = NULL;
	return out;
}

/* ---- the OSDs ---- */

json_t *hcb_ceph_survey_mon(struct hcb_ceph_survey *s, const char *prefix,
                            struct hcb_err *err)
{
	hcb_ceph_step(&s->c, "ask monitors %s for \"%s\"", s->c.mons, prefix);
	return hcb_ceph_mon(&s->c, json_pack("{ss}", "prefix", prefix), err);
}

/* Without the right to ask, or before Ceph 14, there is no answer: then no pings. */
static void ask_pings(struct hcb_ceph_survey *s, json_t *osd)
{
	const char *cmd[] = {
	        "{\"prefix\":\"dump_osd_network\",\"value\":0,\"format\":\"json\"}"};
	char *buf = NULL, *status = NULL;
	size_t len = 0, status_len = 0;
	int id = (int)json_integer_value(json_object_get(osd, "id"));
	hcb_ceph_step(&s->c, "ask osd.%d for its pings", id);
	int r = rados_osd_command(s->c.cluster, id, cmd, 1, "", 0, &buf, &len, &status,
	                          &status_len);
	json_t *answer = r == 0 ? hcb_ceph_json(buf, len) : NULL;
	hcb_ceph_add_pings(osd, answer);
	json_decref(answer);
	rados_buffer_free(buf);
	rados_buffer_free(status);
}

static int osds_job(void *arg, struct hcb_err *err)
{
	struct hcb_ceph_survey *s = arg;
	size_t i;
	json_t *osd;
	json_t *dump = hcb_ceph_survey_mon(s, "osd dump", err);
	if (!dump)
		return -EIO;
	/* These two only add: what they leave out is null. */
	json_t *metadata = hcb_ceph_survey_mon(s, "osd metadata", NULL),
	       *tree = hcb_ceph_survey_mon(s, "osd tree", NULL);
	s->answer = hcb_ceph_osd_list(dump, metadata, tree);
	json_decref(dump);
	json_decref(metadata);
	json_decref(tree);
	json_array_foreach(s->answer, i, osd) if (i < MAX_PINGED) ask_pings(s, osd);
	return 0;
}

json_t *hcb_ceph_survey_osds(struct hcb_ceph_survey *s, struct hcb_err *err)
{
	return hcb_ceph_survey_ask(s, osds_job, err);
}

/* ---- placement ---- */

/* Reads how the image's objects are called. *prefix stays "" if they lie elsewhere. */
static int read_image(struct hcb_ceph_survey *s, char *prefix, size_t size,
                      struct hcb_err *err)
{
	rbd_image_t image;
	rbd_image_info_t info;
	hcb_ceph_step(&s->c, "open image %s", s->c.addr.image);
	int r = rbd_open_read_only(s->c.io, s->c.addr.image, &image, NULL);
	if (r)
		return hcb_ceph_step_failed(&s->c, r, err);
	r = rbd_stat(image, &info, sizeof(info));
	if (r == 0 && rbd_get_data_pool_id(image) == rados_ioctx_get_id(s->c.io))
		r = rbd_get_block_name_prefix(image, prefix, size);
	rbd_close(image);
	if (r)
		return hcb_ceph_step_failed(&s->c, r, err);
	s->object_bytes = info.obj_size;
	return 0;
}

static bool has(const json_t *list, json_int_t id)
{
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v) if (json_integer_value(v) == id) return true;
	return false;
}

/* Keeps the list in ascending order. */
static void insert_id(json_t *list, json_int_t id)
{
	size_t at = 0;
	if (id < 0 || id == INT32_MAX || has(list, id)) /* CRUSH_ITEM_NONE: a hole */
		return;
	while (at < json_array_size(list) &&
	       json_integer_value(json_array_get(list, at)) < id)
		at++;
	json_array_insert_new(list, at, json_integer(id));
}

void hcb_ceph_survey_place(struct hcb_ceph_survey *s, const char *name)
{
	size_t i;
	json_t *id, *cmd = json_pack("{ss ss ss}", "prefix", "osd map", "pool",
	                             s->c.addr.pool, "object", name);
	if (s->c.addr.ns[0])
		json_object_set_new(cmd, "nspace", json_string(s->c.addr.ns));
	hcb_ceph_step(&s->c, "ask monitors %s where %s lies", s->c.mons, name);
	json_t *map = hcb_ceph_mon(&s->c, cmd, NULL);
	json_t *acting = json_object_get(s->answer, "acting"),
	       *objects = json_object_get(s->answer, "objects"), *one;
	json_array_foreach(json_object_get(map, "acting"), i, id)
	        insert_id(acting, json_integer_value(id));
	json_int_t primary = json_integer_value(json_object_get(map, "acting_primary"));
	bool known = !map || primary < 0;
	json_array_foreach(objects, i, one) known |=
	        json_integer_value(json_object_get(one, "osd")) == primary;
	if (!known)
		json_array_append_new(
		        objects, json_pack("{sI ss}", "osd", primary, "object", name));
	json_decref(map);
}

static int placement_job(void *arg, struct hcb_err *err)
{
	struct hcb_ceph_survey *s = arg;
	char prefix[RBD_MAX_BLOCK_NAME_SIZE + 32] = "";
	s->answer = json_pack("{s[]s[]}", "acting", "objects");
	int r = s->is_rbd ? read_image(s, prefix, sizeof(prefix), err) : 0;
	if (r || !prefix[0] || !s->object_bytes)
		return r;
	uint64_t n = s->bytes / s->object_bytes;
	for (uint64_t i = 0; i < n && i < MAX_OBJECTS; i++) {
		char name[sizeof(prefix) + 24];
		snprintf(name, sizeof(name), "%s.%016llx", prefix, (unsigned long long)i);
		hcb_ceph_survey_place(s, name);
	}
	return 0;
}

json_t *hcb_ceph_survey_placement(struct hcb_ceph_survey *s, uint64_t bytes,
                                  struct hcb_err *err)
{
	s->bytes = bytes;
	return hcb_ceph_survey_ask(s, placement_job, err);
}

/* ---- speed ---- */

enum burst_kind { READS, COMPARISONS };

struct flight {
	rados_completion_t done;
	rados_read_op_t op; /* comparisons only */
};

static int launch(struct hcb_ceph_survey *s, enum burst_kind kind, struct flight *f,
                  unsigned slot, uint64_t off)
{
	f->op = NULL;
	int r = rados_aio_create_completion2(NULL, NULL, &f->done);
	if (r)
		return r;
	char *buf = s->buf + (size_t)slot * CHUNK;
	if (kind == READS) {
		r = rados_aio_read(s->c.io, s->object, f->done, buf, CHUNK, off);
	} else {
		f->op = rados_create_read_op();
		rados_read_op_cmpext(f->op, buf, CHUNK, off, NULL);
		r = rados_aio_read_op_operate(f->op, s->c.io, f->done, s->object, 0);
	}
	if (r) {
		rados_aio_release(f->done);
		if (f->op)
			rados_release_read_op(f->op);
	}
	return r;
}

/* Whatever came back of it, the path has carried a chunk: except if there was an error.
 */
static int land(enum burst_kind kind, struct flight *f)
{
	rados_aio_wait_for_complete(f->done);
	int r = rados_aio_get_return_value(f->done);
	rados_aio_release(f->done);
	if (f->op)
		rados_release_read_op(f->op);
	if (kind == COMPARISONS)
		return r == 0 || r <= MISMATCH ? 0 : r;
	return r < 0 ? r : r == (int)CHUNK ? 0 : -EIO;
}

/* Chunks of the object, round and round, DEPTH of them out, until a bound is reached. */
static int burst(struct hcb_ceph_survey *s, enum burst_kind kind, uint64_t max_bytes,
                 uint64_t max_ns, double *bytes_per_s)
{
	struct flight f[DEPTH];
	uint64_t start = hcb_monotonic_ns(), sent = 0, landed = 0, end = start;
	unsigned head = 0, out = 0;
	int r = 0;
	for (;;) {
		bool more = !r && sent < max_bytes && end - start < max_ns;
		if (more && out < DEPTH) {
			unsigned slot = (head + out) % DEPTH;
			r = launch(s, kind, &f[slot], slot, sent % s->object_bytes);
			sent += r ? 0 : CHUNK;
			out += !r;
			continue;
		}
		if (!out)
			break;
		int one = land(kind, &f[head]);
		r = r ? r : one;
		head = (head + 1) % DEPTH;
		out--;
		landed += CHUNK;
		end = hcb_monotonic_ns();
	}
	*bytes_per_s = end > start ? (double)landed * 1e9 / (double)(end - start) : 0;
	return r;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static int small_reads(struct hcb_ceph_survey *s)
{
	uint64_t t[SMALL_READS];
	for (unsigned i = 0; i < SMALL_READS; i++) {
		uint64_t start = hcb_monotonic_ns();
		int r = rados_read(s->c.io, s->object, s->buf, SMALL, i * SMALL);
		if (r < 0)
			return r;
		t[i] = hcb_monotonic_ns() - start;
	}
	qsort(t, SMALL_READS, sizeof(t[0]), by_value);
	s->speed.answer_ns = t[SMALL_READS / 2];
	return 0;
}

static int speed_job(void *arg, struct hcb_err *err)
{
	struct hcb_ceph_survey *s = arg;
	double ignored;
	hcb_ceph_step(&s->c, "read object %s", s->object);
	int r = burst(s, READS, s->object_bytes, 5 * HCB_SEC, &ignored);
	r = r ? r : small_reads(s);
	hcb_ceph_step(&s->c, "time reads of object %s", s->object);
	r = r ? r
	      : burst(s, READS, s->burst.max_bytes, s->burst.max_ns,
	              &s->speed.from_osd_bytes_per_s);
	hcb_ceph_step(&s->c, "time comparisons with object %s", s->object);
	/* What was read last is in the buffers: no two chunks are alike. */
	memset(s->buf, 0x5a, (size_t)DEPTH * CHUNK);
	r = r ? r
	      : burst(s, COMPARISONS, s->burst.max_bytes, s->burst.max_ns,
	              &s->speed.to_osd_bytes_per_s);
	return r ? hcb_ceph_step_failed(&s->c, r, err) : 0;
}

int hcb_ceph_survey_speed(struct hcb_ceph_survey *s, const char *object,
                          const struct hcb_ceph_burst *burst, struct hcb_ceph_speed *out,
                          struct hcb_err *err)
{
	memset(out, 0, sizeof(*out));
	memset(&s->speed, 0, sizeof(s->speed));
	s->burst = *burst;
	snprintf(s->object, sizeof(s->object), "%s", object);
	int r = hcb_ceph_job(&s->c, speed_job, s, err);
	if (!r)
		*out = s->speed;
	return r;
}
#else
int hcb_ceph_survey_open(const struct hcb_dev *dev, struct hcb_ceph_survey **out,
                         struct hcb_err *err)
{
	(void)out;
	return hcb_err_set(err, -ENOTSUP,
	                   "look at the cluster of %s: built without librbd",
	                   dev->target);
}

void hcb_ceph_survey_close(struct hcb_ceph_survey *s)
{
	(void)s;
}

json_t *hcb_ceph_survey_osds(struct hcb_ceph_survey *s, struct hcb_err *err)
{
	(void)s;
	(void)err;
	return NULL;
}

json_t *hcb_ceph_survey_placement(struct hcb_ceph_survey *s, uint64_t bytes,
                                  struct hcb_err *err)
{
	(void)s;
	(void)bytes;
	(void)err;
	return NULL;
}

int hcb_ceph_survey_speed(struct hcb_ceph_survey *s, const char *object,
                          const struct hcb_ceph_burst *burst, struct hcb_ceph_speed *out,
                          struct hcb_err *err)
{
	(void)s;
	(void)object;
	(void)burst;
	(void)out;
	return hcb_err_set(err, -ENOTSUP, "built without librbd");
}
#endif
