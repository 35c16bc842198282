/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/disk_record.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/core/atomic_file.h"
#include "bench/core/guard.h"
#include "bench/core/units.h"

#define RING     65536u /* records; 3 million a second at the pause below */
#define BLOCK    4096u  /* records in a block at most */
#define PAUSE_NS (20 * HCB_MS)

struct disk_recorder {
	char path[512];
	int fd;
	pthread_t thread;
	struct hcb_diskrec *ring;
	_Atomic uint64_t head, tail; /* put by one, taken by the writer */
	_Atomic uint64_t dropped;
	_Atomic int error; /* -errno of writing: everything since is dropped */
	atomic_bool stop;
	uint64_t written; /* the writer's own, as the buffer is */
	uint8_t block[HCB_DISKREC_BLOCK + BLOCK * HCB_DISKREC_RECORD];
};

void disk_record_put(struct disk_recorder *rec, const struct hcb_diskrec *r)
{
	if (!rec)
		return;
	uint64_t head = atomic_load_explicit(&rec->head, memory_order_relaxed);
	if (atomic_load(&rec->error) || head - atomic_load(&rec->tail) == RING) {
		atomic_fetch_add(&rec->dropped, 1);
		return;
	}
	rec->ring[head % RING] = *r;
	atomic_store_explicit(&rec->head, head + 1, memory_order_release);
}

static void write_block(struct disk_recorder *rec, uint32_t n, bool end)
{
	uint8_t *records = rec->block + HCB_DISKREC_BLOCK;
	size_t len = (size_t)n * HCB_DISKREC_RECORD;
	struct hcb_diskrec_block b = {.n = n,
	                              .before = rec->written,
	                              .dropped = atomic_load(&rec->dropped),
	                              .crc = hcb_crc32c(records, len),
	                              .end = end};
	hcb_diskrec_pack_block(&b, rec->block);
	int r = hcb_write_all(rec->fd, rec->block, HCB_DISKREC_BLOCK + len);
	rec->written += n;
	if (!r)
		return;
	atomic_store(&rec->error, r);
	atomic_fetch_add(&rec->dropped, n);
	hcb_warn("record %s: %s; nothing more is recorded", rec->path, strerror(-r));
}

/* What is in the ring now, a block at a time. */
static void write_ring(struct disk_recorder *rec)
{
	uint64_t tail = atomic_load_explicit(&rec->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&rec->head, memory_order_acquire);
	while (tail != head && !atomic_load(&rec->error)) {
		uint32_t n = 0;
		for (; n < BLOCK && tail != head; n++, tail++)
			hcb_diskrec_pack(&rec->ring[tail % RING],
			                 rec->block + HCB_DISKREC_BLOCK +
			                         (size_t)n * HCB_DISKREC_RECORD);
		atomic_store_explicit(&rec->tail, tail, memory_order_release);
		write_block(rec, n, false);
	}
	atomic_fetch_add(&rec->dropped, head - tail); /* after an error */
	atomic_store_explicit(&rec->tail, head, memory_order_release);
}

static void *writer(void *arg)
{
	struct disk_recorder *rec = arg;
	struct timespec pause = {0, (long)PAUSE_NS};
	while (!atomic_load(&rec->stop)) {
		nanosleep(&pause, NULL);
		write_ring(rec);
	}
	write_ring(rec);
	if (!atomic_load(&rec->error))
		write_block(rec, 0, true);
	return NULL;
}

/* Nobody's file is written over by a slip of the hand. */
static int open_file(const char *path, struct hcb_err *err)
{
	uint8_t head[HCB_DISKREC_HEADER];
	struct hcb_diskrec_header h;
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return hcb_err_sys(err, -errno, "record %s", path);
	int r = 0;
	if (fstat(fd, &st) != 0)
		r = hcb_err_sys(err, -errno, "record %s", path);
	else if (!S_ISREG(st.st_mode) ||
	         (st.st_size && (pread(fd, head, sizeof(head), 0) != sizeof(head) ||
	                         !hcb_diskrec_unpack_header(head, &h))))
		r = hcb_err_refuse(err, "record %s: exists and is not a disk's record",
		                   path);
	else if (ftruncate(fd, 0) != 0)
		r = hcb_err_sys(err, -errno, "record %s", path);
	if (!r)
		return fd;
	close(fd);
	return r;
}

static void let_go(struct disk_recorder *rec)
{
	if (rec->fd >= 0)
		close(rec->fd);
	free(rec->ring);
	free(rec);
}

int disk_record_start(const char *path, const struct hcb_diskrec_header *h,
                      struct disk_recorder **out, struct hcb_err *err)
{
	uint8_t head[HCB_DISKREC_HEADER];
	struct disk_recorder *rec = calloc(1, sizeof(*rec));
	*out = NULL;
	if (!rec || !(rec->ring = calloc(RING, sizeof(*rec->ring)))) {
		free(rec);
		return hcb_err_sys(err, -ENOMEM, "record %s", path);
	}
	snprintf(rec->path, sizeof(rec->path), "%s", path);
	rec->fd = open_file(path, err);
	int r = rec->fd < 0 ? rec->fd : 0;
	hcb_diskrec_pack_header(h, head);
	if (!r && (r = hcb_write_all(rec->fd, head, sizeof(head))))
		hcb_err_sys(err, r, "record %s", path);
	if (!r && (r = -pthread_create(&rec->thread, NULL, writer, rec)))
		hcb_err_sys(err, r, "record %s: start a thread", path);
	if (r)
		let_go(rec);
	else
		*out = rec;
	return r;
}

json_t *disk_record_json(struct disk_recorder *rec)
{
	if (!rec)
		return json_null();
	int e = atomic_load(&rec->error);
	return json_pack("{s:s, s:I, s:I, s:s?}", "file", rec->path, "records",
	                 (json_int_t)atomic_load(&rec->head), "dropped",
	                 (json_int_t)atomic_load(&rec->dropped), "error",
	                 e ? strerror(-e) : NULL);
}

int disk_record_stop(struct disk_recorder *rec, struct hcb_err *err)
{
	if (!rec)
		return 0;
	atomic_store(&rec->stop, true);
	pthread_join(rec->thread, NULL);
	int r = atomic_load(&rec->error);
	if (!r && atomic_load(&rec->dropped))
		hcb_warn("record %s: %llu requests are not in it: its disk was too slow",
		         rec->path, (unsigned long long)atomic_load(&rec->dropped));
	if (r)
		hcb_err_sys(err, r, "record %s", rec->path);
	let_go(rec);
	return r;
}
