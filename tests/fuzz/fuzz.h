/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share. A broken promise traps, so that libFuzzer keeps the input.
 */
#ifndef HCB_TESTS_FUZZ_H
#define HCB_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(cond)                                                                    \
	do {                                                                             \
		if (!(cond))                                                             \
			__builtin_trap();                                                \
	} while (0)

/* A copy of its own length, so that reading past the end is seen. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	PROMISE(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* Every refusal is one line, a usage error, and says something. */
static inline void promise_refusal(int r, const struct hcb_err *err)
{
	PROMISE(r < 0 && err->exit == HCB_EXIT_USAGE && err->msg[0]);
	PROMISE(!strchr(err->msg, '\n') && strlen(err->msg) < sizeof(err->msg));
}

#endif
