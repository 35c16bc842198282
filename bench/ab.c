/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/ab.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/student.h"

const char *hcb_ab_verdict_name(enum hcb_ab_verdict v)
{
	static const char *const names[] = {
	        [HCB_AB_INCONCLUSIVE] = "INCONCLUSIVE",
	        [HCB_AB_EQUIVALENT] = "EQUIVALENT",
	        [HCB_AB_BETTER] = "BETTER",
	        [HCB_AB_WORSE] = "WORSE",
	        [HCB_AB_NONE] = "N/A",
	};
	return names[v];
}

/* So many pairs that the interval is as narrow as the margin, if the spread stays. */
static unsigned pairs_needed(double sd, size_t have)
{
	double margin = log1p(HCB_AB_MARGIN);
	for (unsigned n = (unsigned)have + 1; n <= 1000; n++)
		if (hcb_t_quantile(0.975, n - 1) * sd / sqrt(n) < margin / 2)
			return n - (unsigned)have;
	return 0;
}

void hcb_ab_judge(const double *a, const double *b, size_t n, bool more_is_better,
                  struct hcb_ab_metric *out)
{
	double d[HCB_AB_MAX_PAIRS], la = 0, lb = 0;
	memset(out, 0, sizeof(*out));
	out->verdict = HCB_AB_NONE;
	for (size_t i = 0; i < n; i++) {
		if (!(a[i] > 0 && b[i] > 0) || i == HCB_AB_MAX_PAIRS)
			return;
		la += log(a[i]) / (double)n;
		lb += log(b[i]) / (double)n;
		d[i] = log(b[i] / a[i]);
	}
	if (n < 2)
		return;
	struct hcb_interval_of_mean wide = hcb_interval_of_mean(d, n, 0.95);
	struct hcb_interval_of_mean tost = hcb_interval_of_mean(d, n, 0.90);
	double margin = log1p(HCB_AB_MARGIN);
	out->a = exp(la);
	out->b = exp(lb);
	out->ratio = exp(wide.mean);
	out->lo = exp(wide.lo);
	out->hi = exp(wide.hi);
	if (tost.lo > -margin && tost.hi < margin)
		out->verdict = HCB_AB_EQUIVALENT;
	else if (wide.lo > 0 || wide.hi < 0)
		out->verdict =
		        (wide.lo > 0) == more_is_better ? HCB_AB_BETTER : HCB_AB_WORSE;
	else
		out->verdict = HCB_AB_INCONCLUSIVE;
	if (out->verdict == HCB_AB_INCONCLUSIVE)
		out->more = pairs_needed(wide.sd, n);
}

/* ---- of documents ---- */

static double number(const json_t *v)
{
	return json_is_number(v) ? json_number_value(v) : NAN;
}

static double value_of(const json_t *doc, const char *key)
{
	const json_t *tx = json_array_get(json_object_get(doc, "transactions"), 0);
	if (strcmp(key, "rate_per_s") == 0)
		return number(json_object_get(tx, key));
	return number(json_object_get(json_object_get(tx, "response_ns"), key));
}

static bool open_loop(const json_t *doc)
{
	const char *loop =
	        json_string_value(json_object_get(json_object_get(doc, "run"), "loop"));
	return loop && strcmp(loop, "open") == 0;
}

static json_t *or_null(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

json_t *hcb_ab_metrics(json_t *const *a, json_t *const *b, size_t n)
{
	static const struct {
		const char *key, *name, *unit;
		bool more;
	} list[] = {
	        {"rate_per_s", "rate", "/s", true},
	        {"mean", "response mean", "ns", false},
	        {"p50", "response p50", "ns", false},
	        {"p95", "response p95", "ns", false},
	        {"p99", "response p99", "ns", false},
	};
	json_t *out = json_array();
	for (size_t m = 0; m < sizeof(list) / sizeof(list[0]); m++) {
		double x[HCB_AB_MAX_PAIRS], y[HCB_AB_MAX_PAIRS];
		struct hcb_ab_metric r;
		if (list[m].more && n && open_loop(a[0]) && open_loop(b[0]))
			continue; /* what was offered is no result */
		for (size_t i = 0; i < n; i++) {
			x[i] = value_of(a[i], list[m].key);
			y[i] = value_of(b[i], list[m].key);
		}
		hcb_ab_judge(x, y, n, list[m].more, &r);
		bool none = r.verdict == HCB_AB_NONE;
		json_array_append_new(
		        out,
		        json_pack("{sssssososososossso}", "name", list[m].name, "unit",
		                  list[m].unit, "a", or_null(none ? NAN : r.a), "b",
		                  or_null(none ? NAN : r.b), "ratio",
		                  or_null(none ? NAN : r.ratio), "ratio_lo",
		                  or_null(none ? NAN : r.lo), "ratio_hi",
		                  or_null(none ? NAN : r.hi), "verdict",
		                  hcb_ab_verdict_name(r.verdict), "more_pairs",
		                  r.more ? json_integer(r.more) : json_null()));
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
