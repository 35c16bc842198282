/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON as Ceph's daemons write it. Their counters are unsigned 64-bit, and one that is
 * decremented once too often is printed as 18446744073709551609 (seen in every OSD that
 * had lost a client's connection: "msgr_active_connections"). Such a number is an error
 * to a JSON reader whose integers are signed, and it would cost the whole answer.
 *
 * Here it is read as the negative number it stands for; from 2^63 up to 10^19, which is
 * nothing that was ever counted, as 2^63 - 1.
 */
#ifndef HCB_ENGINES_CEPH_JSON_H
#define HCB_ENGINES_CEPH_JSON_H

#include <jansson.h>
#include <stdint.h>

/* NULL if it is no JSON. */
json_t *hcb_ceph_json(const char *text, size_t len);

/* AsyncMessenger::rebind adds this to the nonce for each address tried anew. */
#define HCB_CEPH_REBIND 1000000

/*
 * Of one element of "osds" in `osd dump`: what tells that OSD's process from its next
 * one, the nonce of its address modulo HCB_CEPH_REBIND. The nonce is its pid, in a
 * container a random number. -1: it has none.
 */
int64_t hcb_ceph_osd_instance(const json_t *osd);

#endif
