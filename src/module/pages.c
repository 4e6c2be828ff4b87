// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory for the core: at attach, and page by page for the medium while running.
 */
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "device.h"

/* Above this one block of contiguous memory is much to ask for. */
#define NVMEV_CONTIGUOUS_MAX (4ul << 20)

void *nvmev_host_alloc(struct nvmev_host *host, size_t size)
{
	if (!size)
		size = 1;
	/* kmalloc() aligns to a cache line only what has the size of a power of two. */
	if (size <= PAGE_SIZE)
		return kzalloc(max_t(size_t, roundup_pow_of_two(size), SMP_CACHE_BYTES),
			       GFP_KERNEL);
	if (size <= NVMEV_CONTIGUOUS_MAX)
		return kvzalloc(size, GFP_KERNEL);
	/* What cannot be had must fail, rather than have the OOM killer make room for it. */
	if (size >> PAGE_SHIFT >= (unsigned long)max(si_mem_available(), 0l))
		return NULL;
	return __vmalloc(size, GFP_KERNEL | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
}

void nvmev_host_free(struct nvmev_host *host, void *memory, size_t size)
{
	kvfree(memory);
}

/*
 * Finding out how much memory is available takes a walk over all zones. Each CPU does that once for
 * this many pages, at most, that it takes.
 */
#define NVMEV_PAGE_BUDGET 256

static DEFINE_PER_CPU(unsigned int, nvmev_page_budget);

static long nvmev_min_free_pages(void)
{
	unsigned int mib = READ_ONCE(nvmev_tunables.min_free);

	return mib ? (long)mib << (20 - PAGE_SHIFT) : totalram_pages() / 16;
}

static bool nvmev_page_allowed(void)
{
	unsigned int *budget = get_cpu_ptr(&nvmev_page_budget);
	bool allowed = true;

	if (likely(*budget)) {
		--*budget;
	} else {
		long spare = si_mem_available() - nvmev_min_free_pages();

		if (spare > 0)
			*budget = min_t(long, spare / num_online_cpus(), NVMEV_PAGE_BUDGET);
		else
			allowed = false;
	}
	put_cpu_ptr(&nvmev_page_budget);
	return allowed;
}

void *nvmev_host_page_alloc(struct nvmev_host *host)
{
	struct page *page = NULL;

	/*
	 * Clean page cache may be dropped for it, but nothing be written out: that might come back
	 * to this device, whose worker is busy here.
	 */
	if (nvmev_page_allowed())
		page = alloc_page(GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN | __GFP_NOMEMALLOC |
				  __GFP_ZERO);
	if (!page) {
		if (atomic64_inc_return(&host->pages_refused) == 1)
			nvmev_warn(
				host,
				"memory is down to min_free, writes to new blocks fail until some is freed");
		return NULL;
	}
	atomic_long_inc(&host->pages);
	return page_address(page);
}

void nvmev_host_page_free(struct nvmev_host *host, void *page)
{
	__free_page(virt_to_page(page));
	/* Nobody holds a lock when a device is destroyed, and it may have very many pages. */
	if ((atomic_long_dec_return(&host->pages) & 4095) == 0 && READ_ONCE(host->dying))
		cond_resched();
}
