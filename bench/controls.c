/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order: the surroundings first, while nothing of ours is at work; the system disk;
 * the paths, the network idle; then the OSDs, in rounds as far apart as their reports to
 * the manager are, so that `osd perf` has seen each.
 */
#include "bench/controls.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/core/random.h"
#include "bench/core/units.h"
#include "bench/fsyncs.h"
#include "bench/machine_look.h"
#include "bench/netpath.h"
#include "bench/result.h"
#include "engines/ceph_controls.h"
#include "engines/target.h"

#define FSYNCS_EACH (1 * HCB_SEC)
#define READ_BYTES  "256MiB" /* more than a disk's own cache */
#define STALL_NS    (20 * HCB_SEC)
#define BENCH_BYTES (32 * HCB_MIB)
#define BENCH_BLOCK (4 * HCB_MIB) /* an RBD object: not deferred */
/* OSDs report each 5 s (mgr_stats_period). */
#define REPORT_NS   (5 * HCB_SEC + HCB_SEC / 2)
#define BURST_BYTES ((16 * HCB_MIB) / HCB_CONTROLS_USUAL)
#define BURST_NS    (250 * HCB_MS)
#define ROUND_TRIPS 5u
#define KEPT_FILE   "hcbench-control.dat"

struct controls {
	const struct hcb_controls_plan *plan;
	struct hcb_controls metrics;
	struct hcb_dev *dev;            /* parsed, never opened */
	struct hcb_ceph_survey *survey; /* NULL: no cluster, or no answer */
	char silent[320];               /* why it did not answer */
	json_t *status, *machine, *osds, *notes;
	json_t *targets; /* the cluster */
	json_t *system;  /* the file on the system disk, as a run's target; NULL: none */
	uint64_t start_ns;
	time_t started;
};

__attribute__((format(printf, 2, 3))) static void note(struct controls *c,
                                                       const char *fmt, ...)
{
	char text[700];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(c->notes, json_string(text));
}

static bool stopped(const struct controls *c)
{
	return c->plan->signal_seen && *c->plan->signal_seen;
}

/* Lab time; ends early at a signal. */
static void wait_until(const struct controls *c, uint64_t from_ns, uint64_t lab_ns)
{
	uint64_t end = from_ns + (uint64_t)((double)lab_ns * c->plan->dilation);
	while (!stopped(c) && hcb_monotonic_ns() < end) {
		struct timespec nap = {0, (long)(50 * HCB_MS)};
		nanosleep(&nap, NULL);
	}
}

static json_int_t int_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	return json_is_integer(v) ? json_integer_value(v) : -1;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

/* ---- the system disk ---- */

/* Its time is the wall's, unless the disk is one of the lab's. */
static double dilation_of_dir(const struct controls *c)
{
	return c->plan->dir_in_lab_time ? c->plan->dilation : 1;
}

static void count_fsyncs(struct controls *c)
{
	double d = dilation_of_dir(c);
	for (unsigned i = 0; i < c->plan->samples && !stopped(c); i++) {
		struct hcb_fsyncs f;
		struct hcb_err err = HCB_ERR_INIT;
		uint64_t wall = (uint64_t)((double)FSYNCS_EACH * d);
		if (hcb_fsyncs(c->plan->dir, wall, c->plan->deadline_ns,
		               c->plan->signal_seen, &f, &err)) {
			note(c, "%s", err.msg);
			return; /* what hangs now would hang again */
		}
		if (f.n && !stopped(c))
			hcb_controls_add(&c->metrics, "system", HCB_CONTROL_FSYNC,
			                 (double)f.ns / (double)f.n / d);
	}
}

/* libaio and not io_uring: that may be forbidden, and which of the two it was would be
   another control. */
static const char *file_engine(void)
{
	const struct hcb_engine *e = hcb_engine_find("libaio");
	return e && !e->unavailable ? "libaio" : "uring";
}

static int read_conf(const struct hcb_workload *wl, void *conf, struct hcb_err *err)
{
	static const char *const params[] = {"kind=read", "pattern=sequential", "bs=1MiB",
	                                     "depth=4", ("size=" READ_BYTES)};
	int r = 0;
	hcb_opt_defaults(wl->opts, conf);
	for (size_t i = 0; !r && i < sizeof(params) / sizeof(params[0]); i++)
		r = hcb_opt_set_pair(wl->opts, conf, "controls", params[i], err);
	return r;
}

static void take_read(struct controls *c, const json_t *run)
{
	const json_t *v = json_object_get(run, "validity");
	if (strcmp(text_of(v, "verdict"), "INVALID") == 0) {
		note(c, "the system disk's sequential read does not count: %s",
		     json_string_value(json_array_get(json_object_get(v, "reasons"), 0)));
		return;
	}
	if (!json_is_true(json_object_get(run, "partial")))
		hcb_controls_add_seconds(&c->metrics, "system", run);
}

static int run_read(struct controls *c, const struct hcb_workload *wl, void *conf,
                    json_t **doc, struct hcb_err *err)
{
	char target[1400];
	int code;
	snprintf(target, sizeof(target), "%s:%s/" KEPT_FILE ",make=on", file_engine(),
	         c->plan->dir);
	const struct hcb_binding on = {.volume = "all", .target = target};
	const struct hcb_run run = {
	        .wl = wl,
	        .conf = conf,
	        .on = &on,
	        .n_on = 1,
	        .seed = 1,
	        .dilation = dilation_of_dir(c),
	        .warmup_ns = HCB_SEC,
	        /* So many whole seconds, and one that is not. */
	        .duration_ns = (c->plan->samples + 1) * HCB_SEC,
	        .caps = {.stall_ns = STALL_NS},
	        .deadline_ns = c->plan->deadline_ns,
	        .command = c->plan->command,
	        .around = c->plan->dir_in_lab_time ? c->plan->around : NULL,
	        .signal_seen = c->plan->signal_seen,
	};
	return hcb_run_once(&run, doc, &code, err);
}

static void read_file(struct controls *c)
{
	struct hcb_err err = HCB_ERR_INIT;
	const struct hcb_workload *wl = hcb_workload_find("micro", &err);
	void *conf = wl ? calloc(1, wl->conf_size) : NULL;
	json_t *doc = NULL;
	if (!conf || read_conf(wl, conf, &err) || run_read(c, wl, conf, &doc, &err)) {
		note(c, "read the system disk: %s", conf ? err.msg : "no memory");
	} else {
		c->system =
		        json_incref(json_array_get(json_object_get(doc, "targets"), 0));
		take_read(c, doc);
	}
	json_decref(doc);
	free(conf);
}

static void measure_system_disk(struct controls *c)
{
	if (!c->plan->dir || c->plan->brief || stopped(c))
		return;
	if (c->plan->talk)
		hcb_say("controls: the system disk, %s", c->plan->dir);
	count_fsyncs(c);
	if (!stopped(c))
		read_file(c);
}

/* ---- the cluster ---- */

/* One OSD that hangs for good must not cost the others their samples. */
static void mend(struct controls *c)
{
	struct hcb_err err = HCB_ERR_INIT;
	if (!c->survey || !hcb_ceph_survey_lost(c->survey))
		return;
	hcb_ceph_survey_close(c->survey);
	c->survey = NULL;
	if (hcb_ceph_survey_open(c->dev, &c->survey, &err))
		note(c, "%s", err.msg);
}

/* ---- paths ---- */

static void round_trips(struct controls *c, const char *what, const char *address,
                        uint16_t port)
{
	for (unsigned i = 0; i < c->plan->samples && !stopped(c); i++) {
		struct hcb_rtt rtt;
		struct hcb_err err = HCB_ERR_INIT;
		if (hcb_netpath_rtt(address, port, ROUND_TRIPS, &rtt, &err)) {
			note(c, "%s: %s", what, err.msg);
			return;
		}
		hcb_controls_add(&c->metrics, what, HCB_CONTROL_RTT,
		                 (double)rtt.median_ns / c->plan->dilation);
	}
}

static void bursts(struct controls *c, const char *what, const char *object)
{
	const struct hcb_ceph_burst burst = {
	        BURST_BYTES, (uint64_t)((double)BURST_NS * c->plan->dilation)};
	struct hcb_err err = HCB_ERR_INIT;
	int r = hcb_ceph_survey_put(c->survey, object, &err);
	for (unsigned i = 0; !r && i < c->plan->samples && !stopped(c); i++) {
		struct hcb_ceph_speed speed;
		r = hcb_ceph_survey_speed(c->survey, object, &burst, &speed, &err);
		if (r)
			break;
		hcb_controls_add(&c->metrics, what, HCB_CONTROL_FROM,
		                 speed.from_osd_bytes_per_s * c->plan->dilation);
		hcb_controls_add(&c->metrics, what, HCB_CONTROL_TO,
		                 speed.to_osd_bytes_per_s * c->plan->dilation);
	}
	if (r)
		note(c, "%s: %s", what, err.msg);
	mend(c);
	if (!c->survey)
		return;
	struct hcb_err second = HCB_ERR_INIT;
	if (hcb_ceph_survey_remove(c->survey, object, &second) && !r)
		note(c, "%s", second.msg);
}

/* "path.h2": by host where CRUSH names one, else by address. */
static void path_name(const json_t *osd, char *out, size_t size)
{
	const char *host = text_of(osd, "host");
	snprintf(out, size, "path.%.40s", *host ? host : text_of(osd, "address"));
}

/* An object whose primary is at the same address as this OSD. */
static const char *object_at(const struct controls *c, const json_t *names,
                             const char *address)
{
	size_t i, k;
	json_t *name, *osd;
	json_array_foreach(names, i, name) json_array_foreach(
	        c->osds, k, osd) if (int_of(osd, "id") == int_of(name, "osd") &&
	                             strcmp(text_of(osd, "address"), address) ==
	                                     0) return text_of(name, "object");
	return NULL;
}

static void measure_path(struct controls *c, const json_t *osd, const json_t *names)
{
	char what[64];
	struct hcb_netpath way;
	struct hcb_err err = HCB_ERR_INIT;
	const char *address = text_of(osd, "address");
	const char *object = object_at(c, names, address);
	path_name(osd, what, sizeof(what));
	if (hcb_netpath_look(address, &way, &err) == 0 && way.local)
		return; /* not over any network */
	round_trips(c, what, address, (uint16_t)int_of(osd, "port"));
	if (stopped(c) || !c->survey)
		return;
	if (object)
		bursts(c, what, object);
	else
		note(c,
		     "%s: no placement group has its primary there to measure "
		     "throughput with",
		     what);
}

static bool seen_before(const struct controls *c, size_t i)
{
	const char *address = text_of(json_array_get(c->osds, i), "address");
	for (size_t k = 0; k < i; k++)
		if (strcmp(text_of(json_array_get(c->osds, k), "address"), address) == 0)
			return true;
	return false;
}

static void measure_paths(struct controls *c)
{
	struct hcb_err err = HCB_ERR_INIT;
	json_t *names;
	unsigned measured = 0;
	for (unsigned i = 0; i < c->plan->n_paths && !stopped(c); i++)
		round_trips(c, c->plan->path[i].name, c->plan->path[i].address,
		            c->plan->path[i].port);
	if (!c->survey || stopped(c))
		return;
	if (c->plan->talk)
		hcb_say("controls: the paths to the OSDs' hosts");
	names = hcb_ceph_survey_control_names(c->survey, &err);
	if (!names)
		note(c, "%s", err.msg);
	for (size_t i = 0; i < json_array_size(c->osds) && !stopped(c); i++) {
		if (seen_before(c, i))
			continue;
		if (measured++ < HCB_CONTROLS_MAX_PATHS)
			measure_path(c, json_array_get(c->osds, i), names);
	}
	if (measured > HCB_CONTROLS_MAX_PATHS)
		note(c, "%u hosts: the paths to the first %d were measured", measured,
		     HCB_CONTROLS_MAX_PATHS);
	json_decref(names);
}

/* ---- OSDs ---- */

/* One that does not answer is told once, and left out from then on. */
static void bench_osd(struct controls *c, json_int_t id, bool *left_out)
{
	char what[32];
	double rate;
	struct hcb_err err = HCB_ERR_INIT;
	if (*left_out || stopped(c) || !c->survey)
		return;
	if (hcb_ceph_survey_bench(c->survey, (int)id, BENCH_BYTES, BENCH_BLOCK, &rate,
	                          &err)) {
		note(c, "osd.%lld is left out: %s", (long long)id, err.msg);
		*left_out = true;
		mend(c);
		return;
	}
	snprintf(what, sizeof(what), "osd.%lld", (long long)id);
	hcb_controls_add(&c->metrics, what, HCB_CONTROL_BENCH, rate * c->plan->dilation);
}

static void look_at_perf(struct controls *c, json_t **before)
{
	struct hcb_err err = HCB_ERR_INIT;
	json_t *now = c->survey ? hcb_ceph_survey_perf(c->survey, &err) : NULL;
	if (!c->survey)
		return;
	if (!now) {
		note(c, "%s", err.msg);
		return;
	}
	hcb_controls_add_perf(&c->metrics, *before, now, c->plan->dilation);
	json_decref(*before);
	*before = now;
}

static void measure_osds(struct controls *c)
{
	bool left_out[HCB_CONTROLS_MAX_OSDS] = {false};
	size_t n = json_array_size(c->osds);
	json_t *before = NULL;
	if (!c->survey || !n || stopped(c))
		return;
	if (n > HCB_CONTROLS_MAX_OSDS) {
		note(c, "%zu OSDs: the first %d were measured", n, HCB_CONTROLS_MAX_OSDS);
		n = HCB_CONTROLS_MAX_OSDS;
	}
	if (c->plan->talk)
		hcb_say("controls: %zu OSDs, %u times", n, c->plan->samples);
	/* What they reported until now is somebody else's doing. */
	before = hcb_ceph_survey_perf(c->survey, NULL);
	for (unsigned round = 0; round < c->plan->samples && !stopped(c); round++) {
		uint64_t begin = hcb_monotonic_ns();
		for (size_t i = 0; i < n; i++)
			bench_osd(c, int_of(json_array_get(c->osds, i), "id"),
			          &left_out[i]);
		if (c->plan->brief)
			continue;
		wait_until(c, begin, REPORT_NS);
		if (!stopped(c))
			look_at_perf(c, &before);
	}
	json_decref(before);
}

/* ---- the surroundings ---- */

static void remember_cluster(struct controls *c)
{
	json_array_append_new(c->targets,
	                      json_pack("{s[s] ss ss s{ss}}", "volumes", "controls",
	                                "engine", c->dev->engine->name, "target",
	                                c->dev->target, "facts", "monitors",
	                                hcb_ceph_survey_monitors(c->survey)));
}

/* No answer is an answer: that the surroundings are not known. */
static void look_at_cluster(struct controls *c)
{
	struct hcb_err err = HCB_ERR_INIT;
	const struct hcb_surroundings *a = c->plan->around;
	int r = hcb_target_parse(c->plan->target, &c->dev, &err);
	if (!r) {
		c->dev->deadline_ns = c->plan->deadline_ns;
		r = a && a->prepare ? a->prepare(a->arg, c->dev, &err) : 0;
	}
	r = r ? r : hcb_ceph_survey_open(c->dev, &c->survey, &err);
	if (!r) {
		c->status = hcb_ceph_survey_status(c->survey, &err);
		remember_cluster(c);
	}
	if (!c->status)
		snprintf(c->silent, sizeof(c->silent), "%.300s",
		         err.msg[0] ? err.msg : "the cluster did not answer");
	if (c->status && !c->plan->look)
		c->osds = hcb_ceph_survey_osds(c->survey, &err);
	if (c->status && !c->plan->look && !c->osds)
		note(c, "%s", err.msg);
}

/* ---- the document ---- */

static json_t *run_json(const struct controls *c)
{
	const struct hcb_controls_plan *p = c->plan;
	char id[20], when[32];
	struct tm tm;
	double wall = (double)(hcb_monotonic_ns() - c->start_ns) / 1e9;
	uint64_t h = hcb_mix64(hcb_mix64((uint64_t)c->started) ^ c->start_ns ^
	                       (uint64_t)getpid() << 40);
	snprintf(id, sizeof(id), "%016llx", (unsigned long long)h);
	gmtime_r(&c->started, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	/* What is done is part of what a series is: other sizes, another series. */
	return json_pack("{ss ss s{sI sI sI ss sb} ss sf ss sf sf ss}", "id", id,
	                 "workload", "controls", "params", "bench_bytes",
	                 (json_int_t)BENCH_BYTES, "bench_block", (json_int_t)BENCH_BLOCK,
	                 "burst_bytes", (json_int_t)BURST_BYTES, "read_bytes", READ_BYTES,
	                 "brief", p->brief, "started", when, "duration_s",
	                 wall / p->dilation, "clock", "real", "dilation", p->dilation,
	                 "wall_s", wall, "command", p->command);
}

static json_t *facts_json(const struct controls *c)
{
	const struct hcb_surroundings *a = c->plan->around;
	json_t *facts = json_object();
	struct hcb_kvs kvs = {facts};
	hcb_kvs_json(&kvs, "machine", hcb_json_machine());
	if (a && a->describe)
		a->describe(a->arg, &kvs);
	return facts;
}

static json_t *document(const struct controls *c)
{
	json_t *doc = hcb_json_document("controls", stopped(c));
	json_t *env = json_incref(c->machine);
	json_object_set(env, "cluster", c->status ? c->status : json_null());
	json_object_set_new(env, "unanswered",
	                    c->silent[0] ? json_string(c->silent) : json_null());
	json_object_set_new(doc, "run", run_json(c));
	json_object_set_new(doc, "environment", env);
	json_object_set_new(doc, "metrics", hcb_controls_json(&c->metrics));
	/* Not among the targets, which make the series: on a night on which this disk
	   cannot be read, the OSDs' and the paths' go on. */
	json_object_set(doc, "targets", c->targets);
	json_object_set(doc, "system_disk", c->system ? c->system : json_null());
	json_object_set(doc, "notes", c->notes);
	json_object_set_new(doc, "facts", facts_json(c));
	return doc;
}

int hcb_controls_run(const struct hcb_controls_plan *plan,
                     const struct hcb_controls *more, json_t *more_notes, json_t **doc,
                     struct hcb_err *err)
{
	struct controls *c = calloc(1, sizeof(*c));
	*doc = NULL;
	if (!c)
		return hcb_err_sys(err, -ENOMEM, "controls");
	c->plan = plan;
	c->start_ns = hcb_monotonic_ns();
	c->started = time(NULL);
	c->notes = json_array();
	c->targets = json_array();
	c->machine = hcb_machine_look();
	if (more)
		c->metrics = *more;
	if (more_notes)
		json_array_extend(c->notes, more_notes);
	if (plan->target)
		look_at_cluster(c);
	if (!plan->look) {
		measure_system_disk(c);
		measure_paths(c);
		measure_osds(c);
	}
	if (c->metrics.dropped)
		note(c, "%zu measurements had no room", c->metrics.dropped);
	*doc = document(c);
	hcb_ceph_survey_close(c->survey);
	hcb_target_free(c->dev);
	json_decref(c->status);
	json_decref(c->machine);
	json_decref(c->osds);
	json_decref(c->notes);
	json_decref(c->targets);
	json_decref(c->system);
	free(c);
	return 0;
}
