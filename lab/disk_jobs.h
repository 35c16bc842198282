/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a user runs on a real drive to fit a profile to it: fio jobs, each named after the
 * published figure (hdd_published.h) that it gives, and the reading of fio's answer.
 */
#ifndef HCB_LAB_DISK_JOBS_H
#define HCB_LAB_DISK_JOBS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "bench/core/err.h"
#include "engines/hdd_published.h"

enum disk_job_kind {
	DISK_JOB_READ,     /* harms nothing */
	DISK_JOB_WRITE,    /* destroys what is on the drive */
	DISK_JOB_UNCACHED, /* the same, with the drive's write cache off */
};

struct disk_job {
	enum hdd_figure_id figure;
	enum disk_job_kind kind;
	unsigned seconds;
	double tolerance; /* of the figure it gives: what two runs may differ by */
	const char *fio;  /* its options, one a line */
	bool whole;       /* its beginning counts: never scaled */
};

#define DISK_JOBS 21
extern const struct disk_job disk_jobs[DISK_JOBS];

/* A job file for fio: all jobs of a kind, on this device. scale: of the run times. */
void disk_jobs_print(enum disk_job_kind kind, const char *device, double scale, FILE *f);

/*
 * Takes the figures that a JSON answer of fio has: of jobs named as above, into p; others
 * are left alone. Quantiles of depths 1 and 32 come with the rates. *n: how many figures.
 * Errors name the file; a job that fio says failed is an error.
 */
int disk_jobs_read(const char *path, struct hdd_published *p, unsigned *n,
                   struct hcb_err *err);
/* The same from a parsed document; path stands for it in messages and sources. */
int disk_jobs_take(const json_t *doc, const char *path, struct hdd_published *p,
                   unsigned *n, struct hcb_err *err);

#endif
