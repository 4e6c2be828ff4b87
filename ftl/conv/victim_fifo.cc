// SPDX-License-Identifier: GPL-2.0-only
// FIFO: the superblock that was closed first, whatever it holds; wears all of them evenly. One that is wholly valid is
// passed over, since collecting it gains nothing.
#include "victim.h"

namespace nvmev::conv {
namespace {

u32 pick(VictimView& view) {
  u32 i = view.blocks.oldest(view.group);
  while (i != kNone && view.blocks[i].invalid() == 0) i = view.blocks.newer(i);
  return i != kNone ? i : view.blocks.oldest(view.group);
}

}  // namespace

extern const VictimPolicy kFifo;
constinit const VictimPolicy kFifo = {"fifo", pick};

}  // namespace nvmev::conv
