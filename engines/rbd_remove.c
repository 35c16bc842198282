/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking away an image that hcbench made. Bounded and guarded as opening one is. */
#include "config.h"

#include "engines/engine.h"
#include "engines/rbd_image.h"

#include <errno.h>

#ifdef HCB_HAVE_RBD
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each object gone is a sign of life: a large image may take as long as it takes. */
static int on_progress(uint64_t done, uint64_t total, void *arg)
{
	struct hcb_rbd_vol *v = arg;
	hcb_ceph_step(&v->c, "remove image %s (%llu of %llu)", v->what,
	              (unsigned long long)done, (unsigned long long)total);
	return 0;
}

/* v->conf.destroy holds the uuid that the mark must have, or "". */
static int check_mark(struct hcb_rbd_vol *v, struct hcb_err *err)
{
	int r = hcb_rbd_read_mark(v, err);
	const char *want = v->conf.destroy;
	const char *uuid = json_string_value(
	        json_object_get(json_object_get(v->facts, "mark"), "uuid"));
	if (r)
		return r;
	if (!v->marked || (*want && (!uuid || strcmp(uuid, want) != 0)))
		return hcb_err_refuse(err, "%s: image %s is not the one this run made",
		                      v->c.name, v->what);
	return hcb_rbd_check_unused(v, err);
}

static int remove_job(void *arg, struct hcb_err *err)
{
	struct hcb_rbd_vol *v = arg;
	int r = hcb_ceph_connect(&v->c, NULL, err);
	if (r)
		return r;
	hcb_ceph_step(&v->c, "open image %s", v->what);
	r = rbd_open_read_only(v->c.io, v->c.addr.image, &v->image, NULL);
	if (r)
		return r == -ENOENT ? 0 : hcb_ceph_step_failed(&v->c, r, err);
	r = check_mark(v, err);
	hcb_ceph_step(&v->c, "close image %s", v->what);
	rbd_close(v->image);
	if (r)
		return r;
	hcb_ceph_step(&v->c, "remove image %s", v->what);
	r = rbd_remove_with_progress(v->c.io, v->c.addr.image, on_progress, v);
	return r && r != -ENOENT ? hcb_ceph_step_failed(&v->c, r, err) : 0;
}

int hcb_rbd_remove(const struct hcb_dev *dev, const char *uuid, struct hcb_err *err)
{
	struct hcb_ceph_addr addr;
	int r = hcb_ceph_parse_image(dev->address, &addr, err);
	if (r)
		return r;
	struct hcb_rbd_vol *v = calloc(1, sizeof(*v));
	if (!v)
		return hcb_err_sys(err, -ENOMEM, "remove image %s", dev->address);
	v->facts = json_object();
	snprintf(v->what, sizeof(v->what), "%s", dev->address);
	r = hcb_ceph_init(&v->c, dev, &addr, err);
	if (r) {
		json_decref(v->facts);
		free(v);
		return r;
	}
	v->c.conf.force_unhealthy = 1;
	snprintf(v->conf.destroy, sizeof(v->conf.destroy), "%s", uuid ? uuid : "");
	r = hcb_ceph_job(&v->c, remove_job, v, err);
	hcb_ceph_fini(&v->c);
	if (v->c.lost)
		return r;
	json_decref(v->facts);
	free(v);
	return r;
}
#else
int hcb_rbd_remove(const struct hcb_dev *dev, const char *uuid, struct hcb_err *err)
{
	(void)uuid;
	return hcb_err_set(err, -ENOTSUP, "remove image %s: built without librbd",
	                   dev->address);
}
#endif
