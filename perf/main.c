/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/core/atomic_file.h"
#include "bench/core/opt.h"
#include "bench/core/units.h"
#include "engines/engine.h"
#include "engines/target.h"
#include "perf/perf.h"

#define BLOCKS       6
#define QUICK_BLOCKS 3
#define QUICK_SCALE  0.3

static const char usage[] =
        "usage: hcb-perf [--rows ROW,...] [--quick] [--blocks N] [--dir DIR] [-o FILE]\n"
        "       hcb-perf --list\n"
        "What hcbench costs beside fio on this machine, in turns, with 95 % intervals.\n"
        "  --rows ROW,...  only these\n"
        "  --quick         3 blocks of runs a third as long: a first look\n"
        "  --blocks N      each program runs so often (default 6)\n"
        "  --scale F       each run F times as long\n"
        "  --dir DIR       where files on a disk are made (default: here)\n"
        "  --hcbench PATH  the program under test (default: beside this one's folder)\n"
        "  -o FILE         also write the figures there, as JSON\n"
        "exit: 0 measured (goals met or not), 1 a row failed, 2 usage, 130/143\n"
        "      interrupted\n";

static const struct perf_row *const rows[] = {
        &perf_row_null_1,     &perf_row_null_32,     &perf_row_uring_ram,
        &perf_row_libaio_ram, &perf_row_uring_file,  &perf_row_libaio_file,
        &perf_row_uring_disk, &perf_row_libaio_disk, &perf_row_log_disk,
        &perf_row_rbd,        &perf_row_stream,      &perf_row_hdd_1,
        &perf_row_hdd_32,
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

volatile sig_atomic_t perf_stop;

static void on_signal(int sig)
{
	perf_stop = sig;
}

/* ---- what a row needs ---- */

void perf_lacks(char *why, size_t size, const char *what)
{
	size_t n = strlen(why);
	snprintf(why + n, size - n, "%s%s", n ? ", " : "", what);
}

void perf_needs_program(char *why, size_t size, const char *name)
{
	static const char *const dirs[] = {"/usr/local/sbin", "/usr/local/bin",
	                                   "/usr/sbin",       "/usr/bin",
	                                   "/sbin",           "/bin"};
	char path[256];
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		if (access(path, X_OK) == 0)
			return;
	}
	snprintf(path, sizeof(path), "%s (program)", name);
	perf_lacks(why, size, path);
}

void perf_needs_engine(const struct perf_ctx *c, char *why, size_t size,
                       const char *engine)
{
	(void)c;
	const struct hcb_engine *e = hcb_engine_find(engine);
	if (!e || e->unavailable)
		perf_lacks(why, size, e ? e->unavailable : engine);
}

void perf_needs_root(char *why, size_t size)
{
	if (geteuid() != 0)
		perf_lacks(why, size, "root");
}

/* ---- options ---- */

struct options {
	const char *rows, *output;
	bool list;
	uint64_t blocks;
};

static bool wanted(const struct options *o, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = o->rows; p && *p;) {
		size_t len = strcspn(p, ",");
		if (len == n && strncmp(p, name, n) == 0)
			return true;
		p += len + (p[len] == ',');
	}
	return !o->rows;
}

static int check_rows(const struct options *o, struct hcb_err *err)
{
	const char *names[N_ROWS];
	char word[64];
	for (size_t i = 0; i < N_ROWS; i++)
		names[i] = rows[i]->name;
	for (const char *p = o->rows; p && *p;) {
		size_t len = strcspn(p, ","), i = 0;
		snprintf(word, sizeof(word), "%.*s", (int)len, p);
		while (i < N_ROWS && strcmp(word, names[i]) != 0)
			i++;
		if (i == N_ROWS) {
			const char *near = hcb_nearest(word, names, N_ROWS);
			return hcb_err_usage(err, "no row \"%s\"%s%s%s", word,
			                     near ? "; did you mean \"" : "",
			                     near ? near : "", near ? "\"?" : "");
		}
		p += len + (p[len] == ',');
	}
	return 0;
}

static int parse(int argc, char **argv, struct perf_ctx *c, struct options *o,
                 struct hcb_err *err)
{
	static const struct option longs[] = {
	        {"rows", required_argument, NULL, 'r'},
	        {"quick", no_argument, NULL, 'q'},
	        {"blocks", required_argument, NULL, 'b'},
	        {"scale", required_argument, NULL, 's'},
	        {"dir", required_argument, NULL, 'd'},
	        {"hcbench", required_argument, NULL, 'p'},
	        {"output", required_argument, NULL, 'o'},
	        {"list", no_argument, NULL, 'l'},
	        {NULL, 0, NULL, 0},
	};
	int k;
	while ((k = getopt_long(argc, argv, "o:", longs, NULL)) != -1) {
		if (k == 'r')
			o->rows = optarg;
		else if (k == 'q')
			c->scale = QUICK_SCALE, o->blocks = QUICK_BLOCKS;
		else if (k == 'b' && hcb_parse_u64(optarg, &o->blocks))
			o->blocks = PERF_MAX_BLOCKS + 1;
		else if (k == 's' && hcb_parse_double(optarg, &c->scale))
			c->scale = 0;
		else if (k == 'd')
			c->dir = optarg;
		else if (k == 'p')
			c->hcbench = optarg;
		else if (k == 'o')
			o->output = optarg;
		else if (k == 'l')
			o->list = true;
		else if (k == '?')
			return hcb_err_usage(err, "bad option; --help lists them");
	}
	if (optind != argc)
		return hcb_err_usage(err, "no arguments but options are taken");
	if (o->blocks < 2 || o->blocks > PERF_MAX_BLOCKS)
		return hcb_err_usage(err, "--blocks: expected 2 to 40");
	if (!(c->scale >= 0.01 && c->scale <= 100))
		return hcb_err_usage(err, "--scale: expected 0.01 to 100");
	c->blocks = (unsigned)o->blocks;
	return check_rows(o, err);
}

/* ---- the run ---- */

static json_t *document(const struct perf_ctx *c)
{
	struct utsname u;
	json_t *doc = perf_to_json(c->report);
	uname(&u);
	json_object_set_new(doc, "schema", json_integer(1));
	json_object_set_new(doc, "hcbench", json_string(HCB_VERSION));
	json_object_set_new(doc, "kind", json_string("perf"));
	json_object_set_new(doc, "blocks", json_integer((json_int_t)c->blocks));
	json_object_set_new(doc, "kernel", json_string(u.release));
	json_object_set_new(doc, "processors",
	                    json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	return doc;
}

static void skip(struct perf_report *r, const char *row, const char *why)
{
	struct perf_skip *s = &r->skip[r->n_skips++];
	s->row = row;
	snprintf(s->why, sizeof(s->why), "%s", why);
}

/* A row that fails says why, and the others go on. */
static int measure_rows(struct perf_ctx *c, const struct options *o)
{
	int failed = 0;
	for (size_t i = 0; i < N_ROWS && !perf_stop; i++) {
		const struct perf_row *row = rows[i];
		struct hcb_err err = HCB_ERR_INIT;
		char why[256] = "";
		if (!wanted(o, row->name))
			continue;
		row->missing(c, row, why, sizeof(why));
		if (why[0]) {
			char text[280];
			snprintf(text, sizeof(text), "needs %s", why);
			skip(c->report, row->name, text);
			continue;
		}
		if (row->measure(c, row, &err)) {
			hcb_warn("%s: %s", row->name, err.msg);
			skip(c->report, row->name, err.msg);
			failed = 1;
		}
	}
	return failed;
}

static int run(struct perf_ctx *c, const struct options *o, struct hcb_err *err)
{
	if (o->output && hcb_result_path_check(o->output, err))
		return err->exit;
	snprintf(c->work, sizeof(c->work), "%s/hcb-perf.XXXXXX",
	         getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(c->work)) {
		hcb_err_sys(err, -errno, "make %s", c->work);
		return HCB_EXIT_FAILED;
	}
	int failed = measure_rows(c, o);
	const char *rm[] = {"rm", "-rf", "--one-file-system", c->work, NULL};
	struct hcb_err late = HCB_ERR_INIT;
	perf_exec(c, rm, 10, NULL, NULL, &late);
	if (perf_stop)
		return 128 + (int)perf_stop;
	perf_print(c->report, stdout);
	if (o->output) {
		json_t *doc = document(c);
		if (hcb_write_json_atomic(o->output, doc, err))
			failed = 1;
		json_decref(doc);
	}
	return failed ? HCB_EXIT_FAILED : 0;
}

/* Where this program lies: build/perf; hcbench is one up. */
static int find_programs(char *tools, size_t n, char *hcbench, size_t m,
                         struct hcb_err *err)
{
	ssize_t len = readlink("/proc/self/exe", tools, n - 1);
	if (len <= 0)
		return hcb_err_sys(err, -errno, "read /proc/self/exe");
	tools[len] = '\0';
	*strrchr(tools, '/') = '\0';
	snprintf(hcbench, m, "%s/../hcbench", tools);
	return 0;
}

int main(int argc, char **argv)
{
	static struct perf_report report;
	static char tools[PATH_MAX], hcbench[PATH_MAX + 16], dir[PATH_MAX];
	struct perf_ctx c = {.hcbench = hcbench,
	                     .tools = tools,
	                     .dir = ".",
	                     .scale = 1,
	                     .report = &report};
	struct options o = {.blocks = BLOCKS};
	struct hcb_err err = HCB_ERR_INIT;
	struct sigaction sa = {.sa_handler = on_signal};
	int r;
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	r = find_programs(tools, sizeof(tools), hcbench, sizeof(hcbench), &err);
	r = r ? r : parse(argc, argv, &c, &o, &err);
	if (!r && !realpath(c.dir, dir))
		r = hcb_err_sys(&err, -errno, "--dir %s", c.dir);
	c.dir = dir;
	if (o.list && !r) {
		for (size_t i = 0; i < N_ROWS; i++)
			printf("%-13s %s\n", rows[i]->name, rows[i]->what);
		return 0;
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	int code = r ? (int)err.exit : run(&c, &o, &err);
	if (err.msg[0])
		fprintf(stderr, "hcb-perf: %s\n", err.msg);
	return code;
}
