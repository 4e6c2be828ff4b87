// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space of an NVMe function: a root complex integrated endpoint with power
 * management, MSI-X and a PCI Express capability. References are to PCI Express Base Specification
 * 5.0.
 */
#include <linux/pci.h>
#include <linux/pci_regs.h>

#include "device.h"

/*
 * NVMe controllers of virtual devices have no identifiers of their own; these are this project's
 * since long.
 */
#define NVMEV_PCI_SUBVENDOR 0x0c51
#define NVMEV_PCI_SUBDEVICE 0x370d

#define NVMEV_CAP_PM 0x40
#define NVMEV_CAP_MSIX 0x50
#define NVMEV_CAP_EXP 0x60

/* ---- The bytes ------------------------------------------------------------------------------- */

static u32 nvmev_get(const u8 *bytes, int where, int size)
{
	u32 value = 0;
	int i;

	for (i = 0; i < size; i++)
		value |= (u32)bytes[where + i] << (8 * i);
	return value;
}

static void nvmev_put(u8 *bytes, int where, int size, u32 value)
{
	int i;

	for (i = 0; i < size; i++)
		bytes[where + i] = value >> (8 * i);
}

static u16 nvmev_reg16(const struct nvmev_function *f, int where)
{
	return nvmev_get(f->value, where, 2);
}

/* ---- State after power-on -------------------------------------------------------------------- */

/* Where the address of a memory BAR stands. */
static int nvmev_bar_register(const struct nvmev_memory_bar *bar)
{
	return PCI_BASE_ADDRESS_0 + 4 * bar->number;
}

static void nvmev_memory_bars_reset(struct nvmev_function *f)
{
	phys_addr_t phys;
	unsigned int i;

	for (i = 0; i < NVMEV_MEMORY_BARS; i++) {
		const struct nvmev_memory_bar *bar = &f->host->memory_bars[i];

		if (!bar->size)
			continue;
		phys = nvmev_memory_bar_phys(bar, f);
		nvmev_put(f->value, nvmev_bar_register(bar), 4,
			  lower_32_bits(phys) | PCI_BASE_ADDRESS_MEM_TYPE_64 |
				  PCI_BASE_ADDRESS_MEM_PREFETCH);
		nvmev_put(f->value, nvmev_bar_register(bar) + 4, 4, upper_32_bits(phys));
	}
}

static void nvmev_memory_bars_make_writable(struct nvmev_function *f)
{
	unsigned int i;

	for (i = 0; i < NVMEV_MEMORY_BARS; i++) {
		const struct nvmev_memory_bar *bar = &f->host->memory_bars[i];

		if (!bar->size)
			continue;
		nvmev_put(f->writable, nvmev_bar_register(bar), 4, ~((u32)bar->size - 1));
		nvmev_put(f->writable, nvmev_bar_register(bar) + 4, 4, ~0u);
	}
}

/*
 * What a reset restores: everything that software can have changed, save what hardware keeps
 * ("sticky").
 */
static void nvmev_config_space_reset(struct nvmev_function *f)
{
	u32 *entry = f->bar + NVMEV_BAR_MSIX_TABLE;
	unsigned int i;

	/*
	 * The memory is there from the start, as firmware leaves it. The PCI core does not enable
	 * what it does not know as a memory resource, see pci.c.
	 */
	nvmev_put(f->value, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	nvmev_put(f->value, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	nvmev_put(f->value, PCI_BASE_ADDRESS_0, 4,
		  lower_32_bits(f->bar_phys) | PCI_BASE_ADDRESS_MEM_TYPE_64);
	nvmev_put(f->value, PCI_BASE_ADDRESS_1, 4, upper_32_bits(f->bar_phys));
	nvmev_memory_bars_reset(f);
	f->value[PCI_CACHE_LINE_SIZE] = 0;
	f->value[PCI_INTERRUPT_LINE] = 0;
	nvmev_put(f->value, NVMEV_CAP_PM + PCI_PM_CTRL, 2, PCI_PM_CTRL_NO_SOFT_RESET);
	nvmev_put(f->value, NVMEV_CAP_MSIX + PCI_MSIX_FLAGS, 2, nvmev_dev_vectors(f->host->dev) - 1);
	nvmev_put(f->value, NVMEV_CAP_EXP + PCI_EXP_DEVCTL, 2,
		  PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B);
	nvmev_put(f->value, NVMEV_CAP_EXP + PCI_EXP_DEVSTA, 2, 0);
	nvmev_put(f->value, NVMEV_CAP_EXP + PCI_EXP_DEVCTL2, 2, 0);
	f->may_access_memory = false;

	for (i = 0; i < NVMEV_MAX_VECTORS; i++, entry += PCI_MSIX_ENTRY_SIZE / sizeof(*entry)) {
		WRITE_ONCE(entry[0], 0);
		WRITE_ONCE(entry[1], 0);
		WRITE_ONCE(entry[2], 0);
		WRITE_ONCE(entry[3], PCI_MSIX_ENTRY_CTRL_MASKBIT);
	}
}

void nvmev_config_space_init(struct nvmev_function *f)
{

	raw_spin_lock_init(&f->lock);

	/* vendor and device */
	nvmev_put(f->value, PCI_VENDOR_ID, 4, nvmev_config_pci_id(&f->host->config));
	nvmev_put(f->value, PCI_CLASS_REVISION, 4, PCI_CLASS_STORAGE_EXPRESS << 8 | 0x01);
	nvmev_put(f->value, PCI_SUBSYSTEM_VENDOR_ID, 2, NVMEV_PCI_SUBVENDOR);
	nvmev_put(f->value, PCI_SUBSYSTEM_ID, 2, NVMEV_PCI_SUBDEVICE);
	f->value[PCI_CAPABILITY_LIST] = NVMEV_CAP_PM;

	nvmev_put(f->writable, PCI_COMMAND, 2,
		  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
			  PCI_COMMAND_INTX_DISABLE);
	nvmev_put(f->clearable, PCI_STATUS, 2,
		  PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_REC_TARGET_ABORT |
			  PCI_STATUS_REC_MASTER_ABORT | PCI_STATUS_SIG_SYSTEM_ERROR |
			  PCI_STATUS_DETECTED_PARITY);
	f->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	f->writable[PCI_INTERRUPT_LINE] = 0xff;
	nvmev_put(f->writable, PCI_BASE_ADDRESS_0, 4, ~(NVMEV_BAR_SIZE - 1));
	nvmev_put(f->writable, PCI_BASE_ADDRESS_1, 4, ~0u);
	nvmev_memory_bars_make_writable(f);

	/* 7.5.2: D0 and D3hot, whose way back keeps all state */
	f->value[NVMEV_CAP_PM] = PCI_CAP_ID_PM;
	f->value[NVMEV_CAP_PM + PCI_CAP_LIST_NEXT] = NVMEV_CAP_MSIX;
	nvmev_put(f->value, NVMEV_CAP_PM + PCI_PM_PMC, 2, 3);
	nvmev_put(f->writable, NVMEV_CAP_PM + PCI_PM_CTRL, 2, PCI_PM_CTRL_STATE_MASK);

	/* 7.7.2 */
	f->value[NVMEV_CAP_MSIX] = PCI_CAP_ID_MSIX;
	f->value[NVMEV_CAP_MSIX + PCI_CAP_LIST_NEXT] = NVMEV_CAP_EXP;
	nvmev_put(f->value, NVMEV_CAP_MSIX + PCI_MSIX_TABLE, 4, NVMEV_BAR_MSIX_TABLE);
	nvmev_put(f->value, NVMEV_CAP_MSIX + PCI_MSIX_PBA, 4, NVMEV_BAR_MSIX_PBA);
	nvmev_put(f->writable, NVMEV_CAP_MSIX + PCI_MSIX_FLAGS, 2,
		  PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);

	/* 7.5.3: an integrated endpoint has no link registers */
	f->value[NVMEV_CAP_EXP] = PCI_CAP_ID_EXP;
	nvmev_put(f->value, NVMEV_CAP_EXP + PCI_EXP_FLAGS, 2, 2 | PCI_EXP_TYPE_RC_END << 4);
	nvmev_put(f->value, NVMEV_CAP_EXP + PCI_EXP_DEVCAP, 4,
		  PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR | 1);
	nvmev_put(f->writable, NVMEV_CAP_EXP + PCI_EXP_DEVCTL, 2,
		  PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE |
			  PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_PAYLOAD |
			  PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ);
	nvmev_put(f->clearable, NVMEV_CAP_EXP + PCI_EXP_DEVSTA, 2,
		  PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_FED |
			  PCI_EXP_DEVSTA_URD);

	nvmev_config_space_reset(f);
}

/* ---- Accesses -------------------------------------------------------------------------------- */

/* 6.6.2: the function does not answer until the reset is complete. */
static bool nvmev_still_resetting(struct nvmev_function *f)
{

	if (f->resetting && nvmev_dev_reset_done(f->host->dev, f->index))
		f->resetting = false;
	return f->resetting;
}

u32 nvmev_config_space_read(struct nvmev_function *f, int where, int size)
{
	unsigned long flags;
	u32 value;

	raw_spin_lock_irqsave(&f->lock, flags);
	if (nvmev_still_resetting(f) || f->absent)
		value = ~0u;
	else if (where + size > NVMEV_CONFIG_SIZE)
		value = 0;
	else
		value = nvmev_get(f->value, where, size);
	raw_spin_unlock_irqrestore(&f->lock, flags);
	return value;
}

void nvmev_config_space_set_absent(struct nvmev_function *f, bool absent)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&f->lock, flags);
	f->absent = absent;
	raw_spin_unlock_irqrestore(&f->lock, flags);
}

/* What registers do beyond holding their bits. */
static void nvmev_config_space_apply(struct nvmev_function *f)
{
	u16 command = nvmev_reg16(f, PCI_COMMAND);
	u16 power = nvmev_reg16(f, NVMEV_CAP_PM + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK;
	u16 msix = nvmev_reg16(f, NVMEV_CAP_MSIX + PCI_MSIX_FLAGS);
	bool open = (msix & PCI_MSIX_FLAGS_ENABLE) && !(msix & PCI_MSIX_FLAGS_MASKALL);

	WRITE_ONCE(f->may_access_memory, (command & PCI_COMMAND_MASTER) && power == 0);
	if (open != READ_ONCE(f->irq.open))
		nvmev_irq_set_open(f, open);
}

/* 5.3.1.4: states that the function does not have are not entered. */
static void nvmev_keep_power_state(struct nvmev_function *f, u8 before)
{
	u8 *control = &f->value[NVMEV_CAP_PM + PCI_PM_CTRL];
	u8 state = *control & PCI_PM_CTRL_STATE_MASK;

	if (state != 0 && state != 3)
		*control = (*control & ~PCI_PM_CTRL_STATE_MASK) | (before & PCI_PM_CTRL_STATE_MASK);
}

/* Whether a write of `size` bytes at `where` sets the bit that starts a Function Level Reset. */
static bool nvmev_starts_reset(int where, int size, u32 value)
{
	int high = NVMEV_CAP_EXP + PCI_EXP_DEVCTL + 1;

	return where <= high && high < where + size &&
	       (value >> (8 * (high - where)) & (PCI_EXP_DEVCTL_BCR_FLR >> 8));
}

void nvmev_config_space_write(struct nvmev_function *f, int where, int size, u32 value)
{
	unsigned long flags;
	bool reset = false;
	u8 power;
	int i;

	raw_spin_lock_irqsave(&f->lock, flags);
	if (nvmev_still_resetting(f) || where + size > NVMEV_CONFIG_SIZE)
		goto unlock;
	power = f->value[NVMEV_CAP_PM + PCI_PM_CTRL];
	for (i = 0; i < size; i++) {
		u8 byte = value >> (8 * i);
		u8 mask = f->writable[where + i];
		u8 *cell = &f->value[where + i];

		*cell = (*cell & ~mask) | (byte & mask);
		*cell &= ~(byte & f->clearable[where + i]);
	}
	nvmev_keep_power_state(f, power);
	reset = nvmev_starts_reset(where, size, value);
	if (reset) {
		f->resetting = true;
		nvmev_config_space_reset(f);
		nvmev_dev_request_reset(f->host->dev, f->index);
	}
	nvmev_config_space_apply(f);
unlock:
	raw_spin_unlock_irqrestore(&f->lock, flags);

	if (reset)
		nvmev_threads_wake_dispatcher(f->host, 0);
}
