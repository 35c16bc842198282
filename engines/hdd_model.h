/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A model of one hard disk or SSD: pure arithmetic, no clock, no I/O, no data. Requests
 * go in with the time they arrive, completions come out with the time they happen. All
 * times are integer nanoseconds on the caller's scale, all addresses bytes of the logical
 * disk.
 *
 * THE MODEL
 *
 * Mechanics. Tracks, heads, zones and skew as hdd_geometry.h lays them out. The platter
 * turns for ever: the angle under the head is (time + phase) modulo one revolution. Each
 * spindle draws its phase, and its own speed within rpm_tolerance, from the seed, so that
 * two disks never stay in step. Reaching a sector costs the move, then the wait for the
 * angle. The move is nothing on the same track; one skew to the next track in layout
 * order (the skew is made to cover exactly that, a write's settling included); else the
 * seek curve of the distance in cylinders, never less than one skew if the head changes,
 * and before a write write_settle longer.
 *
 * Commands. The host may have any number outstanding; the drive sees the oldest ncq_depth
 * that are not behind a FLUSH. A command that needs the medium costs `overhead` once: a
 * free arm is given its next command that long after it became free, or after the command
 * came if there was none, and commands that come meanwhile take part in the choice. (With
 * decoding overlapped instead, depth 2 would have nothing to choose from and gain
 * nothing; the one real drive with a published curve, the ST2000DM006, gains 12 % at
 * depth 2.) A command that begins exactly where the head is goes first and costs no
 * overhead, unless an older one has waited past age_limit: queued sequential commands
 * lose no turn. One that continues another in the queue is not chosen before it.
 *
 * Choice. Of the oldest rpo_window commands the arm takes the one it can begin soonest,
 * seek and rotation together; ties go to the older. A command's cost counts less as it
 * ages, times 1 - (age / age_limit)^4 and never under a fifth, so that nothing falls off
 * a cliff at the limit. Once the oldest has waited past age_limit every second choice is
 * the oldest, whatever it costs: the drive alternates between fair and fast. A limit far
 * above the usual wait makes a drive that schedules by position; one far below makes one
 * that serves every second command in order. A command in progress is never interrupted.
 *
 * Reads. A read that the buffer holds, in one dirty extent or one read segment, is
 * decoded in hit_overhead and goes out over the link, one command at a time. Otherwise
 * the medium is read; the link is faster than the medium and transfers while reading, so
 * the read ends with its last sector; what of its beginning a segment holds is not read
 * again. Then the head reads on into the same segment, to the end of the track and
 * read_ahead_tracks further, until the segment is full of that and of what was last asked
 * for or another command is taken up. A read that continues what is being read waits for
 * its sectors instead of being queued, as long as nothing else wants the arm. Segments
 * are reused least recently used first; each holds at most its share of the buffer.
 *
 * Writes. With the cache on a write is accepted over the link into an extent of the cache
 * (hdd_cache.h: neighbours merge, overwrites replace) once there is room: dirty_limit
 * bytes and dirty_commands extents. Without room it waits, in order. The arm writes
 * extents out
 *   - for a FLUSH,
 *   - when the cache is destage_forced full or a write waits for room, until it is half
 *     of that, in competition with the queued commands (the sooner positioned first; a
 *     write waiting past age_limit wins),
 *   - when no command has been there for destage_idle, until one comes,
 * each time the one it can begin soonest among the destage_window oldest, at most to the
 * end of its track at a time; there is no `overhead` between them. With the cache off, or
 * for a FUA write, the write is queued like a read and done when on the medium. A write
 * over half the dirty limit bypasses the cache too.
 *
 * FLUSH. Not queued, as in SATA: it starts when every earlier command is done, writes out
 * everything dirty, takes flush_overhead on top, and every later command waits for its
 * end.
 *
 * filled. Live data of a small test image would lie on a few outer tracks. The first
 * floor(filled * N) of the N slices of 64 MiB are therefore dealt out by a seeded
 * permutation over that share of the stroke; the rest stay where they are.
 *
 * An SSD (type = ssd, hdd_flash.c) has the same commands, cache and FLUSH, and another
 * medium. Nothing depends on where data is. Reads of 16 KiB pages take read_time each and
 * read_channels of them overlap: the medium takes up the next page read_time /
 * read_channels later. A read is decoded in `overhead` and goes out over the link from
 * its first page on. The cache is written out whenever the medium has nothing to read,
 * the oldest extent first, at most 128 KiB at a time, for write_time or at write_rate,
 * whichever is longer; what waits past age_limit, reads or writing out, takes turns. A
 * cached write is done accept_time after the link. With the cache off, or for a FUA
 * write, flush_overhead is paid for each write. With power_loss_protection a cached write
 * is safe: FLUSH writes nothing out, and FUA and cache=off change nothing.
 *
 * timing off: commands complete when they arrive and the cache is always clean. slow:
 * each visit to the medium takes that many times as long.
 *
 * LEFT OUT: defect lists and remapping, retries and thermal recalibration (a real drive's
 * rare waits of 0.1 s and more), vibration, reading or writing a track from the middle
 * (zero latency access), read-before-miss, serving reads from data already written out,
 * queue-priority bits, background media scan, power states, shingled recording, 4 KiB
 * physical sectors (the drives modelled are 512n, or are written in multiples of 4 KiB).
 * Of an SSD: read-ahead, garbage collection as such (write_time is that of a drive in
 * use), an SLC cache that fills, TRIM's effect, which die an address is on.
 */
#ifndef HCB_ENGINES_HDD_MODEL_H
#define HCB_ENGINES_HDD_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"
#include "bench/core/op.h"
#include "engines/hdd_profile.h"

#define HDD_SLICE_BYTES (64ULL << 20)
#define HDD_MAX_REQUEST HDD_SLICE_BYTES

enum hdd_switch { HDD_DEFAULT = -1, HDD_OFF, HDD_ON };

struct hdd_config {
	const struct hdd_profile *profile;
	uint64_t seed;
	double filled;         /* share of the stroke, 0..1 */
	enum hdd_switch cache; /* HDD_DEFAULT: as the profile */
	uint64_t size_bytes;   /* what it claims to hold; 0: all of the profile's */
	uint32_t depth;        /* most requests outstanding */
	double slow;           /* 1.0: as the profile */
	bool timing_off;
};

struct hdd_req {
	enum hcb_op_kind kind; /* READ, WRITE, FLUSH */
	bool fua;
	uint64_t off, len; /* multiples of 512; FLUSH: 0 */
	void *cookie;
};

struct hdd_done {
	uint64_t done_ns;
	void *cookie;
	bool cut; /* not done: power went first */
};

/*
 * Where the data of writes is, told as it happens to who keeps it (hdd_store.h): in the
 * cache, from where power cuts take it, or on the medium. Called from inside hdd_submit,
 * hdd_advance and the switches, in the order of events.
 */
struct hdd_watch {
	void *arg;
	/* The write with this cookie is in the cache; on the medium (cache off, FUA)
	   or as safe as there (power loss protection). */
	void (*cached)(void *arg, void *cookie);
	void (*written)(void *arg, void *cookie);
	/* What the cache holds of [off, off + len) begins to go to the medium; it, and
	   whatever else began since the last time, is there. */
	void (*destaging)(void *arg, uint64_t off, uint64_t len);
	void (*destaged)(void *arg);
	/* All of the cache is. */
	void (*clean)(void *arg);
};

struct hdd_counters {
	uint64_t reads, writes, flushes; /* commands done */
	uint64_t read_bytes, write_bytes;
	uint64_t read_hits, write_merges; /* served by the buffer; merged in the cache */
	uint64_t media_reads, media_writes; /* visits to the medium */
	uint64_t media_read_bytes, media_write_bytes;
	uint64_t destages; /* of media_writes, those from the cache */
	uint64_t seeks;    /* visits that moved the arm */
	uint64_t busy_ns;  /* the arm at work: the next three together, times slow */
	uint64_t seek_ns, rotate_ns, transfer_ns;
	uint64_t overhead_ns;            /* decoding, and flush_overhead */
	uint64_t flush_ns, flush_max_ns; /* from arrival to end */
	uint64_t room_waits;             /* writes that found the cache full */
	uint64_t aged;                   /* commands that went first by age */
};

struct hdd;

/* Allocates all it will ever need. NULL on failure. */
struct hdd *hdd_new(const struct hdd_config *cfg, struct hcb_err *err);
void hdd_free(struct hdd *m);

/*
 * Takes r at time now_ns (never before an earlier call's time). 0; -EAGAIN: depth
 * requests are out; -EINVAL: unaligned, empty or over HDD_MAX_REQUEST; -ENOSPC: past the
 * end.
 */
int hdd_submit(struct hdd *m, uint64_t now_ns, const struct hdd_req *r);
/* Brings the model to now_ns, then hands out completions in order of (time, sequence). */
unsigned hdd_advance(struct hdd *m, uint64_t now_ns, struct hdd_done *out, unsigned max);
/*
 * The next time something happens that can lead to a completion; no completion is
 * earlier. It may be a decision inside the drive, after which the answer is a later time.
 * UINT64_MAX: nothing is outstanding.
 */
uint64_t hdd_next_ns(const struct hdd *m);
/* Forgets cached state of a range (a discard); costs nothing. */
void hdd_discard(struct hdd *m, uint64_t now_ns, uint64_t off, uint64_t len);

/* Before the first request; w is copied. */
void hdd_watch(struct hdd *m, const struct hdd_watch *w);
/*
 * Power goes and comes back at once: everything outstanding comes out of hdd_advance as
 * `cut`, the buffer is empty, the platter has gone on turning. What the watch has not
 * been told to be on the medium is not there.
 */
void hdd_power_cut(struct hdd *m, uint64_t now_ns);

void hdd_set_timing(struct hdd *m, uint64_t now_ns, bool on);
void hdd_set_slow(struct hdd *m, uint64_t now_ns, double slow);

uint64_t hdd_size_bytes(const struct hdd *m);
uint32_t hdd_rev_ns(const struct hdd *m); /* this spindle's revolution; SSD: 0 */
bool hdd_cache_on(const struct hdd *m);
bool hdd_timing(const struct hdd *m);
double hdd_slow(const struct hdd *m);
uint32_t hdd_outstanding(const struct hdd *m);
uint32_t hdd_room(const struct hdd *m); /* how many more hdd_submit takes now */
uint64_t hdd_dirty_bytes(const struct hdd *m);
const struct hdd_counters *hdd_counters(const struct hdd *m);
json_t *hdd_counters_json(const struct hdd *m);

#endif
