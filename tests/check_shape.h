/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reports on a check whose every text is hostile: is the output still of its form? Used
 * by the unit test with chosen texts and by the fuzz target with any.
 */
#ifndef HCB_TESTS_CHECK_SHAPE_H
#define HCB_TESTS_CHECK_SHAPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/report.h"

/* A gated series in a regression, a control that is suspect, one that learns. */
static inline json_t *shape_check(const char *text)
{
	static const char *const states[] = {"REGRESSION", "SUSPECT", "LEARNING",
	                                     "INVALID"};
	json_t *doc = json_pack("{sisssssbsssssss{sisi}s{sssisis[{sssssbss}]}s[s]}",
	                        "schema", 1, "hcbench", "0", "kind", "check", "partial",
	                        0, "night", text, "verdict", "REGRESSION", "fail_on",
	                        "regression", "counts", "gated", 2, "judged", 2,
	                        "environment", "verdict", "CONTROL", "controls", 1,
	                        "controls_judged", 1, "moved", "key", text, "label", text,
	                        "control", 1, "direction", "worse", "warnings", text);
	json_t *series = json_array();
	for (int i = 0; doc && i < 4; i++)
		json_array_append_new(
		        series,
		        json_pack(
		                "{ssssssssssssss sbsb sssfsfsf s{sf} s[{ssssss}] so so}",
		                "key", text, "label", text, "test", text, "metric", text,
		                "unit", text, "state", states[i], "reason", text, "gated",
		                i != 1, "control", i == 1, "episode",
		                i ? "OK" : "REGRESSION", "value", 1.5, "effect", 0.5,
		                "mde", 0.1, "baseline", "value", 1.0, "changed", "field",
		                text, "from", text, "to", text, "onset",
		                i ? json_null()
		                  : json_pack("{sssi}", "night", text, "nights", 3),
		                "replaces",
		                i == 2 ? json_pack("{sssss[]}", "key", text, "last", text,
		                                   "changed")
		                       : json_null()));
	if (doc)
		json_object_set_new(doc, "series", series);
	else
		json_decref(series);
	return doc;
}

/* To be freed. */
static inline char *shape_written(const char *kind, const json_t *doc)
{
	char *out = NULL;
	size_t len = 0;
	struct hcb_err err = HCB_ERR_INIT;
	FILE *f = open_memstream(&out, &len);
	const json_t *docs[] = {doc};
	if (!f || hcb_report_find(kind)->write(docs, 1, f, &err))
		abort();
	fclose(f);
	return out;
}

static inline size_t shape_count(const char *text, const char *part)
{
	size_t n = 0;
	for (const char *p = text; (p = strstr(p, part)); p += strlen(part))
		n++;
	return n;
}

/* Elements nest, attributes are quoted, no character that XML has not, every & an entity
   of ours. NULL, or what is wrong. */
static inline const char *shape_xml(const char *s)
{
	char open[16][32];
	int depth = 0;
	for (; *s; s++) {
		if ((unsigned char)*s < ' ' && *s != '\n')
			return "a control character";
		if (*s == '&' && strncmp(s, "&amp;", 5) && strncmp(s, "&lt;", 4) &&
		    strncmp(s, "&gt;", 4) && strncmp(s, "&quot;", 6) &&
		    strncmp(s, "&apos;", 6) && strncmp(s, "&#", 2))
			return "a bare &";
		if (*s != '<')
			continue;
		char name[32] = "";
		bool end = s[1] == '/', quoted = false;
		size_t n = strcspn(s + 1 + end, " />\"?");
		if (n >= sizeof(name))
			return "a long name";
		memcpy(name, s + 1 + end, n);
		for (s++; *s && (quoted || *s != '>'); s++) {
			quoted ^= *s == '"';
			if (*s == '<')
				return "< inside of a tag";
		}
		if (*s != '>')
			return "a tag without an end";
		if (end) {
			if (!depth || strcmp(open[--depth], name) != 0)
				return "elements do not nest";
		} else if (s[-1] != '/' && s[-1] != '?') {
			if (depth == 16)
				return "too deep";
			memcpy(open[depth++], name, sizeof(name));
		}
	}
	return depth ? "an element without an end" : NULL;
}

/* Each line a comment or NAME{LABELS} VALUE, quotes closed. */
static inline const char *shape_prom(const char *s)
{
	if (!*s || s[strlen(s) - 1] != '\n')
		return "no newline at the end";
	while (*s) {
		size_t n = strcspn(s, "\n");
		bool quoted = false;
		const char *p = s;
		if (strncmp(s, "# HELP hcbench_", 15) &&
		    strncmp(s, "# TYPE hcbench_", 15)) {
			if (strncmp(s, "hcbench_", 8) != 0)
				return "a line that is no metric";
			for (; p < s + n; p++) {
				if (quoted && *p == '\\')
					p++;
				else if (*p == '"')
					quoted = !quoted;
				else if (!quoted && *p == ' ')
					break;
			}
			if (quoted || p >= s + n)
				return "a label that does not end";
			if (strspn(p + 1, "-+.0123456789e") != (size_t)(s + n - p - 1))
				return "a value that is no number";
		}
		s += n + 1;
	}
	return NULL;
}

/* Every line a command. */
static inline const char *shape_github(const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "\n");
		if (strncmp(s, "::error title=", 14) &&
		    strncmp(s, "::warning title=", 16))
			return "a line that is no command";
		if (memchr(s, '\r', n))
			return "a carriage return";
		s += n + 1;
	}
	return NULL;
}

/* Rows of the table have six cells, and no line is HTML. */
static inline const char *shape_markdown(const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p == '<' || ((unsigned char)*p < ' ' && *p != '\n'))
			return "HTML or a control character";
	while (*s) {
		size_t n = strcspn(s, "\n"), bars = 0;
		for (size_t i = 0; i < n; i++) {
			if (s[i] == '\\')
				i++;
			else
				bars += s[i] == '|';
		}
		if (*s == '|' ? bars != 7 : bars != 0)
			return "a row of other than six cells";
		s += n + (s[n] == '\n');
	}
	return NULL;
}

static const struct {
	const char *kind;
	const char *(*shape)(const char *text);
} shapes[] = {{"junit", shape_xml},
              {"prom", shape_prom},
              {"github", shape_github},
              {"markdown", shape_markdown}};
#define N_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

#endif
