/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of a served disk: every request that reached it. The format only; who writes
 * it is lab/disk_record.c. docs/served-disk.md has it in words.
 *
 * Little endian throughout. A header; then blocks of a block header and n records; last a
 * block header with n = 0 and the magic of the end. A file without that was cut off: what
 * stands before is good. Checksums are CRC-32C.
 */
#ifndef HCB_CORE_DISKREC_H
#define HCB_CORE_DISKREC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/core/err.h"

#define HCB_DISKREC_HEADER 640 /* bytes on disk */
#define HCB_DISKREC_BLOCK  40
#define HCB_DISKREC_RECORD 32
#define HCB_DISKREC_MOST   65536u /* records in a block */

struct hcb_diskrec_header {
	uint64_t started_unix_ns; /* the clock's 0 */
	uint64_t size_bytes;
	uint32_t block_bytes;
	double dilation; /* wall seconds per second of the clock */
	char target[512];
};

/* One request; in the file in the order of their ends. */
struct hcb_diskrec {
	uint64_t arrive_ns, done_ns; /* the disk's clock */
	uint64_t off;                /* bytes; flush: 0 */
	uint32_t len;
	uint8_t kind;   /* enum hcb_op_kind */
	uint16_t error; /* errno, 0: done as asked */
};

struct hcb_diskrec_block {
	uint32_t n;       /* records that follow */
	uint64_t before;  /* records in all blocks before */
	uint64_t dropped; /* that never came into the file, since it began */
	uint32_t crc;     /* of the records */
	bool end;
};

/* Arithmetic: to and from the bytes. unpack: false unless magic and checksum are right.
 */
void hcb_diskrec_pack_header(const struct hcb_diskrec_header *h, uint8_t *out);
bool hcb_diskrec_unpack_header(const uint8_t *in, struct hcb_diskrec_header *h);
void hcb_diskrec_pack(const struct hcb_diskrec *r, uint8_t *out);
bool hcb_diskrec_unpack(const uint8_t *in, struct hcb_diskrec *r);
void hcb_diskrec_pack_block(const struct hcb_diskrec_block *b, uint8_t *out);
bool hcb_diskrec_unpack_block(const uint8_t *in, struct hcb_diskrec_block *b);

/* Reading a file. */
struct hcb_diskrec_reader;
int hcb_diskrec_open(const char *path, struct hcb_diskrec_reader **rd,
                     struct hcb_err *err);
void hcb_diskrec_close(struct hcb_diskrec_reader *rd);
const struct hcb_diskrec_header *hcb_diskrec_header(const struct hcb_diskrec_reader *rd);
/* 1: a record; 0: no more; -errno with a message: what follows is damaged. */
int hcb_diskrec_next(struct hcb_diskrec_reader *rd, struct hcb_diskrec *r,
                     struct hcb_err *err);
/* After the last: was the file ended properly, and how many requests are not in it? */
bool hcb_diskrec_complete(const struct hcb_diskrec_reader *rd, uint64_t *dropped);

#endif
