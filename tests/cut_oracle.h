/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may be on a disk after a power cut. Every write stamps its sectors with its
 * number; told when writes were sent and done and which became durable, the oracle knows
 * what each sector may hold: a version written to it (or what was there at the start),
 * unless a durable one was sent only after that version was done.
 */
#ifndef HCB_TESTS_CUT_ORACLE_H
#define HCB_TESTS_CUT_ORACLE_H

#include "hcb_test.h"

#define CUT_SECTOR     512u
#define CUT_SECTORS    256u /* the region under test */
#define CUT_MAX_WRITES 512u

struct cut_write {
	unsigned sector, n;
	uint64_t sent, done; /* in events; done 0: not yet */
	bool durable;
};

struct cut_oracle {
	uint64_t events;
	uint32_t first; /* number of write[0] */
	unsigned n;
	struct cut_write write[CUT_MAX_WRITES];
	uint32_t base[CUT_SECTORS]; /* what was there */
	/* over all cuts: sectors that hold the newest version, an older one, and pages
	   that hold parts of several */
	uint64_t newest, older, torn;
};

static inline void cut_init(struct cut_oracle *o)
{
	memset(o, 0, sizeof(*o));
	o->first = 1;
}

/* A new write: its number. */
static inline uint32_t cut_send(struct cut_oracle *o, unsigned sector, unsigned n)
{
	assert_true(o->n < CUT_MAX_WRITES && sector + n <= CUT_SECTORS);
	o->write[o->n] = (struct cut_write){sector, n, ++o->events, 0, false};
	return o->first + o->n++;
}

static inline void cut_done(struct cut_oracle *o, uint32_t number, bool durable)
{
	struct cut_write *w = &o->write[number - o->first];
	w->done = ++o->events;
	w->durable = durable;
}

/* Every write that was done by then is durable: a flush that was sent at event `sent` is
   done. */
static inline void cut_flushed(struct cut_oracle *o, uint64_t sent)
{
	for (unsigned i = 0; i < o->n; i++)
		if (o->write[i].done && o->write[i].done < sent)
			o->write[i].durable = true;
}

/* Sectors differ in every byte that could be exchanged; so a sector torn inside shows. */
static inline uint64_t cut_word(unsigned sector, uint32_t number)
{
	return (uint64_t)number << 32 | (uint64_t)sector << 16 | 0x5a5a;
}

static inline void cut_stamp(void *buf, unsigned sector, unsigned n, uint32_t number)
{
	uint64_t *p = buf;
	for (unsigned s = 0; s < n; s++)
		for (unsigned k = 0; k < CUT_SECTOR / 8; k++)
			*p++ = number ? cut_word(sector + s, number) : 0;
}

/* The number in a sector; false: it is not one version, or belongs elsewhere. */
static inline bool cut_read_stamp(const void *buf, unsigned sector, uint32_t *number)
{
	const uint64_t *p = buf;
	*number = (uint32_t)(p[0] >> 32);
	for (unsigned k = 0; k < CUT_SECTOR / 8; k++)
		if (p[k] != (*number ? cut_word(sector, *number) : 0))
			return false;
	return true;
}

static inline bool cut_covers(const struct cut_write *w, unsigned sector)
{
	return sector >= w->sector && sector < w->sector + w->n;
}

/* The newest version sent to a sector. */
static inline uint32_t cut_newest(const struct cut_oracle *o, unsigned sector)
{
	for (unsigned i = o->n; i-- > 0;)
		if (cut_covers(&o->write[i], sector))
			return o->first + i;
	return o->base[sector];
}

/* May the sector hold this version? */
static inline bool cut_allowed(const struct cut_oracle *o, unsigned sector,
                               uint32_t number)
{
	uint64_t done = 0; /* what was there was done before everything */
	if (number != o->base[sector]) {
		const struct cut_write *w = &o->write[number - o->first];
		if (number < o->first || number >= o->first + o->n ||
		    !cut_covers(w, sector))
			return false;
		done = w->done ? w->done : UINT64_MAX;
	}
	for (unsigned i = 0; i < o->n; i++) {
		const struct cut_write *w = &o->write[i];
		if (w->durable && cut_covers(w, sector) && w->sent > done)
			return false;
	}
	return true;
}

/*
 * buf: the whole region after the cut. Returns how many sectors hold what they must not;
 * what is there becomes what was there.
 */
static inline unsigned cut_check(struct cut_oracle *o, const void *buf)
{
	unsigned bad = 0;
	uint32_t page = 0;
	bool mixed = false;
	for (unsigned s = 0; s < CUT_SECTORS; s++) {
		uint32_t v;
		if (!cut_read_stamp((const char *)buf + s * CUT_SECTOR, s, &v) ||
		    !cut_allowed(o, s, v))
			bad++;
		o->newest += v == cut_newest(o, s) && v != o->base[s];
		o->older += v != cut_newest(o, s);
		mixed |= s % 8 && v != page;
		page = v;
		if (s % 8 == 7) {
			o->torn += mixed;
			mixed = false;
		}
		o->base[s] = v;
	}
	o->first += o->n;
	o->n = 0;
	return bad;
}

#endif
