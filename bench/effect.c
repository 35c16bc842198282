/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/effect.h"

#include <math.h>
#include <string.h>

#include "bench/core/student.h"

#define MOST_MORE 1000u /* as many more are no advice */

const struct hcb_metric hcb_metrics[] = {
        {"rate_per_s", "rate", "/s", true},   {"mean", "response mean", "ns", false},
        {"p50", "response p50", "ns", false}, {"p95", "response p95", "ns", false},
        {"p99", "response p99", "ns", false}, {NULL, NULL, NULL, false},
};

const char *hcb_effect_verdict_name(enum hcb_effect_verdict v)
{
	static const char *const names[] = {
	        [HCB_EFFECT_INCONCLUSIVE] = "INCONCLUSIVE",
	        [HCB_EFFECT_EQUIVALENT] = "EQUIVALENT",
	        [HCB_EFFECT_FASTER] = "FASTER",
	        [HCB_EFFECT_SLOWER] = "SLOWER",
	        [HCB_EFFECT_NONE] = "N/A",
	};
	return names[v];
}

double hcb_metric_of(const json_t *transaction, const struct hcb_metric *m)
{
	const json_t *o = strcmp(m->key, "rate_per_s") == 0
	                          ? transaction
	                          : json_object_get(transaction, "response_ns");
	const json_t *v = json_object_get(o, m->key);
	return json_is_number(v) ? json_number_value(v) : NAN;
}

bool hcb_metric_offered(const json_t *doc)
{
	const char *loop =
	        json_string_value(json_object_get(json_object_get(doc, "run"), "loop"));
	return loop && strcmp(loop, "open") == 0;
}

/* The difference of the logarithms, b - a. */
struct difference {
	double mid, lo95, hi95, lo90, hi90;
};

static void judge(const struct difference *d, bool more_is_better, struct hcb_effect *out)
{
	double margin = log1p(HCB_EFFECT_MARGIN);
	out->ratio = exp(d->mid);
	out->lo = exp(d->lo95);
	out->hi = exp(d->hi95);
	if (d->lo90 > -margin && d->hi90 < margin)
		out->verdict = HCB_EFFECT_EQUIVALENT;
	else if (d->lo95 > 0 || d->hi95 < 0)
		out->verdict = (d->lo95 > 0) == more_is_better ? HCB_EFFECT_FASTER
		                                               : HCB_EFFECT_SLOWER;
	else
		out->verdict = HCB_EFFECT_INCONCLUSIVE;
}

static bool take_logs(const double *y, size_t n, double *out, double *mean)
{
	double sum = 0;
	if (n == 0 || n > HCB_EFFECT_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!(y[i] > 0) || isinf(y[i]))
			return false;
		out[i] = log(y[i]);
		sum += out[i];
	}
	*mean = exp(sum / (double)n);
	return true;
}

static void none(struct hcb_effect *out)
{
	*out = (struct hcb_effect){NAN, NAN, NAN, NAN, NAN, HCB_EFFECT_NONE, 0};
}

/* Both logarithms, and what one value on a side tells. False: nothing more to tell. */
static bool begin(const double *a, size_t n, const double *b, size_t m, double *la,
                  double *lb, struct hcb_effect *out)
{
	double ga, gb;
	none(out);
	if (!take_logs(a, n, la, &ga) || !take_logs(b, m, lb, &gb))
		return false;
	out->a = ga;
	out->b = gb;
	out->ratio = gb / ga;
	return n > 1 && m > 1;
}

/* So many that the interval is as narrow as the margin, if the spread stays. sd: of one
   pair's difference, or as if there were pairs. */
static unsigned needed(double sd, size_t have, double df_each)
{
	double margin = log1p(HCB_EFFECT_MARGIN);
	for (unsigned n = (unsigned)have + 1; n <= (unsigned)have + MOST_MORE; n++)
		if (hcb_t_quantile(0.975, df_each * (n - 1)) * sd / sqrt(n) < margin / 2)
			return n - (unsigned)have;
	return 0;
}

void hcb_effect_paired(const double *a, const double *b, size_t n, bool more_is_better,
                       struct hcb_effect *out)
{
	double la[HCB_EFFECT_MAX], lb[HCB_EFFECT_MAX], d[HCB_EFFECT_MAX];
	if (!begin(a, n, b, n, la, lb, out))
		return;
	for (size_t i = 0; i < n; i++)
		d[i] = lb[i] - la[i];
	struct hcb_interval_of_mean wide = hcb_interval_of_mean(d, n, 0.95);
	struct hcb_interval_of_mean tost = hcb_interval_of_mean(d, n, 0.90);
	judge(&(struct difference){wide.mean, wide.lo, wide.hi, tost.lo, tost.hi},
	      more_is_better, out);
	if (out->verdict == HCB_EFFECT_INCONCLUSIVE)
		out->more = needed(wide.sd, n, 1);
}

void hcb_effect_apart(const double *a, size_t n, const double *b, size_t m,
                      bool more_is_better, struct hcb_effect *out)
{
	double la[HCB_EFFECT_MAX], lb[HCB_EFFECT_MAX];
	size_t least = n < m ? n : m;
	if (!begin(a, n, b, m, la, lb, out))
		return;
	struct hcb_interval_of_difference wide =
	        hcb_interval_of_difference(la, n, lb, m, 0.95);
	struct hcb_interval_of_difference tost =
	        hcb_interval_of_difference(la, n, lb, m, 0.90);
	judge(&(struct difference){wide.diff, wide.lo, wide.hi, tost.lo, tost.hi},
	      more_is_better, out);
	/* As if both sides had the smaller one's number: each of n more narrows both. */
	if (out->verdict == HCB_EFFECT_INCONCLUSIVE)
		out->more = needed(wide.error * sqrt((double)least), least, 2);
}

static json_t *or_null(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

json_t *hcb_effect_json(const struct hcb_metric *m, const struct hcb_effect *e,
                        const char *more)
{
	return json_pack("{sssssososososossso}", "name", m->name, "unit", m->unit, "a",
	                 or_null(e->a), "b", or_null(e->b), "ratio", or_null(e->ratio),
	                 "ratio_lo", or_null(e->lo), "ratio_hi", or_null(e->hi),
	                 "verdict", hcb_effect_verdict_name(e->verdict), more,
	                 e->more ? json_integer(e->more) : json_null());
}
