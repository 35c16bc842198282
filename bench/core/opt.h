/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options as data. One table per kind of thing (engine, workload, file section) drives
 * the parser, the help text, the messages and the echo into the result. A table ends with
 * an entry whose name is NULL. Values land in a plain struct at `offset`; nothing is
 * allocated.
 */
#ifndef HCB_CORE_OPT_H
#define HCB_CORE_OPT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/core/err.h"

enum hcb_opt_type {
	HCB_OPT_STR,      /* char[size], terminated */
	HCB_OPT_BOOL,     /* int */
	HCB_OPT_U64,      /* uint64_t */
	HCB_OPT_DOUBLE,   /* double */
	HCB_OPT_SIZE,     /* uint64_t bytes */
	HCB_OPT_DURATION, /* uint64_t ns */
	HCB_OPT_BITRATE,  /* uint64_t bit/s */
	HCB_OPT_RATE,     /* double per second */
	HCB_OPT_SHARE,    /* double, 1.0 = 100 % */
	HCB_OPT_ENUM,     /* int, index into names */
};

struct hcb_opt {
	const char *name;
	enum hcb_opt_type type;
	size_t offset;
	size_t size;              /* STR: bytes of the array */
	double min, max;          /* inclusive, in the base unit; both 0: no limit */
	const char *def;          /* parsed like user input; NULL: leave zeroed */
	const char *const *names; /* ENUM: NULL-terminated */
	const char *help; /* one line, with the source of the default if it has one */
	/* It came when there were results without it: its default is what was so before,
	   and never becomes another. */
	bool later;
};

/* Fills conf from the defaults. A default that does not parse is a bug: aborts. */
void hcb_opt_defaults(const struct hcb_opt *opts, void *conf);

/*
 * Sets one key. `where` names the object in messages ("engine hdd", "file x.ini:12").
 * Unknown key, bad value, out of range: exit code 2 with the nearest valid key.
 */
int hcb_opt_set(const struct hcb_opt *opts, void *conf, const char *where,
                const char *key, const char *value, struct hcb_err *err);
/* As hcb_opt_set, for "key=value". A bare "key" means "key=on" for booleans. */
int hcb_opt_set_pair(const struct hcb_opt *opts, void *conf, const char *where,
                     const char *pair, struct hcb_err *err);
const struct hcb_opt *hcb_opt_find(const struct hcb_opt *opts, const char *key);

/* Adds every option's present value to obj, units in key names (_bytes, _ns, ...). */
void hcb_opt_to_json(const struct hcb_opt *opts, const void *conf, json_t *obj);
/* Prints "  name=DEFAULT  help" lines. */
void hcb_opt_print_help(const struct hcb_opt *opts, void *file /* FILE * */);

/* The candidate with the smallest edit distance to word, NULL if none is near. */
const char *hcb_nearest(const char *word, const char *const *candidates, size_t n);

#endif
