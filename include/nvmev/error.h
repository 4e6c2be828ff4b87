// SPDX-License-Identifier: GPL-2.0-only
// Linux errno values that cross the boundary to the host.
#pragma once

namespace nvmev::err {
inline constexpr int kIo = -5;
inline constexpr int kNoMemory = -12;
inline constexpr int kBusy = -16;
inline constexpr int kInvalid = -22;
inline constexpr int kNoSpace = -28;
inline constexpr int kRange = -34;
}  // namespace nvmev::err
