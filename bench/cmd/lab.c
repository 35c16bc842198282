/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cmd/lab_verbs.h"
#include "bench/cmd/verb.h"
#include "bench/core/clock.h"
#include "bench/core/units.h"
#include "lab/lab.h"

static const char usage[] =
        "usage: hcbench lab up [NAME|FILE] [--cold] [--ram] [--recycle-wal]\n"
        "                          [--dilation D] [--json]\n"
        "       hcbench lab down [NAME] [--all]\n"
        "       hcbench lab status [NAME] [--json]\n"
        "       hcbench lab check [NAME|FILE] [--json]\n"
        "       hcbench lab exec NAME HOST -- COMMAND...\n"
        "       hcbench lab traffic NAME [--from HOST] [--to HOST] [--rate R] "
        "[--seconds N] [--json]\n"
        "       hcbench lab path NAME [--from HOST] [--to HOST] [--over link] [--seconds "
        "N] "
        "[--json]\n"
        "       hcbench lab tunnel NAME COST|off [--json]\n"
        "       hcbench lab guest NAME POOL/IMAGE [--host HOST] [--cache "
        "none|writeback]\n"
        "                          [--size SIZE] [--stop] [--json]\n"
        "       hcbench lab fault NAME FAULT [ARGUMENT...] [--json]   (lab fault "
        "--list shows them)\n"
        "A real Ceph cluster of three hosts on this machine: network namespaces with "
        "shaped\n"
        "links, monitors, managers, OSDs on served model disks. As root.\n"
        "\n"
        "  NAME, FILE     a cluster file; the lab is called as its stem. Without: "
        "seed-direct,\n"
        "                 called \"default\"\n"
        "  --cold         no warm-up: the OSDs' RocksDB is fresh, and not as it stays\n"
        "  --ram          disks are plain memory without a model: to measure clients\n"
        "  --recycle-wal  let RocksDB reuse its logs (off in stock 16.2): one flush less "
        "per\n"
        "                 small write\n"
        "  --dilation D   one second of the lab takes D of yours, whatever the file "
        "says:\n"
        "                 disks and links are D times slower, so that this machine's\n"
        "                 processors weigh D times less\n"
        "  --json         the lab's state on standard output\n"
        "  --all          every lab there is\n"
        "check tells what a cluster file would become and whether this machine can "
        "carry it.\n"
        "traffic loads the ports: iperf3 from the virtual machine on h1 to that on h3, "
        "or as said.\n"
        "path measures the way replication takes: round trip, one stream, processor "
        "time\n"
        "per packet.\n"
        "tunnel holds a packet of Ceph's tunnels to a cost of COST processor time, such "
        "as "
        "14us.\n"
        "guest exports an image through QEMU's block layer and prints its nbd: target.\n"
        "exec runs a command in a host's network with CEPH_CONF set, and ends as it "
        "ends.\n";

static int bad_word(const char *verb, const char *word)
{
	fprintf(stderr,
	        "hcbench: lab %s: unexpected \"%s\"; \"hcbench lab --help\" explains\n",
	        verb, word);
	return HCB_EXIT_USAGE;
}

static int print_json(json_t *j)
{
	int r = j ? json_dumpf(j, stdout, JSON_INDENT(1)) : -1;
	json_decref(j);
	putchar('\n');
	return r ? HCB_EXIT_FAILED : HCB_EXIT_OK;
}

static int need_root(void)
{
	if (geteuid() == 0)
		return 0;
	fprintf(stderr,
	        "hcbench: lab: needs root, for namespaces, mounts and loop devices\n");
	return HCB_EXIT_FAILED;
}

/*
 * Every process of a lab carries HCBENCH_LAB=NAME in the environment it was started with;
 * "lab up" itself gets it by starting anew, so that what it forks has it too.
 */
static int start_marked(const char *name, int argc, char **argv)
{
	const char *now = getenv("HCBENCH_LAB");
	char **again = calloc((size_t)argc + 2, sizeof(*again));
	char self[] = "hcbench";
	if (now && strcmp(now, name) == 0) {
		free(again);
		return 0;
	}
	if (!again || setenv("HCBENCH_LAB", name, 1)) {
		free(again);
		return -ENOMEM;
	}
	again[0] = self;
	memcpy(again + 1, argv, (size_t)argc * sizeof(*argv));
	execv("/proc/self/exe", again);
	free(again);
	return -errno;
}

static int lab_up(int argc, char **argv)
{
	struct hcb_lab_up_opts o = {0};
	struct hcb_err err = HCB_ERR_INIT;
	bool json = false;
	char name[48];
	json_t *j = NULL;
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--cold") == 0)
			o.cold = true;
		else if (strcmp(argv[i], "--ram") == 0)
			o.ram = true;
		else if (strcmp(argv[i], "--recycle-wal") == 0)
			o.recycle_wal = true;
		else if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--dilation") == 0 && i + 1 < argc) {
			if (hcb_parse_double(argv[++i], &o.dilation) || o.dilation < 1)
				return bad_word("up --dilation", argv[i]);
		} else if (argv[i][0] == '-' || o.target)
			return bad_word("up", argv[i]);
		else
			o.target = argv[i];
	}
	if (hcb_lab_name(o.target, name, sizeof(name), &err))
		return hcb_fail(&err);
	int r = need_root();
	if (r)
		return r;
	r = start_marked(name, argc, argv);
	if (r) {
		hcb_err_sys(&err, r, "start anew");
		return hcb_fail(&err);
	}
	if (hcb_lab_up(&o, &err))
		return hcb_fail(&err);
	if (json && hcb_lab_status(name, &j, &err))
		return hcb_fail(&err);
	return json ? print_json(j) : HCB_EXIT_OK;
}

static int lab_down(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	const char *target = NULL;
	char name[48];
	bool all = false;
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--all") == 0)
			all = true;
		else if (argv[i][0] == '-' || target)
			return bad_word("down", argv[i]);
		else
			target = argv[i];
	}
	if (all && target)
		return bad_word("down --all", target);
	int r = need_root();
	if (r)
		return r;
	if (hcb_lab_name(target, name, sizeof(name), &err) ||
	    (all ? hcb_lab_down_all(&err) : hcb_lab_down(name, &err)))
		return hcb_fail(&err);
	return HCB_EXIT_OK;
}

static const char *get(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));
	return s ? s : "";
}

static void print_host(const json_t *h)
{
	const json_t *sys = json_object_get(h, "system_disk");
	printf("  %s %s", get(h, "name"), get(h, "address"));
	if (strcmp(get(h, "address"), get(h, "cluster_address")) != 0)
		printf(", cluster %s", get(h, "cluster_address"));
	if (strcmp(get(h, "address"), get(h, "link_address")) != 0)
		printf(", port %s", get(h, "link_address"));
	if (*get(h, "vm_address"))
		printf(", virtual machine %s", get(h, "vm_address"));
	printf("%s%s\n", sys ? ", file on its system disk: " : "",
	       sys ? get(sys, "target") : "");
}

static void print_status(const json_t *j)
{
	json_t *v;
	size_t i;
	const json_t *warm = json_object_get(j, "warm");
	printf("lab %s: %s %s\n", get(j, "name"), get(j, "health"), get(j, "reason"));
	if (!warm)
		return;
	printf("  OSDs up %lld of %lld, placement groups clean %lld of %lld, monitors "
	       "%lld\n",
	       (long long)json_integer_value(json_object_get(j, "osds_up")),
	       (long long)json_integer_value(json_object_get(j, "osds_total")),
	       (long long)json_integer_value(json_object_get(j, "pgs_clean")),
	       (long long)json_integer_value(json_object_get(j, "pgs")),
	       (long long)json_integer_value(json_object_get(j, "mons")));
	if (json_is_true(json_object_get(warm, "done")))
		printf("  warm: flushes per kv batch %.2f\n",
		       json_number_value(json_object_get(warm, "kv_flush_ratio")));
	else
		printf("  cold\n");
	const json_t *net = json_object_get(j, "network");
	printf("  public %s, cluster %s, virtual machines %s\n", get(net, "public"),
	       get(net, "cluster"), get(net, "vm"));
	printf("  conf %s\n", get(j, "conf"));
	json_array_foreach(json_object_get(j, "hosts"), i, v) print_host(v);
	json_array_foreach(json_object_get(j, "guests"), i, v)
	        printf("  %s with cache=%s on %s: %s%s\n", get(v, "image"),
	               get(v, "cache"), get(v, "host"), get(v, "target"),
	               json_integer_value(json_object_get(v, "pid")) ? "" : " (gone)");
}

static int lab_status(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	const char *target = NULL;
	char name[48];
	bool json = false;
	json_t *j = NULL, *v;
	size_t i;
	for (int k = 2; k < argc; k++) {
		if (strcmp(argv[k], "--json") == 0)
			json = true;
		else if (argv[k][0] == '-' || target)
			return bad_word("status", argv[k]);
		else
			target = argv[k];
	}
	int r = need_root();
	if (r)
		return r;
	if ((target && hcb_lab_name(target, name, sizeof(name), &err)) ||
	    hcb_lab_status(target ? name : NULL, &j, &err))
		return hcb_fail(&err);
	if (json)
		return print_json(j);
	if (json_is_array(j) && json_array_size(j) == 0)
		puts("there is no lab");
	json_array_foreach(j, i, v) print_status(v);
	if (json_is_object(j))
		print_status(j);
	json_decref(j);
	return HCB_EXIT_OK;
}

/* As any user: what is missing for lack of rights is among what it tells. */
static int lab_check(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	const char *target = NULL;
	bool json = false;
	json_t *j = NULL;
	for (int k = 2; k < argc; k++) {
		if (strcmp(argv[k], "--json") == 0)
			json = true;
		else if (argv[k][0] == '-' || target)
			return bad_word("check", argv[k]);
		else
			target = argv[k];
	}
	if (hcb_lab_check(target, &j, &err))
		return hcb_fail(&err);
	bool possible = json_is_true(json_object_get(j, "possible"));
	if (json)
		return print_json(j) || !possible;
	lab_print_check(j);
	json_decref(j);
	return possible ? HCB_EXIT_OK : HCB_EXIT_FAILED;
}

static int lab_exec(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	if (argc < 6 || strcmp(argv[4], "--") != 0) {
		fprintf(stderr, "hcbench: lab exec: needs NAME HOST -- COMMAND...\n");
		return HCB_EXIT_USAGE;
	}
	int r = need_root();
	if (r)
		return r;
	hcb_lab_exec(argv[2], argv[3], argv + 5, &err);
	return hcb_fail(&err);
}

static int fault_help(void)
{
	puts("usage: hcbench lab fault NAME FAULT [ARGUMENT...]\n"
	     "Breaks something of a lab that is up, or mends all of it:");
	hcb_lab_fault_list(stdout);
	puts("In a run: --fault 'at=30s kill-host h2'. Times are lab time since its "
	     "first "
	     "operation.");
	return HCB_EXIT_OK;
}

static int say_fault(const char *what, double seconds, json_t *told, bool json)
{
	const char *said = json_string_value(json_object_get(told, "said"));
	if (json) {
		json_t *j = json_pack("{sssf}", "fault", what, "seconds", seconds);
		json_object_update(j, told);
		json_decref(told);
		return print_json(j);
	}
	hcb_say("%s: done in %.1f s%s%s", what, seconds, said ? ": " : "",
	        said ? said : "");
	json_decref(told);
	return HCB_EXIT_OK;
}

static int lab_fault(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_lab_info info;
	char what[240];
	json_t *told = NULL;
	if (argc > 2 && strcmp(argv[2], "--list") == 0)
		return fault_help();
	bool json = argc > 4 && strcmp(argv[argc - 1], "--json") == 0;
	argc -= json;
	if (argc < 4) {
		fprintf(stderr, "hcbench: lab fault: needs NAME FAULT [ARGUMENT...]; "
		                "\"hcbench lab fault --list\" shows them\n");
		return HCB_EXIT_USAGE;
	}
	int r = need_root();
	if (r)
		return r;
	size_t verb = (size_t)snprintf(what, sizeof(what), "%.30s", argv[3]), n = verb;
	for (int i = 4; i < argc && n < sizeof(what); i++)
		n += (size_t)snprintf(what + n, sizeof(what) - n, " %s", argv[i]);
	uint64_t begin = hcb_monotonic_ns();
	if (hcb_lab_find(argv[2], &info, &err) ||
	    hcb_lab_fault(&info, argv[3], what[verb] ? what + verb + 1 : "", &told, &err))
		return hcb_fail(&err);
	return say_fault(what, (double)(hcb_monotonic_ns() - begin) / 1e9, told, json);
}

static int lab_traffic(int argc, char **argv)
{
	int r = need_root();
	return r ? r : lab_traffic_main(argc - 2, argv + 2);
}

static int lab_path(int argc, char **argv)
{
	int r = need_root();
	return r ? r : lab_path_main(argc - 2, argv + 2);
}

static int lab_tunnel(int argc, char **argv)
{
	int r = need_root();
	return r ? r : lab_tunnel_main(argc - 2, argv + 2);
}

static int lab_guest(int argc, char **argv)
{
	int r = need_root();
	return r ? r : lab_guest_main(argc - 2, argv + 2);
}

static int lab_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*main)(int argc, char **argv);
	} verbs[] = {{"up", lab_up},           {"down", lab_down}, {"status", lab_status},
	             {"check", lab_check},     {"exec", lab_exec}, {"fault", lab_fault},
	             {"traffic", lab_traffic}, {"path", lab_path}, {"guest", lab_guest},
	             {"tunnel", lab_tunnel}};
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].main(argc, argv);
	if (argc > 1)
		fprintf(stderr, "hcbench: lab: unknown verb \"%s\"\n", argv[1]);
	fputs(usage, stderr);
	return HCB_EXIT_USAGE;
}

const struct hcb_verb hcb_verb_lab = {
        .name = "lab",
        .summary = "a real three-host Ceph cluster on this machine",
        .usage = usage,
        .main = lab_main,
};
