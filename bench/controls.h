/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A night's controls: what the system disk, the OSDs and the paths do, measured apart
 * from any workload. If they move with it, the surroundings have changed, and not what is
 * tested.
 *
 * Harmless to a cluster in use, and done in under two minutes (lab time): each OSD writes
 * 160 MiB to itself, 32 MiB at a time, one OSD after the other; 4 MiB are written for
 * each host and removed again; the paths carry 16 MiB each way. The file on the system
 * disk is kept from night to night, so that the same place of the disk is read.
 */
#ifndef HCB_BENCH_CONTROLS_H
#define HCB_BENCH_CONTROLS_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/controls_metrics.h"
#include "bench/run.h"

#define HCB_CONTROLS_MAX_PATHS 8
/* As many samples of each as a night needs (bench/history.h). */
#define HCB_CONTROLS_USUAL     5
/* OSDs and hosts that are measured; of more the first, and it is said. */
#define HCB_CONTROLS_MAX_OSDS  24

/* A path that Ceph does not know of, such as the one beside a tunnel: its round trip can
   be measured to whoever listens there. */
struct hcb_controls_path {
	char name[32], address[64];
	uint16_t port;
};

struct hcb_controls_plan {
	const char *command;
	const char *target;   /* "rados:POOL/hcbench,force-unhealthy=on..."; NULL: none */
	const char *dir;      /* on the system disk; NULL: none */
	bool dir_in_lab_time; /* it lies on a disk of the lab */
	struct hcb_controls_path path[HCB_CONTROLS_MAX_PATHS];
	unsigned n_paths;
	bool look;  /* only at the surroundings */
	bool brief; /* half a minute: neither the system disk nor what OSDs report */
	unsigned samples;     /* of each, 1 to HCB_CONTROLS_USUAL */
	uint64_t deadline_ns; /* for each call to the outside, wall */
	double dilation;
	const struct hcb_surroundings *around;
	const volatile sig_atomic_t *signal_seen;
	bool talk;
};

/*
 * 0: *doc, the caller's, is a document of kind "controls": "environment" (night.h judges
 * it), "metrics", "notes" (what could not be measured, and why), partial if it was
 * interrupted. more: metrics that the caller has measured already, or NULL. An OSD or a
 * path that does not answer in time is told and left out. Never fails for a cluster that
 * does not answer: "environment.unanswered" says so.
 */
int hcb_controls_run(const struct hcb_controls_plan *plan,
                     const struct hcb_controls *more, json_t *more_notes, json_t **doc,
                     struct hcb_err *err);

#endif
