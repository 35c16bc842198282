/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/cmd/ab_labs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/self.h"
#include "bench/core/units.h"
#include "lab/lab.h"

#define UP_LIMIT   (600 * HCB_SEC)
#define DOWN_LIMIT (120 * HCB_SEC)
#define PATH_LIMIT (180 * HCB_SEC) /* dilated, too */

static int parse_one(const char *text, size_t len, struct ab_lab *lab,
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

struct ab_lab *ab_lab_of(struct ab_labs *l, unsigned side)
{
	return &l->lab[side ? 1 : 0];
}

/* rest: NULL, or up to two words more. stop: NULL for what must be done to its end.
 *said: what it printed, JSON; NULL: not wanted. */
static int lab_verb(const char *verb, const char *target, const char *const rest[2],
                    uint64_t limit_ns, const volatile sig_atomic_t *stop, json_t **said,
                    struct hcb_err *err)
{
	const char *const argv[] = {
	        "lab", verb, target, rest ? rest[0] : NULL, rest ? rest[1] : NULL, NULL};
	const struct self_opts o = {.timeout_ns = limit_ns, .stop = stop};
	return self_run(argv, &o, NULL, said, err);
}

static int up(const struct ab_labs *l, struct ab_lab *lab, struct hcb_err *err)
{
	struct hcb_lab_info info;
	if (l->stop && *l->stop)
		return hcb_err_set(err, -EINTR, "ab: interrupted");
	if (!*lab->target || hcb_lab_find(lab->name, &info, NULL) == 0)
		return 0;
	if (!l->quiet)
		hcb_say("lab %s: bringing it up", lab->name);
	/* Ours from now on: whatever an interrupted "lab up" leaves as well. */
	lab->made = true;
	const char *const dilated[2] = {"--dilation", l->dilation};
	return lab_verb("up", lab->target, *l->dilation ? dilated : NULL, UP_LIMIT,
	                l->stop, NULL, err);
}

static void down(struct ab_lab *lab)
{
	struct hcb_err err = HCB_ERR_INIT;
	if (!lab->made)
		return;
	if (lab_verb("down", lab->name, NULL, DOWN_LIMIT, NULL, NULL, &err))
		hcb_warn("%s", err.msg);
	lab->made = false;
}

static int find_ends(struct ab_labs *l, struct hcb_err *err)
{
	struct hcb_lab_info info;
	struct hcb_cluster *c = calloc(1, sizeof(*c));
	int r = c ? hcb_lab_find(l->lab[1].name, &info, err)
	          : hcb_err_sys(err, -ENOMEM, "ab");
	r = r ? r : hcb_cluster_read(info.cluster_file, c, err);
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
	const char *const words[2] = {cost, "--json"};
	return lab_verb("tunnel", l->lab[1].name, words, PATH_LIMIT,
	                said ? l->stop : NULL, said, err);
}

int ab_labs_up(struct ab_labs *l, struct hcb_err *err)
{
	int r = 0;
	for (int i = 0; !r && !l->in_turn && i < 2; i++)
		r = up(l, &l->lab[i], err);
	return !r && l->ends ? find_ends(l, err) : r;
}

void ab_labs_down(struct ab_labs *l)
{
	struct hcb_err err = HCB_ERR_INIT;
	if (l->us[1] > 0 && !l->lab[1].made && hold(l, "off", NULL, &err))
		hcb_warn("%s", err.msg);
	for (int i = 0; i < 2; i++)
		down(&l->lab[i]);
}

int ab_labs_enter(struct ab_labs *l, unsigned side, json_t **path, struct hcb_err *err)
{
	char cost[32];
	json_t *said = NULL;
	*path = NULL;
	if (l->in_turn)
		return up(l, ab_lab_of(l, side), err);
	if (!l->ends || side == 0)
		return 0;
	snprintf(cost, sizeof(cost), "%.0fns", l->us[side - 1] * 1e3);
	int r = hold(l, cost, &said, err);
	*path = json_incref(json_object_get(said, "path"));
	json_decref(said);
	return r;
}

void ab_labs_leave(struct ab_labs *l, unsigned side)
{
	if (l->in_turn)
		down(ab_lab_of(l, side));
}

json_t *ab_lab_path(const struct ab_labs *l, const char *name)
{
	const char *const words[2] = {"--json", NULL};
	struct hcb_err err = HCB_ERR_INIT;
	json_t *path = NULL;
	if (lab_verb("path", name, words, PATH_LIMIT, l->stop, &path, &err))
		hcb_warn("%s", err.msg);
	return path;
}
