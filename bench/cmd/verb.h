/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A verb is what follows "hcbench" on the command line: one .c file here, ending in one
 * const struct hcb_verb, plus one line in registry.h.
 */
#ifndef HCB_CMD_VERB_H
#define HCB_CMD_VERB_H

#include <stdbool.h>

#include "bench/core/err.h"

struct hcb_verb {
	const char *name, *summary;
	const char *usage; /* the whole help text, printed by "hcbench VERB --help" */
	/* argv[0] is the verb. Returns the exit code. Reports its own errors with
	 * hcb_fail. */
	int (*main)(int argc, char **argv);
};

/*
 * For getopt_long with an option string that begins ":" (so it says nothing itself): how
 * is what it returned, '?' or ':'. One line, the nearest option named; exit code 2.
 */
struct option;
int hcb_bad_option(const char *verb, int how, char *const *argv,
                   const struct option *options, struct hcb_err *err);
#ifdef HCB_ANALYZER
#define hcb_bad_option(...) HCB_NEGATIVE((hcb_bad_option)(__VA_ARGS__)) /* as err.h's */
#endif

/* Prints err->msg to standard error and returns err->exit (1 if it is unset). */
int hcb_fail(const struct hcb_err *err);

#endif
