/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tinc 1.0 in switch mode: each tunnel is a daemon a host, whose tap has the host's
 * address in that network. The daemons talk over the hosts' links, so through the shaped
 * ports. Names, addresses and ports are plan.c's.
 *
 * On each host DIR/tinc/HOST/NET holds what /etc/tinc/NET would: tinc.conf, rsa_key.priv,
 * tinc-up, tinc-down, and hosts/ with every host's public key.
 */
#include <errno.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/impl.h"

#define KEYS_WAIT    (60 * HCB_SEC)
#define SETTLE_TRIES 4

static const char key_bits[] = "-K2048"; /* tinc 1.0's default */

struct tunnel {
	struct lab *lab;
	unsigned host;
	enum lab_net net;
};
#define MAX_TUNNELS (2 * HCB_MAX_HOSTS)

static void dir_of(const struct tunnel *t, char *buf, size_t size)
{
	snprintf(buf, size, "%s/tinc/%s/%s", t->lab->dir, t->lab->hosts[t->host].name,
	         lab_net_kind(t->net)->name);
}

void lab_tunnel_interface(enum lab_net net, char *buf, size_t size)
{
	snprintf(buf, size, "hcb-%s", lab_net_kind(net)->name);
}

static bool is_tunnel(const struct lab *lab, int net)
{
	return lab_net_kind((enum lab_net)net)->port &&
	       lab_has_net(&lab->cluster, (enum lab_net)net);
}

static unsigned list_tunnels(struct lab *lab, struct tunnel *out)
{
	unsigned n = 0;
	for (int net = 0; net < LAB_N_NETS; net++)
		for (unsigned i = 0; is_tunnel(lab, net) && i < lab->cluster.n_hosts; i++)
			out[n++] = (struct tunnel){lab, i, (enum lab_net)net};
	return n;
}

/* ---- files ---- */

static int put(const struct tunnel *t, const char *name, const char *text, mode_t mode,
               struct hcb_err *err)
{
	char dir[160], path[200];
	dir_of(t, dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int r = lab_write_file(path, text, err);
	if (r == 0 && chmod(path, mode))
		r = hcb_err_sys(err, -errno, "set the mode of %s", path);
	return r;
}

static int put_conf(const struct tunnel *t, struct hcb_err *err)
{
	const struct lab *lab = t->lab;
	char text[2048], link[32], tap[16];
	lab_address(LAB_NET_LINK, t->host, link, sizeof(link));
	lab_tunnel_interface(t->net, tap, sizeof(tap));
	size_t len = (size_t)snprintf(text, sizeof(text),
	                              "Name = %s\nMode = switch\nDeviceType = tap\n"
	                              "Interface = %s\nAddressFamily = ipv4\n"
	                              "BindToAddress = %s\n",
	                              lab->hosts[t->host].name, tap, link);
	for (unsigned i = 0; i < lab->cluster.n_hosts; i++)
		if (i != t->host)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			                        "ConnectTo = %s\n", lab->hosts[i].name);
	return put(t, "tinc.conf", text, 0600, err);
}

/*
 * The congestion control goes by the route, as on the links (net.c). Under the virtual
 * machines' switches the address belongs to a bridge over the tap: ovs.c sets it.
 */
static int put_scripts(const struct tunnel *t, struct hcb_err *err)
{
	static const char head[] = "#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n";
	char text[512], addr[32];
	const char *prefix = lab_net_kind(t->net)->prefix;
	lab_address(t->net, t->host, addr, sizeof(addr));
	int n = snprintf(text, sizeof(text), "%sip link set \"$INTERFACE\" up\n", head);
	if (t->net == LAB_NET_ADMIN)
		snprintf(text + n, sizeof(text) - (size_t)n,
		         "ip addr add %s/24 dev \"$INTERFACE\"\n"
		         "ip route replace %s.0/24 dev \"$INTERFACE\" proto kernel scope "
		         "link src %s congctl cubic\n",
		         addr, prefix, addr);
	int r = put(t, "tinc-up", text, 0700, err);
	snprintf(text, sizeof(text), "%sip link set \"$INTERFACE\" down\n", head);
	return r ? r : put(t, "tinc-down", text, 0700, err);
}

/* tincd -K adds the public key to it. */
static int put_host(const struct tunnel *t, struct hcb_err *err)
{
	char name[64], text[128], link[32];
	lab_address(LAB_NET_LINK, t->host, link, sizeof(link));
	snprintf(name, sizeof(name), "hosts/%s", t->lab->hosts[t->host].name);
	snprintf(text, sizeof(text), "Address = %s\nPort = %u\n", link,
	         lab_net_kind(t->net)->port);
	return put(t, name, text, 0600, err);
}

static int make_keys(void *arg, struct hcb_err *err)
{
	const struct tunnel *t = arg;
	char dir[160], hosts[176];
	const char *const argv[] = {"tincd", "-c", dir, key_bits, NULL};
	struct hcb_child_opts o = {.timeout_ns = KEYS_WAIT};
	dir_of(t, dir, sizeof(dir));
	snprintf(hosts, sizeof(hosts), "%s/hosts", dir);
	int r = lab_mkdirs(hosts, err);
	if (r == 0)
		r = put_conf(t, err);
	if (r == 0)
		r = put_host(t, err);
	if (r == 0)
		r = put_scripts(t, err);
	return r ? r : hcb_child_run(argv, &o, NULL, err);
}

/* Everybody's host file to everybody. */
static int share_keys(const struct tunnel *from, struct hcb_err *err)
{
	char path[256], dir[160], name[64], text[4096];
	struct tunnel to = *from;
	int r = 0;
	snprintf(name, sizeof(name), "hosts/%s", from->lab->hosts[from->host].name);
	dir_of(from, dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int n = lab_read_file(path, text, sizeof(text));
	if (n < 0)
		return hcb_err_sys(err, n, "read %s", path);
	if (!strstr(text, "END RSA PUBLIC KEY"))
		return hcb_err_set(err, -EINVAL, "read %s: tincd -K left no key in it",
		                   path);
	for (to.host = 0; r == 0 && to.host < from->lab->cluster.n_hosts; to.host++)
		if (to.host != from->host)
			r = put(&to, name, text, 0600, err);
	return r;
}

/* ---- daemons ---- */

static int start(const struct tunnel *t, struct hcb_err *err)
{
	static const char option[] = "--pidfile=";
	const struct lab_host *h = &t->lab->hosts[t->host];
	const char *net = lab_net_kind(t->net)->name;
	char dir[160], pid[200], log[200], env[64];
	const char *const argv[] = {"tincd", "-c", dir, "-D", "-d1", pid, NULL};
	const char *const envs[] = {env, NULL};
	dir_of(t, dir, sizeof(dir));
	snprintf(pid, sizeof(pid), "%s%s/run/tinc-%s.%s.pid", option, t->lab->dir, net,
	         h->name);
	/* One that was killed leaves it, and tincd refuses to start while any process has
	   that number. The caller knows that the old one is gone. */
	unlink(pid + strlen(option));
	snprintf(log, sizeof(log), "%s/log/tinc-%s.%s.out", t->lab->dir, net, h->name);
	snprintf(env, sizeof(env), LAB_ENV "=%s", t->lab->name);
	struct hcb_child_opts o = {.netns = h->netns,
	                           .log_path = log,
	                           .env = envs,
	                           .timeout_ns = 10 * HCB_SEC};
	return hcb_child_daemon(argv, &o, &t->lab->hosts[t->host].tinc_pid[t->net], err);
}

static int restart(const struct tunnel *t, struct hcb_err *err)
{
	pid_t pid = t->lab->hosts[t->host].tinc_pid[t->net];
	if (pid > 0)
		kill(pid, SIGKILL);
	for (int i = 0; pid > 0 && i < 500 && hcb_process_alive(pid); i++)
		usleep(10000);
	return start(t, err);
}

int lab_tunnels_settle(struct lab *lab, enum lab_net over, enum lab_net net,
                       uint64_t wait_ns, struct hcb_err *err)
{
	for (int i = 1;; i++) {
		struct tunnel t = {lab, 0, net};
		int r = lab_reach_within(lab, over, wait_ns, &t.host, err);
		if (r != -ETIMEDOUT || i == SETTLE_TRIES)
			return r;
		hcb_say("lab %s: tunnel \"%s\" carries nothing from %s: its daemon is "
		        "started anew",
		        lab->name, lab_net_kind(net)->name, lab->hosts[t.host].name);
		r = restart(&t, err);
		if (r)
			return r;
		*err = (struct hcb_err)HCB_ERR_INIT;
	}
}

int lab_tunnels_make(struct lab *lab, struct hcb_err *err)
{
	struct tunnel t[MAX_TUNNELS];
	struct lab_job jobs[MAX_TUNNELS];
	uint64_t deadline = hcb_monotonic_ns() + KEYS_WAIT;
	unsigned all = list_tunnels(lab, t), n = 0;
	int r = 0;
	for (; r == 0 && n < all; n++)
		r = lab_job_start(&jobs[n], "make a tunnel's keys", NULL, make_keys,
		                  &t[n], err);
	for (unsigned i = 0; i < n; i++) {
		int r2 = lab_job_wait(&jobs[i], deadline, r ? NULL : err);
		r = r ? r : r2;
	}
	for (unsigned i = 0; r == 0 && i < all; i++)
		r = share_keys(&t[i], err);
	for (unsigned i = 0; r == 0 && i < all; i++)
		if (t[i].net == LAB_NET_VMLINK)
			r = lab_vm_tap(lab, t[i].host, err);
	for (unsigned i = 0; r == 0 && i < all; i++)
		r = start(&t[i], err);
	if (r || !lab_has_net(&lab->cluster, LAB_NET_ADMIN))
		return r;
	r = lab_tunnels_settle(lab, LAB_NET_ADMIN, LAB_NET_ADMIN, LAB_TUNNEL_WAIT, err);
	return r ? r : lab_net_bypass(lab, true, err);
}

int lab_tunnels_use(struct lab *lab, struct hcb_err *err)
{
	int r = lab_net_bypass(lab, false, err);
	return r ? r
	         : lab_tunnels_settle(lab, LAB_NET_ADMIN, LAB_NET_ADMIN, LAB_TUNNEL_WAIT,
	                              err);
}

int lab_tunnels_revive(const struct hcb_lab_info *info, struct lab *lab, bool *any,
                       struct hcb_err *err)
{
	static const enum lab_net nets[] = {LAB_NET_ADMIN, LAB_NET_VMLINK};
	int r = 0;
	*any = false;
	for (unsigned i = 0; i < info->n_hosts; i++) {
		const struct hcb_lab_host_info *h = &info->hosts[i];
		for (size_t k = 0; r == 0 && k < 2; k++) {
			const struct tunnel t = {lab, i, nets[k]};
			char kind[32];
			if ((nets[k] == LAB_NET_ADMIN ? h->tinc : h->tinc_vm) <= 0)
				continue;
			snprintf(kind, sizeof(kind), "tinc-%s",
			         lab_net_kind(nets[k])->name);
			pid_t pid = lab_recorded_pid(info, kind, h->name, "tincd");
			lab->hosts[i].tinc_pid[nets[k]] = pid;
			if (pid > 0)
				continue;
			r = start(&t, err);
			*any = true;
		}
	}
	return r;
}
