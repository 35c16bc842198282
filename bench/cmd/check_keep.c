/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check --run: what is complete goes into the history; what is not stays beside it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/cmd/check_parts.h"

void check_new_path(const struct check_night *n, const char *stem, char *out, size_t size)
{
	snprintf(out, size, "%s/%s.json", n->work, stem);
	for (unsigned i = 2; access(out, F_OK) == 0 && i < 1000; i++)
		snprintf(out, size, "%s/%s.%u.json", n->work, stem, i);
}

enum check_found check_find(const char *path, char *why, size_t size)
{
	json_t *doc = json_load_file(path, 0, NULL);
	const json_t *v = json_object_get(doc, "validity");
	const char *verdict = json_string_value(json_object_get(v, "verdict"));
	const char *first =
	        json_string_value(json_array_get(json_object_get(v, "reasons"), 0));
	enum check_found found = CHECK_FOUND_WHOLE;
	if (!json_is_false(json_object_get(doc, "partial")))
		found = CHECK_FOUND_PARTIAL;
	else if (verdict && strcmp(verdict, "INVALID") == 0)
		found = CHECK_FOUND_INVALID;
	snprintf(why, size, "%s", first ? first : "it does not say why");
	json_decref(doc);
	return found;
}

void check_remember(struct check_night *n, const char *path, const char *name,
                    bool control, bool rerun)
{
	json_array_append_new(n->done,
	                      json_pack("{ss ss sb sb}", "path", path, "name", name,
	                                "control", control, "rerun", rerun));
}

static int keep_one(struct check_night *n, struct hcb_history *h, const json_t *what,
                    const char *why, struct hcb_err *err)
{
	const char *path = json_string_value(json_object_get(what, "path"));
	struct hcb_history_added added;
	const struct hcb_history_how how = {
	        .night = n->id,
	        .name = json_string_value(json_object_get(what, "name")),
	        .control = json_is_true(json_object_get(what, "control")),
	        .rerun = json_is_true(json_object_get(what, "rerun")),
	        .invalid = why,
	        .now = (int64_t)time(NULL),
	        .facts = n->plan->facts,
	};
	json_error_t je;
	json_t *doc = json_load_file(path, JSON_REJECT_DUPLICATES, &je);
	int r = doc ? hcb_history_add(h, doc, path, &how, &added, err)
	            : hcb_err_set(err, -EIO, "read %s: %s", path, je.text);
	json_decref(doc);
	if (!r && unlink(path))
		hcb_warn("remove %s: %s", path, strerror(errno));
	return r;
}

/* One that the history refuses (say, of controls without a single metric) keeps no other
   out; its file stays. */
int check_keep(struct check_night *n, const char *why, struct hcb_err *err)
{
	struct hcb_history h;
	size_t i, kept = 0, many = json_array_size(n->done);
	json_t *one;
	int r = many ? hcb_history_open(n->history, true, &h, err) : 0;
	if (r || !many)
		return r;
	json_array_foreach(n->done, i, one)
	{
		struct hcb_err refused = HCB_ERR_INIT;
		if (keep_one(n, &h, one, why, &refused) == 0)
			kept++;
		else
			check_note(n, "not in the history: %s", refused.msg);
	}
	hcb_history_close(&h);
	json_array_clear(n->done);
	if (!kept)
		return hcb_err_set(err, -EIO,
		                   "check: none of %zu results could be stored; they are "
		                   "in %s",
		                   many, n->work);
	return 0;
}
