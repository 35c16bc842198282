/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink rather than /sys: /sys shows the network namespace it was mounted in, a socket
 * the one it was made in, and a lab's hosts are namespaces.
 */
#include "bench/netpath.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/core/clock.h"
#include "bench/core/units.h"

#define MAX_IFS    256u
#define MAX_RTT    64u
#define CONNECT_MS 2000
#define GAP_NS     (20 * HCB_MS)

/* ---- addresses ---- */

struct sock_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} u;
	socklen_t len;
	const void *bytes;
	unsigned n_bytes;
};

static int parse_address(const char *text, uint16_t port, struct sock_address *a,
                         struct hcb_err *err)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, &a->u.v4.sin_addr) == 1) {
		a->u.v4.sin_family = AF_INET;
		a->u.v4.sin_port = htons(port);
		a->len = sizeof(a->u.v4);
		a->bytes = &a->u.v4.sin_addr;
		a->n_bytes = 4;
		return 0;
	}
	if (inet_pton(AF_INET6, text, &a->u.v6.sin6_addr) == 1) {
		a->u.v6.sin6_family = AF_INET6;
		a->u.v6.sin6_port = htons(port);
		a->len = sizeof(a->u.v6);
		a->bytes = &a->u.v6.sin6_addr;
		a->n_bytes = 16;
		return 0;
	}
	return hcb_err_set(err, -EINVAL, "%s: not a numeric address", text);
}

/* ---- netlink ---- */

/* The kernel's macros take const away: no pointer here has it. */

struct request {
	struct nlmsghdr h;
	union {
		struct rtmsg route;
		struct ifinfomsg link;
	} u;
	char attrs[64];
};

/* Sends, and gives each message of the answer to fn. */
static int talk(int fd, struct request *q, void (*fn)(struct nlmsghdr *, void *),
                void *arg)
{
	_Alignas(struct nlmsghdr) char buf[32768];
	if (send(fd, q, q->h.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t got = recv(fd, buf, sizeof(buf), 0);
		if (got < 0)
			return -errno;
		unsigned left = (unsigned)got;
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
			fn(h, arg);
			if (!(h->nlmsg_flags & NLM_F_MULTI))
				return 0;
		}
	}
}

struct route {
	int index;
	bool local;
};

static void on_route(struct nlmsghdr *h, void *arg)
{
	struct route *r = arg;
	struct rtmsg *m = NLMSG_DATA(h);
	unsigned left = (unsigned)RTM_PAYLOAD(h);
	r->local = m->rtm_type == RTN_LOCAL;
	for (struct rtattr *a = RTM_RTA(m); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == RTA_OIF)
			memcpy(&r->index, RTA_DATA(a), sizeof(r->index));
}

static int find_route(int fd, const struct sock_address *to, struct route *out)
{
	struct request q = {
	        .h = {.nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST},
	        .u.route = {.rtm_family = (unsigned char)to->u.any.sa_family,
	                    .rtm_dst_len = (unsigned char)(8 * to->n_bytes)},
	};
	struct rtattr *a = (void *)((char *)&q + NLMSG_LENGTH(sizeof(q.u.route)));
	a->rta_type = RTA_DST;
	a->rta_len = (unsigned short)RTA_LENGTH(to->n_bytes);
	memcpy(RTA_DATA(a), to->bytes, to->n_bytes);
	q.h.nlmsg_len = NLMSG_LENGTH(sizeof(q.u.route)) + RTA_ALIGN(a->rta_len);
	memset(out, 0, sizeof(*out));
	return talk(fd, &q, on_route, out);
}

struct if_list {
	struct hcb_netlink_if *ifs;
	unsigned n;
};

static void read_kind(struct rtattr *info, char *kind, size_t size)
{
	unsigned left = (unsigned)RTA_PAYLOAD(info);
	for (struct rtattr *a = RTA_DATA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_INFO_KIND)
			snprintf(kind, size, "%.*s", (int)RTA_PAYLOAD(a),
			         (const char *)RTA_DATA(a));
}

static void on_link(struct nlmsghdr *h, void *arg)
{
	struct if_list *l = arg;
	if (l->n == MAX_IFS || h->nlmsg_type != RTM_NEWLINK)
		return;
	struct hcb_netlink_if *f = &l->ifs[l->n++];
	struct ifinfomsg *m = NLMSG_DATA(h);
	unsigned left = (unsigned)IFLA_PAYLOAD(h);
	memset(f, 0, sizeof(*f));
	f->index = m->ifi_index;
	f->loopback = (m->ifi_flags & IFF_LOOPBACK) != 0;
	for (struct rtattr *a = IFLA_RTA(m); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == IFLA_IFNAME)
			snprintf(f->name, sizeof(f->name), "%s",
			         (const char *)RTA_DATA(a));
		else if (a->rta_type == IFLA_MTU)
			memcpy(&f->mtu, RTA_DATA(a), sizeof(f->mtu));
		else if (a->rta_type == IFLA_MASTER)
			memcpy(&f->master, RTA_DATA(a), sizeof(f->master));
		else if (a->rta_type == IFLA_LINKINFO)
			read_kind(a, f->kind, sizeof(f->kind));
	}
}

static int list_links(int fd, struct if_list *out)
{
	struct request q = {
	        .h = {.nlmsg_len = NLMSG_LENGTH(sizeof(q.u.link)),
	              .nlmsg_type = RTM_GETLINK,
	              .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	        .u.link = {.ifi_family = AF_UNSPEC},
	};
	return talk(fd, &q, on_link, out);
}

/* ---- tunnels ---- */

static bool is_one_of(const char *kind, const char *const *kinds)
{
	for (; *kinds; kinds++)
		if (strcmp(kind, *kinds) == 0)
			return true;
	return false;
}

/* What the kernel calls them; tun is Tinc's, OpenVPN's and user space's Open vSwitch's.
 */
static const char *const tunnels[] = {
        "tun",     "wireguard", "gre",       "gretap", "erspan", "ip6gre",  "ip6gretap",
        "vxlan",   "geneve",    "ipip",      "sit",    "ip6tnl", "vti",     "vti6",
        "l2tpeth", "xfrm",      "ip6erspan", "ppp",    "ovpn",   "bareudp", NULL,
};
static const char *const own_ports[] = {"",     "bond",    "team", "vlan",
                                        "veth", "macvlan", NULL};

bool hcb_netpath_is_tunnel(const struct hcb_netlink_if *ifs, unsigned n, int index)
{
	bool tunnel = false, port = false, bridge = false;
	for (unsigned i = 0; i < n; i++) {
		const struct hcb_netlink_if *f = &ifs[i];
		if (f->index == index && is_one_of(f->kind, tunnels))
			return true;
		bridge |= f->index == index && strcmp(f->kind, "bridge") == 0;
		tunnel |= f->master == index && is_one_of(f->kind, tunnels);
		port |= f->master == index && is_one_of(f->kind, own_ports);
	}
	return bridge && tunnel && !port;
}

/* ---- looking ---- */

/* The driver's word; a veth's is made up, a tun's whatever its owner said. */
static uint64_t link_speed(const char *name)
{
	struct ethtool_cmd cmd = {.cmd = ETHTOOL_GSET};
	struct ifreq req;
	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%.15s", name);
	req.ifr_data = (void *)&cmd;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -1 : ioctl(fd, SIOCETHTOOL, &req);
	if (fd >= 0)
		close(fd);
	uint32_t mbit = ethtool_cmd_speed(&cmd);
	return r || mbit == (uint32_t)SPEED_UNKNOWN ? 0 : mbit * 1000000ULL;
}

static int look(int fd, const struct sock_address *to, struct if_list *l,
                struct hcb_netpath *out)
{
	struct route route;
	int r = find_route(fd, to, &route);
	r = r ? r : list_links(fd, l);
	if (r)
		return r;
	out->local = route.local;
	for (unsigned i = 0; i < l->n; i++) {
		const struct hcb_netlink_if *f = &l->ifs[i];
		if (f->index != route.index)
			continue;
		out->local |= f->loopback;
		out->mtu = f->mtu;
		snprintf(out->interface, sizeof(out->interface), "%s", f->name);
		snprintf(out->kind, sizeof(out->kind), "%s", f->kind);
	}
	out->tunnel = !out->local && hcb_netpath_is_tunnel(l->ifs, l->n, route.index);
	if (!out->local)
		out->speed_bit_per_s = link_speed(out->interface);
	return 0;
}

int hcb_netpath_look(const char *address, struct hcb_netpath *out, struct hcb_err *err)
{
	struct sock_address to;
	struct if_list l = {calloc(MAX_IFS, sizeof(*l.ifs)), 0};
	struct timeval limit = {.tv_sec = 2};
	memset(out, 0, sizeof(*out));
	int r = parse_address(address, 0, &to, err);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (!r && (fd < 0 || !l.ifs))
		r = hcb_err_sys(err, fd < 0 ? -errno : -ENOMEM, "look for the way to %s",
		                address);
	if (!r) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		int e = look(fd, &to, &l, out);
		r = e ? hcb_err_sys(err, e, "look for the way to %s", address) : 0;
	}
	if (fd >= 0)
		close(fd);
	free(l.ifs);
	return r;
}

/* ---- round trips ---- */

static int connect_once(const struct sock_address *to, uint64_t *rtt_ns)
{
	int error = 0;
	socklen_t len = sizeof(error);
	struct tcp_info info;
	memset(&info, 0, sizeof(info));
	int fd = socket(to->u.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	                0);
	if (fd < 0)
		return -errno;
	int r = connect(fd, &to->u.any, to->len) ? -errno : 0;
	if (r == -EINPROGRESS) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		int n = poll(&p, 1, CONNECT_MS);
		r = n == 0 ? -ETIMEDOUT : n < 0 ? -errno : 0;
		if (n > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0)
			r = -error;
	}
	len = sizeof(info);
	if (r == 0 && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		r = -errno;
	close(fd);
	*rtt_ns = (uint64_t)info.tcpi_rtt * HCB_US;
	return r;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

int hcb_netpath_rtt(const char *address, uint16_t port, unsigned n, struct hcb_rtt *out,
                    struct hcb_err *err)
{
	struct sock_address to;
	uint64_t t[MAX_RTT];
	memset(out, 0, sizeof(*out));
	int r = parse_address(address, port, &to, err);
	if (r)
		return r;
	n = n > MAX_RTT ? MAX_RTT : n;
	for (unsigned i = 0; i < n; i++) {
		r = connect_once(&to, &t[i]);
		if (r)
			return hcb_err_sys(err, r, "connect to %s port %u", address,
			                   port);
		struct timespec gap = {0, (long)GAP_NS};
		nanosleep(&gap, NULL);
	}
	if (!n)
		return 0;
	qsort(t, n, sizeof(t[0]), by_value);
	out->n = n;
	out->min_ns = t[0];
	out->median_ns = t[n / 2];
	return 0;
}
