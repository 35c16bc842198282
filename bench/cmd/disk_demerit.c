/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hcbench disk demerit": how far apart are the response times of two runs? */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cmd/disk_verbs.h"
#include "bench/cmd/verb.h"
#include "bench/core/histogram.h"
#include "bench/core/units.h"
#include "bench/result.h"

struct demerit_conf {
	double most;
	int json;
};

static const struct hcb_opt demerit_opts[] = {
        {.name = "most",
         .type = HCB_OPT_SHARE,
         .offset = offsetof(struct demerit_conf, most),
         .def = "0",
         .min = 0,
         .max = 10,
         .help = "exit with 1 if a demerit is larger; 0: do not judge"},
        {.name = "json",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct demerit_conf, json),
         .def = "off",
         .help = "print the document"},
        {.name = NULL},
};

/* Two histograms are much for the stack. */
struct pair {
	struct hcb_hist ref, other;
};

static json_t *load(const char *path, struct hcb_err *err)
{
	json_error_t je;
	json_t *doc = json_load_file(path, 0, &je);
	if (!doc)
		hcb_err_set(err, -EIO, "read %s: %s", path, je.text);
	else if (!json_is_array(json_object_get(doc, "transactions")))
		hcb_err_set(err, -EINVAL, "read %s: not the result of a run", path);
	else
		return doc;
	json_decref(doc);
	return NULL;
}

static const json_t *find(const json_t *doc, const char *name)
{
	size_t i;
	json_t *t;
	json_array_foreach(json_object_get(doc, "transactions"), i, t)
	{
		const char *n = json_string_value(json_object_get(t, "name"));
		if (n && strcmp(n, name) == 0)
			return t;
	}
	return NULL;
}

static double deviation(const struct hcb_hist *h)
{
	double squares = 0, mean = hcb_hist_mean(h);
	for (uint32_t i = hcb_hist_index(h->min); i <= hcb_hist_index(h->max); i++) {
		double mid = (double)hcb_hist_bucket_low(i) +
		             (double)(hcb_hist_bucket_width(i) - 1) / 2;
		squares += (double)h->bucket[i] * (mid - mean) * (mid - mean);
	}
	return sqrt(squares / (double)h->count);
}

/* What two samples of one distribution are apart by chance (stats.h). */
static double by_chance(const struct pair *p)
{
	double n = (double)p->ref.count, m = (double)p->other.count;
	return deviation(&p->ref) * sqrt(2 / n + 2 / m) / hcb_hist_mean(&p->ref);
}

static json_t *one(const json_t *ref, const json_t *other, struct pair *p)
{
	if (!other ||
	    hcb_histogram_from_json(json_object_get(ref, "histogram"), &p->ref) ||
	    hcb_histogram_from_json(json_object_get(other, "histogram"), &p->other) ||
	    !p->ref.count || !p->other.count || !(hcb_hist_mean(&p->ref) > 0))
		return NULL;
	return json_pack("{s:O,s:I,s:I,s:f,s:f,s:f,s:f}", "name",
	                 json_object_get(ref, "name"), "reference_count",
	                 (json_int_t)p->ref.count, "count", (json_int_t)p->other.count,
	                 "reference_mean_ns", hcb_hist_mean(&p->ref), "mean_ns",
	                 hcb_hist_mean(&p->other), "demerit",
	                 hcb_hist_demerit(&p->ref, &p->other), "by_chance", by_chance(p));
}

static json_t *compare(const json_t *a, const json_t *b, struct hcb_err *err)
{
	struct pair *p = malloc(sizeof(*p));
	json_t *list = json_array(), *t;
	size_t i;
	if (!p || !list) {
		hcb_err_sys(err, -ENOMEM, "compare");
		goto out;
	}
	json_array_foreach(json_object_get(a, "transactions"), i, t)
	{
		const char *name = json_string_value(json_object_get(t, "name"));
		json_t *d = name ? one(t, find(b, name), p) : NULL;
		if (d)
			json_array_append_new(list, d);
	}
	if (json_array_size(list) == 0)
		hcb_err_set(
		        err, -ENOENT,
		        "compare: the two have no transaction with samples in common");
out:
	free(p);
	if (!err->code)
		return list;
	json_decref(list);
	return NULL;
}

static void print(const json_t *list)
{
	size_t i;
	json_t *d;
	printf("%-12s %10s %10s %12s %12s %9s %10s\n", "transaction", "reference",
	       "count", "mean", "mean", "demerit", "by chance");
	json_array_foreach(list, i, d)
	{
		char a[32], b[32];
		hcb_fmt_ns(a, sizeof(a),
		           json_real_value(json_object_get(d, "reference_mean_ns")));
		hcb_fmt_ns(b, sizeof(b), json_real_value(json_object_get(d, "mean_ns")));
		printf("%-12s %10" JSON_INTEGER_FORMAT " %10" JSON_INTEGER_FORMAT
		       " %12s %12s %8.1f%% %9.1f%%\n",
		       json_string_value(json_object_get(d, "name")),
		       json_integer_value(json_object_get(d, "reference_count")),
		       json_integer_value(json_object_get(d, "count")), a, b,
		       100 * json_real_value(json_object_get(d, "demerit")),
		       100 * json_real_value(json_object_get(d, "by_chance")));
	}
}

int hcb_disk_demerit(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct demerit_conf c;
	const char *path[2];
	size_t i;
	json_t *d, *a = NULL, *b = NULL, *list = NULL;
	bool over = false;
	memset(&c, 0, sizeof(c));
	hcb_opt_defaults(demerit_opts, &c);
	if (hcb_disk_args(demerit_opts, &c, argc, argv, path, 2, &err) == 0 &&
	    (a = load(path[0], &err)) && (b = load(path[1], &err)))
		list = compare(a, b, &err);
	json_decref(a);
	json_decref(b);
	if (!list)
		return hcb_fail(&err);
	if (c.json) {
		json_dumpf(list, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
		putchar('\n');
	} else {
		print(list);
	}
	json_array_foreach(list, i, d) over |=
	        c.most > 0 && json_real_value(json_object_get(d, "demerit")) > c.most;
	json_decref(list);
	return over ? HCB_EXIT_FAILED : HCB_EXIT_OK;
}
