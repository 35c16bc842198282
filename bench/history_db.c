/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/history_db.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#ifdef HCB_HAVE_SQLITE
#include <sqlite3.h>

const char *const hcb_db_unavailable = NULL;

#define KEPT 48

struct hcb_db {
	sqlite3 *sql;
	char path[512];
	struct kept {
		const char *text;
		sqlite3_stmt *stmt;
		bool busy;
	} kept[KEPT];
};

struct hcb_row {
	sqlite3_stmt *stmt;
};

static int said(struct hcb_db *db, int code, struct hcb_err *err)
{
	int plain = code & 0xff;
	const char *text = db->sql ? sqlite3_errmsg(db->sql) : sqlite3_errstr(code);
	if (plain == SQLITE_CORRUPT || plain == SQLITE_NOTADB)
		return hcb_err_set(err, -EBADMSG,
		                   "read %s: damaged (%s); \"hcbench history rebuild\" "
		                   "moves it aside and makes it anew from the result "
		                   "files",
		                   db->path, text);
	if (plain == SQLITE_BUSY || plain == SQLITE_LOCKED)
		return hcb_err_set(err, -EBUSY,
		                   "open %s: in use by another process for more than "
		                   "%d s",
		                   db->path, HCB_DB_WAIT_MS / 1000);
	if (plain == SQLITE_READONLY || plain == SQLITE_PERM || plain == SQLITE_CANTOPEN)
		return hcb_err_set(err, -EACCES, "open %s: %s", db->path, text);
	if (plain == SQLITE_FULL)
		return hcb_err_sys(err, -ENOSPC, "write %s", db->path);
	if (plain == SQLITE_CONSTRAINT)
		return hcb_err_set(err, -EEXIST, "write %s: %s", db->path, text);
	return hcb_err_set(err, -EIO, "read %s: %s", db->path, text);
}

int hcb_db_open(const char *path, bool make, struct hcb_db **out, struct hcb_err *err)
{
	struct hcb_db *db = calloc(1, sizeof(*db));
	*out = NULL;
	if (!db)
		return hcb_err_sys(err, -ENOMEM, "open the history");
	snprintf(db->path, sizeof(db->path), "%s", path ? path : "the history in memory");
	int flags = SQLITE_OPEN_READWRITE | (make || !path ? SQLITE_OPEN_CREATE : 0);
	int c = sqlite3_open_v2(path ? path : ":memory:", &db->sql, flags, NULL);
	if (c == SQLITE_OK) {
		sqlite3_extended_result_codes(db->sql, 1);
		c = sqlite3_busy_timeout(db->sql, HCB_DB_WAIT_MS);
	}
	/* The first thing that reads the file, and so finds one that is no database. */
	if (c == SQLITE_OK)
		c = sqlite3_exec(db->sql,
		                 "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		                 "PRAGMA foreign_keys=ON; SELECT count(*) FROM "
		                 "sqlite_master",
		                 NULL, NULL, NULL);
	if (c != SQLITE_OK) {
		int r = said(db, c, err);
		hcb_db_close(db);
		return r;
	}
	*out = db;
	return 0;
}

void hcb_db_close(struct hcb_db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < KEPT; i++)
		sqlite3_finalize(db->kept[i].stmt);
	sqlite3_close(db->sql);
	free(db);
}

int hcb_db_exec(struct hcb_db *db, const char *sql, struct hcb_err *err)
{
	int c = sqlite3_exec(db->sql, sql, NULL, NULL, NULL);
	return c == SQLITE_OK ? 0 : said(db, c, err);
}

/* *kept: where it is kept, or NULL for one that the caller finalizes. */
static int prepare(struct hcb_db *db, const char *sql, struct kept **kept,
                   sqlite3_stmt **stmt)
{
	struct kept *k = db->kept, *end = db->kept + KEPT;
	while (k < end && k->text && (k->text != sql || k->busy))
		k++;
	*kept = k < end ? k : NULL;
	if (*kept && k->text) {
		*stmt = k->stmt;
	} else {
		int c = sqlite3_prepare_v2(db->sql, sql, -1, stmt, NULL);
		if (c != SQLITE_OK)
			return c;
		if (*kept)
			*k = (struct kept){.text = sql, .stmt = *stmt};
	}
	if (*kept)
		(*kept)->busy = true;
	return SQLITE_OK;
}

static int bind(sqlite3_stmt *stmt, const char *types, va_list ap)
{
	int c = SQLITE_OK;
	for (int i = 0; types[i] && c == SQLITE_OK; i++) {
		if (types[i] == 's') {
			c = sqlite3_bind_text(stmt, i + 1, va_arg(ap, const char *), -1,
			                      SQLITE_TRANSIENT);
		} else if (types[i] == 'i') {
			c = sqlite3_bind_int64(stmt, i + 1, va_arg(ap, int64_t));
		} else {
			double v = va_arg(ap, double);
			c = isnan(v) ? sqlite3_bind_null(stmt, i + 1)
			             : sqlite3_bind_double(stmt, i + 1, v);
		}
	}
	return c;
}

static int each(struct hcb_db *db, struct hcb_err *err, hcb_db_row *row, void *arg,
                const char *sql, const char *types, va_list ap)
{
	struct kept *kept;
	sqlite3_stmt *stmt = NULL;
	int stop = 0, c = prepare(db, sql, &kept, &stmt);
	if (c != SQLITE_OK)
		return said(db, c, err);
	c = bind(stmt, types, ap);
	while (c == SQLITE_OK || c == SQLITE_ROW) {
		c = sqlite3_step(stmt);
		if (c == SQLITE_ROW && row) {
			struct hcb_row r = {stmt};
			stop = row(arg, &r);
			if (stop)
				break;
		}
	}
	int r = stop || c == SQLITE_DONE ? stop : said(db, c, err);
	if (kept) {
		sqlite3_reset(stmt);
		sqlite3_clear_bindings(stmt);
		kept->busy = false;
	} else {
		sqlite3_finalize(stmt);
	}
	return r;
}

const char *hcb_row_text(const struct hcb_row *row, int column)
{
	return (const char *)sqlite3_column_text(row->stmt, column);
}

int64_t hcb_row_int(const struct hcb_row *row, int column)
{
	return sqlite3_column_int64(row->stmt, column);
}

double hcb_row_real(const struct hcb_row *row, int column)
{
	return sqlite3_column_type(row->stmt, column) == SQLITE_NULL
	               ? NAN
	               : sqlite3_column_double(row->stmt, column);
}

#else

const char *const hcb_db_unavailable = "built without sqlite3 (libsqlite3-dev)";

int hcb_db_open(const char *path, bool make, struct hcb_db **out, struct hcb_err *err)
{
	(void)path;
	(void)make;
	*out = NULL;
	return hcb_err_set(err, -ENOTSUP, "open the history: %s", hcb_db_unavailable);
}

/* Nobody gets past hcb_db_open. */
void hcb_db_close(struct hcb_db *db)
{
	(void)db;
}

int hcb_db_exec(struct hcb_db *db, const char *sql, struct hcb_err *err)
{
	(void)db;
	(void)sql;
	return hcb_err_set(err, -ENOTSUP, "the history: %s", hcb_db_unavailable);
}

static int each(struct hcb_db *db, struct hcb_err *err, hcb_db_row *row, void *arg,
                const char *sql, const char *types, va_list ap)
{
	(void)row;
	(void)arg;
	(void)types;
	(void)ap;
	return hcb_db_exec(db, sql, err);
}

const char *hcb_row_text(const struct hcb_row *row, int column)
{
	(void)row;
	(void)column;
	return NULL;
}

int64_t hcb_row_int(const struct hcb_row *row, int column)
{
	(void)row;
	(void)column;
	return 0;
}

double hcb_row_real(const struct hcb_row *row, int column)
{
	(void)row;
	(void)column;
	return NAN;
}
#endif

int hcb_db_run(struct hcb_db *db, struct hcb_err *err, const char *sql, const char *types,
               ...)
{
	va_list ap;
	va_start(ap, types);
	int r = each(db, err, NULL, NULL, sql, types, ap);
	va_end(ap);
	return r;
}

int hcb_db_each(struct hcb_db *db, struct hcb_err *err, hcb_db_row *row, void *arg,
                const char *sql, const char *types, ...)
{
	va_list ap;
	va_start(ap, types);
	int r = each(db, err, row, arg, sql, types, ap);
	va_end(ap);
	return r;
}

static int take_int(void *arg, const struct hcb_row *row)
{
	if (!isnan(hcb_row_real(row, 0)))
		*(int64_t *)arg = hcb_row_int(row, 0);
	return 0;
}

int hcb_db_int(struct hcb_db *db, struct hcb_err *err, int64_t none, int64_t *out,
               const char *sql, const char *types, ...)
{
	va_list ap;
	*out = none;
	va_start(ap, types);
	int r = each(db, err, take_int, out, sql, types, ap);
	va_end(ap);
	return r;
}

int hcb_db_begin(struct hcb_db *db, struct hcb_err *err)
{
	return hcb_db_exec(db, "BEGIN IMMEDIATE", err);
}

int hcb_db_end(struct hcb_db *db, int r, struct hcb_err *err)
{
	int end = r ? 0 : hcb_db_exec(db, "COMMIT", err);
	if (r || end)
		hcb_db_exec(db, "ROLLBACK", NULL);
	return r ? r : end;
}
