/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The labs that "ab" compares: brought up if they are not, taken down if it brought them
   up, and the way that replication takes in each. */
#ifndef HCB_CMD_AB_LABS_H
#define HCB_CMD_AB_LABS_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>

#include "bench/cmd/lab_child.h"
#include "bench/core/err.h"

struct ab_labs {
	struct lab_child lab[2];
	bool together; /* both at once, the same for every pair; else one at a time, a new
	                  one for each run, but for a lab that was up already */
	bool ends;     /* three sides: the second lab's tunnel held to either end of what
	                  its cluster file assumes */
	double us[2];  /* those ends, from ab_labs_up on */
	bool found[2]; /* that lab was up already */
	char dilation[16]; /* for "lab up"; "": as the file says */
	bool quiet;
	const volatile sig_atomic_t *stop; /* set: nothing more is brought up */
};

/* The lab that a side runs in. */
struct lab_child *ab_lab_of(struct ab_labs *l, unsigned side);

/* The side's runs all happened in one and the same lab. */
bool ab_lab_shared(const struct ab_labs *l, unsigned side);

/* "A,B". Exit 2 if that is not two different labs. */
int ab_labs_parse(const char *text, struct ab_labs *l, struct hcb_err *err);
/* Before the first run and after the last. Of labs in turn nothing is up in between. */
int ab_labs_up(struct ab_labs *l, struct hcb_err *err);
void ab_labs_down(struct ab_labs *l);
/*
 * Around each run of that side: brings its lab up unless they are up together, holds its
 * tunnel with ends; *path is then what "lab tunnel" found of the way, and the caller's,
 * else NULL.
 */
int ab_labs_enter(struct ab_labs *l, unsigned side, json_t **path, struct hcb_err *err);
void ab_labs_leave(struct ab_labs *l, unsigned side);

/* "lab path" between its first two hosts, and a warning and NULL if that fails. Owned by
   the caller. */
json_t *ab_lab_path(const struct ab_labs *l, const char *name);

#endif
