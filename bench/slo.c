/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/slo.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/core/histogram.h"
#include "bench/core/units.h"

static const struct {
	const char *name, *key; /* as typed; as the document has it */
	double q;               /* 0: any sample will do */
} figures[] = {{"mean", "mean", 0},  {"p50", "p50", 0.5},     {"p95", "p95", 0.95},
               {"p99", "p99", 0.99}, {"p999", "p999", 0.999}, {"p99.9", "p999", 0.999},
               {"max", "max", 0}};

#define FEW 0.9 /* of the samples needed: below it chance was not the reason */

#define N_FIGURES (sizeof(figures) / sizeof(figures[0]))

/* Of a scenario's several workloads names have a dot too: "db.commit". */
static int take_transaction(const char *text, size_t len, const struct hcb_workload *wl,
                            struct hcb_slo *out, size_t *used, struct hcb_err *err)
{
	char all[300] = "";
	for (unsigned i = 0; i < wl->n_txs; i++) {
		const char *name = wl->txs[i].name;
		size_t n = strlen(all), own = strlen(name);
		if (own < len && strncmp(name, text, own) == 0 && text[own] == '.') {
			out->tx = name;
			*used = own + 1;
			return 0;
		}
		snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", name);
	}
	return hcb_err_usage(err, "--slo %s: %s has no such transaction; it has %s", text,
	                     wl->name, all);
}

static int take_figure(const char *text, const char *word, size_t len,
                       struct hcb_slo *out, struct hcb_err *err)
{
	for (size_t i = 0; i < N_FIGURES; i++) {
		if (strlen(figures[i].name) != len ||
		    strncmp(figures[i].name, word, len) != 0)
			continue;
		out->figure = figures[i].key;
		out->need = figures[i].q > 0 ? hcb_quantile_min_samples(figures[i].q) : 1;
		return 0;
	}
	return hcb_err_usage(err,
	                     "--slo %s: there is no figure \"%.*s\"; there are mean, "
	                     "p50, p95, p99, p99.9 and max",
	                     text, (int)len, word);
}

int hcb_slo_parse(const char *text, const struct hcb_workload *wl, struct hcb_slo *out,
                  struct hcb_err *err)
{
	const char *equals = strchr(text, '='), *dot = strchr(text, '.');
	size_t used = 0;
	memset(out, 0, sizeof(*out));
	if (!equals || !dot || dot > equals)
		return hcb_err_usage(err,
		                     "--slo %s: expected TRANSACTION.FIGURE=TIME, such "
		                     "as %s.p99=50ms",
		                     text, wl->txs[0].name);
	size_t len = (size_t)(equals - text);
	int r = take_transaction(text, len, wl, out, &used, err);
	r = r ? r : take_figure(text, text + used, len - used, out, err);
	if (r)
		return r;
	if (hcb_parse_duration(equals + 1, &out->limit_ns) || !out->limit_ns)
		return hcb_err_usage(err,
		                     "--slo %s: expected a time with its unit, such as "
		                     "50ms",
		                     text);
	snprintf(out->name, sizeof(out->name), "%s.%s", out->tx, out->figure);
	return 0;
}

/* ---- a run held against them ---- */

static const json_t *transaction(const json_t *doc, const char *name)
{
	const json_t *all = json_object_get(doc, "transactions");
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *tx = json_array_get(all, i);
		const char *s = json_string_value(json_object_get(tx, "name"));
		if (s && strcmp(s, name) == 0)
			return tx;
	}
	return NULL;
}

static const char *null_because(const json_t *tx, const char *figure)
{
	const char *s = json_string_value(
	        json_object_get(json_object_get(tx, "null_because"), figure));
	return s ? s : "";
}

static void say(struct hcb_slo_verdict *out, const char *sep, const char *text)
{
	size_t n = strlen(out->reason);
	snprintf(out->reason + n, sizeof(out->reason) - n, "%s%s", n ? sep : "", text);
}

static bool stopped(const json_t *doc, struct hcb_slo_verdict *out)
{
	const json_t *v = json_object_get(doc, "validity");
	const char *verdict = json_string_value(json_object_get(v, "verdict"));
	const char *why =
	        json_string_value(json_array_get(json_object_get(v, "reasons"), 0));
	bool partial = json_is_true(json_object_get(doc, "partial"));
	if (verdict && strcmp(verdict, "INVALID") != 0 && !partial)
		return false;
	out->invalid = true;
	say(out, "", why ? why : partial ? "cut short" : "INVALID");
	return true;
}

static void judge_one(const json_t *doc, const struct hcb_slo *slo, unsigned bit,
                      struct hcb_slo_verdict *out)
{
	char text[120], value[32], limit[32];
	const json_t *tx = transaction(doc, slo->tx);
	const json_t *v =
	        json_object_get(json_object_get(tx, "response_ns"), slo->figure);
	const char *because = null_because(tx, slo->figure);
	if (json_integer_value(json_object_get(tx, "failed")) > 0) {
		out->missed |= 1u << bit;
		snprintf(text, sizeof(text), "%lld failed: %s",
		         (long long)json_integer_value(json_object_get(tx, "failed")),
		         slo->tx);
	} else if (out->overload) {
		out->missed |= 1u << bit;
		return;
	} else if (!json_is_number(v)) {
		out->invalid = true;
		out->few |= json_number_value(json_object_get(tx, "count")) <
		            FEW * (double)slo->need;
		snprintf(text, sizeof(text), "%s: %.60s", slo->name,
		         *because ? because : "no sample");
	} else {
		out->value_ns[bit] = json_number_value(v);
		if (out->value_ns[bit] <= (double)slo->limit_ns)
			return;
		out->missed |= 1u << bit;
		snprintf(text, sizeof(text), "%s %s, above %s", slo->name,
		         hcb_fmt_ns(value, sizeof(value), out->value_ns[bit]),
		         hcb_fmt_ns(limit, sizeof(limit), (double)slo->limit_ns));
	}
	say(out, "; ", text);
}

/* The run's own word for it, also of a scenario's other workloads. */
static void look_for_overload(const json_t *doc, struct hcb_slo_verdict *out)
{
	const json_t *reasons =
	        json_object_get(json_object_get(doc, "validity"), "reasons");
	for (size_t i = 0; i < json_array_size(reasons); i++) {
		const char *why = json_string_value(json_array_get(reasons, i));
		if (!why || strncmp(why, "overload", 8) != 0)
			continue;
		out->overload = true;
		say(out, "; ", why);
	}
}

void hcb_slo_judge(const json_t *doc, const struct hcb_slo *slos, unsigned n,
                   struct hcb_slo_verdict *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < HCB_MAX_SLOS; i++)
		out->value_ns[i] = NAN;
	if (stopped(doc, out))
		return;
	look_for_overload(doc, out);
	for (unsigned i = 0; i < n; i++)
		judge_one(doc, &slos[i], i, out);
}

json_t *hcb_slo_json(const struct hcb_slo *slos, unsigned n)
{
	json_t *a = json_array();
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(a, json_pack("{sssssssI}", "name", slos[i].name,
		                                   "transaction", slos[i].tx, "figure",
		                                   slos[i].figure, "limit_ns",
		                                   (json_int_t)slos[i].limit_ns));
	return a;
}
