/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What bounds a pool or a disk: a pure decision on what a probe's phases showed. Two
 * questions have two kinds of answer.
 *
 * One write at a time (commits): nothing is busy all of the time, so what bounds it is
 * what takes most of the time. The parts are measured apart: the disk's by the OSDs (from
 * when BlueStore was given a write to when it is durable, mean of the slowest OSD), the
 * network's from round trips and path throughput, the software's from reads that an OSD
 * answers from memory.
 *
 * Many at once, or large ones: what bounds it is what has no time left. The busiest port
 * is held against the throughput measured on its paths, the disks against the share of
 * time in which the busiest OSD's commit thread waits for its disk, the processors
 * against this host's. If nothing is half busy, the parts of the time decide as above.
 */
#ifndef HCB_BENCH_PROBE_H
#define HCB_BENCH_PROBE_H

#include <stdbool.h>
#include <stddef.h>

enum hcb_resource {
	HCB_RES_UNCLEAR,
	HCB_RES_FLUSH,
	HCB_RES_DISK,
	HCB_RES_NETWORK,
	HCB_RES_TUNNEL,
	HCB_RES_PROCESSOR,
	HCB_RES_CAP, /* the probe's own cap on rate */
	HCB_N_RES
};

/* "disk flush"; in documents "disk_flush". */
const char *hcb_resource_name(enum hcb_resource r);
const char *hcb_resource_key(enum hcb_resource r);

/* The evidence of one phase. Times are means per op in ns, shares 0 to 1 (a port may
   exceed 1 by the measurements' error); negative: not known. */
struct hcb_probe_seen {
	bool ran;
	bool pool;       /* OSDs over a network; else one device, or a model of one */
	bool tunnel;     /* some path to the OSDs is one */
	bool one_by_one; /* a single op out at any time */
	bool durable;    /* each write with its flush; else plain writes */
	bool capped;     /* the cap on rate held ops back, and the rate reached it */
	double op_ns;    /* from submit to done, of a durable write with its flush */
	double flush_ns; /* of it in the flush op */
	double disk_ns, network_ns, software_ns;
	double disk_busy, port_busy, host_busy;
	/* for the sentence */
	double bytes_per_s;
	int slow_osd, busy_osd; /* of disk_ns, of disk_busy; negative: none */
	char port[96];          /* of port_busy: "10.0.0.2 (out)" */
	double port_capacity;   /* bytes/s, measured */
};

struct hcb_bound {
	enum hcb_resource resource;
	enum hcb_resource next; /* CAP: what would have been it; else the same */
	bool by_time;   /* share is a part of the op's time, else how busy it is */
	double share;   /* of `next` */
	double part_ns; /* by_time: that part */
	double rest_ns; /* pool: of op_ns what no part accounts for; negative: not known
	                 */
};

void hcb_probe_judge(const struct hcb_probe_seen *e, struct hcb_bound *out);

/*
 * What to name first. A port, a tunnel or a processor that has no room left bounds
 * whoever comes next as well, so it goes before the time that one commit takes.
 */
enum hcb_resource hcb_probe_headline(const struct hcb_bound *commit,
                                     const struct hcb_bound *stream);

/* "a flushed 8 KiB write takes 31.0 ms, 25.0 ms of it until the slowest OSD (osd.2) has
   it on its disk". what: "a flushed 8 KiB write". */
void hcb_probe_sentence(const struct hcb_probe_seen *e, const struct hcb_bound *b,
                        const char *what, char *out, size_t size);
/* The line that sums up: "disk flush: a flushed ...; streams: network, 6.1 MB/s ...". */
void hcb_probe_summary(const struct hcb_probe_seen *commit_seen,
                       const struct hcb_bound *commit,
                       const struct hcb_probe_seen *stream_seen,
                       const struct hcb_bound *stream, char *out, size_t size);

/* Decimal, as networks and disks are sold: "11.7 MB/s". */
char *hcb_fmt_rate(char *buf, size_t n, double bytes_per_s);
/* "94 Mbit/s" */
char *hcb_fmt_bitrate(char *buf, size_t n, double bytes_per_s);

#endif
