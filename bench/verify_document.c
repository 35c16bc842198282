/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/verify_document.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_counts(json_t *o, const struct hcb_verify_counts *n, uint32_t grain)
{
	json_object_set_new(o, "blocks_checked", json_integer((json_int_t)n->blocks));
	json_object_set_new(o, "bytes", json_integer((json_int_t)n->blocks * grain));
	json_object_set_new(o, "promised_blocks", json_integer((json_int_t)n->promised));
	for (enum hcb_verify_kind k = 0; k < HCB_VERIFY_KINDS; k++)
		json_object_set_new(o, hcb_verify_kind_name(k),
		                    json_integer((json_int_t)n->kind[k]));
	json_object_set_new(o, "rolled_back", json_integer((json_int_t)n->rolled_back));
}

/* What was found there, for a person; "" if the numbers say it. */
static void detail_of(const struct hcb_verify_config *c,
                      const struct hcb_verify_finding *f, char *out, size_t size)
{
	static const char *const what[] = {
	        [HCB_WHAT_NOTHING] = "",
	        [HCB_WHAT_ZEROS] = "zeros",
	        [HCB_WHAT_OTHER_RUN] = "another run's data",
	        [HCB_WHAT_BYTES] = "other data",
	};
	if (f->kind == HCB_UNREADABLE)
		snprintf(out, size, "%s", strerror(-f->error));
	else if (f->kind == HCB_MISPLACED)
		snprintf(out, size, "written to byte %" PRIu64 " of %s", f->found_off,
		         f->found_dev < c->n_targets ? c->target[f->found_dev].text
		                                     : "another target");
	else
		snprintf(out, size, "%s", what[f->what]);
}

static json_t *finding_json(const struct hcb_verify_config *c,
                            const struct hcb_verify_finding *f)
{
	bool in_region = f->region < c->n_regions;
	char detail[800];
	detail_of(c, f, detail, sizeof(detail));
	json_t *o = json_pack(
	        "{sssosIsosssssIsosi}", "target", c->target[f->dev].text, "volume",
	        in_region ? json_string(c->region[f->region].name) : json_null(),
	        "offset", (json_int_t)f->off, "volume_offset",
	        in_region ? json_integer((json_int_t)(f->off - c->region[f->region].base))
	                  : json_null(),
	        "kind", hcb_verify_kind_name(f->kind), "when",
	        f->in_run ? "run" : "read back", "expected_seq", (json_int_t)f->expected,
	        "found_seq", f->found ? json_integer((json_int_t)f->found) : json_null(),
	        "bad_sectors", (int)f->bad_sectors);
	json_object_set_new(o, "detail", *detail ? json_string(detail) : json_null());
	return o;
}

static json_t *volumes_json(const struct hcb_verify_config *c,
                            const struct hcb_verify_result *r)
{
	json_t *a = json_array();
	for (unsigned i = 0; i < c->n_regions; i++)
		json_array_append_new(
		        a, json_pack("{sssssIsIsI}", "volume", c->region[i].name,
		                     "target", c->target[c->region[i].dev].text,
		                     "blocks_checked", (json_int_t)r->volume[i].blocks,
		                     "promised_blocks", (json_int_t)r->volume[i].promised,
		                     "wrong_blocks", (json_int_t)r->volume[i].wrong));
	return a;
}

static json_t *cost_json(const struct hcb_verify_result *r)
{
	return json_pack("{sIsIsIsI}", "writes", (json_int_t)r->fills, "fill_ns",
	                 (json_int_t)r->fill_ns, "reads", (json_int_t)r->checks,
	                 "check_ns", (json_int_t)r->check_ns);
}

json_t *hcb_verify_json(const struct hcb_verify *v, const struct hcb_verify_outcome *out,
                        bool costs)
{
	const struct hcb_verify_config *c = hcb_verify_config(v);
	const struct hcb_verify_result *r = hcb_verify_result(v);
	json_t *o = json_object(), *in_run = json_object(), *first = json_array();
	char run[32];
	snprintf(run, sizeof(run), "%016" PRIx64, c->run);
	json_object_set_new(o, "run", json_string(run));
	json_object_set_new(o, "block_bytes", json_integer(c->grain));
	json_object_set_new(o, "read_back", json_boolean(out->complete));
	json_object_set_new(o, "not_read_because",
	                    out->complete ? json_null() : json_string(out->why));
	add_counts(o, &r->after, c->grain);
	add_counts(in_run, &r->in_run, c->grain);
	json_object_set_new(o, "in_run", in_run);
	json_object_set_new(o, "volumes", volumes_json(c, r));
	for (unsigned i = 0; i < r->n_first; i++)
		json_array_append_new(first, finding_json(c, &r->first[i]));
	json_object_set_new(o, "first", first);
	json_object_set_new(o, "cost", costs ? cost_json(r) : json_null());
	json_object_set_new(o, "log", out->log ? json_string(out->log) : json_null());
	return o;
}

bool hcb_verify_sentence(const struct hcb_verify *v, char *out, size_t size)
{
	const struct hcb_verify_config *c = hcb_verify_config(v);
	const struct hcb_verify_result *r = hcb_verify_result(v);
	size_t n = 0;
	if (!hcb_verify_wrong(v))
		return false;
	out[0] = '\0';
	for (enum hcb_verify_kind k = 0; k < HCB_VERIFY_KINDS && n < size; k++) {
		uint64_t k_n = r->after.kind[k] + r->in_run.kind[k];
		if (k_n)
			n += (size_t)snprintf(out + n, size - n, "%s%" PRIu64 "%s %s",
			                      n ? ", " : "data lost: ", k_n,
			                      n          ? ""
			                      : k_n == 1 ? " block"
			                                 : " blocks",
			                      hcb_verify_kind_name(k));
	}
	const struct hcb_verify_finding *f = &r->first[0];
	if (r->n_first && n < size)
		snprintf(out + n, size - n, "; first: %s at byte %" PRIu64 " of %s",
		         hcb_verify_kind_name(f->kind), f->off, c->target[f->dev].text);
	return true;
}
