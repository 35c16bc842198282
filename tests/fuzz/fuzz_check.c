/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports on a nightly check: no text of a document breaks the form of JUnit XML, the
   Prometheus textfile, GitHub's commands or a markdown table. */
#include "tests/fuzz/fuzz.h"

#include "tests/check_shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	json_t *doc = shape_check(text); /* NULL: not UTF-8, which no document holds */
	for (size_t i = 0; doc && i < N_SHAPES; i++) {
		char *out = shape_written(shapes[i].kind, doc);
		PROMISE(shapes[i].shape(out) == NULL);
		free(out);
	}
	json_decref(doc);
	free(text);
	return 0;
}
