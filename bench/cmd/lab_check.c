/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lab check: a cluster file explained, from the document that hcb_lab_check makes. */
#include <stdio.h>
#include <string.h>

#include "bench/cmd/lab_verbs.h"
#include "bench/core/units.h"

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));
	return s ? s : "";
}

static json_int_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

static double gib(const json_t *j, const char *key)
{
	return (double)number(j, key) / (double)HCB_GIB;
}

static void print_disk(const json_t *d)
{
	double filled = json_number_value(json_object_get(d, "filled")) * 100;
	printf("%s", text(d, "profile"));
	if (number(d, "size_bytes"))
		printf(", %.4g GB", (double)number(d, "size_bytes") / 1e9);
	printf(", spread over %.3g%% of the stroke\n", filled);
}

static void print_host(const json_t *h)
{
	const json_t *sys = json_object_get(h, "system_disk"), *a;
	const char *net;
	json_t *d;
	size_t i;
	printf("host %s: port %.4g Gbit/s each way%s;", text(h, "name"),
	       (double)number(h, "port_bit_per_s") / 1e9,
	       json_is_true(json_object_get(h, "monitor")) ? ", a monitor and a manager"
	                                                   : "");
	json_object_foreach(json_object_get(h, "addresses"), net, a)
	        printf(" %s %s", net, json_string_value(a));
	putchar('\n');
	json_array_foreach(json_object_get(h, "disks"), i, d)
	{
		printf("  osd.%d class %s: ", (int)number(d, "osd"), text(d, "class"));
		print_disk(d);
	}
	if (!sys)
		return;
	bool served = json_is_true(json_object_get(sys, "served"));
	printf("  system disk%s: ", served ? ", with the monitor's store and logs"
	                                   : " (described only, not built)");
	print_disk(sys);
}

static void print_network(const json_t *n)
{
	json_t *t;
	size_t i;
	printf("network: Ceph's public traffic %s, replication %s", text(n, "public"),
	       text(n, "cluster"));
	json_array_foreach(json_object_get(n, "tunnels"), i, t)
	        printf("; Tinc \"%s\" %s, port %d", text(t, "name"), text(t, "network"),
	               (int)number(t, "port"));
	putchar('\n');
	if (strcmp(text(n, "vm"), "gre") == 0)
		puts("  a switch (vmbr1) and a virtual machine on each host, the "
		     "switches joined by GRE over \"vmlink\"");
}

static void print_pool(const json_t *p)
{
	printf("pool %s: %d copies, %d needed to write, no two on one %s; %d placement "
	       "groups on %d disks of class %s\n",
	       text(p, "name"), (int)number(p, "size"), (int)number(p, "min_size"),
	       text(p, "domain"), (int)number(p, "pg_num"), (int)number(p, "osds"),
	       text(p, "class"));
}

static void print_list(const json_t *list, const char *head)
{
	json_t *v;
	size_t i;
	json_array_foreach(list, i, v) printf("%s: %s\n", head, json_string_value(v));
}

static void print_machine(const json_t *j)
{
	const json_t *m = json_object_get(j, "memory");
	const json_t *p = json_object_get(j, "processors");
	printf("memory: %.1f GiB needed, %.1f available; the data of one disk may take "
	       "%.1f\n",
	       gib(m, "need_bytes"), gib(m, "available_bytes"),
	       gib(m, "disk_limit_bytes"));
	printf("processors: %d, for %d daemons and disk servers\n",
	       (int)number(p, "online"), (int)number(p, "processes"));
}

void lab_print_check(const json_t *j)
{
	json_t *v;
	size_t i;
	printf("lab %s, from %s\n", text(j, "name"), text(j, "cluster_file"));
	json_array_foreach(json_object_get(j, "hosts"), i, v) print_host(v);
	print_network(json_object_get(j, "network"));
	json_array_foreach(json_object_get(j, "pools"), i, v) print_pool(v);
	print_machine(j);
	print_list(json_object_get(j, "not_emulated"), "not emulated");
	print_list(json_object_get(j, "warnings"), "warning");
	print_list(json_object_get(j, "lacks"), "missing");
	puts(json_is_true(json_object_get(j, "possible"))
	             ? "this machine can carry it"
	             : "this machine can not carry it");
}
