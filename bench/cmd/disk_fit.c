/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hcbench disk fit": a profile of a user's own drive. */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cmd/disk_verbs.h"
#include "bench/cmd/verb.h"
#include "bench/cmd/verb_args.h"
#include "bench/core/atomic_file.h"
#include "bench/core/cluster.h"
#include "lab/disk_fit.h"
#include "lab/disk_ini.h"
#include "lab/disk_jobs.h"

#define MAX_FILES 16

struct fit_conf {
	char device[256], output[512];
	uint64_t seed;
	double scale;
	int jobs, json;
};

/* In the order of enum disk_job_kind, after "none". */
static const char *const job_names[] = {"none", "read", "write", "uncached", NULL};

static const struct hcb_opt fit_opts[] = {
        {.name = "jobs",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct fit_conf, jobs),
         .def = "none",
         .names = job_names,
         .help = "print a job file for fio instead: read, write or uncached"},
        {.name = "device",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct fit_conf, device),
         .size = sizeof(((struct fit_conf *)0)->device),
         .help = "of the jobs"},
        {.name = "scale",
         .type = HCB_OPT_DOUBLE,
         .offset = offsetof(struct fit_conf, scale),
         .def = "1",
         .min = 0.05,
         .max = 10,
         .help = "of the jobs' run times"},
        {.name = "output",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct fit_conf, output),
         .size = sizeof(((struct fit_conf *)0)->output),
         .help = "where to write the fitted profile; must not be there"},
        {.name = "seed",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct fit_conf, seed),
         .def = "1",
         .help = "of the spindle and the load"},
        {.name = "json",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct fit_conf, json),
         .def = "off",
         .help = "print the document"},
        {.name = NULL},
};

static int print_jobs(const struct fit_conf *c, int n, struct hcb_err *err)
{
	if (n || !c->device[0])
		return hcb_err_usage(err, "disk fit: --jobs takes --device DEV and no "
		                          "profile");
	disk_jobs_print((enum disk_job_kind)(c->jobs - 1), c->device, c->scale, stdout);
	return 0;
}

/* The files' figures, in place of the profile's own. */
static int take_files(struct hdd_profile *p, const char *const *files, int n,
                      struct hcb_err *err)
{
	unsigned got = 0;
	if (n)
		memset(&p->published, 0, sizeof(p->published));
	for (int i = 0; i < n; i++) {
		int r = disk_jobs_read(files[i], &p->published, &got, err);
		if (r)
			return r;
	}
	return 0;
}

static int base_path(const char *name, char *path, struct hcb_err *err)
{
	size_t n = strlen(name);
	bool is_path = strchr(name, '/') || (n > 4 && strcmp(name + n - 4, ".ini") == 0);
	if (!is_path)
		return hcb_share_find("disks", name, path, PATH_MAX, err);
	if (n >= PATH_MAX)
		return hcb_err_usage(err, "open %.100s...: path too long", name);
	memcpy(path, name, n + 1);
	return 0;
}

static int write_profile(const struct fit_conf *c, const char *name,
                         const struct hdd_profile *base, const struct hdd_profile *fitted,
                         bool measured, struct hcb_err *err)
{
	char path[PATH_MAX], why[40], description[160];
	char *text = NULL;
	size_t len = 0;
	int r = base_path(name, path, err);
	if (r)
		return r;
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return hcb_err_sys(err, -ENOMEM, "write %s", c->output);
	snprintf(why, sizeof(why), "fitted to %s",
	         measured ? "fio's figures" : "the published figures");
	snprintf(description, sizeof(description), "%.100s, %s", base->description, why);
	r = disk_ini_write(path, base, fitted, measured ? description : base->description,
	                   why, measured, f, err);
	fclose(f);
	if (!r)
		r = hcb_write_atomic(c->output, text, len, err);
	free(text);
	return r;
}

static int fit(const struct fit_conf *c, const char *const *pos, int n,
               struct hcb_err *err)
{
	struct hdd_profile base, fitted;
	struct disk_fit_opts o = {.seed = c->seed, .length = 1, .progress = true};
	/* hcb_write_atomic would replace it, and a fit takes its time. */
	if (c->output[0] && access(c->output, F_OK) == 0) {
		int r = hcb_err_set(err, -EEXIST, "write %s: there is such a file",
		                    c->output);
		err->exit = HCB_EXIT_REFUSED;
		return r;
	}
	int r = hdd_profile_find(pos[0], &base, err);
	if (!r)
		r = take_files(&base, pos + 1, n - 1, err);
	if (!r)
		r = disk_fit(&base, &o, &fitted, err);
	if (r)
		return r;
	json_t *doc = disk_fit_report(&base, &fitted, &o, err);
	if (!doc)
		return -ENOMEM;
	if (c->json) {
		json_dumpf(doc, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
		putchar('\n');
	} else {
		disk_fit_print(doc, stdout);
	}
	json_decref(doc);
	return c->output[0] ? write_profile(c, pos[0], &base, &fitted, n > 1, err) : 0;
}

int hcb_disk_fit(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	const char *pos[MAX_FILES];
	struct fit_conf c;
	int n;
	memset(&c, 0, sizeof(c));
	hcb_opt_defaults(fit_opts, &c);
	int r = hcb_verb_args_some("disk fit", fit_opts, &c, argc, argv, pos, MAX_FILES,
	                           &n, &err);
	if (!r && c.jobs)
		r = print_jobs(&c, n, &err);
	else if (!r && n == 0)
		r = hcb_err_usage(&err, "disk fit: a profile to begin with is missing");
	else if (!r)
		r = fit(&c, pos, n, &err);
	return r ? hcb_fail(&err) : HCB_EXIT_OK;
}
