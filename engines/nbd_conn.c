/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engines/nbd_conn.h"

#include "config.h"

#ifdef HCB_HAVE_NBD
#include <errno.h>
#include <libnbd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/core/clock.h"
#include "bench/core/guard.h"

#define NS_PER_MS 1000000u

/* libnbd begins its messages with the name of the function, which no user called. */
static const char *last_error(void)
{
	const char *text = nbd_get_error();
	if (!text)
		return "no reason given";
	const char *colon = strncmp(text, "nbd_", 4) == 0 ? strstr(text, ": ") : NULL;
	return colon ? colon + 2 : text;
}

static int last_errno(void)
{
	int e = nbd_get_errno();
	return e > 0 ? -e : -EIO;
}

static void lose(struct hcb_nbd_conn *c, const char *why)
{
	c->fd = -1;
	if (!c->lost[0])
		snprintf(c->lost, sizeof(c->lost), "%s", why);
}

bool hcb_nbd_look(struct hcb_nbd_conn *c)
{
	if (c->fd >= 0 && nbd_aio_is_closed(c->h))
		lose(c, "the server closed the connection");
	else if (c->fd >= 0 && nbd_aio_is_dead(c->h))
		lose(c, last_error());
	return c->fd >= 0;
}

/*
 * libnbd may only be told that the socket is readable when it is: told so in vain it goes
 * on waiting for a reply, and sends nothing that is submitted meanwhile. Hence a poll
 * before each.
 */
int hcb_nbd_step(struct hcb_nbd_conn *c, int timeout_ms)
{
	if (c->fd < 0)
		return -ENOTCONN;
	unsigned dir = nbd_aio_get_direction(c->h);
	struct pollfd p = {.fd = c->fd};
	p.events = (short)((dir & LIBNBD_AIO_DIRECTION_READ ? POLLIN : 0) |
	                   (dir & LIBNBD_AIO_DIRECTION_WRITE ? POLLOUT : 0));
	if (poll(&p, 1, timeout_ms) <= 0)
		return 0;
	/* One of the two: the first may change what libnbd waits for. Hang-up and errors
	   are found by reading. */
	if ((dir & LIBNBD_AIO_DIRECTION_READ) && (p.revents & ~POLLOUT))
		nbd_aio_notify_read(c->h);
	else
		nbd_aio_notify_write(c->h);
	return hcb_nbd_look(c) ? 1 : -ENOTCONN;
}

/* Milliseconds until a point in time, rounded up; 0 if it has passed. */
static int ms_until(uint64_t end_ns)
{
	uint64_t now = hcb_monotonic_ns();
	uint64_t ms = now < end_ns ? (end_ns - now) / NS_PER_MS + 1 : 0;
	return ms > 60000 ? 60000 : (int)ms;
}

/* ---- connecting ---- */

static int setup(struct hcb_nbd_conn *c, const char *export)
{
	/*
	 * Simple replies: a read's data come whole or not at all, so that libnbd need not
	 * be asked whether a server left some out; and a server that asks its storage for
	 * holes at each structured read (QEMU's does) would be slower for it.
	 * Buffers are not cleared before each read: only a server that left data out
	 * would leave anything in them.
	 */
	if (nbd_set_request_structured_replies(c->h, false) ||
	    nbd_set_pread_initialize(c->h, false) ||
	    nbd_set_uri_allow_transports(c->h, LIBNBD_ALLOW_TRANSPORT_UNIX) ||
	    nbd_set_uri_allow_local_file(c->h, false))
		return -1;
	return *export ? nbd_set_export_name(c->h, export) : 0;
}

static int start(struct hcb_nbd_conn *c, const char *address)
{
	if (strncmp(address, "unix:", 5) == 0)
		return nbd_aio_connect_unix(c->h, address + 5);
	return nbd_aio_connect_uri(c->h, address);
}

static int shake_hands(struct hcb_nbd_conn *c, struct hcb_err *err)
{
	uint64_t end = hcb_monotonic_ns() + c->deadline_ns;
	c->fd = nbd_aio_get_fd(c->h);
	while (!nbd_aio_is_ready(c->h)) {
		int ms = ms_until(end);
		if (!ms)
			return hcb_err_set(err, -ETIMEDOUT,
			                   "open %s: the server did not finish the "
			                   "handshake within the deadline",
			                   c->name);
		if (hcb_nbd_step(c, ms) < 0)
			return hcb_err_set(err, last_errno(), "open %s: %s", c->name,
			                   c->lost);
	}
	return 0;
}

static uint32_t block_size(struct hcb_nbd_conn *c, int which)
{
	int64_t n = nbd_get_block_size(c->h, which);
	return n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

static void ask(struct hcb_nbd_conn *c)
{
	int64_t size = nbd_get_size(c->h);
	const char *protocol = nbd_get_protocol(c->h);
	c->size_bytes = size > 0 ? (uint64_t)size : 0;
	c->min_block = block_size(c, LIBNBD_SIZE_MINIMUM);
	c->preferred_block = block_size(c, LIBNBD_SIZE_PREFERRED);
	c->max_block = block_size(c, LIBNBD_SIZE_MAXIMUM);
	c->read_only = nbd_is_read_only(c->h) == 1;
	c->can_flush = nbd_can_flush(c->h) == 1;
	c->can_fua = nbd_can_fua(c->h) == 1;
	c->can_trim = nbd_can_trim(c->h) == 1;
	c->can_multi_conn = nbd_can_multi_conn(c->h) == 1;
	c->rotational = nbd_is_rotational(c->h) == 1;
	snprintf(c->protocol, sizeof(c->protocol), "%s", protocol ? protocol : "unknown");
}

int hcb_nbd_connect(struct hcb_nbd_conn *c, const char *address, const char *export,
                    struct hcb_err *err)
{
	int r;
	c->fd = c->lock_fd = -1;
	c->lost[0] = '\0';
	c->h = nbd_create();
	if (!c->h)
		return hcb_err_set(err, last_errno(), "open %s: %s", c->name,
		                   last_error());
	if (setup(c, export) || start(c, address))
		r = hcb_err_set(err, last_errno(), "open %s: %s", c->name, last_error());
	else
		r = shake_hands(c, err);
	if (r) {
		hcb_nbd_disconnect(c, false);
		return r;
	}
	ask(c);
	return 0;
}

void hcb_nbd_disconnect(struct hcb_nbd_conn *c, bool politely)
{
	uint64_t end = hcb_monotonic_ns() + c->deadline_ns;
	if (politely && c->fd >= 0 && nbd_aio_disconnect(c->h, 0) == 0)
		while (ms_until(end) && hcb_nbd_step(c, ms_until(end)) >= 0)
			;
	nbd_close(c->h); /* forgets what is in flight, and waits for nothing */
	c->h = NULL;
	c->fd = -1;
	if (c->lock_fd >= 0)
		close(c->lock_fd);
	c->lock_fd = -1;
}

/* ---- single transfers ---- */

struct answer {
	bool done;
	int error;
};

static int on_answer(void *arg, int *error)
{
	struct answer *a = arg;
	a->done = true;
	a->error = *error;
	return 1; /* libnbd may forget the command */
}

static int wait_for(struct hcb_nbd_conn *c, int64_t cookie, struct answer *a)
{
	uint64_t end = hcb_monotonic_ns() + c->deadline_ns;
	if (cookie < 0 && !a->done) /* see hand_over in nbd.c */
		return last_errno();
	while (!a->done && ms_until(end))
		if (hcb_nbd_step(c, ms_until(end)) < 0)
			break;
	if (a->done)
		return -a->error;
	/* The command still points here: libnbd must never work on it again. */
	lose(c, "no answer within the deadline");
	return -ETIMEDOUT;
}

int hcb_nbd_transfer(void *arg, bool write, void *buf, size_t len, uint64_t off)
{
	struct hcb_nbd_conn *c = arg;
	struct answer a = {false, 0};
	nbd_completion_callback done = {.callback = on_answer, .user_data = &a};
	if (c->fd < 0)
		return -ENOTCONN;
	return wait_for(c,
	                write ? nbd_aio_pwrite(c->h, buf, len, off, done, 0)
	                      : nbd_aio_pread(c->h, buf, len, off, done, 0),
	                &a);
}

int hcb_nbd_sync(void *arg)
{
	struct hcb_nbd_conn *c = arg;
	struct answer a = {false, 0};
	nbd_completion_callback done = {.callback = on_answer, .user_data = &a};
	if (c->fd < 0)
		return -ENOTCONN;
	if (!c->can_flush)
		return 0; /* a run refuses such a target; reading it is allowed */
	return wait_for(c, nbd_aio_flush(c->h, done, 0), &a);
}

/* ---- one hcbench at a time ---- */

/*
 * A name in the abstract socket namespace, made of the process that serves, its socket's
 * path and the export's name: the kernel gives it to one, and takes it back when that one
 * ends, however it does.
 */
static socklen_t lock_name(const struct hcb_nbd_conn *c, struct sockaddr_un *me)
{
	struct sockaddr_un peer;
	struct ucred who = {0};
	socklen_t len = sizeof(peer), wlen = sizeof(who);
	memset(&peer, 0, sizeof(peer));
	memset(me, 0, sizeof(*me));
	getpeername(c->fd, (struct sockaddr *)&peer, &len);
	getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &who, &wlen);
	char *export = nbd_get_export_name(c->h);
	const char *e = export ? export : "";
	me->sun_family = AF_UNIX;
	int n = snprintf(me->sun_path + 1, sizeof(me->sun_path) - 1,
	                 "hcbench-nbd-%d-%08x-%08x", (int)who.pid,
	                 hcb_crc32c(peer.sun_path, sizeof(peer.sun_path)),
	                 hcb_crc32c(e, strlen(e)));
	free(export);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

int hcb_nbd_lock(struct hcb_nbd_conn *c, struct hcb_err *err)
{
	struct sockaddr_un me;
	socklen_t len = lock_name(c, &me);
	c->lock_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->lock_fd < 0)
		return hcb_err_sys(err, -errno, "lock %s", c->name);
	if (bind(c->lock_fd, (struct sockaddr *)&me, len) == 0)
		return 0;
	if (errno == EADDRINUSE)
		return hcb_err_refuse(err, "%s is in use by another hcbench", c->name);
	return hcb_err_sys(err, -errno, "lock %s", c->name);
}
#endif
