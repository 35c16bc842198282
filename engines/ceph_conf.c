/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engines/ceph_conf.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One part of an address: not empty, not too long, nothing that means something else. */
static int take_part(const char *whole, const char *from, size_t len, const char *what,
                     char *out, size_t size, struct hcb_err *err)
{
	if (len == 0)
		return hcb_err_usage(err, "target \"%s\": the %s is empty", whole, what);
	if (len >= size)
		return hcb_err_usage(
		        err, "target \"%s\": the %s is longer than %zu characters", whole,
		        what, size - 1);
	memcpy(out, from, len);
	out[len] = '\0';
	if (strchr(out, '@'))
		return hcb_err_usage(
		        err,
		        "target \"%s\": the %s names a snapshot, which cannot be "
		        "measured; give the image alone",
		        whole, what);
	return 0;
}

int hcb_ceph_parse_image(const char *text, struct hcb_ceph_addr *out, struct hcb_err *err)
{
	memset(out, 0, sizeof(*out));
	const char *first = strchr(text, '/');
	if (!first)
		return hcb_err_usage(
		        err, "target \"%s\": expected POOL/IMAGE or POOL/NAMESPACE/IMAGE",
		        text);
	const char *last = strrchr(text, '/');
	int r = take_part(text, text, (size_t)(first - text), "pool", out->pool,
	                  sizeof(out->pool), err);
	if (r == 0 && last != first) {
		r = take_part(text, first + 1, (size_t)(last - first - 1), "namespace",
		              out->ns, sizeof(out->ns), err);
		if (r == 0 && strchr(out->ns, '/'))
			return hcb_err_usage(err, "target \"%s\": more than two slashes",
			                     text);
	}
	if (r == 0)
		r = take_part(text, last + 1, strlen(last + 1), "image", out->image,
		              sizeof(out->image), err);
	return r;
}

int hcb_ceph_parse_pool(const char *text, struct hcb_ceph_addr *out, struct hcb_err *err)
{
	memset(out, 0, sizeof(*out));
	const char *slash = strchr(text, '/');
	if (slash && strchr(slash + 1, '/'))
		return hcb_err_usage(err, "target \"%s\": more than one slash", text);
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	int r = take_part(text, text, len, "pool", out->pool, sizeof(out->pool), err);
	if (r == 0 && slash)
		r = take_part(text, slash + 1, strlen(slash + 1), "namespace", out->ns,
		              sizeof(out->ns), err);
	return r;
}

static int check_given(const char *path, const char *what, struct hcb_err *err)
{
	if (access(path, R_OK) == 0)
		return 0;
	int e = errno;
	return hcb_err_sys(err, -e, "read %s %s", what, path);
}

static bool readable_at(char *out, size_t size, const char *root, const char *path)
{
	int n = snprintf(out, size, "%s%s", root, path);
	return n > 0 && (size_t)n < size && access(out, R_OK) == 0;
}

/* Does a key file have a section for this user? Lines are short; long ones do not match.
 */
static bool keyring_has(const char *path, const char *id)
{
	char want[96], line[256];
	snprintf(want, sizeof(want), "[client.%s]", id);
	FILE *f = fopen(path, "re");
	bool found = false;
	while (f && !found && fgets(line, sizeof(line), f)) {
		char *s = line + strspn(line, " \t");
		found = strncmp(s, want, strlen(want)) == 0;
	}
	if (f)
		fclose(f);
	return found;
}

/* The first storage key file, in name order, that knows the user. All copies for one user
   hold the same key, so which of several is taken does not matter. */
static bool pve_storage_keyring(const char *root, const char *id, char *out, size_t size)
{
	char dir[400], path[512];
	char best[256] = "";
	snprintf(dir, sizeof(dir), "%s/etc/pve/priv/ceph", root);
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		size_t n = strlen(e->d_name);
		if (n < 9 || strcmp(e->d_name + n - 8, ".keyring") != 0)
			continue;
		if (best[0] && strcmp(e->d_name, best) > 0)
			continue;
		int len = snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (len > 0 && (size_t)len < sizeof(path) && keyring_has(path, id))
			snprintf(best, sizeof(best), "%s", e->d_name);
	}
	if (d)
		closedir(d);
	if (!best[0])
		return false;
	int len = snprintf(out, size, "%s/%s", dir, best);
	return len > 0 && (size_t)len < size;
}

static void pve_keyring(const char *root, const char *id, struct hcb_ceph_files *out)
{
	char rel[160];
	snprintf(rel, sizeof(rel), "/etc/pve/priv/ceph.client.%s.keyring", id);
	if (readable_at(out->keyring, sizeof(out->keyring), root, rel))
		return;
	if (!pve_storage_keyring(root, id, out->keyring, sizeof(out->keyring)))
		out->keyring[0] = '\0';
}

int hcb_ceph_find(const struct hcb_ceph_conf *conf, const char *env_conf,
                  const char *root, struct hcb_ceph_files *out, struct hcb_err *err)
{
	memset(out, 0, sizeof(*out));
	int r = 0;
	bool pve = false;
	if (conf->conf[0] || (env_conf && env_conf[0])) {
		snprintf(out->conf, sizeof(out->conf), "%s",
		         conf->conf[0] ? conf->conf : env_conf);
		r = check_given(out->conf,
		                conf->conf[0] ? "Ceph configuration" : "$CEPH_CONF", err);
	} else if (readable_at(out->conf, sizeof(out->conf), root,
	                       "/etc/pve/ceph.conf")) {
		pve = true;
	} else if (!readable_at(out->conf, sizeof(out->conf), root,
	                        "/etc/ceph/ceph.conf")) {
		r = hcb_err_set(err, -ENOENT,
		                "find ceph.conf: none of conf=, $CEPH_CONF, "
		                "/etc/pve/ceph.conf and "
		                "/etc/ceph/ceph.conf is there to read");
	}
	if (r)
		return r;
	if (conf->keyring[0]) {
		snprintf(out->keyring, sizeof(out->keyring), "%s", conf->keyring);
		return check_given(out->keyring, "keyring", err);
	}
	if (pve)
		pve_keyring(root, conf->id, out);
	return 0;
}

/* One address without brackets, "v2:" and ":PORT/NONCE". */
static size_t bare_host(const char **s)
{
	const char *p = *s;
	p += strspn(p, "[ ");
	if (p[0] == 'v' && isdigit((unsigned char)p[1]) && p[2] == ':')
		p += 3;
	p += strspn(p, "[");
	*s = p;
	size_t n = strcspn(p, ",; ]/");
	const char *colon = memchr(p, ':', n);
	bool ipv6 = colon && memchr(colon + 1, ':', n - (size_t)(colon + 1 - p));
	return colon && !ipv6 ? (size_t)(colon - p) : n;
}

void hcb_ceph_mon_names(const char *mon_host, char *out, size_t size)
{
	size_t used = 0;
	out[0] = '\0';
	for (const char *p = mon_host; *p;) {
		const char *host = p;
		size_t n = bare_host(&host);
		bool again = used >= n && n > 0 && memcmp(out + used - n, host, n) == 0 &&
		             (used == n || out[used - n - 1] == ',');
		if (n > 0 && !again && used + n + 2 < size) {
			if (used)
				out[used++] = ',';
			memcpy(out + used, host, n);
			used += n;
			out[used] = '\0';
		}
		p = host + n;
		p += strcspn(p, ",; ");
		p += strspn(p, ",; ");
	}
}
