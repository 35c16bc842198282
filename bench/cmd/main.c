/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cmd/registry.h"
#include "bench/core/opt.h"

#define HCB_VERB_PTR(n) &hcb_verb_##n,
static const struct hcb_verb *const verbs[] = {HCB_VERBS(HCB_VERB_PTR)};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

int hcb_fail(const struct hcb_err *err)
{
	fprintf(stderr, "hcbench: %s\n", err->msg[0] ? err->msg : "failed");
	return err->exit ? (int)err->exit : HCB_EXIT_FAILED;
}

static void print_help(FILE *f)
{
	fputs("usage: hcbench VERB [OPTION...]\n"
	      "PostgreSQL- and Mastodon-style writes on Ceph pools, disks and models of "
	      "both.\n\n",
	      f);
	for (size_t i = 0; i < N_VERBS; i++)
		fprintf(f, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	fputs("\n\"hcbench VERB --help\" explains a verb; \"hcbench --version\" names "
	      "this build.\n",
	      f);
}

static int unknown_verb(const char *word)
{
	const char *names[N_VERBS];
	for (size_t i = 0; i < N_VERBS; i++)
		names[i] = verbs[i]->name;
	const char *near = hcb_nearest(word, names, N_VERBS);
	if (near)
		fprintf(stderr, "hcbench: unknown verb \"%s\"; did you mean \"%s\"?\n",
		        word, near);
	else
		fprintf(stderr,
		        "hcbench: unknown verb \"%s\"; \"hcbench --help\" lists them\n",
		        word);
	return HCB_EXIT_USAGE;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

/* Output that did not reach its reader is a failure, not a success. */
static int close_stdout(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (errno != EPIPE)
		fprintf(stderr, "hcbench: write standard output: %s\n", strerror(errno));
	return code ? code : HCB_EXIT_FAILED;
}

/* A document with a hole where memory ran out would be a wrong result: better none. */
static void *must_allocate(size_t n)
{
	void *p = malloc(n);
	if (!p) {
		fputs("hcbench: out of memory\n", stderr);
		_exit(HCB_EXIT_FAILED);
	}
	return p;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	json_set_alloc_funcs(must_allocate, free);
	if (argc < 2) {
		print_help(stderr);
		return HCB_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return close_stdout(HCB_EXIT_OK);
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("hcbench %s (jansson %s)\n", HCB_VERSION, JANSSON_VERSION);
		return close_stdout(HCB_EXIT_OK);
	}
	for (size_t i = 0; i < N_VERBS; i++) {
		if (strcmp(verbs[i]->name, argv[1]) != 0)
			continue;
		if (wants_help(argc - 1, argv + 1)) {
			fputs(verbs[i]->usage, stdout);
			return close_stdout(HCB_EXIT_OK);
		}
		return close_stdout(verbs[i]->main(argc - 1, argv + 1));
	}
	return unknown_verb(argv[1]);
}
