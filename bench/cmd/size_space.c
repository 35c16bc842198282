/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is room for under a layout, and what is needed of it: in the device classes
 * of its cluster file, in the pools of a cluster in use, on a system disk.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/size_parts.h"
#include "bench/space.h"
#include "engines/hdd_profile.h"

/* Below that an OSD's own overhead is most of what it uses, and says nothing of how
   evenly data are spread. */
#define FULL_ENOUGH 0.1

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
	snprintf(out->name, sizeof(out->name), "%.40s", pool->crush_class);
	out->copies = pool->size;
	for (unsigned h = 0; !r && h < c->n_hosts; h++) {
		unsigned before = out->osds;
		for (unsigned k = 0; !r && k < c->hosts[h].n_osds; k++) {
			const struct hcb_disk_spec *d = &c->hosts[h].osds[k];
			if (strcmp(d->crush_class, pool->crush_class) != 0)
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

/* A host's system disk, which holds one file system and one copy. It is held to the same
   fill: PostgreSQL on a file system that is full stops. */
static int fill_system(const struct hcb_host_spec *host, struct size_class *out,
                       struct hcb_err *err)
{
	double bytes = 0;
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "system %.31s", host->name);
	out->copies = out->osds = out->hosts = 1;
	int r = disk_bytes(&host->system, &bytes, err);
	out->raw_bytes = bytes;
	out->usable_bytes = HCB_SPACE_NEARFULL * bytes;
	return r;
}

/* The fullest OSD is what fills the pool, so an uneven spread counts, once there is
   something to be spread. */
static double evenness(const json_t *osds)
{
	double used = 0, all = 0, fullest = 0;
	for (size_t i = 0; i < json_array_size(osds); i++) {
		const json_t *o = json_array_get(osds, i);
		double b = json_number_value(json_object_get(o, "bytes"));
		double u = json_number_value(json_object_get(o, "used_bytes"));
		used += u;
		all += b;
		fullest = b > 0 ? fmax(fullest, u / b) : fullest;
	}
	return fullest >= FULL_ENOUGH ? used / all / fullest : 1;
}

static unsigned host_number(const char *(*names)[HCB_SPACE_DOMAINS], unsigned *n,
                            const char *host)
{
	for (unsigned h = 0; h < *n; h++)
		if ((*names)[h] && strcmp((*names)[h], host) == 0)
			return h;
	(*names)[*n] = host;
	return (*n)++;
}

/* A pool in use: what may be added to what is there. More OSDs than a cluster file may
   have are none of ours. */
static int fill_room(const json_t *room, struct size_class *out)
{
	double bytes[HCB_SPACE_DOMAINS] = {0}, hosts[HCB_SPACE_DOMAINS] = {0};
	unsigned host[HCB_SPACE_DOMAINS] = {0};
	const char *names[HCB_SPACE_DOMAINS] = {NULL};
	const json_t *osds = json_object_get(room, "osds");
	const char *class = json_string_value(json_object_get(room, "class"));
	const char *domain = json_string_value(json_object_get(room, "domain"));
	struct hcb_pool_spec pool = {0};
	memset(out, 0, sizeof(*out));
	if (json_array_size(osds) > HCB_SPACE_DOMAINS)
		return -E2BIG;
	pool.size = (unsigned)json_integer_value(json_object_get(room, "size"));
	/* Racks and the like are taken for hosts: what is lost is then a host too. */
	snprintf(pool.domain, sizeof(pool.domain), "%s",
	         domain && strcmp(domain, "osd") == 0 ? "osd" : "host");
	snprintf(out->name, sizeof(out->name), "%.40s", class ? class : "all");
	out->copies = pool.size;
	for (size_t i = 0; i < json_array_size(osds); i++) {
		const json_t *o = json_array_get(osds, i);
		const char *at = json_string_value(json_object_get(o, "host"));
		unsigned h = host_number(&names, &out->hosts, at ? at : "");
		bytes[i] = json_number_value(json_object_get(o, "bytes"));
		hosts[h] += bytes[i];
		host[i] = h;
		out->raw_bytes += bytes[i];
		out->stored_bytes += json_number_value(json_object_get(o, "used_bytes"));
		out->osds++;
	}
	out->stored_bytes /= pool.size ? pool.size : 1;
	out->usable_bytes =
	        usable(bytes, host, out->osds, hosts, out->hosts, &pool) * evenness(osds);
	out->usable_bytes = fmax(0, out->usable_bytes - out->stored_bytes);
	return 0;
}

/* ---- what a layout puts there ---- */

static const struct hcb_host_spec *system_of(const struct hcb_cluster *c,
                                             const char *target)
{
	const char *at = strstr(target, "{system ");
	for (unsigned h = 0; at && c && h < c->n_hosts; h++) {
		size_t len = strlen(c->hosts[h].name);
		if (strncmp(at + 8, c->hosts[h].name, len) == 0 && at[8 + len] == '}')
			return &c->hosts[h];
	}
	return NULL;
}

/* What a target lies in. false: nothing that has room of its own. */
static bool class_under(const struct size_layout *l, unsigned i, struct size_class *out)
{
	const struct hcb_plan_on *on = &l->plan->ons[i];
	const struct hcb_pool_spec *pool = size_pool_under(l, on);
	const struct hcb_host_spec *host = system_of(l->cluster, on->target);
	struct hcb_err none = HCB_ERR_INIT;
	return pool && l->cluster ? fill_class(l->cluster, pool, out, &none) == 0
	       : host             ? fill_system(host, out, &none) == 0
	       : l->room[i]       ? fill_room(l->room[i], out) == 0
	                          : false;
}

/* What a byte of a workload's takes of the class, in usable bytes of it; NaN if no volume
   of it is there, INFINITY if there is no room for one. Two pools of one class may keep
   different numbers of copies, and only one of them made c->usable_bytes. */
static double weight(const struct size_layout *l, unsigned w, const struct size_class *c)
{
	double most = NAN;
	for (unsigned i = 0; i < l->plan->n_ons; i++) {
		struct size_class own;
		if (l->plan->ons[i].workload != w || !class_under(l, i, &own) ||
		    strcmp(own.name, c->name) != 0)
			continue;
		most = fmax(most, c->usable_bytes > 0 && own.usable_bytes > 0
		                          ? c->usable_bytes / own.usable_bytes
		                          : INFINITY);
	}
	return most;
}

/* Every workload that has a volume there is counted with all its data: what a volume of
   it takes is not said. Without needs of their own, [size] need. */
static void fill_need(const struct size *s, struct size_layout *l)
{
	const uint64_t *own = s->plan->workload_need;
	bool said = false;
	l->space_ratio = INFINITY;
	for (unsigned w = 0; w < s->plan->n_workloads; w++)
		said |= own[w] > 0;
	l->space_known = l->n_classes && (said || s->plan->need_bytes);
	for (unsigned k = 0; k < l->n_classes; k++) {
		struct size_class *c = &l->classes[k];
		double taken = 0;
		for (unsigned w = 0; w < s->plan->n_workloads; w++) {
			double each = weight(l, w, c);
			if (isnan(each))
				continue;
			c->used = true;
			c->main |= w == s->plan->main;
			if (said && own[w]) {
				c->need_bytes += (double)own[w];
				taken += each * (double)own[w];
			} else if (!said && s->plan->need_bytes) {
				c->need_bytes = (double)s->plan->need_bytes;
				taken = fmax(taken, each * c->need_bytes);
			}
		}
		c->left_bytes = fmax(0, c->usable_bytes - taken);
		if (taken > 0)
			l->space_ratio = fmin(l->space_ratio, c->usable_bytes / taken);
	}
	if (isinf(l->space_ratio))
		l->space_ratio = 1;
}

static struct size_class *new_class(struct size_layout *l, const char *name)
{
	for (unsigned k = 0; k < l->n_classes; k++)
		if (strcmp(l->classes[k].name, name) == 0)
			return NULL;
	return l->n_classes < SIZE_MAX_CLASSES ? &l->classes[l->n_classes++] : NULL;
}

/* Of the pools of that one's class the first that the layout uses; else that one. */
static const struct hcb_pool_spec *used_pool(const struct size_layout *l,
                                             const struct hcb_pool_spec *like)
{
	for (unsigned i = 0; i < l->plan->n_ons; i++) {
		const struct hcb_pool_spec *p = size_pool_under(l, &l->plan->ons[i]);
		if (p && strcmp(p->crush_class, like->crush_class) == 0)
			return p;
	}
	return like;
}

/* Those of the cluster file, used or not, then what else the targets lie in. */
int size_space_find(const struct size *s, struct size_layout *l, struct hcb_err *err)
{
	const struct hcb_cluster *c = l->cluster;
	struct size_class *to, own;
	int r = 0;
	for (unsigned i = 0; c && !r && i < c->n_pools; i++) {
		to = new_class(l, c->pools[i].crush_class);
		r = to ? fill_class(c, used_pool(l, &c->pools[i]), to, err) : 0;
	}
	for (unsigned i = 0; !r && i < l->plan->n_ons; i++) {
		if (!class_under(l, i, &own))
			continue;
		to = new_class(l, own.name);
		if (to)
			*to = own;
	}
	if (!r)
		fill_need(s, l);
	return r;
}
