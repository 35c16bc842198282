/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors: a function that can fail returns 0 or -errno, and the place that knows the
 * object writes exactly one message, "verb object: reason" ("open /dev/sdb: Device or
 * resource busy"). Callers pass the code on; they do not add to the text.
 */
#ifndef HCB_CORE_ERR_H
#define HCB_CORE_ERR_H

/* Exit codes of every command (design section 6). */
enum hcb_exit {
	HCB_EXIT_OK = 0,
	HCB_EXIT_FAILED = 1,
	HCB_EXIT_USAGE = 2,
	HCB_EXIT_REGRESSION = 10,
	HCB_EXIT_UNSTEADY = 11,
	HCB_EXIT_NO_HISTORY = 12,
	HCB_EXIT_INVALID = 13,
	HCB_EXIT_REFUSED = 14,
	HCB_EXIT_SIGINT = 130,
	HCB_EXIT_SIGTERM = 143,
};

struct hcb_err {
	int code;           /* -errno, 0 if none */
	enum hcb_exit exit; /* what the command exits with if this error ends it */
	char msg[512];      /* no trailing newline or full stop */
};

#define HCB_ERR_INIT                                                                     \
	{                                                                                \
		0, HCB_EXIT_OK, ""                                                       \
	}

/* All return code, so that "return hcb_err_set(...)" reads well. err may be NULL. */
int hcb_err_set(struct hcb_err *err, int code, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
/* As hcb_err_set, and appends ": " and the text of -code. */
int hcb_err_sys(struct hcb_err *err, int code, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
/* Bad command line or bad file: -EINVAL, exit code 2. */
int hcb_err_usage(struct hcb_err *err, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));
/* Refused for safety: -EPERM, exit code 14. */
int hcb_err_refuse(struct hcb_err *err, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));
/* The environment makes a valid result impossible: -ENOTRECOVERABLE, exit code 13. */
int hcb_err_invalid(struct hcb_err *err, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));

#ifdef HCB_ANALYZER
/* ci/lint defines it: clang-tidy cannot see from here that these never return 0, and
   would follow each refusal into code that is not reached. */
#define HCB_NEGATIVE(call)                                                               \
	({                                                                               \
		int code_ = (call);                                                      \
		if (code_ >= 0)                                                          \
			__builtin_unreachable();                                         \
		code_;                                                                   \
	})
#define hcb_err_set(...)     HCB_NEGATIVE((hcb_err_set)(__VA_ARGS__))
#define hcb_err_sys(...)     HCB_NEGATIVE((hcb_err_sys)(__VA_ARGS__))
#define hcb_err_usage(...)   HCB_NEGATIVE((hcb_err_usage)(__VA_ARGS__))
#define hcb_err_refuse(...)  HCB_NEGATIVE((hcb_err_refuse)(__VA_ARGS__))
#define hcb_err_invalid(...) HCB_NEGATIVE((hcb_err_invalid)(__VA_ARGS__))
#endif

/* Talk goes to standard error, one line each, prefixed "hcbench: ". */
void hcb_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void hcb_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* 0: hcb_say is silent (-q). Default 1. */
void hcb_say_set_level(int level);

#endif
