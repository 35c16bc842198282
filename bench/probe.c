/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/probe.h"

#include <stdio.h>
#include <string.h>

#include "bench/core/units.h"

/* As in validity.c: above it a bench on this host can not be believed either. */
#define HOST_FULL   0.85
/* A cap that held while something was as full as this was not what bound it. */
#define FULL        0.85
/* Below it nothing is near its limit: assumed. An M/M/1 server half busy doubles the time
   spent at it, so that waiting there is as long as the service. */
#define HALF_BUSY   0.5
/* A port or disk as busy as this is the pool's own limit, whoever keeps this host busy
   besides: a hyperconverged host's guests do. Assumed. */
#define MOSTLY_BUSY 0.7
/* No durable write to a disk, of any kind, is faster: memory answers. */
#define MEMORY_NS   10000.0
/* A part that is this much of the whole is the whole. */
#define NEARLY_ALL  0.97

static const struct {
	const char *name, *key;
} resources[HCB_N_RES] = {
        [HCB_RES_UNCLEAR] = {"unclear", "unclear"},
        [HCB_RES_FLUSH] = {"disk flush", "disk_flush"},
        [HCB_RES_DISK] = {"disk", "disk"},
        [HCB_RES_NETWORK] = {"network", "network"},
        [HCB_RES_TUNNEL] = {"tunnel", "tunnel"},
        [HCB_RES_PROCESSOR] = {"processor", "processor"},
        [HCB_RES_CAP] = {"rate cap", "rate_cap"},
};

const char *hcb_resource_name(enum hcb_resource r)
{
	return resources[r].name;
}

const char *hcb_resource_key(enum hcb_resource r)
{
	return resources[r].key;
}

/* ---- the decision ---- */

static double known(double v)
{
	return v > 0 ? v : 0;
}

static enum hcb_resource way(const struct hcb_probe_seen *e)
{
	return e->tunnel ? HCB_RES_TUNNEL : HCB_RES_NETWORK;
}

static enum hcb_resource medium(const struct hcb_probe_seen *e)
{
	return e->durable ? HCB_RES_FLUSH : HCB_RES_DISK;
}

static void by_time(const struct hcb_probe_seen *e, enum hcb_resource r, double part_ns,
                    struct hcb_bound *out)
{
	out->next = r;
	out->by_time = true;
	out->part_ns = part_ns;
	out->share = e->op_ns > 0 ? part_ns / e->op_ns : 0;
}

static bool host_full(const struct hcb_probe_seen *e)
{
	return e->host_busy >= HOST_FULL;
}

/* A pool's op by what takes its time. Where the OSDs do not say, the disk has the rest.
 */
static void judge_time(const struct hcb_probe_seen *e, struct hcb_bound *out)
{
	double net = known(e->network_ns), soft = known(e->software_ns);
	double disk = e->disk_ns;
	bool guess = disk < 0;
	if (guess && e->network_ns >= 0 && e->software_ns >= 0)
		disk = known(e->op_ns - net - soft);
	/* The OSD's mean is over all that it committed, in the drain and of others too.
	 */
	disk = disk > e->op_ns ? e->op_ns : known(disk);
	out->rest_ns = guess ? -1 : known(e->op_ns - disk - net - soft);
	if (host_full(e) && !guess) { /* then that is what it waited for */
		soft += out->rest_ns;
		out->rest_ns = 0;
	}
	double most = disk >= net && disk >= soft ? disk : net >= soft ? net : soft;
	/* Time that nobody accounts for: waiting for the slowest of the copies, or in
	   queues. More of it than of anything else, and the parts prove nothing. */
	if (most <= 0 || out->rest_ns > most)
		by_time(e, HCB_RES_UNCLEAR, most, out);
	else if (disk == most)
		by_time(e, medium(e), disk, out);
	else if (net == most)
		by_time(e, way(e), net, out);
	else
		by_time(e, HCB_RES_PROCESSOR, soft, out);
}

static void judge_busy(const struct hcb_probe_seen *e, struct hcb_bound *out)
{
	bool port = e->port_busy > e->disk_busy;
	double most = port ? e->port_busy : e->disk_busy;
	judge_time(e, out);
	if (host_full(e) && most < MOSTLY_BUSY) {
		out->next = HCB_RES_PROCESSOR;
		most = e->host_busy;
	} else if (most >= HALF_BUSY) {
		out->next = port ? way(e) : medium(e);
	} else {
		return;
	}
	out->by_time = false;
	out->share = most;
}

/* One device: what is not the flush is the write. */
static void judge_device(const struct hcb_probe_seen *e, struct hcb_bound *out)
{
	double flush = e->durable ? known(e->flush_ns) : 0;
	if (e->op_ns < MEMORY_NS)
		by_time(e, HCB_RES_PROCESSOR, e->op_ns, out);
	else if (e->durable && flush >= e->op_ns / 2)
		by_time(e, HCB_RES_FLUSH, flush, out);
	else
		by_time(e, HCB_RES_DISK, e->op_ns - flush, out);
	if (host_full(e) && !e->one_by_one) {
		out->next = HCB_RES_PROCESSOR;
		out->by_time = false;
		out->share = e->host_busy;
	}
}

void hcb_probe_judge(const struct hcb_probe_seen *e, struct hcb_bound *out)
{
	memset(out, 0, sizeof(*out));
	out->rest_ns = -1;
	if (!e->ran || e->op_ns <= 0)
		return;
	if (!e->pool)
		judge_device(e, out);
	else if (e->one_by_one)
		judge_time(e, out);
	else
		judge_busy(e, out);
	bool full = !out->by_time && out->share >= FULL;
	out->resource = e->capped && !full ? HCB_RES_CAP : out->next;
}

enum hcb_resource hcb_probe_headline(const struct hcb_bound *commit,
                                     const struct hcb_bound *stream)
{
	enum hcb_resource s = stream->resource;
	if (s == HCB_RES_NETWORK || s == HCB_RES_TUNNEL || s == HCB_RES_PROCESSOR)
		return s;
	return commit->resource != HCB_RES_UNCLEAR ? commit->resource : s;
}

/* ---- in words ---- */

char *hcb_fmt_rate(char *buf, size_t n, double v)
{
	static const struct {
		double unit;
		const char *name;
	} units[] = {{1e9, "GB/s"}, {1e6, "MB/s"}, {1e3, "kB/s"}, {1, "B/s"}};
	size_t i = 0;
	while (i < 3 && v < units[i].unit)
		i++;
	double x = v / units[i].unit;
	snprintf(buf, n, "%.*f %s", x < 10 ? 2 : x < 100 ? 1 : 0, x, units[i].name);
	return buf;
}

char *hcb_fmt_bitrate(char *buf, size_t n, double bytes_per_s)
{
	double mbit = bytes_per_s * 8 / 1e6;
	if (mbit >= 10000)
		snprintf(buf, n, "%.1f Gbit/s", mbit / 1000);
	else
		snprintf(buf, n, "%.*f Mbit/s", mbit < 10 ? 1 : 0, mbit);
	return buf;
}

/* "; what the part is", after "X takes T, P of it ". */
static void say_part(const struct hcb_probe_seen *e, const struct hcb_bound *b, char *out,
                     size_t size)
{
	switch (b->next) {
	case HCB_RES_FLUSH:
	case HCB_RES_DISK:
		if (!e->pool)
			snprintf(out, size, "the %s itself",
			         b->next == HCB_RES_FLUSH ? "flush" : "write");
		else if (e->slow_osd >= 0)
			snprintf(out, size, "until osd.%d, the slowest, has it on disk",
			         e->slow_osd);
		else
			snprintf(out, size,
			         "the disks', by what network and software leave");
		break;
	case HCB_RES_NETWORK:
	case HCB_RES_TUNNEL:
		snprintf(out, size, "round trips and transfer");
		break;
	case HCB_RES_PROCESSOR:
		snprintf(out, size, "%s",
		         e->pool ? "the work of client and OSDs" : "memory");
		break;
	default:
		snprintf(out, size, "accounted for");
	}
}

static void say_busy(const struct hcb_probe_seen *e, const struct hcb_bound *b, char *out,
                     size_t size)
{
	char rate[32];
	switch (b->next) {
	case HCB_RES_NETWORK:
	case HCB_RES_TUNNEL:
		snprintf(out, size, "port %s carries %.0f %% of its %s", e->port,
		         100 * b->share,
		         hcb_fmt_bitrate(rate, sizeof(rate), e->port_capacity));
		break;
	case HCB_RES_PROCESSOR:
		snprintf(out, size, "this host's processors are %.0f %% busy",
		         100 * b->share);
		break;
	default:
		snprintf(out, size, "osd.%d waits %.0f %% of the time for its disk",
		         e->busy_osd, 100 * b->share);
	}
}

void hcb_probe_sentence(const struct hcb_probe_seen *e, const struct hcb_bound *b,
                        const char *what, char *out, size_t size)
{
	char op[32], part[32], why[200];
	if (!e->ran || e->op_ns <= 0) {
		snprintf(out, size, "not measured");
		return;
	}
	if (!b->by_time) {
		say_busy(e, b, why, sizeof(why));
		snprintf(out, size, "%s", why);
		return;
	}
	if (b->part_ns <= 0) {
		snprintf(out, size, "%s takes %s; nothing is known of where", what,
		         hcb_fmt_ns(op, sizeof(op), e->op_ns));
		return;
	}
	say_part(e, b, why, sizeof(why));
	hcb_fmt_ns(op, sizeof(op), e->op_ns);
	if (b->share >= NEARLY_ALL)
		snprintf(out, size, "%s takes %s, nearly all of it %s", what, op, why);
	else
		snprintf(out, size, "%s takes %s, %s of it %s", what, op,
		         hcb_fmt_ns(part, sizeof(part), b->part_ns), why);
}

static void say_stream(const struct hcb_probe_seen *e, const struct hcb_bound *b,
                       char *out, size_t size)
{
	char why[300], rate[32];
	hcb_probe_sentence(e, b, "1 MiB", why, sizeof(why));
	hcb_fmt_rate(rate, sizeof(rate), e->bytes_per_s);
	if (!e->ran)
		snprintf(out, size, "%s", why);
	else if (b->resource == HCB_RES_CAP)
		snprintf(out, size, "%s, held there; nearest to a limit: %s, %s", rate,
		         hcb_resource_name(b->next), why);
	else
		snprintf(out, size, "%s, %s", rate, why);
}

void hcb_probe_summary(const struct hcb_probe_seen *commit_seen,
                       const struct hcb_bound *commit,
                       const struct hcb_probe_seen *stream_seen,
                       const struct hcb_bound *stream, char *out, size_t size)
{
	char c[300], s[400];
	bool stream_first = hcb_probe_headline(commit, stream) != commit->resource;
	hcb_probe_sentence(commit_seen, commit, "a flushed 8 KiB write", c, sizeof(c));
	say_stream(stream_seen, stream, s, sizeof(s));
	if (stream_first)
		snprintf(out, size, "%s (streams: %s); commits: %s (%s)",
		         hcb_resource_name(stream->resource), s,
		         hcb_resource_name(commit->resource), c);
	else
		snprintf(out, size, "%s (%s); streams: %s (%s)",
		         hcb_resource_name(commit->resource), c,
		         hcb_resource_name(stream->resource), s);
}
