/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several workloads of one scenario as one workload, so that run loop, record and
 * document need not know that there are several. Its volumes, transactions and streams
 * are those of its parts, each with the part's name before it: "db.wal", "db.commit".
 *
 * The first part is the main one: its first transaction is the headline, its cycles cut
 * warm-up and blocks, its phases split the headline, its rate is the offered one. What
 * the others could not carry is said by hcb_mix_behind.
 *
 * Parts whose volumes lie on one target share its journal region, as two programs on one
 * file system do; each keeps its own place in it.
 */
#ifndef HCB_BENCH_MIX_H
#define HCB_BENCH_MIX_H

#include "bench/layout.h"
#include "bench/record.h"
#include "workloads/workload.h"

#define HCB_MAX_PARTS 8

struct hcb_mix_part {
	char name[32];
	const struct hcb_workload *wl;
	void *conf; /* of wl, filled; the caller's */

	/* set by hcb_mix_make */
	struct hcb_geometry own; /* what it planned, before the layout */
	unsigned volume0, tx0, stream0;
};

struct hcb_mix {
	struct hcb_workload wl; /* conf: the mix itself */
	struct hcb_mix_part part[HCB_MAX_PARTS];
	unsigned n_parts;
	char name[160];
	char volume_name[HCB_MAX_VOLUMES][64], tx_name[HCB_MAX_TX][64],
	        stream_name[HCB_MAX_STREAMS][64];
	struct hcb_tx_info tx[HCB_MAX_TX];
	struct hcb_stream_info stream[HCB_MAX_STREAMS];
};

/*
 * After part[0..n_parts) have name, wl and conf: plans them and fills the rest. Exit 2 if
 * together they have more volumes, transactions or streams than a run can keep apart.
 */
int hcb_mix_make(struct hcb_mix *m, struct hcb_err *err);

/*
 * The bindings of one part ("all" or its volumes' names) as those of the mix: "all"
 * becomes one binding for each volume of the part that has none of its own. out has room
 * for 2 * HCB_MAX_VOLUMES; *n_out is what is there already. Exit 2 for a volume the part
 * has not, or one that is bound nowhere.
 */
int hcb_mix_bind(const struct hcb_mix *m, unsigned part, const struct hcb_binding *on,
                 unsigned n, struct hcb_binding *out, unsigned *n_out,
                 struct hcb_err *err);

/* {"db": {"type": "postgres", ...parameters...}, ...}; owned by the caller. */
json_t *hcb_mix_params(const struct hcb_mix *m);

/*
 * Did a part other than the main one carry less than 95 % of the load offered to it, and
 * leave a backlog of what was due before the window's end? Then *out says which and how
 * much. state: the mix's, after the run.
 */
bool hcb_mix_behind(const struct hcb_mix *m, const void *state,
                    const struct hcb_record *rec, double seconds, char *out, size_t size);

#endif
