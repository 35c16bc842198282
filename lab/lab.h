/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lab: a real three-host Ceph cluster on this machine, from a cluster file. Hosts are
 * network namespaces, disks are served models behind loop devices. docs/lab.md tells how
 * it is made and what bites.
 *
 * Everything about a lab that is up lies in its state directory, a tmpfs; lab.json in it
 * is what hcb_lab_find reads.
 */
#ifndef HCB_LAB_LAB_H
#define HCB_LAB_LAB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "bench/core/cluster.h"
#include "bench/core/err.h"

#define HCB_LAB_MAX_OSDS 36
#define HCB_LAB_DEFAULT  "default" /* the lab that has no name: seed-direct */

struct hcb_lab_host_info {
	char name[32];
	char netns[96]; /* path of its network namespace */
	/* Without prefix lengths. On Ceph's public and on its cluster network; of the
	   host's port; of its virtual machine, "" if it has none. */
	char address[32], cluster_address[32], link_address[32], vm_address[32];
	char vm_netns[96];   /* path, "" if it has none */
	pid_t mon, mgr;      /* 0: none runs here */
	pid_t tinc, tinc_vm; /* of Ceph's tunnel, of the virtual machines'; 0: none */
	/* The system disk, if it is served ("" if not): the disk server's mount ("" with
	   --ram), its loop device, and where its file system is mounted. */
	char system_dir[160], system_loop[32], system_fs[160];
};

struct hcb_lab_osd_info {
	unsigned id;
	char host[32];
	char disk_dir[160]; /* FUSE mount of the served disk (disk, stat, ctl); "" with
	                       --ram */
	char loop[32];      /* /dev/loopN */
	char asok[108];     /* admin socket */
	pid_t pid;
};

/* What the warm-up reached. The ratios are flushes the disk saw per kv batch. */
struct hcb_lab_warm_info {
	bool done;
	double seconds;
	uint64_t wal_bytes;    /* RocksDB log written per OSD, least of all OSDs */
	double kv_flush_ratio; /* small deferred writes, worst OSD */
	double kv_flush_ratio_at_start;
	bool recycles_wal; /* RocksDB really reuses its logs */
};

struct hcb_lab_info {
	char name[48];
	char cluster_name[48]; /* stem of the cluster file */
	char cluster_file[512];
	char dir[96];
	char conf[128], keyring[128]; /* ceph.conf and client.admin's keyring */
	char fsid[40];
	double dilation;
	char public_net[16], cluster_net[16], vm_net[16]; /* as in the cluster file */
	bool ram;         /* disks without a model (--ram) */
	bool recycle_wal; /* RocksDB was let reuse its logs */
	struct hcb_lab_warm_info warm;
	struct hcb_lab_host_info hosts[HCB_MAX_HOSTS];
	unsigned n_hosts;
	struct hcb_lab_osd_info osds[HCB_LAB_MAX_OSDS];
	unsigned n_osds;
	char pools[HCB_MAX_POOLS][64];
	unsigned n_pools;
	/* What the cluster file asks for and the lab has not, a text each. */
	char not_emulated[4][160];
	unsigned n_not_emulated;
};

struct hcb_lab_up_opts {
	const char *target; /* NAME or FILE, NULL: the default */
	bool cold;          /* no warm-up */
	bool ram;           /* disks are plain memory: to measure clients, not storage */
	bool recycle_wal;   /* let RocksDB reuse its logs, which stock 16.2 does not */
	double dilation;    /* in place of the file's; 0: as the file says */
};

/* ---- for the run loop and others ---- */

/* A lab that is up. -ENOENT with one message if there is none of that name. */
int hcb_lab_find(const char *name, struct hcb_lab_info *out, struct hcb_err *err);
/*
 * Moves the calling thread, and all threads it starts later, into a host's network.
 * Call it before librados starts threads of its own.
 */
int hcb_lab_enter(const struct hcb_lab_info *info, const char *host, struct hcb_err *err);
/* Every served disk's own counters: array of {"osd":N, ...what DIR/stat says...}, and
   after the OSDs' {"system":"HOST", ...} of system disks. */
int hcb_lab_disk_stats(const struct hcb_lab_info *info, json_t **out,
                       struct hcb_err *err);
/* Tells every served disk "timing on" or "timing off". */
int hcb_lab_disk_timing(const struct hcb_lab_info *info, bool on, struct hcb_err *err);
/* One line for every served disk's ctl file ("reset-lateness\n"). */
int hcb_lab_disk_ctl(const struct hcb_lab_info *info, const char *line,
                     struct hcb_err *err);
/* For the disk of osds[i] alone. */
int hcb_lab_disk_ctl_one(const struct hcb_lab_info *info, unsigned i, const char *line,
                         struct hcb_err *err);
/* Every OSD's "perf dump": array of {"osd":N, "perf":{...}}. */
int hcb_lab_osd_perf(const struct hcb_lab_info *info, json_t **out, struct hcb_err *err);
/* One admin socket command ("perf dump"), at most timeout_ns. */
int hcb_lab_asok(const char *path, const char *command, uint64_t timeout_ns, json_t **out,
                 struct hcb_err *err);

/* ---- faults: docs/lab.md ---- */

/* "kill-host" and "h2": 0 if there is such a fault and the lab has what it names; exit 2.
 */
int hcb_lab_fault_check(const struct hcb_lab_info *info, const char *verb,
                        const char *args, struct hcb_err *err);
/* Does it; returns when it is done, "heal" when the cluster is well again. *told: what
   there is to say, {"said": a line, ...}, or NULL; the caller's. */
int hcb_lab_fault(const struct hcb_lab_info *info, const char *verb, const char *args,
                  json_t **told, struct hcb_err *err);
/* One line for each. */
void hcb_lab_fault_list(FILE *f);

/* For a result: {"changed": [...], "not_emulated": [...]}, where this cluster differs
   from Ceph as it comes, and from its file. Owned by the caller. */
json_t *hcb_lab_departures(const struct hcb_lab_info *info);

/* ---- the verbs ---- */

/* The name a lab gets from what the user typed: NAME, FILE's stem, or the default. */
int hcb_lab_name(const char *target, char *name, size_t size, struct hcb_err *err);
/* Already up and healthy is success, with a word. Cleans up after itself if it fails. */
int hcb_lab_up(const struct hcb_lab_up_opts *opts, struct hcb_err *err);
/* Never fails for lack of a lab. */
int hcb_lab_down(const char *name, struct hcb_err *err);
int hcb_lab_down_all(struct hcb_err *err);
/* Owned by the caller. With a name: that lab or an error; without: all there are. */
int hcb_lab_status(const char *name, json_t **out, struct hcb_err *err);
/*
 * What a cluster file would become, what of it can not be emulated, and in "lacks" what
 * this machine has not got for it: none, and "possible" is true. Owned by the caller.
 */
int hcb_lab_check(const char *target, json_t **out, struct hcb_err *err);
struct hcb_lab_traffic {
	const char *from, *to; /* hosts */
	uint64_t bit_per_s;    /* 0: as much as goes; lab time, as all of this */
	uint64_t seconds;
};
/* Load between two virtual machines, over its whole length; *out says what went through,
   and is the caller's. */
int hcb_lab_traffic(const char *name, const struct hcb_lab_traffic *t, json_t **out,
                    struct hcb_err *err);
#define HCB_LAB_PATH_PACKETS 2000 /* fewer, and a tunnel's cost cannot be told */
struct hcb_lab_path {
	const char *from, *to; /* hosts; NULL: the first, and the first other one */
	uint64_t seconds;      /* of the stream, lab time */
	bool link; /* by the hosts' own ports, beside any tunnel, not as replication goes
	            */
};
/* The way replication takes between two hosts: *out, the caller's, has round trip,
   throughput of one stream, processor time per packet (docs/results-format.md). */
int hcb_lab_path(const char *name, const struct hcb_lab_path *p, json_t **out,
                 struct hcb_err *err);
/* Ceph's tunnels cost so much processor per packet from now on, lab time, 0: what they
   take. *out, the caller's: aim, cost without, cost achieved. Exit 2 if they take more
   than that at this dilation. */
int hcb_lab_hold(const char *name, double us, json_t **out, struct hcb_err *err);
/* What they are held to; 0: nothing. */
double hcb_lab_held(const struct hcb_lab_info *info);
struct hcb_lab_guest {
	const char *image; /* POOL/IMAGE; made if it does not exist */
	const char *host;  /* NULL: the first */
	bool writeback;    /* QEMU's cache=writeback, else cache=none */
	uint64_t size_bytes;
};
/* The image through QEMU's block layer, exported on a Unix socket: *out has its "target"
   for the nbd engine. One that runs so already is success. *out is the caller's. */
int hcb_lab_guest(const char *name, const struct hcb_lab_guest *want, json_t **out,
                  struct hcb_err *err);
int hcb_lab_guest_stop(const char *name, const char *image, struct hcb_err *err);
/* Where that host's system disk is mounted in a lab of that name, whether it is up or
   not, and has one or not. */
int hcb_lab_system_path(const char *name, const char *host, char *buf, size_t size,
                        struct hcb_err *err);
/* Becomes the command; returns only if that fails. */
int hcb_lab_exec(const char *name, const char *host, char **argv, struct hcb_err *err);

#endif
