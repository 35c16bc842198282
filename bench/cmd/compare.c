/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/load_result.h"
#include "bench/cmd/verb.h"
#include "bench/compare.h"
#include "bench/core/atomic_file.h"
#include "bench/effect.h"
#include "reports/report.h"

struct side {
	char *text; /* of names */
	const char *names[HCB_EFFECT_MAX];
	json_t *docs[HCB_EFFECT_MAX];
	size_t n;
};

struct compare {
	struct side side[2]; /* old, new */
	unsigned despite;
	const char *out;
	bool json;
};

static int parse_despite(const char *text, unsigned *mask, struct hcb_err *err)
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, ",");
		unsigned c = 0;
		for (; c < HCB_COMPARE_CLASSES; c++) {
			const char *name = hcb_compare_class_name(c);
			if (strlen(name) == n && strncmp(p, name, n) == 0)
				break;
		}
		if (c == HCB_COMPARE_CLASSES)
			return hcb_err_usage(err,
			                     "--despite %s: expected workload, "
			                     "environment, cache or validity, or "
			                     "several joined by commas",
			                     text);
		*mask |= 1u << c;
		p += n + (p[n] == ',');
	}
	return 0;
}

static int parse_options(int argc, char **argv, struct compare *c, struct hcb_err *err)
{
	static const struct option options[] = {
	        {"despite", required_argument, NULL, 'd'},
	        {"json", no_argument, NULL, 'j'},
	        {"output", required_argument, NULL, 'o'},
	        {NULL, 0, NULL, 0},
	};
	int o, r = 0;
	optind = 1;
	while (!r && (o = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
		if (o == 'j')
			c->json = true;
		else if (o == 'o')
			c->out = optarg;
		else if (o == 'd')
			r = parse_despite(optarg, &c->despite, err);
		else
			r = hcb_bad_option("compare", o, argv, options, err);
	}
	if (!r && argc - optind != 2)
		r = hcb_err_usage(err, "compare: expected OLD.json NEW.json");
	if (!r && c->out)
		r = hcb_result_path_check(c->out, err);
	return r;
}

/* "a.json,b.json": repetitions of one thing. */
static int load_side(const char *text, struct side *s, struct hcb_err *err)
{
	char *save = NULL;
	int r = 0;
	s->text = strdup(text);
	if (!s->text)
		return hcb_err_sys(err, -ENOMEM, "compare");
	for (char *w = strtok_r(s->text, ",", &save); !r && w;
	     w = strtok_r(NULL, ",", &save)) {
		if (s->n == HCB_EFFECT_MAX)
			return hcb_err_usage(err, "compare: more than %d results a side",
			                     HCB_EFFECT_MAX);
		s->names[s->n] = w;
		r = load_result(w, "run", &s->docs[s->n], err);
		s->n += r == 0;
	}
	return !r && s->n == 0 ? hcb_err_usage(err, "compare: expected OLD.json NEW.json")
	                       : r;
}

/* 0: each metric of each transaction that there is a number of was decided. */
static int exit_code(const json_t *doc)
{
	const json_t *txs = json_object_get(doc, "transactions");
	unsigned judged = 0;
	for (size_t i = 0; i < json_array_size(txs); i++) {
		const json_t *list = json_object_get(json_array_get(txs, i), "metrics");
		for (size_t k = 0; k < json_array_size(list); k++) {
			const json_t *m = json_array_get(list, k);
			const char *v = json_string_value(json_object_get(m, "verdict"));
			if (strcmp(v, "INCONCLUSIVE") == 0)
				return HCB_EXIT_UNSTEADY;
			judged += strcmp(v, "N/A") != 0;
		}
	}
	return judged ? HCB_EXIT_OK : HCB_EXIT_UNSTEADY;
}

static int compare(const struct compare *c, int *code, struct hcb_err *err)
{
	bool refused;
	struct hcb_compare_side s[2];
	for (int i = 0; i < 2; i++)
		s[i] = (struct hcb_compare_side){c->side[i].names, c->side[i].docs,
		                                 c->side[i].n};
	json_t *doc = hcb_compare(&s[0], &s[1], c->despite, &refused);
	const json_t *const docs[] = {doc};
	int r = c->out ? hcb_write_json_atomic(c->out, doc, err) : 0;
	if (!r)
		r = hcb_report_find(c->json ? "json" : "text")
		            ->write(docs, 1, stdout, err);
	*code = refused ? HCB_EXIT_INVALID : exit_code(doc);
	json_decref(doc);
	return r;
}

static int compare_main(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct compare c = {0};
	int code = HCB_EXIT_OK;
	int r = parse_options(argc, argv, &c, &err);
	for (int i = 0; !r && i < 2; i++)
		r = load_side(argv[optind + i], &c.side[i], &err);
	r = r ? r : compare(&c, &code, &err);
	for (int i = 0; i < 2; i++) {
		while (c.side[i].n)
			json_decref(c.side[i].docs[--c.side[i].n]);
		free(c.side[i].text);
	}
	return r ? hcb_fail(&err) : code;
}

const struct hcb_verb hcb_verb_compare = {
        .name = "compare",
        .summary = "kept results held against each other, if they may be",
        .usage = "usage: hcbench compare OLD.json[,...] NEW.json[,...] [OPTION...]\n"
                 "Results of \"hcbench run\". Several on a side are repetitions: with "
                 "two and more on\n"
                 "both there is an interval and a verdict, with one the ratio alone, as "
                 "runs differ by\n"
                 "more than what is within a run. What differs in workload, environment "
                 "or cache mode,\n"
                 "or is INVALID or partial, is named and not compared.\n"
                 "  --despite CLASS[,...]  compare all the same: workload, environment, "
                 "cache, validity\n"
                 "  -o, --output FILE      also write the comparison there\n"
                 "  --json                 print the document instead of the report\n"
                 "exit: 0 decided, 1 failed, 2 usage, 11 inconclusive or one run a "
                 "side, 13 refused\n",
        .main = compare_main,
};
