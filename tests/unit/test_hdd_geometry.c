/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hdd_test.h"

#include "engines/hdd_geometry.h"

static struct hdd_geometry g; /* large: not on the stack */

static const char *const profiles[] = {"generic-7200", "constellation-es3-2tb",
                                       "wd-re4-2tb", "barracuda-dm006-2tb",
                                       "nearline-5400"};
#define N_PROFILES (sizeof(profiles) / sizeof(profiles[0]))

static struct hdd_profile load(const char *name)
{
	struct hdd_profile p = hdd_test_profile(name);
	hdd_geometry_init(&g, &p, 1.0);
	return p;
}

static void test_every_profile_holds_its_sectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_PROFILES; i++) {
		struct hdd_profile p = load(profiles[i]);
		assert_true(g.sectors >= p.sectors);
		assert_true(g.sectors < p.sectors + p.sectors / 50);
	}
}

static void test_seek_rises_from_one_track_to_the_full_stroke(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_PROFILES; i++) {
		struct hdd_profile p = load(profiles[i]);
		uint32_t before = 0;
		for (uint32_t d = 1; d < g.cyls; d++) {
			uint32_t t = hdd_seek_ns(&g, d);
			assert_true(t >= before);
			before = t;
		}
		assert_int_equal(hdd_seek_ns(&g, 1), p.track_ns);
		assert_close(hdd_seek_ns(&g, g.cyls - 1), (double)p.full_ns, 1e-6);
		/* The table's step is 1/64 octave, and a chord cuts the knee's corner. */
		assert_close(hdd_seek_ns(&g, (uint32_t)(p.knee * g.cyls)),
		             (double)p.knee_ns, 1e-3);
	}
}

/* Beyond the reach no track is had in time, and no next track lies beyond it. */
static void test_reach_leaves_nothing_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_PROFILES; i++) {
		struct hdd_place at, next;
		struct hcb_random r;
		load(profiles[i]);
		hcb_random_init(&r, 6, i);
		for (uint32_t ns = 0; ns < 40000000; ns += 1009) {
			uint32_t d = hdd_reach(&g, ns);
			assert_true(d >= g.band);
			if (d < g.cyls - 1)
				assert_true(hdd_seek_ns(&g, d + 1) >= ns);
			if (d > g.band &&
			    d < g.cyls - 1) /* and it is no wider than a step */
				assert_true(hdd_seek_ns(&g, d) <
				            ns + (1u << HDD_REACH_SHIFT));
		}
		for (int k = 0; k < 100000; k++) {
			hdd_locate(&g, hcb_random_below(&r, g.sectors), &at);
			next = at;
			if (!hdd_next_track(&g, &next))
				continue;
			uint32_t far =
			        next.cyl > at.cyl ? next.cyl - at.cyl : at.cyl - next.cyl;
			assert_true(far <= hdd_reach(&g, 0));
		}
	}
}

/* Vendor averages. 1e6 pairs of a curve with a deviation of 3.7 ms: the mean is known to
   0.0037 ms, far inside the 2 % asked for. The DM006's average is not published: its
   curve was fitted to measured response times. */
static void test_mean_seek_is_the_vendors(void **state)
{
	static const double ms[] = {8.5, 8.5, 8.9};
	(void)state;
	for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
		struct hcb_random r;
		double sum = 0;
		load(profiles[i]);
		hcb_random_init(&r, 5, 0);
		for (int k = 0; k < 1000000; k++) {
			uint64_t a = hcb_random_below(&r, g.cyls);
			uint64_t b = hcb_random_below(&r, g.cyls);
			if (a != b)
				sum += hdd_seek_ns(&g, (uint32_t)(a > b ? a - b : b - a));
		}
		assert_close(sum / 1e12, ms[i], 0.02);
	}
}

static void test_zones_fall_inward_and_stream_at_their_rate(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_PROFILES; i++) {
		load(profiles[i]);
		for (uint32_t z = 0; z < g.n_zones; z++) {
			struct hdd_place at, last;
			uint32_t spt = g.zone[z].spt;
			if (z > 0)
				assert_true(spt < g.zone[z - 1].spt);
			hdd_locate(&g, g.zone[z].first_lba, &at);
			assert_int_equal(at.zone, z);
			/* 100 tracks: 100 turns and the 99 switches between them,
			 * exactly. */
			uint64_t t = hdd_transfer_ns(&g, &at, 100ull * spt, &last);
			assert_int_equal(t, 100ull * g.rev_ns + 99ull * g.skew_ns);
		}
	}
}

/* Streaming from a to b ends where locating b says b is: one layout, told two ways. */
static void test_streaming_and_locating_agree(void **state)
{
	struct hcb_random r;
	(void)state;
	load("generic-7200");
	hcb_random_init(&r, 6, 0);
	for (int k = 0; k < 100000; k++) {
		struct hdd_place from, to, last;
		uint64_t n = 1 + hcb_random_below(&r, 20000);
		uint64_t lba = hcb_random_below(&r, g.sectors - n - 1);
		hdd_locate(&g, lba, &from);
		uint32_t angle = from.angle;
		uint64_t t = hdd_transfer_ns(&g, &from, n, &last);
		hdd_locate(&g, lba + n, &to);
		assert_int_equal(from.lba, to.lba);
		assert_int_equal(from.track, to.track);
		assert_int_equal(from.cyl, to.cyl);
		assert_int_equal(from.head, to.head);
		assert_int_equal(from.sector, to.sector);
		assert_int_equal(from.angle, to.angle);
		/* The head is over it when streaming gets there: no turn is ever lost. */
		if (last.track != to.track)
			t += g.skew_ns;
		assert_int_equal((angle + t) % g.rev_ns, to.angle);
	}
}

/* Every track of a zone has a cylinder and head of its own. */
static void test_tracks_of_a_zone_do_not_overlap(void **state)
{
	(void)state;
	load("constellation-es3-2tb");
	const struct hdd_zone *z = &g.zone[g.n_zones - 1]; /* its last band is partial */
	assert_true(z->cyls % g.band != 0);
	uint8_t *seen = calloc(z->cyls, g.heads);
	assert_non_null(seen);
	for (uint32_t k = 0; k < z->cyls * g.heads; k++) {
		struct hdd_place at;
		hdd_locate(&g, z->first_lba + (uint64_t)k * z->spt, &at);
		assert_in_range(at.cyl, z->first_cyl, z->first_cyl + z->cyls - 1);
		assert_in_range(at.head, 0, g.heads - 1);
		uint8_t *s = &seen[(at.cyl - z->first_cyl) * g.heads + at.head];
		assert_int_equal(*s, 0);
		*s = 1;
	}
	free(seen);
}

/* Serpentine: the next head takes over where the last one stopped; only from band to band
   does the arm move further than a track. */
static void test_next_track_is_near(void **state)
{
	(void)state;
	load("generic-7200");
	struct hdd_place at, before;
	hdd_locate(&g, 0, &at);
	before = at;
	while (hdd_next_track(&g, &at)) {
		uint32_t d =
		        at.cyl > before.cyl ? at.cyl - before.cyl : before.cyl - at.cyl;
		if (at.head == before.head)
			assert_int_equal(d, 1);
		else if (at.head > 0)
			assert_int_equal(d, 0);
		else
			assert_true(d <= g.band);
		before = at;
	}
	assert_int_equal(at.lba, g.sectors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_profile_holds_its_sectors),
	        cmocka_unit_test(test_seek_rises_from_one_track_to_the_full_stroke),
	        cmocka_unit_test(test_reach_leaves_nothing_out),
	        cmocka_unit_test(test_mean_seek_is_the_vendors),
	        cmocka_unit_test(test_zones_fall_inward_and_stream_at_their_rate),
	        cmocka_unit_test(test_streaming_and_locating_agree),
	        cmocka_unit_test(test_tracks_of_a_zone_do_not_overlap),
	        cmocka_unit_test(test_next_track_is_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
