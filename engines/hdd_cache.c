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
	c->end = calloc(cap, sizeof(*c->end));
	c->by_age = calloc(cap, sizeof(*c->by_age));
	c->unused = calloc(cap, sizeof(*c->unused));
	if (!c->ext || !c->by_lba || !c->end || !c->by_age || !c->unused) {
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
	free(c->end);
	free(c->by_age);
	free(c->unused);
	memset(c, 0, sizeof(*c));
}

void hdd_cache_clear(struct hdd_cache *c)
{
	for (uint32_t i = 0; i < c->cap; i++)
		c->unused[i] = c->cap - 1 - i;
	c->n = 0;
	c->sectors = 0;
}

/* Index in by_lba of the first extent that ends at or after lba. Halving without a branch
   that nobody could predict. */
static uint32_t first_reaching(const struct hdd_cache *c, uint64_t lba)
{
	uint32_t lo = 0, left = c->n;
	while (left > 1) {
		uint32_t half = left / 2;
		lo += half & (0u - (uint32_t)(c->end[lo + half - 1] < lba));
		left -= half;
	}
	return lo + (left && c->end[lo] < lba);
}

/* Of a list of n, a place at pos: made, closed. */
#define OPEN_GAP(list, n, pos)                                                           \
	memmove(&(list)[(pos) + 1], &(list)[pos], ((n) - (pos)) * sizeof((list)[0]))
#define CLOSE_GAP(list, n, pos)                                                          \
	memmove(&(list)[pos], &(list)[(pos) + 1], ((n) - (pos)-1) * sizeof((list)[0]))

/* Index in by_age of extent i. Who asks is mostly about to destage one of the oldest. */
static uint32_t age_of(const struct hdd_cache *c, uint32_t i)
{
	uint32_t k = 0;
	while (c->by_age[k].i != i)
		k++;
	return k;
}

static void note_age(struct hdd_cache *c, uint32_t i, uint32_t age_pos)
{
	const struct hdd_place *at = &c->ext[i].at;
	c->by_age[age_pos] = (struct hdd_aged){i, at->cyl, at->angle};
}

static void remove_at(struct hdd_cache *c, uint32_t pos, uint32_t age_pos)
{
	uint32_t i = c->by_lba[pos];
	c->sectors -= c->ext[i].n;
	CLOSE_GAP(c->by_age, c->n, age_pos);
	CLOSE_GAP(c->by_lba, c->n, pos);
	CLOSE_GAP(c->end, c->n, pos);
	c->n--;
	c->unused[c->cap - 1 - c->n] = i;
}

/* A new extent at by_lba[pos] and by_age[age_pos], as old as the one before it there
   unless it is the last. The caller has seen that n < cap. */
static void insert_at(struct hdd_cache *c, const struct hdd_geometry *g, uint32_t pos,
                      uint64_t lba, uint64_t n, uint32_t age_pos)
{
	uint32_t i = c->unused[c->cap - 1 - c->n];
	struct hdd_extent *e = &c->ext[i];
	e->lba = lba;
	e->n = n;
	e->age = age_pos == c->n ? c->ages++ : c->ext[c->by_age[age_pos - 1].i].age;
	hdd_locate(g, lba, &e->at);
	OPEN_GAP(c->by_lba, c->n, pos);
	OPEN_GAP(c->end, c->n, pos);
	OPEN_GAP(c->by_age, c->n, age_pos);
	c->by_lba[pos] = i;
	c->end[pos] = lba + n;
	note_age(c, i, age_pos);
	c->n++;
	c->sectors += n;
}

/* The extent at by_lba[pos] takes in the next one, and its age if that is older. */
static void swallow_next(struct hdd_cache *c, uint32_t pos)
{
	uint32_t ei = c->by_lba[pos], oi = c->by_lba[pos + 1];
	struct hdd_extent *e = &c->ext[ei];
	uint32_t gone = age_of(c, oi);
	if (c->ext[oi].age < e->age) {
		uint32_t was = age_of(c, ei);
		e->age = c->ext[oi].age;
		note_age(c, ei, gone);
		gone = was;
	}
	remove_at(c, pos + 1, gone);
}

static void begin_at(struct hdd_cache *c, uint32_t i, uint64_t lba,
                     const struct hdd_place *at)
{
	struct hdd_extent *e = &c->ext[i];
	e->lba = lba;
	e->at = *at;
	note_age(c, i, age_of(c, i));
}

bool hdd_cache_add(struct hdd_cache *c, const struct hdd_geometry *g, uint64_t lba,
                   uint64_t n)
{
	uint32_t pos = first_reaching(c, lba);
	if (pos == c->n || c->ext[c->by_lba[pos]].lba > lba + n) {
		insert_at(c, g, pos, lba, n, c->n);
		return false;
	}
	/* Everything up to the last extent touched becomes one; the oldest's place in the
	   order of age is kept, so that a hot spot does not stay unwritten for ever. */
	uint32_t i = c->by_lba[pos];
	struct hdd_extent *e = &c->ext[i];
	uint64_t from = e->lba < lba ? e->lba : lba;
	uint64_t to = e->lba + e->n > lba + n ? e->lba + e->n : lba + n;
	while (pos + 1 < c->n) {
		struct hdd_extent *o = &c->ext[c->by_lba[pos + 1]];
		if (o->lba > to)
			break;
		if (o->lba + o->n > to)
			to = o->lba + o->n;
		swallow_next(c, pos);
	}
	c->sectors += to - from - e->n;
	c->end[pos] = to;
	e->n = to - from;
	if (from != e->lba) {
		struct hdd_place at;
		hdd_locate(g, from, &at);
		begin_at(c, i, from, &at);
	}
	return true;
}

void hdd_cache_punch(struct hdd_cache *c, const struct hdd_geometry *g, uint64_t lba,
                     uint64_t n)
{
	uint64_t to = lba + n;
	for (uint32_t pos = first_reaching(c, lba + 1); pos < c->n;) {
		uint32_t i = c->by_lba[pos];
		struct hdd_extent *e = &c->ext[i];
		uint64_t end = e->lba + e->n;
		if (e->lba >= to)
			break;
		if (e->lba >= lba && end <= to) {
			remove_at(c, pos, age_of(c, i));
			continue;
		}
		if (e->lba < lba && end > to) {
			if (c->n == c->cap)
				break;
			c->sectors -= end - lba;
			e->n = lba - e->lba;
			c->end[pos] = lba;
			insert_at(c, g, pos + 1, to, end - to, age_of(c, i) + 1);
			break;
		}
		if (e->lba < lba) {
			c->sectors -= end - lba;
			e->n = lba - e->lba;
			c->end[pos] = lba;
		} else {
			struct hdd_place at;
			c->sectors -= to - e->lba;
			e->n = end - to;
			hdd_locate(g, to, &at);
			begin_at(c, i, to, &at);
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
		e->n -= n;
		begin_at(c, i, e->lba + n, next);
		return;
	}
	remove_at(c, first_reaching(c, e->lba + 1), age_of(c, i));
}
