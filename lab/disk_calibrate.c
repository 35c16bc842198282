/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/disk_calibrate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/histogram.h"
#include "bench/core/random.h"
#include "bench/core/units.h"
#include "engines/hdd_geometry.h"
#include "engines/hdd_model.h"

#define RUN_NS  (60 * HCB_SEC)  /* per experiment, as the references ask */
#define LONG_NS (300 * HCB_SEC) /* sustained cached writes */

struct bench {
	struct hdd_profile profile;
	uint64_t seed;
	struct hcb_hist hist;
};

/* One closed loop of `depth` requests. */
struct load {
	enum hcb_op_kind kind;
	enum hdd_switch cache;
	bool sequential, flush; /* flush: after every write */
	uint32_t depth, bytes;
	double span_from, span_to; /* share of the LBAs */
	uint64_t run_ns;
	uint64_t far_bytes; /* a journal: second write + flush so far away */
};

struct outcome {
	double per_s, mb_per_s, mean_ms, p99_ms;
};

static struct hdd *new_disk(const struct bench *b, enum hdd_switch cache, uint32_t depth)
{
	struct hdd_config cfg = {.profile = &b->profile,
	                         .seed = b->seed,
	                         .cache = cache,
	                         .depth = depth,
	                         .slow = 1};
	return hdd_new(&cfg, NULL);
}

/* The next thing done; moves *now there. Something must be outstanding. */
static struct hdd_done next_done(struct hdd *m, uint64_t *now)
{
	struct hdd_done d;
	for (;;) {
		*now = hdd_next_ns(m);
		if (hdd_advance(m, *now, &d, 1))
			return d;
	}
}

struct state {
	struct hcb_random random;
	uint64_t first, blocks, next, start[128];
};

static uint64_t pick(struct state *st, const struct load *l)
{
	uint64_t i = l->sequential ? st->next++ % st->blocks
	                           : hcb_random_below(&st->random, st->blocks);
	return (st->first + i) * l->bytes;
}

static void submit(struct hdd *m, struct state *st, const struct load *l, uint64_t now,
                   uintptr_t who)
{
	struct hdd_req r = {.kind = l->kind,
	                    .off = pick(st, l),
	                    .len = l->bytes,
	                    .cookie = (void *)who};
	st->start[who] = now;
	if (hdd_submit(m, now, &r) != 0)
		abort(); /* the request is within the disk, and depth was given */
}

/* A flush, and the far write and flush of a journal: part of the op that began. */
static void chain(struct hdd *m, const struct load *l, uint64_t *now)
{
	struct hdd_req flush = {.kind = HCB_FLUSH};
	if (hdd_submit(m, *now, &flush) != 0)
		abort();
	next_done(m, now);
	if (!l->far_bytes)
		return;
	struct hdd_req far = {.kind = HCB_WRITE, .off = l->far_bytes, .len = 4096};
	if (hdd_submit(m, *now, &far) != 0)
		abort();
	next_done(m, now);
	if (hdd_submit(m, *now, &flush) != 0)
		abort();
	next_done(m, now);
}

static struct outcome run_load(struct bench *b, const struct load *l)
{
	struct hdd *m = new_disk(b, l->cache, 128);
	struct state st = {.next = 0};
	uint64_t now = 0, n = 0, lbas = b->profile.sectors * 512 / l->bytes;
	if (!m)
		abort(); /* out of memory: nothing was being measured yet */
	hcb_random_init(&st.random, b->seed, 77);
	st.first = (uint64_t)(l->span_from * (double)lbas);
	st.blocks = (uint64_t)(l->span_to * (double)lbas) - st.first;
	hcb_hist_reset(&b->hist);
	for (uintptr_t i = 0; i < l->depth; i++)
		submit(m, &st, l, 0, i);
	while (now < l->run_ns) {
		struct hdd_done d = next_done(m, &now);
		uintptr_t who = (uintptr_t)d.cookie;
		if (l->flush)
			chain(m, l, &now);
		hcb_hist_record(&b->hist, now - st.start[who]);
		n++;
		submit(m, &st, l, now, who);
	}
	hdd_free(m);
	double s = (double)now / 1e9;
	return (struct outcome){
	        .per_s = (double)n / s,
	        .mb_per_s = (double)n * l->bytes / s / 1e6,
	        .mean_ms = hcb_hist_mean(&b->hist) / 1e6,
	        .p99_ms = (double)hcb_hist_quantile(&b->hist, 0.99) / 1e6,
	};
}

/* ---- experiments that are not a closed loop ---- */

static double mean_seek_ms(struct bench *b)
{
	struct hdd_geometry *g = malloc(sizeof(*g));
	struct hcb_random r;
	double sum = 0;
	const int n = 1000000;
	if (!g)
		abort();
	hdd_geometry_init(g, &b->profile, 1.0);
	hcb_random_init(&r, b->seed, 78);
	for (int i = 0; i < n; i++) {
		uint64_t a = hcb_random_below(&r, g->cyls),
		         c = hcb_random_below(&r, g->cyls);
		if (a != c)
			sum += hdd_seek_ns(g, (uint32_t)(a > c ? a - c : c - a));
	}
	free(g);
	return sum / n / 1e6;
}

/* Mean time of a flush after n scattered 4 KiB writes. */
static double flush_after_ms(struct bench *b, unsigned n)
{
	struct hdd *m = new_disk(b, HDD_ON, 128);
	struct hcb_random r;
	uint64_t now = 0, sum = 0, blocks = b->profile.sectors / 8;
	const unsigned rounds = 200;
	if (!m)
		abort();
	hcb_random_init(&r, b->seed, 79);
	for (unsigned k = 0; k < rounds; k++) {
		for (unsigned i = 0; i < n; i++) {
			struct hdd_req w = {.kind = HCB_WRITE,
			                    .off = hcb_random_below(&r, blocks) * 4096,
			                    .len = 4096};
			hdd_submit(m, now, &w);
			next_done(m, &now);
		}
		struct hdd_req f = {.kind = HCB_FLUSH};
		uint64_t begin = now;
		hdd_submit(m, now, &f);
		next_done(m, &now);
		sum += now - begin;
	}
	hdd_free(m);
	return (double)sum / rounds / 1e6;
}

/* Of 1000 reads submitted while a FLUSH is at work, those that end before it. */
static double reads_past_flush(struct bench *b)
{
	struct hdd *m = new_disk(b, HDD_ON, 128);
	struct hcb_random r;
	uint64_t now = 0, blocks = b->profile.sectors / 8;
	unsigned past = 0;
	if (!m)
		abort();
	hcb_random_init(&r, b->seed, 80);
	for (unsigned k = 0; k < 1000; k++) {
		struct hdd_req w = {.kind = HCB_WRITE, .len = 4096},
		               f = {.kind = HCB_FLUSH};
		struct hdd_req rd = {.kind = HCB_READ, .len = 4096, .cookie = m};
		w.off = hcb_random_below(&r, blocks) * 4096;
		rd.off = hcb_random_below(&r, blocks) * 4096;
		hdd_submit(m, now, &w);
		next_done(m, &now);
		hdd_submit(m, now, &f);
		hdd_submit(m, now + HCB_MS, &rd);
		past += next_done(m, &now).cookie != NULL;
		next_done(m, &now);
	}
	hdd_free(m);
	return past;
}

/* ---- the targets ---- */

enum how { REL, AT_MOST, AT_LEAST, BAND, EXACT };

struct result {
	json_t *list;
};

static bool judge(enum how how, double ref, double tol, double measured)
{
	switch (how) {
	case REL:
		return fabs(measured - ref) <= tol * ref;
	case AT_MOST:
		return measured <= ref;
	case AT_LEAST:
		return measured >= ref;
	case BAND:
		return measured >= ref && measured <= tol;
	case EXACT:
		return measured == ref;
	}
	return false;
}

/* ref 0 with REL: no figure is published for this profile; measured, not judged. */
static void add(struct result *r, const char *id, const char *name, const char *unit,
                enum how how, double ref, double tol, double measured)
{
	static const char *const words[] = {"", "at most", "at least", "", "exact"};
	char text[32];
	snprintf(text, sizeof(text), "%s", words[how]);
	if (how == REL && ref > 0)
		snprintf(text, sizeof(text), "%g %%", tol * 100);
	else if (how == BAND)
		snprintf(text, sizeof(text), "%g to %g", ref, tol);
	bool none = how == REL && ref == 0;
	json_array_append_new(
	        r->list,
	        json_pack("{s:s,s:s,s:s,s:o,s:f,s:s,s:o}", "id", id, "name", name, "unit",
	                  unit, "reference", none ? json_null() : json_real(ref),
	                  "measured", measured, "tolerance", text, "verdict",
	                  none ? json_null()
	                       : json_string(judge(how, ref, tol, measured) ? "met"
	                                                                    : "missed")));
}

/*
 * Per profile. Sources: vendor manuals for seek and sequential rates, an independent
 * Monte-Carlo of the same mechanics (shortest positioning first, no age limit) for the
 * random rates and flushes; for the DM006 a measured drive. 0: none published.
 */
struct reference {
	const char *profile;
	double seek, qd1, write_off, qd4, qd8, qd16, qd32, write_off32, write_on, seq_out,
	        seq_in, seq_off, sync, flush8, flush64, span5, span25;
	double flush_tol, write_on_tol, qd1_tol, qd32_tol;
};

static const struct reference references[] = {
        {"generic-7200",
         8.5,
         78,
         73,
         113,
         133,
         159,
         189,
         156,
         180,
         150,
         75,
         68,
         73,
         78,
         417,
         149,
         119,
         0.12,
         0.15,
         0.03,
         0.08},
        {"constellation-es3-2tb",
         8.5,
         78.5,
         73,
         112,
         133,
         159,
         190,
         157,
         208,
         175,
         86.7,
         73,
         73,
         78,
         410,
         152,
         120,
         0.12,
         0.15,
         0.03,
         0.08},
        {"wd-re4-2tb", 8.9, 76, 70, 110, 131, 157, 188,  153,  173,  138,
         70,           66,  70, 79, 426, 149, 118, 0.12, 0.15, 0.03, 0.08},
        {"barracuda-dm006-2tb",
         13,
         57,
         0,
         0,
         0,
         0,
         94,
         0,
         124,
         143,
         0,
         0,
         0,
         127,
         630,
         0,
         0,
         0.20,
         0.20,
         0.20,
         0.20},
};

static const struct reference *find_reference(const char *profile)
{
	static const struct reference none = {.flush_tol = 0.12,
	                                      .write_on_tol = 0.15,
	                                      .qd1_tol = 0.03,
	                                      .qd32_tol = 0.08};
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++)
		if (strcmp(references[i].profile, profile) == 0)
			return &references[i];
	return &none;
}

static struct outcome random_4k(struct bench *b, enum hcb_op_kind kind,
                                enum hdd_switch cache, uint32_t depth, double span)
{
	return run_load(b, &(struct load){.kind = kind,
	                                  .cache = cache,
	                                  .depth = depth,
	                                  .bytes = 4096,
	                                  .span_to = span,
	                                  .run_ns = cache == HDD_ON ? LONG_NS : RUN_NS});
}

static void random_targets(struct bench *b, const struct reference *f, struct result *r)
{
	add(r, "1", "mean read seek, uniform cylinders", "ms", REL, f->seek, 0.02,
	    mean_seek_ms(b));
	add(r, "2", "4K random read, depth 1", "/s", REL, f->qd1, f->qd1_tol,
	    random_4k(b, HCB_READ, HDD_DEFAULT, 1, 1).per_s);
	add(r, "3", "4K random write, depth 1, cache off", "/s", REL, f->write_off, 0.03,
	    random_4k(b, HCB_WRITE, HDD_OFF, 1, 1).per_s);
	add(r, "4", "4K random read, depth 4", "/s", REL, f->qd4, 0.05,
	    random_4k(b, HCB_READ, HDD_DEFAULT, 4, 1).per_s);
	add(r, "5a", "4K random read, depth 8", "/s", REL, f->qd8, 0.05,
	    random_4k(b, HCB_READ, HDD_DEFAULT, 8, 1).per_s);
	add(r, "5b", "4K random read, depth 16", "/s", REL, f->qd16, 0.05,
	    random_4k(b, HCB_READ, HDD_DEFAULT, 16, 1).per_s);
	struct outcome q32 = random_4k(b, HCB_READ, HDD_DEFAULT, 32, 1);
	add(r, "6", "4K random read, depth 32", "/s", REL, f->qd32, f->qd32_tol,
	    q32.per_s);
	add(r, "7", "4K random write, depth 32, cache off", "/s", REL, f->write_off32,
	    0.08, random_4k(b, HCB_WRITE, HDD_OFF, 32, 1).per_s);
	add(r, "8", "4K random read, 128 offered, as depth 32", "/s", REL, q32.per_s,
	    0.05, random_4k(b, HCB_READ, HDD_DEFAULT, 128, 1).per_s);
	add(r, "9", "p99 of 4K random read, depth 32", "ms", AT_MOST, 650, 0, q32.p99_ms);
	add(r, "10", "4K random write, depth 1, cache on, 5 min", "/s", REL, f->write_on,
	    f->write_on_tol, random_4k(b, HCB_WRITE, HDD_ON, 1, 1).per_s);
}

static struct outcome sequential(struct bench *b, enum hcb_op_kind kind,
                                 enum hdd_switch cache, uint32_t bytes, double from)
{
	return run_load(b, &(struct load){.kind = kind,
	                                  .cache = cache,
	                                  .sequential = true,
	                                  .depth = 1,
	                                  .bytes = bytes,
	                                  .span_from = from,
	                                  .span_to = 1,
	                                  .run_ns = RUN_NS});
}

static struct outcome synced(struct bench *b, bool seq, uint32_t bytes, uint64_t far)
{
	return run_load(b, &(struct load){.kind = HCB_WRITE,
	                                  .cache = HDD_ON,
	                                  .sequential = seq,
	                                  .flush = true,
	                                  .depth = 1,
	                                  .bytes = bytes,
	                                  .span_to = 1,
	                                  .run_ns = RUN_NS,
	                                  .far_bytes = far});
}

static void sequential_targets(struct bench *b, const struct reference *f,
                               struct result *r)
{
	const struct hdd_profile *p = &b->profile;
	struct outcome out = sequential(b, HCB_READ, HDD_DEFAULT, HCB_MIB, 0);
	add(r, "11a", "1 MiB sequential read, outermost", "MB/s", REL, f->seq_out, 0.03,
	    out.mb_per_s);
	/* 60 s at these rates are under 1 % of the disk: the last 1 % is the inner zone.
	 */
	add(r, "11b", "1 MiB sequential read, innermost", "MB/s", REL, f->seq_in, 0.05,
	    sequential(b, HCB_READ, HDD_DEFAULT, HCB_MIB, 0.99).mb_per_s);
	add(r, "12", "1 MiB sequential write, cache on, as the read", "MB/s", REL,
	    out.mb_per_s, 0.05, sequential(b, HCB_WRITE, HDD_ON, HCB_MIB, 0).mb_per_s);
	add(r, "13", "1 MiB sequential write, cache off", "MB/s", REL, f->seq_off, 0.10,
	    sequential(b, HCB_WRITE, HDD_OFF, HCB_MIB, 0).mb_per_s);
	double turns = p->rpm / 60;
	add(r, "14a", "4K append and flush: one revolution", "/s", REL, turns, 0.01,
	    synced(b, true, 4096, 0).per_s);
	add(r, "14b", "8K append and flush: one revolution", "/s", REL, turns, 0.01,
	    synced(b, true, 8192, 0).per_s);
	/* The journal of a file system: some GB away from the file. */
	/* The band was set for the drives whose seek average is published. */
	add(r, "15", "the same, and a far journal write and flush", "/s",
	    f->sync > 0 ? BAND : REL, f->sync > 0 ? 35 : 0, 60,
	    synced(b, true, 4096, 100 * HCB_GIB).per_s);
	add(r, "16", "4K random write and flush, cache on", "/s", REL, f->sync, 0.08,
	    synced(b, false, 4096, 0).per_s);
	add(r, "17a", "flush after 8 scattered 4K writes", "ms", REL, f->flush8,
	    f->flush_tol, flush_after_ms(b, 8));
	add(r, "17b", "flush after 64 scattered 4K writes", "ms", REL, f->flush64,
	    f->flush_tol, flush_after_ms(b, 64));
	add(r, "18", "reads that overtake an active flush, of 1000", "", EXACT, 0, 0,
	    reads_past_flush(b));
	double media = out.mb_per_s;
	add(r, "19", "4K sequential read, depth 1, of the media rate", "%", AT_LEAST, 85,
	    0, 100 * sequential(b, HCB_READ, HDD_DEFAULT, 4096, 0).mb_per_s / media);
	add(r, "20a", "4K random read, depth 1, 5 % of the span", "/s", REL, f->span5,
	    0.05, random_4k(b, HCB_READ, HDD_DEFAULT, 1, 0.05).per_s);
	add(r, "20b", "4K random read, depth 1, 25 % of the span", "/s", REL, f->span25,
	    0.05, random_4k(b, HCB_READ, HDD_DEFAULT, 1, 0.25).per_s);
}

json_t *disk_calibrate(const char *profile, uint64_t seed, struct hcb_err *err)
{
	struct bench *b = calloc(1, sizeof(*b));
	json_t *doc = NULL;
	if (!b) {
		hcb_err_sys(err, -ENOMEM, "calibrate %s", profile);
		return NULL;
	}
	b->seed = seed;
	if (hdd_profile_find(profile, &b->profile, err) == 0) {
		struct result r = {.list = json_array()};
		const struct reference *f = find_reference(b->profile.name);
		random_targets(b, f, &r);
		sequential_targets(b, f, &r);
		doc = json_pack("{s:s,s:I,s:o}", "profile", b->profile.name, "seed",
		                (json_int_t)seed, "targets", r.list);
		if (!doc)
			hcb_err_sys(err, -ENOMEM, "calibrate %s", profile);
	}
	free(b);
	return doc;
}

unsigned disk_calibrate_print(const json_t *doc, FILE *f)
{
	size_t i;
	json_t *t;
	unsigned missed = 0, judged = 0;
	fprintf(f, "%-4s %-46s %10s %10s %-5s %-9s %s\n", "id", "target", "reference",
	        "measured", "", "tolerance", "verdict");
	json_array_foreach(json_object_get(doc, "targets"), i, t)
	{
		const char *verdict = json_string_value(json_object_get(t, "verdict"));
		char ref[32] = "n/a";
		if (json_is_real(json_object_get(t, "reference")))
			snprintf(ref, sizeof(ref), "%.4g",
			         json_real_value(json_object_get(t, "reference")));
		judged += verdict != NULL;
		missed += verdict && strcmp(verdict, "missed") == 0;
		fprintf(f, "%-4s %-46s %10s %10.4g %-5s %-9s %s\n",
		        json_string_value(json_object_get(t, "id")),
		        json_string_value(json_object_get(t, "name")), ref,
		        json_real_value(json_object_get(t, "measured")),
		        json_string_value(json_object_get(t, "unit")),
		        json_string_value(json_object_get(t, "tolerance")),
		        verdict ? verdict : "n/a (no published figure)");
	}
	fprintf(f, "%u of %u met\n", judged - missed, judged);
	return missed;
}
