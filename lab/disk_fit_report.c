/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a fit changed, and what it brought. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/units.h"
#include "lab/disk_fit.h"
#include "lab/disk_targets.h"

struct side {
	struct disk_bench *bench;
	double squares;
	unsigned n;
};

/* Measures the target; its relative error, or demerit, goes into the sum. */
static double error_of(struct side *s, const struct disk_target *t,
                       const struct hdd_figure *f)
{
	double v = t->measure(s->bench, t->arg);
	double e = f->value > 0 ? v / f->value - 1 : v / 100;
	/* A bound that holds is no error. */
	if (f->how != HDD_WITHIN && hdd_figure_met(f, v))
		e = 0;
	s->squares += e * e;
	s->n++;
	return v;
}

static json_t *figures_json(const struct hdd_profile *p, struct side *before,
                            struct side *after)
{
	json_t *list = json_array();
	for (int i = 0; i < DISK_TARGETS; i++) {
		const struct disk_target *t = &disk_targets[i];
		if (t->figure < 0 || !p->published.figure[t->figure].given)
			continue;
		const struct hdd_figure *f = &p->published.figure[t->figure];
		double was = error_of(before, t, f), is = error_of(after, t, f);
		json_array_append_new(
		        list, json_pack("{s:s,s:s,s:f,s:f,s:f,s:f}", "key",
		                        hdd_figure_key((enum hdd_figure_id)t->figure),
		                        "unit", t->unit, "figure", f->value, "tolerance",
		                        f->limit, "before", was, "after", is));
	}
	return list;
}

static json_t *keys_json(const struct hdd_profile *base, const struct hdd_profile *fitted)
{
	size_t n;
	const struct hcb_ini_kind *s =
	        hdd_profile_sections((enum hdd_type)base->type, &n);
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		for (const struct hcb_opt *o = s[i].opts; o->name; o++) {
			double was, is;
			if (!hdd_profile_number(o, base, &was) ||
			    !hdd_profile_number(o, fitted, &is) || was == is)
				continue;
			json_array_append_new(
			        list, json_pack("{s:s,s:s,s:s,s:f,s:f}", "section",
			                        s[i].name, "key", o->name, "unit",
			                        o->type == HCB_OPT_DURATION ? "ns" : "",
			                        "before", was, "after", is));
		}
	return list;
}

json_t *disk_fit_report(const struct hdd_profile *base, const struct hdd_profile *fitted,
                        const struct disk_fit_opts *o, struct hcb_err *err)
{
	struct side before = {.bench = disk_bench_new(base, o->seed, o->length, err)};
	struct side after = {.bench = disk_bench_new(fitted, o->seed, o->length, err)};
	json_t *doc = NULL;
	if (before.bench && after.bench) {
		json_t *figures = figures_json(base, &before, &after);
		double n = before.n ? before.n : 1;
		doc = json_pack("{s:s,s:o,s:o,s:{s:f,s:f}}", "profile", base->name,
		                "figures", figures, "keys", keys_json(base, fitted),
		                "demerit", "before", sqrt(before.squares / n), "after",
		                sqrt(after.squares / n));
	}
	if (!doc)
		hcb_err_sys(err, -ENOMEM, "report the fit of %s", base->name);
	free(before.bench);
	free(after.bench);
	return doc;
}

static double real(const json_t *obj, const char *key)
{
	return json_real_value(json_object_get(obj, key));
}

static const char *text(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

static void print_value(const json_t *key, const char *when, FILE *f)
{
	char ns[32];
	if (strcmp(text(key, "unit"), "ns") == 0)
		fprintf(f, " %10s", hcb_fmt_ns(ns, sizeof(ns), real(key, when)));
	else
		fprintf(f, " %10.6g", real(key, when));
}

void disk_fit_print(const json_t *doc, FILE *f)
{
	size_t i;
	json_t *v;
	const json_t *sum = json_object_get(doc, "demerit");
	fprintf(f, "%-28s %10s %10s %10s\n", "figure", "measured", "before", "after");
	json_array_foreach(json_object_get(doc, "figures"), i, v) fprintf(
	        f, "%-28s %10.5g %10.5g %10.5g %s\n", text(v, "key"), real(v, "figure"),
	        real(v, "before"), real(v, "after"), text(v, "unit"));
	fprintf(f, "%-28s %10s %9.1f%% %9.1f%%\n\n", "root mean square error", "",
	        100 * real(sum, "before"), 100 * real(sum, "after"));
	fprintf(f, "%-28s %10s %10s %10s\n", "key", "", "before", "after");
	json_array_foreach(json_object_get(doc, "keys"), i, v)
	{
		char name[64];
		snprintf(name, sizeof(name), "[%s] %s", text(v, "section"),
		         text(v, "key"));
		fprintf(f, "%-28s %10s", name, "");
		print_value(v, "before", f);
		print_value(v, "after", f);
		fputc('\n', f);
	}
}
