/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cluster's health: looked at when a target is opened, every five seconds after, and
 * when facts are asked for. A run stops on what it could make worse: HEALTH_ERR and every
 * state of being too full. It does not stop on HEALTH_WARN: a host that is down is what
 * some runs are for.
 */
#include "config.h"

#ifdef HCB_HAVE_RADOS
#include "engines/ceph_conn.h"
#include "engines/ceph_json.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/core/units.h"

#define WATCH_EVERY (5 * HCB_SEC)

static const char *const stop_checks[] = {
        "OSD_NEARFULL", "OSD_BACKFILLFULL", "OSD_FULL", "POOL_NEARFULL", "POOL_FULL",
};
#define N_STOP     (sizeof(stop_checks) / sizeof(stop_checks[0]))
#define BAD_STATUS (1u << N_STOP)

static json_t *parse_answer(struct hcb_ceph *c, int r, const char *what, const char *buf,
                            size_t len, struct hcb_err *err)
{
	if (r == -ETIMEDOUT) {
		hcb_err_set(err, r,
		            "%s: ask monitors %s for \"%s\": no answer within %llu s",
		            c->name, c->mons, what,
		            (unsigned long long)(c->deadline_ns / HCB_SEC));
		return NULL;
	}
	if (r) {
		hcb_err_sys(err, r, "%s: ask monitors %s for \"%s\"", c->name, c->mons,
		            what);
		return NULL;
	}
	json_t *o = hcb_ceph_json(buf, len);
	if (!o)
		hcb_err_set(err, -EPROTO, "%s: monitors' answer to \"%s\" is not JSON",
		            c->name, what);
	return o;
}

json_t *hcb_ceph_mon(struct hcb_ceph *c, json_t *cmd, struct hcb_err *err)
{
	char what[64];
	snprintf(what, sizeof(what), "%s",
	         json_string_value(json_object_get(cmd, "prefix")));
	json_object_set_new(cmd, "format", json_string("json"));
	char *text = json_dumps(cmd, JSON_COMPACT), *buf = NULL, *status = NULL;
	json_decref(cmd);
	if (!text) {
		hcb_err_sys(err, -ENOMEM, "%s: ask the monitors", c->name);
		return NULL;
	}
	size_t len = 0, status_len = 0;
	const char *words[] = {text};
	int r = rados_mon_command(c->cluster, words, 1, "", 0, &buf, &len, &status,
	                          &status_len);
	free(text);
	json_t *o = parse_answer(c, r, what, buf, len, err);
	rados_buffer_free(buf);
	rados_buffer_free(status);
	return o;
}

static void read_checks(const json_t *checks, struct hcb_ceph_health *h)
{
	const char *name;
	json_t *check;
	json_object_foreach((json_t *)(uintptr_t)checks, name, check)
	{
		size_t used = strlen(h->checks);
		snprintf(h->checks + used, sizeof(h->checks) - used, "%s%s",
		         used ? ", " : "", name);
		const char *msg = json_string_value(
		        json_object_get(json_object_get(check, "summary"), "message"));
		const char *severity =
		        json_string_value(json_object_get(check, "severity"));
		/* Somebody muted it: it is no reason, unless the pool is filling up. */
		bool muted = json_is_true(json_object_get(check, "muted"));
		bool stops = severity && !muted && strcmp(severity, "HEALTH_ERR") == 0;
		for (size_t i = 0; i < N_STOP; i++) {
			if (strcmp(name, stop_checks[i]) == 0) {
				h->bad |= 1u << i;
				stops = true;
			}
		}
		if (stops && !h->text[0])
			snprintf(h->text, sizeof(h->text), "%s: %s", name,
			         msg ? msg : "");
	}
}

/* Only the daemons' own words are searched: "active+undersized+degraded". */
static void read_pg_states(const json_t *pgmap, struct hcb_ceph_health *h)
{
	size_t i;
	json_t *state;
	json_array_foreach(json_object_get(pgmap, "pgs_by_state"), i, state)
	{
		const char *s = json_string_value(json_object_get(state, "state_name"));
		if (!s)
			continue;
		h->recovery |= strstr(s, "recover") || strstr(s, "backfill");
		h->scrub |= strstr(s, "scrubbing") != NULL;
		h->degraded |= strstr(s, "degraded") != NULL;
	}
}

void hcb_ceph_health_read(const json_t *status, struct hcb_ceph_health *h)
{
	memset(h, 0, sizeof(*h));
	const json_t *health = json_object_get(status, "health");
	const char *s = json_string_value(json_object_get(health, "status"));
	snprintf(h->status, sizeof(h->status), "%s", s ? s : "unknown");
	h->known = s != NULL;
	read_checks(json_object_get(health, "checks"), h);
	if (strcmp(h->status, "HEALTH_ERR") == 0)
		h->bad |= BAD_STATUS;
	if (h->bad && !h->text[0])
		snprintf(h->text, sizeof(h->text), "%s", h->status);
	read_pg_states(json_object_get(status, "pgmap"), h);
	const json_t *osds = json_object_get(status, "osdmap");
	if (json_object_get(osds, "osdmap")) /* before Octopus: one level deeper */
		osds = json_object_get(osds, "osdmap");
	h->osds_up = (uint32_t)json_integer_value(json_object_get(osds, "num_up_osds"));
	h->osds_in = (uint32_t)json_integer_value(json_object_get(osds, "num_in_osds"));
}

/* Worse first: ERR before WARN before OK. */
static int rank(const struct hcb_ceph_health *h)
{
	return strcmp(h->status, "HEALTH_ERR") == 0    ? 2
	       : strcmp(h->status, "HEALTH_WARN") == 0 ? 1
	                                               : 0;
}

static int look(struct hcb_ceph *c, struct hcb_ceph_health *now, struct hcb_err *err)
{
	json_t *status = hcb_ceph_mon(c, json_pack("{s:s}", "prefix", "status"), err);
	pthread_mutex_lock(&c->lock);
	if (status) {
		hcb_ceph_health_read(status, now);
		if (c->samples++ == 0)
			c->first = c->worst = *now;
		c->last = *now;
		if (rank(now) > rank(&c->worst))
			c->worst = *now;
		c->saw_recovery |= now->recovery;
		c->saw_degraded |= now->degraded;
		c->saw_scrub |= now->scrub;
	} else {
		c->unanswered++;
	}
	pthread_mutex_unlock(&c->lock);
	json_decref(status);
	return status ? 0 : -EIO;
}

int hcb_ceph_health_check(struct hcb_ceph *c, struct hcb_err *err)
{
	struct hcb_ceph_health h;
	hcb_ceph_step(c, "read the cluster's status from monitors %s", c->mons);
	int r = look(c, &h, err);
	if (r)
		return r;
	if (h.bad && !c->conf.force_unhealthy)
		return hcb_err_invalid(
		        err,
		        "%s: the cluster is in %s (%s); a run would be worth "
		        "nothing and could do harm (force-unhealthy=on overrides)",
		        c->name, h.status, h.text);
	return 0;
}

static void trouble(struct hcb_ceph *c, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));
static void trouble(struct hcb_ceph *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	pthread_mutex_lock(&c->lock);
	if (c->dev && !atomic_load(&c->dev->trouble)) {
		vsnprintf(c->trouble_text, c->trouble_size, fmt, ap);
		atomic_store(&c->dev->trouble, c->trouble_text);
		hcb_ceph_queue_kick(c->queue);
	}
	pthread_mutex_unlock(&c->lock);
	va_end(ap);
}

static void watch_once(struct hcb_ceph *c)
{
	struct hcb_ceph_health h;
	uint64_t age = hcb_ceph_queue_oldest(c->queue);
	if (age > c->conf.stall_ns)
		trouble(c, "%s: an op has had no answer from the OSDs for %llu s",
		        c->name, (unsigned long long)(age / HCB_SEC));
	if (look(c, &h, NULL))
		return; /* an election takes 15 s: monitors may be silent for a while */
	uint32_t forced = c->conf.force_unhealthy ? c->first.bad : 0;
	if (h.bad & ~forced)
		trouble(c, "%s: the cluster is in %s (%s)", c->name, h.status, h.text);
}

static void *watch_main(void *arg)
{
	struct hcb_ceph *c = arg;
	uint64_t every =
	        c->conf.stall_ns / 4 < WATCH_EVERY ? c->conf.stall_ns / 4 : WATCH_EVERY;
	pthread_mutex_lock(&c->lock);
	uint64_t next = hcb_monotonic_ns() + every;
	while (!c->stop) {
		struct timespec ts = {.tv_sec = (time_t)(next / HCB_SEC),
		                      .tv_nsec = (long)(next % HCB_SEC)};
		if (pthread_cond_timedwait(&c->cond, &c->lock, &ts) != ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&c->lock);
		watch_once(c);
		next = hcb_monotonic_ns() + every;
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

int hcb_ceph_watch_start(struct hcb_ceph *c, struct hcb_dev *dev,
                         struct hcb_ceph_queue *q, char *trouble_text,
                         size_t trouble_size, struct hcb_err *err)
{
	sigset_t all, old;
	c->dev = dev;
	c->queue = q;
	c->trouble_text = trouble_text;
	c->trouble_size = trouble_size;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = pthread_create(&c->watch, NULL, watch_main, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return hcb_err_sys(err, -r, "%s: start the health watch", c->name);
	c->watching = true;
	return 0;
}

void hcb_ceph_watch_stop(struct hcb_ceph *c)
{
	struct timespec end;
	if (!c->watching)
		return;
	c->watching = false;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	c->dev = NULL;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->lock);
	/* It may be inside a monitor command, which rados_mon_op_timeout bounds. */
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += (time_t)(c->deadline_ns / HCB_SEC) + 2;
	if (pthread_timedjoin_np(c->watch, NULL, &end) == 0)
		return;
	pthread_detach(c->watch);
	pthread_mutex_lock(&c->lock);
	c->lost = true;
	pthread_mutex_unlock(&c->lock);
}

static json_t *health_json(const struct hcb_ceph_health *h)
{
	if (!h->known)
		return json_null();
	return json_pack("{s:s, s:s, s:b, s:b, s:b, s:i, s:i}", "status", h->status,
	                 "checks", h->checks, "degraded", h->degraded, "recovery",
	                 h->recovery, "scrub", h->scrub, "osds_up", (int)h->osds_up,
	                 "osds_in", (int)h->osds_in);
}

void hcb_ceph_health_facts(struct hcb_ceph *c, struct hcb_kvs *facts)
{
	struct hcb_ceph_health now;
	if (!c->lost)
		look(c, &now, NULL);
	pthread_mutex_lock(&c->lock);
	json_t *o = json_pack("{s:o, s:o, s:s, s:b, s:b, s:i, s:i}", "start",
	                      health_json(&c->first), "end", health_json(&c->last),
	                      "worst", c->worst.status, "saw_recovery", c->saw_recovery,
	                      "saw_scrub", c->saw_scrub, "samples", (int)c->samples,
	                      "unanswered", (int)c->unanswered);
	const char *not_as_asked = NULL, *disturbed = NULL;
	if (c->saw_degraded || c->first.degraded)
		not_as_asked = "the cluster was degraded";
	else if (c->saw_recovery)
		not_as_asked = "recovery or backfill ran in the cluster";
	else if (c->last.known && c->last.osds_up < c->first.osds_up)
		not_as_asked = "an OSD went down";
	if (c->saw_scrub)
		disturbed = "placement groups were being scrubbed";
	pthread_mutex_unlock(&c->lock);
	hcb_kvs_json(facts, "health", o);
	if (not_as_asked)
		hcb_kvs_str(facts, HCB_FACT_NOT_AS_ASKED, not_as_asked);
	if (disturbed)
		hcb_kvs_str(facts, HCB_FACT_DISTURBED, disturbed);
}
#endif
