/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * claim: gives a device or file to hcbench, by writing the mark without which no run
 * touches it. Whoever types it has to type the disk's serial number too, so that a wrong
 * letter after /dev/sd costs nothing.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "bench/cmd/verb.h"
#include "bench/core/guard.h"
#include "bench/core/units.h"

struct claim {
	const char *path, *confirm;
	bool json;
	struct hcb_guard g;
	char loop_file[4096]; /* of a loop device, else "" */
	bool ours;            /* carries our mark already, of this very size */
	bool blank;
};

static int parse(int argc, char **argv, struct claim *c, struct hcb_err *err)
{
	static const struct option options[] = {
	        {"confirm", required_argument, NULL, 'c'},
	        {"json", no_argument, NULL, 'j'},
	        {NULL, 0, NULL, 0},
	};
	int o;
	optind = 1;
	while ((o = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (o == 'c')
			c->confirm = optarg;
		else if (o == 'j')
			c->json = true;
		else {
			hcb_bad_option("claim", o, argv, options, err);
			return -EINVAL;
		}
	}
	if (optind != argc - 1)
		return hcb_err_usage(err, "claim: expected one device or file");
	c->path = argv[optind];
	return 0;
}

static int open_target(struct claim *c, struct hcb_err *err)
{
	struct stat st;
	if (stat(c->path, &st))
		return hcb_err_sys(err, -errno, "open %s", c->path);
	if (S_ISBLK(st.st_mode))
		return hcb_guard_device(c->path, HCB_GUARD_UNMARKED, NULL, &c->g, err);
	int r = hcb_guard_file(c->path, HCB_GUARD_UNMARKED, &c->g, err);
	if (r)
		return r;
	r = hcb_guard_content(&c->g, err);
	if (r)
		hcb_guard_close(&c->g);
	return r;
}

static int look(struct claim *c, struct hcb_err *err)
{
	if (c->g.is_device)
		hcb_guard_sys(c->g.rdev, "loop/backing_file", c->loop_file,
		              sizeof(c->loop_file));
	c->ours = hcb_guard_is_ours(&c->g);
	return hcb_guard_blank(&c->g, &c->blank, err);
}

static void show_text(const struct claim *c)
{
	const struct hcb_guard *g = &c->g;
	char size[32];
	printf("%s\n", g->path);
	if (g->is_device)
		printf("  model    %s\n  serial   %s\n", *g->model ? g->model : "(none)",
		       *g->serial ? g->serial : "(none)");
	if (*c->loop_file)
		printf("  lies on  %s\n", c->loop_file);
	printf("  size     %s (%llu bytes)\n",
	       hcb_fmt_bytes(size, sizeof(size), (double)g->whole_bytes),
	       (unsigned long long)g->whole_bytes);
	if (c->ours)
		printf("  carries  the mark of hcbench, written %s by %s\n", g->mark.date,
		       g->mark.host);
	else if (c->blank)
		puts("  carries  nothing: its first and last 4 MiB are zeros");
	else
		puts("  carries  data of no kind that is known");
}

static void show_json(const struct claim *c, bool claimed)
{
	const struct hcb_guard *g = &c->g;
	json_t *o = json_pack("{sss?s?s?ssIsbsb}", "path", g->path, "device_model",
	                      *g->model ? g->model : NULL, "device_serial",
	                      *g->serial ? g->serial : NULL, "loop_file",
	                      *c->loop_file ? c->loop_file : NULL, "size_bytes",
	                      (json_int_t)g->whole_bytes, "blank", c->blank, "claimed",
	                      claimed);
	json_object_set_new(o, "mark",
	                    g->marked
	                            ? json_pack("{ssssss}", "uuid", g->mark.uuid, "date",
	                                        g->mark.date, "host", g->mark.host)
	                            : json_null());
	json_dumpf(o, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(o);
}

/* The serial where there is one; else a loop device's file or the path. */
static bool confirmed(const struct claim *c, const char **expected)
{
	const struct hcb_guard *g = &c->g;
	*expected = *g->serial ? g->serial : *c->loop_file ? c->loop_file : g->path;
	if (!c->confirm)
		return false;
	if (strcmp(c->confirm, *expected) == 0)
		return true;
	return !*g->serial &&
	       (strcmp(c->confirm, g->path) == 0 || strcmp(c->confirm, c->path) == 0);
}

static int check(const struct claim *c, struct hcb_err *err)
{
	const char *expected;
	if (!c->ours && !c->blank)
		return hcb_err_refuse(
		        err,
		        "%s holds data; if that may go, write zeros over its "
		        "first and last 4 MiB and claim it again",
		        c->g.path);
	if (confirmed(c, &expected))
		return 0;
	if (!c->confirm)
		return hcb_err_refuse(err, "claim %s: it needs --confirm=%s", c->g.path,
		                      expected);
	return hcb_err_refuse(err, "claim %s: --confirm=%s does not name it; %s does",
	                      c->g.path, c->confirm, expected);
}

static int claim_main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct claim c = {.g = {.fd = -1}};
	int r = parse(argc, argv, &c, &err);
	if (r)
		return hcb_fail(&err);
	r = open_target(&c, &err);
	if (r)
		return hcb_fail(&err);
	r = look(&c, &err);
	if (!r && !c.json)
		show_text(&c);
	if (!r)
		r = check(&c, &err);
	if (!r && !c.ours)
		r = hcb_guard_mark(&c.g, &err);
	if (c.json && (!r || err.exit == HCB_EXIT_REFUSED))
		show_json(&c, r == 0);
	if (!r)
		hcb_say("%s %s", c.g.path,
		        c.ours ? "was claimed before; its mark stays"
		               : "is claimed: runs may overwrite all of it");
	hcb_guard_close(&c.g);
	return r ? hcb_fail(&err) : HCB_EXIT_OK;
}

const struct hcb_verb hcb_verb_claim = {
        .name = "claim",
        .summary = "give a device or file to hcbench, to be overwritten by runs",
        .usage = "usage: hcbench claim DEVICE|FILE [--confirm=SERIAL|PATH] [--json]\n"
                 "Shows model, serial, size and what lies there; with --confirm writes "
                 "the mark that\n"
                 "runs on libaio: and uring: need. Whatever is mounted, partitioned, "
                 "in use, signed or\n"
                 "not blank is refused.\n"
                 "  --confirm=SERIAL  the serial number that is shown; of a device "
                 "without one, and of\n"
                 "                    a file, its path; of a loop device also its "
                 "file's\n"
                 "  --json            print what is shown as JSON\n"
                 "exit: 0 claimed, 1 failed, 2 usage, 14 refused for safety\n",
        .main = claim_main,
};
