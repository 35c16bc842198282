/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hdd_test.h"

#include <dirent.h>

/* The shipped default, to break one line at a time. */
static char *good(void)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/lab/disks/generic-7200.ini", hcb_test_src());
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
		if (strncmp(p, key, strlen(key)) == 0 && p[strlen(key)] == ' ')
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

static void test_bad_profiles_are_refused_with_the_line(void **state)
{
	static const struct {
		const char *key, *line, *part;
		const char *at; /* the key whose line is named, if another */
	} cases[] = {
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
	};
	char *text = good();
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hcb_err err = HCB_ERR_INIT;
		struct hdd_profile p;
		char *bad = with(text, cases[i].key, cases[i].line), where[64];
		int r = hdd_profile_read_string(bad, "x.ini", &p, &err);
		assert_fails(r, &err, HCB_EXIT_USAGE, cases[i].part);
		const char *at = cases[i].at ? cases[i].at : cases[i].key;
		snprintf(where, sizeof(where), "x.ini:%d: ", line_of(bad, at));
		assert_has(err.msg, where);
		free(bad);
	}
	free(text);
}

static void test_a_band_must_fit_a_zone(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile p;
	char *text = good(), *a = with(text, "zones", "zones = 64");
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
	char *text = good();
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
		/* Each number has a comment that says where it comes from. */
		FILE *f = fopen(path, "r");
		assert_non_null(f);
		while (fgets(line, sizeof(line), f)) {
			const char *eq = strstr(line, " = ");
			if (eq && line[0] != ';' && strncmp(line, "description", 11) != 0)
				assert_has(line, " ; ");
		}
		fclose(f);
	}
	closedir(d);
	assert_true(n >= 5);
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
	        cmocka_unit_test(test_a_band_must_fit_a_zone),
	        cmocka_unit_test(test_a_missing_key_is_named),
	        cmocka_unit_test(test_every_shipped_profile_reads_and_names_its_sources),
	        cmocka_unit_test(test_unknown_profile_names_the_nearest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
