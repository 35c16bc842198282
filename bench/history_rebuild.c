/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The database from the files. What it says is compared with the present database, row by
 * row in an order that is the content's own, so that row numbers do not matter.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "bench/history.h"
#include "bench/history_db.h"

/* ---- comparing ---- */

/* One text a row, exact also for reals (quote gives digits enough to read them back). */
static const struct {
	const char *table, *sql;
} contents[] = {
        {"run",
         "SELECT quote(r.night)||quote(r.uid)||quote(r.name)||quote(r.kind)||"
         "quote(r.t_start)||quote(r.duration_s)||quote(r.version)||quote(r.schema)||"
         "quote(w.json)||quote(f.json)||quote(d.json)||quote(r.invalid_reason)||"
         "quote(r.partial)||quote(r.unsteady)||quote(r.path)||quote(r.xxh3)||"
         "quote(r.control)||quote(r.rerun) FROM run r JOIN workload w ON w.id = "
         "r.workload "
         "JOIN fingerprint f ON f.id = r.fingerprint JOIN fingerprint d ON d.id = "
         "r.details "
         "ORDER BY r.night, r.uid, r.name"},
        {"series",
         "SELECT quote(s.key)||quote(s.name)||quote(s.metric)||quote(s.unit)||"
         "quote(s.more)||quote(s.rank)||quote(s.control)||quote(w.hash)||quote(f.hash) "
         "FROM series s JOIN workload w ON w.id = s.workload JOIN fingerprint f ON f.id "
         "= "
         "s.fingerprint ORDER BY s.key"},
        {"sample",
         "SELECT quote(s.key)||quote(r.night)||quote(r.uid)||quote(p.value)||"
         "quote(p.n_blocks)||quote(p.sd_within)||quote(p.why) FROM sample p JOIN series "
         "s "
         "ON s.id = p.series JOIN run r ON r.id = p.run ORDER BY s.key, r.night, r.uid, "
         "r.name"},
        {"block",
         "SELECT "
         "quote(s.key)||quote(r.night)||quote(r.uid)||quote(b.idx)||quote(b.value) "
         "FROM block b JOIN series s ON s.id = b.series JOIN run r ON r.id = b.run ORDER "
         "BY s.key, r.night, r.uid, r.name, b.idx"},
        {"night",
         "SELECT "
         "quote(s.key)||quote(n.night)||quote(n.value)||quote(n.n)||quote(n.over)||"
         "quote(n.why)||quote(n.rerun) FROM night n JOIN series s ON s.id = n.series "
         "ORDER "
         "BY s.key, n.night"},
        {"ack",
         "SELECT quote(series)||quote(night)||quote(t)||quote(who)||quote(why) FROM ack "
         "ORDER BY series, night"},
        {"link",
         "SELECT quote(series)||quote(old)||quote(t)||quote(who) FROM link ORDER BY "
         "series"},
        {"calibration",
         "SELECT quote(series)||quote(h10)||quote(h14)||quote(h20)||quote(h30)||"
         "quote(seed)||quote(budget)||quote(nights)||quote(t)||quote(who) FROM "
         "calibration "
         "ORDER BY series"},
        {"verdict",
         "SELECT "
         "quote(night)||quote(series)||quote(state)||quote(z)||quote(m)||quote(n)||"
         "quote(h)||quote(effect)||quote(mde)||quote(baseline_from)||quote(baseline_to) "
         "FROM verdict ORDER BY night, series"},
};

static int take_content(void *arg, const struct hcb_row *row)
{
	uint64_t *hash = arg;
	const char *t = hcb_row_text(row, 0);
	t = t ? t : "";
	*hash = XXH3_64bits_withSeed(t, strlen(t), *hash + 1);
	return 0;
}

int hcb_history_compare(struct hcb_history *a, struct hcb_history *b, char *differs,
                        size_t size, struct hcb_err *err)
{
	int r = 0;
	size_t len = 0;
	differs[0] = '\0';
	for (size_t i = 0; !r && i < sizeof(contents) / sizeof(contents[0]); i++) {
		uint64_t ha = 0, hb = 0;
		r = hcb_db_each(a->db, err, take_content, &ha, contents[i].sql, "");
		r = r ? r
		      : hcb_db_each(b->db, err, take_content, &hb, contents[i].sql, "");
		if (!r && ha != hb && len < size)
			len += (size_t)snprintf(differs + len, size - len, "%s%s",
			                        len ? ", " : "", contents[i].table);
	}
	return r;
}

/* ---- reading the files ---- */

struct names {
	char **v;
	size_t n;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(struct names *l)
{
	while (l->n)
		free(l->v[--l->n]);
	free(l->v);
}

/* The entries of a directory, sorted, without hidden ones; none if it is not there. */
static int list_dir(const char *path, struct names *l, struct hcb_err *err)
{
	memset(l, 0, sizeof(*l));
	DIR *d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : hcb_err_sys(err, -errno, "open %s", path);
	int r = 0;
	for (struct dirent *e; !r && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		char **more = realloc(l->v, (l->n + 1) * sizeof(*l->v));
		if (more)
			l->v = more;
		if (!more || !(l->v[l->n] = strdup(e->d_name)))
			r = hcb_err_sys(err, -ENOMEM, "read %s", path);
		else
			l->n++;
	}
	closedir(d);
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_name);
	return r;
}

/* A file that cannot be read as a result is said and passed over: the others are worth
   having. */
static int read_result(struct hcb_history *h, const char *path,
                       struct hcb_history_rebuilt *out, struct hcb_err *err)
{
	char full[1400];
	json_error_t je;
	struct hcb_history_added added;
	struct hcb_err one = HCB_ERR_INIT;
	snprintf(full, sizeof(full), "%s/%s", h->dir, path);
	json_t *doc = json_load_file(full, JSON_REJECT_DUPLICATES, &je);
	int r = doc ? hcb_history_insert(h, doc, path, &added, &one)
	            : hcb_err_usage(&one, "read %s:%d: %s", full,
	                            je.line > 0 ? je.line : 1, je.text);
	json_decref(doc);
	if (!r) {
		out->runs++;
		return 0;
	}
	if (r != -EINVAL) {
		*err = one;
		return r;
	}
	out->skipped++;
	hcb_warn("passed over: %s", one.msg);
	return 0;
}

static int read_results(struct hcb_history *h, struct hcb_history_rebuilt *out,
                        struct hcb_err *err)
{
	char path[900];
	struct names nights, files;
	snprintf(path, sizeof(path), "%s/results", h->dir);
	int r = list_dir(path, &nights, err);
	for (size_t i = 0; !r && i < nights.n; i++) {
		snprintf(path, sizeof(path), "%s/results/%s", h->dir, nights.v[i]);
		r = list_dir(path, &files, err);
		for (size_t k = 0; !r && k < files.n; k++) {
			snprintf(path, sizeof(path), "results/%s/%s", nights.v[i],
			         files.v[k]);
			r = read_result(h, path, out, err);
		}
		free_names(&files);
	}
	free_names(&nights);
	return r;
}

static int read_acts(struct hcb_history *h, const char *below,
                     struct hcb_history_rebuilt *out, struct hcb_err *err)
{
	char path[900];
	struct names files;
	snprintf(path, sizeof(path), "%s/%s", h->dir, below);
	int r = list_dir(path, &files, err);
	for (size_t i = 0; !r && i < files.n; i++) {
		struct hcb_err one = HCB_ERR_INIT;
		snprintf(path, sizeof(path), "%s/%s/%s", h->dir, below, files.v[i]);
		json_t *act = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
		r = act ? hcb_history_apply(h, act, &one) : -EINVAL;
		json_decref(act);
		if (!r) {
			out->acts++;
		} else if (r == -EINVAL) {
			out->skipped++;
			hcb_warn("passed over: read %s: %s", path,
			         one.msg[0] ? one.msg : "no JSON");
			r = 0;
		} else {
			*err = one;
		}
	}
	free_names(&files);
	return r;
}

/* ---- the exchange ---- */

static const char *const tails[] = {"", "-wal", "-shm"};

/* history.db and what belongs to it, under another name: nothing is deleted. */
static int move_aside(const char *dir, char *aside, size_t size, struct hcb_err *err)
{
	char from[1100], to[1100], when[32];
	time_t now = time(NULL);
	struct tm tm;
	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	for (int i = 0;; i++) {
		snprintf(aside, size, "%s/history.db.%s-%d", dir, when, i);
		if (access(aside, F_OK))
			break;
	}
	for (size_t i = 3; i-- > 0;) {
		snprintf(from, sizeof(from), "%s/history.db%s", dir, tails[i]);
		snprintf(to, sizeof(to), "%s%s", aside, tails[i]);
		if (rename(from, to) && errno != ENOENT)
			return hcb_err_sys(err, -errno, "rename %s", from);
	}
	return 0;
}

static void remove_new(const char *file)
{
	char path[1100];
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", file, tails[i]);
		unlink(path);
	}
}

static int take_check(void *arg, const struct hcb_row *row)
{
	snprintf(arg, 200, "%s", hcb_row_text(row, 0));
	return 1;
}

/* Damage that no query of ours may come upon. */
static int check_pages(struct hcb_history *h, const char *file, struct hcb_err *err)
{
	char said[200] = "";
	int r = hcb_db_each(h->db, err, take_check, said, "PRAGMA quick_check(1)", "");
	if (r < 0)
		return r;
	return strcmp(said, "ok") == 0
	               ? 0
	               : hcb_err_set(err, -EBADMSG, "read %s: damaged (%s)", file, said);
}

/* The present database against the new one; a damaged one is not compared. */
static int compare_present(struct hcb_history *new_one, struct hcb_history_rebuilt *out,
                           struct hcb_err *err)
{
	struct hcb_history old = {.lock = -1};
	struct hcb_err e = HCB_ERR_INIT;
	char file[512];
	int from;
	struct stat st;
	snprintf(file, sizeof(file), "%s/history.db", new_one->dir);
	if (stat(file, &st) || st.st_size == 0)
		return 0;
	snprintf(old.dir, sizeof(old.dir), "%s", new_one->dir);
	int r = hcb_db_open(file, false, &old.db, &e);
	r = r ? r : check_pages(&old, file, &e);
	r = r ? r : hcb_history_migrate(&old, HCB_HISTORY_SCHEMA, &from, &e);
	r = r ? r
	      : hcb_history_compare(&old, new_one, out->differs, sizeof(out->differs),
	                            &e);
	out->compared = r == 0;
	hcb_history_close(&old);
	if (r == -EBUSY || r == -EPROTO) {
		*err = e;
		return r;
	}
	if (r)
		hcb_warn("%s", e.msg);
	return 0;
}

static int put_in_place(const char *dir, const char *file,
                        struct hcb_history_rebuilt *out, struct hcb_err *err)
{
	char to[1100];
	snprintf(to, sizeof(to), "%s/history.db", dir);
	if (access(to, F_OK) == 0) {
		int r = move_aside(dir, out->aside, sizeof(out->aside), err);
		if (r)
			return r;
	}
	return rename(file, to) ? hcb_err_sys(err, -errno, "rename %s", file) : 0;
}

static int rebuild_locked(struct hcb_history *h, const char *file, bool only_compare,
                          struct hcb_history_rebuilt *out, struct hcb_err *err)
{
	int from, r = hcb_db_open(file, true, &h->db, err);
	/* Of no worth before it is whole; the checkpoint then flushes it. */
	r = r ? r : hcb_db_exec(h->db, "PRAGMA synchronous=OFF", err);
	r = r ? r : hcb_history_migrate(h, HCB_HISTORY_SCHEMA, &from, err);
	r = r ? r : read_results(h, out, err);
	r = r ? r : read_acts(h, "acts", out, err);
	r = r ? r : read_acts(h, "checks", out, err);
	r = r ? r : compare_present(h, out, err);
	r = r ? r
	      : hcb_db_exec(h->db,
	                    "PRAGMA synchronous=FULL; PRAGMA wal_checkpoint(TRUNCATE)",
	                    err);
	hcb_db_close(h->db);
	h->db = NULL;
	bool equal = out->compared && !out->differs[0];
	if (r || only_compare || equal)
		return r;
	out->kept = out->compared && out->skipped;
	return out->kept ? 0 : put_in_place(h->dir, file, out, err);
}

int hcb_history_rebuild(const char *dir, bool only_compare,
                        struct hcb_history_rebuilt *out, struct hcb_err *err)
{
	char file[512];
	struct hcb_history h = {.lock = -1};
	memset(out, 0, sizeof(*out));
	snprintf(h.dir, sizeof(h.dir), "%s", dir);
	h.lock = hcb_history_lock_file(dir, err);
	if (h.lock < 0)
		return h.lock;
	int r = hcb_history_lock(h.lock, dir, LOCK_EX, err);
	snprintf(file, sizeof(file), "%s/history.db.new", dir);
	if (!r) {
		remove_new(file);
		r = rebuild_locked(&h, file, only_compare, out, err);
		remove_new(file);
	}
	hcb_history_close(&h);
	return r;
}
