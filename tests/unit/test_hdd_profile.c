/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hdd_test.h"

#include <dirent.h>

/* A shipped profile, to break one line at a time. */
static char *good(const char *name)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/lab/disks/%s.ini", hcb_test_src(), name);
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 65536);
	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, f) > 1000);
	fclose(f);
	return text;
}

/* Number of the line that begins "KEY = ", 0 if there is none. */
static int line_of(const char *text, const char *key)
{
	int no = 1;
	for (const char *p = text; *p; p += strcspn(p, "\n") + 1, no++)
		if (strncmp(p, key, strlen(key)) == 0 && strchr(" \n", p[strlen(key)]))
			return no;
	return 0;
}

/* Text with the line that begins "KEY = " replaced ("": dropped). */
static char *with(const char *text, const char *key, const char *line)
{
	char *out = calloc(1, 65536 + 256);
	char start[64];
	size_t n = 0;
	bool found = false;
	assert_non_null(out);
	snprintf(start, sizeof(start), "%s = ", key);
	for (const char *p = text; *p;) {
		size_t len = strcspn(p, "\n") + 1;
		if (strncmp(p, start, strlen(start)) == 0) {
			found = true;
			n += (size_t)sprintf(out + n, "%s\n", line);
		} else {
			memcpy(out + n, p, len);
			n += len;
		}
		p += len;
	}
	assert_true(found);
	return out;
}

struct bad_line {
	const char *key, *line, *part;
	const char *at; /* the key whose line is named, if another */
};

static void refused(const char *name, const struct bad_line *c)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile p;
	char *text = good(name), *bad = with(text, c->key, c->line), where[64];
	int r = hdd_profile_read_string(bad, "x.ini", &p, &err);
	assert_fails(r, &err, HCB_EXIT_USAGE, c->part);
	snprintf(where, sizeof(where),
	         "x.ini:%d: ", line_of(bad, c->at ? c->at : c->key));
	assert_has(err.msg, where);
	free(bad);
	free(text);
}

static void test_bad_profiles_are_refused_with_the_line(void **state)
{
	static const struct bad_line cases[] = {
	        {"type", "type = tape", "hdd", NULL},
	        {"type", "", "must come first", "description"},
	        {"description", "description = x\ntype  = hdd", "twice", "type "},
	        {"inner_sectors", "inner_sectors = 2793", "not faster inside", NULL},
	        {"heads", "heads = 0", "heads", NULL},
	        {"heads", "heads = 7", "geometry holds", "sectors"},
	        {"tracks", "tracks = 250000", "geometry holds", "sectors"},
	        {"zones", "zones = 65", "zones", NULL},
	        {"band_tracks", "band_tracks = 4097", "band_tracks", NULL},
	        {"skew", "skew = 8.4ms", "skew", NULL},
	        {"skew", "skew = 2.1ms", "track switch", "track_to_track"},
	        {"knee_time", "knee_time = 0.9ms", "falls", NULL},
	        {"full_stroke", "full_stroke = 8.2ms", "falls", NULL},
	        {"track_to_track", "track_to_track = 8.3ms", "falls", "knee_time"},
	        {"rpm", "rpm = 7200rpm", "rpm", NULL},
	        {"rpm", "rpm = 0", "rpm", NULL},
	        {"sectors", "sectors = 10TB", "sectors", NULL},
	        {"link", "link = 100MB", "slower than the outermost track", NULL},
	        {"rpo_window", "rpo_window = 33", "ncq_depth", NULL},
	        {"destage_window", "destage_window = 257", "dirty_commands", NULL},
	        {"dirty_limit", "dirty_limit = 64MiB", "nothing of the buffer", NULL},
	        {"hit_overhead", "hit_overhead = 1ms", "more than overhead", NULL},
	        {"age_limit", "age_limit = 500", "age_limit", NULL},
	        {"knee", "knee = 100%", "knee", NULL},
	        {"write_cache", "write_cache = maybe", "write_cache", NULL},
	        {"skew", "skew = 1.2ms\nskew  = 1.2ms", "twice", "skew "},
	        {"skew", "skwe = 1.2ms", "skew", "skwe"},
	        {"skew", "skew = 1.2ms\n[bufer] ", "buffer", "[bufer]"},
	        {"mean_seek", "mean_seek = 8.5, 2%, manual", "expected e.g. 8.5ms", NULL},
	        {"mean_seek", "mean_seek = 8.5ms", "tolerance", NULL},
	        {"mean_seek", "mean_seek = 8.5ms, 2ms, manual", "tolerance", NULL},
	        {"mean_seek", "mean_seek = 8.5ms, 0%, manual", "tolerance", NULL},
	        {"mean_seek", "mean_seek = 8.5ms, 2%", "source is missing", NULL},
	        {"mean_seek", "mean_seek = 8.5ms, 2%, ", "source is missing", NULL},
	        {"mean_seek", "mean_seek = 8.5ms, to 8ms, manual", "tolerance", NULL},
	        {"mean_seek", "mean_sek = 8.5ms, 2%, manual", "mean_seek", "mean_sek"},
	        {"mean_seek", "mean_seek = 8.5ms, 2%, x\nmean_seek  = 8ms, 2%, x",
	         "twice", "mean_seek "},
	        {"read_depth_1", "read_depth_1 = 78ms, 3%, x", "expected e.g. 78/s",
	         NULL},
	        {"read_depth_1", "read_depth_1_response = 1% 3ms, 9%, x", "expected e.g.",
	         "read_depth_1_response"},
	        {"read_depth_1", "read_depth_1_response = 1% 3ms 1% 4ms, 9%, x",
	         "expected e.g.", "read_depth_1_response"},
	        {"read_depth_1", "read_depth_1_response = 1% 3ms 2% 2ms, 9%, x",
	         "expected e.g.", "read_depth_1_response"},
	        {"read_depth_1", "read_depth_1_response = 1% 3ms 2% 4ms, at most, x",
	         "tolerance", "read_depth_1_response"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused("generic-7200", &cases[i]);
}

static void test_bad_ssds_are_refused_with_the_line(void **state)
{
	static const struct bad_line cases[] = {
	        {"type", "type = hdd", "unknown section [flash]", "[flash]"},
	        {"sectors", "sectors = 1953525168\nrpm = 7200", "unknown", "rpm"},
	        {"read_channels", "read_channels = 0", "read_channels", NULL},
	        {"read_time", "read_time = 66", "read_time", NULL},
	        {"write_rate", "write_rate = 600MB", "more than the link", NULL},
	        {"dirty_limit", "dirty_limit = 1", "dirty_limit", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused("sata-ssd", &cases[i]);
	refused("sata-ssd-plp",
	        &(struct bad_line){"write_cache", "write_cache = off",
	                           "cache that is off", "power_loss_protection"});
}

static void test_a_band_must_fit_a_zone(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile p;
	char *text = good("generic-7200"), *a = with(text, "zones", "zones = 64");
	char *b = with(a, "band_tracks", "band_tracks = 4096");
	(void)state;
	assert_fails(hdd_profile_read_string(b, "x.ini", &p, &err), &err, HCB_EXIT_USAGE,
	             "no whole band");
	free(b);
	free(a);
	free(text);
}

static void test_a_missing_key_is_named(void **state)
{
	static const char *const keys[] = {"sectors",    "skew",      "full_stroke",
	                                   "ncq_depth",  "age_limit", "flush_overhead",
	                                   "description"};
	char *text = good("generic-7200");
	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct hcb_err err = HCB_ERR_INIT;
		struct hdd_profile p;
		char *bad = with(text, keys[i], ""), part[64];
		snprintf(part, sizeof(part), "] %s is missing", keys[i]);
		assert_fails(hdd_profile_read_string(bad, "x.ini", &p, &err), &err,
		             HCB_EXIT_USAGE, part);
		free(bad);
	}
	free(text);
}

static void test_every_shipped_profile_reads_and_names_its_sources(void **state)
{
	char dir[1024], path[2048], line[1024];
	unsigned n = 0;
	(void)state;
	snprintf(dir, sizeof(dir), "%s/lab/disks", hcb_test_src());
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		struct hcb_err err = HCB_ERR_INIT;
		struct hdd_profile p;
		size_t len = strlen(e->d_name);
		if (len < 5 || strcmp(e->d_name + len - 4, ".ini") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		assert_ok(hdd_profile_read(path, &p, &err), &err);
		assert_int_equal(strlen(p.name), len - 4);
		assert_memory_equal(p.name, e->d_name, len - 4);
		n++;
		/* Each number has a comment that says where it comes from; in [published]
		   the parser asks for it. */
		FILE *f = fopen(path, "r");
		bool published = false;
		assert_non_null(f);
		while (fgets(line, sizeof(line), f)) {
			const char *eq = strstr(line, " = ");
			published |= strncmp(line, "[published]", 11) == 0;
			if (eq && !published && line[0] != ';' &&
			    strncmp(line, "description", 11) != 0)
				assert_has(line, " ; ");
		}
		fclose(f);
	}
	closedir(d);
	assert_true(n >= 7);
}

static void test_published_figures_are_read_and_written(void **state)
{
	static const struct {
		enum hdd_figure_id id;
		const char *value, *written;
		enum hdd_how how;
		double figure, limit;
	} cases[] = {
	        {HDD_MEAN_SEEK, " 8.5ms ,  2% ,  a manual, page 3",
	         "mean_seek = 8.5ms, 2%, a manual, page 3", HDD_WITHIN, 8.5, 0.02},
	        {HDD_READ_1, "78.5/s, 12.5%, x", "read_depth_1 = 78.5/s, 12.5%, x",
	         HDD_WITHIN, 78.5, 0.125},
	        {HDD_READ_32_P99, "650ms, at most, x",
	         "read_depth_32_p99 = 650ms, at most, x", HDD_AT_MOST, 650, 0},
	        {HDD_READ_OUTER, "150MB, at least, x", "read_outer = 150MB, at least, x",
	         HDD_AT_LEAST, 150, 0},
	        {HDD_JOURNAL, "35/s, to 60/s, x", "journal_fsync = 35/s, to 60/s, x",
	         HDD_RANGE, 35, 60},
	        {HDD_READ_1_RESPONSE, "1% 3.26ms 50% 17.69ms 99.9% 0.1s, 15%, x",
	         "read_depth_1_response = 1% 3.26ms 50% 17.69ms 99.9% 100ms, 15%, x",
	         HDD_WITHIN, 0, 0.15},
	};
	(void)state;
	struct hdd_published p, again;
	memset(&p, 0, sizeof(p));
	memset(&again, 0, sizeof(again));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hcb_err err = HCB_ERR_INIT;
		const char *key = hdd_figure_key(cases[i].id);
		const struct hdd_figure *f = &p.figure[cases[i].id];
		char line[600];
		assert_ok(hdd_published_set(&p, key, cases[i].value, &err), &err);
		assert_true(f->given);
		assert_int_equal(f->how, cases[i].how);
		assert_close(f->value, cases[i].figure, 1e-12);
		assert_close(f->limit, cases[i].limit, 1e-12);
		hdd_published_format(&p, cases[i].id, line, sizeof(line));
		assert_string_equal(line, cases[i].written);
		assert_ok(hdd_published_set(&again, key, strstr(line, " = ") + 3, &err),
		          &err);
	}
	assert_memory_equal(&p, &again, sizeof(p));
	assert_int_equal(p.read_1.n, 3);
	assert_close(p.read_1.q[2], 0.999, 1e-12);
	assert_close(p.read_1.ms[2], 100, 1e-12);
}

static void test_figures_are_met_or_not(void **state)
{
	static const struct {
		struct hdd_figure f;
		double is[4], is_not[4];
	} cases[] = {
	        {{true, HDD_WITHIN, 100, 0.05, ""},
	         {95, 105, 100, 99},
	         {94.9, 105.1, 0, 200}},
	        {{true, HDD_AT_MOST, 100, 0, ""},
	         {100, 0, 1, 50},
	         {100.1, 101, 200, 1e9}},
	        {{true, HDD_AT_LEAST, 100, 0, ""},
	         {100, 101, 1e9, 200},
	         {99, 0, 1, 99.9}},
	        {{true, HDD_RANGE, 35, 60, ""}, {35, 60, 47, 36}, {34.9, 60.1, 0, 100}},
	        {{true, HDD_WITHIN, 0, 0.15, ""}, {0, 0.15, 0.1, 0.01}, {0.16, 1, 2, 15}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int k = 0; k < 4; k++) {
			assert_true(hdd_figure_met(&cases[i].f, cases[i].is[k]));
			assert_false(hdd_figure_met(&cases[i].f, cases[i].is_not[k]));
		}
}

static void test_a_profile_made_otherwise_is_checked(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile p = hdd_test_profile("generic-7200");
	(void)state;
	assert_ok(hdd_profile_check(&p, &err), &err);
	p.zones = HDD_MAX_ZONES + 1;
	assert_fails(hdd_profile_check(&p, &err), &err, HCB_EXIT_USAGE, "zones");
	p = hdd_test_profile("generic-7200");
	err = (struct hcb_err)HCB_ERR_INIT;
	p.full_ns = p.knee_ns - 1;
	assert_fails(hdd_profile_check(&p, &err), &err, HCB_EXIT_USAGE, "curve falls");
	assert_has(err.msg, "generic-7200: ");
}

static void test_unknown_profile_names_the_nearest(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile p;
	(void)state;
	assert_fails(hdd_profile_find("generic-720", &p, &err), &err, HCB_EXIT_USAGE,
	             "generic-7200");
	err = (struct hcb_err)HCB_ERR_INIT;
	assert_true(hdd_profile_find("/nonexistent/x.ini", &p, &err) < 0);
	assert_has(err.msg, "/nonexistent/x.ini");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_bad_profiles_are_refused_with_the_line),
	        cmocka_unit_test(test_bad_ssds_are_refused_with_the_line),
	        cmocka_unit_test(test_a_band_must_fit_a_zone),
	        cmocka_unit_test(test_a_missing_key_is_named),
	        cmocka_unit_test(test_every_shipped_profile_reads_and_names_its_sources),
	        cmocka_unit_test(test_published_figures_are_read_and_written),
	        cmocka_unit_test(test_figures_are_met_or_not),
	        cmocka_unit_test(test_a_profile_made_otherwise_is_checked),
	        cmocka_unit_test(test_unknown_profile_names_the_nearest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
