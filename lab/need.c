/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this machine must have for a lab: asked before anything is built, by "lab up",
 * which stops at the first thing that is missing, and by "lab check", which names all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "engines/hdd_profile.h"
#include "lab/impl.h"

/* Measured after the warm-up: 0.3 to 1 GiB of disk and 0.5 GiB of process. An OSD may
   grow to its memory target of 2 GiB, and images come on top. */
#define MEMORY_PER_OSD    (3072 * HCB_MIB)
#define PROCESS_PER_OSD   (1024 * HCB_MIB)
/* ext4's tables and journal, and a monitor's store; what a run puts there comes on top.
 */
#define MEMORY_PER_SYSTEM (512 * HCB_MIB)
#define MEMORY_BASE       (1024 * HCB_MIB)
/* Open vSwitch's two daemons, two tincds, an iperf3. */
#define MEMORY_PER_VM     (96 * HCB_MIB)

static bool always(const struct hcb_cluster *c)
{
	(void)c;
	return true;
}

static bool has_tunnel(const struct hcb_cluster *c)
{
	return lab_has_net(c, LAB_NET_ADMIN) || lab_has_net(c, LAB_NET_VMLINK);
}

static bool has_vms(const struct hcb_cluster *c)
{
	return lab_has_net(c, LAB_NET_VM);
}

static bool has_system(const struct hcb_cluster *c)
{
	for (unsigned i = 0; i < c->n_hosts; i++)
		if (c->hosts[i].system_served)
			return true;
	return false;
}

static const struct {
	const char *program, *package;
	bool (*wanted)(const struct hcb_cluster *c);
} programs[] = {{"ceph-mon", "ceph-mon", always},
                {"ceph-mgr", "ceph-mgr", always},
                {"ceph-osd", "ceph-osd", always},
                {"monmaptool", "ceph-base", always},
                {"ip", "iproute2", always},
                {"tc", "iproute2", always},
                {"mkfs.ext4", "e2fsprogs", has_system},
                {"tincd", "tinc", has_tunnel},
                {"ovsdb-tool", "openvswitch-common", has_vms},
                {"ovsdb-server", "openvswitch-switch", has_vms},
                {"ovs-vswitchd", "openvswitch-switch", has_vms},
                {"ovs-vsctl", "openvswitch-switch", has_vms}};

static const struct {
	const char *path;
	bool (*wanted)(const struct hcb_cluster *c);
} devices[] = {{"/dev/loop-control", always},
               {"/dev/fuse", always},
               {"/dev/net/tun", has_tunnel}};

static bool have_program(const char *name)
{
	static const char *const dirs[] = {"/usr/bin",       "/usr/sbin",
	                                   "/bin",           "/sbin",
	                                   "/usr/local/bin", "/usr/local/sbin"};
	char path[96];
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

int lab_need_program(const char *program, const char *package, struct hcb_err *err)
{
	if (have_program(program))
		return 0;
	return hcb_err_set(err, -ENOENT,
	                   "find %s: not installed; \"apt install %s\" brings it",
	                   program, package);
}

static void add_word(char *list, size_t size, const char *word)
{
	char padded[200], want[64];
	size_t len = strlen(list);
	snprintf(padded, sizeof(padded), " %s ", list);
	snprintf(want, sizeof(want), " %s ", word);
	if (!strstr(padded, want))
		snprintf(list + len, size - len, "%s%s", len ? " " : "", word);
}

/* All that are missing in one line, so that one command brings them. */
static int check_programs(struct lab *lab, struct hcb_err *err)
{
	char names[160] = "", packages[160] = "";
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (!programs[i].wanted(&lab->cluster) ||
		    have_program(programs[i].program))
			continue;
		add_word(names, sizeof(names), programs[i].program);
		add_word(packages, sizeof(packages), programs[i].package);
	}
	return names[0] ? lab_need_program(names, packages, err) : 0;
}

static int check_build(struct lab *lab, struct hcb_err *err)
{
	(void)lab;
#ifdef HCB_HAVE_RADOS
	(void)err;
	return 0;
#else
	return hcb_err_set(err, -ENOSYS, "lab: built without librados");
#endif
}

/* What a cluster file may ask of the model, and not yet of the lab. */
static int check_asked(struct lab *lab, struct hcb_err *err)
{
	const struct hcb_cluster *c = &lab->cluster;
	if (c->dilation > LAB_MAX_DILATION)
		return hcb_err_usage(err,
		                     "%s: dilation %g: a lab goes up to %g; beyond, the "
		                     "kernel's own timers would be in the measurement",
		                     c->path, c->dilation, LAB_MAX_DILATION);
	return 0;
}

static int check_root(struct lab *lab, struct hcb_err *err)
{
	(void)lab;
	if (geteuid() == 0)
		return 0;
	return hcb_err_set(err, -EPERM,
	                   "lab: needs root, for namespaces, mounts and loop devices");
}

static int check_devices(struct lab *lab, struct hcb_err *err)
{
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (devices[i].wanted(&lab->cluster) &&
		    access(devices[i].path, R_OK | W_OK))
			return hcb_err_sys(err, -errno, "open %s", devices[i].path);
	return 0;
}

static int check_profile(const char *name, struct hcb_err *err)
{
	struct hdd_profile p;
	return name[0] ? hdd_profile_find(name, &p, err) : 0;
}

static int check_profiles(struct lab *lab, struct hcb_err *err)
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i < lab->n_osds; i++)
		r = check_profile(lab->osds[i].spec.profile, err);
	for (unsigned i = 0; r == 0 && i < lab->cluster.n_hosts; i++)
		r = check_profile(lab->cluster.hosts[i].system.profile, err);
	return r;
}

/* ---- memory ---- */

/* The most disks that one pool's data fills at once. */
static unsigned most_of_a_class(const struct lab *lab)
{
	unsigned most = 1;
	for (unsigned i = 0; i < lab->n_osds; i++) {
		unsigned n = 0;
		for (unsigned k = 0; k < lab->n_osds; k++)
			n += strcmp(lab->osds[i].spec.crush_class,
			            lab->osds[k].spec.crush_class) == 0;
		most = n > most ? n : most;
	}
	return most;
}

int lab_memory(const struct lab *lab, struct lab_memory *m, struct hcb_err *err)
{
	char buf[4096];
	unsigned n_system = 0;
	for (unsigned i = 0; i < lab->cluster.n_hosts; i++)
		n_system += lab->hosts[i].has_system;
	int n = lab_read_file("/proc/meminfo", buf, sizeof(buf));
	const char *p = n > 0 ? strstr(buf, "MemAvailable:") : NULL;
	if (!p)
		return hcb_err_set(err, -EIO, "read /proc/meminfo: no MemAvailable");
	uint64_t fixed =
	        MEMORY_BASE + n_system * MEMORY_PER_SYSTEM +
	        (has_vms(&lab->cluster) ? lab->cluster.n_hosts : 0) * MEMORY_PER_VM;
	m->available = strtoull(p + 13, NULL, 10) * 1024;
	m->need = fixed + lab->n_osds * MEMORY_PER_OSD;
	uint64_t used = fixed + lab->n_osds * PROCESS_PER_OSD;
	m->per_disk =
	        m->available > used ? (m->available - used) / most_of_a_class(lab) : 0;
	return 0;
}

/* A full disk must not take the machine: what there is is divided among the disks of one
   class, since one pool's data fills them alike. */
static int check_memory(struct lab *lab, struct hcb_err *err)
{
	struct lab_memory m;
	int r = lab_memory(lab, &m, err);
	if (r)
		return r;
	lab->data_bytes = m.per_disk;
	if (m.available >= m.need)
		return 0;
	return hcb_err_set(
	        err, -ENOMEM,
	        "check memory: %u OSDs on served disks need %.1f GiB, %.1f are "
	        "available",
	        lab->n_osds, (double)m.need / (double)HCB_GIB,
	        (double)m.available / (double)HCB_GIB);
}

static int (*const checks[])(struct lab *lab, struct hcb_err *err) = {
        check_build,   check_asked,    check_root,   check_programs,
        check_devices, check_profiles, check_memory,
};

unsigned lab_lacks(struct lab *lab, struct hcb_err *out, unsigned max)
{
	unsigned n = 0;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && n < max; i++) {
		out[n] = (struct hcb_err)HCB_ERR_INIT;
		n += checks[i](lab, &out[n]) != 0;
	}
	return n;
}

int lab_need(struct lab *lab, struct hcb_err *err)
{
	struct hcb_err first[1];
	if (lab_lacks(lab, first, 1) == 0)
		return 0;
	if (err)
		*err = first[0];
	return first[0].code;
}
