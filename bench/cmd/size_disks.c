/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which disks lie under a layout's volumes: a layout is a split only if a volume of the
 * database's is on disks that nothing else of the plan is on, whatever it is called.
 * Found from the cluster file of its lab (a pool's OSDs are those of its device class),
 * from a cluster that is in use (the OSDs its image lies on), from the kernel (the disk
 * under a file or device), or from the target's text (model disks).
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bench/cmd/size_parts.h"
#include "bench/core/opt.h"
#include "bench/core/units.h"
#include "engines/ceph_room.h"
#include "engines/target.h"

#define LOOKED_AT  (256 * HCB_MIB) /* of an image: 64 objects */
#define CEPH_LIMIT (10 * HCB_SEC)
#define MAX_STACK  8 /* devices made of devices */

/* ---- sets ---- */

static void add(struct size_disks *d, const char *id)
{
	for (unsigned i = 0; i < d->n; i++)
		if (strcmp(d->id[i], id) == 0)
			return;
	if (d->n < SIZE_MAX_DISKS)
		snprintf(d->id[d->n++], sizeof(d->id[0]), "%s", id);
	else
		d->more = true;
}

static bool has(const struct size_disks *d, const char *id)
{
	for (unsigned i = 0; i < d->n; i++)
		if (strcmp(d->id[i], id) == 0)
			return true;
	return false;
}

static bool disjoint(const struct size_disks *a, const struct size_disks *b)
{
	for (unsigned i = 0; i < a->n; i++)
		if (has(b, a->id[i]))
			return false;
	return true;
}

static void join(struct size_disks *to, const struct size_disks *from)
{
	for (unsigned i = 0; i < from->n; i++)
		add(to, from->id[i]);
}

/* ---- under one target ---- */

static bool is_ceph(const struct hcb_dev *dev)
{
	return strcmp(dev->engine->name, "rbd") == 0 ||
	       strcmp(dev->engine->name, "rados") == 0;
}

/* "main/db" -> "main" */
static void pool_name(const struct hcb_dev *dev, char *buf, size_t size)
{
	snprintf(buf, size, "%.*s", (int)strcspn(dev->address, "/,"), dev->address);
}

static const struct hcb_pool_spec *pool_of(const struct hcb_cluster *c, const char *name,
                                           const char **near)
{
	const char *names[HCB_MAX_POOLS];
	for (unsigned i = 0; i < c->n_pools; i++) {
		names[i] = c->pools[i].name;
		if (strcmp(names[i], name) == 0)
			return &c->pools[i];
	}
	*near = hcb_nearest(name, names, c->n_pools);
	return NULL;
}

const struct hcb_pool_spec *size_pool_under(const struct size_layout *l,
                                            const struct hcb_plan_on *on)
{
	struct hcb_err none = HCB_ERR_INIT;
	struct hcb_dev *dev;
	const char *near = NULL;
	char name[64];
	if (!l->cluster || strstr(on->target, "{system ") ||
	    hcb_target_parse(on->target, &dev, &none))
		return NULL;
	bool ceph = is_ceph(dev);
	pool_name(dev, name, sizeof(name));
	hcb_target_free(dev);
	return ceph ? pool_of(l->cluster, name, &near) : NULL;
}

static int of_lab_pool(const struct size *s, const struct size_layout *l,
                       const struct hcb_plan_on *on, const struct hcb_dev *dev,
                       struct size_disks *out, struct hcb_err *err)
{
	char name[64], id[96];
	const char *near = NULL;
	pool_name(dev, name, sizeof(name));
	const struct hcb_pool_spec *pool = pool_of(l->cluster, name, &near);
	if (!pool)
		return hcb_err_usage(err, "%s:%d: [layout %s]: %s has no pool %s%s%s%s",
		                     s->plan->path, on->line, l->plan->name,
		                     l->cluster->path, name,
		                     near ? "; did you mean \"" : "", near ? near : "",
		                     near ? "\"?" : "");
	for (unsigned h = 0; h < l->cluster->n_hosts; h++)
		for (unsigned k = 0; k < l->cluster->hosts[h].n_osds; k++) {
			const struct hcb_host_spec *host = &l->cluster->hosts[h];
			if (strcmp(host->osds[k].crush_class, pool->crush_class) != 0)
				continue;
			snprintf(id, sizeof(id), "osd %.31s/%u", host->name, k);
			add(out, id);
		}
	return 0;
}

/* {system HOST} */
static int of_system_disk(const struct size *s, const struct size_layout *l,
                          const struct hcb_plan_on *on, struct size_disks *out,
                          struct hcb_err *err)
{
	const char *host = strstr(on->target, "{system ") + 8;
	size_t len = strcspn(host, "}");
	char id[96];
	for (unsigned h = 0; h < l->cluster->n_hosts; h++) {
		const struct hcb_host_spec *spec = &l->cluster->hosts[h];
		if (strlen(spec->name) != len || strncmp(spec->name, host, len) != 0)
			continue;
		if (!spec->system_served)
			break;
		snprintf(id, sizeof(id), "system %.31s", spec->name);
		add(out, id);
		return 0;
	}
	return hcb_err_usage(err,
	                     "%s:%d: [layout %s]: %s has no host %.*s with a system disk "
	                     "that is served",
	                     s->plan->path, on->line, l->plan->name, l->cluster->path,
	                     (int)len, host);
}

/* A partition stands for its disk. */
static void whole_disk(dev_t dev, char *id, size_t size)
{
	char path[96], link[512];
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	snprintf(id, size, "device %u:%u", major(dev), minor(dev));
	if (n <= 0)
		return;
	link[n] = '\0';
	char *last = strrchr(link, '/');
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", major(dev),
	         minor(dev));
	if (last && access(path, F_OK) == 0) {
		*last = '\0';
		last = strrchr(link, '/');
	}
	if (last)
		snprintf(id, size, "disk %.80s", last + 1);
}

static bool number_of(const char *path, dev_t *dev)
{
	unsigned ma, mi;
	FILE *f = fopen(path, "r");
	bool read = f && fscanf(f, "%u:%u", &ma, &mi) == 2;
	if (f)
		fclose(f);
	if (read)
		*dev = makedev(ma, mi);
	return read;
}

/* Two volumes of one volume group are two devices and one disk: what a device is made of
   stands for it, down to disks. */
static void add_device(dev_t dev, unsigned depth, struct size_disks *out)
{
	char path[400], id[96];
	bool made_of = false;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves", major(dev),
	         minor(dev));
	DIR *d = depth < MAX_STACK ? opendir(path) : NULL;
	for (struct dirent *e; d && (e = readdir(d));) {
		dev_t below;
		if (*e->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves/%.255s/dev",
		         major(dev), minor(dev), e->d_name);
		if (!number_of(path, &below))
			continue;
		made_of = true;
		add_device(below, depth + 1, out);
	}
	if (d)
		closedir(d);
	if (made_of)
		return;
	whole_disk(dev, id, sizeof(id));
	add(out, id);
}

/* A file that is yet to be made lies where its directory does. */
static bool of_path(const char *address, struct size_disks *out)
{
	char path[HCB_PLAN_TEXT];
	struct stat st;
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(address, ","), address);
	if (stat(path, &st)) {
		char *slash = strrchr(path, '/');
		if (!slash)
			return false;
		slash[slash == path] = '\0';
		if (stat(path, &st))
			return false;
	}
	add_device(S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev, 0, out);
	return true;
}

static void add_osd(const json_t *osds, json_int_t id, struct size_disks *out)
{
	char name[96];
	const char *node = NULL, *devices = NULL;
	for (size_t i = 0; i < json_array_size(osds); i++) {
		const json_t *o = json_array_get(osds, i);
		if (json_integer_value(json_object_get(o, "id")) != id)
			continue;
		node = json_string_value(json_object_get(o, "node"));
		devices = json_string_value(json_object_get(o, "devices"));
	}
	if (node && devices) /* two OSDs of one disk are one */
		snprintf(name, sizeof(name), "%.40s/%.40s", node, devices);
	else
		snprintf(name, sizeof(name), "osd.%lld", (long long)id);
	add(out, name);
}

/* Of a cluster in use: asks and reads. Its room is of less weight: without, space takes
   no part, and that is said. */
static int of_real_pool(const struct hcb_dev *dev, struct size_disks *out, json_t **room,
                        struct hcb_err *err)
{
	struct hcb_err why = HCB_ERR_INIT;
	struct hcb_ceph_survey *survey = NULL;
	int r = hcb_ceph_survey_open(dev, &survey, err);
	if (r)
		return r;
	json_t *osds = hcb_ceph_survey_osds(survey, err);
	json_t *place = osds ? hcb_ceph_survey_placement(survey, LOOKED_AT, err) : NULL;
	const json_t *acting = json_object_get(place, "acting");
	for (size_t i = 0; i < json_array_size(acting); i++)
		add_osd(osds, json_integer_value(json_array_get(acting, i)), out);
	r = place ? 0 : -EIO;
	*room = r ? NULL : hcb_ceph_survey_room(survey, &why);
	if (!r && !*room)
		hcb_warn("%s: its room is not known: %s", dev->target, why.msg);
	json_decref(osds);
	json_decref(place);
	hcb_ceph_survey_close(survey);
	return r;
}

/* Models and what cannot be told apart: by their text; without "@name" each mention is a
   disk of its own, those of one line of the plan aside. */
static void of_text(const struct hcb_plan_on *on, const struct hcb_dev *dev,
                    struct size_disks *out)
{
	char id[96], address[80];
	snprintf(address, sizeof(address), "%.*s", (int)strcspn(dev->address, ","),
	         dev->address);
	bool named = strchr(address, '@') || strcmp(dev->engine->name, "nbd") == 0;
	if (named)
		snprintf(id, sizeof(id), "%.12s:%.76s", dev->engine->name, address);
	else
		snprintf(id, sizeof(id), "%.12s:%.50s of line %d", dev->engine->name,
		         address, on->line);
	add(out, id);
}

static int of_target(const struct size *s, const struct size_layout *l,
                     const struct hcb_plan_on *on, struct size_disks *out, json_t **room,
                     struct hcb_err *err)
{
	struct hcb_err found = HCB_ERR_INIT;
	struct hcb_dev *dev;
	if (strstr(on->target, "{system "))
		return of_system_disk(s, l, on, out, err);
	int r = hcb_target_parse(on->target, &dev, err);
	if (r)
		return r;
	dev->deadline_ns = CEPH_LIMIT;
	if (is_ceph(dev) && l->cluster) {
		r = of_lab_pool(s, l, on, dev, out, err);
	} else if (is_ceph(dev)) {
		r = of_real_pool(dev, out, room, &found);
		if (r)
			hcb_err_set(err, r,
			            "%s:%d: [layout %s]: which OSDs it lies on is not "
			            "known: %.300s",
			            s->plan->path, on->line, l->plan->name, found.msg);
	} else if (*dev->address != '/' || !of_path(dev->address, out)) {
		of_text(on, dev, out);
	}
	hcb_target_free(dev);
	return r;
}

/* ---- kinds ---- */

static void list(const struct size_disks *d, char *buf, size_t size)
{
	size_t n = 0;
	*buf = '\0';
	for (unsigned i = 0; i < d->n && i < 3 && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "", d->id[i]);
	if (d->n > 3 && n < size)
		snprintf(buf + n, size - n, " and %u more", d->n - 3);
}

/* A volume of the demand's workload on disks that nothing else is on? */
static int find_own(const struct size *s, struct size_layout *l, bool *own,
                    struct hcb_err *err)
{
	const struct hcb_plan_layout *p = l->plan;
	struct size_disks *each = calloc(p->n_ons, sizeof(*each));
	int r = each ? 0 : hcb_err_sys(err, -ENOMEM, "size");
	for (unsigned i = 0; !r && i < p->n_ons; i++) {
		bool is_main = p->ons[i].workload == s->plan->main;
		r = of_target(s, l, &p->ons[i], &each[i], &l->room[i], err);
		if (!r)
			join(is_main ? &l->main : &l->other, &each[i]);
	}
	for (unsigned i = 0; !r && i < p->n_ons; i++) {
		bool apart = p->ons[i].workload == s->plan->main, others = false;
		for (unsigned k = 0; k < p->n_ons; k++) {
			/* With other workloads it is their disks that count. */
			if (k == i || (p->ons[k].workload == s->plan->main &&
			               s->plan->n_workloads > 1))
				continue;
			others = true;
			apart &= disjoint(&each[i], &each[k]);
		}
		*own |= apart && others;
	}
	free(each);
	return r;
}

static int find_kind(const struct size *s, struct size_layout *l, struct hcb_err *err)
{
	bool own = false;
	char disks[160];
	struct size_disks *all = calloc(1, sizeof(*all));
	int r = all ? find_own(s, l, &own, err) : hcb_err_sys(err, -ENOMEM, "size");
	if (r) {
		free(all);
		return r;
	}
	join(all, &l->main);
	join(all, &l->other);
	l->n_disks = all->n;
	list(&l->main, disks, sizeof(disks));
	bool more = all->more || l->main.more || l->other.more;
	free(all);
	if (more)
		return hcb_err_usage(err, "%s:%d: [layout %s]: more than %d disks",
		                     s->plan->path, l->plan->line, l->plan->name,
		                     SIZE_MAX_DISKS);
	static const enum hcb_layout_kind kinds[] = {
	        [HCB_PLAN_SHARED] = HCB_LAYOUT_SHARED,
	        [HCB_PLAN_TUNED] = HCB_LAYOUT_TUNED,
	        [HCB_PLAN_SPLIT] = HCB_LAYOUT_SPLIT,
	};
	l->kind = kinds[l->plan->kind];
	if (l->kind == HCB_LAYOUT_SHARED && own && s->plan->n_workloads > 1)
		return hcb_err_usage(
		        err,
		        "%s:%d: [layout %s]: kind=shared, but %s lies on disks of its "
		        "own (%s)",
		        s->plan->path, l->plan->line, l->plan->name,
		        s->plan->workloads[s->plan->main].name, disks);
	if (l->kind != HCB_LAYOUT_SPLIT || own)
		return 0;
	l->kind = HCB_LAYOUT_NONE;
	snprintf(
	        l->why_none, sizeof(l->why_none),
	        "no split: every volume of %s is on disks that something else is on (%s)",
	        s->plan->workloads[s->plan->main].name, disks);
	return 0;
}

/* ---- together ---- */

/* Another file by the same name is another lab. */
static void hash_file(const char *path, char out[HCB_HISTORY_HASH])
{
	char text[SIZE_TEXT];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;
	json_t *value = json_stringn_nocheck(text, n);
	hcb_history_hash(value, out);
	json_decref(value);
	if (f)
		fclose(f);
}

static int read_cluster(const struct size *s, struct size_layout *l, struct hcb_err *err)
{
	char path[512];
	struct hcb_err found = HCB_ERR_INIT;
	if (!*l->plan->lab)
		return 0;
	l->cluster = calloc(1, sizeof(*l->cluster));
	int r = l->cluster ? hcb_cluster_find(l->plan->lab, path, sizeof(path), &found)
	                   : hcb_err_sys(err, -ENOMEM, "size");
	r = r ? r : hcb_cluster_read(path, l->cluster, &found);
	if (!r)
		hash_file(path, l->cluster_hash);
	return r ? hcb_err_usage(err, "%s:%d: [layout %s]: %.300s", s->plan->path,
	                         l->plan->line, l->plan->name, found.msg)
	         : 0;
}

static bool equal(const struct size_disks *a, const struct size_disks *b)
{
	for (unsigned i = 0; i < a->n; i++)
		if (!has(b, a->id[i]))
			return false;
	return a->n == b->n;
}

/* The drive in that place of a cluster file: "osd h1/0". NULL: none. */
static const struct hcb_disk_spec *drive_at(const struct hcb_cluster *c, const char *id)
{
	char at[96];
	for (unsigned h = 0; c && h < c->n_hosts; h++)
		for (unsigned k = 0; k < c->hosts[h].n_osds; k++) {
			snprintf(at, sizeof(at), "osd %.31s/%u", c->hosts[h].name, k);
			if (strcmp(at, id) == 0)
				return &c->hosts[h].osds[k];
		}
	return NULL;
}

static bool same_drives(const struct size_layout *a, const struct size_layout *b,
                        const struct size_disks *at)
{
	for (unsigned i = 0; i < at->n; i++) {
		const struct hcb_disk_spec *x = drive_at(a->cluster, at->id[i]);
		const struct hcb_disk_spec *y = drive_at(b->cluster, at->id[i]);
		if (x && y &&
		    (strcmp(x->profile, y->profile) != 0 ||
		     x->size_bytes != y->size_bytes))
			return false;
	}
	return true;
}

/* Other disks are no setting: they have a price, and come after every setting. */
static int check_tuned(const struct size *s, const struct size_layout *l,
                       struct hcb_err *err)
{
	const struct size_layout *shared = &s->layout[s->plan->shared];
	if (l->kind != HCB_LAYOUT_TUNED ||
	    (equal(&l->main, &shared->main) && equal(&l->other, &shared->other) &&
	     same_drives(l, shared, &l->main) && same_drives(l, shared, &l->other)))
		return 0;
	return hcb_err_usage(err,
	                     "%s:%d: [layout %s]: kind=tuned is the shared layout with a "
	                     "setting changed, but this one lies on other disks: "
	                     "kind=split, or the same disks (a model disk is one by its "
	                     "name, hdd:PROFILE@name)",
	                     s->plan->path, l->plan->line, l->plan->name);
}

int size_disks_find(struct size *s, struct hcb_err *err)
{
	int r = 0;
	for (unsigned i = 0; !r && i < s->n; i++) {
		struct size_layout *l = &s->layout[i];
		r = read_cluster(s, l, err);
		r = r ? r : find_kind(s, l, err);
		r = r ? r : size_space_find(s, l, err);
	}
	const struct size_layout *shared = &s->layout[s->plan->shared];
	for (unsigned i = 0; !r && i < s->n; i++)
		r = check_tuned(s, &s->layout[i], err);
	for (unsigned i = 0; !r && i < s->n; i++)
		size_copies_find(s, &s->layout[i]);
	for (unsigned i = 0; !r && i < s->n; i++) {
		struct size_layout *l = &s->layout[i];
		/* A system disk is there anyway. */
		unsigned bought = 0;
		for (unsigned k = 0; k < l->main.n; k++)
			bought += strncmp(l->main.id[k], "system ", 7) != 0 &&
			          !has(&l->other, l->main.id[k]);
		unsigned had = 0;
		for (unsigned k = 0; k < shared->main.n; k++)
			had += !has(&shared->other, shared->main.id[k]);
		l->disks_more =
		        l->kind == HCB_LAYOUT_SPLIT && bought > had ? bought - had : 0;
	}
	return r;
}
