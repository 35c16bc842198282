/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor lab: one load on one cluster file at dilation 1, 2 and 4, a few runs each with
 * seeds of their own. Everything is done by this program's own verbs, each a process of
 * its own. What is compared are the runs, not the cycles within one: these are closer to
 * each other than any two runs are.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cmd/doctor_verbs.h"
#include "bench/cmd/self.h"
#include "bench/cmd/signals.h"
#include "bench/cmd/verb.h"
#include "bench/core/atomic_file.h"
#include "bench/core/cluster.h"
#include "bench/core/units.h"
#include "bench/dilation.h"

#define N_STEPS  3
#define CYCLE_S  30
#define CYCLES   2 /* of each run, the warm-up's aside */
#define MAX_RUNS 16

static const double dilations[N_STEPS] = {1, 2, 4};

static const struct {
	const char *key, *name;
} metrics[] = {{"mean", "mean"}, {"p50", "p50"}, {"p95", "p95"}};
#define N_METRICS (sizeof(metrics) / sizeof(metrics[0]))

struct step {
	bool invalid;
	double busy; /* the busiest run's */
	size_t n;
	double value[N_METRICS][MAX_RUNS]; /* of each run, lab ns */
};

struct doctor {
	char file[512], dir[64], ini[160], lab[32], image[96];
	const char *rate;
	uint64_t runs;
	const volatile sig_atomic_t *stop;
	bool json;
	struct step step[N_STEPS];
};

static int lab_up(const struct doctor *d, double dilation, struct hcb_err *err)
{
	char number[16];
	const struct self_opts o = {.timeout_ns = 300 * HCB_SEC, .stop = d->stop};
	snprintf(number, sizeof(number), "%g", dilation);
	const char *const argv[] = {"lab", "up", d->ini, "--dilation", number, NULL};
	return self_run(argv, &o, NULL, NULL, err);
}

static void lab_down(const struct doctor *d)
{
	struct hcb_err err = HCB_ERR_INIT;
	const struct self_opts o = {.timeout_ns = 60 * HCB_SEC};
	const char *const argv[] = {"lab", "down", d->lab, NULL};
	if (self_run(argv, &o, NULL, NULL, &err))
		hcb_warn("%s", err.msg);
}

static int run(const struct doctor *d, double dilation, size_t n, const char *out,
               struct hcb_err *err)
{
	char on[128], rate[48], cycles[32], timeout[48], seed[24];
	snprintf(on, sizeof(on), "all=%s", d->image);
	snprintf(rate, sizeof(rate), "rate=%s", d->rate);
	snprintf(cycles, sizeof(cycles), "checkpoints=%d", CYCLES);
	snprintf(timeout, sizeof(timeout), "checkpoint_timeout=%ds", CYCLE_S);
	snprintf(seed, sizeof(seed), "%zu", n + 1);
	const char *const argv[] = {"run",   "postgres", "--lab",  d->lab,  "--on",
	                            on,      "--set",    rate,     "--set", cycles,
	                            "--set", timeout,    "--seed", seed,    "-q",
	                            "-o",    out,        NULL};
	double wall = (CYCLES + 4) * CYCLE_S * dilation + 300;
	const struct self_opts o = {.timeout_ns = (uint64_t)wall * HCB_SEC,
	                            .stop = d->stop,
	                            .verdicts = true};
	return self_run(argv, &o, NULL, NULL, err);
}

static double latency(const json_t *tx, size_t metric)
{
	const json_t *lat = json_object_get(tx, "response_ns");
	return json_number_value(json_object_get(lat, metrics[metric].key));
}

static int read_run(const char *path, struct step *s, struct hcb_err *err)
{
	json_error_t je;
	json_t *doc = json_load_file(path, 0, &je);
	if (!doc)
		return hcb_err_set(err, -EIO, "read %s: %s", path, je.text);
	const json_t *v = json_object_get(doc, "validity");
	const json_t *tx = json_array_get(json_object_get(doc, "transactions"), 0);
	const char *verdict = json_string_value(json_object_get(v, "verdict"));
	double busy = json_number_value(json_object_get(v, "host_busy"));
	s->invalid |= !verdict || strcmp(verdict, "INVALID") == 0;
	s->busy = busy > s->busy ? busy : s->busy;
	for (size_t m = 0; m < N_METRICS; m++)
		s->value[m][s->n] = latency(tx, m);
	s->n++;
	json_decref(doc);
	return 0;
}

static int one_step(struct doctor *d, size_t i, struct hcb_err *err)
{
	char out[96];
	snprintf(out, sizeof(out), "%s/run.json", d->dir);
	hcb_say("dilation %g: lab up, then %llu runs of %d cycles of %d s lab time",
	        dilations[i], (unsigned long long)d->runs, CYCLES + 1, CYCLE_S);
	int r = lab_up(d, dilations[i], err);
	for (size_t n = 0; !r && n < d->runs; n++) {
		r = run(d, dilations[i], n, out, err);
		r = r ? r : read_run(out, &d->step[i], err);
	}
	lab_down(d);
	unlink(out);
	return r;
}

/* ---- what it says ---- */

static bool steps_agree(const struct doctor *d, size_t i)
{
	bool same = !d->step[i].invalid && !d->step[i + 1].invalid;
	for (size_t m = 0; m < N_METRICS; m++) {
		struct hcb_dilation_step s =
		        hcb_dilation_compare(d->step[i].value[m], d->step[i].n,
		                             d->step[i + 1].value[m], d->step[i + 1].n);
		same &= s.told && s.same;
	}
	return same;
}

/* The least D whose result, and every later one, agrees with the next; 0: none does. */
static double settled(const struct doctor *d)
{
	double from = 0;
	for (size_t i = N_STEPS - 1; i-- > 0 && steps_agree(d, i);)
		from = dilations[i];
	return from;
}

/* Geometric, as the ratios are. */
static double middle(const struct step *s, size_t m)
{
	double sum = 0;
	for (size_t i = 0; i < s->n; i++)
		sum += log(s->value[m][i]);
	return exp(sum / (double)s->n);
}

static json_t *step_json(const struct doctor *d, size_t i)
{
	const struct step *s = &d->step[i];
	json_t *o = json_pack("{sfsbsfsI}", "dilation", dilations[i], "invalid",
	                      s->invalid, "host_busy", s->busy, "runs", (json_int_t)s->n);
	for (size_t m = 0; m < N_METRICS; m++) {
		char key[32];
		snprintf(key, sizeof(key), "%s_ns", metrics[m].name);
		json_object_set_new(o, key, json_real(middle(s, m)));
		if (i == 0)
			continue;
		struct hcb_dilation_step c = hcb_dilation_compare(
		        d->step[i - 1].value[m], d->step[i - 1].n, s->value[m], s->n);
		snprintf(key, sizeof(key), "%s_ratio", metrics[m].name);
		if (c.told)
			json_object_set_new(o, key,
			                    json_pack("[fff]", c.lo, c.ratio, c.hi));
	}
	return o;
}

static void show_json(const struct doctor *d)
{
	json_t *steps = json_array();
	double from = settled(d);
	for (size_t i = 0; i < N_STEPS; i++)
		json_array_append_new(steps, step_json(d, i));
	json_t *o = json_pack("{sssssoso}", "cluster_file", d->file, "rate", d->rate,
	                      "steps", steps, "settled_from",
	                      from > 0 ? json_real(from) : json_null());
	json_dumpf(o, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(o);
}

static void show_text(const struct doctor *d)
{
	double from = settled(d);
	if (from > 0)
		printf("settled from dilation %g on: there this machine's processors no "
		       "longer move the result\n",
		       from);
	else
		puts("still moving at dilation 4, or too few runs to tell: this machine "
		     "is part of the result");
	printf("  %s, %s offered, %llu runs each; commit's response in lab time\n\n",
	       d->file, d->rate, (unsigned long long)d->runs);
	printf("%9s  %-9s%8s", "dilation", "runs", "busy");
	for (size_t m = 0; m < N_METRICS; m++)
		printf("%12s%24s", metrics[m].name, "against the D before");
	putchar('\n');
	for (size_t i = 0; i < N_STEPS; i++) {
		const struct step *s = &d->step[i];
		printf("%9g  %-9s%6.0f %%", dilations[i],
		       s->invalid ? "INVALID" : "valid", 100 * s->busy);
		for (size_t m = 0; m < N_METRICS; m++) {
			char t[32], c[32] = "";
			struct hcb_dilation_step k = {0};
			if (i)
				k = hcb_dilation_compare(d->step[i - 1].value[m],
				                         d->step[i - 1].n, s->value[m],
				                         s->n);
			if (k.told)
				snprintf(c, sizeof(c), "%.2f [%.2f, %.2f]", k.ratio, k.lo,
				         k.hi);
			printf("%12s%24s", hcb_fmt_ns(t, sizeof(t), middle(s, m)), c);
		}
		putchar('\n');
	}
}

/* ---- beginning and end ---- */

static int parse(int argc, char **argv, struct doctor *d, struct hcb_err *err)
{
	static const struct option options[] = {
	        {"rate", required_argument, NULL, 'r'},
	        {"runs", required_argument, NULL, 'n'},
	        {"json", no_argument, NULL, 'j'},
	        {NULL, 0, NULL, 0},
	};
	double per_s;
	int c;
	d->rate = "20/s";
	d->runs = 3;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (c == 'j')
			d->json = true;
		else if (c == 'r')
			d->rate = optarg;
		else if (c != 'n')
			return hcb_bad_option("doctor lab", c, argv, options, err);
		else if (hcb_parse_u64(optarg, &d->runs) || d->runs < 2 ||
		         d->runs > MAX_RUNS)
			return hcb_err_usage(err, "--runs %s: expected 2 to %d", optarg,
			                     MAX_RUNS);
	}
	if (hcb_parse_rate(d->rate, &per_s) || per_s <= 0)
		return hcb_err_usage(err, "--rate %s: expected a rate such as 20/s",
		                     d->rate);
	if (argc - optind > 1)
		return hcb_err_usage(err, "doctor lab: expected one cluster file");
	return hcb_cluster_find(optind < argc ? argv[optind] : "seed-direct", d->file,
	                        sizeof(d->file), err);
}

/* A copy under a name of its own: a lab that somebody uses is not touched. */
static int copy_cluster(struct doctor *d, struct hcb_err *err)
{
	struct hcb_cluster *c = calloc(1, sizeof(*c));
	char text[65536];
	if (!c)
		return hcb_err_sys(err, -ENOMEM, "read %s", d->file);
	int r = hcb_cluster_read(d->file, c, err);
	if (!r && c->n_pools == 0)
		r = hcb_err_usage(err, "%s: has no pool", d->file);
	if (!r)
		snprintf(d->image, sizeof(d->image), "rbd:%s/doctor", c->pools[0].name);
	free(c);
	if (r)
		return r;
	FILE *f = fopen(d->file, "re");
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;
	if (f)
		fclose(f);
	snprintf(d->dir, sizeof(d->dir), "/tmp/hcbench-doctor-XXXXXX");
	if (!mkdtemp(d->dir))
		return hcb_err_sys(err, -errno, "make %s", d->dir);
	snprintf(d->lab, sizeof(d->lab), "doctor%d", (int)getpid());
	snprintf(d->ini, sizeof(d->ini), "%s/%s.ini", d->dir, d->lab);
	return hcb_write_atomic(d->ini, text, n, err);
}

int doctor_lab(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct doctor *d = calloc(1, sizeof(*d));
	int r = d ? parse(argc, argv, d, &err) : hcb_err_sys(&err, -ENOMEM, "doctor lab");
	if (!r && geteuid() != 0)
		r = hcb_err_set(&err, -EPERM, "doctor lab: a lab needs root");
	r = r ? r : copy_cluster(d, &err);
	const volatile sig_atomic_t *stop = hcb_catch_signals();
	if (d)
		d->stop = stop;
	for (size_t i = 0; !r && i < N_STEPS; i++)
		r = one_step(d, i, &err);
	if (d && *d->dir) {
		unlink(d->ini);
		rmdir(d->dir);
	}
	int code = HCB_EXIT_OK;
	if (!r) {
		code = settled(d) > 0 ? HCB_EXIT_OK : HCB_EXIT_UNSTEADY;
		if (d->json)
			show_json(d);
		else
			show_text(d);
	}
	free(d);
	if (*stop)
		return 128 + (int)*stop;
	return r ? hcb_fail(&err) : code;
}
