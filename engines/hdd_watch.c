/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling who keeps the data where it is. hdd_model.h says what is told. */
#include "engines/hdd_internal.h"

void hdd_watch(struct hdd *m, const struct hdd_watch *w)
{
	m->watch = *w;
}

/* A write that went into the cache ends in the state of filling it; a cache that survives
   is as good as the medium. */
void hdd_tell_finished(struct hdd *m, const struct hdd_slot *s)
{
	const struct hdd_watch *w = &m->watch;
	bool at_risk = s->state == HDD_FILLING && !m->p.plp;
	if (at_risk && w->cached)
		w->cached(w->arg, s->req.cookie);
	else if (!at_risk && w->written)
		w->written(w->arg, s->req.cookie);
}

/* Neighbours on the medium need not be neighbours to the host. */
void hdd_tell_destaging(struct hdd *m, uint64_t lba, uint64_t n)
{
	const struct hdd_watch *w = &m->watch;
	while (n && w->destaging) {
		uint64_t sl = lba / HDD_SLICE_SECTORS, in = lba % HDD_SLICE_SECTORS;
		uint64_t k = HDD_SLICE_SECTORS - in < n ? HDD_SLICE_SECTORS - in : n;
		uint64_t host = sl < m->n_slices ? m->logical[sl] : sl;
		w->destaging(w->arg, (host * HDD_SLICE_SECTORS + in) * HDD_SECTOR,
		             k * HDD_SECTOR);
		lba += k;
		n -= k;
	}
}

void hdd_tell_destaged(struct hdd *m)
{
	if (m->watch.destaged)
		m->watch.destaged(m->watch.arg);
}
