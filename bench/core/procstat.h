/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What /proc counts: processor time of a process and of the machine, packets of an
   interface. The differences of two readings are the measurement. */
#ifndef HCB_CORE_PROCSTAT_H
#define HCB_CORE_PROCSTAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* User and system time of a process with all its threads, in ns; counted in clock ticks
   (10 ms on Debian). False: there is no such process. */
bool hcb_proc_cpu_ns(pid_t pid, uint64_t *out);
/* The same from the text of /proc/PID/stat, in ticks. */
bool hcb_proc_cpu_ticks(const char *stat, uint64_t *out);

/* All processors' time that was not idle, steal included, in ns since boot. */
bool hcb_machine_busy_ns(uint64_t *out);

/* Received and sent together, of an interface in the network that the process is in (/sys
   would show the network it was mounted in). False: no such process or interface. */
struct hcb_proc_traffic {
	uint64_t packets, bytes;
};
bool hcb_proc_traffic(pid_t pid, const char *interface, struct hcb_proc_traffic *out);
/* One line of /proc/net/dev; false if it is another interface's. */
bool hcb_proc_net_line(const char *line, const char *interface,
                       struct hcb_proc_traffic *out);

#endif
