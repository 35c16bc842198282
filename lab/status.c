/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lab status, lab exec, and what a lab is called. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "lab/impl.h"

int hcb_lab_name(const char *target, char *name, size_t size, struct hcb_err *err)
{
	char path[512];
	const char *stem = target ? target : HCB_LAB_DEFAULT;
	size_t len = strlen(stem);
	if (strchr(stem, '/') || (len > 4 && strcmp(stem + len - 4, ".ini") == 0)) {
		snprintf(path, sizeof(path), "%s", stem);
		char *base = strrchr(path, '/');
		stem = base ? base + 1 : path;
		char *dot = strrchr(path, '.');
		if (dot && dot > stem)
			*dot = '\0';
	}
	int r = lab_check_name(stem, err);
	if (r == 0)
		snprintf(name, size, "%s", stem);
	return r;
}

#ifdef HCB_HAVE_RADOS
static void add_state(json_t *j, const struct hcb_lab_info *info)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct lab_cluster_state st;
	int r = lab_cluster_state(info, &st, &err);
	if (r) {
		json_object_set_new(j, "health", json_string("UNKNOWN"));
		json_object_set_new(j, "reason", json_string(err.msg));
		return;
	}
	json_object_set_new(j, "health", json_string(st.health));
	json_object_set_new(j, "reason", json_string(st.checks));
	json_object_set_new(j, "osds_total", json_integer(st.osds));
	json_object_set_new(j, "osds_up", json_integer(st.osds_up));
	json_object_set_new(j, "pgs", json_integer(st.pgs));
	json_object_set_new(j, "pgs_clean", json_integer(st.pgs_clean));
	json_object_set_new(j, "mons", json_integer(st.mons));
	json_object_set_new(j, "mgr", json_boolean(st.mgr));
}
#else
static void add_state(json_t *j, const struct hcb_lab_info *info)
{
	(void)info;
	json_object_set_new(j, "health", json_string("UNKNOWN"));
	json_object_set_new(j, "reason", json_string("built without librados"));
}
#endif

/* A disk server that hangs shows nowhere else: Ceph only waits. */
static void add_disks(json_t *j, const struct hcb_lab_info *info)
{
	struct hcb_err err = HCB_ERR_INIT;
	json_t *disks = NULL;
	if (hcb_lab_disk_stats(info, &disks, &err) == 0) {
		json_object_set_new(j, "disks", disks);
		return;
	}
	json_object_set_new(j, "health", json_string("DISKS_HANG"));
	json_object_set_new(j, "reason", json_string(err.msg));
}

static json_t *status_of(const struct hcb_lab_info *info)
{
	json_t *j = hcb_lab_info_json(info);
	if (j) {
		add_state(j, info);
		add_disks(j, info);
		json_object_set_new(j, "guests", lab_guests_json(info));
	}
	return j;
}

static json_t *unfinished(const char *name)
{
	return json_pack("{s:s,s:s,s:s}", "name", name, "health", "UNKNOWN", "reason",
	                 "being built, or left unfinished");
}

int hcb_lab_status(const char *name, json_t **out, struct hcb_err *err)
{
	struct hcb_lab_info info;
	char names[64][48];
	*out = NULL;
	if (name) {
		int r = hcb_lab_find(name, &info, err);
		if (r == 0)
			*out = status_of(&info);
		return r;
	}
	unsigned n = lab_hunt_names(names, 64);
	json_t *list = json_array();
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, hcb_lab_find(names[i], &info, NULL)
		                                    ? unfinished(names[i])
		                                    : status_of(&info));
	*out = list;
	return 0;
}

int hcb_lab_exec(const char *name, const char *host, char **argv, struct hcb_err *err)
{
	struct hcb_lab_info info;
	int r = hcb_lab_find(name, &info, err);
	if (r == 0)
		r = hcb_lab_enter(&info, host, err);
	if (r)
		return r;
	if (setenv("CEPH_CONF", info.conf, 1))
		return hcb_err_sys(err, -errno, "set CEPH_CONF");
	execvp(argv[0], argv);
	return hcb_err_sys(err, -errno, "run %s", argv[0]);
}
