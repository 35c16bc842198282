/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engines/hdd_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int hdd_cache_init(struct hdd_cache *c, uint32_t cap)
{
	memset(c, 0, sizeof(*c));
	c->cap = cap;
	c->ext = calloc(cap, sizeof(*c->ext));
	c->by_lba = calloc(cap, sizeof(*c->by_lba));
	c->unused = calloc(cap, sizeof(*c->unused));
	if (!c->ext || !c->by_lba || !c->unused) {
		hdd_cache_free(c);
		return -ENOMEM;
	}
	hdd_cache_clear(c);
	return 0;
}

void hdd_cache_free(struct hdd_cache *c)
{
	free(c->ext);
	free(c->by_lba);
	free(c->unused);
	memset(c, 0, sizeof(*c));
}

void hdd_cache_clear(struct hdd_cache *c)
{
	for (uint32_t i = 0; i < c->cap; i++)
		c->unused[i] = c->cap - 1 - i;
	c->n = 0;
	c->sectors = 0;
	c->oldest = c->newest = HDD_NO_EXTENT;
}

/* Index in by_lba of the first extent that ends at or after lba. */
static uint32_t first_reaching(const struct hdd_cache *c, uint64_t lba)
{
	uint32_t lo = 0, hi = c->n;
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		const struct hdd_extent *e = &c->ext[c->by_lba[mid]];
		if (e->lba + e->n < lba)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void unlink_age(struct hdd_cache *c, uint32_t i)
{
	struct hdd_extent *e = &c->ext[i];
	if (e->older == HDD_NO_EXTENT)
		c->oldest = e->newer;
	else
		c->ext[e->older].newer = e->newer;
	if (e->newer == HDD_NO_EXTENT)
		c->newest = e->older;
	else
		c->ext[e->newer].older = e->older;
}

/* Links i just behind (newer than) the extent `older`, or as the newest. */
static void link_age(struct hdd_cache *c, uint32_t i, uint32_t older)
{
	struct hdd_extent *e = &c->ext[i];
	e->older = older;
	e->newer = older == HDD_NO_EXTENT ? c->oldest : c->ext[older].newer;
	if (older == HDD_NO_EXTENT)
		c->oldest = i;
	else
		c->ext[older].newer = i;
	if (e->newer == HDD_NO_EXTENT)
		c->newest = i;
	else
		c->ext[e->newer].older = i;
}

static void remove_at(struct hdd_cache *c, uint32_t pos)
{
	uint32_t i = c->by_lba[pos];
	unlink_age(c, i);
	c->sectors -= c->ext[i].n;
	c->n--;
	memmove(&c->by_lba[pos], &c->by_lba[pos + 1],
	        (c->n - pos) * sizeof(c->by_lba[0]));
	c->unused[c->cap - 1 - c->n] = i;
}

/* A new extent at by_lba[pos], younger than `older`. The caller has seen that n < cap. */
static void insert_at(struct hdd_cache *c, const struct hdd_geometry *g, uint32_t pos,
                      uint64_t lba, uint64_t n, uint32_t older)
{
	uint32_t i = c->unused[c->cap - 1 - c->n];
	struct hdd_extent *e = &c->ext[i];
	memmove(&c->by_lba[pos + 1], &c->by_lba[pos],
	        (c->n - pos) * sizeof(c->by_lba[0]));
	c->by_lba[pos] = i;
	c->n++;
	e->lba = lba;
	e->n = n;
	e->age = older == c->newest ? c->ages++ : c->ext[older].age;
	hdd_locate(g, lba, &e->at);
	link_age(c, i, older);
	c->sectors += n;
}

bool hdd_cache_add(struct hdd_cache *c, const struct hdd_geometry *g, uint64_t lba,
                   uint64_t n)
{
	uint32_t pos = first_reaching(c, lba);
	if (pos == c->n || c->ext[c->by_lba[pos]].lba > lba + n) {
		insert_at(c, g, pos, lba, n, c->newest);
		return false;
	}
	/* Everything up to the last extent touched becomes one; the oldest's place in the
	   order of age is kept, so that a hot spot does not stay unwritten for ever. */
	struct hdd_extent *e = &c->ext[c->by_lba[pos]];
	uint64_t from = e->lba < lba ? e->lba : lba;
	uint64_t to = e->lba + e->n > lba + n ? e->lba + e->n : lba + n;
	while (pos + 1 < c->n) {
		struct hdd_extent *o = &c->ext[c->by_lba[pos + 1]];
		if (o->lba > to)
			break;
		if (o->lba + o->n > to)
			to = o->lba + o->n;
		if (o->age < e->age) {
			uint32_t ei = c->by_lba[pos], older = o->older;
			e->age = o->age;
			unlink_age(c, ei);
			link_age(c, ei, older == ei ? e->older : older);
		}
		remove_at(c, pos + 1);
	}
	c->sectors += to - from - e->n;
	if (from != e->lba)
		hdd_locate(g, from, &e->at);
	e->lba = from;
	e->n = to - from;
	return true;
}

void hdd_cache_punch(struct hdd_cache *c, const struct hdd_geometry *g, uint64_t lba,
                     uint64_t n)
{
	uint64_t to = lba + n;
	for (uint32_t pos = first_reaching(c, lba + 1); pos < c->n;) {
		struct hdd_extent *e = &c->ext[c->by_lba[pos]];
		uint64_t end = e->lba + e->n;
		if (e->lba >= to)
			break;
		if (e->lba >= lba && end <= to) {
			remove_at(c, pos);
			continue;
		}
		if (e->lba < lba && end > to) {
			if (c->n == c->cap)
				break;
			c->sectors -= end - lba;
			e->n = lba - e->lba;
			insert_at(c, g, pos + 1, to, end - to, c->by_lba[pos]);
			break;
		}
		if (e->lba < lba) {
			c->sectors -= end - lba;
			e->n = lba - e->lba;
		} else {
			c->sectors -= to - e->lba;
			e->n = end - to;
			e->lba = to;
			hdd_locate(g, to, &e->at);
		}
		pos++;
	}
}

bool hdd_cache_covers(const struct hdd_cache *c, uint64_t lba, uint64_t n)
{
	uint32_t pos = first_reaching(c, lba + 1);
	if (pos == c->n)
		return false;
	const struct hdd_extent *e = &c->ext[c->by_lba[pos]];
	return e->lba <= lba && e->lba + e->n >= lba + n;
}

bool hdd_cache_touches(const struct hdd_cache *c, uint64_t lba, uint64_t n)
{
	uint32_t pos = first_reaching(c, lba);
	return pos < c->n && c->ext[c->by_lba[pos]].lba <= lba + n;
}

void hdd_cache_consume(struct hdd_cache *c, uint32_t i, uint64_t n,
                       const struct hdd_place *next)
{
	struct hdd_extent *e = &c->ext[i];
	if (n < e->n) {
		c->sectors -= n;
		e->lba += n;
		e->n -= n;
		e->at = *next;
		return;
	}
	remove_at(c, first_reaching(c, e->lba + 1));
}
