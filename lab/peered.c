/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether "active+clean" is of now. When OSDs end and start again within seconds no
 * monitor has missed them: the map still has the processes that are gone, as up, and the
 * placement groups keep the state that those had reported. So: each OSD in the map is the
 * process that runs (Ceph makes the nonce of an OSD's address of its pid), and each
 * placement group has been reported clean since the last of its OSDs came up: to the
 * manager itself, for what "status" says of it the monitors have of the manager and may
 * be seconds old.
 */
#include "lab/peered.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engines/ceph_json.h"

#ifdef HCB_HAVE_RADOS

static bool is_process(const json_t *osd, pid_t pid)
{
	return pid > 0 && hcb_ceph_osd_instance(osd) == pid % HCB_CEPH_REBIND &&
	       json_integer_value(json_object_get(osd, "up")) == 1;
}

unsigned lab_osds_booted(const json_t *dump, const struct lab_booted *want, unsigned n)
{
	unsigned booted = 0;
	const json_t *osd;
	size_t i;
	json_array_foreach(json_object_get(dump, "osds"), i, osd)
	{
		json_int_t id = json_integer_value(json_object_get(osd, "osd"));
		for (unsigned k = 0; k < n; k++)
			booted += want[k].id == id && is_process(osd, want[k].pid);
	}
	return booted;
}

static json_int_t up_from(const json_t *dump, json_int_t id)
{
	const json_t *osd;
	size_t i;
	json_array_foreach(json_object_get(dump, "osds"), i, osd)
	{
		if (json_integer_value(json_object_get(osd, "osd")) == id)
			return json_integer_value(json_object_get(osd, "up_from"));
	}
	return 0;
}

/* The epoch in which the last of these OSDs came up. */
static json_int_t last_up(const json_t *dump, const json_t *ids)
{
	json_int_t last = 0;
	const json_t *id;
	size_t i;
	json_array_foreach(ids, i, id)
	{
		json_int_t e = up_from(dump, json_integer_value(id));
		last = e > last ? e : last;
	}
	return last;
}

static bool is_clean(const json_t *pg)
{
	static const char clean[] = "active+clean";
	const char *state = json_string_value(json_object_get(pg, "state"));
	return state && strncmp(state, clean, strlen(clean)) == 0;
}

unsigned lab_pgs_unsettled(const json_t *dump, const json_t *pg_stats)
{
	static const char *const sets[] = {"up", "acting"};
	unsigned n = 0;
	const json_t *pg;
	size_t i;
	json_array_foreach(pg_stats, i, pg)
	{
		json_int_t at = json_integer_value(json_object_get(pg, "reported_epoch"));
		json_int_t since = 0;
		for (size_t k = 0; k < sizeof(sets) / sizeof(sets[0]); k++) {
			json_int_t up = last_up(dump, json_object_get(pg, sets[k]));
			since = up > since ? up : since;
		}
		n += at < since || !is_clean(pg);
	}
	return n;
}

/* ---- asking ---- */

struct peered_job {
	const struct hcb_lab_info *info;
	struct lab_peered *out; /* shared */
	struct lab_booted want[HCB_LAB_MAX_OSDS];
};

static int peered(void *arg, struct hcb_err *err)
{
	const struct peered_job *j = arg;
	struct lab_client c;
	json_t *map = NULL, *pgs = NULL;
	int r = lab_client_open(&c, j->info->conf, "10", err);
	if (r)
		return r;
	r = lab_mon_command(
	        &c, json_pack("{s:s,s:s}", "prefix", "osd dump", "format", "json"), &map,
	        err);
	r = r ? r
	      : lab_mgr_command(&c,
	                        json_pack("{s:s,s:[s],s:s}", "prefix", "pg dump",
	                                  "dumpcontents", "pgs", "format", "json"),
	                        &pgs, err);
	if (r == 0) {
		const json_t *stats = json_object_get(pgs, "pg_stats");
		j->out->osds = lab_osds_booted(map, j->want, j->info->n_osds);
		j->out->pgs = (unsigned)json_array_size(stats);
		j->out->pgs_unsettled = lab_pgs_unsettled(map, stats);
	}
	json_decref(map);
	json_decref(pgs);
	lab_client_close(&c);
	return r;
}

int lab_peered(const struct hcb_lab_info *info, struct lab_peered *out,
               struct hcb_err *err)
{
	struct peered_job j = {.info = info, .out = lab_shared_alloc(sizeof(*out))};
	char id[16];
	if (!j.out)
		return hcb_err_sys(err, -ENOMEM, "ask what the OSDs report");
	for (unsigned i = 0; i < info->n_osds; i++) {
		snprintf(id, sizeof(id), "%u", info->osds[i].id);
		j.want[i] = (struct lab_booted){info->osds[i].id,
		                                lab_daemon_pid(info, "osd", id)};
	}
	int r = lab_job_run("ask what the OSDs report", info->hosts[0].netns,
	                    25 * HCB_SEC, peered, &j, err);
	*out = *j.out;
	lab_shared_free(j.out, sizeof(*out));
	return r;
}

#endif
