/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking a lab down: whatever state it is in, also after kill -9 of "lab up" at any
 * moment, and nothing but that lab. Everything is found anew in each round, until a round
 * finds nothing.
 *
 * Nothing in a lab is worth a clean shutdown, so it is quick: clients and OSDs get a
 * second, then everybody is killed; then loop devices, disk servers, mounts, namespaces.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "lab/impl.h"

#define ROUNDS     6
/* Rounds go on for as long as this: a file system whose disk is gone ends by itself. */
#define CLEAN_WAIT (20 * HCB_SEC)
/* Longer than a process needs that is not held by a disk that hangs. */
#define DEATH_WAIT (4 * HCB_SEC)

/* ---- processes ---- */

static unsigned signal_kinds(const char *name, const char *dir, unsigned kinds, int sig)
{
	static struct lab_proc procs[LAB_MAX_PROCS];
	unsigned n = lab_hunt_procs(name, dir, procs), hit = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!(kinds & 1u << procs[i].kind))
			continue;
		hit++;
		if (sig)
			kill(procs[i].pid, sig);
	}
	return hit;
}

/* True when none is left. */
static bool wait_gone(const char *name, const char *dir, unsigned kinds, uint64_t ns)
{
	uint64_t end = hcb_monotonic_ns() + ns;
	for (;;) {
		if (signal_kinds(name, dir, kinds, 0) == 0)
			return true;
		if (hcb_monotonic_ns() > end)
			return false;
		usleep(30000);
	}
}

static void stop_kinds(const char *name, const char *dir, unsigned kinds,
                       uint64_t grace_ns)
{
	if (signal_kinds(name, dir, kinds, grace_ns ? SIGTERM : SIGKILL) == 0)
		return;
	if (grace_ns && wait_gone(name, dir, kinds, grace_ns))
		return;
	signal_kinds(name, dir, kinds, SIGKILL);
	wait_gone(name, dir, kinds, DEATH_WAIT);
}

/* ---- loop devices ---- */

static int detach(void *arg, struct hcb_err *err)
{
	char path[32];
	int loop = *(const int *)arg;
	snprintf(path, sizeof(path), "/dev/loop%d", loop);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return hcb_err_sys(err, -errno, "open %s", path);
	int r = ioctl(fd, LOOP_CLR_FD) && errno != ENXIO ? -errno : 0;
	close(fd);
	return r ? hcb_err_sys(err, r, "detach %s", path) : 0;
}

/*
 * Devices seen once. A detached device that is still open (a file system that the kernel
 * is taking apart, a process that waits in it) goes when that is done; by then the
 * folders that said whose it was may be gone, and the kernel calls its file "/disk".
 */
struct seen {
	int loop[64];
	unsigned n;
};

static unsigned find_loops(const char *dir, struct seen *seen, int *out, unsigned max)
{
	unsigned n = lab_hunt_loops(dir, out, max);
	for (unsigned i = 0; i < n; i++) {
		unsigned k = 0;
		while (k < seen->n && seen->loop[k] != out[i])
			k++;
		if (k == seen->n && k < 64)
			seen->loop[seen->n++] = out[i];
	}
	for (unsigned i = 0; i < seen->n; i++) {
		unsigned k = 0;
		while (k < n && out[k] != seen->loop[i])
			k++;
		if (k == n && n < max && lab_loop_orphaned(seen->loop[i]))
			out[n++] = seen->loop[i];
	}
	return n;
}

/* In jobs: a device whose disk server hangs may hold us for as long as that lives. */
static unsigned detach_loops(const char *dir, struct seen *seen, struct hcb_err *err)
{
	int loops[64];
	unsigned n = find_loops(dir, seen, loops, 64), left = 0;
	for (unsigned i = 0; i < n; i++)
		left += lab_job_run("detach a loop device", NULL, 3 * HCB_SEC, detach,
		                    &loops[i], err) != 0;
	return left;
}

/* ---- system disks ---- */

struct system {
	char name[64], dir[96];
};

/*
 * Unmounting writes what is dirty: at the speed of this machine, not of the disk. In a
 * job, since a disk server that hangs holds whoever does this.
 */
static int unmount_system(void *arg, struct hcb_err *err)
{
	const struct system *s = arg;
	static const char line[] = "timing off\n";
	char path[200];
	snprintf(path, sizeof(path), "%s/disk/system-%s/ctl", s->dir, s->name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, line, strlen(line)) < 0)
			hcb_err_sys(err, -errno, "write %s", path);
		close(fd);
	}
	snprintf(path, sizeof(path), "%s/system/%s/fs", s->dir, s->name);
	int r = umount2(path, UMOUNT_NOFOLLOW) ? -errno : 0;
	return r == -EINVAL || r == -ENOENT ? 0
	       : r                          ? hcb_err_sys(err, r, "unmount %s", path)
	                                    : 0;
}

static void unmount_systems(const char *dir)
{
	struct system s;
	char path[128];
	snprintf(s.dir, sizeof(s.dir), "%s", dir);
	snprintf(path, sizeof(path), "%s/system", dir);
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(s.name, sizeof(s.name), "%.60s", e->d_name);
		lab_job_run("unmount a system disk", NULL, 5 * HCB_SEC, unmount_system,
		            &s, NULL);
	}
	if (d)
		closedir(d);
}

/* ---- mounts, namespaces, files ---- */

static void unmount_all(const char *dir)
{
	static char mounts[128][256];
	unsigned n = lab_hunt_mounts(dir, mounts, 128);
	/* What was mounted later lies deeper. */
	while (n--)
		umount2(mounts[n], MNT_DETACH | UMOUNT_NOFOLLOW);
}

static void remove_netns(const char *name)
{
	char ns[LAB_MAX_NETNS][96];
	unsigned n = lab_hunt_netns(name, ns, LAB_MAX_NETNS);
	for (unsigned i = 0; i < n; i++) {
		umount2(ns[i], MNT_DETACH);
		unlink(ns[i]);
	}
}

/* Says what is left, or nothing if nothing is. */
static bool anything_left(const char *name, const char *dir, struct seen *seen,
                          char *what, size_t size)
{
	static struct lab_proc procs[LAB_MAX_PROCS];
	static char mounts[8][256];
	char ns[8][96];
	int loops[8];
	if (lab_hunt_procs(name, dir, procs))
		snprintf(what, size, "process %d", (int)procs[0].pid);
	else if (find_loops(dir, seen, loops, 8))
		snprintf(what, size, "/dev/loop%d", loops[0]);
	else if (lab_hunt_mounts(dir, mounts, 8))
		snprintf(what, size, "mount %s", mounts[0]);
	else if (lab_hunt_netns(name, ns, 8))
		snprintf(what, size, "network namespace %s", ns[0]);
	else if (lab_quota_there(name))
		snprintf(what, size, "control group hcb-%s", name);
	else if (access(dir, F_OK) == 0)
		snprintf(what, size, "directory %s", dir);
	else
		return false;
	return true;
}

static void clean_round(const char *name, const char *dir, struct seen *seen)
{
	const unsigned first = 1u << LAB_PREY_CLIENT | 1u << LAB_PREY_OSD;
	const unsigned daemons =
	        first | 1u << LAB_PREY_MGR | 1u << LAB_PREY_MON | 1u << LAB_PREY_NET;
	stop_kinds(name, dir, first, HCB_SEC);
	stop_kinds(name, dir, daemons, 0);
	unmount_systems(dir);
	/* A loop device that will not go waits for its disk server: then that goes first.
	 */
	if (detach_loops(dir, seen, NULL) == 0)
		stop_kinds(name, dir, 1u << LAB_PREY_DISK, 2 * HCB_SEC);
	stop_kinds(name, dir, 1u << LAB_PREY_DISK, 0);
	if (detach_loops(dir, seen, NULL))
		return;
	unmount_all(dir);
	remove_netns(name);
	lab_quota_remove(name);
	/* All there was lay in the tmpfs. An empty folder goes, anything else stays. */
	rmdir(dir);
}

int lab_clean(const char *name, const char *dir, struct hcb_err *err)
{
	char what[300];
	if (lab_check_ground(name, dir, err))
		return -EPERM;
	/* The signal that ended "lab up" must not end its cleaning as well. */
	sig_atomic_t told = lab_stop_signal;
	lab_stop_signal = 0;
	struct seen seen = {.n = 0};
	uint64_t end = hcb_monotonic_ns() + CLEAN_WAIT;
	int r = 0;
	/* Not by time alone: a round that waits for a disk that hangs takes long. */
	for (int i = 0; (i < ROUNDS || hcb_monotonic_ns() < end) &&
	                anything_left(name, dir, &seen, what, sizeof(what));
	     i++) {
		clean_round(name, dir, &seen);
		if (i)
			usleep(200000);
	}
	if (anything_left(name, dir, &seen, what, sizeof(what)))
		r = hcb_err_set(err, -EBUSY, "take down lab %s: %s is still there", name,
		                what);
	lab_stop_signal = told;
	return r;
}

/* ---- the verb ---- */

/* "lab up" cleans up after itself when told to stop; another "lab down" is waited for. */
static int lock_or_stop(const char *name, struct lab_lock *l, struct hcb_err *err)
{
	uint64_t start = hcb_monotonic_ns();
	pid_t holder = 0, told = 0;
	for (;;) {
		int r = lab_lock(name, "down", l, &holder, err);
		if (r != -EBUSY)
			return r;
		uint64_t waited = hcb_monotonic_ns() - start;
		char path[64], cmd[512] = "";
		snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)holder);
		int n = holder > 1 ? lab_read_file(path, cmd, sizeof(cmd)) : 0;
		bool up = n > 0 && memmem(cmd, (size_t)n, "lab\0up", 6);
		if (up && told != holder) {
			hcb_say("lab %s: stopping process %d, which is building it", name,
			        (int)holder);
			kill(holder, SIGTERM);
			told = holder;
		}
		if (up && waited > 30 * HCB_SEC)
			kill(holder, SIGKILL);
		if (waited > 60 * HCB_SEC)
			return r;
		usleep(50000);
	}
}

/* Processes and namespaces go by the lab's name alone: half of it must not be taken down
   because its state lies where HCBENCH_LAB_DIR pointed when it was made. */
int lab_check_elsewhere(const char *name, const char *dir, struct hcb_err *err)
{
	char parent[256];
	if (!lab_hunt_elsewhere(name, dir, parent, sizeof(parent)))
		return 0;
	return hcb_err_usage(err, "lab %s lies in %s: set HCBENCH_LAB_DIR=%s", name,
	                     parent, parent);
}

int hcb_lab_down(const char *name, struct hcb_err *err)
{
	char dir[96], what[300], parent[512];
	struct lab_lock lock;
	struct seen seen = {.n = 0};
	uint64_t start = hcb_monotonic_ns();
	lab_parent_dir(parent, sizeof(parent));
	int r = lab_dir(name, dir, sizeof(dir), err);
	r = r ? r : lab_check_elsewhere(name, dir, err);
	r = r ? r : lab_check_ground(name, dir, err);
	if (r == 0 && access(parent, F_OK) &&
	    !anything_left(name, dir, &seen, what, sizeof(what))) {
		hcb_say("lab %s: there is none", name);
		return 0;
	}
	if (r == 0)
		r = lock_or_stop(name, &lock, err);
	if (r)
		return r;
	bool was = anything_left(name, dir, &seen, what, sizeof(what));
	r = lab_clean(name, dir, err);
	lab_unlock(&lock, r == 0);
	if (r)
		return r;
	if (was)
		hcb_say("lab %s: down (%.1f s)", name,
		        (double)(hcb_monotonic_ns() - start) / 1e9);
	else
		hcb_say("lab %s: there is none", name);
	return 0;
}

int hcb_lab_down_all(struct hcb_err *err)
{
	char names[64][48];
	unsigned n = lab_hunt_names(names, 64);
	int r = 0;
	if (n == 0)
		hcb_say("there is no lab");
	for (unsigned i = 0; i < n; i++) {
		int r2 = hcb_lab_down(names[i], r ? NULL : err);
		r = r ? r : r2;
	}
	return r;
}
