/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The split decision on queues whose truth is known (tests/decide_world.h): how often it
 * is wrong, how often it does not decide, and how that shrinks with the trials it may
 * have. Exit code 1: short of the goals.
 */
#include <stdio.h>
#include <stdlib.h>

#include "decide_world.h"

#define WORLDS   200 /* of each kind */
#define JOBS     6000
#define WRONG    0.05
#define VERDICTS (HCB_SIZE_NEITHER + 1)

struct tally {
	unsigned n, wrong, inconclusive, trials;
	unsigned
	        kept; /* KEEP SHARED where OPTIONAL was right: of wrong, not part of it */
	unsigned said[VERDICTS], confused[VERDICTS][VERDICTS];
};

static void one(struct tally *t, bool general, uint64_t seed, unsigned max_trials)
{
	struct decide_world w;
	unsigned trials;
	decide_make(&w, general, seed);
	struct hcb_decision right = decide_right(&w);
	struct hcb_decision said = decide_measured(&w, JOBS, max_trials, &trials);
	t->n++;
	t->trials += trials;
	t->said[said.verdict]++;
	t->confused[right.verdict][said.verdict]++;
	if (said.verdict == HCB_SIZE_INCONCLUSIVE)
		t->inconclusive++;
	else if (said.verdict != right.verdict || said.chosen != right.chosen)
		t->wrong++;
	t->kept += said.verdict == HCB_SIZE_KEEP_SHARED &&
	           right.verdict == HCB_SIZE_OPTIONAL;
}

static void join(struct tally *to, const struct tally *t)
{
	to->n += t->n;
	to->wrong += t->wrong;
	to->inconclusive += t->inconclusive;
	to->trials += t->trials;
	to->kept += t->kept;
	for (unsigned v = 0; v < VERDICTS; v++) {
		to->said[v] += t->said[v];
		for (unsigned r = 0; r < VERDICTS; r++)
			to->confused[v][r] += t->confused[v][r];
	}
}

static double wrong_share(const struct tally *t)
{
	unsigned decided = t->n - t->inconclusive;
	return decided ? 1.0 * t->wrong / decided : 0;
}

static void put(const char *name, const struct tally *t)
{
	printf("%-22s%8u%12.1f%18.1f%16.1f%10.1f\n", name, t->n, 100 * wrong_share(t),
	       100.0 * t->kept / (t->n - t->inconclusive + !(t->n - t->inconclusive)),
	       100.0 * t->inconclusive / t->n, 1.0 * t->trials / t->n);
}

static void put_confusion(const struct tally *t)
{
	printf("\n%-14s", "right \\ said");
	for (unsigned v = 0; v < VERDICTS; v++)
		printf("%14s", hcb_size_verdict_name((enum hcb_size_verdict)v));
	printf("\n");
	for (unsigned r = 1; r < VERDICTS; r++) {
		printf("%-14s", hcb_size_verdict_name((enum hcb_size_verdict)r));
		for (unsigned v = 0; v < VERDICTS; v++)
			printf("%14u", t->confused[r][v]);
		printf("\n");
	}
	printf("\n");
}

int main(void)
{
	static const unsigned budgets[] = {12, 18, 24, 36};
	static struct tally mm1, mg1, all, by[sizeof(budgets) / sizeof(budgets[0])];
	bool every = true;
	for (uint64_t i = 0; i < WORLDS; i++) {
		one(&mm1, false, 1000 + i, 0);
		one(&mg1, true, 9000 + i, 0);
		for (unsigned b = 0; b < sizeof(budgets) / sizeof(budgets[0]); b++)
			one(&by[b], false, 1000 + i, budgets[b]);
	}
	join(&all, &mm1);
	join(&all, &mg1);
	printf("%-22s%8s%12s%18s%16s%10s\n", "", "n", "wrong %", "kept, optional %",
	       "inconclusive %", "trials");
	put("M/M/1", &mm1);
	put("M/G/1", &mg1);
	put("both", &all);
	for (unsigned b = 0; b < sizeof(budgets) / sizeof(budgets[0]); b++) {
		char name[40];
		snprintf(name, sizeof(name), "M/M/1, %u a layout", budgets[b]);
		put(name, &by[b]);
	}
	put_confusion(&all);
	for (unsigned v = 0; v < VERDICTS; v++)
		every &= all.said[v] > 0;
	bool good = every && wrong_share(&mm1) <= WRONG && wrong_share(&mg1) <= WRONG;
	printf("goal: of what was decided at most %.0f %% wrong, of either kind of "
	       "queue, "
	       "every verdict reached: %s\n",
	       100 * WRONG, good ? "met" : "missed");
	return good ? 0 : 1;
}
