/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/night.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A clock that is disciplined is slewed by at most 500 ppm (ntp_adjtime), which is 3.6 s
   in two hours; twice that, and a second for what is not read at one instant. */
#define SLEW    0.001
#define JUMP_S  1.0
#define QUARTER 4

unsigned hcb_night_test(unsigned tests, unsigned round, unsigned i)
{
	unsigned first = round % tests;
	return round % 2 ? (first + tests - i % tests) % tests : (first + i) % tests;
}

uint64_t hcb_night_due_ns(unsigned i, unsigned n, uint64_t spread_ns)
{
	return n ? spread_ns / n * i : 0;
}

/* The last moment at which a run may begin. */
static uint64_t latest_ns(uint64_t longest_ns, uint64_t reserve_ns, uint64_t deadline_ns)
{
	uint64_t need = reserve_ns + longest_ns + longest_ns / QUARTER;
	return deadline_ns > need ? deadline_ns - need : 0;
}

bool hcb_night_fits(uint64_t now_ns, uint64_t longest_ns, uint64_t reserve_ns,
                    uint64_t deadline_ns)
{
	return !deadline_ns || now_ns < latest_ns(longest_ns, reserve_ns, deadline_ns);
}

uint64_t hcb_night_settle_ns(uint64_t settle_ns, uint64_t now_ns, uint64_t longest_ns,
                             uint64_t reserve_ns, uint64_t deadline_ns)
{
	uint64_t latest = latest_ns(longest_ns, reserve_ns, deadline_ns);
	uint64_t left = latest > now_ns ? latest - now_ns : 0;
	return deadline_ns && left < settle_ns ? left : settle_ns;
}

uint64_t hcb_night_spread_ns(uint64_t spread_ns, unsigned n, uint64_t first_ns,
                             uint64_t longest_ns, uint64_t reserve_ns,
                             uint64_t deadline_ns)
{
	uint64_t latest = latest_ns(longest_ns, reserve_ns, deadline_ns);
	if (!deadline_ns || n < 2)
		return spread_ns;
	/* It must begin before the latest moment, and is due after n - 1 steps of n. */
	uint64_t step = latest > first_ns ? (latest - first_ns - 1) / (n - 1) : 0;
	return step < spread_ns / n ? step * n : spread_ns;
}

/* ---- the surroundings ---- */

__attribute__((format(printf, 2, 3))) static void because(json_t *reasons,
                                                          const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(reasons, json_string(text));
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

/* What HEALTH_OK does not rule out: Ceph scrubs and moves data in good health. */
static const struct {
	const char *key, *what;
} at_work[] = {
        {"recovery", "recovery or backfill is going on"},
        {"deep_scrub", "a deep scrub is going on"},
        {"degraded", "objects are degraded"},
};

static void look_at_cluster(const json_t *cluster, const char *when, json_t *reasons)
{
	const char *status = text_of(cluster, "status"),
	           *checks = text_of(cluster, "checks");
	if (!json_is_object(cluster))
		return; /* models and plain disks have none */
	if (strcmp(status, "HEALTH_OK") != 0)
		because(reasons, "%s the cluster was in %s%s%s%s", when,
		        *status ? status : "an unknown state", *checks ? " (" : "",
		        checks, *checks ? ")" : "");
	for (size_t i = 0; i < sizeof(at_work) / sizeof(at_work[0]); i++)
		if (json_is_true(json_object_get(cluster, at_work[i].key)))
			because(reasons, "%s %s", when, at_work[i].what);
}

static void look(const json_t *at, const char *when, json_t *reasons)
{
	const json_t *others = json_object_get(at, "others"),
	             *why = json_object_get(at, "unanswered");
	if (!at) {
		because(reasons, "%s nobody looked at the surroundings", when);
		return;
	}
	if (json_is_string(why))
		because(reasons, "%s %s", when, json_string_value(why));
	look_at_cluster(json_object_get(at, "cluster"), when, reasons);
	if (json_array_size(others))
		because(reasons, "%s another hcbench was at work: %s", when,
		        json_string_value(json_array_get(others, 0)));
}

static double clock_value(const json_t *look, const char *key)
{
	const json_t *v = json_object_get(json_object_get(look, "clock"), key);
	return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

/* Time of day against the clock that only counts. */
static void look_at_clock(const json_t *start, const json_t *end, json_t *reasons)
{
	double took = clock_value(end, "monotonic_s") - clock_value(start, "monotonic_s"),
	       told = clock_value(end, "unix_s") - clock_value(start, "unix_s");
	if (fabs(told - took) > JUMP_S + SLEW * fabs(took))
		because(reasons, "the clock jumped by %+.1f s during the night",
		        told - took);
}

json_t *hcb_night_unfit(const json_t *start, const json_t *end, bool with_end)
{
	json_t *reasons = json_array();
	look(start, "at the start", reasons);
	if (with_end)
		look(end, "at the end", reasons);
	if (start && end)
		look_at_clock(start, end, reasons);
	return reasons;
}

const char *hcb_night_clock_note(const json_t *look)
{
	const json_t *v = json_object_get(json_object_get(look, "clock"), "synchronized");
	return json_is_false(v) ? "nothing keeps this machine's clock right (the kernel "
	                          "says it is not synchronized): nights may come out of "
	                          "order"
	                        : NULL;
}

/* ---- nights and verdicts ---- */

static bool is_date(const char *s)
{
	static const char shape[] = "dddd-dd-dd";
	size_t i = 0;
	for (; shape[i]; i++)
		if (shape[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != shape[i])
			return false;
	return !s[i];
}

bool hcb_night_goes_back(const char *night, const char *newest)
{
	return is_date(night) && is_date(newest) && strcmp(night, newest) < 0;
}

static long day_of(const char *date)
{
	struct tm tm = {0};
	strptime(date, "%Y-%m-%d", &tm);
	return (long)(timegm(&tm) / 86400);
}

long hcb_night_days_after(const char *night, const char *newest)
{
	return is_date(night) && is_date(newest) ? day_of(night) - day_of(newest) : 0;
}

unsigned hcb_night_suspects(const json_t *check, const char *const *tests, unsigned n,
                            bool *suspect)
{
	unsigned found = 0;
	for (unsigned k = 0; k < n; k++) {
		size_t i;
		json_t *s;
		suspect[k] = false;
		json_array_foreach(json_object_get(check, "series"), i, s) suspect[k] |=
		        json_is_true(json_object_get(s, "gated")) &&
		        (strcmp(text_of(s, "state"), "SUSPECT") == 0 ||
		         json_is_true(json_object_get(s, "confirm"))) &&
		        strcmp(text_of(s, "test"), tests[k]) == 0;
		found += suspect[k];
	}
	return found;
}
