/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe --controls: what "check --run" measures before and after a night's runs. By hand
 * it shows what a cluster in use lets one measure, and whether it is fit for a night.
 */
#include "bench/cmd/probe_controls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/run_lab.h"
#include "bench/cmd/self.h"
#include "bench/cmd/signals.h"
#include "bench/cmd/verb.h"
#include "bench/cmd/verb_args.h"
#include "bench/controls.h"
#include "bench/core/atomic_file.h"
#include "bench/core/units.h"
#include "lab/lab.h"
#include "reports/report.h"

#define DEFAULT_DIR "/var/tmp"
#define WAY_LIMIT   (60 * HCB_SEC) /* wall, for each stream of a second */

struct conf {
	char conf[256], id[64], keyring[256], lab[400], dir[400], output[1024];
	uint64_t timeout_ns, samples;
	int controls, look, brief, json, quiet;
	/* what comes of it */
	const char *pool; /* NULL: none */
	char target[1400], command[2048];
	struct hcb_controls *lab_paths;
	json_t *lab_notes;
	struct hcb_lab_info *info;
	struct hcb_controls_plan plan;
};

#define OPT(n, t, f, d, h)                                                               \
	{                                                                                \
		.name = n, .type = t, .offset = offsetof(struct conf, f),                \
		.size = sizeof(((struct conf *)0)->f), .def = d, .help = h               \
	}
static const struct hcb_opt options[] = {
        OPT("controls", HCB_OPT_BOOL, controls, "off", "the controls of a night"),
        OPT("look", HCB_OPT_BOOL, look, "off", "only at the surroundings"),
        OPT("brief", HCB_OPT_BOOL, brief, "off", "what takes half a minute"),
        OPT("conf", HCB_OPT_STR, conf, "", "of the pool's cluster"),
        OPT("id", HCB_OPT_STR, id, "", "Ceph user"),
        OPT("keyring", HCB_OPT_STR, keyring, "", "its key"),
        OPT("lab", HCB_OPT_STR, lab, "", "the pool lies in this lab"),
        OPT("dir", HCB_OPT_STR, dir, "", "on the system disk; none: leave it out"),
        OPT("timeout", HCB_OPT_DURATION, timeout_ns, "10s", "for each call"),
        {.name = "samples",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct conf, samples),
         .def = "5",
         .min = 1,
         .max = HCB_CONTROLS_USUAL,
         .help = "of each control"},
        OPT("output", HCB_OPT_STR, output, "", "also write the document there"),
        OPT("json", HCB_OPT_BOOL, json, "off", "print the document"),
        OPT("quiet", HCB_OPT_BOOL, quiet, "off", "no progress"),
        {.name = NULL},
};

bool probe_wants_controls(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--controls") == 0)
			return true;
	return false;
}

/* ---- arguments ---- */

/* "direct=10.0.0.2:22", several, which an option table does not know. */
static int take_path(struct conf *c, const char *text, struct hcb_err *err)
{
	struct hcb_controls_path *p = &c->plan.path[c->plan.n_paths];
	const char *eq = strchr(text, '='), *colon = strrchr(text, ':');
	uint64_t port;
	if (c->plan.n_paths == HCB_CONTROLS_MAX_PATHS)
		return hcb_err_usage(err, "probe: more than %d --path",
		                     HCB_CONTROLS_MAX_PATHS);
	if (!eq || eq == text || (size_t)(eq - text) >= sizeof(p->name) || !colon ||
	    colon <= eq + 1 || (size_t)(colon - eq - 1) >= sizeof(p->address) ||
	    hcb_parse_u64(colon + 1, &port) || !port || port > 65535)
		return hcb_err_usage(err,
		                     "--path %.80s: expected NAME=ADDRESS:PORT, such as "
		                     "direct=10.0.0.2:22",
		                     text);
	snprintf(p->name, sizeof(p->name), "%.*s", (int)(eq - text), text);
	snprintf(p->address, sizeof(p->address), "%.*s", (int)(colon - eq - 1), eq + 1);
	p->port = (uint16_t)port;
	c->plan.n_paths++;
	return 0;
}

/* Takes --path and -q out of the words; the rest is the table's. */
static int take_words(struct conf *c, int *argc, char **argv, struct hcb_err *err)
{
	int kept = 0, r = 0;
	for (int i = 0; !r && i < *argc; i++) {
		bool joined = strncmp(argv[i], "--path=", 7) == 0;
		if (strcmp(argv[i], "-q") == 0)
			c->quiet = 1;
		else if (!joined && strcmp(argv[i], "--path") != 0)
			argv[kept++] = argv[i];
		else if (!joined && i + 1 == *argc)
			return hcb_err_usage(err, "probe: --path: expected a value");
		else
			r = take_path(c, joined ? argv[i] + 7 : argv[++i], err);
	}
	*argc = kept;
	return r;
}

static int add_key(struct conf *c, const char *key, const char *value,
                   struct hcb_err *err)
{
	size_t n = strlen(c->target);
	if (!*value)
		return 0;
	if (strchr(value, ','))
		return hcb_err_usage(err, "--%s %s: expected a name without a comma", key,
		                     value);
	snprintf(c->target + n, sizeof(c->target) - n, ",%s=%s", key, value);
	return 0;
}

/* What is written lies in a namespace of hcbench's; a cluster that is not well is what a
   look is for. */
static int make_target(struct conf *c, struct hcb_err *err)
{
	if (!c->pool && (*c->conf || *c->id || *c->keyring))
		return hcb_err_usage(err, "probe --controls: --conf, --id and --keyring "
		                          "belong to a pool");
	if (!c->pool)
		return 0;
	if (!*c->pool || strpbrk(c->pool, ",:/"))
		return hcb_err_usage(
		        err, "probe --controls %.80s: expected a pool's name", c->pool);
	snprintf(c->target, sizeof(c->target), "rados:%.200s/hcbench,force-unhealthy=on",
	         c->pool);
	int r = add_key(c, "conf", c->conf, err);
	r = r ? r : add_key(c, "id", c->id, err);
	r = r ? r : add_key(c, "keyring", c->keyring, err);
	c->plan.target = c->target;
	return r;
}

static void say_word(struct conf *c, const char *name, const char *value)
{
	size_t n = strlen(c->command);
	if (*value)
		snprintf(c->command + n, sizeof(c->command) - n, " --%s %s", name, value);
}

static int parse(int argc, char **argv, struct conf *c, struct hcb_err *err)
{
	const char *pool[1];
	int n, quiet;
	int r = take_words(c, &argc, argv, err);
	quiet = c->quiet;
	if (r)
		return r;
	hcb_opt_defaults(options, c);
	r = hcb_verb_args_some("probe --controls", options, c, argc - 1, argv + 1, pool,
	                       1, &n, err);
	if (r)
		return r;
	c->quiet |= quiet;
	c->pool = n ? pool[0] : NULL;
	snprintf(c->command, sizeof(c->command), "hcbench probe --controls%s%s",
	         n ? " " : "", n ? pool[0] : "");
	say_word(c, "conf", c->conf);
	say_word(c, "id", c->id);
	say_word(c, "keyring", c->keyring);
	say_word(c, "lab", c->lab);
	say_word(c, "dir", c->dir);
	c->plan.command = c->command;
	c->plan.look = c->look;
	c->plan.brief = c->brief;
	if (c->brief)
		snprintf(c->command + strlen(c->command),
		         sizeof(c->command) - strlen(c->command), " --brief");
	c->plan.samples = (unsigned)c->samples;
	c->plan.talk = !c->quiet;
	c->plan.deadline_ns = c->timeout_ns;
	c->plan.dilation = 1;
	return make_target(c, err);
}

/* ---- the lab ---- */

static void note(struct conf *c, const char *text)
{
	json_array_append_new(c->lab_notes, json_string(text));
}

static json_t *one_way(struct conf *c, const char *over, struct hcb_err *err)
{
	const char *const words[] = {"lab",    "path",      c->info->name,
	                             "--json", "--seconds", "1",
	                             "--over", over,        NULL};
	const struct self_opts o = {
	        .timeout_ns = WAY_LIMIT, .stop = c->plan.signal_seen, .what = "lab path"};
	json_t *said = NULL;
	if (!self_run(words, &o, NULL, &said, err) && !said)
		hcb_err_set(err, -EPROTO, "lab path: its answer is not JSON");
	return said;
}

/* One of both: what it is called is what it is. */
static bool measure_way(struct conf *c, const char *over)
{
	bool tunnel = false;
	for (unsigned i = 0; i < c->plan.samples; i++) {
		struct hcb_err err = HCB_ERR_INIT;
		json_t *said = one_way(c, over, &err);
		if (!said) {
			if (err.code != -EINTR)
				note(c, err.msg);
			return tunnel;
		}
		tunnel = json_is_true(json_object_get(said, "tunnel"));
		const char *what = tunnel ? "tunnel" : "direct";
		hcb_controls_add(c->lab_paths, what, HCB_CONTROL_RTT,
		                 json_number_value(json_object_get(said, "rtt_ns")));
		hcb_controls_add(c->lab_paths, what, HCB_CONTROL_CARRIES,
		                 json_number_value(json_object_get(said, "bit_per_s")) /
		                         8);
		json_decref(said);
	}
	return tunnel;
}

static int find_lab(struct conf *c, struct hcb_err *err)
{
	c->info = calloc(1, sizeof(*c->info));
	c->lab_paths = calloc(1, sizeof(*c->lab_paths));
	c->lab_notes = json_array();
	if (!c->info || !c->lab_paths)
		return hcb_err_sys(err, -ENOMEM, "probe --controls");
	return *c->lab ? hcb_lab_find(c->lab, c->info, err) : 0;
}

/* Before this process is one of the lab's: "lab path" goes into its hosts' networks by
   itself. */
static int enter_lab(struct conf *c, struct hcb_err *err)
{
	struct hcb_run run = {.dilation = 1};
	if (!*c->lab)
		return 0;
	if (!c->look && c->info->n_hosts > 1 && measure_way(c, "replication") &&
	    !c->brief)
		measure_way(c, "link");
	int r = hcb_run_lab_enter(c->lab, NULL, &run, err);
	c->plan.around = run.around;
	c->plan.dilation = run.dilation;
	return r;
}

/* A lab's machine has a disk of its own, which nothing of the lab lies on. */
static void choose_dir(struct conf *c)
{
	bool lab = *c->lab, served = lab && *c->info->hosts[0].system_fs;
	c->plan.dir = strcmp(c->dir, "none") == 0 ? NULL
	              : *c->dir                   ? c->dir
	              : served                    ? c->info->hosts[0].system_fs
	              : lab                       ? NULL
	                                          : DEFAULT_DIR;
	c->plan.dir_in_lab_time = c->plan.dir == c->info->hosts[0].system_fs;
}

static int show(const struct conf *c, const json_t *doc, struct hcb_err *err)
{
	const json_t *const docs[] = {doc};
	return hcb_report_find(c->json ? "json" : "text")->write(docs, 1, stdout, err);
}

static int go(struct conf *c, struct hcb_err *err)
{
	json_t *doc = NULL;
	int r = *c->output ? hcb_result_path_check(c->output, err) : 0;
	r = r ? r : find_lab(c, err);
	if (r)
		return r;
	c->plan.signal_seen = hcb_catch_signals();
	choose_dir(c);
	r = enter_lab(c, err);
	r = r ? r : hcb_controls_run(&c->plan, c->lab_paths, c->lab_notes, &doc, err);
	if (!r && *c->output)
		r = hcb_write_json_atomic(c->output, doc, err);
	r = r ? r : show(c, doc, err);
	json_decref(doc);
	return r;
}

int probe_controls_main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct conf *c = calloc(1, sizeof(*c));
	int r = c ? parse(argc, argv, c, &err)
	          : hcb_err_sys(&err, -ENOMEM, "probe --controls");
	r = r ? r : go(c, &err);
	int sig = c && c->plan.signal_seen ? (int)*c->plan.signal_seen : 0;
	if (c) {
		free(c->info);
		free(c->lab_paths);
		json_decref(c->lab_notes);
	}
	free(c);
	if (sig)
		return 128 + sig;
	return r ? hcb_fail(&err) : HCB_EXIT_OK;
}
