/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A served disk's replies, from the engine to the kernel, and the thread that waits. */
#include "config.h"

#ifdef HCB_HAVE_FUSE3

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench/core/units.h"
#include "lab/disk_internal.h"

#define FIFO_PRIO 50 /* above every ordinary thread, below the kernel's own */
#define BATCH     64

void disk_arm(struct serve *sv)
{
	if (!sv->dev->engine->next_ns)
		return; /* it wakes us */
	uint64_t next = sv->dev->engine->next_ns(sv->dev);
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
		fuse_reply_buf(r->req, r->op.buf, r->op.len);
	else if (r->kind == HCB_WRITE)
		fuse_reply_write(r->req, r->op.len);
	else
		fuse_reply_err(r->req, 0);
}

void disk_account(struct serve *sv, const struct request *r, uint64_t now)
{
	struct disk_counters *c = &sv->counters;
	struct hcb_diskrec rec = {.arrive_ns = r->arrive_ns,
	                          .done_ns = now,
	                          .off = r->op.off,
	                          .len = r->op.len,
	                          .kind = (uint8_t)r->kind,
	                          .error = (uint16_t)r->error};
	disk_record_put(sv->record, &rec);
	if (r->error) {
		c->failed++;
		return;
	}
	c->count[r->kind]++;
	c->bytes[r->kind] += r->op.len;
	c->response_ns[r->kind] += now - r->arrive_ns;
}

void disk_answer(struct serve *sv, struct request *r)
{
	uint64_t now = hcb_clock_now(&sv->clock);
	reply(r);
	pthread_mutex_lock(&sv->lock);
	disk_account(sv, r, now);
	r->busy = false;
	r->next = sv->unused;
	sv->unused = r;
	pthread_mutex_unlock(&sv->lock);
}

/* Lateness is taken before each reply, so a reply that waits for others of its batch
   counts as late as it is. */
static void answer_timed(struct serve *sv, struct request *r)
{
	uint64_t late = hcb_clock_now(&sv->clock) - r->op.done_ns;
	disk_answer(sv, r);
	pthread_mutex_lock(&sv->lock);
	hcb_hist_record(&sv->late, late);
	pthread_mutex_unlock(&sv->lock);
}

/* Under the lock: what became of a request that the engine is done with. A disk that
   hangs keeps it. */
static bool settle(struct serve *sv, struct request *r)
{
	sv->in_engine--;
	r->error = -r->op.result;
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
	struct hcb_op *done[BATCH];
	unsigned n, k;
	bool more;
	do {
		pthread_mutex_lock(&sv->lock);
		n = sv->dev->engine->poll(sv->dev, done, BATCH);
		if (sv->pushed_back.head)
			disk_push_again(sv);
		if (n < BATCH)
			disk_arm(sv);
		k = 0;
		for (unsigned i = 0; i < n; i++)
			if (settle(sv, (struct request *)done[i]))
				done[k++] = done[i];
		more = sv->ready.head && !sv->faults.hang;
		pthread_mutex_unlock(&sv->lock);
		for (unsigned i = 0; i < k; i++) {
			if (timed)
				answer_timed(sv, (struct request *)done[i]);
			else
				disk_answer(sv, (struct request *)done[i]);
		}
		/* Who is woken is so only after a poll that gave nothing. */
	} while (n == BATCH || (n && sv->dev->wake_fd >= 0));
	if (more)
		disk_release(sv);
}

static void drain(int fd)
{
	uint64_t n;
	ssize_t r;
	do
		r = read(fd, &n, sizeof(n));
	while (r < 0 && errno == EINTR);
}

/* Sleeps until the engine's time has come or it says so. */
static void wait_for_engine(const struct serve *sv)
{
	struct pollfd p[2] = {{.fd = sv->timer_fd, .events = POLLIN},
	                      {.fd = sv->dev->wake_fd, .events = POLLIN}};
	if (poll(p, 2, -1) <= 0)
		return;
	for (int i = 0; i < 2; i++)
		if (p[i].revents & POLLIN)
			drain(p[i].fd);
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
		wait_for_engine(sv);
		pthread_mutex_lock(&sv->lock);
		sv->armed_ns = HCB_NEVER;
		stop = sv->stopping;
		pthread_mutex_unlock(&sv->lock);
		disk_pump(sv, true);
	}
	return NULL;
}

#endif
