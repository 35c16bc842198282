/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run loop's memory: all is taken before the first op and given back after the last.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/loop_internal.h"

static void *map_bytes(size_t n)
{
	void *p =
	        mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static size_t largest_op_priv(const struct hcb_layout *layout)
{
	size_t max = 0;
	for (unsigned d = 0; d < layout->n_devs; d++)
		if (layout->devs[d]->engine->op_size > max)
			max = layout->devs[d]->engine->op_size;
	return (max + 63) & ~(size_t)63;
}

static void fill_payload(unsigned char *p, size_t n, uint64_t seed)
{
	struct hcb_random r;
	hcb_random_init(&r, seed, 77);
	for (size_t i = 0; i + 8 <= n; i += 8) {
		uint64_t v = hcb_random_u64(&r);
		memcpy(p + i, &v, 8);
	}
}

static void init_ops(struct hcb_loop_own *o, size_t priv)
{
	for (uint32_t i = o->n_ops; i-- > 0;) {
		struct hcb_op *op = &o->ops[i];
		op->index = i;
		op->priv = o->priv + (size_t)i * priv;
		op->next = o->free;
		o->free = op;
	}
}

int hcb_loop_init(struct hcb_loop *l, uint64_t seed, struct hcb_err *err)
{
	struct hcb_loop_own *o = calloc(1, sizeof(*o));
	if (!o)
		return hcb_err_sys(err, -ENOMEM, "run loop");
	l->own = o;
	size_t priv = largest_op_priv(l->layout);
	o->n_ops = l->layout->devs[0]->depth;
	o->ops = map_bytes(o->n_ops * sizeof(*o->ops));
	o->priv = map_bytes(o->n_ops * priv + 64);
	o->fua = map_bytes(o->n_ops * sizeof(*o->fua));
	o->payload = map_bytes(HCB_LOOP_PAYLOAD + l->wl->max_write_bytes);
	o->read_buf = map_bytes((size_t)o->n_ops * l->wl->max_read_bytes + 4096);
	if (!o->ops || !o->priv || !o->fua || !o->payload || !o->read_buf) {
		hcb_loop_free(l);
		return hcb_err_sys(err, -ENOMEM, "run loop: buffers");
	}
	fill_payload(o->payload, HCB_LOOP_PAYLOAD + l->wl->max_write_bytes, seed);
	init_ops(o, priv);
	hcb_random_init(&o->chance, seed, 78);
	for (unsigned d = 0; d < l->layout->n_devs; d++)
		o->dev[d].waiting.tail = &o->dev[d].waiting.head;
	return 0;
}

/* A library that never answered may still write into an op or a buffer: then they stay.
 */
static bool abandoned(const struct hcb_loop *l)
{
	for (unsigned d = 0; d < l->layout->n_devs; d++)
		if (l->layout->devs[d]->abandoned)
			return true;
	return false;
}

void hcb_loop_free(struct hcb_loop *l)
{
	struct hcb_loop_own *o = l->own;
	if (!o || abandoned(l))
		return;
	size_t priv = largest_op_priv(l->layout);
	if (o->ops)
		munmap(o->ops, o->n_ops * sizeof(*o->ops));
	if (o->priv)
		munmap(o->priv, o->n_ops * priv + 64);
	if (o->fua)
		munmap(o->fua, o->n_ops * sizeof(*o->fua));
	if (o->payload)
		munmap(o->payload, HCB_LOOP_PAYLOAD + l->wl->max_write_bytes);
	if (o->read_buf)
		munmap(o->read_buf, (size_t)o->n_ops * l->wl->max_read_bytes + 4096);
	free(o);
	l->own = NULL;
}
