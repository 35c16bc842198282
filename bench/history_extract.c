/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/history_extract.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "bench/core/opt.h"
#include "bench/result.h"
#include "workloads/workload.h"

/* ---- which facts make the environment ---- */

/* Of a target, whatever its engine. */
static const char *const target_facts[] = {
        "size_bytes",
        "fua_method",
        "profile",
        "cache",
        "filled",
        "slow",
        "timing",
        "volatile",
        "file_system",
        "o_direct",
        "device_model",
        "device_serial",
        "device_rotational",
        "device_write_cache",
        "logical_block_bytes",
        "physical_block_bytes",
        "protocol",
        "export_bytes",
        "object_bytes",
        "pool_size",
        "pool_min_size",
        "pool_crush_rule",
        "pool_erasure_code_profile",
        "pool_device_class",
        "cache_asked",
        "rbd_cache",
        "rbd_cache_policy",
};
/* Named when a change is looked for. */
static const char *const target_details[] = {
        "ceph_version",   "client_version",   "pool_pg_num",       "image_features",
        "rbd_cache_size", "device_scheduler", "device_fua",        "libnbd_version",
        "exclusive_lock", "stripe_count",     "stripe_unit_bytes",
};
static const char *const machine_facts[] = {"cpu", "cpus", "host"};
/* Software is no environment: an upgrade must be judged by the nights before it. */
static const char *const machine_details[] = {"system", "kernel"};
static const char *const lab_facts[] = {"cluster", "network", "dilation", "changed",
                                        "tunnel_held_to_us_per_packet"};
static const char *const disk_facts[] = {"osd",   "system", "profile",
                                         "cache", "filled", "size_bytes"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void take(json_t *to, const json_t *from, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		json_t *v = json_object_get(from, keys[i]);
		if (v && !json_is_null(v))
			json_object_set(to, keys[i], v);
	}
}

static json_t *target_part(const json_t *t, bool lab)
{
	const json_t *facts = json_object_get(t, "facts");
	json_t *o = json_object();
	static const char *const own[] = {"volumes", "engine"};
	take(o, t, own, COUNT(own));
	take(o, facts, target_facts, COUNT(target_facts));
	/* Which cluster it is. A lab's are made up anew each time. */
	if (!lab && json_is_string(json_object_get(facts, "monitors")))
		json_object_set(o, "monitors", json_object_get(facts, "monitors"));
	return o;
}

static json_t *lab_part(const json_t *lab)
{
	json_t *o = json_object(), *disks = json_array();
	size_t i;
	json_t *d;
	take(o, lab, lab_facts, COUNT(lab_facts));
	json_array_foreach(json_object_get(lab, "disks"), i, d)
	{
		json_t *part = json_object();
		take(part, d, disk_facts, COUNT(disk_facts));
		json_array_append_new(disks, part);
	}
	json_object_set_new(o, "disks", disks);
	return o;
}

static void read_environment(const json_t *doc, struct hcb_history_doc *out)
{
	const json_t *facts = json_object_get(doc, "facts");
	const json_t *machine = json_object_get(facts, "machine");
	const json_t *lab = json_object_get(facts, "lab");
	json_t *targets = json_array(), *details = json_array(), *m = json_object(), *t;
	size_t i;
	out->fingerprint = json_object();
	out->details = json_object();
	json_array_foreach(json_object_get(doc, "targets"), i, t)
	{
		json_t *part = json_object();
		json_array_append_new(targets, target_part(t, json_is_object(lab)));
		take(part, json_object_get(t, "facts"), target_details,
		     COUNT(target_details));
		json_array_append_new(details, part);
	}
	json_object_set_new(out->fingerprint, "targets", targets);
	json_object_set_new(out->details, "targets", details);
	json_t *software = json_object();
	take(software, machine, machine_details, COUNT(machine_details));
	json_object_set_new(out->details, "machine", software);
	take(m, machine, machine_facts, COUNT(machine_facts));
	/* What the firmware keeps for itself varies by some MiB from boot to boot. */
	double gib =
	        json_number_value(json_object_get(machine, "memory_bytes")) / 1073741824;
	if (gib > 0)
		json_object_set_new(m, "memory_gib",
		                    json_integer((json_int_t)(gib + 0.5)));
	json_object_set_new(out->fingerprint, "machine", m);
	json_object_set_new(out->fingerprint, "schema", json_integer(out->schema));
	if (json_is_object(lab))
		json_object_set_new(out->fingerprint, "lab", lab_part(lab));
	const json_t *given = json_object_get(json_object_get(doc, "history"), "facts");
	if (json_object_size(given))
		json_object_set_new(out->fingerprint, "given", json_deep_copy(given));
	json_object_set_new(out->details, "hcbench", json_string(out->version));
}

/* ---- the workload ---- */

/* A parameter that came later, at its default, says what was so before it: else each new
   one would begin every series anew. Of a mix they stay, part by part. */
static void drop_later(const char *type, json_t *params)
{
	struct hcb_err none = HCB_ERR_INIT;
	const struct hcb_workload *wl = type ? hcb_workload_find(type, &none) : NULL;
	void *conf = wl && json_is_object(params) ? calloc(1, wl->conf_size) : NULL;
	json_t *defaults = json_object();
	if (conf) {
		hcb_opt_defaults(wl->opts, conf);
		hcb_opt_to_json(wl->opts, conf, defaults);
	}
	for (const struct hcb_opt *o = conf ? wl->opts : NULL; o && o->name; o++) {
		const json_t *is = json_object_get(params, o->name);
		if (o->later && is && json_equal(is, json_object_get(defaults, o->name)))
			json_object_del(params, o->name);
	}
	json_decref(defaults);
	free(conf);
}

static void read_workload(const json_t *doc, struct hcb_history_doc *out)
{
	static const char *const keys[] = {"workload", "params", "clock", "dilation",
	                                   "loop"};
	const json_t *run = json_object_get(doc, "run");
	const char *given = str(json_object_get(doc, "history"), "name");
	const char *type = str(run, "workload");
	out->workload = json_object();
	take(out->workload, run, keys, COUNT(keys));
	json_t *params = json_deep_copy(json_object_get(run, "params"));
	drop_later(type, params);
	if (params)
		json_object_set_new(out->workload, "params", params);
	json_object_set_new(out->workload, "kind", json_string(out->kind));
	if (given)
		json_object_set_new(out->workload, "name", json_string(given));
	snprintf(out->name, sizeof(out->name), "%s",
	         given ? given : (type ? type : out->kind));
}

/* ---- metrics ---- */

static const struct {
	const char *name, *key, *unit;
	bool more_is_better, percentile;
	int closed, open; /* rank as gated in each loop */
} of_transaction[] = {
        {"rate", "rate_per_s", "1/s", true, false, 0, -1},
        {"p50", "p50", "ns", false, true, 1, 1},
        {"p99", "p99", "ns", false, true, 2, 2},
        {"p95", "p95", "ns", false, true, -1, -1},
        {"p999", "p999", "ns", false, true, -1, -1},
        {"mean", "mean", "ns", false, true, -1, -1},
};
#define OF_TRANSACTION COUNT(of_transaction)

static const json_t *transaction_value(const json_t *tx, size_t k)
{
	const json_t *from =
	        of_transaction[k].percentile ? json_object_get(tx, "response_ns") : tx;
	return json_object_get(from, of_transaction[k].key);
}

static const json_t *transaction_of(const json_t *block, const char *name)
{
	size_t i;
	json_t *tx;
	json_array_foreach(json_object_get(block, "transactions"), i, tx)
	{
		const char *n = str(tx, "name");
		if (n && strcmp(n, name) == 0)
			return tx;
	}
	return NULL;
}

static double real_or_nan(const json_t *v)
{
	return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

static void add_block(struct hcb_history_metric *m, const json_t *v)
{
	if (json_is_number(v) && isfinite(json_number_value(v)))
		m->block[m->n_blocks++] = json_number_value(v);
}

/* Room for one more metric and its blocks; NULL without memory. */
static struct hcb_history_metric *new_metric(struct hcb_history_doc *out, size_t blocks)
{
	struct hcb_history_metric *m =
	        realloc(out->metric, (out->n_metrics + 1) * sizeof(*m));
	if (!m)
		return NULL;
	out->metric = m;
	m += out->n_metrics;
	memset(m, 0, sizeof(*m));
	m->value = (double)NAN;
	m->block = calloc(blocks ? blocks : 1, sizeof(*m->block));
	if (!m->block)
		return NULL;
	out->n_metrics++;
	return m;
}

static int read_transaction(const json_t *doc, const json_t *tx, bool headline,
                            struct hcb_history_doc *out)
{
	const json_t *blocks = json_object_get(doc, "blocks");
	const char *name = str(tx, "name"),
	           *loop = str(json_object_get(doc, "run"), "loop");
	bool open = loop && strcmp(loop, "open") == 0;
	for (size_t k = 0; name && k < OF_TRANSACTION; k++) {
		struct hcb_history_metric *m = new_metric(out, json_array_size(blocks));
		if (!m)
			return -ENOMEM;
		snprintf(m->name, sizeof(m->name), "%.40s.%s", name,
		         of_transaction[k].name);
		snprintf(m->unit, sizeof(m->unit), "%s", of_transaction[k].unit);
		m->more_is_better = of_transaction[k].more_is_better;
		m->rank = !headline ? -1
		          : open    ? of_transaction[k].open
		                    : of_transaction[k].closed;
		m->value = real_or_nan(transaction_value(tx, k));
		const char *why =
		        str(json_object_get(tx, "null_because"), of_transaction[k].key);
		if (isnan(m->value))
			snprintf(m->why, sizeof(m->why), "%s", why ? why : "no value");
		size_t i;
		json_t *b;
		json_array_foreach(blocks, i, b)
		{
			const char *v = str(b, "validity");
			if (!v || strcmp(v, "INVALID") != 0)
				add_block(m,
				          transaction_value(transaction_of(b, name), k));
		}
	}
	return 0;
}

/* Of an open loop, what was carried: with the load held up it is the offered rate, and
   the day it is not is the day to know of. Blocks have none of their own. */
static int read_achieved(const json_t *doc, struct hcb_history_doc *out)
{
	const json_t *run = json_object_get(doc, "run");
	const char *loop = str(run, "loop");
	if (!loop || strcmp(loop, "open") != 0)
		return 0;
	struct hcb_history_metric *m = new_metric(out, 0);
	if (!m)
		return -ENOMEM;
	snprintf(m->name, sizeof(m->name), "achieved");
	snprintf(m->unit, sizeof(m->unit), "1/s");
	m->more_is_better = true;
	m->rank = 0;
	m->value = real_or_nan(json_object_get(run, "achieved_per_s"));
	return 0;
}

static int read_given(const json_t *metrics, const char *where,
                      struct hcb_history_doc *out, struct hcb_err *err)
{
	size_t i;
	json_t *g, *v;
	json_array_foreach(metrics, i, g)
	{
		const char *name = str(g, "name"), *unit = str(g, "unit"),
		           *dir = str(g, "direction");
		bool more = dir && strcmp(dir, "higher") == 0;
		size_t k;
		const json_t *samples = json_object_get(g, "samples");
		if (!name || !*name || !unit || !dir ||
		    (!more && strcmp(dir, "lower") != 0))
			return hcb_err_usage(err,
			                     "read %s: metric %zu: expected name, unit "
			                     "and direction \"higher\" or \"lower\"",
			                     where, i + 1);
		struct hcb_history_metric *m = new_metric(out, json_array_size(samples));
		if (!m)
			return -ENOMEM;
		snprintf(m->name, sizeof(m->name), "%s", name);
		snprintf(m->unit, sizeof(m->unit), "%s", unit);
		m->more_is_better = more;
		m->rank = 0;
		m->value = real_or_nan(json_object_get(g, "value"));
		json_array_foreach(samples, k, v) add_block(m, v);
		if (isnan(m->value))
			snprintf(m->why, sizeof(m->why), "no value");
	}
	return 0;
}

static int read_metrics(const json_t *doc, const char *where, struct hcb_history_doc *out,
                        struct hcb_err *err)
{
	const json_t *given = json_object_get(doc, "metrics");
	size_t i;
	json_t *tx;
	int r = 0;
	if (strcmp(out->kind, "run") == 0) {
		r = read_achieved(doc, out);
		json_array_foreach(json_object_get(doc, "transactions"), i, tx)
		{
			r = r ? r : read_transaction(doc, tx, i == 0, out);
		}
	} else if (json_is_array(given)) {
		r = read_given(given, where, out, err);
	}
	if (r == -ENOMEM)
		return hcb_err_sys(err, r, "read %s", where);
	if (!r && !out->n_metrics)
		return hcb_err_usage(err,
		                     "read %s: a result of kind \"%s\" without metrics "
		                     "has no place in the history",
		                     where, out->kind);
	return r;
}

/* ---- may it be used? ---- */

static void read_validity(const json_t *doc, struct hcb_history_doc *out)
{
	const json_t *v = json_object_get(doc, "validity");
	const char *verdict = str(v, "verdict");
	const char *reason =
	        json_string_value(json_array_get(json_object_get(v, "reasons"), 0));
	const char *given = str(json_object_get(doc, "history"), "invalid");
	size_t i;
	json_t *t;
	out->partial = !json_is_false(json_object_get(doc, "partial"));
	out->unsteady = verdict && strcmp(verdict, "UNSTEADY") == 0;
	if (out->partial) {
		snprintf(out->invalid, sizeof(out->invalid), "partial");
	} else if (verdict && strcmp(verdict, "INVALID") == 0) {
		snprintf(out->invalid, sizeof(out->invalid), "%s",
		         reason ? reason : "INVALID");
	} else if (!verdict && strcmp(out->kind, "run") == 0) {
		snprintf(out->invalid, sizeof(out->invalid), "no verdict in it");
	} else if (given) {
		snprintf(out->invalid, sizeof(out->invalid), "%s", given);
	}
	/* UNSTEADY may be the very slowdown that is looked for, and is used; not so if
	   somebody else was at work on the disks. */
	json_array_foreach(json_object_get(doc, "targets"), i, t)
	{
		const json_t *facts = json_object_get(t, "facts");
		const char *why = str(facts, "not_as_asked");
		why = why ? why : str(facts, "disturbed");
		if (why && !out->invalid[0])
			snprintf(out->invalid, sizeof(out->invalid), "%s", why);
	}
}

/* ---- all of it ---- */

int hcb_history_extract(const json_t *doc, const char *where, struct hcb_history_doc *out,
                        struct hcb_err *err)
{
	const json_t *run = json_object_get(doc, "run");
	const char *kind = str(doc, "kind"), *version = str(doc, "hcbench"),
	           *id = str(run, "id");
	memset(out, 0, sizeof(*out));
	out->schema = (int)json_integer_value(json_object_get(doc, "schema"));
	if (!kind || !version || !json_is_integer(json_object_get(doc, "schema")))
		return hcb_err_usage(err, "read %s: no result of hcbench", where);
	if (out->schema != HCB_RESULT_SCHEMA)
		return hcb_err_usage(err, "read %s: schema %d, this build reads %d",
		                     where, out->schema, HCB_RESULT_SCHEMA);
	if (!id || !*id || strlen(id) >= sizeof(out->id) ||
	    strspn(id,
	           "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") !=
	            strlen(id))
		return hcb_err_usage(err, "read %s: its run has no id", where);
	snprintf(out->id, sizeof(out->id), "%s", id);
	snprintf(out->kind, sizeof(out->kind), "%s", kind);
	snprintf(out->version, sizeof(out->version), "%s", version);
	const char *started = str(run, "started");
	out->started = started ? hcb_history_time(started) : -1;
	if (started && out->started < 0)
		return hcb_err_usage(err, "read %s: run.started \"%.40s\" is no time",
		                     where, started);
	out->duration_s = json_number_value(json_object_get(run, "duration_s"));
	read_validity(doc, out);
	read_workload(doc, out);
	read_environment(doc, out);
	hcb_history_hash(out->workload, out->workload_hash);
	hcb_history_hash(out->fingerprint, out->fingerprint_hash);
	int r = read_metrics(doc, where, out, err);
	if (r)
		hcb_history_doc_free(out);
	return r;
}

void hcb_history_doc_free(struct hcb_history_doc *d)
{
	for (size_t i = 0; i < d->n_metrics; i++)
		free(d->metric[i].block);
	free(d->metric);
	json_decref(d->workload);
	json_decref(d->fingerprint);
	json_decref(d->details);
	memset(d, 0, sizeof(*d));
}

void hcb_history_hash(const json_t *value, char out[HCB_HISTORY_HASH])
{
	char *text = json_dumps(value, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY |
	                                       JSON_REAL_PRECISION(17));
	uint64_t h = text ? XXH3_64bits(text, strlen(text)) : 0;
	snprintf(out, HCB_HISTORY_HASH, "%016llx", (unsigned long long)h);
	free(text);
}

void hcb_history_key(const struct hcb_history_doc *d, const struct hcb_history_metric *m,
                     char out[HCB_HISTORY_HASH])
{
	char text[160];
	int n = snprintf(text, sizeof(text), "%s\n%s\n%d\n%s\n%s", m->name, m->unit,
	                 m->more_is_better, d->workload_hash, d->fingerprint_hash);
	snprintf(out, HCB_HISTORY_HASH, "%016llx",
	         (unsigned long long)XXH3_64bits(text, (size_t)n));
}

enum hcb_gate_kind hcb_history_kind(const char *metric, bool more_is_better)
{
	const char *dot = strrchr(metric, '.');
	if (more_is_better)
		return HCB_GATE_THROUGHPUT;
	/* Tails are louder than the middle. */
	return dot && dot[1] == 'p' && strcmp(dot, ".p50") != 0 ? HCB_GATE_P99
	                                                        : HCB_GATE_P50;
}

int64_t hcb_history_time(const char *text)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return end && !*end ? (int64_t)timegm(&tm) : -1;
}

void hcb_history_night_of(int64_t t, char out[16])
{
	time_t at = (time_t)t;
	struct tm tm;
	localtime_r(&at, &tm);
	if (tm.tm_hour < 12) {
		tm.tm_mday--;
		tm.tm_hour = 12; /* mktime may move an hour that a day does not have */
		tm.tm_isdst = -1;
		mktime(&tm);
	}
	strftime(out, 16, "%Y-%m-%d", &tm);
}
