/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/ab.h"

#include <stdlib.h>
#include <string.h>

static double value_of(const json_t *doc, const struct hcb_metric *m)
{
	return hcb_metric_of(json_array_get(json_object_get(doc, "transactions"), 0), m);
}

json_t *hcb_ab_metrics(json_t *const *a, json_t *const *b, size_t n)
{
	json_t *out = json_array();
	for (const struct hcb_metric *m = hcb_metrics; m->key; m++) {
		double x[HCB_AB_MAX_PAIRS], y[HCB_AB_MAX_PAIRS];
		struct hcb_effect e;
		if (m->more_is_better && n && hcb_metric_offered(a[0]) &&
		    hcb_metric_offered(b[0]))
			continue; /* what was offered is no result */
		for (size_t i = 0; i < n; i++) {
			x[i] = value_of(a[i], m);
			y[i] = value_of(b[i], m);
		}
		hcb_effect_paired(x, y, n, m->more_is_better, &e);
		json_array_append_new(out, hcb_effect_json(m, &e, "more_pairs"));
	}
	return out;
}

/* ---- paths ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static const json_t *path_of(const json_t *entry, const char *side)
{
	const char *s = json_string_value(json_object_get(entry, "side"));
	return s && strcmp(s, side) == 0 ? json_object_get(entry, "path") : NULL;
}

/* Of those that have it; NULL: none has. */
static json_t *median(const json_t *log, const char *side, const char *key)
{
	double v[2 * HCB_AB_MAX_PAIRS];
	size_t n = 0;
	for (size_t i = 0; i < json_array_size(log) && n < sizeof(v) / sizeof(v[0]);
	     i++) {
		const json_t *path = path_of(json_array_get(log, i), side);
		const json_t *x = json_object_get(path, key);
		if (json_is_number(x))
			v[n++] = json_number_value(x);
	}
	if (!n)
		return NULL;
	qsort(v, n, sizeof(v[0]), by_value);
	return json_real((v[(n - 1) / 2] + v[n / 2]) / 2);
}

json_t *hcb_ab_path(const json_t *log, const char *side)
{
	json_t *out = NULL, *v;
	const char *key;
	size_t probes = 0;
	for (size_t i = 0; i < json_array_size(log); i++) {
		const json_t *path = path_of(json_array_get(log, i), side);
		if (!json_is_object(path))
			continue;
		probes++;
		if (!out)
			out = json_deep_copy(path);
	}
	/* What is no number is the lab's, and the same each time. */
	json_object_foreach(out, key, v)
	{
		json_t *m = median(log, side, key);
		if (m)
			json_object_set_new(out, key, m);
	}
	if (out)
		json_object_set_new(out, "probes", json_integer((json_int_t)probes));
	return out;
}
