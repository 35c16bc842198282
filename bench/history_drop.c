/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A night out of the history: one that a wrong clock has named, say. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/history.h"
#include "bench/history_acts.h"
#include "bench/history_db.h"

/* Also the series that had nothing but this night, as a rebuild would not know them. */
static int drop_rows(struct hcb_history *h, const char *night, struct hcb_err *err)
{
	static const char *const of_night[] = {
	        "DELETE FROM block WHERE run IN (SELECT id FROM run WHERE night = ?1)",
	        "DELETE FROM sample WHERE run IN (SELECT id FROM run WHERE night = ?1)",
	        "DELETE FROM night WHERE night = ?1",
	        "DELETE FROM verdict WHERE night = ?1",
	        "DELETE FROM run WHERE night = ?1",
	};
	int r = 0;
	for (size_t i = 0; !r && i < sizeof(of_night) / sizeof(of_night[0]); i++)
		r = hcb_db_run(h->db, err, of_night[i], "s", night);
	return r ? r
	         : hcb_db_run(h->db, err,
	                      "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM sample "
	                      "WHERE sample.series = series.id)",
	                      "");
}

/* Of a directory or a file that need not be there. *moved: it was. */
static int move(const char *from, const char *to, bool *moved, struct hcb_err *err)
{
	*moved = rename(from, to) == 0;
	return *moved || errno == ENOENT ? 0
	                                 : hcb_err_sys(err, -errno, "rename %s", from);
}

/* dropped/NIGHT, or the next name of which nothing is there. */
static void free_name(const struct hcb_history *h, const char *night, char *out,
                      size_t size)
{
	char path[600], check[620];
	for (int i = 1; i < 1000; i++) {
		if (i == 1)
			snprintf(out, size, "dropped/%s", night);
		else
			snprintf(out, size, "dropped/%s.%d", night, i);
		snprintf(path, sizeof(path), "%s/%s", h->dir, out);
		snprintf(check, sizeof(check), "%s-check.json", path);
		if (access(path, F_OK) && access(check, F_OK))
			return;
	}
}

static int drop_files(struct hcb_history *h, const char *night,
                      struct hcb_history_dropped *out, bool *any, struct hcb_err *err)
{
	char from[600], to[600];
	bool check = false;
	snprintf(to, sizeof(to), "%s/dropped", h->dir);
	int r = hcb_history_mkdirs(to, err);
	if (r)
		return r;
	free_name(h, night, out->where, sizeof(out->where));
	snprintf(from, sizeof(from), "%s/results/%s", h->dir, night);
	snprintf(to, sizeof(to), "%s/%s", h->dir, out->where);
	r = move(from, to, any, err);
	if (r)
		return r;
	snprintf(from, sizeof(from), "%s/checks/%s.json", h->dir, night);
	snprintf(to, sizeof(to), "%s/%s-check.json", h->dir, out->where);
	return move(from, to, &check, err);
}

static int drop(struct hcb_history *h, const char *night, json_t *act,
                struct hcb_history_dropped *out, struct hcb_err *err)
{
	int64_t runs = 0, acks = 0;
	char newest[HCB_HISTORY_NIGHT] = "";
	bool files = false;
	int r = hcb_db_int(h->db, err, 0, &runs,
	                   "SELECT count(*) FROM run WHERE night = ?1", "s", night);
	r = r ? r
	      : hcb_db_int(h->db, err, 0, &acks,
	                   "SELECT count(*) FROM ack WHERE night = ?1", "s", night);
	r = r ? r : hcb_history_newest(h, newest, err);
	r = r ? r : drop_rows(h, night, err);
	if (!r && h->dir[0])
		r = drop_files(h, night, out, &files, err);
	if (!r && !runs && !files)
		return hcb_err_usage(err, "history drop-night: no night %s%s%s", night,
		                     newest[0] ? "; the newest is " : "", newest);
	out->runs = (size_t)runs;
	out->acks = (size_t)acks;
	return r ? r : hcb_history_act_write(h, act, night, err);
}

int hcb_history_drop(struct hcb_history *h, const char *night, const char *why,
                     int64_t now, struct hcb_history_dropped *out, struct hcb_err *err)
{
	memset(out, 0, sizeof(*out));
	if (!hcb_history_night_ok(night))
		return hcb_err_usage(err, "history drop-night %.60s: no id of a night",
		                     night);
	int r = hcb_db_begin(h->db, err);
	if (r)
		return r;
	json_t *act = hcb_history_act("drop-night", NULL, now);
	json_object_set_new(act, "night", json_string(night));
	json_object_set_new(act, "why", why ? json_string(why) : json_null());
	r = drop(h, night, act, out, err);
	json_decref(act);
	return hcb_db_end(h->db, r, err);
}
