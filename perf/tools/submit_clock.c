/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A witness of when reads are submitted: preloaded before libaio, it notes the time at
 * which io_submit is called for each read in it, and passes the call on. Nothing else
 * changes; a call costs one clock read more. A file that is mapped keeps what a forked
 * child saw (fio's jobs end with _exit).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/core/clock.h"
#include "perf/tools/submit_clock.h"

typedef int submit_fn(io_context_t ctx, long n, struct iocb **list);

static submit_fn *next;
static struct perf_clock *seen;
static uint64_t room;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv(PERF_CLOCK_ENV);
	struct stat st;
	/* POSIX lets the pointer of dlsym be a function's; ISO C does not say so. */
	*(void **)&next = dlsym(RTLD_NEXT, "io_submit");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && (size_t)st.st_size > sizeof(*seen)) {
		void *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
		               MAP_SHARED, fd, 0);
		if (p != MAP_FAILED) {
			seen = p;
			room = ((size_t)st.st_size - sizeof(*seen)) / sizeof(uint64_t);
		}
	}
	close(fd);
}

int io_submit(io_context_t ctx, long n, struct iocb **list)
{
	uint64_t now = hcb_monotonic_ns();
	for (long i = 0; seen && i < n; i++) {
		if (list[i]->aio_lio_opcode != IO_CMD_PREAD)
			continue;
		uint64_t at = atomic_fetch_add(&seen->n, 1);
		if (at < room)
			seen->stamp_ns[at] = now;
	}
	return next ? next(ctx, n, list) : -ENOSYS;
}
