// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory behind BARs 2 and 4: Controller Memory Buffer and Persistent Memory Region. In the reserved
 * range, if there is one (medium.c), it is what hardware would have: the kernel has no pages for it, and
 * the nvme driver can make some. Otherwise it is RAM, where a driver finds no memory to share.
 */
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/set_memory.h>
#include <linux/sizes.h>

#include "device.h"

/* One block of memory is not larger: there is one for all controllers. */
#define NVMEV_RAM_BAR_MAX SZ_4M

void nvmev_memory_bars_init(struct nvmev_host *host)
{
	host->memory_bars[NVMEV_CMB] = (struct nvmev_memory_bar){
		.key = "cmb",
		.number = NVMEV_CMB_BAR,
		.size = host->config.cmb_size,
		.total = (u64)host->config.cmb_size * host->nr_functions,
	};
	host->memory_bars[NVMEV_PMR] = (struct nvmev_memory_bar){
		.key = "pmr",
		.number = NVMEV_PMR_BAR,
		.size = host->config.pmr_size,
		.total = (u64)host->config.pmr_size * host->nr_functions,
	};
}

static void nvmev_ram_mark(const struct nvmev_memory_bar *bar, bool reserved)
{
	struct page *page = virt_to_page(bar->memory);
	u64 i;

	for (i = 0; i < bar->total >> PAGE_SHIFT; i++) {
		if (reserved)
			SetPageReserved(page + i);
		else
			ClearPageReserved(page + i);
	}
}

static int nvmev_ram_take(struct nvmev_memory_bar *bar, unsigned int controllers,
			  struct nvmev_error *error)
{
	if (bar->total > NVMEV_RAM_BAR_MAX)
		return nvmev_fail(error, -ERANGE,
				  "%s=%llu: with %u controllers up to %lu, or memmap_start and memmap_size, is right",
				  bar->key, bar->size, controllers,
				  rounddown_pow_of_two(NVMEV_RAM_BAR_MAX / controllers));
	/* That is aligned to the power of two that is not smaller. */
	bar->memory = alloc_pages_exact(bar->total, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	if (!bar->memory)
		return nvmev_fail(error, -ENOMEM, "%s=%llu: there is no contiguous memory of that size",
				  bar->key, bar->size);
	bar->phys = virt_to_phys(bar->memory);
	bar->is_ram = true;
	nvmev_ram_mark(bar, true);
	/* As the mappings of sysfs are. */
	set_memory_uc((unsigned long)bar->memory, bar->total >> PAGE_SHIFT);
	return 0;
}

int nvmev_memory_bars_start(struct nvmev_host *host, struct nvmev_error *error)
{
	unsigned int i;
	int result;

	for (i = 0; i < NVMEV_MEMORY_BARS; i++) {
		struct nvmev_memory_bar *bar = &host->memory_bars[i];

		if (!bar->size || bar->memory)
			continue;
		result = nvmev_ram_take(bar, host->nr_functions, error);
		if (result) {
			nvmev_memory_bars_stop(host);
			return result;
		}
	}
	host->config.cmb_base = host->memory_bars[NVMEV_CMB].memory;
	host->config.pmr_base = host->memory_bars[NVMEV_PMR].memory;
	return 0;
}

void nvmev_memory_bars_stop(struct nvmev_host *host)
{
	unsigned int i;

	for (i = 0; i < NVMEV_MEMORY_BARS; i++) {
		struct nvmev_memory_bar *bar = &host->memory_bars[i];

		if (!bar->memory || !bar->is_ram)
			continue;
		set_memory_wb((unsigned long)bar->memory, bar->total >> PAGE_SHIFT);
		nvmev_ram_mark(bar, false);
		free_pages_exact(bar->memory, bar->total);
		bar->memory = NULL;
	}
}
