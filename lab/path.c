/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way replication takes from one host to another: round trip, what one TCP stream
 * gets through, and processor time per packet. A sink in the one host's network, a source
 * in the other's; what the tunnel's daemons took meanwhile is read from /proc.
 *
 * The hosts are one machine: a stream that finds its processors busy is bound by them and
 * not by the way, so how busy they were stands beside it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/core/procstat.h"
#include "bench/netpath.h"
#include "lab/impl.h"

#define ROUND_TRIPS 25u
#define RAMP_NS     (HCB_SEC / 2)  /* of the stream, not counted: slow start */
#define OVERTIME    (20 * HCB_SEC) /* for connecting, round trips, a late machine */
#define CHUNK       (256 * 1024)

struct tally {
	uint64_t ns, received, busy_ns, retransmits;
	uint64_t tinc_ns[2], end_ns[2]; /* processor time */
	uint64_t held_ns[2];            /* stood still for a quota (hold.c) */
	struct hcb_proc_traffic moved[2];
};

/* Shared by the sink, the source and their parent. */
struct walk {
	char from[32], to[32]; /* hosts */
	char address[32];      /* of the sink */
	pid_t ends[2];         /* source, sink */
	pid_t tinc[2];         /* of the source's and the sink's host; -1: no tunnel */
	uint64_t stream_ns;
	const struct hcb_lab_info *info; /* the parent's */
	bool held[2];
	_Atomic uint32_t port; /* 0: does not listen yet */
	_Atomic uint64_t received;
	struct hcb_netpath way;
	struct hcb_rtt rtt;
	uint32_t mss;
	struct tally begin, end;
};

/* ---- the sink ---- */

static int listen_on(const char *address, uint32_t *port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t len = sizeof(sa);
	inet_pton(AF_INET, address, &sa.sin_addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 16) ||
	    getsockname(fd, (struct sockaddr *)&sa, &len)) {
		int e = errno;
		close(fd);
		return -e;
	}
	*port = ntohs(sa.sin_port);
	return fd;
}

/* Connections one after the other; the first that carried anything is the last. The
   parent's deadline is this one's too. */
static int sink(void *arg, struct hcb_err *err)
{
	static char buf[CHUNK];
	struct walk *w = arg;
	uint32_t port;
	w->ends[1] = getpid();
	int fd = listen_on(w->address, &port);
	if (fd < 0)
		return hcb_err_sys(err, fd, "listen on %s", w->address);
	atomic_store(&w->port, port);
	while (!atomic_load(&w->received)) {
		int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (c < 0)
			return hcb_err_sys(err, -errno, "accept on %s", w->address);
		for (ssize_t n; (n = recv(c, buf, sizeof(buf), 0)) > 0;)
			atomic_fetch_add(&w->received, (uint64_t)n);
		close(c);
	}
	close(fd);
	return 0;
}

/* ---- the source ---- */

static int take_tally(struct walk *w, int fd, struct tally *t)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	memset(&info, 0, sizeof(info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return -errno;
	if (!hcb_machine_busy_ns(&t->busy_ns))
		return -EIO;
	for (int i = 0; i < 2; i++) {
		if (!hcb_proc_cpu_ns(w->ends[i], &t->end_ns[i]))
			return -ESRCH;
		if (w->tinc[i] > 0 &&
		    !(hcb_proc_cpu_ns(w->tinc[i], &t->tinc_ns[i]) &&
		      hcb_proc_traffic(w->tinc[i], w->way.interface, &t->moved[i])))
			return -ESRCH;
		w->held[i] = lab_hold_throttled_ns(w->info, i ? w->to : w->from,
		                                   &t->held_ns[i]);
	}
	t->retransmits = info.tcpi_total_retrans;
	t->received = atomic_load(&w->received);
	t->ns = hcb_monotonic_ns();
	return 0;
}

static int send_until(int fd, uint64_t until_ns)
{
	static const char buf[CHUNK];
	for (uint64_t now; (now = hcb_monotonic_ns()) < until_ns;) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		if (poll(&p, 1, (int)((until_ns - now) / HCB_MS) + 1) <= 0)
			continue;
		if (send(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
		    errno != EAGAIN)
			return -errno;
	}
	return 0;
}

static int stream(struct walk *w, int fd)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
	                         .sin_port = htons((uint16_t)atomic_load(&w->port))};
	struct timeval limit = {.tv_sec = 10};
	socklen_t len = sizeof(w->mss);
	inet_pton(AF_INET, w->address, &sa.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return -errno;
	int r = send_until(fd, hcb_monotonic_ns() + RAMP_NS);
	r = r ? r : take_tally(w, fd, &w->begin);
	r = r ? r : send_until(fd, w->begin.ns + w->stream_ns);
	r = r ? r : take_tally(w, fd, &w->end);
	if (!r && getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &w->mss, &len))
		r = -errno;
	return r;
}

static int source(void *arg, struct hcb_err *err)
{
	struct walk *w = arg;
	uint64_t until = hcb_monotonic_ns() + 5 * HCB_SEC;
	w->ends[0] = getpid();
	while (!atomic_load(&w->port) && hcb_monotonic_ns() < until)
		usleep(10000);
	if (!atomic_load(&w->port))
		return hcb_err_set(err, -ETIMEDOUT, "the other host does not listen");
	int r = hcb_netpath_look(w->address, &w->way, err);
	r = r ? r
	      : hcb_netpath_rtt(w->address, (uint16_t)atomic_load(&w->port), ROUND_TRIPS,
	                        &w->rtt, err);
	if (r)
		return r;
	if (!w->way.tunnel)
		w->tinc[0] = w->tinc[1] = -1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!r)
		r = fd < 0 ? -errno : stream(w, fd);
	if (fd >= 0)
		close(fd);
	return r ? hcb_err_sys(err, r, "send to %s", w->address) : 0;
}

/* ---- what was found, in lab time ---- */

/* Per packet of one end's tunnel, us; null: there is none, or it carried too little to
   tell from the clock's ticks. */
static json_t *per_packet(const struct walk *w, int end, uint64_t ns, double dilation)
{
	uint64_t packets = w->end.moved[end].packets - w->begin.moved[end].packets;
	if (w->tinc[end] <= 0 || packets < HCB_LAB_PATH_PACKETS)
		return json_null();
	return json_real((double)ns / 1e3 / (double)packets / dilation);
}

static json_t *tunnel_cost(const struct walk *w, int end, double dilation)
{
	return per_packet(w, end, w->end.tinc_ns[end] - w->begin.tinc_ns[end], dilation);
}

/* With what it stood still for its quota: what a packet costs as long as there are more.
 */
static json_t *held_cost(const struct walk *w, int end, double dilation)
{
	uint64_t ns = w->end.tinc_ns[end] - w->begin.tinc_ns[end] + w->end.held_ns[end] -
	              w->begin.held_ns[end];
	return w->held[end] ? per_packet(w, end, ns, dilation) : json_null();
}

/* Of source, sink and the tunnel's daemons, per full packet: all that the kernel counts
   for them, and so most of its own work for the way. */
static json_t *whole_cost(const struct walk *w, double bytes, double dilation)
{
	uint64_t ns = 0;
	for (int i = 0; i < 2; i++) {
		ns += w->end.end_ns[i] - w->begin.end_ns[i];
		ns += w->end.tinc_ns[i] - w->begin.tinc_ns[i];
	}
	double packets = w->mss ? bytes / w->mss : 0;
	return packets < HCB_LAB_PATH_PACKETS
	               ? json_null()
	               : json_real((double)ns / 1e3 / packets / dilation);
}

static json_t *assumed(const struct hcb_lab_info *info, struct hcb_err *err)
{
	struct hcb_cluster *c = calloc(1, sizeof(*c));
	json_t *range = NULL;
	if (c && hcb_cluster_read(info->cluster_file, c, err) == 0)
		range = c->tunnel_us_hi > 0
		                ? json_pack("[f,f]", c->tunnel_us_lo, c->tunnel_us_hi)
		                : json_null();
	free(c);
	return range;
}

static int digest(const struct hcb_lab_info *info, const struct walk *w, json_t **out,
                  struct hcb_err *err)
{
	const struct tally *a = &w->begin, *b = &w->end;
	double wall_s = (double)(b->ns - a->ns) / 1e9, d = info->dilation;
	double bytes = (double)(b->received - a->received);
	double held = hcb_lab_held(info);
	json_t *range = assumed(info, err);
	if (!range)
		return -EIO;
	*out = json_pack(
	        "{ss ss ss ss ss sb sI sI sf sI sI sf sI sf so so so so so so sI so}",
	        "from", w->from, "to", w->to, "address", w->address, "interface",
	        w->way.interface, "interface_kind", w->way.kind, "tunnel", w->way.tunnel,
	        "mtu_bytes", (json_int_t)w->way.mtu, "mss_bytes", (json_int_t)w->mss,
	        "seconds", wall_s / d, "rtt_ns",
	        (json_int_t)((double)w->rtt.median_ns / d), "rtt_min_ns",
	        (json_int_t)((double)w->rtt.min_ns / d), "bit_per_s",
	        8 * bytes / wall_s * d, "retransmits",
	        (json_int_t)(b->retransmits - a->retransmits), "host_busy",
	        (double)(b->busy_ns - a->busy_ns) / 1e9 / wall_s /
	                (double)sysconf(_SC_NPROCESSORS_ONLN),
	        "processor_us_per_packet", whole_cost(w, bytes, d),
	        "tunnel_us_per_packet_from", tunnel_cost(w, 0, d),
	        "tunnel_us_per_packet_to", tunnel_cost(w, 1, d),
	        "tunnel_held_us_per_packet_from", held_cost(w, 0, d),
	        "tunnel_held_us_per_packet_to", held_cost(w, 1, d),
	        "held_to_us_per_packet", held > 0 ? json_real(held) : json_null(),
	        "tunnel_packets", (json_int_t)(b->moved[0].packets - a->moved[0].packets),
	        "assumed_us_per_packet", range);
	return *out ? 0 : hcb_err_sys(err, -ENOMEM, "lab path");
}

/* ---- together ---- */

/* Said or not: without a word the first host sends, and the first other one receives. */
static int choose(const struct hcb_lab_info *info, const struct hcb_lab_path *p,
                  const struct hcb_lab_host_info **from,
                  const struct hcb_lab_host_info **to, struct hcb_err *err)
{
	if (info->n_hosts < 2)
		return hcb_err_usage(err, "lab path: lab %s has one host", info->name);
	*from = &info->hosts[0];
	if (p->from)
		*from = lab_host_of(info, p->from, err);
	*to = *from == &info->hosts[0] ? &info->hosts[1] : &info->hosts[0];
	if (*from && p->to)
		*to = lab_host_of(info, p->to, err);
	if (!*from || !*to)
		return -EINVAL;
	return *from == *to
	               ? hcb_err_usage(err, "lab path: from %s to itself", (*from)->name)
	               : 0;
}

static int walk(const struct hcb_lab_info *info, const struct hcb_lab_path *p,
                struct walk *w, struct hcb_err *err)
{
	struct lab_job job;
	const struct hcb_lab_host_info *from = NULL, *to = NULL;
	if (choose(info, p, &from, &to, err))
		return -EINVAL;
	snprintf(w->from, sizeof(w->from), "%s", from->name);
	snprintf(w->to, sizeof(w->to), "%s", to->name);
	w->info = info;
	snprintf(w->address, sizeof(w->address), "%s",
	         p->link ? to->link_address : to->cluster_address);
	w->tinc[0] = lab_recorded_pid(info, "tinc-admin", from->name, "tincd");
	w->tinc[1] = lab_recorded_pid(info, "tinc-admin", to->name, "tincd");
	w->stream_ns = (uint64_t)((double)p->seconds * info->dilation * 1e9);
	uint64_t most = RAMP_NS + w->stream_ns + OVERTIME;
	int r = lab_job_start(&job, "receive", to->netns, sink, w, err);
	if (!r)
		r = lab_job_run("send", from->netns, most, source, w, err);
	if (r && job.pid > 0)
		kill(job.pid, SIGKILL); /* nobody will send to it */
	int r2 = lab_job_wait(&job, hcb_monotonic_ns() + OVERTIME, r ? NULL : err);
	return r ? r : r2;
}

int hcb_lab_path(const char *name, const struct hcb_lab_path *p, json_t **out,
                 struct hcb_err *err)
{
	struct hcb_lab_info *info = calloc(1, sizeof(*info));
	struct walk *w = lab_shared_alloc(sizeof(*w));
	*out = NULL;
	int r = info && w ? hcb_lab_find(name, info, err)
	                  : hcb_err_sys(err, -ENOMEM, "lab path");
	r = r ? r : walk(info, p, w, err);
	r = r ? r : digest(info, w, out, err);
	lab_shared_free(w, sizeof(*w));
	free(info);
	return r;
}
