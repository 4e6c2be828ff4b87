// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory behind BAR 0: ordinary pages, which the driver maps as it would map registers.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/set_memory.h>

#include "device.h"

static void nvmev_bar_reserve(void *bar, bool reserve)
{
	struct page *page = virt_to_page(bar);
	unsigned int i;

	for (i = 0; i < NVMEV_BAR_SIZE / PAGE_SIZE; i++) {
		if (reserve)
			SetPageReserved(page + i);
		else
			ClearPageReserved(page + i);
	}
}

int nvmev_bar_start(struct nvmev_host *host)
{
	host->bar = alloc_pages_exact(NVMEV_BAR_SIZE, GFP_KERNEL | __GFP_ZERO);
	if (!host->bar)
		return -ENOMEM;
	host->bar_phys = virt_to_phys(host->bar);

	/*
	 * A BAR is aligned to its size. alloc_pages_exact() gives that to sizes that are powers of
	 * two.
	 */
	if (WARN_ON(host->bar_phys & (NVMEV_BAR_SIZE - 1))) {
		free_pages_exact(host->bar, NVMEV_BAR_SIZE);
		return -ENOMEM;
	}

	/*
	 * ioremap() takes RAM for device memory only where pages are marked as not the kernel's to
	 * use.
	 */
	nvmev_bar_reserve(host->bar, true);
	return 0;
}

void nvmev_bar_stop(struct nvmev_host *host)
{
	/*
	 * The driver's ioremap() has made our mapping uncached, and nobody but us makes it cached
	 * again.
	 */
	set_memory_wb((unsigned long)host->bar, NVMEV_BAR_SIZE / PAGE_SIZE);
	nvmev_bar_reserve(host->bar, false);
	free_pages_exact(host->bar, NVMEV_BAR_SIZE);
	host->bar = NULL;
}
