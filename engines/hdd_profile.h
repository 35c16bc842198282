/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disk profiles: the numbers that make the model one particular drive, a hard disk or an
 * SSD. An INI file in
 * lab/disks/, one section per part of the drive; every key is required, so that nothing
 * hides behind a default. hdd_model.h says what each number does. [published] alone is
 * optional: the figures that the profile is held against.
 */
#ifndef HCB_ENGINES_HDD_PROFILE_H
#define HCB_ENGINES_HDD_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"
#include "bench/core/ini.h"
#include "engines/hdd_published.h"

#define HDD_MAX_ZONES      64
#define HDD_MAX_SEGMENTS   64
#define HDD_MAX_DIRTY_CMDS 8192
#define HDD_MAX_NCQ        64

enum hdd_type { HDD_TYPE_HDD, HDD_TYPE_SSD };

struct hdd_profile {
	char name[64]; /* the file's stem */
	int type;      /* enum hdd_type; the first key */
	char description[160];

	/* [disk] */
	uint64_t sectors; /* of 512 bytes */
	double rpm;
	double rpm_tolerance; /* share; a spindle's own speed is drawn within it */

	/* [geometry] */
	uint64_t heads;
	uint64_t tracks;        /* per surface */
	uint64_t outer_sectors; /* per track, outermost zone */
	uint64_t inner_sectors; /* per track, innermost zone */
	uint64_t zones;         /* of equal track counts */
	uint64_t band_tracks;   /* tracks a head runs before the next head takes over */
	uint64_t skew_ns;       /* head and track switch, and the skew that hides it */

	/* [seek]: d is the distance as a share of the stroke */
	uint64_t track_ns; /* one track */
	double knee;       /* square root of d up to here, then linear */
	uint64_t knee_ns;  /* at the knee */
	uint64_t full_ns;  /* at d = 1 */
	uint64_t write_settle_ns;

	/* [interface] */
	uint64_t overhead_ns; /* decoding a command that needs the medium */
	uint64_t hit_ns;      /* decoding one that the buffer serves; SSD: any */
	uint64_t link_bytes;  /* effective, per second */
	uint64_t ncq_depth;

	/* [queue] */
	uint64_t rpo_window; /* oldest commands looked at for the shortest positioning */
	uint64_t age_limit_ns; /* a command older than this goes first */

	/* [buffer] */
	uint64_t buffer_bytes;
	uint64_t read_segments;
	uint64_t read_ahead_tracks; /* whole tracks read on after the request's own */
	int write_cache;            /* default of cache= */
	uint64_t dirty_bytes;
	uint64_t dirty_commands;
	uint64_t destage_window;
	uint64_t destage_idle_ns;
	double destage_forced; /* share of either dirty limit */
	uint64_t flush_ns;     /* added to every flush */

	/* [flash], of an SSD; 0 otherwise */
	uint64_t read_ns;       /* one page, alone */
	uint64_t read_channels; /* pages read at once */
	uint64_t write_ns;      /* a piece of data on its own, all channels at work */
	uint64_t write_bytes;   /* sustained, per second */
	uint64_t accept_ns;     /* a cached write, past the link */
	int plp;                /* power loss protection: the cache is not volatile */

	struct hdd_published published; /* optional: what is known from the outside */
};

/* The keys of a type, section by section: what the parser, the writer and the sensitivity
   check go by. The first key of the first section is the type. */
#define HDD_MAX_SECTIONS 8
const struct hcb_ini_kind *hdd_profile_sections(enum hdd_type type, size_t *n);
/* The key's value as a number; false for keys that are words. */
bool hdd_profile_number(const struct hcb_opt *o, const struct hdd_profile *p,
                        double *value);
/* Sets a number, rounded where the key is whole; its range is not checked. */
void hdd_profile_set_number(const struct hcb_opt *o, struct hdd_profile *p, double value);

/* Reads and checks one file. Errors name FILE:LINE; exit code 2. */
int hdd_profile_read(const char *path, struct hdd_profile *p, struct hcb_err *err);
/* The same over a string; path stands for the file in messages. */
int hdd_profile_read_string(const char *text, const char *path, struct hdd_profile *p,
                            struct hcb_err *err);
/* The checks of hdd_profile_read on a profile made otherwise; messages name its name. */
int hdd_profile_check(struct hdd_profile *p, struct hcb_err *err);
/* NAME (looked up among the shipped profiles) or a path to a .ini. */
int hdd_profile_find(const char *name, struct hdd_profile *p, struct hcb_err *err);

#endif
