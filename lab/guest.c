/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The path a virtual machine's disk takes: QEMU's block layer over librbd, without the
 * machine. qemu-storage-daemon on a host exports an image over a Unix socket, which the
 * nbd engine opens. cache=none and cache=writeback are what Proxmox's are: the first sets
 * cache.direct, with which QEMU switches librbd's cache off, the second leaves it on; a
 * flush goes through in both.
 *
 * DIR/run/guest.POOL.IMAGE.sock is the socket, .pid and .json stand beside it.
 */
#include "lab/client.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PROGRAM    "qemu-storage-daemon"
#define COMM       "qemu-storage-da" /* as much of it as the kernel keeps */
#define START_WAIT (20 * HCB_SEC)
#define STOP_GRACE (10 * HCB_SEC) /* it writes back what it holds */

struct guest {
	const struct hcb_lab_info *info;
	const struct hcb_lab_guest *want;
	const struct hcb_lab_host_info *host;
	char pool[64], image[128];
	char id[200]; /* POOL.IMAGE */
	char sock[320], pidfile[320], state[320], log[320];
};

static int plan(struct guest *g, const struct hcb_lab_info *info,
                const struct hcb_lab_guest *want, struct hcb_err *err)
{
	struct sockaddr_un sa;
	*g = (struct guest){.info = info, .want = want};
	const char *slash = strchr(want->image, '/');
	size_t n = slash ? (size_t)(slash - want->image) : 0;
	if (!n || n >= sizeof(g->pool) || !slash[1] || strpbrk(slash + 1, "/,@ ") ||
	    strlen(slash + 1) >= sizeof(g->image))
		return hcb_err_usage(err, "lab guest: \"%.100s\": expected POOL/IMAGE",
		                     want->image);
	snprintf(g->pool, sizeof(g->pool), "%.*s", (int)n, want->image);
	snprintf(g->image, sizeof(g->image), "%s", slash + 1);
	snprintf(g->id, sizeof(g->id), "%s.%s", g->pool, g->image);
	int len = snprintf(g->sock, sizeof(g->sock), "%s/run/guest.%s.sock", info->dir,
	                   g->id);
	if (len >= (int)sizeof(sa.sun_path))
		return hcb_err_usage(err,
		                     "lab guest: %s: the socket's path would be longer "
		                     "than the kernel takes",
		                     want->image);
	snprintf(g->pidfile, sizeof(g->pidfile), "%s/run/guest.%s.pid", info->dir, g->id);
	snprintf(g->state, sizeof(g->state), "%s/run/guest.%s.json", info->dir, g->id);
	snprintf(g->log, sizeof(g->log), "%.80s/log/guest.%.100s.out", info->dir, g->id);
	g->host = want->host ? lab_host_of(info, want->host, err) : &info->hosts[0];
	return g->host ? 0 : -EINVAL;
}

static int check_packages(struct hcb_err *err)
{
	glob_t found;
	int r = lab_need_program(PROGRAM, "qemu-system-common", err);
	if (r)
		return r;
	bool module = glob("/usr/lib/*/qemu/block-rbd.so", 0, NULL, &found) == 0;
	if (module)
		globfree(&found);
	return module ? 0 : lab_need_program("block-rbd.so", "qemu-block-extra", err);
}

/* ---- the image ---- */

#ifdef HCB_HAVE_RBD
static int make_image(rados_ioctx_t io, const struct guest *g, struct hcb_err *err)
{
	rbd_image_options_t opts;
	rbd_image_options_create(&opts);
	int r = rbd_create4(io, g->image, g->want->size_bytes, opts);
	rbd_image_options_destroy(opts);
	return r ? hcb_err_sys(err, r, "make image %s", g->want->image) : 0;
}

/* In a job on the host: made if it is not there. */
static int need_image(void *arg, struct hcb_err *err)
{
	const struct guest *g = arg;
	struct lab_client c;
	rados_ioctx_t io;
	rbd_image_t image;
	int r = lab_client_open(&c, g->info->conf, "20", err);
	if (r)
		return r;
	r = rados_ioctx_create(c.rados, g->pool, &io);
	if (r) {
		hcb_err_sys(err, r, "open pool %s", g->pool);
		goto out;
	}
	r = rbd_open_read_only(io, g->image, &image, NULL);
	if (r == 0)
		rbd_close(image);
	else if (r == -ENOENT)
		r = make_image(io, g, err);
	else
		hcb_err_sys(err, r, "open image %s", g->want->image);
	rados_ioctx_destroy(io);
out:
	lab_client_close(&c);
	return r;
}
#else
static int need_image(void *arg, struct hcb_err *err)
{
	(void)arg;
	return hcb_err_set(err, -ENOSYS, "lab guest: built without librbd");
}
#endif

/* ---- the daemon ---- */

static const char *cache_word(const struct guest *g)
{
	return g->want->writeback ? "writeback" : "none";
}

static int start(const struct guest *g, pid_t *pid, struct hcb_err *err)
{
	char blockdev[512], server[352], env[64];
	static const char export[] = "type=nbd,id=guest,node-name=disk,name=,writable=on";
	const char *const argv[] = {
	        PROGRAM,        "--pidfile", g->pidfile, "--blockdev", blockdev,
	        "--nbd-server", server,      "--export", export,       NULL};
	const char *const envs[] = {env, NULL};
	snprintf(blockdev, sizeof(blockdev),
	         "driver=rbd,node-name=disk,pool=%s,image=%s,conf=%s,user=admin,"
	         "cache.direct=%s,cache.no-flush=off,discard=unmap",
	         g->pool, g->image, g->info->conf, g->want->writeback ? "off" : "on");
	snprintf(server, sizeof(server), "addr.type=unix,addr.path=%s", g->sock);
	snprintf(env, sizeof(env), LAB_ENV "=%s", g->info->name);
	struct hcb_child_opts o = {.netns = g->host->netns,
	                           .env = envs,
	                           .log_path = g->log,
	                           .timeout_ns = 10 * HCB_SEC};
	return hcb_child_daemon(argv, &o, pid, err);
}

static bool listens(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	memcpy(sa.sun_path, path, strlen(path));
	bool yes = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;
	close(fd);
	return yes;
}

static int wait_ready(const struct guest *g, pid_t pid, struct hcb_err *err)
{
	uint64_t until = hcb_monotonic_ns() + START_WAIT;
	char line[300];
	while (!listens(g->sock)) {
		if (!hcb_process_alive(pid)) {
			if (!lab_last_line(g->log, line, sizeof(line)))
				snprintf(line, sizeof(line), "it said nothing");
			return hcb_err_set(err, -ECHILD, "export %s: " PROGRAM ": %s",
			                   g->want->image, line);
		}
		if (hcb_monotonic_ns() > until)
			return hcb_err_set(err, -ETIMEDOUT,
			                   "export %s: " PROGRAM
			                   " does not listen after %d s",
			                   g->want->image, (int)(START_WAIT / HCB_SEC));
		usleep(20000);
	}
	return 0;
}

static json_t *describe(const struct guest *g)
{
	return json_pack("{s:s,s:s,s:s,s:o}", "image", g->want->image, "host",
	                 g->host->name, "cache", cache_word(g), "target",
	                 json_sprintf("nbd:unix:%s", g->sock));
}

static pid_t running(const struct guest *g)
{
	char kind[] = "guest";
	return lab_recorded_pid(g->info, kind, g->id, COMM);
}

static void forget(const struct guest *g)
{
	unlink(g->sock);
	unlink(g->pidfile);
	unlink(g->state);
}

static int export(const struct guest *g, json_t **out, struct hcb_err *err)
{
	union {
		const struct guest *in;
		void *arg;
	} job = {g}; /* only read */
	pid_t pid = -1;
	int r = check_packages(err);
	if (r == 0)
		r = lab_job_run("look for the image", g->host->netns, 40 * HCB_SEC,
		                need_image, job.arg, err);
	forget(g);
	if (r == 0)
		r = start(g, &pid, err);
	if (r == 0)
		r = wait_ready(g, pid, err);
	*out = r ? NULL : describe(g);
	char *text = *out ? json_dumps(*out, JSON_INDENT(1)) : NULL;
	if (r == 0)
		r = text ? lab_write_file(g->state, text, err)
		         : hcb_err_sys(err, -ENOMEM, "export %s", g->want->image);
	free(text);
	if (r == 0)
		return 0;
	json_decref(*out);
	*out = NULL;
	if (pid > 0)
		hcb_process_stop(pid, HCB_SEC);
	forget(g);
	return r;
}

/* One that runs already, as it was asked for: 1, and *out. */
static int look(const struct guest *g, json_t **out, struct hcb_err *err)
{
	if (running(g) < 0)
		return 0;
	json_t *have = json_load_file(g->state, 0, NULL);
	const char *cache = json_string_value(json_object_get(have, "cache"));
	const char *host = json_string_value(json_object_get(have, "host"));
	if (cache && host && strcmp(cache, cache_word(g)) == 0 &&
	    strcmp(host, g->host->name) == 0) {
		*out = have;
		return 1;
	}
	int r = hcb_err_set(err, -EBUSY,
	                    "export %s: %s exports it with cache=%s; \"hcbench lab guest "
	                    "%s %s --stop\" ends that",
	                    g->want->image, host ? host : "somebody", cache ? cache : "?",
	                    g->info->name, g->want->image);
	json_decref(have);
	return r;
}

int hcb_lab_guest(const char *name, const struct hcb_lab_guest *want, json_t **out,
                  struct hcb_err *err)
{
	struct hcb_lab_info *info = calloc(1, sizeof(*info));
	struct guest g;
	*out = NULL;
	if (!info)
		return hcb_err_sys(err, -ENOMEM, "lab guest");
	int r = hcb_lab_find(name, info, err);
	if (r == 0)
		r = plan(&g, info, want, err);
	if (r == 0)
		r = look(&g, out, err);
	if (r == 0)
		r = export(&g, out, err);
	free(info);
	return r < 0 ? r : 0;
}

int hcb_lab_guest_stop(const char *name, const char *image, struct hcb_err *err)
{
	struct hcb_lab_info *info = calloc(1, sizeof(*info));
	const struct hcb_lab_guest want = {.image = image};
	struct guest g;
	if (!info)
		return hcb_err_sys(err, -ENOMEM, "lab guest");
	int r = hcb_lab_find(name, info, err);
	if (r == 0)
		r = plan(&g, info, &want, err);
	pid_t pid = r ? -1 : running(&g);
	if (r == 0 && pid < 0)
		r = hcb_err_set(err, -ESRCH, "lab %s: nobody exports %s", name, image);
	if (r == 0) {
		r = hcb_process_stop(pid, STOP_GRACE);
		if (r)
			hcb_err_sys(err, r, "stop process %d", (int)pid);
		forget(&g);
	}
	free(info);
	return r;
}

json_t *lab_guests_json(const struct hcb_lab_info *info)
{
	char path[256];
	json_t *list = json_array();
	snprintf(path, sizeof(path), "%s/run", info->dir);
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		size_t n = strlen(e->d_name);
		if (n < 12 || strncmp(e->d_name, "guest.", 6) != 0 ||
		    strcmp(e->d_name + n - 5, ".json") != 0)
			continue;
		char id[224];
		snprintf(id, sizeof(id), "%.*s", (int)(n - 11), e->d_name + 6);
		pid_t pid = lab_recorded_pid(info, "guest", id, COMM);
		snprintf(path, sizeof(path), "%.90s/run/%.150s", info->dir, e->d_name);
		json_t *one = json_load_file(path, 0, NULL);
		if (!json_is_object(one)) {
			json_decref(one);
			continue;
		}
		json_object_set_new(one, "pid", json_integer(pid > 0 ? pid : 0));
		json_array_append_new(list, one);
	}
	if (d)
		closedir(d);
	return list;
}
