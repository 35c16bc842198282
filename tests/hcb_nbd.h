/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NBD servers of a test's own: nbdkit and qemu-storage-daemon, over a socket in the
 * test's directory. They end with the test, however it ends.
 */
#ifndef HCB_TESTS_NBD_H
#define HCB_TESTS_NBD_H

#include "hcb_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct hcb_test_nbd {
	char sock[100]; /* what a socket address holds */
	pid_t pid;      /* 0: none runs */
};

#define HCB_NBD_SOCK "@SOCK@" /* in an argument: the socket's path */

/* Why no such server can be started, or NULL. */
static inline const char *hcb_test_no_server(const char *prog)
{
	static const char *const dirs[] = {"/usr/bin", "/usr/sbin", "/usr/local/bin"};
	static char why[96];
	char path[160];
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], prog);
		if (access(path, X_OK) == 0)
			return NULL;
	}
	snprintf(why, sizeof(why), "%s is not installed", prog);
	return why;
}

static inline bool hcb_test_nbd_answers(const char *sock)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", sock);
	bool yes = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
	close(fd);
	return yes;
}

/* In the child: "@SOCK@" in an argument becomes the path. */
static inline void hcb_test_nbd_exec(const struct hcb_test_nbd *s,
                                     const char *const *argv)
{
	char *out[32], text[32][512];
	int i;
	for (i = 0; argv[i] && i < 31; i++) {
		const char *at = strstr(argv[i], HCB_NBD_SOCK);
		int before = at ? (int)(at - argv[i]) : (int)strlen(argv[i]);
		snprintf(text[i], sizeof(text[i]), "%.*s%s%s", before, argv[i],
		         at ? s->sock : "", at ? at + strlen(HCB_NBD_SOCK) : "");
		out[i] = text[i];
	}
	out[i] = NULL;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2); /* it tells of each client that only asked whether it answers */
	execvp(out[0], out);
	_exit(127);
}

/* Starts a server whose socket lies in dir; argv holds "@SOCK@" where its path belongs.
   0 once it answers, else -1. */
static inline int hcb_test_nbd_start(struct hcb_test_nbd *s, const char *dir,
                                     const char *const *argv)
{
	static unsigned n;
	int len = snprintf(s->sock, sizeof(s->sock), "%s/nbd%u", dir, n++);
	if (len < 0 || (size_t)len >= sizeof(s->sock))
		return -1;
	s->pid = fork();
	if (s->pid == 0)
		hcb_test_nbd_exec(s, argv);
	for (int tries = 0; s->pid > 0 && tries < 1000; tries++) {
		if (hcb_test_nbd_answers(s->sock))
			return 0;
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
			break;
		usleep(10000);
	}
	s->pid = 0;
	return -1;
}

/* Lets it put away what it made; a server that takes longer is killed. */
static inline void hcb_test_nbd_stop(struct hcb_test_nbd *s)
{
	bool gone = s->pid <= 0 || kill(s->pid, SIGTERM) != 0;
	for (int tries = 0; !gone && tries < 200; tries++) {
		usleep(10000);
		gone = waitpid(s->pid, NULL, WNOHANG) == s->pid;
	}
	if (!gone) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
	unlink(s->sock);
}

static inline void hcb_test_nbd_kill(struct hcb_test_nbd *s)
{
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
	unlink(s->sock);
}

#endif
