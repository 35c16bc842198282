/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Units and options: each line of the input is a number to every parser, and a key=value.
 */
#include "tests/fuzz/fuzz.h"

#include <math.h>

#include "bench/core/opt.h"
#include "bench/core/units.h"

struct conf {
	uint64_t before;
	char word[16];
	int flag, mode;
	uint64_t count, bytes, time_ns, bits;
	double real, rate, share;
	uint64_t after;
};

static const char *const modes[] = {"none", "writeback", NULL};

#define ROW(n, t, f, lo, hi, d, names)                                                   \
	{                                                                                \
		n, t, offsetof(struct conf, f), sizeof(((struct conf *)0)->f), lo, hi,   \
		        d, names, "", false                                              \
	}
static const struct hcb_opt opts[] = {
        ROW("word", HCB_OPT_STR, word, 0, 0, "abc", NULL),
        ROW("flag", HCB_OPT_BOOL, flag, 0, 0, "off", NULL),
        ROW("mode", HCB_OPT_ENUM, mode, 0, 0, "none", modes),
        ROW("count", HCB_OPT_U64, count, 1, 100, "3", NULL),
        ROW("bytes", HCB_OPT_SIZE, bytes, 512, 1e9, "4KiB", NULL),
        ROW("time", HCB_OPT_DURATION, time_ns, 0, 1e15, "50ms", NULL),
        ROW("bits", HCB_OPT_BITRATE, bits, 1, 1e12, "1Gbit", NULL),
        ROW("real", HCB_OPT_DOUBLE, real, -1, 1, "0.5", NULL),
        ROW("rate", HCB_OPT_RATE, rate, 0, 1e6, "40/s", NULL),
        ROW("share", HCB_OPT_SHARE, share, 0, 1, "60%", NULL),
        {.name = NULL},
};

static void all_units(const char *s)
{
	uint64_t u = 0;
	double d = 0;
	int b = 0;
	if (hcb_parse_u64(s, &u) == 0)
		PROMISE(strspn(s, "0123456789") == strlen(s));
	if (hcb_parse_size(s, &u) == 0)
		PROMISE(u <= INT64_MAX);
	if (hcb_parse_duration(s, &u) == 0)
		PROMISE(u <= INT64_MAX);
	if (hcb_parse_bitrate(s, &u) == 0)
		PROMISE(u <= INT64_MAX);
	if (hcb_parse_double(s, &d) == 0)
		PROMISE(isfinite(d));
	if (hcb_parse_rate(s, &d) == 0)
		PROMISE(isfinite(d) && d >= 0);
	if (hcb_parse_share(s, &d) == 0)
		PROMISE(isfinite(d) && d >= 0);
	if (hcb_parse_bool(s, &b) == 0)
		PROMISE(b == 0 || b == 1);
}

static void one_line(const char *s)
{
	struct hcb_err err = HCB_ERR_INIT;
	struct conf c = {.before = 0xfeed, .after = 0xbeef};
	hcb_opt_defaults(opts, &c);
	int r = hcb_opt_set_pair(opts, &c, "fuzz", s, &err);
	if (r)
		promise_refusal(r, &err);
	PROMISE(c.before == 0xfeed && c.after == 0xbeef);
	PROMISE(memchr(c.word, '\0', sizeof(c.word)));
	PROMISE(c.count >= 1 && c.count <= 100 && c.bytes >= 512 &&
	        c.bytes <= 1000000000);
	PROMISE(c.real >= -1 && c.real <= 1 && c.share >= 0 && c.share <= 1);
	PROMISE((c.flag | c.mode) >> 1 == 0 && c.rate >= 0 && c.rate <= 1e6);
	const char *eq = strchr(s, '=');
	all_units(eq ? eq + 1 : s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rest = text;
	while (rest)
		one_line(strsep(&rest, "\n"));
	free(text);
	return 0;
}
