/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engines/target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engines/registry.h"

#define HCB_ENGINE_PTR(n) &hcb_engine_##n,
const struct hcb_engine *const hcb_engines[] = {HCB_ENGINES(HCB_ENGINE_PTR) NULL};

const struct hcb_engine *hcb_engine_find(const char *name)
{
	for (size_t i = 0; hcb_engines[i]; i++)
		if (strcmp(hcb_engines[i]->name, name) == 0)
			return hcb_engines[i];
	return NULL;
}

static int unknown_engine(const char *name, struct hcb_err *err)
{
	enum { N = sizeof(hcb_engines) / sizeof(hcb_engines[0]) - 1 };
	const char *names[N];
	for (size_t i = 0; i < N; i++)
		names[i] = hcb_engines[i]->name;
	const char *near = hcb_nearest(name, names, N);
	if (near)
		return hcb_err_usage(err, "unknown engine \"%s\"; did you mean \"%s\"?",
		                     name, near);
	return hcb_err_usage(err, "unknown engine \"%s\"; \"hcbench list\" shows them",
	                     name);
}

/* The text of one target, cut at the commas; owned by the device. */
struct target_text {
	struct hcb_dev dev;
	char *whole, *cut;
};

static int apply_keys(struct hcb_dev *dev, char *keys, struct hcb_err *err)
{
	char where[80];
	snprintf(where, sizeof(where), "engine %s", dev->engine->name);
	char *save = NULL;
	for (char *k = strtok_r(keys, ",", &save); k; k = strtok_r(NULL, ",", &save)) {
		int r = hcb_opt_set_pair(dev->engine->opts, dev->conf, where, k, err);
		if (r)
			return r;
	}
	return 0;
}

int hcb_target_parse(const char *text, struct hcb_dev **out, struct hcb_err *err)
{
	*out = NULL;
	const char *colon = strchr(text, ':');
	if (!colon)
		return hcb_err_usage(
		        err, "target \"%s\": expected ENGINE:ADDRESS[,key=value...]",
		        text);
	struct target_text *t = calloc(1, sizeof(*t));
	if (!t)
		return hcb_err_sys(err, -ENOMEM, "target %s", text);
	struct hcb_dev *dev = &t->dev;
	int r = 0;
	t->whole = strdup(text);
	t->cut = strdup(text);
	if (!t->whole || !t->cut) {
		r = hcb_err_sys(err, -ENOMEM, "target %s", text);
		goto out;
	}
	t->cut[colon - text] = '\0';
	dev->target = t->whole;
	dev->address = t->cut + (colon - text) + 1;
	dev->wake_fd = -1;
	dev->deadline_ns = 30000000000ULL;
	char *keys = strchr(t->cut + (colon - text) + 1, ',');
	if (keys)
		*keys++ = '\0';
	dev->engine = hcb_engine_find(t->cut);
	if (!dev->engine) {
		r = unknown_engine(t->cut, err);
		goto out;
	}
	dev->conf = calloc(1, dev->engine->conf_size + 1);
	dev->priv = calloc(1, dev->engine->dev_size + 1);
	if (!dev->conf || !dev->priv) {
		r = hcb_err_sys(err, -ENOMEM, "target %s", text);
		goto out;
	}
	hcb_opt_defaults(dev->engine->opts, dev->conf);
	if (keys)
		r = apply_keys(dev, keys, err);
out:
	if (r)
		hcb_target_free(dev);
	else
		*out = dev;
	return r;
}

int hcb_target_open(struct hcb_dev *dev, struct hcb_err *err)
{
	if (dev->engine->unavailable)
		return hcb_err_set(err, -ENOTSUP, "open %s: %s", dev->target,
		                   dev->engine->unavailable);
	dev->caps = dev->engine->caps;
	int r = dev->engine->open(dev, err);
	if (r)
		return r;
	if (!dev->block_bytes || (dev->block_bytes & (dev->block_bytes - 1)))
		r = hcb_err_set(err, -EINVAL,
		                "open %s: blocks of %u bytes, expected a power of two",
		                dev->target, dev->block_bytes);
	else if (dev->want_bytes > dev->size_bytes)
		r = hcb_err_set(err, -ENOSPC,
		                "open %s: too small: %llu bytes, the workload needs %llu",
		                dev->target, (unsigned long long)dev->size_bytes,
		                (unsigned long long)dev->want_bytes);
	if (r)
		dev->engine->close(dev);
	dev->is_open = r == 0;
	return r;
}

void hcb_target_close(struct hcb_dev *dev)
{
	if (dev->is_open)
		dev->engine->close(dev);
	dev->is_open = false;
}

int hcb_target_reopen(struct hcb_dev *dev, bool read_only, struct hcb_err *err)
{
	hcb_target_close(dev);
	if (dev->abandoned)
		return hcb_err_set(err, -EBUSY, "open %s again: it never answered",
		                   dev->target);
	memset(dev->priv, 0, dev->engine->dev_size);
	atomic_store(&dev->trouble, NULL); /* it lay in what was closed */
	dev->wake_fd = -1;
	dev->read_only = read_only;
	return hcb_target_open(dev, err);
}

void hcb_target_free(struct hcb_dev *dev)
{
	if (!dev)
		return;
	struct target_text *t = (struct target_text *)dev;
	free(t->whole);
	free(t->cut);
	free(dev->conf);
	free(dev->priv);
	free(t);
}

bool hcb_target_same(const struct hcb_dev *a, const struct hcb_dev *b)
{
	if (strcmp(a->target, b->target) != 0)
		return false;
	return !(a->engine->caps & HCB_CAP_ANONYMOUS) || strchr(a->address, '@');
}

int hcb_dev_check_op(const struct hcb_dev *dev, const struct hcb_op *op)
{
	static const uint32_t need[HCB_OP_KINDS] = {
	        [HCB_READ] = HCB_CAP_READ,
	        [HCB_WRITE] = HCB_CAP_WRITE,
	        [HCB_FLUSH] = HCB_CAP_FLUSH,
	        [HCB_DISCARD] = HCB_CAP_DISCARD,
	};
	if (!(dev->caps & need[op->kind]))
		return -EOPNOTSUPP;
	if ((op->flags & HCB_OP_FUA) && !(dev->caps & HCB_CAP_FUA))
		return -EOPNOTSUPP;
	if (op->kind == HCB_FLUSH)
		return op->len || op->off ? -EINVAL : 0;
	if (op->len == 0 || ((op->len | op->off) & (dev->block_bytes - 1)))
		return -EINVAL;
	if (op->off > dev->size_bytes || op->len > dev->size_bytes - op->off)
		return -ENOSPC;
	return 0;
}
