/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check --run: which scenarios, and where they take place. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/check_parts.h"
#include "bench/core/scenario.h"
#include "engines/ceph_conf.h"
#include "engines/target.h"

/* The stem of the file's name: what its series are called. */
static int name_test(struct check_test *t, struct hcb_err *err)
{
	const char *slash = strrchr(t->file, '/');
	const char *base = slash ? slash + 1 : t->file;
	const char *dot = strrchr(base, '.');
	size_t n = dot && dot != base ? (size_t)(dot - base) : strlen(base);
	snprintf(t->name, sizeof(t->name), "%.*s", (int)n, base);
	if (!n || n >= sizeof(t->name) ||
	    strspn(t->name, "0123456789abcdefghijklmnopqrstuvwxyz"
	                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-") != n)
		return hcb_err_usage(err,
		                     "check --run %s: its series are called after the "
		                     "file, which needs a name of letters, digits, '.', "
		                     "'_', '-'",
		                     t->file);
	return 0;
}

static int check_names(const struct check_plan *p, struct hcb_err *err)
{
	for (unsigned i = 0; i < p->tests; i++) {
		if (strcmp(p->test[i].name, "controls") == 0)
			return hcb_err_usage(err,
			                     "check --run %s: \"controls\" is what the "
			                     "controls are called",
			                     p->test[i].file);
		for (unsigned k = 0; k < i; k++)
			if (strcmp(p->test[i].name, p->test[k].name) == 0)
				return hcb_err_usage(
				        err,
				        "check --run %s: %s has the same name, and "
				        "their series would be one",
				        p->test[i].file, p->test[k].file);
	}
	return 0;
}

/* The cluster whose controls are measured is that of the first target in one. */
static void take_ceph(struct check_plan *p, const struct hcb_dev *dev)
{
	const struct hcb_ceph_conf *c = dev->conf;
	if (p->pool[0] || (strcmp(dev->engine->name, "rbd") != 0 &&
	                   strcmp(dev->engine->name, "rados") != 0))
		return;
	snprintf(p->pool, sizeof(p->pool), "%.*s", (int)strcspn(dev->address, "/"),
	         dev->address);
	memcpy(p->conf, c->conf, sizeof(p->conf));
	memcpy(p->keyring, c->keyring, sizeof(p->keyring));
	if (strcmp(c->id, "admin") != 0)
		memcpy(p->id, c->id, sizeof(p->id));
}

static int take_target(struct check_plan *p, const struct hcb_scenario *s,
                       const struct hcb_scenario_on *on, struct hcb_err *err)
{
	struct hcb_dev *dev;
	struct hcb_err found = HCB_ERR_INIT;
	int r = hcb_target_parse(on->target, &dev, &found);
	if (r)
		return hcb_err_usage(err, "%s:%d: %.400s", s->path, on->line, found.msg);
	p->models &= (dev->engine->caps & HCB_CAP_MODEL) != 0;
	take_ceph(p, dev);
	hcb_target_free(dev);
	return 0;
}

static int take_lab(struct check_plan *p, const struct hcb_scenario *s,
                    struct hcb_err *err)
{
	if (!s->cluster[0] || p->lab)
		return 0;
	if (p->lab_found[0] && strcmp(p->lab_found, s->cluster) != 0)
		return hcb_err_usage(err,
		                     "%s: its cluster is %s, another scenario's %s: a "
		                     "night is of one",
		                     s->path, s->cluster, p->lab_found);
	memcpy(p->lab_found, s->cluster, sizeof(p->lab_found));
	return 0;
}

static int take_scenario(struct check_plan *p, struct check_test *t,
                         struct hcb_scenario *s, struct hcb_err *err)
{
	const char *path = t->file;
	int r = hcb_scenario_read(path, s, err);
	r = r ? r : take_lab(p, s, err);
	t->least_ns = s->duration_ns + s->warmup_ns;
	for (unsigned i = 0; !r && i < s->n_workloads; i++)
		for (unsigned k = 0; !r && k < s->workloads[i].n_ons; k++)
			r = take_target(p, s, &s->workloads[i].ons[k], err);
	if (!r && s->n_faults)
		return hcb_err_usage(err,
		                     "%s:%d: a night's scenario breaks nothing: the "
		                     "cluster would not be fit for the next run",
		                     path, s->faults[0].line);
	return r;
}

int check_plan_scenarios(struct check_plan *p, struct hcb_err *err)
{
	struct hcb_scenario *s = malloc(sizeof(*s));
	int r = s ? 0 : hcb_err_sys(err, -ENOMEM, "check --run");
	p->models = true;
	for (unsigned i = 0; !r && i < p->tests; i++) {
		r = name_test(&p->test[i], err);
		if (!r) {
			memset(s, 0, sizeof(*s));
			r = take_scenario(p, &p->test[i], s, err);
		}
	}
	free(s);
	r = r ? r : check_names(p, err);
	if (!r && p->lab_found[0])
		p->lab = p->lab_found;
	p->models &= !p->lab;
	return r;
}
