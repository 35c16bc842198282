/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report of kept results held against each other, or of why they were not. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "reports/text_parts.h"

#define MOST_DIFFERENCES 20

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "?";
}

static void put_side(FILE *f, const char *name, const json_t *side)
{
	const json_t *files = json_object_get(side, "files");
	size_t n = json_array_size(files);
	double unsteady = json_number_value(json_object_get(side, "unsteady"));
	fprintf(f, "  %-4s %s", name, json_string_value(json_array_get(files, 0)));
	if (n > 1)
		fprintf(f, " and %zu more", n - 1);
	fprintf(f, ": %s", str(side, "workload"));
	if (unsteady > 0)
		fprintf(f, "; %.0f of %zu UNSTEADY, their numbers are in", unsteady, n);
	fputc('\n', f);
}

static void put_leaf(FILE *f, const json_t *v)
{
	char *text =
	        v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6))
	          : NULL;
	fprintf(f, "%.60s%s", text ? text : "null",
	        text && strlen(text) > 60 ? "..." : "");
	free(text);
}

static void put_differences(FILE *f, const json_t *list)
{
	size_t n = json_array_size(list);
	if (n)
		fputs("\nwhat differs\n", f);
	for (size_t i = 0; i < n && i < MOST_DIFFERENCES; i++) {
		const json_t *d = json_array_get(list, i);
		fprintf(f, "  %-12s %s: ", str(d, "class"), str(d, "key"));
		put_leaf(f, json_object_get(d, "old"));
		fputs(" -> ", f);
		put_leaf(f, json_object_get(d, "new"));
		const json_t *files = json_object_get(d, "files");
		fprintf(f, "   (%s", json_string_value(json_array_get(files, 0)));
		if (json_array_size(files) > 1)
			fprintf(f, " and %zu more", json_array_size(files) - 1);
		fputs(")\n", f);
	}
	if (n > MOST_DIFFERENCES)
		fprintf(f, "  and %zu more\n", n - MOST_DIFFERENCES);
}

/* The option that would compare them, with the classes there are, each once. */
static void put_despite(FILE *f, const json_t *list)
{
	char classes[80] = "";
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *c = str(json_array_get(list, i), "class");
		size_t n = strlen(classes);
		if (!strstr(classes, c))
			snprintf(classes + n, sizeof(classes) - n, "%s%s", n ? "," : "",
			         c);
	}
	fprintf(f, "\n--despite %s compares them all the same\n", classes);
}

void hcb_text_compare(FILE *f, const json_t *doc)
{
	const json_t *c = json_object_get(doc, "compare");
	const json_t *old = json_object_get(c, "old"), *new_ = json_object_get(c, "new");
	const json_t *differences = json_object_get(doc, "differences");
	const json_t *txs = json_object_get(doc, "transactions");
	bool refused = json_is_true(json_object_get(c, "refused"));
	size_t n = json_array_size(json_object_get(old, "files"));
	size_t m = json_array_size(json_object_get(new_, "files"));
	fputs(refused ? "REFUSED: these are not two results of the same thing\n"
	              : "old against new\n",
	      f);
	put_side(f, "old", old);
	put_side(f, "new", new_);
	put_differences(f, differences);
	if (refused) {
		put_despite(f, differences);
		return;
	}
	for (size_t i = 0; i < json_array_size(txs); i++) {
		const json_t *tx = json_array_get(txs, i);
		hcb_text_effects(f, str(tx, "name"), "old", "new",
		                 json_object_get(tx, "metrics"));
	}
	if (n < 2 || m < 2)
		fputs("  one run a side: the spread between runs is not known, so no "
		      "verdict\n",
		      f);
	else
		hcb_text_margin(f, json_number_value(json_object_get(c, "margin")));
}
