/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands between a run and somebody's disk. A device or file is written to only if
 * it carries hcbench's mark, and a device only if nothing else uses or lies on it.
 * Everything that is refused is refused with exit code 14 and one message that says what
 * was found.
 *
 * The mark is the last whole 4 KiB of the device or file. It is excluded from the usable
 * size, so a run that writes every byte it may leaves it intact.
 *
 * What cannot be seen from here: a file system mounted in another mount namespace and a
 * user on another host (multipath, iSCSI). The first is still caught by O_EXCL, which the
 * kernel keeps per device, not per namespace; the second is not.
 */
#ifndef HCB_CORE_GUARD_H
#define HCB_CORE_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/core/err.h"

#define HCB_MARK_BYTES 4096

struct hcb_mark {
	char uuid[40], date[32], host[72], version[16];
	uint64_t size_bytes;      /* of the whole device or file when it was marked */
	uint64_t prefilled_bytes; /* from 0, written since by a prefill */
};

enum hcb_guard_flags {
	HCB_GUARD_READ_ONLY = 1u << 0, /* opened so; needs no mark and checks no use */
	HCB_GUARD_UNMARKED =
	        1u << 1, /* for claiming: a missing mark is no reason to refuse */
};

/* How bytes are reached that lie behind no descriptor (an NBD export). Each 0 or -errno,
   each with a deadline of its own; transfers are whole and aligned to 4096. */
struct hcb_guard_io {
	int (*transfer)(void *arg, bool write, void *buf, size_t len, uint64_t off);
	int (*sync)(void *arg);
	void *arg;
};

struct hcb_guard {
	int fd; /* O_DIRECT; O_EXCL on a device, a file lock on a file: held until closed;
	           -1 with io */
	const struct hcb_guard_io *io; /* NULL: fd */
	bool is_device, marked, direct;
	dev_t rdev;
	uint64_t whole_bytes;
	uint64_t size_bytes;  /* usable: what lies before the mark */
	uint32_t block_bytes; /* logical block: the alignment of O_DIRECT */
	char path[4096];      /* resolved */
	char model[96], serial[96];
	struct hcb_mark mark;
};

/*
 * Resolves path once, opens what it names exclusively, and checks that very device:
 * mounted (it or a partition), swap, holders (dm, md, bcache), partitions, a signature of
 * any file system, volume manager or partition table, under / or under `results` (a path
 * that is going to be written to, or NULL), unmarked, or not the device path names any
 * more. On success the descriptor is held, and with it the claim.
 */
int hcb_guard_device(const char *path, unsigned flags, const char *results,
                     struct hcb_guard *out, struct hcb_err *err);
/* A regular file that carries the mark and that no other hcbench has open. */
int hcb_guard_file(const char *path, unsigned flags, struct hcb_guard *out,
                   struct hcb_err *err);
/* Makes a file that must not exist, with that many usable bytes, marked and allocated. */
int hcb_guard_make_file(const char *path, uint64_t usable_bytes, struct hcb_guard *out,
                        struct hcb_err *err);
/*
 * What is reached through io, which must outlive the guard: looks for the mark, and with
 * neither flag refuses what does not carry it. name is for messages. Nothing is held: who
 * else uses it must be found out by the caller.
 */
int hcb_guard_remote(const char *name, uint64_t whole_bytes,
                     const struct hcb_guard_io *io, unsigned flags, struct hcb_guard *out,
                     struct hcb_err *err);
/* Does what is open carry our mark, written when it had the size it has now? */
bool hcb_guard_is_ours(const struct hcb_guard *g);
/* Writes and syncs a new mark on what is open. The caller has made sure it may. */
int hcb_guard_mark(struct hcb_guard *g, struct hcb_err *err);
/* [0, bytes) now hold data: kept in the mark for later runs. Without a mark: nothing. */
int hcb_guard_note_prefilled(struct hcb_guard *g, uint64_t bytes, struct hcb_err *err);
/* Refuses the signatures that a device is refused for: for a file to be claimed. */
int hcb_guard_content(const struct hcb_guard *g, struct hcb_err *err);
/* Are the first and the last 4 MiB (without the mark) all zeros? */
int hcb_guard_blank(const struct hcb_guard *g, bool *blank, struct hcb_err *err);
void hcb_guard_close(struct hcb_guard *g);

/* The mark's bytes. unpack: false unless magic, version and checksum are right. */
void hcb_mark_pack(const struct hcb_mark *m, uint8_t out[HCB_MARK_BYTES]);
bool hcb_mark_unpack(const uint8_t in[HCB_MARK_BYTES], struct hcb_mark *m);
uint32_t hcb_crc32c(const void *data, size_t len);

/* For tests: called between the checks and the second look at the path; and where sysfs
   is to be found, as no kernel makes dm, md or bcache devices for them. */
extern void (*hcb_guard_test_pause)(void);
extern const char *hcb_guard_sys_root;
/* How long a device may take for its first block, ns. */
extern uint64_t hcb_guard_answer_ns;

/* guard_dev.c: why the device must not be written to, by asking the kernel and its bytes.
   fd is open on it, without O_DIRECT. */
int hcb_guard_check_users(const char *path, dev_t dev, const char *results,
                          struct hcb_err *err);
int hcb_guard_check_content(const char *path, int fd, struct hcb_err *err);
/* -ETIMEDOUT: the device hangs. Reading it in this process would never end. */
int hcb_guard_answers(const char *path, struct hcb_err *err);
void hcb_guard_identify(dev_t dev, char *model, char *serial, size_t size);
/* First line of /sys/dev/block/DEV/REST ("queue/rotational"), of a partition's disk if
   the partition has none; false and "" if neither. */
bool hcb_guard_sys(dev_t dev, const char *rest, char *out, size_t size);
/* The serial number in a SCSI vital product data page 0x80; "" if it is none. */
void hcb_guard_vpd_serial(const uint8_t *page, size_t len, char *out, size_t size);

#endif
