/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/disk_jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH(n) "rw=randread\nbs=4k\niodepth=" #n "\n"

const struct disk_job disk_jobs[DISK_JOBS] = {
        {HDD_READ_1, DISK_JOB_READ, 60, 0.03, DEPTH(1), false},
        {HDD_READ_2, DISK_JOB_READ, 60, 0.04, DEPTH(2), false},
        {HDD_READ_4, DISK_JOB_READ, 60, 0.04, DEPTH(4), false},
        {HDD_READ_8, DISK_JOB_READ, 60, 0.04, DEPTH(8), false},
        {HDD_READ_16, DISK_JOB_READ, 60, 0.04, DEPTH(16), false},
        {HDD_READ_32, DISK_JOB_READ, 60, 0.04, DEPTH(32), false},
        {HDD_READ_SPAN_5, DISK_JOB_READ, 60, 0.03, "size=5%\n" DEPTH(1), false},
        {HDD_READ_SPAN_25, DISK_JOB_READ, 60, 0.03, "size=25%\n" DEPTH(1), false},
        {HDD_READ_OUTER, DISK_JOB_READ, 20, 0.02, "rw=read\nbs=1m\nsize=2%\n", false},
        {HDD_READ_INNER, DISK_JOB_READ, 20, 0.02, "rw=read\nbs=1m\noffset=99%\nsize=1%\n",
         false},
        {HDD_READ_SLOW_HOST, DISK_JOB_READ, 20, 0.05,
         "rw=read\nbs=64k\nsize=2%\nthinktime=1000\n", false},
        {HDD_WRITE_1_CACHED_30S, DISK_JOB_WRITE, 30, 0.04,
         "rw=randwrite\nbs=4k\niodepth=1\nstartdelay=5\n", true},
        {HDD_WRITE_FLUSH, DISK_JOB_WRITE, 60, 0.03,
         "ioengine=psync\nrw=randwrite\nbs=4k\nfsync=1\n", false},
        {HDD_FLUSH_8, DISK_JOB_WRITE, 60, 0.04,
         "ioengine=psync\nrw=randwrite\nbs=4k\nfsync=8\n", false},
        {HDD_FLUSH_64, DISK_JOB_WRITE, 60, 0.04,
         "ioengine=psync\nrw=randwrite\nbs=4k\nfsync=64\n", false},
        {HDD_FLUSH_FULL, DISK_JOB_WRITE, 60, 0.1,
         "ioengine=psync\nrw=randwrite\nbs=4k\nfsync=2000\n", false},
        {HDD_WRITE_OUTER, DISK_JOB_WRITE, 20, 0.04, "rw=write\nbs=1m\nsize=2%\n", false},
        {HDD_WRITE_1_CACHED, DISK_JOB_WRITE, 300, 0.04,
         "rw=randwrite\nbs=4k\niodepth=1\n", true},
        {HDD_WRITE_1_UNCACHED, DISK_JOB_UNCACHED, 60, 0.03,
         "rw=randwrite\nbs=4k\niodepth=1\n", false},
        {HDD_WRITE_32_UNCACHED, DISK_JOB_UNCACHED, 60, 0.04,
         "rw=randwrite\nbs=4k\niodepth=32\n", false},
        {HDD_WRITE_OUTER_UNCACHED, DISK_JOB_UNCACHED, 20, 0.04,
         "rw=write\nbs=1m\nsize=2%\n", false},
};

static const char *const heads[] = {
        [DISK_JOB_READ] =
                "; Reads only: harms nothing. The drive must be otherwise "
                "idle.\n"
                "; fio --readonly --output-format=json --output=read.json THIS\n",
        [DISK_JOB_WRITE] = "; WRITES: DESTROYS EVERYTHING ON THE DRIVE. Its write cache "
                           "must be on\n"
                           "; (hdparm -W1, and \"write back\" in "
                           "/sys/block/DISK/queue/write_cache).\n"
                           "; fio --output-format=json --output=write.json THIS\n",
        [DISK_JOB_UNCACHED] =
                "; WRITES: DESTROYS EVERYTHING ON THE DRIVE. Its write cache must be "
                "off\n"
                "; (hdparm -W0; afterwards hdparm -W1).\n"
                "; fio --output-format=json --output=uncached.json THIS\n",
};

void disk_jobs_print(enum disk_job_kind kind, const char *device, double scale, FILE *f)
{
	fprintf(f, "%s[global]\nfilename=%s\ndirect=1\nioengine=libaio\n", heads[kind],
	        device);
	fprintf(f, "time_based=1\nstonewall=1\nnorandommap=1\nlat_percentiles=0\n"
	           "clat_percentiles=1\npercentile_list="
	           "1:5:10:20:30:40:50:60:70:80:90:95:99\n");
	for (size_t i = 0; i < DISK_JOBS; i++) {
		const struct disk_job *j = &disk_jobs[i];
		double s = j->seconds * (j->whole ? 1 : scale);
		/* Five minutes are for those who have them. */
		bool asked = j->figure != HDD_WRITE_1_CACHED || scale >= 1;
		if (j->kind == kind && asked)
			fprintf(f, "\n[%s]\nruntime=%.0f\n%s", hdd_figure_key(j->figure),
			        s < 1 ? 1 : s, j->fio);
	}
}

/* ---- fio's answer ---- */

static double number(const json_t *obj, const char *a, const char *b, const char *c)
{
	const json_t *v = json_object_get(obj, a);
	if (b)
		v = json_object_get(v, b);
	if (c)
		v = json_object_get(v, c);
	return json_number_value(v);
}

static double figure_of(const struct disk_job *j, const json_t *job)
{
	const char *dir = j->kind == DISK_JOB_READ ? "read" : "write";
	switch (hdd_figure_unit(j->figure)) {
	case HDD_UNIT_PER_S:
		return number(job, dir, "iops", NULL);
	case HDD_UNIT_MB_PER_S:
		return number(job, dir, "bw_bytes", NULL) / 1e6;
	default:
		return number(job, "sync", "lat_ns", "mean") / 1e6;
	}
}

/* Percentiles of completion time, 1 to 99: what a drive does once in a thousand reads is
   not modelled. */
static void take_quantiles(const json_t *job, struct hdd_quantiles *set)
{
	const char *key;
	json_t *clat = json_object_get(json_object_get(job, "read"), "clat_ns");
	json_t *v, *all = json_object_get(clat, "percentile");
	set->n = 0;
	json_object_foreach(all, key, v)
	{
		double q = strtod(key, NULL) / 100, ms = json_number_value(v) / 1e6;
		if (q < 0.01 || q > 0.99 || set->n == HDD_MAX_QUANTILES)
			continue;
		/* fio has them in order; what is not is not fio's. */
		if (set->n && (q <= set->q[set->n - 1] || ms < set->ms[set->n - 1]))
			continue;
		set->q[set->n] = q;
		set->ms[set->n++] = ms;
	}
}

static void response(const json_t *job, enum hdd_figure_id id, struct hdd_quantiles *set,
                     const char *source, struct hdd_published *p)
{
	take_quantiles(job, set);
	if (set->n < 2)
		return;
	p->figure[id] = (struct hdd_figure){.given = true, .limit = 0.1};
	snprintf(p->figure[id].source, sizeof(p->figure[id].source), "%s", source);
}

static int take_job(const json_t *job, const char *path, struct hdd_published *p,
                    unsigned *n, struct hcb_err *err)
{
	const char *name = json_string_value(json_object_get(job, "jobname"));
	char source[160];
	for (size_t i = 0; name && i < DISK_JOBS; i++) {
		const struct disk_job *j = &disk_jobs[i];
		if (strcmp(name, hdd_figure_key(j->figure)) != 0)
			continue;
		int code = (int)json_integer_value(json_object_get(job, "error"));
		if (code)
			return hcb_err_set(err, -EIO, "read %s: job %s failed: %s", path,
			                   name, strerror(code < 0 ? -code : code));
		double v = figure_of(j, job);
		if (!(v > 0))
			return hcb_err_set(err, -EINVAL,
			                   "read %s: job %s has no result of the kind it "
			                   "is for",
			                   path, name);
		snprintf(source, sizeof(source), "measured: fio %.120s", path);
		struct hdd_figure *f = &p->figure[j->figure];
		*f = (struct hdd_figure){
		        .given = true, .value = v, .limit = j->tolerance};
		memcpy(f->source, source, sizeof(source));
		if (j->figure == HDD_READ_1)
			response(job, HDD_READ_1_RESPONSE, &p->read_1, source, p);
		else if (j->figure == HDD_READ_32)
			response(job, HDD_READ_32_RESPONSE, &p->read_32, source, p);
		++*n;
	}
	return 0;
}

int disk_jobs_take(const json_t *doc, const char *path, struct hdd_published *p,
                   unsigned *n, struct hcb_err *err)
{
	size_t i;
	const json_t *job, *jobs = json_object_get(doc, "jobs");
	unsigned before = *n;
	if (!json_is_array(jobs))
		return hcb_err_set(err, -EINVAL, "read %s: not fio's JSON: no \"jobs\"",
		                   path);
	json_array_foreach(jobs, i, job)
	{
		int r = take_job(job, path, p, n, err);
		if (r)
			return r;
	}
	if (*n == before)
		return hcb_err_set(
		        err, -ENOENT,
		        "read %s: none of its jobs is one of \"hcbench disk fit "
		        "--jobs\"",
		        path);
	return 0;
}

#define MAX_ANSWER (16u << 20)

int disk_jobs_read(const char *path, struct hdd_published *p, unsigned *n,
                   struct hcb_err *err)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return hcb_err_sys(err, -errno, "open %s", path);
	char *text = malloc(MAX_ANSWER);
	size_t len = text ? fread(text, 1, MAX_ANSWER, f) : 0;
	fclose(f);
	if (!text)
		return hcb_err_sys(err, -ENOMEM, "read %s", path);
	/* fio writes its warnings into the same file, before the document. */
	const char *begin = memchr(text, '{', len);
	json_error_t je;
	json_t *doc = NULL;
	if (begin)
		doc = json_loadb(begin, len - (size_t)(begin - text),
		                 JSON_DISABLE_EOF_CHECK, &je);
	int r = doc ? disk_jobs_take(doc, path, p, n, err)
	            : hcb_err_set(err, -EINVAL, "read %s: not JSON%s%s", path,
	                          begin ? ": " : "", begin ? je.text : "");
	json_decref(doc);
	free(text);
	return r;
}
