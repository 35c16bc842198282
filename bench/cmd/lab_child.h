/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Labs that another verb brings up and takes down: "hcbench lab ..." as a process of its
   own. */
#ifndef HCB_CMD_LAB_CHILD_H
#define HCB_CMD_LAB_CHILD_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"

struct lab_child {
	char target[512]; /* as for "lab up"; "": none */
	char name[48];
	bool made; /* by us: ours to take down */
};

/*
 * "lab VERB TARGET REST...". rest: NULL-terminated words, at most 8; NULL: none. stop:
 * NULL for what must be done to its end. *said: what it printed, JSON; NULL: not wanted.
 */
int lab_child_verb(const char *verb, const char *target, const char *const *rest,
                   uint64_t limit_ns, const volatile sig_atomic_t *stop, json_t **said,
                   struct hcb_err *err);
/* If it is not up already. dilation: "", or in place of its file's. */
int lab_child_up(struct lab_child *lab, const char *dilation, bool quiet,
                 const volatile sig_atomic_t *stop, struct hcb_err *err);
/* If it was we who brought it up. */
void lab_child_down(struct lab_child *lab);

#endif
