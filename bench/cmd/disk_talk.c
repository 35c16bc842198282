/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hcbench disk ctl": switching a served disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/cmd/disk_verbs.h"
#include "bench/cmd/verb.h"

/* What lab/disk_ctl.c takes; "=" may stand for the first space. */
static const char switches[] =
        "timing on|off, slow FACTOR, error read|write|both OFFSET LENGTH, "
        "error clear [OFFSET LENGTH], fail on|off, hang on|off, lie on|off, "
        "power cut [SEED [KEEP]], power on, reset-lateness";

static int send_line(int fd, const char *dir, const char *what, struct hcb_err *err)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "%s\n", what);
	if (n < 0 || n >= (int)sizeof(line))
		return hcb_err_usage(err, "ctl %s: \"%.40s...\": too long", dir, what);
	size_t word = strcspn(line, "= ");
	if (line[word] == '=')
		line[word] = ' ';
	if (write(fd, line, (size_t)n) == n)
		return 0;
	if (errno == EINVAL)
		return hcb_err_usage(err, "ctl %s: \"%s\" is not one of %s", dir, what,
		                     switches);
	if (errno == EOPNOTSUPP)
		return hcb_err_set(err, -EOPNOTSUPP,
		                   "ctl %s: %s: this target has no such switch", dir,
		                   what);
	return hcb_err_sys(err, -errno, "ctl %s: %s", dir, what);
}

int hcb_disk_ctl(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	if (argc < 2) {
		fputs(hcb_disk_usage, stderr);
		return HCB_EXIT_USAGE;
	}
	char path[600];
	snprintf(path, sizeof(path), "%s/ctl", argv[0]);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		hcb_err_sys(&err, -errno, "open %s", path);
		return hcb_fail(&err);
	}
	for (int i = 1; i < argc && !err.code; i++)
		send_line(fd, argv[0], argv[i], &err);
	close(fd);
	return err.code ? hcb_fail(&err) : HCB_EXIT_OK;
}
