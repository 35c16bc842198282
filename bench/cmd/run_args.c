/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/cmd/run_args.h"
#include "bench/cmd/verb.h"

#include <errno.h>
#include <stdarg.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "bench/repeat.h"
#include "bench/core/units.h"
#include "engines/target.h"

#define DEFAULT_CAP_BYTES                                                                \
	(1024 * HCB_GIB) /* a run that writes a TiB by mistake ends there */
#define DEFAULT_DEADLINE (30 * HCB_SEC)
#define DEFAULT_STALL    (120 * HCB_SEC)

enum {
	O_ON = 256,
	O_SET,
	O_DURATION,
	O_WARMUP,
	O_REPEAT,
	O_SEED,
	O_CLOCK,
	O_LAB,
	O_LAB_HOST,
	O_FAULT,
	O_JSON,
	O_CAP_BYTES,
	O_CAP_RATE,
	O_KEEP_GOING,
	O_FUA,
	O_NO_PREFILL,
	O_TIMEOUT,
	O_STALL,
	O_VERIFY,
	O_VERIFY_LOG
};

static const struct option options[] = {
        {"on", required_argument, NULL, O_ON},
        {"set", required_argument, NULL, O_SET},
        {"duration", required_argument, NULL, O_DURATION},
        {"warmup", required_argument, NULL, O_WARMUP},
        {"repeat", required_argument, NULL, O_REPEAT},
        {"seed", required_argument, NULL, O_SEED},
        {"clock", required_argument, NULL, O_CLOCK},
        {"lab", required_argument, NULL, O_LAB},
        {"lab-host", required_argument, NULL, O_LAB_HOST},
        {"fault", required_argument, NULL, O_FAULT},
        {"json", no_argument, NULL, O_JSON},
        {"cap-bytes", required_argument, NULL, O_CAP_BYTES},
        {"cap-rate", required_argument, NULL, O_CAP_RATE},
        {"keep-going", no_argument, NULL, O_KEEP_GOING},
        {"native-fua", no_argument, NULL, O_FUA},
        {"no-prefill", no_argument, NULL, O_NO_PREFILL},
        {"timeout", required_argument, NULL, O_TIMEOUT},
        {"stall-limit", required_argument, NULL, O_STALL},
        {"verify", no_argument, NULL, O_VERIFY},
        {"verify-log", required_argument, NULL, O_VERIFY_LOG},
        {"output", required_argument, NULL, 'o'},
        {"quiet", no_argument, NULL, 'q'},
        {NULL, 0, NULL, 0},
};

static int bad(struct hcb_err *err, const char *opt, const char *value,
               const char *expected)
{
	return hcb_err_usage(err, "--%s %s: expected %s", opt, value, expected);
}

static int parse_duration(const char *opt, uint64_t *out, struct hcb_err *err)
{
	return hcb_parse_duration(optarg, out)
	               ? bad(err, opt, optarg, "a time such as 60s")
	               : 0;
}

static int parse_size(const char *opt, uint64_t *out, struct hcb_err *err)
{
	return hcb_parse_size(optarg, out) ? bad(err, opt, optarg, "a size such as 10GiB")
	                                   : 0;
}

static int parse_warmup(struct hcb_run_args *a, struct hcb_err *err)
{
	a->warmup_said = true;
	a->run.warmup_auto = strcmp(optarg, "auto") == 0;
	return a->run.warmup_auto ? 0 : parse_duration("warmup", &a->run.warmup_ns, err);
}

static int parse_seed(struct hcb_run_args *a, struct hcb_err *err)
{
	a->seed_said = true;
	/* JSON's integers end at 2^63 - 1. */
	if (hcb_parse_u64(optarg, &a->run.seed) || a->run.seed > INT64_MAX)
		return bad(err, "seed", optarg, "a whole number below 2^63");
	return 0;
}

static int parse_repeat(struct hcb_run_args *a, struct hcb_err *err)
{
	if (hcb_parse_u64(optarg, &a->repeat) || !a->repeat || a->repeat > HCB_REPEAT_MAX)
		return hcb_err_usage(err,
		                     "--repeat %s: expected a whole number from 1 to %d",
		                     optarg, HCB_REPEAT_MAX);
	return 0;
}

static int parse_clock(struct hcb_run_args *a, struct hcb_err *err)
{
	static const char *const names[] = {"auto", "real", "virtual"};
	for (int i = 0; i < 3; i++)
		if (strcmp(optarg, names[i]) == 0) {
			a->clock = (enum hcb_clock_choice)i;
			return 0;
		}
	return bad(err, "clock", optarg, "real or virtual");
}

static int add_binding(struct hcb_run_args *a, const char *text, struct hcb_err *err)
{
	if (a->n_on == 2 * HCB_MAX_VOLUMES)
		return hcb_err_usage(err, "--on: more than %u", a->n_on);
	return hcb_binding_parse(text, &a->on[a->n_on++], err);
}

static int add_set(struct hcb_run_args *a, const char *pair, struct hcb_err *err)
{
	if (a->n_sets == HCB_MAX_SETS)
		return hcb_err_usage(err, "--set: more than %u", a->n_sets);
	a->sets[a->n_sets++] = pair;
	return 0;
}

static int add_fault(struct hcb_run_args *a, struct hcb_err *err)
{
	if (a->n_faults == HCB_MAX_FAULTS)
		return hcb_err_usage(err, "--fault: more than %d", HCB_MAX_FAULTS);
	return hcb_fault_parse(optarg, &a->faults[a->n_faults++], err);
}

static int one_option(struct hcb_run_args *a, int c, char **argv, struct hcb_err *err)
{
	switch (c) {
	case O_ON:
		return add_binding(a, optarg, err);
	case O_SET:
		return add_set(a, optarg, err);
	case O_DURATION:
		return parse_duration("duration", &a->run.duration_ns, err);
	case O_WARMUP:
		return parse_warmup(a, err);
	case O_REPEAT:
		return parse_repeat(a, err);
	case O_SEED:
		return parse_seed(a, err);
	case O_CLOCK:
		return parse_clock(a, err);
	case O_LAB:
		a->lab = optarg;
		return 0;
	case O_LAB_HOST:
		a->lab_host = optarg;
		return 0;
	case O_FAULT:
		return add_fault(a, err);
	case O_JSON:
		a->json = true;
		return 0;
	case O_CAP_BYTES:
		return parse_size("cap-bytes", &a->run.caps.bytes, err);
	case O_CAP_RATE:
		return parse_size("cap-rate", &a->run.caps.bytes_per_s, err);
	case O_KEEP_GOING:
		a->run.caps.keep_going = true;
		return 0;
	case O_FUA:
		a->run.fua_native = true;
		return 0;
	case O_NO_PREFILL:
		a->run.no_prefill = true;
		return 0;
	case O_TIMEOUT:
		return parse_duration("timeout", &a->run.deadline_ns, err);
	case O_STALL:
		return parse_duration("stall-limit", &a->run.caps.stall_ns, err);
	case O_VERIFY:
		a->run.verify = true;
		return 0;
	case O_VERIFY_LOG:
		a->run.verify_log = optarg;
		return 0;
	case 'o':
		a->out = optarg;
		return 0;
	case 'q':
		a->quiet = true;
		return 0;
	default:
		return hcb_bad_option("run", c, argv, options, err);
	}
}

/* --- together ---------------------------------------------------------------------- */

static bool is_file(const char *word)
{
	size_t n = strlen(word);
	return strchr(word, '/') || (n > 4 && strcmp(word + n - 4, ".ini") == 0);
}

static int configure(struct hcb_run_args *a, struct hcb_err *err)
{
	if (a->mix)
		return 0; /* each part is, by its section */
	char where[64];
	snprintf(where, sizeof(where), "workload %s", a->wl->name);
	a->conf = calloc(1, a->wl->conf_size);
	if (!a->conf)
		return hcb_err_sys(err, -ENOMEM, "%s", where);
	hcb_opt_defaults(a->wl->opts, a->conf);
	for (unsigned i = 0; i < a->n_sets; i++) {
		int r = hcb_opt_set_pair(a->wl->opts, a->conf, where, a->sets[i], err);
		if (r)
			return r;
	}
	return 0;
}

/* Models run in virtual time unless told; anything real has to run in real time. */
static int choose_clock(struct hcb_run_args *a, struct hcb_err *err)
{
	bool all_models = true;
	for (unsigned i = 0; i < a->n_on; i++) {
		struct hcb_dev *dev;
		int r = hcb_target_parse(a->on[i].target, &dev, err);
		if (r)
			return r;
		all_models &= (dev->engine->caps & HCB_CAP_MODEL) != 0;
		hcb_target_free(dev);
	}
	a->run.virtual_clock = a->clock == HCB_CHOOSE_VIRTUAL ||
	                       (a->clock == HCB_CHOOSE_AUTO && all_models && !a->lab);
	return 0;
}

__attribute__((format(printf, 2, 3))) static void more(struct hcb_run_args *a,
                                                       const char *fmt, ...)
{
	size_t n = strlen(a->command);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(a->command + n, sizeof(a->command) - n, fmt, ap);
	va_end(ap);
}

/* A word as a shell takes it. */
static void word(struct hcb_run_args *a, const char *prefix, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                            "0123456789%+,-./:=@_";
	if (*text && !text[strspn(text, plain)]) {
		more(a, "%s%s", prefix, text);
		return;
	}
	more(a, "%s'", prefix);
	for (const char *p = text; *p; p++)
		if (*p == '\'')
			more(a, "'\\''");
		else
			more(a, "%c", *p);
	more(a, "'");
}

/* Exact, in the largest unit that is. */
static void duration_word(struct hcb_run_args *a, const char *prefix, uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *name;
	} units[] = {{HCB_SEC, "s"}, {HCB_MS, "ms"}, {HCB_US, "us"}, {1, "ns"}};
	size_t i = 0;
	while (ns % units[i].ns)
		i++;
	more(a, "%s%llu%s", prefix, (unsigned long long)(ns / units[i].ns),
	     units[i].name);
}

/* Stable: faults of one time stay in the order they were given. */
static void sort_faults(struct hcb_run_args *a)
{
	for (unsigned i = 1; i < a->n_faults; i++)
		for (unsigned k = i; k && a->faults[k].at_ns < a->faults[k - 1].at_ns;
		     k--) {
			struct hcb_fault f = a->faults[k];
			a->faults[k] = a->faults[k - 1];
			a->faults[k - 1] = f;
		}
}

static void canonical_faults(struct hcb_run_args *a)
{
	for (unsigned i = 0; i < a->n_faults; i++) {
		const struct hcb_fault *f = &a->faults[i];
		char text[300];
		if (a->mix && f->line)
			continue; /* the file has it */
		snprintf(text, sizeof(text), "at=%llums %s%s%s",
		         (unsigned long long)(f->at_ns / HCB_MS), f->verb,
		         *f->args ? " " : "", f->args);
		word(a, " --fault ", text);
	}
}

static void canonical_load(struct hcb_run_args *a)
{
	const struct hcb_run *run = &a->run;
	word(a, "hcbench run ", a->mix ? a->scenario->path : a->wl->name);
	for (unsigned i = 0; !a->mix && i < a->n_on; i++) {
		char text[700];
		snprintf(text, sizeof(text), "%s=%s", a->on[i].volume, a->on[i].target);
		word(a, " --on ", text);
	}
	for (unsigned i = 0; i < a->n_sets; i++)
		word(a, " --set ", a->sets[i]);
	if (run->duration_ns)
		duration_word(a, " --duration ", run->duration_ns);
	if (!run->warmup_auto)
		duration_word(a, " --warmup ", run->warmup_ns);
}

static void canonical_command(struct hcb_run_args *a)
{
	const struct hcb_run *run = &a->run;
	canonical_load(a);
	if (a->lab)
		word(a, " --lab ", a->lab);
	if (a->lab_host)
		word(a, " --lab-host ", a->lab_host);
	canonical_faults(a);
	more(a, " --seed %llu --clock %s", (unsigned long long)run->seed,
	     run->virtual_clock ? "virtual" : "real");
	if (run->caps.bytes != DEFAULT_CAP_BYTES)
		more(a, " --cap-bytes %llu", (unsigned long long)run->caps.bytes);
	if (run->caps.bytes_per_s)
		more(a, " --cap-rate %llu", (unsigned long long)run->caps.bytes_per_s);
	if (run->caps.stall_ns != DEFAULT_STALL)
		duration_word(a, " --stall-limit ", run->caps.stall_ns);
	if (run->deadline_ns != DEFAULT_DEADLINE)
		duration_word(a, " --timeout ", run->deadline_ns);
	if (run->caps.keep_going)
		more(a, " --keep-going");
	if (run->fua_native)
		more(a, " --native-fua");
	if (run->no_prefill)
		more(a, " --no-prefill");
	if (run->verify)
		more(a, " --verify");
}

int hcb_run_args_parse(int argc, char **argv, struct hcb_run_args *a, struct hcb_err *err)
{
	memset(a, 0, sizeof(*a));
	a->run.warmup_auto = true;
	a->run.dilation = 1;
	a->run.seed = 1;
	a->run.caps.bytes = DEFAULT_CAP_BYTES;
	a->run.caps.stall_ns = DEFAULT_STALL;
	a->run.deadline_ns = DEFAULT_DEADLINE;
	int c, r = 0;
	optind = 1;
	while (!r && (c = getopt_long(argc, argv, ":o:q", options, NULL)) != -1)
		r = one_option(a, c, argv, err);
	if (r)
		return r;
	if (optind != argc - 1)
		return hcb_err_usage(err, "run: expected one workload or scenario file; "
		                          "\"hcbench list\" shows the workloads");
	const char *what = argv[optind];
	if (is_file(what)) {
		r = hcb_run_take_scenario(a, what, err);
	} else {
		a->wl = hcb_workload_find(what, err);
		r = a->wl ? 0 : -EINVAL;
	}
	r = r ? r : configure(a, err);
	if (!r && a->n_on == 0)
		r = hcb_err_usage(err, "run %s: on what? e.g. --on all=hdd:generic-7200",
		                  what);
	r = r ? r : choose_clock(a, err);
	if (r)
		return r;
	a->run.wl = a->wl;
	a->run.conf = a->mix ? (void *)a->mix : a->conf;
	a->run.mix = a->mix;
	a->run.on = a->on;
	a->run.n_on = a->n_on;
	sort_faults(a);
	a->run.faults = a->faults;
	a->run.n_faults = a->n_faults;
	a->run.progress = !a->quiet;
	a->run.lab = a->lab;
	a->run.lab_host = a->lab_host;
	canonical_command(a);
	a->run.command = a->command;
	return 0;
}

void hcb_run_args_free(struct hcb_run_args *a)
{
	for (unsigned p = 0; a->mix && p < a->mix->n_parts; p++)
		free(a->mix->part[p].conf);
	free(a->mix);
	free(a->conf);
	free(a->scenario);
}
