/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the lab only: what its files share. */
#ifndef HCB_LAB_IMPL_H
#define HCB_LAB_IMPL_H

#include <signal.h>

#include "bench/core/child.h"
#include "bench/core/clock.h"
#include "bench/core/units.h"
#include "lab/lab.h"

#define LAB_SWITCH       "sw"          /* the switch's namespace is hcb-LAB-sw */
#define LAB_VM           "_vm"         /* the machine on HOST: hcb-LAB-HOST_vm */
#define LAB_ENV          "HCBENCH_LAB" /* marks every process of a lab in /proc/PID/environ */
#define LAB_TMPFS        "hcb-lab"     /* source of the tmpfs a lab's state lies in */
#define LAB_MAX_MONS     3
#define LAB_MAX_DILATION 16.0 /* TCP's least retransmission time is 0.2 s at any D */

struct lab_osd {
	unsigned id, host;
	struct hcb_disk_spec spec;
	char uuid[40], key[48];
	int loop; /* number, -1: none yet */
	pid_t pid;
};

/* The networks of a lab; lab_address gives a host's number in each. */
enum lab_net {
	LAB_NET_LINK,   /* the ports, straight */
	LAB_NET_ADMIN,  /* first tunnel: Ceph's traffic */
	LAB_NET_VMLINK, /* second tunnel: under the virtual machines' switches */
	LAB_NET_VM,     /* the virtual machines */
	LAB_N_NETS
};

enum lab_ovs { LAB_OVS_DB, LAB_OVS_SWITCH, LAB_N_OVS };

struct lab_net_kind {
	const char *name, *prefix; /* "10.1.0", of a /24 */
	unsigned port;             /* of the tunnel; 0: none */
};

struct lab_host {
	char name[32], netns[80];
	char vm_netns[80]; /* of the virtual machine on it */
	char address[32];  /* on Ceph's public network */
	bool has_mon, has_system;
	char mgr_key[48];
	int system_loop; /* as lab_osd's */
	pid_t mon_pid, mgr_pid;
	pid_t tinc_pid[LAB_N_NETS]; /* of the networks that are tunnels */
	pid_t ovs_pid[LAB_N_OVS];
};

/*
 * A lab being built. Lies in memory shared with the jobs (below), so that what a job
 * finds out is known to all.
 */
struct lab {
	char name[48], dir[96], fsid[40];
	struct hcb_cluster cluster;
	bool cold, ram, recycle_wal;
	struct lab_host hosts[HCB_MAX_HOSTS];
	struct lab_osd osds[HCB_LAB_MAX_OSDS];
	unsigned n_osds, n_mons;
	uint64_t data_bytes; /* most memory the data of one served disk may take */
	char admin_key[48], mon_key[48];
	struct hcb_lab_warm_info warm;
	uint64_t start_ns;
};

/* ---- plan.c: what is going to be built ---- */
int lab_plan(struct lab *lab, const struct hcb_lab_up_opts *o, struct hcb_err *err);
const struct lab_net_kind *lab_net_kind(enum lab_net net);
bool lab_has_net(const struct hcb_cluster *c, enum lab_net net);
enum lab_net lab_net_of(enum hcb_net_kind kind);
/* Does a pool lie on it? */
bool lab_osd_used(const struct lab *lab, const struct lab_osd *o);
/* Of the host with this index, without a prefix length. */
void lab_address(enum lab_net net, unsigned host, char *buf, size_t size);

/* ---- need.c: what this machine must have ---- */
struct lab_memory {
	uint64_t need, available; /* bytes */
	uint64_t per_disk;        /* what the data of one served disk may take */
};
int lab_memory(const struct lab *lab, struct lab_memory *m, struct hcb_err *err);
/* 0, or the first thing that is missing. Also sets lab->data_bytes. */
int lab_need(struct lab *lab, struct hcb_err *err);
/* Each thing that is missing is one message in out; how many there are. */
unsigned lab_lacks(struct lab *lab, struct hcb_err *out, unsigned max);
int lab_need_program(const char *program, const char *package, struct hcb_err *err);

/* ---- check.c ---- */
/* As a cluster file says it. */
const char *lab_net_word(enum hcb_net_kind kind);
const char *lab_vm_word(enum hcb_vm_net kind);

/* What the cluster file asks for that a lab can not give, one text each. Owned by the
 * caller. */
json_t *lab_not_emulated(const struct hcb_cluster *c);
/* {"link": "10.99.0.1", ...} of the networks there are. */
json_t *lab_addresses_json(const struct hcb_cluster *c, unsigned host);

/* ---- state.c: names, directories, the lock, lab.json ---- */
void lab_parent_dir(char *buf, size_t size);
int lab_dir(const char *name, char *buf, size_t size, struct hcb_err *err);
int lab_check_name(const char *name, struct hcb_err *err);
int lab_write_file(const char *path, const char *text, struct hcb_err *err);
int lab_read_file(const char *path, char *buf, size_t size);
int lab_mkdirs(const char *path, struct hcb_err *err);
int lab_state_make(struct lab *lab, struct hcb_err *err);
int lab_state_save(const struct lab *lab, struct hcb_err *err);
void lab_info_from(const struct lab *lab, struct hcb_lab_info *out);

struct lab_lock {
	int fd;
	char path[128];
};
/* -EBUSY: *holder has it. */
int lab_lock(const char *name, const char *verb, struct lab_lock *l, pid_t *holder,
             struct hcb_err *err);
void lab_unlock(struct lab_lock *l, bool remove);

json_t *hcb_lab_info_json(const struct hcb_lab_info *i);

/* ---- ground.c: what a lab may take away ---- */
enum lab_ground { LAB_GROUND_FREE, LAB_GROUND_OURS, LAB_GROUND_FOREIGN };
enum lab_ground lab_ground(const char *dir);
/* Exit 14 if something is in the way that no lab made. */
int lab_check_ground(const char *name, const char *dir, struct hcb_err *err);
bool lab_lock_is_ours(int fd); /* an empty file is */
bool lab_is_lock(const char *path);

/* ---- job.c: a function in a forked child, in a host's network, with a deadline ---- */
typedef int lab_job_fn(void *arg, struct hcb_err *err);
struct lab_job {
	pid_t pid;
	int pidfd, fd;
	const char *what; /* for "WHAT: took longer than 20 s" */
};
/* netns NULL: the present one. */
int lab_job_start(struct lab_job *j, const char *what, const char *netns, lab_job_fn *fn,
                  void *arg, struct hcb_err *err);
int lab_job_wait(struct lab_job *j, uint64_t deadline_ns, struct hcb_err *err);
int lab_job_run(const char *what, const char *netns, uint64_t timeout_ns, lab_job_fn *fn,
                void *arg, struct hcb_err *err);
/* Zeroed memory that jobs share with their parent. */
void *lab_shared_alloc(size_t size);
void lab_shared_free(void *p, size_t size);
/* Set by SIGINT and SIGTERM while a lab is being built; waits return -EINTR. */
extern volatile sig_atomic_t lab_stop_signal;

/* ---- net.c ---- */
int lab_net_make(struct lab *lab, struct hcb_err *err);
int lab_net_shape(struct lab *lab, struct hcb_err *err);
/* On: what is sent to the first tunnel's addresses goes over the links instead. */
int lab_net_bypass(struct lab *lab, bool on, struct hcb_err *err);

/* "ip -batch" of these lines, in a namespace (NULL: the present one). */
int lab_ip_batch(const char *netns, const char *lines, struct hcb_err *err);

/* ---- guest.c ---- */
/* Those that were started, each with its "pid", 0 if it is gone. */
json_t *lab_guests_json(const struct hcb_lab_info *info);

/* ---- tinc.c ---- */
/* Keys, files and daemons of all tunnels; waits until "admin" carries. Ceph's traffic
   goes into it from lab_tunnels_use on. */
int lab_tunnels_make(struct lab *lab, struct hcb_err *err);
int lab_tunnels_use(struct lab *lab, struct hcb_err *err);
/*
 * Waits until every host has reached every other over the network "over" for a second on
 * end, and starts the daemon of the tunnel "net" anew on a host that has not within
 * wait_ns, three times at most.
 *
 * tincd 1.0 makes a new key for every ANS_KEY it sends. In a mesh two of them may go to
 * the same host by different ways, and the older arrive last: from then on one direction
 * carries nothing, until a check of the path's MTU (each minute) or of the key (each
 * hour) mends it. docs/lab.md says how often that was seen.
 */
#define LAB_TUNNEL_WAIT (5 * HCB_SEC) /* of Ceph's tunnel: it needs less than one */
int lab_tunnels_settle(struct lab *lab, enum lab_net over, enum lab_net net,
                       uint64_t wait_ns, struct hcb_err *err);
/* Starts those that are gone, of a lab that was up; says whether any was. */
int lab_tunnels_revive(const struct hcb_lab_info *info, struct lab *lab, bool *any,
                       struct hcb_err *err);
void lab_tunnel_interface(enum lab_net net, char *buf, size_t size);

/* ---- hold.c: tunnels held to a cost per packet ---- */
/* Puts daemons that were started anew where the old ones were. */
int lab_hold_again(const struct hcb_lab_info *info, struct hcb_err *err);
/* How long Ceph's tunnel on a host stood still for its quota, in all; false: not held. */
bool lab_hold_throttled_ns(const struct hcb_lab_info *info, const char *host,
                           uint64_t *out);

/* ---- quota.c: a daemon's share of a processor, in a control group of the lab's ---- */
/* share: of one processor, 1 and more: no quota. The group is made if there is none. */
int lab_quota_set(const char *lab, const char *group, double share, pid_t pid,
                  struct hcb_err *err);
/* Into the group that another had; 0 if there is none. */
int lab_quota_join(const char *lab, const char *group, pid_t pid, struct hcb_err *err);
/* How long its processes stood still for the quota, in all; false: no such group. */
bool lab_quota_throttled_ns(const char *lab, const char *group, uint64_t *out);
/* Of a lab of this name: is anything of it left, and away with it. */
bool lab_quota_there(const char *lab);
void lab_quota_remove(const char *lab);

/* ---- ovs.c ---- */
#define LAB_VM_PORT "hcb-vm" /* the host's end of the virtual machine's cable */
#define LAB_VM_LINK "eth0"
/* The tap of the tunnel under the switches: made before tincd and Open vSwitch, and kept
   when either ends. */
int lab_vm_tap(const struct lab *lab, unsigned host, struct hcb_err *err);
int lab_vms_make(struct lab *lab, struct hcb_err *err);
int lab_vms_revive(const struct hcb_lab_info *info, struct lab *lab, struct hcb_err *err);
/* Waits until each virtual machine reaches each other: until the spanning tree is. */
int lab_vms_reach(struct lab *lab, struct hcb_err *err);

/* ---- reach.c ---- */
/* Waits until each host (virtual machine) has reached each other one over this network
   for a second on end. -ETIMEDOUT: host number *from has not. */
int lab_reach_within(const struct lab *lab, enum lab_net net, uint64_t wait_ns,
                     unsigned *from, struct hcb_err *err);

/* Both ends of a host's cable, in lab time: the wall rate is that by the dilation. */
int lab_net_shape_host(const char *lab_name, const char *host, uint64_t bit_per_s,
                       double dilation, struct hcb_err *err);

/* ---- disks.c ---- */
int lab_disks_start(struct lab *lab, struct hcb_err *err);
/* Where a host's system disk is mounted, and where its served disk is. */
void lab_system_path(const struct lab *lab, unsigned host, char *buf, size_t size);
void lab_system_disk(const struct lab *lab, unsigned host, char *buf, size_t size);
/* Flush requests the kernel sent to a block device so far. */
int lab_loop_flushes(const char *dev, uint64_t *n);
/* A hard disk, not an SSD: as its profile says. */
int lab_disk_rotates(const struct hcb_disk_spec *spec, bool *yes, struct hcb_err *err);

/* ---- conf.c ---- */
int lab_conf_make(struct lab *lab, struct hcb_err *err);
void lab_uuid(char out[40]);

/* ---- find.c ---- */
/* NULL with exit 2's message if the lab has no host of that name. */
const struct hcb_lab_host_info *lab_host_of(const struct hcb_lab_info *info,
                                            const char *name, struct hcb_err *err);

/* ---- daemons.c ---- */
int lab_mkfs(struct lab *lab, struct hcb_err *err);
int lab_mons_start(struct lab *lab, struct hcb_err *err);
int lab_mons_settle(struct lab *lab, struct hcb_err *err);
int lab_mgrs_start(struct lab *lab, struct hcb_err *err);
int lab_osds_start(struct lab *lab, struct hcb_err *err);
/* One daemon again: "mon" and "mgr" of host i, "osd" of OSD i. */
int lab_daemon_start(const struct lab *lab, const char *kind, unsigned i, pid_t *pid,
                     struct hcb_err *err);
/* The last line of a log; false if it has none. */
bool lab_last_line(const char *path, char *out, size_t size);
/* 0, or -ECHILD and a message with the last log line of the daemon that is gone. */
int lab_daemons_alive(const struct lab *lab, struct hcb_err *err);

/* ---- client.c: librados, always inside a job ---- */
int lab_cluster_configure(struct lab *lab, struct hcb_err *err);
int lab_pools_make(struct lab *lab, struct hcb_err *err);

/* ---- health.c ---- */
struct lab_cluster_state {
	char health[16];  /* HEALTH_OK, ... */
	char checks[256]; /* codes of the checks that are not muted */
	unsigned osds, osds_up, pgs, pgs_clean, mons;
	bool mgr;
};
int lab_health_wait(struct lab *lab, struct hcb_err *err);
int lab_check_osds(struct lab *lab, struct hcb_err *err);
bool lab_cluster_good(const struct lab_cluster_state *st, unsigned osds, unsigned pgs,
                      unsigned mons);
/* The same after a fault: heartbeats that waited while a link was down are warned about
   for as long as they are in a mean of the last 15 minutes, which is history. */
bool lab_cluster_recovered(const struct lab_cluster_state *st, unsigned osds,
                           unsigned pgs, unsigned mons);
int lab_cluster_state(const struct hcb_lab_info *info, struct lab_cluster_state *st,
                      struct hcb_err *err);

/* ---- warm.c ---- */
int lab_warm(struct lab *lab, struct hcb_err *err);

/* ---- hunt.c: what a lab has left on this machine ---- */
enum lab_prey {
	LAB_PREY_CLIENT,
	LAB_PREY_OSD,
	LAB_PREY_MGR,
	LAB_PREY_MON,
	LAB_PREY_NET, /* what carries the others' traffic */
	LAB_PREY_DISK
};
struct lab_proc {
	pid_t pid;
	enum lab_prey kind;
};
#define LAB_MAX_PROCS 1024
unsigned lab_hunt_procs(const char *name, const char *dir, struct lab_proc *out);
/* Numbers of loop devices over files of the lab. */
unsigned lab_hunt_loops(const char *dir, int *out, unsigned max);
/* Attached to a file of a disk server whose mount is gone: "/disk", the kernel says. */
bool lab_loop_orphaned(int loop);
/* Mount points in or below dir, the deepest last. */
unsigned lab_hunt_mounts(const char *dir, char (*out)[256], unsigned max);
#define LAB_MAX_NETNS (2 * HCB_MAX_HOSTS + 1)
unsigned lab_hunt_netns(const char *name, char (*out)[96], unsigned max);
/* A lab of this name whose state lies in another folder than dir: its parent. */
bool lab_hunt_elsewhere(const char *name, const char *dir, char *parent, size_t size);
/* Names of all labs that left anything. */
unsigned lab_hunt_names(char (*out)[48], unsigned max);

/* ---- fault.c, heal.c: breaking and mending ---- */
/* The daemon's process by its pid file; -1: it is not running. */
pid_t lab_daemon_pid(const struct hcb_lab_info *info, const char *kind, const char *id);
/* Of any program that leaves DIR/run/KIND.ID.pid. */
pid_t lab_recorded_pid(const struct hcb_lab_info *info, const char *kind, const char *id,
                       const char *name);
/* Waits, some seconds at most, for those that were killed and are not gone yet: they
   still hold their files and their address. */
void lab_dying_wait(const struct hcb_lab_info *info);
int lab_link_set(const struct hcb_lab_info *info, const char *host, bool up,
                 struct hcb_err *err);
int lab_link_shape(const struct hcb_lab_info *info, const char *host, uint64_t bit_per_s,
                   struct hcb_err *err);
/* Network namespace of a host whose link no fault has cut. */
const char *lab_host_with_link(const struct hcb_lab_info *info);
/* Everything that fault.c can break, mended; then waits for HEALTH_OK and clean groups.
 */
int lab_heal(const struct hcb_lab_info *info, struct hcb_err *err);

/* ---- carp.c ---- */
/* Two virtual machines share an address; its master dies. *out, the caller's, has how
   long it was away ("outage_s", lab time). */
int lab_carp_kill(const struct hcb_lab_info *info, json_t **out, struct hcb_err *err);
/* Ends the pair, if there ever was one, and puts its cables back in; then, with tunnels
   and switches up, waits until its machines answer. */
int lab_carp_end(const struct hcb_lab_info *info, struct hcb_err *err);
int lab_carp_back(const struct hcb_lab_info *info, struct hcb_err *err);

/* ---- down.c ---- */
/* Exit 2 if a lab of this name lies elsewhere. */
int lab_check_elsewhere(const char *name, const char *dir, struct hcb_err *err);
/* The caller has the lock. */
int lab_clean(const char *name, const char *dir, struct hcb_err *err);

#endif
