/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A night of measurements: the order of its runs, when each is due, whether one more
 * fits, and whether the surroundings were such that its numbers may be used. Pure.
 */
#ifndef HCB_BENCH_NIGHT_H
#define HCB_BENCH_NIGHT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define HCB_NIGHT_MAX_TESTS  16
#define HCB_NIGHT_MAX_BLOCKS 20

/*
 * Which test is run as number round * tests + i. Each round has each test once; the first
 * one and the direction change from round to round, so that no test always comes first,
 * nor always after the same other one.
 */
unsigned hcb_night_test(unsigned tests, unsigned round, unsigned i);
/* When run i of n is due, after the first one: evenly over spread_ns. */
uint64_t hcb_night_due_ns(unsigned i, unsigned n, uint64_t spread_ns);
/*
 * The spread, shorter than asked for if it has to be, with which the last of n runs, the
 * first of which began at first_ns, still fits as hcb_night_fits says. 0: there is no
 * time to lose.
 */
uint64_t hcb_night_spread_ns(uint64_t spread_ns, unsigned n, uint64_t first_ns,
                             uint64_t longest_ns, uint64_t reserve_ns,
                             uint64_t deadline_ns);
/* How long to wait for the surroundings to be fit, from now_ns on: settle_ns at most, and
   not longer than that a run still fits after it. */
uint64_t hcb_night_settle_ns(uint64_t settle_ns, uint64_t now_ns, uint64_t longest_ns,
                             uint64_t reserve_ns, uint64_t deadline_ns);

/*
 * May a run begin at now_ns? longest_ns: the longest of its test so far, 0: none yet;
 * reserve_ns: kept for what comes after the runs; deadline_ns 0: none. A quarter more
 * than the longest is asked for, as a slow night's runs are the ones that matter.
 */
bool hcb_night_fits(uint64_t now_ns, uint64_t longest_ns, uint64_t reserve_ns,
                    uint64_t deadline_ns);

/*
 * The surroundings, as hcbench probe --look says them (docs/results-format.md), at the
 * night's start and end; NULL: not looked at. An array of reasons why its numbers must
 * not be used; empty: there are none. What only one of them can tell is said of it.
 */
json_t *hcb_night_unfit(const json_t *start, const json_t *end, bool with_end);
/* A clock that is not known to be kept right is no reason, but is to be said; NULL. */
const char *hcb_night_clock_note(const json_t *look);

/* Is a night of that id, by the clock, before one that the history has? Only of ids that
   are dates: others are in an order of their owner's. */
bool hcb_night_goes_back(const char *night, const char *newest);
/* Days from the history's newest night to one of that id; 0 if they are no dates. */
long hcb_night_days_after(const char *night, const char *newest);

/* Of a document of kind check: which of the tests have a gated series of which running
   them again would tell more, being SUSPECT or the second night far out. The number of
   them. */
unsigned hcb_night_suspects(const json_t *check, const char *const *tests, unsigned n,
                            bool *suspect);

#endif
