/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hcb_test.h"

#include <errno.h>

#include "bench/core/units.h"

struct u64_case {
	const char *text;
	int result;
	uint64_t value;
};

typedef int parse_u64_fn(const char *s, uint64_t *out);

static void check_u64(parse_u64_fn *parse, const struct u64_case *c)
{
	for (; c->text; c++) {
		uint64_t v = 0;
		int r = parse(c->text, &v);
		if (r != c->result || (r == 0 && v != c->value)) {
			print_error("\"%s\": %d, %llu\n", c->text, r,
			            (unsigned long long)v);
			fail();
		}
	}
}

static void test_u64(void **state)
{
	static const struct u64_case cases[] = {
	        {"0", 0, 0},
	        {"18446744073709551615", 0, UINT64_MAX},
	        {"18446744073709551616", -ERANGE, 0},
	        {"", -EINVAL, 0},
	        {"-1", -EINVAL, 0},
	        {"+1", -EINVAL, 0},
	        {" 1", -EINVAL, 0},
	        {"1 ", -EINVAL, 0},
	        {"1x", -EINVAL, 0},
	        {"0x10", -EINVAL, 0},
	        {"1.5", -EINVAL, 0},
	        {"nan", -EINVAL, 0},
	        {NULL, 0, 0},
	};
	(void)state;
	check_u64(hcb_parse_u64, cases);
}

static void test_size(void **state)
{
	static const struct u64_case cases[] = {
	        {"0", 0, 0},
	        {"4096", 0, 4096},
	        {"512B", 0, 512},
	        {"8k", 0, 8192},
	        {"8K", 0, 8192},
	        {"8KiB", 0, 8192},
	        {"8kib", 0, 8192},
	        {"8KB", 0, 8000},
	        {"1m", 0, 1 << 20},
	        {"1MiB", 0, 1 << 20},
	        {"1MB", 0, 1000000},
	        {"2g", 0, 2ULL << 30},
	        {"2GiB", 0, 2ULL << 30},
	        {"2GB", 0, 2000000000},
	        {"1T", 0, 1ULL << 40},
	        {"1TiB", 0, 1ULL << 40},
	        {"4TB", 0, 4000000000000ULL},
	        {"1.5KiB", 0, 1536},
	        {"8 KiB", 0, 8192},
	        /* exact beyond what a double holds */
	        {"9007199254740993", 0, 9007199254740993ULL},
	        {"9223372036854775807", 0, INT64_MAX},
	        {"9223372036854775808", -ERANGE, 0},
	        {"99999999TiB", -ERANGE, 0},
	        {"8KiBx", -EINVAL, 0},
	        {"8Kx", -EINVAL, 0},
	        {"8 KiB ", -EINVAL, 0},
	        {"KiB", -EINVAL, 0},
	        {"-8KiB", -EINVAL, 0},
	        {"0x10", -EINVAL, 0},
	        {"nan", -EINVAL, 0},
	        {"inf", -EINVAL, 0},
	        {"1e3", -EINVAL, 0},
	        {"1.2.3k", -EINVAL, 0},
	        {".", -EINVAL, 0},
	        {"", -EINVAL, 0},
	        {"8Kbit", -EINVAL, 0},
	        {"8ms", -EINVAL, 0},
	        {"00000000000000000000000000000000000000000001k", -EINVAL, 0},
	        {NULL, 0, 0},
	};
	(void)state;
	check_u64(hcb_parse_size, cases);
}

static void test_duration(void **state)
{
	static const struct u64_case cases[] = {
	        {"0", 0, 0},
	        {"0s", 0, 0},
	        {"7ns", 0, 7},
	        {"300us", 0, 300000},
	        {"50ms", 0, 50000000},
	        {"30s", 0, 30000000000ULL},
	        {"5m", 0, 300000000000ULL},
	        {"5min", 0, 300000000000ULL},
	        {"1h", 0, 3600000000000ULL},
	        {"2d", 0, 172800000000000ULL},
	        {"1.5s", 0, 1500000000ULL},
	        {"0.5ns", 0, 1},
	        {"30", -EINVAL, 0},
	        {"30sec", -EINVAL, 0},
	        {"30s.", -EINVAL, 0},
	        {"-30s", -EINVAL, 0},
	        {"1h30m", -EINVAL, 0},
	        {"nan", -EINVAL, 0},
	        {"0x1s", -EINVAL, 0},
	        {"106752d", -ERANGE, 0},
	        {"", -EINVAL, 0},
	        {NULL, 0, 0},
	};
	(void)state;
	check_u64(hcb_parse_duration, cases);
}

static void test_bitrate(void **state)
{
	static const struct u64_case cases[] = {
	        {"1bit", 0, 1},
	        {"10kbit", 0, 10000},
	        {"100Mbit", 0, 100000000},
	        {"1Gbit", 0, 1000000000},
	        {"2.5Gbit", 0, 2500000000ULL},
	        {"1000", -EINVAL, 0},
	        {"1GB", -EINVAL, 0},
	        {"1Gbit/s", -EINVAL, 0},
	        {"-1Gbit", -EINVAL, 0},
	        {"99999999999Gbit", -ERANGE, 0},
	        {NULL, 0, 0},
	};
	(void)state;
	check_u64(hcb_parse_bitrate, cases);
}

struct double_case {
	const char *text;
	int result;
	double value;
};

typedef int parse_double_fn(const char *s, double *out);

static void check_double(parse_double_fn *parse, const struct double_case *c)
{
	for (; c->text; c++) {
		double v = 0;
		int r = parse(c->text, &v);
		if (r != c->result ||
		    (r == 0 && fabs(v - c->value) > 1e-12 * fabs(c->value))) {
			print_error("\"%s\": %d, %g\n", c->text, r, v);
			fail();
		}
	}
}

static void test_double(void **state)
{
	static const struct double_case cases[] = {
	        {"0", 0, 0},           {"1.25", 0, 1.25},       {"-2", 0, -2},
	        {"1e3", 0, 1000},      {"-1.5E-3", 0, -0.0015}, {"1e999", -EINVAL, 0},
	        {"", -EINVAL, 0},      {"-", -EINVAL, 0},       {"1x", -EINVAL, 0},
	        {"1e", -EINVAL, 0},    {"nan", -EINVAL, 0},     {"inf", -EINVAL, 0},
	        {"0x1p3", -EINVAL, 0}, {"1,5", -EINVAL, 0},     {"--1", -EINVAL, 0},
	        {" 1", -EINVAL, 0},    {"1 ", -EINVAL, 0},      {NULL, 0, 0},
	};
	(void)state;
	check_double(hcb_parse_double, cases);
}

static void test_rate(void **state)
{
	static const struct double_case cases[] = {
	        {"40/s", 0, 40},     {"0.5/s", 0, 0.5},     {"10/m", 0, 10.0 / 60},
	        {"36/h", 0, 0.01},   {"40", -EINVAL, 0},    {"40/sec", -EINVAL, 0},
	        {"40s", -EINVAL, 0}, {"-40/s", -EINVAL, 0}, {"nan/s", -EINVAL, 0},
	        {NULL, 0, 0},
	};
	(void)state;
	check_double(hcb_parse_rate, cases);
}

static void test_share(void **state)
{
	static const struct double_case cases[] = {
	        {"60%", 0, 0.6},     {"0.6", 0, 0.6},      {"100%", 0, 1},
	        {"0", 0, 0},         {"60%%", -EINVAL, 0}, {"60 %", -EINVAL, 0},
	        {"-1%", -EINVAL, 0}, {"%", -EINVAL, 0},    {"nan%", -EINVAL, 0},
	        {NULL, 0, 0},
	};
	(void)state;
	check_double(hcb_parse_share, cases);
}

static void test_bool(void **state)
{
	static const struct {
		const char *text;
		int result, value;
	} cases[] = {
	        {"on", 0, 1},      {"Yes", 0, 1},       {"true", 0, 1},
	        {"1", 0, 1},       {"off", 0, 0},       {"no", 0, 0},
	        {"FALSE", 0, 0},   {"0", 0, 0},         {"", -EINVAL, 0},
	        {"o", -EINVAL, 0}, {"onn", -EINVAL, 0}, {"2", -EINVAL, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int v = -1;
		assert_int_equal(hcb_parse_bool(cases[i].text, &v), cases[i].result);
		if (cases[i].result == 0)
			assert_int_equal(v, cases[i].value);
	}
}

static void test_fmt(void **state)
{
	char b[32];
	(void)state;
	assert_string_equal(hcb_fmt_bytes(b, sizeof(b), 0), "0 B");
	assert_string_equal(hcb_fmt_bytes(b, sizeof(b), 1023), "1023 B");
	assert_string_equal(hcb_fmt_bytes(b, sizeof(b), 8192), "8 KiB");
	assert_string_equal(hcb_fmt_bytes(b, sizeof(b), 1.5 * 1048576), "1.5 MiB");
	assert_string_equal(hcb_fmt_bytes(b, sizeof(b), 0x1p50), "1024 TiB");
	assert_string_equal(hcb_fmt_ns(b, sizeof(b), 0), "0 ns");
	assert_string_equal(hcb_fmt_ns(b, sizeof(b), 999), "999 ns");
	assert_string_equal(hcb_fmt_ns(b, sizeof(b), 12.4e6), "12.4 ms");
	assert_string_equal(hcb_fmt_ns(b, sizeof(b), 1.25e3), "1.25 us");
	assert_string_equal(hcb_fmt_ns(b, sizeof(b), 250e9), "250 s");
	hcb_fmt_bytes(b, 4, 1234567);
	assert_true(strlen(b) <= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_u64),      cmocka_unit_test(test_size),
	        cmocka_unit_test(test_duration), cmocka_unit_test(test_bitrate),
	        cmocka_unit_test(test_double),   cmocka_unit_test(test_rate),
	        cmocka_unit_test(test_share),    cmocka_unit_test(test_bool),
	        cmocka_unit_test(test_fmt),
	};
	return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
