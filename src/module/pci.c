// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PCI host bridge with one bus, and on it a device with one function for each controller.
 */
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/rcupdate.h>

#include "compat.h"
#include "device.h"

/*
 * What the PCI core refers to as long as anybody holds a reference to a function, which may be
 * after this module is gone: a file that is open on the vanished disk holds one. Lives and dies
 * with the bridge.
 */
struct nvmev_bridge {
	struct pci_sysdata sysdata; /* first: the x86 code takes bus->sysdata for it */
	struct nvmev_host *host;
	struct resource buses;
	struct resource window; /* of addresses, just the BARs 0 */
	struct resource memory_windows[NVMEV_MEMORY_BARS]; /* a memory BAR each, if there is one */
};

static struct nvmev_bridge *nvmev_bridge_of(struct pci_bus *bus)
{
	return container_of((struct pci_sysdata *)bus->sysdata, struct nvmev_bridge, sysdata);
}

/* NULL where there is none. */
static struct nvmev_function *nvmev_function_at(struct pci_bus *bus, unsigned int devfn)
{
	struct nvmev_host *host = nvmev_bridge_of(bus)->host;

	if (PCI_FUNC(devfn) != 0 || PCI_SLOT(devfn) >= host->nr_functions)
		return NULL;
	return &host->functions[PCI_SLOT(devfn)];
}

/* ---- Configuration cycles -------------------------------------------------------------------- */

static int nvmev_pci_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *value)
{
	struct nvmev_function *function = nvmev_function_at(bus, devfn);

	if (!function) {
		*value = ~0u;
		return PCIBIOS_DEVICE_NOT_FOUND;
	}
	*value = nvmev_config_space_read(function, where, size);
	return PCIBIOS_SUCCESSFUL;
}

static int nvmev_pci_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 value)
{
	struct nvmev_function *function = nvmev_function_at(bus, devfn);

	if (!function)
		return PCIBIOS_DEVICE_NOT_FOUND;
	nvmev_config_space_write(function, where, size, value);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops nvmev_pci_ops = {
	.read = nvmev_pci_read,
	.write = nvmev_pci_write,
};

/* ---- A function appears, at first or in a rescan --------------------------------------------- */

/*
 * A BAR may lie in System RAM, which is busy, so that a driver's request_mem_region() would fail. Drivers
 * request what is a memory resource, but map what the BAR's start and length say: such a BAR is none while
 * a driver comes or goes. At other times it is one, so that sysfs maps it. A Controller Memory Buffer
 * never is one for a driver: nvme would try to make pages of it, and RAM has them already.
 */
static void nvmev_ram_bar_set(struct pci_dev *pdev, unsigned int number, bool is_resource)
{
	if (is_resource)
		pdev->resource[number].flags |= IORESOURCE_MEM;
	else
		pdev->resource[number].flags &= ~IORESOURCE_MEM;
}

static void nvmev_ram_bars_set(struct nvmev_function *function, struct pci_dev *pdev,
			       unsigned long event)
{
	bool bound = event == BUS_NOTIFY_BOUND_DRIVER;
	bool changing = event == BUS_NOTIFY_BIND_DRIVER || event == BUS_NOTIFY_UNBIND_DRIVER;
	unsigned int i;

	if (event == BUS_NOTIFY_BIND_DRIVER)
		nvmev_bar_set_uncached(function, false);
	else if (!changing && !bound)
		nvmev_bar_set_uncached(function, true);
	nvmev_ram_bar_set(pdev, 0, !changing);
	for (i = 0; i < NVMEV_MEMORY_BARS; i++) {
		const struct nvmev_memory_bar *bar = &function->host->memory_bars[i];

		if (bar->size && bar->is_ram)
			nvmev_ram_bar_set(pdev, bar->number, !changing && !(bound && i == NVMEV_CMB));
	}
}

static void nvmev_bar_added(struct nvmev_function *function, struct pci_dev *pdev,
			    unsigned int number, phys_addr_t phys, u64 size)
{
	struct resource *bar = &pdev->resource[number];

	/* Whatever software wrote into the BAR meanwhile, the memory is where it is. */
	bar->start = phys;
	bar->end = phys + size - 1;
	bar->flags &= ~IORESOURCE_UNSET;
	pci_write_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * number, lower_32_bits(phys));
	pci_write_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * number + 4, upper_32_bits(phys));
	if (pci_claim_resource(pdev, number))
		nvmev_err(function->host, "BAR %u of controller %u cannot be claimed", number,
			  function->index);
}

static void nvmev_function_added(struct nvmev_function *function, struct pci_dev *pdev)
{
	unsigned int i;

	nvmev_bar_added(function, pdev, 0, function->bar_phys, NVMEV_BAR_SIZE);
	for (i = 0; i < NVMEV_MEMORY_BARS; i++) {
		const struct nvmev_memory_bar *bar = &function->host->memory_bars[i];

		if (bar->size)
			nvmev_bar_added(function, pdev, bar->number, nvmev_memory_bar_phys(bar, function),
					bar->size);
	}
	nvmev_ram_bars_set(function, pdev, BUS_NOTIFY_ADD_DEVICE);

	/*
	 * 5.10 does not take the domain from the bridge, and AMD's interrupt remapping may have
	 * replaced it.
	 */
	dev_set_msi_domain(&pdev->dev, function->irq.domain);

	rcu_assign_pointer(function->pdev, pdev);
}

static void nvmev_function_removed(struct nvmev_function *function, struct pci_dev *pdev)
{
	if (rcu_access_pointer(function->pdev) != pdev)
		return;
	RCU_INIT_POINTER(function->pdev, NULL);
	/* nvmev_host_map() may be using it. */
	synchronize_rcu();
}

static int nvmev_pci_notify(struct notifier_block *block, unsigned long event, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	struct nvmev_function *function;

	if (pdev->bus->ops != &nvmev_pci_ops)
		return NOTIFY_DONE;
	function = nvmev_function_at(pdev->bus, pdev->devfn);
	if (WARN_ON(!function))
		return NOTIFY_DONE;
	if (event == BUS_NOTIFY_ADD_DEVICE)
		nvmev_function_added(function, pdev);
	else if (event == BUS_NOTIFY_DEL_DEVICE)
		nvmev_function_removed(function, pdev);
	else if (event != BUS_NOTIFY_REMOVED_DEVICE)
		nvmev_ram_bars_set(function, pdev, event); /* a driver comes or goes */
	return NOTIFY_OK;
}

static struct notifier_block nvmev_pci_notifier = {
	.notifier_call = nvmev_pci_notify,
};

int nvmev_pci_init(void)
{
	return bus_register_notifier(&pci_bus_type, &nvmev_pci_notifier);
}

void nvmev_pci_exit(void)
{
	bus_unregister_notifier(&pci_bus_type, &nvmev_pci_notifier);
}

/* ---- The bridge ------------------------------------------------------------------------------ */

static bool nvmev_domain_used(int domain)
{
	struct pci_bus *bus = NULL;

	while ((bus = pci_find_next_bus(bus)) != NULL) {
		if (pci_domain_nr(bus) == domain)
			return true;
	}
	return false;
}

/*
 * Numbers of real segments have 16 bits. Ours is above, and its low 16 bits are those of no real
 * segment either: IOMMU drivers look at these only, and would take the function for one of their
 * own.
 */
static int nvmev_find_domain(void)
{
	int domain;

	for (domain = 0x10001; domain < 0x1ffff; domain++) {
		if (!nvmev_domain_used(domain) && !nvmev_domain_used(domain & 0xffff))
			return nvmev_pci_domain_get(domain);
	}
	return -ENOSPC;
}

static void nvmev_memory_windows_fill(const struct nvmev_host *host, struct nvmev_bridge *own)
{
	unsigned int i;

	for (i = 0; i < NVMEV_MEMORY_BARS; i++) {
		const struct nvmev_memory_bar *bar = &host->memory_bars[i];

		if (!bar->size)
			continue;
		own->memory_windows[i].name = "nvmev";
		own->memory_windows[i].start = bar->phys;
		own->memory_windows[i].end = bar->phys + bar->total - 1;
		own->memory_windows[i].flags = IORESOURCE_MEM | IORESOURCE_MEM_64 | IORESOURCE_PREFETCH;
	}
}

static void nvmev_windows_release(struct nvmev_bridge *own)
{
	unsigned int i;

	for (i = 0; i < NVMEV_MEMORY_BARS; i++) {
		if (own->memory_windows[i].parent)
			release_resource(&own->memory_windows[i]);
	}
	if (own->window.parent)
		release_resource(&own->window);
}

/* Makes the windows known in /proc/iomem. 0, or a negative errno and nothing is. */
static int nvmev_windows_insert(struct nvmev_bridge *own)
{
	int result = insert_resource(&iomem_resource, &own->window);
	unsigned int i;

	for (i = 0; i < NVMEV_MEMORY_BARS && !result; i++) {
		if (own->memory_windows[i].flags)
			result = insert_resource(&iomem_resource, &own->memory_windows[i]);
	}
	if (result)
		nvmev_windows_release(own);
	return result;
}

static int nvmev_bridge_fill(struct nvmev_host *host, struct pci_host_bridge *bridge)
{
	struct nvmev_bridge *own = pci_host_bridge_priv(bridge);

	own->host = host;
	own->sysdata.node = host->numa_node;
	own->sysdata.domain = nvmev_find_domain();
	if (own->sysdata.domain < 0)
		return own->sysdata.domain;

	/* The whole domain is ours. (A range that ended at 0 would not be seen as one by 5.10.) */
	own->buses.name = "nvmev buses";
	own->buses.end = 0xff;
	own->buses.flags = IORESOURCE_BUS;
	own->window.name = "nvmev";
	own->window.start = host->functions[0].bar_phys;
	own->window.end = own->window.start + host->nr_functions * NVMEV_BAR_SIZE - 1;
	own->window.flags = IORESOURCE_MEM | IORESOURCE_MEM_64;

	nvmev_memory_windows_fill(host, own);

	bridge->sysdata = &own->sysdata;
	bridge->ops = &nvmev_pci_ops;
	bridge->busnr = 0;
	pci_add_resource(&bridge->windows, &own->buses);
	/* The PCI core makes one of two neighbours in this list that adjoin and have the same flags. */
	if (own->memory_windows[NVMEV_CMB].flags)
		pci_add_resource(&bridge->windows, &own->memory_windows[NVMEV_CMB]);
	pci_add_resource(&bridge->windows, &own->window);
	if (own->memory_windows[NVMEV_PMR].flags)
		pci_add_resource(&bridge->windows, &own->memory_windows[NVMEV_PMR]);
	dev_set_msi_domain(&bridge->dev, host->functions[0].irq.domain);
	return 0;
}

static void nvmev_functions_power_on(struct nvmev_host *host)
{
	unsigned int i;

	for (i = 0; i < host->nr_functions; i++)
		nvmev_config_space_init(&host->functions[i]);
}

int nvmev_pci_start(struct nvmev_host *host)
{
	struct pci_host_bridge *bridge;
	struct nvmev_bridge *own;
	int result;

	bridge = pci_alloc_host_bridge(sizeof(*own));
	if (!bridge)
		return -ENOMEM;
	own = pci_host_bridge_priv(bridge);

	/* Also keeps others from taking the domain number that is found free. */
	pci_lock_rescan_remove();
	result = nvmev_bridge_fill(host, bridge);
	if (result)
		goto free_bridge;
	result = nvmev_windows_insert(own);
	if (result)
		goto put_domain;
	host->bridge = bridge;
	nvmev_functions_power_on(host);
	result = pci_scan_root_bus_bridge(bridge);
	if (result)
		goto release_window;
	host->bus = bridge->bus;
	pci_bus_add_devices(bridge->bus);
	pci_unlock_rescan_remove();
	return 0;

release_window:
	host->bridge = NULL;
	nvmev_windows_release(own);
put_domain:
	nvmev_pci_domain_put(own->sysdata.domain);
free_bridge:
	pci_unlock_rescan_remove();
	pci_free_host_bridge(bridge);
	return result;
}

void nvmev_pci_stop(struct nvmev_host *host)
{
	struct pci_host_bridge *bridge = host->bridge;
	struct nvmev_bridge *own = pci_host_bridge_priv(bridge);
	int domain = own->sysdata.domain;

	pci_lock_rescan_remove();
	pci_stop_root_bus(host->bus);
	pci_remove_root_bus(host->bus);
	pci_unlock_rescan_remove();
	host->bus = NULL;
	host->bridge = NULL;
	nvmev_windows_release(own);
	pci_free_host_bridge(bridge);
	nvmev_pci_domain_put(domain);
}

void nvmev_pci_remove_functions(struct nvmev_host *host)
{
	struct pci_dev *pdev, *next;

	pci_lock_rescan_remove();
	list_for_each_entry_safe(pdev, next, &host->bus->devices, bus_list)
		pci_stop_and_remove_bus_device(pdev);
	pci_unlock_rescan_remove();
}

void nvmev_pci_add_functions(struct nvmev_host *host)
{
	pci_lock_rescan_remove();
	nvmev_functions_power_on(host);
	pci_rescan_bus(host->bus);
	pci_unlock_rescan_remove();
}
