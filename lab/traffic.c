/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load between two virtual machines: iperf3 over their switches, so through the second
 * tunnel and the same ports that Ceph's traffic takes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/impl.h"

#define LISTEN_WAIT (5 * HCB_SEC)
#define OVERTIME    (20 * HCB_SEC) /* for connecting, and for the last data's way */

struct pair {
	const struct hcb_lab_host_info *from, *to;
	char port[16];
};

static int choose(const struct hcb_lab_info *info, const struct hcb_lab_traffic *t,
                  struct pair *p, struct hcb_err *err)
{
	if (strcmp(info->vm_net, "gre") != 0)
		return hcb_err_usage(err,
		                     "lab %s has no virtual machines: [network] vm = gre "
		                     "in its cluster file makes them",
		                     info->name);
	p->from = lab_host_of(info, t->from, err);
	p->to = p->from ? lab_host_of(info, t->to, err) : NULL;
	if (!p->from || !p->to)
		return -EINVAL;
	if (p->from == p->to)
		return hcb_err_usage(err, "lab traffic: from %s to itself", t->from);
	/* So that several may run at once. */
	snprintf(p->port, sizeof(p->port), "%d", 20000 + (int)getpid() % 10000);
	return 0;
}

static int start_server(const struct hcb_lab_info *info, const struct pair *p, pid_t *pid,
                        struct hcb_err *err)
{
	char env[64], log[192];
	const char *const envs[] = {env, NULL};
	/* One client, and none for long: it ends by itself if we are killed. */
	const char *const argv[] = {
	        "iperf3",         "-s", "-1", "-p", p->port, "-B", p->to->vm_address,
	        "--idle-timeout", "15", NULL};
	snprintf(env, sizeof(env), LAB_ENV "=%s", info->name);
	snprintf(log, sizeof(log), "%s/log/traffic.%s.out", info->dir, p->to->name);
	struct hcb_child_opts o = {.netns = p->to->vm_netns,
	                           .env = envs,
	                           .log_path = log,
	                           .timeout_ns = 10 * HCB_SEC};
	return hcb_child_daemon(argv, &o, pid, err);
}

static int run_client(const struct hcb_lab_info *info, const struct hcb_lab_traffic *t,
                      const struct pair *p, struct hcb_child_result *res,
                      struct hcb_err *err)
{
	char env[64], seconds[32], rate[32];
	const char *const envs[] = {env, NULL};
	const char *const argv[] = {
	        "iperf3", "-c",    p->to->vm_address, "-p", p->port, "-t", seconds,
	        "-C",     "cubic", "--json",          "-b", rate,    NULL};
	uint64_t wall = (uint64_t)((double)t->seconds * info->dilation);
	snprintf(env, sizeof(env), LAB_ENV "=%s", info->name);
	snprintf(seconds, sizeof(seconds), "%llu", (unsigned long long)wall);
	/* iperf3's 0: as much as goes */
	snprintf(rate, sizeof(rate), "%.0f", (double)t->bit_per_s / info->dilation);
	struct hcb_child_opts o = {.netns = p->from->vm_netns,
	                           .env = envs,
	                           .timeout_ns = wall * HCB_SEC + OVERTIME,
	                           .quiet_fail = true};
	return hcb_child_run(argv, &o, res, err);
}

static double number(const json_t *j, const char *sum, const char *key)
{
	return json_number_value(
	        json_object_get(json_object_get(json_object_get(j, "end"), sum), key));
}

/* What iperf3 said, in lab time. */
static int digest(const struct hcb_lab_info *info, const struct hcb_lab_traffic *t,
                  const json_t *said, json_t **out, struct hcb_err *err)
{
	const char *bad = json_string_value(json_object_get(said, "error"));
	if (!json_is_object(said) || bad)
		return hcb_err_set(err, -EIO, "traffic from %s to %s: iperf3: %s",
		                   t->from, t->to, bad ? bad : "gave no JSON");
	double d = info->dilation;
	*out = json_pack(
	        "{s:s,s:s,s:f,s:f,s:f,s:f,s:I}", "from", t->from, "to", t->to, "seconds",
	        number(said, "sum_sent", "seconds") / d, "rate_bit_per_s",
	        (double)t->bit_per_s, "sent_bit_per_s",
	        number(said, "sum_sent", "bits_per_second") * d, "received_bit_per_s",
	        number(said, "sum_received", "bits_per_second") * d, "retransmits",
	        (json_int_t)number(said, "sum_sent", "retransmits"));
	return *out ? 0 : hcb_err_sys(err, -ENOMEM, "traffic");
}

/* The server may not listen yet. */
static int drive(const struct hcb_lab_info *info, const struct hcb_lab_traffic *t,
                 const struct pair *p, json_t **out, struct hcb_err *err)
{
	uint64_t until = hcb_monotonic_ns() + LISTEN_WAIT;
	for (;;) {
		struct hcb_child_result res;
		int r = run_client(info, t, p, &res, err);
		json_t *said = res.out ? json_loads(res.out, 0, NULL) : NULL;
		hcb_child_result_free(&res);
		if (r == 0)
			r = digest(info, t, said, out, err);
		const char *bad = json_string_value(json_object_get(said, "error"));
		bool early = bad && strstr(bad, "Connection refused") &&
		             hcb_monotonic_ns() < until;
		json_decref(said);
		if (!early)
			return r;
		usleep(100000);
	}
}

int hcb_lab_traffic(const char *name, const struct hcb_lab_traffic *t, json_t **out,
                    struct hcb_err *err)
{
	struct hcb_lab_info *info = calloc(1, sizeof(*info));
	struct pair p;
	pid_t server = 0;
	*out = NULL;
	if (!info)
		return hcb_err_sys(err, -ENOMEM, "traffic");
	int r = hcb_lab_find(name, info, err);
	if (r == 0)
		r = choose(info, t, &p, err);
	if (r == 0)
		r = lab_need_program("iperf3", "iperf3", err);
	if (r == 0)
		r = start_server(info, &p, &server, err);
	if (r == 0) {
		hcb_say("traffic from %s to %s, %llu s", t->from, t->to,
		        (unsigned long long)t->seconds);
		r = drive(info, t, &p, out, err);
	}
	if (server > 0)
		hcb_process_stop(server, HCB_SEC);
	free(info);
	return r;
}
