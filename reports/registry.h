/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every report, sorted. A test compares this list with the files of the folder. */
#ifndef HCB_REPORTS_REGISTRY_H
#define HCB_REPORTS_REGISTRY_H

#include "reports/report.h"

#define HCB_REPORTS(X) X(github) X(json) X(junit) X(markdown) X(prom) X(text) X(timeline)

#define HCB_DECLARE_REPORT(n) extern const struct hcb_report hcb_report_##n;
HCB_REPORTS(HCB_DECLARE_REPORT)
#undef HCB_DECLARE_REPORT

#endif
