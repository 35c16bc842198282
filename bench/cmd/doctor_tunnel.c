/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor tunnel: processor time per packet of the tincd on this host. Every packet that
 * goes in or comes out of the tunnel's interface is encrypted or decrypted once by tincd,
 * so the cost is the process's time over the interface's packets, both counted by the
 * kernel. It is the figure `tunnel_us_per_packet` of a cluster file stands for.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cmd/doctor_verbs.h"
#include "bench/cmd/verb.h"
#include "bench/core/clock.h"
#include "bench/core/procstat.h"
#include "bench/core/units.h"

#define LEAST_PACKETS                                                                    \
	10000 /* below, the clock tick (10 ms) is a large part of the time */

struct tunnel {
	char interface[32];
	uint64_t seconds;
	bool json;
	pid_t pid;
	double cpu_s, wall_s;
	uint64_t packets, bytes;
};

static bool is_tunnel(const char *interface)
{
	char path[96];
	snprintf(path, sizeof(path), "/sys/class/net/%.31s/tun_flags", interface);
	return access(path, R_OK) == 0;
}

static int find_interface(struct tunnel *t, struct hcb_err *err)
{
	if (*t->interface)
		return is_tunnel(t->interface)
		               ? 0
		               : hcb_err_set(
		                         err, -ENODEV,
		                         "doctor tunnel: %s is no tap or tun interface",
		                         t->interface);
	DIR *d = opendir("/sys/class/net");
	for (struct dirent *e; d && !*t->interface && (e = readdir(d));)
		if (e->d_name[0] != '.' && is_tunnel(e->d_name))
			snprintf(t->interface, sizeof(t->interface), "%.31s", e->d_name);
	if (d)
		closedir(d);
	return *t->interface ? 0
	                     : hcb_err_set(err, -ENODEV,
	                                   "doctor tunnel: this host has no tap or tun "
	                                   "interface");
}

/* The tincd that has the interface open: /proc/PID/fdinfo tells ("iff:\tNAME"). */
static bool has_open(pid_t pid, const char *interface)
{
	char dir[64], path[400], line[128], want[48];
	bool found = false;
	snprintf(dir, sizeof(dir), "/proc/%d/fdinfo", (int)pid);
	snprintf(want, sizeof(want), "iff:\t%s\n", interface);
	DIR *d = opendir(dir);
	for (struct dirent *e; d && !found && (e = readdir(d));) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			found |= strcmp(line, want) == 0;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return found;
}

static int find_process(struct tunnel *t, struct hcb_err *err)
{
	DIR *d = opendir("/proc");
	t->pid = -1;
	for (struct dirent *e; d && t->pid < 0 && (e = readdir(d));) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		if (pid > 0 && has_open(pid, t->interface))
			t->pid = pid;
	}
	if (d)
		closedir(d);
	return t->pid > 0
	               ? 0
	               : hcb_err_set(err, -ESRCH,
	                             "doctor tunnel: no process has %s open (as root?)",
	                             t->interface);
}

static bool look(const struct tunnel *t, uint64_t *cpu_ns, struct hcb_proc_traffic *moved)
{
	return hcb_proc_cpu_ns(t->pid, cpu_ns) &&
	       hcb_proc_traffic(t->pid, t->interface, moved);
}

static int watch(struct tunnel *t, struct hcb_err *err)
{
	uint64_t c0, c1, from = hcb_monotonic_ns();
	struct hcb_proc_traffic m0, m1;
	bool ok = look(t, &c0, &m0);
	poll(NULL, 0, (int)(t->seconds * 1000));
	t->wall_s = (double)(hcb_monotonic_ns() - from) / 1e9;
	ok = ok && look(t, &c1, &m1);
	if (!ok)
		return hcb_err_set(err, -EIO,
		                   "doctor tunnel: process %d or interface %s went away",
		                   (int)t->pid, t->interface);
	t->cpu_s = (double)(c1 - c0) / 1e9;
	t->packets = m1.packets - m0.packets;
	t->bytes = m1.bytes - m0.bytes;
	return 0;
}

static int parse(int argc, char **argv, struct tunnel *t, struct hcb_err *err)
{
	static const struct option options[] = {
	        {"interface", required_argument, NULL, 'i'},
	        {"seconds", required_argument, NULL, 's'},
	        {"json", no_argument, NULL, 'j'},
	        {NULL, 0, NULL, 0},
	};
	int c;
	optind = 1;
	t->seconds = 10;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (c == 'i')
			snprintf(t->interface, sizeof(t->interface), "%.31s", optarg);
		else if (c == 'j')
			t->json = true;
		else if (c != 's')
			return hcb_bad_option("doctor tunnel", c, argv, options, err);
		else if (hcb_parse_u64(optarg, &t->seconds) || t->seconds < 1 ||
		         t->seconds > 3600)
			return hcb_err_usage(err, "--seconds %s: expected 1 to 3600",
			                     optarg);
	}
	return optind == argc ? 0
	                      : hcb_err_usage(err, "doctor tunnel: unexpected \"%s\"",
	                                      argv[optind]);
}

static int show(const struct tunnel *t)
{
	bool told = t->packets >= LEAST_PACKETS;
	double us = told ? t->cpu_s * 1e6 / (double)t->packets : 0;
	if (t->json) {
		json_t *o = json_pack(
		        "{sssisfsIsIsfso}", "interface", t->interface, "pid", (int)t->pid,
		        "seconds", t->wall_s, "packets", (json_int_t)t->packets, "bytes",
		        (json_int_t)t->bytes, "cpu_s", t->cpu_s, "us_per_packet",
		        told ? json_real(us) : json_null());
		json_dumpf(o, stdout, JSON_INDENT(1));
		putchar('\n');
		json_decref(o);
	} else if (told) {
		printf("tunnel_us_per_packet = %.1fus\n", us);
		printf("  process %d on %s: %.2f s of processor time for %llu packets in "
		       "%.0f s\n  (%.0f Mbit/s, %.0f B a packet, %.0f %% of one core)\n",
		       (int)t->pid, t->interface, t->cpu_s,
		       (unsigned long long)t->packets, t->wall_s,
		       (double)t->bytes * 8e-6 / t->wall_s,
		       (double)t->bytes / (double)t->packets, 100 * t->cpu_s / t->wall_s);
	} else {
		printf("cannot tell: %llu packets in %.0f s; at least %d are needed. Let "
		       "traffic go through %s meanwhile\n",
		       (unsigned long long)t->packets, t->wall_s, LEAST_PACKETS,
		       t->interface);
	}
	return told ? HCB_EXIT_OK : HCB_EXIT_UNSTEADY;
}

int doctor_tunnel(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct tunnel t = {.pid = -1};
	int r = parse(argc, argv, &t, &err);
	r = r ? r : find_interface(&t, &err);
	r = r ? r : find_process(&t, &err);
	r = r ? r : watch(&t, &err);
	return r ? hcb_fail(&err) : show(&t);
}
