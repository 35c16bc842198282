/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For an admin who has never seen it: what bounds the pool, then what was measured. */
#include "reports/text_parts.h"

#include <stdbool.h>
#include <string.h>

#include "bench/core/units.h"
#include "bench/probe.h"

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "n/a";
}

static double num(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static bool known(const json_t *o, const char *key)
{
	return json_is_number(json_object_get(o, key));
}

static void put_ns(FILE *f, const json_t *o, const char *key, int width)
{
	char buf[32] = "n/a";
	if (known(o, key))
		hcb_fmt_ns(buf, sizeof(buf), num(o, key));
	fprintf(f, "%*s", width, buf);
}

static void put_list(FILE *f, const char *head, const json_t *list)
{
	size_t i;
	json_t *one;
	json_array_foreach(list, i, one)
	{
		if (i == 0)
			fprintf(f, "%s\n", head);
		fprintf(f, "  - %s\n", json_string_value(one));
	}
}

/* ---- head ---- */

static void put_verdict(FILE *f, const json_t *doc)
{
	const json_t *v = json_object_get(doc, "validity");
	size_t i;
	json_t *reason;
	fprintf(f, "bound by: %s\n", str(json_object_get(doc, "bound"), "text"));
	if (strcmp(str(v, "verdict"), "VALID") == 0)
		return;
	fprintf(f, "  %s, not to be relied on:\n", str(v, "verdict"));
	json_array_foreach(json_object_get(v, "reasons"), i, reason)
	        fprintf(f, "  because of %s\n", json_string_value(reason));
}

/* "3 copies, class hdd, ceph version 16.2.15" or what the kernel says of a disk. */
static void put_storage(FILE *f, const json_t *facts)
{
	const json_t *class = json_object_get(facts, "pool_device_class");
	if (known(facts, "pool_size"))
		fprintf(f, ", %.0f copies on disks of class %s", num(facts, "pool_size"),
		        json_is_string(class) ? json_string_value(class) : "any");
	if (json_object_get(facts, "file_system") &&
	    json_is_string(json_object_get(facts, "file_system")))
		fprintf(f, ", a file on %s", str(facts, "file_system"));
	if (json_is_string(json_object_get(facts, "device")))
		fprintf(f, ", disk %s", str(facts, "device"));
	if (json_is_string(json_object_get(facts, "device_model")))
		fprintf(f, " (%s)", str(facts, "device_model"));
	if (json_is_string(json_object_get(facts, "device_write_cache")))
		fprintf(f, ", its write cache: %s", str(facts, "device_write_cache"));
	/* A model's; a pool's "cache" is librbd's, in the client. */
	if (json_is_string(json_object_get(facts, "profile")))
		fprintf(f, ", write cache %s", str(facts, "cache"));
}

static void put_what(FILE *f, const json_t *doc)
{
	const json_t *p = json_object_get(doc, "probe"),
	             *gone = json_object_get(p, "removed");
	char region[32], written[32], cap[32];
	fprintf(f, "probe of %s (%s", str(p, "word"), str(p, "storage"));
	put_storage(f, json_object_get(doc, "target_facts"));
	fprintf(f, ")\n  wrote %s in a region of %s",
	        hcb_fmt_bytes(written, sizeof(written), num(p, "written_bytes")),
	        hcb_fmt_bytes(region, sizeof(region), num(p, "region_bytes")));
	if (known(p, "wall_s"))
		fprintf(f, " within %.0f s", num(p, "wall_s"));
	if (known(p, "cap_bytes_per_s"))
		fprintf(f, ", at most %s a second (--cap-rate)",
		        hcb_fmt_bytes(cap, sizeof(cap), num(p, "cap_bytes_per_s")));
	if (json_is_boolean(gone))
		fputs(json_is_true(gone) ? "; what it made is removed"
		                         : "; WHAT IT MADE IS STILL THERE",
		      f);
	fputs("\n\n", f);
}

/* ---- tables ---- */

static void put_measured(FILE *f, const json_t *doc)
{
	static const char *const keys[] = {"mean", "p50", "p95", "p99", "max"};
	size_t i;
	json_t *m;
	fprintf(f, "%-38s%9s%12s%10s%10s%10s%10s%10s\n", "measured", "per s", "rate",
	        "mean", "p50", "p95", "p99", "max");
	json_array_foreach(json_object_get(doc, "measured"), i, m)
	{
		char rate[32];
		const json_t *lat = json_object_get(m, "latency_ns");
		fprintf(f, "  %-36s%9.1f%12s", str(m, "what"), num(m, "per_s"),
		        hcb_fmt_rate(rate, sizeof(rate), num(m, "bytes_per_s")));
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			put_ns(f, lat, keys[k], 10);
		fprintf(f, "%s\n", num(m, "held") > 0 ? "  (the cap held some)" : "");
	}
	fputs("  a flushed write is what a commit waits for: the write and its flush, on "
	      "every copy; n/a: too few\n\n",
	      f);
}

static void put_fsyncs(FILE *f, const json_t *doc)
{
	const json_t *s = json_object_get(doc, "fsyncs");
	if (!json_is_object(s))
		return;
	fprintf(f, "FSYNCS/SECOND %.1f, %s\n", num(s, "per_s"), str(s, "how"));
	put_list(f, "  what that figure hides:", json_object_get(s, "hides"));
	fputc('\n', f);
}

static void put_share(FILE *f, const json_t *o, const char *key, int width)
{
	char buf[32] = "n/a";
	if (known(o, key))
		snprintf(buf, sizeof(buf), "%.0f %%", 100 * num(o, key));
	fprintf(f, "%*s", width, buf);
}

static const char *disk_kind(const json_t *osd)
{
	const json_t *turns = json_object_get(osd, "rotational"),
	             *log = json_object_get(osd, "log_rotational");
	if (!json_is_boolean(turns))
		return "n/a";
	if (!json_is_true(turns))
		return "flash";
	return json_is_false(log) ? "turns, log on flash" : "turns";
}

static void put_osds(FILE *f, const json_t *doc)
{
	const json_t *osds = json_object_get(doc, "osds");
	size_t i;
	json_t *o;
	if (!json_array_size(osds))
		return;
	fprintf(f, "%-9s%-10s%-7s%-20s%-15s%10s%12s%11s%11s%11s\n", "OSDs", "host",
	        "class", "disk", "write cache", "commit", "16 at once", "primary",
	        "replica", "waits");
	json_array_foreach(osds, i, o)
	{
		char id[16];
		snprintf(id, sizeof(id), "osd.%.0f", num(o, "id"));
		fprintf(f, "  %-7s%-10s%-7s%-20s%-15s", id, str(o, "host"),
		        str(o, "class"), disk_kind(o), str(o, "write_cache"));
		put_ns(f, o, "commit_ns", 10);
		put_ns(f, o, "commits_ns", 12);
		put_ns(f, o, "write_ns", 11);
		put_ns(f, o, "replica_write_ns", 11);
		put_share(f, o, "stream_busy", 11);
		fputc('\n', f);
	}
	fputs("  commit: until a write that the OSD has is on its disk, mean, writes one "
	      "at a time, and 16 at once\n"
	      "  primary, replica: what the OSD took for a write in either part, one at "
	      "a "
	      "time; a primary waits for its replicas\n"
	      "  waits: share of the streaming that its commit thread spent waiting for "
	      "its disk; write cache: of OSDs on this host\n\n",
	      f);
}

static void put_bitrate(FILE *f, const json_t *o, const char *key, int width)
{
	char buf[32] = "n/a";
	if (known(o, key))
		hcb_fmt_bitrate(buf, sizeof(buf), num(o, key));
	fprintf(f, "%*s", width, buf);
}

static void put_through(FILE *f, const json_t *path)
{
	char buf[80];
	if (json_is_true(json_object_get(path, "local")))
		snprintf(buf, sizeof(buf), "this host");
	else
		snprintf(buf, sizeof(buf), "%s%s", str(path, "interface"),
		         json_is_true(json_object_get(path, "tunnel")) ? ", a tunnel"
		                                                       : "");
	fprintf(f, "%-22s", buf);
}

static void put_paths(FILE *f, const json_t *doc)
{
	const json_t *paths = json_object_get(doc, "paths");
	size_t i;
	json_t *p;
	if (!json_array_size(paths))
		return;
	fprintf(f, "%-18s%-10s%-22s%12s%12s%14s%14s\n", "paths", "host", "through",
	        "round trip", "answer", "from it", "to it");
	json_array_foreach(paths, i, p)
	{
		fprintf(f, "  %-16s%-10s", str(p, "address"), str(p, "host"));
		put_through(f, p);
		put_ns(f, p, "rtt_ns", 12);
		put_ns(f, p, "answer_ns", 12);
		put_bitrate(f, p, "from_osd_bytes_per_s", 14);
		put_bitrate(f, p, "to_osd_bytes_per_s", 14);
		fputc('\n', f);
	}
	fputs("  round trip: TCP's own; answer: a 4 KiB read that the OSD has in memory; "
	      "from, to: in bursts, no disk in it\n\n",
	      f);
}

void hcb_text_probe(FILE *f, const json_t *doc)
{
	put_verdict(f, doc);
	put_what(f, doc);
	put_measured(f, doc);
	put_osds(f, doc);
	put_paths(f, doc);
	put_fsyncs(f, doc);
	put_list(f, "notes", json_object_get(doc, "notes"));
	fprintf(f, "again: %s\n", str(json_object_get(doc, "probe"), "command"));
}
