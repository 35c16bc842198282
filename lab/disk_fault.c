/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/disk_fault.h"

#include <errno.h>

enum { ROOM = 2 * DISK_BAD_RANGES };

int disk_fault_add(struct disk_faults *f, uint64_t off, uint64_t len, bool reads,
                   bool writes)
{
	if (len == 0 || len > UINT64_MAX - off || !(reads || writes))
		return -EINVAL;
	if (f->n_bad >= DISK_BAD_RANGES)
		return -ENOSPC;
	f->bad[f->n_bad++] = (struct disk_bad_range){off, off + len, reads, writes};
	return 0;
}

/* Takes [off, end) out of range i. True if the range is gone: another is now at i. */
static bool cut(struct disk_faults *f, unsigned i, uint64_t off, uint64_t end)
{
	struct disk_bad_range *b = &f->bad[i];
	uint64_t before = off > b->off ? off - b->off : 0;
	uint64_t after = end < b->end ? b->end - end : 0;
	if (before && after && f->n_bad < ROOM) {
		f->bad[f->n_bad++] =
		        (struct disk_bad_range){end, b->end, b->reads, b->writes};
		b->end = off;
	} else if (before && before >= after) {
		b->end = off;
	} else if (after) {
		b->off = end;
	} else {
		*b = f->bad[--f->n_bad];
		return true;
	}
	return false;
}

static void make_good(struct disk_faults *f, uint64_t off, uint64_t end, bool all)
{
	for (unsigned i = 0; i < f->n_bad;) {
		const struct disk_bad_range *b = &f->bad[i];
		bool touched = off < b->end && b->off < end && (all || !b->writes);
		if (!touched || !cut(f, i, off, end))
			i++;
	}
}

void disk_fault_clear(struct disk_faults *f, uint64_t off, uint64_t len)
{
	make_good(f, off, len > UINT64_MAX - off ? UINT64_MAX : off + len, true);
}

void disk_fault_written(struct disk_faults *f, uint64_t off, uint64_t len)
{
	make_good(f, off, off + len, false);
}

bool disk_fault_hits(const struct disk_faults *f, enum hcb_op_kind kind, uint64_t off,
                     uint64_t len)
{
	for (unsigned i = 0; i < f->n_bad; i++) {
		const struct disk_bad_range *b = &f->bad[i];
		if (off >= b->end || b->off >= off + len)
			continue;
		if ((kind == HCB_READ && b->reads) || (kind == HCB_WRITE && b->writes))
			return true;
	}
	return false;
}

uint64_t disk_fault_bytes(const struct disk_faults *f)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < f->n_bad; i++)
		n += f->bad[i].end - f->bad[i].off;
	return n;
}
