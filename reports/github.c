/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A nightly check as GitHub's workflow commands: ::error for what is red, ::warning for
   what is to be looked at. */
#include <stdlib.h>
#include <string.h>

#include "reports/check_parts.h"
#include "reports/report.h"

#define str hcb_check_str

/* The commands' own escapes; in a property also what ends one. */
static void put_data(FILE *f, const char *s, bool property)
{
	for (; *s; s++) {
		bool escape = strchr("%\r\n", *s) || (property && strchr(":,", *s));
		if (escape)
			fprintf(f, "%%%02X", (unsigned)(unsigned char)*s);
		else
			fputc(*s, f);
	}
}

static int github_write(const json_t *const *docs, size_t n, FILE *f, struct hcb_err *err)
{
	(void)err;
	for (size_t d = 0; d < n; d++) {
		const json_t *series = json_object_get(docs[d], "series");
		for (size_t i = 0; i < json_array_size(series); i++) {
			const json_t *s = json_array_get(series, i);
			bool red = strcmp(str(s, "episode"), "REGRESSION") == 0 &&
			           strcmp(str(s, "state"), "ENVIRONMENT") != 0;
			if (!hcb_check_speaks(s))
				continue;
			bool control = json_is_true(json_object_get(s, "control"));
			char *line = hcb_check_line_text(docs[d], s);
			fprintf(f, "::%s title=", red && !control ? "error" : "warning");
			put_data(f, str(s, "label"), true);
			fputs("::", f);
			put_data(f, line ? line : str(s, "state"), false);
			fputc('\n', f);
			free(line);
		}
	}
	return 0;
}

const struct hcb_report hcb_report_github = {
        .name = "github",
        .summary = "a nightly check as ::error and ::warning lines",
        .kinds = "check",
        .write = github_write,
};
