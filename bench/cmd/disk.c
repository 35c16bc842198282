/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "bench/cmd/disk_verbs.h"
#include "bench/cmd/verb.h"
#include "bench/cmd/verb_args.h"

const char hcb_disk_usage[] =
        "usage: hcbench disk serve PROFILE|TARGET --mount DIR [--size S] [--seed N]\n"
        "                          [--filled P] [--cache on|off|default] [--timing "
        "on|off]\n"
        "                          [--slow F] [--dilation D] [--data LIMIT] [--timeout "
        "T]\n"
        "                          [--record FILE] [--foreground]\n"
        "       hcbench disk stat DIR [--json] [--watch] [--every T] [--count N]\n"
        "       hcbench disk dump FILE [--json]\n"
        "       hcbench disk calibrate PROFILE [--seed N] [--json] [--sensitivity "
        "[--seeds N]]\n"
        "       hcbench disk fit --jobs read|write|uncached --device DEV [--scale X]\n"
        "       hcbench disk fit PROFILE [FIO.json...] [-o NEW.ini] [--seed N] [--json]\n"
        "       hcbench disk data PROFILE depth|filled|flush|response|seek|zones [--seed "
        "N]\n"
        "       hcbench disk demerit REFERENCE.json OTHER.json [--most P] [--json]\n"
        "       hcbench disk ctl DIR LINE...           switches, each LINE one of:\n"
        "           timing on|off    slow FACTOR    fail on|off    hang on|off\n"
        "           error read|write|both OFFSET LENGTH    error clear [OFFSET "
        "LENGTH]\n"
        "           lie on|off    power cut [SEED [KEEP]]    power on    "
        "reset-lateness\n"
        "\n"
        "serve: DIR/disk behaves as the drive PROFILE (lab/disks/, or a path to a .ini), "
        "or is\n"
        "TARGET, as runs have it. Put a loop device on it (losetup --direct-io=on). A "
        "drive's data\n"
        "is kept in memory (at most LIMIT) and is gone when it ends: on unmount or "
        "SIGTERM.\n"
        "fit: --jobs prints what fio is to run on a real drive; \"read\" harms nothing, "
        "the\n"
        "others DESTROY what is on DEV. Then PROFILE is fitted to fio's answers, or, "
        "without\n"
        "any, to its own [published] figures.\n"
        "data: columns for plots (docs/disk-model.md).\n"
        "demerit: the distance between the response times of two runs of one load.\n";

int hcb_disk_args(const struct hcb_opt *opts, void *conf, int argc, char **argv,
                  const char **pos, int n, struct hcb_err *err)
{
	return hcb_verb_args("disk", opts, conf, argc, argv, pos, n, err);
}

static int disk_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*fn)(int, char **);
	} sub[] = {{"serve", hcb_disk_serve},
	           {"stat", hcb_disk_stat},
	           {"ctl", hcb_disk_ctl},
	           {"dump", hcb_disk_dump},
	           {"calibrate", hcb_disk_calibrate},
	           {"data", hcb_disk_data},
	           {"demerit", hcb_disk_demerit},
	           {"fit", hcb_disk_fit}};
	for (size_t i = 0; argc > 1 && i < sizeof(sub) / sizeof(sub[0]); i++)
		if (strcmp(sub[i].name, argv[1]) == 0)
			return sub[i].fn(argc - 2, argv + 2);
	fputs(hcb_disk_usage, stderr);
	return HCB_EXIT_USAGE;
}

const struct hcb_verb hcb_verb_disk = {
        .name = "disk",
        .summary = "the emulated disk: serve it, look at it, switch it, check it",
        .usage = hcb_disk_usage,
        .main = disk_main,
};
