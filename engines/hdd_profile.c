/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading and checking a profile. */
#include "engines/hdd_profile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench/core/cluster.h"

#define MAX_KEYS 16

struct reader {
	struct hdd_profile *p;
	const char *path;
	const struct hcb_ini_kind *sections; /* of the type, once it is known */
	size_t n_sections;
	int line[HDD_MAX_SECTIONS][MAX_KEYS]; /* where each key stood; 0: not seen */
};

static int read_line(void *arg, const char *section, const char *key, const char *value,
                     int lineno, struct hcb_err *err)
{
	struct reader *rd = arg;
	char names[HCB_INI_NAMES];
	const struct hcb_ini_kind *sections = rd->sections;
	int s = hcb_ini_kind(sections, rd->n_sections, section, names, err);
	if (s < 0)
		return s;
	if (!key)
		return 0;
	/* Which keys there are depends on it. */
	if (!rd->line[0][0] && (s != 0 || strcmp(key, sections[0].opts[0].name) != 0))
		return hcb_err_usage(err, "[disk] type: must come first (hdd or ssd)");
	if (strcmp(section, "published") == 0)
		return hdd_published_set(&rd->p->published, key, value, err);
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
	rd->sections = hdd_profile_sections((enum hdd_type)rd->p->type, &rd->n_sections);
	return 0;
}

static int line_of(const struct reader *rd, const char *section, const char *key)
{
	for (size_t s = 0; s < rd->n_sections; s++) {
		const struct hcb_opt *opts = rd->sections[s].opts;
		if (strcmp(rd->sections[s].name, section) == 0)
			return rd->line[s][hcb_opt_find(opts, key) - opts];
	}
	return 0;
}

static int check_complete(const struct reader *rd, struct hcb_err *err)
{
	for (size_t s = 0; s < rd->n_sections; s++) {
		const struct hcb_opt *o = rd->sections[s].opts;
		for (size_t k = 0; o[k].name; k++)
			if (!rd->line[s][k])
				return hcb_err_usage(err, "%s: [%s] %s is missing (%s)",
				                     rd->path, rd->sections[s].name,
				                     o[k].name, o[k].help);
	}
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
	if (!line)
		return hcb_err_usage(err, "%s: %s: %s", rd->path, what, text);
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

static int check_flash(const struct reader *rd, struct hcb_err *err)
{
	const struct hdd_profile *p = rd->p;
	if (p->plp && !p->write_cache)
		return BAD("buffer", "power_loss_protection",
		           "protects a write cache that is off");
	if (p->write_bytes > p->link_bytes)
		return BAD("flash", "write_rate", "more than the link carries");
	return 0;
}

/* What an SSD's profile does not say and the common parts of the model ask for. */
static void complete_flash(struct hdd_profile *p)
{
	p->buffer_bytes = 2 * p->dirty_bytes; /* half of it for reads: never used */
	p->rpo_window = 1;
	p->destage_window = 1;
	p->destage_forced = 0;
}

static int check_values(const struct reader *rd, struct hcb_err *err)
{
	if (rd->p->type == HDD_TYPE_SSD) {
		complete_flash(rd->p);
		return check_flash(rd, err);
	}
	int r = check_geometry(rd, err);
	if (!r)
		r = check_seek(rd, err);
	if (!r)
		r = check_buffer(rd, err);
	return r;
}

static int finish(const struct reader *rd, struct hcb_err *err)
{
	int r = check_complete(rd, err);
	return r ? r : check_values(rd, err);
}

static bool in_range(const struct hcb_opt *o, const struct hdd_profile *p)
{
	double v;
	return (o->min == 0 && o->max == 0) || !hdd_profile_number(o, p, &v) ||
	       (v >= o->min && v <= o->max);
}

int hdd_profile_check(struct hdd_profile *p, struct hcb_err *err)
{
	struct reader rd;
	memset(&rd, 0, sizeof(rd));
	rd.p = p;
	rd.path = p->name;
	rd.sections = hdd_profile_sections((enum hdd_type)p->type, &rd.n_sections);
	for (size_t s = 0; s < rd.n_sections; s++)
		for (const struct hcb_opt *o = rd.sections[s].opts; o->name; o++)
			if (!in_range(o, p))
				return hcb_err_usage(
				        err, "%s: [%s] %s: out of range (%g to %g)",
				        p->name, rd.sections[s].name, o->name, o->min,
				        o->max);
	return check_values(&rd, err);
}

static void begin(struct reader *rd, const char *path, struct hdd_profile *p)
{
	memset(rd, 0, sizeof(*rd));
	memset(p, 0, sizeof(*p));
	rd->p = p;
	rd->path = path;
	rd->sections = hdd_profile_sections(HDD_TYPE_HDD, &rd->n_sections);
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
