/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The property of test_power_cut on the real thing: four threads write to and flush a
 * loop device on a served disk, in real time, until its power is cut. What a flush that
 * was answered covers is there afterwards. A disk that lies is found out.
 */
#include "cut_oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/core/child.h"
#include "bench/core/random.h"
#include "bench/core/units.h"

#define THREADS  4
#define BASE     ((64u << 20) - CUT_SECTORS * CUT_SECTOR / 2) /* across a slice's edge */
#define MAX_RUN  16u
#define PROMISED 8u /* writes that a flush covers before the power goes */

static struct {
	char dir[256], loop[64];
	bool served, always; /* always: done is durable */
	int fd;
	pthread_mutex_t lock; /* the oracle and the dice */
	struct cut_oracle o;
	struct hcb_random rnd;
	atomic_bool stop;
} t = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void command(const char *const *argv, char *out, size_t size)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_child_opts opts = {.timeout_ns = 20 * HCB_SEC};
	struct hcb_child_result res;
	assert_ok(hcb_child_run(argv, &opts, &res, &err), &err);
	if (out)
		snprintf(out, size, "%.*s", (int)strcspn(res.out, "\n"), res.out);
	hcb_child_result_free(&res);
}

static const char *program(void)
{
	const char *p = getenv("HCBENCH");
	return p ? p : "build/hcbench";
}

static void ctl(const char *line)
{
	const char *const argv[] = {program(), "disk", "ctl", t.dir, line, NULL};
	command(argv, NULL, 0);
}

static void start(const char *cache, const char *dilation)
{
	char file[300];
	const char *const serve[] = {program(),    "disk",   "serve",   "generic-7200",
	                             "--mount",    t.dir,    "--size",  "128MiB",
	                             "--filled",   "60%",    "--cache", cache,
	                             "--dilation", dilation, NULL};
	const char *const attach[] = {"losetup",        "-f", "--show",
	                              "--direct-io=on", file, NULL};
	if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) != 0 ||
	    access("/dev/loop-control", R_OK | W_OK) != 0) {
		print_message("needs root, /dev/fuse and /dev/loop-control\n");
		skip();
	}
	hcb_test_mkdir(t.dir, sizeof(t.dir));
	command(serve, NULL, 0);
	t.served = true;
	snprintf(file, sizeof(file), "%s/disk", t.dir);
	command(attach, t.loop, sizeof(t.loop));
	t.fd = open(t.loop, O_RDWR | O_DIRECT | O_CLOEXEC);
	assert_true(t.fd >= 0);
	t.always = strcmp(cache, "off") == 0;
	cut_init(&t.o);
	hcb_random_init(&t.rnd, 1, 0);
}

static int stop(void **state)
{
	const char *const detach[] = {"losetup", "-d", t.loop, NULL};
	const char *const umount[] = {"umount", t.dir, NULL};
	(void)state;
	if (t.fd > 0)
		close(t.fd);
	if (t.loop[0])
		command(detach, NULL, 0);
	if (t.served)
		command(umount, NULL, 0);
	if (t.dir[0])
		rmdir(t.dir);
	t.fd = 0;
	t.dir[0] = t.loop[0] = '\0';
	t.served = false;
	return 0;
}

static unsigned dice(unsigned n)
{
	return (unsigned)hcb_random_below(&t.rnd, n);
}

/* One flush or write; false: the power is gone, or the books are full. */
static bool one(void *buf)
{
	pthread_mutex_lock(&t.lock);
	bool flush = dice(6) == 0, ok;
	unsigned n = 1 + dice(MAX_RUN), sector = dice(CUT_SECTORS - n + 1);
	if (t.o.n == CUT_MAX_WRITES)
		atomic_store(&t.stop, true);
	uint64_t sent = ++t.o.events;
	uint32_t number = atomic_load(&t.stop) || flush ? 0 : cut_send(&t.o, sector, n);
	pthread_mutex_unlock(&t.lock);
	if (atomic_load(&t.stop))
		return false;
	size_t len = n * CUT_SECTOR;
	if (flush) {
		ok = fdatasync(t.fd) == 0;
	} else {
		cut_stamp(buf, sector, n, number);
		ok = pwrite(t.fd, buf, len, BASE + sector * CUT_SECTOR) == (ssize_t)len;
	}
	if (!ok)
		return false;
	pthread_mutex_lock(&t.lock);
	if (flush)
		cut_flushed(&t.o, sent);
	else
		cut_done(&t.o, number, t.always);
	pthread_mutex_unlock(&t.lock);
	return true;
}

static void *work(void *arg)
{
	void *buf;
	(void)arg;
	if (posix_memalign(&buf, 4096, MAX_RUN * CUT_SECTOR))
		return NULL;
	while (one(buf))
		;
	free(buf);
	return NULL;
}

static unsigned promised(void)
{
	unsigned n = 0;
	pthread_mutex_lock(&t.lock);
	for (unsigned i = 0; i < t.o.n; i++)
		n += t.o.write[i].durable;
	pthread_mutex_unlock(&t.lock);
	return n;
}

/* Some time, and until there is something to lose: how many writes a while carries is for
   the machine to say, and a cut before any promise proves nothing. */
static void let_it_run(void)
{
	const struct timespec ms = {0, 1000000L};
	pthread_mutex_lock(&t.lock);
	unsigned least = 10 + dice(100);
	pthread_mutex_unlock(&t.lock);
	for (unsigned i = 0; i < least || (promised() < PROMISED && i < 30000); i++)
		nanosleep(&ms, NULL);
	assert_true(promised() >= PROMISED);
}

/* One cut; how many sectors hold what they must not. */
static unsigned round_of(unsigned seed)
{
	pthread_t th[THREADS];
	char line[64];
	void *buf;
	size_t len = CUT_SECTORS * CUT_SECTOR;
	atomic_store(&t.stop, false);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&th[i], NULL, work, NULL), 0);
	let_it_run();
	snprintf(line, sizeof(line), "power cut %u %u%%", seed, seed % 5 * 25);
	ctl(line);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(th[i], NULL), 0);
	assert_int_equal(posix_memalign(&buf, 4096, len), 0);
	assert_int_equal(pread(t.fd, buf, len, BASE), -1);
	assert_int_equal(errno, EIO);
	ctl("power on");
	assert_int_equal(pread(t.fd, buf, len, BASE), (ssize_t)len);
	unsigned bad = cut_check(&t.o, buf);
	free(buf);
	return bad;
}

static void test_with_its_cache(void **state)
{
	(void)state;
	start("on", "1");
	for (unsigned i = 0; i < 15; i++)
		assert_int_equal(round_of(i), 0);
	assert_true(t.o.newest > 100);
	assert_true(t.o.older > 100);
}

static void test_without_cache(void **state)
{
	(void)state;
	start("off", "1");
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(round_of(i), 0);
}

/* What a lying disk has written by itself by then is not lost, and beside a machine that
   is held up it writes everything: 50 cuts found next to nothing. So its time is slow,
   and the machine is the faster one. */
static void test_a_lie_is_found_out(void **state)
{
	unsigned bad = 0;
	(void)state;
	start("on", "50");
	ctl("lie on");
	for (unsigned i = 0; i < 5; i++)
		bad += round_of(i);
	print_message("%u sectors lost\n", bad);
	assert_true(bad > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(test_with_its_cache, stop),
	        cmocka_unit_test_teardown(test_without_cache, stop),
	        cmocka_unit_test_teardown(test_a_lie_is_found_out, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
