/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The nightly gate as shipped, once it has spoken: how sure its shift is, whether an
 * episode ends when it should, what drift takes, how often many series together look like
 * the environment, and what calibration makes of a site's nights. Nothing here is held to
 * a goal. `make accuracy` keeps what it prints.
 */
#include "series.h"

/* ---- how sure is the shift? ---- */

static void intervals(unsigned series)
{
	static struct series s;
	struct hcb_gate_conf conf = plain_conf();
	printf("95 %% interval of the shift: share of episodes whose interval holds the "
	       "true "
	       "step, and the mean shift said; history 30\n\n%-9s %-4s %14s %14s %14s "
	       "%14s\n",
	       "noise", "step", "as announced", "said / true", "14 nights on",
	       "said / true");
	static const enum noise_kind kinds[] = {NOISE_NORMAL, NOISE_T4, NOISE_AR3};
	for (size_t i = 0; i < 3; i++) {
		for (int step = 3; step <= 5; step++) {
			double truth = SIGMA * step, said[2] = {0};
			unsigned held[2] = {0}, n = 0, lasting = 0;
			for (unsigned k = 0; k < series; k++) {
				size_t t = 30;
				draw_series(&s, 60, kinds[i], k);
				judge_series(&s, 60, 30, 60, step, &conf);
				while (t < 46 && !s.r[t].announce)
					t++;
				if (t == 46 || s.r[t].state != HCB_GATE_REGRESSION)
					continue;
				n++;
				held[0] += s.r[t].lo <= truth && truth <= s.r[t].hi;
				said[0] += s.r[t].shift / truth;
				size_t end = t + 15; /* as if today were then */
				judge_series(&s, end, 30, 60, step, &conf);
				const struct hcb_gate_result *r = &s.r[end - 1];
				if (r->episode != HCB_GATE_REGRESSION)
					continue;
				lasting++;
				held[1] += r->lo <= truth && truth <= r->hi;
				said[1] += r->shift / truth;
			}
			printf("%-9s %-4d %13.1f%% %14.3f %13.1f%% %14.3f\n",
			       noise_name[kinds[i]], step, 100.0 * held[0] / n,
			       said[0] / n, 100.0 * held[1] / lasting, said[1] / lasting);
		}
	}
}

/* ---- do episodes end when they should? ---- */

static bool recovered_by(const struct series *s, size_t from, size_t to)
{
	for (size_t t = from; t < to; t++)
		if (s->r[t].state == HCB_GATE_RECOVERED)
			return true;
	return false;
}

static void recovery(unsigned series)
{
	static struct series s;
	struct hcb_gate_conf conf = plain_conf();
	printf("\nRECOVERED: of steps found within 14 nights. Lasting: wrongly called "
	       "over "
	       "within so many nights of the announcement. Undone after 20 nights: "
	       "rightly "
	       "called over within so many nights\n\n%-4s %12s %12s %14s %10s %10s "
	       "%10s\n",
	       "step", "lasting: 7", "30 nights", "announced", "undone: 3", "5", "10");
	for (int step = 2; step <= 5; step++) {
		unsigned n = 0, wrong[2] = {0}, again = 0, back[3] = {0}, open = 0;
		for (unsigned k = 0; k < series; k++) {
			size_t t = 30;
			draw_series(&s, 90, NOISE_NORMAL, k);
			judge_series(&s, 90, 30, 90, step, &conf);
			while (t < 44 && !s.r[t].announce)
				t++;
			if (t == 44 || s.r[t].state != HCB_GATE_REGRESSION)
				continue;
			n++;
			wrong[0] += recovered_by(&s, t, t + 8);
			wrong[1] += recovered_by(&s, t, t + 31);
			again += announced(&s, t, t + 31, HCB_GATE_REGRESSION);
			judge_series(&s, 90, 30, 50, step, &conf);
			if (s.r[49].episode != HCB_GATE_REGRESSION)
				continue;
			open++;
			back[0] += recovered_by(&s, 50, 53);
			back[1] += recovered_by(&s, 50, 55);
			back[2] += recovered_by(&s, 50, 60);
		}
		printf("%-4d %12.3f %12.3f %8.2f times %10.3f %10.3f %10.3f\n", step,
		       (double)wrong[0] / n, (double)wrong[1] / n, (double)again / n,
		       (double)back[0] / open, (double)back[1] / open,
		       (double)back[2] / open);
	}
}

/* ---- drift ---- */

/* Each night worse by `slope` deviations than the one before; asked weekly. */
static size_t drift_found(const struct series *s, size_t n,
                          const struct hcb_gate_conf *conf)
{
	double y[MOST];
	for (size_t t = 0; t < n; t++)
		y[t] = s->night[t].y;
	for (size_t t = 37; t <= n; t += 7) {
		struct hcb_gate_result r;
		if (hcb_gate_drift(y, 30, y + 30, t - 30, conf, &r) < 0)
			abort();
		if (r.state == HCB_GATE_REGRESSION)
			return t - 30;
	}
	return SIZE_MAX;
}

static void drift(unsigned series)
{
	static const double slope[] = {0, 0.01, 0.02, 0.05};
	static const size_t by[] = {60, 120, 240};
	static struct series s;
	struct hcb_gate_conf conf = plain_conf();
	printf("\nDrift: found by the rolling baseline and by the pinned one (30 nights, "
	       "asked weekly), within so many nights; slope in deviations a night, 0: "
	       "false "
	       "alarms\n\n%-6s %12s %12s %12s %12s %12s %12s\n",
	       "slope", "rolling: 60", "120", "240", "pinned: 60", "120", "240");
	for (size_t i = 0; i < sizeof(slope) / sizeof(slope[0]); i++) {
		unsigned rolling[3] = {0}, pinned[3] = {0};
		for (unsigned k = 0; k < series; k++) {
			size_t n = 270;
			draw_series(&s, n, NOISE_NORMAL, k);
			for (size_t t = 30; t < n; t++)
				s.z[t] += slope[i] * (double)(t - 29);
			judge_series(&s, n, n, n, 0, &conf);
			size_t found = drift_found(&s, n, &conf);
			for (int j = 0; j < 3; j++) {
				rolling[j] += announced(&s, 30, 30 + by[j],
				                        HCB_GATE_REGRESSION) > 0;
				pinned[j] += found <= by[j];
			}
		}
		printf("%-6g", slope[i]);
		for (int j = 0; j < 3; j++)
			printf(" %12.3f", (double)rolling[j] / series);
		for (int j = 0; j < 3; j++)
			printf(" %12.3f", (double)pinned[j] / series);
		printf("\n");
	}
}

/* ---- many series ---- */

#define CONTROLS 8
#define GROUPS   6
#define METRICS  (3 * GROUPS)

/* Nights 30 to 129 of quiet controls and workloads with three metrics each, related as
   those of one workload are (correlation 0.8), and unrelated otherwise. */
static void environment(unsigned clusters)
{
	static struct series s[CONTROLS + METRICS];
	struct hcb_gate_conf conf = plain_conf();
	unsigned control = 0, together = 0, nights = 0;
	uint64_t number = 1000000;
	for (unsigned c = 0; c < clusters; c++) {
		for (unsigned i = 0; i < CONTROLS + METRICS; i++) {
			draw_series(&s[i], 130, NOISE_NORMAL, number++);
			const struct series *first = &s[i - (i - CONTROLS) % 3];
			for (size_t t = 0; i > CONTROLS && first != &s[i] && t < 130; t++)
				s[i].z[t] = 0.8 * first->z[t] + 0.6 * s[i].z[t];
		}
		for (unsigned i = 0; i < CONTROLS + METRICS; i++)
			judge_series(&s[i], 130, 130, 130, 0, &conf);
		for (size_t t = 30; t < 130; t++) {
			struct hcb_gate_voice v[CONTROLS + METRICS];
			for (unsigned i = 0; i < CONTROLS + METRICS; i++)
				v[i] = hcb_gate_voice(&s[i].r[t], t,
				                      i < CONTROLS ? i
				                                   : (i - CONTROLS) / 3);
			enum hcb_gate_environment e =
			        hcb_gate_environment(v, CONTROLS, v + CONTROLS, METRICS);
			control += e == HCB_GATE_CONTROL;
			together += e == HCB_GATE_TOGETHER;
			nights++;
		}
	}
	printf("\nENVIRONMENT when nothing is wrong, %d controls and %d workloads of "
	       "three "
	       "metrics: a control moves on %.2f nights of 100, unrelated metrics move "
	       "together on %.3f\n",
	       CONTROLS, GROUPS, 100.0 * control / nights, 100.0 * together / nights);
}

/* ---- calibration ---- */

static double rate(enum noise_kind kind, const struct hcb_gate_conf *conf, uint64_t from,
                   unsigned series)
{
	static struct series s;
	unsigned n = 0;
	for (unsigned k = 0; k < series; k++) {
		draw_series(&s, 130, kind, from + k);
		judge_series(&s, 130, 130, 130, 0, conf);
		n += announced(&s, 30, 130, HCB_GATE_REGRESSION);
	}
	return (double)n / series;
}

static void calibration(unsigned sites, unsigned series)
{
	static const enum noise_kind kinds[] = {NOISE_BAD, NOISE_AR3, NOISE_AR6};
	static const size_t nights[] = {60, 200};
	printf("\nCalibration to 0.1 false alarms per 100 nights, from so many nights of "
	       "a "
	       "site: h at n = 30, and the alarms that such a site then has; %u sites a "
	       "row, "
	       "mean and extremes\n\n%-9s %6s %20s %26s %12s\n",
	       sites, "noise", "nights", "h", "alarms per 100 nights", "as shipped");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct hcb_gate_conf shipped = plain_conf();
		double before = rate(kinds[i], &shipped, 3000000, series * sites / 4);
		for (int j = 0; j < 2; j++) {
			double h[3] = {0, 1e9, 0}, f[3] = {0, 1e9, 0};
			for (unsigned k = 0; k < sites; k++) {
				static struct series s;
				struct hcb_gate_conf c = plain_conf();
				draw_series(&s, nights[j], kinds[i], 2000000 + k);
				for (size_t t = 0; t < nights[j]; t++)
					s.z[t] *= SIGMA;
				if (hcb_gate_calibrate(s.z, nights[j], 0.1, k, &c) < 0)
					abort();
				double r =
				        rate(kinds[i], &c, 3000000 + k * series, series);
				h[0] += c.h[3] / sites;
				h[1] = fmin(h[1], c.h[3]);
				h[2] = fmax(h[2], c.h[3]);
				f[0] += r / sites;
				f[1] = fmin(f[1], r);
				f[2] = fmax(f[2], r);
			}
			printf("%-9s %6zu %5.2f (%.2f to %.2f) %11.3f (%.3f to %.3f) "
			       "%12.3f\n",
			       noise_name[kinds[i]], nights[j], h[0], h[1], h[2], f[0],
			       f[1], f[2], before);
		}
	}
}

int main(int argc, char **argv)
{
	unsigned series = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
	intervals(series);
	recovery(series);
	drift(series);
	environment(series / 10);
	calibration(series / 100, series / 4);
	return 0;
}
