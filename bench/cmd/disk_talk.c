/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hcbench disk stat" and "ctl": looking at a served disk, and switching it. */
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

/* Nothing if all is well and was. */
static void print_faults(const json_t *f)
{
	if (json_is_true(json_object_get(f, "fail")))
		printf("FAILING: every request is answered with an error\n");
	if (json_is_true(json_object_get(f, "hang")))
		printf("HANGING: requests are taken and not answered\n");
	if (number(f, "bad_bytes", NULL))
		printf("BAD: %" JSON_INTEGER_FORMAT " bytes in %" JSON_INTEGER_FORMAT
		       " ranges\n",
		       number(f, "bad_bytes", NULL), number(f, "bad_ranges", NULL));
}

static void print_lateness(const json_t *doc)
{
	char late[3][32];
	static const char *const q[] = {"p50", "p99", "max"};
	for (int i = 0; i < 3; i++)
		hcb_fmt_ns(late[i], 32, (double)number(doc, "lateness_ns", q[i]));
	printf("timer lateness p50 %s, p99 %s, max %s (%s)\n", late[0], late[1], late[2],
	       json_is_true(json_object_get(doc, "timer_fifo")) ? "SCHED_FIFO"
	                                                        : "ordinary priority");
}

/* What was asked of it, of whatever kind it is. */
static void print_served(const json_t *served)
{
	static const char *const kinds[][2] = {
	        {"reads", "read_ns"}, {"writes", "write_ns"}, {"flushes", "flush_ns"}};
	for (size_t i = 0; i < 3; i++) {
		char mean[32];
		json_int_t n = number(served, kinds[i][0], NULL);
		hcb_fmt_ns(mean, 32,
		           n ? (double)number(served, kinds[i][1], NULL) / (double)n : 0);
		printf("%s%s %" JSON_INTEGER_FORMAT " (mean %s)", i ? ", " : "",
		       kinds[i][0], n, mean);
	}
	putchar('\n');
}

/* A model disk's own. */
static void print_disk(const json_t *doc)
{
	char busy[3][32], max[32];
	static const char *const part[] = {"seek_ns", "rotate_ns", "transfer_ns"};
	if (!json_object_get(doc, "disk"))
		return;
	for (int i = 0; i < 3; i++)
		hcb_fmt_ns(busy[i], 32, (double)number(doc, "disk", part[i]));
	hcb_fmt_ns(max, 32, (double)number(doc, "flush_max_ns", NULL));
	printf("%s: cache %s, timing %s\n",
	       json_string_value(json_object_get(doc, "profile")),
	       json_is_true(json_object_get(doc, "cache")) ? "on" : "off",
	       json_is_true(json_object_get(doc, "timing")) ? "on" : "off");
	printf("seeking %s, waiting for the sector %s, transferring %s, longest flush "
	       "%s\n",
	       busy[0], busy[1], busy[2], max);
	if (json_is_true(json_object_get(doc, "lie")))
		printf("LYING: flushes are acknowledged and do nothing\n");
	if (json_is_false(json_object_get(json_object_get(doc, "power"), "on")))
		printf("WITHOUT POWER\n");
}

static void print_stat(const json_t *doc)
{
	printf("%s, %" JSON_INTEGER_FORMAT " queued\n",
	       json_string_value(json_object_get(doc, "target")),
	       number(doc, "queued", NULL));
	print_served(json_object_get(doc, "served"));
	print_disk(doc);
	print_lateness(doc);
	print_faults(json_object_get(doc, "faults"));
	if (number(doc, "served", "failed"))
		printf("requests answered with an error: %" JSON_INTEGER_FORMAT "\n",
		       number(doc, "served", "failed"));
	const char *trouble = json_string_value(json_object_get(doc, "trouble"));
	if (trouble)
		printf("TROUBLE: %s\n", trouble);
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
