/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/core/random.h"
#include "bench/core/stats.h"
#include "bench/core/units.h"
#include "bench/counters.h"
#include "bench/control.h"
#include "bench/hostload.h"
#include "bench/prefill.h"
#include "bench/progress.h"
#include "bench/run_document.h"
#include "bench/run_verify.h"
#include "engines/target.h"

#define LOOP_NICE  -11
/* SNIA's PTS bounds a steady state's slope to 10 % of the mean. A second's p99 is a noisy
 * thing, at 20 operations a second its largest: twice that (assumed). */
#define DRIFT_MEAN 0.10
#define DRIFT_P99  0.20
#define FAULT_END_NS                                                                     \
	(300 * HCB_SEC) /* a recovery that was asked for may take minutes                \
	                 */
#define GRACE_NS                                                                         \
	(30 * HCB_SEC) /* for what was due in the window and is not done at its end */

struct session {
	const struct hcb_run *run;
	struct hcb_layout layout;
	unsigned n_open;
	struct hcb_clock clock;
	struct hcb_record rec;
	struct hcb_loop loop;
	struct hcb_faults faults;
	struct hcb_hostload host;
	struct hcb_run_verify verify;
	struct hcb_evidence evidence;
	char behind[160]; /* evidence.other_behind */
	struct hcb_judgement judged;
	struct hcb_observed seen;
	void *state;
	json_t *before[HCB_MAX_VOLUMES], *after[HCB_MAX_VOLUMES];
	json_t *around_before, *around_after;
	uint64_t wall_start;
	bool measured; /* the window began */
};

/* --- targets ---------------------------------------------------------------------- */

static int check_clock(const struct session *s, const struct hcb_dev *dev,
                       struct hcb_err *err)
{
	if (s->run->virtual_clock && !(dev->engine->caps & HCB_CAP_MODEL))
		return hcb_err_usage(
		        err, "%s: a real target cannot run under the virtual clock",
		        dev->target);
	return 0;
}

static int check_durability(const struct hcb_dev *dev, struct hcb_err *err)
{
	if (dev->caps & (HCB_CAP_FLUSH | HCB_CAP_ALWAYS_DURABLE))
		return 0;
	return hcb_err_set(err, -EOPNOTSUPP,
	                   "%s: has no flush: a commit there would not be durable",
	                   dev->target);
}

static int open_targets(struct session *s, struct hcb_err *err)
{
	const struct hcb_run *run = s->run;
	uint32_t depth = run->wl->max_ops(run->conf);
	for (unsigned d = 0; d < s->layout.n_devs; d++) {
		struct hcb_dev *dev = s->layout.devs[d];
		dev->clock = &s->clock;
		dev->seed = hcb_mix64(run->seed + 1000 + d);
		dev->depth = depth < 64 ? 64 : depth; /* the prefill's depth at least */
		dev->max_len = 1 << 20;
		dev->deadline_ns = run->deadline_ns;
		const struct hcb_surroundings *a = run->around;
		int r = check_clock(s, dev, err);
		if (!r && a && a->prepare)
			r = a->prepare(a->arg, dev, err);
		r = r ? r : hcb_target_open(dev, err);
		if (r)
			return r;
		s->n_open++;
		r = check_durability(dev, err);
		if (r)
			return r;
	}
	hcb_layout_set_fua(&s->layout, run->fua_native);
	return hcb_run_verify_check(run, &s->layout, err);
}

static int prefill(struct session *s, struct hcb_err *err)
{
	const struct hcb_surroundings *a = s->run->around;
	const struct hcb_run *run = s->run;
	if (run->no_prefill || run->virtual_clock)
		return 0;
	uint64_t bytes = hcb_prefill_bytes(&s->layout);
	if (!bytes)
		return 0;
	if (run->caps.bytes && bytes > run->caps.bytes)
		return hcb_err_usage(
		        err, "prefilling takes %llu bytes, more than --cap-bytes %llu",
		        (unsigned long long)bytes, (unsigned long long)run->caps.bytes);
	int r = a && a->prefilling ? a->prefilling(a->arg, true, err) : 0;
	if (r)
		return r;
	r = hcb_prefill(&s->layout, &s->clock, run->caps.bytes_per_s, run->deadline_ns,
	                run->signal_seen, run->progress, &s->seen.prefilled_bytes, err);
	/* The disks' timing comes back even if the prefill failed. */
	struct hcb_err second = HCB_ERR_INIT;
	int r2 = a && a->prefilling ? a->prefilling(a->arg, false, &second) : 0;
	if (!r && r2)
		*err = second;
	return r ? r : r2;
}

/* --- the storage's own counts ------------------------------------------------------- */

static void count_storage(struct session *s, json_t **dev, json_t **around)
{
	struct hcb_err err = HCB_ERR_INIT;
	for (unsigned d = 0; d < s->layout.n_devs; d++) {
		struct hcb_dev *dv = s->layout.devs[d];
		if (!dv->engine->counters)
			continue;
		dev[d] = dv->engine->counters(dv, &err);
		if (!dev[d])
			hcb_warn("counters of %s: %s", dv->target, err.msg);
	}
	const struct hcb_surroundings *a = s->run->around;
	if (a && a->counters)
		*around = a->counters(a->arg);
}

static void change_of_storage(struct session *s)
{
	for (unsigned d = 0; d < s->layout.n_devs; d++)
		s->seen.dev_change[d] = hcb_counters_change(s->before[d], s->after[d]);
	s->seen.around_change = hcb_counters_change(s->around_before, s->around_after);
}

/* --- the loop ---------------------------------------------------------------------- */

/*
 * A workload with cycles is measured in whole ones after at least one of warm-up, unless
 * the time given is shorter than a cycle: then by the clock, and the verdict says so.
 */
static struct hcb_window window_of(const struct hcb_run *run)
{
	struct hcb_cycles c = run->wl->cycles(run->conf);
	struct hcb_window w = {.grace_ns = GRACE_NS, .cycle_ns = c.length_ns};
	w.duration_ns = run->duration_ns;
	if (c.length_ns && (!run->duration_ns || run->duration_ns >= c.length_ns)) {
		w.whole_cycles = true;
		w.cycles = run->duration_ns ? 0 : c.count;
		w.warmup_ns = run->warmup_auto ? 1 : run->warmup_ns;
		return w;
	}
	if (!w.duration_ns)
		w.duration_ns = 60 * HCB_SEC;
	w.warmup_ns = run->warmup_auto ? w.duration_ns / 10 : run->warmup_ns;
	return w;
}

static int run_loop(struct session *s, struct hcb_err *err)
{
	const struct hcb_run *run = s->run;
	int r = hcb_record_init(&s->rec, run->wl, err);
	r = r ? r
	      : run->wl->init(&s->state, run->conf, &s->layout.geo, run->seed,
	                      &s->rec.sink, err);
	r = r ? r : hcb_run_verify_new(&s->verify, run, &s->layout, err);
	if (r)
		return r;
	s->loop = (struct hcb_loop){
	        .wl = run->wl,
	        .state = s->state,
	        .layout = &s->layout,
	        .clock = &s->clock,
	        .rec = &s->rec,
	        .window = window_of(run),
	        .caps = run->caps,
	        .verify = s->verify.books,
	        .signal_seen = run->signal_seen,
	        .faults = run->n_faults ? &s->faults : NULL,
	};
	hcb_progress_attach(&s->loop, run->progress);
	r = hcb_loop_init(&s->loop, run->seed, err);
	if (r)
		return r;
	if (!run->virtual_clock)
		s->seen.control_before_ns = hcb_control_ns(&s->seen.control_spent_ns);
	count_storage(s, s->before, &s->around_before);
	if (run->around && run->around->reset_lateness)
		run->around->reset_lateness(run->around->arg);
	if (!run->virtual_clock && (r = hcb_hostload_start(&s->host, err)))
		return r;
	prctl(PR_SET_TIMERSLACK, 1UL); /* waits end when asked, not up to 50 us later */
	if (run->virtual_clock) {
		hcb_clock_init_virtual(&s->clock);
	} else {
		hcb_clock_init_real(&s->clock, run->dilation);
		s->seen.clock_is_counter = hcb_clock_use_counter(&s->clock);
	}
	/* Ahead of ordinary work, where we may: a bench that waits for a processor is
	   late. Not real time: a loop that never sleeps would be throttled. */
	int nice = getpriority(PRIO_PROCESS, 0);
	if (!run->virtual_clock)
		s->seen.loop_nice =
		        setpriority(PRIO_PROCESS, 0, LOOP_NICE) ? nice : LOOP_NICE;
	hcb_loop_run(&s->loop);
	s->seen.clock_error = hcb_clock_error(&s->clock);
	hcb_faults_finish(&s->faults, &s->clock, FAULT_END_NS);
	setpriority(PRIO_PROCESS, 0, nice);
	hcb_hostload_stop(&s->host);
	return 0;
}

/* --- judging ----------------------------------------------------------------------- */

static void cycle_spread(const struct hcb_record *rec, double *spread, double *noise)
{
	double lo = 0, hi = 0, sum = 0;
	*spread = *noise = 0;
	for (unsigned b = 0; b < rec->n_blocks; b++) {
		const struct hcb_block *blk = &rec->blocks[b];
		double s = (double)(blk->end_ns - blk->start_ns) / 1e9;
		double rate = s > 0 ? (double)blk->tx[0].response.count / s : 0;
		lo = b == 0 || rate < lo ? rate : lo;
		hi = rate > hi ? rate : hi;
		sum += rate;
		/* Poisson counting: the range of a few draws is about 3 standard
		 * deviations. */
		double n = (double)blk->tx[0].response.count;
		double rel = n > 0 ? 3 / __builtin_sqrt(n) : 1;
		*noise = rel > *noise ? rel : *noise;
	}
	if (sum > 0)
		*spread = (hi - lo) / (sum / rec->n_blocks);
}

/* Of the ops of blocks from..to - 1, all streams together. */
static uint64_t median_service(const struct hcb_record *rec, unsigned from, unsigned to)
{
	struct hcb_hist *all = malloc(sizeof(*all));
	uint64_t median = 0;
	if (all) {
		hcb_hist_reset(all);
		for (unsigned b = from; b < to; b++)
			for (unsigned i = 0; i < rec->wl->n_streams; i++)
				hcb_hist_merge(all, &rec->blocks[b].stream[i].service);
		median = hcb_hist_quantile(all, 0.5);
	}
	free(all);
	return median;
}

/* Mean and p99 of one second's responses, at their buckets' lower edges. */
static void second_of(const struct hcb_record *rec, const struct hcb_interval *v,
                      double *mean, double *p99)
{
	const struct hcb_pair *p = &rec->pairs[v->first_pair];
	uint64_t rank = (v->count * 99 + 99) / 100, seen = 0;
	double sum = 0;
	*p99 = 0;
	for (uint32_t k = 0; k < v->n_pairs; k++) {
		double low = (double)hcb_hist_bucket_low(p[k].bucket);
		sum += (double)p[k].count * low;
		if (seen < rank)
			*p99 = low;
		seen += p[k].count;
	}
	*mean = sum / (double)v->count;
}

/*
 * Without cycles: did the seconds' means or p99s move over the window? Seconds in which
 * nothing was done say nothing here; what they delayed is in the next.
 */
static bool drifting(const struct hcb_record *rec)
{
	uint32_t from = (uint32_t)((rec->measure_start_ns + HCB_SEC - 1) / HCB_SEC);
	uint32_t to = (uint32_t)(rec->measure_end_ns / HCB_SEC);
	if (to > rec->n_intervals)
		to = rec->n_intervals;
	double *mean = calloc(to + 1, sizeof(*mean));
	double *p99 = calloc(to + 1, sizeof(*p99));
	size_t n = 0;
	for (uint32_t i = from; mean && p99 && i < to; i++) {
		if (!rec->intervals[i].count)
			continue;
		second_of(rec, &rec->intervals[i], &mean[n], &p99[n]);
		n++;
	}
	bool moved = !mean || !p99 || hcb_drifts(mean, n, DRIFT_MEAN) ||
	             hcb_drifts(p99, n, DRIFT_P99);
	free(mean);
	free(p99);
	return moved;
}

static uint64_t due_in_window(const struct hcb_record *rec)
{
	uint64_t n = 0;
	for (unsigned b = 0; b < rec->n_blocks; b++)
		n += rec->blocks[b].tx[0].response.count + rec->blocks[b].tx[0].failed;
	return n;
}

/* What was due in it, and what its arrivals have still to ask for. */
static uint64_t arrived_in_window(const struct hcb_record *rec, const struct hcb_loop *l)
{
	uint64_t n = due_in_window(rec) + l->unfinished.count + l->pending_end.to_come;
	return n > l->pending_start.to_come ? n - l->pending_start.to_come : 0;
}

/* What the targets say of the state their storage was in: the first that says anything.
 */
static void ask_state(struct session *s, struct hcb_evidence *e)
{
	for (unsigned d = 0; d < s->layout.n_devs; d++) {
		const struct hcb_dev *dev = s->layout.devs[d];
		json_t *o = json_object();
		struct hcb_kvs k = {o};
		s->seen.described[d] = o;
		if (dev->engine->describe)
			dev->engine->describe(dev, &k);
		const char *bad =
		        json_string_value(json_object_get(o, HCB_FACT_NOT_AS_ASKED));
		const char *busy =
		        json_string_value(json_object_get(o, HCB_FACT_DISTURBED));
		/* Where faults were asked for, so was what they did to the storage. */
		if (s->run->n_faults)
			continue;
		e->environment = e->environment ? e->environment : bad;
		e->disturbance = e->disturbance ? e->disturbance : busy;
	}
}

/* A block that began with the run, not with a checkpoint, holds none. */
static unsigned whole_cycles(const struct session *s)
{
	if (!s->loop.window.whole_cycles)
		return 0;
	return s->rec.n_blocks - (s->rec.measure_start_ns == 0 && s->rec.n_blocks > 0);
}

static double share(uint64_t part, uint64_t of)
{
	return of ? (double)part / (double)of : 0;
}

static void judge_blocks(struct session *s)
{
	const struct hcb_evidence *run = &s->evidence;
	double wall_s = s->run->dilation / 1e9; /* of a lab ns */
	for (unsigned b = 0; b < s->rec.n_blocks; b++) {
		struct hcb_block *blk = &s->rec.blocks[b];
		struct hcb_block_evidence e = {
		        .lateness_n = blk->lateness.count,
		        .lateness_p99_ns = hcb_hist_quantile(&blk->lateness, 0.99),
		        .away = share(blk->away_ns, blk->end_ns - blk->start_ns),
		        .service_p50_ns = median_service(&s->rec, b, b + 1),
		        /* cut short, the tail was dropped unless it is all there is */
		        .whole = s->loop.stop == HCB_STOP_DONE || s->rec.n_blocks > 1,
		};
		if (!run->virtual_clock)
			e.host_busy_worst10 = hcb_hostload_worst10_of(
			        &s->host, (double)blk->start_ns * wall_s,
			        (double)blk->end_ns * wall_s);
		for (unsigned i = 0; i < s->rec.wl->n_streams; i++)
			e.op_errors += blk->stream[i].errors;
		blk->verdict = (int)hcb_judge_block(run, &e);
	}
}

static void gather_evidence(struct session *s)
{
	const struct hcb_record *rec = &s->rec;
	const struct hcb_loop *l = &s->loop;
	double seconds = (double)(rec->measure_end_ns - rec->measure_start_ns) / 1e9;
	struct hcb_evidence *e = &s->evidence;
	*e = (struct hcb_evidence){
	        .stop = l->stop,
	        .stop_reason = l->reason,
	        .virtual_clock = s->run->virtual_clock,
	        .lateness_n = rec->lateness.count,
	        .lateness_p99_ns = hcb_hist_quantile(&rec->lateness, 0.99),
	        .away = share(rec->away_ns, rec->measure_end_ns - rec->measure_start_ns),
	        .service_p50_ns = median_service(rec, 0, rec->n_blocks),
	        .host_busy_worst10 = s->seen.host_busy,
	        .clock_error = s->seen.clock_error,
	        .offered_per_s = s->run->wl->offered_per_s(s->run->conf),
	        .due = arrived_in_window(rec, l),
	        .unfinished = l->unfinished.count + l->unfinished.others,
	        .backlog_start = l->pending_start.count + l->pending_start.to_come,
	        .backlog_end = l->pending_end.count + l->pending_end.to_come,
	        .measured = s->measured,
	        .has_cycles = l->window.cycle_ns > 0,
	        .no_cycle_edge = l->no_cycle_edge,
	        .whole_cycles = whole_cycles(s),
	        .drifting = !l->window.whole_cycles && drifting(rec),
	        .held_ops = rec->held_ops,
	        .op_errors = rec->total_errors,
	};
	double grown = (double)e->backlog_end - (double)e->backlog_start;
	/* Cut short, the backlog's ends do not fit the window kept: what it finished
	 * counts. */
	if (l->stop != HCB_STOP_DONE)
		e->achieved_per_s =
		        seconds > 0 ? (double)due_in_window(rec) / seconds : 0;
	else
		e->achieved_per_s = seconds > 0 ? ((double)e->due - grown) / seconds : 0;
	cycle_spread(rec, &e->cycle_rate_spread, &e->cycle_rate_noise);
	if (s->run->mix && seconds > 0 &&
	    hcb_mix_behind(s->run->mix, s->state, rec, seconds, s->behind,
	                   sizeof(s->behind)))
		e->other_behind = s->behind;
	ask_state(s, e);
	s->seen.achieved_per_s = e->achieved_per_s;
	const struct hcb_surroundings *a = s->run->around;
	if (a && a->disk_lateness)
		e->disk_late_known = a->disk_lateness(a->arg, &e->disk_late_p99_ns);
	if (a && a->disk_lateness && !e->disk_late_known && !e->environment)
		e->environment =
		        "the emulated disks could not be asked for their lateness";
}

/* After the counts: they are of the run. */
static void verify(struct session *s)
{
	struct hcb_run_verify *v = &s->verify;
	hcb_run_verify_after(v, s->run, &s->layout, &s->loop, &s->clock);
	s->seen.verify = hcb_run_verify_json(v, s->run);
	if (v->sentence[0])
		s->evidence.data_wrong = v->sentence;
}

/* By a signal: the run, or the reading back after it. */
static bool interrupted(const struct session *s)
{
	return s->loop.stop == HCB_STOP_SIGNAL ||
	       (s->verify.unverified && s->run->signal_seen && *s->run->signal_seen);
}

/* A run that was cut short keeps its whole cycles; without one it keeps what there is. */
static void trim_window(struct session *s)
{
	s->measured = s->rec.n_blocks > 0;
	if (!s->measured) {
		hcb_record_measure(&s->rec, s->loop.ended_ns);
		s->loop.unfinished =
		        (struct hcb_pending){0}; /* none was due in a window */
	}
	if (s->rec.measuring || !s->rec.measure_end_ns)
		hcb_record_stop(&s->rec, s->loop.ended_ns);
	if (s->loop.stop != HCB_STOP_DONE && s->loop.window.whole_cycles)
		hcb_record_drop_open_block(&s->rec);
	hcb_record_merge_lateness(&s->rec);
}

static int exit_code_of(const struct session *s)
{
	/* What is lost is told even to who interrupts. */
	if (s->verify.lost)
		return HCB_EXIT_FAILED;
	if (interrupted(s))
		return 128 + (int)*s->run->signal_seen;
	if (s->verify.unverified)
		return HCB_EXIT_FAILED;
	switch (s->loop.stop) {
	case HCB_STOP_ERROR:
	case HCB_STOP_STALL:
	case HCB_STOP_STUCK:
		return HCB_EXIT_FAILED;
	case HCB_STOP_TROUBLE:
		return HCB_EXIT_INVALID;
	case HCB_STOP_NONE:
	case HCB_STOP_DONE:
	case HCB_STOP_END:
	case HCB_STOP_SIGNAL:
	case HCB_STOP_BYTES:
		break;
	}
	static const int by_verdict[] = {HCB_EXIT_OK, HCB_EXIT_UNSTEADY,
	                                 HCB_EXIT_INVALID};
	return by_verdict[s->judged.verdict];
}

static json_t *document(struct session *s)
{
	s->seen.run = s->run;
	s->seen.layout = &s->layout;
	s->seen.loop = &s->loop;
	s->seen.faults = &s->faults;
	s->seen.rec = &s->rec;
	s->seen.judged = &s->judged;
	s->seen.wl_state = s->state;
	s->seen.wall_ns = hcb_monotonic_ns() - s->wall_start;
	return hcb_run_document(&s->seen);
}

static void close_session(struct session *s)
{
	while (s->n_open)
		hcb_target_close(s->layout.devs[--s->n_open]);
	for (unsigned d = 0; d < HCB_MAX_VOLUMES; d++) {
		json_decref(s->before[d]);
		json_decref(s->after[d]);
		json_decref(s->seen.dev_change[d]);
		json_decref(s->seen.described[d]);
	}
	json_decref(s->around_before);
	json_decref(s->around_after);
	json_decref(s->seen.around_change);
	if (s->state)
		s->run->wl->fini(s->state);
	hcb_loop_free(&s->loop);
	hcb_run_verify_free(&s->verify, &s->layout);
	hcb_record_free(&s->rec);
	hcb_hostload_free(&s->host);
	bool lost = false;
	for (unsigned d = 0; d < s->layout.n_devs; d++)
		lost |= s->layout.devs[d]->abandoned;
	hcb_layout_free(&s->layout);
	if (!lost) /* a library's late callback may be reading the clock in it */
		free(s);
}

int hcb_run_once(const struct hcb_run *run, json_t **doc, int *exit_code,
                 struct hcb_err *err)
{
	struct session *s = calloc(1, sizeof(*s));
	*doc = NULL;
	if (!s)
		return hcb_err_sys(err, -ENOMEM, "run");
	s->run = run;
	s->seen.started_unix_s = (uint64_t)time(NULL);
	s->wall_start = hcb_monotonic_ns();
	if (run->virtual_clock)
		hcb_clock_init_virtual(&s->clock);
	else
		hcb_clock_init_real(&s->clock, run->dilation);
	int r = hcb_faults_init(&s->faults, run->around ? run->around->faults : NULL,
	                        run->faults, run->n_faults, err);
	r = r ? r
	      : hcb_layout_make(&s->layout, run->wl, run->conf, run->on, run->n_on, err);
	r = r ? r : open_targets(s, err);
	r = r ? r : prefill(s, err);
	r = r ? r : run_loop(s, err);
	if (!r) {
		if (!run->virtual_clock) {
			s->seen.host_busy = hcb_hostload_worst10(&s->host);
			s->seen.host_mean = hcb_hostload_mean(&s->host);
			s->seen.steal = hcb_hostload_steal(&s->host);
		}
		trim_window(s);
		gather_evidence(s);
		if (!s->loop.left_out) /* storage that does not answer is not asked */
			count_storage(s, s->after, &s->around_after);
		change_of_storage(s);
		if (!run->virtual_clock)
			s->seen.control_after_ns =
			        hcb_control_ns(&s->seen.control_spent_ns);
		s->evidence.control_before_ns = s->seen.control_before_ns;
		s->evidence.control_after_ns = s->seen.control_after_ns;
		verify(s);
		hcb_judge(&s->evidence, &s->judged);
		judge_blocks(s);
		*doc = document(s);
		*exit_code = exit_code_of(s);
	}
	close_session(s);
	return r;
}
