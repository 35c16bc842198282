/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/hostload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void read_stat(int fd, uint64_t *busy, uint64_t *total, uint64_t *steal)
{
	char buf[512];
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);
	unsigned long long v[8] = {
	        0}; /* user nice system idle iowait irq softirq steal */
	*busy = *total = *steal = 0;
	if (n <= 0)
		return;
	buf[n] = '\0';
	if (sscanf(buf, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1],
	           &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) < 8)
		return;
	for (int i = 0; i < 8; i++)
		*total += v[i];
	*busy = *total - v[3] - v[4];
	*steal = v[7];
}

static void *sampler(void *arg)
{
	struct hcb_hostload *h = arg;
	int fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	struct timespec at;
	if (fd < 0)
		return NULL;
	clock_gettime(CLOCK_MONOTONIC, &at);
	while (!atomic_load(&h->stop)) {
		uint32_t i = atomic_load(&h->n);
		if (i < HCB_HOSTLOAD_MAX) {
			read_stat(fd, &h->busy[i], &h->total[i], &h->steal[i]);
			atomic_store(&h->n, i + 1);
		}
		/* 4 naps a second, so that stopping is quick */
		for (int nap = 0; nap < 4 && !atomic_load(&h->stop); nap++) {
			at.tv_nsec += 250000000;
			at.tv_sec += at.tv_nsec / 1000000000;
			at.tv_nsec %= 1000000000;
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		}
	}
	close(fd);
	return NULL;
}

int hcb_hostload_start(struct hcb_hostload *h, struct hcb_err *err)
{
	memset(h, 0, sizeof(*h));
	h->busy = calloc(HCB_HOSTLOAD_MAX, sizeof(uint64_t));
	h->total = calloc(HCB_HOSTLOAD_MAX, sizeof(uint64_t));
	h->steal = calloc(HCB_HOSTLOAD_MAX, sizeof(uint64_t));
	int r = h->busy && h->total && h->steal ? 0 : ENOMEM;
	r = r ? r : pthread_create(&h->thread, NULL, sampler, h);
	if (!r)
		return 0;
	hcb_hostload_free(h);
	return hcb_err_sys(err, -r, "start the processor sampler");
}

void hcb_hostload_stop(struct hcb_hostload *h)
{
	if (!h->busy || atomic_load(&h->stop))
		return;
	atomic_store(&h->stop, true);
	pthread_join(h->thread, NULL);
}

void hcb_hostload_free(struct hcb_hostload *h)
{
	free(h->busy);
	free(h->total);
	free(h->steal);
	h->busy = h->total = h->steal = NULL;
}

static double share(const uint64_t *part, const uint64_t *total, uint32_t from,
                    uint32_t to)
{
	if (to <= from || total[to] <= total[from])
		return 0;
	return (double)(part[to] - part[from]) / (double)(total[to] - total[from]);
}

double hcb_hostload_mean(const struct hcb_hostload *h)
{
	uint32_t n = atomic_load(&h->n);
	return n ? share(h->busy, h->total, 0, n - 1) : 0;
}

double hcb_hostload_steal(const struct hcb_hostload *h)
{
	uint32_t n = atomic_load(&h->n);
	return n ? share(h->steal, h->total, 0, n - 1) : 0;
}

/* Readings from..to. */
static double worst10(const struct hcb_hostload *h, uint32_t from, uint32_t to)
{
	double worst = 0;
	if (to - from < 10)
		return share(h->busy, h->total, from, to);
	for (uint32_t i = from; i + 10 <= to; i++) {
		double b = share(h->busy, h->total, i, i + 10);
		if (b > worst)
			worst = b;
	}
	return worst;
}

double hcb_hostload_worst10(const struct hcb_hostload *h)
{
	uint32_t n = atomic_load(&h->n);
	return n ? worst10(h, 0, n - 1) : 0;
}

double hcb_hostload_worst10_of(const struct hcb_hostload *h, double from_s, double to_s)
{
	uint32_t n = atomic_load(&h->n);
	if (!n || from_s < 0 || from_s >= (double)(n - 1))
		return 0;
	double end = to_s > (double)(n - 1) ? (double)(n - 1) : to_s;
	uint32_t to = (uint32_t)end + (end > (double)(uint32_t)end);
	return worst10(h, (uint32_t)from_s, to);
}
