/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The data of a model disk with a volatile write cache: what is read now, and what a
 * power cut leaves. It keeps the newest data in a sparse file in memory, and beside it,
 * for each sector of 512 bytes that is not on the medium yet, what the medium still has.
 *
 * A write is `flying` from when its data moved until the model finishes it; then it is
 * `dirty`, in the cache, unless the model wrote it straight to the medium; what the arm
 * is writing out is `sealed`: data written over it from then on is another version. The
 * model tells which (struct hdd_watch).
 *
 * A cut leaves of every such sector the newest data or older data, of the versions that
 * were not on the medium or were it: by chance, drawn from a seed for runs of 1 to 128
 * sectors that differ from one 64 KiB to the next, so that whole requests survive, pages
 * are torn, and writes survive that later ones are lost of. That is what a drive may do
 * whatever its order of writing out; one that loses its whole cache is keep = 0. A sector
 * itself is never torn. Everything else stays.
 *
 * Threads. hdd_store_read, _write and _discard move data and may run on any thread,
 * beside everything else, so that nothing waits for a copy. The rest is called by one
 * thread at a time: whoever calls the model.
 */
#ifndef HCB_ENGINES_HDD_STORE_H
#define HCB_ENGINES_HDD_STORE_H

#include <stdbool.h>
#include <stdint.h>

#define HDD_STORE_PAGE 4096u

struct hdd_store;

struct hdd_store_config {
	uint64_t size_bytes;  /* multiple of the page */
	uint64_t data_bytes;  /* most memory the data may take; 0: no limit */
	uint64_t cache_bytes; /* most the cache holds dirty, in at most */
	uint64_t cache_cmds;  /* so many extents */
	uint64_t depth;       /* most writes flying, */
	uint64_t max_len;     /* each at most this long */
};

/* A write on its way; `first` is the store's own. */
struct hdd_store_op {
	uint32_t first; /* of what it replaces */
	uint32_t cuts;  /* that had been when its data moved */
};

/* Takes all memory it will need; pages of it are used when first needed. 0 or -errno. */
int hdd_store_new(struct hdd_store **st, const struct hdd_store_config *cfg);
void hdd_store_free(struct hdd_store *st);

/* 0, or -EIO: no power. Lengths and offsets are multiples of 512, inside the disk. */
int hdd_store_read(struct hdd_store *st, uint64_t off, void *buf, uint64_t len,
                   struct hdd_store_op *o);
/* 0; -ENOSPC: data_bytes are in use; -EIO: no power. On success o is flying until
   hdd_store_cached or _written, and seen by a cut from hdd_store_submitted. */
int hdd_store_write(struct hdd_store *st, uint64_t off, const void *buf, uint64_t len,
                    struct hdd_store_op *o);
int hdd_store_discard(struct hdd_store *st, uint64_t off, uint64_t len,
                      struct hdd_store_op *o);

/* For a request without data. */
int hdd_store_touch(struct hdd_store *st, struct hdd_store_op *o);

/* The data moved and the request goes to the model now. False: power was cut since. */
bool hdd_store_submitted(struct hdd_store *st, struct hdd_store_op *o);
/* As struct hdd_watch has them. */
void hdd_store_cached(struct hdd_store *st, struct hdd_store_op *o);
void hdd_store_written(struct hdd_store *st, struct hdd_store_op *o);
void hdd_store_destaging(struct hdd_store *st, uint64_t off, uint64_t len);
void hdd_store_destaged(struct hdd_store *st);
void hdd_store_clean(struct hdd_store *st);
/* Durable whatever was there: for a discard. */
void hdd_store_settle(struct hdd_store *st, uint64_t off, uint64_t len);

/* off: writes are on the medium when they are done, always (a disk without timing). */
void hdd_store_set_volatile(struct hdd_store *st, bool on);
/*
 * Cuts the power. 0, or -errno of putting back former data. Sectors that are not on the
 * medium keep their newest data with probability keep. Waits for data that is moving.
 * Then there is no power until hdd_store_power_on.
 */
int hdd_store_power_cut(struct hdd_store *st, uint64_t seed, double keep);
void hdd_store_power_on(struct hdd_store *st);
bool hdd_store_powered(const struct hdd_store *st);

struct hdd_store_stat {
	uint64_t stored_bytes;  /* memory the data takes */
	uint64_t at_risk_bytes; /* sectors a cut may take now, in full pages */
	uint32_t cuts;
	uint64_t sectors_lost, sectors_kept; /* by all cuts, of those at risk */
};
void hdd_store_stat(const struct hdd_store *st, struct hdd_store_stat *s);

#endif
