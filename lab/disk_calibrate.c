/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/disk_calibrate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/disk_targets.h"

static void tolerance_text(const struct hdd_figure *f, char *buf, size_t size)
{
	switch (f->how) {
	case HDD_WITHIN:
		snprintf(buf, size, "%g %%", f->limit * 100);
		break;
	case HDD_AT_MOST:
		snprintf(buf, size, "at most");
		break;
	case HDD_AT_LEAST:
		snprintf(buf, size, "at least");
		break;
	case HDD_RANGE:
		snprintf(buf, size, "to %g", f->limit);
		break;
	}
}

static json_t *one(struct disk_bench *b, const struct disk_target *t)
{
	struct hdd_figure f = {.given = false};
	char tolerance[32] = "";
	bool held = disk_target_figure(t, b, &f);
	bool demerit = t->figure >= 0 && hdd_figure_unit((enum hdd_figure_id)t->figure) ==
	                                         HDD_UNIT_QUANTILES;
	double measured =
	        disk_target_applies(t, &b->profile) ? t->measure(b, t->arg) : NAN;
	if (held)
		tolerance_text(&f, tolerance, sizeof(tolerance));
	bool met = held && hdd_figure_met(&f, demerit ? measured / 100 : measured);
	return json_pack("{s:s,s:s,s:s,s:o,s:o,s:s,s:o,s:o}", "id", t->id, "name",
	                 t->name, "unit", t->unit, "reference",
	                 held ? json_real(f.value) : json_null(), "measured",
	                 isnan(measured) ? json_null() : json_real(measured), "tolerance",
	                 tolerance, "verdict",
	                 held ? json_string(met ? "met" : "missed") : json_null(),
	                 "source", held ? json_string(f.source) : json_null());
}

json_t *disk_calibrate(const struct hdd_profile *p, uint64_t seed, struct hcb_err *err)
{
	struct disk_bench *b = disk_bench_new(p, seed, 1, err);
	json_t *list = json_array(), *doc = NULL;
	if (!b) {
		json_decref(list);
		return NULL;
	}
	for (size_t i = 0; i < DISK_TARGETS; i++)
		json_array_append_new(list, one(b, &disk_targets[i]));
	doc = json_pack("{s:s,s:I,s:o}", "profile", p->name, "seed", (json_int_t)seed,
	                "targets", list);
	if (!doc)
		hcb_err_sys(err, -ENOMEM, "calibrate %s", p->name);
	free(b);
	return doc;
}

/* Four figures that count, without exponents. */
static int digits(double v)
{
	return v >= 1000 || v == 0 ? 0 : v >= 100 ? 1 : v >= 10 ? 2 : 3;
}

static void number_text(const json_t *v, char *buf, size_t size)
{
	if (json_is_real(v))
		snprintf(buf, size, "%.*f", digits(json_real_value(v)),
		         json_real_value(v));
	else
		snprintf(buf, size, "n/a");
}

void disk_calibrate_print(const json_t *doc, FILE *f)
{
	size_t i;
	json_t *t;
	unsigned missed = 0, judged = 0;
	fprintf(f, "%-4s %-46s %10s %10s %-5s %-9s %-7s %s\n", "id", "target",
	        "reference", "measured", "", "tolerance", "verdict", "reference from");
	json_array_foreach(json_object_get(doc, "targets"), i, t)
	{
		const char *verdict = json_string_value(json_object_get(t, "verdict"));
		const char *source = json_string_value(json_object_get(t, "source"));
		char ref[32], measured[32];
		number_text(json_object_get(t, "reference"), ref, sizeof(ref));
		number_text(json_object_get(t, "measured"), measured, sizeof(measured));
		judged += verdict != NULL;
		missed += verdict && strcmp(verdict, "missed") == 0;
		fprintf(f, "%-4s %-46s %10s %10s %-5s %-9s %-7s %s\n",
		        json_string_value(json_object_get(t, "id")),
		        json_string_value(json_object_get(t, "name")), ref, measured,
		        json_string_value(json_object_get(t, "unit")),
		        json_string_value(json_object_get(t, "tolerance")),
		        verdict ? verdict : "n/a", source ? source : "none published");
	}
	fprintf(f, "%u of %u met\n", judged - missed, judged);
}
