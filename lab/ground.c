/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose is it? HCBENCH_LAB_DIR may name any folder, and a lab's name any entry of it:
 * what lies there is a lab's only if a lab put it there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/impl.h"

static bool has_tmpfs(const char *dir)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], where[2048];
	bool found = false;
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " - tmpfs " LAB_TMPFS " ") &&
		        sscanf(line, "%*s %*s %*s %*s %2047s", where) == 1 &&
		        strcmp(where, dir) == 0;
	if (f)
		fclose(f);
	return found;
}

static bool is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	bool empty = d != NULL;
	for (struct dirent *e; d && empty && (e = readdir(d));)
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	if (d)
		closedir(d);
	return empty;
}

/* The tmpfs is mounted right after the folder is made, and taken away right before the
   folder is: killed in between, a lab leaves the empty folder. */
enum lab_ground lab_ground(const char *dir)
{
	struct stat st;
	if (has_tmpfs(dir))
		return LAB_GROUND_OURS;
	if (lstat(dir, &st))
		return errno == ENOENT ? LAB_GROUND_FREE : LAB_GROUND_FOREIGN;
	bool made = S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	            (st.st_mode & 07777) == 0700;
	return made && is_empty(dir) ? LAB_GROUND_OURS : LAB_GROUND_FOREIGN;
}

int lab_check_ground(const char *name, const char *dir, struct hcb_err *err)
{
	if (lab_ground(dir) != LAB_GROUND_FOREIGN)
		return 0;
	return hcb_err_refuse(err, "lab %s: %s was not made by a lab; it is not touched",
	                      name, dir);
}

/* As lab_lock writes it: "PID up" or "PID down"; nothing yet if it was killed before. */
bool lab_lock_is_ours(int fd)
{
	char text[32] = "", verb[8];
	struct stat st;
	int pid;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	if (st.st_size == 0)
		return true;
	if (pread(fd, text, sizeof(text) - 1, 0) <= 0 ||
	    sscanf(text, "%d %7s", &pid, verb) != 2)
		return false;
	return strcmp(verb, "up") == 0 || strcmp(verb, "down") == 0;
}

bool lab_is_lock(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	bool ours = fstat(fd, &st) == 0 && st.st_size > 0 && lab_lock_is_ours(fd);
	close(fd);
	return ours;
}
