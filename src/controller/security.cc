// SPDX-License-Identifier: GPL-2.0-only
// Security Send and Receive: NVMe 2.0 sections 5.25 and 5.26. Security protocol 00h (SPC-5 section 7.7.1) tells which protocols there
// are: none but itself.
#include "admin.h"
#include "controller.h"
#include "nvmev/text.h"

namespace nvmev {

using nvme::Sqe;
using nvme::Status;

namespace {

constexpr u8 kInformation = 0x00;  // the protocol

u8 protocol(const Sqe& sqe) { return static_cast<u8>(sqe.cdw10 >> 24); }
u16 protocol_specific(const Sqe& sqe) { return static_cast<u16>(sqe.cdw10 >> 8); }

void put_big_endian(u8* field, u16 value) {
  field[0] = static_cast<u8>(value >> 8);
  field[1] = static_cast<u8>(value);
}

// Supported security protocols list.
u32 protocol_list(u8* data) {
  constexpr u32 kHeader = 8;
  put_big_endian(data + 6, 1);  // how many
  data[kHeader] = kInformation;
  return kHeader + 1;
}

// Certificate data: there is no certificate.
u32 certificate(u8* data) {
  put_big_endian(data + 2, 0);
  return 4;
}

}  // namespace

AdminResult security_receive(Controller& controller, const Sqe& sqe) {
  constexpr u16 kList = 0x0000, kCertificate = 0x0001;
  const u32 wanted = sqe.cdw11;  // Allocation Length, bytes
  if (protocol(sqe) != kInformation || wanted > controller.shared().max_transfer()) return {Status::kInvalidField};
  u8* data = controller.scratch();
  u32 length;
  switch (protocol_specific(sqe)) {
    case kList:
      length = protocol_list(data);
      break;
    case kCertificate:
      length = certificate(data);
      break;
    default:
      return {Status::kInvalidField};
  }
  if (wanted == 0) return {};
  return {controller.send_padded(sqe, data, length, wanted)};
}

// Protocol 00h has nothing to be sent, and there is no other.
AdminResult security_send(Controller&, const Sqe&) { return {Status::kInvalidField}; }

}  // namespace nvmev
