/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/cluster.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/ini.h"
#include "bench/core/units.h"

/* What a section's keys are read into before they become part of the cluster. */
struct raw_disk {
	char crush_class[32];
	double filled;
	uint64_t size_bytes;
	int served, cache;
};

struct raw_host {
	uint64_t port_bit_per_s;
	char system_disk[256], osd[256];
};

struct raw_net {
	int public_net, cluster_net, vm_net;
	uint64_t rtt_ns;
	char tunnel[64];
};

struct raw_pool {
	uint64_t size, min_size, pg_num;
	char crush_class[32];
	int domain;
};

static const char *const net_names[] = {"direct", "tinc", NULL};
static const char *const cache_names[] = {"default", "off", "on", NULL};
static const char *const vm_names[] = {"none", "gre", NULL};
static const char *const domain_names[] = {"host", "osd", NULL};

static const struct hcb_opt cluster_opts[] = {
        {.name = "dilation",
         .type = HCB_OPT_DOUBLE,
         .offset = offsetof(struct hcb_cluster, dilation),
         .min = 1,
         .max = 1000,
         .def = "1",
         .help = "wall seconds per lab second"},
        {.name = NULL},
};

static const struct hcb_opt host_opts[] = {
        {.name = "port",
         .type = HCB_OPT_BITRATE,
         .offset = offsetof(struct raw_host, port_bit_per_s),
         .min = 1e6,
         .max = 1e12,
         .def = "1Gbit",
         .help = "speed of the host's port, each way"},
        {.name = "system_disk",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct raw_host, system_disk),
         .size = sizeof(((struct raw_host *)0)->system_disk),
         .help = "PROFILE[, filled=60%, size=2TB, cache=off, served=on]: what the "
                 "system lies on"},
        {.name = "osd",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct raw_host, osd),
         .size = sizeof(((struct raw_host *)0)->osd),
         .help = "PROFILE[, class=hdd, filled=60%, size=2TB, cache=off]; once for each "
                 "disk"},
        {.name = NULL},
};

static const struct hcb_opt osd_opts[] = {
        {.name = "class",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct raw_disk, crush_class),
         .size = sizeof(((struct raw_disk *)0)->crush_class),
         .def = "hdd",
         .help = "CRUSH device class"},
        {.name = "filled",
         .type = HCB_OPT_SHARE,
         .offset = offsetof(struct raw_disk, filled),
         .min = 0,
         .max = 1,
         .def = "60%",
         .help = "share of the stroke live data is spread over; 0%: not spread"},
        {.name = "size",
         .type = HCB_OPT_SIZE,
         .offset = offsetof(struct raw_disk, size_bytes),
         .min = 1e9,
         .max = 1e15,
         .help = "capacity; absent: the profile's"},
        {.name = "cache",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct raw_disk, cache),
         .def = "default",
         .names = cache_names,
         .help = "volatile write cache; default: the profile's"},
        {.name = NULL},
};

static const struct hcb_opt system_opts[] = {
        {.name = "filled",
         .type = HCB_OPT_SHARE,
         .offset = offsetof(struct raw_disk, filled),
         .min = 0,
         .max = 1,
         .def = "60%",
         .help = "share of the stroke live data is spread over; 0%: not spread"},
        {.name = "size",
         .type = HCB_OPT_SIZE,
         .offset = offsetof(struct raw_disk, size_bytes),
         .min = 1e9,
         .max = 1e15,
         .help = "capacity; absent: the profile's"},
        {.name = "cache",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct raw_disk, cache),
         .def = "default",
         .names = cache_names,
         .help = "volatile write cache; default: the profile's"},
        {.name = "served",
         .type = HCB_OPT_BOOL,
         .offset = offsetof(struct raw_disk, served),
         .def = "off",
         .help = "the lab builds it, under monitor store and logs; off: described only"},
        {.name = NULL},
};

static const struct hcb_opt net_opts[] = {
        {.name = "public",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct raw_net, public_net),
         .def = "direct",
         .names = net_names,
         .help = "what clients and monitors talk over"},
        {.name = "cluster",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct raw_net, cluster_net),
         .def = "direct",
         .names = net_names,
         .help = "what replication runs over"},
        {.name = "vm",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct raw_net, vm_net),
         .def = "none",
         .names = vm_names,
         .help = "gre: virtual machines on a switch of GRE links over a second tunnel"},
        {.name = "rtt",
         .type = HCB_OPT_DURATION,
         .offset = offsetof(struct raw_net, rtt_ns),
         .max = 1e9,
         .help = "round trip between hosts; absent: what the links give by themselves"},
        {.name = "tunnel_us_per_packet",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct raw_net, tunnel),
         .size = sizeof(((struct raw_net *)0)->tunnel),
         .help = "tunnel processor time per packet, \"10\" or a range \"6..14\" (us)"},
        {.name = NULL},
};

static const struct hcb_opt pool_opts[] = {
        {.name = "size",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct raw_pool, size),
         .min = 1,
         .max = 10,
         .def = "3",
         .help = "copies"},
        {.name = "min_size",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct raw_pool, min_size),
         .min = 1,
         .max = 10,
         .help = "copies without which it stops; absent: size - size/2, as Ceph has it"},
        {.name = "pg_num",
         .type = HCB_OPT_U64,
         .offset = offsetof(struct raw_pool, pg_num),
         .min = 1,
         .max = 32768,
         .def = "128",
         .help = "placement groups, a power of two"},
        {.name = "class",
         .type = HCB_OPT_STR,
         .offset = offsetof(struct raw_pool, crush_class),
         .size = sizeof(((struct raw_pool *)0)->crush_class),
         .def = "hdd",
         .help = "CRUSH device class it lies on"},
        {.name = "domain",
         .type = HCB_OPT_ENUM,
         .offset = offsetof(struct raw_pool, domain),
         .def = "host",
         .names = domain_names,
         .help = "no two copies in the same"},
        {.name = NULL},
};

struct parser {
	struct hcb_cluster *c;
	const struct hcb_opt *opts;
	void *conf;
	char where[80];
	uint64_t seen;
	bool had_cluster, had_network;
	unsigned first_host; /* hosts [first_host, n_hosts) are those of this section */
	unsigned host_osds;
	struct raw_host host;
	struct hcb_disk_spec system;
	bool system_served;
	struct raw_net net;
	struct raw_pool pools[HCB_MAX_POOLS];
	int pool_line[HCB_MAX_POOLS];
	int net_line;
};

/* ------------------------------------------------------------------ sections ---- */

static int begin_cluster(struct parser *p, char *names, int lineno, struct hcb_err *err)
{
	(void)names;
	(void)lineno;
	if (p->had_cluster)
		return hcb_err_usage(err, "[cluster] is given twice");
	p->had_cluster = true;
	p->conf = p->c;
	return 0;
}

static int begin_network(struct parser *p, char *names, int lineno, struct hcb_err *err)
{
	(void)names;
	if (p->had_network)
		return hcb_err_usage(err, "[network] is given twice");
	p->had_network = true;
	p->conf = &p->net;
	p->net_line = lineno;
	return 0;
}

static int add_host(struct parser *p, const char *name, struct hcb_err *err)
{
	struct hcb_cluster *c = p->c;
	if (!hcb_ini_is_name(name))
		return hcb_err_usage(
		        err, "host \"%.40s\": a name is 1 to 24 of a-z, 0-9 and \"-\"",
		        name);
	for (unsigned i = 0; i < c->n_hosts; i++)
		if (strcmp(c->hosts[i].name, name) == 0)
			return hcb_err_usage(err, "host \"%s\" is given twice", name);
	if (c->n_hosts == HCB_MAX_HOSTS)
		return hcb_err_usage(err, "more than %d hosts", HCB_MAX_HOSTS);
	snprintf(c->hosts[c->n_hosts++].name, sizeof(c->hosts[0].name), "%s", name);
	return 0;
}

static void apply_host(struct parser *p)
{
	for (unsigned i = p->first_host; i < p->c->n_hosts; i++) {
		struct hcb_host_spec *h = &p->c->hosts[i];
		h->port_bit_per_s = p->host.port_bit_per_s;
		h->system = p->system;
		h->system_served = p->system_served;
	}
}

static int begin_host(struct parser *p, char *names, int lineno, struct hcb_err *err)
{
	char *save = NULL;
	(void)lineno;
	p->first_host = p->c->n_hosts;
	for (char *n = strtok_r(names, " \t", &save); n;
	     n = strtok_r(NULL, " \t", &save)) {
		int r = add_host(p, n, err);
		if (r)
			return r;
	}
	if (p->first_host == p->c->n_hosts)
		return hcb_err_usage(err,
		                     "[host] without a name: expected [host NAME...]");
	memset(&p->host, 0, sizeof(p->host));
	memset(&p->system, 0, sizeof(p->system));
	p->system_served = false;
	hcb_opt_defaults(host_opts, &p->host);
	p->host_osds = 0;
	p->conf = &p->host;
	apply_host(p);
	return 0;
}

static int begin_pool(struct parser *p, char *names, int lineno, struct hcb_err *err)
{
	struct hcb_cluster *c = p->c;
	if (!hcb_ini_is_name(names))
		return hcb_err_usage(
		        err, "pool \"%.40s\": a name is 1 to 24 of a-z, 0-9 and \"-\"",
		        names);
	for (unsigned i = 0; i < c->n_pools; i++)
		if (strcmp(c->pools[i].name, names) == 0)
			return hcb_err_usage(err, "pool \"%s\" is given twice", names);
	if (c->n_pools == HCB_MAX_POOLS)
		return hcb_err_usage(err, "more than %d pools", HCB_MAX_POOLS);
	unsigned i = c->n_pools++;
	snprintf(c->pools[i].name, sizeof(c->pools[i].name), "%s", names);
	p->pool_line[i] = lineno;
	p->conf = &p->pools[i];
	hcb_opt_defaults(pool_opts, p->conf);
	return 0;
}

typedef int begin_fn(struct parser *p, char *names, int lineno, struct hcb_err *err);

static const struct hcb_ini_kind kinds[] = {
        {"cluster", false, cluster_opts},
        {"host", true, host_opts},
        {"network", false, net_opts},
        {"pool", true, pool_opts},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))
static begin_fn *const begins[N_KINDS] = {begin_cluster, begin_host, begin_network,
                                          begin_pool};

static int begin_section(struct parser *p, const char *section, int lineno,
                         struct hcb_err *err)
{
	char names[HCB_INI_NAMES];
	int kind = hcb_ini_kind(kinds, N_KINDS, section, names, err);
	if (kind < 0)
		return kind;
	snprintf(p->where, sizeof(p->where), "[%.70s]", section);
	p->opts = kinds[kind].opts;
	p->seen = 0;
	return begins[kind](p, names, lineno, err);
}

/* ---------------------------------------------------------------------- keys ---- */

static char *trim(char *s)
{
	s += strspn(s, " \t");
	size_t n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = '\0';
	return s;
}

/* "generic-7200, class=hdd, filled=60%", as the key's table has it */
static int parse_disk(struct parser *p, const char *key, const struct hcb_opt *opts,
                      const char *value, struct raw_disk *raw, struct hcb_disk_spec *d,
                      struct hcb_err *err)
{
	char text[sizeof(p->host.osd)], *rest = text;
	uint64_t seen = 0;
	snprintf(text, sizeof(text), "%s", value);
	memset(raw, 0, sizeof(*raw));
	hcb_opt_defaults(opts, raw);
	char *profile = trim(strsep(&rest, ","));
	if (!hcb_ini_is_name(profile))
		return hcb_err_usage(err,
		                     "%s: %s=%.80s: expected a disk profile's name first",
		                     p->where, key, profile);
	while (rest) {
		char *pair = trim(strsep(&rest, ",")), *eq = strchr(pair, '=');
		if (!eq)
			return hcb_err_usage(err, "%s: %s: \"%.80s\": expected key=value",
			                     p->where, key, pair);
		*eq = '\0';
		int r = hcb_ini_opt(opts, raw, p->where, &seen, trim(pair), trim(eq + 1),
		                    err);
		if (r)
			return r;
	}
	memset(d, 0, sizeof(*d));
	snprintf(d->profile, sizeof(d->profile), "%s", profile);
	memcpy(d->crush_class, raw->crush_class, sizeof(d->crush_class));
	snprintf(d->cache, sizeof(d->cache), "%s", cache_names[raw->cache]);
	d->filled = raw->filled;
	d->size_bytes = raw->size_bytes;
	return 0;
}

static int set_system_disk(struct parser *p, struct hcb_err *err)
{
	struct raw_disk raw;
	int r = parse_disk(p, "system_disk", system_opts, p->host.system_disk, &raw,
	                   &p->system, err);
	p->system_served = r == 0 && raw.served;
	return r;
}

static int add_osd(struct parser *p, struct hcb_err *err)
{
	struct hcb_disk_spec d;
	struct raw_disk raw;
	int r = parse_disk(p, "osd", osd_opts, p->host.osd, &raw, &d, err);
	if (r == 0 && !hcb_ini_is_name(d.crush_class))
		r = hcb_err_usage(
		        err, "%s: class=%s: a class is 1 to 24 of a-z, 0-9 and \"-\"",
		        p->where, d.crush_class);
	if (r)
		return r;
	if (p->host_osds == HCB_MAX_HOST_OSDS)
		return hcb_err_usage(err, "%s: more than %d OSDs", p->where,
		                     HCB_MAX_HOST_OSDS);
	for (unsigned i = p->first_host; i < p->c->n_hosts; i++)
		p->c->hosts[i].osds[p->c->hosts[i].n_osds++] = d;
	p->host_osds++;
	return 0;
}

/* "10" or "6..14" */
static int parse_tunnel(struct parser *p, struct hcb_err *err)
{
	struct hcb_cluster *c = p->c;
	char text[sizeof(p->net.tunnel)];
	memcpy(text, p->net.tunnel, sizeof(text));
	char *dots = strstr(text, "..");
	if (dots)
		*dots = '\0';
	const char *hi = dots ? trim(dots + 2) : trim(text);
	if (hcb_parse_double(trim(text), &c->tunnel_us_lo) ||
	    hcb_parse_double(hi, &c->tunnel_us_hi))
		return hcb_err_usage(
		        err,
		        "%s: tunnel_us_per_packet=%s: expected microseconds as "
		        "\"10\" or \"6..14\"",
		        p->where, p->net.tunnel);
	if (!(c->tunnel_us_lo > 0 && c->tunnel_us_hi >= c->tunnel_us_lo &&
	      c->tunnel_us_hi <= 1e6))
		return hcb_err_usage(
		        err,
		        "%s: tunnel_us_per_packet=%s: out of range (above 0 to 1e6, "
		        "low..high)",
		        p->where, p->net.tunnel);
	return 0;
}

/* What a key's text still needs once it lies in the section's struct. */
static int after_key(struct parser *p, const char *key, struct hcb_err *err)
{
	if (p->opts == host_opts) {
		int r = 0;
		if (strcmp(key, "osd") == 0)
			r = add_osd(p, err);
		else if (strcmp(key, "system_disk") == 0)
			r = set_system_disk(p, err);
		apply_host(p);
		return r;
	}
	if (p->opts == net_opts && strcmp(key, "tunnel_us_per_packet") == 0)
		return parse_tunnel(p, err);
	return 0;
}

static int on_line(void *arg, const char *section, const char *key, const char *value,
                   int lineno, struct hcb_err *err)
{
	struct parser *p = arg;
	if (!key)
		return begin_section(p, section, lineno, err);
	if (!p->opts)
		return hcb_err_usage(err, "key \"%.40s\" before the first section", key);
	bool repeats = p->opts == host_opts && strcmp(key, "osd") == 0;
	uint64_t once = 0;
	int r = hcb_ini_opt(p->opts, p->conf, p->where, repeats ? &once : &p->seen, key,
	                    value, err);
	return r ? r : after_key(p, key, err);
}

/* -------------------------------------------------------------------- checks ---- */

/* How many failure domains have an OSD of the class: the most copies that can be placed.
 */
static unsigned count_domains(const struct hcb_cluster *c, const char *class,
                              bool per_host)
{
	unsigned n = 0;
	for (unsigned i = 0; i < c->n_hosts; i++) {
		unsigned here = 0;
		for (unsigned j = 0; j < c->hosts[i].n_osds; j++)
			here += strcmp(c->hosts[i].osds[j].crush_class, class) == 0;
		n += per_host ? here > 0 : here;
	}
	return n;
}

static int check_pool(struct parser *p, unsigned i, struct hcb_err *err)
{
	const struct raw_pool *raw = &p->pools[i];
	struct hcb_pool_spec *pool = &p->c->pools[i];
	const char *path = p->c->path, *domain = domain_names[raw->domain];
	int line = p->pool_line[i];
	unsigned domains = count_domains(p->c, raw->crush_class, raw->domain == 0);
	pool->size = (unsigned)raw->size;
	pool->min_size =
	        (unsigned)(raw->min_size ? raw->min_size : raw->size - raw->size / 2);
	pool->pg_num = (unsigned)raw->pg_num;
	memcpy(pool->crush_class, raw->crush_class, sizeof(pool->crush_class));
	snprintf(pool->domain, sizeof(pool->domain), "%s", domain);
	if (domains == 0)
		return hcb_err_usage(err,
		                     "%s:%d: pool %s: class=%s: no OSD has this class",
		                     path, line, pool->name, pool->crush_class);
	if (pool->size > domains)
		return hcb_err_usage(
		        err,
		        "%s:%d: pool %s: size=%u: only %u %s%s with an OSD of class %s",
		        path, line, pool->name, pool->size, domains, domain,
		        domains == 1 ? "" : "s", pool->crush_class);
	if (pool->min_size > pool->size)
		return hcb_err_usage(err, "%s:%d: pool %s: min_size=%u is above size=%u",
		                     path, line, pool->name, pool->min_size, pool->size);
	if (pool->pg_num & (pool->pg_num - 1))
		return hcb_err_usage(err,
		                     "%s:%d: pool %s: pg_num=%u is not a power of two",
		                     path, line, pool->name, pool->pg_num);
	return 0;
}

static int check_cluster(struct parser *p, struct hcb_err *err)
{
	struct hcb_cluster *c = p->c;
	unsigned osds = 0;
	for (unsigned i = 0; i < c->n_hosts; i++)
		osds += c->hosts[i].n_osds;
	if (!c->n_hosts)
		return hcb_err_usage(err, "%s: no [host NAME...] section", c->path);
	if (!osds)
		return hcb_err_usage(err, "%s: no host has an osd", c->path);
	if (!c->n_pools)
		return hcb_err_usage(err, "%s: no [pool NAME] section", c->path);
	c->public_net = (enum hcb_net_kind)p->net.public_net;
	c->cluster_net = (enum hcb_net_kind)p->net.cluster_net;
	c->vm_net = (enum hcb_vm_net)p->net.vm_net;
	c->rtt_ns = p->net.rtt_ns;
	/* A key that would do nothing is a mistake of the reader's, or of ours. */
	if (c->tunnel_us_hi > 0 && c->public_net != HCB_NET_TINC &&
	    c->cluster_net != HCB_NET_TINC && c->vm_net != HCB_VM_GRE)
		return hcb_err_usage(
		        err,
		        "%s:%d: [network]: tunnel_us_per_packet without a tinc network",
		        c->path, p->net_line);
	for (unsigned i = 0; i < c->n_pools; i++) {
		int r = check_pool(p, i, err);
		if (r)
			return r;
	}
	return 0;
}

static int take_name(struct hcb_cluster *c, const char *path, struct hcb_err *err)
{
	const char *base = strrchr(path, '/');
	base = base ? base + 1 : path;
	size_t n = strlen(base);
	if (n > 4 && strcmp(base + n - 4, ".ini") == 0)
		n -= 4;
	if (strlen(path) >= sizeof(c->path))
		return hcb_err_usage(err, "read %.200s...: path too long", path);
	snprintf(c->path, sizeof(c->path), "%s", path);
	if (n < sizeof(c->name))
		snprintf(c->name, sizeof(c->name), "%.*s", (int)n, base);
	/* The name becomes part of interface, namespace and directory names. */
	if (!hcb_ini_is_name(c->name))
		return hcb_err_usage(err,
		                     "read %s: a cluster file's name is 1 to 24 of a-z, "
		                     "0-9 and \"-\", "
		                     "then .ini",
		                     path);
	return 0;
}

static int begin_reading(struct parser *p, const char *path, struct hcb_cluster *out,
                         struct hcb_err *err)
{
	memset(p, 0, sizeof(*p));
	memset(out, 0, sizeof(*out));
	p->c = out;
	hcb_opt_defaults(cluster_opts, out);
	hcb_opt_defaults(net_opts, &p->net);
	return take_name(out, path, err);
}

int hcb_cluster_read(const char *path, struct hcb_cluster *out, struct hcb_err *err)
{
	struct parser p;
	int r = begin_reading(&p, path, out, err);
	if (r == 0)
		r = hcb_ini_read(path, on_line, &p, err);
	return r ? r : check_cluster(&p, err);
}

int hcb_cluster_read_string(const char *text, const char *name, struct hcb_cluster *out,
                            struct hcb_err *err)
{
	struct parser p;
	int r = begin_reading(&p, name, out, err);
	if (r == 0)
		r = hcb_ini_read_string(text, name, on_line, &p, err);
	return r ? r : check_cluster(&p, err);
}

void hcb_cluster_print_help(void *file)
{
	static const struct {
		const char *head;
		const struct hcb_opt *opts;
	} parts[] = {{"[cluster]", cluster_opts},
	             {"[host NAME...]", host_opts},
	             {"osd = PROFILE, KEY=VALUE...", osd_opts},
	             {"system_disk = PROFILE, KEY=VALUE...", system_opts},
	             {"[network]", net_opts},
	             {"[pool NAME]", pool_opts}};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		fprintf(file, "%s\n", parts[i].head);
		hcb_opt_print_help(parts[i].opts, file);
	}
}
