/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "bench/cmd/verb.h"
#include "bench/core/opt.h"

#define MAX_OPTIONS 64

int(hcb_bad_option)(const char *verb, int how, char *const *argv,
                    const struct option *options, struct hcb_err *err)
{
	const char *word = argv[optind - 1];
	const char *names[MAX_OPTIONS];
	size_t n = 0, len = strcspn(word, "=");
	if (how == ':')
		return hcb_err_usage(err, "%s: %s: a value has to follow", verb, word);
	if (strncmp(word, "--", 2) != 0)
		return hcb_err_usage(
		        err,
		        "%s: unknown option \"-%c\"; \"hcbench %s --help\" lists them",
		        verb, optopt, verb);
	for (; options[n].name && n < MAX_OPTIONS; n++) {
		names[n] = options[n].name;
		if (strlen(names[n]) == len - 2 &&
		    strncmp(word + 2, names[n], len - 2) == 0)
			return hcb_err_usage(err, "%s: --%s: takes no value", verb,
			                     names[n]);
	}
	char name[64];
	snprintf(name, sizeof(name), "%.*s", (int)(len - 2), word + 2);
	const char *near = hcb_nearest(name, names, n);
	if (near)
		return hcb_err_usage(
		        err, "%s: unknown option \"%.80s\"; did you mean \"--%s\"?", verb,
		        word, near);
	return hcb_err_usage(
	        err, "%s: unknown option \"%.80s\"; \"hcbench %s --help\" lists them",
	        verb, word, verb);
}
