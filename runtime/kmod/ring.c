// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring.c - records on their way to the loader, in the layout of a BPF ring
 * buffer (uapi.h). In: samples, from anywhere. Out: pages that are mapped, and
 * who sleeps in poll() woken.
 *
 * The producer's position moves under a lock, behind a header that says busy;
 * the loader's is only ever compared with, never trusted as an address.
 */
#include "kmod.h"
#include "core.h"

#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define BUSY 0x80000000u
enum { HEADER = 8, KEPT_MOST = 64 << 20 };

struct header {
	u32 len, unused;
};

struct chunk {			/* what had no room */
	struct list_head list;
	u32 size;
	char bytes[];
};

static struct {
	struct page **pages;
	u32 npages;		/* each once */
	char *base;		/* mapped: consumer, producer, data twice */
	u64 *consumer, *producer;
	char *data;
	u64 size, pos;		/* pos: the producer's, ours */
	u32 lock;
	struct list_head kept;	/* of the loader's runs alone: no lock */
	u64 kept_size;
	struct irq_work work;
} ring;

DECLARE_WAIT_QUEUE_HEAD(stb_waiters);

static void wake(struct irq_work *w)
{
	wake_up_all(&stb_waiters);
}

/* --- memory ------------------------------------------------------------------ */

static int get_pages(u32 n)
{
	u32 i;

	ring.pages = kvcalloc(n, sizeof(*ring.pages), GFP_KERNEL);
	if (!ring.pages)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		ring.pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!ring.pages[i])
			return -ENOMEM;
		ring.npages++;
	}
	return 0;
}

/* The data twice in a row, so that no sample is ever in two pieces. */
static int map_pages(u32 ndata)
{
	struct page **all = kvcalloc(2 + 2 * ndata, sizeof(*all), GFP_KERNEL);
	u32 i;

	if (!all)
		return -ENOMEM;
	for (i = 0; i < 2 + 2 * ndata; i++)
		all[i] = ring.pages[i < 2 + ndata ? i : i - ndata];
	ring.base = vmap(all, 2 + 2 * ndata, VM_MAP | VM_USERMAP, PAGE_KERNEL);
	kvfree(all);
	return ring.base ? 0 : -ENOMEM;
}

int stb_ring_init(u32 size)
{
	int error;

	INIT_LIST_HEAD(&ring.kept);
	init_irq_work(&ring.work, wake);
	error = get_pages(2 + size / PAGE_SIZE);
	if (!error)
		error = map_pages(size / PAGE_SIZE);
	if (error) {
		stb_ring_exit();
		return error;
	}
	ring.consumer = (u64 *)ring.base;
	ring.producer = (u64 *)(ring.base + PAGE_SIZE);
	ring.data = ring.base + 2 * PAGE_SIZE;
	ring.pos = 0;
	ring.lock = 0;
	smp_store_release(&ring.size, size);
	return 0;
}

void stb_ring_exit(void)
{
	struct chunk *c, *next;
	u32 i;

	if (!ring.pages)
		return;
	ring.size = 0;
	irq_work_sync(&ring.work);
	list_for_each_entry_safe(c, next, &ring.kept, list)
		kvfree(c);
	vunmap(ring.base);
	for (i = 0; i < ring.npages; i++)
		__free_page(ring.pages[i]);
	kvfree(ring.pages);
	memset(&ring, 0, sizeof(ring));
}

/* Only the consumer's page may be written, nor made so later. */
int stb_ring_mmap(struct vm_area_struct *vma)
{
	u64 len = vma->vm_end - vma->vm_start;

	if (!ring.size)
		return -EINVAL;
	if (vma->vm_pgoff || len > PAGE_SIZE) {
		if (vma->vm_flags & VM_WRITE)
			return -EPERM;
		stb_vm_flags(vma, 0, VM_MAYWRITE);
	}
	return remap_vmalloc_range(vma, ring.base, vma->vm_pgoff);
}

bool stb_ring_waits(void)
{
	return ring.size && (READ_ONCE(*ring.consumer) !=
			     READ_ONCE(*ring.producer) ||
			     !list_empty(&ring.kept));
}

/* --- samples --------------------------------------------------------------------- */

/* What a sample ends with where the loader asks for it. */
static void stamp(void *at)
{
	struct stb_stamp s = {
		.record = { sizeof(s), STB_REC_STAMP, 0 },
		.time = ktime_get_mono_fast_ns(),
		.task = (u64)current->tgid << 32 | (u32)current->pid,
		.cpu = raw_smp_processor_id(),
	};

	memcpy(at, &s, sizeof(s));
}

void *stb_reserve(u32 size)
{
	u32 more = READ_ONCE(stb_script.shared->stamps) ?
		   sizeof(struct stb_stamp) : 0;
	u64 need = ALIGN(size + more + HEADER, 8);
	struct header *h = NULL;
	unsigned long flags;

	if (!ring.size || !stb_try_lock(&ring.lock, &flags))
		return NULL;
	if (ring.pos + need - smp_load_acquire(ring.consumer) <= ring.size) {
		h = (struct header *)(ring.data + (ring.pos & (ring.size - 1)));
		h->len = (size + more) | BUSY;
		h->unused = 0;
		ring.pos += need;
		smp_store_release(ring.producer, ring.pos);
	}
	stb_unlock(&ring.lock, flags);
	if (h && more)
		stamp((char *)(h + 1) + size);
	return h ? h + 1 : NULL;
}

/* The loader sets `waiting` before it looks at the ring for the last time, we
   look at it behind the sample: one of us sees the other. */
void stb_submit(void *p)
{
	struct header *h = (struct header *)p - 1;
	struct stb_shared *g = stb_script.shared;

	xchg(&h->len, h->len & ~BUSY);
	if (READ_ONCE(g->waiting)) {
		WRITE_ONCE(g->waiting, 0);
		irq_work_queue(&ring.work);
	}
}

long stb_output(const void *p, u32 size)
{
	void *to = stb_reserve(size);

	if (!to)
		return 1;
	memcpy(to, p, size);
	stb_submit(to);
	return 0;
}

void stb_wake(void)
{
	struct stb_record record = { sizeof(record), STB_REC_WAKE, 0 };

	stb_output(&record, sizeof(record));
	if (ring.size)
		irq_work_queue(&ring.work);
}

/* --- what has no room ------------------------------------------------------------- */

long stb_output_kept(const void *p, u32 size)
{
	struct chunk *c;

	if (list_empty(&ring.kept) && !stb_output(p, size))
		return 0;
	if (ring.kept_size + size > KEPT_MOST)
		return 1;
	c = kmalloc(sizeof(*c) + size, preemptible() ? GFP_KERNEL :
		    GFP_ATOMIC | __GFP_NOWARN);
	if (!c)
		return 1;
	c->size = size;
	memcpy(c->bytes, p, size);
	list_add_tail(&c->list, &ring.kept);
	ring.kept_size += size;
	return 0;
}

long stb_output_text(const char *s, u32 n, bool kept)
{
	struct {
		struct stb_record record;
		char text[512];
	} e;

	e.record.kind = STB_REC_TEXT;
	while (n) {
		u32 part = min_t(u32, n, sizeof(e.text));

		memcpy(e.text, s, part);
		e.record.id = (uint16_t)part;
		e.record.size = ALIGN(sizeof(e.record) + part, 8);
		memset(e.text + part, 0, e.record.size - sizeof(e.record) -
		       part);
		if (kept ? stb_output_kept(&e, e.record.size) :
			   stb_output(&e, e.record.size))
			return 1;
		s += part;
		n -= part;
	}
	return 0;
}

u64 stb_flush_kept(void)
{
	struct chunk *c;

	while ((c = list_first_entry_or_null(&ring.kept, struct chunk, list))) {
		if (stb_output(c->bytes, c->size))
			break;
		ring.kept_size -= c->size;
		list_del(&c->list);
		kfree(c);
	}
	return ring.kept_size;
}
