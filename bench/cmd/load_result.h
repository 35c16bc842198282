/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HCB_CMD_LOAD_RESULT_H
#define HCB_CMD_LOAD_RESULT_H

#include <jansson.h>

#include "bench/core/err.h"

/*
 * Reads a result document of this schema. kinds: which it may be, comma separated. *doc
 * is the caller's; NULL on error, exit code 2.
 */
int load_result(const char *path, const char *kinds, json_t **doc, struct hcb_err *err);

#endif
