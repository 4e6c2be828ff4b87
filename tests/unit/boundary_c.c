/* SPDX-License-Identifier: GPL-2.0-only */
/* Compiled only: the boundary header stands alone as strict C11. */
#include "nvmev/host.h"

_Static_assert(NVMEV_BAR_SIZE % NVMEV_PAGE_SIZE == 0, "BAR 0 is whole pages");
_Static_assert(NVMEV_MAX_VECTORS * 16u <= NVMEV_PAGE_SIZE, "the MSI-X table fits its page");
