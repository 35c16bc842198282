/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random writes, flushes and pauses on the model disk in virtual time, a power cut at a
 * random moment, power on, and all of it read back: every sector that a flush covered is
 * there, and every sector is one version, old or new. Some thousand cuts, over drives
 * that differ in what their cache does. And the contrary: a disk that lies is found out.
 */
#include "cut_oracle.h"
#include "hdd_test.h"

#include <errno.h>

#include "engines/emulation.h"
#include "engines/target.h"

#define DEPTH 8u
/* The region lies across the edge of two slices, which `filled` tears apart. */
#define BASE  (HDD_SLICE_BYTES - CUT_SECTORS * CUT_SECTOR / 2)

struct slot {
	struct hcb_op op;
	char priv[64];
	uint32_t number; /* of a write */
	uint64_t sent;   /* of a flush */
	bool busy;
	_Alignas(8) char buf[CUT_SECTORS * CUT_SECTOR]; /* stamped by words */
};

static struct {
	struct hcb_dev *dev;
	struct hcb_clock clock;
	struct hcb_random rnd;
	struct cut_oracle o;
	struct slot slot[DEPTH];
	bool fua; /* the drive has it */
} t;

static uint64_t below(uint64_t n)
{
	return hcb_random_below(&t.rnd, n);
}

static void replace(char *text, const char *what, const char *by)
{
	char *at = strstr(text, what);
	assert_non_null(at);
	memcpy(at, by, strlen(by));
}

/* The drive, or the same with a cache of 64 KiB in 8 commands. */
static void profile_path(const char *drive, bool small, const char *dir, char *path,
                         size_t size)
{
	static char text[16384];
	snprintf(path, size, "%s/lab/disks/%s.ini", hcb_test_src(), drive);
	if (!small)
		return;
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	replace(text, "dirty_limit = 8MiB", "dirty_limit=64KiB ");
	replace(text, "dirty_commands = 256", "dirty_commands =   8");
	replace(text, "destage_window = 64", "destage_window =  4");
	snprintf(path, size, "%s/small.ini", dir);
	hcb_test_write(path, text, strlen(text));
}

static void open_disk(const char *drive, const char *keys, bool small, uint64_t seed)
{
	struct hcb_err err = HCB_ERR_INIT;
	char dir[256], path[1024], text[1200];
	hcb_test_mkdir(dir, sizeof(dir));
	profile_path(drive, small, dir, path, sizeof(path));
	snprintf(text, sizeof(text), "hdd:%s,store=on,size=128MiB,seed=%llu,%s", path,
	         (unsigned long long)seed + 1, keys);
	hcb_clock_init_virtual(&t.clock);
	assert_ok(hcb_target_parse(text, &t.dev, &err), &err);
	t.dev->clock = &t.clock;
	t.dev->seed = seed;
	t.dev->depth = DEPTH;
	t.dev->max_len = CUT_SECTORS * CUT_SECTOR;
	assert_ok(hcb_target_open(t.dev, &err), &err);
	assert_true(t.dev->engine->op_size <= sizeof(t.slot[0].priv));
	if (small)
		assert_int_equal(remove(path), 0);
	assert_int_equal(remove(dir), 0);
	t.fua = t.dev->caps & HCB_CAP_FUA;
	hcb_random_init(&t.rnd, seed, 0);
	cut_init(&t.o);
}

static void control(const char *line)
{
	struct hcb_err err = HCB_ERR_INIT;
	assert_ok(t.dev->engine->emulation->control(t.dev, line, &err), &err);
}

static struct slot *free_slot(void)
{
	for (unsigned i = 0; i < DEPTH; i++)
		if (!t.slot[i].busy)
			return &t.slot[i];
	return NULL;
}

static void send(struct slot *s, enum hcb_op_kind kind, uint64_t sector, unsigned n,
                 uint32_t flags)
{
	s->op = (struct hcb_op){.kind = kind,
	                        .flags = flags,
	                        .off = n ? BASE + sector * CUT_SECTOR : 0,
	                        .len = n * CUT_SECTOR,
	                        .buf = s->buf,
	                        .priv = s->priv};
	struct hcb_op *op = &s->op;
	s->busy = true;
	assert_int_equal(t.dev->engine->submit(t.dev, &op, 1), 1);
}

static void write_some(struct slot *s)
{
	unsigned n = 1 + (unsigned)below(below(4) ? 8 : 64);
	unsigned sector = (unsigned)below(CUT_SECTORS - n + 1);
	uint32_t fua = t.fua && below(3) == 0 ? HCB_OP_FUA : 0;
	s->number = cut_send(&t.o, sector, n);
	cut_stamp(s->buf, sector, n, s->number);
	send(s, HCB_WRITE, sector, n, fua);
}

static void book(struct slot *s)
{
	bool durable = t.dev->caps & HCB_CAP_ALWAYS_DURABLE || s->op.flags & HCB_OP_FUA;
	s->busy = false;
	if (s->op.result)
		return; /* cut off */
	if (s->op.kind == HCB_WRITE)
		cut_done(&t.o, s->number, durable);
	else if (s->op.kind == HCB_FLUSH)
		cut_flushed(&t.o, s->sent);
}

static void collect(void)
{
	struct hcb_op *done[DEPTH];
	unsigned n = t.dev->engine->poll(t.dev, done, DEPTH);
	for (unsigned i = 0; i < n; i++)
		book((struct slot *)done[i]);
}

static void next_event(void)
{
	uint64_t at = t.dev->engine->next_ns(t.dev);
	if (at != HCB_NEVER)
		hcb_clock_advance(&t.clock, at);
	collect();
}

static void drain(void)
{
	while (t.dev->engine->next_ns(t.dev) != HCB_NEVER)
		next_event();
}

/* Reads the region into the first slot's buffer. */
static void read_all(void)
{
	send(&t.slot[0], HCB_READ, 0, CUT_SECTORS, 0);
	drain();
	assert_int_equal(t.slot[0].op.result, 0);
}

/* What is read while there is power is what was written last. */
static void check_newest(void)
{
	drain();
	read_all();
	for (unsigned s = 0; s < CUT_SECTORS; s++) {
		uint32_t v;
		assert_true(cut_read_stamp(t.slot[0].buf + s * CUT_SECTOR, s, &v));
		assert_int_equal(v, cut_newest(&t.o, s));
	}
}

static void step(void)
{
	struct slot *s = free_slot();
	switch (below(10)) {
	case 0:
		if (s) {
			s->sent = ++t.o.events;
			send(s, HCB_FLUSH, 0, 0, 0);
		}
		break;
	case 1: /* a pause in which the cache may be written out, or a part of it */
		drain();
		hcb_clock_advance(&t.clock,
		                  hcb_clock_now(&t.clock) + below(100) * HCB_MS);
		break;
	case 2:
	case 3:
	case 4:
		next_event();
		break;
	default:
		if (s)
			write_some(s);
	}
}

/* Sectors that hold what they must not after one cut. */
static unsigned round_of(uint64_t seed)
{
	char line[64];
	unsigned steps = 1 + (unsigned)below(60);
	for (unsigned i = 0; i < steps; i++)
		step();
	if (below(8) == 0)
		check_newest();
	if (below(4) == 0) /* at no event in particular */
		hcb_clock_advance(&t.clock, hcb_clock_now(&t.clock) + below(20 * HCB_MS));
	snprintf(line, sizeof(line), "power cut %llu %u%%", (unsigned long long)seed,
	         (unsigned)below(5) * 25);
	control(line);
	drain();
	/* Nothing is answered as if there were power, and nothing is out. */
	for (unsigned i = 0; i < DEPTH; i++)
		assert_false(t.slot[i].busy);
	send(&t.slot[0], HCB_FLUSH, 0, 0, 0);
	drain();
	assert_int_equal(t.slot[0].op.result, -EIO);
	control("power on");
	read_all();
	return cut_check(&t.o, t.slot[0].buf);
}

static const struct {
	const char *drive, *keys;
	bool small;
} drives[] = {
        {"generic-7200", "filled=0", false},
        {"generic-7200", "filled=60%", true},
        {"generic-7200", "cache=off", false},
        {"generic-7200", "cache=off,filled=60%", true},
        {"generic-7200", "fua=on,filled=60%", true},
        {"generic-7200", "slow=20", true},
        {"sata-ssd", "filled=60%", false},
        {"sata-ssd", "fua=on,slow=50", false},
        {"sata-ssd-plp", "filled=60%", false},
};

#define ROUNDS 1000

static void test_flushed_sectors_are_there(void **state)
{
	(void)state;
	for (size_t d = 0; d < sizeof(drives) / sizeof(drives[0]); d++) {
		open_disk(drives[d].drive, drives[d].keys, drives[d].small, 100 + d);
		for (uint64_t i = 0; i < ROUNDS; i++) {
			unsigned bad = round_of(i);
			if (bad)
				print_error("%s,%s, cut %llu: %u sectors\n",
				            drives[d].drive, drives[d].keys,
				            (unsigned long long)i, bad);
			assert_int_equal(bad, 0);
		}
		/* The cuts did something, and not always the same. */
		assert_true(t.o.newest > ROUNDS);
		assert_true(t.o.older > ROUNDS);
		assert_true(t.o.torn > ROUNDS / 4);
		hcb_target_close(t.dev);
		hcb_target_free(t.dev);
	}
}

static void test_a_lie_is_found_out(void **state)
{
	unsigned bad = 0;
	(void)state;
	open_disk("generic-7200", "filled=0", false, 1);
	control("lie on");
	for (uint64_t i = 0; i < 20; i++)
		bad += round_of(i);
	assert_true(bad > 20);
	control("lie off");
	for (uint64_t i = 0; i < 20; i++)
		assert_int_equal(round_of(i), 0);
	hcb_target_close(t.dev);
	hcb_target_free(t.dev);
}

/* The same seed leaves the same, another leaves something else. */
static void test_seed_decides(void **state)
{
	static char first[CUT_SECTORS * CUT_SECTOR];
	static const uint64_t seeds[] = {7, 7, 8};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		open_disk("generic-7200", "filled=0", false, 1);
		round_of(seeds[i]);
		if (i == 0)
			memcpy(first, t.slot[0].buf, sizeof(first));
		assert_int_equal(!memcmp(first, t.slot[0].buf, sizeof(first)), i < 2);
		hcb_target_close(t.dev);
		hcb_target_free(t.dev);
	}
}

static void test_switches_are_checked(void **state)
{
	static const struct {
		const char *line;
		int code;
	} cases[] = {
	        {"power", -EINVAL},       {"power off", -EINVAL},
	        {"power cut x", -EINVAL}, {"power cut 1 200%", -EINVAL},
	        {"explode", -EINVAL},     {"lie", -EINVAL},
	        {"slow 0.5", -EINVAL},    {"timing perhaps", -EINVAL},
	        {"power cut", 0},         {"power cut", -EALREADY},
	        {"power on", 0},          {"power on", 0},
	};
	struct hcb_err err = HCB_ERR_INIT;
	(void)state;
	open_disk("generic-7200", "filled=0", false, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = t.dev->engine->emulation->control(t.dev, cases[i].line, &err);
		assert_int_equal(r, cases[i].code);
		if (r == -EINVAL)
			assert_fails(r, &err, HCB_EXIT_USAGE,
			             "is not one of timing on|off");
	}
	hcb_target_close(t.dev);
	hcb_target_free(t.dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_flushed_sectors_are_there),
	        cmocka_unit_test(test_a_lie_is_found_out),
	        cmocka_unit_test(test_seed_decides),
	        cmocka_unit_test(test_switches_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
