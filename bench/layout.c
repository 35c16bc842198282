/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/core/units.h"
#include "engines/target.h"

#define ALIGN_BYTES (4 * HCB_MIB) /* volumes begin on a Ceph object's edge */

int hcb_binding_parse(const char *text, struct hcb_binding *out, struct hcb_err *err)
{
	const char *eq = strchr(text, '=');
	size_t n = eq ? (size_t)(eq - text) : 0;
	if (!eq || n == 0 || n >= sizeof(out->volume) || !eq[1])
		return hcb_err_usage(err, "--on %s: expected VOLUME=TARGET or all=TARGET",
		                     text);
	memcpy(out->volume, text, n);
	out->volume[n] = '\0';
	out->target = eq + 1;
	out->group = 0;
	return 0;
}

static int check_names(const struct hcb_geometry *geo, const struct hcb_workload *wl,
                       const struct hcb_binding *on, unsigned n, struct hcb_err *err)
{
	const char *names[HCB_MAX_VOLUMES + 1];
	unsigned n_names = 0;
	for (unsigned v = 0; v < geo->n_volumes; v++)
		names[n_names++] = geo->regions[v].name;
	names[n_names++] = "all";
	for (unsigned i = 0; i < n; i++) {
		unsigned v = 0;
		while (v < n_names && strcmp(names[v], on[i].volume) != 0)
			v++;
		if (v == n_names) {
			const char *near = hcb_nearest(on[i].volume, names, n_names);
			return hcb_err_usage(
			        err, "--on %s=...: workload %s has no such volume%s%s%s",
			        on[i].volume, wl->name, near ? "; did you mean \"" : "",
			        near ? near : "", near ? "\"?" : "");
		}
		for (unsigned k = 0; k < i; k++)
			if (strcmp(on[k].volume, on[i].volume) == 0)
				return hcb_err_usage(err, "--on %s=...: given twice",
				                     on[i].volume);
	}
	return 0;
}

/* The device of a binding: one already there if it may be shared, else a new one. Two
   volumes that come through the same binding ("all") always share. */
static int device_for(struct hcb_layout *l, const struct hcb_binding *on,
                      const struct hcb_binding *b, int *of_bindings, unsigned *dev,
                      struct hcb_err *err)
{
	int *of_binding = &of_bindings[b - on];
	for (const struct hcb_binding *o = on; b->group && o < b; o++)
		if (o->group == b->group)
			*of_binding = of_bindings[o - on];
	if (*of_binding >= 0) {
		*dev = (unsigned)*of_binding;
		return 0;
	}
	struct hcb_dev *d;
	int r = hcb_target_parse(b->target, &d, err);
	if (r)
		return r;
	for (unsigned i = 0; i < l->n_devs; i++) {
		if (!hcb_target_same(l->devs[i], d))
			continue;
		hcb_target_free(d);
		*dev = i;
		*of_binding = (int)i;
		return 0;
	}
	*dev = l->n_devs;
	*of_binding = (int)l->n_devs;
	l->devs[l->n_devs++] = d;
	return 0;
}

static void place(struct hcb_layout *l, unsigned region, unsigned dev)
{
	l->base[region] = l->used_bytes[dev];
	uint64_t end = l->base[region] + l->geo.regions[region].bytes;
	l->used_bytes[dev] = (end + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
	l->geo.regions[region].fs = dev;
}

static const struct hcb_binding *binding_of(const char *volume,
                                            const struct hcb_binding *on, unsigned n)
{
	const struct hcb_binding *all = NULL;
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(on[i].volume, volume) == 0)
			return &on[i];
		if (strcmp(on[i].volume, "all") == 0)
			all = &on[i];
	}
	return all;
}

static void add_journals(struct hcb_layout *l)
{
	struct hcb_geometry *geo = &l->geo;
	geo->n_fs = l->n_devs;
	if (!geo->journal_bytes)
		return;
	for (unsigned f = 0; f < geo->n_fs; f++) {
		unsigned r = geo->n_volumes + f;
		geo->regions[r] = (struct hcb_region){
		        .name = "journal", .bytes = geo->journal_bytes, .prefill = true};
		place(l, r, f);
	}
}

int hcb_layout_make(struct hcb_layout *l, const struct hcb_workload *wl, const void *conf,
                    const struct hcb_binding *on, unsigned n, struct hcb_err *err)
{
	memset(l, 0, sizeof(*l));
	int of_binding[2 * HCB_MAX_VOLUMES];
	if (n > 2 * HCB_MAX_VOLUMES)
		return hcb_err_usage(err, "--on: more than %d bindings",
		                     2 * HCB_MAX_VOLUMES);
	for (unsigned i = 0; i < n; i++)
		of_binding[i] = -1;
	int r = wl->plan(conf, &l->geo, err);
	r = r ? r : check_names(&l->geo, wl, on, n, err);
	for (unsigned v = 0; !r && v < l->geo.n_volumes; v++) {
		const struct hcb_binding *b = binding_of(l->geo.regions[v].name, on, n);
		unsigned dev;
		if (!b)
			return hcb_err_usage(err,
			                     "volume %s of workload %s is on no target: "
			                     "add --on %s=TARGET or --on all=TARGET",
			                     l->geo.regions[v].name, wl->name,
			                     l->geo.regions[v].name);
		r = device_for(l, on, b, of_binding, &dev, err);
		if (!r)
			place(l, v, dev);
	}
	if (r)
		return r;
	add_journals(l);
	for (unsigned d = 0; d < l->n_devs; d++)
		l->devs[d]->want_bytes = l->used_bytes[d];
	return 0;
}

void hcb_layout_free(struct hcb_layout *l)
{
	for (unsigned d = 0; d < l->n_devs; d++)
		hcb_target_free(l->devs[d]);
	l->n_devs = 0;
}

void hcb_layout_set_fua(struct hcb_layout *l, bool native)
{
	for (unsigned f = 0; f < l->geo.n_fs; f++)
		l->geo.fua[f] = native && (l->devs[f]->caps & HCB_CAP_FUA);
}
