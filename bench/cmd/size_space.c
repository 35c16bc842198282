/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the device classes of a layout's cluster file hold, and what is needed of them. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/size_parts.h"
#include "bench/space.h"
#include "engines/hdd_profile.h"

static int disk_bytes(const struct hcb_disk_spec *d, double *bytes, struct hcb_err *err)
{
	struct hdd_profile *p = calloc(1, sizeof(*p));
	int r = p ? 0 : hcb_err_sys(err, -ENOMEM, "size");
	if (!r && !d->size_bytes)
		r = hdd_profile_find(d->profile, p, err);
	if (!r)
		*bytes = d->size_bytes ? (double)d->size_bytes
		                       : 512.0 * (double)p->sectors;
	free(p);
	return r;
}

/* Room in a class with the largest host gone: domains are its hosts, or single OSDs, of
   which that host then takes several with it. */
static double usable(const double *bytes, const unsigned *host, size_t n,
                     const double *hosts, size_t n_hosts,
                     const struct hcb_pool_spec *pool)
{
	double left[HCB_SPACE_DOMAINS];
	size_t largest = 0, k = 0;
	if (strcmp(pool->domain, "host") == 0)
		return hcb_space_usable(hosts, n_hosts, pool->size, true);
	for (size_t h = 1; h < n_hosts; h++)
		if (hosts[h] > hosts[largest])
			largest = h;
	for (size_t i = 0; i < n; i++)
		if (host[i] != largest)
			left[k++] = bytes[i];
	return k >= pool->size ? hcb_space_usable(left, k, pool->size, false)
	                       : hcb_space_usable(bytes, n, pool->size, false);
}

static int fill_class(const struct hcb_cluster *c, const struct hcb_pool_spec *pool,
                      struct size_class *out, struct hcb_err *err)
{
	double bytes[HCB_SPACE_DOMAINS] = {0}, hosts[HCB_MAX_HOSTS] = {0};
	unsigned host[HCB_SPACE_DOMAINS] = {0};
	int r = 0;
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", pool->crush_class);
	out->copies = pool->size;
	for (unsigned h = 0; !r && h < c->n_hosts; h++) {
		unsigned before = out->osds;
		for (unsigned k = 0; !r && k < c->hosts[h].n_osds; k++) {
			const struct hcb_disk_spec *d = &c->hosts[h].osds[k];
			if (strcmp(d->crush_class, out->name) != 0)
				continue;
			r = disk_bytes(d, &bytes[out->osds], err);
			hosts[out->hosts] += r ? 0 : bytes[out->osds];
			out->raw_bytes += r ? 0 : bytes[out->osds];
			host[out->osds++] = out->hosts;
		}
		out->hosts += out->osds > before;
	}
	if (!r)
		out->usable_bytes =
		        usable(bytes, host, out->osds, hosts, out->hosts, pool);
	return r;
}

static double need_of(const struct size *s, unsigned w)
{
	return (double)s->plan->workload_need[w];
}

/* Is a volume of that workload on a pool of the class? */
static bool on_class(const struct size_layout *l, unsigned w, const char *class)
{
	for (unsigned i = 0; i < l->plan->n_ons; i++) {
		const struct hcb_plan_on *on = &l->plan->ons[i];
		const struct hcb_pool_spec *pool =
		        on->workload == w ? size_pool_under(l, on) : NULL;
		if (pool && strcmp(pool->crush_class, class) == 0)
			return true;
	}
	return false;
}

/* Every workload that has a volume there is counted with all its data: what a volume of
   it takes is not said. Without needs of their own, [size] need. */
static void fill_need(const struct size *s, struct size_layout *l)
{
	bool said = false;
	l->space_ratio = INFINITY;
	for (unsigned w = 0; w < s->plan->n_workloads; w++)
		said |= need_of(s, w) > 0;
	l->space_known = l->n_classes && (said || s->plan->need_bytes);
	for (unsigned k = 0; k < l->n_classes; k++) {
		struct size_class *c = &l->classes[k];
		for (unsigned w = 0; w < s->plan->n_workloads; w++) {
			if (!on_class(l, w, c->name))
				continue;
			c->used = true;
			c->main |= w == s->plan->main;
			c->need_bytes += need_of(s, w);
		}
		if (c->used && !said)
			c->need_bytes = (double)s->plan->need_bytes;
		c->left_bytes = fmax(0, c->usable_bytes - c->need_bytes);
		if (c->used && c->need_bytes > 0)
			l->space_ratio =
			        fmin(l->space_ratio, c->usable_bytes / c->need_bytes);
	}
	if (isinf(l->space_ratio))
		l->space_ratio = 1;
}

int size_space_find(const struct size *s, struct size_layout *l, struct hcb_err *err)
{
	const struct hcb_cluster *c = l->cluster;
	int r = 0;
	for (unsigned i = 0; c && !r && i < c->n_pools; i++) {
		bool there = false;
		for (unsigned k = 0; k < l->n_classes; k++)
			there |= strcmp(l->classes[k].name, c->pools[i].crush_class) == 0;
		if (!there && l->n_classes < SIZE_MAX_CLASSES)
			r = fill_class(c, &c->pools[i], &l->classes[l->n_classes++], err);
	}
	if (!r)
		fill_need(s, l);
	return r;
}
