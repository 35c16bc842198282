/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual machines' network, as Proxmox hosts have it with Open vSwitch: on each host
 * a switch vmbr1 with one virtual machine, the switches joined pairwise by GRE over the
 * second tunnel, spanning tree between them. A virtual machine is a network namespace.
 *
 * The kernel's Open vSwitch module is not needed: the datapath is the userspace one
 * (netdev). It finds the way to a GRE peer by looking where the peer's address is routed,
 * and that must be a bridge of its own: so the tunnel's tap is a port of "brphy", and the
 * host's address in the tunnel belongs to brphy.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/impl.h"

/* The spanning tree listens and learns first. */
#define VM_WAIT (30 * HCB_SEC)
#define SCHEMA  "/usr/share/openvswitch/vswitch.ovsschema"
#define BRIDGE  "vmbr1"
#define UNDER   "brphy"
/*
 * A tunnel's datagram carries an IP packet of 1437 bytes (tinc 1.0 over 1500), GRE takes
 * 38: 1399 is the most that passes (tried: at 1400 TCP stands still, since tincd drops
 * what it would have to fragment).
 */
#define VM_MTU  "1380"

struct vm {
	struct lab *lab;
	unsigned host;
};

static void dir_of(const struct vm *v, char *buf, size_t size)
{
	snprintf(buf, size, "%s/ovs/%s", v->lab->dir, v->lab->hosts[v->host].name);
}

/* ---- interfaces ---- */

static int sysctl_set(const char *ifname, const char *family, const char *key,
                      const char *value, struct hcb_err *err)
{
	char path[128];
	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, ifname, key);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, value, strlen(value));
	int code = n < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return code ? hcb_err_sys(err, code, "write %s", path) : 0;
}

/* In the host's network. The kernel sees the tap's frames too, and would answer ARP for
   brphy's address with the tap's. */
static int quieten(void *arg, struct hcb_err *err)
{
	char tap[16];
	(void)arg;
	lab_tunnel_interface(LAB_NET_VMLINK, tap, sizeof(tap));
	int r = sysctl_set(tap, "ipv4", "arp_ignore", "8", err);
	return r ? r : sysctl_set(tap, "ipv6", "disable_ipv6", "1", err);
}

int lab_vm_tap(const struct lab *lab, unsigned host, struct hcb_err *err)
{
	char text[160], tap[16];
	lab_tunnel_interface(LAB_NET_VMLINK, tap, sizeof(tap));
	snprintf(text, sizeof(text), "tuntap add dev %s mode tap\nlink set %s up\n", tap,
	         tap);
	int r = lab_ip_batch(lab->hosts[host].netns, text, err);
	return r ? r
	         : lab_job_run("prepare a tap", lab->hosts[host].netns, 10 * HCB_SEC,
	                       quieten, NULL, err);
}

/*
 * The userspace datapath does not finish what the sender left to its card: with these on
 * TCP does not get through at all. Named as "ethtool -K DEV tx off tso off gso off".
 */
static int offloads_off(void *arg, struct hcb_err *err)
{
	static const uint32_t commands[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO};
	const char *dev = arg;
	struct ethtool_value v = {.data = 0};
	struct ifreq ifr = {.ifr_data = (void *)&v};
	int r = 0, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return hcb_err_sys(err, -errno, "make a socket");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev);
	for (size_t i = 0; r == 0 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		v.cmd = commands[i];
		if (ioctl(fd, SIOCETHTOOL, &ifr))
			r = hcb_err_sys(err, -errno, "switch the offloads of %s off",
			                dev);
	}
	close(fd);
	return r;
}

static int make_machine(const struct vm *v, struct hcb_err *err)
{
	const struct lab_host *h = &v->lab->hosts[v->host];
	const char *prefix = lab_net_kind(LAB_NET_VM)->prefix;
	char text[512], address[32], port[] = LAB_VM_PORT, link[] = LAB_VM_LINK;
	lab_address(LAB_NET_VM, v->host, address, sizeof(address));
	snprintf(text, sizeof(text),
	         "netns add %s\n"
	         "link add name %s mtu " VM_MTU
	         " netns %s type veth peer name %s mtu " VM_MTU " netns %s\n",
	         h->vm_netns, port, h->netns, link, h->vm_netns);
	int r = lab_ip_batch(NULL, text, err);
	snprintf(text, sizeof(text),
	         "link set lo up\naddr add %s/24 dev %s\nlink set %s up\n"
	         "route replace %s.0/24 dev %s proto kernel scope link src %s congctl "
	         "cubic\n",
	         address, link, link, prefix, link, address);
	if (r == 0)
		r = lab_ip_batch(h->vm_netns, text, err);
	if (r == 0)
		r = lab_ip_batch(h->netns, "link set " LAB_VM_PORT " up\n", err);
	if (r == 0)
		r = lab_job_run("prepare a link", h->netns, 10 * HCB_SEC, offloads_off,
		                port, err);
	return r ? r
	         : lab_job_run("prepare a link", h->vm_netns, 10 * HCB_SEC, offloads_off,
	                       link, err);
}

/* ---- the switch ---- */

struct ovs_env {
	char text[5][160];
	const char *vars[6];
};

/* Otherwise it looks for the machine's own Open vSwitch. */
static void make_env(const struct vm *v, struct ovs_env *e)
{
	static const char *const dirs[] = {"OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR",
	                                   "OVS_SYSCONFDIR"};
	char dir[128];
	dir_of(v, dir, sizeof(dir));
	for (int i = 0; i < 4; i++)
		snprintf(e->text[i], sizeof(e->text[i]), "%s=%s", dirs[i], dir);
	snprintf(e->text[4], sizeof(e->text[4]), LAB_ENV "=%s", v->lab->name);
	for (int i = 0; i < 5; i++)
		e->vars[i] = e->text[i];
	e->vars[5] = NULL;
}

static struct hcb_child_opts child_opts(const struct vm *v, const struct ovs_env *e)
{
	return (struct hcb_child_opts){.netns = v->lab->hosts[v->host].netns,
	                               .env = e->vars,
	                               .timeout_ns = 30 * HCB_SEC};
}

static int run_daemon(const struct vm *v, const char *const *argv, pid_t *pid,
                      struct hcb_err *err)
{
	struct ovs_env e;
	char log[192];
	make_env(v, &e);
	struct hcb_child_opts o = child_opts(v, &e);
	snprintf(log, sizeof(log), "%s/log/%s.%s.out", v->lab->dir, argv[0],
	         v->lab->hosts[v->host].name);
	o.log_path = log;
	o.timeout_ns = 10 * HCB_SEC;
	return hcb_child_daemon(argv, &o, pid, err);
}

static int start_database(const struct vm *v, struct hcb_err *err)
{
	char dir[128], db[160], remote[176], ctl[176], pidfile[192];
	const char *const argv[] = {"ovsdb-server",  db,  remote, ctl, pidfile,
	                            "-vconsole:err", NULL};
	struct lab_host *h = &v->lab->hosts[v->host];
	dir_of(v, dir, sizeof(dir));
	snprintf(db, sizeof(db), "%s/conf.db", dir);
	snprintf(remote, sizeof(remote), "--remote=punix:%s/db.sock", dir);
	snprintf(ctl, sizeof(ctl), "--unixctl=%s/ovsdb.ctl", dir);
	snprintf(pidfile, sizeof(pidfile), "--pidfile=%s/run/ovsdb-server.%s.pid",
	         v->lab->dir, h->name);
	return run_daemon(v, argv, &h->ovs_pid[LAB_OVS_DB], err);
}

static int start_switch(const struct vm *v, struct hcb_err *err)
{
	char dir[128], db[160], ctl[176], pidfile[192];
	const char *const argv[] = {
	        "ovs-vswitchd",  db,  ctl, pidfile, "--disable-system",
	        "-vconsole:err", NULL};
	struct lab_host *h = &v->lab->hosts[v->host];
	dir_of(v, dir, sizeof(dir));
	snprintf(db, sizeof(db), "unix:%s/db.sock", dir);
	snprintf(ctl, sizeof(ctl), "--unixctl=%s/vswitchd.ctl", dir);
	snprintf(pidfile, sizeof(pidfile), "--pidfile=%s/run/ovs-vswitchd.%s.pid",
	         v->lab->dir, h->name);
	return run_daemon(v, argv, &h->ovs_pid[LAB_OVS_SWITCH], err);
}

static int make_database(const struct vm *v, struct hcb_err *err)
{
	char dir[128], db[160];
	struct ovs_env e;
	make_env(v, &e);
	struct hcb_child_opts o = child_opts(v, &e);
	const char *const argv[] = {"ovsdb-tool", "create", db, SCHEMA, NULL};
	dir_of(v, dir, sizeof(dir));
	snprintf(db, sizeof(db), "%s/conf.db", dir);
	int r = lab_mkdirs(dir, err);
	return r ? r : hcb_child_run(argv, &o, NULL, err);
}

/* ovs-vsctl with one transaction; waits until the daemons have done it. */
static int tell_switch(const struct vm *v, char *words, struct hcb_err *err)
{
	char dir[128], db[160];
	const char *argv[160] = {"ovs-vsctl", "--timeout=25", "--retry", db};
	struct ovs_env e;
	unsigned n = 4;
	char *save = NULL;
	make_env(v, &e);
	struct hcb_child_opts o = child_opts(v, &e);
	dir_of(v, dir, sizeof(dir));
	snprintf(db, sizeof(db), "--db=unix:%s/db.sock", dir);
	for (char *w = strtok_r(words, " ", &save); w && n < 159;
	     w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	return hcb_child_run(argv, &o, NULL, err);
}

/*
 * The first host is the root of the spanning tree: left to itself the lowest MAC would
 * be, another one in each lab. Timers as short as 802.1D lets them be; by default it
 * would take half a minute until the first frame passes.
 */
static int make_bridges(const struct vm *v, struct hcb_err *err)
{
	char text[4096], tap[16], peer[32];
	const struct hcb_cluster *c = &v->lab->cluster;
	lab_tunnel_interface(LAB_NET_VMLINK, tap, sizeof(tap));
	int n = snprintf(text, sizeof(text),
	                 "add-br " UNDER " -- set bridge " UNDER " datapath_type=netdev "
	                 "-- add-port " UNDER " %s "
	                 "-- add-br " BRIDGE " -- set bridge " BRIDGE
	                 " datapath_type=netdev stp_enable=true "
	                 "other_config:stp-priority=%u other_config:stp-hello-time=1 "
	                 "other_config:stp-max-age=6 other_config:stp-forward-delay=4 "
	                 "-- add-port " BRIDGE " " LAB_VM_PORT,
	                 tap, 4096 * v->host);
	for (unsigned i = 0; i < c->n_hosts; i++) {
		if (i == v->host)
			continue;
		lab_address(LAB_NET_VMLINK, i, peer, sizeof(peer));
		n += snprintf(text + n, sizeof(text) - (size_t)n,
		              " -- add-port " BRIDGE " gre-%s -- set interface gre-%s "
		              "type=gre options:remote_ip=%s",
		              c->hosts[i].name, c->hosts[i].name, peer);
	}
	return tell_switch(v, text, err);
}

static int address_under(const struct vm *v, struct hcb_err *err)
{
	char text[160], address[32];
	lab_address(LAB_NET_VMLINK, v->host, address, sizeof(address));
	snprintf(text, sizeof(text),
	         "addr replace %s/24 dev " UNDER "\nlink set " UNDER " up\n", address);
	return lab_ip_batch(v->lab->hosts[v->host].netns, text, err);
}

static int make_one(void *arg, struct hcb_err *err)
{
	const struct vm *v = arg;
	char init[] = "--no-wait init";
	int r = make_machine(v, err);
	if (r == 0)
		r = make_database(v, err);
	if (r == 0)
		r = start_database(v, err);
	if (r == 0)
		r = tell_switch(v, init, err);
	if (r == 0)
		r = start_switch(v, err);
	if (r == 0)
		r = make_bridges(v, err);
	return r ? r : address_under(v, err);
}

int lab_vms_make(struct lab *lab, struct hcb_err *err)
{
	struct lab_job jobs[HCB_MAX_HOSTS];
	struct vm vms[HCB_MAX_HOSTS];
	uint64_t deadline = hcb_monotonic_ns() + 60 * HCB_SEC;
	unsigned n = 0;
	int r = 0;
	for (; r == 0 && n < lab->cluster.n_hosts; n++) {
		vms[n] = (struct vm){lab, n};
		r = lab_job_start(&jobs[n], "make a virtual machine's switch", NULL,
		                  make_one, &vms[n], err);
	}
	for (unsigned i = 0; i < n; i++) {
		int r2 = lab_job_wait(&jobs[i], deadline, r ? NULL : err);
		r = r ? r : r2;
	}
	return r;
}

int lab_vms_revive(const struct hcb_lab_info *info, struct lab *lab, struct hcb_err *err)
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i < info->n_hosts; i++) {
		const struct hcb_lab_host_info *h = &info->hosts[i];
		const struct vm v = {lab, i};
		char nothing[] = "show";
		if (!h->vm_address[0])
			continue;
		if (lab_recorded_pid(info, "ovsdb-server", h->name, "ovsdb-server") < 0)
			r = start_database(&v, err);
		if (r ||
		    lab_recorded_pid(info, "ovs-vswitchd", h->name, "ovs-vswitchd") > 0)
			continue;
		r = start_switch(&v, err);
		if (r == 0)
			r = tell_switch(&v, nothing, err);
		if (r == 0)
			r = address_under(&v, err);
	}
	return r;
}

int lab_vms_reach(struct lab *lab, struct hcb_err *err)
{
	return lab_tunnels_settle(lab, LAB_NET_VM, LAB_NET_VMLINK, VM_WAIT, err);
}
