/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/loop.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/loop_internal.h"

#define BATCH           64u
#define SPIN_NS         60000u         /* shorter waits are spun: a sleep overshoots */
#define SLEEP_NS        (100 * HCB_MS) /* signals, trouble and progress are looked at */
#define SIGNAL_GRACE_NS (10 * HCB_SEC) /* draining after a signal */
#define STILL_TURNS     1000000u       /* at one instant of virtual time: for ever */

/* loop_state of an op: it goes out when it is due, or had to wait for room or a cap */
enum { OP_NEW, OP_WAITED };

static void list_push(struct op_list *q, struct hcb_op *op)
{
	op->next = NULL;
	*q->tail = op;
	q->tail = &op->next;
}

static void list_drop(struct op_list *q, unsigned n)
{
	while (n--)
		q->head = q->head->next;
	if (!q->head)
		q->tail = &q->head;
}

/* --- the window ------------------------------------------------------------------- */

/* Interrupted or broken: nothing new, only what is out comes home. After a stall it has
   been waited for already. */
static void give_up(struct hcb_loop *l, uint64_t now_ns, enum hcb_stop why)
{
	l->stop = why;
	l->own->quiet = true;
	l->own->drain_until_ns = now_ns + (why == HCB_STOP_STALL ? 0 : SIGNAL_GRACE_NS);
	l->wl->pending(l->state, l->own->end_ns, &l->unfinished);
}

static void end_window(struct hcb_loop *l, uint64_t now_ns, enum hcb_stop why)
{
	struct hcb_loop_own *o = l->own;
	if (o->draining) {
		/* What goes wrong while waiting for the last ones ends the waiting. */
		if (l->stop == HCB_STOP_DONE && why != HCB_STOP_DONE)
			give_up(l, now_ns, why);
		return;
	}
	o->draining = true;
	o->end_ns = now_ns;
	l->stop = why;
	l->ended_ns = now_ns;
	o->drain_until_ns = now_ns + l->window.grace_ns;
	l->wl->pending(l->state, now_ns, &l->pending_end);
	l->rec->window_end_ns = now_ns;
	if (l->rec->measuring)
		hcb_record_stop(l->rec, now_ns);
	if (why != HCB_STOP_DONE)
		give_up(l, now_ns, why);
}

static void begin_measuring(struct hcb_loop *l, uint64_t now_ns)
{
	hcb_record_measure(l->rec, now_ns);
	l->wl->pending(l->state, now_ns, &l->pending_start);
}

static bool enough_cycles(const struct hcb_loop *l, uint64_t now_ns)
{
	const struct hcb_window *w = &l->window;
	if (w->cycles)
		return l->rec->n_blocks >= w->cycles;
	/* Less than half of the last cycle short is not worth another whole one. */
	uint64_t last = now_ns - l->rec->blocks[l->rec->n_blocks - 1].start_ns;
	return now_ns - l->rec->measure_start_ns + last / 2 >= w->duration_ns;
}

static void on_cycle(void *arg, uint64_t now_ns)
{
	struct hcb_loop *l = arg;
	if (!l->window.whole_cycles || l->own->draining)
		return;
	if (!l->rec->measuring) {
		if (now_ns >= l->window.warmup_ns)
			begin_measuring(l, now_ns);
		return;
	}
	if (enough_cycles(l, now_ns) || l->rec->n_blocks == HCB_MAX_BLOCKS)
		end_window(l, now_ns, HCB_STOP_DONE);
	else
		hcb_record_block(l->rec, now_ns);
}

/* The latest the window may begin and end when no cycle edge comes. */
static uint64_t window_limit(const struct hcb_loop *l)
{
	const struct hcb_window *w = &l->window;
	uint64_t length = w->cycles ? w->cycles * w->cycle_ns : w->duration_ns;
	if (!l->rec->measuring)
		return w->warmup_ns + (w->whole_cycles ? 2 * w->cycle_ns : 0);
	return l->rec->measure_start_ns + length +
	       (w->whole_cycles ? 2 * w->cycle_ns : 0);
}

static void check_window(struct hcb_loop *l, uint64_t now_ns)
{
	uint64_t limit = window_limit(l);
	if (l->own->draining || now_ns < limit)
		return;
	l->no_cycle_edge |= l->window.whole_cycles;
	if (!l->rec->measuring)
		begin_measuring(l, l->window.whole_cycles ? now_ns : limit);
	else
		end_window(l, l->window.whole_cycles ? now_ns : limit, HCB_STOP_DONE);
}

static void set_reason(struct hcb_loop *l, const char *text)
{
	snprintf(l->reason, sizeof(l->reason), "%s", text);
}

static void check_outside(struct hcb_loop *l, uint64_t now_ns)
{
	struct hcb_loop_own *o = l->own;
	if (l->signal_seen && *l->signal_seen)
		end_window(l, now_ns, HCB_STOP_SIGNAL);
	for (unsigned d = 0; d < l->layout->n_devs && !o->quiet; d++) {
		const char *t = atomic_load(&l->layout->devs[d]->trouble);
		if (!t)
			continue;
		set_reason(l, t);
		end_window(l, now_ns, HCB_STOP_TROUBLE);
	}
	const char *full = l->verify && !o->quiet ? hcb_verify_trouble(l->verify) : NULL;
	if (full) {
		set_reason(l, full);
		end_window(l, now_ns, HCB_STOP_TROUBLE);
	}
	if (o->inflight && l->caps.stall_ns && !o->quiet &&
	    now_ns - o->last_done_ns > l->caps.stall_ns) {
		snprintf(l->reason, sizeof(l->reason),
		         "no completion for %" PRIu64 " s with %u operations out",
		         l->caps.stall_ns / HCB_SEC, o->inflight);
		end_window(l, now_ns, HCB_STOP_STALL);
	}
}

/* --- completions ------------------------------------------------------------------ */

static void op_failed(struct hcb_loop *l, const struct hcb_op *op)
{
	static const char *const kinds[] = {"read", "write", "flush", "discard"};
	if (l->caps.keep_going || l->own->draining)
		return;
	snprintf(l->reason, sizeof(l->reason), "%s of %u bytes at %" PRIu64 " of %s: %s",
	         kinds[op->kind], op->len, op->off, l->layout->devs[op->dev]->target,
	         strerror(-op->result));
	end_window(l, op->done_ns, HCB_STOP_ERROR);
}

/* The write of an emulated FUA is done: its flush follows (true), or is done too. */
static bool goes_on_with_flush(struct hcb_loop *l, struct hcb_op *op)
{
	struct emulated_fua *f = &l->own->fua[op->index];
	if (!(op->flags & HCB_OP_FUA_EMULATED))
		return false;
	if (!f->flushing && !op->result) {
		*f = (struct emulated_fua){true, op->len, op->off, op->due_ns,
		                           op->submit_ns};
		op->due_ns = op->done_ns;
		op->kind = HCB_FLUSH;
		op->len = 0;
		op->off = 0;
		list_push(&l->own->dev[op->dev].waiting, op);
		return true;
	}
	if (f->flushing) {
		f->flushing = false;
		op->kind = HCB_WRITE;
		op->len = f->len;
		op->off = f->off;
		op->due_ns = f->due_ns;
		op->submit_ns = f->submit_ns;
		l->rec->total_flushes += !op->result;
	}
	return false;
}

static void complete(struct hcb_loop *l, struct hcb_op *op)
{
	struct hcb_loop_own *o = l->own;
	o->dev[op->dev].inflight--;
	o->inflight--;
	if (op->done_ns > o->last_done_ns)
		o->last_done_ns = op->done_ns;
	if (l->verify)
		hcb_verify_done(l->verify, op);
	if (goes_on_with_flush(l, op))
		return;
	if (op->result)
		op_failed(l, op);
	hcb_record_op(l->rec, op);
	l->wl->done(l->state, op);
	op->next = o->free;
	o->free = op;
}

static bool poll_devices(struct hcb_loop *l)
{
	struct hcb_op *done[BATCH];
	bool any = false;
	for (unsigned d = 0; d < l->layout->n_devs; d++) {
		struct hcb_dev *dev = l->layout->devs[d];
		unsigned n;
		if (!l->own->dev[d].inflight)
			continue;
		do {
			n = dev->engine->poll(dev, done, BATCH);
			for (unsigned i = 0; i < n; i++)
				complete(l, done[i]);
			any |= n > 0;
		} while (n == BATCH);
	}
	return any;
}

/* --- submission ------------------------------------------------------------------- */

/* From op on, all have to wait: behind the first that already does, all do. */
static void mark_waiting(struct hcb_op *op)
{
	for (; op && op->loop_state != OP_WAITED; op = op->next)
		op->loop_state = OP_WAITED;
}

/* A write over the cap on rate waits for the next second. */
static bool held_by_rate(struct hcb_loop *l, const struct hcb_op *op, uint64_t now_ns)
{
	struct hcb_loop_own *o = l->own;
	if (!l->caps.bytes_per_s || op->kind != HCB_WRITE)
		return false;
	if (now_ns / HCB_SEC != o->cap_second) {
		o->cap_second = now_ns / HCB_SEC;
		o->cap_used = 0;
	}
	return o->cap_used + op->len > l->caps.bytes_per_s && o->cap_used;
}

static unsigned gather(struct hcb_loop *l, struct dev_state *s, struct hcb_op **batch,
                       uint64_t now_ns)
{
	struct hcb_loop_own *o = l->own;
	unsigned n = 0;
	for (struct hcb_op *op = s->waiting.head; op && n < BATCH; op = op->next) {
		if (held_by_rate(l, op, now_ns)) {
			l->rec->held_ops += op->loop_state == OP_NEW;
			mark_waiting(op);
			break;
		}
		if (op->kind == HCB_WRITE) {
			o->cap_used += op->len;
			o->written += op->len;
		}
		op->submit_ns = now_ns;
		batch[n++] = op;
	}
	return n;
}

/* What the engine did not take was counted against the caps. */
static void give_back(struct hcb_loop *l, struct hcb_op **batch, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (batch[i]->kind == HCB_WRITE) {
			l->own->cap_used -= batch[i]->len;
			l->own->written -= batch[i]->len;
		}
	}
}

/*
 * How late the bench was: from due to submission, less the time that it spent inside the
 * last submit call meanwhile. That time is the storage's (librbd takes some 50 us an op
 * on the caller's thread), and the response has it anyway: it counts from due.
 */
static uint64_t lateness(const struct hcb_loop_own *o, const struct hcb_op *op)
{
	if (op->submit_ns <= op->due_ns)
		return 0;
	uint64_t late = op->submit_ns - op->due_ns;
	uint64_t from = op->due_ns > o->submit_from_ns ? op->due_ns : o->submit_from_ns;
	uint64_t inside = o->submit_to_ns > from ? o->submit_to_ns - from : 0;
	return inside < late ? late - inside : 0;
}

static void note_lateness(struct hcb_loop *l, const struct hcb_op *op)
{
	if (op->loop_state != OP_WAITED)
		hcb_record_lateness(l->rec, lateness(l->own, op));
}

static bool submit_device(struct hcb_loop *l, unsigned d)
{
	struct hcb_loop_own *o = l->own;
	struct dev_state *s = &o->dev[d];
	struct hcb_dev *dev = l->layout->devs[d];
	struct hcb_op *batch[BATCH];
	if (!s->waiting.head)
		return false;
	uint64_t from = hcb_clock_now(l->clock);
	unsigned n = gather(l, s, batch, from);
	if (!n)
		return false;
	int took = dev->engine->submit(dev, batch, n);
	uint64_t to = hcb_clock_now(l->clock);
	if (took < 0) {
		snprintf(l->reason, sizeof(l->reason), "submit to %s: %s", dev->target,
		         strerror(-took));
		end_window(l, hcb_clock_now(l->clock), HCB_STOP_ERROR);
		took = 0;
	}
	for (unsigned i = 0; i < (unsigned)took; i++)
		note_lateness(l, batch[i]);
	if (l->verify)
		hcb_verify_sent(l->verify, d, batch, (unsigned)took,
		                atomic_load(&dev->power_cuts));
	o->submit_from_ns = from;
	o->submit_to_ns = to;
	o->just_submitted = true;
	give_back(l, batch + took, n - (unsigned)took);
	list_drop(&s->waiting, (unsigned)took);
	if ((unsigned)took < n)
		mark_waiting(s->waiting.head);
	s->inflight += (uint32_t)took;
	o->inflight += (uint32_t)took;
	if (l->caps.bytes && o->written >= l->caps.bytes)
		end_window(l, hcb_clock_now(l->clock), HCB_STOP_BYTES);
	return took > 0;
}

static void give_buffer(struct hcb_loop *l, struct hcb_op *op)
{
	struct hcb_loop_own *o = l->own;
	if (op->kind == HCB_WRITE && l->verify)
		hcb_verify_fill(l->verify, op);
	else if (op->kind == HCB_WRITE)
		op->buf = o->payload +
		          hcb_random_below(&o->chance, HCB_LOOP_PAYLOAD / 4096) * 4096;
	else
		op->buf = o->read_buf + (size_t)op->index * l->wl->max_read_bytes;
}

/* Asks the workload until it waits; returns when it wants to be asked again. */
static uint64_t ask_workload(struct hcb_loop *l, uint64_t now_ns, bool *any)
{
	struct hcb_loop_own *o = l->own;
	uint64_t wait = HCB_NEVER;
	while (!o->quiet && o->free) {
		struct hcb_op *op = o->free;
		enum hcb_next r = l->wl->next(l->state, now_ns, op, &wait);
		if (r == HCB_NEXT_END)
			end_window(l, now_ns, HCB_STOP_END);
		if (r != HCB_NEXT_OP)
			return r == HCB_NEXT_WAIT ? wait : HCB_NEVER;
		o->free = op->next;
		op->dev = (uint16_t)l->layout->geo.regions[op->region].fs;
		op->off += op->kind == HCB_FLUSH ? 0 : l->layout->base[op->region];
		const struct hcb_op *ahead = o->dev[op->dev].waiting.head;
		op->loop_state =
		        ahead && ahead->loop_state == OP_WAITED ? OP_WAITED : OP_NEW;
		op->result = 0;
		if ((op->flags & HCB_OP_FUA) &&
		    !(l->layout->devs[op->dev]->caps & HCB_CAP_FUA))
			op->flags = HCB_OP_FUA_EMULATED;
		give_buffer(l, op);
		list_push(&o->dev[op->dev].waiting, op);
		*any = true;
	}
	return wait;
}

/* --- waiting ---------------------------------------------------------------------- */

static uint64_t next_model_event(const struct hcb_loop *l)
{
	uint64_t at = HCB_NEVER;
	for (unsigned d = 0; d < l->layout->n_devs; d++) {
		const struct hcb_dev *dev = l->layout->devs[d];
		uint64_t t = dev->engine->next_ns ? dev->engine->next_ns(dev) : HCB_NEVER;
		if (t < at)
			at = t;
	}
	return at;
}

static bool anything_waiting(const struct hcb_loop *l)
{
	for (unsigned d = 0; d < l->layout->n_devs; d++)
		if (l->own->dev[d].waiting.head)
			return true;
	return false;
}

static void sleep_real(struct hcb_loop *l, uint64_t until_ns)
{
	struct pollfd fds[HCB_MAX_VOLUMES];
	const struct hcb_dev *dev[HCB_MAX_VOLUMES];
	nfds_t n = 0;
	uint64_t wall = hcb_clock_wall_until(l->clock, until_ns);
	if (wall < SPIN_NS)
		return;
	wall -= SPIN_NS;
	if (wall > SLEEP_NS)
		wall = SLEEP_NS;
	for (unsigned d = 0; d < l->layout->n_devs; d++) {
		dev[n] = l->layout->devs[d];
		if (dev[n]->wake_fd >= 0) {
			fds[n] = (struct pollfd){dev[n]->wake_fd, POLLIN, 0};
			n++;
		}
	}
	struct timespec ts = {(time_t)(wall / HCB_SEC), (long)(wall % HCB_SEC)};
	if (ppoll(fds, n, &ts, NULL) <= 0)
		return;
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents & POLLIN)
			hcb_dev_woken(dev[i]);
}

/* Nothing can be done now: let time pass. False if nothing will ever happen. */
static bool wait_for_something(struct hcb_loop *l, uint64_t wl_wait)
{
	uint64_t until = next_model_event(l);
	if (wl_wait < until && !l->own->quiet)
		until = wl_wait;
	uint64_t fault = l->faults ? hcb_faults_next_ns(l->faults) : HCB_NEVER;
	if (fault < until)
		until = fault;
	uint64_t limit = l->own->draining ? l->own->drain_until_ns : window_limit(l);
	if (!l->clock->is_virtual) {
		uint64_t nap = l->own->next_turn_ns + SLEEP_NS;
		until = until < limit ? until : limit;
		sleep_real(l, until);
		/* It sleeps no longer, whatever there is to wait for. */
		l->own->next_turn_ns = until < nap ? until : nap;
		return true;
	}
	if (until == HCB_NEVER && !l->own->draining)
		return false;
	hcb_clock_advance(l->clock, until < limit ? until : limit);
	return true;
}

/* Everything due before the window's end has come home. */
static bool drained(struct hcb_loop *l)
{
	struct hcb_loop_own *o = l->own;
	if (!o->quiet &&
	    l->rec->done_after_end >= l->pending_end.count + l->pending_end.others)
		o->quiet = true;
	if (o->quiet && o->inflight == 0)
		return true;
	uint64_t now = hcb_clock_now(l->clock);
	if (now < o->drain_until_ns)
		return false;
	if (o->quiet)
		return true;
	/* Grace is over: only what is out may still come home. */
	l->wl->pending(l->state, o->end_ns, &l->unfinished);
	o->quiet = true;
	o->drain_until_ns = now + SIGNAL_GRACE_NS;
	return false;
}

/* A closed loop on a target that takes no time would go on at one instant for ever. */
static void check_time_moves(struct hcb_loop *l, uint64_t now_ns)
{
	struct hcb_loop_own *o = l->own;
	if (!l->clock->is_virtual)
		return;
	if (now_ns != o->still_at_ns)
		o->still_turns = 0;
	o->still_at_ns = now_ns;
	if (++o->still_turns < STILL_TURNS || o->draining)
		return;
	set_reason(l, "virtual time stands still: the target takes none; use "
	              "--clock real");
	end_window(l, now_ns, HCB_STOP_STUCK);
}

/*
 * When this turn takes place. A turn that follows a submit call at once does not read the
 * clock again: the end of that call will do, or the last completion that poll has brought
 * since. What falls due in between, less than a poll's time, is seen one turn later.
 */
static uint64_t time_of_turn(struct hcb_loop *l)
{
	struct hcb_loop_own *o = l->own;
	uint64_t now = o->just_submitted ? o->submit_to_ns : hcb_clock_now(l->clock);
	o->just_submitted = false;
	return o->last_done_ns > now ? o->last_done_ns : now;
}

/*
 * The lateness of ops does not show all of a loop that did not run: of what fell due
 * meanwhile only as much is late as the target had room for, the rest queued behind it.
 * So the time itself is counted, from when there was something to do (the last turn's
 * end, or what it slept for, which is SLEEP_NS at most) to this turn. Time inside submit
 * is not the bench's. After check_window: part of it may lie in a window that is just
 * begun, or over.
 */
static void note_away(struct hcb_loop *l, uint64_t now_ns)
{
	struct hcb_loop_own *o = l->own;
	uint64_t from = o->next_turn_ns;
	o->next_turn_ns = now_ns;
	if (now_ns <= from + HCB_AWAY_NS || l->clock->is_virtual)
		return;
	if (from < o->submit_to_ns)
		from = o->submit_to_ns;
	if (now_ns > from + HCB_AWAY_NS)
		hcb_record_away(l->rec, from, now_ns);
}

void hcb_loop_run(struct hcb_loop *l)
{
	struct hcb_loop_own *o = l->own;
	l->rec->on_cycle = on_cycle;
	l->rec->on_cycle_arg = l;
	if (l->window.warmup_ns == 0)
		begin_measuring(l, 0);
	o->last_done_ns = hcb_clock_now(l->clock);
	o->next_turn_ns = o->last_done_ns;
	for (;;) {
		bool any = poll_devices(l);
		uint64_t now = time_of_turn(l);
		if (o->inflight == 0)
			o->last_done_ns = now;
		check_window(l, now);
		note_away(l, now);
		if (l->faults)
			hcb_faults_tick(l->faults, now);
		check_outside(l, now);
		check_time_moves(l, now);
		uint64_t wait = ask_workload(l, now, &any);
		for (unsigned d = 0; d < l->layout->n_devs; d++)
			any |= !(o->draining && o->quiet) && submit_device(l, d);
		if (o->draining && drained(l))
			break;
		if (now >= o->next_progress_ns && l->progress) {
			o->next_progress_ns = now - now % HCB_SEC + HCB_SEC;
			l->progress(l->progress_arg, l, now);
		}
		if (anything_waiting(l) && wait > now + HCB_MS)
			wait = now +
			       HCB_MS; /* a cap may let go, a full target have room */
		if (!any && !wait_for_something(l, wait)) {
			set_reason(l, "nothing left to wait for (a bug)");
			end_window(l, now, HCB_STOP_STUCK);
		}
	}
	l->left_out = o->inflight;
	l->drained_ns = hcb_clock_now(l->clock);
	hcb_record_merge_lateness(l->rec);
	hcb_record_tick(l->rec, hcb_clock_now(l->clock));
}
