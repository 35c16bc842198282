/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engines/ceph_room.h"

#include <errno.h>

#ifdef HCB_HAVE_RBD
#include <stdlib.h>

#include "engines/ceph_json.h"
#include "engines/ceph_survey_internal.h"

/* A manager's, not a monitor's, since Ceph 12. */
static json_t *ask_df(struct hcb_ceph_survey *s, struct hcb_err *err)
{
	const char *cmd[] = {"{\"prefix\":\"osd df\",\"output_method\":\"tree\","
	                     "\"format\":\"json\"}"};
	char *buf = NULL, *status = NULL;
	size_t len = 0, status_len = 0;
	hcb_ceph_step(&s->c, "ask the manager for \"osd df\"");
	int r = rados_mgr_command(s->c.cluster, cmd, 1, "", 0, &buf, &len, &status,
	                          &status_len);
	json_t *out = r == 0 ? hcb_ceph_json(buf, len) : NULL;
	if (!out)
		hcb_ceph_step_failed(&s->c, r ? r : -EBADMSG, err);
	rados_buffer_free(buf);
	rados_buffer_free(status);
	return out;
}

static int room_job(void *arg, struct hcb_err *err)
{
	struct hcb_ceph_survey *s = arg;
	json_t *dump = hcb_ceph_survey_mon(s, "osd dump", err);
	json_t *rules = dump ? hcb_ceph_survey_mon(s, "osd crush rule dump", err) : NULL;
	json_t *df = rules ? ask_df(s, err) : NULL;
	int r = df ? 0 : -EIO;
	if (df)
		s->answer = hcb_ceph_room(dump, rules, df, s->c.addr.pool);
	if (df && !s->answer)
		r = hcb_err_set(err, -ENOENT,
		                "pool %s: its CRUSH rule, or the OSDs that it takes, are "
		                "not in what Ceph says",
		                s->c.addr.pool);
	json_decref(dump);
	json_decref(rules);
	json_decref(df);
	return r;
}

json_t *hcb_ceph_survey_room(struct hcb_ceph_survey *s, struct hcb_err *err)
{
	return hcb_ceph_survey_ask(s, room_job, err);
}
#else
json_t *hcb_ceph_survey_room(struct hcb_ceph_survey *s, struct hcb_err *err)
{
	(void)s;
	hcb_err_set(err, -ENOTSUP, "built without librbd");
	return NULL;
}
#endif
