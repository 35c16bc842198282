/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files and block devices as targets: what is opened, made, refused and told, and what
 * becomes of ops that fail. Every test runs on each engine that shares blockdev.c.
 */
#include "hcb_test.h"

#include "hcb_loop.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "bench/core/guard.h"
#include "bench/core/units.h"
#include "engines/target.h"

#define DEPTH 4u

static char dir[128];
static char buf[65536] __attribute__((aligned(4096)));

static const char *in_dir(const char *name)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int make_dir(void **state)
{
	(void)state;
	hcb_test_mkdir(dir, sizeof(dir));
	return 0;
}

static int remove_dir(void **state)
{
	static const char *const names[] = {"f", "g", "disk", "mnt"};
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(in_dir(names[i]));
	return rmdir(dir);
}

static const struct hcb_clock *real_clock(void)
{
	static struct hcb_clock c;
	if (!c.base_ns)
		hcb_clock_init_real(&c, 1.0);
	return &c;
}

static int open_target(const char *target, uint64_t want, struct hcb_dev **dev,
                       struct hcb_err *err)
{
	int r = hcb_target_parse(target, dev, err);
	if (r)
		return r;
	(*dev)->clock = real_clock();
	(*dev)->depth = DEPTH;
	(*dev)->max_len = sizeof(buf);
	(*dev)->want_bytes = want;
	r = hcb_target_open(*dev, err);
	if (r) {
		assert_int_equal((*dev)->wake_fd, -1);
		hcb_target_free(*dev);
		*dev = NULL;
	}
	return r;
}

static void close_target(struct hcb_dev *dev)
{
	hcb_target_close(dev);
	hcb_target_free(dev);
}

/* ENGINE:DIR/NAME and keys, as the engine of this test. */
static const char *target(void **state, const char *name, const char *keys)
{
	static char text[700];
	snprintf(text, sizeof(text), "%s:%s%s", (const char *)*state,
	         name[0] == '/' ? name : in_dir(name), keys);
	return text;
}

#define NEEDS_ENGINE                                                                     \
	if (hcb_engine_find(*state)->unavailable) {                                      \
		print_message("skipped: %s\n", hcb_engine_find(*state)->unavailable);    \
		skip();                                                                  \
	}                                                                                \
	make_dir(state)

static struct hcb_op *run_op(struct hcb_dev *dev, enum hcb_op_kind kind, uint64_t off,
                             uint32_t len, uint32_t flags)
{
	static struct hcb_op op;
	static char priv[512];
	struct hcb_op *list[1] = {&op}, *done[1];
	assert_true(dev->engine->op_size <= sizeof(priv));
	memset(priv, 0xa5, sizeof(priv)); /* an engine initialises what it needs */
	op = (struct hcb_op){.kind = kind, .off = off, .len = len, .flags = flags};
	op.buf = buf;
	op.priv = priv;
	assert_int_equal(dev->engine->submit(dev, list, 1), 1);
	while (dev->engine->poll(dev, done, 1) == 0) {
		struct pollfd p = {.fd = dev->wake_fd, .events = POLLIN};
		assert_int_equal(poll(&p, 1, 30000), 1);
		hcb_dev_woken(dev);
	}
	return &op;
}

/* ---- files ---- */

static void test_file_missing_is_made_only_when_asked(void **state)
{
	NEEDS_ENGINE;
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	struct stat st;
	assert_fails(open_target(target(state, "f", ""), 0, &dev, &err), &err,
	             HCB_EXIT_FAILED, "make=on makes it");
	assert_int_equal(stat(in_dir("f"), &st), -1);
	assert_ok(open_target(target(state, "f", ",make=on,size=1MiB"), 2 * HCB_MIB, &dev,
	                      &err),
	          &err);
	assert_int_equal(dev->size_bytes, 2 * HCB_MIB); /* the run needs more */
	close_target(dev);
	/* It takes its room at once, and is hcbench's from now on. */
	assert_int_equal(stat(in_dir("f"), &st), 0);
	assert_true((uint64_t)st.st_blocks * 512 >= 2 * HCB_MIB);
	assert_ok(open_target(target(state, "f", ""), 0, &dev, &err), &err);
	close_target(dev);
	/* It is not grown behind its owner's back. */
	assert_fails(open_target(target(state, "f", ",make=on"), 3 * HCB_MIB, &dev, &err),
	             &err, HCB_EXIT_FAILED, "too small");
	assert_fails(
	        open_target(target(state, "g", ",make=on,size=500000TiB"), 0, &dev, &err),
	        &err, HCB_EXIT_FAILED, "make ");
	assert_int_equal(stat(in_dir("g"), &st), -1);
	assert_fails(open_target(target(state, "/dev/hcb-no-such-disk", ",make=on"), 0,
	                         &dev, &err),
	             &err, HCB_EXIT_USAGE, "no file is made in /dev");
	remove_dir(state);
}

static void test_file_of_somebody_elses_is_refused_unless_named_twice(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	NEEDS_ENGINE;
	char destroy[300], *got = calloc(1, 65536);
	memset(buf, 'x', sizeof(buf));
	hcb_test_write(in_dir("f"), buf, sizeof(buf));
	hcb_test_write(in_dir("g"), buf, sizeof(buf));
	assert_fails(open_target(target(state, "f", ",make=on"), 0, &dev, &err), &err,
	             HCB_EXIT_REFUSED, "not made by hcbench");
	snprintf(destroy, sizeof(destroy), ",destroy=%s", in_dir("g"));
	assert_fails(open_target(target(state, "f", destroy), 0, &dev, &err), &err,
	             HCB_EXIT_REFUSED, "is not what destroy=");
	FILE *f = fopen(in_dir("f"), "r");
	assert_int_equal(fread(got, 1, 65536, f), 65536);
	fclose(f);
	assert_memory_equal(got, buf, 65536);
	assert_ok(open_target(target(state, "g", destroy), 0, &dev, &err), &err);
	memset(buf, 'y', sizeof(buf));
	assert_int_equal(run_op(dev, HCB_WRITE, 0, 4096, 0)->result, 0);
	close_target(dev);
	free(got);
	remove_dir(state);
}

static void test_prefill_is_remembered(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	NEEDS_ENGINE;
	assert_ok(open_target(target(state, "f", ",make=on"), HCB_MIB, &dev, &err), &err);
	assert_int_equal(dev->prefilled_bytes, 0);
	assert_ok(dev->engine->note_prefilled(dev, 512 * HCB_KIB, &err), &err);
	close_target(dev);
	assert_ok(open_target(target(state, "f", ""), HCB_MIB, &dev, &err), &err);
	assert_int_equal(dev->prefilled_bytes, 512 * HCB_KIB);
	close_target(dev);
	remove_dir(state);
}

/* The file is cut under us: a short read is an error, and the next op works. */
static void test_short_transfer_is_an_error(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	NEEDS_ENGINE;
	assert_ok(open_target(target(state, "f", ",make=on"), HCB_MIB, &dev, &err), &err);
	assert_int_equal(truncate(in_dir("f"), 8192), 0);
	assert_int_equal(run_op(dev, HCB_READ, 4096, 8192, 0)->result, -EIO);
	assert_int_equal(run_op(dev, HCB_READ, 65536, 4096, 0)->result, -EIO);
	assert_int_equal(run_op(dev, HCB_READ, 4096, 4096, 0)->result, 0);
	close_target(dev);
	remove_dir(state);
}

static void test_read_only_needs_no_mark_and_writes_nothing(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	NEEDS_ENGINE;
	memset(buf, 'x', sizeof(buf));
	hcb_test_write(in_dir("f"), buf, sizeof(buf));
	assert_int_equal(hcb_target_parse(target(state, "f", ""), &dev, &err), 0);
	dev->clock = real_clock();
	dev->depth = DEPTH;
	dev->read_only = true;
	assert_ok(hcb_target_open(dev, &err), &err);
	assert_int_equal(run_op(dev, HCB_WRITE, 0, 4096, 0)->result, -EOPNOTSUPP);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(run_op(dev, HCB_READ, 0, 4096, 0)->result, 0);
	assert_int_equal(buf[4095], 'x');
	close_target(dev);
	remove_dir(state);
}

/* ---- devices ---- */

static struct hcb_test_loop loop;

#define NEEDS_LOOP                                                                       \
	NEEDS_ENGINE;                                                                    \
	if (hcb_test_no_loops() ||                                                       \
	    hcb_test_loop_attach(&loop, in_dir("disk"), 16 * HCB_MIB)) {                 \
		print_message("skipped: %s\n", hcb_test_no_loops()                       \
		                                       ? hcb_test_no_loops()             \
		                                       : "no loop device is free");      \
		remove_dir(state);                                                       \
		skip();                                                                  \
	}

static void claim_loop(void)
{
	struct hcb_guard g;
	struct hcb_err err = HCB_ERR_INIT;
	assert_ok(hcb_guard_device(loop.path, HCB_GUARD_UNMARKED, NULL, &g, &err), &err);
	assert_ok(hcb_guard_mark(&g, &err), &err);
	hcb_guard_close(&g);
}

static void test_device_needs_its_mark_and_destroy_does_not_help(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	NEEDS_LOOP;
	char keys[64];
	assert_fails(open_target(target(state, loop.path, ",make=on"), 0, &dev, &err),
	             &err, HCB_EXIT_REFUSED, "not claimed");
	snprintf(keys, sizeof(keys), ",destroy=%s", loop.path);
	assert_fails(open_target(target(state, loop.path, keys), 0, &dev, &err), &err,
	             HCB_EXIT_USAGE, "hcbench claim");
	claim_loop();
	assert_ok(open_target(target(state, loop.path, ""), 0, &dev, &err), &err);
	struct hcb_dev *second;
	assert_fails(open_target(target(state, loop.path, ""), 0, &second, &err), &err,
	             HCB_EXIT_REFUSED, "O_EXCL");
	close_target(dev);
	hcb_test_loop_detach(&loop);
	remove_dir(state);
}

/* Field 16 of /sys/block/loopN/stat: flushes the device has been sent. */
static unsigned long flushes_seen(void)
{
	char path[64];
	unsigned long f[17] = {0};
	snprintf(path, sizeof(path), "/sys/block/%s/stat", loop.path + 5);
	FILE *s = fopen(path, "r");
	for (int i = 0; s && i < 17; i++)
		if (fscanf(s, "%lu", &f[i]) != 1)
			break;
	if (s)
		fclose(s);
	return f[15];
}

/* Loop devices have a write cache and no FUA of their own, so a durable write is one that
   the device saw a flush for. */
static void test_flush_and_fua_reach_the_device(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	NEEDS_LOOP;
	claim_loop();
	assert_ok(open_target(target(state, loop.path, ",fua=on"), 0, &dev, &err), &err);
	assert_true(dev->caps & HCB_CAP_FUA);
	unsigned long n = flushes_seen();
	assert_int_equal(run_op(dev, HCB_WRITE, 8192, 8192, 0)->result, 0);
	assert_int_equal(flushes_seen(), n);
	assert_int_equal(run_op(dev, HCB_FLUSH, 0, 0, 0)->result, 0);
	assert_int_equal(flushes_seen(), n + 1);
	assert_int_equal(run_op(dev, HCB_WRITE, 8192, 8192, HCB_OP_FUA)->result, 0);
	assert_true(flushes_seen() > n + 1);
	close_target(dev);
	assert_ok(open_target(target(state, loop.path, ""), 0, &dev, &err), &err);
	assert_int_equal(run_op(dev, HCB_WRITE, 0, 4096, HCB_OP_FUA)->result,
	                 -EOPNOTSUPP);
	close_target(dev);
	hcb_test_loop_detach(&loop);
	remove_dir(state);
}

static void test_device_is_described(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	NEEDS_LOOP;
	claim_loop();
	struct hcb_kvs k = {json_object()};
	assert_ok(open_target(target(state, loop.path, ""), 0, &dev, &err), &err);
	assert_int_equal(dev->engine->describe(dev, &k), 0);
#define FACT(key) json_object_get(k.obj, key)
	assert_string_equal(json_string_value(FACT("path")), loop.path);
	assert_string_equal(json_string_value(FACT("device")), loop.path + 5);
	assert_string_equal(json_string_value(FACT("loop_file")), in_dir("disk"));
	assert_true(json_is_true(FACT("o_direct")));
	assert_true(json_is_boolean(FACT("device_rotational")));
	assert_string_equal(json_string_value(FACT("device_write_cache")), "write back");
	assert_int_equal(json_integer_value(FACT("logical_block_bytes")), 512);
	assert_true(json_is_null(FACT("file_system")));
	assert_int_equal(strlen(json_string_value(json_object_get(FACT("mark"), "uuid"))),
	                 36);
	assert_null(FACT("not_as_asked"));
	json_decref(k.obj);
	close_target(dev);
	hcb_test_loop_detach(&loop);
	remove_dir(state);
}

/* ---- storage that does not answer ---- */

/* A frozen file system holds a write for as long as it likes; closing does not wait for
   it longer than the deadline, and says so. libaio's submit itself would be held. */
static void test_close_gives_up_at_the_deadline(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	NEEDS_LOOP;
	char cmd[200];
	snprintf(cmd, sizeof(cmd), "mkfs.ext4 -q -F %s >/dev/null 2>&1", loop.path);
	if (system(cmd)) { /* NOLINT: a test */
		print_message("skipped: no mkfs.ext4\n");
		hcb_test_loop_detach(&loop);
		remove_dir(state);
		skip();
	}
	assert_int_equal(mkdir(in_dir("mnt"), 0700), 0);
	assert_int_equal(mount(loop.path, in_dir("mnt"), "ext4", 0, ""), 0);
	assert_ok(open_target(target(state, "mnt/f", ",make=on"), HCB_MIB, &dev, &err),
	          &err);
	int mnt = open(in_dir("mnt"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(ioctl(mnt, FIFREEZE, 0), 0);
	static struct hcb_op op = {.kind = HCB_WRITE, .len = 4096, .buf = buf};
	struct hcb_op *list[1] = {&op};
	int took = dev->engine->submit(dev, list, 1);
	dev->deadline_ns = 100 * HCB_MS;
	uint64_t begin = hcb_monotonic_ns();
	hcb_target_close(dev);
	uint64_t took_ns = hcb_monotonic_ns() - begin;
	ioctl(mnt, FITHAW, 0);
	close(mnt);
	umount2(in_dir("mnt"), MNT_DETACH); /* the abandoned file keeps it busy */
	assert_int_equal(took, 1);
	assert_true(dev->abandoned);
	assert_true(took_ns >= 100 * HCB_MS && took_ns < 20 * HCB_SEC);
	assert_int_equal(dev->wake_fd, -1);
	hcb_target_free(dev);
	hcb_test_loop_detach(&loop);
	remove_dir(state);
}

/* ---- a kernel that says no ---- */

/* In a child whose system call `nr` fails with `error`: the message of opening a target.
 */
static void message_when_refused(void **state, long nr, uint32_t error, char *msg,
                                 size_t size)
{
	int fd[2];
	char text[700];
	snprintf(text, sizeof(text), "%s", target(state, "f", ",make=on,size=1MiB"));
	assert_int_equal(pipe(fd), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct sock_filter prog[] = {
		        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		                 offsetof(struct seccomp_data, nr)),
		        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
		        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		};
		struct sock_fprog p = {sizeof(prog) / sizeof(prog[0]), prog};
		struct hcb_err err = HCB_ERR_INIT;
		struct hcb_dev *dev = NULL;
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p))
			snprintf(err.msg, sizeof(err.msg), "no seccomp");
		else if (!open_target(text, 0, &dev, &err))
			snprintf(err.msg, sizeof(err.msg), "opened");
		ssize_t n = write(fd[1], err.msg, strlen(err.msg));
		_exit(n < 0);
	}
	close(fd[1]);
	ssize_t n = read(fd[0], msg, size - 1);
	msg[n > 0 ? n : 0] = '\0';
	close(fd[0]);
	waitpid(pid, NULL, 0);
}

static void test_kernel_without_the_interface_is_named(void **state)
{
	NEEDS_ENGINE;
	char msg[600];
	bool uring = strcmp(*state, "uring") == 0;
	long nr = uring ? SYS_io_uring_setup : SYS_io_setup;
	message_when_refused(state, nr, EPERM, msg, sizeof(msg));
	assert_has(msg, uring ? "io_uring_setup: Operation not permitted (io_uring is "
	                        "forbidden here"
	                      : "io_setup: Operation not permitted");
	message_when_refused(state, nr, ENOSYS, msg, sizeof(msg));
	assert_has(msg, uring ? "this kernel has no io_uring"
	                      : "io_setup: Function not implemented");
	if (!uring) {
		message_when_refused(state, nr, EAGAIN, msg, sizeof(msg));
		assert_has(msg, "fs.aio-max-nr");
	}
	remove_dir(state);
}

#define EACH(f)                                                                          \
	{                                                                                \
#f, f                                                                    \
	}

int main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction f;
	} body[] = {
	        EACH(test_file_missing_is_made_only_when_asked),
	        EACH(test_file_of_somebody_elses_is_refused_unless_named_twice),
	        EACH(test_prefill_is_remembered),
	        EACH(test_short_transfer_is_an_error),
	        EACH(test_read_only_needs_no_mark_and_writes_nothing),
	        EACH(test_device_needs_its_mark_and_destroy_does_not_help),
	        EACH(test_flush_and_fua_reach_the_device),
	        EACH(test_device_is_described),
	        EACH(test_close_gives_up_at_the_deadline),
	        EACH(test_kernel_without_the_interface_is_named),
	};
	enum { N = sizeof(body) / sizeof(body[0]) };
	static const char *const engines[] = {"libaio", "uring"};
	enum { N_ENGINES = sizeof(engines) / sizeof(engines[0]) };
	static struct CMUnitTest tests[N * N_ENGINES];
	static char names[N * N_ENGINES][128], state[N_ENGINES][16];
	size_t n = 0;
	for (size_t e = 0; e < N_ENGINES; e++) {
		snprintf(state[e], sizeof(state[e]), "%s", engines[e]);
		for (size_t i = 0; i < N; i++) {
			if (body[i].f == test_close_gives_up_at_the_deadline &&
			    strcmp(engines[e], "libaio") == 0)
				continue;
			snprintf(names[n], sizeof(names[0]), "%s %s", engines[e],
			         body[i].name);
			tests[n] = (struct CMUnitTest){names[n], body[i].f, NULL, NULL,
			                               state[e]};
			n++;
		}
	}
	return _cmocka_run_group_tests("blockdev", tests, n, NULL, NULL);
}
