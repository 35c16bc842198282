/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The redundant firewall: two virtual machines hold one address between them by CARP
 * (ucarp). The pair is started when it is first broken; "heal" ends it.
 *
 * A machine that dies says nothing: its cable goes first and its ucarp after. The outage
 * is what a third machine sees that pings the address all the while: from the last ping
 * that was answered to the first that is again.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/impl.h"

#define SHARED      "10.3.0.100" /* hosts end at HCB_MAX_HOSTS */
#define PING_EVERY  (10 * HCB_MS)
#define SETTLE_WAIT (60 * HCB_SEC) /* until the pair has a master that answers */
#define TAKEN_WAIT  (60 * HCB_SEC) /* until the other one has the address */
#define STEADY      (4 * HCB_SEC)  /* one master, before it is broken: adverts missed */
#define ADVERTISE_S 1.0            /* ucarp's own default, and least */
#define DEAD_RATIO  "3"            /* adverts missed: its default */

_Static_assert(HCB_MAX_HOSTS < 100, "the shared address is no host's");

/* ---- the observer ---- */

struct watch {
	char address[32];
	uint64_t every_ns;
	/* Of pings that were answered, when they were sent. */
	_Atomic uint64_t last, before, after; /* 0: none */
	_Atomic uint64_t broken_ns;           /* 0: not yet */
	_Atomic bool stop;
};

struct echo {
	struct icmphdr h;
	uint64_t sent_ns;
};

static uint16_t checksum(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)b[i] << 8 | b[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* No route, no answer to ARP: as good as no answer. */
static void ping(int fd, const struct sockaddr_in *to, uint16_t seq)
{
	struct echo e;
	memset(&e, 0, sizeof(e));
	e.h.type = ICMP_ECHO;
	e.sent_ns = hcb_monotonic_ns();
	e.h.un.echo.id = htons((uint16_t)getpid());
	e.h.un.echo.sequence = htons(seq);
	e.h.checksum = checksum(&e, sizeof(e));
	(void)!sendto(fd, &e, sizeof(e), MSG_DONTWAIT, (const struct sockaddr *)to,
	              sizeof(*to));
}

static void answered(struct watch *w, uint64_t sent_ns)
{
	uint64_t broken = atomic_load(&w->broken_ns);
	atomic_store(&w->last, sent_ns);
	if (!broken || sent_ns < broken)
		atomic_store(&w->before, sent_ns);
	else if (!atomic_load(&w->after))
		atomic_store(&w->after, sent_ns);
}

static void take_answers(struct watch *w, int fd, const struct sockaddr_in *from)
{
	struct {
		uint8_t bytes[256];
	} buf;
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t len = sizeof(sa);
	ssize_t n;
	while ((n = recvfrom(fd, &buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&sa,
	                     &len)) > 0) {
		struct echo e;
		size_t head = (size_t)(buf.bytes[0] & 15) * 4; /* IP's */
		len = sizeof(sa);
		if (sa.sin_addr.s_addr != from->sin_addr.s_addr ||
		    (size_t)n < head + sizeof(e))
			continue;
		memcpy(&e, buf.bytes + head, sizeof(e));
		if (e.h.type == ICMP_ECHOREPLY &&
		    e.h.un.echo.id == htons((uint16_t)getpid()))
			answered(w, e.sent_ns);
	}
}

/* In the observer's network, until it is told to stop. */
static int observe(void *arg, struct hcb_err *err)
{
	struct watch *w = arg;
	struct sockaddr_in to = {.sin_family = AF_INET};
	uint64_t next = hcb_monotonic_ns();
	uint16_t seq = 0;
	inet_pton(AF_INET, w->address, &to.sin_addr);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (fd < 0)
		return hcb_err_sys(err, -errno, "make a socket for pings");
	while (!atomic_load(&w->stop)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		uint64_t now = hcb_monotonic_ns();
		if (now >= next) {
			ping(fd, &to, seq++);
			next = now > next + w->every_ns ? now + w->every_ns
			                                : next + w->every_ns;
		}
		now = hcb_monotonic_ns();
		poll(&p, 1, next > now ? (int)((next - now) / HCB_MS) + 1 : 0);
		take_answers(w, fd, &to);
	}
	close(fd);
	return 0;
}

/* True once a ping that was sent at since_ns or later was answered. */
static bool wait_answer(_Atomic uint64_t *which, uint64_t since_ns, uint64_t limit_ns)
{
	uint64_t until = hcb_monotonic_ns() + limit_ns;
	while (atomic_load(which) < since_ns || !atomic_load(which)) {
		if (hcb_monotonic_ns() > until || lab_stop_signal)
			return false;
		usleep(5000);
	}
	return true;
}

/* ---- the pair ---- */

static int put_script(const char *dir, const char *name, const char *text,
                      struct hcb_err *err)
{
	char path[192], whole[512];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(whole, sizeof(whole),
	         "#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n%s", text);
	int r = lab_write_file(path, whole, err);
	return r == 0 && chmod(path, 0700)
	               ? hcb_err_sys(err, -errno, "set the mode of %s", path)
	               : r;
}

/* Interface, address, and the host are ucarp's arguments. */
static int put_scripts(const struct hcb_lab_info *info, const char *dir,
                       struct hcb_err *err)
{
	char path[192], up[320], down[320];
	snprintf(up, sizeof(up),
	         "ip addr replace \"$2/24\" dev \"$1\"\n: >\"%s/run/carp.$3\"\n",
	         info->dir);
	snprintf(down, sizeof(down),
	         "ip addr del \"$2/24\" dev \"$1\"\nrm -f \"%s/run/carp.$3\"\n",
	         info->dir);
	snprintf(path, sizeof(path), "%s/pass", dir);
	int r = lab_mkdirs(dir, err);
	r = r ? r : put_script(dir, "up", up, err);
	r = r ? r : put_script(dir, "down", down, err);
	return r ? r : lab_write_file(path, "hcbench\n", err);
}

/* The first is to be master: a lower skew. Adverts are whole seconds, so with a dilation
   that is none the nearest. */
static int start_one(const struct hcb_lab_info *info, unsigned i, const char *dir,
                     struct hcb_err *err)
{
	const struct hcb_lab_host_info *h = &info->hosts[i];
	char up[192], down[192], pass[192], log[192], env[64], every[16], skew[16];
	const char *const envs[] = {env, NULL};
	const char *const argv[] = {
	        "ucarp", "-i", LAB_VM_LINK, "-s",   h->vm_address, "-v", "42",
	        "-o",    pass, "-a",        SHARED, "-k",          skew, "-b",
	        every,   "-r", DEAD_RATIO,  "-P",   "-u",          up,   "-d",
	        down,    "-x", h->name,     NULL};
	pid_t pid;
	snprintf(up, sizeof(up), "%s/up", dir);
	snprintf(down, sizeof(down), "%s/down", dir);
	snprintf(pass, sizeof(pass), "%s/pass", dir);
	snprintf(log, sizeof(log), "%s/log/ucarp.%s.out", info->dir, h->name);
	snprintf(env, sizeof(env), LAB_ENV "=%s", info->name);
	snprintf(every, sizeof(every), "%.0f",
	         fmax(1, round(ADVERTISE_S * info->dilation)));
	snprintf(skew, sizeof(skew), "%u", 10 * i);
	struct hcb_child_opts o = {.netns = h->vm_netns,
	                           .env = envs,
	                           .log_path = log,
	                           .timeout_ns = 10 * HCB_SEC};
	int r = hcb_child_daemon(argv, &o, &pid, err);
	if (r)
		return r;
	snprintf(log, sizeof(log), "%s/run/ucarp.%s.pid", info->dir, h->name);
	snprintf(every, sizeof(every), "%d\n", (int)pid);
	return lab_write_file(log, every, err);
}

static pid_t pid_of(const struct hcb_lab_info *info, unsigned i)
{
	return lab_recorded_pid(info, "ucarp", info->hosts[i].name, "ucarp");
}

static void dir_of(const struct hcb_lab_info *info, char *buf, size_t size)
{
	snprintf(buf, size, "%s/carp", info->dir);
}

/* Left by the script that gave it the address, and taken away with it. */
static void mark_of(const struct hcb_lab_info *info, unsigned i, char *buf, size_t size)
{
	snprintf(buf, size, "%s/run/carp.%s", info->dir, info->hosts[i].name);
}

/* Index of the host whose machine has the address; -1: none has, or both. */
static int master_of(const struct hcb_lab_info *info)
{
	int found = -1, n = 0;
	for (int i = 0; i < 2; i++) {
		char mark[160];
		mark_of(info, (unsigned)i, mark, sizeof(mark));
		if (access(mark, F_OK) == 0)
			found = i, n++;
	}
	return n == 1 ? found : -1;
}

/* Until one has had it for so long, and nobody else. */
static int wait_master(const struct hcb_lab_info *info, uint64_t steady_ns,
                       uint64_t limit_ns)
{
	uint64_t until = hcb_monotonic_ns() + limit_ns, since = hcb_monotonic_ns();
	int was = -1;
	for (uint64_t now; (now = hcb_monotonic_ns()) < until && !lab_stop_signal;) {
		int is = master_of(info);
		if (is != was)
			since = now;
		was = is;
		if (is >= 0 && now - since >= steady_ns)
			return is;
		usleep(10000);
	}
	return -1;
}

static int start_pair(const struct hcb_lab_info *info, struct hcb_err *err)
{
	char dir[128];
	bool first = pid_of(info, 0) > 0, second = pid_of(info, 1) > 0;
	dir_of(info, dir, sizeof(dir));
	if (first && second)
		return 0;
	if (first || second)
		return hcb_err_set(err, -EALREADY,
		                   "kill-carp: one of the pair is dead already; \"heal\" "
		                   "mends it");
	int r = put_scripts(info, dir, err);
	r = r ? r : start_one(info, 0, dir, err);
	/* Started together, both would be master for a second. */
	if (r == 0 && wait_master(info, 0, SETTLE_WAIT) < 0)
		r = hcb_err_set(err, -ETIMEDOUT,
		                "kill-carp: no machine has taken " SHARED);
	return r ? r : start_one(info, 1, dir, err);
}

/* The switch's end of the machine's cable. */
static int cable(const struct hcb_lab_info *info, unsigned i, const char *state,
                 struct hcb_err *err)
{
	char line[64];
	snprintf(line, sizeof(line), "link set " LAB_VM_PORT " %s\n", state);
	return lab_ip_batch(info->hosts[i].netns, line, err);
}

/* ---- the fault ---- */

static int check(const struct hcb_lab_info *info, struct hcb_err *err)
{
	if (info->n_hosts < 3 || !info->hosts[0].vm_address[0])
		return hcb_err_usage(
		        err,
		        "kill-carp: lab %s has not three virtual machines, two "
		        "that share an address and one that looks; "
		        "[network] vm = gre makes them",
		        info->name);
	return lab_need_program("ucarp", "ucarp", err);
}

static int break_master(const struct hcb_lab_info *info, struct watch *w, int *master,
                        struct hcb_err *err)
{
	uint64_t steady = (uint64_t)((double)STEADY * info->dilation);
	if (!wait_answer(&w->last, 1, SETTLE_WAIT))
		return hcb_err_set(err, -ETIMEDOUT,
		                   "kill-carp: nobody answers at " SHARED
		                   " within %llu s",
		                   (unsigned long long)(SETTLE_WAIT / HCB_SEC));
	*master = wait_master(info, steady, SETTLE_WAIT);
	if (*master < 0 || !wait_answer(&w->last, hcb_monotonic_ns(), STEADY))
		return hcb_err_set(err, -EIO,
		                   "kill-carp: " SHARED
		                   " does not stay with one machine");
	pid_t pid = pid_of(info, (unsigned)*master);
	int r = cable(info, (unsigned)*master, "down", err);
	if (!r && (pid < 0 || kill(pid, SIGKILL)))
		r = hcb_err_set(err, -ESRCH, "kill-carp: ucarp on %s is not running",
		                info->hosts[*master].name);
	/* Not before: a ping on its way while the cable goes would be the first that is
	   answered again. */
	atomic_store(&w->broken_ns, hcb_monotonic_ns());
	return r;
}

static int tell(const struct hcb_lab_info *info, const struct watch *w, int master,
                json_t **out, struct hcb_err *err)
{
	double d = info->dilation;
	double outage =
	        (double)(atomic_load(&w->after) - atomic_load(&w->before)) / 1e9 / d;
	*out = json_pack("{ss ss ss ss sf sf so}", "address", SHARED, "from",
	                 info->hosts[master].name, "to", info->hosts[!master].name,
	                 "observer", info->hosts[2].name, "outage_s", outage,
	                 "ping_every_s", (double)w->every_ns / 1e9 / d, "said",
	                 json_sprintf("%s was away for %.2f s, from %s's machine to %s's",
	                              SHARED, outage, info->hosts[master].name,
	                              info->hosts[!master].name));
	return *out ? 0 : hcb_err_sys(err, -ENOMEM, "kill-carp");
}

static int drill(const struct hcb_lab_info *info, struct watch *w, json_t **out,
                 struct hcb_err *err)
{
	int master = 0;
	uint64_t taken = (uint64_t)((double)TAKEN_WAIT * info->dilation);
	int r = start_pair(info, err);
	r = r ? r : break_master(info, w, &master, err);
	if (!r && !wait_answer(&w->after, 1, taken))
		r = hcb_err_set(
		        err, -ETIMEDOUT,
		        "kill-carp: %s's machine has not taken " SHARED " within %llu s",
		        info->hosts[!master].name, (unsigned long long)(taken / HCB_SEC));
	return r ? r : tell(info, w, master, out, err);
}

/* Runs fn while the observer pings the address. */
static int watched(const struct hcb_lab_info *info, const char *address,
                   int (*fn)(const struct hcb_lab_info *, struct watch *, json_t **,
                             struct hcb_err *),
                   json_t **out, struct hcb_err *err)
{
	struct watch *w = lab_shared_alloc(sizeof(*w));
	struct lab_job job;
	if (!w)
		return hcb_err_sys(err, -ENOMEM, "watch %s", address);
	snprintf(w->address, sizeof(w->address), "%s", address);
	w->every_ns = (uint64_t)((double)PING_EVERY * info->dilation);
	int r = lab_job_start(&job, "ping", info->hosts[2].vm_netns, observe, w, err);
	r = r ? r : fn(info, w, out, err);
	atomic_store(&w->stop, true);
	int r2 = lab_job_wait(&job, hcb_monotonic_ns() + 5 * HCB_SEC, r ? NULL : err);
	lab_shared_free(w, sizeof(*w));
	return r ? r : r2;
}

int lab_carp_kill(const struct hcb_lab_info *info, json_t **out, struct hcb_err *err)
{
	int r = check(info, err);
	return r ? r : watched(info, SHARED, drill, out, err);
}

/* ---- mending ---- */

/* The machine whose cable was down is back when it answers: the spanning tree has to let
   its port forward again. */
static int back(const struct hcb_lab_info *info, struct watch *w, json_t **out,
                struct hcb_err *err)
{
	(void)out;
	return wait_answer(&w->last, 1, SETTLE_WAIT)
	               ? 0
	               : hcb_err_set(err, -ETIMEDOUT,
	                             "heal lab %s: the virtual machine at %s does not "
	                             "answer",
	                             info->name, w->address);
}

static bool ever(const struct hcb_lab_info *info)
{
	char dir[128];
	dir_of(info, dir, sizeof(dir));
	return access(dir, F_OK) == 0;
}

int lab_carp_end(const struct hcb_lab_info *info, struct hcb_err *err)
{
	char line[96], mark[160];
	int r = 0;
	for (unsigned i = 0; ever(info) && r == 0 && i < 2; i++) {
		pid_t pid = pid_of(info, i);
		if (pid > 0)
			hcb_process_stop(pid, HCB_SEC);
		r = cable(info, i, "up", err);
		/* Whoever has it, by its own or, killed, by no script's hand. */
		mark_of(info, i, mark, sizeof(mark));
		unlink(mark);
		snprintf(line, sizeof(line),
		         "addr del " SHARED "/24 dev " LAB_VM_LINK "\n");
		if (r == 0)
			lab_ip_batch(info->hosts[i].vm_netns, line, NULL);
	}
	return r;
}

int lab_carp_back(const struct hcb_lab_info *info, struct hcb_err *err)
{
	int r = 0;
	for (unsigned i = 0; ever(info) && r == 0 && i < 2; i++)
		r = watched(info, info->hosts[i].vm_address, back, NULL, err);
	return r;
}
