/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of a drive from the outside: figures its maker or somebody with the drive
 * published, in the profile's [published] section. A profile is judged by them
 * (hcbench disk calibrate) and fitted to them (hcbench disk fit). One line each,
 *
 *     KEY = FIGURE, TOLERANCE, SOURCE
 *
 * FIGURE in the unit of the key: 78/s, 8.5ms, 150MB (per second). TOLERANCE: "3%" either
 * side, "at most", "at least", or "to FIGURE" for the other end of a range. SOURCE is not
 * optional: where the figure is from, or how it was derived.
 */
#ifndef HCB_ENGINES_HDD_PUBLISHED_H
#define HCB_ENGINES_HDD_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/core/err.h"

/* X(NAME, key, unit): numbered as hcbench disk calibrate prints them. */
#define HDD_FIGURES(X)                                                                   \
	X(MEAN_SEEK, "mean_seek", HDD_UNIT_MS)                                           \
	X(READ_1, "read_depth_1", HDD_UNIT_PER_S)                                        \
	X(READ_1_RESPONSE, "read_depth_1_response", HDD_UNIT_QUANTILES)                  \
	X(WRITE_1_UNCACHED, "write_depth_1_uncached", HDD_UNIT_PER_S)                    \
	X(READ_2, "read_depth_2", HDD_UNIT_PER_S)                                        \
	X(READ_4, "read_depth_4", HDD_UNIT_PER_S)                                        \
	X(READ_8, "read_depth_8", HDD_UNIT_PER_S)                                        \
	X(READ_16, "read_depth_16", HDD_UNIT_PER_S)                                      \
	X(READ_32, "read_depth_32", HDD_UNIT_PER_S)                                      \
	X(WRITE_32_UNCACHED, "write_depth_32_uncached", HDD_UNIT_PER_S)                  \
	X(READ_32_RESPONSE, "read_depth_32_response", HDD_UNIT_QUANTILES)                \
	X(READ_32_P99, "read_depth_32_p99", HDD_UNIT_MS)                                 \
	X(WRITE_1_CACHED, "write_depth_1_cached", HDD_UNIT_PER_S)                        \
	X(READ_OUTER, "read_outer", HDD_UNIT_MB_PER_S)                                   \
	X(READ_INNER, "read_inner", HDD_UNIT_MB_PER_S)                                   \
	X(READ_MEAN, "read_mean", HDD_UNIT_MB_PER_S)                                     \
	X(WRITE_OUTER, "write_outer", HDD_UNIT_MB_PER_S)                                 \
	X(WRITE_OUTER_UNCACHED, "write_outer_uncached", HDD_UNIT_MB_PER_S)               \
	X(JOURNAL, "journal_fsync", HDD_UNIT_PER_S)                                      \
	X(WRITE_FLUSH, "write_flush_depth_1", HDD_UNIT_PER_S)                            \
	X(FLUSH_8, "flush_after_8", HDD_UNIT_MS)                                         \
	X(FLUSH_64, "flush_after_64", HDD_UNIT_MS)                                       \
	X(READ_SPAN_5, "read_span_5", HDD_UNIT_PER_S)                                    \
	X(READ_SPAN_25, "read_span_25", HDD_UNIT_PER_S)                                  \
	X(BUFFER_RATE, "buffer_rate", HDD_UNIT_MB_PER_S)                                 \
	X(WRITE_1_CACHED_30S, "write_depth_1_cached_30s", HDD_UNIT_PER_S)                \
	X(FLUSH_FULL, "flush_full", HDD_UNIT_MS)                                         \
	X(READ_SLOW_HOST, "read_slow_host", HDD_UNIT_MB_PER_S)

enum hdd_figure_id {
#define X(name, key, unit) HDD_##name,
	HDD_FIGURES(X)
#undef X
	        HDD_FIGURE_COUNT,
};

enum hdd_unit { HDD_UNIT_MS, HDD_UNIT_PER_S, HDD_UNIT_MB_PER_S, HDD_UNIT_QUANTILES };

enum hdd_how { HDD_WITHIN, HDD_AT_MOST, HDD_AT_LEAST, HDD_RANGE };

#define HDD_MAX_QUANTILES 20

struct hdd_figure {
	bool given;
	enum hdd_how how;
	double value; /* in the unit's own: ms, per second, 10^6 bytes per second */
	double limit; /* WITHIN: a share of value; RANGE: the upper end */
	char source[160];
};

/* "1% 3.3ms 50% 17.7ms ...", ascending: the value of a figure with HDD_UNIT_QUANTILES, in
   place of its number; its limit is the most demerit. */
struct hdd_quantiles {
	size_t n;
	double q[HDD_MAX_QUANTILES], ms[HDD_MAX_QUANTILES];
};

struct hdd_published {
	struct hdd_figure figure[HDD_FIGURE_COUNT];
	struct hdd_quantiles read_1, read_32; /* READ_1_RESPONSE, READ_32_RESPONSE */
};

/* The figure's quantiles; NULL: it is a number. */
const struct hdd_quantiles *hdd_figure_quantiles(const struct hdd_published *p,
                                                 enum hdd_figure_id id);
const char *hdd_figure_key(enum hdd_figure_id id);
enum hdd_unit hdd_figure_unit(enum hdd_figure_id id);
/* "/s", "ms", "MB/s", "%" */
const char *hdd_unit_text(enum hdd_unit unit);

/* One line of [published]. Errors name key and value, not the file; exit code 2. */
int hdd_published_set(struct hdd_published *p, const char *key, const char *value,
                      struct hcb_err *err);
/* Writes "KEY = FIGURE, TOLERANCE, SOURCE" as hdd_published_set reads it. */
int hdd_published_format(const struct hdd_published *p, enum hdd_figure_id id, char *buf,
                         size_t size);
/* Is measured what was published? The figure must be given; quantiles: of a demerit. */
bool hdd_figure_met(const struct hdd_figure *f, double measured);

#endif
