/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several reports on a document of kind "check" share. */
#ifndef HCB_REPORTS_CHECK_PARTS_H
#define HCB_REPORTS_CHECK_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A string member, "" if it is null or not there. */
const char *hcb_check_str(const json_t *o, const char *key);
/* A number; NaN if null or not there. */
double hcb_check_num(const json_t *o, const char *key);
/* A value of a series with its unit: "48.1 ms", "123/s", "n/a". */
char *hcb_check_value(char *buf, size_t size, const json_t *series, double v);
/* "+31 % [+22, +41]"; empty without an effect. */
char *hcb_check_effect(char *buf, size_t size, const json_t *series);
/* The line a person reads in the morning, without a newline. */
void hcb_check_line(FILE *f, const json_t *doc, const json_t *series);
/* Is the series worth a line: anything but OK? */
bool hcb_check_speaks(const json_t *series);
/* The whole night in one line, without a newline. */
void hcb_check_headline(FILE *f, const json_t *doc);
/* The same as a string, to be freed; NULL without memory. */
char *hcb_check_line_text(const json_t *doc, const json_t *series);

#endif
