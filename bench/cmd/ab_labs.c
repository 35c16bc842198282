/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/cmd/ab_labs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/units.h"
#include "lab/lab.h"

#define PATH_LIMIT (180 * HCB_SEC) /* dilated, too */

static int parse_one(const char *text, size_t len, struct lab_child *lab,
                     struct hcb_err *err)
{
	if (!len || len >= sizeof(lab->target))
		return -EINVAL;
	snprintf(lab->target, sizeof(lab->target), "%.*s", (int)len, text);
	return hcb_lab_name(lab->target, lab->name, sizeof(lab->name), err);
}

int ab_labs_parse(const char *text, struct ab_labs *l, struct hcb_err *err)
{
	const char *comma = strchr(text, ',');
	if (!comma || strchr(comma + 1, ',') ||
	    parse_one(text, (size_t)(comma - text), &l->lab[0], err) ||
	    parse_one(comma + 1, strlen(comma + 1), &l->lab[1], err))
		return hcb_err_usage(err,
		                     "--labs %s: expected two labs, names or cluster "
		                     "files, such as seed-direct,seed-tinc",
		                     text);
	return strcmp(l->lab[0].name, l->lab[1].name) == 0
	               ? hcb_err_usage(err, "--labs %s: both would be called %s", text,
	                               l->lab[0].name)
	               : 0;
}

struct lab_child *ab_lab_of(struct ab_labs *l, unsigned side)
{
	return &l->lab[side ? 1 : 0];
}

bool ab_lab_shared(const struct ab_labs *l, unsigned side)
{
	return *l->lab[0].target && (l->together || l->found[side ? 1 : 0]);
}

static int up(const struct ab_labs *l, struct lab_child *lab, struct hcb_err *err)
{
	return lab_child_up(lab, l->dilation, l->quiet, l->stop, err);
}

/* Of a lab that is up its own, which may no longer be what the name finds. */
static int read_cluster(const struct lab_child *lab, struct hcb_cluster *c,
                        struct hcb_err *err)
{
	struct hcb_lab_info info;
	char path[512];
	if (hcb_lab_find(lab->name, &info, NULL) == 0)
		return hcb_cluster_read(info.cluster_file, c, err);
	int r = hcb_cluster_find(lab->target, path, sizeof(path), err);
	return r ? r : hcb_cluster_read(path, c, err);
}

static int find_ends(struct ab_labs *l, struct hcb_err *err)
{
	struct hcb_cluster *c = calloc(1, sizeof(*c));
	int r = c ? read_cluster(&l->lab[1], c, err) : hcb_err_sys(err, -ENOMEM, "ab");
	if (!r && !(c->tunnel_us_hi > 0))
		r = hcb_err_usage(
		        err,
		        "ab: --tunnel-ends: lab %s's cluster file says nothing of "
		        "tunnel_us_per_packet",
		        l->lab[1].name);
	l->us[0] = r ? 0 : c->tunnel_us_lo;
	l->us[1] = r ? 0 : c->tunnel_us_hi;
	free(c);
	return r;
}

static int hold(const struct ab_labs *l, const char *cost, json_t **said,
                struct hcb_err *err)
{
	const char *const words[] = {cost, "--json", NULL};
	return lab_child_verb("tunnel", l->lab[1].name, words, PATH_LIMIT,
	                      said ? l->stop : NULL, said, err);
}

int ab_labs_up(struct ab_labs *l, struct hcb_err *err)
{
	struct hcb_lab_info info;
	int r = l->ends ? find_ends(l, err) : 0;
	for (int i = 0; i < 2; i++)
		l->found[i] = *l->lab[i].target &&
		              hcb_lab_find(l->lab[i].name, &info, NULL) == 0;
	for (int i = 0; !r && l->together && i < 2; i++)
		r = up(l, &l->lab[i], err);
	return r;
}

void ab_labs_down(struct ab_labs *l)
{
	struct hcb_err err = HCB_ERR_INIT;
	if (l->us[1] > 0 && l->found[1] && hold(l, "off", NULL, &err))
		hcb_warn("%s", err.msg);
	for (int i = 0; i < 2; i++)
		lab_child_down(&l->lab[i]);
}

int ab_labs_enter(struct ab_labs *l, unsigned side, json_t **path, struct hcb_err *err)
{
	char cost[32];
	json_t *said = NULL;
	*path = NULL;
	int r = up(l, ab_lab_of(l, side), err);
	if (r || !l->ends || side == 0)
		return r;
	snprintf(cost, sizeof(cost), "%.0fns", l->us[side - 1] * 1e3);
	r = hold(l, cost, &said, err);
	*path = json_incref(json_object_get(said, "path"));
	json_decref(said);
	return r;
}

void ab_labs_leave(struct ab_labs *l, unsigned side)
{
	if (!l->together)
		lab_child_down(ab_lab_of(l, side));
}

json_t *ab_lab_path(const struct ab_labs *l, const char *name)
{
	const char *const words[] = {"--json", NULL};
	struct hcb_err err = HCB_ERR_INIT;
	json_t *path = NULL;
	if (lab_child_verb("path", name, words, PATH_LIMIT, l->stop, &path, &err))
		hcb_warn("%s", err.msg);
	return path;
}
