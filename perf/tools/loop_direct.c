/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A run's loop by itself: workload, run loop, record and engine as "hcbench run" has
 * them, under the virtual clock, without the document at its end (which has a histogram
 * for each virtual second, and a model disk does only a hundred requests in one). Prints
 * {"ops":, "seconds":, "cpu_s":}; cpu_s is the loop's.
 *
 *   loop_direct WORKLOAD TARGET VIRTUAL_SECONDS [KEY=VALUE...]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/core/units.h"
#include "bench/loop.h"
#include "engines/target.h"

static double cpu_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct session {
	const struct hcb_workload *wl;
	void *conf, *state;
	struct hcb_clock clock;
	struct hcb_layout layout;
	struct hcb_record rec;
	struct hcb_loop loop;
};

static int prepare(struct session *s, const char *target, double seconds,
                   struct hcb_err *err)
{
	struct hcb_binding on = {.volume = "all", .target = target};
	int r = hcb_layout_make(&s->layout, s->wl, s->conf, &on, 1, err);
	hcb_clock_init_virtual(&s->clock);
	for (unsigned d = 0; d < s->layout.n_devs && !r; d++) {
		struct hcb_dev *dev = s->layout.devs[d];
		dev->clock = &s->clock;
		dev->seed = 1 + d;
		dev->depth = s->wl->max_ops(s->conf);
		dev->max_len = (uint32_t)HCB_MIB;
		r = hcb_target_open(dev, err);
		if (!r && !(dev->engine->caps & HCB_CAP_MODEL))
			r = hcb_err_usage(err, "%s is no model", target);
	}
	if (r)
		return r;
	hcb_layout_set_fua(&s->layout, false);
	r = hcb_record_init(&s->rec, s->wl, err);
	r = r ? r : s->wl->init(&s->state, s->conf, &s->layout.geo, 1, &s->rec.sink, err);
	s->loop = (struct hcb_loop){
	        .wl = s->wl,
	        .state = s->state,
	        .layout = &s->layout,
	        .clock = &s->clock,
	        .rec = &s->rec,
	        .window = {.duration_ns = (uint64_t)(seconds * 1e9)},
	};
	return r ? r : hcb_loop_init(&s->loop, 1, err);
}

static int run(int argc, char **argv, struct session *s, struct hcb_err *err)
{
	double seconds;
	if (argc < 4 || hcb_parse_double(argv[3], &seconds))
		return hcb_err_usage(err, "usage: loop_direct WORKLOAD TARGET "
		                          "VIRTUAL_SECONDS [KEY=VALUE...]");
	s->wl = hcb_workload_find(argv[1], err);
	if (!s->wl)
		return err->code;
	s->conf = calloc(1, s->wl->conf_size);
	if (!s->conf)
		return hcb_err_sys(err, -ENOMEM, "loop_direct");
	hcb_opt_defaults(s->wl->opts, s->conf);
	for (int i = 4; i < argc; i++)
		if (hcb_opt_set_pair(s->wl->opts, s->conf, argv[1], argv[i], err))
			return err->code;
	int r = prepare(s, argv[2], seconds, err);
	if (r)
		return r;
	double begin = cpu_s();
	hcb_loop_run(&s->loop);
	double took = cpu_s() - begin;
	if (s->loop.stop != HCB_STOP_DONE)
		return hcb_err_set(err, -EIO, "%s", s->loop.reason);
	unsigned long long ops = s->rec.total_reads;
	ops += s->rec.total_writes;
	printf("{\"ops\": %llu, \"seconds\": %.9f, \"cpu_s\": %.9f}\n", ops, took, took);
	return 0;
}

/* What the process took goes with it. */
int main(int argc, char **argv)
{
	static struct session s;
	struct hcb_err err = HCB_ERR_INIT;
	if (run(argc, argv, &s, &err) == 0)
		return 0;
	fprintf(stderr, "loop_direct: %s\n", err.msg);
	return (int)err.exit;
}
