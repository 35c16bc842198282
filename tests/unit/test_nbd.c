/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NBD exports as targets: what is opened, marked, refused and told, that ops reach the
 * server as what they are, and what becomes of them when it fails, ends or is silent.
 */
#include "hcb_test.h"

#include "hcb_nbd.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <sys/stat.h>

#include "bench/core/guard.h"
#include "bench/core/units.h"
#include "engines/target.h"

#define DEPTH 4u

static char dir[128], disk[192];
static char *buf;
static struct hcb_test_nbd server;
static struct hcb_clock clock_real;

static int setup(void **state)
{
	(void)state;
	hcb_test_mkdir(dir, sizeof(dir));
	snprintf(disk, sizeof(disk), "%s/disk", dir);
	buf = aligned_alloc(4096, DEPTH * HCB_MIB);
	memset(buf, 0, DEPTH * HCB_MIB);
	hcb_clock_init_real(&clock_real, 1.0);
	return 0;
}

static int teardown(void **state)
{
	char log[192];
	(void)state;
	hcb_test_nbd_stop(&server);
	snprintf(log, sizeof(log), "%s/log", dir);
	unlink(log);
	unlink(disk);
	free(buf);
	return rmdir(dir);
}

#define NEEDS_NBDKIT                                                                     \
	(void)state;                                                                     \
	if (hcb_engine_find("nbd")->unavailable || hcb_test_no_server("nbdkit")) {       \
		print_message("skipped: no libnbd or no nbdkit\n");                      \
		skip();                                                                  \
	}

/* nbdkit -f -U SOCK ARGS... */
#define serve(...)                                                                       \
	do {                                                                             \
		const char *const argv_[] = {"nbdkit",     "-f",        "-U",            \
		                             HCB_NBD_SOCK, __VA_ARGS__, (char *)0};      \
		assert_int_equal(hcb_test_nbd_start(&server, dir, argv_), 0);            \
	} while (0)

static const char *target(const char *keys)
{
	static char text[512];
	snprintf(text, sizeof(text), "nbd:unix:%s%s", server.sock, keys);
	return text;
}

struct wish {
	uint64_t want_bytes, deadline_ns;
	bool read_only;
};

static int open_target(const char *text, struct wish w, struct hcb_dev **dev,
                       struct hcb_err *err)
{
	int r = hcb_target_parse(text, dev, err);
	if (r)
		return r;
	(*dev)->clock = &clock_real;
	(*dev)->depth = DEPTH;
	(*dev)->max_len = HCB_MIB;
	(*dev)->want_bytes = w.want_bytes;
	(*dev)->read_only = w.read_only;
	if (w.deadline_ns)
		(*dev)->deadline_ns = w.deadline_ns;
	r = hcb_target_open(*dev, err);
	if (r) {
		assert_int_equal((*dev)->wake_fd, -1);
		hcb_target_free(*dev);
		*dev = NULL;
	}
	return r;
}

#define OPEN(text, dev)                                                                  \
	assert_ok(open_target((text), (struct wish){0}, &(dev), &err), &err)
#define REFUSED(text, why)                                                               \
	assert_fails(open_target((text), (struct wish){0}, &dev, &err), &err,            \
	             HCB_EXIT_REFUSED, (why))

static void close_target(struct hcb_dev *dev)
{
	hcb_target_close(dev);
	assert_false(dev->abandoned);
	assert_int_equal(dev->wake_fd, -1);
	hcb_target_free(dev);
}

static struct hcb_op op[DEPTH];
static void *priv[DEPTH][2];

static struct hcb_op *prepare(unsigned i, enum hcb_op_kind kind, uint64_t off,
                              uint32_t len)
{
	op[i] = (struct hcb_op){.kind = kind, .off = off, .len = len, .index = i};
	op[i].buf = buf + i * HCB_MIB;
	op[i].priv = priv[i];
	op[i].result = 12345;
	op[i].submit_ns = hcb_clock_now(&clock_real);
	memset(priv[i], 0xa5, sizeof(priv[i])); /* an engine initialises what it needs */
	return &op[i];
}

/* Sleeps on wake_fd as the loop does, until n ops came back, in this order. */
static void reap(struct hcb_dev *dev, struct hcb_op **done, unsigned n)
{
	assert_true(dev->engine->op_size <= sizeof(priv[0]));
	for (unsigned got = 0; got < n;) {
		struct pollfd p = {.fd = dev->wake_fd, .events = POLLIN};
		assert_int_equal(poll(&p, 1, 30000), 1);
		got += dev->engine->poll(dev, done + got, n - got);
	}
	struct hcb_op *more;
	assert_int_equal(dev->engine->poll(dev, &more, 1), 0);
}

static int run_op(struct hcb_dev *dev, enum hcb_op_kind kind, uint64_t off, uint32_t len,
                  uint32_t flags)
{
	struct hcb_op *o = prepare(0, kind, off, len), *done;
	o->flags = flags;
	assert_int_equal(dev->engine->submit(dev, &o, 1), 1);
	reap(dev, &done, 1);
	assert_ptr_equal(done, o);
	return o->result;
}

/* ---- addresses ---- */

static void test_addresses_that_cannot_be_meant(void **state)
{
	static const struct {
		const char *text, *says;
		enum hcb_exit exit;
	} bad[] = {
	        {"nbd:", "expected nbd:unix:PATH", HCB_EXIT_USAGE},
	        {"nbd:localhost:10809", "expected nbd:unix:PATH", HCB_EXIT_USAGE},
	        {"nbd:unix:relative", "path begins with /", HCB_EXIT_USAGE},
	        {"nbd:nbd+unix:///a?socket=/x,export=b", "the URI names the export",
	         HCB_EXIT_USAGE},
	        {"nbd:unix:/x,exprt=b", "did you mean \"export\"", HCB_EXIT_USAGE},
	        {"nbd:unix:/no/such/socket", "No such file", HCB_EXIT_FAILED},
	        {"nbd:nbd://localhost/", "not permitted", HCB_EXIT_FAILED},
	        {"nbd:nbd+unix:///", "socket parameter", HCB_EXIT_FAILED},
	        {"nbd:smb://x/", "unknown NBD URI scheme", HCB_EXIT_FAILED},
	        {"nbd:unix:/x,destroy=unix:/y", "is not what destroy=", HCB_EXIT_REFUSED},
	};
	(void)state;
	if (hcb_engine_find("nbd")->unavailable) {
		print_message("skipped: %s\n", hcb_engine_find("nbd")->unavailable);
		skip();
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hcb_err err = HCB_ERR_INIT;
		struct hcb_dev *dev;
		assert_fails(open_target(bad[i].text, (struct wish){0}, &dev, &err), &err,
		             bad[i].exit, bad[i].says);
	}
}

/* ---- whose is it? ---- */

static void file_with(const void *data, size_t len, uint64_t off)
{
	int fd = open(disk, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 32 * HCB_MIB), 0);
	assert_int_equal(pwrite(fd, data, len, (off_t)off), len);
	close(fd);
}

static void expect_byte(uint64_t off, int byte)
{
	unsigned char c = 0;
	int fd = open(disk, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, &c, 1, (off_t)off), 1);
	close(fd);
	assert_int_equal(c, byte);
}

static void test_what_is_not_marked_is_refused_and_unchanged(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	char keys[300];
	struct stat before, after;
	NEEDS_NBDKIT;
	file_with("x", 1, 3 * HCB_MIB);
	assert_int_equal(stat(disk, &before), 0);
	serve("file", disk);
	REFUSED(target(""), "was not made by hcbench and would be overwritten");
	assert_has(err.msg, server.sock);
	REFUSED(target(",make=on"), "holds data and was not made by hcbench");
	snprintf(keys, sizeof(keys), ",destroy=unix:%s-other", server.sock);
	REFUSED(target(keys), "is not what destroy=");
	assert_int_equal(stat(disk, &after), 0);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	/* At the other end too. */
	file_with("\0", 1, 3 * HCB_MIB);
	file_with("x", 1, 32 * HCB_MIB - 5000);
	REFUSED(target(",make=on"), "holds data");
	/* Named once more it is overwritten, and does not become ours by it. */
	snprintf(keys, sizeof(keys), ",destroy=unix:%s", server.sock);
	OPEN(target(keys), dev);
	memset(buf, 'y', 4096);
	assert_int_equal(run_op(dev, HCB_WRITE, 0, 4096, 0), 0);
	assert_int_equal(dev->prefilled_bytes, 0);
	assert_ok(dev->engine->note_prefilled(dev, HCB_MIB, &err), &err);
	close_target(dev);
	expect_byte(0, 'y');
	REFUSED(target(""), "was not made by hcbench");
}

static void test_a_blank_export_is_taken_and_known_again(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	NEEDS_NBDKIT;
	file_with("\0", 1, 0);
	serve("file", disk);
	/* One that the run does not fit into is not marked. */
	assert_fails(open_target(target(",make=on"), (struct wish){33 * HCB_MIB, 0, 0},
	                         &dev, &err),
	             &err, HCB_EXIT_FAILED, "too small");
	REFUSED(target(""), "was not made by hcbench");
	OPEN(target(",make=on"), dev);
	assert_int_equal(dev->size_bytes, 32 * HCB_MIB - HCB_MARK_BYTES);
	assert_int_equal(dev->prefilled_bytes, 0);
	assert_ok(dev->engine->note_prefilled(dev, 5 * HCB_MIB, &err), &err);
	memset(buf, 'z', HCB_MIB);
	assert_int_equal(run_op(dev, HCB_WRITE, 0, HCB_MIB, 0), 0);
	assert_int_equal(run_op(dev, HCB_WRITE, dev->size_bytes - 512, 512, 0), 0);
	close_target(dev);
	/* The mark lies where a file's does: the same guard knows it. */
	struct hcb_guard g;
	assert_ok(hcb_guard_file(disk, 0, &g, &err), &err);
	assert_int_equal(g.mark.prefilled_bytes, 5 * HCB_MIB);
	hcb_guard_close(&g);
	OPEN(target(""), dev);
	assert_int_equal(dev->prefilled_bytes, 5 * HCB_MIB);
	close_target(dev);
	/* Of another size than it was marked with, it is not what was marked. */
	uint8_t mark[HCB_MARK_BYTES];
	struct hcb_mark m = {.size_bytes = 31 * HCB_MIB};
	hcb_mark_pack(&m, mark);
	file_with(mark, sizeof(mark), 32 * HCB_MIB - HCB_MARK_BYTES);
	REFUSED(target(""), "not what hcbench marked");
	REFUSED(target(",make=on"), "holds data");
}

static void test_a_second_hcbench_is_refused(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL, *first;
	char uri[300];
	NEEDS_NBDKIT;
	serve("memory", "32M");
	OPEN(target(",make=on"), first);
	REFUSED(target(""), "in use by another hcbench");
	snprintf(uri, sizeof(uri), "nbd:nbd+unix:///?socket=%s", server.sock);
	REFUSED(uri, "in use by another hcbench");
	close_target(first);
	OPEN(uri, dev);
	close_target(dev);
}

/* ---- what a server is and can do ---- */

static void test_servers_that_lack_something(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	NEEDS_NBDKIT;
	serve("-r", "memory", "32M");
	assert_fails(open_target(target(",make=on"), (struct wish){0}, &dev, &err), &err,
	             HCB_EXIT_FAILED, "the server offers it read-only");
	assert_ok(open_target(target(""), (struct wish){0, 0, true}, &dev, &err), &err);
	assert_int_equal(run_op(dev, HCB_READ, 0, 4096, 0), 0);
	assert_int_equal(run_op(dev, HCB_WRITE, 0, 4096, 0), -EOPNOTSUPP);
	close_target(dev);
	hcb_test_nbd_stop(&server);
	serve("--filter=blocksize-policy", "memory", "32M", "blocksize-minimum=64K",
	      "blocksize-preferred=64K");
	assert_fails(open_target(target(",make=on"), (struct wish){0}, &dev, &err), &err,
	             HCB_EXIT_FAILED, "blocks of 65536 bytes at least");
	hcb_test_nbd_stop(&server);
	serve("--filter=blocksize-policy", "memory", "32M", "blocksize-maximum=512K");
	assert_fails(open_target(target(",make=on"), (struct wish){0}, &dev, &err), &err,
	             HCB_EXIT_FAILED, "524288 bytes at once at most");
	hcb_test_nbd_stop(&server);
	serve("--filter=blocksize-policy", "memory", "32M", "blocksize-minimum=4K");
	OPEN(target(",make=on"), dev);
	assert_int_equal(dev->block_bytes, 4096);
	assert_int_equal(run_op(dev, HCB_WRITE, 512, 4096, 0), -EINVAL);
	assert_int_equal(run_op(dev, HCB_WRITE, 4096, 4096, 0), 0);
	close_target(dev);
	hcb_test_nbd_stop(&server);
	serve("--filter=fua", "memory", "32M"); /* fuamode=none is its default */
	OPEN(target(",make=on,fua=on"), dev);
	assert_int_equal(dev->caps & HCB_CAP_FUA, 0);
	close_target(dev);
	hcb_test_nbd_stop(&server);
	/* No flush method: no flush. */
	serve("eval", "get_size=echo 32M", "can_write=exit 0", "pwrite=cat >/dev/null",
	      "pread=head -c $3 /dev/zero");
	OPEN(target(",make=on"), dev);
	assert_int_equal(dev->caps & (HCB_CAP_FLUSH | HCB_CAP_DISCARD), 0);
	assert_int_equal(run_op(dev, HCB_FLUSH, 0, 0, 0), -EOPNOTSUPP);
	close_target(dev);
}

static void test_export_is_chosen_by_name(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	char uri[300];
	NEEDS_NBDKIT;
	serve("eval", "open=echo $3",
	      "get_size=case $2 in a) echo 32M;; *) echo 64M;; esac",
	      "pread=head -c $3 /dev/zero");
	assert_ok(open_target(target(",export=a"), (struct wish){0, 0, true}, &dev, &err),
	          &err);
	assert_int_equal(dev->size_bytes, 32 * HCB_MIB - HCB_MARK_BYTES);
	close_target(dev);
	snprintf(uri, sizeof(uri), "nbd:nbd+unix:///b?socket=%s", server.sock);
	assert_ok(open_target(uri, (struct wish){0, 0, true}, &dev, &err), &err);
	assert_int_equal(dev->size_bytes, 64 * HCB_MIB - HCB_MARK_BYTES);
	close_target(dev);
}

static void test_it_is_described(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	NEEDS_NBDKIT;
	serve("memory", "32M");
	OPEN(target(",make=on,fua=on"), dev);
	struct hcb_kvs k = {json_object()};
	assert_int_equal(dev->engine->describe(dev, &k), 0);
#define FACT(key) json_object_get(k.obj, key)
	assert_string_equal(json_string_value(FACT("protocol")), "newstyle-fixed");
	assert_string_equal(json_string_value(FACT("fua")), "native");
	assert_int_equal(json_integer_value(FACT("export_bytes")), 32 * HCB_MIB);
	assert_true(json_is_true(FACT("server_flush")) &&
	            json_is_true(FACT("server_fua")));
	assert_true(json_is_null(FACT("server_max_block_bytes")));
	assert_int_equal(strlen(json_string_value(json_object_get(FACT("mark"), "uuid"))),
	                 36);
	json_decref(k.obj);
	close_target(dev);
}

/* ---- ops ---- */

/* How many lines of the server's log hold both texts. */
static unsigned logged(const char *a, const char *b)
{
	char path[192], line[512];
	unsigned n = 0;
	snprintf(path, sizeof(path), "%s/log", dir);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, a) && strstr(line, b);
	if (f)
		fclose(f);
	return n;
}

static void test_ops_reach_the_server_as_what_they_are(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	char log[192];
	NEEDS_NBDKIT;
	snprintf(log, sizeof(log), "logfile=%s/log", dir);
	serve("--filter=log", "memory", "32M", log);
	OPEN(target(",make=on,fua=on"), dev);
	unsigned flushes = logged(" Flush ", "...");
	assert_int_equal(run_op(dev, HCB_WRITE, 0x3000, 8192, 0), 0);
	assert_int_equal(logged(" Write ", "offset=0x3000 count=0x2000 fua=0"), 1);
	assert_int_equal(logged(" Flush ", "..."), flushes);
	assert_int_equal(run_op(dev, HCB_FLUSH, 0, 0, 0), 0);
	assert_int_equal(logged(" Flush ", "..."), flushes + 1);
	assert_int_equal(run_op(dev, HCB_WRITE, 0x5000, 4096, HCB_OP_FUA), 0);
	assert_int_equal(logged(" Write ", "offset=0x5000 count=0x1000 fua=1"), 1);
	assert_int_equal(run_op(dev, HCB_READ, 0x5000, 4096, 0), 0);
	assert_int_equal(logged(" Read ", "offset=0x5000 count=0x1000"), 1);
	assert_int_equal(run_op(dev, HCB_DISCARD, 0x100000, 0x100000, 0), 0);
	assert_int_equal(logged(" Trim ", "offset=0x100000 count=0x100000"), 1);
	close_target(dev);
}

/* More than the socket holds: each op needs several pieces of work, driven by wake_fd. */
static void test_large_ops_are_sent_in_pieces(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	struct hcb_op *list[DEPTH], *done[DEPTH];
	NEEDS_NBDKIT;
	serve("memory", "32M");
	OPEN(target(",make=on"), dev);
	for (unsigned i = 0; i < DEPTH; i++) {
		list[i] = prepare(i, HCB_WRITE, i * HCB_MIB, HCB_MIB);
		memset(buf + i * HCB_MIB, 'a' + (int)i, HCB_MIB);
	}
	assert_int_equal(dev->engine->submit(dev, list, DEPTH), DEPTH);
	reap(dev, done, DEPTH);
	memset(buf, 0, DEPTH * HCB_MIB);
	for (unsigned i = 0; i < DEPTH; i++) {
		assert_int_equal(op[i].result, 0);
		list[i] = prepare(i, HCB_READ, i * HCB_MIB, HCB_MIB);
	}
	assert_int_equal(dev->engine->submit(dev, list, DEPTH), DEPTH);
	reap(dev, done, DEPTH);
	for (unsigned i = 0; i < DEPTH; i++)
		for (uint64_t at = 0; at < HCB_MIB; at++)
			assert_int_equal(buf[i * HCB_MIB + at], 'a' + (int)i);
	close_target(dev);
}

static void test_an_error_of_one_op_is_its_own(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	char trigger[192], file[224];
	NEEDS_NBDKIT;
	snprintf(trigger, sizeof(trigger), "%s/log", dir); /* teardown removes it */
	snprintf(file, sizeof(file), "error-file=%s", trigger);
	serve("--filter=error", "memory", "32M", "error=EIO", "error-rate=100%", file);
	OPEN(target(",make=on"), dev);
	hcb_test_write(trigger, "", 0);
	assert_int_equal(run_op(dev, HCB_WRITE, 0, 4096, 0), -EIO);
	assert_int_equal(run_op(dev, HCB_READ, 0, 4096, 0), -EIO);
	unlink(trigger);
	assert_int_equal(run_op(dev, HCB_WRITE, 0, 4096, 0), 0);
	assert_null(atomic_load(&dev->trouble));
	close_target(dev);
}

/* ---- servers that end or do not answer ---- */

static void test_a_server_that_dies_answers_each_op_once(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	struct hcb_op *list[DEPTH], *done[DEPTH];
	unsigned came[DEPTH] = {0};
	NEEDS_NBDKIT;
	serve("--filter=delay", "memory", "32M", "wdelay=60");
	file_with("\0", 1, 0);
	assert_ok(open_target(target(""), (struct wish){0, 0, true}, &dev, &err), &err);
	dev->caps |= HCB_CAP_WRITE; /* its mark would take a minute */
	for (unsigned i = 0; i < DEPTH; i++)
		list[i] = prepare(i, HCB_WRITE, i * HCB_MIB, HCB_MIB);
	assert_int_equal(dev->engine->submit(dev, list, DEPTH), DEPTH);
	assert_int_equal(dev->engine->poll(dev, done, DEPTH), 0);
	hcb_test_nbd_kill(&server);
	reap(dev, done, DEPTH);
	for (unsigned i = 0; i < DEPTH; i++) {
		came[done[i]->index]++;
		assert_int_equal(done[i]->result, -ENOTCONN);
		assert_true(done[i]->done_ns >= done[i]->submit_ns);
	}
	for (unsigned i = 0; i < DEPTH; i++)
		assert_int_equal(came[i], 1);
	assert_has(atomic_load(&dev->trouble), server.sock);
	/* And so does each later one, without a server. */
	assert_int_equal(run_op(dev, HCB_READ, 0, 4096, 0), -ENOTCONN);
	assert_int_equal(run_op(dev, HCB_FLUSH, 0, 0, 0), -ENOTCONN);
	close_target(dev);
}

/* Gone while nothing is out: found by the next op. */
static void test_a_server_that_leaves_meanwhile_is_noticed(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	NEEDS_NBDKIT;
	serve("memory", "32M");
	OPEN(target(",make=on"), dev);
	hcb_test_nbd_kill(&server);
	assert_null(atomic_load(&dev->trouble));
	assert_int_equal(run_op(dev, HCB_WRITE, 0, 4096, 0), -ENOTCONN);
	assert_non_null(atomic_load(&dev->trouble));
	close_target(dev);
}

static void test_a_silent_server_is_given_up(void **state)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_dev *dev = NULL;
	struct wish soon = {0, 100 * HCB_MS, true};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	NEEDS_NBDKIT;
	/* In the handshake: it listens, and that is all. */
	snprintf(a.sun_path, sizeof(a.sun_path), "%.90s/quiet", dir);
	snprintf(server.sock, sizeof(server.sock), "%s", a.sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_fails(open_target(target(""), soon, &dev, &err), &err, HCB_EXIT_FAILED,
	             "did not finish the handshake within the deadline");
	close(fd);
	unlink(server.sock);
	/* When the mark is read. */
	soon.deadline_ns = HCB_SEC; /* for the handshake too */
	serve("--filter=delay", "memory", "32M", "rdelay=60");
	assert_fails(open_target(target(""), soon, &dev, &err), &err, HCB_EXIT_FAILED,
	             "read the mark of");
	assert_has(err.msg, "timed out");
	hcb_test_nbd_stop(&server);
	/* When it is closed: nothing is left behind that a late answer could reach. */
	serve("--filter=delay", "memory", "32M", "wdelay=60");
	assert_ok(open_target(target(""), (struct wish){0, 0, true}, &dev, &err), &err);
	dev->caps |= HCB_CAP_WRITE;
	dev->deadline_ns = 100 * HCB_MS;
	struct hcb_op *o = prepare(0, HCB_WRITE, 0, 4096);
	assert_int_equal(dev->engine->submit(dev, &o, 1), 1);
	close_target(dev);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	/* What libnbd reads after it freed it is not by chance what it was: hand_over in
	   nbd.c. */
	mallopt(M_PERTURB, 0xa5);
	const struct CMUnitTest tests[] = {
	        TEST(test_addresses_that_cannot_be_meant),
	        TEST(test_what_is_not_marked_is_refused_and_unchanged),
	        TEST(test_a_blank_export_is_taken_and_known_again),
	        TEST(test_a_second_hcbench_is_refused),
	        TEST(test_servers_that_lack_something),
	        TEST(test_export_is_chosen_by_name),
	        TEST(test_it_is_described),
	        TEST(test_ops_reach_the_server_as_what_they_are),
	        TEST(test_large_ops_are_sent_in_pieces),
	        TEST(test_an_error_of_one_op_is_its_own),
	        TEST(test_a_server_that_dies_answers_each_op_once),
	        TEST(test_a_server_that_leaves_meanwhile_is_noticed),
	        TEST(test_a_silent_server_is_given_up),
	};
	return cmocka_run_group_tests_name("nbd", tests, NULL, NULL);
}
