// SPDX-License-Identifier: GPL-2.0-only
// Directive Send and Receive: NVMe 2.0 section 8.7. The Data Placement directive is enabled exactly when Flexible Data
// Placement is; nothing can be switched by command.
#include "admin.h"
#include "controller.h"
#include "fdp.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

namespace {

u8 operation(const Sqe& sqe) { return static_cast<u8>(sqe.cdw11); }
u8 directive(const Sqe& sqe) { return static_cast<u8>(sqe.cdw11 >> 8); }

}  // namespace

AdminResult directive_receive(Controller& controller, const Sqe& sqe) {
  constexpr u8 kReturnParameters = 0x01;
  constexpr u32 kSupported = 0, kEnabled = 32, kPersistent = 64;  // offsets of bit arrays, one bit a directive
  if (controller.shared().namespaces.find_attached(sqe.nsid) == nullptr) return {Status::kInvalidNamespaceOrFormat};
  if (directive(sqe) != nvme::kDirectiveIdentify || operation(sqe) != kReturnParameters) return {Status::kInvalidField};
  const u64 bytes = (sqe.cdw10 + 1ull) * sizeof(u32);
  if (bytes > controller.shared().max_transfer()) return {Status::kInvalidField};
  const u8 both = 1u << nvme::kDirectiveIdentify | 1u << nvme::kDirectiveDataPlacement;
  u8* data = controller.scratch();
  data[kSupported] = data[kEnabled] = both;
  data[kPersistent] = 1u << nvme::kDirectiveDataPlacement;
  return {controller.send_padded(sqe, data, kPageSize, static_cast<u32>(bytes))};
}

AdminResult directive_send(Controller& controller, const Sqe& sqe) {
  if (controller.shared().namespaces.find_attached(sqe.nsid) == nullptr) return {Status::kInvalidNamespaceOrFormat};
  return {Status::kInvalidField};
}

}  // namespace nvmev
