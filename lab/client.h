/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client of the lab's cluster. Only in jobs: librados starts threads. */
#ifndef HCB_LAB_CLIENT_H
#define HCB_LAB_CLIENT_H

#include "config.h"
#include "lab/impl.h"

#ifdef HCB_HAVE_RADOS
#include <rados/librados.h>
#ifdef HCB_HAVE_RBD
#include <rbd/librbd.h>
#endif

struct lab_client {
	rados_t rados;
};

int lab_client_open(struct lab_client *c, const char *conf, const char *timeout_s,
                    struct hcb_err *err);
void lab_client_close(struct lab_client *c);
/* which: "nearfull", "backfillfull", "full". */
int lab_set_ratio(struct lab_client *c, const char *which, double ratio,
                  struct hcb_err *err);
/* Takes cmd. The answer, if it is wanted, is the caller's to free with json_decref. */
int lab_mon_command(struct lab_client *c, json_t *cmd, json_t **out, struct hcb_err *err);
/* The same of the active manager: librados waits rados_mon_op_timeout for it, too. */
int lab_mgr_command(struct lab_client *c, json_t *cmd, json_t **out, struct hcb_err *err);
#endif

#endif
