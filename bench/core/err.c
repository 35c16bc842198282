/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/core/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int say_level = 1;

__attribute__((format(printf, 5, 0))) static int set_va(struct hcb_err *err, int code,
                                                        enum hcb_exit ex,
                                                        const char *tail, const char *fmt,
                                                        va_list ap)
{
	if (!err)
		return code;
	err->code = code;
	err->exit = ex;
	int n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	if (n < 0)
		err->msg[0] = '\0';
	size_t len = strlen(err->msg);
	if (tail)
		snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", tail);
	return code;
}

#define SET(ex, code, tail)                                                              \
	va_list ap;                                                                      \
	va_start(ap, fmt);                                                               \
	set_va(err, code, ex, tail, fmt, ap);                                            \
	va_end(ap);                                                                      \
	return code

int(hcb_err_set)(struct hcb_err *err, int code, const char *fmt, ...)
{
	SET(HCB_EXIT_FAILED, code, NULL);
}

int(hcb_err_sys)(struct hcb_err *err, int code, const char *fmt, ...)
{
	char buf[128];
	const char *text = strerror_r(-code, buf, sizeof(buf));
	SET(HCB_EXIT_FAILED, code, text);
}

int(hcb_err_usage)(struct hcb_err *err, const char *fmt, ...)
{
	SET(HCB_EXIT_USAGE, -EINVAL, NULL);
}

int(hcb_err_refuse)(struct hcb_err *err, const char *fmt, ...)
{
	SET(HCB_EXIT_REFUSED, -EPERM, NULL);
}

int(hcb_err_invalid)(struct hcb_err *err, const char *fmt, ...)
{
	SET(HCB_EXIT_INVALID, -ENOTRECOVERABLE, NULL);
}

void hcb_say_set_level(int level)
{
	say_level = level;
}

__attribute__((format(printf, 2, 0))) static void talk(const char *prefix,
                                                       const char *fmt, va_list ap)
{
	char line[1024];
	vsnprintf(line, sizeof(line), fmt, ap);
	fprintf(stderr, "hcbench: %s%s\n", prefix, line);
}

void hcb_say(const char *fmt, ...)
{
	if (say_level < 1)
		return;
	va_list ap;
	va_start(ap, fmt);
	talk("", fmt, ap);
	va_end(ap);
}

void hcb_warn(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	talk("warning: ", fmt, ap);
	va_end(ap);
}
