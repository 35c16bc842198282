/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hcb_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/core/child.h"
#include "bench/core/clock.h"
#include "bench/core/units.h"

#define RUN(...)                                                                         \
	(const char *const[])                                                            \
	{                                                                                \
		__VA_ARGS__, NULL                                                        \
	}

static const struct hcb_child_opts plain = {.timeout_ns = 30 * HCB_SEC};

/* Until cond or 20 s have passed: another process needs time, how much is not the point.
 */
#define wait_for(cond)                                                                   \
	do {                                                                             \
		for (int i_ = 0; i_ < 2000 && !(cond); i_++)                             \
			usleep(10000);                                                   \
		assert_true(cond);                                                       \
	} while (0)

static void test_output_is_captured_apart(void **state)
{
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	int r = hcb_child_run(RUN("sh", "-c", "echo out; echo err >&2"), &plain, &res,
	                      &err);
	assert_ok(r, &err);
	assert_string_equal(res.out, "out\n");
	assert_string_equal(res.errout, "err\n");
	assert_int_equal(res.out_len, 4);
	assert_int_equal(res.err_len, 4);
	assert_false(res.timed_out);
	assert_true(WIFEXITED(res.status) && WEXITSTATUS(res.status) == 0);
	hcb_child_result_free(&res);
	assert_null(res.out);
}

static void test_nothing_printed_is_an_empty_string(void **state)
{
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_ok(hcb_child_run(RUN("true"), &plain, &res, &err), &err);
	assert_string_equal(res.out, "");
	assert_string_equal(res.errout, "");
	hcb_child_result_free(&res);
	assert_ok(hcb_child_run(RUN("true"), &plain, NULL, &err), &err);
}

static void test_failure_names_command_status_and_last_line(void **state)
{
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	int r = hcb_child_run(
	        RUN("sh", "-c", "echo one >&2; printf 'two\\a\\n\\n' >&2; exit 3"),
	        &plain, &res, &err);
	assert_int_equal(r, -EIO);
	assert_fails(r, &err, HCB_EXIT_FAILED, "run sh -c ");
	assert_has(err.msg, ": exit status 3: two ");
	assert_null(strchr(err.msg, '\a'));
	assert_int_equal(WEXITSTATUS(res.status), 3);
	hcb_child_result_free(&res);
}

static void test_quiet_fail_leaves_the_status_to_the_caller(void **state)
{
	struct hcb_child_opts opts = plain;
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	opts.quiet_fail = true;
	assert_ok(hcb_child_run(RUN("sh", "-c", "exit 9"), &opts, &res, &err), &err);
	assert_int_equal(WEXITSTATUS(res.status), 9);
	hcb_child_result_free(&res);
	/* death by a signal is not an exit */
	int r = hcb_child_run(RUN("sh", "-c", "kill -USR1 $$"), &opts, &res, &err);
	assert_fails(r, &err, HCB_EXIT_FAILED, "killed by signal 10");
	hcb_child_result_free(&res);
}

/* A group of its own: what the terminal sends its parent does not reach it. */
static void test_the_parents_signal_is_passed_on(void **state)
{
	static const volatile sig_atomic_t stop = SIGTERM;
	struct hcb_child_opts opts = plain;
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	opts.timeout_ns = 3600 * HCB_SEC;
	opts.stop = &stop;
	int r = hcb_child_run(RUN("sleep", "3600"), &opts, &res, &err);
	assert_fails(r, &err, HCB_EXIT_FAILED, "killed by signal 15");
	assert_false(res.timed_out);
	hcb_child_result_free(&res);
}

static void test_missing_command(void **state)
{
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	int r = hcb_child_run(RUN("hcb-no-such-command", "x"), &plain, &res, &err);
	assert_int_equal(r, -ENOENT);
	assert_string_equal(err.msg, "run hcb-no-such-command x: command not found");
	hcb_child_result_free(&res);
	r = hcb_child_run(RUN("/hcb/no/such"), &plain, &res, &err);
	assert_fails(r, &err, HCB_EXIT_FAILED,
	             "run /hcb/no/such: No such file or directory");
	hcb_child_result_free(&res);
	r = hcb_child_run(RUN("/"), &plain, &res, &err);
	assert_fails(r, &err, HCB_EXIT_FAILED, "run /: Permission denied");
	hcb_child_result_free(&res);
}

static void test_sbin_is_searched_without_path(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	char *path = strdup(getenv("PATH"));
	assert_non_null(path);
	setenv("PATH", "/nonexistent", 1);
	int r = hcb_child_run(RUN("ldconfig", "--version"), &plain, NULL, &err);
	setenv("PATH", path, 1);
	free(path);
	assert_ok(r, &err);
}

static void test_no_deadline_is_refused(void **state)
{
	struct hcb_child_opts opts = {.quiet_fail = true};
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_fails(hcb_child_run(RUN("true"), &opts, NULL, &err), &err, HCB_EXIT_FAILED,
	             "bug: no deadline");
}

static void test_deadline_kills_the_whole_group(void **state)
{
	struct hcb_child_opts opts = {.timeout_ns = 300 * HCB_MS};
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	int shell, background;
	(void)state;
	int r = hcb_child_run(
	        RUN("sh", "-c", "trap '' TERM; sleep 1000 & echo $$ $!; sleep 1000"),
	        &opts, &res, &err);
	assert_int_equal(r, -ETIMEDOUT);
	assert_true(res.timed_out);
	assert_fails(r, &err, HCB_EXIT_FAILED, "killed, not done within 300 ms");
	assert_int_equal(sscanf(res.out, "%d %d", &shell, &background), 2);
	assert_false(hcb_process_alive(shell));
	wait_for(!hcb_process_alive(background));
	hcb_child_result_free(&res);
}

static void test_deadline_holds_against_endless_output(void **state)
{
	struct hcb_child_opts opts = {.timeout_ns = 500 * HCB_MS};
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	/* several writers of large blocks fill the pipe faster than one reader empties it
	 */
	static const char flood[] =
	        "for i in 1 2 3 4; do dd if=/dev/zero bs=4M & done; wait";
	uint64_t begin = hcb_monotonic_ns();
	assert_int_equal(hcb_child_run(RUN("sh", "-c", flood), &opts, &res, &err),
	                 -ETIMEDOUT);
	/* not a timing test: without a deadline it never returns */
	assert_true(hcb_monotonic_ns() - begin < 60 * HCB_SEC);
	assert_true(res.out_len > 0 && res.out_len < 16 * HCB_MIB);
	hcb_child_result_free(&res);
}

static void test_output_past_the_bound_is_dropped_and_the_child_ends(void **state)
{
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	int r = hcb_child_run(
	        RUN("sh", "-c", "head -c 20000000 /dev/zero | tr '\\0' x; echo >&2 e"),
	        &plain, &res, &err);
	assert_ok(r, &err);
	assert_int_equal(res.out_len, 16 * HCB_MIB - 1);
	assert_true(res.out[0] == 'x' && res.out[res.out_len - 1] == 'x');
	assert_string_equal(res.errout, "e\n");
	hcb_child_result_free(&res);
}

/* A daemon left behind holds the pipes open; the wait is for the process. */
static void test_background_process_does_not_hold_us_up(void **state)
{
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	int r = hcb_child_run(RUN("sh", "-c", "sleep 1000 & echo $!"), &plain, &res,
	                      &err);
	assert_ok(r, &err);
	int pid = atoi(res.out);
	assert_true(hcb_process_alive(pid));
	hcb_child_result_free(&res);
	assert_int_equal(hcb_process_stop(pid, 20 * HCB_SEC), 0);
	wait_for(!hcb_process_alive(pid));
}

static void test_stdin_is_fed_or_null(void **state)
{
	struct hcb_child_opts opts = plain;
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	assert_ok(hcb_child_run(RUN("cat"), &opts, &res, &err), &err);
	assert_string_equal(res.out, "");
	hcb_child_result_free(&res);
	char *text = malloc(300001);
	assert_non_null(text);
	memset(text, 'q', 300000); /* more than a pipe holds */
	text[300000] = '\0';
	opts.stdin_text = text;
	assert_ok(hcb_child_run(RUN("cat"), &opts, &res, &err), &err);
	assert_string_equal(res.out, text);
	hcb_child_result_free(&res);
	/* who does not read it does no harm */
	assert_ok(hcb_child_run(RUN("true"), &opts, &res, &err), &err);
	hcb_child_result_free(&res);
	free(text);
}

static void test_environment_is_added_to(void **state)
{
	static const char *const env[] = {"HCB_A=new", "HCB_B=b", NULL};
	struct hcb_child_opts opts = plain;
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	setenv("HCB_A", "old", 1);
	setenv("HCB_AA", "kept", 1);
	opts.env = env;
	int r = hcb_child_run(
	        RUN("sh", "-c", "echo $HCB_A $HCB_B $HCB_AA; env | grep -c ^HCB_A="),
	        &opts, &res, &err);
	assert_ok(r, &err);
	assert_string_equal(res.out, "new b kept\n1\n");
	hcb_child_result_free(&res);
}

static void test_signals_and_files_are_not_inherited(void **state)
{
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	sigset_t set, old;
	(void)state;
	int fd = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
	assert_true(fd >= 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, &old);
	void (*pipe_was)(int) = signal(SIGPIPE, SIG_IGN);
	int r = hcb_child_run(RUN("sh", "-c",
	                          "ls /proc/self/fd | wc -l; grep -E '^Sig(Blk|Ign)' "
	                          "/proc/self/status"),
	                      &plain, &res, &err);
	signal(SIGPIPE, pipe_was);
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(fd);
	assert_ok(r, &err);
	unsigned files;
	unsigned long long blocked, ignored;
	assert_int_equal(sscanf(res.out, "%u SigBlk: %llx SigIgn: %llx", &files, &blocked,
	                        &ignored),
	                 3);
	assert_int_equal(files, 4); /* 0, 1, 2 and the directory itself */
	assert_int_equal(blocked, 0);
	/* 32 and 33 are glibc's own, which it lets nobody set; some parents ignore them
	 */
	assert_int_equal(ignored & ~(3ULL << 31), 0);
	hcb_child_result_free(&res);
}

static void test_stderr_to_a_log_is_appended(void **state)
{
	char dir[256], log[300], text[100] = "";
	struct hcb_child_opts opts = plain;
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	hcb_test_mkdir(dir, sizeof(dir));
	snprintf(log, sizeof(log), "%s/log", dir);
	hcb_test_write(log, "before\n", 7);
	opts.log_path = log;
	int r = hcb_child_run(RUN("sh", "-c", "echo o; echo e >&2; exit 1"), &opts, &res,
	                      &err);
	assert_fails(r, &err, HCB_EXIT_FAILED, "exit status 1; see ");
	assert_string_equal(res.out, "o\n");
	assert_string_equal(res.errout, "");
	hcb_child_result_free(&res);
	FILE *f = fopen(log, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	fclose(f);
	assert_string_equal(text, "before\ne\n");
	opts.log_path = dir;
	assert_fails(hcb_child_run(RUN("true"), &opts, NULL, &err), &err, HCB_EXIT_FAILED,
	             "open log");
	unlink(log);
	rmdir(dir);
}

static void test_bad_network_namespaces(void **state)
{
	struct hcb_child_opts opts = plain;
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	opts.netns = "hcb-no-such";
	assert_fails(
	        hcb_child_run(RUN("true"), &opts, NULL, &err), &err, HCB_EXIT_FAILED,
	        "run true: open network namespace /run/netns/hcb-no-such: No such file");
	opts.netns = "/dev/null";
	assert_fails(hcb_child_run(RUN("true"), &opts, NULL, &err), &err, HCB_EXIT_FAILED,
	             "run true: enter network namespace: ");
}

/* A new network namespace, held by a process in it, has only "lo" and that is down. */
static void test_network_namespace_is_entered(void **state)
{
	struct hcb_child_opts opts = plain;
	struct hcb_child_result res;
	struct hcb_err err = HCB_ERR_INIT;
	char path[64], own[128], link[128] = "";
	pid_t holder;
	(void)state;
	if (geteuid() != 0)
		skip();
	int r = hcb_child_daemon(RUN("unshare", "--net", "sleep", "1000"), &plain,
	                         &holder, &err);
	assert_ok(r, &err);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)holder);
	assert_true(readlink("/proc/self/ns/net", own, sizeof(own) - 1) > 0);
	own[sizeof(own) - 1] = '\0';
	wait_for(readlink(path, link, sizeof(link) - 1) > 0 &&
	         strncmp(link, own, strlen(link)) != 0);
	opts.netns = path;
	r = hcb_child_run(RUN("readlink", "/proc/self/ns/net"), &opts, &res, &err);
	hcb_process_stop(holder, 20 * HCB_SEC);
	assert_ok(r, &err);
	res.out[strcspn(res.out, "\n")] = '\0';
	assert_string_equal(res.out, link);
	hcb_child_result_free(&res);
}

static void test_daemon_has_its_own_session_and_is_stopped(void **state)
{
	char dir[256], log[300], text[100] = "";
	struct hcb_child_opts opts = {.quiet_fail = false};
	struct hcb_err err = HCB_ERR_INIT;
	pid_t pid;
	(void)state;
	hcb_test_mkdir(dir, sizeof(dir));
	snprintf(log, sizeof(log), "%s/log", dir);
	opts.log_path = log;
	int r = hcb_child_daemon(
	        RUN("sh", "-c", "echo up; echo err >&2; exec sleep 1000"), &opts, &pid,
	        &err);
	assert_ok(r, &err);
	assert_true(hcb_process_alive(pid));
	assert_int_equal(getsid(pid), pid);
	struct stat st;
	wait_for(stat(log, &st) == 0 && st.st_size == 7);
	FILE *f = fopen(log, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	fclose(f);
	assert_string_equal(text, "up\nerr\n");
	assert_int_equal(hcb_process_stop(pid, 20 * HCB_SEC), 0);
	assert_false(hcb_process_alive(pid));
	assert_int_equal(kill(pid, 0), -1); /* reaped, not a zombie */
	assert_int_equal(hcb_process_stop(pid, HCB_SEC), 0);
	unlink(log);
	rmdir(dir);
}

static void test_daemon_that_cannot_start_is_an_error(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	pid_t pid = 0;
	(void)state;
	int r = hcb_child_daemon(RUN("/etc/passwd"), &plain, &pid, &err);
	assert_fails(r, &err, HCB_EXIT_FAILED, "run /etc/passwd: Permission denied");
	assert_int_equal(pid, -1);
}

static void test_stop_kills_who_ignores_term_or_is_stopped(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	pid_t pid;
	(void)state;
	assert_ok(hcb_child_daemon(
	                  RUN("sh", "-c", "trap '' TERM; while :; do sleep 1; done"),
	                  &plain, &pid, &err),
	          &err);
	usleep(100000);
	assert_int_equal(hcb_process_stop(pid, 100 * HCB_MS), 0);
	assert_false(hcb_process_alive(pid));
	assert_ok(hcb_child_daemon(RUN("sleep", "1000"), &plain, &pid, &err), &err);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_true(hcb_process_alive(pid));
	assert_int_equal(hcb_process_stop(pid, 20 * HCB_SEC), 0);
	assert_false(hcb_process_alive(pid));
}

/* A stopped process must be woken to hear SIGTERM: it has things to put in order. */
static void test_stop_lets_a_stopped_process_end_by_itself(void **state)
{
	char dir[256], file[300], cmd[700];
	struct hcb_err err = HCB_ERR_INIT;
	pid_t pid;
	(void)state;
	hcb_test_mkdir(dir, sizeof(dir));
	snprintf(file, sizeof(file), "%s/up", dir);
	snprintf(cmd, sizeof(cmd),
	         "trap 'rm %s; exit' TERM; >%s; while :; do sleep .05; done", file, file);
	assert_ok(hcb_child_daemon(RUN("sh", "-c", cmd), &plain, &pid, &err), &err);
	wait_for(access(file, F_OK) == 0);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(hcb_process_stop(pid, 20 * HCB_SEC), 0);
	assert_int_equal(access(file, F_OK), -1);
	rmdir(dir);
}

static void test_stop_refuses_pids_that_mean_more_than_one(void **state)
{
	(void)state;
	assert_int_equal(hcb_process_stop(0, HCB_SEC), -EINVAL);
	assert_int_equal(hcb_process_stop(-1, HCB_SEC), -EINVAL);
	assert_int_equal(hcb_process_stop(1, HCB_SEC), -EINVAL);
	assert_false(hcb_process_alive(0));
	assert_false(hcb_process_alive(-1));
	assert_true(hcb_process_alive(getpid()));
}

static void test_zombie_is_not_alive(void **state)
{
	(void)state;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(kill(pid, 0), 0); /* it is still there */
	assert_false(hcb_process_alive(pid));
	assert_int_equal(hcb_process_stop(pid, HCB_SEC), 0);
	assert_int_equal(kill(pid, 0), -1);
}

/* An intermediate process runs each kind and is killed: the daemon stays, the other goes.
 */
static void run_and_be_killed(int fd)
{
	struct hcb_err err = HCB_ERR_INIT;
	pid_t daemon_pid;
	char cmd[256];
	if (hcb_child_daemon(RUN("sleep", "1000"), &plain, &daemon_pid, &err))
		_exit(1);
	/* Its descriptors are closed on exec; ours are still to be found in /proc. */
	snprintf(cmd, sizeof(cmd), "echo %d $$ >/proc/%d/fd/%d; exec sleep 1000",
	         (int)daemon_pid, (int)getpid(), fd);
	hcb_child_run(RUN("sh", "-c", cmd), &plain, NULL, &err);
	_exit(1);
}

static void test_death_of_the_parent(void **state)
{
	int fd[2], daemon_pid = 0, child_pid = 0;
	char text[64] = "";
	(void)state;
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	fflush(NULL);
	pid_t middle = fork();
	if (middle == 0)
		run_and_be_killed(fd[1]);
	assert_true(read(fd[0], text, sizeof(text) - 1) > 0);
	assert_int_equal(sscanf(text, "%d %d", &daemon_pid, &child_pid), 2);
	assert_true(hcb_process_alive(child_pid) && hcb_process_alive(daemon_pid));
	kill(middle, SIGKILL);
	waitpid(middle, NULL, 0);
	wait_for(!hcb_process_alive(child_pid));
	assert_true(hcb_process_alive(daemon_pid));
	assert_int_equal(hcb_process_stop(daemon_pid, 20 * HCB_SEC), 0);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_output_is_captured_apart),
	        cmocka_unit_test(test_nothing_printed_is_an_empty_string),
	        cmocka_unit_test(test_failure_names_command_status_and_last_line),
	        cmocka_unit_test(test_quiet_fail_leaves_the_status_to_the_caller),
	        cmocka_unit_test(test_the_parents_signal_is_passed_on),
	        cmocka_unit_test(test_missing_command),
	        cmocka_unit_test(test_sbin_is_searched_without_path),
	        cmocka_unit_test(test_no_deadline_is_refused),
	        cmocka_unit_test(test_deadline_kills_the_whole_group),
	        cmocka_unit_test(test_deadline_holds_against_endless_output),
	        cmocka_unit_test(
	                test_output_past_the_bound_is_dropped_and_the_child_ends),
	        cmocka_unit_test(test_background_process_does_not_hold_us_up),
	        cmocka_unit_test(test_stdin_is_fed_or_null),
	        cmocka_unit_test(test_environment_is_added_to),
	        cmocka_unit_test(test_signals_and_files_are_not_inherited),
	        cmocka_unit_test(test_stderr_to_a_log_is_appended),
	        cmocka_unit_test(test_bad_network_namespaces),
	        cmocka_unit_test(test_network_namespace_is_entered),
	        cmocka_unit_test(test_daemon_has_its_own_session_and_is_stopped),
	        cmocka_unit_test(test_daemon_that_cannot_start_is_an_error),
	        cmocka_unit_test(test_stop_kills_who_ignores_term_or_is_stopped),
	        cmocka_unit_test(test_stop_lets_a_stopped_process_end_by_itself),
	        cmocka_unit_test(test_stop_refuses_pids_that_mean_more_than_one),
	        cmocka_unit_test(test_zombie_is_not_alive),
	        cmocka_unit_test(test_death_of_the_parent),
	};
	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
