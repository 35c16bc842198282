/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/diskrec.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/guard.h"
#include "bench/core/op.h"

#define VERSION 1u

static const char file_magic[8] = "HCBDISK";
static const char block_magic[8] = "HCBRECS", end_magic[8] = "HCBEND.";

/* ---- the bytes ---- */

static void put16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

enum { /* offsets in the header */
       AT_VERSION = 8,
       AT_RECORD = 12,
       AT_STARTED = 16,
       AT_SIZE = 24,
       AT_BLOCK = 32,
       AT_DILATION = 40, /* in millionths */
       AT_TARGET = 48,
       AT_CRC = HCB_DISKREC_HEADER - 4,
};

void hcb_diskrec_pack_header(const struct hcb_diskrec_header *h, uint8_t *out)
{
	memset(out, 0, HCB_DISKREC_HEADER);
	memcpy(out, file_magic, 8);
	put32(out + AT_VERSION, VERSION);
	put32(out + AT_RECORD, HCB_DISKREC_RECORD);
	put64(out + AT_STARTED, h->started_unix_ns);
	put64(out + AT_SIZE, h->size_bytes);
	put32(out + AT_BLOCK, h->block_bytes);
	put64(out + AT_DILATION, (uint64_t)(h->dilation * 1e6 + 0.5));
	memcpy(out + AT_TARGET, h->target, strnlen(h->target, sizeof(h->target) - 1));
	put32(out + AT_CRC, hcb_crc32c(out, AT_CRC));
}

bool hcb_diskrec_unpack_header(const uint8_t *in, struct hcb_diskrec_header *h)
{
	memset(h, 0, sizeof(*h));
	if (memcmp(in, file_magic, 8) != 0 || get32(in + AT_VERSION) != VERSION ||
	    get32(in + AT_RECORD) != HCB_DISKREC_RECORD ||
	    get32(in + AT_CRC) != hcb_crc32c(in, AT_CRC))
		return false;
	h->started_unix_ns = get64(in + AT_STARTED);
	h->size_bytes = get64(in + AT_SIZE);
	h->block_bytes = get32(in + AT_BLOCK);
	h->dilation = (double)get64(in + AT_DILATION) / 1e6;
	memcpy(h->target, in + AT_TARGET, sizeof(h->target) - 1);
	return true;
}

void hcb_diskrec_pack(const struct hcb_diskrec *r, uint8_t *out)
{
	put64(out, r->arrive_ns);
	put64(out + 8, r->done_ns);
	put64(out + 16, r->off);
	put32(out + 24, r->len);
	out[28] = r->kind;
	out[29] = 0;
	put16(out + 30, r->error);
}

bool hcb_diskrec_unpack(const uint8_t *in, struct hcb_diskrec *r)
{
	r->arrive_ns = get64(in);
	r->done_ns = get64(in + 8);
	r->off = get64(in + 16);
	r->len = get32(in + 24);
	r->kind = in[28];
	r->error = get16(in + 30);
	return r->kind < HCB_OP_KINDS && in[29] == 0;
}

void hcb_diskrec_pack_block(const struct hcb_diskrec_block *b, uint8_t *out)
{
	memcpy(out, b->end ? end_magic : block_magic, 8);
	put64(out + 8, b->before);
	put64(out + 16, b->dropped);
	put32(out + 24, b->n);
	put32(out + 28, b->crc);
	put32(out + 32, hcb_crc32c(out, 32));
	put32(out + 36, 0);
}

bool hcb_diskrec_unpack_block(const uint8_t *in, struct hcb_diskrec_block *b)
{
	b->end = memcmp(in, end_magic, 8) == 0;
	if ((!b->end && memcmp(in, block_magic, 8) != 0) ||
	    get32(in + 32) != hcb_crc32c(in, 32))
		return false;
	b->before = get64(in + 8);
	b->dropped = get64(in + 16);
	b->n = get32(in + 24);
	b->crc = get32(in + 28);
	return b->end ? b->n == 0 : b->n > 0 && b->n <= HCB_DISKREC_MOST;
}

/* ---- reading ---- */

struct hcb_diskrec_reader {
	FILE *f;
	char path[512];
	struct hcb_diskrec_header header;
	struct hcb_diskrec_block block;
	uint64_t seen;
	uint32_t next; /* in the block */
	bool over, complete;
	uint8_t *records; /* of one block */
};

int hcb_diskrec_open(const char *path, struct hcb_diskrec_reader **out,
                     struct hcb_err *err)
{
	uint8_t head[HCB_DISKREC_HEADER];
	struct hcb_diskrec_reader *rd = calloc(1, sizeof(*rd));
	int r = 0;
	*out = NULL;
	if (rd)
		rd->records = malloc((size_t)HCB_DISKREC_MOST * HCB_DISKREC_RECORD);
	if (!rd || !rd->records)
		r = hcb_err_sys(err, -ENOMEM, "open %s", path);
	else if (!(rd->f = fopen(path, "re")))
		r = hcb_err_sys(err, -errno, "open %s", path);
	else if (fread(head, 1, sizeof(head), rd->f) != sizeof(head) ||
	         !hcb_diskrec_unpack_header(head, &rd->header))
		r = hcb_err_usage(err, "read %s: not the record of a served disk", path);
	if (r) {
		hcb_diskrec_close(rd);
		return r;
	}
	snprintf(rd->path, sizeof(rd->path), "%s", path);
	*out = rd;
	return 0;
}

void hcb_diskrec_close(struct hcb_diskrec_reader *rd)
{
	if (!rd)
		return;
	if (rd->f)
		fclose(rd->f);
	free(rd->records);
	free(rd);
}

const struct hcb_diskrec_header *hcb_diskrec_header(const struct hcb_diskrec_reader *rd)
{
	return &rd->header;
}

static int damaged(struct hcb_diskrec_reader *rd, struct hcb_err *err)
{
	rd->over = true;
	return hcb_err_set(err, -EBADMSG, "read %s: damaged after %llu records", rd->path,
	                   (unsigned long long)rd->seen);
}

/* 1: there is a next block; 0: none; -errno. */
static int next_block(struct hcb_diskrec_reader *rd, struct hcb_err *err)
{
	uint8_t head[HCB_DISKREC_BLOCK];
	uint64_t dropped = rd->block.dropped;
	rd->next = rd->block.n = 0;
	if (fread(head, 1, sizeof(head), rd->f) != sizeof(head)) {
		rd->over = true; /* cut off */
		return ferror(rd->f) ? damaged(rd, err) : 0;
	}
	if (!hcb_diskrec_unpack_block(head, &rd->block) || rd->block.before != rd->seen) {
		rd->block.n = 0;
		rd->block.dropped = dropped;
		return damaged(rd, err);
	}
	size_t len = (size_t)rd->block.n * HCB_DISKREC_RECORD;
	if (rd->block.end) {
		rd->over = rd->complete = true;
		return 0;
	}
	if (fread(rd->records, 1, len, rd->f) != len) {
		rd->block.n = 0;
		rd->over = true;
		return 0;
	}
	if (rd->block.crc == hcb_crc32c(rd->records, len))
		return 1;
	rd->block.n = 0;
	return damaged(rd, err);
}

int hcb_diskrec_next(struct hcb_diskrec_reader *rd, struct hcb_diskrec *r,
                     struct hcb_err *err)
{
	if (rd->next == rd->block.n) {
		int k = rd->over ? 0 : next_block(rd, err);
		if (k <= 0)
			return k;
	}
	if (!hcb_diskrec_unpack(rd->records + (size_t)rd->next * HCB_DISKREC_RECORD, r))
		return damaged(rd, err);
	rd->next++;
	rd->seen++;
	return 1;
}

bool hcb_diskrec_complete(const struct hcb_diskrec_reader *rd, uint64_t *dropped)
{
	*dropped = rd->block.dropped;
	return rd->complete;
}
