/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Repetitions are runs of their own, from the opening of the targets on: what differs
 * between two runs of one load (where a file lies, what the caches held, which disk was
 * busy) differs between them too. Each has the next seed.
 */
#include "bench/cmd/run_repeat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cmd/self.h"
#include "bench/cmd/signals.h"
#include "bench/cmd/verb.h"
#include "bench/core/atomic_file.h"
#include "bench/core/units.h"
#include "bench/repeat.h"
#include "bench/result.h"
#include "reports/report.h"

#define OWN_ARGS  8
/* A run has deadlines of its own for all that it waits for; this one is for a run that
   hangs nevertheless. */
#define RUN_LIMIT (30 * 24 * 3600 * HCB_SEC)

struct repeat {
	const struct hcb_run_args *a;
	char **argv;
	int argc;
	const volatile sig_atomic_t *stop;
	char dir[64]; /* of results that are not kept */
	json_t *doc[HCB_REPEAT_MAX];
	size_t n;         /* that count */
	unsigned dropped; /* INVALID: they teach nothing */
	json_t *log;      /* every run */
};

/* R.json: R-1.json, R-2.json, ... */
static void result_path(const struct repeat *p, size_t i, char *buf, size_t size)
{
	static const char ext[] = ".json";
	const char *out = p->a->out;
	size_t len = out ? strlen(out) : 0;
	if (!out) {
		snprintf(buf, size, "%s/%zu%s", p->dir, i + 1, ext);
		return;
	}
	if (len > strlen(ext) && strcmp(out + len - strlen(ext), ext) == 0)
		len -= strlen(ext);
	snprintf(buf, size, "%.*s-%zu%s", (int)len, out, i + 1, ext);
}

/* As it was said, and what is this run's own after it: of an option said twice the last
   counts. Before a "--", behind which there are no options. */
static int one_run(const struct repeat *p, uint64_t seed, const char *path, int *code,
                   struct hcb_err *err)
{
	const char *argv[SELF_MAX_ARGS + 1];
	char text[32];
	const char *const own[OWN_ARGS - 1] = {"-q", "-o",     path, "--repeat",
	                                       "1",  "--seed", text};
	const struct self_opts o = {.timeout_ns = RUN_LIMIT,
	                            .stop = p->stop,
	                            .verdicts = true,
	                            .answer = path};
	size_t n = 0;
	int i = 0;
	if (p->argc + OWN_ARGS > SELF_MAX_ARGS)
		return hcb_err_usage(err, "run --repeat: more than %d words",
		                     SELF_MAX_ARGS - OWN_ARGS);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
	for (; i < p->argc && strcmp(p->argv[i], "--") != 0; i++)
		argv[n++] = p->argv[i];
	for (size_t k = 0; k < OWN_ARGS - 1; k++)
		argv[n++] = own[k];
	for (; i < p->argc; i++)
		argv[n++] = p->argv[i];
	argv[n] = NULL;
	return self_run(argv, &o, code, NULL, err);
}

static void note(struct repeat *p, uint64_t seed, const json_t *doc, const char *path)
{
	const json_t *v = json_object_get(doc, "validity");
	const char *slash = strrchr(path, '/');
	json_array_append_new(
	        p->log,
	        json_pack("{sOsIsOsOss*}", "run_id",
	                  json_object_get(json_object_get(doc, "run"), "id"), "seed",
	                  (json_int_t)seed, "verdict", json_object_get(v, "verdict"),
	                  "reasons", json_object_get(v, "reasons"), "file",
	                  p->a->out ? (slash ? slash + 1 : path) : NULL));
}

static void progress(const struct repeat *p, const json_t *doc)
{
	const json_t *tx = json_array_get(json_object_get(doc, "transactions"), 0);
	const json_t *p99 = json_object_get(json_object_get(tx, "response_ns"), "p99");
	const json_t *v = json_object_get(doc, "validity");
	char time[32] = "n/a";
	if (p->a->quiet)
		return;
	if (json_is_number(p99))
		hcb_fmt_ns(time, sizeof(time), json_number_value(p99));
	hcb_say("run %zu of %llu: %s, %.1f/s, p99 %s", p->n + 1,
	        (unsigned long long)p->a->repeat,
	        json_string_value(json_object_get(v, "verdict")),
	        json_number_value(json_object_get(tx, "rate_per_s")), time);
}

static int attempt(struct repeat *p, size_t i, struct hcb_err *err)
{
	uint64_t seed = p->a->run.seed + i;
	char path[4096];
	json_error_t je;
	int code;
	result_path(p, i, path, sizeof(path));
	int r = one_run(p, seed, path, &code, err);
	json_t *doc = r ? NULL : json_load_file(path, 0, &je);
	if (!r && !doc)
		r = hcb_err_set(err, -EIO, "read %s: %s", path, je.text);
	if (r && err->exit == HCB_EXIT_INVALID && (doc = self_invalid(err))) {
		code = HCB_EXIT_INVALID;
		r = 0;
	}
	if (!p->a->out)
		unlink(path);
	if (r)
		return r;
	note(p, seed, doc, path);
	progress(p, doc);
	if (code == HCB_EXIT_INVALID) {
		p->dropped++;
		json_decref(doc);
	} else {
		p->doc[p->n++] = doc;
	}
	return 0;
}

static int all(struct repeat *p, struct hcb_err *err)
{
	int r = 0;
	for (size_t i = 0; !r && p->n < p->a->repeat; i++) {
		if (*p->stop)
			return hcb_err_set(err, -EINTR, "run --repeat: interrupted");
		if (p->dropped > p->a->repeat) {
			r = hcb_err_set(err, -EIO,
			                "run --repeat: %u runs were INVALID: the machine "
			                "or the storage is not fit; a run alone says why",
			                p->dropped);
			err->exit = HCB_EXIT_INVALID;
			break;
		}
		r = attempt(p, i, err);
	}
	return r;
}

/* ---- the document ---- */

static json_t *document(const struct repeat *p, bool partial)
{
	json_t *doc = hcb_json_document("repeat", partial);
	const json_t *run = p->n ? json_object_get(p->doc[0], "run") : NULL;
	const json_t *targets = p->n ? json_object_get(p->doc[0], "targets") : NULL;
	json_object_set_new(
	        doc, "repeat",
	        json_pack("{ss? ss? ss sI sI sI}", "workload",
	                  json_string_value(json_object_get(run, "workload")), "target",
	                  json_string_value(
	                          json_object_get(json_array_get(targets, 0), "target")),
	                  "command", p->a->command, "runs", (json_int_t)p->n,
	                  "dropped_runs", (json_int_t)p->dropped, "seed",
	                  (json_int_t)p->a->run.seed));
	json_object_set_new(doc, "transactions",
	                    hcb_repeat_transactions(p->doc, p->n, p->a->run.seed));
	json_object_set(doc, "runs", p->log);
	return doc;
}

static int exit_code(const struct repeat *p)
{
	bool unsteady = false;
	for (size_t i = 0; i < p->n; i++) {
		const json_t *v = json_object_get(p->doc[i], "validity");
		const char *verdict = json_string_value(json_object_get(v, "verdict"));
		unsteady |= verdict && strcmp(verdict, "UNSTEADY") == 0;
	}
	return unsteady ? HCB_EXIT_UNSTEADY : HCB_EXIT_OK;
}

static int finish(const struct repeat *p, bool partial, struct hcb_err *err)
{
	json_t *doc = document(p, partial);
	const json_t *const docs[] = {doc};
	int r = p->a->out ? hcb_write_json_atomic(p->a->out, doc, err) : 0;
	if (!r)
		r = hcb_report_find(p->a->json ? "json" : "text")
		            ->write(docs, 1, stdout, err);
	json_decref(doc);
	return r ? r : exit_code(p);
}

static int refuse(const struct hcb_run_args *a, struct hcb_err *err)
{
	if (a->run.verify_log)
		return hcb_err_usage(err, "run --repeat: --verify-log is of one run");
	return a->out ? hcb_result_path_check(a->out, err) : 0;
}

static int make_dir(struct repeat *p, struct hcb_err *err)
{
	const char *base = getenv("TMPDIR");
	if (p->a->out)
		return 0;
	snprintf(p->dir, sizeof(p->dir), "%.40s/hcbench-run-XXXXXX",
	         base ? base : "/tmp");
	return mkdtemp(p->dir) ? 0 : hcb_err_sys(err, -errno, "make %s", p->dir);
}

int run_repeat(int argc, char **argv, const struct hcb_run_args *a, struct hcb_err *err)
{
	struct hcb_err second = HCB_ERR_INIT;
	struct repeat *p = calloc(1, sizeof(*p));
	if (!p)
		return hcb_err_sys(err, -ENOMEM, "run --repeat");
	*p = (struct repeat){.a = a, .argv = argv, .argc = argc, .log = json_array()};
	int r = refuse(a, err);
	r = r ? r : make_dir(p, err);
	if (!r) {
		p->stop = hcb_catch_signals();
		r = all(p, err);
	}
	/* What there is, whatever came after it. */
	int code = p->n ? finish(p, r != 0, r ? &second : err) : 0;
	if (!r)
		r = code;
	else if (p->stop && *p->stop)
		r = 128 + (int)*p->stop;
	if (*p->dir)
		rmdir(p->dir);
	while (p->n)
		json_decref(p->doc[--p->n]);
	json_decref(p->log);
	free(p);
	return r;
}
