/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The nightly gate's rule for one night (gate.h): a baseline, a window, and what the one
 * says of the other. gate.c carries it through the nights.
 */
#ifndef HCB_BENCH_GATE_RULE_H
#define HCB_BENCH_GATE_RULE_H

#include "bench/core/random.h"
#include "bench/gate.h"

struct hcb_gate_base {
	unsigned n; /* nights; below HCB_GATE_MIN: no baseline */
	double median;
	double mu, s;    /* of the nights clamped to the median +- 2.5 d */
	double mean, sd; /* of the nights as they are */
};

struct hcb_gate_look {
	unsigned m; /* nights in the window; 0: no window was possible */
	double z, h;
	double shift;
	bool alarm; /* in the direction of z's sign */
};

/* Of n nights, at most HCB_GATE_MAX. */
struct hcb_gate_base hcb_gate_base_of(const double *y, unsigned n, double s_floor);

/* The window of m nights, 2..HCB_GATE_WINDOW, against a baseline. */
struct hcb_gate_look hcb_gate_look_at(const struct hcb_gate_base *b, const double *window,
                                      unsigned m, const struct hcb_gate_conf *conf);
/* The louder of two: an alarm before none; of two alarms the larger |z|, else the larger
   |z| / h. */
struct hcb_gate_look hcb_gate_louder(struct hcb_gate_look a, struct hcb_gate_look b);

/* What a single night follows n others by once in 1000, in their deviations. */
double hcb_gate_bound(unsigned n);
/* 1 or -1 if a night is beyond that, else 0. */
int hcb_gate_outside(const struct hcb_gate_base *b, double y, double bound,
                     double s_floor);
/* 1 or -1 if two nights in a row are a collapse: both beyond 6 s and by 25 %. */
int hcb_gate_collapse(const struct hcb_gate_base *b, const double *two);

/* The smallest change found within 7 nights with 80 % power, as a share; INFINITY if none
   is: a large h, few nights. */
double hcb_gate_mde(const struct hcb_gate_base *b, const struct hcb_gate_conf *conf);

/* 95 % interval of the shift of m nights' median against that of n nights. */
void hcb_gate_interval(const double *base, unsigned n, const double *window, unsigned m,
                       uint64_t seed, double *lo, double *hi);

#define HCB_GATE_BLOCK 5 /* nights that are kept together: what lasts a working week */
/*
 * n values of the len of e, at least HCB_GATE_BLOCK, in moving blocks of consecutive ones
 * (H. R. Kunsch, "The jackknife and the bootstrap for general stationary observations",
 * Ann. Statist. 17, 1989).
 */
void hcb_gate_resample(const double *e, size_t len, double *out, unsigned n,
                       struct hcb_random *r);

/* h for a baseline of n nights. */
double hcb_gate_h(const struct hcb_gate_conf *conf, unsigned n);
bool hcb_gate_sane(const struct hcb_gate_conf *conf);

#endif
