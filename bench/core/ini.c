/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libinih splits key from value and cuts comments. What it lets pass in silence is
 * checked here, on each line before it sees it: section names past 49 characters (it cuts
 * them), text after "]" (it drops it), lines past its buffer (it splits them in two),
 * indented lines (it takes them for a continuation) and line numbers (Debian's build has
 * none).
 */
#include "bench/core/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINE 1000
#define MAX_FILE (1024 * 1024)

struct reader {
	const char *pos, *end;
	int lineno;
	char section[MAX_LINE + 1];
	hcb_ini_line_fn *line;
	void *arg;
	int result; /* the first failure, which ends the reading */
	struct hcb_err *err;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static const char *skip_blank(const char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

/* "[name]" and nothing but a comment behind it. */
static int read_section(struct reader *r, const char *s)
{
	const char *begin = skip_blank(s + 1), *close = strchr(s, ']');
	if (!close)
		return hcb_err_usage(r->err, "section without \"]\"");
	const char *rest = skip_blank(close + 1), *end = close;
	while (end > begin && is_blank(end[-1]))
		end--;
	if (end <= begin)
		return hcb_err_usage(r->err, "section without a name");
	if (*rest && *rest != ';' && *rest != '#')
		return hcb_err_usage(r->err,
		                     "text after \"]\": expected the end of the line");
	snprintf(r->section, sizeof(r->section), "%.*s", (int)(end - begin), begin);
	return r->line(r->arg, r->section, NULL, NULL, r->lineno, r->err);
}

static int check_line(struct reader *r, const char *s, size_t len)
{
	if (len > MAX_LINE)
		return hcb_err_usage(r->err, "line longer than %d characters", MAX_LINE);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c == '\0')
			return hcb_err_usage(r->err, "NUL byte in text");
		if ((c < ' ' && !is_blank(s[i])) || c == 0x7f)
			return hcb_err_usage(r->err, "control character 0x%02x in text",
			                     c);
	}
	/* What is read here may end in a result file, which is UTF-8. */
	json_t *text = json_stringn(s, len);
	if (!text)
		return hcb_err_usage(r->err, "text is not UTF-8");
	json_decref(text);
	return 0;
}

/* fgets over the text, one whole line a call. NULL ends the reading. */
static char *next_line(char *buf, int size, void *stream)
{
	struct reader *r = stream;
	if (r->result || r->pos >= r->end)
		return NULL;
	size_t left = (size_t)(r->end - r->pos);
	const char *nl = memchr(r->pos, '\n', left);
	size_t len = nl ? (size_t)(nl - r->pos) : left;
	r->lineno++;
	r->result = check_line(r, r->pos, len);
	if (r->result == 0 && len >= (size_t)size)
		r->result = hcb_err_usage(r->err, "line longer than libinih's buffer");
	if (r->result)
		return NULL;
	memcpy(buf, r->pos, len);
	buf[len] = '\0';
	r->pos += len + (nl != NULL);
	const char *s = skip_blank(buf);
	if (*s == '[') {
		r->result = read_section(r, s);
		buf[0] = '\0'; /* libinih need not see it */
	}
	return r->result ? NULL : buf;
}

static int on_key(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;
	(void)section; /* cut at 49 characters: ours is whole */
	if (!*name)
		r->result = hcb_err_usage(r->err, "expected a key before \"=\"");
	else
		r->result = r->line(r->arg, r->section, name, value, r->lineno, r->err);
	return r->result == 0;
}

static int name_place(struct hcb_err *err, const char *name, int lineno, int result)
{
	char msg[sizeof(err->msg)];
	if (!err)
		return result;
	memcpy(msg, err->msg, sizeof(msg));
	int n = snprintf(err->msg, sizeof(err->msg), "%s:%d: ", name, lineno);
	if (n > 0 && (size_t)n < sizeof(err->msg))
		snprintf(err->msg + n, sizeof(err->msg) - (size_t)n, "%s", msg);
	return result;
}

static int parse(const char *text, size_t len, const char *name, hcb_ini_line_fn *line,
                 void *arg, struct hcb_err *err)
{
	struct reader r = {.line = line, .arg = arg, .err = err};
	bool bom = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
	if (len > MAX_FILE)
		return hcb_err_usage(err, "read %s: larger than 1 MiB", name);
	r.pos = text + (bom ? 3 : 0);
	r.end = text + len;
	/* Debian's libinih is set up by these globals; ours are always the same. */
	ini_use_stack = false;
	ini_allow_realloc = false;
	ini_initial_alloc = ini_max_line = MAX_LINE + 3;
	ini_allow_multiline = false;
	ini_stop_on_first_error = true;
	int stopped = ini_parse_stream(next_line, &r, on_key, &r);
	if (r.result)
		return name_place(err, name, r.lineno, r.result);
	if (stopped == -2)
		return hcb_err_sys(err, -ENOMEM, "read %s", name);
	if (stopped)
		return hcb_err_usage(
		        err, "%s:%d: expected [section], key = value or a comment", name,
		        r.lineno);
	return 0;
}

int hcb_ini_read_string(const char *text, const char *name, hcb_ini_line_fn *line,
                        void *arg, struct hcb_err *err)
{
	return parse(text, strlen(text), name, line, arg, err);
}

static int bad_file(const char *path, const char *verb, int code, struct hcb_err *err)
{
	hcb_err_sys(err, code, "%s %s", verb, path);
	if (err)
		err->exit = HCB_EXIT_USAGE;
	return code;
}

static int read_whole(int fd, const char *path, char *buf, size_t size, size_t *len,
                      struct hcb_err *err)
{
	*len = 0;
	while (*len < size) {
		ssize_t n = read(fd, buf + *len, size - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return bad_file(path, "read", -errno, err);
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return 0;
}

int hcb_ini_read(const char *path, hcb_ini_line_fn *line, void *arg, struct hcb_err *err)
{
	struct stat st;
	char *buf = NULL;
	size_t len = 0;
	int r;
	/* Non-blocking: opening a fifo would wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return bad_file(path, "open", -errno, err);
	if (fstat(fd, &st)) {
		r = bad_file(path, "read", -errno, err);
	} else if (!S_ISREG(st.st_mode)) {
		r = hcb_err_usage(err, "read %s: not a regular file", path);
	} else {
		buf = malloc(MAX_FILE + 1);
		r = buf ? read_whole(fd, path, buf, MAX_FILE + 1, &len, err)
		        : hcb_err_sys(err, -ENOMEM, "read %s", path);
	}
	close(fd);
	if (r == 0)
		r = parse(buf, len, path, line, arg, err);
	free(buf);
	return r;
}

int hcb_ini_kind(const struct hcb_ini_kind *kinds, size_t n, const char *section,
                 char *names, struct hcb_err *err)
{
	const char *words[16];
	char word[64];
	size_t len = strcspn(section, " \t");
	const char *rest = section + len + strspn(section + len, " \t");
	snprintf(word, sizeof(word), "%.*s", (int)(len < 60 ? len : 60), section);
	snprintf(names, HCB_INI_NAMES, "%s", rest);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(kinds[i].name, word) != 0)
			continue;
		if (kinds[i].named && !*names)
			return hcb_err_usage(err,
			                     "[%s] without a name: expected [%s NAME]",
			                     word, word);
		if (!kinds[i].named && *names)
			return hcb_err_usage(err, "[%s] takes no name", word);
		return (int)i;
	}
	for (size_t i = 0; i < n && i < 16; i++)
		words[i] = kinds[i].name;
	const char *near = hcb_nearest(word, words, n < 16 ? n : 16);
	if (near)
		return hcb_err_usage(err, "unknown section [%s]; did you mean [%s]?",
		                     word, near);
	return hcb_err_usage(err, "unknown section [%s]", word);
}

int hcb_ini_opt(const struct hcb_opt *opts, void *conf, const char *where, uint64_t *seen,
                const char *key, const char *value, struct hcb_err *err)
{
	const struct hcb_opt *o = hcb_opt_find(opts, key);
	uint64_t bit = o ? (uint64_t)1 << (o - opts) : 0;
	if (*seen & bit)
		return hcb_err_usage(err, "%s: %s is given twice", where, key);
	*seen |= bit;
	return hcb_opt_set(opts, conf, where, key, value, err);
}

bool hcb_ini_is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return n >= 1 && n <= 24 && s[n] == '\0' && s[0] != '-';
}
