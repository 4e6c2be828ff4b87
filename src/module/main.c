// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading of the module, which makes a device of its parameters.
 */
#include <linux/module.h>

#include "device.h"

static int __init nvmev_init(void)
{
	int result;

	result = nvmev_threads_init();
	if (result)
		return result;
	result = nvmev_pci_init();
	if (result)
		goto exit_threads;
	nvmev_debugfs_init();
	result = nvmev_params_start();
	if (result)
		goto exit_pci;
	result = nvmev_configfs_init();
	if (result)
		goto stop_params;
	return 0;

stop_params:
	nvmev_params_stop();
exit_pci:
	nvmev_debugfs_exit();
	nvmev_pci_exit();
exit_threads:
	nvmev_threads_exit();
	return result;
}

static void __exit nvmev_exit(void)
{
	nvmev_configfs_exit();
	nvmev_params_stop();
	nvmev_debugfs_exit();
	nvmev_pci_exit();
	nvmev_threads_exit();
}

module_init(nvmev_init);
module_exit(nvmev_exit);

MODULE_DESCRIPTION("NVMeVirt: a software NVMe SSD behind a PCI host bridge of its own");
MODULE_AUTHOR("The NVMeVirt authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(NVMEV_VERSION);
