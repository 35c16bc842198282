/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cluster files, and the INI reader under them. */
#include "tests/fuzz/fuzz.h"

#include "bench/core/cluster.h"
#include "bench/core/ini.h"

static void promise_cluster(const struct hcb_cluster *c)
{
	unsigned osds = 0;
	PROMISE(c->n_hosts >= 1 && c->n_hosts <= HCB_MAX_HOSTS && c->dilation >= 1);
	for (unsigned i = 0; i < c->n_hosts; i++) {
		PROMISE(hcb_ini_is_name(c->hosts[i].name) && c->hosts[i].port_bit_per_s);
		PROMISE(c->hosts[i].n_osds <= HCB_MAX_HOST_OSDS);
		PROMISE(!c->hosts[i].system_served || c->hosts[i].system.profile[0]);
		osds += c->hosts[i].n_osds;
		for (unsigned j = 0; j < c->hosts[i].n_osds; j++)
			PROMISE(c->hosts[i].osds[j].filled >= 0 &&
			        c->hosts[i].osds[j].filled <= 1);
	}
	PROMISE(osds >= 1 && c->n_pools >= 1 && c->n_pools <= HCB_MAX_POOLS);
	PROMISE(c->tunnel_us_lo <= c->tunnel_us_hi);
	for (unsigned i = 0; i < c->n_pools; i++) {
		const struct hcb_pool_spec *p = &c->pools[i];
		PROMISE(hcb_ini_is_name(p->name) && p->size >= 1 && p->size <= osds);
		PROMISE(p->min_size >= 1 && p->min_size <= p->size);
		PROMISE(p->pg_num && (p->pg_num & (p->pg_num - 1)) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hcb_cluster c;
	struct hcb_err err = HCB_ERR_INIT;
	char *text = fuzz_text(data, size);
	int r = hcb_cluster_read_string(text, "fuzz.ini", &c, &err);
	if (r)
		promise_refusal(r, &err);
	else
		promise_cluster(&c);
	free(text);
	return 0;
}
