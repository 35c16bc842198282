/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uring and libaio on a file: 4 KiB random reads at depth 32. In memory (tmpfs, where it
 * takes O_DIRECT) the processor is the limit, and the cost of an op shows; on a disk the
 * disk is, and its waiting is in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/core/units.h"
#include "perf/perf.h"

#define SECONDS 3.0
#define SPAN    (512 * HCB_MIB)
#define RAM_DIR "/dev/shm"

struct place {
	const char *engine, *ioengine;
	bool ram;
};

static const struct place uring_ram = {"uring", "io_uring", true},
                          libaio_ram = {"libaio", "libaio", true},
                          uring_file = {"uring", "io_uring", false},
                          libaio_file = {"libaio", "libaio", false};

static const char *directory(const struct perf_ctx *c, const struct place *p)
{
	return p->ram ? RAM_DIR : c->dir;
}

static void missing(const struct perf_ctx *c, const struct perf_row *row, char *why,
                    size_t size)
{
	const struct place *p = row->arg;
	char text[128];
	perf_needs_program(why, size, "fio");
	perf_needs_engine(c, why, size, p->engine);
	int fd = open(directory(c, p), O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
	if (fd < 0) {
		snprintf(text, sizeof(text), "O_DIRECT on %s (%s)", directory(c, p),
		         strerror(errno));
		perf_lacks(why, size, text);
		return;
	}
	close(fd);
}

static int compare(struct perf_ctx *c, const struct perf_row *row,
                   const struct perf_job *job, struct hcb_err *err)
{
	struct perf_run runs[2][PERF_MAX_BLOCKS];
	struct perf_program p[] = {{.run = perf_hcbench, .arg = job},
	                           {.run = perf_fio, .arg = job}};
	/* The first run makes the file and writes it full. */
	int r = perf_hcbench(c, job, 0, &runs[0][0], err);
	if (!r)
		r = perf_interleave(c, row->name, p, 2, SECONDS, runs, err);
	if (r)
		return r;
	perf_add_ratio(
	        c, &(struct perf_goal){row->name, "IOPS", PERF_RATE, PERF_AT_LEAST, 1},
	        runs);
	perf_add_ratio(c,
	               &(struct perf_goal){row->name, "processor time an op",
	                                   PERF_CPU_PER_OP, PERF_AT_MOST, 1},
	               runs);
	return 0;
}

static int measure(struct perf_ctx *c, const struct perf_row *row, struct hcb_err *err)
{
	const struct place *p = row->arg;
	char file[600], target[700];
	snprintf(file, sizeof(file), "%s/hcb-perf.%d", directory(c, p), (int)getpid());
	snprintf(target, sizeof(target), "%s:%s,make=on", p->engine, file);
	struct perf_job job = {
	        .target = target,
	        .ioengine = p->ioengine,
	        .file = file,
	        .depth = 32,
	        .span_bytes = SPAN,
	};
	int r = compare(c, row, &job, err);
	unlink(file);
	return r;
}

#define ROW(ident, n, text)                                                              \
	const struct perf_row perf_row_##ident = {.name = n,                             \
	                                          .what = text,                          \
	                                          .missing = missing,                    \
	                                          .measure = measure,                    \
	                                          .arg = &(ident)}

ROW(uring_ram, "uring-ram", "io_uring, 4 KiB random reads at depth 32, file in memory");
ROW(libaio_ram, "libaio-ram", "the same through libaio");
ROW(uring_file, "uring-file", "the same through io_uring, file on a disk (--dir)");
ROW(libaio_file, "libaio-file", "the same through libaio");
