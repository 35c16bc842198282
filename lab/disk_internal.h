/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A served disk from the inside. Threads: libfuse's readers take requests, move the data
 * (disk_fuse.c), and hand the request to the model under one lock. One timer thread per
 * process, so per spindle, sleeps until the model's next event and sends the replies
 * (disk_timer.c); while timing is on nobody else does. It runs SCHED_FIFO where
 * permitted, and the lock passes priority on, so that a reader preempted inside it cannot
 * hold completions up.
 */
#ifndef HCB_LAB_DISK_INTERNAL_H
#define HCB_LAB_DISK_INTERNAL_H

#include <fuse_lowlevel.h>
#include <pthread.h>

#include "bench/core/clock.h"
#include "bench/core/histogram.h"
#include "lab/disk_serve.h"

#define MAX_IO     (1u << 20) /* largest request libfuse 3.14 lets through */
#define N_REQ      1024u      /* more than max_background and every synchronous caller */
#define BACKGROUND 256        /* kernel default 12 would hide the queue from the drive */

struct request {
	fuse_req_t req;
	enum hcb_op_kind kind;
	uint32_t len;
	char *buf;            /* reads: MAX_IO bytes of the arena */
	struct request *next; /* in the free list */
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
	uint64_t armed_ns; /* lab time the timer is set to; HCB_NEVER: not set */
	bool stopping, fifo, locked_memory;
	uint32_t most_queued;
	uint64_t discards;
	struct hcb_hist late; /* wall ns from the model's completion to the reply */
	pthread_t timer;
};

/* disk_timer.c */

/* A free request, or NULL after answering EBUSY. */
struct request *disk_request(struct serve *sv, fuse_req_t req, enum hcb_op_kind kind,
                             uint32_t len);
/* Answers with an error and frees. */
void disk_request_fail(struct serve *sv, struct request *r, int code);
/* Hands the request to the model; it is answered when the model says so. */
void disk_enqueue(struct serve *sv, struct request *r, uint64_t off);
/* Sends every reply that is due. timed: lateness is recorded. */
void disk_pump(struct serve *sv, bool timed);
/* Under the lock: sets the timer to the model's next event. */
void disk_arm(struct serve *sv);
void *disk_timer_main(void *serve);

/* disk_fuse.c */
extern const struct fuse_lowlevel_ops disk_operations;

/* disk_ctl.c */

/* The document behind "stat"; the caller frees. NULL: no memory. */
char *disk_stat_text(struct serve *sv);
/* One line written to "ctl": 0 or -EINVAL. */
int disk_ctl_line(struct serve *sv, char *line);

#endif
