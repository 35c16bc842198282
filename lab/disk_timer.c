/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A served disk's model and timer. */
#include "config.h"

#ifdef HCB_HAVE_FUSE3

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench/core/units.h"
#include "lab/disk_internal.h"

#define FIFO_PRIO 50 /* above every ordinary thread, below the kernel's own */

void disk_arm(struct serve *sv)
{
	uint64_t next = hdd_next_ns(sv->disk);
	if (next == sv->armed_ns)
		return;
	sv->armed_ns = next;
	struct itimerspec it = {{0, 0}, {0, 0}};
	if (next != HCB_NEVER) {
		double wall = (double)next * sv->clock.dilation;
		uint64_t at = sv->clock.base_ns + (uint64_t)wall;
		it.it_value.tv_sec = (time_t)(at / HCB_SEC);
		it.it_value.tv_nsec = (long)(at % HCB_SEC);
	}
	timerfd_settime(sv->timer_fd, TFD_TIMER_ABSTIME, &it, NULL);
}

static void reply(const struct request *r)
{
	if (r->kind == HCB_READ)
		fuse_reply_buf(r->req, r->buf, r->len);
	else if (r->kind == HCB_WRITE)
		fuse_reply_write(r->req, r->len);
	else
		fuse_reply_err(r->req, 0);
}

/*
 * Sends every reply that is due. Lateness is taken before each reply, so a reply that
 * waits for others of its batch counts as late as it is. timed: by the timer thread.
 */
void disk_pump(struct serve *sv, bool timed)
{
	struct hdd_done done[64];
	for (;;) {
		pthread_mutex_lock(&sv->lock);
		unsigned n = hdd_advance(sv->disk, hcb_clock_now(&sv->clock), done, 64);
		if (n < 64)
			disk_arm(sv);
		pthread_mutex_unlock(&sv->lock);
		for (unsigned i = 0; i < n; i++) {
			struct request *r = done[i].cookie;
			uint64_t late = hcb_clock_now(&sv->clock) - done[i].done_ns;
			reply(r);
			pthread_mutex_lock(&sv->lock);
			if (timed)
				hcb_hist_record(
				        &sv->late,
				        (uint64_t)((double)late * sv->clock.dilation));
			r->next = sv->unused;
			sv->unused = r;
			pthread_mutex_unlock(&sv->lock);
		}
		if (n < 64)
			return;
	}
}

void *disk_timer_main(void *arg)
{
	struct serve *sv = arg;
	prctl(PR_SET_NAME, "hcb-disk-timer");
	prctl(PR_SET_TIMERSLACK, 1UL);
	struct sched_param sp = {.sched_priority = FIFO_PRIO};
	bool fifo = pthread_setschedparam(pthread_self(), SCHED_FIFO, &sp) == 0;
	pthread_mutex_lock(&sv->lock);
	sv->fifo = fifo;
	bool stop = sv->stopping;
	pthread_mutex_unlock(&sv->lock);
	while (!stop) {
		uint64_t ticks;
		if (read(sv->timer_fd, &ticks, sizeof(ticks)) < 0 && errno != EINTR &&
		    errno != EAGAIN && errno != ECANCELED)
			break;
		pthread_mutex_lock(&sv->lock);
		sv->armed_ns = HCB_NEVER;
		stop = sv->stopping;
		pthread_mutex_unlock(&sv->lock);
		disk_pump(sv, true);
	}
	return NULL;
}

struct request *disk_request(struct serve *sv, fuse_req_t req, enum hcb_op_kind kind,
                             uint32_t len)
{
	pthread_mutex_lock(&sv->lock);
	struct request *r = sv->unused;
	if (r)
		sv->unused = r->next;
	pthread_mutex_unlock(&sv->lock);
	if (!r) {
		fuse_reply_err(req, EBUSY);
		return NULL;
	}
	r->req = req;
	r->kind = kind;
	r->len = len;
	return r;
}

void disk_request_fail(struct serve *sv, struct request *r, int code)
{
	fuse_reply_err(r->req, code);
	pthread_mutex_lock(&sv->lock);
	r->next = sv->unused;
	sv->unused = r;
	pthread_mutex_unlock(&sv->lock);
}

void disk_enqueue(struct serve *sv, struct request *r, uint64_t off)
{
	struct hdd_req q = {.kind = r->kind, .off = off, .len = r->len, .cookie = r};
	pthread_mutex_lock(&sv->lock);
	int e = hdd_submit(sv->disk, hcb_clock_now(&sv->clock), &q);
	bool timing = hdd_timing(sv->disk);
	if (hdd_outstanding(sv->disk) > sv->most_queued)
		sv->most_queued = hdd_outstanding(sv->disk);
	if (!e && timing)
		disk_arm(sv);
	pthread_mutex_unlock(&sv->lock);
	if (e)
		disk_request_fail(sv, r, e == -ENOSPC ? EIO : -e);
	else if (!timing)
		disk_pump(sv, false);
}

#endif
