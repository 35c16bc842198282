/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/probe_target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/core/guard.h"
#include "engines/target.h"

#define PREFIX "hcbench-probe-"

const char *hcb_probe_kind_name(enum hcb_probe_kind kind)
{
	static const char *const names[] = {"pool", "device", "file", "model", "other"};
	return names[kind];
}

static int too_long(const char *word, struct hcb_err *err)
{
	return hcb_err_usage(err, "probe %.40s...: too long", word);
}

/* 0 or what does not fit. */
static int join(char *out, size_t size, const char *a, const char *b, const char *c)
{
	int n = snprintf(out, size, "%s%s%s", a, b, c);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* Through io_uring where this build has it. */
static const char *file_engine(void)
{
	const struct hcb_engine *e = hcb_engine_find("uring");
	return e && !e->unavailable ? "uring:" : "libaio:";
}

static void dir_of(const char *path, char *out, size_t size)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		snprintf(out, size, ".");
	else if (slash == path)
		snprintf(out, size, "/");
	else
		snprintf(out, size, "%.*s", (int)(slash - path), path);
}

/* What lies before the mark, in whole 4 MiB, as volumes are laid out; 0: cannot be seen.
   Opening for reading harms nothing, whoever's it is. */
static uint64_t room_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (fd >= 0)
		close(fd);
	uint64_t bytes = end > (off_t)HCB_MARK_BYTES ? (uint64_t)end - HCB_MARK_BYTES : 0;
	return bytes >> 22 << 22;
}

static int existing(const char *path, const struct stat *st, struct hcb_probe_target *t,
                    struct hcb_err *err)
{
	t->kind = S_ISBLK(st->st_mode) ? HCB_PROBE_DEVICE : HCB_PROBE_FILE;
	t->room_bytes = room_of(path);
	return join(t->text, sizeof(t->text), file_engine(), path, "")
	               ? too_long(path, err)
	               : 0;
}

static int resolve_path(const char *path, const char *unique, struct hcb_probe_target *t,
                        struct hcb_err *err)
{
	struct stat st;
	char name[64];
	if (strchr(path, ','))
		return hcb_err_usage(err, "probe %s: a path with a comma cannot be used",
		                     path);
	bool there = stat(path, &st) == 0;
	if (!there && errno != ENOENT)
		return hcb_err_sys(err, -errno, "probe %s", path);
	if (there && !S_ISDIR(st.st_mode))
		return existing(path, &st, t, err);
	t->kind = HCB_PROBE_FILE;
	snprintf(name, sizeof(name), "/" PREFIX "%s", unique);
	int r = join(t->file, sizeof(t->file), path, there ? name : "", "");
	if (there)
		r = r ? r : join(t->fsync_dir, sizeof(t->fsync_dir), path, "", "");
	else
		dir_of(path, t->fsync_dir, sizeof(t->fsync_dir));
	r = r ? r : join(t->text, sizeof(t->text), file_engine(), t->file, ",make=on");
	return r ? too_long(path, err) : 0;
}

static int resolve_pool(const char *pool, const char *extra, const char *unique,
                        struct hcb_probe_target *t, struct hcb_err *err)
{
	char image[800];
	snprintf(image, sizeof(image), "/" PREFIX "%s,make=on%s", unique, extra);
	t->kind = HCB_PROBE_POOL;
	t->own_name = true;
	if (!*pool || strchr(pool, ','))
		return hcb_err_usage(err, "probe \"%s\": no pool has such a name", pool);
	if (join(t->text, sizeof(t->text), "rbd:", pool, image))
		return too_long(pool, err);
	return 0;
}

static bool is_file_engine(const struct hcb_engine *e)
{
	return strcmp(e->name, "uring") == 0 || strcmp(e->name, "libaio") == 0;
}

static bool is_ceph_engine(const struct hcb_engine *e)
{
	return strcmp(e->name, "rbd") == 0 || strcmp(e->name, "rados") == 0;
}

/* As the user wrote it, parsed for errors now and once more by the run. */
static int resolve_target(const char *text, const char *extra, struct hcb_probe_target *t,
                          struct hcb_err *err)
{
	struct hcb_dev *dev;
	struct stat st;
	int r = hcb_target_parse(text, &dev, err);
	if (r)
		return r;
	bool ceph = is_ceph_engine(dev->engine), file = is_file_engine(dev->engine);
	t->kind = ceph                                ? HCB_PROBE_POOL
	          : dev->engine->caps & HCB_CAP_MODEL ? HCB_PROBE_MODEL
	                                              : HCB_PROBE_OTHER;
	if (join(t->text, sizeof(t->text), text, ceph ? extra : "", ""))
		r = too_long(text, err);
	if (!r && file) {
		bool there = stat(dev->address, &st) == 0;
		t->kind =
		        there && S_ISBLK(st.st_mode) ? HCB_PROBE_DEVICE : HCB_PROBE_FILE;
		if (there)
			t->room_bytes = room_of(dev->address);
		else if (join(t->file, sizeof(t->file), dev->address, "", ""))
			r = too_long(text, err);
	}
	hcb_target_free(dev);
	return r;
}

int hcb_probe_resolve(const char *word, const char *extra, const char *unique,
                      struct hcb_probe_target *out, struct hcb_err *err)
{
	memset(out, 0, sizeof(*out));
	const char *colon = strchr(word, ':'), *slash = strchr(word, '/');
	int r;
	if (colon && (!slash || colon < slash))
		r = resolve_target(word, extra, out, err);
	else if (slash || strcmp(word, ".") == 0 || strcmp(word, "..") == 0)
		r = resolve_path(word, unique, out, err);
	else
		r = resolve_pool(word, extra, unique, out, err);
	if (!r && *extra && out->kind != HCB_PROBE_POOL)
		return hcb_err_usage(err,
		                     "probe %s: --conf, --id and --keyring belong to "
		                     "pools",
		                     word);
	return r;
}
