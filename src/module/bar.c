// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory behind the BARs 0: ordinary pages, which the driver maps as it would map registers.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/set_memory.h>

#include "device.h"

static size_t nvmev_bars_size(const struct nvmev_host *host)
{
	return host->nr_functions * (size_t)NVMEV_BAR_SIZE;
}

static void nvmev_bars_reserve(struct nvmev_host *host, bool reserve)
{
	struct page *page = virt_to_page(host->bars);
	unsigned int i;

	for (i = 0; i < nvmev_bars_size(host) / PAGE_SIZE; i++) {
		if (reserve)
			SetPageReserved(page + i);
		else
			ClearPageReserved(page + i);
	}
}

int nvmev_bar_start(struct nvmev_host *host)
{
	unsigned int i;

	host->bars = alloc_pages_exact(nvmev_bars_size(host), GFP_KERNEL | __GFP_ZERO);
	if (!host->bars)
		return -ENOMEM;

	/*
	 * A BAR is aligned to its size. alloc_pages_exact() gives at least that to sizes that are
	 * not smaller.
	 */
	if (WARN_ON(virt_to_phys(host->bars) & (NVMEV_BAR_SIZE - 1))) {
		free_pages_exact(host->bars, nvmev_bars_size(host));
		return -ENOMEM;
	}
	for (i = 0; i < host->nr_functions; i++) {
		struct nvmev_function *function = &host->functions[i];

		function->bar = host->bars + i * NVMEV_BAR_SIZE;
		function->bar_phys = virt_to_phys(function->bar);
	}

	/*
	 * ioremap() takes RAM for device memory only where pages are marked as not the kernel's to
	 * use.
	 */
	nvmev_bars_reserve(host, true);
	return 0;
}

/* ioremap() wants pages that nobody has changed, and changes them itself. */
void nvmev_bar_set_uncached(struct nvmev_function *function, bool uncached)
{
	unsigned long address = (unsigned long)function->bar;

	if (uncached)
		set_memory_uc(address, NVMEV_BAR_SIZE / PAGE_SIZE);
	else
		set_memory_wb(address, NVMEV_BAR_SIZE / PAGE_SIZE);
}

void nvmev_bar_stop(struct nvmev_host *host)
{
	/*
	 * The driver's ioremap() has made our mapping uncached, and nobody but us makes it cached
	 * again.
	 */
	set_memory_wb((unsigned long)host->bars, nvmev_bars_size(host) / PAGE_SIZE);
	nvmev_bars_reserve(host, false);
	free_pages_exact(host->bars, nvmev_bars_size(host));
	host->bars = NULL;
}
