/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/verify_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/core/clock.h"
#include "bench/core/random.h"
#include "bench/core/units.h"
#include "bench/stamp.h"

#define BODY_BYTES  (8 * HCB_MIB)             /* bodies are cut from these */
#define LAST_NUMBER (UINT32_MAX - (1u << 20)) /* room for what is queued by then */

/* --- memory --------------------------------------------------------------------------
 */

/* Pages take memory when first written. */
static void *map_bytes(uint64_t n)
{
	void *p = mmap(NULL, n ? n : 1, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static void unmap_bytes(void *p, uint64_t n)
{
	if (p)
		munmap(p, n ? n : 1);
}

static uint64_t blocks_of(const struct hcb_verify_config *c, unsigned d)
{
	return (c->target[d].bytes + c->grain - 1) / c->grain;
}

static uint64_t books_bytes(uint64_t blocks)
{
	return blocks * sizeof(struct verify_block);
}

static uint64_t map_words(uint64_t blocks)
{
	return (blocks + 4095) / 4096; /* 64 blocks a bit, 64 bits a word */
}

static uint64_t buffer_bytes(const struct hcb_verify_config *c)
{
	return (uint64_t)c->n_ops * c->max_write_bytes;
}

static uint64_t body_bytes(const struct hcb_verify_config *c)
{
	return buffer_bytes(c) / HCB_STAMP_SECTOR * sizeof(uint64_t);
}

static uint64_t source_bytes(const struct hcb_verify_config *c)
{
	return c->n_ops ? BODY_BYTES + c->max_write_bytes : 0;
}

uint64_t hcb_verify_need_bytes(const struct hcb_verify_config *c)
{
	uint64_t n = 0;
	for (unsigned d = 0; d < c->n_targets; d++)
		n += books_bytes(blocks_of(c, d)) + map_words(blocks_of(c, d)) * 8;
	return n;
}

static int take_memory(struct hcb_verify *v)
{
	const struct hcb_verify_config *c = &v->conf;
	bool all = true;
	for (unsigned d = 0; d < c->n_targets; d++) {
		struct verify_dev *dev = &v->dev[d];
		dev->n_blocks = blocks_of(c, d);
		dev->epoch = 1;
		dev->block = map_bytes(books_bytes(dev->n_blocks));
		dev->written = map_bytes(map_words(dev->n_blocks) * 8);
		all = all && dev->block && dev->written;
	}
	v->op = map_bytes(c->n_ops * sizeof(*v->op));
	v->made = map_bytes(c->n_ops * sizeof(*v->made));
	v->buf = map_bytes(buffer_bytes(c));
	v->body = map_bytes(body_bytes(c));
	v->bytes = map_bytes(source_bytes(c));
	return all && v->op && v->made && v->buf && v->body && v->bytes ? 0 : -ENOMEM;
}

int hcb_verify_new(struct hcb_verify **out, const struct hcb_verify_config *c,
                   struct hcb_err *err)
{
	struct hcb_verify *v = calloc(1, sizeof(*v));
	*out = NULL;
	if (!v)
		return hcb_err_sys(err, -ENOMEM, "verify");
	v->conf = *c;
	if (take_memory(v)) {
		hcb_verify_free(v, false);
		return hcb_err_sys(
		        err, -ENOMEM, "verify: %llu MiB of books",
		        (unsigned long long)(hcb_verify_need_bytes(c) / HCB_MIB));
	}
	struct hcb_random r;
	hcb_random_init(&r, c->seed, 79);
	for (uint64_t i = 0; i + 8 <= source_bytes(c); i += 8) {
		uint64_t word = hcb_random_u64(&r);
		memcpy(v->bytes + i, &word, 8);
	}
	*out = v;
	return 0;
}

void hcb_verify_free(struct hcb_verify *v, bool abandoned)
{
	if (!v)
		return;
	const struct hcb_verify_config *c = &v->conf;
	for (unsigned d = 0; d < c->n_targets; d++) {
		unmap_bytes(v->dev[d].block, books_bytes(blocks_of(c, d)));
		unmap_bytes(v->dev[d].written, map_words(blocks_of(c, d)) * 8);
	}
	unmap_bytes(v->op, c->n_ops * sizeof(*v->op));
	unmap_bytes(v->made, c->n_ops * sizeof(*v->made));
	if (!abandoned)
		unmap_bytes(v->buf, buffer_bytes(c));
	unmap_bytes(v->body, body_bytes(c));
	unmap_bytes(v->bytes, source_bytes(c));
	free(v);
}

const struct hcb_verify_config *hcb_verify_config(const struct hcb_verify *v)
{
	return &v->conf;
}

/* --- bytes ---------------------------------------------------------------------------
 */

/* Fresh bodies for the first `len` bytes of an op's buffer, as far as they have none. */
static void make_bodies(struct hcb_verify *v, uint32_t index, uint32_t len)
{
	unsigned char *buf = v->buf + (uint64_t)index * v->conf.max_write_bytes;
	uint64_t *body =
	        v->body + (uint64_t)index * v->conf.max_write_bytes / HCB_STAMP_SECTOR;
	uint32_t from = v->made[index];
	/* Each slot begins at another place, so no two writes out at once are alike. */
	uint64_t at =
	        hcb_mix64(index + 1) % (BODY_BYTES / HCB_STAMP_SECTOR) * HCB_STAMP_SECTOR;
	memcpy(buf + from, v->bytes + at + from, len - from);
	for (uint32_t i = from; i < len; i += HCB_STAMP_SECTOR)
		body[i / HCB_STAMP_SECTOR] = hcb_stamp_body_hash(buf + i);
	v->made[index] = len;
}

static bool fits(const struct hcb_verify *v, const struct hcb_op *op)
{
	const struct hcb_verify_config *c = &v->conf;
	return op->dev < c->n_targets && op->len && op->off % c->grain == 0 &&
	       op->len % c->grain == 0 && op->len <= c->max_write_bytes &&
	       (op->off + op->len) / c->grain <= v->dev[op->dev].n_blocks;
}

static void fill(struct hcb_verify *v, struct hcb_op *op)
{
	struct verify_dev *d = &v->dev[op->dev];
	unsigned char *buf = v->buf + (uint64_t)op->index * v->conf.max_write_bytes;
	const uint64_t *body = v->body + (uint64_t)op->index * v->conf.max_write_bytes /
	                                         HCB_STAMP_SECTOR;
	struct hcb_stamp s = {.run = v->conf.run,
	                      .seq = ++d->numbers,
	                      .dev = op->dev,
	                      .region = op->region};
	if (op->len > v->made[op->index])
		make_bodies(v, op->index, op->len);
	for (uint32_t i = 0; i < op->len; i += HCB_STAMP_SECTOR) {
		s.off = op->off + i;
		hcb_stamp_put(buf + i, &s, body[i / HCB_STAMP_SECTOR]);
	}
	v->op[op->index].seq = s.seq;
}

const char *hcb_verify_trouble(struct hcb_verify *v)
{
	for (unsigned d = 0; d < v->conf.n_targets && !v->trouble[0]; d++)
		if (v->dev[d].numbers >= LAST_NUMBER || v->dev[d].epoch >= LAST_NUMBER)
			snprintf(v->trouble, sizeof(v->trouble),
			         "verify: %u writes or flushes of one target are as many "
			         "as can be numbered",
			         LAST_NUMBER);
	return v->trouble[0] ? v->trouble : NULL;
}

void hcb_verify_fill(struct hcb_verify *v, struct hcb_op *op)
{
	uint64_t from = v->conf.timed ? hcb_monotonic_ns() : 0;
	op->buf = v->buf + (uint64_t)op->index * v->conf.max_write_bytes;
	if (!fits(v, op)) {
		snprintf(v->trouble, sizeof(v->trouble),
		         "verify: a write of %u bytes at %llu is not of whole blocks of "
		         "%u",
		         op->len, (unsigned long long)op->off, v->conf.grain);
		return;
	}
	fill(v, op);
	v->res.fills++;
	if (v->conf.timed)
		v->res.fill_ns += hcb_monotonic_ns() - from;
}

/* --- floors --------------------------------------------------------------------------
 */

enum fate { WAITS, COVERED, HOPELESS };

static enum fate fate_of(const struct verify_dev *d, uint32_t epoch)
{
	unsigned lo = 0, hi = d->n_gaps; /* the first gap that ends past epoch */
	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		if (d->gap[mid].to <= epoch)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < d->n_gaps && epoch >= d->gap[lo].from)
		return HOPELESS;
	return epoch < d->durable ? COVERED : WAITS;
}

/* If the older one waits, so does the newer: its epoch is larger. */
void hcb_verify_settle(const struct verify_dev *d, struct verify_block *b)
{
	while (b->older.epoch) {
		enum fate f = fate_of(d, b->older.epoch);
		if (f == WAITS)
			return;
		if (f == COVERED && b->older.floor > b->durable)
			b->durable = b->older.floor;
		b->older = b->newer;
		b->newer.epoch = 0;
	}
}

/* What is done by now and no flush has covered never will be. */
static void give_up(struct verify_dev *d)
{
	uint32_t from = d->durable, to = ++d->epoch;
	unsigned n = d->n_gaps;
	/* No flush came back since the last gap: it goes on. With no gap left it does
	   too, and promises less than it could. */
	if (n && (from <= d->gap[n - 1].to || n == VERIFY_GAPS)) {
		d->gap[n - 1].to = to;
		return;
	}
	d->gap[n].from = from;
	d->gap[n].to = to;
	d->n_gaps++;
}

static void raise(uint32_t *floor, uint32_t to)
{
	if (to > *floor)
		*floor = to;
}

static void wait_for_flush(const struct verify_dev *d, struct verify_block *b,
                           uint32_t floor)
{
	hcb_verify_settle(d, b);
	if (!b->older.epoch) {
		b->older = (struct verify_waiting){floor, d->epoch};
	} else if (b->older.epoch == d->epoch) {
		raise(&b->older.floor, floor);
	} else {
		if (!b->newer.epoch)
			b->newer.floor = 0;
		raise(&b->newer.floor, floor);
		b->newer.epoch = d->epoch;
	}
}

/* --- the run loop --------------------------------------------------------------------
 */

/* The smallest number among the writes out that overlap [off, off + len). */
static uint32_t oldest_overlap(const struct hcb_verify *v, unsigned dev, uint64_t off,
                               uint32_t len, uint32_t own)
{
	uint32_t min = own;
	for (uint32_t i = 0; i < v->conf.n_ops; i++) {
		const struct verify_op *o = &v->op[i];
		if (o->state == VERIFY_WRITE && o->dev == dev && o->seq < min &&
		    o->off < off + len && off < o->off + o->len)
			min = o->seq;
	}
	return min;
}

static void write_sent(struct hcb_verify *v, unsigned dev, const struct hcb_op *op)
{
	struct verify_dev *d = &v->dev[dev];
	struct verify_op *o = &v->op[op->index];
	uint64_t first = op->off / v->conf.grain, n = op->len / v->conf.grain;
	bool overlaps = false;
	for (uint64_t i = first; i < first + n; i++) {
		struct verify_block *b = &d->block[i];
		overlaps |= b->out > 0;
		b->out++;
		b->issued = o->seq;
		d->written[i / 4096] |= (uint64_t)1 << (i / 64 % 64);
	}
	d->sent = o->seq;
	o->floor = overlaps ? oldest_overlap(v, dev, op->off, op->len, o->seq) : o->seq;
	o->state = VERIFY_WRITE;
}

/* A read is looked at only if no write to its blocks is out, or is sent before it is
   done. */
static void read_sent(struct hcb_verify *v, unsigned dev, const struct hcb_op *op)
{
	struct verify_dev *d = &v->dev[dev];
	struct verify_op *o = &v->op[op->index];
	uint64_t first = op->off / v->conf.grain,
	         end = (op->off + op->len) / v->conf.grain;
	o->state = VERIFY_IDLE;
	if (op->off % v->conf.grain || op->len % v->conf.grain || end > d->n_blocks)
		return;
	for (uint64_t i = first; i < end; i++)
		if (d->block[i].out)
			return;
	o->state = VERIFY_READ;
	o->seq = d->sent;
}

void hcb_verify_sent(struct hcb_verify *v, unsigned dev, struct hcb_op *const *ops,
                     unsigned n, uint32_t power_cuts)
{
	struct verify_dev *d = &v->dev[dev];
	if (power_cuts != d->cuts) {
		d->cuts = power_cuts;
		give_up(d);
	}
	for (unsigned i = 0; i < n; i++) {
		const struct hcb_op *op = ops[i];
		struct verify_op *o = &v->op[op->index];
		o->dev = (uint16_t)dev;
		o->off = op->off;
		o->len = op->len;
		if (op->kind == HCB_WRITE && fits(v, op)) {
			write_sent(v, dev, op);
		} else if (op->kind == HCB_READ) {
			read_sent(v, dev, op);
		} else if (op->kind == HCB_FLUSH) {
			o->state = VERIFY_FLUSH;
			o->seq = ++d->epoch;
		} else {
			o->state = VERIFY_IDLE;
		}
	}
}

static void write_done(struct hcb_verify *v, const struct verify_op *o,
                       const struct hcb_op *op)
{
	struct verify_dev *d = &v->dev[o->dev];
	bool durable = (op->flags & HCB_OP_FUA) || v->conf.target[o->dev].always_durable;
	uint64_t first = o->off / v->conf.grain, n = o->len / v->conf.grain;
	for (uint64_t i = first; i < first + n; i++) {
		struct verify_block *b = &d->block[i];
		b->out--;
		if (op->result) {
			b->frozen = 1;
		} else if (!b->frozen) {
			raise(&b->done, o->floor);
			if (durable)
				raise(&b->durable, o->floor);
			else
				wait_for_flush(d, b, o->floor);
		}
	}
}

static void read_done(struct hcb_verify *v, const struct verify_op *o,
                      const struct hcb_op *op)
{
	uint64_t from = v->conf.timed ? hcb_monotonic_ns() : 0;
	hcb_verify_look(v, o->dev, o->off, op->buf, o->len, true, o->seq);
	v->res.checks++;
	if (v->conf.timed)
		v->res.check_ns += hcb_monotonic_ns() - from;
}

void hcb_verify_done(struct hcb_verify *v, const struct hcb_op *op)
{
	struct verify_op *o = &v->op[op->index];
	struct verify_dev *d = &v->dev[o->dev];
	enum verify_op_state state = o->state;
	o->state = VERIFY_IDLE;
	if (op->result)
		give_up(d);
	switch (state) {
	case VERIFY_WRITE:
		write_done(v, o, op);
		break;
	case VERIFY_FLUSH:
		if (!op->result)
			raise(&d->durable, o->seq);
		break;
	case VERIFY_READ:
		if (!op->result)
			read_done(v, o, op);
		break;
	case VERIFY_IDLE:
		break;
	}
}

/* --- for keeping the books ------------------------------------------------------------
 */

void hcb_verify_get(struct hcb_verify *v, unsigned dev, uint64_t off,
                    struct hcb_verify_entry *out)
{
	struct verify_block *b = &v->dev[dev].block[off / v->conf.grain];
	hcb_verify_settle(&v->dev[dev], b);
	*out = (struct hcb_verify_entry){b->issued, b->done, b->durable};
}

void hcb_verify_set(struct hcb_verify *v, unsigned dev, uint64_t off,
                    const struct hcb_verify_entry *e)
{
	uint64_t i = off / v->conf.grain;
	struct verify_block *b = &v->dev[dev].block[i];
	b->issued = e->issued;
	b->done = e->done;
	b->durable = e->durable;
	v->dev[dev].written[i / 4096] |= (uint64_t)1 << (i / 64 % 64);
}
