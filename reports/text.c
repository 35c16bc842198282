/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report a person reads: verdict first, then what a DBA asks, then where time went.
 */
#include <stdbool.h>
#include <string.h>

#include "bench/core/units.h"
#include "reports/report.h"
#include "reports/text_parts.h"

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "?";
}

static double num(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* A time in ns, right-aligned, or n/a when the sample cannot carry it. */
static void put_ns(FILE *f, const json_t *o, const char *key, int width)
{
	char buf[32];
	const json_t *v = json_object_get(o, key);
	if (json_is_number(v))
		hcb_fmt_ns(buf, sizeof(buf), json_number_value(v));
	else
		snprintf(buf, sizeof(buf), "n/a");
	fprintf(f, "%*s", width, buf);
}

static void put_latency_head(FILE *f, const char *left)
{
	fprintf(f, "%-22s%10s%10s%10s%10s%10s%10s%10s\n", left, "count", "mean", "p50",
	        "p95", "p99", "p99.9", "max");
}

static void put_latency(FILE *f, const char *left, double count, const json_t *lat)
{
	static const char *const keys[] = {"mean", "p50", "p95", "p99", "p999", "max"};
	fprintf(f, "  %-20s%10.0f", left, count);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		put_ns(f, lat, keys[i], 10);
	fputc('\n', f);
}

static const json_t *headline(const json_t *doc)
{
	return json_array_get(json_object_get(doc, "transactions"), 0);
}

/* What was carried: an overloaded open load also finishes commits after its window. */
static double achieved(const json_t *doc)
{
	const json_t *run = json_object_get(doc, "run");
	if (strcmp(str(run, "loop"), "open") == 0)
		return num(run, "achieved_per_s");
	return num(headline(doc), "rate_per_s");
}

/* "commits"; of "io" there is no plural. */
static const char *plural(const json_t *doc)
{
	static char buf[64];
	const char *name = str(headline(doc), "name");
	snprintf(buf, sizeof(buf), "%s%s", name, strcmp(name, "io") == 0 ? "" : "s");
	return buf;
}

static void put_verdict(FILE *f, const json_t *doc)
{
	const json_t *v = json_object_get(doc, "validity");
	const json_t *run = json_object_get(doc, "run");
	size_t i;
	json_t *reason;
	const json_t *tx = headline(doc);
	fprintf(f, "%s%s  %s, %.1f %s/s", str(v, "verdict"),
	        json_is_true(json_object_get(doc, "partial")) ? " (partial)" : "",
	        str(run, "workload"), achieved(doc), plural(doc));
	const json_t *resp = json_object_get(tx, "response_ns");
	fputs(", response p50 ", f);
	put_ns(f, resp, "p50", 0);
	fputs(", p99 ", f);
	put_ns(f, resp, "p99", 0);
	fputs(", max ", f);
	put_ns(f, resp, "max", 0);
	fputc('\n', f);
	json_array_foreach(json_object_get(v, "reasons"), i, reason)
	        fprintf(f, "  because %s\n", json_string_value(reason));
}

/* One parameter or fact as "key: value"; 0 if it has nothing to show. */
static int key_text(const char *key, const json_t *v, char *buf, size_t n)
{
	char text[32];
	size_t len = strlen(key);
	if (json_is_string(v) && *json_string_value(v))
		return snprintf(buf, n, "%s: %s", key, json_string_value(v));
	if (json_is_boolean(v))
		return snprintf(buf, n, "%s: %s", key, json_is_true(v) ? "on" : "off");
	if (json_is_integer(v) && strstr(key, "_bytes"))
		return snprintf(buf, n, "%s: %s", key,
		                hcb_fmt_bytes(text, sizeof(text), json_number_value(v)));
	if (json_is_integer(v) && len > 3 && strcmp(key + len - 3, "_ns") == 0)
		return snprintf(buf, n, "%.*s: %s", (int)len - 3, key,
		                hcb_fmt_ns(text, sizeof(text), json_number_value(v)));
	if (json_is_number(v))
		return snprintf(buf, n, "%s: %g", key, json_number_value(v));
	return 0;
}

/* Those of keys that o has, on lines of 90 columns. */
static void put_keys(FILE *f, const json_t *o, const char *const *keys)
{
	int col = 0;
	for (; *keys; keys++) {
		char text[160];
		int len = key_text(*keys, json_object_get(o, *keys), text, sizeof(text));
		if (len <= 0)
			continue;
		bool fits = col > 0 && col + len + 2 <= 88;
		fprintf(f, "%s%s", fits ? "; " : col ? "\n  " : "  ", text);
		col = fits ? col + len + 2 : len + 2;
	}
	if (col)
		fputc('\n', f);
}

/* The parameters that make the load what it is, whichever workload has them. */
static const char *const shown_params[] = {
        "load",    "checkpoint_timeout_ns",
        "scale",   "kind",
        "pattern", "bs_bytes",
        "flush",   "size_bytes",
        "span",    NULL,
};

/* Who waits: a database's clients, a server's users, or slots of ops in flight. */
static void who_waits(const json_t *params, char *who, size_t size)
{
	static const struct {
		const char *key, *one;
	} kinds[] = {{"clients", "client"}, {"users", "user"}, {"depth", "slot"}};
	size_t k = 0;
	while (k < 2 && !json_object_get(params, kinds[k].key))
		k++;
	double n = num(params, kinds[k].key);
	snprintf(who, size, "%.0f %s%s", n, kinds[k].one, n == 1 ? "" : "s");
}

/* Of a scenario's workloads each its own line; the first is the headline's. */
static void put_parts(FILE *f, json_t *params)
{
	const char *name;
	json_t *p;
	json_object_foreach(params, name, p)
	{
		char who[32];
		double rate = num(p, "rate_per_s");
		who_waits(p, who, sizeof(who));
		fprintf(f, "  %s: %s, %s", name, str(p, "type"), who);
		if (rate > 0)
			fprintf(f, ", %.1f/s offered\n", rate);
		else if (json_object_get(p, "users"))
			fputs(", open loop\n", f);
		else
			fputs(", closed loop\n", f);
		put_keys(f, p, shown_params);
	}
}

static bool has_parts(const json_t *run)
{
	return strchr(str(run, "workload"), '+') != NULL;
}

/* What is said of the main workload, of parameters or metrics: the first part's. */
static json_t *of_main(const json_t *doc, json_t *all)
{
	if (!has_parts(json_object_get(doc, "run")))
		return all;
	return json_object_iter_value(json_object_iter(all));
}

static void put_load(FILE *f, const json_t *doc)
{
	const json_t *run = json_object_get(doc, "run");
	const json_t *params = of_main(doc, json_object_get(run, "params"));
	size_t cycles = json_array_size(json_object_get(doc, "blocks"));
	char who[32];
	who_waits(params, who, sizeof(who));
	if (strcmp(str(run, "loop"), "open") == 0)
		fprintf(f, "  open loop: %.1f/s offered %s %s; ",
		        num(run, "offered_per_s"),
		        json_object_get(params, "users") ? "by" : "to", who);
	else
		fprintf(f, "  closed loop: %s, each waits for its %s; ", who,
		        str(headline(doc), "name"));
	fprintf(f, "%.1f s measured in %zu block%s after %.1f s of warm-up\n",
	        num(run, "measured_s"), cycles, cycles == 1 ? "" : "s",
	        num(run, "warmup_s"));
	if (has_parts(run))
		put_parts(f, json_object_get(run, "params"));
	else
		put_keys(f, params, shown_params);
	fprintf(f, "  seed %.0f, %s clock", num(run, "seed"), str(run, "clock"));
	if (num(run, "dilation") != 1)
		fprintf(f, ", dilation %g", num(run, "dilation"));
	fputs("\n\n", f);
}

/* The facts a reader needs to judge the numbers, in this order; the rest is in the file.
 */
static const char *const shown_facts[] = {
        "profile",
        "filled",
        "cache",
        "rbd_cache",
        "rbd_cache_policy",
        "fua_method",
        "durability",
        "file_system",
        "o_direct",
        "device_model",
        "device_rotational",
        "device_write_cache",
        "device_fua",
        "image_bytes",
        "object_bytes",
        "exclusive_lock",
        "pool_size",
        "pool_min_size",
        "pool_pg_num",
        "pool_device_class",
        "ceph_version",
        "client_version",
        NULL,
};

static void put_volumes(FILE *f, const json_t *target)
{
	size_t k;
	json_t *v;
	json_array_foreach(json_object_get(target, "volumes"), k, v)
	        fprintf(f, "%s%s", k ? "+" : "", json_string_value(v));
}

static void put_targets(FILE *f, const json_t *doc)
{
	size_t i;
	json_t *t;
	json_array_foreach(json_object_get(doc, "targets"), i, t)
	{
		char used[32], size[32];
		const json_t *facts = json_object_get(t, "facts");
		fputs("on ", f);
		put_volumes(f, t);
		fprintf(f, ": %s\n  %s used of %s\n", str(t, "target"),
		        hcb_fmt_bytes(used, sizeof(used), num(facts, "used_bytes")),
		        hcb_fmt_bytes(size, sizeof(size), num(facts, "size_bytes")));
		put_keys(f, facts, shown_facts);
		if (json_object_get(facts, "warning"))
			fprintf(f, "  warning: %s\n", str(facts, "warning"));
	}
	fputc('\n', f);
}

/* Percentiles were left out because the load could not be carried. */
static bool overloaded(const json_t *doc)
{
	const json_t *t = json_array_get(json_object_get(doc, "transactions"), 0);
	return strcmp(str(json_object_get(t, "null_because"), "p50"), "overload") == 0;
}

static void put_transactions(FILE *f, const json_t *doc)
{
	size_t i;
	json_t *t;
	put_latency_head(f, "response (from due)");
	json_array_foreach(json_object_get(doc, "transactions"), i, t)
	{
		put_latency(f, str(t, "name"), num(t, "count"),
		            json_object_get(t, "response_ns"));
		if (num(t, "failed") > 0)
			fprintf(f, "  %.0f more failed\n", num(t, "failed"));
		if (i == 0)
			put_latency(f, "  of it service", num(t, "count"),
			            json_object_get(t, "service_ns"));
	}
	if (num(doc, "unfinished") > 0)
		fprintf(f, "  %.0f were due and never finished\n",
		        num(doc, "unfinished"));
	json_array_foreach(json_object_get(doc, "phases"), i, t)
	{
		if (i == 0)
			fprintf(f, "%s by what else went on\n", plural(doc));
		put_latency(f, str(t, "name"), num(t, "count"),
		            json_object_get(t, "response_ns"));
	}
	if (json_array_size(json_object_get(doc, "transactions")) && overloaded(doc))
		fputs("  n/a: percentiles of an overload only tell how long it "
		      "lasted\n\n",
		      f);
	else
		fputs("  n/a: too few samples for that percentile (p99 needs 368, p99.9 "
		      "3688)\n\n",
		      f);
}

static void put_streams(FILE *f, const json_t *doc)
{
	size_t i;
	json_t *s;
	fprintf(f, "%-22s%10s%12s%12s%12s%10s%10s%10s\n", "IO by stream", "count",
	        "per s", "bytes/s", "mean size", "p50", "p99", "max");
	double seconds = num(json_object_get(doc, "run"), "measured_s");
	json_array_foreach(json_object_get(doc, "streams"), i, s)
	{
		char rate[32], size[32];
		double n = num(s, "count"), bytes = num(s, "bytes");
		const json_t *lat = json_object_get(s, "service_ns");
		if (n == 0)
			continue;
		hcb_fmt_bytes(rate, sizeof(rate),
		              (double)(uint64_t)(seconds > 0 ? bytes / seconds : 0));
		hcb_fmt_bytes(size, sizeof(size), (double)(uint64_t)(bytes / n));
		fprintf(f, "  %-20s%10.0f%12.1f%12s%12s", str(s, "name"), n,
		        num(s, "per_s"), bytes > 0 ? rate : "-",
		        bytes > 0 ? size : "flush");
		put_ns(f, lat, "p50", 10);
		put_ns(f, lat, "p99", 10);
		put_ns(f, lat, "max", 10);
		fputc('\n', f);
	}
}

static double stream_count(const json_t *doc, const char *kind)
{
	double n = 0;
	size_t i;
	json_t *s;
	json_array_foreach(json_object_get(doc, "streams"), i,
	                   s) if (strcmp(str(s, "kind"), kind) == 0) n += num(s, "count");
	return n;
}

static void put_checkpoints(FILE *f, const json_t *m)
{
	if (num(m, "checkpoints") > 0)
		fprintf(f,
		        "  checkpoints of the whole run, mean: %.0f buffers, write=%.1f "
		        "s, sync=%.2f s "
		        "(longest "
		        "%.2f s), sync files=%.0f, %.0f of %.0f forced by WAL\n",
		        num(m, "checkpoint_buffers_mean"),
		        num(m, "checkpoint_write_mean_s"),
		        num(m, "checkpoint_sync_mean_s"), num(m, "checkpoint_sync_max_s"),
		        num(m, "checkpoint_files"), num(m, "checkpoints_forced_by_wal"),
		        num(m, "checkpoints"));
}

/* What a Mastodon server did beside its commits. */
static void put_server(FILE *f, const json_t *m)
{
	char size[32], each[32];
	if (!json_object_get(m, "snapshots"))
		return;
	hcb_fmt_bytes(size, sizeof(size), num(m, "media_bytes"));
	hcb_fmt_bytes(each, sizeof(each), num(m, "snapshot_bytes"));
	fprintf(f,
	        "  Mastodon in the whole run: %.0f jobs on %.0f threads, %.0f requests "
	        "on "
	        "%.0f;\n  %.0f media files, %s; %.0f snapshots of %s, mean %.1f s, "
	        "longest "
	        "%.1f s\n",
	        num(m, "jobs"), num(m, "sidekiq_threads"), num(m, "requests"),
	        num(m, "puma_threads"), num(m, "media_files"), size, num(m, "snapshots"),
	        each, num(m, "snapshot_mean_s"), num(m, "snapshot_max_s"));
}

static void put_metrics(FILE *f, const json_t *doc)
{
	const json_t *m = of_main(doc, json_object_get(doc, "metrics"));
	double n = num(headline(doc), "count"), flushes = stream_count(doc, "flush");
	bool has_log = json_object_get(m, "commits_per_wal_flush") != NULL;
	if (n > 0 && flushes > 0)
		fprintf(f, "  %.2f flushes per %s in all%s", flushes / n,
		        str(headline(doc), "name"), has_log ? "; " : "\n");
	if (has_log)
		fprintf(f,
		        "%.2f commits per WAL flush, %.0f B of WAL per commit (whole "
		        "run)\n",
		        num(m, "commits_per_wal_flush"), num(m, "wal_bytes_per_commit"));
	put_checkpoints(f, m);
	put_server(f, m);
	fputc('\n', f);
}

/* Mean of a latency that perf dump keeps as a count and a sum. */
static void put_mean(FILE *f, const json_t *group, const char *name)
{
	char key[96], buf[32];
	snprintf(key, sizeof(key), "%s_count", name);
	double n = num(group, key);
	snprintf(key, sizeof(key), "%s_ns", name);
	if (n > 0)
		hcb_fmt_ns(buf, sizeof(buf), num(group, key) / n);
	else
		snprintf(buf, sizeof(buf), "n/a");
	fprintf(f, "%11s", buf);
}

static void put_count(FILE *f, const json_t *group, const char *name)
{
	const json_t *v = json_object_get(group, name);
	if (json_is_number(v) && json_number_value(v) >= 0)
		fprintf(f, "%11.0f", json_number_value(v));
	else
		fprintf(f, "%11s", "n/a");
}

static void put_disk_columns(FILE *f, const json_t *disk, double seconds)
{
	char mean[32] = "n/a", busy[32] = "n/a";
	if (num(disk, "flushes") > 0)
		hcb_fmt_ns(mean, sizeof(mean),
		           num(disk, "flush_ns") / num(disk, "flushes"));
	if (disk && seconds > 0)
		snprintf(busy, sizeof(busy), "%.0f %%",
		         num(disk, "busy_ns") / 1e7 / seconds);
	put_count(f, disk, "flushes");
	fprintf(f, "%11s%11s\n", mean, busy);
}

/* One OSD's batches and means; what its emulated disk counted, where there is one. */
static void put_osd(FILE *f, const json_t *o, double seconds)
{
	const json_t *bs = json_object_get(o, "bluestore"),
	             *osd = json_object_get(o, "osd");
	const json_t *disk = json_object_get(o, "disk");
	char id[16];
	snprintf(id, sizeof(id), "osd.%.0f", num(o, "id"));
	fprintf(f, "  %-6s", id);
	put_mean(f, osd, "op_w_latency");
	put_mean(f, osd, "subop_w_latency");
	put_mean(f, bs, "kv_commit_lat");
	put_mean(f, bs, "kv_flush_lat");
	put_count(f, bs, "kv_sync_lat_count");
	put_count(f, bs, "deferred_write_ops");
	put_disk_columns(f, disk, seconds);
}

static void put_restarted(FILE *f, const json_t *o)
{
	if (json_is_true(json_object_get(o, "restarted")))
		fprintf(f,
		        "  osd.%.0f was started anew during the run: its own counts are "
		        "from then on\n",
		        num(o, "id"));
}

static void put_osds(FILE *f, const json_t *doc)
{
	const json_t *osds = json_object_get(doc, "osd");
	size_t i;
	json_t *o;
	if (json_array_size(osds) == 0)
		return;
	fputs("where the time went on the OSDs (means and counts over the whole run)\n",
	      f);
	fprintf(f, "  %-6s%11s%11s%11s%11s%11s%11s%11s%11s%11s\n", "", "op write",
	        "subop", "kv commit", "kv flush", "kv batches", "deferred", "disk flush",
	        "of it mean", "disk busy");
	json_array_foreach(osds, i, o)
	        put_osd(f, o, num(json_object_get(doc, "run"), "duration_s"));
	json_array_foreach(osds, i, o) put_restarted(f, o);
	fputc('\n', f);
}

/* A model disk used directly: what kept its arm busy. */
static void put_disks(FILE *f, const json_t *doc)
{
	size_t i;
	json_t *t;
	double ns = 1e9 * num(json_object_get(doc, "run"), "duration_s");
	json_array_foreach(json_object_get(doc, "targets"), i, t)
	{
		const json_t *d = json_object_get(json_object_get(t, "counters"), "disk");
		char mean[32] = "n/a";
		if (!d || ns <= 0)
			continue;
		if (num(d, "flushes") > 0)
			hcb_fmt_ns(mean, sizeof(mean),
			           num(d, "flush_ns") / num(d, "flushes"));
		fputs("disk of ", f);
		put_volumes(f, t);
		fprintf(f,
		        " (%s), whole run: busy %.0f %% (seek %.0f %%, rotation "
		        "%.0f %%, "
		        "transfer %.0f %%), %.0f flushes, mean %s\n\n",
		        str(t, "target"), 100 * num(d, "busy_ns") / ns,
		        100 * num(d, "seek_ns") / ns, 100 * num(d, "rotate_ns") / ns,
		        100 * num(d, "transfer_ns") / ns, num(d, "flushes"), mean);
	}
}

static void put_bench(FILE *f, const json_t *doc)
{
	const json_t *v = json_object_get(doc, "validity");
	const json_t *late = json_object_get(v, "lateness_ns");
	char a[32], b[32], c[32];
	fputs("the bench itself: ", f);
	if (json_is_object(late)) {
		fprintf(f, "late by p50 %s, p99 %s, max %s",
		        hcb_fmt_ns(a, sizeof(a), num(late, "p50")),
		        hcb_fmt_ns(b, sizeof(b), num(late, "p99")),
		        hcb_fmt_ns(c, sizeof(c), num(late, "max")));
	} else {
		fputs("lateness n/a", f);
	}
	if (num(v, "away_ns") > 0)
		fprintf(f, ", did not run for %s",
		        hcb_fmt_ns(a, sizeof(a), num(v, "away_ns")));
	if (json_is_number(json_object_get(v, "host_busy")))
		fprintf(f, "; processors %.0f %% busy over the worst 10 s",
		        100 * num(v, "host_busy"));
	fprintf(f, "\nagain: %s\n", str(json_object_get(doc, "run"), "command"));
}

static void put_run(FILE *out, const json_t *doc)
{
	put_verdict(out, doc);
	put_load(out, doc);
	hcb_text_verify(out, json_object_get(doc, "verify"));
	put_targets(out, doc);
	put_transactions(out, doc);
	hcb_text_drill(out, doc);
	put_streams(out, doc);
	put_metrics(out, doc);
	put_osds(out, doc);
	put_disks(out, doc);
	put_bench(out, doc);
}

/* How a document of each kind is written. */
static const struct {
	const char *kind;
	void (*put)(FILE *out, const json_t *doc);
} kinds[] = {{"run", put_run},
             {"repeat", hcb_text_repeat},
             {"ab", hcb_text_ab},
             {"compare", hcb_text_compare},
             {"search", hcb_text_search},
             {"size", hcb_text_size},
             {"verify", hcb_text_verify_document},
             {"probe", hcb_text_probe},
             {"check", hcb_text_check},
             {"controls", hcb_text_controls}};

static int text_write(const json_t *const *docs, size_t n, FILE *out, struct hcb_err *err)
{
	(void)err;
	for (size_t i = 0; i < n; i++) {
		if (i)
			fputs("\n---\n\n", out);
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			if (strcmp(kinds[k].kind, str(docs[i], "kind")) == 0)
				kinds[k].put(out, docs[i]);
	}
	return 0;
}

const struct hcb_report hcb_report_text = {
        .name = "text",
        .summary = "for a person: verdict, transactions, streams, OSDs",
        .kinds = "run,repeat,ab,compare,search,size,verify,probe,check,controls",
        .write = text_write,
};
