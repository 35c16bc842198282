/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/cmd/signals.h"

#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t signal_seen, alarm_rang;

/* timeout(1), systemd and a terminal signal the process and then its group: the same
 * request comes twice within microseconds. A person's second Ctrl-C comes later. */
#define ONE_REQUEST_NS 500000000ull

static void on_signal(int sig)
{
	static volatile uint64_t first_ns;
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	uint64_t now_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	if (sig == SIGALRM) {
		if (!signal_seen) {
			alarm_rang = 1;
			signal_seen = SIGTERM;
		}
		return;
	}
	if (!signal_seen || alarm_rang)
		first_ns = now_ns;
	else if (now_ns - first_ns > ONE_REQUEST_NS)
		_exit(128 + sig);
	alarm_rang = 0;
	signal_seen = sig;
}

const volatile sig_atomic_t *hcb_catch_signals(void)
{
	struct sigaction sa;
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	sigemptyset(&sa.sa_mask);
	sigaddset(&sa.sa_mask, SIGINT);
	sigaddset(&sa.sa_mask, SIGTERM);
	sigaddset(&sa.sa_mask, SIGALRM);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	return &signal_seen;
}

void hcb_alarm_in(uint64_t ns)
{
	/* At least a microsecond: none at all would be no alarm. */
	struct itimerval t = {
	        .it_value = {.tv_sec = (time_t)(ns / 1000000000u),
	                     .tv_usec = (suseconds_t)(ns / 1000 % 1000000)}};
	struct sigaction sa;
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	sigemptyset(&sa.sa_mask);
	sigaddset(&sa.sa_mask, SIGINT);
	sigaddset(&sa.sa_mask, SIGTERM);
	sigaction(SIGALRM, &sa, NULL);
	if (ns && ns < 1000)
		t.it_value.tv_usec = 1;
	setitimer(ITIMER_REAL, &t, NULL);
}

bool hcb_alarm_off(void)
{
	sigset_t all, old;
	hcb_alarm_in(0);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	bool rang = alarm_rang;
	if (rang)
		signal_seen = 0;
	alarm_rang = 0;
	sigprocmask(SIG_SETMASK, &old, NULL);
	return rang;
}
