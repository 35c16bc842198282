/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the model disk share: a profile, a disk, one request at a time. */
#ifndef HCB_TESTS_HDD_TEST_H
#define HCB_TESTS_HDD_TEST_H

#include "hcb_test.h"

#include "bench/core/random.h"
#include "bench/core/units.h"
#include "engines/hdd_model.h"

static inline struct hdd_profile hdd_test_profile(const char *name)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile p;
	char path[1024];
	snprintf(path, sizeof(path), "%s/lab/disks/%s.ini", hcb_test_src(), name);
	assert_ok(hdd_profile_read(path, &p, &err), &err);
	return p;
}

/* generic-7200, cache as given, whole disk, not spread. */
static inline struct hdd *hdd_test_new(uint64_t seed, enum hdd_switch cache)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hdd_profile p = hdd_test_profile("generic-7200");
	struct hdd_config cfg = {
	        .profile = &p, .seed = seed, .cache = cache, .depth = 256, .slow = 1};
	struct hdd *m = hdd_new(&cfg, &err);
	assert_non_null(m);
	return m;
}

static inline void hdd_test_submit(struct hdd *m, uint64_t now, enum hcb_op_kind kind,
                                   uint64_t off, uint64_t len, uintptr_t tag)
{
	struct hdd_req r = {.kind = kind, .off = off, .len = len, .cookie = (void *)tag};
	assert_int_equal(hdd_submit(m, now, &r), 0);
}

/* The next completion; *now moves there. Something must be outstanding. */
static inline struct hdd_done hdd_test_next(struct hdd *m, uint64_t *now)
{
	struct hdd_done d;
	for (;;) {
		*now = hdd_next_ns(m);
		assert_true(*now != UINT64_MAX);
		if (hdd_advance(m, *now, &d, 1) == 1)
			return d;
	}
}

/* One request from start to end, nothing else outstanding: how long it took. */
static inline uint64_t hdd_test_one(struct hdd *m, uint64_t *now, enum hcb_op_kind kind,
                                    uint64_t off, uint64_t len)
{
	uint64_t begin = *now;
	hdd_test_submit(m, begin, kind, off, len, 0);
	hdd_test_next(m, now);
	return *now - begin;
}

static inline uint64_t hdd_test_block(struct hcb_random *r, const struct hdd *m)
{
	return hcb_random_below(r, hdd_size_bytes(m) / 4096) * 4096;
}

#endif
