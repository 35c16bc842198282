/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/text_parts.h"

#include <stdbool.h>
#include <string.h>

#include "bench/core/units.h"

#define SHOWN 8 /* of the findings; the document has more */

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "?";
}

static double num(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static const char *const kinds[] = {"lost",       "torn",  "misplaced", "foreign",
                                    "unreadable", "stale", NULL};

static double wrong(const json_t *counts)
{
	double n = 0;
	for (size_t i = 0; kinds[i]; i++)
		n += num(counts, kinds[i]);
	return n;
}

static void put_kinds(FILE *f, const json_t *counts)
{
	const char *sep = "";
	for (size_t i = 0; kinds[i]; i++) {
		if (num(counts, kinds[i]) <= 0)
			continue;
		fprintf(f, "%s%.0f %s", sep, num(counts, kinds[i]), kinds[i]);
		sep = ", ";
	}
}

static void put_finding(FILE *f, const json_t *o, double sectors)
{
	const json_t *found = json_object_get(o, "found_seq");
	fprintf(f, "  %-10s byte %.0f of %s", str(o, "kind"), num(o, "offset"),
	        str(o, "target"));
	if (json_is_string(json_object_get(o, "volume")))
		fprintf(f, " (%s, byte %.0f)", str(o, "volume"), num(o, "volume_offset"));
	if (strcmp(str(o, "kind"), "unreadable") != 0) {
		fprintf(f, ": write %.0f or later was to be there, ",
		        num(o, "expected_seq"));
		if (json_is_integer(found))
			fprintf(f, "found %.0f", json_number_value(found));
		else
			fputs("found none of this run", f);
		fprintf(f, ", %.0f of %.0f sectors wrong", num(o, "bad_sectors"),
		        sectors);
	}
	if (json_is_string(json_object_get(o, "detail")))
		fprintf(f, "; %s", str(o, "detail"));
	if (strcmp(str(o, "when"), "run") == 0)
		fputs("; seen in the run", f);
	fputc('\n', f);
}

/* Which volumes are hit, where there is more than one. */
static void put_volumes(FILE *f, const json_t *volumes)
{
	size_t i;
	json_t *o;
	const char *sep = "  by volume: ";
	if (json_array_size(volumes) < 2)
		return;
	json_array_foreach(volumes, i, o)
	{
		fprintf(f, "%s%s %.0f of %.0f", sep, str(o, "volume"),
		        num(o, "wrong_blocks"), num(o, "blocks_checked"));
		sep = ", ";
	}
	fputc('\n', f);
}

static void put_findings(FILE *f, const json_t *verify, double all)
{
	const json_t *first = json_object_get(verify, "first");
	size_t i, shown = 0;
	json_t *o;
	json_array_foreach(first, i, o)
	{
		if (shown == SHOWN)
			break;
		put_finding(f, o, num(verify, "block_bytes") / 512);
		shown++;
	}
	if (all > (double)shown)
		fprintf(f, "  and %.0f more\n", all - (double)shown);
}

static void put_cost(FILE *f, const json_t *cost)
{
	char a[32], b[32];
	double writes = num(cost, "writes"), reads = num(cost, "reads");
	if (!json_is_object(cost) || writes <= 0)
		return;
	fprintf(f, "  the bench spent %s a write on it",
	        hcb_fmt_ns(a, sizeof(a), num(cost, "fill_ns") / writes));
	if (reads > 0)
		fprintf(f, ", %s a read",
		        hcb_fmt_ns(b, sizeof(b), num(cost, "check_ns") / reads));
	fputc('\n', f);
}

static void put_verify(FILE *f, const json_t *verify)
{
	const json_t *in_run = json_object_get(verify, "in_run");
	char size[32];
	double all = wrong(verify) + wrong(in_run),
	       blocks = num(verify, "blocks_checked");
	bool complete = json_is_true(json_object_get(verify, "read_back"));
	fputs(all > 0 ? "DATA LOST: " : complete ? "verified: " : "not verified: ", f);
	if (complete || blocks > 0)
		fprintf(f, "%.0f blocks (%s) read back, %.0f of them promised", blocks,
		        hcb_fmt_bytes(size, sizeof(size), num(verify, "bytes")),
		        num(verify, "promised_blocks"));
	if (wrong(verify) > 0) {
		fputs(": ", f);
		put_kinds(f, verify);
	} else if (complete) {
		fputs(": all are there", f);
	}
	if (!complete)
		fprintf(f, "%s%s", blocks > 0 ? "; then " : "",
		        str(verify, "not_read_because"));
	fputc('\n', f);
	if (wrong(in_run) > 0) {
		fputs("  reads of the run found ", f);
		put_kinds(f, in_run);
		fputc('\n', f);
	} else if (num(in_run, "blocks_checked") > 0) {
		fprintf(f, "  reads of the run: %.0f blocks looked at, all are right\n",
		        num(in_run, "blocks_checked"));
	}
	if (all > 0)
		put_volumes(f, json_object_get(verify, "volumes"));
	put_findings(f, verify, all);
	if (num(verify, "rolled_back") > 0)
		fprintf(f,
		        "  %.0f blocks hold an older version, and no flush had covered a "
		        "newer one: a power cut may do that\n",
		        num(verify, "rolled_back"));
}

void hcb_text_verify(FILE *f, const json_t *verify)
{
	if (!json_is_object(verify))
		return;
	put_verify(f, verify);
	if (json_is_string(json_object_get(verify, "log")))
		fprintf(f, "  later: hcbench verify %s\n", str(verify, "log"));
	put_cost(f, json_object_get(verify, "cost"));
	fputc('\n', f);
}

void hcb_text_verify_document(FILE *f, const json_t *doc)
{
	const json_t *of = json_object_get(doc, "run");
	size_t i;
	json_t *t;
	put_verify(f, json_object_get(doc, "verify"));
	json_array_foreach(json_object_get(doc, "targets"), i, t)
	        fprintf(f, "%s %s\n", i ? "  " : "on", str(t, "target"));
	fprintf(f, "written by: %s\n", str(of, "command"));
}
