/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every workload, sorted. A test compares this list with the files of the folder. */
#ifndef HCB_WORKLOADS_REGISTRY_H
#define HCB_WORKLOADS_REGISTRY_H

#include "workloads/workload.h"

#define HCB_WORKLOADS(X) X(mastodon) X(micro) X(postgres)

#define HCB_DECLARE_WORKLOAD(n) extern const struct hcb_workload hcb_workload_##n;
HCB_WORKLOADS(HCB_DECLARE_WORKLOAD)
#undef HCB_DECLARE_WORKLOAD

#endif
