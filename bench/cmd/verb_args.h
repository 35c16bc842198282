/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command lines of verbs whose options are a table. */
#ifndef HCB_CMD_VERB_ARGS_H
#define HCB_CMD_VERB_ARGS_H

#include "bench/core/err.h"
#include "bench/core/opt.h"

/* "--key value", "--key=value", "--flag"; the rest are positional, exactly n of them. */
int hcb_verb_args(const char *verb, const struct hcb_opt *opts, void *conf, int argc,
                  char **argv, const char **pos, int n, struct hcb_err *err);
/* The same with at most max of them; *n: how many. "-o" is "--output" where there is such
   a key. */
int hcb_verb_args_some(const char *verb, const struct hcb_opt *opts, void *conf, int argc,
                       char **argv, const char **pos, int max, int *n,
                       struct hcb_err *err);

#endif
