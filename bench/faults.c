/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/core/clock.h"
#include "bench/core/units.h"

extern char **environ;

int hcb_faults_init(struct hcb_faults *f, const struct hcb_fault_source *source,
                    const struct hcb_fault *list, unsigned n, struct hcb_err *err)
{
	memset(f, 0, sizeof(*f));
	f->source = source;
	if (n && !source)
		return hcb_err_usage(err,
		                     "fault %s: nothing here can be broken on purpose; "
		                     "faults need --lab",
		                     list[0].verb);
	for (unsigned i = 0; i < n; i++) {
		int r = source->check(source->arg, &list[i], err);
		if (r)
			return r;
		f->event[i] = (struct hcb_fault_event){.fault = &list[i],
		                                       .started_ns = HCB_NEVER,
		                                       .ended_ns = HCB_NEVER,
		                                       .pid = -1,
		                                       .fd = -1};
	}
	f->n = n;
	return 0;
}

/* posix_spawn shares memory until the exec: a fork of a process with gigabytes of buffers
   would hold the loop up. */
static int spawn(struct hcb_fault_event *e, const char **argv)
{
	posix_spawn_file_actions_t fa;
	int fd[2];
	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, fd[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&fa, fd[1], STDERR_FILENO);
	union {
		const char **in;
		char *const *out;
	} v = {argv}; /* posix_spawn does not write to them */
	int r = posix_spawnp(&e->pid, argv[0], &fa, NULL, v.out, environ);
	posix_spawn_file_actions_destroy(&fa);
	close(fd[1]);
	if (r) {
		close(fd[0]);
		e->pid = -1;
		return -r;
	}
	e->fd = fd[0];
	return 0;
}

static void start(struct hcb_faults *f, struct hcb_fault_event *e, uint64_t now_ns)
{
	const char *argv[HCB_FAULT_ARGS] = {NULL};
	char buf[512];
	f->source->command(f->source->arg, e->fault, argv, buf, sizeof(buf));
	e->started_ns = now_ns;
	e->failed = spawn(e, argv);
	if (e->failed) {
		e->ended_ns = now_ns;
		snprintf(e->said, sizeof(e->said), "%s", strerror(-e->failed));
	}
}

/* Keeps the last line, whatever came before it. */
static void listen_to(struct hcb_fault_event *e)
{
	char buf[512];
	ssize_t n;
	while ((n = read(e->fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			bool ended = e->n_said && e->said[e->n_said - 1] == '\n';
			if (ended)
				e->n_said = 0;
			if (e->n_said + 1 < sizeof(e->said))
				e->said[e->n_said++] = buf[i];
		}
}

static void end(struct hcb_fault_event *e, uint64_t now_ns)
{
	listen_to(e);
	close(e->fd);
	e->fd = -1;
	e->pid = -1;
	e->ended_ns = now_ns;
	while (e->n_said && (e->said[e->n_said - 1] == '\n'))
		e->n_said--;
	e->said[e->n_said] = '\0';
}

static bool notice(struct hcb_fault_event *e, uint64_t now_ns)
{
	if (e->pid < 0)
		return false;
	listen_to(e);
	if (waitpid(e->pid, &e->status, WNOHANG) == 0)
		return true;
	end(e, now_ns);
	return false;
}

void hcb_faults_tick(struct hcb_faults *f, uint64_t now_ns)
{
	for (unsigned i = 0; i < f->started; i++)
		notice(&f->event[i], now_ns);
	while (f->started < f->n && f->event[f->started].fault->at_ns <= now_ns)
		start(f, &f->event[f->started++], now_ns);
}

uint64_t hcb_faults_next_ns(const struct hcb_faults *f)
{
	return f->started < f->n ? f->event[f->started].fault->at_ns : HCB_NEVER;
}

void hcb_faults_finish(struct hcb_faults *f, const struct hcb_clock *clock,
                       uint64_t timeout_ns)
{
	uint64_t until = hcb_monotonic_ns() + timeout_ns;
	for (unsigned i = 0; i < f->started; i++) {
		struct hcb_fault_event *e = &f->event[i];
		while (notice(e, hcb_clock_now(clock)) && hcb_monotonic_ns() < until)
			poll(NULL, 0, 50);
		if (e->pid < 0)
			continue;
		kill(e->pid, SIGKILL);
		waitpid(e->pid, &e->status, 0);
		end(e, hcb_clock_now(clock));
	}
}

static json_t *seconds(uint64_t ns)
{
	return ns == HCB_NEVER ? json_null() : json_real((double)ns / 1e9);
}

static json_t *exit_of(const struct hcb_fault_event *e)
{
	if (e->ended_ns == HCB_NEVER || e->failed)
		return json_null();
	return json_integer(WIFEXITED(e->status) ? WEXITSTATUS(e->status)
	                                         : 128 + WTERMSIG(e->status));
}

json_t *hcb_faults_json(const struct hcb_faults *f)
{
	json_t *a = json_array();
	for (unsigned i = 0; i < f->n; i++) {
		const struct hcb_fault_event *e = &f->event[i];
		char what[256];
		snprintf(what, sizeof(what), "%s%s%s", e->fault->verb,
		         *e->fault->args ? " " : "", e->fault->args);
		json_array_append_new(a,
		                      json_pack("{sfsssosososs}", "at_s",
		                                (double)e->fault->at_ns / 1e9, "do", what,
		                                "started_s", seconds(e->started_ns),
		                                "ended_s", seconds(e->ended_ns), "exit",
		                                exit_of(e), "said", e->said));
	}
	return a;
}
