/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every engine, sorted. A test compares this list with the files of the folder. */
#ifndef HCB_ENGINES_REGISTRY_H
#define HCB_ENGINES(X) X(hdd) X(libaio) X(mem) X(nbd) X(null) X(rados) X(rbd) X(uring)

#include "engines/engine.h"

#define HCB_DECLARE_ENGINE(n) extern const struct hcb_engine hcb_engine_##n;
HCB_ENGINES(HCB_DECLARE_ENGINE)
#undef HCB_DECLARE_ENGINE

#endif
