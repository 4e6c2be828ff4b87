// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSI-X interrupts from an interrupt domain of our own.
 *
 * No interrupt controller stands behind them. A vector is raised by calling its handler on the CPU
 * that its affinity names: another CPU is reached by an asynchronous call, this one by irq_work.
 * That costs no APIC vectors, and interrupt remapping has no part in it.
 *
 * A vector that is raised while masked stays pending and is delivered when it is unmasked. "Masked"
 * is what the interrupt core said last to our chip; the mask bits in the MSI-X table follow it.
 */
#include <linux/hardirq.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>
#include <linux/slab.h>

#include "compat.h"
#include "device.h"

/* ---- Delivery -------------------------------------------------------------------------------- */

static bool nvmev_vector_blocked(struct nvmev_vector *vector)
{
	return READ_ONCE(vector->masked) || !READ_ONCE(vector->function->irq.open);
}

/* Calls the handler if there is an interrupt pending. Interrupts are off on this CPU. */
static void nvmev_vector_deliver(struct nvmev_vector *vector)
{
	unsigned int virq;

	/* Whoever frees the vector waits for this to become 0 after it has cleared virq. */
	atomic_inc(&vector->running);
	smp_mb__after_atomic();
	virq = READ_ONCE(vector->virq);
	if (virq && !nvmev_vector_blocked(vector) &&
	    test_and_clear_bit(NVMEV_VECTOR_PENDING, &vector->state)) {
		atomic64_inc(&vector->delivered);
		/*
		 * The idle loop runs asynchronous calls, too, outside of any interrupt, and
		 * handlers and those whom they call rely on being in one.
		 */
		__irq_enter_raw();
		generic_handle_irq(virq);
		__irq_exit_raw();
	}
	smp_mb__before_atomic();
	atomic_dec(&vector->running);
}

static void nvmev_vector_called(void *info)
{
	struct nvmev_vector *vector = info;

	clear_bit(NVMEV_VECTOR_QUEUED, &vector->state);
	/*
	 * Pairs with the atomic operations of the raising side: whoever saw the bit set is served
	 * now.
	 */
	smp_mb__after_atomic();
	nvmev_vector_deliver(vector);
}

static void nvmev_vector_work(struct irq_work *work)
{
	nvmev_vector_deliver(container_of(work, struct nvmev_vector, work));
}

/*
 * Has a pending vector delivered where it belongs. Not under the lock of an interrupt descriptor.
 */
static void nvmev_vector_send(struct nvmev_vector *vector)
{
	unsigned int here = get_cpu();
	unsigned int cpu = READ_ONCE(vector->cpu);

	if (cpu != here) {
		if (test_and_set_bit(NVMEV_VECTOR_QUEUED, &vector->state))
			goto out;
		if (!smp_call_function_single_async(cpu, &vector->csd))
			goto out;
		/*
		 * The CPU has gone offline, and the affinity is about to follow. Rather here than
		 * never.
		 */
		clear_bit(NVMEV_VECTOR_QUEUED, &vector->state);
	}
	irq_work_queue(&vector->work);
out:
	put_cpu();
}

void nvmev_host_interrupt(struct nvmev_function *function, unsigned int number)
{
	struct nvmev_vector *vector;

	if (number >= function->irq.nr_vectors)
		return;
	vector = &function->irq.vectors[number];
	atomic64_inc(&vector->raised);
	/* Somebody is on the way to deliver it, or an unmask will be. */
	if (test_and_set_bit(NVMEV_VECTOR_PENDING, &vector->state))
		return;
	/*
	 * test_and_set_bit() orders this against the unmasking side, which looks at the bit
	 * afterwards.
	 */
	if (nvmev_vector_blocked(vector))
		return;
	nvmev_vector_send(vector);
}

/*
 * Delivers what became pending while the vector was blocked. Any context, on this CPU: see send().
 */
static void nvmev_vector_unblocked(struct nvmev_vector *vector)
{
	smp_mb();
	if (test_bit(NVMEV_VECTOR_PENDING, &vector->state) && !nvmev_vector_blocked(vector))
		irq_work_queue(&vector->work);
}

void nvmev_irq_set_open(struct nvmev_function *function, bool open)
{
	unsigned int i;

	WRITE_ONCE(function->irq.open, open);
	if (!open)
		return;
	for (i = 0; i < function->irq.nr_vectors; i++)
		nvmev_vector_unblocked(&function->irq.vectors[i]);
}

/* ---- The chip -------------------------------------------------------------------------------- */

static void nvmev_irq_ack(struct irq_data *data)
{
	/* handle_edge_irq() insists on one. */
}

static void nvmev_irq_mask(struct irq_data *data)
{
	struct nvmev_vector *vector = irq_data_get_irq_chip_data(data);

#if !NVMEV_MSI_PARENT
	pci_msi_mask_irq(data);
#endif
	WRITE_ONCE(vector->masked, true);
}

static void nvmev_irq_unmask(struct irq_data *data)
{
	struct nvmev_vector *vector = irq_data_get_irq_chip_data(data);

#if !NVMEV_MSI_PARENT
	pci_msi_unmask_irq(data);
#endif
	WRITE_ONCE(vector->masked, false);
	nvmev_vector_unblocked(vector);
}

static int nvmev_irq_set_affinity(struct irq_data *data, const struct cpumask *mask, bool force)
{
	struct nvmev_vector *vector = irq_data_get_irq_chip_data(data);
	unsigned int cpu = cpumask_first_and(mask, cpu_online_mask);

	if (cpu >= nr_cpu_ids) {
		if (!force)
			return -EINVAL;
		cpu = cpumask_first(mask);
		if (cpu >= nr_cpu_ids)
			return -EINVAL;
	}
	WRITE_ONCE(vector->cpu, cpu);
	irq_data_update_effective_affinity(data, cpumask_of(cpu));
	return IRQ_SET_MASK_OK_DONE;
}

/* Called with the descriptor locked, for an interrupt that came while it could not be handled. */
static int nvmev_irq_retrigger(struct irq_data *data)
{
	struct nvmev_vector *vector = irq_data_get_irq_chip_data(data);

	set_bit(NVMEV_VECTOR_PENDING, &vector->state);
	nvmev_vector_unblocked(vector);
	return 1;
}

static void nvmev_irq_compose_msg(struct irq_data *data, struct msi_msg *msg)
{
	/* Nothing is ever sent there. The vector's number is for people who read the table. */
	memset(msg, 0, sizeof(*msg));
	msg->address_lo = 0xfee00000;
	msg->data = data->hwirq;
}

static struct irq_chip nvmev_irq_chip = {
	.name = "NVMEV-MSIX",
	.irq_ack = nvmev_irq_ack,
	.irq_mask = nvmev_irq_mask,
	.irq_unmask = nvmev_irq_unmask,
	.irq_set_affinity = nvmev_irq_set_affinity,
	.irq_retrigger = nvmev_irq_retrigger,
	.irq_compose_msi_msg = nvmev_irq_compose_msg,
	.flags = IRQCHIP_SKIP_SET_WAKE,
};

/* Waits for deliveries on their way. */
static void nvmev_vector_quiesce(struct nvmev_vector *vector)
{
	smp_mb();
	while (test_bit(NVMEV_VECTOR_QUEUED, &vector->state))
		cpu_relax();
	irq_work_sync(&vector->work);
	while (atomic_read(&vector->running))
		cpu_relax();
}

/* ---- The domain ------------------------------------------------------------------------------ */

/* Ties the vector in table entry `index` to Linux interrupt `virq`. */
static int nvmev_vector_bind(struct irq_domain *domain, struct nvmev_function *function, unsigned int virq,
			     unsigned int index)
{
	struct nvmev_vector *vector;

	if (index >= function->irq.nr_vectors)
		return -ENOSPC;
	vector = &function->irq.vectors[index];
	if (vector->virq)
		return -EBUSY;
	clear_bit(NVMEV_VECTOR_PENDING, &vector->state);
	vector->masked = true;
	vector->cpu = cpumask_first(cpu_online_mask);
	irq_domain_set_info(domain, virq, index, &nvmev_irq_chip, vector, handle_edge_irq, NULL,
			    "edge");
	nvmev_irq_allow_move(virq);
	irq_data_update_effective_affinity(irq_domain_get_irq_data(domain, virq),
					   cpumask_of(vector->cpu));
	smp_store_release(&vector->virq, virq);
	return 0;
}

static void nvmev_vector_unbind(struct irq_domain *domain, unsigned int virq)
{
	struct irq_data *data = irq_domain_get_irq_data(domain, virq);
	struct nvmev_vector *vector = data ? irq_data_get_irq_chip_data(data) : NULL;

	if (!vector)
		return;
	WRITE_ONCE(vector->virq, 0);
	nvmev_vector_quiesce(vector);
	clear_bit(NVMEV_VECTOR_PENDING, &vector->state);
}

#if NVMEV_MSI_PARENT

static int nvmev_domain_alloc(struct irq_domain *domain, unsigned int virq, unsigned int count,
			      void *arg)
{
	msi_alloc_info_t *info = arg;
	unsigned int i;
	int result;

	for (i = 0; i < count; i++) {
		result = nvmev_vector_bind(domain, domain->host_data, virq + i,
					   nvmev_msi_index(info->desc) + i);
		if (result) {
			while (i--)
				nvmev_vector_unbind(domain, virq + i);
			return result;
		}
	}
	return 0;
}

static void nvmev_domain_free(struct irq_domain *domain, unsigned int virq, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		nvmev_vector_unbind(domain, virq + i);
	irq_domain_free_irqs_top(domain, virq, count);
}

static const struct irq_domain_ops nvmev_domain_ops = {
	.alloc = nvmev_domain_alloc,
	.free = nvmev_domain_free,
};

#define NVMEV_MSI_FLAGS_REQUIRED \
	(MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS | MSI_FLAG_PCI_MSI_MASK_PARENT)
#define NVMEV_MSI_FLAGS_SUPPORTED (MSI_GENERIC_FLAGS_MASK | MSI_FLAG_PCI_MSIX)

static bool nvmev_init_dev_msi_info(struct device *dev, struct irq_domain *domain,
				    struct irq_domain *parent, struct msi_domain_info *info)
{
	if (info->bus_token != DOMAIN_BUS_PCI_DEVICE_MSIX)
		return false;
	info->flags &= NVMEV_MSI_FLAGS_SUPPORTED;
	info->flags |= NVMEV_MSI_FLAGS_REQUIRED;
	info->chip->irq_ack = irq_chip_ack_parent;
	info->chip->irq_set_affinity = irq_chip_set_affinity_parent;
	return true;
}

static const struct msi_parent_ops nvmev_msi_parent_ops = {
	.supported_flags = NVMEV_MSI_FLAGS_SUPPORTED,
	.required_flags = NVMEV_MSI_FLAGS_REQUIRED,
	.prefix = "NVMEV-",
	.init_dev_msi_info = nvmev_init_dev_msi_info,
};

static struct irq_domain *nvmev_domain_create(struct nvmev_function *function)
{
	struct irq_domain_info info = {
		.fwnode = function->irq.fwnode,
		.size = function->irq.nr_vectors,
		.hwirq_max = function->irq.nr_vectors,
		.bus_token = DOMAIN_BUS_VMD_MSI,
		.ops = &nvmev_domain_ops,
		.host_data = function,
	};

	return msi_create_parent_irq_domain(&info, &nvmev_msi_parent_ops);
}

#else /* !NVMEV_MSI_PARENT */

static irq_hw_number_t nvmev_msi_get_hwirq(struct msi_domain_info *info, msi_alloc_info_t *arg)
{
	return arg->hwirq;
}

static void nvmev_msi_set_desc(msi_alloc_info_t *arg, struct msi_desc *desc)
{
	arg->desc = desc;
	arg->hwirq = nvmev_msi_index(desc);
}

static int nvmev_msi_prepare(struct irq_domain *domain, struct device *dev, int count,
			     msi_alloc_info_t *arg)
{
	memset(arg, 0, sizeof(*arg));
	return 0;
}

static int nvmev_msi_init(struct irq_domain *domain, struct msi_domain_info *info,
			  unsigned int virq, irq_hw_number_t hwirq, msi_alloc_info_t *arg)
{
	return nvmev_vector_bind(domain, info->data, virq, hwirq);
}

static void nvmev_msi_free(struct irq_domain *domain, struct msi_domain_info *info,
			   unsigned int virq)
{
	nvmev_vector_unbind(domain, virq);
}

static struct msi_domain_ops nvmev_msi_ops = {
	.get_hwirq = nvmev_msi_get_hwirq,
	.set_desc = nvmev_msi_set_desc,
	.msi_prepare = nvmev_msi_prepare,
	.msi_init = nvmev_msi_init,
	.msi_free = nvmev_msi_free,
};

static struct irq_domain *nvmev_domain_create(struct nvmev_function *function)
{
	struct irq_domain *domain;

	function->irq.info = (struct msi_domain_info){
		.flags = MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS | MSI_FLAG_PCI_MSIX,
		.ops = &nvmev_msi_ops,
		.chip = &nvmev_irq_chip,
		.data = function,
	};
	domain = pci_msi_create_irq_domain(function->irq.fwnode, &function->irq.info, NULL);
	/* Interrupt remapping takes devices whose domain has the ordinary token away from it. */
	if (domain)
		irq_domain_update_bus_token(domain, DOMAIN_BUS_VMD_MSI);
	return domain;
}

#endif /* NVMEV_MSI_PARENT */

/* ---- Life ------------------------------------------------------------------------------------ */

int nvmev_irq_start(struct nvmev_function *function)
{
	struct nvmev_irq *irq = &function->irq;
	unsigned int i;

	irq->nr_vectors = nvmev_dev_vectors(function->host->dev);
	if (WARN_ON(!irq->nr_vectors || irq->nr_vectors > NVMEV_MAX_VECTORS))
		return -EINVAL;
	irq->vectors = kvcalloc(irq->nr_vectors, sizeof(*irq->vectors), GFP_KERNEL);
	if (!irq->vectors)
		return -ENOMEM;
	for (i = 0; i < irq->nr_vectors; i++) {
		struct nvmev_vector *vector = &irq->vectors[i];

		vector->function = function;
		vector->masked = true;
		nvmev_csd_init(&vector->csd, nvmev_vector_called, vector);
		nvmev_irq_work_init(&vector->work, nvmev_vector_work);
	}

	irq->fwnode = irq_domain_alloc_named_id_fwnode(
		"NVMEV", function->host->id * NVMEV_MAX_CONTROLLERS + function->index);
	if (!irq->fwnode)
		goto free;
	irq->domain = nvmev_domain_create(function);
	if (!irq->domain)
		goto free_fwnode;
	return 0;

free_fwnode:
	irq_domain_free_fwnode(irq->fwnode);
free:
	kvfree(irq->vectors);
	irq->vectors = NULL;
	irq->nr_vectors = 0;
	return -ENOMEM;
}

void nvmev_irq_stop(struct nvmev_function *function)
{
	struct nvmev_irq *irq = &function->irq;
	unsigned int i;

	for (i = 0; i < irq->nr_vectors; i++)
		nvmev_vector_quiesce(&irq->vectors[i]);
	irq_domain_remove(irq->domain);
	irq_domain_free_fwnode(irq->fwnode);
	kvfree(irq->vectors);
	irq->vectors = NULL;
	irq->nr_vectors = 0;
}
