/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hcb_test.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "bench/core/atomic_file.h"

static char dir[256], path[300], other[300];

static int setup(void **state)
{
	(void)state;
	hcb_test_mkdir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/R.json", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	rmdir(path);
	return rmdir(dir); /* fails if anything else was left */
}

static unsigned count_files(const char *where)
{
	unsigned n = 0;
	DIR *d = opendir(where);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

static void assert_content(const char *file, const char *want)
{
	char text[4096] = "";
	FILE *f = fopen(file, "r");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	assert_int_equal(n, strlen(want));
	assert_string_equal(text, want);
}

static json_t *make_result(double x)
{
	json_t *doc = json_pack("{s:i, s:s, s:f}", "schema", 1, "hcbench", "0.1", "x", x);
	assert_non_null(doc);
	return doc;
}

static int write_result(const char *file, double x, struct hcb_err *err)
{
	json_t *doc = make_result(x);
	int r = hcb_write_json_atomic(file, doc, err);
	json_decref(doc);
	return r;
}

static void test_new_file_is_written_as_promised(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct stat st;
	(void)state;
	mode_t was = umask(022);
	assert_ok(hcb_result_path_check(path, &err), &err);
	assert_int_equal(count_files(dir), 0);
	assert_ok(write_result(path, 0.1, &err), &err);
	umask(was);
	assert_content(path, "{\n \"schema\": 1,\n \"hcbench\": \"0.1\",\n"
	                     " \"x\": 0.10000000000000001\n}\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(count_files(dir), 1);
}

static void test_result_and_empty_file_are_replaced(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	hcb_test_write(path, "", 0);
	assert_ok(hcb_result_path_check(path, &err), &err);
	assert_ok(write_result(path, 1, &err), &err);
	assert_ok(hcb_result_path_check(path, &err), &err);
	assert_ok(write_result(path, 2, &err), &err);
	assert_content(path,
	               "{\n \"schema\": 1,\n \"hcbench\": \"0.1\",\n \"x\": 2.0\n}\n");
	assert_int_equal(count_files(dir), 1);
}

static void test_other_files_are_refused_and_kept(void **state)
{
	static const char *const texts[] = {
	        "hello\n",
	        "{}",
	        "[1]",
	        "{\"schema\": 1}",
	        "{\"hcbench\": \"0.1\"}",
	        "{\"schema\": \"1\", \"hcbench\": \"0.1\"}",
	        "{\"schema\": 1, \"hcbench\": \"0.1\"",
	        "{\"x\": {\"schema\": 1, \"hcbench\": \"0.1\"}}",
	        "{\"schema\": 1, \"hcbench\": \"0.1\"} and more",
	        " ",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct hcb_err err = HCB_ERR_INIT;
		hcb_test_write(path, texts[i], strlen(texts[i]));
		assert_fails(hcb_result_path_check(path, &err), &err, HCB_EXIT_REFUSED,
		             "R.json: exists and is not a result of hcbench");
		assert_fails(write_result(path, 1, &err), &err, HCB_EXIT_REFUSED,
		             "is not a result");
		assert_content(path, texts[i]);
		assert_int_equal(count_files(dir), 1);
	}
}

static void test_what_is_not_a_file_is_refused(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_int_equal(mkdir(path, 0755), 0);
	assert_fails(hcb_result_path_check(path, &err), &err, HCB_EXIT_REFUSED,
	             "not a regular file");
	assert_fails(write_result(path, 1, &err), &err, HCB_EXIT_REFUSED,
	             "not a regular file");
	rmdir(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_fails(hcb_result_path_check(path, &err), &err, HCB_EXIT_REFUSED,
	             "not a regular file");
	assert_fails(hcb_result_path_check("/dev/null", &err), &err, HCB_EXIT_REFUSED,
	             "write /dev/null: exists and is not a regular file");
	assert_fails(hcb_result_path_check(dir, &err), &err, HCB_EXIT_REFUSED,
	             "not a regular file");
}

static void test_bad_paths_are_usage_errors(void **state)
{
	char bad[600], big[5000];
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	snprintf(bad, sizeof(bad), "%s/no/such/R.json", dir);
	assert_fails(hcb_result_path_check(bad, &err), &err, HCB_EXIT_USAGE,
	             "No such file or directory");
	assert_fails(write_result(bad, 1, &err), &err, HCB_EXIT_USAGE, "open directory");
	hcb_test_write(other, "x", 1);
	snprintf(bad, sizeof(bad), "%s/R.json", other);
	assert_fails(hcb_result_path_check(bad, &err), &err, HCB_EXIT_USAGE,
	             "Not a directory");
	assert_fails(hcb_result_path_check("", &err), &err, HCB_EXIT_USAGE,
	             "not the name");
	snprintf(bad, sizeof(bad), "%s/", dir);
	assert_fails(hcb_result_path_check(bad, &err), &err, HCB_EXIT_USAGE,
	             "not the name");
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_fails(hcb_result_path_check(big, &err), &err, HCB_EXIT_USAGE, "too long");
	big[300] = '\0';
	assert_fails(hcb_result_path_check(big, &err), &err, HCB_EXIT_USAGE,
	             "not the name");
}

static void test_link_stands_for_its_target(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct stat st;
	(void)state;
	assert_int_equal(symlink("other", path), 0);
	assert_fails(hcb_result_path_check(path, &err), &err, HCB_EXIT_REFUSED,
	             "a symbolic link to nothing");
	hcb_test_write(other, "mine", 4);
	assert_fails(write_result(path, 1, &err), &err, HCB_EXIT_REFUSED,
	             "is not a result");
	assert_content(other, "mine");
	hcb_test_write(other, "", 0);
	assert_ok(write_result(path, 1, &err), &err);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_ok(hcb_result_path_check(other, &err), &err);
	assert_int_equal(count_files(dir), 2);
}

static void test_relative_path(void **state)
{
	char was[1000];
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_non_null(getcwd(was, sizeof(was)));
	assert_int_equal(chdir(dir), 0);
	int r = write_result("R.json", 1, &err);
	assert_int_equal(chdir(was), 0);
	assert_ok(r, &err);
	assert_ok(hcb_result_path_check(path, &err), &err);
	assert_int_equal(count_files(dir), 1);
}

static void test_doc_that_is_no_json_leaves_nothing(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	json_t *text = json_string("a string is no document");
	(void)state;
	assert_fails(hcb_write_json_atomic(path, text, &err), &err, HCB_EXIT_FAILED,
	             "cannot turn the result into JSON");
	json_decref(text);
	assert_int_equal(count_files(dir), 0);
}

/*
 * Reals must not depend on the compiler or the locale: these are correctly rounded by
 * definition, checked against another implementation (Python's repr to 17 digits).
 */
static void test_reals_have_seventeen_digits(void **state)
{
	static const struct {
		double x;
		const char *text;
	} cases[] = {{1.0 / 3, "0.33333333333333331"},
	             {1e21, "1e21"},
	             {5e-324, "4.9406564584124654e-324"},
	             {1.7976931348623157e308, "1.7976931348623157e308"},
	             {123456789.123456789, "123456789.12345679"},
	             {-0.0, "-0.0"}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[200];
		struct hcb_err err = HCB_ERR_INIT;
		assert_ok(write_result(path, cases[i].x, &err), &err);
		snprintf(want, sizeof(want),
		         "{\n \"schema\": 1,\n \"hcbench\": \"0.1\",\n \"x\": %s\n}\n",
		         cases[i].text);
		assert_content(path, want);
	}
}

static json_t *make_large(void)
{
	json_t *doc = make_result(1), *list = json_array();
	for (int i = 0; i < 100000; i++)
		json_array_append_new(list, json_integer(i));
	json_object_set_new(doc, "list", list);
	return doc;
}

/* RLIMIT_FSIZE stops the writing in the middle, on any file system, root or not. */
static void test_write_that_fails_midway_leaves_the_old_file(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct rlimit was, low;
	(void)state;
	assert_ok(write_result(path, 1, &err), &err);
	json_t *doc = make_large();
	void (*sig)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	low = was;
	low.rlim_cur = 65536;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	int r = hcb_write_json_atomic(path, doc, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	signal(SIGXFSZ, sig);
	json_decref(doc);
	assert_int_equal(r, -EFBIG);
	assert_fails(r, &err, HCB_EXIT_FAILED, "R.json: File too large");
	assert_content(path,
	               "{\n \"schema\": 1,\n \"hcbench\": \"0.1\",\n \"x\": 1.0\n}\n");
	assert_int_equal(count_files(dir), 1);
}

/* In a mount namespace of a child: nothing is mounted where others could see it. */
static int on_a_full_disk(const char *where)
{
	char file[300], text[200] = "";
	struct hcb_err err = HCB_ERR_INIT;
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", where, "tmpfs", 0, "size=128k"))
		return 77;
	snprintf(file, sizeof(file), "%s/R.json", where);
	if (write_result(file, 1, &err))
		return 1;
	json_t *doc = make_large();
	int r = hcb_write_json_atomic(file, doc, &err);
	json_decref(doc);
	if (r != -ENOSPC || !strstr(err.msg, "R.json: No space left on device") ||
	    err.exit != 1)
		return 2;
	FILE *f = fopen(file, "r");
	if (!f || fread(text, 1, sizeof(text) - 1, f) == 0 || !strstr(text, "\"x\": 1.0"))
		return 3;
	fclose(f);
	if (count_files(where) != 1)
		return 4;
	return write_result(file, 2, &err) ? 5 : 0; /* and there is room again */
}

static void test_full_disk_leaves_the_old_file(void **state)
{
	int status;
	(void)state;
	if (geteuid() != 0)
		skip();
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		_exit(on_a_full_disk(dir));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int in_an_unwritable_directory(void)
{
	struct hcb_err err = HCB_ERR_INIT;
	if (chmod(dir, 0555) || (geteuid() == 0 && (setgid(65534) || setuid(65534))))
		return 1;
	if (hcb_result_path_check(path, &err) != -EACCES || err.exit != HCB_EXIT_FAILED)
		return 2;
	return write_result(path, 1, &err) == -EACCES &&
	                       strstr(err.msg, "Permission denied")
	               ? 0
	               : 3;
}

static void test_unwritable_directory(void **state)
{
	int status;
	(void)state;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		_exit(in_an_unwritable_directory());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	chmod(dir, 0755);
	assert_int_equal(status, 0);
	assert_int_equal(count_files(dir), 0);
}

/* Killed at any moment of writing, the file is the old one or the new one. */
static void test_kill_leaves_old_or_new(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	json_t *doc = make_large();
	(void)state;
	assert_ok(write_result(path, 1, &err), &err);
	for (unsigned i = 0; i < 20; i++) {
		fflush(NULL);
		pid_t pid = fork();
		if (pid == 0) {
			for (;;)
				hcb_write_json_atomic(path, doc, &err);
		}
		usleep(2000 + i * 1500);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		json_t *now = json_load_file(path, 0, NULL);
		assert_true(json_is_integer(json_object_get(now, "schema")));
		json_decref(now);
	}
	json_decref(doc);
	/* A kill between giving the name and renaming leaves a whole copy; clear it. */
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		char file[600];
		snprintf(file, sizeof(file), "%s/%s", dir, e->d_name);
		if (strncmp(e->d_name, ".R.json.", 8) == 0)
			unlink(file);
	}
	closedir(d);
}

/* Process numbers come again, in containers soon. */
static void test_left_over_of_the_same_process_number_is_no_obstacle(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	char left[600];
	(void)state;
	snprintf(left, sizeof(left), "%s/.R.json.%d.0.tmp", dir, (int)getpid());
	hcb_test_write(left, "left", 4);
	assert_ok(write_result(path, 1, &err), &err);
	assert_content(left, "left");
	unlink(left);
	assert_int_equal(count_files(dir), 1);
}

static void test_failed_rename_leaves_nothing(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_int_equal(mkdir(path, 0755), 0);
	assert_fails(hcb_write_atomic(path, "x", 1, &err), &err, HCB_EXIT_FAILED,
	             "directory");
	assert_int_equal(count_files(dir), 1);
}

static void test_plain_write_replaces_anything_of_ours(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	hcb_test_write(path, "old text", 8);
	assert_ok(hcb_write_atomic(path, "new", 3, &err), &err);
	assert_content(path, "new");
	assert_ok(hcb_write_atomic(path, "", 0, &err), &err);
	assert_content(path, "");
	assert_int_equal(count_files(dir), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(test_new_file_is_written_as_promised),
	        T(test_result_and_empty_file_are_replaced),
	        T(test_other_files_are_refused_and_kept),
	        T(test_what_is_not_a_file_is_refused),
	        T(test_bad_paths_are_usage_errors),
	        T(test_link_stands_for_its_target),
	        T(test_relative_path),
	        T(test_doc_that_is_no_json_leaves_nothing),
	        T(test_reals_have_seventeen_digits),
	        T(test_write_that_fails_midway_leaves_the_old_file),
	        T(test_full_disk_leaves_the_old_file),
	        T(test_unwritable_directory),
	        T(test_kill_leaves_old_or_new),
	        T(test_left_over_of_the_same_process_number_is_no_obstacle),
	        T(test_failed_rename_leaves_nothing),
	        T(test_plain_write_replaces_anything_of_ours),
	};
	return cmocka_run_group_tests_name("atomic_file", tests, NULL, NULL);
}
