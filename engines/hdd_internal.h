/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model's state, shared by its two halves: hdd_arm.c (the arm, the medium, the read
 * segments) and hdd_model.c (commands, cache room, flush, events). Not for others.
 */
#ifndef HCB_ENGINES_HDD_INTERNAL_H
#define HCB_ENGINES_HDD_INTERNAL_H

#include "engines/hdd_cache.h"
#include "engines/hdd_geometry.h"
#include "engines/hdd_model.h"

#define HDD_SECTOR        512u
#define HDD_SLICE_SECTORS (HDD_SLICE_BYTES / HDD_SECTOR)
#define HDD_NO_SLOT       UINT32_MAX

/* Logically contiguous, physically in two pieces when a slice's edge is crossed. */
struct hdd_piece {
	uint64_t lba, n;
};

enum hdd_state { /* of a command; also says what its completion event has to do */
	         HDD_FREE,
	         HDD_HOST,     /* outside the drive, behind a flush or a full queue */
	         HDD_PENDING,  /* wants the arm */
	         HDD_BLOCKED,  /* a write that wants room in the cache */
	         HDD_FILLING,  /* a write going into the cache */
	         HDD_FETCHING, /* SSD: a read's first page is on its way */
	         HDD_ENDING,   /* its end is known */
	         HDD_DONE,     /* to be handed out */
};

struct hdd_slot {
	struct hdd_req req;
	enum hdd_state state;
	bool cut;
	uint8_t n_pieces;
	uint32_t follows; /* pending command that ends where this begins */
	struct hdd_piece piece[2];
	struct hdd_place at; /* of the first piece */
	uint64_t arrive_ns;  /* submitted */
	uint64_t enter_ns;   /* in the drive and waiting: its age counts from here */
	uint64_t done_ns, seq;
	uint64_t room;       /* sectors of cache in reserve */
	uint64_t fetched_ns; /* SSD: the read's last page is there */
};

struct hdd_segment {
	uint64_t lba, end; /* empty if equal */
	uint64_t used;     /* for least recently used */
};

/* What the head reads on into a segment after a read. */
struct hdd_stream {
	bool active;
	uint32_t seg;
	struct hdd_place at;
	uint64_t t0;          /* when `at` begins to pass under the head */
	uint64_t promised_ns; /* everything before `at` is there by then */
	uint32_t last_track;  /* reads to the end of this one */
	uint64_t full_lba;    /* and not past this: the segment has what was last asked */
};

struct hdd_event {
	uint64_t t, seq;
	uint32_t slot;
};

struct hdd {
	struct hdd_profile p;
	struct hdd_geometry g;
	struct hdd_cache cache;
	bool flash; /* an SSD: hdd_flash.c is the medium */
	bool cache_on, timing_off;
	uint64_t age_q40;  /* 2^40 / age limit */
	uint64_t slow_q16; /* 65536: as the profile */
	uint64_t size_bytes, phase;
	uint32_t *slice;   /* physical slice of the logical one; n_slices long */
	uint32_t *logical; /* and back */
	uint64_t n_slices;
	uint64_t link_ps; /* picoseconds per byte on the link */

	/* arm */
	bool busy;
	uint64_t free_ns; /* busy: until then */
	uint32_t cyl, head, track;
	uint64_t next_lba; /* what passes next under the head */
	uint64_t gate_ns;  /* the next command is chosen then */
	uint64_t destaging,
	        destaging_cmds; /* sectors and extents on their way to the medium */
	struct hdd_stream stream;
	struct hdd_segment seg[HDD_MAX_SEGMENTS];
	uint64_t seg_clock, seg_sectors;

	/* commands */
	struct hdd_slot *slot;
	uint32_t depth, active; /* active: submitted, not yet done */
	uint32_t *unused, n_unused;
	uint32_t *host, host_head, host_tail, host_mask; /* ring */
	uint32_t pending[HDD_MAX_NCQ], n_pending;        /* by arrival */
	uint32_t blocked[HDD_MAX_NCQ], n_blocked;        /* by arrival */
	uint32_t in_drive;
	struct hdd_event *heap;
	uint32_t n_heap;
	uint32_t *done, done_head, done_tail, done_mask; /* ring */
	uint64_t seqs;
	uint64_t bus_free_ns, last_host_ns, now_ns;
	uint64_t reserved_sectors, reserved_cmds, dirty_limit, forced_sectors,
	        forced_cmds;
	bool aged_turn;   /* the last command chosen went first by age */
	bool making_room; /* the cache was forced full and is not half of that yet */
	bool flushing, flush_ending;
	uint32_t flush_slot;

	struct hdd_watch watch; /* all NULL: nobody watches */

	struct hdd_counters c;
};

/* hdd_model.c */

/* Works off every event up to and at now. */
void hdd_run(struct hdd *m, uint64_t now);
/* The command in slot is done at t. */
void hdd_finish(struct hdd *m, uint64_t t, uint32_t slot);
/* It comes out of hdd_advance next. */
void hdd_hand_out(struct hdd *m, uint32_t slot);

/* hdd_watch.c */

void hdd_tell_finished(struct hdd *m, const struct hdd_slot *s);
void hdd_tell_destaging(struct hdd *m, uint64_t lba, uint64_t n);
void hdd_tell_destaged(struct hdd *m);

static inline uint64_t hdd_slowed(const struct hdd *m, uint64_t ns)
{
	return m->slow_q16 == 65536 ? ns : (ns * m->slow_q16) >> 16;
}

/* hdd_flash.c: as hdd_media_command and hdd_media_destage, of an SSD. */
uint64_t hdd_flash_command(struct hdd *m, uint64_t t, struct hdd_slot *s);
void hdd_flash_destage(struct hdd *m, uint64_t t, uint32_t extent);

/* hdd_arm.c */

/* Time from t until the head can begin at place; *move is the part spent moving. */
uint64_t hdd_position_ns(const struct hdd *m, uint64_t t, const struct hdd_place *place,
                         bool write, uint64_t *move);
/* Of the oldest rpo_window commands the one that begins where the head is: its index in
   pending, or HDD_NO_SLOT. */
uint32_t hdd_continuing(const struct hdd *m);
/* Of the oldest rpo_window commands the one to begin soonest: its index in pending, and
   its cost. The stream must be settled. */
uint32_t hdd_pick_command(struct hdd *m, uint64_t t, uint64_t *cost);
/* Does the read begin in what the stream has read or is about to read next? */
bool hdd_on_stream(const struct hdd *m, const struct hdd_slot *s);
/* Begins the command on the medium at t; returns when it ends. The arm is busy until
 * then. */
uint64_t hdd_media_command(struct hdd *m, uint64_t t, struct hdd_slot *s);
/* The extent to destage next, and its cost. HDD_NO_EXTENT: the cache is clean. */
uint32_t hdd_pick_extent(const struct hdd *m, uint64_t t, uint64_t *cost);
void hdd_media_destage(struct hdd *m, uint64_t t, uint32_t extent);
/* A read that the buffer holds, or that the stream under way will bring if nothing else
   wants the arm: when its data is there. HDD_NOT_HERE otherwise. */
#define HDD_NOT_HERE UINT64_MAX
uint64_t hdd_buffer_read(struct hdd *m, uint64_t t, const struct hdd_slot *s,
                         bool may_extend);
/* Brings the stream's segment up to t, without ending the stream. Does nothing if idle.
 */
void hdd_stream_settle(struct hdd *m, uint64_t t);
/* Read segments forget what is written over. */
void hdd_segments_drop(struct hdd *m, uint64_t lba, uint64_t n);

#endif
