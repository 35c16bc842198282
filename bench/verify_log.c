/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/verify_log.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "bench/core/atomic_file.h"
#include "bench/stamp.h"

#define MAGIC       "HCBVLOG\n"
#define VERSION     1u
#define HEAD_BYTES  16u
#define TAIL_BYTES  24u /* the end mark and the hash */
#define RUN_BYTES   16u
#define ENTRY_BYTES 12u
#define MAX_TARGET  (1ull << 50)
#define BUFFER      65536u

/* --- writing -------------------------------------------------------------------------
 */

struct writer {
	struct hcb_verify *v;
	const char *text; /* the JSON */
	int fd, failed;
	size_t n;
	XXH3_state_t *hash;
	unsigned char buf[BUFFER];
};

static void drain(struct writer *w)
{
	XXH3_64bits_update(w->hash, w->buf, w->n);
	if (!w->failed)
		w->failed = hcb_write_all(w->fd, w->buf, w->n);
	w->n = 0;
}

static void put(struct writer *w, const void *data, size_t len)
{
	const unsigned char *at = data;
	while (len) {
		size_t k = sizeof(w->buf) - w->n < len ? sizeof(w->buf) - w->n : len;
		memcpy(w->buf + w->n, at, k);
		w->n += k;
		at += k;
		len -= k;
		if (w->n == sizeof(w->buf))
			drain(w);
	}
}

static void put32(struct writer *w, uint32_t x)
{
	x = htole32(x);
	put(w, &x, sizeof(x));
}

static void put64(struct writer *w, uint64_t x)
{
	x = htole64(x);
	put(w, &x, sizeof(x));
}

static void put_target(struct writer *w, unsigned d)
{
	uint32_t grain = hcb_verify_config(w->v)->grain, len;
	uint64_t off = 0;
	while (hcb_verify_span(w->v, d, off, BUFFER * grain, 0, &off, &len)) {
		put32(w, d);
		put32(w, len / grain);
		put64(w, off / grain);
		for (uint64_t end = off + len; off < end; off += grain) {
			struct hcb_verify_entry e;
			hcb_verify_get(w->v, d, off, &e);
			put32(w, e.issued);
			put32(w, e.done);
			put32(w, e.durable);
		}
	}
}

static int put_log(void *arg, int fd)
{
	struct writer *w = arg;
	size_t len = strlen(w->text);
	w->fd = fd;
	put(w, MAGIC, 8);
	put32(w, VERSION);
	put32(w, (uint32_t)len);
	put(w, w->text, len);
	for (unsigned d = 0; d < hcb_verify_config(w->v)->n_targets; d++)
		put_target(w, d);
	put64(w, UINT64_MAX);
	put64(w, UINT64_MAX);
	drain(w);
	uint64_t hash = htole64(XXH3_64bits_digest(w->hash));
	return w->failed ? w->failed : hcb_write_all(fd, &hash, sizeof(hash));
}

static json_t *head_json(const struct hcb_verify_config *c, const json_t *about)
{
	json_t *targets = json_array(), *regions = json_array(),
	       *copy = json_deep_copy(about);
	char run[32];
	snprintf(run, sizeof(run), "%016" PRIx64, c->run);
	for (unsigned d = 0; d < c->n_targets; d++)
		json_array_append_new(targets,
		                      json_pack("{sssIsb}", "target", c->target[d].text,
		                                "bytes", (json_int_t)c->target[d].bytes,
		                                "always_durable",
		                                c->target[d].always_durable));
	for (unsigned i = 0; i < c->n_regions; i++)
		json_array_append_new(regions,
		                      json_pack("{sssisIsI}", "volume", c->region[i].name,
		                                "target", (int)c->region[i].dev, "base",
		                                (json_int_t)c->region[i].base, "bytes",
		                                (json_int_t)c->region[i].bytes));
	return json_pack("{sssisososo}", "run", run, "grain_bytes", (int)c->grain,
	                 "targets", targets, "regions", regions, "about", copy);
}

int hcb_verify_log_write(const char *path, struct hcb_verify *v, const json_t *about,
                         struct hcb_err *err)
{
	struct writer *w = calloc(1, sizeof(*w));
	json_t *head = head_json(hcb_verify_config(v), about);
	char *text = json_dumps(head, JSON_COMPACT);
	int r = -ENOMEM;
	if (w)
		w->hash = XXH3_createState();
	if (w && w->hash && text) {
		XXH3_64bits_reset(w->hash);
		w->v = v;
		w->text = text;
		r = hcb_write_atomic_from(path, put_log, w, err);
	} else {
		hcb_err_sys(err, r, "write %s", path);
	}
	if (w)
		XXH3_freeState(w->hash);
	free(text);
	json_decref(head);
	free(w);
	return r;
}

/* --- may it be written ---------------------------------------------------------------
 */

static bool is_log(const char *path)
{
	char head[8] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool yes = fd >= 0 && read(fd, head, 8) == 8 && memcmp(head, MAGIC, 8) == 0;
	if (fd >= 0)
		close(fd);
	return yes;
}

static int check_directory(const char *path, struct hcb_err *err)
{
	char dir[4096];
	const char *slash = strrchr(path, '/');
	size_t len = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
	if (len >= sizeof(dir) || !*path || (slash && !slash[1]))
		return hcb_err_usage(err, "write %.200s: not the name of a file", path);
	snprintf(dir, sizeof(dir), "%.*s", len ? (int)len : 1, len ? path : ".");
	if (access(dir, W_OK | X_OK) == 0)
		return 0;
	int code = -errno;
	hcb_err_sys(err, code, "write %s: directory %s", path, dir);
	if (err && (code == -ENOENT || code == -ENOTDIR))
		err->exit = HCB_EXIT_USAGE;
	return code;
}

int hcb_verify_log_check(const char *path, struct hcb_err *err)
{
	struct stat st;
	if (lstat(path, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			return hcb_err_refuse(
			        err, "write %s: exists and is not a regular file", path);
		if (st.st_size && !is_log(path))
			return hcb_err_refuse(
			        err, "write %s: exists and is not a log of --verify",
			        path);
	}
	return check_directory(path, err);
}

/* --- reading -------------------------------------------------------------------------
 */

struct parser {
	const char *path;
	const unsigned char *at, *end; /* end: of the runs */
	struct hcb_err *err;
};

static int damaged(const struct parser *p, const char *what)
{
	return hcb_err_usage(p->err, "read %s: a damaged log of --verify: %s", p->path,
	                     what);
}

static uint32_t get32(const unsigned char *at)
{
	uint32_t x;
	memcpy(&x, at, sizeof(x));
	return le32toh(x);
}

static uint64_t get64(const unsigned char *at)
{
	uint64_t x;
	memcpy(&x, at, sizeof(x));
	return le64toh(x);
}

static bool get_text(const json_t *o, const char *key, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(o, key));
	int n = s ? snprintf(out, size, "%s", s) : -1;
	return n >= 0 && (size_t)n < size;
}

static bool get_number(const json_t *o, const char *key, uint64_t max, uint64_t *out)
{
	const json_t *v = json_object_get(o, key);
	json_int_t n = json_integer_value(v);
	*out = (uint64_t)n;
	return json_is_integer(v) && n >= 0 && (uint64_t)n <= max;
}

static bool get_targets(const json_t *list, struct hcb_verify_config *c)
{
	size_t i;
	json_t *o;
	if (!json_is_array(list) || json_array_size(list) > HCB_MAX_VOLUMES)
		return false;
	json_array_foreach(list, i, o)
	{
		struct hcb_verify_target *t = &c->target[c->n_targets++];
		t->always_durable = json_is_true(json_object_get(o, "always_durable"));
		if (!get_text(o, "target", t->text, sizeof(t->text)) ||
		    !get_number(o, "bytes", MAX_TARGET, &t->bytes))
			return false;
	}
	return c->n_targets > 0;
}

static bool get_regions(const json_t *list, struct hcb_verify_config *c)
{
	size_t i;
	json_t *o;
	if (!json_is_array(list) || json_array_size(list) > 2 * HCB_MAX_VOLUMES)
		return false;
	json_array_foreach(list, i, o)
	{
		struct hcb_verify_region *r = &c->region[c->n_regions++];
		uint64_t dev;
		if (!get_text(o, "volume", r->name, sizeof(r->name)) ||
		    !get_number(o, "target", c->n_targets - 1, &dev) ||
		    !get_number(o, "base", MAX_TARGET, &r->base) ||
		    !get_number(o, "bytes", MAX_TARGET, &r->bytes))
			return false;
		r->dev = (uint16_t)dev;
	}
	return true;
}

static bool get_config(const json_t *head, struct hcb_verify_config *c)
{
	char run[32], *end;
	uint64_t grain;
	memset(c, 0, sizeof(*c));
	if (!get_text(head, "run", run, sizeof(run)) ||
	    !get_number(head, "grain_bytes", 32 * HCB_STAMP_SECTOR, &grain) || !grain ||
	    grain % HCB_STAMP_SECTOR)
		return false;
	c->grain = (uint32_t)grain;
	c->run = strtoull(run, &end, 16);
	return !*end && get_targets(json_object_get(head, "targets"), c) &&
	       get_regions(json_object_get(head, "regions"), c);
}

static int parse_head(struct parser *p, json_t **head)
{
	uint32_t len = get32(p->at + 12);
	json_error_t je;
	if (get32(p->at + 8) != VERSION)
		return hcb_err_usage(
		        p->err, "read %s: version %u of the log, this build reads %u",
		        p->path, get32(p->at + 8), VERSION);
	p->at += HEAD_BYTES;
	if (len > (size_t)(p->end - p->at))
		return damaged(p, "its head is cut off");
	*head = json_loadb((const char *)p->at, len, JSON_REJECT_DUPLICATES, &je);
	p->at += len;
	return *head ? 0 : damaged(p, "its head is no JSON");
}

static int parse_run(struct parser *p, struct hcb_verify *v)
{
	const struct hcb_verify_config *c = hcb_verify_config(v);
	uint32_t d = get32(p->at), n = get32(p->at + 4);
	uint64_t first = get64(p->at + 8);
	p->at += RUN_BYTES;
	if (n > (size_t)(p->end - p->at) / ENTRY_BYTES)
		return damaged(p, "its blocks are cut off");
	if (d >= c->n_targets || !n || first > c->target[d].bytes / c->grain ||
	    n > (c->target[d].bytes + c->grain - 1) / c->grain - first)
		return damaged(p, "blocks past the target's end");
	for (uint32_t i = 0; i < n; i++, p->at += ENTRY_BYTES) {
		struct hcb_verify_entry e = {get32(p->at), get32(p->at + 4),
		                             get32(p->at + 8)};
		if (!e.issued || e.done > e.issued || e.durable > e.done)
			return damaged(p, "floors above what was written");
		hcb_verify_set(v, d, (first + i) * c->grain, &e);
	}
	return 0;
}

static int parse_body(struct parser *p, const json_t *head, struct hcb_verify **out)
{
	struct hcb_verify_config *c = calloc(1, sizeof(*c));
	if (!c)
		return hcb_err_sys(p->err, -ENOMEM, "read %s", p->path);
	int r = get_config(head, c)
	                ? hcb_verify_new(out, c, p->err)
	                : damaged(p, "its head does not say what was written");
	free(c);
	while (!r && p->end - p->at >= (ptrdiff_t)RUN_BYTES)
		r = parse_run(p, *out);
	if (!r && p->at != p->end)
		r = damaged(p, "a piece of a run at its end");
	if (r) {
		hcb_verify_free(*out, false);
		*out = NULL;
	}
	return r;
}

uint64_t hcb_verify_log_hash(const void *data, size_t len)
{
	return XXH3_64bits(data, len);
}

int hcb_verify_log_parse(const char *path, const void *data, size_t len,
                         struct hcb_verify **v, json_t **about, struct hcb_err *err)
{
	static const unsigned char end_mark[16] = {255, 255, 255, 255, 255, 255,
	                                           255, 255, 255, 255, 255, 255,
	                                           255, 255, 255, 255};
	struct parser p = {.path = path, .at = data, .err = err};
	json_t *head = NULL;
	*v = NULL;
	*about = NULL;
	if (len < 8 || memcmp(data, MAGIC, 8) != 0)
		return hcb_err_usage(err, "read %s: not a log of --verify", path);
	if (len < HEAD_BYTES + TAIL_BYTES)
		return damaged(&p, "cut off");
	p.end = p.at + len - TAIL_BYTES;
	if (get64(p.end + 16) != hcb_verify_log_hash(data, len - 8))
		return damaged(&p, "its checksum is wrong");
	if (memcmp(p.end, end_mark, sizeof(end_mark)) != 0)
		return damaged(&p, "no end mark");
	int r = parse_head(&p, &head);
	r = r ? r : parse_body(&p, head, v);
	if (!r)
		*about = json_incref(json_object_get(head, "about"));
	json_decref(head);
	return r;
}

int hcb_verify_log_read(const char *path, struct hcb_verify **v, json_t **about,
                        struct hcb_err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st)) {
		int code = -errno;
		if (fd >= 0)
			close(fd);
		hcb_err_sys(err, code, "read %s", path);
		if (err && code == -ENOENT)
			err->exit = HCB_EXIT_USAGE;
		return code;
	}
	if (!S_ISREG(st.st_mode) || st.st_size == 0) {
		close(fd);
		return hcb_err_usage(err, "read %s: not a log of --verify", path);
	}
	size_t len = (size_t)st.st_size;
	void *data = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
	int code = -errno;
	close(fd);
	if (data == MAP_FAILED)
		return hcb_err_sys(err, code, "read %s", path);
	int r = hcb_verify_log_parse(path, data, len, v, about, err);
	munmap(data, len);
	return r;
}
