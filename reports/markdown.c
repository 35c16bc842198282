/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A nightly check as markdown: a chat message, or GitHub's step summary. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/check_parts.h"
#include "reports/report.h"

#define str hcb_check_str
#define num hcb_check_num

/* Nothing of a name is markup, ends a table's cell, a line or an HTML element. */
static void put_md(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '<')
			fputs("&lt;", f);
		else if (*s == '>')
			fputs("&gt;", f);
		else if (*s == '&')
			fputs("&amp;", f);
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			fputc(' ', f);
		else if (strchr("\\`*_{}[]()#+!|~@$", *s))
			fprintf(f, "\\%c", *s);
		else
			fputc(*s, f);
	}
}

static void put_percent(FILE *f, double share)
{
	if (isfinite(share))
		fprintf(f, " %.1f %% |", 100 * share);
	else
		fputs(" n/a |", f);
}

static void put_row(FILE *f, const json_t *s)
{
	char value[32];
	const json_t *b = json_object_get(s, "baseline");
	fputs("| ", f);
	put_md(f, str(s, "label"));
	fprintf(f, " | %s%s | ", str(s, "state"),
	        json_is_true(json_object_get(s, "control")) ? " (control)" : "");
	put_md(f, hcb_check_value(value, sizeof(value), s, num(s, "value")));
	fputs(" | ", f);
	put_md(f, hcb_check_value(value, sizeof(value), s, num(b, "value")));
	fputs(" |", f);
	put_percent(f, num(s, "effect"));
	put_percent(f, num(s, "mde"));
	fputc('\n', f);
}

static void put_lines(FILE *f, const json_t *doc, const json_t *series)
{
	for (size_t i = 0; i < json_array_size(series); i++) {
		const json_t *s = json_array_get(series, i);
		if (!hcb_check_speaks(s))
			continue;
		char *line = hcb_check_line_text(doc, s);
		fputs("- ", f);
		put_md(f, line ? line : str(s, "state"));
		fputc('\n', f);
		free(line);
	}
	const json_t *w = json_object_get(doc, "warnings");
	for (size_t i = 0; i < json_array_size(w); i++) {
		fputs("- note: ", f);
		put_md(f, json_string_value(json_array_get(w, i)));
		fputc('\n', f);
	}
}

static int markdown_write(const json_t *const *docs, size_t n, FILE *f,
                          struct hcb_err *err)
{
	(void)err;
	for (size_t i = 0; i < n; i++) {
		const json_t *series = json_object_get(docs[i], "series");
		fputs("### hcbench: ", f);
		put_md(f, str(docs[i], "verdict"));
		fputs(", night ", f);
		put_md(f, str(docs[i], "night"));
		fputs("\n\n", f);
		put_lines(f, docs[i], series);
		fputs("\n| series | state | tonight | baseline | moved | finds |\n"
		      "|---|---|---:|---:|---:|---:|\n",
		      f);
		for (size_t k = 0; k < json_array_size(series); k++)
			put_row(f, json_array_get(series, k));
		fputs("\n*finds*: the smallest worsening found within 7 nights, 4 times "
		      "of "
		      "5\n",
		      f);
	}
	return 0;
}

const struct hcb_report hcb_report_markdown = {
        .name = "markdown",
        .summary = "a nightly check for a chat, or GitHub's step summary",
        .kinds = "check",
        .write = markdown_write,
};
