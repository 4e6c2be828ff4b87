// SPDX-License-Identifier: GPL-2.0-only
#include "link.h"

#include "nvmev/text.h"

namespace nvmev::flash {

void report_pcie(TextWriter& text, const Link& in, const Link& out, u64 now) {
  text.add("pcie_busy_permille %llu %llu\n", static_cast<unsigned long long>(in.busy_permille(now)),
           static_cast<unsigned long long>(out.busy_permille(now)));
}

}  // namespace nvmev::flash
