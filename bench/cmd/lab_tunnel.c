/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lab tunnel: the tunnels of a lab are held to a cost per packet, or let go. */
#include <stdio.h>
#include <string.h>

#include "bench/cmd/lab_verbs.h"
#include "bench/cmd/verb.h"
#include "bench/cmd/verb_args.h"
#include "bench/core/units.h"

struct tunnel_conf {
	int json;
};

static const struct hcb_opt opts[] = {
        {.name = "json",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct tunnel_conf, json),
         .help = "the result as JSON"},
        {.name = NULL},
};

static double num(const json_t *j, const char *key)
{
	return json_number_value(json_object_get(j, key));
}

static int parse_cost(const char *word, double *us, struct hcb_err *err)
{
	uint64_t ns;
	*us = 0;
	if (strcmp(word, "off") == 0)
		return 0;
	if (hcb_parse_duration(word, &ns) || ns < 100 || ns > HCB_MS)
		return hcb_err_usage(err,
		                     "lab tunnel: %s: expected a packet's processor time "
		                     "such as 14us, or off",
		                     word);
	*us = (double)ns / 1e3;
	return 0;
}

static void print(const char *name, const json_t *j)
{
	if (!json_object_size(j)) {
		printf("lab %s: its tunnels cost what this machine makes them\n", name);
		return;
	}
	const json_t *got = json_object_get(j, "achieved_us_per_packet");
	double least = json_number_value(json_array_get(got, 0));
	double most = json_number_value(json_array_get(got, 1));
	printf("lab %s: tunnels held to %g us of processor a packet: %.0f %% of one each "
	       "(without: %.1f us)\n"
	       "  seen: at least %.1f us, for the time used and stood still; at most "
	       "%.1f, for "
	       "what went through\n"
	       "  one stream %.0f Mbit/s (%.0f without), round trip %.0f us (%.0f), "
	       "processors %.0f %% busy\n",
	       name, num(j, "aim_us_per_packet"), 100 * num(j, "share"),
	       num(j, "native_us_per_packet"), least, most,
	       num(json_object_get(j, "path"), "bit_per_s") / 1e6,
	       num(json_object_get(j, "path_before"), "bit_per_s") / 1e6,
	       num(json_object_get(j, "path"), "rtt_ns") / 1e3,
	       num(json_object_get(j, "path_before"), "rtt_ns") / 1e3,
	       100 * num(json_object_get(j, "path"), "host_busy"));
	if (num(json_object_get(j, "path"), "host_busy") > 0.85)
		puts("  the processors were too busy to tell what the hold makes of it");
}

int lab_tunnel_main(int argc, char **argv)
{
	struct tunnel_conf c = {0};
	struct hcb_err err = HCB_ERR_INIT;
	const char *word[2];
	double us;
	json_t *j = NULL;
	hcb_opt_defaults(opts, &c);
	if (hcb_verb_args("lab tunnel", opts, &c, argc, argv, word, 2, &err) ||
	    parse_cost(word[1], &us, &err) || hcb_lab_hold(word[0], us, &j, &err))
		return hcb_fail(&err);
	if (c.json) {
		json_dumpf(j, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
		putchar('\n');
	} else {
		print(word[0], j);
	}
	json_decref(j);
	return HCB_EXIT_OK;
}
