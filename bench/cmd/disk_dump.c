/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hcbench disk dump": what a served disk recorded, as text or summed up. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bench/cmd/disk_verbs.h"
#include "bench/cmd/verb.h"
#include "bench/core/diskrec.h"
#include "bench/core/op.h"

static const struct hcb_opt dump_opts[] = {
        {.name = "json",
         .type = HCB_OPT_BOOL,
         .def = "off",
         .help = "print a summary as a document, not the requests"},
        {.name = NULL},
};

static const char *const kinds[HCB_OP_KINDS] = {
        [HCB_READ] = "read",
        [HCB_WRITE] = "write",
        [HCB_FLUSH] = "flush",
        [HCB_DISCARD] = "discard",
};

struct sums {
	uint64_t count[HCB_OP_KINDS], bytes[HCB_OP_KINDS], failed;
	uint64_t first_ns, last_ns;
};

static void add(struct sums *s, const struct hcb_diskrec *r)
{
	s->count[r->kind]++;
	s->bytes[r->kind] += r->len;
	s->failed += r->error != 0;
	if (r->arrive_ns < s->first_ns)
		s->first_ns = r->arrive_ns;
	if (r->done_ns > s->last_ns)
		s->last_ns = r->done_ns;
}

static void print_header(const struct hcb_diskrec_header *h)
{
	printf("# target %s\n# size_bytes %" PRIu64 " block_bytes %" PRIu32
	       " dilation %g started_unix_ns %" PRIu64 "\n",
	       h->target, h->size_bytes, h->block_bytes, h->dilation, h->started_unix_ns);
	printf("# arrive_ns done_ns kind offset length errno\n");
}

static void print_summary(const struct hcb_diskrec_header *h, const struct sums *s,
                          bool complete, uint64_t dropped)
{
#define N(v) (json_int_t)(v)
	uint64_t all = 0;
	for (unsigned k = 0; k < HCB_OP_KINDS; k++)
		all += s->count[k];
	json_t *doc = json_pack(
	        "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I}",
	        "target", h->target, "size_bytes", N(h->size_bytes), "started_unix_ns",
	        N(h->started_unix_ns), "reads", N(s->count[HCB_READ]), "read_bytes",
	        N(s->bytes[HCB_READ]), "writes", N(s->count[HCB_WRITE]), "write_bytes",
	        N(s->bytes[HCB_WRITE]), "flushes", N(s->count[HCB_FLUSH]), "discards",
	        N(s->count[HCB_DISCARD]), "discard_bytes", N(s->bytes[HCB_DISCARD]),
	        "failed", N(s->failed), "duration_ns",
	        N(all ? s->last_ns - s->first_ns : 0), "complete", complete, "dropped",
	        N(dropped));
#undef N
	json_dumpf(doc, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(doc);
}

static int dump(struct hcb_diskrec_reader *rd, const char *path, bool json,
                struct hcb_err *err)
{
	struct sums s = {.first_ns = UINT64_MAX};
	struct hcb_diskrec rec;
	uint64_t dropped;
	int r;
	if (!json)
		print_header(hcb_diskrec_header(rd));
	while ((r = hcb_diskrec_next(rd, &rec, err)) > 0) {
		add(&s, &rec);
		if (!json)
			printf("%" PRIu64 " %" PRIu64 " %s %" PRIu64 " %" PRIu32 " %u\n",
			       rec.arrive_ns, rec.done_ns, kinds[rec.kind], rec.off,
			       rec.len, (unsigned)rec.error);
	}
	bool complete = hcb_diskrec_complete(rd, &dropped);
	if (json && !r)
		print_summary(hcb_diskrec_header(rd), &s, complete, dropped);
	if (dropped)
		hcb_warn("%s: %" PRIu64 " requests are not in it", path, dropped);
	if (!complete && !r)
		hcb_warn("%s: was cut off; what stands before is good", path);
	return r;
}

int hcb_disk_dump(int argc, char **argv)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_diskrec_reader *rd;
	int json = 0;
	const char *path;
	if (hcb_disk_args(dump_opts, &json, argc, argv, &path, 1, &err) ||
	    hcb_diskrec_open(path, &rd, &err))
		return hcb_fail(&err);
	int r = dump(rd, path, json, &err);
	hcb_diskrec_close(rd);
	if (!r && (fflush(stdout) != 0 || ferror(stdout)))
		r = hcb_err_sys(&err, -EIO, "dump %s", path);
	return r ? hcb_fail(&err) : HCB_EXIT_OK;
}
