/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ceph's admin socket: one JSON command ended by a NUL byte, answered by a big-endian
 * 32-bit length and that many bytes of JSON. A unix socket: no namespace is needed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engines/ceph_json.h"
#include "lab/impl.h"

#define ANSWER_MAX (16u << 20)

static int transfer(int fd, bool out, void *buf, size_t len, uint64_t deadline_ns)
{
	char *p = buf;
	while (len) {
		struct pollfd pfd = {.fd = fd, .events = out ? POLLOUT : POLLIN};
		uint64_t now = hcb_monotonic_ns();
		if (now >= deadline_ns)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, (int)((deadline_ns - now) / HCB_MS) + 1) <= 0)
			continue;
		ssize_t n = out ? send(fd, p, len, MSG_NOSIGNAL) : recv(fd, p, len, 0);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int ask(int fd, const char *command, uint64_t deadline_ns, char **answer)
{
	char line[256];
	uint32_t len;
	int n = snprintf(line, sizeof(line), "%s%s%s",
	                 command[0] == '{' ? "" : "{\"prefix\":\"", command,
	                 command[0] == '{' ? "" : "\"}");
	if (n < 0 || (size_t)n >= sizeof(line))
		return -E2BIG;
	int r = transfer(fd, true, line, (size_t)n + 1, deadline_ns);
	if (r == 0)
		r = transfer(fd, false, &len, sizeof(len), deadline_ns);
	if (r)
		return r;
	len = ntohl(len);
	if (len > ANSWER_MAX)
		return -EMSGSIZE;
	*answer = calloc(1, (size_t)len + 1);
	return *answer ? transfer(fd, false, *answer, len, deadline_ns) : -ENOMEM;
}

int hcb_lab_asok(const char *path, const char *command, uint64_t timeout_ns, json_t **out,
                 struct hcb_err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	uint64_t deadline = hcb_monotonic_ns() + timeout_ns;
	char *answer = NULL;
	*out = NULL;
	if (strlen(path) >= sizeof(sa.sun_path))
		return hcb_err_sys(err, -ENAMETOOLONG, "connect to %s", path);
	memcpy(sa.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return hcb_err_sys(err, -errno, "make a socket");
	int r = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) ? -errno : 0;
	if (r == 0)
		r = ask(fd, command, deadline, &answer);
	close(fd);
	if (r)
		hcb_err_sys(err, r, "ask %s for \"%s\"", path, command);
	else if (!(*out = hcb_ceph_json(answer, strlen(answer))))
		r = hcb_err_set(err, -EINVAL, "ask %s for \"%s\": answer is not JSON",
		                path, command);
	free(answer);
	return r;
}
