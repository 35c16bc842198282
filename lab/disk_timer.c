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
	if (r->error)
		fuse_reply_err(r->req, r->error);
	else if (r->kind == HCB_READ)
		fuse_reply_buf(r->req, r->buf, (size_t)r->len);
	else if (r->kind == HCB_WRITE)
		fuse_reply_write(r->req, (size_t)r->len);
	else
		fuse_reply_err(r->req, 0);
}

void disk_answer(struct serve *sv, struct request *r)
{
	reply(r);
	pthread_mutex_lock(&sv->lock);
	sv->failed += r->error != 0;
	r->next = sv->unused;
	sv->unused = r;
	pthread_mutex_unlock(&sv->lock);
}

/* Lateness is taken before each reply, so a reply that waits for others of its batch
   counts as late as it is. */
static void answer_timed(struct serve *sv, struct request *r, uint64_t done_ns)
{
	uint64_t late = hcb_clock_now(&sv->clock) - done_ns;
	disk_answer(sv, r);
	pthread_mutex_lock(&sv->lock);
	hcb_hist_record(&sv->late, (uint64_t)((double)late * sv->clock.dilation));
	pthread_mutex_unlock(&sv->lock);
}

/* Under the lock: what became of a request that the model is done with. A disk that hangs
   keeps it. */
static bool settle(struct serve *sv, struct request *r)
{
	if (r->bad || sv->faults.fail)
		r->error = EIO;
	if (!sv->faults.hang)
		return true;
	disk_push(&sv->ready, r);
	sv->n_held++;
	return false;
}

void disk_pump(struct serve *sv, bool timed)
{
	struct hdd_done done[64];
	unsigned n, k;
	do {
		pthread_mutex_lock(&sv->lock);
		n = hdd_advance(sv->disk, hcb_clock_now(&sv->clock), done, 64);
		if (n < 64)
			disk_arm(sv);
		k = 0;
		for (unsigned i = 0; i < n; i++)
			if (settle(sv, done[i].cookie))
				done[k++] = done[i];
		pthread_mutex_unlock(&sv->lock);
		for (unsigned i = 0; i < k; i++) {
			if (timed)
				answer_timed(sv, done[i].cookie, done[i].done_ns);
			else
				disk_answer(sv, done[i].cookie);
		}
	} while (n == 64);
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

#endif
