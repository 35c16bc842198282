/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few calls of SQLite that the history needs; nothing else includes sqlite3.h. In a
 * build without the library opening fails with the reason, and that is all.
 *
 * Errors name the file and say what SQLite says. -EBADMSG: the file is damaged; -EBUSY:
 * another process has held it for longer than HCB_DB_WAIT_MS.
 */
#ifndef HCB_BENCH_HISTORY_DB_H
#define HCB_BENCH_HISTORY_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/core/err.h"

#define HCB_DB_WAIT_MS 20000

struct hcb_db;
struct hcb_row; /* of a query's answer, valid inside the callback */

/* NULL, or "built without sqlite3 (libsqlite3-dev)". */
extern const char *const hcb_db_unavailable;

/* path NULL: in memory. make: the file is made if it is not there. */
int hcb_db_open(const char *path, bool make, struct hcb_db **out, struct hcb_err *err);
void hcb_db_close(struct hcb_db *db);

/* Statements without arguments, several at once. */
int hcb_db_exec(struct hcb_db *db, const char *sql, struct hcb_err *err);

/*
 * One statement. sql is a string literal (prepared statements are kept by its address);
 * its ?1, ?2, ... are the arguments, whose types are the letters of `types`: 's' const
 * char * (NULL is null), 'i' int64_t, 'd' double (not a number is null).
 */
int hcb_db_run(struct hcb_db *db, struct hcb_err *err, const char *sql, const char *types,
               ...);
/* The same; row is called for each row, and ends the query by returning other than 0,
   which is passed on. */
typedef int hcb_db_row(void *arg, const struct hcb_row *row);
int hcb_db_each(struct hcb_db *db, struct hcb_err *err, hcb_db_row *row, void *arg,
                const char *sql, const char *types, ...);
/* The first column of the first row; none if there is no row or it is null. */
int hcb_db_int(struct hcb_db *db, struct hcb_err *err, int64_t none, int64_t *out,
               const char *sql, const char *types, ...);

const char *hcb_row_text(const struct hcb_row *row, int column); /* NULL if null */
int64_t hcb_row_int(const struct hcb_row *row, int column);
double hcb_row_real(const struct hcb_row *row, int column); /* NaN if null */

/* A write transaction, from the start: two that read first and write then cannot both. */
int hcb_db_begin(struct hcb_db *db, struct hcb_err *err);
/* Commits if r is 0, else takes all back; returns r, or what committing said. */
int hcb_db_end(struct hcb_db *db, int r, struct hcb_err *err);

#endif
