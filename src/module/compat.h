/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between kernel versions that this module meets. The version in each condition is
 * the first one that has the new form.
 */
#ifndef NVMEV_COMPAT_H
#define NVMEV_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/irq.h>
#include <linux/irq_work.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/smp.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "Linux 5.10 or later is needed"
#endif

/* 6.13 takes the callback where the timer is set up. */
static inline void nvmev_hrtimer_setup(struct hrtimer *timer,
				       enum hrtimer_restart (*function)(struct hrtimer *),
				       enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, mode);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, mode);
	timer->function = function;
#endif
}

/* 5.11 has initializers for call and work items that hide their layout. */
static inline void nvmev_csd_init(call_single_data_t *csd, smp_call_func_t function, void *info)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 11, 0)
	INIT_CSD(csd, function, info);
#else
	csd->func = function;
	csd->info = info;
#endif
}

/* Runs its function in hard interrupt context on PREEMPT_RT, too. */
static inline void nvmev_irq_work_init(struct irq_work *work, void (*function)(struct irq_work *))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 11, 0)
	*work = IRQ_WORK_INIT_HARD(function);
#else
	init_irq_work(work, function);
	atomic_set(&work->flags, IRQ_WORK_HARD_IRQ);
#endif
}

/* For work that is bound to no CPU; 7.2 warns of those who use the queue's old name. */
static inline void nvmev_queue_unbound_work(struct work_struct *work)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	queue_work(system_dfl_wq, work);
#else
	queue_work(system_unbound_wq, work);
#endif
}

/* The entry of the MSI-X table that a descriptor stands for; a common field since 5.17. */
static inline unsigned int nvmev_msi_index(const struct msi_desc *desc)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 17, 0)
	return desc->msi_index;
#else
	return desc->msi_attrib.entry_nr;
#endif
}

/*
 * Since 6.17 an MSI domain of a bus is the parent of domains that the PCI core makes for each
 * device; until then one domain serves all devices. (6.16 and some later ones have both.)
 */
#define NVMEV_MSI_PARENT (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0))

/*
 * Lets affinity be changed from process context. Until 6.13 x86 defers changes to the next
 * interrupt unless told otherwise; later it is the other way round.
 */
static inline void nvmev_irq_allow_move(unsigned int virq)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
	irq_modify_status(virq, 0, IRQ_MOVE_PCNTXT);
#endif
}

/*
 * Whether the nvme driver survives shadow doorbells in a reset under load: others start their queues
 * before they send Doorbell Buffer Config, so that a doorbell may be rung where no device looks, and the
 * reset fails after 30 s. 06c59d427017 ("nvme-pci: set doorbell config before unquiescing") is in 6.8, and
 * in 6.6.59.
 */
static inline bool nvmev_driver_resets_shadow_doorbells(void)
{
	return LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0) ||
	       (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 59) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0));
}

/*
 * Takes a PCI domain number, `hint` if it is free. 6.19 keeps account of the numbers of emulated
 * domains; until then nobody does. Returns it or a negative errno.
 */
static inline int nvmev_pci_domain_get(int hint)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	return pci_bus_find_emul_domain_nr(hint, hint, INT_MAX);
#else
	return hint;
#endif
}

static inline void nvmev_pci_domain_put(int domain)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	pci_bus_release_emul_domain_nr(domain);
#endif
}

#endif /* NVMEV_COMPAT_H */
