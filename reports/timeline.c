/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A run second by second, as a picture: transactions done, and their response (p50, p99,
 * longest, on a logarithmic scale), with the faults as vertical lines. Where nothing was
 * done there is no point: a stall is a hole.
 *
 * gnuplot draws it; the terminal is svg, png, or dumb for a text screen.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/child.h"
#include "bench/core/units.h"
#include "bench/result.h"
#include "reports/report.h"

static const struct {
	const char *name, *set;
} terms[] = {
        {"svg", "svg size 900,560 dynamic enhanced font 'sans,12' background 'white'"},
        {"png", "pngcairo size 900,560 font 'sans,11' background 'white'"},
        {"dumb", "dumb size 110,44"},
};

static double num(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* t, done, p50 ms, p99 ms, max ms; "-" where nothing was done. */
static void put_data(FILE *f, const json_t *doc)
{
	const json_t *intervals = json_object_get(doc, "intervals");
	struct hcb_hist *h = malloc(sizeof(*h));
	fputs("$data << EOD\n", f);
	for (size_t i = 0; h && i < json_array_size(intervals); i++) {
		const json_t *v = json_array_get(intervals, i);
		fprintf(f, "%.0f %.0f", num(v, "t_s"), num(v, "count"));
		if (num(v, "count") > 0 &&
		    hcb_histogram_from_json(json_object_get(v, "histogram"), h) == 0)
			fprintf(f, " %g %g %g\n",
			        (double)hcb_hist_quantile(h, 0.50) / 1e6,
			        (double)hcb_hist_quantile(h, 0.99) / 1e6,
			        num(v, "max_ns") / 1e6);
		else
			fputs(" - - -\n", f);
	}
	fputs("EOD\n", f);
	free(h);
}

/* gnuplot's strings: no quote of ours may end them. */
static void put_quoted(FILE *f, const char *s)
{
	fputc('"', f);
	for (; s && *s; s++)
		if (*s != '"' && *s != '\\' && *s != '`' && (unsigned char)*s >= ' ')
			fputc(*s, f);
	fputc('"', f);
}

static void put_faults(FILE *f, const json_t *faults, bool labels)
{
	for (size_t i = 0; i < json_array_size(faults); i++) {
		const json_t *e = json_array_get(faults, i);
		if (!json_is_number(json_object_get(e, "started_s")))
			continue;
		double t = num(e, "started_s");
		fprintf(f,
		        "set arrow %zu from %g, graph 0 to %g, graph 1 nohead "
		        "lc rgb '#b00000' dt 2\n",
		        i + 1, t, t);
		if (!labels)
			continue;
		fprintf(f, "set label %zu ", i + 1);
		put_quoted(f, json_string_value(json_object_get(e, "do")));
		fprintf(f,
		        " at %g, graph %g offset character 0.5,0 tc rgb '#b00000' "
		        "noenhanced\n",
		        t, 0.94 - 0.1 * (double)(i % 3));
	}
}

static void put_program(FILE *f, const json_t *doc, const char *term)
{
	const json_t *run = json_object_get(doc, "run");
	const json_t *tx = json_array_get(json_object_get(doc, "transactions"), 0);
	const char *name = json_string_value(json_object_get(tx, "name"));
	double warm = num(run, "warmup_s"), end = num(run, "duration_s");
	fprintf(f, "set term %s\n", term);
	put_data(f, doc);
	fputs("set datafile missing '-'\nset multiplot layout 2,1\n"
	      "set lmargin 10\nset rmargin 2\nset grid ytics lc rgb '#d0d0d0'\n"
	      "set tics nomirror out\nset border 3\n",
	      f);
	fprintf(f, "set xrange [0:%g]\n", end > 0 ? end : 1);
	char title[256];
	const json_t *target = json_array_get(json_object_get(doc, "targets"), 0);
	snprintf(title, sizeof(title), "%s on %s",
	         json_string_value(json_object_get(run, "workload")),
	         json_string_value(json_object_get(target, "target")));
	fputs("set title ", f);
	put_quoted(f, title);
	fputs(" noenhanced\n", f);
	put_faults(f, json_object_get(doc, "faults"), true);
	if (warm > 0)
		fprintf(f,
		        "set object 1 rect from 0, graph 0 to %g, graph 1 fc rgb "
		        "'#eeeeee' fs solid noborder behind\n",
		        warm);
	fprintf(f, "set ylabel '%ss done per second'\nset yrange [0:*]\nset key off\n",
	        name ? name : "transactions");
	fputs("plot $data using 1:2 with histeps lc rgb '#205090'\n", f);
	fputs("unset title\nunset label\n", f);
	fprintf(f, "set ylabel 'response, ms'\nset xlabel 'seconds since the first "
	           "operation (grey: warm-up)'\nset logscale y\nset yrange [*:*]\n"
	           "set key top left horizontal\n");
	fputs("plot $data using 1:5 with points pt 7 ps 0.5 lc rgb '#b0b0b0' title "
	      "'longest', "
	      "$data using 1:4 with points pt 7 ps 0.5 lc rgb '#d06000' title 'p99', "
	      "$data using 1:3 with points pt 7 ps 0.5 lc rgb '#205090' title 'p50'\n"
	      "unset multiplot\n",
	      f);
}

static int timeline_draw(const json_t *doc, const char *term, FILE *out,
                         struct hcb_err *err)
{
	const char *set = NULL;
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++)
		if (strcmp(terms[i].name, term) == 0)
			set = terms[i].set;
	if (!set)
		return hcb_err_usage(err,
		                     "report timeline: --term %s: expected svg, png "
		                     "or dumb",
		                     term);
	char *program = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&program, &len);
	if (!f)
		return hcb_err_sys(err, -ENOMEM, "draw the timeline");
	put_program(f, doc, set);
	if (fclose(f)) {
		free(program);
		return hcb_err_sys(err, -ENOMEM, "draw the timeline");
	}
	static const char *const argv[] = {"gnuplot", "-", NULL};
	struct hcb_child_opts o = {.stdin_text = program, .timeout_ns = 60 * HCB_SEC};
	struct hcb_child_result res;
	int r = hcb_child_run(argv, &o, &res, err);
	if (!r && fwrite(res.out, 1, res.out_len, out) != res.out_len)
		r = hcb_err_sys(err, -EIO, "write the timeline");
	hcb_child_result_free(&res);
	free(program);
	return r;
}

const struct hcb_report hcb_report_timeline = {
        .name = "timeline",
        .summary = "a picture, second by second, with the faults (gnuplot)",
        .kinds = "run",
        .draw = timeline_draw,
};
