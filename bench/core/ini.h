/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * INI files over option tables. libinih reads the lines; this adds sections with names
 * ("[host h1 h2]"), tables of keys, and messages that name file, line and nearest key.
 */
#ifndef HCB_CORE_INI_H
#define HCB_CORE_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/core/err.h"
#include "bench/core/opt.h"

/*
 * Calls line() for every key in the file, in order; section is the whole text between the
 * brackets. Also calls it with key NULL when a section begins. A non-zero return stops.
 * A line() that fails has filled err; this adds "FILE:LINE: " before its message.
 * Refuses: lines past 1000 characters, files past 1 MiB, NUL and other control bytes,
 * text that is not UTF-8 or neither section, key nor comment, files that are not regular.
 * A comment begins with ; or # (inline: after white space, ;).
 */
typedef int hcb_ini_line_fn(void *arg, const char *section, const char *key,
                            const char *value, int lineno, struct hcb_err *err);
int hcb_ini_read(const char *path, hcb_ini_line_fn *line, void *arg, struct hcb_err *err);
/* The same over a string; name stands for the file in messages. */
int hcb_ini_read_string(const char *text, const char *name, hcb_ini_line_fn *line,
                        void *arg, struct hcb_err *err);

/* One kind of section: "[name]" or "[name NAMES...]". */
struct hcb_ini_kind {
	const char *name;
	bool named;
	const struct hcb_opt *opts;
};
/*
 * Which of n kinds `section` is, or -EINVAL with the nearest. What follows the kind's
 * name is copied to names (HCB_INI_NAMES bytes); empty, or not, as `named` asks.
 */
#define HCB_INI_NAMES 1024
int hcb_ini_kind(const struct hcb_ini_kind *kinds, size_t n, const char *section,
                 char *names, struct hcb_err *err);
/* hcb_opt_set, refusing a key given twice in one section: *seen is zero when it begins.
   Tables of up to 64 keys. */
int hcb_ini_opt(const struct hcb_opt *opts, void *conf, const char *where, uint64_t *seen,
                const char *key, const char *value, struct hcb_err *err);
/* [a-z0-9-]{1,24}, not beginning with "-": what becomes part of names on this machine. */
bool hcb_ini_is_name(const char *s);

#endif
