/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hcbench disk stat" and "set": looking at a served disk, and switching it. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/cmd/disk_verbs.h"
#include "bench/cmd/verb.h"
#include "bench/core/units.h"

static const struct hcb_opt stat_opts[] = {
        {.name = "json",
         .type = HCB_OPT_BOOL,
         .def = "off",
         .help = "print the document"},
        {.name = NULL},
};

static json_int_t number(const json_t *doc, const char *a, const char *b)
{
	const json_t *v = json_object_get(doc, a);
	return json_integer_value(b ? json_object_get(v, b) : v);
}

static void print_stat(const json_t *doc)
{
	char late[3][32], busy[3][32], flush[2][32];
	static const char *const q[] = {"p50", "p99", "max"};
	static const char *const part[] = {"seek_ns", "rotate_ns", "transfer_ns"};
	for (int i = 0; i < 3; i++) {
		hcb_fmt_ns(late[i], 32, (double)number(doc, "lateness_ns", q[i]));
		hcb_fmt_ns(busy[i], 32, (double)number(doc, "disk", part[i]));
	}
	json_int_t n = number(doc, "disk", "flushes");
	hcb_fmt_ns(flush[0], 32,
	           n ? (double)number(doc, "disk", "flush_ns") / (double)n : 0);
	hcb_fmt_ns(flush[1], 32, (double)number(doc, "flush_max_ns", NULL));
	printf("%s, cache %s, timing %s, %" JSON_INTEGER_FORMAT " queued\n",
	       json_string_value(json_object_get(doc, "profile")),
	       json_is_true(json_object_get(doc, "cache")) ? "on" : "off",
	       json_is_true(json_object_get(doc, "timing")) ? "on" : "off",
	       number(doc, "queued", NULL));
	printf("reads %" JSON_INTEGER_FORMAT ", writes %" JSON_INTEGER_FORMAT
	       ", flushes %" JSON_INTEGER_FORMAT " (mean %s, max %s)\n",
	       number(doc, "disk", "reads"), number(doc, "disk", "writes"), n, flush[0],
	       flush[1]);
	printf("seeking %s, waiting for the sector %s, transferring %s\n", busy[0],
	       busy[1], busy[2]);
	printf("timer lateness p50 %s, p99 %s, max %s (%s)\n", late[0], late[1], late[2],
	       json_is_true(json_object_get(doc, "timer_fifo")) ? "SCHED_FIFO"
	                                                        : "ordinary priority");
}

int hcb_disk_stat(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	int as_json = 0;
	const char *dir[1];
	if (hcb_disk_args(stat_opts, &as_json, argc, argv, dir, 1, &err))
		return hcb_fail(&err);
	char path[600];
	snprintf(path, sizeof(path), "%s/stat", dir[0]);
	FILE *f = fopen(path, "re");
	if (!f) {
		hcb_err_sys(&err, -errno, "open %s", path);
		return hcb_fail(&err);
	}
	json_error_t je;
	json_t *doc = json_loadf(f, 0, &je);
	fclose(f);
	if (!doc) {
		hcb_err_set(&err, -EIO, "read %s: not a served disk's: %s", path,
		            je.text);
		return hcb_fail(&err);
	}
	if (as_json)
		json_dumpf(doc, stdout, JSON_INDENT(1)), putchar('\n');
	else
		print_stat(doc);
	json_decref(doc);
	return HCB_EXIT_OK;
}

int hcb_disk_set(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	if (argc < 2) {
		fputs(hcb_disk_usage, stderr);
		return HCB_EXIT_USAGE;
	}
	char path[600], line[256];
	snprintf(path, sizeof(path), "%s/ctl", argv[0]);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		hcb_err_sys(&err, -errno, "open %s", path);
		return hcb_fail(&err);
	}
	for (int i = 1; i < argc && !err.code; i++) {
		snprintf(line, sizeof(line), "%s\n", argv[i]);
		char *eq = strchr(line, '=');
		if (eq)
			*eq = ' ';
		size_t n = strlen(line);
		if (write(fd, line, n) == (ssize_t)n)
			continue;
		if (errno == EINVAL)
			hcb_err_usage(&err,
			              "set %s: \"%s\" is not one of timing=on|off, "
			              "slow=FACTOR, reset-lateness",
			              argv[0], argv[i]);
		else
			hcb_err_sys(&err, -errno, "set %s: %s", argv[0], argv[i]);
	}
	close(fd);
	return err.code ? hcb_fail(&err) : HCB_EXIT_OK;
}
