/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/opt.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/units.h"

#define MAX_KEYS 64

/* Levenshtein with one row; words here are short. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t row[65];
	if (lb > 64 || la > 64)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diag = row[0];
		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diag + (a[i - 1] != b[j - 1]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diag = row[j];
			row[j] = best;
		}
	}
	return row[lb];
}

const char *hcb_nearest(const char *word, const char *const *candidates, size_t n)
{
	const char *best = NULL;
	size_t best_d = strlen(word) / 2 + 2;
	for (size_t i = 0; i < n; i++) {
		size_t d = edit_distance(word, candidates[i]);
		if (d < best_d) {
			best_d = d;
			best = candidates[i];
		}
	}
	return best;
}

const struct hcb_opt *hcb_opt_find(const struct hcb_opt *opts, const char *key)
{
	for (; opts && opts->name; opts++)
		if (strcmp(opts->name, key) == 0)
			return opts;
	return NULL;
}

static int unknown_key(const struct hcb_opt *opts, const char *where, const char *key,
                       struct hcb_err *err)
{
	const char *names[MAX_KEYS];
	size_t n = 0;
	for (; opts && opts->name && n < MAX_KEYS; opts++)
		names[n++] = opts->name;
	const char *near = hcb_nearest(key, names, n);
	if (near)
		return hcb_err_usage(err, "%s: unknown key \"%s\"; did you mean \"%s\"?",
		                     where, key, near);
	return hcb_err_usage(err, "%s: unknown key \"%s\"", where, key);
}

static int parse_enum(const struct hcb_opt *o, const char *value, int *out)
{
	for (int i = 0; o->names[i]; i++)
		if (strcmp(o->names[i], value) == 0) {
			*out = i;
			return 0;
		}
	return -EINVAL;
}

static const char *expected(enum hcb_opt_type t)
{
	static const char *const text[] = {
	        [HCB_OPT_STR] = "a word",
	        [HCB_OPT_BOOL] = "on or off",
	        [HCB_OPT_U64] = "a whole number",
	        [HCB_OPT_DOUBLE] = "a number",
	        [HCB_OPT_SIZE] = "a size such as 8KiB",
	        [HCB_OPT_DURATION] = "a time such as 50ms",
	        [HCB_OPT_BITRATE] = "a bit rate such as 1Gbit",
	        [HCB_OPT_RATE] = "a rate such as 40/s",
	        [HCB_OPT_SHARE] = "a share such as 60%",
	        [HCB_OPT_ENUM] = "one of",
	};
	return text[t];
}

/* Parses into *num and, for integers, *whole. */
static int parse_value(const struct hcb_opt *o, const char *value, double *num,
                       uint64_t *whole, int *small)
{
	int r = -EINVAL;
	switch (o->type) {
	case HCB_OPT_STR:
		*num = (double)strlen(value);
		return 0;
	case HCB_OPT_BOOL:
		r = hcb_parse_bool(value, small);
		*num = *small;
		return r;
	case HCB_OPT_ENUM:
		r = parse_enum(o, value, small);
		*num = *small;
		return r;
	case HCB_OPT_U64:
		r = hcb_parse_u64(value, whole);
		break;
	case HCB_OPT_SIZE:
		r = hcb_parse_size(value, whole);
		break;
	case HCB_OPT_DURATION:
		r = hcb_parse_duration(value, whole);
		break;
	case HCB_OPT_BITRATE:
		r = hcb_parse_bitrate(value, whole);
		break;
	case HCB_OPT_DOUBLE:
		return hcb_parse_double(value, num);
	case HCB_OPT_RATE:
		return hcb_parse_rate(value, num);
	case HCB_OPT_SHARE:
		return hcb_parse_share(value, num);
	}
	*num = (double)*whole;
	return r;
}

static void store(const struct hcb_opt *o, void *conf, const char *value, double num,
                  uint64_t whole, int small)
{
	char *p = (char *)conf + o->offset;
	switch (o->type) {
	case HCB_OPT_STR:
		memset(p, 0, o->size);
		snprintf(p, o->size, "%s", value);
		break;
	case HCB_OPT_BOOL:
	case HCB_OPT_ENUM:
		*(int *)(void *)p = small;
		break;
	case HCB_OPT_U64:
	case HCB_OPT_SIZE:
	case HCB_OPT_DURATION:
	case HCB_OPT_BITRATE:
		*(uint64_t *)(void *)p = whole;
		break;
	case HCB_OPT_DOUBLE:
	case HCB_OPT_RATE:
	case HCB_OPT_SHARE:
		*(double *)(void *)p = num;
		break;
	}
}

static int bad_value(const struct hcb_opt *o, const char *where, const char *value,
                     struct hcb_err *err)
{
	if (o->type != HCB_OPT_ENUM)
		return hcb_err_usage(err, "%s: %s=%s: expected %s", where, o->name, value,
		                     expected(o->type));
	char list[256] = "";
	for (int i = 0; o->names[i]; i++) {
		size_t len = strlen(list);
		snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "",
		         o->names[i]);
	}
	return hcb_err_usage(err, "%s: %s=%s: expected one of %s", where, o->name, value,
	                     list);
}

int hcb_opt_set(const struct hcb_opt *opts, void *conf, const char *where,
                const char *key, const char *value, struct hcb_err *err)
{
	const struct hcb_opt *o = hcb_opt_find(opts, key);
	if (!o)
		return unknown_key(opts, where, key, err);
	double num = 0;
	uint64_t whole = 0;
	int small = 0;
	if (parse_value(o, value, &num, &whole, &small))
		return bad_value(o, where, value, err);
	if (o->type == HCB_OPT_STR && strlen(value) >= o->size)
		return hcb_err_usage(err, "%s: %s: longer than %zu characters", where,
		                     key, o->size - 1);
	if ((o->min != 0 || o->max != 0) && o->type != HCB_OPT_STR &&
	    !(num >= o->min && num <= o->max))
		return hcb_err_usage(err, "%s: %s=%s: out of range (%g to %g)", where,
		                     key, value, o->min, o->max);
	store(o, conf, value, num, whole, small);
	return 0;
}

int hcb_opt_set_pair(const struct hcb_opt *opts, void *conf, const char *where,
                     const char *pair, struct hcb_err *err)
{
	char key[64];
	const char *eq = strchr(pair, '=');
	size_t n = eq ? (size_t)(eq - pair) : strlen(pair);
	if (n == 0 || n >= sizeof(key))
		return hcb_err_usage(err, "%s: \"%s\": expected key=value", where, pair);
	memcpy(key, pair, n);
	key[n] = '\0';
	const struct hcb_opt *o = hcb_opt_find(opts, key);
	if (!eq && o && o->type != HCB_OPT_BOOL)
		return hcb_err_usage(err, "%s: \"%s\": expected key=value", where, pair);
	return hcb_opt_set(opts, conf, where, key, eq ? eq + 1 : "on", err);
}

void hcb_opt_defaults(const struct hcb_opt *opts, void *conf)
{
	for (const struct hcb_opt *o = opts; o && o->name; o++) {
		struct hcb_err err = HCB_ERR_INIT;
		if (o->def && hcb_opt_set(opts, conf, "default", o->name, o->def, &err)) {
			fprintf(stderr, "hcbench: bug: %s\n", err.msg);
			abort();
		}
	}
}

static json_t *value_json(const struct hcb_opt *o, const void *conf)
{
	const char *p = (const char *)conf + o->offset;
	switch (o->type) {
	case HCB_OPT_STR:
		return json_string(p);
	case HCB_OPT_BOOL:
		return json_boolean(*(const int *)(const void *)p);
	case HCB_OPT_ENUM:
		return json_string(o->names[*(const int *)(const void *)p]);
	case HCB_OPT_U64:
	case HCB_OPT_SIZE:
	case HCB_OPT_DURATION:
	case HCB_OPT_BITRATE:
		return json_integer((json_int_t) * (const uint64_t *)(const void *)p);
	case HCB_OPT_DOUBLE:
	case HCB_OPT_RATE:
	case HCB_OPT_SHARE:
		return json_real(*(const double *)(const void *)p);
	}
	return json_null();
}

void hcb_opt_to_json(const struct hcb_opt *opts, const void *conf, json_t *obj)
{
	static const char *const suffix[] = {
	        [HCB_OPT_SIZE] = "_bytes",
	        [HCB_OPT_DURATION] = "_ns",
	        [HCB_OPT_BITRATE] = "_bit_per_s",
	        [HCB_OPT_RATE] = "_per_s",
	        [HCB_OPT_ENUM] = NULL,
	};
	for (; opts && opts->name; opts++) {
		char key[80];
		const char *s = suffix[opts->type];
		snprintf(key, sizeof(key), "%s%s", opts->name, s ? s : "");
		json_object_set_new(obj, key, value_json(opts, conf));
	}
}

void hcb_opt_print_help(const struct hcb_opt *opts, void *file)
{
	FILE *f = file;
	for (; opts && opts->name; opts++) {
		char left[80];
		snprintf(left, sizeof(left), "%s=%s", opts->name,
		         opts->def ? opts->def : "");
		fprintf(f, "  %-28s %s\n", left, opts->help);
	}
}
