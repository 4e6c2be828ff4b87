// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the bus addresses that the requester gives to memory.
 */
#include <linux/device.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/rcupdate.h>

#include "device.h"

/*
 * Behind an IOMMU bus addresses are virtual. Our domain number keeps functions out of every
 * group in general, so that this need not be fast; the domain is looked up anew because it may
 * change with the driver.
 */
static bool nvmev_translate(struct nvmev_function *function, u64 bus, phys_addr_t *phys)
{
	struct pci_dev *pdev;
	struct iommu_domain *domain;

	*phys = bus;
	rcu_read_lock();
	pdev = rcu_dereference(function->pdev);
	if (pdev && unlikely(device_iommu_mapped(&pdev->dev))) {
		domain = iommu_get_domain_for_dev(&pdev->dev);
		if (domain)
			*phys = iommu_iova_to_phys(domain, bus);
	}
	rcu_read_unlock();
	/* iommu_iova_to_phys() says 0 for what is not mapped. No driver does DMA to page 0. */
	return *phys >= PAGE_SIZE;
}

/* Whether the kernel's mapping of all memory has this page, and it is memory. */
static bool nvmev_is_memory(unsigned long pfn)
{
	struct page *page;

	if (!pfn_valid(pfn))
		return false;
	page = pfn_to_page(pfn);
	if (is_device_private_page(page))
		return false;
	/*
	 * Holes between memory have pages that are marked reserved, but so has the kernel's image,
	 * and the zero page in it is what zeroes are often written from.
	 */
	return likely(!PageReserved(page)) || page_is_ram(pfn);
}

void *nvmev_host_map(struct nvmev_function *function, uint64_t bus, uint32_t length)
{
	phys_addr_t phys;

	if (unlikely(!READ_ONCE(function->may_access_memory)))
		goto refuse;
	if (unlikely(!nvmev_translate(function, bus, &phys)))
		goto refuse;
	if (unlikely(!nvmev_is_memory(PHYS_PFN(phys))))
		goto refuse;
	return phys_to_virt(phys);

refuse:
	atomic64_inc(&function->host->map_refused);
	return NULL;
}
