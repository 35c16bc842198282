/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections of the text report that have a file of their own. */
#ifndef HCB_REPORTS_TEXT_PARTS_H
#define HCB_REPORTS_TEXT_PARTS_H

#include <jansson.h>
#include <stdio.h>

/* A whole document of kind "repeat". */
void hcb_text_repeat(FILE *f, const json_t *doc);
/* A whole document of kind "ab". */
void hcb_text_ab(FILE *f, const json_t *doc);
/* A whole document of kind "compare". */
void hcb_text_compare(FILE *f, const json_t *doc);
/* A table of what hcb_effect_json made; nothing if metrics is NULL. a, b: the sides'
   names in its head, 10 characters at most. */
void hcb_text_effects(FILE *f, const char *transaction, const char *a, const char *b,
                      const json_t *metrics);
void hcb_text_margin(FILE *f, double margin); /* what EQUIVALENT means */
/* A whole document of kind "search". */
void hcb_text_search(FILE *f, const json_t *doc);
/* A whole document of kind "size". */
void hcb_text_size(FILE *f, const json_t *doc);
/* What --verify found; nothing if verify, a document's own, is null. */
void hcb_text_verify(FILE *f, const json_t *verify);
/* A whole document of kind "verify". */
void hcb_text_verify_document(FILE *f, const json_t *doc);
/* A whole document of kind "probe". */
void hcb_text_probe(FILE *f, const json_t *doc);
/* A whole document of kind "check". */
void hcb_text_check(FILE *f, const json_t *doc);
/* A whole document of kind "controls". */
void hcb_text_controls(FILE *f, const json_t *doc);
/* Faults, stalls, before / during / after; nothing if the run had no faults. */
void hcb_text_drill(FILE *f, const json_t *doc);

#endif
