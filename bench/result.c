/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static const struct {
	const char *key;
	double q;
} quantiles[] = {{"p50", 0.50}, {"p95", 0.95}, {"p99", 0.99}, {"p999", 0.999}};

json_t *hcb_json_latency(const struct hcb_hist *h, bool hide, json_t *reasons)
{
	json_t *o = json_object();
	bool none = h->count == 0;
	json_object_set_new(o, "min",
	                    none ? json_null() : json_integer((json_int_t)h->min));
	json_object_set_new(o, "mean", none ? json_null() : json_real(hcb_hist_mean(h)));
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		uint64_t need = hcb_quantile_min_samples(quantiles[i].q);
		if (!hide && h->count >= need) {
			uint64_t v = hcb_hist_quantile(h, quantiles[i].q);
			json_object_set_new(o, quantiles[i].key,
			                    json_integer((json_int_t)v));
			continue;
		}
		json_object_set_new(o, quantiles[i].key, json_null());
		char why[96];
		if (hide)
			snprintf(why, sizeof(why), "overload");
		else
			snprintf(why, sizeof(why), "%llu samples, %llu needed",
			         (unsigned long long)h->count, (unsigned long long)need);
		if (reasons)
			json_object_set_new(reasons, quantiles[i].key, json_string(why));
	}
	json_object_set_new(o, "max",
	                    none ? json_null() : json_integer((json_int_t)h->max));
	return o;
}

json_t *hcb_json_histogram(const struct hcb_hist *h)
{
	json_t *counts = json_array();
	for (uint32_t i = hcb_hist_lowest(h); i <= hcb_hist_highest(h); i++)
		if (h->bucket[i])
			json_array_append_new(
			        counts,
			        json_pack("[iI]", (int)i, (json_int_t)h->bucket[i]));
	return json_pack("{sisIsIsIsIsoso}", "sub_bits", HCB_HIST_SUB_BITS, "count",
	                 (json_int_t)h->count, "sum", (json_int_t)h->sum, "min",
	                 (json_int_t)(h->count ? h->min : 0), "max", (json_int_t)h->max,
	                 "saturated", json_integer((json_int_t)h->saturated), "counts",
	                 counts);
}

int hcb_histogram_from_json(const json_t *j, struct hcb_hist *out)
{
	json_int_t sub_bits = json_integer_value(json_object_get(j, "sub_bits"));
	json_t *counts = json_object_get(j, "counts");
	hcb_hist_reset(out);
	if (sub_bits != HCB_HIST_SUB_BITS || !json_is_array(counts))
		return -EINVAL;
	uint32_t lo = HCB_HIST_BUCKETS - 1, hi = 0;
	size_t k;
	json_t *pair;
	json_array_foreach(counts, k, pair)
	{
		json_int_t i = json_integer_value(json_array_get(pair, 0));
		json_int_t n = json_integer_value(json_array_get(pair, 1));
		if (i < 0 || i >= (json_int_t)HCB_HIST_BUCKETS || n < 0)
			return -EINVAL;
		out->bucket[i] += (uint64_t)n;
		out->count += (uint64_t)n;
		lo = n && (uint32_t)i < lo ? (uint32_t)i : lo;
		hi = n && (uint32_t)i > hi ? (uint32_t)i : hi;
	}
	if (!out->count)
		return 0;
	out->min = hcb_hist_bucket_low(lo);
	out->max = hcb_hist_bucket_low(hi) + hcb_hist_bucket_width(hi) - 1;
	/* Those of the intervals keep no more than their buckets: take their edges. */
	if (!json_object_get(j, "max")) {
		for (uint32_t i = lo; i <= hi; i++)
			out->sum += out->bucket[i] * (hcb_hist_bucket_low(i) +
			                              hcb_hist_bucket_width(i) / 2);
		return 0;
	}
	uint64_t min = (uint64_t)json_integer_value(json_object_get(j, "min"));
	uint64_t max = (uint64_t)json_integer_value(json_object_get(j, "max"));
	/* Where they do not fit the buckets, the buckets are believed. */
	if (hcb_hist_index(min) == lo)
		out->min = min;
	if (hcb_hist_index(max) == hi)
		out->max = max;
	out->sum = (uint64_t)json_integer_value(json_object_get(j, "sum"));
	out->saturated = (uint64_t)json_integer_value(json_object_get(j, "saturated"));
	return 0;
}

json_t *hcb_json_validity(const struct hcb_judgement *j, const struct hcb_hist *lateness,
                          uint64_t away_ns, double host_busy,
                          const uint64_t control_ns[3], bool virtual_clock)
{
	json_t *reasons = json_array();
	for (unsigned i = 0; i < j->n; i++)
		json_array_append_new(reasons, json_string(j->reasons[i]));
	json_t *late = json_null();
	if (lateness->count)
		late = json_pack("{sIsIsIsI}", "count", (json_int_t)lateness->count,
		                 "p50", (json_int_t)hcb_hist_quantile(lateness, 0.5),
		                 "p99", (json_int_t)hcb_hist_quantile(lateness, 0.99),
		                 "max", (json_int_t)lateness->max);
	json_t *control = json_null();
	if (!virtual_clock)
		control = json_pack("{sIsIsI}", "before", (json_int_t)control_ns[0],
		                    "after", (json_int_t)control_ns[1], "spent",
		                    (json_int_t)control_ns[2]);
	return json_pack("{sssosososo so}", "verdict", hcb_verdict_name(j->verdict),
	                 "reasons", reasons, "lateness_ns", late, "away_ns",
	                 virtual_clock ? json_null() : json_integer((json_int_t)away_ns),
	                 "host_busy", virtual_clock ? json_null() : json_real(host_busy),
	                 "control_ns", control);
}

json_t *hcb_json_document(const char *kind, bool partial)
{
	return json_pack("{sisssssb}", "schema", HCB_RESULT_SCHEMA, "hcbench",
	                 HCB_VERSION, "kind", kind, "partial", partial);
}

static void cpu_model(char *out, size_t n)
{
	char line[256];
	FILE *f = fopen("/proc/cpuinfo", "re");
	snprintf(out, n, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');
		if (strncmp(line, "model name", 10) != 0 || !colon)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(out, n, "%s", colon + 2);
		break;
	}
	if (f)
		fclose(f);
}

/* A machine-id is not to be shown to others (machine-id(5)): half as many digits of a
   hash tell one machine from the next and do not say what was hashed. A host's name would
   change, in a container with every start, and with it the series in a history. */
static json_t *host_id(void)
{
	static const char salt[] = "hcbench ";
	char text[sizeof(salt) + 32];
	FILE *f = fopen("/etc/machine-id", "re");
	size_t own = sizeof(salt) - 1, n = 0;
	memcpy(text, salt, own);
	if (f) {
		n = fread(text + own, 1, 32, f);
		fclose(f);
	}
	text[own + n] = '\0';
	/* Not "uninitialized", as an image's is until it has been started. */
	if (n < 32 || strspn(text + own, "0123456789abcdef") < 32)
		return json_null();
	return json_sprintf("%016llx",
	                    (unsigned long long)XXH3_64bits(text, strlen(text)));
}

json_t *hcb_json_machine(void)
{
	struct utsname u;
	char cpu[200];
	uname(&u);
	cpu_model(cpu, sizeof(cpu));
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGE_SIZE);
	return json_pack("{sssssssIsIsoss}", "system", u.sysname, "kernel", u.release,
	                 "cpu", cpu, "cpus", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN),
	                 "memory_bytes", (json_int_t)pages * size, "host", host_id(),
	                 "jansson", JANSSON_VERSION);
}
