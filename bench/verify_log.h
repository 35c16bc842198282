/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The books of --verify as a file (--verify-log), so that another process can read back
 * once the storage is there again. All numbers little-endian:
 *
 *   8 bytes   "HCBVLOG\n"
 *   u32       version: 1
 *   u32       length of the JSON that follows
 *   JSON      {"run","grain_bytes","targets":[{"target","bytes","always_durable"}],
 *              "regions":[{"volume","target","base","bytes"}],"about":{...}}
 *   runs of written blocks, ascending on each target:
 *     u32 target  u32 count  u64 first block
 *     count times  u32 newest number  u32 floor of what was done  u32 durable floor
 *   16 bytes  0xff
 *   u64       XXH3 of everything before
 *
 * 12 bytes for each block that was written. "about" is the caller's: what a person or the
 * verb that reads it needs to know of the run.
 */
#ifndef HCB_BENCH_VERIFY_LOG_H
#define HCB_BENCH_VERIFY_LOG_H

#include <jansson.h>

#include "bench/verify.h"

/* May a log be written to path? Refused (exit code 14): a file that is neither empty nor
   a log; exit code 2: no such directory. Changes nothing. */
int hcb_verify_log_check(const char *path, struct hcb_err *err);
/* Whole or not at all. about stays the caller's. */
int hcb_verify_log_write(const char *path, struct hcb_verify *v, const json_t *about,
                         struct hcb_err *err);
/* Books for reading back only; *about is the caller's to own. Not a log, or a damaged
   one: exit code 2. */
int hcb_verify_log_read(const char *path, struct hcb_verify **v, json_t **about,
                        struct hcb_err *err);
/* The same from memory; path is for messages. */
int hcb_verify_log_parse(const char *path, const void *data, size_t len,
                         struct hcb_verify **v, json_t **about, struct hcb_err *err);
/* What the last 8 bytes must be (for tests). */
uint64_t hcb_verify_log_hash(const void *data, size_t len);

#endif
