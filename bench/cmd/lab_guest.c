/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lab guest: an image as a virtual machine sees it. */
#include <stdio.h>
#include <string.h>

#include "bench/cmd/lab_verbs.h"
#include "bench/cmd/verb.h"
#include "bench/cmd/verb_args.h"

struct guest_conf {
	char host[32];
	int cache, stop, json;
	uint64_t size_bytes;
};

static const char *const cache_names[] = {"none", "writeback", NULL};

static const struct hcb_opt opts[] = {
        {.name = "host",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct guest_conf, host),
         .size = sizeof(((struct guest_conf *)0)->host),
         .help = "host it runs on; absent: the first"},
        {.name = "cache",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct guest_conf, cache),
         .def = "none",
         .names = cache_names,
         .help = "as Proxmox VE's cache= of a disk"},
        {.name = "size",
         .type = HCB_OPT_SIZE,
         .offset = offsetof(struct guest_conf, size_bytes),
         .def = "8GiB",
         .min = 16777216,
         .max = 1e15,
         .help = "of an image that is made"},
        {.name = "stop",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct guest_conf, stop),
         .help = "end it"},
        {.name = "json",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct guest_conf, json),
         .help = "the answer as JSON"},
        {.name = NULL},
};

int lab_guest_main(int argc, char **argv)
{
	struct guest_conf c = {.cache = 0};
	struct hcb_err err = HCB_ERR_INIT;
	const char *pos[2];
	json_t *j = NULL;
	hcb_opt_defaults(opts, &c);
	if (hcb_verb_args("lab guest", opts, &c, argc, argv, pos, 2, &err))
		return hcb_fail(&err);
	if (c.stop)
		return hcb_lab_guest_stop(pos[0], pos[1], &err) ? hcb_fail(&err)
		                                                : HCB_EXIT_OK;
	const struct hcb_lab_guest want = {.image = pos[1],
	                                   .host = c.host[0] ? c.host : NULL,
	                                   .writeback = c.cache == 1,
	                                   .size_bytes = c.size_bytes};
	if (hcb_lab_guest(pos[0], &want, &j, &err))
		return hcb_fail(&err);
	if (c.json) {
		json_dumpf(j, stdout, JSON_INDENT(1));
		putchar('\n');
	} else {
		puts(json_string_value(json_object_get(j, "target")));
	}
	json_decref(j);
	return HCB_EXIT_OK;
}
