/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/validity.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench/core/units.h"

/* Limits of design section 8. */
#define LATE_NS         (1 * HCB_MS)
#define LATE_OF_SERVICE 0.05
#define AWAY            0.01 /* so much of the arrivals is not in p99 either */
#define HOST_BUSY       0.85
#define DISK_LATE_NS    (500 * HCB_US)
#define CLOCK_ERROR     0.001
/* Assumed. Eight runs on an idle virtual machine agreed to 0.003 %. */
#define CONTROL_MOVED   1.3
#define ACHIEVED        0.95
#define MIN_CYCLES      2
/* SNIA PTS calls a state steady when the spread over the window is within 20 % of the
 * mean. */
#define CYCLE_SPREAD    0.20

const char *hcb_verdict_name(enum hcb_verdict v)
{
	static const char *const names[] = {"VALID", "UNSTEADY", "INVALID"};
	return names[v];
}

__attribute__((format(printf, 3, 4))) static void
add(struct hcb_judgement *j, enum hcb_verdict v, const char *fmt, ...)
{
	va_list ap;
	if (v > j->verdict)
		j->verdict = v;
	if (j->n == HCB_MAX_REASONS)
		return;
	va_start(ap, fmt);
	vsnprintf(j->reasons[j->n++], sizeof(j->reasons[0]), fmt, ap);
	va_end(ap);
}

static void judge_stop(const struct hcb_evidence *e, struct hcb_judgement *j)
{
	switch (e->stop) {
	case HCB_STOP_NONE:
	case HCB_STOP_DONE:
	case HCB_STOP_END:
		break;
	case HCB_STOP_SIGNAL:
		add(j, HCB_UNSTEADY,
		    e->measured ? "interrupted before the window was complete"
		                : "interrupted in the warm-up: nothing was measured");
		break;
	case HCB_STOP_TROUBLE:
		add(j, HCB_INVALID, "stopped: %s", e->stop_reason);
		break;
	case HCB_STOP_ERROR:
		add(j, HCB_INVALID, "failed: %s", e->stop_reason);
		break;
	case HCB_STOP_STALL:
	case HCB_STOP_STUCK:
		add(j, HCB_INVALID, "gave up: %s", e->stop_reason);
		break;
	case HCB_STOP_BYTES:
		add(j, HCB_UNSTEADY, "stopped at the cap on bytes (--cap-bytes)");
		break;
	}
}

static void judge_bench(const struct hcb_evidence *e, struct hcb_judgement *j)
{
	char a[32], b[32];
	if (e->virtual_clock)
		return;
	double limit = LATE_OF_SERVICE * (double)e->service_p50_ns;
	if (limit < (double)LATE_NS)
		limit = (double)LATE_NS;
	if (e->lateness_n && (double)e->lateness_p99_ns > limit)
		add(j, HCB_INVALID, "the bench was late: lateness p99 %s, limit %s",
		    hcb_fmt_ns(a, sizeof(a), (double)e->lateness_p99_ns),
		    hcb_fmt_ns(b, sizeof(b), limit));
	if (e->away > AWAY)
		add(j, HCB_INVALID,
		    "the bench did not run for %.1f %% of the time though it had to, "
		    "limit 1 %%",
		    100 * e->away);
	if (e->host_busy_worst10 > HOST_BUSY)
		add(j, HCB_INVALID,
		    "processors %.0f %% busy over the worst 10 s (steal included), "
		    "limit 85 %%",
		    100 * e->host_busy_worst10);
	if (fabs(e->clock_error) > CLOCK_ERROR)
		add(j, HCB_INVALID,
		    "the processor's counter ran %.2f %% from the kernel's clock, limit "
		    "0.1 %%",
		    100 * e->clock_error);
	double before = (double)e->control_before_ns, after = (double)e->control_after_ns;
	if (before > 0 && after > 0 &&
	    (after > CONTROL_MOVED * before || before > CONTROL_MOVED * after))
		add(j, HCB_INVALID,
		    "the machine changed: the same work took %s before the run and %s "
		    "after "
		    "it, limit 30 %%",
		    hcb_fmt_ns(a, sizeof(a), before), hcb_fmt_ns(b, sizeof(b), after));
	if (e->disk_late_known && e->disk_late_p99_ns > DISK_LATE_NS)
		add(j, HCB_INVALID,
		    "an emulated disk's timer was late: p99 %s, limit 0.5 ms",
		    hcb_fmt_ns(a, sizeof(a), (double)e->disk_late_p99_ns));
	if (e->environment)
		add(j, HCB_INVALID, "%s", e->environment);
	if (e->disturbance)
		add(j, HCB_UNSTEADY, "%s", e->disturbance);
}

static void judge_load(const struct hcb_evidence *e, struct hcb_judgement *j)
{
	if (e->offered_per_s > 0 && e->stop == HCB_STOP_DONE) {
		uint64_t grown = e->backlog_end > e->backlog_start
		                         ? e->backlog_end - e->backlog_start
		                         : 0;
		/*
		 * Achieved under 95 % of what was due is a backlog grown by over 5 % of
		 * it. Held against what really arrived, not against the nominal rate:
		 * chance gives more or fewer arrivals. One second's arrivals are no
		 * backlog yet.
		 */
		j->overload = e->unfinished ||
		              ((double)grown > e->offered_per_s &&
		               (double)grown > (1 - ACHIEVED) * (double)e->due);
	}
	if (j->overload)
		add(j, HCB_UNSTEADY,
		    "overload: %.1f/s offered, %.1f/s achieved, backlog %llu",
		    e->offered_per_s, e->achieved_per_s,
		    (unsigned long long)e->backlog_end);
	else if (e->unfinished && e->stop == HCB_STOP_DONE)
		add(j, HCB_UNSTEADY, "%llu transactions due in the window never finished",
		    (unsigned long long)e->unfinished);
	if (e->other_behind)
		add(j, HCB_UNSTEADY, "overload: %s", e->other_behind);
	if (e->held_ops)
		add(j, HCB_UNSTEADY,
		    "the cap on rate held back %llu operations (--cap-rate)",
		    (unsigned long long)e->held_ops);
	if (e->op_errors)
		add(j, HCB_INVALID, "%llu operations failed",
		    (unsigned long long)e->op_errors);
	if (!e->due && e->stop == HCB_STOP_DONE)
		add(j, HCB_UNSTEADY, "no transaction was due in the window");
}

static void judge_cycles(const struct hcb_evidence *e, struct hcb_judgement *j)
{
	if (e->stop != HCB_STOP_DONE)
		return;
	if (!e->whole_cycles && e->drifting)
		add(j, HCB_UNSTEADY,
		    "no steady state: the seconds' mean or p99 moved between the "
		    "window's halves");
	if (!e->has_cycles)
		return;
	if (e->whole_cycles < MIN_CYCLES)
		add(j, HCB_UNSTEADY, "%u whole checkpoint cycles measured, 2 are needed",
		    e->whole_cycles);
	else if (e->offered_per_s <= 0 &&
	         e->cycle_rate_spread > CYCLE_SPREAD + e->cycle_rate_noise)
		add(j, HCB_UNSTEADY,
		    "no steady state: the cycles' rates spread over %.0f %% of "
		    "their mean, limit 20 %%",
		    100 * e->cycle_rate_spread);
	if (e->no_cycle_edge)
		add(j, HCB_UNSTEADY,
		    "no checkpoint began where the window was to begin or end");
}

void hcb_judge(const struct hcb_evidence *e, struct hcb_judgement *out)
{
	memset(out, 0, sizeof(*out));
	if (e->data_wrong)
		add(out, HCB_INVALID, "%s", e->data_wrong);
	judge_stop(e, out);
	judge_bench(e, out);
	judge_load(e, out);
	judge_cycles(e, out);
}

enum hcb_verdict hcb_judge_block(const struct hcb_evidence *run,
                                 const struct hcb_block_evidence *b)
{
	struct hcb_evidence e = *run;
	struct hcb_judgement j;
	e.lateness_n = b->lateness_n;
	e.lateness_p99_ns = b->lateness_p99_ns;
	e.away = b->away;
	e.service_p50_ns = b->service_p50_ns;
	e.host_busy_worst10 = b->host_busy_worst10;
	e.op_errors = b->op_errors;
	if (b->whole)
		e.stop = HCB_STOP_DONE;
	e.has_cycles = e.drifting = false;
	hcb_judge(&e, &j);
	return j.verdict;
}
