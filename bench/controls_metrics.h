/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The samples of a night's controls, and the metrics they become: pure. */
#ifndef HCB_BENCH_CONTROLS_METRICS_H
#define HCB_BENCH_CONTROLS_METRICS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define HCB_CONTROLS_MAX     96 /* metrics: 32 OSDs by two, the paths, the system disk */
#define HCB_CONTROLS_SAMPLES 16 /* of each */

/* What a control measures: the end of its name, its unit, and which way is better. */
enum hcb_control_kind {
	HCB_CONTROL_FSYNC,   /* mean time of an fsync */
	HCB_CONTROL_READ,    /* sequential read */
	HCB_CONTROL_BENCH,   /* an OSD's own bench */
	HCB_CONTROL_COMMIT,  /* an OSD's commit latency, by `osd perf` */
	HCB_CONTROL_RTT,     /* of a path */
	HCB_CONTROL_FROM,    /* what a path carries, from the other end */
	HCB_CONTROL_TO,      /* and to it */
	HCB_CONTROL_CARRIES, /* one TCP stream */
	HCB_N_CONTROLS,
};

struct hcb_controls {
	struct {
		char name[64]; /* "osd.0.bench" */
		enum hcb_control_kind kind;
		double v[HCB_CONTROLS_SAMPLES];
		size_t n;
	} metric[HCB_CONTROLS_MAX];
	size_t n;
	size_t dropped; /* for which there was no room */
};

/*
 * One sample of the control of `what` ("osd.0", "path.h2", "system"), in ns or bytes a
 * second. A value that is not a number above zero is none and adds nothing: what could
 * not be measured is not slow.
 */
void hcb_controls_add(struct hcb_controls *c, const char *what,
                      enum hcb_control_kind kind, double value);
/*
 * As `history add --control` takes them: [{"name", "unit", "direction", "value",
 * "samples"}], value the median, in the order in which they were first added.
 */
json_t *hcb_controls_json(const struct hcb_controls *c);

/* Whole seconds of sequential reading, from a document of kind run: bytes read in each,
   without the first and the last one, which are not whole. */
void hcb_controls_add_seconds(struct hcb_controls *c, const char *what,
                              const json_t *run);
/*
 * `osd perf` says the same until the OSD's next report. Adds what is new of a look
 * (ceph_controls.h), given the look before (NULL: none), divided by dilation.
 */
void hcb_controls_add_perf(struct hcb_controls *c, const json_t *before,
                           const json_t *now, double dilation);

#endif
