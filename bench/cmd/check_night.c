/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check --run: the night itself. Every run is a process of its own and writes its result
 * into HISTORY/partial/NIGHT; into the history go, at the end and at once, those that are
 * complete, when it is known whether the surroundings were fit all the while.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/cmd/check_parts.h"
#include "bench/cmd/self.h"
#include "bench/cmd/signals.h"
#include "bench/core/clock.h"
#include "bench/core/units.h"
#include "bench/machine_look.h"

/* A night that many days after the newest one may be a clock that is ahead. */
#define AHEAD_DAYS 7
/* Of a run, if there is no deadline. */
#define RUN_LIMIT  (4 * 3600 * HCB_SEC)
/* A run that the deadline ends has that long to drain, and to say what it has. */
#define RUN_GRACE  (90 * HCB_SEC)

uint64_t check_elapsed_ns(const struct check_night *n)
{
	return hcb_monotonic_ns() - n->start_ns;
}

uint64_t check_left_ns(const struct check_night *n, uint64_t most_ns)
{
	uint64_t now = check_elapsed_ns(n), end = n->plan->deadline_ns;
	uint64_t left = !end ? most_ns : end > now ? end - now : 0;
	left = left < most_ns ? left : most_ns;
	return left > CHECK_LEAST_LEFT ? left : CHECK_LEAST_LEFT;
}

void check_note(struct check_night *n, const char *fmt, ...)
{
	char text[600];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(n->notes, json_string(text));
	if (!n->plan->quiet)
		hcb_say("check: %s", text);
}

/* ---- beginning and ending ---- */

/* A clock that nobody keeps right may be ahead, and a night of its naming in the way of
   all that follow. */
static void note_ahead(struct check_night *n, const char *newest)
{
	long days = hcb_night_days_after(n->id, newest);
	json_t *look = days > AHEAD_DAYS ? hcb_machine_look() : NULL;
	if (json_is_false(
	            json_object_get(json_object_get(look, "clock"), "synchronized")))
		check_note(
		        n,
		        "by the clock this is night %s, %ld days after the newest one, "
		        "and the kernel says that the clock is not synchronized; if it "
		        "is wrong, \"hcbench history drop-night %s\" takes this night "
		        "out again",
		        n->id, days, n->id);
	json_decref(look);
}

static int pick_id(struct check_night *n, const char *night, struct hcb_err *err)
{
	struct hcb_history h;
	char date[16], newest[HCB_HISTORY_NIGHT] = "";
	hcb_history_night_of((int64_t)time(NULL), date);
	snprintf(n->id, sizeof(n->id), "%s", night ? night : date);
	/* What is wrong with the history is better known before the night than after. */
	int r = hcb_history_open(n->history, true, &h, err);
	if (r)
		return r;
	r = hcb_history_newest(&h, newest, err);
	hcb_history_close(&h);
	if (!r && !night && hcb_night_goes_back(n->id, newest))
		return hcb_err_invalid(err,
		                       "check --run: by the clock this is night %s, but "
		                       "the history has night %s: a clock is or was "
		                       "wrong; --night ID says which night this is, "
		                       "\"hcbench history drop-night %s\" takes that one "
		                       "out",
		                       n->id, newest, newest);
	if (!r && !night)
		note_ahead(n, newest);
	return r;
}

int check_night_begin(struct check_night *n, const char *night, struct hcb_err *err)
{
	n->start_ns = hcb_monotonic_ns();
	n->locks[0] = n->locks[1] = -1;
	n->unfit = json_array();
	n->done = json_array();
	n->notes = json_array();
	int r = pick_id(n, night, err);
	r = r ? r : check_lock(n, err);
	if (r)
		return r;
	snprintf(n->work, sizeof(n->work), "%s/partial/%s", n->history, n->id);
	return hcb_history_mkdirs(n->work, err);
}

void check_night_free(struct check_night *n)
{
	char above[sizeof(n->history) + 16];
	if (n->work[0] && rmdir(n->work) == 0) { /* fails if there is something in it */
		snprintf(above, sizeof(above), "%s/partial", n->history);
		rmdir(above);
	}
	if (n->done)
		check_unlock(n);
	json_decref(n->look[0]);
	json_decref(n->look[1]);
	json_decref(n->unfit);
	json_decref(n->done);
	json_decref(n->notes);
}

/* ---- one run ---- */

/* On a machine where every fifth run is INVALID a night of five runs has then one chance
   in thirty of being a run short. */
#define TRIES 3

struct attempt {
	bool rerun;     /* the runs of a test that is SUSPECT */
	unsigned again; /* so many before it were INVALID */
};

/* A mistake or a refusal will be one in every run of the night. */
static bool hopeless(const struct hcb_err *err)
{
	return err->exit == HCB_EXIT_USAGE || err->exit == HCB_EXIT_REFUSED;
}

static int run_child(const struct check_night *n, const struct check_test *t,
                     uint64_t seed, const char *path, struct hcb_err *err)
{
	char text[32];
	int code;
	const struct self_opts o = {.timeout_ns = check_left_ns(n, RUN_LIMIT) + RUN_GRACE,
	                            .stop = n->stop,
	                            .verdicts = true,
	                            .answer = path};
	uint64_t end = n->plan->deadline_ns, kept = n->around_ns + check_elapsed_ns(n);
	const char *argv[16] = {"run", t->file, "-q", "-o", path, "--seed", text};
	size_t k = 7;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
	if (n->plan->lab) {
		argv[k++] = "--lab";
		argv[k++] = n->plan->lab;
	}
	argv[k] = NULL;
	if (end)
		hcb_alarm_in(end > kept ? end - kept : 1);
	return self_run(argv, &o, &code, NULL, err);
}

/* What came of a run's file. A signal may have come after the last op: then it is whole
   all the same. */
static enum check_found take(struct check_night *n, const struct check_test *t,
                             const char *path, bool rerun, char *why, size_t size)
{
	if (access(path, F_OK) != 0)
		return CHECK_FOUND_NONE;
	enum check_found found = check_find(path, why, size);
	if (found == CHECK_FOUND_PARTIAL) {
		n->partial++;
		return found;
	}
	check_remember(n, path, t->name, false, rerun);
	n->complete++;
	n->invalid += found == CHECK_FOUND_INVALID;
	return found;
}

/* 0 too for one that failed or was cut short: the night goes on without it. 2: it was
   INVALID. */
static int one_run(struct check_night *n, unsigned test, unsigned number,
                   const struct attempt *how, struct hcb_err *err)
{
	char path[700], stem[HCB_HISTORY_NAME + 32], reason[256];
	struct hcb_err why = HCB_ERR_INIT;
	static const char *const tries[TRIES] = {"", ", second try", ", third try"};
	static const char *const times[TRIES] = {"", " again", " once more"};
	const struct check_test *t = &n->plan->test[test];
	snprintf(stem, sizeof(stem), "%s-%s%u%.*s", t->name, how->rerun ? "again-" : "",
	         number + 1, (int)how->again, "bc");
	check_new_path(n, stem, path, sizeof(path));
	uint64_t begin = check_elapsed_ns(n);
	/* Another try has the same arrivals: it stands for the first. */
	uint64_t seed = n->plan->seed + number + (how->rerun ? n->plan->blocks : 0);
	if (!n->plan->quiet)
		hcb_say("check: %s, run %u of %u%s%s", t->name, number + 1,
		        n->plan->blocks, how->rerun ? ", again" : "", tries[how->again]);
	int r = run_child(n, t, seed, path, &why);
	bool late = hcb_alarm_off();
	uint64_t took = check_elapsed_ns(n) - begin;
	if (took > n->longest_ns[test])
		n->longest_ns[test] = took;
	enum check_found found = take(n, t, path, how->rerun, reason, sizeof(reason));
	if (late) {
		check_note(n, "the deadline of %.0f s ended %s, run %u",
		           (double)n->plan->deadline_ns / 1e9, t->name, number + 1);
		n->deadline_reached = true;
		return 0;
	}
	if (r == -EINTR || *n->stop || (r && hopeless(&why))) {
		if (!r)
			r = hcb_err_set(&why, -EINTR, "check: interrupted");
		*err = why;
		return r;
	}
	if (r) {
		n->failed++;
		n->last = why;
		check_note(n, "%s, run %u: %s", t->name, number + 1, why.msg);
		return 0;
	}
	if (found == CHECK_FOUND_INVALID) {
		check_note(n, "%s, run %u was INVALID%s: %s", t->name, number + 1,
		           times[how->again], reason);
		return 2;
	}
	return 0;
}

/* ---- all runs ---- */

uint64_t check_needs_ns(const struct check_night *n, unsigned test)
{
	uint64_t seen = n->longest_ns[test], least = n->plan->test[test].least_ns;
	return n->plan->models || seen > least ? seen : least;
}

uint64_t check_most_ns(const struct check_night *n)
{
	uint64_t most = 0;
	for (unsigned i = 0; i < n->plan->tests; i++)
		if (check_needs_ns(n, i) > most)
			most = check_needs_ns(n, i);
	return most;
}

static void wait_for(const struct check_night *n, uint64_t due_ns)
{
	while (!*n->stop && check_elapsed_ns(n) < due_ns) {
		struct timespec nap = {0, (long)(100 * HCB_MS)};
		nanosleep(&nap, NULL);
	}
}

/* 1: the deadline leaves no room for it, nor for any after it. 2: it was INVALID. */
static int try_run(struct check_night *n, unsigned test, unsigned number,
                   const struct attempt *how, struct hcb_err *err)
{
	if (*n->stop)
		return hcb_err_set(err, -EINTR, "check: interrupted");
	if (hcb_night_fits(check_elapsed_ns(n), check_needs_ns(n, test), n->around_ns,
	                   n->plan->deadline_ns))
		return one_run(n, test, number, how, err);
	if (!n->deadline_reached)
		check_note(n, "the deadline of %.0f s leaves no room for %s, run %u%s",
		           (double)n->plan->deadline_ns / 1e9, n->plan->test[test].name,
		           number + 1, how->rerun ? ", again" : "");
	n->deadline_reached = true;
	return 1;
}

/*
 * One that was INVALID is made once more at once: with it missing the series might have
 * too few blocks, and the night would say nothing of it. When that does not help either
 * it is no mischance, and the test gets no more of them: a machine that is not fit would
 * take three times as long to say so.
 */
static int step(struct check_night *n, unsigned test, unsigned number, bool rerun,
                struct hcb_err *err)
{
	size_t from = json_array_size(n->done);
	int r = 2;
	for (struct attempt how = {.rerun = rerun}; r == 2 && how.again < TRIES;
	     how.again++) {
		if (how.again && n->once_only[test])
			break;
		r = try_run(n, test, number, &how, err);
		n->once_only[test] |= r == 2 && how.again == TRIES - 1;
	}
	/* Those that another was made for are kept as reruns: a night is judged by how
	   many runs of its own it has. */
	for (; from + 1 < json_array_size(n->done); from++)
		json_object_set_new(json_array_get(n->done, from), "rerun", json_true());
	return r == 2 ? 0 : r;
}

static int all_runs(struct check_night *n, struct hcb_err *err)
{
	const struct check_plan *p = n->plan;
	unsigned all = p->tests * p->blocks;
	uint64_t first = check_elapsed_ns(n);
	int r = 0;
	for (unsigned i = 0; !r && i < all; i++) {
		unsigned round = i / p->tests;
		/* Anew for each: how long they take is known better and better. */
		uint64_t spread =
		        hcb_night_spread_ns(p->spread_ns, all, first, check_most_ns(n),
		                            n->around_ns, p->deadline_ns);
		wait_for(n, first + hcb_night_due_ns(i, all, spread));
		r = step(n, hcb_night_test(p->tests, round, i % p->tests), round, false,
		         err);
	}
	if (r < 0)
		return r;
	if (!n->complete && n->failed) {
		*err = n->last;
		return err->code;
	}
	return 0;
}

/* ---- the night ---- */

/* Of an array of lines, the first and how many more. */
static void tell(const json_t *reasons, char *out, size_t size)
{
	size_t many = json_array_size(reasons);
	const char *first = json_string_value(json_array_get(reasons, 0));
	if (many > 1)
		snprintf(out, size, "%.180s, and %zu more", first, many - 1);
	else
		snprintf(out, size, "%.220s", first ? first : "");
}

static int keep(struct check_night *n, const char *so, struct hcb_err *err)
{
	char why[256] = "";
	tell(n->unfit, why, sizeof(why));
	if (why[0])
		check_note(n, "%s: %s", so, why);
	return check_keep(n, why[0] ? why : NULL, err);
}

static void cut_short(struct check_night *n, int r)
{
	if (r && !n->plan->models && !json_array_size(n->unfit))
		json_array_append_new(n->unfit,
		                      json_string("the night was cut short, and how its "
		                                  "surroundings were at the end was not "
		                                  "looked at"));
}

static int before_runs(struct check_night *n, struct hcb_err *err)
{
	int r = check_settle(n, err);
	if (r || json_array_size(n->unfit))
		return r;
	uint64_t begin = check_elapsed_ns(n);
	r = check_controls(n, "start", err);
	n->around_ns = CHECK_LEAST_LEFT * !n->plan->models;
	if (!n->plan->brief)
		n->around_ns += check_elapsed_ns(n) - begin;
	return r;
}

int check_night_measure(struct check_night *n, struct hcb_err *err)
{
	struct hcb_err late = HCB_ERR_INIT;
	int r = before_runs(n, err);
	/* A cluster that is not well is left in peace. */
	if (!r && json_array_size(n->unfit))
		return keep(n, "nothing is measured tonight", err);
	r = r ? r : all_runs(n, err);
	/* The surroundings first: the controls are work too. */
	if (!r)
		r = check_look_at_end(n, err);
	if (!r && !json_array_size(n->unfit) && !n->plan->brief)
		r = check_controls(n, "end", err);
	cut_short(n, r);
	int kept = keep(n, "nothing of this night is used", &late);
	if (!r && kept)
		*err = late;
	else if (kept)
		hcb_warn("%s", late.msg);
	r = r ? r : kept;
	if (!r && !n->complete)
		return hcb_err_invalid(err,
		                       "check --run: no run was complete within the "
		                       "deadline; what there is is in %s",
		                       n->work);
	return r;
}

int check_night_again(struct check_night *n, const bool *which, struct hcb_err *err)
{
	const struct check_plan *p = n->plan;
	int r = 0;
	n->around_ns = CHECK_LEAST_LEFT * !p->models;
	for (unsigned k = 0; !r && k < p->blocks; k++)
		for (unsigned i = 0; !r && i < p->tests; i++) {
			unsigned test = hcb_night_test(p->tests, k, i);
			r = which[test] ? step(n, test, k, true, err) : 0;
		}
	if (r >= 0)
		r = check_look_at_end(n, err);
	cut_short(n, r);
	int kept = keep(n, "the runs that were made again are not used", r ? NULL : err);
	return r ? r : kept;
}

json_t *check_night_json(const struct check_night *n, const json_t *again)
{
	const struct check_plan *p = n->plan;
	json_t *tests = json_array();
	for (unsigned i = 0; i < p->tests; i++)
		json_array_append_new(tests, json_string(p->test[i].name));
	return json_pack(
	        "{so sI sI sI sI sI sf sb sO sO? sO? sO}", "tests", tests, "blocks",
	        (json_int_t)p->blocks, "complete", (json_int_t)n->complete, "invalid",
	        (json_int_t)n->invalid, "failed", (json_int_t)n->failed, "partial",
	        (json_int_t)n->partial, "wall_s", (double)check_elapsed_ns(n) / 1e9,
	        "deadline_reached", n->deadline_reached, "unfit", n->unfit, "start",
	        n->look[0], "end", n->look[1], "again", again);
}
