/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports. Every byte that a client writes goes into the host of its primary and from there
 * to size - 1 others, so with a client on one of three hosts of a pool of size 3, writing
 * W, the port that has most to do is the client's own: out of it go 2/3 W to other hosts'
 * primaries and, as a third of the primaries is its own, 2/3 W from there to the
 * replicas. Which host was primary of how much the OSDs count themselves (op_w_in_bytes,
 * subop_w_in_bytes), so nothing has to be assumed of the placement, except that no two
 * copies lie on one host. Other clients' bytes are in these counts too, as they should
 * be.
 */
#include "bench/probe_evidence.h"

#include <stdio.h>
#include <string.h>

#define MAX_PORTS   64u
/* An OSD that committed next to nothing has a mean of next to nothing. */
#define FEW_COMMITS 5

static double number(const json_t *o, const char *key, double otherwise)
{
	const json_t *v = json_object_get(o, key);
	return json_is_number(v) ? json_number_value(v) : otherwise;
}

static const char *string(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

const json_t *hcb_json_find(const json_t *list, const char *key, const char *value)
{
	size_t i;
	json_t *one;
	json_array_foreach(list, i,
	                   one) if (strcmp(string(one, key), value) == 0) return one;
	return NULL;
}

const json_t *hcb_probe_run_osd(const json_t *run, json_int_t id)
{
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(run, "osd"), i,
	                   one) if (json_integer_value(json_object_get(one, "id")) ==
	                            id) return one;
	return NULL;
}

static double count_of(const json_t *osd, const char *group, const char *name)
{
	return number(json_object_get(osd, group), name, 0);
}

double hcb_probe_osd_mean(const json_t *osd, const char *group, const char *name)
{
	char key[96];
	snprintf(key, sizeof(key), "%s_count", name);
	double n = count_of(osd, group, key);
	snprintf(key, sizeof(key), "%s_ns", name);
	return n > 0 ? count_of(osd, group, key) / n : -1;
}

/*
 * BlueStore's mean is of all transactions. An OSD's own, which a client never waits for
 * (one of them may have waited seconds for another's flush), show where the mean is
 * longer than that of all writes and copies of writes, which contain their commit: then
 * it is theirs.
 */
double hcb_probe_osd_commit(const json_t *osd)
{
	double commit = hcb_probe_osd_mean(osd, "bluestore", "commit_lat");
	double n = count_of(osd, "osd", "op_w_latency_count") +
	           count_of(osd, "osd", "subop_w_latency_count");
	double ns = count_of(osd, "osd", "op_w_latency_ns") +
	            count_of(osd, "osd", "subop_w_latency_ns");
	return commit > 0 && n > 0 && ns / n < commit ? ns / n : commit;
}

/* ---- the client's own view ---- */

static void see_client(const struct hcb_probe_facts *f, struct hcb_probe_seen *out)
{
	const json_t *tx = hcb_json_find(json_object_get(f->run, "transactions"), "name",
	                                 f->durable ? "durable" : "io");
	const json_t *streams = json_object_get(f->run, "streams");
	const json_t *flush = hcb_json_find(streams, "name", "flush");
	const json_t *params = json_object_get(json_object_get(f->run, "run"), "params");
	out->op_ns = number(json_object_get(tx, "service_ns"), "mean", -1);
	out->flush_ns = number(json_object_get(flush, "service_ns"), "mean", -1);
	out->bytes_per_s = number(tx, "rate_per_s", 0) * number(params, "bs_bytes", 0);
	out->host_busy = number(json_object_get(f->run, "validity"), "host_busy", -1);
	out->ran = number(tx, "count", 0) > 0;
	double held = number(json_object_get(f->run, "totals"), "held", 0);
	out->capped = held > 0 && f->cap_bytes_per_s > 0 &&
	              out->bytes_per_s >= 0.95 * f->cap_bytes_per_s;
}

/* ---- the OSDs' ---- */

static void see_disks(const struct hcb_probe_facts *f, double seconds,
                      struct hcb_probe_seen *out)
{
	size_t i;
	json_t *osd;
	json_array_foreach(f->osds, i, osd)
	{
		json_int_t id = json_integer_value(json_object_get(osd, "id"));
		const json_t *o = hcb_probe_run_osd(f->run, id);
		double commit = hcb_probe_osd_commit(o);
		double busy = count_of(o, "bluestore", "kv_sync_lat_ns") / 1e9 / seconds;
		if (count_of(o, "bluestore", "commit_lat_count") < FEW_COMMITS)
			continue;
		if (commit > out->disk_ns) {
			out->disk_ns = commit;
			out->slow_osd = (int)id;
		}
		if (busy > out->disk_busy) {
			out->disk_busy = busy;
			out->busy_osd = (int)id;
		}
	}
}

/* ---- the paths' ---- */

/* What one port carried in the phase, and can: bytes, bytes a second (0: not known). */
struct port {
	const char *address;
	double in, out, can_in, can_out;
};

struct ports {
	struct port port[MAX_PORTS];
	unsigned n;
	struct port *client;
};

static struct port *port_at(struct ports *p, const char *address)
{
	for (unsigned i = 0; i < p->n; i++)
		if (strcmp(p->port[i].address, address) == 0)
			return &p->port[i];
	if (p->n == MAX_PORTS)
		return NULL;
	p->port[p->n] = (struct port){.address = address};
	return &p->port[p->n++];
}

static bool is_local(const json_t *path)
{
	return json_is_true(json_object_get(path, "local"));
}

/* A path carries what the narrower of its two ports does; the client's own port is at
   least as wide as the widest path from it. */
static void set_capacities(const struct hcb_probe_facts *f, struct ports *p)
{
	size_t i;
	json_t *path;
	p->client = port_at(p, "this host");
	json_array_foreach(f->paths, i, path) if (is_local(path)) p->client->address =
	        string(path, "address");
	json_array_foreach(f->paths, i, path)
	{
		struct port *q = port_at(p, string(path, "address"));
		double to = number(path, "to_osd_bytes_per_s", 0);
		double from = number(path, "from_osd_bytes_per_s", 0);
		if (!q || is_local(path))
			continue;
		q->can_in = to;
		q->can_out = from;
		p->client->can_out = to > p->client->can_out ? to : p->client->can_out;
		p->client->can_in = from > p->client->can_in ? from : p->client->can_in;
	}
}

static void add_osd(struct ports *p, const json_t *osd, const json_t *path,
                    const json_t *counts, double passed_on)
{
	struct port *q = port_at(p, string(osd, "address"));
	double written = count_of(counts, "osd", "op_w_in_bytes");
	double read = count_of(counts, "osd", "op_out_bytes");
	if (!q)
		return;
	if (!is_local(path)) {
		q->in += written;
		q->out += read;
		p->client->out += written;
		p->client->in += read;
	}
	/* A network of the OSDs' own is another port, of which nothing is known. */
	if (strcmp(string(osd, "address"), string(osd, "cluster_address")) != 0)
		return;
	q->in += count_of(counts, "osd", "subop_w_in_bytes");
	q->out += written * passed_on;
}

static void busiest(const struct ports *p, double seconds, struct hcb_probe_seen *out)
{
	for (unsigned i = 0; i < p->n; i++) {
		const struct port *q = &p->port[i];
		for (int way = 0; way < 2; way++) {
			double can = way ? q->can_out : q->can_in;
			double load = (way ? q->out : q->in) / seconds;
			if (can <= 0 || load <= 0 || load / can <= out->port_busy)
				continue;
			out->port_busy = load / can;
			out->port_capacity = can;
			snprintf(out->port, sizeof(out->port), "%.80s (%s)", q->address,
			         way ? "out" : "in");
		}
	}
}

/* Bytes that the OSDs passed on to each other for each byte written to them: size - 1 of
   a replicated pool, and its log entries. */
static double passed_on_per_byte(const struct hcb_probe_facts *f)
{
	double written = 0, passed = 0;
	size_t i;
	json_t *osd;
	json_array_foreach(f->osds, i, osd)
	{
		json_int_t id = json_integer_value(json_object_get(osd, "id"));
		const json_t *counts = hcb_probe_run_osd(f->run, id);
		written += count_of(counts, "osd", "op_w_in_bytes");
		passed += count_of(counts, "osd", "subop_w_in_bytes");
	}
	return written > 0 ? passed / written : 0;
}

static void see_ports(const struct hcb_probe_facts *f, double seconds, double passed_on,
                      struct hcb_probe_seen *out)
{
	struct ports p = {.n = 0};
	size_t i;
	json_t *osd;
	set_capacities(f, &p);
	json_array_foreach(f->osds, i, osd)
	{
		json_int_t id = json_integer_value(json_object_get(osd, "id"));
		const json_t *path =
		        hcb_json_find(f->paths, "address", string(osd, "address"));
		add_osd(&p, osd, path, hcb_probe_run_osd(f->run, id), passed_on);
	}
	busiest(&p, seconds, out);
}

/* Means over the phase's writes of what the way costs each, whoever else is there. */
struct way_cost {
	double weight, rtt, answer, transfer, remote_rate;
	unsigned n_remote;
	double worst_rtt, ping; /* ping: of a network of the OSDs' own */
};

static void add_way(struct way_cost *w, const json_t *osd, const json_t *path,
                    double written, double bytes)
{
	double rtt = number(path, "rtt_ns", 0),
	       to = number(path, "to_osd_bytes_per_s", 0);
	bool own_network =
	        strcmp(string(osd, "address"), string(osd, "cluster_address")) != 0;
	double ping = own_network ? number(osd, "ping_mean_ns", 0) : 0;
	w->weight += written;
	w->rtt += written * rtt;
	w->answer += written * number(path, "answer_ns", rtt);
	w->worst_rtt = rtt > w->worst_rtt ? rtt : w->worst_rtt;
	w->ping = ping > w->ping ? ping : w->ping;
	if (is_local(path) || to <= 0)
		return;
	w->transfer += written * bytes / to * 1e9;
	w->remote_rate += to;
	w->n_remote++;
}

/* As primary, in the phase. */
static double writes_to(const struct hcb_probe_facts *f, const json_t *osd)
{
	json_int_t id = json_integer_value(json_object_get(osd, "id"));
	return count_of(hcb_probe_run_osd(f->run, id), "osd", "op_w");
}

/*
 * Client to primary, then primary to the others, who are written to one after the other
 * through one port; there and back. Twice the software's time that a small read takes:
 * at the primary, and at a replica. OSDs that may not be asked count alike.
 */
static void see_ways(const struct hcb_probe_facts *f, double passed_on,
                     struct hcb_probe_seen *out)
{
	struct way_cost w = {0};
	size_t i;
	json_t *osd;
	const json_t *params = json_object_get(json_object_get(f->run, "run"), "params");
	double bytes = number(params, "bs_bytes", 0);
	bool counted = false;
	json_array_foreach(f->osds, i, osd) counted |= writes_to(f, osd) > 0;
	json_array_foreach(f->osds, i, osd)
	{
		const json_t *path =
		        hcb_json_find(f->paths, "address", string(osd, "address"));
		if (path)
			add_way(&w, osd, path, counted ? writes_to(f, osd) : 1, bytes);
	}
	if (w.weight <= 0)
		return;
	out->network_ns = (w.rtt + w.transfer) / w.weight;
	if (passed_on > 0)
		out->network_ns += w.ping > 0 ? w.ping : w.worst_rtt;
	if (w.n_remote)
		out->network_ns += bytes * passed_on / (w.remote_rate / w.n_remote) * 1e9;
	double soft = (w.answer - w.rtt) / w.weight;
	out->software_ns = soft > 0 ? 2 * soft : 0;
}

static bool any_tunnel(const json_t *paths)
{
	size_t i;
	json_t *path;
	json_array_foreach(paths, i, path) if (json_is_true(json_object_get(
	                                               path, "tunnel"))) return true;
	return false;
}

void hcb_probe_see(const struct hcb_probe_facts *f, struct hcb_probe_seen *out)
{
	*out = (struct hcb_probe_seen){
	        .one_by_one = f->one_by_one,
	        .durable = f->durable,
	        .pool = f->pool,
	        .tunnel = any_tunnel(f->paths),
	        .op_ns = -1,
	        .flush_ns = -1,
	        .disk_ns = -1,
	        .network_ns = -1,
	        .software_ns = -1,
	        .disk_busy = -1,
	        .port_busy = -1,
	        .host_busy = -1,
	        .slow_osd = -1,
	        .busy_osd = -1,
	};
	if (!f->run)
		return;
	see_client(f, out);
	/* Counters go on until the last op has come home. */
	double seconds = number(json_object_get(f->run, "run"), "drained_s", 0);
	if (!f->osds || seconds <= 0)
		return;
	double passed_on = passed_on_per_byte(f);
	see_disks(f, seconds, out);
	see_ports(f, seconds, passed_on, out);
	see_ways(f, passed_on, out);
}
