/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A served disk's three files: the requests of the kernel. */
#include "config.h"

#ifdef HCB_HAVE_FUSE3

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/disk_internal.h"

enum ino { INO_ROOT = FUSE_ROOT_ID, INO_DISK, INO_STAT, INO_CTL };

static struct serve *serve_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static void ctl_write(struct serve *sv, fuse_req_t req, const char *buf, size_t len)
{
	char text[512];
	if (len >= sizeof(text)) {
		fuse_reply_err(req, E2BIG);
		return;
	}
	memcpy(text, buf, len);
	text[len] = '\0';
	char *save = NULL;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		int e = disk_ctl_line(sv, l);
		if (e) {
			fuse_reply_err(req, -e);
			return;
		}
	}
	fuse_reply_write(req, len);
}

/* ---- the file system ---- */

static const struct {
	const char *name;
	enum ino ino;
	mode_t mode;
} files[] = {
        {"disk", INO_DISK, S_IFREG | 0600},
        {"stat", INO_STAT, S_IFREG | 0444},
        {"ctl", INO_CTL, S_IFREG | 0200},
};
#define N_FILES (sizeof(files) / sizeof(files[0]))

static int fill_attr(const struct serve *sv, fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_nlink = 1;
	st->st_uid = getuid();
	st->st_gid = getgid();
	st->st_blksize = 4096;
	if (ino == INO_ROOT) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return 0;
	}
	for (size_t i = 0; i < N_FILES; i++) {
		if (files[i].ino != ino)
			continue;
		st->st_mode = files[i].mode;
		if (ino == INO_DISK)
			st->st_size = (off_t)sv->dev->size_bytes;
		return 0;
	}
	return -ENOENT;
}

static void sv_init(void *arg, struct fuse_conn_info *conn)
{
	(void)arg;
	conn->max_background = BACKGROUND;
	conn->congestion_threshold = BACKGROUND;
	conn->max_write = MAX_IO;
	conn->max_read = MAX_IO;
	conn->want |= conn->capable & FUSE_CAP_ASYNC_DIO;
	conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE);
}

static void sv_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {.attr_timeout = 3600, .entry_timeout = 3600};
	for (size_t i = 0; parent == INO_ROOT && i < N_FILES; i++) {
		if (strcmp(files[i].name, name) != 0)
			continue;
		e.ino = files[i].ino;
		fill_attr(serve_of(req), e.ino, &e.attr);
		fuse_reply_entry(req, &e);
		return;
	}
	fuse_reply_err(req, ENOENT);
}

static void sv_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)fi;
	struct stat st;
	if (fill_attr(serve_of(req), ino, &st))
		fuse_reply_err(req, ENOENT);
	else
		fuse_reply_attr(req, &st, 3600);
}

/* Truncation by "> ctl" is let through and does nothing; a disk has the size it has. */
static void sv_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                       struct fuse_file_info *fi)
{
	uint64_t size = serve_of(req)->dev->size_bytes;
	if ((to_set & FUSE_SET_ATTR_SIZE) && ino != INO_CTL &&
	    (uint64_t)attr->st_size != size)
		fuse_reply_err(req, EPERM);
	else
		sv_getattr(req, ino, fi);
}

static void sv_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fi->direct_io = 1;
	fi->fh = 0;
	if (ino == INO_STAT) {
		char *text = disk_stat_text(serve_of(req));
		if (!text) {
			fuse_reply_err(req, ENOMEM);
			return;
		}
		fi->fh = (uint64_t)(uintptr_t)text;
	}
	if (fuse_reply_open(req, fi) != 0)
		free((void *)(uintptr_t)fi->fh);
}

static void sv_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (ino == INO_STAT)
		free((void *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

static void sv_read(fuse_req_t req, fuse_ino_t ino, size_t len, off_t off,
                    struct fuse_file_info *fi)
{
	if (ino == INO_DISK) {
		disk_read(serve_of(req), req, len, off);
		return;
	}
	const char *text = (const char *)(uintptr_t)fi->fh;
	size_t all = text ? strlen(text) : 0;
	size_t from = off < 0 || (size_t)off > all ? all : (size_t)off;
	size_t n = all - from < len ? all - from : len;
	fuse_reply_buf(req, text ? text + from : NULL, n);
}

static void sv_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t len,
                     off_t off, struct fuse_file_info *fi)
{
	(void)fi;
	if (ino == INO_DISK)
		disk_write(serve_of(req), req, buf, len, off);
	else if (ino == INO_CTL)
		ctl_write(serve_of(req), req, buf, len);
	else
		fuse_reply_err(req, EACCES);
}

static void sv_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
                     struct fuse_file_info *fi)
{
	(void)datasync;
	(void)fi;
	if (ino != INO_DISK) {
		fuse_reply_err(req, 0);
		return;
	}
	disk_flush(serve_of(req), req);
}

static void sv_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
                         struct fuse_file_info *fi)
{
	(void)fi;
	if (ino == INO_DISK)
		disk_discard(serve_of(req), req, mode, off, len);
	else
		fuse_reply_err(req, EOPNOTSUPP);
}

static void sv_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                       struct fuse_file_info *fi)
{
	(void)fi;
	char buf[1024];
	size_t used = 0;
	if (size > sizeof(buf))
		size = sizeof(buf);
	for (off_t i = off; ino == INO_ROOT && i >= 0 && i < (off_t)N_FILES + 2; i++) {
		const char *name = i == 0 ? "." : i == 1 ? ".." : files[i - 2].name;
		struct stat st;
		fill_attr(serve_of(req), i < 2 ? INO_ROOT : (fuse_ino_t)files[i - 2].ino,
		          &st);
		size_t n =
		        fuse_add_direntry(req, buf + used, size - used, name, &st, i + 1);
		if (n > size - used)
			break;
		used += n;
	}
	fuse_reply_buf(req, buf, used);
}

const struct fuse_lowlevel_ops disk_operations = {
        .init = sv_init,
        .lookup = sv_lookup,
        .getattr = sv_getattr,
        .setattr = sv_setattr,
        .open = sv_open,
        .release = sv_release,
        .read = sv_read,
        .write = sv_write,
        .fsync = sv_fsync,
        .fallocate = sv_fallocate,
        .readdir = sv_readdir,
};

#endif
