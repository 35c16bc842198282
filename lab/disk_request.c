/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A served disk's requests, from the kernel to the model. */
#include "config.h"

#ifdef HCB_HAVE_FUSE3

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/disk_internal.h"

static bool in_range(const struct serve *sv, off_t off, uint64_t len)
{
	uint64_t size = hdd_size_bytes(sv->disk);
	return off >= 0 && (uint64_t)off <= size && len <= size - (uint64_t)off;
}

static bool memory_left(const struct serve *sv)
{
	struct stat st;
	return fstat(sv->data_fd, &st) == 0 &&
	       (uint64_t)st.st_blocks * 512 < sv->data_max;
}

/* A free request, or NULL after answering: a disk that fails does not touch its data. */
static struct request *take(struct serve *sv, fuse_req_t req, enum hcb_op_kind kind,
                            off_t off, uint64_t len)
{
	struct request *r = NULL;
	pthread_mutex_lock(&sv->lock);
	int error = sv->faults.fail ? EIO : sv->unused ? 0 : EBUSY;
	if (!error) {
		r = sv->unused;
		sv->unused = r->next;
		r->bad = disk_fault_hits(&sv->faults, kind, (uint64_t)off, len);
	}
	sv->failed += error != 0;
	pthread_mutex_unlock(&sv->lock);
	if (!r) {
		fuse_reply_err(req, error);
		return NULL;
	}
	r->req = req;
	r->kind = kind;
	r->off = (uint64_t)off;
	r->len = len;
	r->error = 0;
	return r;
}

static void refuse(struct serve *sv, struct request *r, int error)
{
	r->error = error;
	disk_answer(sv, r);
}

/* Under the lock: hands the request to the model. False: it is done already. */
static bool submit(struct serve *sv, struct request *r)
{
	uint64_t now = hcb_clock_now(&sv->clock);
	if (r->kind == HCB_DISCARD) {
		hdd_discard(sv->disk, now, r->off, r->len);
		sv->discards++;
		disk_arm(sv);
		return false;
	}
	/* The arm goes to a bad sector as it goes to read it, and comes back with
	 * nothing.
	 */
	struct hdd_req q = {.kind = r->bad ? HCB_READ : r->kind,
	                    .off = r->off,
	                    .len = r->len,
	                    .cookie = r};
	int e = hdd_submit(sv->disk, now, &q);
	if (e) {
		r->error = e == -ENOSPC ? EIO : -e;
		return false;
	}
	if (r->kind == HCB_WRITE && !r->bad)
		disk_fault_written(&sv->faults, r->off, r->len);
	if (hdd_outstanding(sv->disk) > sv->most_queued)
		sv->most_queued = hdd_outstanding(sv->disk);
	if (hdd_timing(sv->disk))
		disk_arm(sv);
	return true;
}

/* The data is in place. The request is answered when the model says that it is done. */
static void enqueue(struct serve *sv, struct request *r)
{
	pthread_mutex_lock(&sv->lock);
	if (sv->faults.hang) {
		disk_push(&sv->held, r);
		sv->n_held++;
		pthread_mutex_unlock(&sv->lock);
		return;
	}
	bool taken = submit(sv, r), timing = hdd_timing(sv->disk);
	pthread_mutex_unlock(&sv->lock);
	if (!taken)
		disk_answer(sv, r);
	else if (!timing)
		disk_pump(sv, false);
}

/* Under the lock: the next one that was kept back, or NULL. What was done first. */
static struct request *kept_back(struct serve *sv, bool *done)
{
	if (sv->faults.hang)
		return NULL;
	struct request *r = disk_pop(&sv->ready);
	*done = r;
	if (!r)
		r = disk_pop(&sv->held);
	sv->n_held -= r != NULL;
	return r;
}

void disk_release(struct serve *sv)
{
	struct request *r;
	do {
		bool done = false;
		pthread_mutex_lock(&sv->lock);
		r = kept_back(sv, &done);
		if (r && !done && sv->faults.fail) {
			r->error = EIO;
			done = true;
		} else if (r && !done) {
			done = !submit(sv, r);
		}
		pthread_mutex_unlock(&sv->lock);
		if (done)
			disk_answer(sv, r);
	} while (r);
}

void disk_read(struct serve *sv, fuse_req_t req, size_t len, off_t off)
{
	uint64_t size = hdd_size_bytes(sv->disk);
	if (off < 0 || (uint64_t)off >= size) {
		fuse_reply_buf(req, NULL, 0);
		return;
	}
	if (len > size - (uint64_t)off)
		len = (size_t)(size - (uint64_t)off);
	if (len == 0 || len > MAX_IO || len % 512 || off % 512) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	struct request *r = take(sv, req, HCB_READ, off, len);
	if (!r)
		return;
	if (!r->bad && pread(sv->data_fd, r->buf, len, off) != (ssize_t)len)
		refuse(sv, r, EIO);
	else
		enqueue(sv, r);
}

void disk_write(struct serve *sv, fuse_req_t req, const char *buf, size_t len, off_t off)
{
	if (len == 0 || len > MAX_IO || len % 512 || off % 512) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	if (!in_range(sv, off, len) || !memory_left(sv)) {
		fuse_reply_err(req, ENOSPC);
		return;
	}
	struct request *r = take(sv, req, HCB_WRITE, off, len);
	if (!r)
		return;
	if (!r->bad && pwrite(sv->data_fd, buf, len, off) != (ssize_t)len)
		refuse(sv, r, errno == ENOSPC ? ENOSPC : EIO);
	else
		enqueue(sv, r);
}

void disk_flush(struct serve *sv, fuse_req_t req)
{
	struct request *r = take(sv, req, HCB_FLUSH, 0, 0);
	if (r)
		enqueue(sv, r);
}

void disk_discard(struct serve *sv, fuse_req_t req, int mode, off_t off, off_t len)
{
	int want = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int zero = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
	if ((mode | FALLOC_FL_KEEP_SIZE) != want &&
	    (mode | FALLOC_FL_KEEP_SIZE) != zero) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	if (len <= 0 || off % 512 || len % 512 || !in_range(sv, off, (uint64_t)len)) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	struct request *r = take(sv, req, HCB_DISCARD, off, (uint64_t)len);
	if (!r)
		return;
	if (fallocate(sv->data_fd, want, off, len) != 0)
		refuse(sv, r, errno);
	else
		enqueue(sv, r);
}

#endif
