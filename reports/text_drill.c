/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report's section on faults: what was done, how long commits stood still. */
#include <string.h>

#include "bench/core/units.h"
#include "reports/text_parts.h"

static double num(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void put_seconds(FILE *f, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	if (json_is_number(v))
		fprintf(f, "%8.1f s", json_number_value(v));
	else
		fprintf(f, "%8s  ", "never");
}

static void put_events(FILE *f, const json_t *faults)
{
	size_t i;
	json_t *e;
	fprintf(f, "%-28s%10s%10s  %s\n", "faults", "began", "done", "what it said");
	json_array_foreach((json_t *)(uintptr_t)faults, i, e)
	{
		const char *said = json_string_value(json_object_get(e, "said"));
		const json_t *code = json_object_get(e, "exit");
		fprintf(f, "  %-26s", json_string_value(json_object_get(e, "do")));
		put_seconds(f, e, "started_s");
		put_seconds(f, e, "ended_s");
		if (json_integer_value(code) != 0)
			fprintf(f, "  FAILED (%d): %s", (int)json_integer_value(code),
			        said ? said : "");
		else if (said && *said)
			fprintf(f, "  %s", said);
		fputc('\n', f);
	}
}

static void put_part(FILE *f, const json_t *drill, const char *name)
{
	static const char *const keys[] = {"p50", "p95", "p99", "max"};
	const json_t *p = json_object_get(drill, name);
	if (!json_is_object(p)) {
		fprintf(f, "  %-8s none\n", name);
		return;
	}
	double s = num(p, "to_s") - num(p, "from_s");
	fprintf(f, "  %-8s %7.1f to %6.1f s%10.0f%9.1f/s", name, num(p, "from_s"),
	        num(p, "to_s"), num(p, "count"), s > 0 ? num(p, "count") / s : 0);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *v =
		        json_object_get(json_object_get(p, "response_ns"), keys[i]);
		char buf[32] = "n/a";
		if (json_is_number(v))
			hcb_fmt_ns(buf, sizeof(buf), json_number_value(v));
		fprintf(f, "%10s", buf);
	}
	fputc('\n', f);
}

static void put_stalls(FILE *f, const json_t *stalls, const char *what)
{
	size_t i;
	json_t *g;
	json_array_foreach((json_t *)(uintptr_t)stalls, i, g)
	{
		const json_t *to = json_object_get(g, "to_s");
		fprintf(f, "  no %s from %.1f s ", what, num(g, "from_s"));
		if (json_is_number(to))
			fprintf(f, "to %.1f s: %.1f s\n", json_number_value(to),
			        json_number_value(to) - num(g, "from_s"));
		else
			fputs("to the end\n", f);
	}
}

void hcb_text_drill(FILE *f, const json_t *doc)
{
	static const char *const parts[] = {"before", "during", "after"};
	const json_t *faults = json_object_get(doc, "faults");
	const json_t *drill = json_object_get(doc, "drill");
	const json_t *tx = json_array_get(json_object_get(doc, "transactions"), 0);
	if (json_array_size(faults) == 0)
		return;
	put_events(f, faults);
	put_stalls(f, json_object_get(doc, "stalls"),
	           json_string_value(json_object_get(tx, "name")));
	if (json_is_object(drill)) {
		fprintf(f, "  %-27s%10s%11s%10s%10s%10s%10s\n", "", "count", "", "p50",
		        "p95", "p99", "max");
		for (size_t i = 0; i < 3; i++)
			put_part(f, drill, parts[i]);
		fprintf(f, "  stalled for %.1f s in all", num(drill, "stall_s"));
		if (json_is_number(json_object_get(drill, "recovery_s")))
			fprintf(f, "; mended and well again after %.1f s",
			        num(drill, "recovery_s"));
		fputc('\n', f);
	}
	fputc('\n', f);
}
