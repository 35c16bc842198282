/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A drive that hides its profile answers fio's jobs (the model under another seed, in
 * virtual time), and the fit finds what it is, beginning with generic-7200. How near it
 * comes is stated with each key.
 */
#include "hdd_test.h"

#include <math.h>

#include "bench/core/cluster.h"
#include "lab/disk_fit.h"
#include "lab/disk_ini.h"
#include "lab/disk_jobs.h"
#include "lab/disk_targets.h"

static struct hdd_profile hidden(void)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile p = hdd_test_profile("generic-7200");
	memset(&p.published, 0, sizeof(p.published));
	p.outer_sectors = 3300;
	p.inner_sectors = 1500;
	p.tracks = 203600;
	p.track_ns = 750000;
	p.knee_ns = 9800000;
	p.full_ns = 16000000;
	p.write_settle_ns = 1500000;
	p.rpo_window = 7;
	p.destage_window = 20;
	p.dirty_commands = 400;
	assert_ok(hdd_profile_check(&p, &err), &err);
	return p;
}

/* ---- fio, as far as the fit reads it ---- */

static json_t *percentiles(const struct hcb_hist *h)
{
	static const double q[] = {1,  5,  10, 20, 30, 40, 50,
	                           60, 70, 80, 90, 95, 99, 99.9};
	json_t *obj = json_object();
	for (size_t i = 0; i < sizeof(q) / sizeof(q[0]); i++) {
		char key[16];
		snprintf(key, sizeof(key), "%.6f", q[i]);
		json_object_set_new(
		        obj, key,
		        json_integer((json_int_t)hcb_hist_quantile(h, q[i] / 100)));
	}
	return obj;
}

static json_t *job_json(struct disk_bench *b, const struct disk_job *j)
{
	const struct disk_target *t = disk_targets;
	while (t->figure != (int)j->figure)
		t++;
	double v = t->measure(b, t->arg);
	enum hdd_unit unit = hdd_figure_unit(j->figure);
	if (unit == HDD_UNIT_MS)
		return json_pack("{s:s,s:i,s:{s:{s:f}}}", "jobname",
		                 hdd_figure_key(j->figure), "error", 0, "sync", "lat_ns",
		                 "mean", v * 1e6);
	return json_pack("{s:s,s:i,s:{s:f,s:f,s:{s:o}}}", "jobname",
	                 hdd_figure_key(j->figure), "error", 0,
	                 j->kind == DISK_JOB_READ ? "read" : "write", "iops",
	                 unit == HDD_UNIT_PER_S ? v : 1.0, "bw_bytes",
	                 unit == HDD_UNIT_MB_PER_S ? v * 1e6 : 1.0, "clat_ns",
	                 "percentile", percentiles(&b->hist));
}

static json_t *fio(const struct hdd_profile *p, unsigned kinds)
{
	struct disk_bench *b = disk_bench_new(p, 77, 0.7, NULL);
	json_t *jobs = json_array();
	assert_non_null(b);
	for (int i = 0; i < DISK_JOBS; i++)
		/* 5 min of cached writes say little more than 30 s, and take longer. */
		if (kinds & 1u << disk_jobs[i].kind &&
		    disk_jobs[i].figure != HDD_WRITE_1_CACHED)
			json_array_append_new(jobs, job_json(b, &disk_jobs[i]));
	free(b);
	return json_pack("{s:s,s:o}", "fio version", "fio-3.33", "jobs", jobs);
}

/* ---- the fit ---- */

static const struct disk_fit_opts opts = {.seed = 1, .length = 0.3},
                                  brief = {.seed = 1, .length = 0.08};

static double demerit(const json_t *doc, const char *when)
{
	return json_real_value(json_object_get(json_object_get(doc, "demerit"), when));
}

static void fit_to(unsigned kinds, const struct disk_fit_opts *o,
                   struct hdd_profile *base, struct hdd_profile *fitted)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile drive = hidden();
	json_t *answer = fio(&drive, kinds);
	unsigned n = 0;
	*base = hdd_test_profile("generic-7200");
	memset(&base->published, 0, sizeof(base->published));
	assert_ok(disk_jobs_take(answer, "x.json", &base->published, &n, &err), &err);
	json_decref(answer);
	assert_ok(disk_fit(base, o, fitted, &err), &err);
	assert_ok(hdd_profile_check(fitted, &err), &err);
}

/* How near the fit comes, and what it leaves alone. */
static void test_a_hidden_drive_is_found(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile base, p, drive = hidden();
	(void)state;
	fit_to(1u << DISK_JOB_READ | 1u << DISK_JOB_WRITE, &opts, &base, &p);
	assert_close((double)p.outer_sectors, (double)drive.outer_sectors, 0.01);
	assert_close((double)p.inner_sectors, (double)drive.inner_sectors, 0.01);
	/* A short seek ends in the same wait for the sector whatever it took. */
	assert_close((double)p.track_ns, (double)drive.track_ns, 0.35);
	assert_close((double)p.knee_ns, (double)drive.knee_ns, 0.06);
	assert_close((double)p.full_ns, (double)drive.full_ns, 0.12);
	assert_close((double)p.write_settle_ns, (double)drive.write_settle_ns, 0.12);
	assert_between((double)p.rpo_window, 6, 8);
	assert_close((double)p.destage_window, (double)drive.destage_window, 0.2);
	assert_close((double)p.dirty_commands, (double)drive.dirty_commands, 0.05);
	assert_int_equal(p.heads, base.heads);
	assert_int_equal(p.overhead_ns, base.overhead_ns);
	assert_true(p.knee == base.knee);
	json_t *doc = disk_fit_report(&base, &p, &opts, &err);
	assert_non_null(doc);
	assert_true(demerit(doc, "before") > 0.20);
	assert_true(demerit(doc, "after") < 0.015);
	assert_int_equal(json_array_size(json_object_get(doc, "figures")), 19);
	json_decref(doc);
}

/* What no figure speaks of stays, and the same answers give the same profile. */
static void test_reads_alone_fit_what_reads_see(void **state)
{
	struct hdd_profile base, p, again;
	(void)state;
	fit_to(1u << DISK_JOB_READ, &brief, &base, &p);
	assert_int_equal(p.write_settle_ns, base.write_settle_ns);
	assert_int_equal(p.destage_window, base.destage_window);
	assert_int_equal(p.dirty_commands, base.dirty_commands);
	assert_between((double)p.rpo_window, 6, 8);
	fit_to(1u << DISK_JOB_READ, &brief, &base, &again);
	assert_memory_equal(&p, &again, sizeof(p));
}

static void test_what_cannot_be_fitted_is_refused(void **state)
{
	static const struct {
		const char *doc, *part;
	} cases[] = {
	        {"{}", "no \"jobs\""},
	        {"{\"jobs\":[]}", "none of its jobs"},
	        {"{\"jobs\":[{\"jobname\":\"mine\"}]}", "none of its jobs"},
	        {"{\"jobs\":[{\"jobname\":\"read_depth_1\",\"error\":5}]}",
	         "job read_depth_1 failed: Input/output error"},
	        {"{\"jobs\":[{\"jobname\":\"flush_after_8\",\"error\":0,"
	         "\"write\":{\"iops\":7}}]}",
	         "no result of the kind"},
	};
	struct hdd_profile p = hdd_test_profile("generic-7200"), out;
	struct hdd_published pub;
	struct hcb_err err = HCB_ERR_INIT;
	unsigned n = 0;
	(void)state;
	memset(&pub, 0, sizeof(pub));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *doc = json_loads(cases[i].doc, 0, NULL);
		assert_non_null(doc);
		err = (struct hcb_err)HCB_ERR_INIT;
		assert_fails(disk_jobs_take(doc, "x.json", &pub, &n, &err), &err,
		             HCB_EXIT_FAILED, cases[i].part);
		assert_has(err.msg, "x.json");
		json_decref(doc);
	}
	memset(&p.published, 0, sizeof(p.published));
	err = (struct hcb_err)HCB_ERR_INIT;
	assert_fails(disk_fit(&p, &opts, &out, &err), &err, HCB_EXIT_USAGE,
	             "no figure to fit to");
	p = hdd_test_profile("sata-ssd");
	err = (struct hcb_err)HCB_ERR_INIT;
	assert_fails(disk_fit(&p, &opts, &out, &err), &err, HCB_EXIT_USAGE,
	             "only hard disks");
}

/* Written down and read again: the same numbers; comments of what was not changed stay.
 */
static void test_a_profile_is_written_and_read(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile base = hdd_test_profile("generic-7200"), p = base, read;
	char path[1024], *text = NULL;
	size_t len = 0;
	(void)state;
	p.track_ns = 1234567;
	p.age_limit_ns = 20000003;
	p.destage_window = 7;
	p.knee = 0.2512345;
	memset(&p.published, 0, sizeof(p.published));
	assert_ok(hdd_published_set(&p.published, "read_depth_1", "76.5/s, 3%, me", &err),
	          &err);
	snprintf(path, sizeof(path), "%s/lab/disks/generic-7200.ini", hcb_test_src());
	FILE *f = open_memstream(&text, &len);
	assert_non_null(f);
	assert_ok(disk_ini_write(path, &base, &p, "mine", "fitted", true, f, &err), &err);
	fclose(f);
	assert_ok(hdd_profile_read_string(text, "generic-7200.ini", &read, &err), &err);
	assert_string_equal(read.description, "mine");
	snprintf(p.description, sizeof(p.description), "mine");
	assert_memory_equal(&p.published, &read.published, sizeof(p.published));
	assert_int_equal(read.track_ns, p.track_ns);
	assert_int_equal(read.age_limit_ns, p.age_limit_ns);
	assert_int_equal(read.destage_window, 7);
	assert_close(read.knee, p.knee, 1e-9);
	assert_has(text, "destage_window = 7        ; fitted\n");
	assert_has(text, "write_settle = 1.0ms      ; 7K1000.C manual");
	assert_has(text, "; Sources, in short:");
	free(text);
}

static void test_jobs_are_what_the_reader_knows(void **state)
{
	char *text = NULL;
	size_t len = 0;
	(void)state;
	for (unsigned kind = 0; kind < 3; kind++) {
		FILE *f = open_memstream(&text, &len);
		assert_non_null(f);
		disk_jobs_print((enum disk_job_kind)kind, "/dev/sdz", 0.5, f);
		fclose(f);
		assert_has(text, "filename=/dev/sdz\n");
		/* Only what harms nothing does not say so; and it writes nothing. */
		assert_true(!strstr(text, "DESTROYS") == (kind == DISK_JOB_READ));
		assert_true(!strstr(text, "write") == (kind == DISK_JOB_READ));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_hidden_drive_is_found),
	        cmocka_unit_test(test_reads_alone_fit_what_reads_see),
	        cmocka_unit_test(test_what_cannot_be_fitted_is_refused),
	        cmocka_unit_test(test_a_profile_is_written_and_read),
	        cmocka_unit_test(test_jobs_are_what_the_reader_knows),
	};
	const struct CMUnitTest few[] = {
	        cmocka_unit_test(test_reads_alone_fit_what_reads_see),
	        cmocka_unit_test(test_what_cannot_be_fitted_is_refused),
	        cmocka_unit_test(test_a_profile_is_written_and_read),
	        cmocka_unit_test(test_jobs_are_what_the_reader_knows),
	};
	return HCB_TEST_SLOW ? cmocka_run_group_tests(few, NULL, NULL)
	                     : cmocka_run_group_tests(tests, NULL, NULL);
}
