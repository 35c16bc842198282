/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store's state, shared by its two halves: hdd_store.c (life, moving data) and
 * hdd_undo.c (what the medium has, power). Not for others.
 */
#ifndef HCB_ENGINES_HDD_STORE_INTERNAL_H
#define HCB_ENGINES_HDD_STORE_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "engines/hdd_store.h"

#define PAGE   HDD_STORE_PAGE
#define SECTOR 512u

/*
 * What one write replaced in one page. The masks have a bit for each of its 8 sectors:
 * the medium may still have that sector as it is in here. Entry 0 is none.
 */
struct undo {
	uint64_t page;
	uint8_t flying, dirty, sealed;
	uint8_t wrote;  /* what its write covers */
	bool held;      /* its write flies and will come back for it */
	uint32_t older; /* in its bucket: a page's entries stand newest first */
	uint32_t next;  /* of the same write, or free */
};

struct range {
	uint64_t off, end;
};

struct hdd_store {
	int fd;
	uint64_t size, data_max;
	atomic_bool is_volatile;

	pthread_mutex_t lock; /* this group */
	pthread_cond_t still;
	uint32_t unused, fresh; /* entries used before; from fresh on never */
	unsigned movers;        /* threads moving data */
	bool off;
	uint32_t cuts; /* written by the one thread, so it may read it without */

	atomic_uint in_use; /* entries; under the lock, but read by anybody */

	/* by one thread at a time */
	uint32_t n_undo;
	struct undo *undo;
	unsigned char *former; /* page i is what undo[i] replaced */
	uint32_t *bucket, bucket_mask;
	struct range sealed[4]; /* a visit crosses one slice's edge at most */
	unsigned n_sealed;
	uint64_t lost, kept;
};

/* hdd_store.c */

static inline uint64_t hdd_n_buckets(const struct hdd_store *st)
{
	return (uint64_t)st->bucket_mask + 1;
}

static inline unsigned char *hdd_former(const struct hdd_store *st, uint32_t i)
{
	return st->former + (uint64_t)i * PAGE;
}

/* 0 or -errno of a read or write that should have moved `want` bytes. */
static inline int hdd_moved(ssize_t n, uint64_t want)
{
	return n == (ssize_t)want ? 0 : n < 0 ? -errno : -EIO;
}

/* The sectors of a page that [off, end) covers, a bit each. */
uint8_t hdd_sectors_of(uint64_t page, uint64_t off, uint64_t end);
/* Entries linked by `next` are free again. */
void hdd_undo_release(struct hdd_store *st, uint32_t first);

#endif
