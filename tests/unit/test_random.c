/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Seeds are fixed, so these tests either always pass or always fail; the tolerances say
 * how far a good generator may be off: five standard deviations of the estimate.
 */
#include "hcb_test.h"

#include "bench/core/random.h"

/* The reference sequence of xoshiro256** from state {1, 2, 3, 4}, as other libraries test
 * it. */
static void test_xoshiro_matches_the_published_sequence(void **state)
{
	static const uint64_t want[] = {11520ULL,
	                                0ULL,
	                                1509978240ULL,
	                                1215971899390074240ULL,
	                                1216172134540287360ULL,
	                                607988272756665600ULL,
	                                16172922978634559625ULL,
	                                8476171486693032832ULL,
	                                10595114339597558777ULL,
	                                2904607092377533576ULL};
	struct hcb_random r = {{1, 2, 3, 4}};
	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_true(hcb_random_u64(&r) == want[i]);
}

/* First output of splitmix64 seeded with 0. */
static void test_mix_matches_splitmix64(void **state)
{
	(void)state;
	assert_true(hcb_mix64(0x9e3779b97f4a7c15ULL) == 0xe220a8397b1dcdafULL);
}

/* From an independent implementation (Python, exact integers and IEEE doubles). */
static void test_seeding_is_golden(void **state)
{
	static const struct {
		uint64_t seed, stream, first, second;
	} cases[] = {
	        {1, 0, 0x5aeff9b074173130ULL, 0x32e30e37a58303b1ULL},
	        {1, 1, 0x2bee6c1b964a9b61ULL, 0xff431fc05f9cdecfULL},
	        {2, 0, 0x4464effe6837f3c9ULL, 0x9bba94b20f21e368ULL},
	};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct hcb_random r;
		hcb_random_init(&r, cases[i].seed, cases[i].stream);
		assert_true(hcb_random_u64(&r) == cases[i].first);
		assert_true(hcb_random_u64(&r) == cases[i].second);
	}
}

/* The high half of a product, from the same implementation: 0x5aef... * 1000 >> 64, ...
 */
static void test_below_is_golden(void **state)
{
	struct hcb_random r;
	(void)state;
	hcb_random_init(&r, 1, 0);
	assert_int_equal(hcb_random_below(&r, 1000), 355);
	assert_int_equal(hcb_random_below(&r, 1000), 198);
}

static void test_exp_is_golden(void **state)
{
	static const double want[] = {0x1.6bbfe6c1d05ccp-2, 0x1.ee7c91b82b82ap+0,
	                              0x1.31239f485c8d1p-1, 0x1.64819604a8762p-1};
	struct hcb_random r;
	(void)state;
	hcb_random_init(&r, 1, 0);
	for (size_t i = 0; i < 4; i++)
		assert_close(hcb_random_exp(&r), want[i], 0);
}

/* Mean 1 +- 1/sqrt n; variance 1 +- sqrt(8/n) (fourth central moment 9); P(X > 3) = e^-3.
 */
static void test_exp_has_its_moments_and_tail(void **state)
{
	enum { N = 400000 };
	struct hcb_random r;
	double sum = 0, squares = 0, tail = 0, p = exp(-3);
	(void)state;
	hcb_random_init(&r, 42, 0);
	for (int i = 0; i < N; i++) {
		double x = hcb_random_exp(&r);
		assert_true(x >= 0);
		sum += x;
		squares += (x - 1) * (x - 1);
		tail += x > 3;
	}
	assert_between(sum / N, 1 - 5 / sqrt(N), 1 + 5 / sqrt(N));
	assert_between(squares / N, 1 - 5 * sqrt(8.0 / N), 1 + 5 * sqrt(8.0 / N));
	assert_between(tail / N, p - 5 * sqrt(p * (1 - p) / N),
	               p + 5 * sqrt(p * (1 - p) / N));
}

static void test_unit_is_uniform(void **state)
{
	enum { N = 200000 };
	struct hcb_random r;
	double sum = 0, lo = 1, hi = 0;
	(void)state;
	hcb_random_init(&r, 7, 3);
	for (int i = 0; i < N; i++) {
		double x = hcb_random_unit(&r);
		assert_true(x >= 0 && x < 1);
		sum += x;
		lo = x < lo ? x : lo;
		hi = x > hi ? x : hi;
	}
	double sd = sqrt(1.0 / 12 / N);
	assert_between(sum / N, 0.5 - 5 * sd, 0.5 + 5 * sd);
	/* P(no value in the outer 1e-4) = (1 - 1e-4)^N = 2e-9 */
	assert_true(lo < 1e-4 && hi > 1 - 1e-4);
}

/* Chi-square with k - 1 degrees of freedom: mean k - 1, deviation sqrt(2 (k - 1)). */
static void test_below_is_uniform(void **state)
{
	static const unsigned sizes[] = {2, 3, 7, 10, 64, 1000};
	enum { N = 500000 };
	(void)state;
	for (size_t c = 0; c < sizeof(sizes) / sizeof(sizes[0]); c++) {
		unsigned k = sizes[c], count[1000] = {0};
		struct hcb_random r;
		hcb_random_init(&r, 11, c);
		for (int i = 0; i < N; i++) {
			uint64_t v = hcb_random_below(&r, k);
			assert_true(v < k);
			count[v]++;
		}
		double chi = 0, want = (double)N / k;
		for (unsigned i = 0; i < k; i++)
			chi += (count[i] - want) * (count[i] - want) / want;
		assert_true(chi < (k - 1) + 5 * sqrt(2.0 * (k - 1)));
	}
}

static void test_below_at_the_edges(void **state)
{
	struct hcb_random r;
	bool high = false;
	(void)state;
	hcb_random_init(&r, 5, 5);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(hcb_random_below(&r, 1), 0);
		assert_true(hcb_random_below(&r, UINT64_MAX) < UINT64_MAX);
		uint64_t v = hcb_random_below(&r, (uint64_t)1 << 63);
		assert_true(v < (uint64_t)1 << 63);
		high = high || v >> 62;
	}
	assert_true(high);
}

/* Of independent streams, about half the bits differ: 32 +- 5 sqrt(16/n) on average. */
static void test_streams_differ(void **state)
{
	enum { N = 2000 };
	double bits = 0;
	(void)state;
	for (uint64_t s = 0; s < N; s++) {
		struct hcb_random a, b;
		hcb_random_init(&a, 1, s);
		hcb_random_init(&b, 1, s + 1);
		bits += __builtin_popcountll(hcb_random_u64(&a) ^ hcb_random_u64(&b));
	}
	assert_between(bits / N, 32 - 5 * 4 / sqrt(N), 32 + 5 * 4 / sqrt(N));
}

static void test_permute_is_a_bijection(void **state)
{
	static const uint64_t sizes[] = {1,   2,    3,    4,    5,     7,
	                                 8,   15,   16,   17,   31,    100,
	                                 127, 1000, 1023, 1024, 65537, 100000};
	(void)state;
	for (size_t c = 0; c < sizeof(sizes) / sizeof(sizes[0]); c++) {
		for (uint64_t seed = 0; seed < 5; seed++) {
			uint64_t n = sizes[c];
			char *seen = calloc(n, 1);
			assert_non_null(seen);
			for (uint64_t i = 0; i < n; i++) {
				uint64_t v = hcb_permute(i, n, seed);
				assert_true(v < n);
				assert_int_equal(seen[v], 0);
				seen[v] = 1;
			}
			free(seen);
		}
	}
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void test_permute_of_a_huge_range_does_not_collide(void **state)
{
	enum { N = 100000 };
	static uint64_t v[N];
	uint64_t n = ((uint64_t)1 << 40) + 12345;
	(void)state;
	for (uint64_t i = 0; i < N; i++) {
		v[i] = hcb_permute(i * 7919, n, 9);
		assert_true(v[i] < n);
	}
	qsort(v, N, sizeof(v[0]), by_value);
	for (size_t i = 1; i < N; i++)
		assert_true(v[i] != v[i - 1]);
}

/*
 * Neighbours must not stay neighbours, and seeds must matter. Of a random permutation of
 * n the sum of i * p(i) is normal with deviation n^2.5 / 12; fixed points are Poisson(1).
 */
static void test_permute_scatters(void **state)
{
	enum { N = 4096 };
	double sum = 0, mean = (double)N * (N - 1) / 2 * (N - 1) / 2;
	unsigned fixed = 0, same = 0;
	(void)state;
	for (uint64_t i = 0; i < N; i++) {
		uint64_t v = hcb_permute(i, N, 3);
		sum += (double)i * (double)v;
		fixed += v == i;
		same += v == hcb_permute(i, N, 4);
	}
	assert_between(sum, mean - 5 * pow(N, 2.5) / 12, mean + 5 * pow(N, 2.5) / 12);
	assert_true(fixed <= 8 && same <= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_xoshiro_matches_the_published_sequence),
	        cmocka_unit_test(test_mix_matches_splitmix64),
	        cmocka_unit_test(test_seeding_is_golden),
	        cmocka_unit_test(test_below_is_golden),
	        cmocka_unit_test(test_exp_is_golden),
	        cmocka_unit_test(test_exp_has_its_moments_and_tail),
	        cmocka_unit_test(test_unit_is_uniform),
	        cmocka_unit_test(test_below_is_uniform),
	        cmocka_unit_test(test_below_at_the_edges),
	        cmocka_unit_test(test_streams_differ),
	        cmocka_unit_test(test_permute_is_a_bijection),
	        cmocka_unit_test(test_permute_of_a_huge_range_does_not_collide),
	        cmocka_unit_test(test_permute_scatters),
	};
	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
