/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a Ceph target names and where its configuration lies. No library is needed and
 * nothing is connected: this part builds, and is tested, without Ceph.
 */
#ifndef HCB_ENGINES_CEPH_CONF_H
#define HCB_ENGINES_CEPH_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/core/err.h"
#include "bench/core/opt.h"

/* Keys that rbd and rados share; the first member of either engine's conf. */
struct hcb_ceph_conf {
	char conf[256], keyring[256], id[64];
	int force_unhealthy;
	uint64_t stall_ns;
};

/* The entries of an option table whose conf struct begins with `struct hcb_ceph_conf`. */
#define HCB_CEPH_OPTS                                                                    \
	{.name = "id",                                                                   \
	 .type = HCB_OPT_STR,                                                            \
	 .offset = offsetof(struct hcb_ceph_conf, id),                                   \
	 .size = sizeof(((struct hcb_ceph_conf *)0)->id),                                \
	 .def = "admin",                                                                 \
	 .help = "Ceph user, without \"client.\""},                                      \
	        {.name = "conf",                                                         \
	         .type = HCB_OPT_STR,                                                    \
	         .offset = offsetof(struct hcb_ceph_conf, conf),                         \
	         .size = sizeof(((struct hcb_ceph_conf *)0)->conf),                      \
	         .help = "ceph.conf; else $CEPH_CONF, /etc/pve/ceph.conf, "              \
	                 "/etc/ceph/ceph.conf"},                                         \
	        {.name = "keyring",                                                      \
	         .type = HCB_OPT_STR,                                                    \
	         .offset = offsetof(struct hcb_ceph_conf, keyring),                      \
	         .size = sizeof(((struct hcb_ceph_conf *)0)->keyring),                   \
	         .help = "key file; else a Proxmox node's own, else as ceph.conf says"}, \
	        {.name = "force-unhealthy",                                              \
	         .type = HCB_OPT_BOOL,                                                   \
	         .offset = offsetof(struct hcb_ceph_conf, force_unhealthy),              \
	         .def = "off",                                                           \
	         .help = "start although the cluster is in HEALTH_ERR, nearfull or "     \
	                 "full"},                                                        \
	{                                                                                \
		.name = "stall", .type = HCB_OPT_DURATION,                               \
		.offset = offsetof(struct hcb_ceph_conf, stall_ns), .def = "5m",         \
		.min = 1e9, .max = 1e14,                                                 \
		.help = "end the run when one op has had no answer for this long"        \
	}

/* "POOL[/NAMESPACE]/IMAGE" or, for rados, "POOL[/NAMESPACE]". */
struct hcb_ceph_addr {
	char pool[128], ns[128], image[128];
};

int hcb_ceph_parse_image(const char *text, struct hcb_ceph_addr *out,
                         struct hcb_err *err);
int hcb_ceph_parse_pool(const char *text, struct hcb_ceph_addr *out, struct hcb_err *err);

struct hcb_ceph_files {
	char conf[512];
	char keyring[512]; /* "": left to ceph.conf and Ceph's own search */
};

/*
 * Finds ceph.conf and keyring: the keys conf= and keyring=, else env_conf (the value of
 * $CEPH_CONF, or NULL), else what a Proxmox VE node has, else /etc/ceph/ceph.conf. root
 * ("" outside of tests) stands before every path searched, not before paths given.
 *
 * Proxmox VE keeps the hyperconverged cluster's file in /etc/pve/ceph.conf, the
 * administrator's key in /etc/pve/priv/ceph.client.admin.keyring, and a copy for each
 * storage that uses the cluster in /etc/pve/priv/ceph/STORAGE.keyring.
 */
int hcb_ceph_find(const struct hcb_ceph_conf *conf, const char *env_conf,
                  const char *root, struct hcb_ceph_files *out, struct hcb_err *err);

/* The monitors' addresses for messages: "[v2:10.0.0.1:3300/0,v1:...],10.0.0.2" becomes
   "10.0.0.1,10.0.0.2". */
void hcb_ceph_mon_names(const char *mon_host, char *out, size_t size);

#endif
