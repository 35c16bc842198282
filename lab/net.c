/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hosts are network namespaces hcb-LAB-HOST, joined by a bridge in hcb-LAB-sw. Each link
 * is a veth pair whose two ends are both shaped: what leaves the host at the host's end,
 * what comes to it at the switch's end. There is no way out of these namespaces.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/impl.h"

#define HOST_LINK "hcb-eth0" /* in the host; the switch's end is hcb-HOST */
#define BRIDGE    "hcb-br0"

/* Text that grows; an allocation that fails shows at the end. */
struct text {
	char *s;
	size_t len;
	FILE *f;
};

static int text_open(struct text *t, struct hcb_err *err)
{
	*t = (struct text){NULL, 0, NULL};
	t->f = open_memstream(&t->s, &t->len);
	return t->f ? 0 : hcb_err_sys(err, -ENOMEM, "build a network batch");
}

/* Runs "PROGRAM [-n NETNS] -batch -" on the text, and frees it. */
static int text_run(struct text *t, const char *program, const char *netns,
                    struct hcb_err *err)
{
	const char *argv[] = {program, "-batch", "-", NULL, NULL, NULL};
	if (netns) {
		argv[1] = "-n";
		argv[2] = netns;
		argv[3] = "-batch";
		argv[4] = "-";
	}
	int r = fclose(t->f) ? hcb_err_sys(err, -ENOMEM, "build a network batch") : 0;
	struct hcb_child_opts o = {.stdin_text = t->s, .timeout_ns = 20 * HCB_SEC};
	if (r == 0)
		r = hcb_child_run(argv, &o, NULL, err);
	free(t->s);
	return r;
}

int lab_ip_batch(const char *netns, const char *lines, struct hcb_err *err)
{
	struct text t;
	int r = text_open(&t, err);
	if (r)
		return r;
	fputs(lines, t.f);
	/* ip wants a name, setns a path. */
	const char *slash = netns ? strrchr(netns, '/') : NULL;
	return text_run(&t, "ip", slash ? slash + 1 : netns, err);
}

static void switch_ns(const struct lab *lab, char *buf, size_t size)
{
	snprintf(buf, size, "hcb-%s-" LAB_SWITCH, lab->name);
}

static int make_namespaces(const struct lab *lab, struct hcb_err *err)
{
	struct text t;
	char sw[80];
	int r = text_open(&t, err);
	if (r)
		return r;
	switch_ns(lab, sw, sizeof(sw));
	fprintf(t.f, "netns add %s\n", sw);
	for (unsigned i = 0; i < lab->cluster.n_hosts; i++)
		fprintf(t.f, "netns add %s\n", lab->hosts[i].netns);
	for (unsigned i = 0; i < lab->cluster.n_hosts; i++)
		fprintf(t.f,
		        "link add name hcb-%s netns %s type veth peer name " HOST_LINK
		        " netns %s\n",
		        lab->hosts[i].name, sw, lab->hosts[i].netns);
	return text_run(&t, "ip", NULL, err);
}

static int make_switch(const struct lab *lab, struct hcb_err *err)
{
	struct text t;
	char sw[80];
	int r = text_open(&t, err);
	if (r)
		return r;
	switch_ns(lab, sw, sizeof(sw));
	fprintf(t.f, "link add " BRIDGE " type bridge stp_state 0 forward_delay 0\n");
	for (unsigned i = 0; i < lab->cluster.n_hosts; i++)
		fprintf(t.f, "link set hcb-%s master " BRIDGE " up\n",
		        lab->hosts[i].name);
	fprintf(t.f, "link set " BRIDGE " up\n");
	return text_run(&t, "ip", sw, err);
}

/*
 * The route names the congestion control: the sysctl is refused in a namespace, and a
 * machine's default may be bbr, which ignores loss and so is not what the hosts run.
 */
static int make_host(const struct lab *lab, unsigned host, struct hcb_err *err)
{
	struct text t;
	char address[32];
	int r = text_open(&t, err);
	if (r)
		return r;
	lab_address(LAB_NET_LINK, host, address, sizeof(address));
	fprintf(t.f, "link set lo up\n");
	fprintf(t.f, "addr add %s/24 dev " HOST_LINK "\n", address);
	fprintf(t.f, "link set " HOST_LINK " up\n");
	fprintf(t.f,
	        "route replace %s.0/24 dev " HOST_LINK
	        " proto kernel scope link src %s congctl cubic\n",
	        lab_net_kind(LAB_NET_LINK)->prefix, address);
	return text_run(&t, "ip", lab->hosts[host].netns, err);
}

int lab_net_make(struct lab *lab, struct hcb_err *err)
{
	int r = make_namespaces(lab, err);
	if (r == 0)
		r = make_switch(lab, err);
	for (unsigned i = 0; r == 0 && i < lab->cluster.n_hosts; i++)
		r = make_host(lab, i, err);
	return r;
}

/*
 * Rate and queue in lab time: with dilation D the wire is D times slower and what may
 * wait before it waits D times as long, so the bytes that may wait stay the same.
 */
static int shape_end(const char *ns, const char *dev, uint64_t bit_per_s, double dilation,
                     struct hcb_err *err)
{
	char rate[32], latency[32];
	snprintf(rate, sizeof(rate), "%.0f", (double)bit_per_s / dilation);
	snprintf(latency, sizeof(latency), "%.0fms", 50 * dilation);
	const char *const argv[] = {
	        "tc",  "-n",   ns,   "qdisc", "replace", "dev",     dev,     "root",
	        "tbf", "rate", rate, "burst", "128kb",   "latency", latency, NULL};
	struct hcb_child_opts c = {.timeout_ns = 10 * HCB_SEC};
	return hcb_child_run(argv, &c, NULL, err);
}

int lab_net_shape_host(const char *lab_name, const char *host, uint64_t bit_per_s,
                       double dilation, struct hcb_err *err)
{
	char ns[80], dev[48];
	snprintf(ns, sizeof(ns), "hcb-%s-%s", lab_name, host);
	int r = shape_end(ns, HOST_LINK, bit_per_s, dilation, err);
	snprintf(ns, sizeof(ns), "hcb-%s-" LAB_SWITCH, lab_name);
	snprintf(dev, sizeof(dev), "hcb-%s", host);
	return r ? r : shape_end(ns, dev, bit_per_s, dilation, err);
}

/*
 * MSS that tincd's clamping leaves: a datagram of 1500 bytes carries a frame of 1451 with
 * tinc 1.0's cipher and digest (seen), less 14 of Ethernet, 20 of IP, 20 of TCP.
 */
#define TUNNEL_MSS "1397"

/*
 * While a lab is built, its first tunnel's addresses are reached straight over the links:
 * the warm-up's gigabytes would take two minutes through tincd. Connections made
 * meanwhile last, so they get the MSS that they would have from the tunnel. Taking the
 * routes away sends them into the tap from then on.
 */
int lab_net_bypass(struct lab *lab, bool on, struct hcb_err *err)
{
	char via[32], self[32], other[32];
	int r = 0;
	for (unsigned i = 0; r == 0 && i < lab->cluster.n_hosts; i++) {
		struct text t;
		if ((r = text_open(&t, err)))
			break;
		lab_address(LAB_NET_ADMIN, i, self, sizeof(self));
		for (unsigned k = 0; k < lab->cluster.n_hosts; k++) {
			if (k == i)
				continue;
			lab_address(LAB_NET_LINK, k, via, sizeof(via));
			lab_address(LAB_NET_ADMIN, k, other, sizeof(other));
			if (on)
				fprintf(t.f,
				        "route add %s/32 via %s dev " HOST_LINK
				        " src %s advmss " TUNNEL_MSS " congctl cubic\n",
				        other, via, self);
			else
				fprintf(t.f, "route del %s/32\n", other);
		}
		r = text_run(&t, "ip", lab->hosts[i].netns, err);
	}
	return r;
}

/* Done last: the warm-up need not wait for a port. */
int lab_net_shape(struct lab *lab, struct hcb_err *err)
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i < lab->cluster.n_hosts; i++)
		r = lab_net_shape_host(lab->name, lab->hosts[i].name,
		                       lab->cluster.hosts[i].port_bit_per_s,
		                       lab->cluster.dilation, err);
	return r;
}
