/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe: a harmless minute: what this pool or disk does with flushed writes, and what
 * bounds it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/cmd/probe_controls.h"
#include "bench/cmd/run_lab.h"
#include "bench/cmd/signals.h"
#include "bench/cmd/verb.h"
#include "bench/core/atomic_file.h"
#include "bench/core/random.h"
#include "bench/core/units.h"
#include "bench/probe_run.h"
#include "reports/report.h"

#define DEFAULT_DURATION (24 * HCB_SEC)
#define MIN_DURATION     (4 * HCB_SEC)
#define MAX_DURATION     (40 * HCB_SEC)
#define DEFAULT_DEADLINE (10 * HCB_SEC)
/* Of a pool of three 7200 rpm disks it is about all; of a 1 Gbit/s port a quarter. */
#define SHARED_CAP       (32 * HCB_MIB)
/* Of a device that is hcbench's alone: more than any disk of the kind does. */
#define OWN_CAP          (512 * HCB_MIB)

/* ---- arguments ---- */

struct args {
	struct hcb_probe_plan plan;
	const char *conf, *id, *keyring, *lab, *lab_host, *out;
	bool json, cap_said;
	char command[2048];
};

enum {
	O_CONF = 256,
	O_ID,
	O_KEYRING,
	O_LAB,
	O_LAB_HOST,
	O_CAP,
	O_DURATION,
	O_SEED,
	O_TIMEOUT
};

static const struct option options[] = {
        {"conf", required_argument, NULL, O_CONF},
        {"id", required_argument, NULL, O_ID},
        {"keyring", required_argument, NULL, O_KEYRING},
        {"lab", required_argument, NULL, O_LAB},
        {"lab-host", required_argument, NULL, O_LAB_HOST},
        {"cap-rate", required_argument, NULL, O_CAP},
        {"duration", required_argument, NULL, O_DURATION},
        {"seed", required_argument, NULL, O_SEED},
        {"timeout", required_argument, NULL, O_TIMEOUT},
        {"json", no_argument, NULL, 'j'},
        {"output", required_argument, NULL, 'o'},
        {"quiet", no_argument, NULL, 'q'},
        {NULL, 0, NULL, 0},
};

static int bad(struct hcb_err *err, const char *opt, const char *expected)
{
	return hcb_err_usage(err, "--%s %s: expected %s", opt, optarg, expected);
}

static int parse_cap(struct args *a, struct hcb_err *err)
{
	a->cap_said = true;
	if (hcb_parse_size(optarg, &a->plan.cap_bytes_per_s) ||
	    (a->plan.cap_bytes_per_s && a->plan.cap_bytes_per_s < HCB_MIB))
		return bad(err, "cap-rate", "1MiB or more a second, or 0 for no cap");
	return 0;
}

static int parse_duration(struct args *a, struct hcb_err *err)
{
	if (hcb_parse_duration(optarg, &a->plan.duration_ns) ||
	    a->plan.duration_ns < MIN_DURATION || a->plan.duration_ns > MAX_DURATION)
		return bad(err, "duration", "a time from 4s to 40s");
	return 0;
}

static int parse_seed(struct args *a, struct hcb_err *err)
{
	if (hcb_parse_u64(optarg, &a->plan.seed) || a->plan.seed > INT64_MAX - 16)
		return bad(err, "seed", "a whole number below 2^63 - 16");
	return 0;
}

static int parse_timeout(struct args *a, struct hcb_err *err)
{
	if (hcb_parse_duration(optarg, &a->plan.deadline_ns) ||
	    a->plan.deadline_ns < HCB_SEC)
		return bad(err, "timeout", "a time from 1s");
	return 0;
}

static int one_option(struct args *a, int c, char **argv, struct hcb_err *err)
{
	switch (c) {
	case O_CONF:
		a->conf = optarg;
		return 0;
	case O_ID:
		a->id = optarg;
		return 0;
	case O_KEYRING:
		a->keyring = optarg;
		return 0;
	case O_LAB:
		a->lab = optarg;
		return 0;
	case O_LAB_HOST:
		a->lab_host = optarg;
		return 0;
	case O_CAP:
		return parse_cap(a, err);
	case O_DURATION:
		return parse_duration(a, err);
	case O_SEED:
		return parse_seed(a, err);
	case O_TIMEOUT:
		return parse_timeout(a, err);
	case 'j':
		a->json = true;
		return 0;
	case 'o':
		a->out = optarg;
		return 0;
	case 'q':
		a->plan.talk = false;
		return 0;
	default:
		return hcb_bad_option("probe", c, argv, options, err);
	}
}

__attribute__((format(printf, 2, 3))) static void more(struct args *a, const char *fmt,
                                                       ...)
{
	size_t n = strlen(a->command);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(a->command + n, sizeof(a->command) - n, fmt, ap);
	va_end(ap);
}

static void word_option(struct args *a, const char *name, const char *value)
{
	if (value)
		more(a, " --%s %s", name, value);
}

/* What repeats the probe, without -o. */
static void canonical_command(struct args *a)
{
	more(a, "hcbench probe %s", a->plan.word);
	word_option(a, "conf", a->conf);
	word_option(a, "id", a->id);
	word_option(a, "keyring", a->keyring);
	word_option(a, "lab", a->lab);
	word_option(a, "lab-host", a->lab_host);
	if (a->plan.duration_ns != DEFAULT_DURATION)
		more(a, " --duration %gs", (double)a->plan.duration_ns / 1e9);
	if (a->cap_said)
		more(a, " --cap-rate %llu", (unsigned long long)a->plan.cap_bytes_per_s);
	more(a, " --seed %llu", (unsigned long long)a->plan.seed);
	a->plan.command = a->command;
}

static int add_key(char *extra, size_t size, const char *key, const char *value,
                   struct hcb_err *err)
{
	size_t n = strlen(extra);
	if (!value)
		return 0;
	if (!*value || strchr(value, ','))
		return hcb_err_usage(err, "--%s %s: expected a name without a comma", key,
		                     value);
	if ((size_t)snprintf(extra + n, size - n, ",%s=%s", key, value) >= size - n)
		return hcb_err_usage(err, "--%s %.40s...: too long", key, value);
	return 0;
}

static void unique_name(char *out, size_t size)
{
	uint64_t v = hcb_mix64(hcb_monotonic_ns() ^ ((uint64_t)getpid() << 32));
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	uint64_t r;
	if (fd >= 0 && read(fd, &r, sizeof(r)) == (ssize_t)sizeof(r))
		v ^= r;
	if (fd >= 0)
		close(fd);
	snprintf(out, size, "%08x", (unsigned)(v ^ v >> 32));
}

static int resolve(struct args *a, struct hcb_err *err)
{
	char extra[700] = "", unique[16];
	struct hcb_probe_plan *p = &a->plan;
	int r = add_key(extra, sizeof(extra), "conf", a->conf, err);
	r = r ? r : add_key(extra, sizeof(extra), "id", a->id, err);
	r = r ? r : add_key(extra, sizeof(extra), "keyring", a->keyring, err);
	unique_name(unique, sizeof(unique));
	r = r ? r : hcb_probe_resolve(p->word, extra, unique, &p->target, err);
	if (r)
		return r;
	p->virtual_clock = p->target.kind == HCB_PROBE_MODEL && !a->lab &&
	                   strncmp(p->target.text, "hdd:", 4) == 0;
	bool own =
	        p->target.kind == HCB_PROBE_DEVICE || p->target.kind == HCB_PROBE_MODEL;
	if (!a->cap_said)
		p->cap_bytes_per_s = own ? OWN_CAP : SHARED_CAP;
	return 0;
}

static int parse(int argc, char **argv, struct args *a, struct hcb_err *err)
{
	memset(a, 0, sizeof(*a));
	a->plan.duration_ns = DEFAULT_DURATION;
	a->plan.deadline_ns = DEFAULT_DEADLINE;
	a->plan.seed = 1;
	a->plan.dilation = 1;
	a->plan.talk = true;
	int c, r = 0;
	optind = 1;
	while (!r && (c = getopt_long(argc, argv, ":o:q", options, NULL)) != -1)
		r = one_option(a, c, argv, err);
	if (r)
		return r;
	if (optind != argc - 1)
		return hcb_err_usage(err, "probe: expected one pool, device, file, "
		                          "directory or target");
	if (a->lab_host && !a->lab)
		return hcb_err_usage(err, "--lab-host %s: of which --lab?", a->lab_host);
	a->plan.word = argv[optind];
	canonical_command(a);
	return resolve(a, err);
}

static int enter_lab(struct args *a, struct hcb_err *err)
{
	struct hcb_run run = {.dilation = 1};
	if (!a->lab)
		return 0;
	int r = hcb_run_lab_enter(a->lab, a->lab_host, &run, err);
	a->plan.around = run.around;
	a->plan.dilation = run.dilation;
	return r;
}

static int probe_main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct args a;
	json_t *doc = NULL;
	int code = HCB_EXIT_OK;
	if (probe_wants_controls(argc, argv))
		return probe_controls_main(argc, argv);
	int r = parse(argc, argv, &a, &err);
	if (!r && a.out)
		r = hcb_result_path_check(a.out, &err);
	if (!r) {
		a.plan.signal_seen = hcb_catch_signals();
		r = enter_lab(&a, &err);
	}
	r = r ? r : hcb_probe_run(&a.plan, &doc, &code, &err);
	if (!r && a.out)
		r = hcb_write_json_atomic(a.out, doc, &err);
	if (!r) {
		const json_t *docs[] = {doc};
		r = hcb_report_find(a.json ? "json" : "text")
		            ->write(docs, 1, stdout, &err);
	}
	json_decref(doc);
	if (!r)
		return code;
	int failed = hcb_fail(&err);
	bool interrupted = r == -EINTR && a.plan.signal_seen && *a.plan.signal_seen;
	return interrupted ? 128 + (int)*a.plan.signal_seen : failed;
}

const struct hcb_verb hcb_verb_probe = {
        .name = "probe",
        .summary = "a harmless minute: what a pool or disk does with flushed writes, and "
                   "what bounds it",
        .usage = "usage: hcbench probe POOL|DEVICE|FILE|DIR|TARGET [OPTION...]\n"
                 "       hcbench probe --controls [POOL] [OPTION...]\n"
                 "Writes to an image or file of its own, reads it, and removes it; to a "
                 "device only if\n"
                 "\"hcbench claim\" has marked it. A word without '/' and ':' is a pool; "
                 "for a path here\n"
                 "write ./NAME.\n"
                 "  --conf FILE, --id USER, --keyring FILE\n"
                 "                      of a pool's cluster; found by itself on a "
                 "Proxmox node\n"
                 "  --lab NAME          the pool lies in this lab; --lab-host h2: probe "
                 "from there\n"
                 "  --cap-rate SIZE     write no more than that a second (default 32MiB "
                 "on pools and\n"
                 "                      files, 512MiB on devices); 0: no cap\n"
                 "  --duration TIME     of all phases together, 4s to 40s (default 24s)\n"
                 "  --seed N            of the places written to (default 1)\n"
                 "  --timeout TIME      for each call to the outside (default 10s)\n"
                 "  -o, --output FILE   also write the result document there\n"
                 "  --json              print the document instead of the report\n"
                 "  -q, --quiet         no progress\n"
                 "--controls: what \"hcbench check --run\" measures before and after a "
                 "night's runs:\n"
                 "each OSD's own bench and commit latency, the paths to them, the system "
                 "disk; and\n"
                 "whether the cluster is fit for a night. Harmless, under two minutes.\n"
                 "  --dir DIR           on the system disk (default /var/tmp; in a lab a "
                 "served\n"
                 "                      system disk, else none); none: leave it out\n"
                 "  --path NAME=ADDRESS:PORT  also the round trip to who listens there "
                 "(several),\n"
                 "                      such as a way beside a tunnel\n"
                 "  --samples N         of each, 1 to 5 (default 5: what a night "
                 "needs)\n"
                 "  --look              only whether the cluster is fit: a second\n"
                 "  --brief             half a minute: not the system disk, not what "
                 "OSDs report\n"
                 "exit: 0 good, 1 failed, 2 usage, 11 cut short or disturbed, 13 not to "
                 "be believed,\n"
                 "      14 refused for safety, 130/143 interrupted\n",
        .main = probe_main,
};
