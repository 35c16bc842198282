/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lab traffic: load between two virtual machines of a lab. */
#include <stdio.h>
#include <string.h>

#include "bench/cmd/lab_verbs.h"
#include "bench/cmd/verb.h"
#include "bench/cmd/verb_args.h"
#include "bench/core/units.h"

struct traffic_conf {
	char from[32], to[32];
	uint64_t rate, seconds;
	int json;
};

static const struct hcb_opt opts[] = {
        {.name = "from",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct traffic_conf, from),
         .size = sizeof(((struct traffic_conf *)0)->from),
         .def = "h1",
         .help = "host whose virtual machine sends"},
        {.name = "to",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct traffic_conf, to),
         .size = sizeof(((struct traffic_conf *)0)->to),
         .def = "h3",
         .help = "host whose virtual machine receives"},
        {.name = "rate",
         .type = HCB_OPT_BITRATE,
         .offset = offsetof(struct traffic_conf, rate),
         .max = 1e12,
         .help = "no more than that; absent: as much as goes"},
        {.name = "seconds",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct traffic_conf, seconds),
         .def = "30",
         .min = 1,
         .max = 86400,
         .help = "how long, in lab time"},
        {.name = "json",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct traffic_conf, json),
         .help = "the result as JSON"},
        {.name = NULL},
};

static double mbit(const json_t *j, const char *key)
{
	return json_number_value(json_object_get(j, key)) / 1e6;
}

int lab_traffic_main(int argc, char **argv)
{
	struct traffic_conf c = {.rate = 0};
	struct hcb_err err = HCB_ERR_INIT;
	const char *name[1];
	json_t *j = NULL;
	hcb_opt_defaults(opts, &c);
	if (hcb_verb_args("lab traffic", opts, &c, argc, argv, name, 1, &err))
		return hcb_fail(&err);
	const struct hcb_lab_traffic t = {
	        .from = c.from, .to = c.to, .bit_per_s = c.rate, .seconds = c.seconds};
	if (hcb_lab_traffic(name[0], &t, &j, &err))
		return hcb_fail(&err);
	if (c.json) {
		json_dumpf(j, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
		putchar('\n');
	} else {
		printf("%s to %s: %.1f Mbit/s sent, %.1f received over %.1f s, %lld "
		       "retransmits\n",
		       c.from, c.to, mbit(j, "sent_bit_per_s"),
		       mbit(j, "received_bit_per_s"),
		       json_number_value(json_object_get(j, "seconds")),
		       (long long)json_integer_value(json_object_get(j, "retransmits")));
	}
	json_decref(j);
	return HCB_EXIT_OK;
}
