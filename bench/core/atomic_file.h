/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are there whole or not at all: written beside their target, flushed, renamed
 * into place, the directory flushed. A failure (a full disk, say) leaves the old file as
 * it was and nothing else; where the file system has O_TMPFILE, so does a kill while
 * writing.
 */
#ifndef HCB_CORE_ATOMIC_FILE_H
#define HCB_CORE_ATOMIC_FILE_H

#include <jansson.h>
#include <stddef.h>

#include "bench/core/err.h"

/*
 * May a result be written to path? To be asked before the run. Refused (exit code 14): an
 * existing file that is neither empty nor a result of hcbench (a JSON object with
 * "schema" and "hcbench"), anything that is not a regular file. A symbolic link stands
 * for what it points to. Exit code 2: no such directory; 1: not writable. Changes
 * nothing.
 */
int hcb_result_path_check(const char *path, struct hcb_err *err);

/*
 * Writes a result, after the same check. Members keep their order, reals have 17 digits
 * (glibc rounds them correctly, so they read the same whatever compiler built us), mode
 * 0644 less the umask.
 */
int hcb_write_json_atomic(const char *path, json_t *doc, struct hcb_err *err);

/* Any file of our own making; replaces without asking. path must not be a symbolic link.
 */
int hcb_write_atomic(const char *path, const void *data, size_t len, struct hcb_err *err);
/* The same for what is too large to be held: put writes it to fd, 0 or -errno. */
int hcb_write_atomic_from(const char *path, int (*put)(void *arg, int fd), void *arg,
                          struct hcb_err *err);
/* write(2) until all is written; 0 or -errno. */
int hcb_write_all(int fd, const void *data, size_t len);

#endif
