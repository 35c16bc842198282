/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/probe_document.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench/core/units.h"
#include "bench/probe_evidence.h"
#include "bench/result.h"

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static json_t *real_or_null(double v)
{
	return v >= 0 ? json_real(v) : json_null();
}

static const json_t *tx_of(const struct hcb_probe_found *f, unsigned k)
{
	return hcb_json_find(json_object_get(f->runs[k], "transactions"), "name",
	                     hcb_probe_phases[k].durable ? "durable" : "io");
}

static const json_t *facts_of(const struct hcb_probe_found *f)
{
	const json_t *targets = json_object_get(f->runs[HCB_PROBE_STREAM], "targets");
	return json_object_get(json_array_get(targets, 0), "facts");
}

/* ---- what was measured ---- */

static json_t *measured(const struct hcb_probe_found *f)
{
	json_t *list = json_array();
	for (unsigned k = 0; k < HCB_N_PROBE; k++) {
		const struct hcb_probe_phase *ph = &hcb_probe_phases[k];
		const json_t *run = json_object_get(f->runs[k], "run");
		const json_t *params = json_object_get(run, "params");
		const json_t *tx = tx_of(f, k);
		double per_s = number(tx, "rate_per_s"), bs = number(params, "bs_bytes");
		if (!tx)
			continue;
		json_array_append_new(
		        list,
		        json_pack("{ss ss sO sO sO sf sf sO sO sO}", "name", ph->name,
		                  "what", ph->what, "op_bytes",
		                  json_object_get(params, "bs_bytes"), "depth",
		                  json_object_get(params, "depth"), "count",
		                  json_object_get(tx, "count"), "per_s", per_s,
		                  "bytes_per_s", per_s * bs, "measured_s",
		                  json_object_get(run, "measured_s"), "held",
		                  json_object_get(json_object_get(f->runs[k], "totals"),
		                                  "held"),
		                  "latency_ns", json_object_get(tx, "service_ns")));
	}
	return list;
}

/* ---- what bounds it ---- */

static void see(const struct hcb_probe_found *f, unsigned k, struct hcb_probe_seen *seen,
                struct hcb_bound *bound)
{
	const struct hcb_probe_facts facts = {
	        .run = f->runs[k],
	        .pool = f->target->kind == HCB_PROBE_POOL,
	        .osds = f->osds,
	        .paths = f->paths,
	        .one_by_one = hcb_probe_phases[k].one_by_one,
	        .durable = hcb_probe_phases[k].durable,
	        .cap_bytes_per_s = (double)f->plan->cap_bytes_per_s,
	};
	hcb_probe_see(&facts, seen);
	hcb_probe_judge(seen, bound);
}

static json_t *bound_json(const struct hcb_probe_seen *e, const struct hcb_bound *b,
                          const char *what)
{
	char text[400];
	hcb_probe_sentence(e, b, what, text, sizeof(text));
	return json_pack(
	        "{ss ss ss so so so so so so so so so so so so so}", "resource",
	        hcb_resource_key(b->resource), "nearest", hcb_resource_key(b->next),
	        "text", text, "op_ns", real_or_null(e->op_ns), "flush_ns",
	        real_or_null(e->flush_ns), "disk_ns", real_or_null(e->disk_ns),
	        "network_ns", real_or_null(e->network_ns), "software_ns",
	        real_or_null(e->software_ns), "rest_ns", real_or_null(b->rest_ns),
	        "slow_osd", e->slow_osd < 0 ? json_null() : json_integer(e->slow_osd),
	        "disk_busy", real_or_null(e->disk_busy), "busy_osd",
	        e->busy_osd < 0 ? json_null() : json_integer(e->busy_osd), "port_busy",
	        real_or_null(e->port_busy), "port",
	        e->port_busy < 0 ? json_null() : json_string(e->port), "port_bytes_per_s",
	        e->port_busy < 0 ? json_null() : json_real(e->port_capacity), "host_busy",
	        real_or_null(e->host_busy));
}

static json_t *bounds(const struct hcb_probe_found *f)
{
	static const char *const what[] = {
	        [HCB_PROBE_COMMIT] = "a flushed 8 KiB write",
	        [HCB_PROBE_COMMITS] = "one of 16 flushed 8 KiB writes",
	        [HCB_PROBE_STREAM] = "1 MiB",
	};
	struct hcb_probe_seen seen[3];
	struct hcb_bound bound[3];
	char text[800];
	for (unsigned k = 0; k < 3; k++)
		see(f, k, &seen[k], &bound[k]);
	hcb_probe_summary(&seen[HCB_PROBE_COMMIT], &bound[HCB_PROBE_COMMIT],
	                  &seen[HCB_PROBE_STREAM], &bound[HCB_PROBE_STREAM], text,
	                  sizeof(text));
	enum hcb_resource head =
	        hcb_probe_headline(&bound[HCB_PROBE_COMMIT], &bound[HCB_PROBE_STREAM]);
	json_t *o =
	        json_pack("{ss ss}", "resource", hcb_resource_key(head), "text", text);
	for (unsigned k = 0; k < 3; k++)
		json_object_set_new(o, hcb_probe_phases[k].name,
		                    bound_json(&seen[k], &bound[k], what[k]));
	return o;
}

/* ---- fsyncs ---- */

static void hide(json_t *list, const char *text)
{
	json_array_append_new(list, json_string(text));
}

static void hide_numbers(const struct hcb_probe_found *f, json_t *list)
{
	char text[300], a[32], b[32];
	const json_t *one = tx_of(f, HCB_PROBE_COMMIT),
	             *many = tx_of(f, HCB_PROBE_COMMITS);
	const json_t *lat = json_object_get(one, "service_ns");
	if (json_is_number(json_object_get(lat, "p95"))) {
		snprintf(text, sizeof(text),
		         "it is a mean: one in twenty took over %s, the slowest %s",
		         hcb_fmt_ns(a, sizeof(a), number(lat, "p95")),
		         hcb_fmt_ns(b, sizeof(b), number(lat, "max")));
		hide(list, text);
	}
	if (many) {
		snprintf(text, sizeof(text),
		         "one writer: 16 at once make %.0f a second together",
		         number(many, "rate_per_s"));
		hide(list, text);
	}
}

/* Whose disk the figure is about. pveperf's manual asks for more than 200. */
static json_t *hides(const struct hcb_probe_found *f)
{
	json_t *list = json_array();
	hide_numbers(f, list);
	if (f->target->kind == HCB_PROBE_POOL) {
		hide(list, "pveperf on a node times that node's own disk, not the pool: "
		           "the system disk, unless it is given another directory");
		hide(list,
		     "in a guest each fsync commits its file system's journal too, two "
		     "or three such writes one after the other: it counts fewer");
	} else if (!f->fsyncs.n) {
		hide(list,
		     "pveperf times a file system, and with each fsync the commit of "
		     "its journal: it counts fewer");
	}
	hide(list,
	     "Proxmox asks for over 200; a 7200 rpm disk turns 120 times a second: "
	     "more than that from one disk is a cache that answers for it, and safe "
	     "only if it survives a power cut");
	return list;
}

static json_t *fsyncs(const struct hcb_probe_found *f)
{
	const json_t *tx = tx_of(f, HCB_PROBE_COMMIT);
	bool counted = f->fsyncs.n > 0 && f->fsyncs.ns > 0;
	double per_s = counted ? (double)f->fsyncs.n * 1e9 / (double)f->fsyncs.ns
	                       : number(tx, "rate_per_s");
	if (!counted && !tx)
		return json_null();
	return json_pack("{sf sb ss so}", "per_s", per_s, "counted", counted, "how",
	                 counted ? "as pveperf counts them: a file cut to nothing, 4001 "
	                           "bytes, fsync, over and over"
	                         : "the flushed 8 KiB writes, one at a time",
	                 "hides", hides(f));
}

/* ---- the OSDs ---- */

static double osd_mean(const struct hcb_probe_found *f, unsigned k, json_int_t id,
                       const char *group, const char *name)
{
	return hcb_probe_osd_mean(hcb_probe_run_osd(f->runs[k], id), group, name);
}

static double sync_busy(const struct hcb_probe_found *f, unsigned k, json_int_t id)
{
	double s = number(json_object_get(f->runs[k], "run"), "drained_s");
	const json_t *bs =
	        json_object_get(hcb_probe_run_osd(f->runs[k], id), "bluestore");
	const json_t *ns = json_object_get(bs, "kv_sync_lat_ns");
	return json_is_number(ns) && s > 0 ? json_number_value(ns) / 1e9 / s : -1;
}

static double osd_commit(const struct hcb_probe_found *f, unsigned k, json_int_t id)
{
	return hcb_probe_osd_commit(hcb_probe_run_osd(f->runs[k], id));
}

static json_t *osds(const struct hcb_probe_found *f)
{
	json_t *list = json_array(), *osd;
	size_t i;
	json_array_foreach(f->osds, i, osd)
	{
		json_t *o = json_copy(osd);
		json_int_t id = json_integer_value(json_object_get(osd, "id"));
		json_object_set_new(o, "commit_ns",
		                    real_or_null(osd_commit(f, HCB_PROBE_COMMIT, id)));
		json_object_set_new(o, "commits_ns",
		                    real_or_null(osd_commit(f, HCB_PROBE_COMMITS, id)));
		json_object_set_new(o, "write_ns",
		                    real_or_null(osd_mean(f, HCB_PROBE_COMMIT, id, "osd",
		                                          "op_w_latency")));
		json_object_set_new(o, "replica_write_ns",
		                    real_or_null(osd_mean(f, HCB_PROBE_COMMIT, id, "osd",
		                                          "subop_w_latency")));
		json_object_set_new(o, "stream_busy",
		                    real_or_null(sync_busy(f, HCB_PROBE_STREAM, id)));
		json_array_append_new(list, o);
	}
	return list;
}

/* ---- notes ---- */

/* The slowest OSD by far, and disks that answer faster than they turn. */
static void note_osds(const json_t *list, json_t *notes)
{
	size_t i, n = 0;
	json_t *osd, *slowest = NULL;
	double most = 0, sum = 0;
	char text[300], a[32], b[32];
	json_array_foreach(list, i, osd)
	{
		double ns = number(osd, "commit_ns");
		if (ns <= 0)
			continue;
		n++;
		sum += ns;
		if (ns > most) {
			most = ns;
			slowest = osd;
		}
		if (ns < 2e6 && json_is_true(json_object_get(osd, "rotational")) &&
		    json_is_true(json_object_get(osd, "log_rotational"))) {
			snprintf(text, sizeof(text),
			         "osd.%d commits in %s on a disk that turns once in 8.3 "
			         "ms: a cache answers for it; it must survive a power "
			         "cut",
			         (int)number(osd, "id"), hcb_fmt_ns(a, sizeof(a), ns));
			json_array_append_new(notes, json_string(text));
		}
	}
	if (n < 2 || most < 1.5 * (sum - most) / (double)(n - 1))
		return;
	snprintf(text, sizeof(text),
	         "osd.%d takes %s to commit, the others %s: every write that has a copy "
	         "there waits for it",
	         (int)number(slowest, "id"), hcb_fmt_ns(a, sizeof(a), most),
	         hcb_fmt_ns(b, sizeof(b), (sum - most) / (double)(n - 1)));
	json_array_append_new(notes, json_string(text));
}

/* Counters need the right to command OSDs, which "profile rbd" has not. */
static void note_silence(const json_t *list, json_t *notes)
{
	size_t i;
	json_t *osd;
	bool any = false;
	json_array_foreach(list, i, osd) any |=
	        json_is_number(json_object_get(osd, "commit_ns"));
	if (json_array_size(list) && !any)
		json_array_append_new(notes,
		                      json_string("the OSDs' counters could not be read: "
		                                  "this user may not ask for them, or no "
		                                  "commits were timed"));
}

/* ---- may it be believed ---- */

/* A cap that holds is what a probe is for; the phase's verdict has it as one reason. */
static bool only_the_cap(const json_t *run)
{
	const json_t *v = json_object_get(run, "validity");
	return number(json_object_get(run, "totals"), "held") > 0 &&
	       json_array_size(json_object_get(v, "reasons")) == 1 &&
	       strcmp(json_string_value(json_object_get(v, "verdict")), "UNSTEADY") == 0;
}

static json_t *validity(const struct hcb_probe_found *f, enum hcb_verdict *worst)
{
	json_t *reasons = json_array(), *reason;
	size_t i;
	*worst = HCB_VALID;
	for (unsigned k = 0; k < HCB_N_PROBE; k++) {
		const json_t *v = json_object_get(f->runs[k], "validity");
		const char *verdict = json_string_value(json_object_get(v, "verdict"));
		if (!verdict || only_the_cap(f->runs[k]))
			continue;
		for (int w = HCB_UNSTEADY; w <= HCB_INVALID; w++)
			if (strcmp(verdict, hcb_verdict_name((enum hcb_verdict)w)) == 0 &&
			    w > (int)*worst)
				*worst = (enum hcb_verdict)w;
		json_array_foreach(json_object_get(v, "reasons"), i, reason)
		{
			char text[300];
			snprintf(text, sizeof(text), "%s: %s", hcb_probe_phases[k].name,
			         json_string_value(reason));
			json_array_append_new(reasons, json_string(text));
		}
	}
	if (f->partial && *worst == HCB_VALID) {
		*worst = HCB_UNSTEADY;
		json_array_append_new(reasons, json_string("the probe was cut short"));
	}
	return json_pack("{ss so}", "verdict", hcb_verdict_name(*worst), "reasons",
	                 reasons);
}

/* ---- together ---- */

static json_t *started(const struct hcb_probe_found *f)
{
	char buf[32];
	struct tm tm;
	time_t t = (time_t)f->started_unix_s;
	if (f->plan->virtual_clock || !gmtime_r(&t, &tm))
		return json_null();
	strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(buf);
}

static json_t *probe_json(const struct hcb_probe_found *f)
{
	const struct hcb_probe_plan *p = f->plan;
	const json_t *run = json_object_get(f->runs[HCB_PROBE_STREAM], "run");
	json_t *cap = p->cap_bytes_per_s ? json_integer((json_int_t)p->cap_bytes_per_s)
	                                 : json_null();
	json_t *wall =
	        p->virtual_clock ? json_null() : json_real((double)f->wall_ns / 1e9);
	json_t *gone = f->removed < 0 ? json_null() : json_boolean(f->removed);
	return json_pack("{sO ss ss ss so so ss sf sI ss sf so sI sI so}", "id",
	                 json_object_get(run, "id"), "word", p->word, "target",
	                 f->target->text, "storage", hcb_probe_kind_name(f->target->kind),
	                 "started", started(f), "wall_s", wall, "clock",
	                 p->virtual_clock ? "virtual" : "real", "dilation", p->dilation,
	                 "seed", (json_int_t)p->seed, "command", p->command, "duration_s",
	                 (double)p->duration_ns / 1e9, "cap_bytes_per_s", cap,
	                 "region_bytes", (json_int_t)f->region_bytes, "written_bytes",
	                 (json_int_t)f->written_bytes, "removed", gone);
}

json_t *hcb_probe_document(struct hcb_probe_found *f, int *exit_code)
{
	static const int codes[] = {HCB_EXIT_OK, HCB_EXIT_UNSTEADY, HCB_EXIT_INVALID};
	enum hcb_verdict worst;
	json_t *doc = hcb_json_document("probe", f->partial);
	json_t *list = osds(f),
	       *facts = json_object_get(f->runs[HCB_PROBE_STREAM], "facts");
	note_osds(list, f->notes);
	note_silence(list, f->notes);
	json_object_set_new(doc, "probe", probe_json(f));
	json_object_set_new(doc, "validity", validity(f, &worst));
	json_object_set_new(doc, "bound", bounds(f));
	json_object_set_new(doc, "measured", measured(f));
	json_object_set_new(doc, "fsyncs", fsyncs(f));
	json_object_set_new(doc, "osds", list);
	json_object_set_new(doc, "paths",
	                    f->paths ? json_deep_copy(f->paths) : json_array());
	json_object_set(doc, "notes", f->notes);
	json_object_set_new(doc, "target_facts", json_deep_copy(facts_of(f)));
	json_object_set(doc, "facts", facts);
	*exit_code = codes[worst];
	return doc;
}
