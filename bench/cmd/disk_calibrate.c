/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hcbench disk calibrate": a profile against what is published of the drive. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/disk_verbs.h"
#include "bench/cmd/verb.h"
#include "lab/disk_calibrate.h"

struct calibrate_conf {
	uint64_t seed;
	int json;
};

static const struct hcb_opt calibrate_opts[] = {
        {.name = "seed",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct calibrate_conf, seed),
         .def = "1",
         .help = "of the spindle and the load"},
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
	json_t *doc = disk_calibrate(&p, c.seed, &err);
	if (!doc)
		return hcb_fail(&err);
	if (c.json) {
		json_dumpf(doc, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
		putchar('\n');
	} else {
		disk_calibrate_print(doc, stdout);
	}
	unsigned n = missed(doc);
	json_decref(doc);
	return n ? HCB_EXIT_FAILED : HCB_EXIT_OK;
}
