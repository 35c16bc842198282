/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A processor quota for a daemon of a lab: a group NAME inside the lab's own, hcb-LAB,
 * under whichever cgroup hierarchy has the cpu controller here. That is version 2 on a
 * host of today (Debian 12, Proxmox 7 and later), version 1 on an older one; a kernel
 * gives a controller to one of the two. Kernel documentation: admin-guide/cgroup-v2.rst,
 * scheduler/sched-bwc.rst.
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/impl.h"

#define LEAST_US 1000.0 /* the kernel takes no shorter period and no smaller quota */

struct version {
	const char *type; /* of the mount */
	bool (*has_cpu)(const struct mntent *m);
	int (*enable)(const char *dir, struct hcb_err *err);
	int (*limit)(const char *group, long long period_us, long long quota_us,
	             struct hcb_err *err); /* quota -1: none */
	const char *throttled;             /* its line in cpu.stat */
	uint64_t throttled_ns;             /* and its unit */
};

static int put(const char *group, const char *file, const char *text, struct hcb_err *err)
{
	char path[224];
	snprintf(path, sizeof(path), "%s/%s", group, file);
	size_t n = strlen(text);
	FILE *f = fopen(path, "we");
	/* Unbuffered: a refusal is write's. */
	if (f)
		setvbuf(f, NULL, _IONBF, 0);
	int code = !f || fwrite(text, 1, n, f) != n ? -errno : 0;
	if (f)
		fclose(f);
	return code ? hcb_err_sys(err, code, "write %s", path) : 0;
}

static int put_number(const char *group, const char *file, long long value,
                      struct hcb_err *err)
{
	char text[32];
	snprintf(text, sizeof(text), "%lld\n", value);
	return put(group, file, text, err);
}

/* ---- version 1: a mount of the controller's ---- */

static bool v1_has_cpu(const struct mntent *m)
{
	return hasmntopt(m, "cpu") != NULL;
}

static int v1_enable(const char *dir, struct hcb_err *err)
{
	(void)dir;
	(void)err;
	return 0;
}

/* A quota may only shrink where the period grows first, so both are set from "none". */
static int v1_limit(const char *group, long long period_us, long long quota_us,
                    struct hcb_err *err)
{
	int r = put_number(group, "cpu.cfs_quota_us", -1, err);
	r = r ? r : put_number(group, "cpu.cfs_period_us", period_us, err);
	return r || quota_us < 0 ? r
	                         : put_number(group, "cpu.cfs_quota_us", quota_us, err);
}

/* ---- version 2: one mount for all, a controller switched on level by level ---- */

static bool v2_has_cpu(const struct mntent *m)
{
	char path[300], text[512], *save = NULL;
	snprintf(path, sizeof(path), "%s/cgroup.controllers", m->mnt_dir);
	if (lab_read_file(path, text, sizeof(text)) <= 0)
		return false;
	for (char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
		if (strcmp(w, "cpu") == 0)
			return true;
	return false;
}

static int v2_enable(const char *dir, struct hcb_err *err)
{
	return put(dir, "cgroup.subtree_control", "+cpu", err);
}

static int v2_limit(const char *group, long long period_us, long long quota_us,
                    struct hcb_err *err)
{
	char text[64];
	if (quota_us < 0)
		snprintf(text, sizeof(text), "max %lld\n", period_us);
	else
		snprintf(text, sizeof(text), "%lld %lld\n", quota_us, period_us);
	return put(group, "cpu.max", text, err);
}

static const struct version versions[] = {
        {"cgroup", v1_has_cpu, v1_enable, v1_limit, "throttled_time ", 1},
        {"cgroup2", v2_has_cpu, v2_enable, v2_limit, "throttled_usec ", 1000},
};
#define N_VERSIONS (sizeof(versions) / sizeof(versions[0]))

/* ---- the lab's group ---- */

/* NULL: no cpu controller is mounted here. dir: of that hierarchy. */
static const struct version *find_version(char *dir, size_t size)
{
	const struct version *found = NULL;
	struct mntent m;
	char buf[2048];
	FILE *f = setmntent("/proc/self/mounts", "re");
	while (f && !found && getmntent_r(f, &m, buf, sizeof(buf)))
		for (size_t i = 0; i < N_VERSIONS && !found; i++)
			if (strcmp(m.mnt_type, versions[i].type) == 0 &&
			    versions[i].has_cpu(&m))
				found = &versions[i];
	if (found)
		snprintf(dir, size, "%s", m.mnt_dir);
	if (f)
		endmntent(f);
	return found;
}

static const struct version *parent_of(const char *lab, char *buf, size_t size)
{
	char dir[96];
	const struct version *v = find_version(dir, sizeof(dir));
	if (v)
		snprintf(buf, size, "%s/hcb-%s", dir, lab);
	return v;
}

static const struct version *group_of(const char *lab, const char *name, char *buf,
                                      size_t size)
{
	char parent[160];
	const struct version *v = parent_of(lab, parent, sizeof(parent));
	if (v)
		snprintf(buf, size, "%s/%s", parent, name);
	return v;
}

static int make(const char *dir, struct hcb_err *err)
{
	return mkdir(dir, 0755) && errno != EEXIST
	               ? hcb_err_sys(err, -errno, "make %s", dir)
	               : 0;
}

static int make_parent(const char *lab, struct hcb_err *err)
{
	char root[96], parent[160];
	const struct version *v = find_version(root, sizeof(root));
	if (!v)
		return hcb_err_set(err, -ENOENT,
		                   "lab tunnel: no cgroup hierarchy with the cpu "
		                   "controller is mounted");
	parent_of(lab, parent, sizeof(parent));
	int r = v->enable(root, err);
	r = r ? r : make(parent, err);
	return r ? r : v->enable(parent, err);
}

int lab_quota_set(const char *lab, const char *name, double share, pid_t pid,
                  struct hcb_err *err)
{
	char group[192];
	/* The shorter the period, the shorter the daemon stands still. */
	double period = fmax(LEAST_US, ceil(LEAST_US / share));
	int r = make_parent(lab, err);
	if (r)
		return r;
	const struct version *v = group_of(lab, name, group, sizeof(group));
	r = make(group, err);
	r = r ? r
	      : v->limit(group, (long long)period,
	                 share >= 1 ? -1 : (long long)round(period * share), err);
	return r ? r : put_number(group, "cgroup.procs", pid, err);
}

int lab_quota_join(const char *lab, const char *name, pid_t pid, struct hcb_err *err)
{
	char group[192];
	if (!group_of(lab, name, group, sizeof(group)) || access(group, F_OK))
		return 0;
	return put_number(group, "cgroup.procs", pid, err);
}

bool lab_quota_throttled_ns(const char *lab, const char *name, uint64_t *out)
{
	char path[224], text[1024];
	*out = 0;
	const struct version *v = group_of(lab, name, path, sizeof(path));
	if (!v)
		return false;
	strncat(path, "/cpu.stat", sizeof(path) - strlen(path) - 1);
	if (lab_read_file(path, text, sizeof(text)) <= 0)
		return false;
	const char *p = strstr(text, v->throttled);
	if (p)
		*out = strtoull(p + strlen(v->throttled), NULL, 10) * v->throttled_ns;
	return p != NULL;
}

/* ---- cleaning ---- */

bool lab_quota_there(const char *lab)
{
	char parent[160];
	return parent_of(lab, parent, sizeof(parent)) && access(parent, F_OK) == 0;
}

/* Groups in a group of the lab's, empty of processes by then. */
void lab_quota_remove(const char *lab)
{
	char parent[160], path[448];
	DIR *d = parent_of(lab, parent, sizeof(parent)) ? opendir(parent) : NULL;
	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof(path), "%s/%s", parent, e->d_name);
		if (e->d_name[0] != '.' && e->d_type == DT_DIR)
			rmdir(path);
	}
	if (d) {
		closedir(d);
		rmdir(parent);
	}
}
