/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was read, held against the books: sector by sector, judged block by block. */
#include "bench/verify_internal.h"

#include <stdio.h>
#include <string.h>

#include "bench/stamp.h"

const char *hcb_verify_kind_name(enum hcb_verify_kind k)
{
	static const char *const names[HCB_VERIFY_KINDS] = {
	        [HCB_LOST] = "lost",
	        [HCB_TORN] = "torn",
	        [HCB_MISPLACED] = "misplaced",
	        [HCB_FOREIGN] = "foreign",
	        [HCB_UNREADABLE] = "unreadable",
	        [HCB_STALE] = "stale",
	};
	return names[k];
}

/* What the sectors of one block were found to be. */
struct seen {
	uint32_t good, stale, old, strange, broken; /* add up to the block's sectors */
	uint32_t smallest;                          /* number found; UINT32_MAX: none */
	enum hcb_verify_what what;                  /* the first strange one */
	bool misplaced;
	struct hcb_stamp from; /* then: the first such */
};

static enum hcb_verify_what what_is(const unsigned char *sector, bool stamped)
{
	if (stamped)
		return HCB_WHAT_OTHER_RUN;
	for (uint32_t i = 0; i < HCB_STAMP_SECTOR; i++)
		if (sector[i])
			return HCB_WHAT_BYTES;
	return HCB_WHAT_ZEROS;
}

static void see_strange(struct seen *s, const struct verify_block *b,
                        const unsigned char *sector, bool stamped)
{
	enum hcb_verify_what what = what_is(sector, stamped);
	if (!b->done) {
		s->good++; /* nothing else was ever to be here */
		return;
	}
	s->what = s->what ? s->what : what;
	if (b->durable)
		s->strange++;
	else
		s->stale++;
}

static void see_sector(const struct hcb_verify *v, unsigned dev, uint64_t off,
                       const struct verify_block *b, const unsigned char *sector,
                       struct seen *s)
{
	struct hcb_stamp st;
	enum hcb_stamp_state state = hcb_stamp_get(sector, &st);
	if (state == HCB_STAMP_NONE || st.run != v->conf.run) {
		see_strange(s, b, sector, state != HCB_STAMP_NONE);
		return;
	}
	if (st.off != off || st.dev != dev) {
		if (!s->misplaced)
			s->from = st;
		s->misplaced = true;
		s->strange++;
		return;
	}
	s->smallest = st.seq < s->smallest ? st.seq : s->smallest;
	if (state == HCB_STAMP_BAD_BODY || st.seq > b->issued)
		s->broken++;
	else if (st.seq < b->durable)
		s->old++;
	else if (st.seq < b->done)
		s->stale++;
	else
		s->good++;
}

/* False: all is as it has to be. */
static bool kind_of(const struct seen *s, enum hcb_verify_kind *kind)
{
	bool some_right = s->good + s->stale > 0;
	if (s->misplaced)
		*kind = HCB_MISPLACED;
	else if (s->broken || (some_right && s->old + s->strange))
		*kind = HCB_TORN;
	else if (s->old)
		*kind = HCB_LOST;
	else if (s->strange)
		*kind = HCB_FOREIGN;
	else if (s->stale)
		*kind = HCB_STALE;
	else
		return false;
	return true;
}

static uint16_t region_of(const struct hcb_verify_config *c, unsigned dev, uint64_t off)
{
	for (unsigned i = 0; i < c->n_regions; i++)
		if (c->region[i].dev == dev && off >= c->region[i].base &&
		    off - c->region[i].base < c->region[i].bytes)
			return (uint16_t)i;
	return (uint16_t)c->n_regions;
}

static void count_block(struct hcb_verify *v, unsigned dev, uint64_t off,
                        const struct verify_block *b, bool in_run)
{
	struct hcb_verify_counts *n = in_run ? &v->res.in_run : &v->res.after;
	uint16_t region = region_of(&v->conf, dev, off);
	n->blocks++;
	n->promised += b->durable > 0;
	if (!in_run && region < v->conf.n_regions) {
		v->res.volume[region].blocks++;
		v->res.volume[region].promised += b->durable > 0;
	}
}

static void note(struct hcb_verify *v, const struct hcb_verify_finding *f)
{
	if (f->region < v->conf.n_regions)
		v->res.volume[f->region].wrong++;
	if (v->res.n_first < HCB_VERIFY_FIRST)
		v->res.first[v->res.n_first++] = *f;
}

static void found(struct hcb_verify *v, unsigned dev, uint64_t off,
                  const struct verify_block *b, const struct seen *s,
                  enum hcb_verify_kind kind, bool in_run)
{
	struct hcb_verify_finding f = {
	        .kind = kind,
	        .in_run = in_run,
	        .dev = (uint16_t)dev,
	        .region = region_of(&v->conf, dev, off),
	        .off = off,
	        .expected = kind == HCB_STALE ? b->done : b->durable,
	        .found = s->smallest == UINT32_MAX ? 0 : s->smallest,
	        .bad_sectors = s->old + s->strange + s->broken,
	        .what = s->what,
	};
	if (kind == HCB_STALE)
		f.bad_sectors = s->stale;
	if (kind == HCB_MISPLACED) {
		f.found = s->from.seq;
		f.found_dev = s->from.dev;
		f.found_off = s->from.off;
	}
	note(v, &f);
}

static void look_at_block(struct hcb_verify *v, unsigned dev, uint64_t off,
                          const unsigned char *data, struct verify_block *b, bool in_run)
{
	struct hcb_verify_counts *n = in_run ? &v->res.in_run : &v->res.after;
	struct seen s = {.smallest = UINT32_MAX};
	enum hcb_verify_kind kind;
	hcb_verify_settle(&v->dev[dev], b);
	count_block(v, dev, off, b, in_run);
	for (uint32_t i = 0; i < v->conf.grain; i += HCB_STAMP_SECTOR)
		see_sector(v, dev, off + i, b, data + i, &s);
	if (!kind_of(&s, &kind))
		return;
	if (kind == HCB_STALE && (v->rollback || v->dev[dev].cuts)) {
		n->rolled_back++;
		return;
	}
	n->kind[kind]++;
	found(v, dev, off, b, &s, kind, in_run);
}

void hcb_verify_look(struct hcb_verify *v, unsigned dev, uint64_t off, const void *buf,
                     uint32_t len, bool in_run, uint32_t upto)
{
	const unsigned char *data = buf;
	for (uint32_t at = 0; at + v->conf.grain <= len; at += v->conf.grain) {
		struct verify_block *b = &v->dev[dev].block[(off + at) / v->conf.grain];
		if (b->issued && b->issued <= upto)
			look_at_block(v, dev, off + at, data + at, b, in_run);
	}
}

void hcb_verify_check(struct hcb_verify *v, unsigned dev, uint64_t off, const void *buf,
                      uint32_t len)
{
	hcb_verify_look(v, dev, off, buf, len, false, UINT32_MAX);
}

void hcb_verify_unreadable(struct hcb_verify *v, unsigned dev, uint64_t off, uint32_t len,
                           int error)
{
	for (uint64_t at = off; at < off + len; at += v->conf.grain) {
		struct verify_block *b = &v->dev[dev].block[at / v->conf.grain];
		struct hcb_verify_finding f = {
		        .kind = HCB_UNREADABLE,
		        .dev = (uint16_t)dev,
		        .region = region_of(&v->conf, dev, at),
		        .off = at,
		        .bad_sectors = v->conf.grain / HCB_STAMP_SECTOR,
		        .error = error,
		};
		if (!b->issued)
			continue;
		hcb_verify_settle(&v->dev[dev], b);
		f.expected = b->durable;
		count_block(v, dev, at, b, false);
		v->res.after.kind[HCB_UNREADABLE]++;
		note(v, &f);
	}
}

bool hcb_verify_rename(struct hcb_verify *v, unsigned dev, const char *text)
{
	struct hcb_verify_target *t = &v->conf.target[dev];
	int n = snprintf(t->text, sizeof(t->text), "%s", text);
	return n >= 0 && (size_t)n < sizeof(t->text);
}

void hcb_verify_allow_rollback(struct hcb_verify *v)
{
	v->rollback = true;
}

const struct hcb_verify_result *hcb_verify_result(const struct hcb_verify *v)
{
	return &v->res;
}

uint64_t hcb_verify_wrong(const struct hcb_verify *v)
{
	uint64_t n = 0;
	for (unsigned k = 0; k < HCB_VERIFY_KINDS; k++)
		n += v->res.in_run.kind[k] + v->res.after.kind[k];
	return n;
}

/* --- where to read --------------------------------------------------------------------
 */

/* First written block at or after i, n_blocks if there is none. */
static uint64_t next_written(const struct verify_dev *d, uint64_t i)
{
	while (i < d->n_blocks) {
		uint64_t word = d->written[i / 4096] >> (i / 64 % 64);
		if (!word) {
			i = (i / 4096 + 1) * 4096;
		} else if (!(word & 1)) {
			i = (i / 64 + (uint64_t)__builtin_ctzll(word)) * 64;
		} else {
			uint64_t end = (i / 64 + 1) * 64;
			for (; i < end && i < d->n_blocks; i++)
				if (d->block[i].issued)
					return i;
		}
	}
	return d->n_blocks;
}

bool hcb_verify_span(const struct hcb_verify *v, unsigned dev, uint64_t from_off,
                     uint32_t max_bytes, uint32_t gap_bytes, uint64_t *off, uint32_t *len)
{
	const struct verify_dev *d = &v->dev[dev];
	uint64_t max = max_bytes / v->conf.grain, gap = gap_bytes / v->conf.grain;
	uint64_t first = next_written(d, from_off / v->conf.grain), last = first;
	if (first == d->n_blocks)
		return false;
	for (;;) {
		uint64_t next = next_written(d, last + 1);
		if (next == d->n_blocks || next - last - 1 > gap ||
		    next - first + 1 > max)
			break;
		last = next;
	}
	*off = first * v->conf.grain;
	*len = (uint32_t)((last - first + 1) * v->conf.grain);
	return true;
}

uint64_t hcb_verify_written_bytes(const struct hcb_verify *v, unsigned dev)
{
	uint64_t n = 0;
	for (uint64_t i = next_written(&v->dev[dev], 0); i < v->dev[dev].n_blocks;
	     i = next_written(&v->dev[dev], i + 1))
		n++;
	return n * v->conf.grain;
}
