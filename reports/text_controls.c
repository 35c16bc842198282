/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report of a night's controls: the state of things, then what was measured. */
#include <math.h>
#include <string.h>

#include "bench/core/units.h"
#include "reports/text_parts.h"

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static void put_cluster(FILE *f, const json_t *env)
{
	static const struct {
		const char *key, *what;
	} at_work[] = {{"recovery", "recovery"},
	               {"deep_scrub", "deep scrub"},
	               {"scrub", "scrub"},
	               {"degraded", "degraded objects"}};
	const json_t *c = json_object_get(env, "cluster");
	if (*str(env, "unanswered"))
		fprintf(f, "cluster: %s\n", str(env, "unanswered"));
	if (!json_is_object(c))
		return;
	fprintf(f, "cluster: %s%s%s, %lld of %lld OSDs up", str(c, "status"),
	        *str(c, "checks") ? ", " : "", str(c, "checks"),
	        (long long)json_integer_value(json_object_get(c, "osds_up")),
	        (long long)json_integer_value(json_object_get(c, "osds_in")));
	for (size_t i = 0; i < sizeof(at_work) / sizeof(at_work[0]); i++)
		if (json_is_true(json_object_get(c, at_work[i].key)))
			fprintf(f, ", %s", at_work[i].what);
	fputc('\n', f);
}

static void put_machine(FILE *f, const json_t *env)
{
	size_t i;
	json_t *other;
	const json_t *sync =
	        json_object_get(json_object_get(env, "clock"), "synchronized");
	json_array_foreach(json_object_get(env, "others"), i, other)
	        fprintf(f, "also at work: %s\n", json_string_value(other));
	if (json_is_false(sync))
		fputs("clock: not synchronized\n", f);
}

static void put_value(FILE *f, double v, const char *unit)
{
	char text[32];
	if (strcmp(unit, "ns") == 0)
		hcb_fmt_ns(text, sizeof(text), v);
	else
		snprintf(text, sizeof(text), "%.4g %.16s", v, unit);
	fprintf(f, "%14s", text);
}

static void put_metric(FILE *f, const json_t *m)
{
	const json_t *samples = json_object_get(m, "samples");
	double lo = INFINITY, hi = 0;
	size_t i;
	json_t *v;
	json_array_foreach(samples, i, v)
	{
		lo = fmin(lo, json_number_value(v));
		hi = fmax(hi, json_number_value(v));
	}
	fprintf(f, "  %-28s", str(m, "name"));
	put_value(f, json_number_value(json_object_get(m, "value")), str(m, "unit"));
	if (json_array_size(samples)) {
		put_value(f, lo, str(m, "unit"));
		put_value(f, hi, str(m, "unit"));
	}
	fprintf(f, "%6zu\n", json_array_size(samples));
}

void hcb_text_controls(FILE *f, const json_t *doc)
{
	const json_t *env = json_object_get(doc, "environment"),
	             *metrics = json_object_get(doc, "metrics");
	size_t i;
	json_t *one;
	put_cluster(f, env);
	put_machine(f, env);
	if (json_is_true(json_object_get(doc, "partial")))
		fputs("interrupted: this is not all\n", f);
	json_array_foreach(json_object_get(doc, "notes"), i, one)
	        fprintf(f, "note: %s\n", json_string_value(one));
	if (json_array_size(metrics))
		fprintf(f, "%-30s%14s%14s%14s%6s\n", "control", "median", "least", "most",
		        "of");
	json_array_foreach(metrics, i, one) put_metric(f, one);
}
