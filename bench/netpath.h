/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way from here to an address, as the kernel routes it in this process's network: the
 * interface, whether that is a tunnel, and how long a round trip takes.
 */
#ifndef HCB_BENCH_NETPATH_H
#define HCB_BENCH_NETPATH_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/core/err.h"

struct hcb_netpath {
	char interface[32]; /* by the routing table */
	char kind[32];      /* its kind as the kernel says: "veth", "tun"; "" physical */
	bool local;         /* the address is this host's own */
	bool tunnel;
	uint32_t mtu;
	uint64_t speed_bit_per_s; /* of the link as its driver claims; 0: says nothing */
};

/* Numeric address, IPv4 or IPv6. */
int hcb_netpath_look(const char *address, struct hcb_netpath *out, struct hcb_err *err);

struct hcb_rtt {
	uint64_t min_ns, median_ns; /* wall time */
	unsigned n;
};

/*
 * n TCP connections, one after the other, 20 ms apart: the round trip that the kernel
 * measured between SYN and SYN-ACK (tcpi_rtt), in which no program on the other side
 * takes part. Each has two seconds.
 */
int hcb_netpath_rtt(const char *address, uint16_t port, unsigned n, struct hcb_rtt *out,
                    struct hcb_err *err);

/*
 * Is an interface a tunnel? Of a bridge it is what its ports are: a tunnel if one is and
 * none is a port of the machine (the virtual machines' own taps do not make it one).
 */
struct hcb_netlink_if {
	int index, master; /* master 0: none */
	char name[32], kind[32];
	uint32_t mtu;
	bool loopback;
};
bool hcb_netpath_is_tunnel(const struct hcb_netlink_if *ifs, unsigned n, int index);

#endif
