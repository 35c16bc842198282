/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check --run: the surroundings of a night's runs, and who else is kept out. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "bench/cmd/check_parts.h"
#include "bench/cmd/self.h"
#include "bench/core/clock.h"
#include "bench/core/units.h"

#define LOOK_LIMIT     (60 * HCB_SEC)
#define CONTROLS_LIMIT (15 * 60 * HCB_SEC) /* two minutes of a lab that is dilated */
#define LOOK_AGAIN     (15 * HCB_SEC)
/* What the controls take, before it is known (docs/nightly.md). */
#define CONTROLS_TAKE  (120 * HCB_SEC)
#define BRIEF_TAKE     (30 * HCB_SEC)

/* ---- only one at a time ---- */

/* Released by the kernel when the process ends, however it does. */
static int lock_file(const char *path, const char *what, int *fd, struct hcb_err *err)
{
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (*fd < 0)
		return hcb_err_sys(err, -errno, "open %s", path);
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK
	               ? hcb_err_invalid(err,
	                                 "check --run: another night is at work %s (%s "
	                                 "is locked)",
	                                 what, path)
	               : hcb_err_sys(err, -errno, "lock %s", path);
}

int check_lock(struct check_night *n, struct hcb_err *err)
{
	const struct check_plan *p = n->plan;
	char path[512], what[300];
	const char *base = access("/run/lock", W_OK) == 0 ? "/run/lock" : "/tmp";
	snprintf(path, sizeof(path), "%s/night.lock", n->history);
	int r = lock_file(path, "in this history", &n->locks[0], err);
	if (r || p->models)
		return r;
	snprintf(what, sizeof(what), "%.40s%.200s", p->lab ? "lab-" : "",
	         p->lab       ? p->lab
	         : p->pool[0] ? "cluster"
	                      : "machine");
	for (char *c = what; *c; c++)
		*c = isalnum((unsigned char)*c) || *c == '-' ? *c : '_';
	snprintf(path, sizeof(path), "%s/hcbench-night-%s.lock", base, what);
	return lock_file(path, p->lab ? "on this lab" : "on this machine's cluster",
	                 &n->locks[1], err);
}

void check_unlock(struct check_night *n)
{
	for (size_t i = 0; i < sizeof(n->locks) / sizeof(n->locks[0]); i++)
		if (n->locks[i] >= 0)
			close(n->locks[i]);
}

/* ---- looking ---- */

/* "probe --controls" with what names the cluster; argv has room. */
static size_t probe_words(const struct check_plan *p, const char **argv)
{
	size_t n = 0;
	const struct {
		const char *name, *value;
	} keys[] = {{"--lab", p->lab},
	            {"--conf", p->pool[0] ? p->conf : ""},
	            {"--id", p->pool[0] ? p->id : ""},
	            {"--keyring", p->pool[0] ? p->keyring : ""}};
	argv[n++] = "probe";
	argv[n++] = "--controls";
	if (p->pool[0])
		argv[n++] = p->pool;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!keys[i].value || !*keys[i].value)
			continue;
		argv[n++] = keys[i].name;
		argv[n++] = keys[i].value;
	}
	return n;
}

/* *look: how things are; that nobody could say is an answer too. */
static int look(struct check_night *n, json_t **out, struct hcb_err *err)
{
	const char *argv[SELF_MAX_ARGS];
	struct hcb_err why = HCB_ERR_INIT;
	json_t *said = NULL;
	const struct self_opts o = {.timeout_ns = check_left_ns(n, LOOK_LIMIT),
	                            .stop = n->stop,
	                            .what = "look at the surroundings"};
	size_t k = probe_words(n->plan, argv);
	argv[k++] = "--look";
	argv[k++] = "--json";
	argv[k] = NULL;
	int r = self_run(argv, &o, NULL, &said, &why);
	json_decref(*out);
	*out = json_incref(json_object_get(said, "environment"));
	json_decref(said);
	if (r == -EINTR)
		*err = why;
	if (!*out)
		*out = json_pack("{ss}", "unanswered",
		                 why.msg[0] ? why.msg : "nobody could say how it was");
	return r == -EINTR ? r : 0;
}

static void pause_for(const struct check_night *n, uint64_t ns)
{
	uint64_t end = hcb_monotonic_ns() + ns;
	while (!*n->stop && hcb_monotonic_ns() < end) {
		struct timespec nap = {0, (long)(100 * HCB_MS)};
		nanosleep(&nap, NULL);
	}
}

static void judge(struct check_night *n, bool with_end)
{
	json_decref(n->unfit);
	n->unfit = hcb_night_unfit(n->look[0], n->look[1], with_end);
}

static const char *first_reason(const struct check_night *n)
{
	return json_string_value(json_array_get(n->unfit, 0));
}

/* A night that has settled has its controls before it, and but for a brief one after
   it. */
static uint64_t settle_limit(const struct check_night *n)
{
	const struct check_plan *p = n->plan;
	uint64_t controls = p->no_controls ? 0
	                    : p->brief     ? BRIEF_TAKE
	                                   : 2 * CONTROLS_TAKE;
	return hcb_night_settle_ns(p->settle_ns, check_elapsed_ns(n), check_most_ns(n),
	                           controls + CHECK_LEAST_LEFT, p->deadline_ns);
}

int check_settle(struct check_night *n, struct hcb_err *err)
{
	uint64_t begin = hcb_monotonic_ns(), limit = settle_limit(n);
	bool told = false;
	if (n->plan->models)
		return 0;
	for (;;) {
		int r = look(n, &n->look[0], err);
		if (r)
			return r;
		judge(n, false);
		uint64_t spent = hcb_monotonic_ns() - begin;
		if (!json_array_size(n->unfit) || *n->stop || spent + LOOK_AGAIN > limit)
			break;
		if (!told && !n->plan->quiet)
			hcb_say("check: %s; waiting %.0f s at most", first_reason(n),
			        (double)limit / 1e9);
		told = true;
		pause_for(n, LOOK_AGAIN);
	}
	const char *note = hcb_night_clock_note(n->look[0]);
	if (note)
		check_note(n, "%s", note);
	return *n->stop ? hcb_err_set(err, -EINTR, "check: interrupted") : 0;
}

int check_look_at_end(struct check_night *n, struct hcb_err *err)
{
	if (n->plan->models)
		return 0;
	int r = look(n, &n->look[1], err);
	judge(n, true);
	return r;
}

/* ---- controls ---- */

static void take_notes(struct check_night *n, const char *path)
{
	json_t *doc = json_load_file(path, 0, NULL), *one;
	size_t i;
	json_array_foreach(json_object_get(doc, "notes"), i, one)
	        check_note(n, "controls: %s", json_string_value(one));
	json_decref(doc);
}

int check_controls(struct check_night *n, const char *when, struct hcb_err *err)
{
	const char *argv[SELF_MAX_ARGS];
	char path[700], stem[32];
	struct hcb_err why = HCB_ERR_INIT;
	const struct self_opts o = {.timeout_ns = check_left_ns(n, CONTROLS_LIMIT),
	                            .stop = n->stop,
	                            .what = "controls"};
	if (n->plan->models || n->plan->no_controls)
		return 0;
	if (!n->plan->quiet)
		hcb_say("check: controls, %s", when);
	snprintf(stem, sizeof(stem), "controls-%s", when);
	check_new_path(n, stem, path, sizeof(path));
	size_t k = probe_words(n->plan, argv);
	for (size_t i = 0; i < n->plan->n_passed; i++)
		argv[k++] = n->plan->passed[i];
	if (n->plan->brief)
		argv[k++] = "--brief";
	argv[k++] = "-q";
	argv[k++] = "-o";
	argv[k++] = path;
	argv[k] = NULL;
	int r = self_run(argv, &o, NULL, NULL, &why);
	if (r == -EINTR) {
		*err = why;
		return r;
	}
	if (r)
		check_note(n, "%s", why.msg);
	if (r || check_find(path, NULL, 0) != CHECK_FOUND_WHOLE)
		return 0;
	take_notes(n, path);
	check_remember(n, path, "controls", true, false);
	return 0;
}
