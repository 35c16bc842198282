/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/cmd/load_result.h"

#include <stdbool.h>
#include <string.h>

#include "bench/result.h"

static bool among(const char *kinds, const char *kind)
{
	size_t n = strlen(kind);
	for (const char *p = kinds; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, kind, n) == 0 && (p[n] == ',' || !p[n]))
			return true;
	}
	return false;
}

static int check(const char *path, const char *kinds, const json_t *doc,
                 struct hcb_err *err)
{
	const char *kind = json_string_value(json_object_get(doc, "kind"));
	json_int_t schema = json_integer_value(json_object_get(doc, "schema"));
	if (!kind || !json_object_get(doc, "hcbench"))
		return hcb_err_usage(err, "read %s: no result of hcbench", path);
	if (schema != HCB_RESULT_SCHEMA)
		return hcb_err_usage(err, "read %s: schema %d, this build reads %d", path,
		                     (int)schema, HCB_RESULT_SCHEMA);
	if (!among(kinds, kind))
		return hcb_err_usage(err,
		                     "read %s: expected a result of %s, this is one of "
		                     "%s",
		                     path, kinds, kind);
	return 0;
}

int load_result(const char *path, const char *kinds, json_t **doc, struct hcb_err *err)
{
	json_error_t je;
	*doc = json_load_file(path, JSON_REJECT_DUPLICATES, &je);
	if (!*doc)
		return hcb_err_usage(err, "read %s:%d: %s", path,
		                     je.line > 0 ? je.line : 1, je.text);
	int r = check(path, kinds, *doc, err);
	if (r) {
		json_decref(*doc);
		*doc = NULL;
	}
	return r;
}
