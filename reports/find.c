/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "reports/registry.h"

#define HCB_REPORT_PTR(n) &hcb_report_##n,
const struct hcb_report *const hcb_reports[] = {HCB_REPORTS(HCB_REPORT_PTR) NULL};

const struct hcb_report *hcb_report_find(const char *name)
{
	for (size_t i = 0; hcb_reports[i]; i++)
		if (strcmp(hcb_reports[i]->name, name) == 0)
			return hcb_reports[i];
	return NULL;
}
