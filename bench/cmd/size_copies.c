/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many copies lie under a layout's database: fewer than under the shared one are
   given up. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "bench/cmd/size_parts.h"

static bool main_on_ceph(const struct size *s, const struct size_layout *l)
{
	for (unsigned i = 0; i < l->plan->n_ons; i++)
		if (l->plan->ons[i].workload == s->plan->main &&
		    (strncmp(l->plan->ons[i].target, "rbd:", 4) == 0 ||
		     strncmp(l->plan->ons[i].target, "rados:", 6) == 0))
			return true;
	return false;
}

/* The number of copies that a target keeps, and its name; 0: not known. */
static unsigned copies_of(const struct size_layout *l, unsigned i, char *where,
                          size_t size)
{
	const struct hcb_plan_on *on = &l->plan->ons[i];
	const struct hcb_pool_spec *pool = size_pool_under(l, on);
	json_int_t used = json_integer_value(json_object_get(l->room[i], "size"));
	const char *address = strchr(on->target, ':');
	bool path = address && address[1] == '/';
	unsigned copies = pool ? pool->size : (unsigned)used;
	snprintf(where, size, "%.*s", (int)strcspn(on->target, ","), on->target);
	if (path || strstr(on->target, "{system "))
		return 1;
	if (copies)
		snprintf(where, size, "%.*s, a pool of size %u",
		         (int)strcspn(on->target, ","), on->target, copies);
	return copies;
}

void size_copies_find(const struct size *s, struct size_layout *l)
{
	const struct size_layout *shared = &s->layout[s->plan->shared];
	unsigned most = main_on_ceph(s, shared) ? 2 : 0, fewest = UINT_MAX;
	char where[HCB_PLAN_TEXT + 48], fewest_at[sizeof(where)] = "";
	for (unsigned i = 0; i < shared->plan->n_ons; i++) {
		unsigned n = copies_of(shared, i, where, sizeof(where));
		if (shared->plan->ons[i].workload == s->plan->main && n > most)
			most = n;
	}
	for (unsigned i = 0; i < l->plan->n_ons; i++) {
		unsigned n = copies_of(l, i, where, sizeof(where));
		if (l->plan->ons[i].workload != s->plan->main || !n || n >= fewest)
			continue;
		fewest = n;
		snprintf(fewest_at, sizeof(fewest_at), "%s", where);
	}
	if (fewest < most && fewest > 1)
		size_gives_up(l, HCB_GIVES_UP_COPIES, fewest_at,
		              "a copy: a second disk that dies takes data with it");
	if (fewest < most && fewest == 1) {
		size_gives_up(l, HCB_GIVES_UP_COPIES, fewest_at,
		              hcb_gives_up_text(HCB_GIVES_UP_COPIES));
		size_gives_up(
		        l, HCB_GIVES_UP_COPIES, "",
		        "what is left is PostgreSQL's own replication, of which the "
		        "primary alone was measured");
	}
	if (!*l->gives_up_text)
		size_gives_up(l, HCB_GIVES_UP_NOTHING, "", "nothing");
}
