/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "bench/cmd/doctor_verbs.h"
#include "bench/cmd/verb.h"

static const char usage[] =
        "usage: hcbench doctor lab [FILE] [--rate R] [--runs N] [--json]\n"
        "       hcbench doctor tunnel [--interface IF] [--seconds N] [--json]\n"
        "lab: brings a lab up at dilation 1, 2 and 4, runs one load on each, and says "
        "from\n"
        "which dilation on the result stops moving: below it this machine's processors "
        "had\n"
        "a share in it. A quarter of an hour.\n"
        "  FILE          a cluster file; default seed-direct\n"
        "  --rate R      transactions offered, lab time (default 20/s)\n"
        "  --runs N      of two checkpoint cycles of 30 s at each, 2 to 16 (default 3)\n"
        "tunnel: what a packet costs tincd on this host, from its processor time and "
        "its\n"
        "interface's counts, while traffic of yours goes through (iperf3, a backup).\n"
        "  --interface IF  of the tunnel; default: the first tap or tun interface there "
        "is\n"
        "  --seconds N     how long to watch (default 10)\n"
        "  --json          print it as JSON\n"
        "exit: 0 told, 1 failed, 2 usage, 11 cannot be told\n";

static int doctor_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*main)(int argc, char **argv);
	} verbs[] = {{"lab", doctor_lab}, {"tunnel", doctor_tunnel}};
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].main(argc - 1, argv + 1);
	if (argc > 1)
		fprintf(stderr,
		        "hcbench: doctor: unknown \"%s\"; expected lab or tunnel\n",
		        argv[1]);
	else
		fputs(usage, stderr);
	return HCB_EXIT_USAGE;
}

const struct hcb_verb hcb_verb_doctor = {
        .name = "doctor",
        .summary = "can this machine carry a lab; what a tunnel costs on this host",
        .usage = usage,
        .main = doctor_main,
};
