/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A served disk's live counters and switches. */
#include "config.h"

#ifdef HCB_HAVE_FUSE3

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/core/units.h"
#include "lab/disk_internal.h"

static json_t *lateness_json(const struct hcb_hist *h)
{
	return json_pack("{s:I,s:I,s:I,s:I}", "count", (json_int_t)h->count, "p50",
	                 (json_int_t)hcb_hist_quantile(h, 0.50), "p99",
	                 (json_int_t)hcb_hist_quantile(h, 0.99), "max",
	                 (json_int_t)h->max);
}

char *disk_stat_text(struct serve *sv)
{
	struct stat st;
	if (fstat(sv->data_fd, &st) != 0)
		st.st_blocks = 0;
	pthread_mutex_lock(&sv->lock);
	const struct hdd *d = sv->disk;
	json_t *doc = json_pack(
	        "{s:s, s:I, s:b, s:b, s:f, s:f, s:f, s:I, s:I}", /* what it is */
	        "profile", sv->profile.name, "size_bytes", (json_int_t)hdd_size_bytes(d),
	        "cache", hdd_cache_on(d), "timing", hdd_timing(d), "slow", hdd_slow(d),
	        "filled", sv->o->filled, "dilation", sv->clock.dilation, "seed",
	        (json_int_t)sv->o->seed, "rev_ns", (json_int_t)hdd_rev_ns(d));
	json_t *live = json_pack(
	        "{s:I, s:I, s:I, s:I, s:b, s:b, s:I, s:I, s:o, s:o}", /* how it is */
	        "queued", (json_int_t)hdd_outstanding(d), "queued_max",
	        (json_int_t)sv->most_queued, "dirty_bytes",
	        (json_int_t)hdd_dirty_bytes(d), "stored_bytes",
	        (json_int_t)st.st_blocks * 512, "timer_fifo", sv->fifo, "memory_locked",
	        sv->locked_memory, "discards", (json_int_t)sv->discards, "flush_max_ns",
	        (json_int_t)hdd_counters(d)->flush_max_ns, "lateness_ns",
	        lateness_json(&sv->late), "disk", hdd_counters_json(d));
	json_t *faults =
	        json_pack("{s:b, s:b, s:I, s:I, s:I, s:I}", "fail", sv->faults.fail,
	                  "hang", sv->faults.hang, "held", (json_int_t)sv->n_held,
	                  "bad_ranges", (json_int_t)sv->faults.n_bad, "bad_bytes",
	                  (json_int_t)disk_fault_bytes(&sv->faults), "failed",
	                  (json_int_t)sv->failed);
	if (doc && live && faults) {
		json_object_update(doc, live);
		json_object_set(doc, "faults", faults);
	}
	json_decref(live);
	json_decref(faults);
	pthread_mutex_unlock(&sv->lock);
	char *text = doc ? json_dumps(doc, JSON_INDENT(1)) : NULL;
	json_decref(doc);
	return text;
}

static int ctl_timing(struct serve *sv, const char *arg)
{
	int on;
	if (hcb_parse_bool(arg, &on))
		return -EINVAL;
	hdd_set_timing(sv->disk, hcb_clock_now(&sv->clock), on);
	return 0;
}

static int ctl_slow(struct serve *sv, const char *arg)
{
	double f;
	if (hcb_parse_double(arg, &f) || !(f >= 1 && f <= 1000))
		return -EINVAL;
	hdd_set_slow(sv->disk, hcb_clock_now(&sv->clock), f);
	return 0;
}

/* "on" or "off". */
static int ctl_flag(const char *arg, bool *flag)
{
	int on;
	if (hcb_parse_bool(arg, &on))
		return -EINVAL;
	*flag = on;
	return 0;
}

static int ctl_fail(struct serve *sv, const char *arg)
{
	return ctl_flag(arg, &sv->faults.fail);
}

static int ctl_hang(struct serve *sv, const char *arg)
{
	return ctl_flag(arg, &sv->faults.hang);
}

/* "OFFSET LENGTH", in whole sectors of this disk. */
static int parse_range(const struct serve *sv, const char *text, uint64_t *off,
                       uint64_t *len)
{
	char word[64];
	size_t n = strcspn(text, " ");
	if (n >= sizeof(word))
		return -EINVAL;
	memcpy(word, text, n);
	word[n] = '\0';
	if (hcb_parse_size(word, off) ||
	    hcb_parse_size(text + n + strspn(text + n, " "), len))
		return -EINVAL;
	uint64_t size = hdd_size_bytes(sv->disk);
	bool inside = *len && *off < size && *len <= size - *off;
	return inside && *off % 512 == 0 && *len % 512 == 0 ? 0 : -EINVAL;
}

/* "read|write|both OFFSET LENGTH", "clear [OFFSET LENGTH]" */
static int ctl_error(struct serve *sv, const char *arg)
{
	static const struct {
		const char *word;
		bool reads, writes;
	} kinds[] = {
	        {"read ", true, false}, {"write ", false, true}, {"both ", true, true}};
	uint64_t off, len;
	if (strcmp(arg, "clear") == 0) {
		disk_fault_clear(&sv->faults, 0, UINT64_MAX);
		return 0;
	}
	if (strncmp(arg, "clear ", 6) == 0) {
		int r = parse_range(sv, arg + 6, &off, &len);
		if (!r)
			disk_fault_clear(&sv->faults, off, len);
		return r;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].word);
		if (strncmp(arg, kinds[i].word, n) != 0)
			continue;
		int r = parse_range(sv, arg + n, &off, &len);
		return r ? r
		         : disk_fault_add(&sv->faults, off, len, kinds[i].reads,
		                          kinds[i].writes);
	}
	return -EINVAL;
}

static int ctl_reset_lateness(struct serve *sv, const char *arg)
{
	hcb_hist_reset(&sv->late);
	return *arg ? -EINVAL : 0;
}

/* One word, then its argument. Called with the lock held. */
static const struct {
	const char *name;
	int (*fn)(struct serve *sv, const char *arg);
} commands[] = {
        {"error", ctl_error}, {"fail", ctl_fail},
        {"hang", ctl_hang},   {"reset-lateness", ctl_reset_lateness},
        {"slow", ctl_slow},   {"timing", ctl_timing},
};

int disk_ctl_line(struct serve *sv, char *line)
{
	size_t n = strcspn(line, " \t");
	char *arg = line + n + strspn(line + n, " \t");
	line[n] = '\0';
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, line) != 0)
			continue;
		pthread_mutex_lock(&sv->lock);
		int e = commands[i].fn(sv, arg);
		disk_arm(sv);
		pthread_mutex_unlock(&sv->lock);
		disk_release(sv);
		disk_pump(sv, false);
		return e;
	}
	return -EINVAL;
}

#endif
