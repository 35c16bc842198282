/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engines/hdd_published.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "bench/core/opt.h"
#include "bench/core/units.h"

static const struct {
	const char *key;
	enum hdd_unit unit;
} figures[] = {
#define X(name, key, unit) {key, unit},
        HDD_FIGURES(X)
#undef X
};

const char *hdd_figure_key(enum hdd_figure_id id)
{
	return figures[id].key;
}

enum hdd_unit hdd_figure_unit(enum hdd_figure_id id)
{
	return figures[id].unit;
}

static struct hdd_quantiles *quantiles_of(struct hdd_published *p, enum hdd_figure_id id)
{
	return id == HDD_READ_1_RESPONSE    ? &p->read_1
	       : id == HDD_READ_32_RESPONSE ? &p->read_32
	                                    : NULL;
}

const struct hdd_quantiles *hdd_figure_quantiles(const struct hdd_published *p,
                                                 enum hdd_figure_id id)
{
	return id == HDD_READ_1_RESPONSE    ? &p->read_1
	       : id == HDD_READ_32_RESPONSE ? &p->read_32
	                                    : NULL;
}

static const struct {
	const char *text, *suffix, *example;
} units[] = {
        [HDD_UNIT_MS] = {"ms", "ms", "8.5ms"},
        [HDD_UNIT_PER_S] = {"/s", "/s", "78/s"},
        [HDD_UNIT_MB_PER_S] = {"MB/s", "MB", "150MB"},
        [HDD_UNIT_QUANTILES] = {"%", "ms", "1% 3.3ms 50% 17.7ms"},
};

const char *hdd_unit_text(enum hdd_unit unit)
{
	return units[unit].text;
}

static int parse_figure(enum hdd_unit unit, const char *text, double *value)
{
	uint64_t n;
	int r;
	switch (unit) {
	case HDD_UNIT_PER_S:
		r = hcb_parse_rate(text, value);
		break;
	case HDD_UNIT_MB_PER_S:
		r = hcb_parse_size(text, &n);
		*value = (double)n / 1e6;
		break;
	default:
		r = hcb_parse_duration(text, &n);
		*value = (double)n / 1e6;
	}
	return r || !(*value > 0) ? -1 : 0;
}

/* Cuts the first comma-separated part off *rest; blanks around it go. */
static char *part(char **rest)
{
	char *s = *rest + strspn(*rest, " \t"), *comma = strchr(s, ',');
	*rest = comma ? comma + 1 : s + strlen(s);
	if (comma)
		*comma = '\0';
	for (size_t n = strlen(s); n && strchr(" \t", s[n - 1]); n--)
		s[n - 1] = '\0';
	return s;
}

static int parse_tolerance(enum hdd_unit unit, const char *text, struct hdd_figure *f)
{
	bool quantiles = unit == HDD_UNIT_QUANTILES;
	f->how = HDD_WITHIN;
	if (strcmp(text, "at most") == 0 && !quantiles)
		f->how = HDD_AT_MOST;
	else if (strcmp(text, "at least") == 0 && !quantiles)
		f->how = HDD_AT_LEAST;
	else if (strncmp(text, "to ", 3) == 0 && !quantiles) {
		f->how = HDD_RANGE;
		return parse_figure(unit, text + 3, &f->limit) || f->limit < f->value ? -1
		                                                                      : 0;
	} else {
		return hcb_parse_share(text, &f->limit) || !(f->limit > 0) ? -1 : 0;
	}
	return 0;
}

/* "1% 3.3ms 50% 17.7ms": at least two, both ascending. */
static int parse_quantiles(struct hdd_quantiles *p, char *text)
{
	char *save = NULL, *word = strtok_r(text, " \t", &save);
	for (p->n = 0; word; p->n++) {
		size_t n = p->n;
		char *time = strtok_r(NULL, " \t", &save);
		if (n == HDD_MAX_QUANTILES || !time || hcb_parse_share(word, &p->q[n]) ||
		    parse_figure(HDD_UNIT_MS, time, &p->ms[n]) || p->q[n] >= 1)
			return -1;
		if (n && (p->q[n] <= p->q[n - 1] || p->ms[n] < p->ms[n - 1]))
			return -1;
		word = strtok_r(NULL, " \t", &save);
	}
	return p->n < 2 ? -1 : 0;
}

static int find(const char *key, struct hcb_err *err)
{
	const char *keys[HDD_FIGURE_COUNT];
	for (int i = 0; i < HDD_FIGURE_COUNT; i++) {
		keys[i] = figures[i].key;
		if (strcmp(key, keys[i]) == 0)
			return i;
	}
	const char *near = hcb_nearest(key, keys, HDD_FIGURE_COUNT);
	return near ? hcb_err_usage(err,
	                            "[published]: unknown key \"%s\"; did you mean "
	                            "\"%s\"?",
	                            key, near)
	            : hcb_err_usage(err, "[published]: unknown key \"%s\"", key);
}

int hdd_published_set(struct hdd_published *p, const char *key, const char *value,
                      struct hcb_err *err)
{
	char text[512], *rest = text;
	int id = find(key, err);
	if (id < 0)
		return id;
	struct hdd_figure *f = &p->figure[id];
	enum hdd_unit unit = figures[id].unit;
	if (f->given)
		return hcb_err_usage(err, "[published] %s: given twice", key);
	if (strlen(value) >= sizeof(text))
		return hcb_err_usage(err, "[published] %s: value too long", key);
	memcpy(text, value, strlen(value) + 1);
	char *figure = part(&rest), *tolerance = part(&rest);
	rest += strspn(rest, " \t");
	struct hdd_quantiles *set = quantiles_of(p, (enum hdd_figure_id)id);
	int bad = set ? parse_quantiles(set, figure)
	              : parse_figure(unit, figure, &f->value);
	if (bad)
		return hcb_err_usage(err, "[published] %s: \"%.40s\": expected e.g. %s",
		                     key, value, units[unit].example);
	if (parse_tolerance(unit, tolerance, f))
		return hcb_err_usage(err,
		                     "[published] %s: tolerance \"%.40s\": expected 3%%, "
		                     "at most, at least or to FIGURE",
		                     key, tolerance);
	if (!*rest)
		return hcb_err_usage(err, "[published] %s: the source is missing", key);
	snprintf(f->source, sizeof(f->source), "%s", rest);
	f->given = true;
	return 0;
}

static int format_figure(const struct hdd_published *p, enum hdd_figure_id id, char *buf,
                         size_t size)
{
	const char *suffix = units[figures[id].unit].suffix;
	const struct hdd_quantiles *set = hdd_figure_quantiles(p, id);
	if (figures[id].unit != HDD_UNIT_QUANTILES)
		return snprintf(buf, size, "%.6g%s", p->figure[id].value, suffix);
	int n = 0;
	for (size_t i = 0; i < set->n && n >= 0 && (size_t)n < size; i++)
		n += snprintf(buf + n, size - (size_t)n, "%s%.6g%% %.6g%s", i ? " " : "",
		              set->q[i] * 100, set->ms[i], suffix);
	return n;
}

int hdd_published_format(const struct hdd_published *p, enum hdd_figure_id id, char *buf,
                         size_t size)
{
	const struct hdd_figure *f = &p->figure[id];
	char figure[512], tolerance[48];
	format_figure(p, id, figure, sizeof(figure));
	if (f->how == HDD_WITHIN)
		snprintf(tolerance, sizeof(tolerance), "%.4g%%", f->limit * 100);
	else if (f->how == HDD_RANGE)
		snprintf(tolerance, sizeof(tolerance), "to %.6g%s", f->limit,
		         units[figures[id].unit].suffix);
	else
		snprintf(tolerance, sizeof(tolerance), "%s",
		         f->how == HDD_AT_MOST ? "at most" : "at least");
	return snprintf(buf, size, "%s = %s, %s, %s", figures[id].key, figure, tolerance,
	                f->source);
}

bool hdd_figure_met(const struct hdd_figure *f, double measured)
{
	switch (f->how) {
	case HDD_WITHIN:
		if (f->value > 0)
			return fabs(measured - f->value) <= f->limit * f->value;
		return measured <= f->limit; /* a demerit */
	case HDD_AT_MOST:
		return measured <= f->value;
	case HDD_AT_LEAST:
		return measured >= f->value;
	case HDD_RANGE:
		return measured >= f->value && measured <= f->limit;
	}
	return false;
}
