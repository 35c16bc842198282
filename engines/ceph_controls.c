/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engines/ceph_controls.h"

#include <errno.h>

#ifdef HCB_HAVE_RBD
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engines/ceph_json.h"
#include "engines/ceph_survey_internal.h"

#define NAMES 64u
/* An xattr of each object that was made here. */
#define MARK  "hcbench"

/* ---- the state ---- */

json_t *hcb_ceph_status_digest(const json_t *status)
{
	struct hcb_ceph_health h;
	bool deep = false;
	size_t i;
	json_t *state;
	hcb_ceph_health_read(status, &h);
	json_array_foreach(
	        json_object_get(json_object_get(status, "pgmap"), "pgs_by_state"), i,
	        state)
	{
		const char *s = json_string_value(json_object_get(state, "state_name"));
		/* "active+clean+scrubbing+deep" */
		deep |= s && strstr(s, "scrubbing") && strstr(s, "deep");
	}
	return json_pack("{ss ss sb sb sb sb sI sI}", "status", h.status, "checks",
	                 h.checks, "recovery", h.recovery, "scrub", h.scrub, "deep_scrub",
	                 deep, "degraded", h.degraded, "osds_up", (json_int_t)h.osds_up,
	                 "osds_in", (json_int_t)h.osds_in);
}

static int status_job(void *arg, struct hcb_err *err)
{
	struct hcb_ceph_survey *s = arg;
	json_t *status = hcb_ceph_survey_mon(s, "status", err);
	s->answer = status ? hcb_ceph_status_digest(status) : NULL;
	json_decref(status);
	return status ? 0 : -EIO;
}

json_t *hcb_ceph_survey_status(struct hcb_ceph_survey *s, struct hcb_err *err)
{
	return hcb_ceph_survey_ask(s, status_job, err);
}

bool hcb_ceph_survey_lost(const struct hcb_ceph_survey *s)
{
	return s->c.lost;
}

const char *hcb_ceph_survey_monitors(const struct hcb_ceph_survey *s)
{
	return s->c.mons;
}

/* ---- OSDs ---- */

double hcb_ceph_bench_rate(const json_t *answer)
{
	double bytes = json_number_value(json_object_get(answer, "bytes_written")),
	       s = json_number_value(json_object_get(answer, "elapsed_sec"));
	return bytes > 0 && s > 0 ? bytes / s : 0;
}

static int bench_job(void *arg, struct hcb_err *err)
{
	struct hcb_ceph_survey *s = arg;
	const char *cmd[] = {s->text};
	char *buf = NULL, *status = NULL;
	size_t len = 0, status_len = 0;
	hcb_ceph_step(&s->c, "bench osd.%d", s->osd);
	int r = rados_osd_command(s->c.cluster, s->osd, cmd, 1, "", 0, &buf, &len,
	                          &status, &status_len);
	s->answer = r == 0 ? hcb_ceph_json(buf, len) : NULL;
	rados_buffer_free(buf);
	rados_buffer_free(status);
	if (r)
		return hcb_ceph_step_failed(&s->c, r, err);
	return s->answer ? 0
	                 : hcb_err_set(err, -EPROTO,
	                               "%s: bench osd.%d: its answer is not JSON",
	                               s->c.name, s->osd);
}

int hcb_ceph_survey_bench(struct hcb_ceph_survey *s, int osd, uint64_t bytes,
                          uint64_t block, double *bytes_per_s, struct hcb_err *err)
{
	s->osd = osd;
	snprintf(s->text, sizeof(s->text),
	         "{\"prefix\":\"bench\",\"count\":%llu,\"size\":%llu,\"format\":"
	         "\"json\"}",
	         (unsigned long long)bytes, (unsigned long long)block);
	*bytes_per_s = 0;
	json_t *answer = hcb_ceph_survey_ask(s, bench_job, err);
	if (!answer)
		return err && err->code ? err->code : -EIO;
	*bytes_per_s = hcb_ceph_bench_rate(answer);
	json_decref(answer);
	return *bytes_per_s > 0 ? 0
	                        : hcb_err_set(err, -EPROTO,
	                                      "%s: bench osd.%d: no rate in its answer",
	                                      s->c.name, osd);
}

json_t *hcb_ceph_osd_perf_list(const json_t *answer)
{
	const json_t *deeper = json_object_get(answer, "osdstats");
	json_t *out = json_array(), *one;
	size_t i;
	json_array_foreach(json_object_get(deeper ? deeper : answer, "osd_perf_infos"), i,
	                   one)
	{
		const json_t *stats = json_object_get(one, "perf_stats"),
		             *ns = json_object_get(stats, "commit_latency_ns"),
		             *ms = json_object_get(stats, "commit_latency_ms");
		double v = json_is_number(ns) ? json_number_value(ns)
		                              : json_number_value(ms) * 1e6;
		if (json_is_integer(json_object_get(one, "id")))
			json_array_append_new(out,
			                      json_pack("{sO sf}", "id",
			                                json_object_get(one, "id"),
			                                "commit_ns", v > 0 ? v : 0.0));
	}
	return out;
}

static int perf_job(void *arg, struct hcb_err *err)
{
	struct hcb_ceph_survey *s = arg;
	json_t *answer = hcb_ceph_survey_mon(s, "osd perf", err);
	s->answer = answer ? hcb_ceph_osd_perf_list(answer) : NULL;
	json_decref(answer);
	return answer ? 0 : -EIO;
}

json_t *hcb_ceph_survey_perf(struct hcb_ceph_survey *s, struct hcb_err *err)
{
	return hcb_ceph_survey_ask(s, perf_job, err);
}

/* ---- objects ---- */

static int names_job(void *arg, struct hcb_err *err)
{
	struct hcb_ceph_survey *s = arg;
	(void)err;
	s->answer = json_pack("{s[]s[]}", "acting", "objects");
	for (unsigned i = 0; i < NAMES; i++) {
		char name[64];
		snprintf(name, sizeof(name), HCB_CEPH_CONTROL ".%u", i);
		hcb_ceph_survey_place(s, name);
	}
	return 0;
}

json_t *hcb_ceph_survey_control_names(struct hcb_ceph_survey *s, struct hcb_err *err)
{
	json_t *places = hcb_ceph_survey_ask(s, names_job, err);
	json_t *objects = places ? json_incref(json_object_get(places, "objects")) : NULL;
	json_decref(places);
	return objects;
}

/* 1: there and ours, 0: not there, else -errno. */
static int is_ours(struct hcb_ceph_survey *s, struct hcb_err *err)
{
	char text[1024];
	uint64_t size;
	time_t when;
	int r = rados_stat(s->c.io, s->object, &size, &when);
	if (r == -ENOENT)
		return 0;
	if (r)
		return hcb_ceph_step_failed(&s->c, r, err);
	r = rados_getxattr(s->c.io, s->object, MARK, text, sizeof(text));
	if (r > 0 && hcb_ceph_mark_read(text, (size_t)r, NULL))
		return 1;
	return hcb_err_refuse(err, "%s: object %s was not made by hcbench", s->c.name,
	                      s->object);
}

static int put_job(void *arg, struct hcb_err *err)
{
	struct hcb_ceph_survey *s = arg;
	hcb_ceph_step(&s->c, "write object %s", s->object);
	int r = is_ours(s, err);
	if (r < 0)
		return r;
	char *mark = hcb_ceph_mark_make(NULL);
	char *data = malloc(HCB_CEPH_CONTROL_BYTES);
	if (!mark || !data) {
		free(mark);
		free(data);
		return hcb_err_sys(err, -ENOMEM, "%s: write %s", s->c.name, s->object);
	}
	/* Not zeroes, which a store may keep as a hole. */
	for (size_t i = 0; i < HCB_CEPH_CONTROL_BYTES; i++)
		data[i] = (char)(i * 2654435761u >> 13);
	rados_write_op_t op = rados_create_write_op();
	if (!r)
		rados_write_op_create(op, LIBRADOS_CREATE_EXCLUSIVE, NULL);
	rados_write_op_write_full(op, data, HCB_CEPH_CONTROL_BYTES);
	rados_write_op_setxattr(op, MARK, mark, strlen(mark));
	r = rados_write_op_operate(op, s->c.io, s->object, NULL, 0);
	rados_release_write_op(op);
	free(mark);
	free(data);
	return r ? hcb_ceph_step_failed(&s->c, r, err) : 0;
}

static int remove_job(void *arg, struct hcb_err *err)
{
	struct hcb_ceph_survey *s = arg;
	hcb_ceph_step(&s->c, "remove object %s", s->object);
	int r = is_ours(s, err);
	if (r <= 0)
		return r;
	r = rados_remove(s->c.io, s->object);
	return r && r != -ENOENT ? hcb_ceph_step_failed(&s->c, r, err) : 0;
}

int hcb_ceph_survey_put(struct hcb_ceph_survey *s, const char *object,
                        struct hcb_err *err)
{
	snprintf(s->object, sizeof(s->object), "%s", object);
	s->object_bytes = HCB_CEPH_CONTROL_BYTES;
	return hcb_ceph_job(&s->c, put_job, s, err);
}

int hcb_ceph_survey_remove(struct hcb_ceph_survey *s, const char *object,
                           struct hcb_err *err)
{
	snprintf(s->object, sizeof(s->object), "%s", object);
	return hcb_ceph_job(&s->c, remove_job, s, err);
}
#else
json_t *hcb_ceph_survey_status(struct hcb_ceph_survey *s, struct hcb_err *err)
{
	(void)s;
	(void)err;
	return NULL;
}

bool hcb_ceph_survey_lost(const struct hcb_ceph_survey *s)
{
	(void)s;
	return false;
}

const char *hcb_ceph_survey_monitors(const struct hcb_ceph_survey *s)
{
	(void)s;
	return "";
}

int hcb_ceph_survey_bench(struct hcb_ceph_survey *s, int osd, uint64_t bytes,
                          uint64_t block, double *bytes_per_s, struct hcb_err *err)
{
	(void)s;
	(void)osd;
	(void)bytes;
	(void)block;
	(void)bytes_per_s;
	return hcb_err_set(err, -ENOTSUP, "built without librbd");
}

json_t *hcb_ceph_survey_perf(struct hcb_ceph_survey *s, struct hcb_err *err)
{
	(void)s;
	(void)err;
	return NULL;
}

json_t *hcb_ceph_survey_control_names(struct hcb_ceph_survey *s, struct hcb_err *err)
{
	(void)s;
	(void)err;
	return NULL;
}

int hcb_ceph_survey_put(struct hcb_ceph_survey *s, const char *object,
                        struct hcb_err *err)
{
	(void)s;
	(void)object;
	return hcb_err_set(err, -ENOTSUP, "built without librbd");
}

int hcb_ceph_survey_remove(struct hcb_ceph_survey *s, const char *object,
                           struct hcb_err *err)
{
	(void)s;
	(void)object;
	return hcb_err_set(err, -ENOTSUP, "built without librbd");
}
#endif
