/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/disk_ini.h"

#include <errno.h>
#include <string.h>

#include "bench/core/ini.h"
#include "bench/core/units.h"

/* As the parser reads it back: nanoseconds as milliseconds, bytes whole. */
static void value_text(const struct hcb_opt *o, double v, char *buf, size_t size)
{
	switch (o->type) {
	case HCB_OPT_DURATION:
		snprintf(buf, size, "%.9gms", v / 1e6);
		break;
	case HCB_OPT_SHARE:
		snprintf(buf, size, "%.9g%%", v * 100);
		break;
	default:
		snprintf(buf, size, "%.15g", v);
	}
}

static const struct hcb_opt *find(const struct hdd_profile *p, const char *section,
                                  const char *key)
{
	size_t n;
	const struct hcb_ini_kind *s = hdd_profile_sections((enum hdd_type)p->type, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(s[i].name, section) == 0)
			return hcb_opt_find(s[i].opts, key);
	return NULL;
}

struct rewrite {
	const struct hdd_profile *base, *p;
	const char *description, *why;
	bool figures;
	char section[64];
	FILE *f;
};

/* The line of a key with another value; false: not one. */
static bool write_key(const struct rewrite *rw, const char *line)
{
	char key[64], left[160], value[64];
	double was, is;
	size_t n = strcspn(line, " =");
	if (n == 0 || n >= sizeof(key) || !strchr(line, '=') || *line == ';')
		return false;
	snprintf(key, sizeof(key), "%.*s", (int)n, line);
	if (strcmp(key, "description") == 0) {
		fprintf(rw->f, "description = %s\n", rw->description);
		return true;
	}
	const struct hcb_opt *o = find(rw->p, rw->section, key);
	if (!o || !hdd_profile_number(o, rw->base, &was) ||
	    !hdd_profile_number(o, rw->p, &is) || was == is)
		return false;
	value_text(o, is, value, sizeof(value));
	snprintf(left, sizeof(left), "%s = %s", key, value);
	fprintf(rw->f, "%-25s ; %s\n", left, rw->why);
	return true;
}

static void write_line(struct rewrite *rw, const char *line)
{
	if (*line == '[')
		snprintf(rw->section, sizeof(rw->section), "%.*s",
		         (int)strcspn(line + 1, "]"), line + 1);
	bool published = strcmp(rw->section, "published") == 0;
	if (published && rw->figures)
		return;
	if (published || !write_key(rw, line))
		fputs(line, rw->f);
}

static void write_figures(const struct rewrite *rw)
{
	char line[1024];
	fputs("\n[published]\n", rw->f);
	for (int i = 0; i < HDD_FIGURE_COUNT; i++) {
		if (!rw->p->published.figure[i].given)
			continue;
		hdd_published_format(&rw->p->published, (enum hdd_figure_id)i, line,
		                     sizeof(line));
		fprintf(rw->f, "%s\n", line);
	}
}

int disk_ini_write(const char *path, const struct hdd_profile *base,
                   const struct hdd_profile *p, const char *description, const char *why,
                   bool figures, FILE *f, struct hcb_err *err)
{
	struct rewrite rw = {.base = base,
	                     .p = p,
	                     .description = description,
	                     .why = why,
	                     .figures = figures,
	                     .f = f};
	char line[1200];
	FILE *in = fopen(path, "re");
	if (!in)
		return hcb_err_sys(err, -errno, "open %s", path);
	while (fgets(line, sizeof(line), in))
		write_line(&rw, line);
	fclose(in);
	if (figures)
		write_figures(&rw);
	return fflush(f) || ferror(f) ? hcb_err_sys(err, -EIO, "write the profile") : 0;
}
