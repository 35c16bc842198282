/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engines/ceph_json.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DIGITS 20u /* of 2^64 - 1 */

/* A number too large for jansson, in place and of the same length. */
static void rewrite(char *at, size_t digits)
{
	char token[MAX_DIGITS + 1], out[MAX_DIGITS + 8];
	if (digits < MAX_DIGITS - 1 || digits > MAX_DIGITS)
		return;
	memcpy(token, at, digits);
	token[digits] = '\0';
	unsigned long long v = strtoull(token, NULL, 10);
	if (v <= INT64_MAX)
		return;
	/* 20 digits: what is missing to 2^64 has fewer, so that the sign has room. */
	if (digits == MAX_DIGITS)
		snprintf(out, sizeof(out), "%*lld", (int)digits, (long long)v);
	else
		snprintf(out, sizeof(out), "%lld", (long long)INT64_MAX);
	memcpy(at, out, digits);
}

static void rewrite_all(char *text, size_t len)
{
	bool quoted = false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && quoted) {
			i++;
			continue;
		}
		quoted ^= text[i] == '"';
		if (quoted || !isdigit((unsigned char)text[i]))
			continue;
		size_t from = i;
		while (i < len && isdigit((unsigned char)text[i]))
			i++;
		/* Whole, positive numbers only: what follows may make it a real. */
		bool real = i < len && strchr(".eE", text[i]) && text[i];
		bool part = from > 0 && strchr("-+.eE", text[from - 1]);
		if (!real && !part)
			rewrite(text + from, i - from);
		i--;
	}
}

json_t *hcb_ceph_json(const char *text, size_t len)
{
	json_t *o = text ? json_loadb(text, len, JSON_DECODE_ANY, NULL) : NULL;
	if (o || !text)
		return o;
	char *copy = malloc(len + 1);
	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	rewrite_all(copy, len);
	o = json_loadb(copy, len, JSON_DECODE_ANY, NULL);
	free(copy);
	return o;
}

int64_t hcb_ceph_osd_instance(const json_t *osd)
{
	const json_t *addrs = json_object_get(osd, "public_addrs");
	const json_t *first = json_array_get(json_object_get(addrs, "addrvec"), 0);
	const json_t *nonce = json_object_get(first, "nonce");
	return json_is_integer(nonce) ? json_integer_value(nonce) % HCB_CEPH_REBIND : -1;
}
