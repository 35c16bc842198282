/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/core/clock.h"
#include "bench/core/units.h"

#define CAPTURE_MAX (16u * 1024 * 1024)
#define KILL_WAIT_NS                                                                     \
	(5 * HCB_SEC) /* SIGKILL is not instant for a process stuck in the kernel */
#define START_WAIT_NS (10 * HCB_SEC)
/* A signal may come between the look at its number and poll. */
#define STOP_LOOK_MS  200

/* Everything the child needs, made before the fork: after it only system calls are safe.
 */
struct spawn {
	char path[PATH_MAX];
	char name[128]; /* for messages */
	char *const *argv;
	char **env;
	int in, out, errout, netns, report;
	bool daemon;
	pid_t parent;
};

/* What the child sends through the report pipe if it does not get as far as exec. */
struct failure {
	int code;
	bool in_netns;
};

struct capture {
	int fd;
	char *text;
	size_t len, cap;
};

struct watch {
	pid_t pid;
	int pidfd;
	const volatile sig_atomic_t *stop;
	bool stopped;
	struct capture out, errout;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* dup2 onto 0..2 in the child must not run over a source that lies there itself. */
static int above_stdio(int fd)
{
	if (fd < 0 || fd > 2)
		return fd;
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int code = errno;
	close(fd);
	errno = code;
	return high;
}

static int make_pipe(int *rd, int *wr)
{
	int fd[2];
	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	*rd = above_stdio(fd[0]);
	*wr = above_stdio(fd[1]);
	return *rd < 0 || *wr < 0 ? -EMFILE : 0;
}

/* ------------------------------------------------------------- in the child ---- */

__attribute__((noreturn)) static void give_up(const struct spawn *s, bool in_netns)
{
	struct failure f = {.code = errno, .in_netns = in_netns};
	ssize_t n = write(s->report, &f, sizeof(f));
	_exit(n == (ssize_t)sizeof(f) ? 127 : 126);
}

/* A fresh program expects default signals: hcbench ignores SIGPIPE and may block others.
 */
static void reset_signals(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	sigset_t none;
	for (int i = 1; i < _NSIG; i++)
		sigaction(i, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_inherited(void)
{
	if (close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (int fd = 3; fd < 4096; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

__attribute__((noreturn)) static void child_main(const struct spawn *s)
{
	reset_signals();
	if (s->daemon) {
		setsid();
	} else {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* The parent may have died before the line above took effect. */
		if (getppid() != s->parent)
			_exit(127);
	}
	if (s->netns >= 0 && setns(s->netns, CLONE_NEWNET))
		give_up(s, true);
	if (dup2(s->in, 0) < 0 || dup2(s->out, 1) < 0 || dup2(s->errout, 2) < 0)
		give_up(s, false);
	close_inherited();
	execve(s->path, s->argv, s->env);
	give_up(s, false);
}

/* ----------------------------------------------------- preparing, in the parent ---- */

static bool is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool search_path(const char *dirs, const char *name, char *out, size_t n)
{
	while (dirs && *dirs) {
		size_t len = strcspn(dirs, ":");
		int w = snprintf(out, n, "%.*s%s%s", (int)len, dirs, len ? "/" : "./",
		                 name);
		if (w > 0 && (size_t)w < n && is_program(out))
			return true;
		dirs += len + (dirs[len] == ':');
	}
	return false;
}

/* ip, losetup and lvs live in /usr/sbin, which a user's PATH on Debian lacks. */
static int find_command(const char *name, char *out, size_t n)
{
	if (strchr(name, '/')) {
		int w = snprintf(out, n, "%s", name);
		return w < 0 || (size_t)w >= n ? -ENAMETOOLONG : 0;
	}
	if (search_path(getenv("PATH"), name, out, n) ||
	    search_path("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	                name, out, n))
		return 0;
	return -ENOENT;
}

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");
	return strcspn(b, "=") == n && strncmp(a, b, n) == 0;
}

/* environ, with the extra strings replacing those of the same name. Strings are not
 * copied. */
static char **merge_env(const char *const *extra)
{
	size_t n_old = 0, n_new = 0, n = 0;
	while (environ && environ[n_old])
		n_old++;
	while (extra && extra[n_new])
		n_new++;
	char **env = calloc(n_old + n_new + 1, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < n_old; i++) {
		bool replaced = false;
		for (size_t j = 0; j < n_new && !replaced; j++)
			replaced = same_name(environ[i], extra[j]);
		if (!replaced)
			env[n++] = environ[i];
	}
	if (n_new)
		memcpy(env + n, extra, n_new * sizeof(*env));
	return env;
}

static void name_command(const char *const *argv, char *out, size_t n)
{
	size_t len = 0;
	out[0] = '\0';
	for (int i = 0; argv[i] && len + 1 < n; i++) {
		int w = snprintf(out + len, n - len, "%s%s", i ? " " : "", argv[i]);
		len += w > 0 ? (size_t)w : 0;
	}
	if (len >= n)
		memcpy(out + n - 4, "...", 4);
}

static int open_netns(struct spawn *s, const char *netns, struct hcb_err *err)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') ? "" : "/run/netns/",
	         netns);
	s->netns = above_stdio(open(path, O_RDONLY | O_CLOEXEC));
	if (s->netns < 0)
		return hcb_err_sys(err, -errno, "run %s: open network namespace %s",
		                   s->name, path);
	return 0;
}

/* A file in memory, not a pipe: nothing to feed while waiting and no SIGPIPE. */
static int open_stdin(const char *text)
{
	if (!text)
		return above_stdio(open("/dev/null", O_RDONLY | O_CLOEXEC));
	int fd = above_stdio(memfd_create("stdin", MFD_CLOEXEC));
	size_t len = strlen(text), done = 0;
	while (fd >= 0 && done < len) {
		ssize_t n = write(fd, text + done, len - done);
		if (n < 0 && errno != EINTR)
			close_fd(&fd);
		else if (n > 0)
			done += (size_t)n;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

static int spawn_prepare(struct spawn *s, const char *const *argv,
                         const struct hcb_child_opts *opts, struct hcb_err *err)
{
	*s = (struct spawn){.in = -1, .out = -1, .errout = -1, .netns = -1, .report = -1};
	name_command(argv, s->name, sizeof(s->name));
	/* execve wants char *const *, and does not write. */
	memcpy(&s->argv, &argv, sizeof(s->argv));
	int r = find_command(argv[0], s->path, sizeof(s->path));
	if (r)
		return hcb_err_set(err, r, "run %s: command not found", s->name);
	s->env = merge_env(opts->env);
	if (!s->env)
		return hcb_err_sys(err, -ENOMEM, "run %s", s->name);
	if (opts->netns && (r = open_netns(s, opts->netns, err)))
		return r;
	s->in = open_stdin(opts->stdin_text);
	if (s->in < 0)
		return hcb_err_sys(err, -errno, "run %s: open its standard input",
		                   s->name);
	if (opts->log_path) {
		s->errout = above_stdio(open(
		        opts->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
		if (s->errout < 0)
			return hcb_err_sys(err, -errno, "run %s: open log %s", s->name,
			                   opts->log_path);
	}
	return 0;
}

static void spawn_free(struct spawn *s)
{
	close_fd(&s->in);
	close_fd(&s->out);
	close_fd(&s->errout);
	close_fd(&s->netns);
	close_fd(&s->report);
	free(s->env);
	s->env = NULL;
}

/* ------------------------------------------------------------------ waiting ---- */

static int poll_ms(uint64_t deadline_ns)
{
	uint64_t now = hcb_monotonic_ns();
	if (now >= deadline_ns)
		return 0;
	uint64_t ms = (deadline_ns - now + HCB_MS - 1) / HCB_MS;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* 1 readable (or hung up), 0 deadline passed. */
static int wait_readable(int fd, uint64_t deadline_ns)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int ms = poll_ms(deadline_ns);
		int n = poll(&p, 1, ms);
		if (n > 0)
			return 1;
		if (n == 0 && ms == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return 0;
	}
}

/* Kills the whole group: a hung wrapper's own children would hold the pipes open. */
static void kill_group(pid_t pid, int pidfd, int *status)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	if (pidfd < 0 || wait_readable(pidfd, hcb_monotonic_ns() + KILL_WAIT_NS))
		waitpid(pid, status, 0);
}

/* Signals wait during the fork: the child must not run the parent's handlers. */
static pid_t fork_child(const struct spawn *s)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid_t pid = fork();
	if (pid == 0)
		child_main(s);
	int code = errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = code;
	return pid;
}

/* Forks and waits until the child is another program, or has said why not. */
static pid_t spawn_start(struct spawn *s, uint64_t deadline_ns, int *pidfd,
                         struct hcb_err *err)
{
	struct failure f = {0, false};
	int rd = -1, status;
	int r = make_pipe(&rd, &s->report);
	if (r) {
		close_fd(&rd);
		return hcb_err_sys(err, r, "run %s: make a pipe", s->name);
	}
	s->parent = getpid();
	pid_t pid = fork_child(s);
	close_fd(&s->report);
	if (pid < 0) {
		r = hcb_err_sys(err, -errno, "run %s: fork", s->name);
		goto out;
	}
	if (!s->daemon)
		setpgid(pid, pid);
	*pidfd = pidfd_open(pid, 0);
	if (*pidfd < 0)
		r = hcb_err_sys(err, -errno, "run %s: pidfd_open", s->name);
	else if (!wait_readable(rd, deadline_ns))
		r = hcb_err_set(err, -ETIMEDOUT, "run %s: did not start in time",
		                s->name);
	else if (read(rd, &f, sizeof(f)) == (ssize_t)sizeof(f))
		r = hcb_err_sys(err, -f.code, "run %s%s", s->name,
		                f.in_netns ? ": enter network namespace" : "");
	if (r) {
		kill_group(pid, *pidfd, &status);
		close_fd(pidfd);
	}
out:
	close_fd(&rd);
	return r ? r : pid;
}

/*
 * Reads what is there, but not for ever: a child may write as fast as we read. That many
 * rounds empty a full pipe. Past CAPTURE_MAX it is read and dropped, so that the child
 * goes on.
 */
static int capture_read(struct capture *c)
{
	char drop[65536];
	for (int round = 0; round < 64 && c->fd >= 0; round++) {
		if (c->len + 1 >= c->cap && c->cap < CAPTURE_MAX) {
			size_t cap = c->cap ? c->cap * 2 : 16384;
			char *bigger = realloc(c->text, cap);
			if (!bigger)
				return -ENOMEM;
			c->text = bigger;
			c->cap = cap;
		}
		size_t room = c->cap - 1 - c->len;
		/* cppcheck-suppress legacyUninitvar ; read() fills it */
		ssize_t n = read(c->fd, room ? c->text + c->len : drop,
		                 room ? room : sizeof(drop));
		if (n > 0 && room)
			c->len += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0 && errno == EAGAIN)
			return 0;
		else if (n <= 0)
			close_fd(&c->fd);
	}
	return 0;
}

static int next_look_ms(const struct watch *w, uint64_t deadline_ns)
{
	int ms = poll_ms(deadline_ns);
	return w->stop && !w->stopped && ms > STOP_LOOK_MS ? STOP_LOOK_MS : ms;
}

static void pass_signal(struct watch *w, uint64_t *deadline_ns)
{
	uint64_t end = hcb_monotonic_ns() + HCB_CHILD_STOP_NS;
	if (!w->stop || !*w->stop || w->stopped)
		return;
	w->stopped = true;
	kill(w->pid, (int)*w->stop);
	if (end < *deadline_ns)
		*deadline_ns = end;
}

/*
 * Until the process has ended, not until its pipes have: a daemon it left behind may hold
 * them for ever. 0 or -ETIMEDOUT or -ENOMEM; the process is reaped in each case.
 */
static int watch_child(struct watch *w, uint64_t deadline_ns, int *status)
{
	int r = 0;
	while (r == 0) {
		struct pollfd p[] = {{.fd = w->pidfd, .events = POLLIN},
		                     {.fd = w->out.fd, .events = POLLIN},
		                     {.fd = w->errout.fd, .events = POLLIN}};
		pass_signal(w, &deadline_ns);
		int n = poll(p, 3, next_look_ms(w, deadline_ns));
		if (n < 0 && errno != EINTR)
			r = -errno;
		/* A child that never stops printing must not outrun the deadline. */
		if (!(n > 0 && p[0].revents) && poll_ms(deadline_ns) == 0)
			r = -ETIMEDOUT;
		if (r == 0 && (capture_read(&w->out) || capture_read(&w->errout)))
			r = -ENOMEM;
		if (r == 0 && n > 0 && p[0].revents) {
			waitpid(w->pid, status, 0);
			return 0;
		}
	}
	kill_group(w->pid, w->pidfd, status);
	if (r == -ETIMEDOUT && (capture_read(&w->out) || capture_read(&w->errout)))
		r = -ENOMEM;
	return r;
}

/* ----------------------------------------------------------------- messages ---- */

/* The last line that says something, without control characters. */
static void last_line(const struct capture *c, char *out, size_t n)
{
	size_t end = c->len, begin, len;
	while (end > 0 && strchr(" \t\r\n", c->text[end - 1]))
		end--;
	begin = end;
	while (begin > 0 && c->text[begin - 1] != '\n')
		begin--;
	len = end - begin < n - 1 ? end - begin : n - 1;
	for (size_t i = 0; i < len; i++) {
		unsigned char ch = (unsigned char)c->text[begin + i];
		out[i] = ch < ' ' || ch == 0x7f ? ' ' : (char)ch;
	}
	out[len] = '\0';
}

static int judge(const struct spawn *s, const struct hcb_child_opts *opts, int status,
                 int r, const struct capture *errout, struct hcb_err *err)
{
	char tail[256] = "", after[300] = "", dur[32];
	if (errout->len)
		last_line(errout, tail, sizeof(tail));
	if (tail[0])
		snprintf(after, sizeof(after), ": %s", tail);
	else if (opts->log_path)
		snprintf(after, sizeof(after), "; see %s", opts->log_path);
	if (r == -ETIMEDOUT)
		return hcb_err_set(
		        err, r, "run %s: killed, not done within %s%s", s->name,
		        hcb_fmt_ns(dur, sizeof(dur), (double)opts->timeout_ns), after);
	if (r)
		return hcb_err_sys(err, r, "run %s", s->name);
	if (WIFSIGNALED(status))
		return hcb_err_set(err, -EIO, "run %s: killed by signal %d%s", s->name,
		                   WTERMSIG(status), after);
	if (WEXITSTATUS(status) && !opts->quiet_fail)
		return hcb_err_set(err, -EIO, "run %s: exit status %d%s", s->name,
		                   WEXITSTATUS(status), after);
	return 0;
}

/* ------------------------------------------------------------------- public ---- */

static int connect_output(struct spawn *s, struct watch *w, bool capture_err,
                          struct hcb_err *err)
{
	int r = make_pipe(&w->out.fd, &s->out);
	if (r == 0 && capture_err)
		r = make_pipe(&w->errout.fd, &s->errout);
	if (r)
		return hcb_err_sys(err, r, "run %s: make a pipe", s->name);
	/* Only our ends; the child's writes may block. */
	fcntl(w->out.fd, F_SETFL, O_NONBLOCK);
	if (w->errout.fd >= 0)
		fcntl(w->errout.fd, F_SETFL, O_NONBLOCK);
	return 0;
}

static void hand_over(struct capture *c, char **text, size_t *len)
{
	if (c->text)
		c->text[c->len] = '\0';
	else
		c->text = strdup("");
	*text = c->text;
	*len = c->len;
	c->text = NULL;
}

int hcb_child_run(const char *const *argv, const struct hcb_child_opts *opts,
                  struct hcb_child_result *res, struct hcb_err *err)
{
	struct spawn s;
	struct watch w = {
	        .pidfd = -1, .stop = opts->stop, .out = {.fd = -1}, .errout = {.fd = -1}};
	int status = 0;
	if (res)
		memset(res, 0, sizeof(*res));
	if (!opts->timeout_ns)
		return hcb_err_set(err, -EINVAL, "run %s: bug: no deadline given",
		                   argv[0]);
	uint64_t deadline = hcb_monotonic_ns() + opts->timeout_ns;
	int r = spawn_prepare(&s, argv, opts, err);
	if (r == 0)
		r = connect_output(&s, &w, !opts->log_path, err);
	if (r == 0) {
		w.pid = spawn_start(&s, deadline, &w.pidfd, err);
		r = w.pid < 0 ? w.pid : 0;
	}
	if (r == 0) {
		/* The child alone must hold the writing ends, or end of file never comes.
		 */
		close_fd(&s.out);
		close_fd(&s.errout);
		r = watch_child(&w, deadline, &status);
		if (res) {
			res->status = status;
			res->timed_out = r == -ETIMEDOUT;
		}
		r = judge(&s, opts, status, r, &w.errout, err);
		if (res) {
			hand_over(&w.out, &res->out, &res->out_len);
			hand_over(&w.errout, &res->errout, &res->err_len);
		}
	}
	spawn_free(&s);
	close_fd(&w.out.fd);
	close_fd(&w.errout.fd);
	close_fd(&w.pidfd);
	free(w.out.text);
	free(w.errout.text);
	return r;
}

void hcb_child_result_free(struct hcb_child_result *res)
{
	free(res->out);
	free(res->errout);
	memset(res, 0, sizeof(*res));
}

int hcb_child_daemon(const char *const *argv, const struct hcb_child_opts *opts,
                     pid_t *pid, struct hcb_err *err)
{
	struct spawn s;
	int pidfd = -1;
	*pid = -1;
	int r = spawn_prepare(&s, argv, opts, err);
	if (r == 0) {
		s.daemon = true;
		if (s.errout < 0)
			s.errout = above_stdio(open("/dev/null", O_WRONLY | O_CLOEXEC));
		s.out = fcntl(s.errout, F_DUPFD_CLOEXEC, 3);
		if (s.out < 0)
			r = hcb_err_sys(err, -errno, "run %s: open its output", s.name);
	}
	if (r == 0) {
		uint64_t wait = opts->timeout_ns ? opts->timeout_ns : START_WAIT_NS;
		r = spawn_start(&s, hcb_monotonic_ns() + wait, &pidfd, err);
		if (r > 0) {
			*pid = r;
			r = 0;
		}
	}
	close_fd(&pidfd);
	spawn_free(&s);
	return r;
}

int hcb_process_stop(pid_t pid, uint64_t grace_ns)
{
	if (pid <= 1)
		return -EINVAL;
	/* A pidfd goes on naming this process even if its number is used again. */
	int fd = pidfd_open(pid, 0);
	if (fd < 0)
		return errno == ESRCH ? 0 : -errno;
	int r = 0;
	if (pidfd_send_signal(fd, SIGTERM, NULL, 0) && errno != ESRCH)
		r = -errno;
	/* A stopped process does not see SIGTERM until it goes on. */
	pidfd_send_signal(fd, SIGCONT, NULL, 0);
	if (r == 0 && !wait_readable(fd, hcb_monotonic_ns() + grace_ns)) {
		pidfd_send_signal(fd, SIGKILL, NULL, 0);
		if (!wait_readable(fd, hcb_monotonic_ns() + KILL_WAIT_NS))
			r = -ETIMEDOUT;
	}
	close(fd);
	if (r == 0)
		waitpid(pid, NULL, WNOHANG); /* reaps it if it was our own child */
	return r;
}

bool hcb_process_alive(pid_t pid)
{
	char path[64], text[512];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (pid <= 0 || fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	/* The name in parentheses may itself hold blanks and parentheses. */
	const char *paren = strrchr(text, ')');
	return paren && paren[1] == ' ' && !strchr("ZX", paren[2]);
}
