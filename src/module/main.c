// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading of the module, which makes one device of its parameters.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "device.h"

static struct nvmev_host *nvmev_parameter_device;

static int __init nvmev_make_parameter_device(void)
{
	struct nvmev_settings *settings;
	struct nvmev_error *error;
	struct nvmev_host *host;
	int result = -ENOMEM;

	settings = kzalloc(sizeof(*settings), GFP_KERNEL);
	error = kzalloc(sizeof(*error), GFP_KERNEL);
	if (!settings || !error)
		goto out;

	result = nvmev_params_read(settings, error);
	if (!result) {
		host = nvmev_host_create(settings, error);
		result = PTR_ERR_OR_ZERO(host);
	}
	if (result) {
		pr_err("nvmev: %s\n", error->text);
		goto out;
	}
	nvmev_parameter_device = host;
	nvmev_params_attach(host);
out:
	kfree(settings);
	kfree(error);
	return result;
}

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
	result = nvmev_make_parameter_device();
	if (result)
		goto exit_pci;
	return 0;

exit_pci:
	nvmev_debugfs_exit();
	nvmev_pci_exit();
exit_threads:
	nvmev_threads_exit();
	return result;
}

static void __exit nvmev_exit(void)
{
	nvmev_params_attach(NULL);
	nvmev_host_destroy(nvmev_parameter_device);
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
