/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/run_verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/core/random.h"
#include "bench/core/units.h"
#include "bench/verify_log.h"
#include "bench/verify_read.h"
#include "engines/target.h"

#define SHARE_OF_MEMORY 2 /* the books may take one half of what is available */

static bool asked(const struct hcb_run *run)
{
	return run->verify || run->verify_log;
}

int hcb_run_verify_check(const struct hcb_run *run, const struct hcb_layout *l,
                         struct hcb_err *err)
{
	for (unsigned d = 0; d < l->n_devs && asked(run); d++) {
		const struct hcb_dev *dev = l->devs[d];
		if (!(dev->caps & HCB_CAP_STORES))
			return hcb_err_usage(
			        err, "%s: keeps no data, so there is nothing to verify%s",
			        dev->target,
			        hcb_opt_find(dev->engine->opts, "store")
			                ? "; store=on makes it keep some"
			                : "");
		if (run->verify_log && !(dev->caps & HCB_CAP_REAL))
			return hcb_err_usage(
			        err,
			        "%s: ends with this process, so a log of what "
			        "was written is of no use; use --verify",
			        dev->target);
	}
	return 0;
}

/* --- books ---------------------------------------------------------------------------
 */

/* Under the virtual clock the same seed and command are the same run. */
static uint64_t run_number(const struct hcb_run *run)
{
	uint64_t h = run->seed;
	for (const char *p = run->command; *p; p++)
		h = hcb_mix64(h ^ (unsigned char)*p) + 0x9e3779b97f4a7c15ULL;
	if (!run->virtual_clock && getentropy(&h, sizeof(h)))
		h ^= hcb_mix64(hcb_monotonic_ns()) ^ hcb_mix64((uint64_t)time(NULL));
	return h;
}

static uint64_t memory_available(void)
{
	char line[128];
	unsigned long long kib = 0;
	FILE *f = fopen("/proc/meminfo", "re");
	while (f && fgets(line, sizeof(line), f) &&
	       sscanf(line, "MemAvailable: %llu kB", &kib) != 1)
		continue;
	if (f)
		fclose(f);
	return kib ? kib * 1024 : UINT64_MAX; /* not told: nothing is refused */
}

static int check_memory(const struct hcb_verify_config *c, struct hcb_err *err)
{
	uint64_t need = hcb_verify_need_bytes(c), have = memory_available();
	char a[32], b[32];
	if (need <= have / SHARE_OF_MEMORY)
		return 0;
	return hcb_err_set(
	        err, -ENOMEM,
	        "verify: its books take %s for volumes of this size (0.8 %%), and "
	        "%s of memory are available: at most half; make the volumes "
	        "smaller",
	        hcb_fmt_bytes(a, sizeof(a), (double)need),
	        hcb_fmt_bytes(b, sizeof(b), (double)have));
}

static int describe_targets(struct hcb_verify_config *c, const struct hcb_layout *l,
                            struct hcb_err *err)
{
	const struct hcb_geometry *geo = &l->geo;
	c->n_targets = l->n_devs;
	for (unsigned d = 0; d < l->n_devs; d++) {
		struct hcb_verify_target *t = &c->target[d];
		int n = snprintf(t->text, sizeof(t->text), "%s", l->devs[d]->target);
		if (n < 0 || (size_t)n >= sizeof(t->text))
			return hcb_err_usage(err, "verify: target %.40s...: too long",
			                     l->devs[d]->target);
		t->bytes = l->used_bytes[d];
		t->always_durable = l->devs[d]->caps & HCB_CAP_ALWAYS_DURABLE;
	}
	c->n_regions = geo->n_volumes + (geo->journal_bytes ? geo->n_fs : 0);
	for (unsigned i = 0; i < c->n_regions; i++) {
		struct hcb_verify_region *r = &c->region[i];
		snprintf(r->name, sizeof(r->name), "%s", geo->regions[i].name);
		r->dev = (uint16_t)geo->regions[i].fs;
		r->base = l->base[i];
		r->bytes = geo->regions[i].bytes;
	}
	return 0;
}

int hcb_run_verify_new(struct hcb_run_verify *rv, const struct hcb_run *run,
                       const struct hcb_layout *l, struct hcb_err *err)
{
	if (!asked(run))
		return 0;
	struct hcb_verify_config *c = calloc(1, sizeof(*c));
	if (!c)
		return hcb_err_sys(err, -ENOMEM, "verify");
	c->run = run_number(run);
	c->grain = HCB_VERIFY_BLOCK;
	c->n_ops = l->devs[0]->depth;
	c->max_write_bytes = (run->wl->max_write_bytes + 4095) & ~4095u;
	c->seed = run->seed;
	c->timed = !run->virtual_clock;
	rv->out.asked = run->verify;
	int r = describe_targets(c, l, err);
	r = r ? r : check_memory(c, err);
	r = r ? r : hcb_verify_new(&rv->books, c, err);
	free(c);
	return r;
}

void hcb_run_verify_free(struct hcb_run_verify *rv, const struct hcb_layout *l)
{
	bool abandoned = false;
	for (unsigned d = 0; d < l->n_devs; d++)
		abandoned |= l->devs[d]->abandoned;
	hcb_verify_free(rv->books, abandoned);
	rv->books = NULL;
}

/* --- after the loop -------------------------------------------------------------------
 */

static void keep_log(struct hcb_run_verify *rv, const struct hcb_run *run)
{
	struct hcb_err err = HCB_ERR_INIT;
	json_t *about =
	        json_pack("{sssssIsfso*so*}", "hcbench", HCB_VERSION, "command",
	                  run->command, "seed", (json_int_t)run->seed, "dilation",
	                  run->dilation, "lab", run->lab ? json_string(run->lab) : NULL,
	                  "lab_host", run->lab_host ? json_string(run->lab_host) : NULL);
	if (hcb_verify_log_write(run->verify_log, rv->books, about, &err))
		snprintf(rv->out.log_why, sizeof(rv->out.log_why), "%s", err.msg);
	else
		rv->out.log = run->verify_log;
	json_decref(about);
}

/* Why there is no reading back, or NULL. */
static const char *why_not(struct hcb_run_verify *rv, const struct hcb_loop *loop)
{
	if (!rv->out.asked)
		return "not asked to";
	if (loop->stop == HCB_STOP_SIGNAL)
		return "interrupted";
	if (loop->left_out)
		return "the storage owes answers to operations of the run";
	return hcb_verify_trouble(rv->books);
}

static int read_device(struct hcb_run_verify *rv, const struct hcb_run *run,
                       struct hcb_dev *dev, unsigned d, struct hcb_clock *clock,
                       struct hcb_err *err)
{
	const struct hcb_verify_reader reader = {
	        .books = rv->books,
	        .clock = clock,
	        .stall_ns = run->caps.stall_ns,
	        .signal_seen = run->signal_seen,
	        .progress = run->progress,
	};
	int r = 0;
	if (dev->caps & HCB_CAP_REAL)
		r = hcb_target_reopen(dev, true, err);
	return r ? r : hcb_verify_read(&reader, d, dev, err);
}

/* Emulated disks take no time meanwhile: what they answer counts, not when. */
static int set_timing(const struct hcb_run *run, bool on, struct hcb_err *err)
{
	const struct hcb_surroundings *a = run->around;
	return a && a->prefilling ? a->prefilling(a->arg, !on, err) : 0;
}

static void read_back(struct hcb_run_verify *rv, const struct hcb_run *run,
                      struct hcb_layout *l, struct hcb_clock *clock)
{
	struct hcb_err err = HCB_ERR_INIT, second = HCB_ERR_INIT;
	int r = set_timing(run, false, &err);
	for (unsigned d = 0; d < l->n_devs && !r; d++)
		r = read_device(rv, run, l->devs[d], d, clock, &err);
	if (set_timing(run, true, &second))
		hcb_warn("%s", second.msg);
	rv->out.complete = r == 0;
	snprintf(rv->out.why, sizeof(rv->out.why), "%s", err.msg);
}

void hcb_run_verify_after(struct hcb_run_verify *rv, const struct hcb_run *run,
                          struct hcb_layout *l, const struct hcb_loop *loop,
                          struct hcb_clock *clock)
{
	if (!rv->books)
		return;
	/* Whose power was cut after the last op was sent. */
	for (unsigned d = 0; d < l->n_devs; d++)
		hcb_verify_sent(rv->books, d, NULL, 0,
		                atomic_load(&l->devs[d]->power_cuts));
	if (run->n_faults)
		hcb_verify_allow_rollback(rv->books);
	if (run->verify_log)
		keep_log(rv, run);
	const char *why = why_not(rv, loop);
	if (why)
		snprintf(rv->out.why, sizeof(rv->out.why), "%s", why);
	else
		read_back(rv, run, l, clock);
	rv->unverified = rv->out.log_why[0] || (rv->out.asked && !rv->out.complete);
	rv->lost = hcb_verify_sentence(rv->books, rv->sentence, sizeof(rv->sentence));
	/* A run that was interrupted says so itself. */
	if (!rv->lost && rv->unverified && loop->stop != HCB_STOP_SIGNAL)
		snprintf(rv->sentence, sizeof(rv->sentence), "not verified: %.180s",
		         rv->out.log_why[0] ? rv->out.log_why : rv->out.why);
}

json_t *hcb_run_verify_json(const struct hcb_run_verify *rv, const struct hcb_run *run)
{
	return rv->books ? hcb_verify_json(rv->books, &rv->out, !run->virtual_clock)
	                 : json_null();
}
