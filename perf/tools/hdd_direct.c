/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The disk model by itself: 4 KiB requests at uniform places, DEPTH of them outstanding,
 * for SECONDS of processor time. Prints {"ops":, "seconds":, "cpu_s":}.
 *
 *   hdd_direct PROFILE FILLED read|write|cached-write DEPTH SECONDS
 *
 * read: the cache as the profile has it; write: without it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/core/random.h"
#include "bench/core/units.h"
#include "engines/hdd_model.h"

#define LOOK_EVERY 16384u /* completions between looks at the clock */

static double cpu_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct load {
	struct hdd *disk;
	struct hcb_random place;
	uint64_t blocks, now_ns, ops;
	enum hcb_op_kind kind;
};

static void submit(struct load *l)
{
	struct hdd_req r = {
	        .kind = l->kind,
	        .off = hcb_random_below(&l->place, l->blocks) * 4096,
	        .len = 4096,
	};
	if (hdd_submit(l->disk, l->now_ns, &r))
		abort(); /* never more than depth, never past the end */
}

/* To the next completion, and as many new requests as it brought. */
static void step(struct load *l)
{
	struct hdd_done done[64];
	l->now_ns = hdd_next_ns(l->disk);
	unsigned n = hdd_advance(l->disk, l->now_ns, done, 64);
	for (unsigned i = 0; i < n; i++)
		submit(l);
	l->ops += n;
}

static int usage(void)
{
	fprintf(stderr, "usage: hdd_direct PROFILE FILLED "
	                "read|write|cached-write DEPTH SECONDS\n");
	return HCB_EXIT_USAGE;
}

static int run(struct load *l, unsigned depth, double seconds)
{
	double begin = cpu_s(), took;
	for (unsigned i = 0; i < depth; i++)
		submit(l);
	do {
		for (uint64_t until = l->ops + LOOK_EVERY; l->ops < until;)
			step(l);
		took = cpu_s() - begin;
	} while (took < seconds);
	printf("{\"ops\": %llu, \"seconds\": %.9f, \"cpu_s\": %.9f}\n",
	       (unsigned long long)l->ops, took, took);
	return 0;
}

int main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile profile;
	struct load l = {.kind = HCB_READ};
	double filled, seconds;
	uint64_t depth;
	if (argc != 6 || hcb_parse_share(argv[2], &filled) ||
	    hcb_parse_u64(argv[4], &depth) || depth < 1 || depth > 1024 ||
	    hcb_parse_double(argv[5], &seconds))
		return usage();
	static const char *const kinds[] = {"read", "write", "cached-write"};
	static const enum hdd_switch caches[] = {HDD_DEFAULT, HDD_OFF, HDD_ON};
	unsigned kind = 0;
	while (kind < 3 && strcmp(argv[3], kinds[kind]) != 0)
		kind++;
	if (kind == 3)
		return usage();
	l.kind = kind ? HCB_WRITE : HCB_READ;
	if (hdd_profile_find(argv[1], &profile, &err) == 0) {
		struct hdd_config cfg = {
		        .profile = &profile,
		        .seed = 1,
		        .filled = filled,
		        .cache = caches[kind],
		        .depth = (uint32_t)depth,
		        .slow = 1,
		};
		l.disk = hdd_new(&cfg, &err);
	}
	if (!l.disk) {
		fprintf(stderr, "hdd_direct: %s\n", err.msg);
		return HCB_EXIT_FAILED;
	}
	hcb_random_init(&l.place, 1, 0);
	l.blocks = 1000 * HCB_GIB / 4096;
	int r = run(&l, (unsigned)depth, seconds);
	hdd_free(l.disk);
	return r;
}
