/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/run_document.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/core/random.h"
#include "bench/core/units.h"
#include "bench/drill.h"
#include "bench/result.h"

static double measured_s(const struct hcb_record *r)
{
	return (double)(r->measure_end_ns - r->measure_start_ns) / 1e9;
}

static double per_s(double n, double s)
{
	return s > 0 ? n / s : 0;
}

static json_t *tx_json(const struct hcb_observed *o, unsigned i,
                       const struct hcb_tx_record *t, double seconds, bool full)
{
	json_t *why = json_object();
	bool hide = o->judged->overload;
	json_t *j =
	        json_pack("{sssIsIsf}", "name", o->run->wl->txs[i].name, "count",
	                  (json_int_t)t->response.count, "failed", (json_int_t)t->failed,
	                  "rate_per_s", per_s((double)t->response.count, seconds));
	json_object_set_new(j, "response_ns", hcb_json_latency(&t->response, hide, why));
	json_object_set_new(j, "service_ns", hcb_json_latency(&t->service, false, NULL));
	if (json_object_size(why))
		json_object_set(j, "null_because", why);
	json_decref(why);
	if (full) {
		json_object_set_new(j, "histogram", hcb_json_histogram(&t->response));
		json_object_set_new(j, "service_histogram",
		                    hcb_json_histogram(&t->service));
	}
	return j;
}

/* Where its ops went: a volume's name, "journal", or several of these. */
static json_t *stream_volume(const struct hcb_observed *o, unsigned i)
{
	const struct hcb_geometry *geo = &o->layout->geo;
	const char *seen[2 * HCB_MAX_VOLUMES];
	unsigned n = 0;
	char text[256] = "";
	for (unsigned r = 0; r < geo->n_volumes + geo->n_fs; r++) {
		const char *name = geo->regions[r].name;
		bool known = !name || !(o->rec->stream_regions[i] >> r & 1);
		for (unsigned k = 0; k < n && !known; k++)
			known = strcmp(seen[k], name) == 0;
		if (known)
			continue;
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s%s", n ? "+" : "", name);
		seen[n++] = name;
	}
	return n ? json_string(text) : json_null();
}

static json_t *stream_json(const struct hcb_observed *o, unsigned i,
                           const struct hcb_stream_record *s, double seconds)
{
	static const char *const kinds[] = {"read", "write", "flush", "discard"};
	const struct hcb_stream_info *info = &o->run->wl->streams[i];
	return json_pack("{sssosssIsIsIsfso}", "name", info->name, "volume",
	                 stream_volume(o, i), "kind", kinds[info->kind], "count",
	                 (json_int_t)s->count, "bytes", (json_int_t)s->bytes, "errors",
	                 (json_int_t)s->errors, "per_s", per_s((double)s->count, seconds),
	                 "service_ns", hcb_json_latency(&s->service, false, NULL));
}

static json_t *transactions(const struct hcb_observed *o)
{
	json_t *a = json_array();
	struct hcb_tx_record *t = malloc(sizeof(*t));
	for (unsigned i = 0; t && i < o->run->wl->n_txs; i++) {
		hcb_record_merge_tx(o->rec, i, t);
		json_array_append_new(a, tx_json(o, i, t, measured_s(o->rec), true));
	}
	free(t);
	return a;
}

static json_t *streams(const struct hcb_observed *o)
{
	json_t *a = json_array();
	struct hcb_stream_record *s = malloc(sizeof(*s));
	for (unsigned i = 0; s && i < o->run->wl->n_streams; i++) {
		hcb_record_merge_stream(o->rec, i, s);
		json_array_append_new(a, stream_json(o, i, s, measured_s(o->rec)));
	}
	free(s);
	return a;
}

static json_t *phases(const struct hcb_observed *o)
{
	json_t *a = json_array();
	unsigned n = 0;
	while (o->run->wl->phases && o->run->wl->phases[n])
		n++;
	for (unsigned p = 0; p <= HCB_MAX_PHASES && n; p++) {
		if (p >= n && p < HCB_MAX_PHASES)
			continue;
		const struct hcb_hist *h = &o->rec->by_phase[p];
		const char *name = p < n ? o->run->wl->phases[p] : "outside";
		json_array_append_new(
		        a, json_pack("{sssIso}", "name", name, "count",
		                     (json_int_t)h->count, "response_ns",
		                     hcb_json_latency(h, o->judged->overload, NULL)));
	}
	return a;
}

static json_t *blocks(const struct hcb_observed *o)
{
	json_t *a = json_array();
	for (unsigned b = 0; b < o->rec->n_blocks; b++) {
		const struct hcb_block *blk = &o->rec->blocks[b];
		double s = (double)(blk->end_ns - blk->start_ns) / 1e9;
		json_t *tx = json_array(), *st = json_array();
		for (unsigned i = 0; i < o->run->wl->n_txs; i++)
			json_array_append_new(tx, tx_json(o, i, &blk->tx[i], s, true));
		for (unsigned i = 0; i < o->run->wl->n_streams; i++)
			json_array_append_new(st, stream_json(o, i, &blk->stream[i], s));
		json_array_append_new(
		        a, json_pack("{siss sf sf so so}", "index", (int)b, "validity",
		                     hcb_verdict_name((enum hcb_verdict)blk->verdict),
		                     "start_s", (double)blk->start_ns / 1e9, "measured_s",
		                     s, "transactions", tx, "streams", st));
	}
	return a;
}

static json_t *intervals(const struct hcb_observed *o)
{
	json_t *a = json_array();
	const struct hcb_record *r = o->rec;
	for (uint32_t i = 0; i < r->n_intervals; i++) {
		const struct hcb_interval *v = &r->intervals[i];
		json_t *counts = json_array();
		for (uint32_t k = 0; k < v->n_pairs; k++) {
			const struct hcb_pair *p = &r->pairs[v->first_pair + k];
			json_array_append_new(
			        counts, json_pack("[ii]", (int)p->bucket, (int)p->count));
		}
		json_array_append_new(a,
		                      json_pack("{sisIsIsIsIsIsis{siso}}", "t_s", (int)i,
		                                "count", (json_int_t)v->count, "max_ns",
		                                (json_int_t)v->max_ns, "write_bytes",
		                                (json_int_t)v->write_bytes, "read_bytes",
		                                (json_int_t)v->read_bytes, "flushes",
		                                (json_int_t)v->flushes, "phases",
		                                (int)v->phases, "histogram", "sub_bits",
		                                HCB_HIST_SUB_BITS, "counts", counts));
	}
	return a;
}

static json_t *targets(const struct hcb_observed *o)
{
	json_t *a = json_array();
	for (unsigned d = 0; d < o->layout->n_devs; d++) {
		const struct hcb_dev *dev = o->layout->devs[d];
		const struct hcb_geometry *geo = &o->layout->geo;
		json_t *vols = json_array(), *facts = json_object();
		struct hcb_kvs k = {facts};
		for (unsigned v = 0; v < geo->n_volumes; v++)
			if (geo->regions[v].fs == d)
				json_array_append_new(vols,
				                      json_string(geo->regions[v].name));
		hcb_opt_to_json(dev->engine->opts, dev->conf, facts);
		hcb_kvs_u64(&k, "size_bytes", dev->size_bytes);
		hcb_kvs_u64(&k, "used_bytes", o->layout->used_bytes[d]);
		hcb_kvs_str(&k, "fua_method",
		            geo->fua[d] ? "native" : "write, then flush");
		json_object_update(facts, o->described[d]);
		json_t *t =
		        json_pack("{sosssssO}", "volumes", vols, "target", dev->target,
		                  "engine", dev->engine->name, "facts", facts);
		json_decref(facts);
		if (o->dev_change[d])
			json_object_set(t, "counters", o->dev_change[d]);
		json_array_append_new(a, t);
	}
	return a;
}

/* {"osd": {"0": {...}}} of all sources -> [{"id": 0, ...}] */
static void merge_osds(json_t *into, const json_t *change)
{
	const char *id;
	json_t *v, *osds = json_object_get(change, "osd");
	json_object_foreach(osds, id, v)
	{
		json_t *have = json_object_get(into, id);
		if (!have) {
			have = json_pack("{si}", "id", atoi(id));
			json_object_set_new(into, id, have);
		}
		if (json_is_object(v))
			json_object_update(have, v);
	}
}

static json_t *osd_list(const struct hcb_observed *o)
{
	json_t *by_id = json_object(), *a = json_array();
	for (unsigned d = 0; d < o->layout->n_devs; d++)
		merge_osds(by_id, o->dev_change[d]);
	merge_osds(by_id, o->around_change);
	const char *id;
	json_t *v;
	json_object_foreach(by_id, id, v) json_array_append(a, v);
	json_decref(by_id);
	return a;
}

/* The same seed and command under the virtual clock: the same id. */
static void run_id(const struct hcb_observed *o, char *out, size_t n)
{
	uint64_t h =
	        o->run->seed ^ hcb_mix64(o->run->virtual_clock ? 0 : o->started_unix_s);
	for (const char *p = o->run->command; *p; p++)
		h = hcb_mix64(h ^ (unsigned char)*p) + 0x9e3779b97f4a7c15ULL;
	if (!o->run->virtual_clock)
		h ^= hcb_mix64(o->wall_ns);
	snprintf(out, n, "%016" PRIx64, h);
}

static json_t *started(const struct hcb_observed *o)
{
	char buf[32];
	struct tm tm;
	time_t t = (time_t)o->started_unix_s;
	if (o->run->virtual_clock || !gmtime_r(&t, &tm))
		return json_null();
	strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(buf);
}

static json_t *run_json(const struct hcb_observed *o)
{
	const struct hcb_run *run = o->run;
	char id[32];
	json_t *params = run->mix ? hcb_mix_params(run->mix) : json_object();
	run_id(o, id, sizeof(id));
	if (!run->mix)
		hcb_opt_to_json(run->wl->opts, run->conf, params);
	double offered = run->wl->offered_per_s(run->conf);
	return json_pack(
	        "{sssssosIsosfsfsfsfsosssfsssosfsf}", "id", id, "workload", run->wl->name,
	        "params", params, "seed", (json_int_t)run->seed, "started", started(o),
	        "duration_s", (double)o->loop->ended_ns / 1e9, "drained_s",
	        (double)o->loop->drained_ns / 1e9, "warmup_s",
	        (double)o->rec->measure_start_ns / 1e9, "measured_s", measured_s(o->rec),
	        "wall_s",
	        run->virtual_clock ? json_null() : json_real((double)o->wall_ns / 1e9),
	        "clock", run->virtual_clock ? "virtual" : "real", "dilation",
	        run->dilation, "command", run->command, "loop",
	        json_string(offered > 0 ? "open" : "closed"), "offered_per_s", offered,
	        "achieved_per_s", o->achieved_per_s);
}

static json_t *facts(const struct hcb_observed *o)
{
	json_t *f = json_object();
	struct hcb_kvs k = {f};
	if (!o->run->virtual_clock) {
		hcb_kvs_json(&k, "machine", hcb_json_machine());
		hcb_kvs_double(&k, "host_busy_mean", o->host_mean);
		hcb_kvs_double(&k, "steal", o->steal);
		json_object_set_new(f, "loop_nice", json_integer(o->loop_nice));
		hcb_kvs_str(&k, "clock_source",
		            o->clock_is_counter ? "tsc" : "clock_monotonic");
		hcb_kvs_double(&k, "clock_error", o->clock_error);
	}
	hcb_kvs_u64(&k, "prefilled_bytes", o->prefilled_bytes);
	if (o->run->around && o->run->around->describe)
		o->run->around->describe(o->run->around->arg, &k);
	return f;
}

static json_t *totals(const struct hcb_record *r)
{
	return json_pack("{sIsIsIsIsIsIsI}", "writes", (json_int_t)r->total_writes,
	                 "write_bytes", (json_int_t)r->total_write_bytes, "reads",
	                 (json_int_t)r->total_reads, "read_bytes",
	                 (json_int_t)r->total_read_bytes, "flushes",
	                 (json_int_t)r->total_flushes, "errors",
	                 (json_int_t)r->total_errors, "held", (json_int_t)r->held_ops);
}

/* The last one may still have gone on when the window ended. */
static json_t *stalls(const struct hcb_record *r)
{
	json_t *a = json_array();
	for (unsigned i = 0; i < r->n_gaps; i++)
		json_array_append_new(
		        a, json_pack("{sfsf}", "from_s", (double)r->gaps[i].from_ns / 1e9,
		                     "to_s", (double)r->gaps[i].to_ns / 1e9));
	if (r->last_tx_ns && r->window_end_ns > r->last_tx_ns + HCB_GAP_NS)
		json_array_append_new(a, json_pack("{sfsn}", "from_s",
		                                   (double)r->last_tx_ns / 1e9, "to_s"));
	return a;
}

json_t *hcb_run_document(const struct hcb_observed *o)
{
	bool partial = o->loop->stop != HCB_STOP_DONE && o->loop->stop != HCB_STOP_END;
	json_t *doc = hcb_json_document("run", partial);
	struct hcb_kvs metrics = {json_object()};
	json_object_set_new(doc, "run", run_json(o));
	const uint64_t control[3] = {o->control_before_ns, o->control_after_ns,
	                             o->control_spent_ns};
	json_object_set_new(doc, "validity",
	                    hcb_json_validity(o->judged, &o->rec->lateness,
	                                      o->rec->away_ns, o->host_busy, control,
	                                      o->run->virtual_clock));
	json_object_set_new(doc, "verify", o->verify);
	json_object_set_new(doc, "targets", targets(o));
	json_object_set_new(doc, "transactions", transactions(o));
	uint64_t unfinished = o->loop->unfinished.count + o->loop->unfinished.others;
	json_object_set_new(doc, "unfinished", json_integer((json_int_t)unfinished));
	json_object_set_new(doc, "phases", phases(o));
	json_object_set_new(doc, "streams", streams(o));
	o->run->wl->metrics(o->wl_state, &metrics);
	json_object_set_new(doc, "metrics", metrics.obj);
	json_object_set_new(doc, "totals", totals(o->rec));
	json_object_set_new(doc, "osd", osd_list(o));
	json_object_set_new(doc, "facts", facts(o));
	json_object_set_new(doc, "faults", hcb_faults_json(o->faults));
	json_object_set_new(doc, "stalls", stalls(o->rec));
	json_t *drill = hcb_drill_json(o->rec, o->faults);
	json_object_set_new(doc, "drill", drill ? drill : json_null());
	json_object_set_new(doc, "intervals", intervals(o));
	json_object_set_new(doc, "blocks", blocks(o));
	return doc;
}
