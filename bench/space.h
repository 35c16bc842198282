/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much a pool may hold: what its OSDs have, after the loss of a host, up to the fill
 * at which Ceph warns. Pure.
 */
#ifndef HCB_BENCH_SPACE_H
#define HCB_BENCH_SPACE_H

#include <stdbool.h>
#include <stddef.h>

#define HCB_SPACE_NEARFULL 0.85 /* mon_osd_nearfull_ratio */
#define HCB_SPACE_DOMAINS  192  /* a cluster file's OSDs */

/*
 * bytes[i]: of failure domain i (a host: all its OSDs of the class); copies: the pool's
 * size. Each copy lies in a domain of its own, so D bytes of data need domains with
 *
 *	sum of min(bytes[i], D) >= copies * D
 *
 * and the largest such D, times nearfull, is what it may hold: the fullest OSD is then at
 * nearfull. With as many domains as copies that is the smallest domain's. PGs are taken
 * to be spread by weight; an OSD that has more than its share is full earlier.
 *
 * lose: with the largest domain gone. With more domains than copies the rest takes its
 * data; with as many there is nowhere to put it, so the others hold what they held.
 * 0: fewer domains than copies.
 */
double hcb_space_usable(const double *bytes, size_t n, unsigned copies, bool lose);

#endif
