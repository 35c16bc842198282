/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/effect.h"
#include "bench/result.h"

const char *hcb_compare_class_name(enum hcb_compare_class c)
{
	static const char *const names[] = {"workload", "environment", "cache",
	                                    "validity"};
	return names[c];
}

/* ---- what must be the same ---- */

/* Of a document, below its root. */
static const struct place {
	const char *path[4];
	enum hcb_compare_class class;
} places[] = {
        {{"run", "workload"}, HCB_COMPARE_WORKLOAD},
        {{"run", "params"}, HCB_COMPARE_WORKLOAD},
        {{"run", "loop"}, HCB_COMPARE_WORKLOAD},
        {{"run", "clock"}, HCB_COMPARE_ENVIRONMENT},
        {{"run", "dilation"}, HCB_COMPARE_ENVIRONMENT},
        {{"hcbench"}, HCB_COMPARE_ENVIRONMENT},
        {{"facts", "machine"}, HCB_COMPARE_ENVIRONMENT},
        {{"facts", "lab", "cluster"}, HCB_COMPARE_ENVIRONMENT},
        {{"facts", "lab", "network"}, HCB_COMPARE_ENVIRONMENT},
        {{"facts", "lab", "changed"}, HCB_COMPARE_ENVIRONMENT},
        {{"facts", "lab", "tunnel_held_to_us_per_packet"}, HCB_COMPARE_ENVIRONMENT},
        {{"facts", "lab", "warm"}, HCB_COMPARE_ENVIRONMENT},
};

/* Facts of a target that differ between any two runs, or that say how this one went. */
static const char *const passing[] = {
        "disturbed", "grown",     "health",      "made", "mark",
        "monitors",  "ceph_conf", "image",       "path", "loop_file",
        "device",    "seed",      "power_cuts",  "rpm",  "pool_class_used",
        "warning",   "uri",       "not_as_asked"};

static const char *const of_cache[] = {"cache",
                                       "cache_asked",
                                       "device_fua",
                                       "device_write_cache",
                                       "durability",
                                       "fua",
                                       "fua_method",
                                       "lie",
                                       "o_direct",
                                       "rbd_cache",
                                       "rbd_cache_max_dirty",
                                       "rbd_cache_max_dirty_age",
                                       "rbd_cache_policy",
                                       "rbd_cache_size",
                                       "rbd_cache_writethrough_until_flush",
                                       "rbd_persistent_cache_mode",
                                       "server_fua",
                                       "volatile"};
#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

static bool listed(const char *key, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(key, list[i]) == 0)
			return true;
	return false;
}

/* Not in results of earlier times, nor of a machine without: not known is no difference.
 */
static const char *const or_unknown[] = {"facts.machine.host"};

static bool same(const json_t *a, const json_t *b)
{
	if (json_is_null(a) || !a)
		return json_is_null(b) || !b;
	if (json_is_number(a) && json_is_number(b)) /* 20 and 20.0 */
		return json_number_value(a) == json_number_value(b);
	return json_equal(a, b);
}

/* Repetitions differ alike: one entry, which names them all. */
static json_t *noted(const json_t *out, const char *class, const char *key,
                     const json_t *a, const json_t *b)
{
	for (size_t i = 0; i < json_array_size(out); i++) {
		json_t *d = json_array_get(out, i);
		if (strcmp(json_string_value(json_object_get(d, "key")), key) == 0 &&
		    strcmp(json_string_value(json_object_get(d, "class")), class) == 0 &&
		    same(json_object_get(d, "old"), a) &&
		    same(json_object_get(d, "new"), b))
			return d;
	}
	return NULL;
}

static void note(json_t *out, enum hcb_compare_class class, const char *file,
                 const char *key, const json_t *a, const json_t *b)
{
	const char *name = hcb_compare_class_name(class);
	json_t *d = noted(out, name, key, a, b);
	if (d) {
		json_array_append_new(json_object_get(d, "files"), json_string(file));
		return;
	}
	json_array_append_new(out, json_pack("{sssss[s]soso}", "class", name, "key", key,
	                                     "files", file, "old",
	                                     a ? json_deep_copy(a) : json_null(), "new",
	                                     b ? json_deep_copy(b) : json_null()));
}

/* Leaf by leaf, so that it is one parameter that is named and not all. */
static void differ(json_t *out, enum hcb_compare_class class, const char *file,
                   const char *key, json_t *a, json_t *b)
{
	char path[256];
	const char *k;
	json_t *v;
	bool unknown = !a || json_is_null(a) || !b || json_is_null(b);
	if (same(a, b) || (unknown && listed(key, or_unknown, N_OF(or_unknown))))
		return;
	if (!json_is_object(a) || !json_is_object(b)) {
		note(out, class, file, key, a, b);
		return;
	}
	json_object_foreach(a, k, v)
	{
		snprintf(path, sizeof(path), "%.160s.%.80s", key, k);
		differ(out, class, file, path, v, json_object_get(b, k));
	}
	json_object_foreach(b, k, v)
	{
		snprintf(path, sizeof(path), "%.160s.%.80s", key, k);
		if (!json_object_get(a, k))
			differ(out, class, file, path, NULL, v);
	}
}

static void differ_fact(json_t *out, const char *file, size_t target, const char *k,
                        json_t *a, json_t *b)
{
	char key[256];
	bool cache = listed(k, of_cache, N_OF(of_cache));
	if (listed(k, passing, N_OF(passing)))
		return;
	snprintf(key, sizeof(key), "targets[%zu].facts.%s", target, k);
	differ(out, cache ? HCB_COMPARE_CACHE : HCB_COMPARE_ENVIRONMENT, file, key, a, b);
}

static void differ_target(json_t *out, const char *file, size_t i, const json_t *a,
                          const json_t *b)
{
	static const char *const of_workload[] = {"volumes", "engine"};
	const json_t *fa = json_object_get(a, "facts"), *fb = json_object_get(b, "facts");
	char key[64];
	const char *k;
	json_t *v;
	for (size_t w = 0; w < N_OF(of_workload); w++) {
		snprintf(key, sizeof(key), "targets[%zu].%s", i, of_workload[w]);
		differ(out, HCB_COMPARE_WORKLOAD, file, key,
		       json_object_get(a, of_workload[w]),
		       json_object_get(b, of_workload[w]));
	}
	json_t *ca = json_deep_copy(fa);
	json_object_foreach(ca, k, v)
	        differ_fact(out, file, i, k, v, json_object_get(fb, k));
	json_decref(ca);
	json_t *cb = json_deep_copy(fb);
	json_object_foreach(cb, k, v) if (!json_object_get(fa, k))
	        differ_fact(out, file, i, k, NULL, v);
	json_decref(cb);
}

/* What was broken on purpose, and when it was to be; how it went is a result. */
static json_t *fault_plan(const json_t *doc)
{
	const json_t *faults = json_object_get(doc, "faults");
	json_t *out = json_array();
	for (size_t i = 0; i < json_array_size(faults); i++) {
		const json_t *f = json_array_get(faults, i);
		json_array_append_new(out, json_pack("[OO]", json_object_get(f, "at_s"),
		                                     json_object_get(f, "do")));
	}
	return out;
}

static json_t *at(const json_t *doc, const char *const path[4], char *key, size_t size)
{
	json_t *v = json_object_get(doc, path[0]);
	snprintf(key, size, "%s", path[0]);
	for (int i = 1; i < 4 && path[i]; i++) {
		v = json_object_get(v, path[i]);
		size_t n = strlen(key);
		snprintf(key + n, size - n, ".%s", path[i]);
	}
	return v;
}

static void differ_docs(json_t *out, const char *file, const json_t *a, const json_t *b)
{
	char key[128];
	for (size_t i = 0; i < N_OF(places); i++) {
		json_t *old = at(a, places[i].path, key, sizeof(key));
		differ(out, places[i].class, file, key, old,
		       at(b, places[i].path, key, sizeof(key)));
	}
	json_t *fa = fault_plan(a), *fb = fault_plan(b);
	differ(out, HCB_COMPARE_WORKLOAD, file, "faults", fa, fb);
	json_decref(fa);
	json_decref(fb);
	const json_t *ta = json_object_get(a, "targets");
	const json_t *tb = json_object_get(b, "targets");
	size_t n = json_array_size(ta);
	if (json_array_size(tb) != n) {
		json_t *na = json_integer((json_int_t)n);
		json_t *nb = json_integer((json_int_t)json_array_size(tb));
		note(out, HCB_COMPARE_WORKLOAD, file, "targets", na, nb);
		json_decref(na);
		json_decref(nb);
		return;
	}
	for (size_t i = 0; i < n; i++)
		differ_target(out, file, i, json_array_get(ta, i), json_array_get(tb, i));
}

static void judge_valid(json_t *out, const char *file, const json_t *doc)
{
	const json_t *v = json_object_get(doc, "validity");
	const json_t *verdict = json_object_get(v, "verdict");
	const char *s = json_string_value(verdict);
	if (!s || strcmp(s, "INVALID") == 0)
		note(out, HCB_COMPARE_VALIDITY, file, "validity.verdict", NULL, verdict);
	if (json_is_true(json_object_get(doc, "partial")))
		note(out, HCB_COMPARE_VALIDITY, file, "partial", NULL,
		     json_object_get(doc, "partial"));
}

/* Everything is held against the first of the old ones. */
static json_t *differences(const struct hcb_compare_side *old,
                           const struct hcb_compare_side *new_)
{
	json_t *out = json_array();
	for (size_t i = 0; i < old->n + new_->n; i++) {
		bool is_new = i >= old->n;
		const struct hcb_compare_side *s = is_new ? new_ : old;
		size_t k = is_new ? i - old->n : i;
		judge_valid(out, s->names[k], s->docs[k]);
		if (i)
			differ_docs(out, s->names[k], old->docs[0], s->docs[k]);
	}
	return out;
}

/* ---- what is compared ---- */

static const json_t *transaction(const json_t *doc, const char *name)
{
	const json_t *list = json_object_get(doc, "transactions");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *tx = json_array_get(list, i);
		const char *s = json_string_value(json_object_get(tx, "name"));
		if (s && strcmp(s, name) == 0)
			return tx;
	}
	return NULL;
}

static size_t values(const struct hcb_compare_side *s, const char *name,
                     const struct hcb_metric *m, double *out)
{
	size_t n = s->n < HCB_EFFECT_MAX ? s->n : HCB_EFFECT_MAX;
	for (size_t i = 0; i < n; i++)
		out[i] = hcb_metric_of(transaction(s->docs[i], name), m);
	return n;
}

static json_t *metrics(const struct hcb_compare_side *old,
                       const struct hcb_compare_side *new_, const char *name)
{
	json_t *out = json_array();
	for (const struct hcb_metric *m = hcb_metrics; m->key; m++) {
		double x[HCB_EFFECT_MAX], y[HCB_EFFECT_MAX];
		struct hcb_effect e;
		if (m->more_is_better && (hcb_metric_offered(old->docs[0]) ||
		                          hcb_metric_offered(new_->docs[0])))
			continue; /* what was offered is no result */
		size_t n = values(old, name, m, x), k = values(new_, name, m, y);
		hcb_effect_apart(x, n, y, k, m->more_is_better, &e);
		json_array_append_new(out, hcb_effect_json(m, &e, "more_runs"));
	}
	return out;
}

static json_t *side_json(const struct hcb_compare_side *s)
{
	json_t *files = json_array(), *ids = json_array();
	const json_t *run = json_object_get(s->docs[0], "run");
	unsigned unsteady = 0;
	for (size_t i = 0; i < s->n; i++) {
		const json_t *v = json_object_get(s->docs[i], "validity");
		const char *text = json_string_value(json_object_get(v, "verdict"));
		json_array_append_new(files, json_string(s->names[i]));
		json_array_append(
		        ids, json_object_get(json_object_get(s->docs[i], "run"), "id"));
		unsteady += text && strcmp(text, "UNSTEADY") == 0;
	}
	return json_pack("{sososisOsO}", "files", files, "run_ids", ids, "unsteady",
	                 (int)unsteady, "workload", json_object_get(run, "workload"),
	                 "command", json_object_get(run, "command"));
}

static bool refuses(const json_t *differences, unsigned despite)
{
	for (size_t i = 0; i < json_array_size(differences); i++) {
		const char *s = json_string_value(
		        json_object_get(json_array_get(differences, i), "class"));
		for (unsigned c = 0; c < HCB_COMPARE_CLASSES; c++)
			if (!(despite & 1u << c) &&
			    strcmp(s, hcb_compare_class_name(c)) == 0)
				return true;
	}
	return false;
}

json_t *hcb_compare(const struct hcb_compare_side *old,
                    const struct hcb_compare_side *new_, unsigned despite, bool *refused)
{
	json_t *doc = hcb_json_document("compare", false);
	json_t *diff = differences(old, new_), *list = json_array();
	const json_t *txs = json_object_get(old->docs[0], "transactions");
	*refused = refuses(diff, despite);
	for (size_t i = 0; !*refused && i < json_array_size(txs); i++) {
		const char *name = json_string_value(
		        json_object_get(json_array_get(txs, i), "name"));
		if (name && transaction(new_->docs[0], name))
			json_array_append_new(list,
			                      json_pack("{ssso}", "name", name, "metrics",
			                                metrics(old, new_, name)));
	}
	json_object_set_new(doc, "compare",
	                    json_pack("{sososbsf}", "old", side_json(old), "new",
	                              side_json(new_), "refused", *refused, "margin",
	                              HCB_EFFECT_MARGIN));
	json_object_set_new(doc, "differences", diff);
	json_object_set_new(doc, "transactions", list);
	return doc;
}
