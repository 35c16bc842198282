/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding what a lab has left, without trusting that it was built to the end or that its
 * records are whole. Nothing here touches a path inside the lab's FUSE mounts: their
 * server may hang.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/impl.h"

#define NETNS_DIR "/run/netns"
#define MAX_NS    LAB_MAX_NETNS

static bool is_number(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

/* "hcb-LAB-HOST", where neither HOST nor the switch's name has a dash of its own. */
static bool netns_of(const char *file, const char *name)
{
	size_t n = strlen(name);
	return strncmp(file, "hcb-", 4) == 0 && strncmp(file + 4, name, n) == 0 &&
	       file[4 + n] == '-' && file[5 + n] && !strchr(file + 5 + n, '-');
}

unsigned lab_hunt_netns(const char *name, char (*out)[96], unsigned max)
{
	unsigned n = 0;
	DIR *d = opendir(NETNS_DIR);
	for (struct dirent *e; d && (e = readdir(d));)
		if (n < max && netns_of(e->d_name, name))
			snprintf(out[n++], sizeof(out[0]), NETNS_DIR "/%.80s", e->d_name);
	if (d)
		closedir(d);
	return n;
}

/* ---- processes ---- */

struct traits {
	const char *name, *dir;
	ino_t netns[MAX_NS];
	unsigned n_netns;
	pid_t spared[64]; /* this process and those that started it */
	unsigned n_spared;
};

static pid_t parent_of(pid_t pid)
{
	char path[64], buf[512];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (lab_read_file(path, buf, sizeof(buf)) <= 0)
		return 0;
	/* "PID (name) S PPID": the name may hold anything, so from the last bracket. */
	const char *p = strrchr(buf, ')');
	return p && strlen(p) > 4 ? (pid_t)strtol(p + 4, NULL, 10) : 0;
}

static void learn_traits(struct traits *t, const char *name, const char *dir)
{
	char ns[MAX_NS][96];
	struct stat st;
	*t = (struct traits){.name = name, .dir = dir};
	unsigned n = lab_hunt_netns(name, ns, MAX_NS);
	for (unsigned i = 0; i < n; i++)
		if (stat(ns[i], &st) == 0)
			t->netns[t->n_netns++] = st.st_ino;
	for (pid_t p = getpid(); p > 0 && t->n_spared < 64; p = parent_of(p))
		t->spared[t->n_spared++] = p;
}

static bool in_netns(const struct traits *t, pid_t pid)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if (stat(path, &st))
		return false;
	for (unsigned i = 0; i < t->n_netns; i++)
		if (t->netns[i] == st.st_ino)
			return true;
	return false;
}

static bool marked(const struct traits *t, pid_t pid)
{
	static char buf[256 * 1024];
	char path[64], want[64];
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	snprintf(want, sizeof(want), LAB_ENV "=%s", t->name);
	int n = lab_read_file(path, buf, sizeof(buf));
	for (int i = 0; i < n; i += (int)strlen(buf + i) + 1)
		if (strcmp(buf + i, want) == 0)
			return true;
	return false;
}

/* Reads /proc/PID/cmdline with blanks for its NULs. */
static int read_cmdline(pid_t pid, char *buf, size_t size)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	int n = lab_read_file(path, buf, size);
	for (int i = 0; i + 1 < n; i++)
		if (buf[i] == '\0')
			buf[i] = ' ';
	return n;
}

/* A daemon that wrote a pid file and whose command line names the lab's ceph.conf. */
static bool recorded(const struct traits *t, pid_t pid)
{
	char want[160], buf[4096];
	snprintf(want, sizeof(want), "%s/ceph.conf", t->dir);
	return read_cmdline(pid, buf, sizeof(buf)) > 0 && strncmp(buf, "ceph-", 5) == 0 &&
	       strstr(buf, want);
}

static enum lab_prey kind_of(pid_t pid)
{
	char buf[4096];
	static const struct {
		const char *word;
		enum lab_prey kind;
	} words[] = {{"ceph-osd ", LAB_PREY_OSD},     {"ceph-mgr ", LAB_PREY_MGR},
	             {"ceph-mon ", LAB_PREY_MON},     {"tincd ", LAB_PREY_NET},
	             {"ovs-vswitchd ", LAB_PREY_NET}, {"ovsdb-server ", LAB_PREY_NET},
	             {" disk serve ", LAB_PREY_DISK}};
	if (read_cmdline(pid, buf, sizeof(buf)) <= 0)
		return LAB_PREY_CLIENT;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(buf, words[i].word))
			return words[i].kind;
	return LAB_PREY_CLIENT;
}

static bool spared(const struct traits *t, pid_t pid)
{
	for (unsigned i = 0; i < t->n_spared; i++)
		if (t->spared[i] == pid)
			return true;
	return false;
}

unsigned lab_hunt_procs(const char *name, const char *dir, struct lab_proc *out)
{
	struct traits t;
	unsigned n = 0;
	learn_traits(&t, name, dir);
	DIR *d = opendir("/proc");
	for (struct dirent *e; d && (e = readdir(d));) {
		if (!is_number(e->d_name) || n == LAB_MAX_PROCS)
			continue;
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		if (spared(&t, pid) || !hcb_process_alive(pid))
			continue;
		if (in_netns(&t, pid) || marked(&t, pid) || recorded(&t, pid))
			out[n++] = (struct lab_proc){pid, kind_of(pid)};
	}
	if (d)
		closedir(d);
	return n;
}

/* ---- loop devices ---- */

/*
 * An OSD's data folder, and a host's under "system", name the device they open. That
 * decides where the backing file no longer does: under a mount that is gone the kernel
 * says "/disk".
 */
static bool folder_uses(const char *dir, const char *kind, int loop)
{
	char path[192], dev[32], link[64];
	snprintf(path, sizeof(path), "%s/%s", dir, kind);
	snprintf(dev, sizeof(dev), "/dev/loop%d", loop);
	DIR *d = opendir(path);
	bool found = false;
	for (struct dirent *e; d && !found && (e = readdir(d));) {
		snprintf(path, sizeof(path), "%s/%s/%.32s/block", dir, kind, e->d_name);
		ssize_t n =
		        e->d_name[0] != '.' ? readlink(path, link, sizeof(link) - 1) : -1;
		if (n > 0) {
			link[n] = '\0';
			found = strcmp(link, dev) == 0;
		}
	}
	if (d)
		closedir(d);
	return found;
}

static bool backing_file(int loop, char *file, size_t size)
{
	char path[96];
	snprintf(path, sizeof(path), "/sys/block/loop%d/loop/backing_file", loop);
	if (lab_read_file(path, file, size) <= 0)
		return false;
	file[strcspn(file, "\n")] = '\0';
	return true;
}

bool lab_loop_orphaned(int loop)
{
	char file[PATH_MAX];
	return backing_file(loop, file, sizeof(file)) && strncmp(file, "/disk", 5) == 0;
}

static bool loop_of(const char *dir, int loop)
{
	char file[PATH_MAX];
	size_t n = strlen(dir);
	if (!backing_file(loop, file, sizeof(file)))
		return false;
	if (strncmp(file, dir, n) == 0 && file[n] == '/')
		return true;
	return strncmp(file, "/disk", 5) == 0 &&
	       (folder_uses(dir, "osd", loop) || folder_uses(dir, "system", loop));
}

unsigned lab_hunt_loops(const char *dir, int *out, unsigned max)
{
	unsigned n = 0;
	DIR *d = opendir("/sys/block");
	for (struct dirent *e; d && (e = readdir(d));) {
		if (strncmp(e->d_name, "loop", 4) != 0 || !is_number(e->d_name + 4))
			continue;
		int loop = (int)strtol(e->d_name + 4, NULL, 10);
		if (n < max && loop_of(dir, loop))
			out[n++] = loop;
	}
	if (d)
		closedir(d);
	return n;
}

/* ---- mounts ---- */

/* mountinfo writes blanks and backslashes as \040 and so on. */
static void unescape(char *s)
{
	char *out = s;
	for (; *s; s++) {
		if (s[0] == '\\' && isdigit((unsigned char)s[1]) &&
		    isdigit((unsigned char)s[2]) && isdigit((unsigned char)s[3])) {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 +
			                (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

unsigned lab_hunt_mounts(const char *dir, char (*out)[256], unsigned max)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], where[2048];
	size_t len = strlen(dir);
	unsigned n = 0;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %*s %*s %*s %2047s", where) != 1)
			continue;
		unescape(where);
		if (n < max && strncmp(where, dir, len) == 0 &&
		    (where[len] == '/' || where[len] == '\0'))
			snprintf(out[n++], sizeof(out[0]), "%.255s", where);
	}
	if (f)
		fclose(f);
	return n;
}

bool lab_hunt_elsewhere(const char *name, const char *dir, char *parent, size_t size)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], where[2048];
	bool found = false;
	while (f && !found && fgets(line, sizeof(line), f)) {
		if (!strstr(line, " - tmpfs " LAB_TMPFS " ") ||
		    sscanf(line, "%*s %*s %*s %*s %2047s", where) != 1)
			continue;
		unescape(where);
		char *slash = strrchr(where, '/');
		if (!slash || strcmp(slash + 1, name) != 0 || strcmp(where, dir) == 0)
			continue;
		snprintf(parent, size, "%.*s", (int)(slash - where), where);
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

/* ---- names ---- */

static unsigned add_name(char (*out)[48], unsigned n, unsigned max, const char *name,
                         size_t len)
{
	char one[48];
	snprintf(one, sizeof(one), "%.*s", (int)(len < 47 ? len : 47), name);
	for (unsigned i = 0; i < n; i++)
		if (strcmp(out[i], one) == 0)
			return n;
	if (n == max || lab_check_name(one, NULL))
		return n;
	memcpy(out[n], one, sizeof(one));
	return n + 1;
}

unsigned lab_hunt_names(char (*out)[48], unsigned max)
{
	char parent[512];
	unsigned n = 0;
	lab_parent_dir(parent, sizeof(parent));
	DIR *d = opendir(parent);
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[800];
		size_t len = strlen(e->d_name);
		bool lock = len > 5 && strcmp(e->d_name + len - 5, ".lock") == 0;
		snprintf(path, sizeof(path), "%s/%s", parent, e->d_name);
		if (e->d_name[0] != '.' &&
		    (lock ? lab_is_lock(path) : lab_ground(path) == LAB_GROUND_OURS))
			n = add_name(out, n, max, e->d_name, lock ? len - 5 : len);
	}
	if (d)
		closedir(d);
	d = opendir(NETNS_DIR);
	for (struct dirent *e; d && (e = readdir(d));) {
		const char *dash = strrchr(e->d_name, '-');
		if (strncmp(e->d_name, "hcb-", 4) == 0 && dash > e->d_name + 4)
			n = add_name(out, n, max, e->d_name + 4,
			             (size_t)(dash - e->d_name) - 4);
	}
	if (d)
		closedir(d);
	return n;
}
