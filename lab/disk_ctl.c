/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A served disk's live counters and switches. */
#include "config.h"

#ifdef HCB_HAVE_FUSE3

#include <errno.h>
#include <string.h>

#include "bench/core/units.h"
#include "lab/disk_internal.h"

static json_t *integer(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *lateness_json(const struct hcb_hist *h)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "count", integer(h->count), "p50",
	                 integer(hcb_hist_quantile(h, 0.50)), "p99",
	                 integer(hcb_hist_quantile(h, 0.99)), "max", integer(h->max));
}

static json_t *served_json(const struct disk_counters *c)
{
	static const char *const kinds[HCB_OP_KINDS][3] = {
	        [HCB_READ] = {"reads", "read_bytes", "read_ns"},
	        [HCB_WRITE] = {"writes", "write_bytes", "write_ns"},
	        [HCB_FLUSH] = {"flushes", NULL, "flush_ns"},
	        [HCB_DISCARD] = {"discards", "discard_bytes", "discard_ns"},
	};
	json_t *doc = json_object();
	for (unsigned k = 0; doc && k < HCB_OP_KINDS; k++) {
		json_object_set_new(doc, kinds[k][0], integer(c->count[k]));
		if (kinds[k][1])
			json_object_set_new(doc, kinds[k][1], integer(c->bytes[k]));
		json_object_set_new(doc, kinds[k][2], integer(c->response_ns[k]));
	}
	if (doc)
		json_object_set_new(doc, "failed", integer(c->failed));
	return doc;
}

static json_t *faults_json(const struct serve *sv)
{
	const struct disk_faults *f = &sv->faults;
	return json_pack("{s:b, s:b, s:o, s:o, s:o}", "fail", f->fail, "hang", f->hang,
	                 "held", integer(sv->n_held), "bad_ranges", integer(f->n_bad),
	                 "bad_bytes", integer(disk_fault_bytes(f)));
}

char *disk_stat_text(struct serve *sv)
{
	pthread_mutex_lock(&sv->lock);
	const char *trouble = atomic_load(&sv->dev->trouble);
	json_t *doc = json_pack(
	        "{s:s, s:o, s:o, s:o, s:f, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:s?}",
	        "target", sv->dev->target, "time_ns", integer(hcb_clock_now(&sv->clock)),
	        "size_bytes", integer(sv->dev->size_bytes), "block_bytes",
	        integer(sv->dev->block_bytes), "dilation", sv->clock.dilation, "queued",
	        integer(sv->in_engine), "queued_max", integer(sv->most_queued),
	        "timer_fifo", sv->fifo, "memory_locked", sv->locked_memory, "lateness_ns",
	        lateness_json(&sv->late), "served", served_json(&sv->counters), "faults",
	        faults_json(sv), "trouble", trouble);
	if (doc)
		json_object_set_new(doc, "record", disk_record_json(sv->record));
	if (doc && sv->emulation)
		sv->emulation->live(sv->dev, doc);
	pthread_mutex_unlock(&sv->lock);
	char *text = doc ? json_dumps(doc, JSON_INDENT(1)) : NULL;
	json_decref(doc);
	return text;
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
	uint64_t size = sv->dev->size_bytes;
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

/* One word, then its argument. Called with the lock held. What is none of these is the
   engine's. */
static const struct {
	const char *name;
	int (*fn)(struct serve *sv, const char *arg);
} commands[] = {
        {"error", ctl_error},
        {"fail", ctl_fail},
        {"hang", ctl_hang},
        {"reset-lateness", ctl_reset_lateness},
};

static int dispatch(struct serve *sv, const char *line)
{
	size_t n = strcspn(line, " ");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strlen(commands[i].name) == n &&
		    strncmp(commands[i].name, line, n) == 0)
			return commands[i].fn(sv, line + n + strspn(line + n, " "));
	if (!sv->emulation)
		return -EOPNOTSUPP;
	struct hcb_err err = HCB_ERR_INIT;
	return sv->emulation->control(sv->dev, line, &err);
}

int disk_ctl_line(struct serve *sv, char *line)
{
	for (char *c = line; *c; c++)
		if (*c == '\t')
			*c = ' ';
	pthread_mutex_lock(&sv->lock);
	int e = dispatch(sv, line);
	disk_arm(sv);
	pthread_mutex_unlock(&sv->lock);
	disk_release(sv);
	disk_pump(sv, false);
	return e;
}

#endif
