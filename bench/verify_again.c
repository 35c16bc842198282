/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/verify_again.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/result.h"
#include "bench/verify_document.h"
#include "bench/verify_read.h"
#include "engines/target.h"

#define DEPTH 64u

struct again {
	const struct hcb_verify_again *a;
	struct hcb_clock clock;
	struct hcb_verify_outcome out;
	json_t *targets;
};

/* --- which target ----------------------------------------------------------------------
 */

static bool holds(const struct hcb_verify_config *c, unsigned d, const char *volume)
{
	for (unsigned i = 0; i < c->n_regions; i++)
		if (c->region[i].dev == d && strcmp(c->region[i].name, volume) == 0)
			return true;
	return false;
}

static bool known(const struct hcb_verify_config *c, const char *volume)
{
	for (unsigned d = 0; d < c->n_targets; d++)
		if (holds(c, d, volume))
			return true;
	return false;
}

/* A volume that is told a new place takes those beside it along: they share a target. */
static int rename_targets(const struct hcb_verify_again *a, struct hcb_err *err)
{
	const struct hcb_verify_config *c = hcb_verify_config(a->books);
	for (unsigned i = 0; i < a->n_on; i++) {
		const struct hcb_binding *b = &a->on[i];
		bool all = strcmp(b->volume, "all") == 0;
		if (all && c->n_targets > 1 && !known(c, "all"))
			return hcb_err_usage(
			        err,
			        "--on all=...: the run had %u targets; name a "
			        "volume of each",
			        c->n_targets);
		if (!all && !known(c, b->volume))
			return hcb_err_usage(err,
			                     "--on %s=...: the run had no such volume",
			                     b->volume);
		for (unsigned d = 0; d < c->n_targets; d++)
			if ((holds(c, d, b->volume) || (all && c->n_targets == 1)) &&
			    !hcb_verify_rename(a->books, d, b->target))
				return hcb_err_usage(err, "--on %s=...: too long",
				                     b->volume);
	}
	return 0;
}

/* --- one target
 * -------------------------------------------------------------------------- */

/* Nothing is made: what is missing is missing. */
static int make_nothing(struct hcb_dev *dev, struct hcb_err *err)
{
	if (!hcb_opt_find(dev->engine->opts, "make"))
		return 0;
	return hcb_opt_set(dev->engine->opts, dev->conf, "verify", "make", "off", err);
}

static int open_target(struct again *g, unsigned d, struct hcb_dev **out,
                       struct hcb_err *err)
{
	const struct hcb_verify_config *c = hcb_verify_config(g->a->books);
	const struct hcb_surroundings *s = g->a->around;
	int r = hcb_target_parse(c->target[d].text, out, err);
	if (r)
		return r;
	struct hcb_dev *dev = *out;
	dev->clock = &g->clock;
	dev->depth = DEPTH;
	dev->max_len = 1 << 20;
	dev->deadline_ns = g->a->deadline_ns;
	dev->want_bytes = c->target[d].bytes;
	dev->read_only = true;
	if (s && s->prepare)
		r = s->prepare(s->arg, dev, err);
	r = r ? r : make_nothing(dev, err);
	r = r ? r : hcb_target_open(dev, err);
	if (!r && !(dev->caps & HCB_CAP_STORES)) {
		hcb_target_close(dev);
		r = hcb_err_usage(err, "%s: keeps no data, so there is nothing to verify",
		                  dev->target);
	}
	return r;
}

static void describe(struct again *g, const struct hcb_dev *dev)
{
	json_t *facts = json_object();
	struct hcb_kvs k = {facts};
	hcb_opt_to_json(dev->engine->opts, dev->conf, facts);
	hcb_kvs_u64(&k, "size_bytes", dev->size_bytes);
	dev->engine->describe(dev, &k);
	json_array_append_new(g->targets,
	                      json_pack("{sssssO}", "target", dev->target, "engine",
	                                dev->engine->name, "facts", facts));
	json_decref(facts);
}

/* Reads one target back. That it could not be read to its end is told in g->out. */
static int read_target(struct again *g, unsigned d, struct hcb_err *err)
{
	const struct hcb_verify_reader reader = {
	        .books = g->a->books,
	        .clock = &g->clock,
	        .stall_ns = g->a->stall_ns,
	        .signal_seen = g->a->signal_seen,
	        .progress = g->a->progress,
	};
	struct hcb_err why = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	int r = open_target(g, d, &dev, err);
	if (!r) {
		g->out.complete = hcb_verify_read(&reader, d, dev, &why) == 0;
		snprintf(g->out.why, sizeof(g->out.why), "%s", why.msg);
		describe(g, dev);
		hcb_target_close(dev);
	}
	hcb_target_free(dev);
	return r;
}

/* --- all of it
 * --------------------------------------------------------------------------- */

static int set_timing(const struct hcb_verify_again *a, bool on, struct hcb_err *err)
{
	const struct hcb_surroundings *s = a->around;
	return s && s->prefilling ? s->prefilling(s->arg, !on, err) : 0;
}

static int read_all(struct again *g, struct hcb_err *err)
{
	struct hcb_err second = HCB_ERR_INIT;
	int r = set_timing(g->a, false, err);
	g->out.complete = true;
	for (unsigned d = 0; d < hcb_verify_config(g->a->books)->n_targets; d++)
		if (!r && g->out.complete)
			r = read_target(g, d, err);
	if (set_timing(g->a, true, &second))
		hcb_warn("%s", second.msg);
	return r;
}

static json_t *document(struct again *g)
{
	json_t *doc = hcb_json_document("verify", !g->out.complete);
	struct hcb_kvs facts = {json_object()};
	json_object_set_new(doc, "run", json_deep_copy(g->a->about));
	json_object_set_new(doc, "verify", hcb_verify_json(g->a->books, &g->out, false));
	json_object_set_new(doc, "targets", g->targets);
	hcb_kvs_json(&facts, "machine", hcb_json_machine());
	if (g->a->around && g->a->around->describe)
		g->a->around->describe(g->a->around->arg, &facts);
	json_object_set_new(doc, "facts", facts.obj);
	return doc;
}

static int exit_code_of(const struct again *g)
{
	if (hcb_verify_wrong(g->a->books))
		return HCB_EXIT_FAILED;
	if (g->out.complete)
		return HCB_EXIT_OK;
	return g->a->signal_seen && *g->a->signal_seen ? 128 + (int)*g->a->signal_seen
	                                               : HCB_EXIT_FAILED;
}

int hcb_verify_again(const struct hcb_verify_again *a, json_t **doc, int *exit_code,
                     struct hcb_err *err)
{
	struct again g = {.a = a, .out = {.asked = true}};
	*doc = NULL;
	int r = rename_targets(a, err);
	if (r)
		return r;
	g.out.log = a->log;
	g.targets = json_array();
	hcb_clock_init_real(&g.clock, a->dilation);
	hcb_verify_allow_rollback(a->books);
	r = read_all(&g, err);
	if (r) {
		json_decref(g.targets);
		return r;
	}
	*doc = document(&g);
	*exit_code = exit_code_of(&g);
	return 0;
}
