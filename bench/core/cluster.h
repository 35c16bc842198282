/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cluster files: the one description that the lab (real parts) and the pool model share.
 * INI, dialect of design section 6. Unknown keys are errors that name file, line and the
 * nearest valid key.
 */
#ifndef HCB_CORE_CLUSTER_H
#define HCB_CORE_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/core/err.h"

#define HCB_MAX_HOSTS     16
#define HCB_MAX_HOST_OSDS 12
#define HCB_MAX_POOLS     8

/* "generic-7200, class=hdd, filled=60%, size=2TB, cache=off" */
struct hcb_disk_spec {
	char profile[64];
	char crush_class[32]; /* "hdd" unless said */
	char cache[8]; /* volatile write cache: "on", "off", "default": the profile's */
	double filled; /* share of the stroke live data is spread over; 0: not spread */
	uint64_t size_bytes; /* 0: as the profile */
};

struct hcb_host_spec {
	char name[32];
	uint64_t port_bit_per_s;     /* each way */
	struct hcb_disk_spec system; /* disk of the operating system; profile "": none is
	                                described */
	bool system_served; /* the lab builds it, for the monitor's store, the logs, and
	                       whatever a run puts there; else it is described only */
	struct hcb_disk_spec osds[HCB_MAX_HOST_OSDS];
	unsigned n_osds;
};

enum hcb_net_kind { HCB_NET_DIRECT, HCB_NET_TINC };
/* GRE: a virtual machine on each host, joined by GRE between the hosts' switches, over a
   Tinc network of its own whatever Ceph's traffic takes. */
enum hcb_vm_net { HCB_VM_NONE, HCB_VM_GRE };

struct hcb_pool_spec {
	char name[64];
	unsigned size, min_size, pg_num;
	char crush_class[32];
	char domain[16]; /* failure domain: "host" or "osd" */
};

struct hcb_cluster {
	char name[48]; /* the file's stem */
	char path[512];
	double dilation; /* >= 1 */
	struct hcb_host_spec hosts[HCB_MAX_HOSTS];
	unsigned n_hosts;
	enum hcb_net_kind public_net, cluster_net;
	enum hcb_vm_net vm_net;
	uint64_t rtt_ns; /* 0: what the links give by themselves */
	double tunnel_us_lo,
	        tunnel_us_hi; /* tunnel processor time per packet, us; 0: not held */
	struct hcb_pool_spec pools[HCB_MAX_POOLS];
	unsigned n_pools;
};

/* Reads and checks a file. Errors name file and line; exit code 2. */
int hcb_cluster_read(const char *path, struct hcb_cluster *out, struct hcb_err *err);
/* The same over a string; name stands for the file ("x.ini"). */
int hcb_cluster_read_string(const char *text, const char *name, struct hcb_cluster *out,
                            struct hcb_err *err);
/*
 * NAME or a path to a .ini: looks for the path itself, then NAME.ini in
 * $HCBENCH_SHARE/clusters, the source tree's lab/clusters next to the executable, and
 * /usr/share/hcbench/clusters. "default" means seed-direct.
 */
int hcb_cluster_find(const char *name_or_path, char *path, size_t size,
                     struct hcb_err *err);
/* The same search for "disks" (profiles) and other shipped folders: kind is "clusters",
   "disks". */
int hcb_share_find(const char *kind, const char *name, char *path, size_t size,
                   struct hcb_err *err);

/* Everything a cluster file may say, section by section, from the tables that parse it.
 */
void hcb_cluster_print_help(void *file /* FILE * */);

#endif
