/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	double factor;
};

static const struct unit sizes[] = {
        {"", 1},       {"b", 1},        {"k", 0x1p10},   {"kib", 0x1p10}, {"kb", 1e3},
        {"m", 0x1p20}, {"mib", 0x1p20}, {"mb", 1e6},     {"g", 0x1p30},   {"gib", 0x1p30},
        {"gb", 1e9},   {"t", 0x1p40},   {"tib", 0x1p40}, {"tb", 1e12},    {NULL, 0},
};
static const struct unit durations[] = {
        {"ns", 1},     {"us", 1e3},   {"ms", 1e6},    {"s", 1e9}, {"m", 60e9},
        {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {NULL, 0},
};
static const struct unit bitrates[] = {
        {"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {NULL, 0},
};
static const struct unit rates[] = {
        {"/s", 1},
        {"/m", 1.0 / 60},
        {"/h", 1.0 / 3600},
        {NULL, 0},
};

int hcb_parse_u64(const char *s, uint64_t *out)
{
	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	char *end;
	errno = 0;
	unsigned long long v = strtoull(s, &end, 10);
	if (errno)
		return -ERANGE;
	if (*end)
		return -EINVAL;
	*out = v;
	return 0;
}

/* Decimal digits only: no hex, no "inf", no "nan", no locale. Returns the rest or NULL.
 */
static const char *read_number(const char *s, double *out)
{
	size_t n = strspn(s, "0123456789.");
	if (n == 0 || n > 40)
		return NULL;
	char buf[48];
	memcpy(buf, s, n);
	buf[n] = '\0';
	char *end;
	*out = strtod(buf, &end);
	return *end || end == buf ? NULL : s + n;
}

int hcb_parse_double(const char *s, double *out)
{
	int neg = *s == '-';
	const char *rest = read_number(s + neg, out);
	if (!rest)
		return -EINVAL;
	if (*rest == 'e' || *rest == 'E') {
		char *end;
		*out = strtod(s + neg, &end);
		rest = end;
	}
	if (*rest || !isfinite(*out))
		return -EINVAL;
	if (neg)
		*out = -*out;
	return 0;
}

static int with_unit(const char *s, const struct unit *u, double *out)
{
	const char *rest = read_number(s, out);
	if (!rest)
		return -EINVAL;
	while (*rest == ' ')
		rest++;
	for (; u->name; u++) {
		if (strcasecmp(rest, u->name) == 0) {
			*out *= u->factor;
			return 0;
		}
	}
	return -EINVAL;
}

static int to_u64(double v, uint64_t *out)
{
	if (!(v >= 0) || v >= 0x1p63)
		return -ERANGE;
	*out = (uint64_t)(v + 0.5);
	return 0;
}

int hcb_parse_size(const char *s, uint64_t *bytes)
{
	double v;
	/* Plain byte counts may be larger than a double holds exactly. */
	if (hcb_parse_u64(s, bytes) == 0)
		return *bytes >> 63 ? -ERANGE : 0;
	int r = with_unit(s, sizes, &v);
	return r ? r : to_u64(v, bytes);
}

int hcb_parse_duration(const char *s, uint64_t *ns)
{
	double v;
	if (strcmp(s, "0") == 0) {
		*ns = 0;
		return 0;
	}
	int r = with_unit(s, durations, &v);
	return r ? r : to_u64(v, ns);
}

int hcb_parse_bitrate(const char *s, uint64_t *bit_per_s)
{
	double v;
	int r = with_unit(s, bitrates, &v);
	return r ? r : to_u64(v, bit_per_s);
}

int hcb_parse_rate(const char *s, double *per_s)
{
	return with_unit(s, rates, per_s);
}

int hcb_parse_share(const char *s, double *share)
{
	const char *rest = read_number(s, share);
	if (!rest)
		return -EINVAL;
	if (strcmp(rest, "%") == 0) {
		*share /= 100;
		return 0;
	}
	return *rest ? -EINVAL : 0;
}

int hcb_parse_bool(const char *s, int *out)
{
	static const char *const words[][4] = {{"off", "no", "false", "0"},
	                                       {"on", "yes", "true", "1"}};
	for (int v = 0; v < 2; v++)
		for (int i = 0; i < 4; i++)
			if (strcasecmp(s, words[v][i]) == 0) {
				*out = v;
				return 0;
			}
	return -EINVAL;
}

char *hcb_fmt_bytes(char *buf, size_t n, double bytes)
{
	static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	int i = 0;
	while (fabs(bytes) >= 1024 && i < 4) {
		bytes /= 1024;
		i++;
	}
	snprintf(buf, n, bytes == floor(bytes) ? "%.0f %s" : "%.1f %s", bytes, names[i]);
	return buf;
}

char *hcb_fmt_ns(char *buf, size_t n, double ns)
{
	static const struct {
		double from, div;
		const char *name;
	} t[] = {{60e9, 1e9, "s"},
	         {1e9, 1e9, "s"},
	         {1e6, 1e6, "ms"},
	         {1e3, 1e3, "us"},
	         {0, 1, "ns"}};
	int i = 0;
	while (t[i].from > fabs(ns))
		i++;
	double v = ns / t[i].div;
	snprintf(buf, n, "%.*f %s",
	         fabs(v) >= 100 || t[i].div == 1 ? 0
	         : fabs(v) >= 10                 ? 1
	                                         : 2,
	         v, t[i].name);
	return buf;
}

char *hcb_fmt_value(char *buf, size_t n, double v, const char *unit)
{
	if (!isfinite(v))
		snprintf(buf, n, "n/a");
	else if (strcmp(unit, "ns") == 0)
		hcb_fmt_ns(buf, n, v);
	else if (unit[0] == '1' && unit[1] == '/')
		snprintf(buf, n, "%.4g%s", v, unit + 1);
	else
		snprintf(buf, n, "%.4g %.16s", v, unit);
	return buf;
}
