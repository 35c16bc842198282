/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/disk_sensitivity.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/disk_targets.h"

#define MAX_SEEDS 8

/* Student's t, two-sided 1 %, by degrees of freedom. */
static const double student[MAX_SEEDS] = {0,     63.66, 9.925, 5.841,
                                          4.604, 4.032, 3.707, 3.499};

struct sweep {
	const struct hdd_profile *base;
	const struct disk_sensitivity_opts *o;
	struct disk_bench *bench;
	double at[MAX_SEEDS][DISK_TARGETS], now[MAX_SEEDS][DISK_TARGETS];
	bool held[DISK_TARGETS]; /* against a figure */
};

static int target_of(const char *id)
{
	for (int i = 0; i < DISK_TARGETS; i++)
		if (strcmp(disk_targets[i].id, id) == 0)
			return i;
	return -1;
}

static void measure(struct sweep *sw, const struct hdd_profile *p,
                    double out[][DISK_TARGETS])
{
	for (unsigned s = 0; s < sw->o->seeds; s++) {
		disk_bench_reset(sw->bench, p);
		sw->bench->seed = sw->o->seed + s;
		for (int i = 0; i < DISK_TARGETS; i++) {
			const struct disk_target *t = &disk_targets[i];
			out[s][i] = disk_target_applies(t, p)
			                    ? t->measure(sw->bench, t->arg)
			                    : NAN;
		}
		for (int i = 0; i < DISK_TARGETS; i++) {
			const char *of = disk_targets[i].share_of;
			int whole = of ? target_of(of) : -1;
			if (whole >= 0)
				out[s][i] /= out[s][whole];
		}
	}
}

/* Mean relative change of target i if it counts, else 0. */
static double moved_by(const struct sweep *sw, int i)
{
	double sum = 0, squares = 0, n = sw->o->seeds;
	for (unsigned s = 0; s < sw->o->seeds; s++) {
		double a = sw->at[s][i], b = sw->now[s][i];
		if (isnan(a) || isnan(b))
			return 0;
		double d = a != 0 ? b / a - 1 : b != 0;
		sum += d;
		squares += d * d;
	}
	double mean = sum / n, var = (squares - n * mean * mean) / (n - 1);
	double error = sqrt(var > 0 ? var / n : 0);
	unsigned freedom = sw->o->seeds - 1;
	double t = student[freedom < MAX_SEEDS ? freedom : MAX_SEEDS - 1];
	return fabs(mean) > sw->o->least && fabs(mean) > t * error ? mean : 0;
}

/* ---- other profiles ---- */

static uint64_t scaled(uint64_t v, double by)
{
	return (uint64_t)ceil((double)v * by);
}

/* Keys that must agree follow the one that was changed. */
static void follow(const char *key, const struct hdd_profile *was, struct hdd_profile *p)
{
	double held =
	        (double)was->heads * (double)(was->outer_sectors + was->inner_sectors);
	double holds = (double)p->heads * (double)(p->outer_sectors + p->inner_sectors);
	if (p->type != HDD_TYPE_HDD)
		return;
	if (p->rpo_window > p->ncq_depth)
		p->rpo_window = p->ncq_depth;
	if (p->destage_window > p->dirty_commands)
		p->destage_window = p->dirty_commands;
	if (strcmp(key, "tracks") == 0)
		p->sectors = (uint64_t)((double)p->sectors * (double)p->tracks /
		                        (double)was->tracks);
	else if (strcmp(key, "sectors") == 0)
		p->tracks = scaled(p->tracks, (double)p->sectors / (double)was->sectors);
	else if (holds != held)
		p->tracks = scaled(p->tracks, held / holds);
}

/* The base with one key times about `factor`; false: there is no such profile. */
static bool vary(const struct hdd_profile *base, const struct hcb_opt *o, double factor,
                 struct hdd_profile *p)
{
	double v, was;
	hdd_profile_number(o, base, &was);
	for (int tries = 0; tries < 8; tries++, factor = sqrt(factor)) {
		struct hcb_err ignored = HCB_ERR_INIT;
		*p = *base;
		hdd_profile_set_number(o, p, was * factor);
		hdd_profile_number(o, p, &v);
		if (v == was)
			return false;
		follow(o->name, base, p);
		if (hdd_profile_check(p, &ignored) == 0)
			return true;
	}
	return false;
}

static bool throw_switch(const struct hdd_profile *base, const struct hcb_opt *o,
                         struct hdd_profile *p)
{
	struct hcb_err ignored = HCB_ERR_INIT;
	*p = *base;
	int *at = (int *)(void *)((char *)p + o->offset);
	*at = !*at;
	return hdd_profile_check(p, &ignored) == 0;
}

/* ---- one key ---- */

/* Measures p; keeps for each target the larger change. */
static void add_variant(struct sweep *sw, const struct hdd_profile *p, double *most)
{
	measure(sw, p, sw->now);
	for (int i = 0; i < DISK_TARGETS; i++) {
		double by = moved_by(sw, i);
		if (fabs(by) > fabs(most[i]))
			most[i] = by;
	}
}

/* "5a" and "5b" are one target. */
static const char *verdict(const struct sweep *sw, const double *most)
{
	unsigned n = 0;
	bool held = false;
	long last = -1;
	for (int i = 0; i < DISK_TARGETS; i++) {
		long number = strtol(disk_targets[i].id, NULL, 10);
		if (most[i] == 0)
			continue;
		n += number != last;
		held |= sw->held[i];
		last = number;
	}
	return n == 0 ? "none" : !held ? "unheld" : n == 1 ? "one" : "several";
}

static json_t *key_json(const struct sweep *sw, const char *section,
                        const struct hcb_opt *o, double value, const double *varied,
                        unsigned variants, const double *most)
{
	json_t *moved = json_array();
	for (int i = 0; i < DISK_TARGETS; i++)
		if (most[i] != 0)
			json_array_append_new(moved,
			                      json_pack("{s:s,s:f,s:b}", "id",
			                                disk_targets[i].id, "by", most[i],
			                                "held", sw->held[i]));
	return json_pack("{s:s,s:s,s:f,s:[f,f],s:o,s:s}", "section", section, "key",
	                 o->name, "value", value, "varied", varied[0], varied[1], "moved",
	                 moved, "verdict", variants ? verdict(sw, most) : "fixed");
}

static json_t *one_key(struct sweep *sw, const char *section, const struct hcb_opt *o)
{
	double most[DISK_TARGETS] = {0}, value = 0, varied[2];
	unsigned variants = 0;
	struct hdd_profile p;
	if (o->type == HCB_OPT_BOOL) {
		value = *(const int *)(const void *)((const char *)sw->base + o->offset);
		varied[0] = varied[1] = value;
		if (throw_switch(sw->base, o, &p)) {
			varied[variants++] = value == 0;
			add_variant(sw, &p, most);
		}
		return key_json(sw, section, o, value, varied, variants, most);
	}
	if (!hdd_profile_number(o, sw->base, &value))
		return NULL; /* words */
	varied[0] = varied[1] = value;
	for (int k = 0; k < 2; k++) {
		if (!vary(sw->base, o, k ? 2 : 0.5, &p))
			continue;
		hdd_profile_number(o, &p, &varied[k]);
		variants++;
		add_variant(sw, &p, most);
	}
	return key_json(sw, section, o, value, varied, variants, most);
}

json_t *disk_sensitivity(const struct hdd_profile *p,
                         const struct disk_sensitivity_opts *o, struct hcb_err *err)
{
	struct sweep *sw = calloc(1, sizeof(*sw));
	json_t *keys = json_array(), *doc = NULL;
	size_t n;
	const struct hcb_ini_kind *sections =
	        hdd_profile_sections((enum hdd_type)p->type, &n);
	if (sw && (sw->bench = disk_bench_new(p, o->seed, o->length, err))) {
		sw->base = p;
		sw->o = o;
		measure(sw, p, sw->at);
		for (int i = 0; i < DISK_TARGETS; i++) {
			struct hdd_figure f;
			sw->held[i] = disk_target_figure(&disk_targets[i], sw->bench, &f);
		}
		for (size_t s = 0; s < n; s++)
			for (const struct hcb_opt *k = sections[s].opts; k->name; k++) {
				if (o->only && strcmp(o->only, k->name) != 0)
					continue;
				json_t *v = one_key(sw, sections[s].name, k);
				if (v)
					json_array_append_new(keys, v);
			}
		doc = json_pack("{s:s,s:I,s:O}", "profile", p->name, "seeds",
		                (json_int_t)o->seeds, "keys", keys);
	}
	if (!doc)
		hcb_err_sys(err, -ENOMEM, "vary %s", p->name);
	json_decref(keys);
	if (sw)
		free(sw->bench);
	free(sw);
	return doc;
}

static const char *word(const json_t *v, const char *key)
{
	const char *s = json_string_value(json_object_get(v, key));
	return s ? s : "";
}

unsigned disk_sensitivity_ones(const json_t *doc)
{
	size_t i;
	json_t *k;
	unsigned n = 0;
	json_array_foreach(json_object_get(doc, "keys"), i, k) n +=
	        strcmp(word(k, "verdict"), "one") == 0;
	return n;
}

/* Of the targets that a key moves, how many have a figure; 5a and 5b are one. */
static unsigned figures_moved(const json_t *key)
{
	size_t i;
	json_t *m;
	unsigned n = 0;
	long last = -1;
	json_array_foreach(json_object_get(key, "moved"), i, m)
	{
		long number = strtol(word(m, "id"), NULL, 10);
		if (!json_is_true(json_object_get(m, "held")))
			continue;
		n += number != last;
		last = number;
	}
	return n;
}

static void print_moved(const json_t *key, FILE *f)
{
	size_t i;
	json_t *m;
	json_array_foreach(json_object_get(key, "moved"), i, m)
	{
		bool held = json_is_true(json_object_get(m, "held"));
		fprintf(f, " %s%s %+.0f%%%s", held ? "" : "(", word(m, "id"),
		        100 * json_real_value(json_object_get(m, "by")), held ? "" : ")");
	}
	fputc('\n', f);
}

unsigned disk_sensitivity_print(const json_t *doc, FILE *f)
{
	size_t i;
	json_t *k;
	unsigned alone = 0;
	fprintf(f, "%-32s %-8s %s\n", "key", "moves",
	        "targets, by how much at most; in brackets: without a figure");
	json_array_foreach(json_object_get(doc, "keys"), i, k)
	{
		char name[80];
		snprintf(name, sizeof(name), "[%s] %s", word(k, "section"),
		         word(k, "key"));
		fprintf(f, "%-32s %-8s", name, word(k, "verdict"));
		print_moved(k, f);
		alone += strcmp(word(k, "verdict"), "several") == 0 &&
		         figures_moved(k) == 1;
	}
	unsigned ones = disk_sensitivity_ones(doc);
	fprintf(f,
	        "%u keys move exactly one target; %u of those that move several move one "
	        "with a figure\n",
	        ones, alone);
	return ones;
}
