/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A nightly check as JUnit XML: a testsuite per test, a testcase per gated series.
 * REGRESSION and ENVIRONMENT are failures; what could not be judged is skipped, with the
 * reason; numbers are properties.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/check_parts.h"
#include "reports/report.h"

#define str hcb_check_str
#define num hcb_check_num

/* Text and attributes alike. XML 1.0 has no way to write most control characters: they
   become U+FFFD. The document is UTF-8, as jansson leaves nothing else through. */
static void put_xml(FILE *f, const char *s)
{
	static const struct {
		char c;
		const char *text;
	} named[] = {{'&', "&amp;"},   {'<', "&lt;"},   {'>', "&gt;"},  {'"', "&quot;"},
	             {'\'', "&apos;"}, {'\n', "&#10;"}, {'\t', "&#9;"}, {'\r', "&#13;"}};
	for (; *s; s++) {
		const char *text = NULL;
		for (size_t i = 0; !text && i < sizeof(named) / sizeof(named[0]); i++)
			text = named[i].c == *s ? named[i].text : NULL;
		/* U+FFFE and U+FFFF are the other two that may not be. */
		bool bad = (unsigned char)*s < ' ' || *s == 0x7f;
		if (!text && strncmp(s, "\xef\xbf", 2) == 0 &&
		    ((unsigned char)s[2] == 0xbe || (unsigned char)s[2] == 0xbf)) {
			bad = true;
			s += 2;
		}
		if (text)
			fputs(text, f);
		else if (bad)
			fputs("\xef\xbf\xbd", f);
		else
			fputc(*s, f);
	}
}

static bool fails(const json_t *s)
{
	const char *state = str(s, "state");
	return strcmp(state, "ENVIRONMENT") == 0 ||
	       strcmp(str(s, "episode"), "REGRESSION") == 0;
}

static bool skipped(const json_t *s)
{
	const char *state = str(s, "state");
	return !fails(s) &&
	       (strcmp(state, "INVALID") == 0 || strcmp(state, "LEARNING") == 0 ||
	        strcmp(state, "MISSED") == 0);
}

static void put_property(FILE *f, const char *name, double v)
{
	if (isfinite(v))
		fprintf(f, "        <property name=\"%s\" value=\"%.10g\"/>\n", name, v);
}

static void put_case(FILE *f, const json_t *doc, const json_t *s)
{
	char *line = hcb_check_line_text(doc, s);
	fputs("    <testcase classname=\"", f);
	put_xml(f, str(s, "test"));
	fputs("\" name=\"", f);
	put_xml(f, str(s, "metric"));
	fprintf(f,
	        "\">\n      <properties>\n        <property name=\"state\" "
	        "value=\"%s\"/>\n",
	        str(s, "state"));
	fputs("        <property name=\"unit\" value=\"", f);
	put_xml(f, str(s, "unit"));
	fputs("\"/>\n", f);
	put_property(f, "value", num(s, "value"));
	put_property(f, "baseline", num(json_object_get(s, "baseline"), "value"));
	put_property(f, "effect", num(s, "effect"));
	put_property(f, "mde", num(s, "mde"));
	fputs("      </properties>\n", f);
	if (fails(s) || skipped(s)) {
		fprintf(f, "      <%s message=\"", fails(s) ? "failure" : "skipped");
		put_xml(f, line ? line : str(s, "state"));
		fputs("\"/>\n", f);
	} else if (strcmp(str(s, "state"), "OK") != 0) {
		fputs("      <system-out>", f);
		put_xml(f, line ? line : str(s, "state"));
		fputs("</system-out>\n", f);
	}
	fputs("    </testcase>\n", f);
	free(line);
}

static bool gated(const json_t *s)
{
	return json_is_true(json_object_get(s, "gated"));
}

/* Of a test, or of all (test NULL). */
static void put_counts(FILE *f, const json_t *series, const char *test)
{
	size_t n = 0, failed = 0, skips = 0;
	for (size_t i = 0; i < json_array_size(series); i++) {
		const json_t *s = json_array_get(series, i);
		if (!gated(s) || (test && strcmp(str(s, "test"), test) != 0))
			continue;
		n++;
		failed += fails(s);
		skips += skipped(s);
	}
	fprintf(f, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\">\n", n,
	        failed, skips);
}

static bool seen(const json_t *series, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (gated(json_array_get(series, k)) &&
		    strcmp(str(json_array_get(series, k), "test"),
		           str(json_array_get(series, i), "test")) == 0)
			return true;
	return false;
}

static int junit_write(const json_t *const *docs, size_t n, FILE *f, struct hcb_err *err)
{
	if (n != 1)
		return hcb_err_usage(err, "report junit: one check at a time");
	const json_t *series = json_object_get(docs[0], "series");
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"hcbench "
	      "check, "
	      "night ",
	      f);
	put_xml(f, str(docs[0], "night"));
	fputc('"', f);
	put_counts(f, series, NULL);
	for (size_t i = 0; i < json_array_size(series); i++) {
		const json_t *s = json_array_get(series, i);
		if (!gated(s) || seen(series, i))
			continue;
		fputs("  <testsuite name=\"", f);
		put_xml(f, str(s, "test"));
		fputc('"', f);
		put_counts(f, series, str(s, "test"));
		for (size_t k = i; k < json_array_size(series); k++) {
			const json_t *t = json_array_get(series, k);
			if (gated(t) && strcmp(str(t, "test"), str(s, "test")) == 0)
				put_case(f, docs[0], t);
		}
		fputs("  </testsuite>\n", f);
	}
	fputs("</testsuites>\n", f);
	return 0;
}

const struct hcb_report hcb_report_junit = {
        .name = "junit",
        .summary = "a nightly check for what reads JUnit XML",
        .kinds = "check",
        .write = junit_write,
};
