/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Can every host of a network be reached from every other? Asked with TCP to a port that
 * nobody listens on: a refusal is an answer. New sockets, so that the first answer is not
 * waited for until a retransmission.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/impl.h"

#define NOBODY   9 /* discard */
#define TRY_MS   150
/* Rounds that all have to be answered, and the pause between two: 1 s in all. */
#define ROUNDS   5
#define PAUSE_US 200000

struct reach {
	const struct lab *lab;
	unsigned from;
	enum lab_net net;
	uint64_t wait_ns;
};

static bool answers(const char *address)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(NOBODY)};
	int code = 0;
	socklen_t len = sizeof(code);
	inet_pton(AF_INET, address, &sa.sin_addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) && errno == EINPROGRESS) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		code = ETIMEDOUT;
		if (poll(&p, 1, TRY_MS) > 0)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len);
	} else {
		code = errno;
	}
	close(fd);
	return code == ECONNREFUSED || code == 0;
}

static int reach_one(const struct reach *j, unsigned to, uint64_t deadline,
                     struct hcb_err *err)
{
	char address[32];
	lab_address(j->net, to, address, sizeof(address));
	while (!answers(address)) {
		if (hcb_monotonic_ns() > deadline)
			return hcb_err_set(
			        err, -ETIMEDOUT,
			        "reach %s from %s: no answer over \"%s\" in %d s",
			        address, j->lab->hosts[j->from].name,
			        lab_net_kind(j->net)->name, (int)(j->wait_ns / HCB_SEC));
		usleep(20000);
	}
	return 0;
}

static int reach_others(void *arg, struct hcb_err *err)
{
	const struct reach *j = arg;
	uint64_t deadline = hcb_monotonic_ns() + j->wait_ns;
	int r = 0;
	for (unsigned round = 0; r == 0 && round < ROUNDS; round++) {
		if (round)
			usleep(PAUSE_US);
		for (unsigned i = 0; r == 0 && i < j->lab->cluster.n_hosts; i++)
			if (i != j->from)
				r = reach_one(j, i, deadline, err);
	}
	return r;
}

int lab_reach_within(const struct lab *lab, enum lab_net net, uint64_t wait_ns,
                     unsigned *from, struct hcb_err *err)
{
	struct lab_job jobs[HCB_MAX_HOSTS];
	struct reach args[HCB_MAX_HOSTS];
	uint64_t deadline = hcb_monotonic_ns() + wait_ns + 5 * HCB_SEC;
	unsigned n = 0;
	int r = 0;
	*from = 0;
	for (; r == 0 && n < lab->cluster.n_hosts; n++) {
		args[n] = (struct reach){lab, n, net, wait_ns};
		r = lab_job_start(&jobs[n], "reach the other hosts",
		                  net == LAB_NET_VM ? lab->hosts[n].vm_netns
		                                    : lab->hosts[n].netns,
		                  reach_others, &args[n], err);
	}
	for (unsigned i = 0; i < n; i++) {
		int r2 = lab_job_wait(&jobs[i], deadline, r ? NULL : err);
		if (r2 && r == 0)
			*from = i;
		r = r ? r : r2;
	}
	return r;
}
