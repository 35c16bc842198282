/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at the cluster under an rbd or rados target, for probe: which OSDs serve it,
 * where they are and on what disks, how fast they answer from memory and what the path to
 * each carries. It asks and reads; it writes nothing.
 *
 * A survey has a connection of its own, with the bounds of ceph_conn.h.
 */
#ifndef HCB_ENGINES_CEPH_SURVEY_H
#define HCB_ENGINES_CEPH_SURVEY_H

#include <jansson.h>
#include <stdint.h>

#include "engines/engine.h"

struct hcb_ceph_survey;

/* Bounds of one burst each way. */
struct hcb_ceph_burst {
	uint64_t max_bytes, max_ns;
};

/* Wall ns and bytes a second; 0: could not be measured. */
struct hcb_ceph_speed {
	uint64_t answer_ns; /* median of 4 KiB reads of an object in the OSD's memory */
	double from_osd_bytes_per_s, to_osd_bytes_per_s;
};

/*
 * dev is parsed, with its conf complete, and not open. -ENOTSUP without librados;
 * -ENOTRECOVERABLE (exit 13) if the cluster is in a state that no run should start in.
 */
int hcb_ceph_survey_open(const struct hcb_dev *dev, struct hcb_ceph_survey **out,
                         struct hcb_err *err);
void hcb_ceph_survey_close(struct hcb_ceph_survey *s);

/*
 * Every OSD that is up: [{"id", "address", "port", "cluster_address", "host", "class",
 * "rotational", "log_rotational", "node", "devices", "device_ids", "ping_mean_ns",
 * "ping_max_ns"}]. What Ceph does not say is null. node is the machine's own name, host
 * the CRUSH bucket's. The pings are what the OSD measured to its peers on the cluster
 * network, over its last minute; asked of the first 12.
 */
json_t *hcb_ceph_survey_osds(struct hcb_ceph_survey *s, struct hcb_err *err);

/*
 * Where the image's first bytes lie: {"acting": [ids, ascending], "objects": [{"osd",
 * "object"}]}, the latter one object for each OSD that is primary of any. Of rados
 * targets, and of images with a data pool of their own, objects is empty.
 */
json_t *hcb_ceph_survey_placement(struct hcb_ceph_survey *s, uint64_t bytes,
                                  struct hcb_err *err);

/*
 * Reads an object until the OSD has it in memory, then times small reads, and bursts of
 * 256 KiB chunks: reads for one way, comparisons (the OSD receives the chunk and says
 * that it differs) for the other. The disk takes no part in either.
 */
int hcb_ceph_survey_speed(struct hcb_ceph_survey *s, const char *object,
                          const struct hcb_ceph_burst *burst, struct hcb_ceph_speed *out,
                          struct hcb_err *err);

/* ---- pure parts, for tests ---- */

/* "10.0.0.1:6800/123", "[fd00::1]:6800": false if it is neither. */
bool hcb_ceph_split_address(const char *text, char *host, size_t size, uint16_t *port);
/* The survey of the answers to "osd dump", "osd metadata" and "osd tree". */
json_t *hcb_ceph_osd_list(const json_t *dump, const json_t *metadata, const json_t *tree);
/* Adds the pings of one OSD's "dump_osd_network" to its element. */
void hcb_ceph_add_pings(json_t *osd, const json_t *dump_osd_network);

#endif
