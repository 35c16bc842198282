/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where shipped files lie: cluster files, disk profiles. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/core/cluster.h"
#include "bench/core/opt.h"

#define MAX_DIRS  3
#define MAX_NAMES 64

struct places {
	char dir[MAX_DIRS][PATH_MAX];
	unsigned n;
};

static bool is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

__attribute__((format(printf, 2, 3))) static void add_place(struct places *p,
                                                            const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(p->dir[p->n], sizeof(p->dir[0]), fmt, ap);
	va_end(ap);
	p->n += n > 0 && (size_t)n < sizeof(p->dir[0]);
}

/* An executable anywhere under TREE/build/ belongs to TREE. */
static bool source_tree(char *out, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", out, size - 1);
	if (n <= 0)
		return false;
	out[n] = '\0';
	char *cut = NULL;
	for (char *s = out; (s = strstr(s, "/build/")); s++)
		cut = s;
	if (cut)
		*cut = '\0';
	return cut != NULL;
}

static void list_places(struct places *p, const char *kind)
{
	char tree[PATH_MAX];
	const char *env = getenv("HCBENCH_SHARE");
	p->n = 0;
	if (env && *env)
		add_place(p, "%s/%s", env, kind);
	if (source_tree(tree, sizeof(tree)))
		add_place(p, "%s/lab/%s", tree, kind);
	add_place(p, "/usr/share/hcbench/%s", kind);
}

static int not_found(const struct places *p, const char *kind, const char *name,
                     struct hcb_err *err)
{
	char *names[MAX_NAMES];
	size_t n = 0;
	for (unsigned i = 0; i < p->n; i++) {
		DIR *d = opendir(p->dir[i]);
		for (struct dirent *e; d && n < MAX_NAMES && (e = readdir(d));) {
			size_t len = strlen(e->d_name);
			if (len > 4 && strcmp(e->d_name + len - 4, ".ini") == 0 &&
			    (names[n] = strndup(e->d_name, len - 4)))
				n++;
		}
		if (d)
			closedir(d);
	}
	const char *near = hcb_nearest(name, (const char *const *)names, n);
	if (near)
		hcb_err_usage(
		        err,
		        "find %s.ini among the %s: no such file; did you mean \"%s\"?",
		        name, kind, near);
	else
		hcb_err_usage(err, "find %s.ini among the %s: no such file", name, kind);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	return -ENOENT;
}

int hcb_share_find(const char *kind, const char *name, char *path, size_t size,
                   struct hcb_err *err)
{
	struct places p;
	if (!*name || strchr(name, '/') || name[0] == '.')
		return hcb_err_usage(err,
		                     "find \"%s\" among the %s: expected a plain name",
		                     name, kind);
	list_places(&p, kind);
	for (unsigned i = 0; i < p.n; i++) {
		int n = snprintf(path, size, "%s/%s.ini", p.dir[i], name);
		if (n > 0 && (size_t)n < size && is_file(path))
			return 0;
	}
	return not_found(&p, kind, name, err);
}

int hcb_cluster_find(const char *name_or_path, char *path, size_t size,
                     struct hcb_err *err)
{
	const char *name = name_or_path;
	size_t len = strlen(name);
	bool is_path =
	        strchr(name, '/') || (len > 4 && strcmp(name + len - 4, ".ini") == 0);
	if (!is_path)
		return hcb_share_find("clusters",
		                      strcmp(name, "default") ? name : "seed-direct",
		                      path, size, err);
	if (len >= size)
		return hcb_err_usage(err, "open %.200s...: path too long", name);
	memcpy(path, name, len + 1);
	if (access(path, R_OK) == 0)
		return 0;
	int code = -errno;
	hcb_err_sys(err, code, "open %s", path);
	if (err)
		err->exit = HCB_EXIT_USAGE;
	return code;
}
