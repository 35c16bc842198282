/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lab path: the way replication takes between two hosts of a lab, measured. */
#include <stdio.h>
#include <string.h>

#include "bench/cmd/lab_verbs.h"
#include "bench/cmd/verb.h"
#include "bench/cmd/verb_args.h"
#include "bench/core/units.h"

struct path_conf {
	char from[32], to[32];
	uint64_t seconds;
	int over;
	int json;
};

static const char *const ways[] = {"replication", "link", NULL};

static const struct hcb_opt opts[] = {
        {.name = "from",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct path_conf, from),
         .size = sizeof(((struct path_conf *)0)->from),
         .help = "host that sends; default: the first"},
        {.name = "to",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct path_conf, to),
         .size = sizeof(((struct path_conf *)0)->to),
         .help = "host that receives; default: the first other one"},
        {.name = "seconds",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct path_conf, seconds),
         .def = "3",
         .min = 1,
         .max = 3600,
         .help = "of the stream, in lab time"},
        {.name = "over",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct path_conf, over),
         .def = "replication",
         .names = ways,
         .help = "as Ceph's copies go, or by the hosts' own ports beside any tunnel"},
        {.name = "json",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct path_conf, json),
         .help = "the result as JSON"},
        {.name = NULL},
};

static double num(const json_t *j, const char *key)
{
	return json_number_value(json_object_get(j, key));
}

static const char *str(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));
	return s ? s : "?";
}

static void print_cost(const json_t *j)
{
	const json_t *from = json_object_get(j, "tunnel_us_per_packet_from");
	const json_t *to = json_object_get(j, "tunnel_us_per_packet_to");
	const json_t *range = json_object_get(j, "assumed_us_per_packet");
	if (json_is_true(json_object_get(j, "tunnel"))) {
		if (json_is_number(from) && json_is_number(to))
			printf("  tunnel: %.1f us of processor per packet where it is "
			       "sent, %.1f where it arrives\n",
			       json_number_value(from), json_number_value(to));
		else
			printf("  tunnel: fewer than %d packets, its cost cannot be "
			       "told\n",
			       HCB_LAB_PATH_PACKETS);
	}
	if (json_is_number(json_object_get(j, "held_to_us_per_packet")))
		printf("  held to %g us: %.1f and %.1f with the time it stood still\n",
		       num(j, "held_to_us_per_packet"),
		       num(j, "tunnel_held_us_per_packet_from"),
		       num(j, "tunnel_held_us_per_packet_to"));
	if (json_is_array(range))
		printf("  the cluster file assumes %g to %g us\n",
		       json_number_value(json_array_get(range, 0)),
		       json_number_value(json_array_get(range, 1)));
	if (json_is_number(json_object_get(j, "processor_us_per_packet")))
		printf("  sender, receiver and tunnel together: %.1f us of processor per "
		       "full packet\n",
		       num(j, "processor_us_per_packet"));
}

static void print_path(const json_t *j)
{
	char rtt[32], least[32];
	hcb_fmt_ns(rtt, sizeof(rtt), num(j, "rtt_ns"));
	hcb_fmt_ns(least, sizeof(least), num(j, "rtt_min_ns"));
	printf("%s to %s, %s by %s%s, MSS %.0f\n", str(j, "from"), str(j, "to"),
	       str(j, "address"), str(j, "interface"),
	       json_is_true(json_object_get(j, "tunnel")) ? " (a tunnel)" : "",
	       num(j, "mss_bytes"));
	printf("  round trip %s (least %s)\n", rtt, least);
	printf("  one stream %.0f Mbit/s over %.1f s, %.0f retransmits, processors %.0f "
	       "%% "
	       "busy\n",
	       num(j, "bit_per_s") / 1e6, num(j, "seconds"), num(j, "retransmits"),
	       100 * num(j, "host_busy"));
	print_cost(j);
}

int lab_path_main(int argc, char **argv)
{
	struct path_conf c = {.seconds = 0};
	struct hcb_err err = HCB_ERR_INIT;
	const char *name[1];
	json_t *j = NULL;
	hcb_opt_defaults(opts, &c);
	if (hcb_verb_args("lab path", opts, &c, argc, argv, name, 1, &err))
		return hcb_fail(&err);
	const struct hcb_lab_path p = {.from = *c.from ? c.from : NULL,
	                               .to = *c.to ? c.to : NULL,
	                               .seconds = c.seconds,
	                               .link = c.over == 1};
	if (hcb_lab_path(name[0], &p, &j, &err))
		return hcb_fail(&err);
	if (c.json) {
		json_dumpf(j, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
		putchar('\n');
	} else {
		print_path(j);
	}
	json_decref(j);
	return HCB_EXIT_OK;
}
