/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/cmd/ab_labs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

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

int ab_child_failed(const char *what, const struct hcb_child_result *res, int code,
                    struct hcb_err *err)
{
	static const char own[] = "hcbench: ";
	const char *said = res->errout ? res->errout : "", *line = said;
	/* Talk comes first, the reason last. */
	for (const char *p = said; (p = strchr(p, '\n')) && p[1]; p++)
		line = p + 1;
	if (strncmp(line, own, strlen(own)) == 0)
		line += strlen(own);
	int r = hcb_err_set(err, -EIO, "%s: %.*s", what, (int)strcspn(line, "\n"), line);
	if (code > 0)
		err->exit = (enum hcb_exit)code;
	return r;
}

struct ab_lab *ab_lab_of(struct ab_labs *l, unsigned side)
{
	return &l->lab[side ? 1 : 0];
}

/* rest: NULL, or up to two words more. *said: what it printed, JSON; NULL: not wanted. */
static int lab_verb(const char *verb, const char *target, const char *const rest[2],
                    uint64_t limit_ns, json_t **said, struct hcb_err *err)
{
	const char *const argv[] = {
	        "/proc/self/exe",      "lab", verb, target, rest ? rest[0] : NULL,
	        rest ? rest[1] : NULL, NULL};
	struct hcb_child_opts o = {.timeout_ns = limit_ns, .quiet_fail = true};
	struct hcb_child_result res;
	char what[600];
	int r = hcb_child_run(argv, &o, &res, err);
	int code = r == 0 && WIFEXITED(res.status) ? WEXITSTATUS(res.status) : -1;
	snprintf(what, sizeof(what), "lab %s %s", verb, target);
	if (!r && code)
		r = ab_child_failed(what, &res, code, err);
	if (!r && said)
		*said = json_loads(res.out ? res.out : "", 0, NULL);
	hcb_child_result_free(&res);
	return r;
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
	return lab_verb("up", lab->target, *l->dilation ? dilated : NULL, UP_LIMIT, NULL,
	                err);
}

static void down(struct ab_lab *lab)
{
	struct hcb_err err = HCB_ERR_INIT;
	if (!lab->made)
		return;
	if (lab_verb("down", lab->name, NULL, DOWN_LIMIT, NULL, &err))
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
	return lab_verb("tunnel", l->lab[1].name, words, PATH_LIMIT, said, err);
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

json_t *ab_lab_path(const char *name)
{
	const char *const argv[] = {"/proc/self/exe", "lab", "path", name,
	                            "--json",         NULL};
	struct hcb_child_opts o = {.timeout_ns = PATH_LIMIT, .quiet_fail = true};
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	json_t *path = NULL;
	int r = hcb_child_run(argv, &o, &res, &err);
	int code = r == 0 && WIFEXITED(res.status) ? WEXITSTATUS(res.status) : -1;
	if (!r && code)
		r = ab_child_failed("the way of replication", &res, code, &err);
	if (!r)
		path = json_loads(res.out ? res.out : "", 0, NULL);
	if (r)
		hcb_warn("%s", err.msg);
	hcb_child_result_free(&res);
	return path;
}
