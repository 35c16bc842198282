/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The least a program can do to keep DEPTH reads of 4 KiB in flight on an rbd image:
 * librbd's callbacks raise a semaphore, the one thread of its own puts the next read out.
 * No times, no histogram, no checks beyond the result. What a benchmark costs above this
 * is the benchmark's own. Prints {"ops":, "seconds":}.
 *
 *   rbd_bare POOL IMAGE DEPTH SPAN_BYTES SECONDS      (cluster and key by CEPH_CONF)
 */
#include <rbd/librbd.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/core/clock.h"
#include "bench/core/err.h"
#include "bench/core/random.h"
#include "bench/core/units.h"

#define BS        4096u
#define MAX_DEPTH 1024u

struct bare {
	rados_t cluster;
	rados_ioctx_t io;
	rbd_image_t image;
	sem_t done;
	_Atomic uint32_t head; /* of the ring of finished slots */
	_Atomic uint32_t ring[MAX_DEPTH];
	_Atomic int failed;
	struct hcb_random place;
	uint64_t blocks;
	char *buf;
};

struct slot {
	struct bare *b;
	uint32_t index;
};

static struct slot slots[MAX_DEPTH];

static void on_done(rbd_completion_t c, void *arg)
{
	struct slot *s = arg;
	struct bare *b = s->b;
	if (rbd_aio_get_return_value(c) != BS)
		atomic_store(&b->failed, 1);
	rbd_aio_release(c);
	uint32_t at = atomic_fetch_add(&b->head, 1);
	atomic_store(&b->ring[at % MAX_DEPTH], s->index + 1);
	sem_post(&b->done);
}

static int read_next(struct bare *b, uint32_t index)
{
	rbd_completion_t c;
	uint64_t off = hcb_random_below(&b->place, b->blocks) * BS;
	int r = rbd_aio_create_completion(&slots[index], on_done, &c);
	return r ? r : rbd_aio_read(b->image, off, BS, b->buf + (size_t)index * BS, c);
}

/* Whoever raised the semaphore may not have written its slot yet: another did. */
static uint32_t take(struct bare *b, uint32_t *tail)
{
	uint32_t v;
	while (sem_wait(&b->done))
		;
	while (!(v = atomic_exchange(&b->ring[*tail % MAX_DEPTH], 0)))
		;
	(*tail)++;
	return v - 1;
}

static int run(struct bare *b, uint32_t depth, double seconds)
{
	uint64_t ops = 0, begin = hcb_monotonic_ns(), now = begin;
	uint64_t until = begin + (uint64_t)(seconds * 1e9);
	uint32_t tail = 0, out = 0;
	while (out < depth && read_next(b, out) == 0)
		out++;
	if (out < depth)
		return -1;
	while (out && !atomic_load(&b->failed)) {
		uint32_t i = take(b, &tail);
		ops++;
		if (ops % 16 == 0)
			now = hcb_monotonic_ns();
		if (now >= until)
			out--;
		else if (read_next(b, i))
			return -1;
	}
	printf("{\"ops\": %llu, \"seconds\": %.6f}\n", (unsigned long long)ops,
	       (double)(hcb_monotonic_ns() - begin) / 1e9);
	return atomic_load(&b->failed) ? -1 : 0;
}

static int open_image(struct bare *b, const char *pool, const char *image)
{
	int r = rados_create(&b->cluster, "admin");
	if (!r)
		r = rados_conf_read_file(b->cluster, NULL);
	if (!r)
		r = rados_conf_set(b->cluster, "rbd_cache", "false");
	if (!r)
		r = rados_connect(b->cluster);
	if (!r)
		r = rados_ioctx_create(b->cluster, pool, &b->io);
	if (!r)
		r = rbd_open_read_only(b->io, image, &b->image, NULL);
	return r;
}

int main(int argc, char **argv)
{
	static struct bare b;
	uint64_t depth, span;
	double seconds;
	if (argc != 6 || hcb_parse_u64(argv[3], &depth) || depth < 1 ||
	    depth > MAX_DEPTH || hcb_parse_u64(argv[4], &span) || span < BS ||
	    hcb_parse_double(argv[5], &seconds)) {
		fprintf(stderr, "usage: rbd_bare POOL IMAGE DEPTH SPAN_BYTES SECONDS\n");
		return HCB_EXIT_USAGE;
	}
	int r = open_image(&b, argv[1], argv[2]);
	if (r) {
		fprintf(stderr, "rbd_bare: open %s/%s: %s\n", argv[1], argv[2],
		        strerror(-r));
		return HCB_EXIT_FAILED;
	}
	b.blocks = span / BS;
	b.buf = aligned_alloc(BS, depth * BS);
	sem_init(&b.done, 0, 0);
	hcb_random_init(&b.place, 1, 0);
	for (uint32_t i = 0; i < depth; i++)
		slots[i] = (struct slot){&b, i};
	r = b.buf ? run(&b, (uint32_t)depth, seconds) : -1;
	if (r) {
		fprintf(stderr, "rbd_bare: a read failed\n");
		return HCB_EXIT_FAILED;
	}
	rbd_close(b.image);
	rados_ioctx_destroy(b.io);
	rados_shutdown(b.cluster);
	free(b.buf);
	return 0;
}
