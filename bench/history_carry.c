/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Series of a machine that its results did not name, carried on by the one that does. */
#include <stdio.h>
#include <string.h>

#include "bench/history.h"
#include "bench/history_db.h"

static struct hcb_history_series series_of(const struct hcb_history_doc *d,
                                           const struct hcb_history_metric *m,
                                           bool control)
{
	struct hcb_history_series s = {
	        .more_is_better = m->more_is_better, .control = control, .rank = m->rank};
	hcb_history_key(d, m, s.key);
	memcpy(s.metric, m->name, sizeof(s.metric));
	memcpy(s.unit, m->unit, sizeof(s.unit));
	snprintf(s.label, sizeof(s.label), "%s.%s", d->name, m->name);
	return s;
}

struct calibration {
	struct hcb_gate_conf conf;
	double budget;
	uint64_t seed;
	size_t nights;
};

static int take_calibration(void *arg, const struct hcb_row *row)
{
	struct calibration *c = arg;
	for (int i = 0; i < 4; i++)
		c->conf.h[i] = hcb_row_real(row, i);
	c->seed = (uint64_t)hcb_row_int(row, 4);
	c->budget = hcb_row_real(row, 5);
	c->nights = (size_t)hcb_row_int(row, 6);
	return 1;
}

static int carry(struct hcb_history *h, const struct hcb_history_series *from,
                 const struct hcb_history_series *to, int64_t now, struct hcb_err *err)
{
	struct calibration c = {0};
	int r = hcb_history_link(h, from, to, now, err);
	r = r ? r
	      : hcb_db_each(h->db, err, take_calibration, &c,
	                    "SELECT h10, h14, h20, h30, seed, budget, nights FROM "
	                    "calibration WHERE series = ?1",
	                    "s", from->key);
	return r == 1 ? hcb_history_calibrated(h, to, &c.conf, c.budget, c.seed, c.nights,
	                                       now, err)
	              : r;
}

int hcb_history_carry_unknown(struct hcb_history *h, const struct hcb_history_doc *d,
                              int64_t now, unsigned *carried, struct hcb_err *err)
{
	struct hcb_history_doc unknown = *d;
	const json_t *machine = json_object_get(d->fingerprint, "machine");
	int r = 0;
	*carried = 0;
	if (!json_object_get(machine, "host"))
		return 0;
	unknown.fingerprint = json_deep_copy(d->fingerprint);
	json_object_del(json_object_get(unknown.fingerprint, "machine"), "host");
	hcb_history_hash(unknown.fingerprint, unknown.fingerprint_hash);
	for (size_t i = 0; !r && i < d->n_metrics; i++) {
		int64_t control = -1;
		struct hcb_history_series to = series_of(d, &d->metric[i], false),
		                          from = series_of(&unknown, &d->metric[i],
		                                           false);
		r = hcb_db_int(
		        h->db, err, -1, &control,
		        "SELECT new.control FROM series new JOIN series old ON old.key = "
		        "?2 AND old.control = new.control WHERE new.key = ?1 AND NOT "
		        "EXISTS(SELECT 1 FROM link WHERE link.series = ?1 OR link.old = "
		        "?2) AND (SELECT count(*) FROM night WHERE series = new.id) = 1",
		        "ss", to.key, from.key);
		if (r || control < 0)
			continue;
		to.control = from.control = control != 0;
		r = carry(h, &from, &to, now, err);
		*carried += !r;
	}
	json_decref(unknown.fingerprint);
	return r;
}
