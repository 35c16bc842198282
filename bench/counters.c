/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/counters.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "engines/engine.h"

static json_t *change_leaf(const json_t *before, json_t *after)
{
	if (json_is_integer(before) && json_is_integer(after))
		return json_integer(json_integer_value(after) -
		                    json_integer_value(before));
	if (json_is_number(before) && json_is_number(after))
		return json_real(json_number_value(after) - json_number_value(before));
	return json_incref(after);
}

/* What counted is gone, and what counts now began at zero. */
static bool began_anew(const json_t *before, const json_t *after)
{
	const json_t *a = json_object_get(before, HCB_COUNTERS_INSTANCE);
	const json_t *b = json_object_get(after, HCB_COUNTERS_INSTANCE);
	return a && b && !json_equal(a, b);
}

json_t *hcb_counters_change(const json_t *before, const json_t *after)
{
	if (!json_is_object(before) || !json_is_object(after))
		return NULL;
	if (began_anew(before, after)) {
		json_t *anew = json_copy((json_t *)(uintptr_t)after);
		json_object_set_new(anew, HCB_COUNTERS_RESTARTED, json_true());
		return anew;
	}
	json_t *out = json_object();
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)(uintptr_t)after, key, v)
	{
		const json_t *b = json_object_get(before, key);
		json_t *d = NULL;
		if (json_is_object(v))
			d = hcb_counters_change(b, v);
		else if (strcmp(key, HCB_COUNTERS_INSTANCE) != 0)
			d = change_leaf(b, v);
		json_object_set_new(out, key, d ? d : json_incref(v));
	}
	return out;
}
