/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/machine_look.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "bench/core/clock.h"

#define MAX_WORDS 64
#define MAX_DEPTH 64 /* of processes started by each other */

/* Verbs that load storage; NULL: always, else only with that option. */
static const struct {
	const char *verb, *option;
} loads[] = {
        {"run", NULL},  {"probe", NULL},  {"search", NULL},   {"ab", NULL},
        {"size", NULL}, {"verify", NULL}, {"check", "--run"},
};

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Started by hand, or as a child of another ("/proc/self/exe"). */
static bool is_hcbench(const char *word)
{
	return strcmp(base(word), "hcbench") == 0 || strcmp(word, "/proc/self/exe") == 0;
}

static bool says(const char *const *words, size_t n, const char *option)
{
	size_t len = strlen(option);
	for (size_t i = 2; i < n; i++)
		if (strncmp(words[i], option, len) == 0 &&
		    (words[i][len] == '\0' || words[i][len] == '='))
			return true;
	return false;
}

bool hcb_measures(const char *cmdline, size_t len)
{
	const char *words[MAX_WORDS];
	size_t n = 0;
	for (size_t i = 0; i < len && n < MAX_WORDS; i += strlen(cmdline + i) + 1) {
		if (!memchr(cmdline + i, '\0', len - i))
			break; /* cut off */
		words[n++] = cmdline + i;
	}
	if (n < 2 || !is_hcbench(words[0]))
		return false;
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		if (strcmp(loads[i].verb, words[1]) == 0 &&
		    (!loads[i].option || says(words, n, loads[i].option)))
			return true;
	return false;
}

/* Parent and process group; false: it is gone. */
static bool relations(pid_t pid, pid_t *parent, pid_t *group)
{
	char path[40], text[512];
	int ppid, pgrp;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	/* The name, in brackets, may hold anything. */
	const char *after = strrchr(text, ')');
	if (!after || sscanf(after + 1, " %*c %d %d", &ppid, &pgrp) != 2)
		return false;
	*parent = ppid;
	*group = pgrp;
	return true;
}

/* Ourselves, or somebody we were started by. */
static bool is_above(pid_t pid)
{
	pid_t at = getpid(), group;
	for (int i = 0; i < MAX_DEPTH && at > 1; i++) {
		if (at == pid)
			return true;
		if (!relations(at, &at, &group))
			return false;
	}
	return false;
}

static void look_at_process(pid_t pid, json_t *others)
{
	char path[40], text[4097], said[120];
	pid_t parent, group;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	if (!hcb_measures(text, n) || is_above(pid) ||
	    (relations(pid, &parent, &group) && group == getpgrp()))
		return;
	const char *verb = text + strlen(text) + 1;
	size_t at = (size_t)(verb - text) + strlen(verb) + 1;
	snprintf(said, sizeof(said), "process %d, hcbench %.20s%s%.70s", (int)pid, verb,
	         at < n ? " " : "", at < n ? text + at : "");
	json_array_append_new(others, json_string(said));
}

static json_t *others(void)
{
	json_t *out = json_array();
	DIR *d = opendir("/proc");
	for (const struct dirent *e; d && (e = readdir(d));) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);
		if (pid > 0 && !*end)
			look_at_process((pid_t)pid, out);
	}
	if (d)
		closedir(d);
	return out;
}

json_t *hcb_machine_look(void)
{
	struct timex tx = {0};
	struct timespec now;
	int state = adjtimex(&tx);
	clock_gettime(CLOCK_REALTIME, &now);
	double mono = (double)hcb_monotonic_ns() / 1e9;
	json_t *sync = state < 0 ? json_null() : json_boolean(state != TIME_ERROR);
	return json_pack("{so s{so sf sf}}", "others", others(), "clock", "synchronized",
	                 sync, "unix_s", (double)now.tv_sec + (double)now.tv_nsec / 1e9,
	                 "monotonic_s", mono);
}
