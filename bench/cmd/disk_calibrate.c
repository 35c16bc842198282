/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hcbench disk calibrate": a profile against what is published of the drive; "data":
   what there is to plot of it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/disk_verbs.h"
#include "bench/cmd/verb.h"
#include "lab/disk_calibrate.h"
#include "lab/disk_data.h"
#include "lab/disk_sensitivity.h"

struct calibrate_conf {
	uint64_t seed, seeds;
	int json, sensitivity;
};

static const struct hcb_opt calibrate_opts[] = {
        {.name = "seed",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct calibrate_conf, seed),
         .def = "1",
         .help = "of the spindle and the load"},
        {.name = "sensitivity",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct calibrate_conf, sensitivity),
         .def = "off",
         .help = "which targets each key of the profile moves"},
        {.name = "seeds",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct calibrate_conf, seeds),
         .def = "4",
         .min = 2,
         .max = 8,
         .help = "of the sensitivity: how many are compared"},
        {.name = "json",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct calibrate_conf, json),
         .def = "off",
         .help = "print the document"},
        {.name = NULL},
};

static unsigned missed(const json_t *doc)
{
	size_t i;
	json_t *t;
	unsigned n = 0;
	json_array_foreach(json_object_get(doc, "targets"), i, t)
	{
		const char *v = json_string_value(json_object_get(t, "verdict"));
		n += v && strcmp(v, "missed") == 0;
	}
	return n;
}

static void print_json(const json_t *doc)
{
	json_dumpf(doc, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	putchar('\n');
}

static int sensitivity(const struct hdd_profile *p, const struct calibrate_conf *c)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct disk_sensitivity_opts o = {
	        .seed = c->seed, .seeds = (unsigned)c->seeds, .length = 1, .least = 0.01};
	json_t *doc = disk_sensitivity(p, &o, &err);
	if (!doc)
		return hcb_fail(&err);
	if (c->json)
		print_json(doc);
	else
		disk_sensitivity_print(doc, stdout);
	unsigned ones = disk_sensitivity_ones(doc);
	json_decref(doc);
	return ones ? HCB_EXIT_FAILED : HCB_EXIT_OK;
}

int hcb_disk_calibrate(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct calibrate_conf c;
	struct hdd_profile p;
	const char *name[1];
	memset(&c, 0, sizeof(c));
	hcb_opt_defaults(calibrate_opts, &c);
	if (hcb_disk_args(calibrate_opts, &c, argc, argv, name, 1, &err) ||
	    hdd_profile_find(name[0], &p, &err))
		return hcb_fail(&err);
	if (c.sensitivity)
		return sensitivity(&p, &c);
	json_t *doc = disk_calibrate(&p, c.seed, &err);
	if (!doc)
		return hcb_fail(&err);
	if (c.json)
		print_json(doc);
	else
		disk_calibrate_print(doc, stdout);
	unsigned n = missed(doc);
	json_decref(doc);
	return n ? HCB_EXIT_FAILED : HCB_EXIT_OK;
}

int hcb_disk_data(int argc, char **argv)
{
	static const struct hcb_opt opts[] = {
	        {.name = "seed",
	         .type = HCB_OPT_U64,
	         .def = "1",
	         .help = "of the spindle and the load"},
	        {.name = NULL},
	};
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile p;
	const char *arg[2];
	uint64_t seed;
	hcb_opt_defaults(opts, &seed);
	if (hcb_disk_args(opts, &seed, argc, argv, arg, 2, &err) ||
	    hdd_profile_find(arg[0], &p, &err) ||
	    disk_data_print(&p, arg[1], seed, stdout, &err))
		return hcb_fail(&err);
	return HCB_EXIT_OK;
}
