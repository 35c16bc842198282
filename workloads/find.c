/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "workloads/registry.h"

#define HCB_WORKLOAD_PTR(n) &hcb_workload_##n,
const struct hcb_workload *const hcb_workloads[] = {HCB_WORKLOADS(HCB_WORKLOAD_PTR) NULL};

const struct hcb_workload *hcb_workload_find(const char *name, struct hcb_err *err)
{
	const char *names[32];
	size_t n = 0;
	for (; hcb_workloads[n] && n < 32; n++) {
		names[n] = hcb_workloads[n]->name;
		if (strcmp(names[n], name) == 0)
			return hcb_workloads[n];
	}
	const char *near = hcb_nearest(name, names, n);
	hcb_err_usage(err, "unknown workload \"%s\"; %s%s%s", name,
	              near ? "did you mean \"" : "\"hcbench list\" shows them",
	              near ? near : "", near ? "\"?" : "");
	return NULL;
}
