/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_RESULT (1024LL * 1024 * 1024) /* a larger file is not one of ours */
#define MAX_TEMPS  100

/* Where the file goes: names inside an open directory, so that nothing moves underfoot.
 */
struct place {
	const char *path; /* as the user wrote it, for messages */
	int dir;
	char name[NAME_MAX + 1];
	char temp[NAME_MAX + 1];
};

static int place_open(struct place *p, const char *path, const char *real,
                      struct hcb_err *err)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(real, '/');
	const char *base = slash ? slash + 1 : real;
	p->path = path;
	p->dir = -1;
	if (!*base || strlen(base) > NAME_MAX || strlen(real) >= sizeof(dir))
		return hcb_err_usage(err, "write %.200s: not the name of a file", path);
	size_t len = slash ? (size_t)(slash - real) : 0;
	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", len ? (int)len : 1, real);
	else
		snprintf(dir, sizeof(dir), ".");
	snprintf(p->name, sizeof(p->name), "%s", base);
	p->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dir >= 0)
		return 0;
	int code = -errno;
	hcb_err_sys(err, code, "write %s: open directory %s", path, dir);
	if (err && (code == -ENOENT || code == -ENOTDIR))
		err->exit = HCB_EXIT_USAGE;
	return code;
}

static void place_close(struct place *p)
{
	if (p->dir >= 0)
		close(p->dir);
}

/* --------------------------------------------------------- what may be replaced ---- */

static bool is_result(int fd)
{
	FILE *f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return false;
	}
	json_t *doc = json_loadf(f, 0, NULL);
	bool yes = json_is_integer(json_object_get(doc, "schema")) &&
	           json_is_string(json_object_get(doc, "hcbench"));
	json_decref(doc);
	fclose(f);
	return yes;
}

static int check_existing(const struct place *p, struct hcb_err *err)
{
	struct stat st;
	/* Not opened before it is known to be a file: opening a device may do things. */
	if (fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW)) {
		int code = -errno;
		return code == -ENOENT ? 0 : hcb_err_sys(err, code, "write %s", p->path);
	}
	if (!S_ISREG(st.st_mode))
		return hcb_err_refuse(err, "write %s: exists and is not a regular file",
		                      p->path);
	if (st.st_size == 0)
		return 0;
	int fd = openat(p->dir, p->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return hcb_err_sys(err, -errno, "write %s: read the present file",
		                   p->path);
	if (st.st_size > MAX_RESULT) {
		close(fd);
	} else if (is_result(fd)) {
		return 0;
	}
	return hcb_err_refuse(err, "write %s: exists and is not a result of hcbench",
	                      p->path);
}

/* The file a path means once its last link is followed. */
static int follow(const char *path, char *real, struct hcb_err *err)
{
	struct stat st;
	size_t len = strlen(path);
	if (len >= PATH_MAX)
		return hcb_err_usage(err, "write %.200s...: path too long", path);
	if (lstat(path, &st) || !S_ISLNK(st.st_mode)) {
		memcpy(real, path, len + 1);
		return 0;
	}
	if (!realpath(path, real))
		return hcb_err_refuse(err, "write %s: a symbolic link to nothing", path);
	return 0;
}

static int result_place(struct place *p, const char *path, struct hcb_err *err)
{
	char real[PATH_MAX] = "";
	p->dir = -1;
	int r = follow(path, real, err);
	if (r == 0)
		r = place_open(p, path, real, err);
	return r ? r : check_existing(p, err);
}

int hcb_result_path_check(const char *path, struct hcb_err *err)
{
	struct place p;
	int r = result_place(&p, path, err);
	if (r == 0 && faccessat(p.dir, ".", W_OK | X_OK, AT_EACCESS))
		r = hcb_err_sys(err, -errno, "write %s", path);
	place_close(&p);
	return r;
}

/* ------------------------------------------------------------------- writing ---- */

int hcb_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;
	while (len) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

struct bytes {
	const void *data;
	size_t len;
};

static int put_bytes(void *arg, int fd)
{
	const struct bytes *b = arg;
	return hcb_write_all(fd, b->data, b->len);
}

/* Another name if a process that was killed has left one like it behind. */
static void next_temp(struct place *p, int attempt)
{
	snprintf(p->temp, sizeof(p->temp), ".%.200s.%d.%d.tmp", p->name, (int)getpid(),
	         attempt);
}

/* A file without a name if there is such a thing here, else one with a temporary name. */
static int open_temp(struct place *p, bool *named)
{
	int fd = openat(p->dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	*named = fd < 0;
	if (fd >= 0 || errno == ENOSPC || errno == EDQUOT)
		return fd;
	for (int i = 0; i < MAX_TEMPS; i++) {
		next_temp(p, i);
		fd = openat(p->dir, p->temp,
		            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd >= 0 || errno != EEXIST)
			break;
	}
	return fd;
}

static int give_name(struct place *p, int fd)
{
	char proc[64];
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	for (int i = 0; i < MAX_TEMPS; i++) {
		next_temp(p, i);
		if (linkat(AT_FDCWD, proc, p->dir, p->temp, AT_SYMLINK_FOLLOW) == 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	return -errno;
}

static int write_at(struct place *p, int (*put)(void *arg, int fd), void *arg,
                    struct hcb_err *err)
{
	bool named = false;
	int fd = open_temp(p, &named);
	if (fd < 0)
		return hcb_err_sys(err, -errno, "write %s", p->path);
	int r = put(arg, fd);
	if (r == 0 && fsync(fd))
		r = -errno;
	if (r == 0 && !named) {
		r = give_name(p, fd);
		named = r == 0;
	}
	if (close(fd) && r == 0)
		r = -errno;
	if (r == 0 && renameat(p->dir, p->temp, p->dir, p->name))
		r = -errno;
	if (r) {
		if (named)
			unlinkat(p->dir, p->temp, 0);
		return hcb_err_sys(err, r, "write %s", p->path);
	}
	/* Some file systems cannot flush a directory and say EINVAL. */
	if (fsync(p->dir) && errno != EINVAL)
		return hcb_err_sys(err, -errno, "write %s: flush its directory", p->path);
	return 0;
}

int hcb_write_atomic_from(const char *path, int (*put)(void *arg, int fd), void *arg,
                          struct hcb_err *err)
{
	struct place p;
	int r = place_open(&p, path, path, err);
	if (r == 0)
		r = write_at(&p, put, arg, err);
	place_close(&p);
	return r;
}

int hcb_write_atomic(const char *path, const void *data, size_t len, struct hcb_err *err)
{
	struct bytes b = {data, len};
	return hcb_write_atomic_from(path, put_bytes, &b, err);
}

int hcb_write_json_atomic(const char *path, json_t *doc, struct hcb_err *err)
{
	struct place p;
	size_t len = 0;
	char *text = json_dumps(doc, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
	if (!text)
		return hcb_err_set(err, -EINVAL,
		                   "write %s: cannot turn the result into JSON", path);
	int r = result_place(&p, path, err);
	if (r == 0) {
		len = strlen(text);
		text[len] = '\n'; /* over the terminator: files end in a newline */
		struct bytes b = {text, len + 1};
		r = write_at(&p, put_bytes, &b, err);
	}
	place_close(&p);
	free(text);
	return r;
}
