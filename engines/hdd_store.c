/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store's life, and moving data in and out. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engines/hdd_store_internal.h"

#define BATCH 256u /* pages copied by one call */

/* ---- life ---- */

/* The pages that a cache can make dirty, each extent two of them in part, and once more
   while they are written out; and every flying write. */
static uint64_t most_undo(const struct hdd_store_config *cfg)
{
	uint64_t dirty = cfg->cache_bytes / PAGE + 2 * cfg->cache_cmds + 64;
	uint64_t flying = cfg->depth * (cfg->max_len / PAGE + 2);
	return 2 * dirty + flying;
}

static void *map_bytes(uint64_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static int allocate(struct hdd_store *st)
{
	uint32_t buckets = 64;
	while (buckets < st->n_undo / 4)
		buckets *= 2;
	st->bucket_mask = buckets - 1;
	st->fd = memfd_create("hcb-hdd", MFD_CLOEXEC);
	if (st->fd < 0 || ftruncate(st->fd, (off_t)st->size) != 0)
		return -errno;
	st->undo = map_bytes(st->n_undo * sizeof(*st->undo));
	st->former = map_bytes((uint64_t)st->n_undo * PAGE);
	st->bucket = map_bytes(hdd_n_buckets(st) * sizeof(*st->bucket));
	return st->undo && st->former && st->bucket ? 0 : -ENOMEM;
}

static void init_lock(struct hdd_store *st)
{
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&st->lock, &a);
	pthread_mutexattr_destroy(&a);
	pthread_cond_init(&st->still, NULL);
}

int hdd_store_new(struct hdd_store **out, const struct hdd_store_config *cfg)
{
	uint64_t n = most_undo(cfg);
	struct hdd_store *st = n < UINT32_MAX ? calloc(1, sizeof(*st)) : NULL;
	*out = st;
	if (!st)
		return -ENOMEM;
	st->n_undo = (uint32_t)n;
	st->size = cfg->size_bytes;
	st->data_max = cfg->data_bytes ? cfg->data_bytes : UINT64_MAX;
	st->fresh = 1;
	atomic_init(&st->is_volatile, true);
	init_lock(st);
	int r = allocate(st);
	if (r) {
		hdd_store_free(st);
		*out = NULL;
	}
	return r;
}

void hdd_store_free(struct hdd_store *st)
{
	if (!st)
		return;
	if (st->undo)
		munmap(st->undo, st->n_undo * sizeof(*st->undo));
	if (st->former)
		munmap(st->former, (uint64_t)st->n_undo * PAGE);
	if (st->bucket)
		munmap(st->bucket, hdd_n_buckets(st) * sizeof(*st->bucket));
	if (st->fd >= 0)
		close(st->fd);
	pthread_cond_destroy(&st->still);
	pthread_mutex_destroy(&st->lock);
	free(st);
}

/* ---- moving data: any thread ---- */

uint8_t hdd_sectors_of(uint64_t page, uint64_t off, uint64_t end)
{
	uint64_t first = page * PAGE, last = first + PAGE;
	uint64_t a = off > first ? (off - first) / SECTOR : 0;
	uint64_t b = end < last ? (end - first) / SECTOR : PAGE / SECTOR;
	return (uint8_t)((1u << b) - (1u << a));
}

/* Under the lock: entries for the pages of [off, end), in order; 0: out of them, which
   most_undo rules out. */
static uint32_t take_entries(struct hdd_store *st, uint64_t off, uint64_t end)
{
	uint32_t first = 0, *link = &first;
	for (uint64_t page = off / PAGE; page * PAGE < end; page++) {
		uint32_t i = st->unused;
		if (i)
			st->unused = st->undo[i].next;
		else if (st->fresh < st->n_undo)
			i = st->fresh++;
		else
			break;
		uint8_t mask = hdd_sectors_of(page, off, end);
		st->undo[i] = (struct undo){
		        .page = page, .flying = mask, .wrote = mask, .held = true};
		st->in_use++;
		*link = i;
		link = &st->undo[i].next;
	}
	return first;
}

/* Under the lock. */
static void put_entries(struct hdd_store *st, uint32_t first)
{
	while (first) {
		uint32_t next = st->undo[first].next;
		st->undo[first].next = st->unused;
		st->unused = first;
		st->in_use--;
		first = next;
	}
}

/* A thread begins to move data; -EIO: no power. */
static int begin_move(struct hdd_store *st, struct hdd_store_op *o)
{
	pthread_mutex_lock(&st->lock);
	int r = st->off ? -EIO : 0;
	st->movers += !r;
	o->first = 0;
	o->cuts = st->cuts;
	pthread_mutex_unlock(&st->lock);
	return r;
}

static int end_move(struct hdd_store *st, struct hdd_store_op *o, int r)
{
	pthread_mutex_lock(&st->lock);
	if (r) {
		put_entries(st, o->first);
		o->first = 0;
	}
	if (--st->movers == 0)
		pthread_cond_signal(&st->still);
	pthread_mutex_unlock(&st->lock);
	return r;
}

/* Keeps what [off, end) has before it is written over. */
static int keep_former(struct hdd_store *st, uint64_t off, uint64_t end,
                       struct hdd_store_op *o)
{
	struct iovec iov[BATCH];
	pthread_mutex_lock(&st->lock);
	o->first = take_entries(st, off, end);
	pthread_mutex_unlock(&st->lock);
	uint64_t page = off / PAGE;
	uint32_t i = o->first;
	while (i) {
		uint64_t at = page;
		int n = 0;
		for (; i && n < (int)BATCH; i = st->undo[i].next, page++)
			iov[n++] = (struct iovec){hdd_former(st, i), PAGE};
		int r = hdd_moved(preadv(st->fd, iov, n, (off_t)(at * PAGE)),
		                  (uint64_t)n * PAGE);
		if (r)
			return r;
	}
	return page * PAGE >= end ? 0 : -ENOMEM;
}

static uint64_t stored(const struct hdd_store *st)
{
	struct stat s;
	return fstat(st->fd, &s) == 0 ? (uint64_t)s.st_blocks * 512 : 0;
}

int hdd_store_write(struct hdd_store *st, uint64_t off, const void *buf, uint64_t len,
                    struct hdd_store_op *o)
{
	int r = begin_move(st, o);
	if (r)
		return r;
	if (stored(st) >= st->data_max)
		r = -ENOSPC;
	else if (atomic_load(&st->is_volatile))
		r = keep_former(st, off, off + len, o);
	if (!r)
		r = hdd_moved(pwrite(st->fd, buf, len, (off_t)off), len);
	return end_move(st, o, r);
}

int hdd_store_read(struct hdd_store *st, uint64_t off, void *buf, uint64_t len,
                   struct hdd_store_op *o)
{
	int r = begin_move(st, o);
	if (r)
		return r;
	return end_move(st, o, hdd_moved(pread(st->fd, buf, len, (off_t)off), len));
}

int hdd_store_discard(struct hdd_store *st, uint64_t off, uint64_t len,
                      struct hdd_store_op *o)
{
	int r = begin_move(st, o);
	if (r)
		return r;
	r = fallocate(st->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
	              (off_t)len);
	return end_move(st, o, r ? -errno : 0);
}

int hdd_store_touch(struct hdd_store *st, struct hdd_store_op *o)
{
	int r = begin_move(st, o);
	return r ? r : end_move(st, o, 0);
}

void hdd_undo_release(struct hdd_store *st, uint32_t spent)
{
	if (!spent)
		return;
	pthread_mutex_lock(&st->lock);
	put_entries(st, spent);
	pthread_mutex_unlock(&st->lock);
}

void hdd_store_set_volatile(struct hdd_store *st, bool on)
{
	atomic_store(&st->is_volatile, on);
}

void hdd_store_stat(const struct hdd_store *st, struct hdd_store_stat *s)
{
	*s = (struct hdd_store_stat){
	        .stored_bytes = stored(st),
	        .at_risk_bytes = (uint64_t)atomic_load(&st->in_use) * PAGE,
	        .cuts = st->cuts,
	        .sectors_lost = st->lost,
	        .sectors_kept = st->kept,
	};
}
