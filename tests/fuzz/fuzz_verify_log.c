/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log of --verify. Its checksum is put right first: it would hide all the rest. */
#include "tests/fuzz/fuzz.h"

#include <endian.h>
#include <errno.h>

#include "bench/verify_log.h"

static void promise_books(struct hcb_verify *v)
{
	const struct hcb_verify_config *c = hcb_verify_config(v);
	PROMISE(c->n_targets >= 1 && c->n_targets <= HCB_MAX_VOLUMES);
	PROMISE(c->n_regions <= 2 * HCB_MAX_VOLUMES && c->grain % 512 == 0);
	for (unsigned d = 0; d < c->n_targets; d++) {
		uint64_t from = 0, off;
		uint32_t len;
		for (int i = 0;
		     i < 100 && hcb_verify_span(v, d, from, 1 << 20, 0, &off, &len);
		     i++) {
			struct hcb_verify_entry e;
			PROMISE(off >= from && len && off % c->grain == 0);
			hcb_verify_get(v, d, off, &e);
			PROMISE(e.issued && e.done <= e.issued && e.durable <= e.done);
			from = off + len;
		}
	}
	for (unsigned i = 0; i < c->n_regions; i++)
		PROMISE(c->region[i].dev < c->n_targets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct hcb_verify *v;
	json_t *about;
	char *text = fuzz_text(data, size);
	if (size >= 40) {
		uint64_t hash = htole64(hcb_verify_log_hash(text, size - 8));
		memcpy(text + size - 8, &hash, 8);
		memset(text + size - 24, 0xff, 16);
	}
	int r = hcb_verify_log_parse("fuzz.log", text, size, &v, &about, &err);
	if (r == 0) {
		promise_books(v);
		json_decref(about);
		hcb_verify_free(v, false);
	} else if (r != -ENOMEM) {
		promise_refusal(r, &err);
	}
	free(text);
	return 0;
}
