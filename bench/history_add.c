/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A result into the history: its file, its rows, and what its night says then. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/core/atomic_file.h"
#include "bench/core/stats.h"
#include "bench/history.h"
#include "bench/history_db.h"

/* ---- what a night says ---- */

/* The repetitions of one series in one night. */
struct reps {
	double *run, *block, *rerun;
	size_t n_run, n_block, n_rerun;
	size_t runs;      /* valid or not, reruns aside */
	size_t room;      /* of each */
	char invalid[96]; /* why one is not used */
	char why[96];     /* why one has no value */
};

static int take_run(void *arg, const struct hcb_row *row)
{
	struct reps *p = arg;
	double v = hcb_row_real(row, 1);
	bool rerun = hcb_row_int(row, 0) != 0;
	const char *invalid = hcb_row_text(row, 2), *why = hcb_row_text(row, 3);
	p->runs += !rerun;
	if (invalid) {
		if (!p->invalid[0])
			snprintf(p->invalid, sizeof(p->invalid), "%s", invalid);
		return 0;
	}
	if (isnan(v)) {
		if (why && !p->why[0])
			snprintf(p->why, sizeof(p->why), "%s", why);
		return 0;
	}
	if (rerun && p->n_rerun < p->room)
		p->rerun[p->n_rerun++] = v;
	else if (!rerun && p->n_run < p->room)
		p->run[p->n_run++] = v;
	/* Its blocks come by another query; a run that has no two is a repetition itself.
	 */
	if (!rerun && hcb_row_int(row, 4) < 2 && p->n_block < p->room)
		p->block[p->n_block++] = v;
	return 0;
}

static int take_block(void *arg, const struct hcb_row *row)
{
	struct reps *p = arg;
	if (p->n_block < p->room)
		p->block[p->n_block++] = hcb_row_real(row, 0);
	return 0;
}

/* CROSS JOIN: from the night's few runs, never through the series' many nights. */
static int read_reps(struct hcb_history *h, int64_t series, const char *night,
                     struct reps *p, struct hcb_err *err)
{
	int64_t room = 0;
	int r = hcb_db_int(
	        h->db, err, 0, &room,
	        "SELECT sum(max(1, s.n_blocks)) FROM run r CROSS JOIN sample s "
	        "ON s.run = r.id AND s.series = ?1 WHERE r.night = ?2",
	        "is", series, night);
	p->room = (size_t)room;
	p->run = calloc(p->room + 1, sizeof(double));
	p->block = calloc(p->room + 1, sizeof(double));
	p->rerun = calloc(p->room + 1, sizeof(double));
	if (!r && (!p->run || !p->block || !p->rerun))
		r = hcb_err_sys(err, -ENOMEM, "read the history");
	r = r ? r
	      : hcb_db_each(
	                h->db, err, take_run, p,
	                "SELECT r.rerun, s.value, r.invalid_reason, s.why, s.n_blocks "
	                "FROM run r CROSS JOIN sample s ON s.run = r.id AND s.series = "
	                "?1 WHERE r.night = ?2 ORDER BY r.uid, r.name",
	                "is", series, night);
	return r ? r
	         : hcb_db_each(
	                   h->db, err, take_block, p,
	                   "SELECT b.value FROM run r CROSS JOIN sample s ON s.run = "
	                   "r.id "
	                   "AND s.series = ?1 CROSS JOIN block b ON b.series = s.series "
	                   "AND b.run = s.run WHERE r.night = ?2 AND s.n_blocks >= 2 AND "
	                   "r.rerun = 0 AND r.invalid_reason IS NULL",
	                   "is", series, night);
}

/* The row that the gate reads. By how many runs the night had, not by how many of them
   were good: else one that failed would change what the median is of. */
static int judge_night(struct hcb_history *h, int64_t series, const char *night,
                       struct hcb_err *err)
{
	struct reps p = {0};
	char why[96] = "";
	int r = read_reps(h, series, night, &p, err);
	bool over_runs = p.runs >= HCB_HISTORY_REPS;
	size_t n = over_runs ? p.n_run : p.n_block;
	double *v = over_runs ? p.run : p.block;
	if (!r && n < HCB_HISTORY_REPS) {
		if (n == 0 && p.invalid[0])
			snprintf(why, sizeof(why), "%s", p.invalid);
		else if (n == 0)
			snprintf(why, sizeof(why), "no value: %.80s",
			         p.why[0] ? p.why : "none measured");
		else
			snprintf(why, sizeof(why), "%zu %s, %d needed", n,
			         over_runs ? "runs" : "blocks", HCB_HISTORY_REPS);
	}
	if (!r)
		r = hcb_db_run(
		        h->db, err,
		        "INSERT OR REPLACE INTO night(series, night, value, n, over, "
		        "why, rerun) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		        "isdissd", series, night, n ? hcb_median(v, n) : (double)NAN,
		        (int64_t)n, over_runs ? "runs" : "blocks", why[0] ? why : NULL,
		        p.n_rerun ? hcb_median(p.rerun, p.n_rerun) : (double)NAN);
	free(p.run);
	free(p.block);
	free(p.rerun);
	return r;
}

/* ---- rows ---- */

static int keep_json(struct hcb_history *h, const char *sql_insert, const char *sql_id,
                     const char *hash, const json_t *value, int64_t *id,
                     struct hcb_err *err)
{
	char *text = json_dumps(value,
	                        JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
	int r = hcb_db_run(h->db, err, sql_insert, "ss", hash, text);
	free(text);
	return r ? r : hcb_db_int(h->db, err, -1, id, sql_id, "s", hash);
}

static int keep_fingerprint(struct hcb_history *h, const char *hash, const json_t *value,
                            int64_t *id, struct hcb_err *err)
{
	return keep_json(
	        h, "INSERT OR IGNORE INTO fingerprint(hash, json) VALUES(?1, ?2)",
	        "SELECT id FROM fingerprint WHERE hash = ?1", hash, value, id, err);
}

struct ids {
	int64_t run, workload, fingerprint, details;
	bool control, rerun;
};

static int keep_series(struct hcb_history *h, const struct hcb_history_doc *d,
                       const struct hcb_history_metric *m, const struct ids *ids,
                       int64_t *series, bool *new_one, struct hcb_err *err)
{
	char key[HCB_HISTORY_HASH];
	int64_t control = 0;
	hcb_history_key(d, m, key);
	int r = hcb_db_int(h->db, err, -1, series, "SELECT id FROM series WHERE key = ?1",
	                   "s", key);
	*new_one = !r && *series < 0;
	if (*new_one) {
		r = hcb_db_run(
		        h->db, err,
		        "INSERT INTO series(key, name, metric, unit, more, rank, "
		        "workload, fingerprint, control) VALUES(?1, ?2, ?3, ?4, ?5, "
		        "?6, ?7, ?8, ?9)",
		        "ssssiiiii", key, d->name, m->name, m->unit,
		        (int64_t)m->more_is_better, (int64_t)m->rank, ids->workload,
		        ids->fingerprint, (int64_t)ids->control);
		return r ? r
		         : hcb_db_int(h->db, err, -1, series,
		                      "SELECT id FROM series WHERE key = ?1", "s", key);
	}
	r = r ? r
	      : hcb_db_int(h->db, err, 0, &control,
	                   "SELECT control FROM series WHERE id = ?1", "i", *series);
	if (!r && (control != 0) != ids->control)
		return hcb_err_usage(
		        err,
		        "history add: series %s (%s.%s) is %s control so far; "
		        "give the test another --name",
		        key, d->name, m->name, control ? "a" : "no");
	return r;
}

static int keep_metric(struct hcb_history *h, const struct hcb_history_doc *d,
                       const struct hcb_history_metric *m, const struct ids *ids,
                       const char *night, unsigned *new_series, struct hcb_err *err)
{
	int64_t series = -1;
	bool new_one;
	double mean = hcb_mean(m->block, m->n_blocks), sq = 0;
	int r = keep_series(h, d, m, ids, &series, &new_one, err);
	if (r)
		return r;
	*new_series += new_one;
	for (size_t i = 0; i < m->n_blocks; i++)
		sq += (m->block[i] - mean) * (m->block[i] - mean);
	double sd = m->n_blocks > 1 ? sqrt(sq / (double)(m->n_blocks - 1)) : (double)NAN;
	r = hcb_db_run(h->db, err,
	               "INSERT INTO sample(series, run, value, n_blocks, sd_within, why) "
	               "VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
	               "iidids", series, ids->run, m->value, (int64_t)m->n_blocks, sd,
	               m->why[0] ? m->why : NULL);
	for (size_t i = 0; !r && i < m->n_blocks; i++)
		r = hcb_db_run(
		        h->db, err,
		        "INSERT INTO block(series, run, idx, value) VALUES(?1, ?2, "
		        "?3, ?4)",
		        "iiid", series, ids->run, (int64_t)i, m->block[i]);
	return r ? r : judge_night(h, series, night, err);
}

static int keep_run(struct hcb_history *h, const struct hcb_history_doc *d,
                    const char *night, const char *path, const char *doc_hash,
                    struct ids *ids, struct hcb_err *err)
{
	char details_hash[HCB_HISTORY_HASH];
	hcb_history_hash(d->details, details_hash);
	int r = keep_json(h, "INSERT OR IGNORE INTO workload(hash, json) VALUES(?1, ?2)",
	                  "SELECT id FROM workload WHERE hash = ?1", d->workload_hash,
	                  d->workload, &ids->workload, err);
	r = r ? r
	      : keep_fingerprint(h, d->fingerprint_hash, d->fingerprint,
	                         &ids->fingerprint, err);
	r = r ? r : keep_fingerprint(h, details_hash, d->details, &ids->details, err);
	if (r)
		return r;
	r = hcb_db_run(
	        h->db, err,
	        "INSERT INTO run(uid, night, name, kind, t_start, duration_s, "
	        "version, schema, workload, fingerprint, details, invalid_reason, "
	        "partial, unsteady, path, xxh3, control, rerun) VALUES(?1, ?2, ?3, "
	        "?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, "
	        "?18)",
	        "ssssidsiiiisiissii", d->id, night, d->name, d->kind, d->started,
	        d->duration_s, d->version, (int64_t)d->schema, ids->workload,
	        ids->fingerprint, ids->details, d->invalid[0] ? d->invalid : NULL,
	        (int64_t)d->partial, (int64_t)d->unsteady, path, doc_hash,
	        (int64_t)ids->control, (int64_t)ids->rerun);
	return r ? r
	         : hcb_db_int(
	                   h->db, err, -1, &ids->run,
	                   "SELECT id FROM run WHERE night = ?1 AND uid = ?2 AND name = "
	                   "?3",
	                   "sss", night, d->id, d->name);
}

static int take_text(void *arg, const struct hcb_row *row)
{
	const char *t = hcb_row_text(row, 0);
	snprintf(arg, HCB_HISTORY_HASH, "%s", t ? t : "");
	return 0;
}

static int take_night(void *arg, const struct hcb_row *row)
{
	const char *t = hcb_row_text(row, 0);
	snprintf(arg, HCB_HISTORY_NIGHT, "%s", t ? t : "");
	return 0;
}

/* Which fingerprint the test had in its newest night so far, if another. */
static int seen_before(struct hcb_history *h, const struct hcb_history_doc *d,
                       struct hcb_history_added *added, struct hcb_err *err)
{
	char last[HCB_HISTORY_HASH] = "";
	int r = hcb_db_each(
	        h->db, err, take_text, last,
	        "SELECT f.hash FROM run r JOIN fingerprint f ON f.id = "
	        "r.fingerprint JOIN workload w ON w.id = r.workload WHERE +r.name "
	        "= ?1 AND +w.hash = ?2 ORDER BY r.night DESC, r.id DESC LIMIT 1",
	        "ss", d->name, d->workload_hash);
	snprintf(added->now, sizeof(added->now), "%s", d->fingerprint_hash);
	if (!r && last[0] && strcmp(last, d->fingerprint_hash) != 0)
		snprintf(added->was, sizeof(added->was), "%s", last);
	return r;
}

static int write_file(struct hcb_history *h, json_t *doc, const char *path,
                      struct hcb_err *err)
{
	char full[800], *slash;
	snprintf(full, sizeof(full), "%s/%s", h->dir, path);
	slash = strrchr(full, '/');
	*slash = '\0';
	int r = hcb_history_mkdirs(full, err);
	*slash = '/';
	if (r)
		return r;
	json_t *there = json_load_file(full, 0, NULL);
	bool same = there && json_equal(there, doc);
	if (there && !same)
		r = hcb_err_usage(err, "history add: %s is there and is another result",
		                  full);
	json_decref(there);
	return r || same ? r : hcb_write_json_atomic(full, doc, err);
}

/* The same run in two nights would be counted twice. Runs in virtual time are the same
   whenever they are made. */
static int check_elsewhere(struct hcb_history *h, const struct hcb_history_doc *d,
                           const char *night, struct hcb_err *err)
{
	char other[HCB_HISTORY_NIGHT] = "";
	int r = hcb_db_each(
	        h->db, err, take_night, other,
	        "SELECT night FROM run WHERE uid = ?1 AND name = ?2 AND t_start = "
	        "?3 AND t_start >= 0 AND night <> ?4",
	        "ssis", d->id, d->name, d->started, night);
	if (!r && other[0])
		return hcb_err_usage(err, "history add: run %s is in night %s already",
		                     d->id, other);
	return r;
}

/* Rows and, if file is set, the file: neither if the other is refused. */
static int insert_rows(struct hcb_history *h, json_t *doc, bool file,
                       const struct hcb_history_doc *d, const char *path,
                       struct hcb_history_added *added, struct hcb_err *err)
{
	const json_t *mine = json_object_get(doc, "history");
	struct ids ids = {.control = json_is_true(json_object_get(mine, "control")),
	                  .rerun = json_is_true(json_object_get(mine, "rerun"))};
	char hash[HCB_HISTORY_HASH], had[HCB_HISTORY_HASH] = "";
	hcb_history_hash(doc, hash);
	int r = hcb_db_begin(h->db, err);
	if (r)
		return r;
	r = hcb_db_each(
	        h->db, err, take_text, had,
	        "SELECT xxh3 FROM run WHERE night = ?1 AND uid = ?2 AND name = ?3", "sss",
	        added->night, d->id, d->name);
	added->already = had[0] && strcmp(had, hash) == 0;
	if (!r && had[0] && !added->already)
		r = hcb_err_usage(
		        err,
		        "history add: night %s has another result of run %s, test "
		        "%s",
		        added->night, d->id, d->name);
	r = r ? r : check_elsewhere(h, d, added->night, err);
	r = r ? r : seen_before(h, d, added, err);
	if (!r && !added->already) {
		r = keep_run(h, d, added->night, path, hash, &ids, err);
		for (size_t i = 0; !r && i < d->n_metrics; i++)
			r = keep_metric(h, d, &d->metric[i], &ids, added->night,
			                &added->new_series, err);
	}
	if (!r && file)
		r = write_file(h, doc, path, err);
	return hcb_db_end(h->db, r, err);
}

/* how: of one that is added now, NULL: that a rebuild reads. */
static int insert(struct hcb_history *h, json_t *doc, const struct hcb_history_how *how,
                  const char *path, struct hcb_history_added *added, struct hcb_err *err)
{
	struct hcb_history_doc d;
	const char *night = json_string_value(
	        json_object_get(json_object_get(doc, "history"), "night"));
	memset(added, 0, sizeof(*added));
	if (!night || !hcb_history_night_ok(night))
		return hcb_err_usage(err, "read %s: it names no night", path);
	int r = hcb_history_extract(doc, path, &d, err);
	if (r)
		return r;
	snprintf(added->night, sizeof(added->night), "%s", night);
	snprintf(added->path, sizeof(added->path), "%s", path);
	snprintf(added->invalid, sizeof(added->invalid), "%s", d.invalid);
	r = insert_rows(h, doc, how && h->dir[0], &d, path, added, err);
	if (!r && how)
		r = hcb_history_carry_unknown(h, &d, how->now, &added->carried, err);
	hcb_history_doc_free(&d);
	return r;
}

int hcb_history_insert(struct hcb_history *h, json_t *doc, const char *path,
                       struct hcb_history_added *added, struct hcb_err *err)
{
	return insert(h, doc, NULL, path, added, err);
}

/* ---- files ---- */

static int pick_night(const struct hcb_history_how *how, int64_t started,
                      const char *where, char *night, struct hcb_err *err)
{
	char of_time[16];
	if (how->night) {
		if (!hcb_history_night_ok(how->night))
			return hcb_err_usage(err,
			                     "--night %.60s: expected 1 to %d letters, "
			                     "digits, '.', '_' or '-'",
			                     how->night, HCB_HISTORY_NIGHT - 1);
		snprintf(night, HCB_HISTORY_NIGHT, "%s", how->night);
		return 0;
	}
	if (started < 0)
		return hcb_err_usage(err,
		                     "history add %s: it says not when it ran (virtual "
		                     "clock); give --night",
		                     where);
	/* A night that is still to come would be the newest one until it has come. */
	if (started > how->now + 86400)
		return hcb_err_usage(
		        err,
		        "history add %s: it ran in the future, so a clock was "
		        "wrong; give --night",
		        where);
	hcb_history_night_of(started, of_time);
	snprintf(night, HCB_HISTORY_NIGHT, "%s", of_time);
	return 0;
}

static void file_name(const struct hcb_history_doc *d, const char *name,
                      const char *night, char *out, size_t size)
{
	char when[32] = "virtual", plain[HCB_HISTORY_NAME];
	if (d->started >= 0) {
		time_t t = (time_t)d->started;
		struct tm tm;
		gmtime_r(&t, &tm);
		strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	}
	snprintf(plain, sizeof(plain), "%s", name);
	for (char *p = plain; *p; p++)
		if (!strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
		            "YZ._-",
		            *p))
			*p = '_';
	snprintf(out, size, "results/%s/%s-%s-%s.json", night, when, d->id, plain);
}

static void add_member(json_t *doc, const struct hcb_history_how *how, const char *night)
{
	json_t *mine = json_object();
	json_object_set_new(mine, "night", json_string(night));
	if (how->name)
		json_object_set_new(mine, "name", json_string(how->name));
	if (how->facts && json_object_size(how->facts))
		json_object_set(mine, "facts", how->facts);
	json_object_set_new(mine, "control", json_boolean(how->control));
	json_object_set_new(mine, "rerun", json_boolean(how->rerun));
	if (how->invalid)
		json_object_set_new(mine, "invalid", json_string(how->invalid));
	json_object_set_new(doc, "history", mine);
}

int hcb_history_add(struct hcb_history *h, json_t *doc, const char *where,
                    const struct hcb_history_how *how, struct hcb_history_added *added,
                    struct hcb_err *err)
{
	struct hcb_history_doc d;
	char night[HCB_HISTORY_NIGHT], path[300];
	int r = hcb_history_extract(doc, where, &d, err);
	if (r)
		return r;
	r = pick_night(how, d.started, where, night, err);
	if (!r) {
		file_name(&d, how->name ? how->name : d.name, night, path, sizeof(path));
		add_member(doc, how, night);
	}
	hcb_history_doc_free(&d);
	return r ? r : insert(h, doc, how, path, added, err);
}
