/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking into a model disk that runs, and switching it. */
#include <errno.h>
#include <string.h>

#include "bench/core/units.h"
#include "engines/hdd_engine.h"

static const char help[] =
        "timing on|off, slow FACTOR, lie on|off, power cut [SEED [KEEP]], "
        "power on";

static int set_timing(struct hcb_dev *dev, const char *arg)
{
	struct hdd_dev *d = dev->priv;
	int on;
	if (hcb_parse_bool(arg, &on))
		return -EINVAL;
	hdd_set_timing(d->disk, hcb_clock_now(dev->clock), on);
	if (d->store)
		hdd_store_set_volatile(d->store, on);
	return 0;
}

static int set_slow(struct hcb_dev *dev, const char *arg)
{
	struct hdd_dev *d = dev->priv;
	double f;
	if (hcb_parse_double(arg, &f) || !(f >= 1 && f <= 1000))
		return -EINVAL;
	hdd_set_slow(d->disk, hcb_clock_now(dev->clock), f);
	return 0;
}

static int set_lie(struct hcb_dev *dev, const char *arg)
{
	struct hdd_dev *d = dev->priv;
	int on;
	if (hcb_parse_bool(arg, &on))
		return -EINVAL;
	d->lies = on;
	return 0;
}

/* "", "SEED", "SEED KEEP" */
static int parse_cut(const char *arg, uint64_t *seed, double *keep)
{
	char word[32];
	size_t n = strcspn(arg, " ");
	const char *rest = arg + n + strspn(arg + n, " ");
	*keep = 0.5;
	if (!*arg)
		return 0;
	if (n >= sizeof(word))
		return -EINVAL;
	memcpy(word, arg, n);
	word[n] = '\0';
	if (hcb_parse_u64(word, seed))
		return -EINVAL;
	if (!*rest)
		return 0;
	return hcb_parse_share(rest, keep) || !(*keep >= 0 && *keep <= 1) ? -EINVAL : 0;
}

static int cut_power(struct hcb_dev *dev, const char *arg)
{
	struct hdd_dev *d = dev->priv;
	struct hdd_store_stat s;
	hdd_store_stat(d->store, &s);
	uint64_t seed = d->seed + s.cuts;
	double keep;
	if (parse_cut(arg, &seed, &keep))
		return -EINVAL;
	if (!hdd_store_powered(d->store))
		return -EALREADY;
	hdd_power_cut(d->disk, hcb_clock_now(dev->clock));
	int r = hdd_store_power_cut(d->store, seed, keep);
	atomic_store(&dev->power_cuts, s.cuts + 1);
	return r;
}

void hdd_cut_when_due(struct hcb_dev *dev)
{
	const struct hdd_conf *conf = dev->conf;
	struct hdd_dev *d = dev->priv;
	if (!conf->cut_ns || atomic_load(&dev->power_cuts) ||
	    hcb_clock_now(dev->clock) < conf->cut_ns)
		return;
	if (cut_power(dev, ""))
		hcb_warn("%s: the power cut failed", dev->target);
	hdd_store_power_on(d->store);
}

static int set_power(struct hcb_dev *dev, const char *arg)
{
	struct hdd_dev *d = dev->priv;
	if (!d->store)
		return -EOPNOTSUPP; /* nothing that could be lost */
	if (strncmp(arg, "cut", 3) == 0 && (arg[3] == ' ' || !arg[3]))
		return cut_power(dev, arg + 3 + strspn(arg + 3, " "));
	if (strcmp(arg, "on") != 0)
		return -EINVAL;
	hdd_store_power_on(d->store);
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(struct hcb_dev *dev, const char *arg);
} switches[] = {
        {"lie", set_lie},
        {"power", set_power},
        {"slow", set_slow},
        {"timing", set_timing},
};

static int hdd_control(struct hcb_dev *dev, const char *line, struct hcb_err *err)
{
	size_t n = strcspn(line, " ");
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (strlen(switches[i].name) != n ||
		    strncmp(switches[i].name, line, n) != 0)
			continue;
		int r = switches[i].fn(dev, line + n + strspn(line + n, " "));
		if (r == -EINVAL)
			break;
		return r ? hcb_err_sys(err, r, "switch %s: %s", dev->target, line) : 0;
	}
	return hcb_err_usage(err, "switch %s: \"%s\" is not one of %s", dev->target, line,
	                     help);
}

static void add_store(const struct hdd_dev *d, json_t *doc)
{
	struct hdd_store_stat s;
	hdd_store_stat(d->store, &s);
	json_object_set_new(doc, "stored_bytes",
	                    json_integer((json_int_t)s.stored_bytes));
	json_object_set_new(doc, "power",
	                    json_pack("{s:b, s:I, s:I, s:I, s:I}", "on",
	                              hdd_store_powered(d->store), "cuts",
	                              (json_int_t)s.cuts, "at_risk_bytes",
	                              (json_int_t)s.at_risk_bytes, "sectors_lost",
	                              (json_int_t)s.sectors_lost, "sectors_kept",
	                              (json_int_t)s.sectors_kept));
}

static void hdd_live(const struct hcb_dev *dev, json_t *doc)
{
	const struct hdd_conf *conf = dev->conf;
	const struct hdd_dev *d = dev->priv;
	json_t *now =
	        json_pack("{s:s, s:b, s:b, s:b, s:f, s:f, s:I, s:I, s:I, s:I, s:o}",
	                  "profile", d->profile.name, "cache", hdd_cache_on(d->disk),
	                  "timing", hdd_timing(d->disk), "lie", d->lies, "slow",
	                  hdd_slow(d->disk), "filled", conf->filled, "seed",
	                  (json_int_t)d->seed, "rev_ns", (json_int_t)hdd_rev_ns(d->disk),
	                  "dirty_bytes", (json_int_t)hdd_dirty_bytes(d->disk),
	                  "flush_max_ns", (json_int_t)hdd_counters(d->disk)->flush_max_ns,
	                  "disk", hdd_counters_json(d->disk));
	if (now)
		json_object_update(doc, now);
	json_decref(now);
	if (d->store)
		add_store(d, doc);
}

static bool hdd_takes_time(const struct hcb_dev *dev)
{
	return hdd_timing(((const struct hdd_dev *)dev->priv)->disk);
}

static void hdd_transfer(struct hcb_dev *dev, struct hcb_op *op)
{
	op->result = hcb_dev_check_op(dev, op);
	if (!op->result)
		op->result = hdd_data_move(dev->priv, op);
	op->flags |= HCB_OP_MOVED;
}

const struct hcb_emulation hdd_emulation = {
        .control = hdd_control,
        .help = help,
        .timing = hdd_takes_time,
        .live = hdd_live,
        .transfer = hdd_transfer,
};
