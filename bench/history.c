/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the history lies, and opening it: place, lock, schema. */
#include "bench/history.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/history_db.h"

int hcb_history_dir(const char *given, char *out, size_t size, struct hcb_err *err)
{
	const char *env = getenv("HCBENCH_HISTORY"), *state = getenv("XDG_STATE_HOME"),
	           *home = getenv("HOME");
	int n;
	if (given || (env && *env))
		n = snprintf(out, size, "%s", given ? given : env);
	else if (geteuid() == 0)
		n = snprintf(out, size, "/var/lib/hcbench");
	else if (state && *state == '/')
		n = snprintf(out, size, "%s/hcbench", state);
	else if (home && *home == '/')
		n = snprintf(out, size, "%s/.local/state/hcbench", home);
	else
		return hcb_err_usage(err,
		                     "history: no place for it; set HCBENCH_HISTORY");
	if (n <= 0 || (size_t)n >= size)
		return hcb_err_usage(err, "history: \"%.80s\": no name of a directory",
		                     out);
	return 0;
}

int hcb_history_mkdirs(const char *path, struct hcb_err *err)
{
	char part[1024];
	size_t n = strlen(path);
	if (n >= sizeof(part))
		return hcb_err_sys(err, -ENAMETOOLONG, "make directory %.80s", path);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return hcb_err_sys(err, -errno, "make directory %s", part);
	}
	return 0;
}

bool hcb_history_night_ok(const char *night)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyz"
	                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-";
	size_t n = strlen(night);
	return n && n < HCB_HISTORY_NIGHT && *night != '.' && strspn(night, allowed) == n;
}

/* ---- the schema ---- */

/* Each step brings a database from its index to the next version. Steps that were ever
   released are never changed. */
static const char *const steps[HCB_HISTORY_SCHEMA] = {
        /* 1: runs and what they measured */
        "CREATE TABLE fingerprint(id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE,"
        " json TEXT NOT NULL);"
        "CREATE TABLE workload(id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE,"
        " json TEXT NOT NULL);"
        "CREATE TABLE run(id INTEGER PRIMARY KEY, uid TEXT NOT NULL, night TEXT NOT NULL,"
        " name TEXT NOT NULL, kind TEXT NOT NULL, t_start INTEGER, duration_s REAL,"
        " version TEXT NOT NULL, schema INTEGER NOT NULL,"
        " workload INTEGER NOT NULL REFERENCES workload(id),"
        " fingerprint INTEGER NOT NULL REFERENCES fingerprint(id),"
        " details INTEGER NOT NULL REFERENCES fingerprint(id),"
        " invalid_reason TEXT, partial INTEGER NOT NULL, unsteady INTEGER NOT NULL,"
        " path TEXT NOT NULL, xxh3 TEXT NOT NULL, UNIQUE(night, uid, name));"
        "CREATE TABLE series(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,"
        " name TEXT NOT NULL, metric TEXT NOT NULL, unit TEXT NOT NULL,"
        " more INTEGER NOT NULL, rank INTEGER NOT NULL,"
        " workload INTEGER NOT NULL REFERENCES workload(id),"
        " fingerprint INTEGER NOT NULL REFERENCES fingerprint(id));"
        "CREATE TABLE sample(series INTEGER NOT NULL REFERENCES series(id),"
        " run INTEGER NOT NULL REFERENCES run(id), value REAL, n_blocks INTEGER NOT NULL,"
        " sd_within REAL, why TEXT, PRIMARY KEY(series, run)) WITHOUT ROWID;"
        "CREATE TABLE block(series INTEGER NOT NULL REFERENCES series(id),"
        " run INTEGER NOT NULL REFERENCES run(id), idx INTEGER NOT NULL,"
        " value REAL NOT NULL, PRIMARY KEY(series, run, idx)) WITHOUT ROWID;"
        "CREATE TABLE night(series INTEGER NOT NULL REFERENCES series(id),"
        " night TEXT NOT NULL, value REAL, n INTEGER NOT NULL, over TEXT NOT NULL,"
        " why TEXT, PRIMARY KEY(series, night)) WITHOUT ROWID;"
        "CREATE TABLE ack(series TEXT NOT NULL, night TEXT NOT NULL, t INTEGER NOT NULL,"
        " who TEXT, why TEXT NOT NULL, PRIMARY KEY(series, night)) WITHOUT ROWID;",
        /* 2: controls, reruns, what is carried over, calibrated and said */
        "ALTER TABLE run ADD COLUMN control INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE run ADD COLUMN rerun INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE series ADD COLUMN control INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE night ADD COLUMN rerun REAL;"
        "CREATE TABLE link(series TEXT PRIMARY KEY, old TEXT NOT NULL UNIQUE,"
        " t INTEGER NOT NULL, who TEXT) WITHOUT ROWID;"
        "CREATE TABLE calibration(series TEXT PRIMARY KEY, h10 REAL, h14 REAL, h20 REAL,"
        " h30 REAL, seed INTEGER, budget REAL, nights INTEGER, t INTEGER NOT NULL,"
        " who TEXT) WITHOUT ROWID;"
        "CREATE TABLE verdict(night TEXT NOT NULL, series TEXT NOT NULL, state TEXT,"
        " z REAL, m INTEGER, n INTEGER, h REAL, effect REAL, mde REAL,"
        " baseline_from TEXT, baseline_to TEXT, PRIMARY KEY(night, series))"
        " WITHOUT ROWID;"
        "CREATE INDEX run_night ON run(night);"
        "CREATE INDEX run_uid ON run(uid);",
};

int hcb_history_migrate(struct hcb_history *h, int version, int *from,
                        struct hcb_err *err)
{
	int64_t now = 0;
	char pragma[64];
	int r = hcb_db_begin(h->db, err);
	if (r)
		return r;
	r = hcb_db_int(h->db, err, 0, &now, "PRAGMA user_version", "");
	*from = (int)now;
	if (!r && (now > HCB_HISTORY_SCHEMA || now < 0))
		r = hcb_err_set(err, -EPROTO,
		                "open %s/history.db: written by a newer hcbench "
		                "(schema %lld, this one knows %d)",
		                h->dir, (long long)now, HCB_HISTORY_SCHEMA);
	for (int64_t v = now; !r && v < version; v++)
		r = hcb_db_exec(h->db, steps[v], err);
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", version);
	if (!r && now < version)
		r = hcb_db_exec(h->db, pragma, err);
	return hcb_db_end(h->db, r, err);
}

/* ---- opening ---- */

/* Is anything but "." and ".." in it? */
static bool has_files(const char *dir, const char *below)
{
	char path[512];
	bool any = false;
	snprintf(path, sizeof(path), "%s/%s", dir, below);
	DIR *d = opendir(path);
	for (struct dirent *e; d && !any && (e = readdir(d));)
		any = e->d_name[0] != '.';
	if (d)
		closedir(d);
	return any;
}

/* LOCK_SH: the database is in use; LOCK_EX: it is made or exchanged. */
int hcb_history_lock(int fd, const char *dir, int how, struct hcb_err *err)
{
	for (int waited = 0; flock(fd, how | LOCK_NB); waited += 20) {
		if (errno != EWOULDBLOCK || waited > HCB_DB_WAIT_MS)
			return hcb_err_sys(err, errno == EWOULDBLOCK ? -EBUSY : -errno,
			                   "lock %s/.lock", dir);
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	}
	return 0;
}

int hcb_history_lock_file(const char *dir, struct hcb_err *err)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/.lock", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd >= 0 ? fd : hcb_err_sys(err, -errno, "open %s", path);
}

static bool is_there(const char *file)
{
	struct stat st;
	/* An empty file would become an empty database. */
	return stat(file, &st) == 0 && st.st_size > 0;
}

static int check_place(const char *dir, const char *file, bool make, struct hcb_err *err)
{
	if (is_there(file))
		return 0;
	if (has_files(dir, "results"))
		return hcb_err_set(err, -ENOENT,
		                   "open %s: not there, but result files are; \"hcbench "
		                   "history rebuild\" makes it from them",
		                   file);
	if (make)
		return 0;
	hcb_err_set(err, -ENOENT,
	            "open %s: no history yet; \"hcbench history add\" begins one", file);
	if (err)
		err->exit = HCB_EXIT_NO_HISTORY;
	return -ENOENT;
}

static int open_locked(struct hcb_history *h, bool make, struct hcb_err *err)
{
	char file[512];
	int from = 0, r = 0;
	snprintf(file, sizeof(file), "%s/history.db", h->dir);
	bool new_one = !is_there(file);
	if (new_one)
		r = hcb_history_lock(h->lock, h->dir, LOCK_EX, err);
	r = r ? r : check_place(h->dir, file, make, err);
	r = r ? r : hcb_db_open(file, make, &h->db, err);
	r = r ? r : hcb_history_migrate(h, HCB_HISTORY_SCHEMA, &from, err);
	if (!r && new_one)
		r = hcb_history_lock(h->lock, h->dir, LOCK_SH, err);
	if (!r && from && from < HCB_HISTORY_SCHEMA)
		hcb_say("history: %s brought from schema %d to %d", file, from,
		        HCB_HISTORY_SCHEMA);
	return r;
}

static int open_files(struct hcb_history *h, const char *dir, bool make,
                      struct hcb_err *err)
{
	char file[512];
	int r = 0;
	snprintf(h->dir, sizeof(h->dir), "%s", dir);
	snprintf(file, sizeof(file), "%s/history.db", dir);
	if (make)
		r = hcb_history_mkdirs(dir, err);
	else if (!is_there(file))
		r = check_place(dir, file, false, err);
	if (r)
		return r;
	h->lock = hcb_history_lock_file(dir, err);
	r = h->lock < 0 ? h->lock : hcb_history_lock(h->lock, dir, LOCK_SH, err);
	return r ? r : open_locked(h, make, err);
}

int hcb_history_open(const char *dir, bool make, struct hcb_history *h,
                     struct hcb_err *err)
{
	int from, r;
	memset(h, 0, sizeof(*h));
	h->lock = -1;
	if (hcb_db_unavailable)
		return hcb_db_open(NULL, false, &h->db, err);
	if (dir) {
		r = open_files(h, dir, make, err);
	} else {
		r = hcb_db_open(NULL, true, &h->db, err);
		r = r ? r : hcb_history_migrate(h, HCB_HISTORY_SCHEMA, &from, err);
	}
	if (r)
		hcb_history_close(h);
	return r;
}

void hcb_history_close(struct hcb_history *h)
{
	hcb_db_close(h->db);
	h->db = NULL;
	if (h->lock >= 0)
		close(h->lock);
	h->lock = -1;
}
