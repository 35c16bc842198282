/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/repeat.h"

#include <math.h>
#include <string.h>

#include "bench/core/interval.h"
#include "bench/effect.h"

#define CONFIDENCE 0.95

static json_t *real_or_null(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static const json_t *transaction(const json_t *doc, size_t i)
{
	return json_array_get(json_object_get(doc, "transactions"), i);
}

static json_t *metric_json(const struct hcb_metric *m, const double *x, size_t n,
                           uint64_t seed)
{
	struct hcb_blocks b = {NAN, NAN, NAN, NAN, NAN, HCB_BLOCKS_NONE};
	json_t *values = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(values, real_or_null(x[i]));
	if (hcb_blocks_interval(x, n, CONFIDENCE, seed, &b))
		b = (struct hcb_blocks){NAN, NAN, NAN, NAN, NAN, HCB_BLOCKS_NONE};
	bool interval = b.method != HCB_BLOCKS_NONE;
	return json_pack(
	        "{ss ss so so so so so so so}", "name", m->name, "unit", m->unit,
	        "values", values, "value", real_or_null(b.value), "lo",
	        interval ? real_or_null(b.lo) : json_null(), "hi", real_or_null(b.hi),
	        "cv", interval ? real_or_null(b.cv) : json_null(), "autocorr1",
	        n > 2 ? real_or_null(b.autocorr1) : json_null(), "method",
	        interval ? json_string(hcb_blocks_method_name(b.method)) : json_null());
}

static json_t *metrics_of(json_t *const *docs, size_t n, size_t tx, uint64_t seed)
{
	json_t *out = json_array();
	for (const struct hcb_metric *m = hcb_metrics; m->key; m++) {
		double x[HCB_REPEAT_MAX];
		if (m->more_is_better && hcb_metric_offered(docs[0]))
			continue; /* what was offered is no result */
		for (size_t i = 0; i < n; i++)
			x[i] = hcb_metric_of(transaction(docs[i], tx), m);
		json_array_append_new(out, metric_json(m, x, n, seed));
	}
	return out;
}

json_t *hcb_repeat_transactions(json_t *const *docs, size_t n, uint64_t seed)
{
	json_t *out = json_array();
	const json_t *txs = n ? json_object_get(docs[0], "transactions") : NULL;
	if (n > HCB_REPEAT_MAX)
		return out;
	for (size_t i = 0; i < json_array_size(txs); i++)
		json_array_append_new(
		        out, json_pack("{sOso}", "name",
		                       json_object_get(json_array_get(txs, i), "name"),
		                       "metrics", metrics_of(docs, n, i, seed)));
	return out;
}
