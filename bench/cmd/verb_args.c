/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/cmd/verb_args.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int hcb_verb_args_some(const char *verb, const struct hcb_opt *opts, void *conf, int argc,
                       char **argv, const char **pos, int max, int *n,
                       struct hcb_err *err)
{
	*n = 0;
	for (int i = 0; i < argc; i++) {
		bool output = strcmp(argv[i], "-o") == 0 && hcb_opt_find(opts, "output");
		if (strncmp(argv[i], "--", 2) != 0 && !output) {
			if (*n == max)
				return hcb_err_usage(err, "%s: unexpected \"%s\"", verb,
				                     argv[i]);
			pos[(*n)++] = argv[i];
			continue;
		}
		char pair[600];
		const char *key = output ? "output" : argv[i] + 2;
		const struct hcb_opt *o = hcb_opt_find(opts, key);
		bool takes = o && o->type != HCB_OPT_BOOL;
		if (o && o->type == HCB_OPT_BOOL && i + 1 < argc &&
		    (strcmp(argv[i + 1], "on") == 0 || strcmp(argv[i + 1], "off") == 0))
			takes = true;
		if (takes && i + 1 == argc)
			return hcb_err_usage(err, "%s: --%s: expected a value", verb,
			                     key);
		int len = takes ? snprintf(pair, sizeof(pair), "%s=%s", key, argv[++i])
		                : snprintf(pair, sizeof(pair), "%s", key);
		if (len >= (int)sizeof(pair))
			return hcb_err_usage(err, "%s: --%.40s: value too long", verb,
			                     key);
		int r = hcb_opt_set_pair(opts, conf, verb, pair, err);
		if (r)
			return r;
	}
	return 0;
}

int hcb_verb_args(const char *verb, const struct hcb_opt *opts, void *conf, int argc,
                  char **argv, const char **pos, int n, struct hcb_err *err)
{
	int got;
	int r = hcb_verb_args_some(verb, opts, conf, argc, argv, pos, n, &got, err);
	if (r || got == n)
		return r;
	return hcb_err_usage(err, "%s: too few arguments; see \"hcbench %s --help\"",
	                     verb, verb);
}
