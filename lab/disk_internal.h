/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A served disk from the inside. Threads: libfuse's readers take requests (disk_fuse.c),
 * move the data, and hand the request to the model under one lock (disk_request.c). One
 * timer thread per process, so per spindle, sleeps until the model's next event and sends
 * the replies (disk_timer.c); while timing is on nobody else does. It runs SCHED_FIFO
 * where permitted, and the lock passes priority on, so that a reader preempted inside it
 * cannot hold completions up.
 */
#ifndef HCB_LAB_DISK_INTERNAL_H
#define HCB_LAB_DISK_INTERNAL_H

#include <fuse_lowlevel.h>
#include <pthread.h>

#include "bench/core/clock.h"
#include "bench/core/histogram.h"
#include "lab/disk_fault.h"
#include "lab/disk_serve.h"

#define MAX_IO     (1u << 20) /* largest request libfuse 3.14 lets through */
#define N_REQ      1024u      /* more than max_background and every synchronous caller */
#define BACKGROUND 256        /* kernel default 12 would hide the queue from the drive */

struct request {
	fuse_req_t req;
	enum hcb_op_kind kind;
	uint64_t off, len;
	bool bad;             /* meets a bad range: the arm goes there in vain */
	int error;            /* answered with it; 0: done as asked */
	char *buf;            /* reads: MAX_IO bytes of the arena */
	struct request *next; /* in the free list, or in a queue */
};

struct request_queue {
	struct request *head, *tail;
};

struct serve {
	const struct disk_serve_opts *o;
	struct hdd_profile profile;
	struct hcb_clock clock;
	int data_fd, timer_fd;
	uint64_t data_max;
	struct fuse_session *se;
	char *arena;

	pthread_mutex_t lock; /* everything below */
	struct hdd *disk;
	struct request *unused, *requests;
	struct disk_faults faults;
	/* While the disk hangs: taken, not yet handed to the model; done, not yet
	   answered. */
	struct request_queue held, ready;
	uint32_t n_held;   /* in both */
	uint64_t armed_ns; /* lab time the timer is set to; HCB_NEVER: not set */
	bool stopping, fifo, locked_memory;
	uint32_t most_queued;
	uint64_t discards, failed; /* failed: answered with an error */
	struct hcb_hist late;      /* wall ns from the model's completion to the reply */
	pthread_t timer;
};

/* disk_request.c: from the kernel to the model */

void disk_read(struct serve *sv, fuse_req_t req, size_t len, off_t off);
void disk_write(struct serve *sv, fuse_req_t req, const char *buf, size_t len, off_t off);
void disk_flush(struct serve *sv, fuse_req_t req);
void disk_discard(struct serve *sv, fuse_req_t req, int mode, off_t off, off_t len);
/* Goes on after a hang: answers what is done, hands over what was held. */
void disk_release(struct serve *sv);

/* disk_timer.c: from the model to the kernel */

/* Sends the reply and frees the request. */
void disk_answer(struct serve *sv, struct request *r);
/* Answers every request that is done. timed: by the timer thread, lateness is recorded.
 */
void disk_pump(struct serve *sv, bool timed);
/* Under the lock: sets the timer to the model's next event. */
void disk_arm(struct serve *sv);
void *disk_timer_main(void *serve);

static inline void disk_push(struct request_queue *q, struct request *r)
{
	r->next = NULL;
	if (q->tail)
		q->tail->next = r;
	else
		q->head = r;
	q->tail = r;
}

static inline struct request *disk_pop(struct request_queue *q)
{
	struct request *r = q->head;
	if (r && !(q->head = r->next))
		q->tail = NULL;
	return r;
}

/* disk_fuse.c */
extern const struct fuse_lowlevel_ops disk_operations;

/* disk_ctl.c */

/* The document behind "stat"; the caller frees. NULL: no memory. */
char *disk_stat_text(struct serve *sv);
/* One line written to "ctl": 0 or -EINVAL. */
int disk_ctl_line(struct serve *sv, char *line);

#endif
