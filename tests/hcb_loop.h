/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loop devices of a test's own, over files of its own. They are gone with the process:
 * each is cleared by the kernel when the descriptor kept here is closed.
 */
#ifndef HCB_TESTS_LOOP_H
#define HCB_TESTS_LOOP_H

#include "config.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct hcb_test_loop {
	char path[32]; /* "/dev/loop3" */
	int fd;
};

/* Why there can be no loop device that the guard lets through, or NULL. */
static inline const char *hcb_test_no_loops(void)
{
#if !defined(HCB_HAVE_BLKID) || !defined(HCB_HAVE_MOUNT)
	return "built without libblkid or libmount";
#else
	if (geteuid() != 0)
		return "needs root for loop devices";
	int fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return "no /dev/loop-control";
	close(fd);
	return NULL;
#endif
}

/* Over a file that is there; flags: LO_FLAGS_..., besides being cleared in the end. */
static inline int hcb_test_loop_over(struct hcb_test_loop *l, const char *file,
                                     uint32_t flags)
{
	int ctl = open("/dev/loop-control", O_RDWR | O_CLOEXEC), r = -1;
	int back = open(file, O_RDWR | O_CLOEXEC);
	for (int tries = 0; back >= 0 && r < 0 && tries < 20; tries++) {
		int n = ioctl(ctl, LOOP_CTL_GET_FREE); /* others take loops too */
		snprintf(l->path, sizeof(l->path), "/dev/loop%d", n);
		l->fd = open(l->path, O_RDWR | O_CLOEXEC);
		struct loop_config conf = {.fd = (uint32_t)back};
		conf.info.lo_flags = flags | LO_FLAGS_AUTOCLEAR;
		r = ioctl(l->fd, LOOP_CONFIGURE, &conf);
		if (r < 0)
			close(l->fd);
	}
	close(back);
	close(ctl);
	if (r < 0)
		l->path[0] = '\0';
	return r;
}

/* Over a new file of that many zero bytes; the file must not be in use. */
static inline int hcb_test_loop_attach(struct hcb_test_loop *l, const char *file,
                                       uint64_t bytes)
{
	int back = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = back < 0 ? -1 : ftruncate(back, (off_t)bytes);
	close(back);
	if (r == 0)
		r = hcb_test_loop_over(l, file, LO_FLAGS_PARTSCAN);
	else
		l->path[0] = '\0';
	return r;
}

static inline void hcb_test_loop_detach(struct hcb_test_loop *l)
{
	if (l->path[0])
		close(l->fd);
	l->path[0] = '\0';
}

#endif
