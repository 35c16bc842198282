/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every verb, in the order help shows them. A test compares this with the folder's files.
 */
#ifndef HCB_CMD_REGISTRY_H
#define HCB_CMD_REGISTRY_H

#include "bench/cmd/verb.h"

#define HCB_VERBS(X)                                                                     \
	X(probe)                                                                         \
	X(run)                                                                           \
	X(verify)                                                                        \
	X(search)                                                                        \
	X(size)                                                                          \
	X(ab)                                                                            \
	X(compare) X(check) X(history) X(report) X(claim) X(lab) X(disk) X(doctor) X(list)

#define HCB_DECLARE_VERB(n) extern const struct hcb_verb hcb_verb_##n;
HCB_VERBS(HCB_DECLARE_VERB)
#undef HCB_DECLARE_VERB

#endif
