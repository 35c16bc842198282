/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/procstat.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/core/units.h"

static bool first_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(buf, (int)size, f);
	if (f)
		fclose(f);
	return ok;
}

static uint64_t ticks_to_ns(uint64_t ticks)
{
	return ticks * (HCB_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
}

bool hcb_proc_cpu_ticks(const char *stat, uint64_t *out)
{
	uint64_t user, sys;
	/* The second field is the command's name, which may hold anything. */
	const char *p = strrchr(stat, ')');
	if (!p ||
	    sscanf(p + 1,
	           " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
	           &user, &sys) != 2)
		return false;
	*out = user + sys;
	return true;
}

bool hcb_proc_cpu_ns(pid_t pid, uint64_t *out)
{
	char path[64], buf[1024];
	uint64_t ticks;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (!first_line(path, buf, sizeof(buf)) || !hcb_proc_cpu_ticks(buf, &ticks))
		return false;
	*out = ticks_to_ns(ticks);
	return true;
}

bool hcb_machine_busy_ns(uint64_t *out)
{
	char buf[512];
	uint64_t v[8]; /* user nice system idle iowait irq softirq steal */
	if (!first_line("/proc/stat", buf, sizeof(buf)) ||
	    sscanf(buf,
	           "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
	           " %" SCNu64 " %" SCNu64 " %" SCNu64,
	           &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
		return false;
	*out = ticks_to_ns(v[0] + v[1] + v[2] + v[5] + v[6] + v[7]);
	return true;
}

bool hcb_proc_net_line(const char *line, const char *interface,
                       struct hcb_proc_traffic *out)
{
	uint64_t rx_bytes, rx_packets, tx_bytes, tx_packets;
	size_t n = strlen(interface);
	line += strspn(line, " ");
	if (strncmp(line, interface, n) != 0 || line[n] != ':')
		return false;
	if (sscanf(line + n + 1,
	           "%" SCNu64 " %" SCNu64 " %*u %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
	           &rx_bytes, &rx_packets, &tx_bytes, &tx_packets) != 4)
		return false;
	*out = (struct hcb_proc_traffic){rx_packets + tx_packets, rx_bytes + tx_bytes};
	return true;
}

bool hcb_proc_traffic(pid_t pid, const char *interface, struct hcb_proc_traffic *out)
{
	char path[64], line[512];
	bool found = false;
	snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
	FILE *f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = hcb_proc_net_line(line, interface, out);
	if (f)
		fclose(f);
	return found;
}
