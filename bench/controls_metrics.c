/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/controls_metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bench/core/stats.h"

static const struct {
	const char *suffix, *unit;
	double scale; /* from ns, or bytes a second */
	bool more_is_better;
} kinds[HCB_N_CONTROLS] = {
        [HCB_CONTROL_FSYNC] = {"fsync", "ns", 1, false},
        [HCB_CONTROL_READ] = {"read", "MB/s", 1e-6, true},
        [HCB_CONTROL_BENCH] = {"bench", "MB/s", 1e-6, true},
        [HCB_CONTROL_COMMIT] = {"commit", "ns", 1, false},
        [HCB_CONTROL_RTT] = {"rtt", "ns", 1, false},
        [HCB_CONTROL_FROM] = {"from", "MB/s", 1e-6, true},
        [HCB_CONTROL_TO] = {"to", "MB/s", 1e-6, true},
        [HCB_CONTROL_CARRIES] = {"carries", "MB/s", 1e-6, true},
};

void hcb_controls_add(struct hcb_controls *c, const char *what,
                      enum hcb_control_kind kind, double value)
{
	char name[64];
	size_t i = 0;
	if (!isfinite(value) || value <= 0)
		return;
	snprintf(name, sizeof(name), "%.48s.%s", what, kinds[kind].suffix);
	while (i < c->n && strcmp(c->metric[i].name, name) != 0)
		i++;
	if (i == HCB_CONTROLS_MAX ||
	    (i < c->n && c->metric[i].n == HCB_CONTROLS_SAMPLES)) {
		c->dropped++;
		return;
	}
	if (i == c->n) {
		c->n++;
		memcpy(c->metric[i].name, name, sizeof(name));
		c->metric[i].kind = kind;
		c->metric[i].n = 0;
	}
	c->metric[i].v[c->metric[i].n++] = value * kinds[kind].scale;
}

json_t *hcb_controls_json(const struct hcb_controls *c)
{
	json_t *out = json_array();
	for (size_t i = 0; i < c->n; i++) {
		enum hcb_control_kind kind = c->metric[i].kind;
		double sorted[HCB_CONTROLS_SAMPLES];
		json_t *samples = json_array();
		memcpy(sorted, c->metric[i].v, sizeof(sorted));
		for (size_t k = 0; k < c->metric[i].n; k++)
			json_array_append_new(samples, json_real(c->metric[i].v[k]));
		json_array_append_new(
		        out, json_pack("{ss ss ss sf so}", "name", c->metric[i].name,
		                       "unit", kinds[kind].unit, "direction",
		                       kinds[kind].more_is_better ? "higher" : "lower",
		                       "value", hcb_median(sorted, c->metric[i].n),
		                       "samples", samples));
	}
	return out;
}

void hcb_controls_add_seconds(struct hcb_controls *c, const char *what, const json_t *run)
{
	const json_t *seconds = json_object_get(run, "intervals");
	size_t n = json_array_size(seconds);
	for (size_t i = 1; i + 1 < n; i++)
		hcb_controls_add(c, what, HCB_CONTROL_READ,
		                 json_number_value(json_object_get(
		                         json_array_get(seconds, i), "read_bytes")));
}

static double commit_of(const json_t *look, json_int_t id)
{
	size_t i;
	json_t *one;
	json_array_foreach(
	        look, i,
	        one) if (json_integer_value(json_object_get(one, "id")) ==
	                 id) return json_number_value(json_object_get(one, "commit_ns"));
	return 0;
}

void hcb_controls_add_perf(struct hcb_controls *c, const json_t *before,
                           const json_t *now, double dilation)
{
	size_t i;
	json_t *one;
	json_array_foreach(now, i, one)
	{
		char what[32];
		json_int_t id = json_integer_value(json_object_get(one, "id"));
		double v = json_number_value(json_object_get(one, "commit_ns")),
		       was = commit_of(before, id);
		snprintf(what, sizeof(what), "osd.%lld", (long long)id);
		if (v < was || v > was) /* not the report that was seen already */
			hcb_controls_add(c, what, HCB_CONTROL_COMMIT, v / dilation);
	}
}
