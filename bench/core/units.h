/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers with units, as fio and ceph.conf users write them. Every parser reads to the
 * end of the string: junk after a number is an error (-EINVAL), a value that does not fit
 * is -ERANGE. Nothing here prints.
 */
#ifndef HCB_CORE_UNITS_H
#define HCB_CORE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define HCB_KIB ((uint64_t)1024)
#define HCB_MIB (1024 * HCB_KIB)
#define HCB_GIB (1024 * HCB_MIB)
#define HCB_US  ((uint64_t)1000)
#define HCB_MS  (1000 * HCB_US)
#define HCB_SEC (1000 * HCB_MS)

int hcb_parse_u64(const char *s, uint64_t *out);
int hcb_parse_double(const char *s, double *out);
/* "8KiB", "8k" (binary, as in fio), "8KB" (decimal), "4096", "512B" -> bytes */
int hcb_parse_size(const char *s, uint64_t *bytes);
/* "50ms", "300us", "5m", "1h", "30s" -> ns. A bare number other than 0 is refused. */
int hcb_parse_duration(const char *s, uint64_t *ns);
/* "1Gbit", "100Mbit" -> bit/s */
int hcb_parse_bitrate(const char *s, uint64_t *bit_per_s);
/* "40/s", "10/m" -> per second */
int hcb_parse_rate(const char *s, double *per_s);
/* "60%" or "0.6" -> 0.6 */
int hcb_parse_share(const char *s, double *share);
/* "on|yes|true|1" / "off|no|false|0" */
int hcb_parse_bool(const char *s, int *out);

/* Shortest honest text: "8 KiB", "1.5 MiB", "12.4 ms". Always terminates buf. */
char *hcb_fmt_bytes(char *buf, size_t n, double bytes);
char *hcb_fmt_ns(char *buf, size_t n, double ns);
/* "48.1 ms" of "ns", "12.3/s" of "1/s", else the number and its unit; "n/a" of NaN. */
char *hcb_fmt_value(char *buf, size_t n, double v, const char *unit);

#endif
