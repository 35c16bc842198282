/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/cmd/self.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/core/child.h"

/* Its last line, without its name: talk comes first, the reason last. */
static int failed(const char *what, const struct hcb_child_result *res, int code,
                  struct hcb_err *err)
{
	static const char own[] = "hcbench: ";
	const char *said = res->errout ? res->errout : "", *line = said;
	for (const char *p = said; (p = strchr(p, '\n')) && p[1]; p++)
		line = p + 1;
	if (strncmp(line, own, strlen(own)) == 0)
		line += strlen(own);
	int r = hcb_err_set(err, -EIO, "%s: %.*s", what, (int)strcspn(line, "\n"), line);
	if (code > 0)
		err->exit = (enum hcb_exit)code;
	return r;
}

/* Invalid is also what ends a verb before it has anything to write: a cluster that no run
   should start on. */
static bool answered(const struct self_opts *o, int code)
{
	return code == HCB_EXIT_OK ||
	       (o->verdicts && (code == HCB_EXIT_UNSTEADY || code == HCB_EXIT_INVALID) &&
	        (!o->answer || access(o->answer, F_OK) == 0));
}

int self_run(const char *const *argv, const struct self_opts *opts, int *code,
             json_t **said, struct hcb_err *err)
{
	const char *full[SELF_MAX_ARGS + 2] = {"/proc/self/exe"};
	struct hcb_child_opts o = {
	        .timeout_ns = opts->timeout_ns, .quiet_fail = true, .stop = opts->stop};
	struct hcb_child_result res;
	char what[600];
	size_t n = 0;
	for (; argv[n] && n < SELF_MAX_ARGS; n++)
		full[n + 1] = argv[n];
	if (argv[n])
		return hcb_err_usage(err, "%s: more than %d words", argv[0],
		                     SELF_MAX_ARGS);
	snprintf(what, sizeof(what), "%s %s", argv[0], argv[1] ? argv[1] : "");
	if (opts->answer && unlink(opts->answer) && errno != ENOENT)
		return hcb_err_sys(err, -errno, "remove %s", opts->answer);
	int r = hcb_child_run(full, &o, &res, err);
	int status = r == 0 && WIFEXITED(res.status) ? WEXITSTATUS(res.status) : -1;
	if (code)
		*code = status;
	if (!r && opts->stop && *opts->stop && !answered(opts, status))
		r = hcb_err_set(err, -EINTR, "%s: interrupted",
		                opts->what ? opts->what : what);
	else if (!r && !answered(opts, status))
		r = failed(opts->what ? opts->what : what, &res, status, err);
	if (!r && said)
		*said = json_loads(res.out ? res.out : "", 0, NULL);
	hcb_child_result_free(&res);
	return r;
}

json_t *self_invalid(const struct hcb_err *err)
{
	return json_pack("{sb s{sn} s{ss s[s]}}", "partial", 1, "run", "id", "validity",
	                 "verdict", "INVALID", "reasons", err->msg);
}
