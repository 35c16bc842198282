/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order. First the stream: what it has written from the region's start is what the
 * other phases use, so that nothing is written only to be there and every byte is timed.
 * Then, the network idle again, the paths, with objects that are there by now. Then the
 * flushed writes and the reads.
 */
#include "bench/probe_run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/core/guard.h"
#include "bench/core/units.h"
#include "bench/probe_document.h"
#include "bench/probe_paths.h"
#include "engines/ceph_survey.h"
#include "engines/rbd_image.h"
#include "engines/target.h"

#define PIECE      (4 * HCB_MIB) /* an RBD image's object */
#define STALL_NS   (20 * HCB_SEC)
/* Removing is tried again until then. */
#define GIVE_UP_NS (75 * HCB_SEC)
#define WARMUP_NS  (1 * HCB_SEC)

const struct hcb_probe_phase hcb_probe_phases[HCB_N_PROBE] = {
        [HCB_PROBE_COMMIT] = {.name = "commit",
                              .what = "flushed 8 KiB writes, one at a time",
                              .params = {"kind=write", "pattern=random", "bs=8KiB",
                                         "depth=1", "flush=1"},
                              .one_by_one = true,
                              .durable = true,
                              .share = 0.35},
        [HCB_PROBE_COMMITS] = {.name = "commits",
                               .what = "flushed 8 KiB writes, 16 at once",
                               .params = {"kind=write", "pattern=random", "bs=8KiB",
                                          "depth=16", "flush=1"},
                               .durable = true,
                               .share = 0.25},
        [HCB_PROBE_STREAM] = {.name = "stream",
                              .what = "1 MiB writes in sequence, 8 at once",
                              .params = {"kind=write", "pattern=sequential", "bs=1MiB",
                                         "depth=8"},
                              .share = 0.25},
        [HCB_PROBE_READ] = {.name = "read",
                            .what = "4 KiB reads, one at a time",
                            .params = {"kind=read", "pattern=random", "bs=4KiB",
                                       "depth=1"},
                            .one_by_one = true,
                            .share = 0.15},
};

struct probe {
	const struct hcb_probe_plan *plan;
	struct hcb_probe_found found;
	struct hcb_probe_target target; /* the plan's, but for the engine of a file */
	struct hcb_dev *dev;            /* parsed, never opened: for survey and removal */
	struct hcb_ceph_survey *survey; /* NULL: no pool */
	json_t *all_osds;
	uint64_t start_ns;
	bool survey_ok;
	bool existed; /* the image or file was there before */
	int code;     /* of the worst phase so far */
};

__attribute__((format(printf, 2, 3))) static void note(struct probe *p, const char *fmt,
                                                       ...)
{
	char text[600];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(p->found.notes, json_string(text));
}

static bool signalled(const struct probe *p)
{
	return p->plan->signal_seen && *p->plan->signal_seen;
}

static uint64_t elapsed_ns(const struct probe *p)
{
	return hcb_monotonic_ns() - p->start_ns;
}

/* ---- one phase ---- */

static int configure(const struct hcb_workload *wl, void *conf,
                     const struct hcb_probe_phase *ph, uint64_t bytes,
                     struct hcb_err *err)
{
	char size[40];
	hcb_opt_defaults(wl->opts, conf);
	snprintf(size, sizeof(size), "size=%llu", (unsigned long long)bytes);
	int r = hcb_opt_set_pair(wl->opts, conf, "probe", size, err);
	for (size_t i = 0; !r && ph->params[i]; i++)
		r = hcb_opt_set_pair(wl->opts, conf, "probe", ph->params[i], err);
	return r;
}

/* Whole seconds, as the cap on rate counts in them. */
static uint64_t phase_ns(const struct hcb_probe_plan *plan,
                         const struct hcb_probe_phase *ph)
{
	double s = (double)plan->duration_ns * ph->share / 1e9;
	uint64_t whole = (uint64_t)(s + 0.5);
	return (whole < 2 ? 2 : whole) * HCB_SEC;
}

static int run_phase(struct probe *p, unsigned k, uint64_t bytes, struct hcb_err *err)
{
	const struct hcb_probe_plan *plan = p->plan;
	const struct hcb_probe_phase *ph = &hcb_probe_phases[k];
	const struct hcb_workload *wl = hcb_workload_find("micro", err);
	void *conf = wl ? calloc(1, wl->conf_size) : NULL;
	if (!conf)
		return wl ? hcb_err_sys(err, -ENOMEM, "probe") : -EINVAL;
	struct hcb_binding on = {.volume = "all", .target = p->target.text};
	uint64_t length = phase_ns(plan, ph);
	struct hcb_run run = {
	        .wl = wl,
	        .conf = conf,
	        .on = &on,
	        .n_on = 1,
	        .seed = plan->seed + k,
	        .virtual_clock = plan->virtual_clock,
	        .dilation = plan->dilation,
	        .warmup_ns = WARMUP_NS,
	        .duration_ns = length - WARMUP_NS,
	        .caps = {.bytes_per_s = plan->cap_bytes_per_s, .stall_ns = STALL_NS},
	        .no_prefill = true,
	        .deadline_ns = plan->deadline_ns,
	        .command = plan->command,
	        .around = plan->around,
	        .signal_seen = plan->signal_seen,
	};
	int code = HCB_EXIT_OK;
	if (plan->talk && !plan->virtual_clock)
		hcb_say("probe: %s, %.0f s", ph->what, (double)length / 1e9);
	int r = configure(wl, conf, ph, bytes, err);
	r = r ? r : hcb_run_once(&run, &p->found.runs[k], &code, err);
	free(conf);
	if (r)
		return r;
	const json_t *totals = json_object_get(p->found.runs[k], "totals");
	p->found.written_bytes +=
	        (uint64_t)json_integer_value(json_object_get(totals, "write_bytes"));
	p->found.partial |= json_is_true(json_object_get(p->found.runs[k], "partial"));
	if (code == HCB_EXIT_FAILED || code >= 128)
		p->code = code;
	return 0;
}

/* Later phases: a failure keeps what is there. False: no more of them. */
static bool try_phase(struct probe *p, unsigned k)
{
	struct hcb_err err = HCB_ERR_INIT;
	const char *what = hcb_probe_phases[k].what;
	if (p->found.partial || signalled(p)) {
		p->found.partial = true;
		return false;
	}
	if (!p->plan->virtual_clock && elapsed_ns(p) > HCB_PROBE_LATEST_NS) {
		note(p, "no time left for: %s", what);
		p->found.partial = true;
		return false;
	}
	if (run_phase(p, k, p->found.region_bytes, &err) == 0)
		return true;
	hcb_warn("%s", err.msg);
	note(p, "%s: %s", what, err.msg);
	p->found.partial = true;
	p->code = err.exit ? (int)err.exit : HCB_EXIT_FAILED;
	return false;
}

/* The region's first bytes, those that the stream has written, in whole objects. */
static void keep_written(struct probe *p, uint64_t region)
{
	uint64_t n = p->found.written_bytes < region ? p->found.written_bytes : region;
	if (p->plan->virtual_clock)
		n = region; /* models hold no data */
	p->found.region_bytes = n >= PIECE ? n / PIECE * PIECE : n / HCB_MIB * HCB_MIB;
}

/* io_uring may be forbidden although this build has it. */
static bool forbidden_uring(struct probe *p, int r)
{
	struct hcb_probe_target *t = &p->target;
	char text[sizeof(t->text)];
	const char *path = t->text + strlen("uring:");
	if (strncmp(t->text, "uring:", 6) != 0 || strchr(p->plan->word, ':') ||
	    (r != -EPERM && r != -EACCES && r != -ENOSYS))
		return false;
	snprintf(text, sizeof(text), "libaio:%s", path);
	memcpy(t->text, text, sizeof(t->text));
	return true;
}

static int first_phase(struct probe *p, struct hcb_err *err)
{
	uint64_t region = HCB_PROBE_REGION_BYTES, room = p->target.room_bytes;
	if (room && room < region)
		region = room;
	int r = run_phase(p, HCB_PROBE_STREAM, region, err);
	if (r && err->exit == HCB_EXIT_FAILED && forbidden_uring(p, r)) {
		*err = (struct hcb_err)HCB_ERR_INIT;
		r = run_phase(p, HCB_PROBE_STREAM, region, err);
	}
	if (r)
		return r;
	keep_written(p, region);
	if (p->found.region_bytes)
		return 0;
	note(p, "under 1 MiB was written in the first phase");
	p->found.partial = true;
	return 0;
}

/* ---- the cluster ---- */

/* Before anything is written: is there such a pool, is it well, how do its OSDs ping each
   other with nobody in between? Who may not ask goes without. */
static int survey(struct probe *p, struct hcb_err *err)
{
	struct hcb_err why = HCB_ERR_INIT;
	if (p->target.kind != HCB_PROBE_POOL)
		return 0;
	int r = hcb_ceph_survey_open(p->dev, &p->survey, err);
	if (r)
		return r;
	p->survey_ok = true;
	p->all_osds = hcb_ceph_survey_osds(p->survey, &why);
	if (!p->all_osds)
		note(p, "%s", why.msg);
	return 0;
}

static void look_at_cluster(struct probe *p)
{
	struct hcb_err err = HCB_ERR_INIT;
	if (!p->all_osds || p->found.partial || signalled(p))
		return;
	if (p->plan->talk)
		hcb_say("probe: round trips and throughput of the paths to the OSDs");
	struct hcb_probe_look look = {
	        .survey = p->survey,
	        .all = p->all_osds,
	        .stream = p->found.runs[HCB_PROBE_STREAM],
	        .bytes = p->found.region_bytes,
	        .dilation = p->plan->dilation,
	        .signal_seen = p->plan->signal_seen,
	        .notes = p->found.notes,
	};
	if (hcb_probe_look(&look, &p->found.osds, &p->found.paths, &err))
		note(p, "%s", err.msg);
	hcb_ceph_survey_close(p->survey);
	p->survey = NULL;
}

/* ---- fsyncs ---- */

static void count_fsyncs(struct probe *p)
{
	struct hcb_err err = HCB_ERR_INIT;
	const char *dir = p->target.fsync_dir;
	if (!*dir || p->found.partial || signalled(p) ||
	    elapsed_ns(p) > HCB_PROBE_LATEST_NS)
		return;
	uint64_t length = p->plan->duration_ns / 8;
	if (length > HCB_FSYNCS_NS)
		length = HCB_FSYNCS_NS;
	if (p->plan->talk)
		hcb_say("probe: fsyncs as pveperf counts them, %.0f s",
		        (double)length / 1e9);
	if (hcb_fsyncs(dir, length, p->plan->deadline_ns, p->plan->signal_seen,
	               &p->found.fsyncs, &err)) {
		note(p, "%s", err.msg);
		p->found.fsyncs.n = 0;
	}
}

/* ---- leaving ---- */

static int remove_image(struct probe *p, struct hcb_err *err)
{
	const json_t *target = json_array_get(
	        json_object_get(p->found.runs[HCB_PROBE_STREAM], "targets"), 0);
	const json_t *facts = json_object_get(target, "facts");
	const char *uuid = json_string_value(
	        json_object_get(json_object_get(facts, "mark"), "uuid"));
	bool made = json_is_true(json_object_get(facts, "made"));
	/* A name made up here is nobody else's, should the first phase have failed. */
	if (strcmp(p->dev->engine->name, "rbd") != 0 ||
	    (!made && !(p->target.own_name && !facts)))
		return 0;
	p->found.removed = 0;
	if (p->plan->talk)
		hcb_say("probe: removing %s", p->dev->address);
	int r = hcb_rbd_remove(p->dev, made ? uuid : NULL, err);
	/* An OSD that went away is given up by the others after half a minute: what was
	   made goes then. */
	while (r == -ETIMEDOUT && elapsed_ns(p) < GIVE_UP_NS) {
		hcb_warn("%s; once more", err->msg);
		r = hcb_rbd_remove(p->dev, made ? uuid : NULL, err);
	}
	p->found.removed = r == 0;
	return r;
}

/* Only if it carries our mark, and nobody has it locked. */
static int remove_file(struct probe *p, struct hcb_err *err)
{
	const char *path = p->target.file;
	struct hcb_guard g;
	struct stat st;
	if (!*path || p->existed || (lstat(path, &st) && errno == ENOENT))
		return 0;
	p->found.removed = 0;
	int r = hcb_guard_file(path, 0, &g, err);
	if (r)
		return r;
	r = unlink(path) ? hcb_err_sys(err, -errno, "remove %s", path) : 0;
	hcb_guard_close(&g);
	p->found.removed = r == 0;
	return r;
}

static void clean_up(struct probe *p)
{
	struct hcb_err err = HCB_ERR_INIT;
	bool pool = p->target.kind == HCB_PROBE_POOL;
	p->found.removed = -1;
	if (!(pool ? remove_image(p, &err) : remove_file(p, &err)))
		return;
	hcb_warn("%s", err.msg);
	hcb_warn("still there: %s; %s removes it",
	         pool ? p->dev->address : p->target.file, pool ? "rbd rm" : "rm");
	note(p, "still there: %s (%s)", pool ? p->dev->address : p->target.file, err.msg);
}

static void free_probe(struct probe *p)
{
	for (unsigned k = 0; k < HCB_N_PROBE; k++)
		json_decref(p->found.runs[k]);
	json_decref(p->found.osds);
	json_decref(p->found.paths);
	json_decref(p->found.notes);
	json_decref(p->all_osds);
	hcb_ceph_survey_close(p->survey);
	hcb_target_free(p->dev);
	free(p);
}

static int open_probe(struct probe *p, struct hcb_err *err)
{
	const struct hcb_surroundings *a = p->plan->around;
	const struct hcb_probe_target *t = &p->target;
	struct stat st;
	p->start_ns = hcb_monotonic_ns();
	p->target = p->plan->target;
	p->found.plan = p->plan;
	p->found.target = &p->target;
	p->found.notes = json_array();
	p->found.removed = -1;
	p->found.started_unix_s = (uint64_t)time(NULL);
	p->existed = *t->file && lstat(t->file, &st) == 0;
	int r = hcb_target_parse(t->text, &p->dev, err);
	if (r || !p->dev)
		return r;
	p->dev->deadline_ns = p->plan->deadline_ns;
	return a && a->prepare ? a->prepare(a->arg, p->dev, err) : 0;
}

int hcb_probe_run(const struct hcb_probe_plan *plan, json_t **doc, int *exit_code,
                  struct hcb_err *err)
{
	struct probe *p = calloc(1, sizeof(*p));
	int code = HCB_EXIT_OK;
	*doc = NULL;
	if (!p)
		return hcb_err_sys(err, -ENOMEM, "probe");
	p->plan = plan;
	int r = open_probe(p, err);
	r = r ? r : survey(p, err);
	r = r ? r : first_phase(p, err);
	if (!r) {
		look_at_cluster(p);
		bool more = try_phase(p, HCB_PROBE_COMMIT) &&
		            try_phase(p, HCB_PROBE_COMMITS) &&
		            try_phase(p, HCB_PROBE_READ);
		if (more)
			count_fsyncs(p);
	}
	/* Not if there is no such pool, or no answer. */
	if (p->dev && (p->target.kind != HCB_PROBE_POOL || p->survey_ok))
		clean_up(p);
	if (!r) {
		p->found.partial |= signalled(p);
		p->found.wall_ns = elapsed_ns(p);
		*doc = hcb_probe_document(&p->found, &code);
		*exit_code = p->code ? p->code : code;
		if (signalled(p))
			*exit_code = 128 + (int)*plan->signal_seen;
	}
	free_probe(p);
	return r;
}
