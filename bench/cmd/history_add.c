/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history add, ack, link, drop-night, rebuild: what changes it. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/cmd/history_verbs.h"

/* ---- add ---- */

static json_t *facts_of(const struct history_conf *c)
{
	json_t *o = c->n_facts ? json_object() : NULL;
	for (size_t i = 0; i < c->n_facts; i++) {
		char key[64];
		const char *eq = strchr(c->fact[i], '=');
		snprintf(key, sizeof(key), "%.*s", (int)(eq - c->fact[i]), c->fact[i]);
		json_object_set_new(o, key, json_string(eq + 1));
	}
	return o;
}

static void say_changed(struct hcb_history *h, const struct hcb_history_added *a)
{
	json_t *fields = json_array();
	json_t *was = json_pack("{so*}", "fingerprint",
	                        hcb_history_fingerprint(h, a->was, NULL));
	json_t *now = json_pack("{so*}", "fingerprint",
	                        hcb_history_fingerprint(h, a->now, NULL));
	char text[400] = "";
	size_t len = 0;
	hcb_history_diff(was, now, fields);
	for (size_t i = 0; i < json_array_size(fields) && len < sizeof(text); i++) {
		const json_t *f = json_array_get(fields, i);
		const char *from = json_string_value(json_object_get(f, "from")),
		           *to = json_string_value(json_object_get(f, "to"));
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %s -> %s",
		                        i ? ", " : "",
		                        json_string_value(json_object_get(f, "field")),
		                        from ? from : "none", to ? to : "none");
	}
	hcb_warn("another environment than before, so %u new series begin%s: %s; "
	         "\"hcbench "
	         "history link OLD NEW\" carries one over",
	         a->new_series, a->new_series == 1 ? "s" : "", text);
	json_decref(was);
	json_decref(now);
	json_decref(fields);
}

static int add_one(struct hcb_history *h, const struct history_conf *c, const char *path,
                   struct hcb_err *err)
{
	json_error_t je;
	struct hcb_history_added a;
	struct hcb_history_how how = {
	        .night = c->night[0] ? c->night : NULL,
	        .name = c->name[0] ? c->name : NULL,
	        .control = c->control,
	        .rerun = c->rerun,
	        .now = (int64_t)time(NULL),
	        .facts = facts_of(c),
	};
	json_t *doc = json_load_file(path, JSON_REJECT_DUPLICATES, &je);
	int r = doc ? hcb_history_add(h, doc, path, &how, &a, err)
	            : hcb_err_usage(err, "read %s:%d: %s", path,
	                            je.line > 0 ? je.line : 1, je.text);
	json_decref(doc);
	json_decref(how.facts);
	if (r)
		return r;
	if (a.carried)
		hcb_say("%s: %u series carry on those of results that do not say which "
		        "machine they are from",
		        path, a.carried);
	if (a.was[0] && a.new_series > a.carried)
		say_changed(h, &a);
	if (a.already)
		hcb_say("%s: night %s has it already", path, a.night);
	else
		hcb_say("%s: night %s%s%s", path, a.night,
		        a.invalid[0] ? "; kept, not used: " : "", a.invalid);
	return 0;
}

/* The others are added although one cannot be; then the first failure is the answer. */
int history_add(const struct history_conf *c, const char **words, int n,
                struct hcb_err *err)
{
	struct hcb_history h;
	int failed = 0, r = history_open(c, true, &h, err);
	if (r)
		return r;
	for (int i = 0; i < n; i++) {
		struct hcb_err one = HCB_ERR_INIT;
		r = add_one(&h, c, words[i], &one);
		if (!r)
			continue;
		if (failed)
			hcb_warn("%s", one.msg);
		else
			*err = one;
		failed = failed ? failed : r;
	}
	hcb_history_close(&h);
	return failed;
}

/* ---- ack, link ---- */

/* Acknowledged without an episode its baseline would be gone, and no more said of it than
   that it is learning. */
static int check_ack(struct hcb_history *h, const struct hcb_history_series *s,
                     struct hcb_err *err)
{
	struct hcb_walked w;
	int r = hcb_check_walk(h, s, NULL, &w, err);
	if (r)
		return r;
	const struct hcb_gate_result *last = w.n ? &w.result[w.n - 1] : NULL;
	if (!last || last->episode == HCB_GATE_OK)
		r = hcb_err_usage(
		        err,
		        "history ack: %s (%s) is not in an episode on night %s, "
		        "its newest: there is nothing to accept; --force begins "
		        "a baseline from nothing",
		        s->label, s->key, s->last);
	else if (w.night[w.n - 1].ack)
		r = hcb_err_usage(err,
		                  "history ack: %s (%s) is acknowledged as of night %s "
		                  "already",
		                  s->label, s->key, s->last);
	hcb_walked_free(&w);
	return r;
}

int history_ack(const struct history_conf *c, const char **words, int n,
                struct hcb_err *err)
{
	struct hcb_history h;
	struct hcb_history_series s;
	(void)n;
	if (!c->why[0])
		return hcb_err_usage(err, "history ack: --why: expected the reason");
	int r = history_open(c, false, &h, err);
	if (r)
		return r;
	r = hcb_history_find(&h, words[0], &s, err);
	r = r || c->force ? r : check_ack(&h, &s, err);
	r = r ? r : hcb_history_ack(&h, &s, c->why, (int64_t)time(NULL), err);
	if (!r)
		hcb_say("%s (%s): acknowledged as of night %s", s.label, s.key, s.last);
	hcb_history_close(&h);
	return r;
}

int history_link(const struct history_conf *c, const char **words, int n,
                 struct hcb_err *err)
{
	struct hcb_history h;
	struct hcb_history_series from, to;
	(void)n;
	int r = history_open(c, false, &h, err);
	if (r)
		return r;
	r = hcb_history_find(&h, words[0], &from, err);
	r = r ? r : hcb_history_find(&h, words[1], &to, err);
	r = r ? r : hcb_history_link(&h, &from, &to, (int64_t)time(NULL), err);
	if (!r)
		hcb_say("%s: %s carries on %s, %zu nights", to.label, to.key, from.key,
		        from.nights);
	hcb_history_close(&h);
	return r;
}

/* ---- drop-night ---- */

int history_drop_night(const struct history_conf *c, const char **words, int n,
                       struct hcb_err *err)
{
	struct hcb_history h;
	struct hcb_history_dropped d;
	(void)n;
	int r = history_open(c, false, &h, err);
	if (r)
		return r;
	r = hcb_history_drop(&h, words[0], c->why[0] ? c->why : NULL, (int64_t)time(NULL),
	                     &d, err);
	if (!r)
		hcb_say("night %s: no longer used; %zu result%s in %s/%s", words[0],
		        d.runs, d.runs == 1 ? "" : "s", h.dir, d.where);
	if (!r && d.acks)
		hcb_warn("%zu series had been acknowledged as of that night, and are not "
		         "any "
		         "more",
		         d.acks);
	hcb_history_close(&h);
	return r;
}

/* ---- rebuild ---- */

int history_rebuild(const struct history_conf *c, const char **words, int n,
                    struct hcb_err *err)
{
	char dir[400];
	struct hcb_history_rebuilt b;
	(void)words;
	(void)n;
	int r = hcb_history_dir(c->history[0] ? c->history : NULL, dir, sizeof(dir), err);
	r = r ? r : hcb_history_rebuild(dir, c->compare, &b, err);
	if (r)
		return r;
	printf("%zu results, %zu acts and checks", b.runs, b.acts);
	if (b.skipped)
		printf(", %zu file%s passed over", b.skipped, b.skipped > 1 ? "s" : "");
	printf(": %s%s\n",
	       !b.compared    ? "no readable database to compare with"
	       : b.differs[0] ? "the database differed: "
	                      : "the database was equal",
	       b.compared ? b.differs : "");
	if (b.aside[0])
		printf("the former database is now %s\n", b.aside);
	if (b.kept)
		puts("the database is left as it is: it may know of what is in the files "
		     "passed over. Mend them or move them away, and rebuild again");
	bool equal = b.compared && !b.differs[0];
	return b.skipped || (c->compare && !equal) ? HCB_EXIT_FAILED : HCB_EXIT_OK;
}

/* ---- where ---- */

int history_where(const struct history_conf *c, const char **words, int n,
                  struct hcb_err *err)
{
	char dir[400];
	(void)words;
	(void)n;
	int r = hcb_history_dir(c->history[0] ? c->history : NULL, dir, sizeof(dir), err);
	if (!r)
		puts(dir);
	return r;
}
