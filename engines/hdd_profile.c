/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engines/hdd_profile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench/core/cluster.h"
#include "bench/core/ini.h"

#define F(n, t, f, lo, hi, h)                                                            \
	{                                                                                \
		.name = n, .type = HCB_OPT_##t,                                          \
		.offset = offsetof(struct hdd_profile, f), .min = lo, .max = hi,         \
		.help = h                                                                \
	}
#define END                                                                              \
	{                                                                                \
		.name = NULL                                                             \
	}

/* Limits are those of the arithmetic (times fit 32 bits of ns, tables their arrays). */
static const struct hcb_opt disk_opts[] = {
        {.name = "description",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct hdd_profile, description),
         .size = sizeof(((struct hdd_profile *)0)->description),
         .help = "what the drive is, and how far its numbers can be trusted"},
        F("sectors", U64, sectors, 2097152, 0x1p40, "capacity in sectors of 512 bytes"),
        F("rpm", DOUBLE, rpm, 3600, 20000, "nominal speed"),
        F("rpm_tolerance", SHARE, rpm_tolerance, 0, 0.02, "a spindle's own speed, +/-"),
        END,
};

static const struct hcb_opt geometry_opts[] = {
        F("heads", U64, heads, 1, 32, "recording surfaces"),
        F("tracks", U64, tracks, 1024, 4e6, "tracks per surface"),
        F("outer_sectors", U64, outer_sectors, 64, 20000, "sectors per outermost track"),
        F("inner_sectors", U64, inner_sectors, 64, 20000, "sectors per innermost track"),
        F("zones", U64, zones, 1, HDD_MAX_ZONES, "zones of equal track counts"),
        F("band_tracks", U64, band_tracks, 1, 4096, "tracks before the next head"),
        F("skew", DURATION, skew_ns, 1e4, 8e6, "head or track switch"),
        END,
};

static const struct hcb_opt seek_opts[] = {
        F("track_to_track", DURATION, track_ns, 1e4, 1e8, "seek over one track"),
        F("knee", SHARE, knee, 0.01, 0.99,
          "share of the stroke where the curve turns linear"),
        F("knee_time", DURATION, knee_ns, 1e4, 1e8, "seek over that distance"),
        F("full_stroke", DURATION, full_ns, 1e4, 1e8, "seek over all tracks"),
        F("write_settle", DURATION, write_settle_ns, 0, 1e8,
          "added to a seek before writing"),
        END,
};

static const struct hcb_opt interface_opts[] = {
        F("overhead", DURATION, overhead_ns, 0, 1e8, "per command that needs the medium"),
        F("hit_overhead", DURATION, hit_ns, 0, 1e8, "per command the buffer serves"),
        F("link", SIZE, link_bytes, 1e6, 1e10, "bytes per second that get through"),
        F("ncq_depth", U64, ncq_depth, 1, HDD_MAX_NCQ, "commands the drive sees at once"),
        END,
};

static const struct hcb_opt queue_opts[] = {
        F("rpo_window", U64, rpo_window, 1, HDD_MAX_NCQ,
          "oldest commands it chooses among"),
        F("age_limit", DURATION, age_limit_ns, 1e6, 1e11, "older commands go first"),
        END,
};

static const struct hcb_opt buffer_opts[] = {
        F("size", SIZE, buffer_bytes, 65536, 0x1p34, "all of the drive's buffer"),
        F("read_segments", U64, read_segments, 1, HDD_MAX_SEGMENTS,
          "streams it can hold"),
        F("read_ahead_tracks", U64, read_ahead_tracks, 0, 16, "whole tracks read on"),
        F("write_cache", BOOL, write_cache, 0, 0, "on as shipped"),
        F("dirty_limit", SIZE, dirty_bytes, 65536, 0x1p33, "unwritten bytes it accepts"),
        F("dirty_commands", U64, dirty_commands, 4, HDD_MAX_DIRTY_CMDS,
          "unwritten extents"),
        F("destage_window", U64, destage_window, 1, HDD_MAX_DIRTY_CMDS,
          "oldest extents it "
          "chooses among"),
        F("destage_idle", DURATION, destage_idle_ns, 0, 1e11,
          "idle time before it writes out"),
        F("destage_forced", SHARE, destage_forced, 0.01, 1,
          "share of a limit that forces it"),
        F("flush_overhead", DURATION, flush_ns, 0, 1e8, "added to every flush"),
        END,
};

static const struct hcb_ini_kind sections[] = {
        {"disk", false, disk_opts},   {"geometry", false, geometry_opts},
        {"seek", false, seek_opts},   {"interface", false, interface_opts},
        {"queue", false, queue_opts}, {"buffer", false, buffer_opts},
};
#define N_SECTIONS (sizeof(sections) / sizeof(sections[0]))
#define MAX_KEYS   16

struct reader {
	struct hdd_profile *p;
	const char *path;
	int line[N_SECTIONS][MAX_KEYS]; /* where each key stood; 0: not seen */
};

static int read_line(void *arg, const char *section, const char *key, const char *value,
                     int lineno, struct hcb_err *err)
{
	struct reader *rd = arg;
	char names[HCB_INI_NAMES];
	int s = hcb_ini_kind(sections, N_SECTIONS, section, names, err);
	if (s < 0)
		return s;
	if (!key)
		return 0;
	char where[80];
	snprintf(where, sizeof(where), "[%s]", section);
	int r = hcb_opt_set(sections[s].opts, rd->p, where, key, value, err);
	if (r)
		return r;
	int *seen = &rd->line[s][hcb_opt_find(sections[s].opts, key) - sections[s].opts];
	if (*seen)
		return hcb_err_usage(err, "[%s] %s: given twice, first in line %d",
		                     section, key, *seen);
	*seen = lineno;
	return 0;
}

static int line_of(const struct reader *rd, const char *section, const char *key)
{
	for (size_t s = 0; s < N_SECTIONS; s++)
		if (strcmp(sections[s].name, section) == 0)
			return rd->line[s][hcb_opt_find(sections[s].opts, key) -
			                   sections[s].opts];
	return 0;
}

static int check_complete(const struct reader *rd, struct hcb_err *err)
{
	for (size_t s = 0; s < N_SECTIONS; s++)
		for (size_t k = 0; sections[s].opts[k].name; k++)
			if (!rd->line[s][k])
				return hcb_err_usage(err, "%s: [%s] %s is missing (%s)",
				                     rd->path, sections[s].name,
				                     sections[s].opts[k].name,
				                     sections[s].opts[k].help);
	return 0;
}

#define BAD(section, key, ...)                                                           \
	bad(rd, line_of(rd, section, key), "[" section "] " key, err, __VA_ARGS__)

static int __attribute__((format(printf, 5, 6)))
bad(const struct reader *rd, int line, const char *what, struct hcb_err *err,
    const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return hcb_err_usage(err, "%s:%d: %s: %s", rd->path, line, what, text);
}

static int check_geometry(const struct reader *rd, struct hcb_err *err)
{
	const struct hdd_profile *p = rd->p;
	if (p->inner_sectors > p->outer_sectors)
		return BAD("geometry", "inner_sectors",
		           "%llu, more than the %llu of the outer zone: a disk is not "
		           "faster "
		           "inside than outside",
		           (unsigned long long)p->inner_sectors,
		           (unsigned long long)p->outer_sectors);
	if (p->tracks < p->zones * p->band_tracks)
		return BAD("geometry", "band_tracks",
		           "a zone has no whole band of %llu tracks",
		           (unsigned long long)p->band_tracks);
	double turn_ns = 60e9 / p->rpm;
	if ((double)p->skew_ns >= turn_ns)
		return BAD("geometry", "skew", "not less than a revolution (%.2f ms)",
		           turn_ns / 1e6);
	double holds = (double)p->heads * (double)p->tracks *
	               (double)(p->outer_sectors + p->inner_sectors) / 2;
	/* Zones round sectors per track down: up to half a sector per track is lost. */
	if (holds < (double)p->sectors || holds > 1.02 * (double)p->sectors)
		return BAD(
		        "disk", "sectors",
		        "the geometry holds %.0f sectors; it must hold these and at most "
		        "2 %% more",
		        holds);
	return 0;
}

static int check_seek(const struct reader *rd, struct hcb_err *err)
{
	const struct hdd_profile *p = rd->p;
	if (p->knee_ns < p->track_ns)
		return BAD("seek", "knee_time",
		           "the seek curve falls: %.3f ms over %.0f %% of "
		           "the stroke, %.3f ms over one track",
		           (double)p->knee_ns / 1e6, p->knee * 100,
		           (double)p->track_ns / 1e6);
	if (p->full_ns < p->knee_ns)
		return BAD("seek", "full_stroke",
		           "the seek curve falls: %.3f ms over the full "
		           "stroke, %.3f ms over %.0f %% of it",
		           (double)p->full_ns / 1e6, (double)p->knee_ns / 1e6,
		           p->knee * 100);
	if (p->track_ns < p->skew_ns / 2)
		return BAD("seek", "track_to_track",
		           "less than half of the track switch "
		           "([geometry] skew)");
	return 0;
}

static int check_buffer(const struct reader *rd, struct hcb_err *err)
{
	const struct hdd_profile *p = rd->p;
	if (p->rpo_window > p->ncq_depth)
		return BAD("queue", "rpo_window", "more than ncq_depth (%llu)",
		           (unsigned long long)p->ncq_depth);
	if (p->dirty_bytes >= p->buffer_bytes)
		return BAD("buffer", "dirty_limit",
		           "leaves nothing of the buffer for reads");
	if (p->destage_window > p->dirty_commands)
		return BAD("buffer", "destage_window", "more than dirty_commands (%llu)",
		           (unsigned long long)p->dirty_commands);
	if (p->hit_ns > p->overhead_ns)
		return BAD("interface", "hit_overhead", "more than overhead");
	double media = (double)p->outer_sectors * 512 * p->rpm / 60;
	if ((double)p->link_bytes < media)
		return BAD("interface", "link",
		           "slower than the outermost track (%.0f MB/s): not modelled",
		           media / 1e6);
	return 0;
}

static int finish(const struct reader *rd, struct hcb_err *err)
{
	int r = check_complete(rd, err);
	if (!r)
		r = check_geometry(rd, err);
	if (!r)
		r = check_seek(rd, err);
	if (!r)
		r = check_buffer(rd, err);
	return r;
}

static void begin(struct reader *rd, const char *path, struct hdd_profile *p)
{
	memset(rd, 0, sizeof(*rd));
	memset(p, 0, sizeof(*p));
	rd->p = p;
	rd->path = path;
	const char *base = strrchr(path, '/');
	base = base ? base + 1 : path;
	size_t n = strlen(base);
	if (n > 4 && strcmp(base + n - 4, ".ini") == 0)
		n -= 4;
	snprintf(p->name, sizeof(p->name), "%.*s", (int)n, base);
}

int hdd_profile_read(const char *path, struct hdd_profile *p, struct hcb_err *err)
{
	struct reader rd;
	begin(&rd, path, p);
	int r = hcb_ini_read(path, read_line, &rd, err);
	return r ? r : finish(&rd, err);
}

int hdd_profile_read_string(const char *text, const char *path, struct hdd_profile *p,
                            struct hcb_err *err)
{
	struct reader rd;
	begin(&rd, path, p);
	int r = hcb_ini_read_string(text, path, read_line, &rd, err);
	return r ? r : finish(&rd, err);
}

int hdd_profile_find(const char *name, struct hdd_profile *p, struct hcb_err *err)
{
	char path[1024];
	size_t n = strlen(name);
	if (strchr(name, '/') || (n > 4 && strcmp(name + n - 4, ".ini") == 0))
		return hdd_profile_read(name, p, err);
	int r = hcb_share_find("disks", name, path, sizeof(path), err);
	return r ? r : hdd_profile_read(path, p, err);
}
