/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two sides' metrics with ratio, interval and verdict: of "ab" and of "compare". */
#include <string.h>

#include "bench/core/units.h"
#include "reports/text_parts.h"

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "?";
}

static double num(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void put_value(FILE *f, const json_t *m, const char *key)
{
	char buf[32] = "n/a";
	const json_t *v = json_object_get(m, key);
	if (json_is_number(v) && strcmp(str(m, "unit"), "ns") == 0)
		hcb_fmt_ns(buf, sizeof(buf), json_number_value(v));
	else if (json_is_number(v))
		snprintf(buf, sizeof(buf), "%.1f%s", json_number_value(v),
		         str(m, "unit"));
	fprintf(f, "%12s", buf);
}

static void put_ratio(FILE *f, const json_t *m)
{
	char interval[32] = "";
	if (json_is_number(json_object_get(m, "ratio_lo")))
		snprintf(interval, sizeof(interval), "[%.3f, %.3f]", num(m, "ratio_lo"),
		         num(m, "ratio_hi"));
	if (json_is_number(json_object_get(m, "ratio")))
		fprintf(f, "%9.3f  %-16s", num(m, "ratio"), interval);
	else
		fprintf(f, "%9s  %-16s", "n/a", "");
}

static void put_more(FILE *f, const json_t *m)
{
	static const struct {
		const char *key, *what;
	} kinds[] = {{"more_pairs", "pairs"}, {"more_runs", "runs a side"}};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const json_t *more = json_object_get(m, kinds[i].key);
		if (json_is_number(more))
			fprintf(f, ": some %.0f more %s would tell",
			        json_number_value(more), kinds[i].what);
	}
}

void hcb_text_effects(FILE *f, const char *transaction, const char *a, const char *b,
                      const json_t *metrics)
{
	char ratio[32];
	if (!metrics)
		return;
	snprintf(ratio, sizeof(ratio), "%s/%s", b, a);
	fprintf(f, "\n%-18s%12s%12s%9s  %-16s  %s is\n", transaction, a, b, ratio,
	        "95 % interval", b);
	for (size_t i = 0; i < json_array_size(metrics); i++) {
		const json_t *m = json_array_get(metrics, i);
		fprintf(f, "  %-16s", str(m, "name"));
		put_value(f, m, "a");
		put_value(f, m, "b");
		put_ratio(f, m);
		fprintf(f, "  %s", str(m, "verdict"));
		put_more(f, m);
		fputc('\n', f);
	}
}

void hcb_text_margin(FILE *f, double margin)
{
	fprintf(f, "  EQUIVALENT: within %.0f %% of each other\n", 100 * margin);
}
