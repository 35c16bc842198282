/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/cmd/lab_child.h"

#include <errno.h>

#include "bench/cmd/self.h"
#include "bench/core/units.h"
#include "lab/lab.h"

#define UP_LIMIT   (600 * HCB_SEC)
#define DOWN_LIMIT (120 * HCB_SEC)
#define MAX_REST   8

int lab_child_verb(const char *verb, const char *target, const char *const *rest,
                   uint64_t limit_ns, const volatile sig_atomic_t *stop, json_t **said,
                   struct hcb_err *err)
{
	const char *argv[MAX_REST + 4] = {"lab", verb, target};
	const struct self_opts o = {.timeout_ns = limit_ns, .stop = stop};
	for (size_t i = 0; rest && rest[i] && i < MAX_REST; i++)
		argv[3 + i] = rest[i];
	return self_run(argv, &o, NULL, said, err);
}

int lab_child_up(struct lab_child *lab, const char *dilation, bool quiet,
                 const volatile sig_atomic_t *stop, struct hcb_err *err)
{
	struct hcb_lab_info info;
	const char *const dilated[] = {"--dilation", dilation, NULL};
	if (stop && *stop)
		return hcb_err_set(err, -EINTR, "lab up: interrupted");
	if (!*lab->target || hcb_lab_find(lab->name, &info, NULL) == 0)
		return 0;
	if (!quiet)
		hcb_say("lab %s: bringing it up", lab->name);
	/* Ours from now on: whatever an interrupted "lab up" leaves as well. */
	lab->made = true;
	return lab_child_verb("up", lab->target, *dilation ? dilated : NULL, UP_LIMIT,
	                      stop, NULL, err);
}

void lab_child_down(struct lab_child *lab)
{
	struct hcb_err err = HCB_ERR_INIT;
	if (!lab->made)
		return;
	if (lab_child_verb("down", lab->name, NULL, DOWN_LIMIT, NULL, NULL, &err))
		hcb_warn("%s", err.msg);
	lab->made = false;
}
