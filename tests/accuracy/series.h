/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Simulated series for the programs that judge the nightly gate. */
#ifndef HCB_TESTS_ACCURACY_SERIES_H
#define HCB_TESTS_ACCURACY_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/gate.h"
#include "noise.h"

#define SIGMA 0.05 /* of a night, in y: 5 % */
#define MOST  400
#define SEED  1

struct series {
	double z[MOST]; /* the noise, in deviations */
	struct hcb_gate_night night[MOST];
	struct hcb_gate_result r[MOST];
};

/* Thresholds as shipped; no floor in percent, so that nothing but z decides. */
static inline struct hcb_gate_conf plain_conf(void)
{
	struct hcb_gate_conf c = hcb_gate_defaults(HCB_GATE_P50);
	c.delta = 0;
	c.s_floor = 1e-6;
	return c;
}

static inline void draw_series(struct series *s, size_t n, enum noise_kind kind,
                               uint64_t number)
{
	struct noise z;
	noise_init(&z, kind, SEED, number);
	for (size_t t = 0; t < n; t++)
		s->z[t] = noise_draw(&z);
}

/* The first n nights; worse by `step` deviations on the nights from..to-1. Reruns always
   agree: the worst case for FAST. */
static inline void judge_series(struct series *s, size_t n, size_t from, size_t to,
                                double step, const struct hcb_gate_conf *conf)
{
	for (size_t t = 0; t < n; t++)
		s->night[t] = (struct hcb_gate_night){
		        .y = SIGMA * (s->z[t] + (t >= from && t < to ? step : 0)),
		        .valid = true,
		        .rerun_agrees = true,
		};
	if (hcb_gate_walk(s->night, n, conf, s->r) < 0)
		abort();
}

static inline unsigned announced(const struct series *s, size_t from, size_t to,
                                 enum hcb_gate_state what)
{
	unsigned n = 0;
	for (size_t t = from; t < to; t++)
		n += s->r[t].announce && s->r[t].state == what;
	return n;
}

#endif
