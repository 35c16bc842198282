/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report of a sizing: the verdict and its rule, layouts, price, where it flips.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "bench/core/units.h"
#include "reports/text_parts.h"

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static double num(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static bool known(const json_t *o, const char *key)
{
	return json_is_number(json_object_get(o, key));
}

/* "41.2/s", "5000" */
static const char *load(const json_t *doc, double v, char *buf, size_t size)
{
	const char *key = str(json_object_get(doc, "size"), "load");
	const char *dot = strrchr(key, '.');
	bool rate = dot && strcmp(dot, ".rate") == 0;
	snprintf(buf, size, rate ? "%.4g/s" : "%.0f", v);
	return buf;
}

static void put_head(FILE *f, const json_t *doc)
{
	const json_t *q = json_object_get(doc, "size");
	const json_t *slos = json_object_get(q, "slos");
	char d[40];
	fprintf(f, "size%s: %s = %s (sigma %g), kept:",
	        json_is_true(json_object_get(doc, "partial")) ? " (partial)" : "",
	        str(q, "load"), load(doc, num(q, "demand"), d, sizeof(d)),
	        num(q, "sigma"));
	for (size_t i = 0; i < json_array_size(slos); i++)
		fprintf(f, "%s %s", i ? "," : "",
		        json_string_value(json_array_get(slos, i)));
	fprintf(f, "; cluster %s\n\n", str(q, "state"));
}

static bool measured(const json_t *doc)
{
	const json_t *all = json_object_get(doc, "layouts");
	bool any = false;
	for (size_t i = 0; i < json_array_size(all); i++)
		any |= json_is_object(
		        json_object_get(json_array_get(all, i), "capacity"));
	return any;
}

/* docs/accuracy/decide.md: of what is decided with at most 12 trials a layout a third is
   KEEP SHARED where it should be OPTIONAL, with 18 a twelfth, with 24 one in a hundred.
 */
#define ENOUGH_TRIALS 24

static void put_few_trials(FILE *f, const json_t *doc)
{
	const json_t *all = json_object_get(doc, "layouts");
	double fewest = ENOUGH_TRIALS;
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *l = json_array_get(all, i);
		const json_t *c = json_object_get(l, "capacity");
		if (json_is_object(c) && strcmp(str(l, "kind"), "none") != 0 &&
		    !json_is_true(json_object_get(c, "regular")) &&
		    num(c, "trials") < fewest)
			fewest = num(c, "trials");
	}
	if (fewest < ENOUGH_TRIALS)
		fprintf(f,
		        "  A search was over after %.0f trials: with fewer than %d a "
		        "split "
		        "that would be worth having is overlooked up to one time in "
		        "three.\n",
		        fewest, ENOUGH_TRIALS);
}

static void put_verdict(FILE *f, const json_t *doc)
{
	const json_t *d = json_object_get(doc, "decision");
	if (!measured(doc)) {
		fputs("nothing was measured\n", f);
		return;
	}
	const char *verdict = str(d, "verdict");
	bool names = strcmp(verdict, "TUNE") == 0 || strcmp(verdict, "SPLIT") == 0 ||
	             strcmp(verdict, "OPTIONAL") == 0;
	char lo[40], hi[40];
	fprintf(f, "%s%s%s\n  %s.\n", verdict, names ? ": " : "",
	        names ? str(d, "layout") : "", str(d, "rule"));
	if (known(d, "flip_hi") && !(num(d, "flip_lo") > 0))
		fprintf(f,
		        "  Sharing is not fine from a demand of %s on; below it is not "
		        "known.\n",
		        load(doc, num(d, "flip_hi"), hi, sizeof(hi)));
	else if (known(d, "flip_lo") && known(d, "flip_hi"))
		fprintf(f,
		        "  Sharing is fine up to a demand of %s, and not from %s on; in "
		        "between it is not known.\n",
		        load(doc, num(d, "flip_lo"), lo, sizeof(lo)),
		        load(doc, num(d, "flip_hi"), hi, sizeof(hi)));
	else if (num(d, "flip_lo") > 0)
		fprintf(f, "  Sharing is fine up to a demand of %s at least.\n",
		        load(doc, num(d, "flip_lo"), lo, sizeof(lo)));
	else
		fputs("  Where sharing ends is not known.\n", f);
	if (strcmp(verdict, "KEEP SHARED") == 0)
		put_few_trials(f, doc);
}

static void put_capacity(FILE *f, const json_t *doc, const json_t *c)
{
	char lo[40] = "0", hi[40] = "?", text[96];
	if (known(c, "lower"))
		load(doc, num(c, "lower"), lo, sizeof(lo));
	if (known(c, "upper"))
		load(doc, num(c, "upper"), hi, sizeof(hi));
	snprintf(text, sizeof(text), "%s to %s%s", lo, hi,
	         json_is_true(json_object_get(c, "regular")) ? "" : " *");
	fprintf(f, "%-24s", json_is_null(c) ? "not measured" : text);
}

static void put_layout(FILE *f, const json_t *doc, const json_t *l)
{
	const json_t *p = json_object_get(l, "p_ok");
	const json_t *gain = json_object_get(l, "gain");
	bool keeps = strcmp(str(json_object_get(doc, "decision"), "verdict"),
	                    "KEEP SHARED") == 0;
	char d[40], text[64] = "";
	fprintf(f, "  %-20s%-8s", str(l, "name"), str(l, "kind"));
	put_capacity(f, doc, json_object_get(l, "capacity"));
	if (num(p, "lo") <= 0 && num(p, "hi") >= 1)
		fprintf(f, "%-21s", "not known");
	else
		fprintf(f, "%.2f (%.2f to %.2f)  ", num(p, "mid"), num(p, "lo"),
		        num(p, "hi"));
	if (num(l, "flip_lo") > 0)
		snprintf(text, sizeof(text), "up to %s",
		         load(doc, num(l, "flip_lo"), d, sizeof(d)));
	fprintf(f, "%-16s", text);
	if (json_is_object(gain))
		fprintf(f, "x %.2f (%.2f to %.2f)", num(gain, "mid"), num(gain, "lo"),
		        num(gain, "hi"));
	fputc('\n', f);
	if (*str(l, "why_none"))
		fprintf(f, "  %20s%s\n", "", str(l, "why_none"));
	else if (strcmp(str(l, "gives_up"), "nothing") != 0)
		fprintf(f, "  %20sgives up: %s\n", "", str(l, "gives_up"));
	if (known(l, "p99_ratio_lo"))
		fprintf(f, "  %20sp99 at the demand: shared over this x %.2f at least\n",
		        "", num(l, "p99_ratio_lo"));
	else if (keeps && strcmp(str(l, "kind"), "split") == 0 &&
	         num(p, "lo") >= num(json_object_get(doc, "decision"), "p_ok_needed"))
		fprintf(f, "  %20sp99 at the demand was not compared\n", "");
}

static bool put_layouts(FILE *f, const json_t *doc)
{
	const json_t *all = json_object_get(doc, "layouts");
	bool irregular = false;
	fprintf(f, "\n  %-20s%-8s%-24s%-21s  %-16s%s\n", "layout", "kind", "capacity",
	        "P_ok (interval)", "holds", "over shared");
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *l = json_array_get(all, i);
		const json_t *c = json_object_get(l, "capacity");
		put_layout(f, doc, l);
		irregular |=
		        json_is_object(c) && !json_is_true(json_object_get(c, "regular"));
	}
	return irregular;
}

static void put_irregular(FILE *f, const json_t *doc)
{
	const json_t *all = json_object_get(doc, "layouts");
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *l = json_array_get(all, i);
		const json_t *c = json_object_get(l, "capacity");
		if (json_is_object(c) && !json_is_true(json_object_get(c, "regular")))
			fprintf(f, "  * %s: %s\n", str(l, "name"), str(c, "end"));
	}
}

static void put_interference(FILE *f, const json_t *doc)
{
	const json_t *i = json_object_get(doc, "interference");
	const json_t *x = json_object_get(i, "factor");
	if (!json_is_object(i))
		return;
	fputs("\n  alone on the shared disks: ", f);
	put_capacity(f, doc, json_object_get(i, "alone"));
	if (json_is_object(x))
		fprintf(f,
		        "\n  interference: alone it carries %.2f (%.2f to %.2f) times "
		        "as much",
		        num(x, "mid"), num(x, "lo"), num(x, "hi"));
	else if (json_is_object(json_object_get(i, "alone")))
		fputs("\n  interference: not known, an end is missing", f);
	fputc('\n', f);
}

static void put_class(FILE *f, const json_t *c)
{
	char a[32], b[32], d[32], e[32];
	fprintf(f, "    class %s: %.0f OSDs on %.0f hosts, %s raw, %s usable",
	        str(c, "class"), num(c, "osds"), num(c, "hosts"),
	        hcb_fmt_bytes(a, sizeof(a), num(c, "raw_bytes")),
	        hcb_fmt_bytes(b, sizeof(b), num(c, "usable_bytes")));
	if (num(c, "stored_bytes") > 0)
		fprintf(f, " beside the %s that are there",
		        hcb_fmt_bytes(d, sizeof(d), num(c, "stored_bytes")));
	if (json_is_true(json_object_get(c, "used")))
		fprintf(f, ", %s needed, %s left",
		        hcb_fmt_bytes(d, sizeof(d), num(c, "need_bytes")),
		        hcb_fmt_bytes(e, sizeof(e), num(c, "left_bytes")));
	else
		fputs(", not used by it", f);
	fputc('\n', f);
}

static void put_space(FILE *f, const json_t *doc)
{
	const json_t *all = json_object_get(doc, "layouts");
	bool head = false;
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *l = json_array_get(all, i);
		const json_t *s = json_object_get(l, "space");
		const json_t *classes = json_object_get(s, "classes");
		if (!json_array_size(classes) || strcmp(str(l, "kind"), "tuned") == 0)
			continue;
		if (!head)
			fprintf(f,
			        "\n  space: fullest OSD at %g, the largest host down, "
			        "data "
			        "spread by weight\n",
			        num(doc, "nearfull"));
		head = true;
		fprintf(f, "  %s%s\n", str(l, "name"),
		        known(s, "ratio") && num(s, "ratio") < 1 ? ": IT DOES NOT FIT"
		                                                 : "");
		for (size_t k = 0; k < json_array_size(classes); k++)
			put_class(f, json_array_get(classes, k));
	}
	if (!head)
		fputs("\n  space: not known, so it takes no part in P_ok\n", f);
}

static void put_price(FILE *f, const json_t *doc)
{
	const json_t *all = json_object_get(doc, "layouts");
	const json_t *more = json_object_get(doc, "price");
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *l = json_array_get(all, i);
		double n = num(l, "disks_more");
		if (strcmp(str(l, "kind"), "split") == 0)
			fprintf(f, "  price of %s: %.0f disk%s more\n", str(l, "name"), n,
			        n == 1 ? "" : "s");
	}
	for (size_t i = 0; i < json_array_size(more); i++)
		fprintf(f, "  price of %s\n", json_string_value(json_array_get(more, i)));
}

static void put_sensitivity(FILE *f, const json_t *doc)
{
	const json_t *all = json_object_get(doc, "sensitivity");
	char d[40];
	const char *said = str(json_object_get(doc, "decision"), "verdict");
	fprintf(f, "\n  At other demands, by the same capacities%s:\n",
	        strcmp(said, "OPTIONAL") == 0 ? ", where p99 was not compared" : "");
	fprintf(f, "  %12s  %-14s%s\n", "demand", "verdict", "");
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *x = json_array_get(all, i);
		const char *verdict = str(x, "verdict");
		bool names =
		        strcmp(verdict, "TUNE") == 0 || strcmp(verdict, "SPLIT") == 0;
		fprintf(f, "  %12s  %-14s%s\n", load(doc, num(x, "demand"), d, sizeof(d)),
		        verdict, names ? str(x, "layout") : "");
	}
}

void hcb_text_size(FILE *f, const json_t *doc)
{
	put_head(f, doc);
	put_verdict(f, doc);
	if (put_layouts(f, doc))
		put_irregular(f, doc);
	fprintf(f,
	        "  P_ok: how likely it is that the demand is within the capacity; a "
	        "layout "
	        "holds from %g on\n",
	        num(json_object_get(doc, "decision"), "p_ok_needed"));
	put_interference(f, doc);
	put_space(f, doc);
	put_price(f, doc);
	if (measured(doc))
		put_sensitivity(f, doc);
}
