/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of a profile, section by section. */
#include "engines/hdd_profile.h"

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

static const char *const types[] = {"hdd", "ssd", NULL};

#define TYPE                                                                             \
	{                                                                                \
		.name = "type", .type = HCB_OPT_ENUM,                                    \
		.offset = offsetof(struct hdd_profile, type), .names = types,            \
		.help = "hdd or ssd"                                                     \
	}
#define DESCRIPTION                                                                      \
	{                                                                                \
		.name = "description", .type = HCB_OPT_STR,                              \
		.offset = offsetof(struct hdd_profile, description),                     \
		.size = sizeof(((struct hdd_profile *)0)->description),                  \
		.help = "what the drive is, and how far its numbers can be trusted"      \
	}

/* ---- a hard disk ---- */

/* Limits are those of the arithmetic (times fit 32 bits of ns, tables their arrays). */
static const struct hcb_opt disk_opts[] = {
        TYPE,
        DESCRIPTION,
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

static const struct hcb_opt no_opts[] = {END};

/* [published] has figures instead (hdd_published.h). */
static const struct hcb_ini_kind hdd_sections[] = {
        {"disk", false, disk_opts},    {"geometry", false, geometry_opts},
        {"seek", false, seek_opts},    {"interface", false, interface_opts},
        {"queue", false, queue_opts},  {"buffer", false, buffer_opts},
        {"published", false, no_opts},
};

/* ---- an SSD ---- */

static const struct hcb_opt ssd_disk_opts[] = {
        TYPE,
        DESCRIPTION,
        F("sectors", U64, sectors, 2097152, 0x1p40, "capacity in sectors of 512 bytes"),
        END,
};

static const struct hcb_opt ssd_interface_opts[] = {
        F("overhead", DURATION, hit_ns, 0, 1e8, "per command"),
        F("link", SIZE, link_bytes, 1e6, 1e10, "bytes per second that get through"),
        F("ncq_depth", U64, ncq_depth, 1, HDD_MAX_NCQ, "commands the drive sees at once"),
        END,
};

static const struct hcb_opt flash_opts[] = {
        F("read_time", DURATION, read_ns, 1e3, 1e8, "a page of 16 KiB, alone"),
        F("read_channels", U64, read_channels, 1, 1024, "pages read at once"),
        F("write_time", DURATION, write_ns, 1e3, 1e8,
          "a piece of data by itself, all channels at work"),
        F("write_rate", SIZE, write_bytes, 1e6, 1e10, "bytes per second, sustained"),
        F("accept_time", DURATION, accept_ns, 0, 1e8, "a cached write, past the link"),
        F("age_limit", DURATION, age_limit_ns, 1e5, 1e11,
          "reads and writing out take turns after"),
        END,
};

static const struct hcb_opt ssd_buffer_opts[] = {
        F("write_cache", BOOL, write_cache, 0, 0, "on as shipped"),
        F("power_loss_protection", BOOL, plp, 0, 0, "the cache survives a power cut"),
        F("dirty_limit", SIZE, dirty_bytes, 65536, 0x1p33, "unwritten bytes it accepts"),
        F("dirty_commands", U64, dirty_commands, 4, HDD_MAX_DIRTY_CMDS,
          "unwritten extents"),
        F("flush_overhead", DURATION, flush_ns, 0, 1e8, "added to every flush"),
        END,
};

static const struct hcb_ini_kind ssd_sections[] = {
        {"disk", false, ssd_disk_opts}, {"interface", false, ssd_interface_opts},
        {"flash", false, flash_opts},   {"buffer", false, ssd_buffer_opts},
        {"published", false, no_opts},
};

const struct hcb_ini_kind *hdd_profile_sections(enum hdd_type type, size_t *n)
{
	if (type == HDD_TYPE_SSD) {
		*n = sizeof(ssd_sections) / sizeof(ssd_sections[0]);
		return ssd_sections;
	}
	*n = sizeof(hdd_sections) / sizeof(hdd_sections[0]);
	return hdd_sections;
}

static bool is_double(const struct hcb_opt *o)
{
	return o->type == HCB_OPT_DOUBLE || o->type == HCB_OPT_SHARE ||
	       o->type == HCB_OPT_RATE;
}

bool hdd_profile_number(const struct hcb_opt *o, const struct hdd_profile *p,
                        double *value)
{
	const void *at = (const char *)p + o->offset;
	if (o->type == HCB_OPT_STR || o->type == HCB_OPT_BOOL || o->type == HCB_OPT_ENUM)
		return false;
	*value = is_double(o) ? *(const double *)at : (double)*(const uint64_t *)at;
	return true;
}

void hdd_profile_set_number(const struct hcb_opt *o, struct hdd_profile *p, double value)
{
	void *at = (char *)p + o->offset;
	if (is_double(o))
		*(double *)at = value;
	else
		*(uint64_t *)at = (uint64_t)(value + 0.5);
}
