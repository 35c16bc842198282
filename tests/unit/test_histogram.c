/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hcb_test.h"

#include "bench/core/histogram.h"
#include "bench/core/random.h"
#include "bench/core/stats.h"

#define N 50000

static struct hcb_hist h, part[3];
static uint64_t v[N];

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* --------------------------------------------------- what the values may look like ----
 */

static uint64_t draw_small(struct hcb_random *r)
{
	return hcb_random_below(r, 300);
}

static uint64_t draw_uniform(struct hcb_random *r)
{
	return hcb_random_below(r, 50000000);
}

static uint64_t draw_exp(struct hcb_random *r)
{
	return (uint64_t)(hcb_random_exp(r) * 8e6);
}

static uint64_t draw_bimodal(struct hcb_random *r)
{
	return hcb_random_below(r, 100) < 97 ? 200000 + hcb_random_below(r, 20000)
	                                     : 90000000 + hcb_random_below(r, 400000000);
}

static uint64_t draw_every_octave(struct hcb_random *r)
{
	return hcb_random_u64(r) >> (21 + hcb_random_below(r, 43));
}

static uint64_t draw_edges(struct hcb_random *r)
{
	uint64_t p = (uint64_t)1 << hcb_random_below(r, HCB_HIST_MAX_BITS);
	return p - 1 + hcb_random_below(r, 2);
}

static uint64_t draw_constant(struct hcb_random *r)
{
	(void)r;
	return 8333333;
}

typedef uint64_t draw_fn(struct hcb_random *r);
static draw_fn *const draws[] = {draw_small,   draw_uniform,      draw_exp,
                                 draw_bimodal, draw_every_octave, draw_edges,
                                 draw_constant};
#define N_DRAWS (sizeof(draws) / sizeof(draws[0]))

static void fill(draw_fn *draw, uint64_t seed)
{
	struct hcb_random r;
	hcb_random_init(&r, seed, 0);
	hcb_hist_reset(&h);
	for (size_t i = 0; i < N; i++) {
		v[i] = draw(&r);
		hcb_hist_record(&h, v[i]);
	}
	qsort(v, N, sizeof(v[0]), by_value);
}

/* --------------------------------------------------------------------- the tests ---- */

/* The midpoint is within half a bucket, 2^-8 of the value; the promise is 0.8 %. */
static void test_quantiles_agree_with_an_exact_sort(void **state)
{
	static const double qs[] = {1e-9, 0.001, 0.01, 0.25,  0.5,    0.75,
	                            0.9,  0.95,  0.99, 0.999, 0.9999, 1};
	(void)state;
	for (size_t d = 0; d < N_DRAWS; d++) {
		fill(draws[d], d + 1);
		for (size_t i = 0; i < sizeof(qs) / sizeof(qs[0]); i++) {
			size_t rank = (size_t)ceil(qs[i] * N);
			double exact = (double)v[rank ? rank - 1 : 0];
			double got = (double)hcb_hist_quantile(&h, qs[i]);
			assert_between(got, exact - exact / 256, exact + exact / 256);
		}
	}
}

static void test_count_sum_and_extremes_are_exact(void **state)
{
	(void)state;
	for (size_t d = 0; d < N_DRAWS; d++) {
		uint64_t sum = 0;
		fill(draws[d], d + 1);
		for (size_t i = 0; i < N; i++)
			sum += v[i];
		assert_int_equal(h.count, N);
		assert_true(h.sum == sum);
		assert_true(h.min == v[0] && h.max == v[N - 1]);
		assert_close(hcb_hist_mean(&h), (double)sum / N, 1e-12);
		assert_int_equal(h.saturated, 0);
	}
}

static void test_buckets_tile_the_range(void **state)
{
	(void)state;
	assert_int_equal(hcb_hist_bucket_low(0), 0);
	for (uint32_t i = 0; i < HCB_HIST_BUCKETS; i++) {
		uint64_t low = hcb_hist_bucket_low(i), width = hcb_hist_bucket_width(i);
		assert_int_equal(hcb_hist_index(low), i);
		assert_int_equal(hcb_hist_index(low + width - 1), i);
		if (i + 1 < HCB_HIST_BUCKETS)
			assert_true(hcb_hist_bucket_low(i + 1) == low + width);
		else
			assert_true(low + width == (uint64_t)1 << HCB_HIST_MAX_BITS);
		/* the edge's error: 2^-7 is under 0.8 % */
		assert_true(width == 1 || (double)width / (double)low <= 1.0 / 128);
	}
}

static void test_merge_equals_union(void **state)
{
	(void)state;
	for (size_t d = 0; d < N_DRAWS; d++) {
		fill(draws[d], d + 20);
		struct hcb_hist *a = &part[0], *b = &part[1], *ab = &part[2];
		hcb_hist_reset(a);
		hcb_hist_reset(b);
		for (size_t i = 0; i < N; i++)
			hcb_hist_record(i % 3 ? a : b, v[i]);
		hcb_hist_reset(ab);
		hcb_hist_merge(ab, a);
		hcb_hist_merge(ab, b);
		assert_memory_equal(ab, &h, sizeof(h));
		hcb_hist_reset(ab);
		hcb_hist_merge(ab, b);
		hcb_hist_merge(ab, a);
		assert_memory_equal(ab, &h, sizeof(h));
	}
}

static void test_merge_of_empty_changes_nothing(void **state)
{
	(void)state;
	fill(draw_exp, 3);
	memcpy(&part[0], &h, sizeof(h));
	hcb_hist_reset(&part[1]);
	hcb_hist_merge(&h, &part[1]);
	assert_memory_equal(&h, &part[0], sizeof(h));
	hcb_hist_merge(&part[1], &h);
	assert_memory_equal(&h, &part[1], sizeof(h));
}

static void test_empty_and_single(void **state)
{
	(void)state;
	hcb_hist_reset(&h);
	assert_int_equal(hcb_hist_quantile(&h, 0.5), 0);
	assert_close(hcb_hist_mean(&h), 0, 0);
	assert_true(hcb_hist_lowest(&h) > hcb_hist_highest(&h));
	hcb_hist_record(&h, 123456789);
	/* one value: clamping to [min, max] makes every quantile exact */
	assert_int_equal(hcb_hist_quantile(&h, 1e-9), 123456789);
	assert_int_equal(hcb_hist_quantile(&h, 0.5), 123456789);
	assert_int_equal(hcb_hist_quantile(&h, 1), 123456789);
	hcb_hist_record(&h, 123456789);
	assert_int_equal(hcb_hist_quantile(&h, 0.5), 123456789);
}

/* ceil(q n): of 1..100 p50 is the 50th, of 1..3 the second. */
static void test_rank_is_the_ceiling(void **state)
{
	(void)state;
	hcb_hist_reset(&h);
	for (uint64_t i = 1; i <= 100; i++)
		hcb_hist_record(&h, i);
	assert_int_equal(hcb_hist_quantile(&h, 0.5), 50);
	assert_int_equal(hcb_hist_quantile(&h, 0.505), 51);
	assert_int_equal(hcb_hist_quantile(&h, 0.99), 99);
	assert_int_equal(hcb_hist_quantile(&h, 0.999), 100);
	assert_int_equal(hcb_hist_quantile(&h, 0.01), 1);
	hcb_hist_reset(&h);
	for (uint64_t i = 1; i <= 3; i++)
		hcb_hist_record(&h, i);
	assert_int_equal(hcb_hist_quantile(&h, 0.5), 2);
}

static void test_saturation_is_counted(void **state)
{
	uint64_t limit = (uint64_t)1 << HCB_HIST_MAX_BITS;
	(void)state;
	hcb_hist_reset(&h);
	hcb_hist_record(&h, limit - 1);
	assert_int_equal(h.saturated, 0);
	hcb_hist_record(&h, limit);
	hcb_hist_record(&h, limit * 1000);
	assert_int_equal(h.saturated, 2);
	assert_int_equal(h.bucket[HCB_HIST_BUCKETS - 1], 3);
	assert_true(h.max == limit * 1000);
	assert_true(hcb_hist_quantile(&h, 1) == limit * 1000);
	hcb_hist_reset(&part[0]);
	hcb_hist_merge(&part[0], &h);
	hcb_hist_merge(&part[0], &h);
	assert_int_equal(part[0].saturated, 4);
}

/* ceil(ln 0.025 / ln q), and that n - 1 would not do. */
static void test_min_samples(void **state)
{
	static const struct {
		double q;
		uint64_t n;
	} cases[] = {{0.5, 6},      {0.95, 72}, {0.99, 368},
	             {0.999, 3688}, {0.05, 72}, {0.01, 368}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double q = cases[i].q > 0.5 ? cases[i].q : 1 - cases[i].q;
		uint64_t n = hcb_quantile_min_samples(cases[i].q);
		assert_int_equal(n, cases[i].n);
		assert_true(pow(q, (double)n) <= 0.025);
		assert_true(pow(q, (double)n - 1) > 0.025);
	}
	assert_true(hcb_quantile_min_samples(1) == UINT64_MAX);
	assert_true(hcb_quantile_min_samples(0) == UINT64_MAX);
}

/* Against the exact figure of the same samples. */
static void test_demerit_agrees_with_samples(void **state)
{
	enum { N_A = 3000, N_B = 1777 };
	static double a[N_A], b[N_B];
	(void)state;
	struct hcb_hist *two = calloc(2, sizeof(*two));
	assert_non_null(two);
	hcb_hist_reset(&two[0]);
	hcb_hist_reset(&two[1]);
	for (int i = 0; i < N_A; i++) {
		a[i] = 1e6 + i * 7001.0;
		hcb_hist_record(&two[0], (uint64_t)a[i]);
	}
	for (int i = 0; i < N_B; i++) {
		b[i] = 0.9e6 + i * (double)i * 9.0;
		hcb_hist_record(&two[1], (uint64_t)b[i]);
	}
	assert_true(hcb_hist_demerit(&two[0], &two[0]) == 0);
	assert_close(hcb_hist_demerit(&two[0], &two[1]), hcb_demerit(a, N_A, b, N_B),
	             0.01);
	assert_close(hcb_hist_demerit(&two[1], &two[0]), hcb_demerit(b, N_B, a, N_A),
	             0.01);
	free(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_quantiles_agree_with_an_exact_sort),
	        cmocka_unit_test(test_count_sum_and_extremes_are_exact),
	        cmocka_unit_test(test_buckets_tile_the_range),
	        cmocka_unit_test(test_merge_equals_union),
	        cmocka_unit_test(test_merge_of_empty_changes_nothing),
	        cmocka_unit_test(test_empty_and_single),
	        cmocka_unit_test(test_rank_is_the_ceiling),
	        cmocka_unit_test(test_saturation_is_counted),
	        cmocka_unit_test(test_min_samples),
	        cmocka_unit_test(test_demerit_agrees_with_samples),
	};
	return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
