/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the medium has of each sector, and what a power cut makes of it. */
#include <errno.h>
#include <unistd.h>

#include "bench/core/random.h"
#include "engines/hdd_store_internal.h"

/* ---- what is on the medium: one thread at a time ---- */

static uint32_t *bucket_of(struct hdd_store *st, uint64_t page)
{
	return &st->bucket[hcb_mix64(page) & st->bucket_mask];
}

/* The first entry of the page from i on. */
static uint32_t of_page(const struct hdd_store *st, uint32_t i, uint64_t page)
{
	while (i && st->undo[i].page != page)
		i = st->undo[i].older;
	return i;
}

/* From entry i on, the newest first, the medium has none of these sectors any more. */
static void obsolete(struct hdd_store *st, uint32_t i, uint64_t page, uint8_t mask)
{
	uint8_t left = (uint8_t)~mask;
	for (i = of_page(st, i, page); i; i = of_page(st, st->undo[i].older, page)) {
		st->undo[i].flying &= left;
		st->undo[i].dirty &= left;
		st->undo[i].sealed &= left;
	}
}

/* Unlinks the page's entries that hold nothing any more, onto *spent. */
static void sweep(struct hdd_store *st, uint64_t page, uint32_t *spent)
{
	uint32_t *link = bucket_of(st, page);
	while (*link) {
		uint32_t i = *link;
		struct undo *u = &st->undo[i];
		if (u->page != page || u->held || u->flying || u->dirty || u->sealed) {
			link = &u->older;
			continue;
		}
		*link = u->older;
		u->next = *spent;
		*spent = i;
	}
}

bool hdd_store_submitted(struct hdd_store *st, struct hdd_store_op *o)
{
	if (o->cuts != st->cuts) {
		hdd_undo_release(st, o->first);
		o->first = 0;
		return false;
	}
	for (uint32_t i = o->first; i; i = st->undo[i].next) {
		uint32_t *bucket = bucket_of(st, st->undo[i].page);
		st->undo[i].older = *bucket;
		*bucket = i;
	}
	return true;
}

/* What is dirty from an older write: the medium has what that one replaced, and the data
   between the two is nowhere any more. */
static void become_dirty(struct hdd_store *st, struct undo *u)
{
	uint8_t mask = u->flying;
	for (uint32_t i = of_page(st, u->older, u->page); i;
	     i = of_page(st, st->undo[i].older, u->page))
		mask &= (uint8_t)~st->undo[i].dirty;
	u->flying = 0;
	u->dirty = mask;
}

/* On the medium: the cache has dropped what it had there, of writes sent later too that
   were accepted while this one waited. */
static void become_durable(struct hdd_store *st, uint32_t i)
{
	uint64_t page = st->undo[i].page;
	uint8_t mask = st->undo[i].wrote, left = (uint8_t)~mask;
	uint32_t k = of_page(st, *bucket_of(st, page), page);
	for (; k; k = of_page(st, st->undo[k].older, page)) {
		st->undo[k].dirty &= left;
		st->undo[k].sealed &= left;
	}
	obsolete(st, i, page, mask);
}

static void arrived(struct hdd_store *st, struct hdd_store_op *o, bool on_medium)
{
	uint32_t spent = 0, next;
	if (o->cuts != st->cuts)
		return;
	for (uint32_t i = o->first; i; i = next) {
		struct undo *u = &st->undo[i];
		uint64_t page = u->page;
		next = u->next;
		u->held = false;
		if (on_medium)
			become_durable(st, i);
		else
			become_dirty(st, u);
		sweep(st, page, &spent);
	}
	o->first = 0;
	hdd_undo_release(st, spent);
}

void hdd_store_cached(struct hdd_store *st, struct hdd_store_op *o)
{
	arrived(st, o, false);
}

void hdd_store_written(struct hdd_store *st, struct hdd_store_op *o)
{
	arrived(st, o, true);
}

void hdd_store_destaging(struct hdd_store *st, uint64_t off, uint64_t len)
{
	uint64_t end = off + len;
	if (st->n_sealed == sizeof(st->sealed) / sizeof(st->sealed[0]))
		return;
	st->sealed[st->n_sealed++] = (struct range){off, end};
	for (uint64_t page = off / PAGE; page * PAGE < end; page++) {
		uint8_t mask = hdd_sectors_of(page, off, end);
		uint32_t i = of_page(st, *bucket_of(st, page), page);
		for (; i; i = of_page(st, st->undo[i].older, page)) {
			struct undo *u = &st->undo[i];
			u->sealed |= u->dirty & mask;
			u->dirty &= (uint8_t)~mask;
		}
	}
}

static void unseal(struct hdd_store *st, uint64_t page, uint8_t mask, uint32_t *spent)
{
	uint32_t i = of_page(st, *bucket_of(st, page), page);
	for (; i; i = of_page(st, st->undo[i].older, page))
		obsolete(st, i, page, st->undo[i].sealed & mask);
	sweep(st, page, spent);
}

void hdd_store_destaged(struct hdd_store *st)
{
	uint32_t spent = 0;
	for (unsigned k = 0; k < st->n_sealed; k++) {
		const struct range *r = &st->sealed[k];
		for (uint64_t page = r->off / PAGE; page * PAGE < r->end; page++)
			unseal(st, page, hdd_sectors_of(page, r->off, r->end), &spent);
	}
	st->n_sealed = 0;
	hdd_undo_release(st, spent);
}

static void settle_page(struct hdd_store *st, uint64_t page, uint64_t off, uint64_t end,
                        uint32_t *spent)
{
	obsolete(st, *bucket_of(st, page), page, hdd_sectors_of(page, off, end));
	sweep(st, page, spent);
}

void hdd_store_settle(struct hdd_store *st, uint64_t off, uint64_t len)
{
	uint32_t spent = 0;
	uint64_t end = off + len, first = off / PAGE, last = (end - 1) / PAGE;
	if (atomic_load(&st->in_use) == 0)
		return;
	if (last - first < hdd_n_buckets(st)) {
		for (uint64_t page = first; page <= last; page++)
			settle_page(st, page, off, end, &spent);
	} else {
		for (uint64_t b = 0; b < hdd_n_buckets(st); b++) {
			/* What is unlinked still leads on. */
			for (uint32_t i = st->bucket[b]; i; i = st->undo[i].older) {
				uint64_t page = st->undo[i].page;
				if (page >= first && page <= last)
					settle_page(st, page, off, end, &spent);
			}
		}
	}
	hdd_undo_release(st, spent);
}

void hdd_store_clean(struct hdd_store *st)
{
	uint32_t spent = 0;
	for (uint64_t b = 0; b < hdd_n_buckets(st); b++) {
		for (uint32_t i = st->bucket[b]; i; i = st->undo[i].older) {
			st->undo[i].dirty = st->undo[i].sealed = 0;
			sweep(st, st->undo[i].page, &spent);
		}
	}
	st->n_sealed = 0;
	hdd_undo_release(st, spent);
}

/* ---- power ---- */

/* Drawn for runs of 1 to 128 sectors, the same length throughout 64 KiB. */
static bool survives(uint64_t seed, double keep, uint64_t sector)
{
	uint64_t shift = hcb_mix64(seed + 2 * (sector >> 7)) % 8;
	uint64_t run = (sector >> shift) * 8 + shift;
	return (double)(hcb_mix64(hcb_mix64(seed) + 2 * run + 1) >> 11) * 0x1p-53 < keep;
}

/* One page after a cut: i is the newest entry of it. 0 or -errno. */
static int lose(struct hdd_store *st, uint32_t i, uint64_t seed, double keep)
{
	uint64_t page = st->undo[i].page;
	int r = 0;
	for (unsigned s = 0; s < PAGE / SECTOR; s++) {
		uint64_t sector = page * (PAGE / SECTOR) + s;
		uint32_t from = 0, n = 0;
		for (uint32_t k = i; k; k = of_page(st, st->undo[k].older, page)) {
			const struct undo *u = &st->undo[k];
			if (!((u->flying | u->dirty | u->sealed) >> s & 1))
				continue;
			n++; /* any of them, with equal chance */
			if (hcb_mix64(seed ^ hcb_mix64(sector + n)) % n == 0)
				from = k;
		}
		if (!n)
			continue;
		bool keeps = survives(seed, keep, sector);
		st->kept += keeps;
		st->lost += !keeps;
		if (!keeps && !r)
			r = hdd_moved(pwrite(st->fd, hdd_former(st, from) + s * SECTOR,
			                     SECTOR, (off_t)(sector * SECTOR)),
			              SECTOR);
	}
	return r;
}

int hdd_store_power_cut(struct hdd_store *st, uint64_t seed, double keep)
{
	uint32_t spent = 0;
	int r = 0;
	pthread_mutex_lock(&st->lock);
	st->off = true;
	st->cuts++;
	while (st->movers)
		pthread_cond_wait(&st->still, &st->lock);
	pthread_mutex_unlock(&st->lock);
	for (uint64_t b = 0; b < hdd_n_buckets(st); b++) {
		while (st->bucket[b]) {
			uint32_t i = st->bucket[b];
			uint64_t page = st->undo[i].page;
			int e = lose(st, i, seed, keep);
			r = r ? r : e;
			obsolete(st, i, page, 0xff);
			for (; i; i = of_page(st, st->undo[i].older, page))
				st->undo[i].held = false;
			sweep(st, page, &spent);
		}
	}
	st->n_sealed = 0;
	hdd_undo_release(st, spent);
	return r;
}

void hdd_store_power_on(struct hdd_store *st)
{
	pthread_mutex_lock(&st->lock);
	st->off = false;
	pthread_mutex_unlock(&st->lock);
}

bool hdd_store_powered(const struct hdd_store *st)
{
	return !st->off; /* only the thread that asks switches it */
}
