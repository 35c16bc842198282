/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection to an NBD server through libnbd, over a Unix socket: made, asked what the
 * export can do, used for single transfers outside the run, and taken down, all within
 * deadlines. nbd.c puts ops on it.
 *
 * libnbd is a state machine without a thread of its own: it moves when hcb_nbd_step says
 * that the socket is ready, and inside each nbd_aio_ call. Everything here is called from
 * the run loop's thread.
 */
#ifndef HCB_ENGINES_NBD_CONN_H
#define HCB_ENGINES_NBD_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/core/err.h"

struct nbd_handle;

struct hcb_nbd_conn {
	const char *name;     /* of the target, for messages; set before connecting */
	uint64_t deadline_ns; /* wall time for each of the calls below; likewise */

	struct nbd_handle *h;
	int fd;         /* libnbd's socket; -1: not connected (any more) */
	int lock_fd;    /* see hcb_nbd_lock; -1: none */
	char lost[200]; /* why the connection is gone, "" while it is there */

	/* what the server said of the export */
	uint64_t size_bytes;
	uint32_t min_block, preferred_block, max_block; /* 0: said nothing */
	bool read_only, can_flush, can_fua, can_trim, can_multi_conn, rotational;
	char protocol[32];
};

/*
 * address is an NBD URI for a Unix socket ("nbd+unix:///EXPORT?socket=PATH") or
 * "unix:PATH", whose export is then `export` ("": the server's default). On failure
 * nothing is open.
 */
int hcb_nbd_connect(struct hcb_nbd_conn *c, const char *address, const char *export,
                    struct hcb_err *err);
/* Says goodbye if the connection is there and nothing is in flight, and closes. No
   buffer is referenced afterwards, whatever the server does. */
void hcb_nbd_disconnect(struct hcb_nbd_conn *c, bool politely);

/*
 * Waits at most that long for the socket and lets libnbd do one piece of work: one reply
 * read, or part of what is to be sent. 1: it did, 0: the socket was not ready, -ENOTCONN:
 * the connection is gone, and every command that was out has been completed with that.
 */
int hcb_nbd_step(struct hcb_nbd_conn *c, int timeout_ms);

/* Is the connection there? To be asked after any call into libnbd, which may have found
   that it is not; sets fd and lost. */
bool hcb_nbd_look(struct hcb_nbd_conn *c);

/* One transfer, waited for; arg is a struct hcb_nbd_conn. Only while nothing else is in
   flight. A deadline that passes loses the connection. struct hcb_guard_io's slots. */
int hcb_nbd_transfer(void *arg, bool write, void *buf, size_t len, uint64_t off);
int hcb_nbd_sync(void *arg);

/* Refuses an export that another hcbench on this host has locked; held until disconnect.
   The protocol has no lock: other programs are not seen. */
int hcb_nbd_lock(struct hcb_nbd_conn *c, struct hcb_err *err);

#endif
