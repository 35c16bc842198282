/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A served disk from the inside. Threads: libfuse's readers take requests (disk_fuse.c),
 * move the data, and hand the op to the engine under one lock (disk_request.c): the lock
 * makes of many threads the one that an engine wants. One timer thread per process, so
 * per spindle, sleeps until the engine's next event or until it is woken by the engine,
 * and sends the replies (disk_timer.c); it runs SCHED_FIFO where permitted, and the lock
 * passes priority on, so that a reader preempted inside it cannot hold completions up.
 */
#ifndef HCB_LAB_DISK_INTERNAL_H
#define HCB_LAB_DISK_INTERNAL_H

#include <fuse_lowlevel.h>
#include <pthread.h>

#include "bench/core/clock.h"
#include "bench/core/histogram.h"
#include "engines/emulation.h"
#include "engines/target.h"
#include "lab/disk_fault.h"
#include "lab/disk_record.h"
#include "lab/disk_serve.h"

#define MAX_IO     (1u << 20) /* largest request libfuse 3.14 lets through */
#define N_REQ      1024u      /* more than max_background and every synchronous caller */
#define BACKGROUND 256        /* kernel default 12 would hide the queue from the drive */

struct request {
	struct hcb_op op; /* its buf: MAX_IO bytes of the arena */
	fuse_req_t req;
	enum hcb_op_kind kind; /* what was asked; a bad one is another op */
	uint64_t arrive_ns;
	bool bad;             /* meets a bad range: the arm goes there in vain */
	bool busy;            /* not answered yet */
	int error;            /* answered with it, as errno has it; 0: done as asked */
	struct request *next; /* in the free list, or in a queue */
};

struct request_queue {
	struct request *head, *tail;
};

struct disk_counters { /* answered requests */
	uint64_t count[HCB_OP_KINDS], bytes[HCB_OP_KINDS];
	uint64_t response_ns[HCB_OP_KINDS]; /* sums, from arrival to reply */
	uint64_t failed;
};

struct serve {
	const struct disk_serve_opts *o;
	struct hcb_dev *dev;
	const struct hcb_emulation *emulation; /* NULL: a real thing */
	struct hcb_clock clock;
	int timer_fd;
	struct fuse_session *se;
	char *arena, *priv;

	pthread_mutex_t lock; /* everything below, and every slot of the engine */
	struct request *unused, *requests;
	uint32_t in_engine; /* submitted, not yet handed back */
	struct disk_faults faults;
	/* While the disk hangs: taken, not yet submitted; done, not yet answered. */
	struct request_queue held, ready;
	uint32_t n_held;                  /* in both */
	struct request_queue pushed_back; /* the engine was full */
	uint64_t armed_ns; /* lab time the timer is set to; HCB_NEVER: not set */
	bool stopping, fifo, locked_memory;
	uint32_t most_queued;
	struct disk_counters counters;
	struct disk_recorder *record; /* NULL: nothing is recorded */
	struct hcb_hist late;         /* lab ns from when an op was done to the reply */
	pthread_t timer;
};

/* disk_request.c: from the kernel to the engine */

void disk_read(struct serve *sv, fuse_req_t req, size_t len, off_t off);
void disk_write(struct serve *sv, fuse_req_t req, const char *buf, size_t len, off_t off);
void disk_flush(struct serve *sv, fuse_req_t req);
void disk_discard(struct serve *sv, fuse_req_t req, int mode, off_t off, off_t len);
/* Goes on after a hang: answers what is done, hands over what was held. */
void disk_release(struct serve *sv);
/* Under the lock: what the engine was too full for, as far as it takes it now. */
void disk_push_again(struct serve *sv);

/* disk_timer.c: from the engine to the kernel */

/* Under the lock: counts and records a request that is answered now. */
void disk_account(struct serve *sv, const struct request *r, uint64_t now);
/* Sends the reply and frees the request. */
void disk_answer(struct serve *sv, struct request *r);
/* Answers every request that is done. timed: by the timer thread, lateness is recorded.
 */
void disk_pump(struct serve *sv, bool timed);
/* Under the lock: sets the timer to the engine's next event. */
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
/* One line written to "ctl": 0 or -errno. */
int disk_ctl_line(struct serve *sv, char *line);

#endif
