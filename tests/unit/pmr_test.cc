// SPDX-License-Identifier: GPL-2.0-only
// Persistent Memory Region: NVMe 2.0 sections 3.1.3.22 to 3.1.3.28 and 8.14.
#include <gtest/gtest.h>

#include "host/controller_memory_rig.h"
#include "host/sgl.h"

namespace nvmev::test {
namespace {

using nvme::PmrRegisters;
using nvme::Status;

constexpr u64 kBase = MemoryRig::kPmrBase;
constexpr u64 kEnd = kBase + MemoryRig::kSize;

class Pmr : public testing::Test {
 protected:
  Driver& driver() { return rig_.driver; }
  Arena& arena() { return rig_.host.arena; }
  void reset_function() {
    nvmev_dev_request_reset(rig_.device.get(), 0);
    rig_.runner.run_for(1'000'000'000);
    ASSERT_TRUE(nvmev_dev_reset_done(rig_.device.get(), 0));
  }
  Status sanitize() { return rig_.admin(cmd::sanitize(nvme::SanitizeAction::kBlockErase)).status; }
  nvme::SanitizeLog log() { return driver().log<nvme::SanitizeLog>(nvme::LogPage::kSanitize); }

  MemoryRig rig_{{{"pmr", "256K"}, {"type", "conv"}, {"power_cuts", "1"}}};
};

TEST_F(Pmr, CapabilitiesAndStateAtFirst) {
  EXPECT_EQ(driver().cap() >> 56 & 3, 1u) << "PMRS, and no CMBS";
  const u32 capabilities = rig_.pmr(offsetof(PmrRegisters, pmrcap));
  EXPECT_EQ(capabilities >> 3 & 3, 3u) << "RDS, WDS";
  EXPECT_EQ(capabilities >> 5 & 7, 4u) << "BIR";
  EXPECT_EQ(capabilities >> 8 & 3, 0u) << "PMRTU: 500 ms";
  EXPECT_EQ(capabilities >> 10 & 0xf, 3u) << "PMRWBM: reads of the region and of PMRSTS";
  EXPECT_GT(capabilities >> 16 & 0xff, 0u) << "PMRTO";
  EXPECT_EQ(capabilities >> 24, 1u) << "CMSS";
  EXPECT_EQ(rig_.pmr(offsetof(PmrRegisters, pmrctl)), 0u);
  EXPECT_EQ(rig_.pmr(offsetof(PmrRegisters, pmrsts)), 0x100u) << "NRDY";
}

TEST_F(Pmr, BecomesReadyWithAndWithoutTheController) {
  for (const bool enabled : {false, true}) {
    if (enabled) rig_.start();
    rig_.enable_pmr();
    EXPECT_EQ(rig_.pmr(offsetof(PmrRegisters, pmrsts)), 0u);
    rig_.enable_pmr(false);
    EXPECT_EQ(rig_.pmr(offsetof(PmrRegisters, pmrsts)), 0x100u);
  }
}

TEST_F(Pmr, ReadOnlyRegistersArePutBack) {
  for (const u32 at : {offsetof(PmrRegisters, pmrcap), offsetof(PmrRegisters, pmrsts), offsetof(PmrRegisters, pmrebs),
                       offsetof(PmrRegisters, pmrswtp)}) {
    const u32 before = rig_.pmr(static_cast<u32>(at));
    rig_.write_pmr(static_cast<u32>(at), ~before);
    rig_.runner.run_for(1'000'000);
    EXPECT_EQ(rig_.pmr(static_cast<u32>(at)), before) << at;
  }
}

TEST_F(Pmr, DataOfCommands) {
  rig_.start();
  ASSERT_TRUE(driver().write(0, pattern(512, 1)).ok());
  rig_.place_pmr(kBase | space::kEnable);
  EXPECT_EQ(rig_.status(cmd::read(0, 1), kBase), Status::kDataTransferError) << "not ready";
  rig_.enable_pmr();
  EXPECT_EQ(rig_.status(cmd::read(0, 1), kBase + 512), Status::kSuccess);
  EXPECT_EQ(rig_.get(kBase + 512, 512), pattern(512, 1));
  rig_.put(kEnd - 512, pattern(512, 2));
  EXPECT_EQ(rig_.status(cmd::write(1, 1), kEnd - 512), Status::kSuccess);
  EXPECT_EQ(driver().read(1, 1).bytes, pattern(512, 2));
  EXPECT_EQ(rig_.io(with_sgl(cmd::read(0, 2), data_block(kEnd - 512, 1024))).status, Status::kDataTransferError);
  EXPECT_EQ(rig_.get(kEnd - 512, 512), pattern(512, 2)) << "nothing was moved";
  rig_.place_pmr(0);
  EXPECT_EQ(rig_.status(cmd::read(0, 1), kBase), Status::kDataTransferError) << "CMSE cleared";
}

TEST_F(Pmr, HasRoomForDataOnly) {
  rig_.enable_pmr();
  rig_.place_pmr(kBase | space::kEnable);
  rig_.start();
  EXPECT_EQ(driver().create_cq_at(kBase, 2, 64, 2).status, Status::kInvalidField);
  const u64 entry = arena().alloc();
  std::memcpy(arena().at(kBase), &entry, 8);
  const u64 page = arena().alloc();
  EXPECT_EQ(rig_.status(cmd::read(0, 24), page, kBase), Status::kDataTransferError) << "a PRP list";
  arena().free(page);
  arena().free(entry);
}

TEST_F(Pmr, InvalidBaseAddress) {
  rig_.enable_pmr();
  rig_.place_pmr(~0ull << 12 | space::kEnable);
  EXPECT_TRUE(rig_.pmr_invalid());
  EXPECT_TRUE(rig_.pmr_ready()) << "another matter";
  rig_.place_pmr(~0ull << 12);
  EXPECT_FALSE(rig_.pmr_invalid());
}

TEST(PmrAndCmb, DoNotOverlap) {
  MemoryRig rig({{"pmr", "256K"}, {"cmb", "256K"}});
  constexpr u64 kOn = space::kEnable | space::kCapabilities;
  rig.enable_pmr();
  rig.start();
  EXPECT_EQ(rig.driver.cap() >> 56 & 3, 3u);
  // Whoever comes second is refused.
  rig.place_cmb(kBase | kOn);
  rig.place_pmr((kBase + MemoryRig::kSize - kPageSize) | space::kEnable);
  EXPECT_TRUE(rig.pmr_invalid());
  EXPECT_FALSE(rig.cmb_invalid());
  EXPECT_EQ(rig.status(cmd::read(0, 1), kBase), Status::kSuccess);
  EXPECT_EQ(rig.status(cmd::read(0, 1), kBase + MemoryRig::kSize), Status::kDataTransferError);
  // And gets its addresses when they are free.
  rig.place_cmb(0);
  EXPECT_FALSE(rig.pmr_invalid());
  EXPECT_EQ(rig.status(cmd::read(0, 1), kBase + MemoryRig::kSize), Status::kSuccess);
  rig.place_cmb(kBase | kOn);
  EXPECT_TRUE(rig.cmb_invalid());
  EXPECT_EQ(rig.status(cmd::read(0, 1), kBase), Status::kDataTransferError);
  rig.place_cmb((kBase - kPageSize) | kOn);
  EXPECT_FALSE(rig.cmb_invalid()) << "one ends where the other begins";
}

TEST_F(Pmr, SurvivesResets) {
  rig_.enable_pmr();
  rig_.place_pmr(kBase | space::kEnable);
  rig_.put(kBase, pattern(MemoryRig::kSize, 4));
  rig_.start();
  rig_.driver.disable();
  EXPECT_TRUE(rig_.pmr_ready()) << "a Controller Reset changes nothing of it";
  EXPECT_EQ(rig_.pmr(offsetof(PmrRegisters, pmrctl)), 1u);
  EXPECT_EQ(rig_.pmr(offsetof(PmrRegisters, pmrmscl)), space::kEnable);
  EXPECT_EQ(rig_.get(kBase, MemoryRig::kSize), pattern(MemoryRig::kSize, 4));
  rig_.start();
  EXPECT_EQ(rig_.status(cmd::read(0, 1), kBase + 4096), Status::kSuccess);
  rig_.put(kBase, pattern(MemoryRig::kSize, 4));
  rig_.driver.disable();
  reset_function();
  EXPECT_EQ(rig_.pmr(offsetof(PmrRegisters, pmrctl)), 0u);
  EXPECT_EQ(rig_.pmr(offsetof(PmrRegisters, pmrmscl)), 0u);
  EXPECT_EQ(rig_.pmr(offsetof(PmrRegisters, pmrmscu)), 0u);
  EXPECT_FALSE(rig_.pmr_ready());
  EXPECT_EQ(rig_.get(kBase, MemoryRig::kSize), pattern(MemoryRig::kSize, 4));
  rig_.enable_pmr();
  EXPECT_TRUE(rig_.pmr_ready());
  EXPECT_EQ(rig_.get(kBase, MemoryRig::kSize), pattern(MemoryRig::kSize, 4));
  ASSERT_EQ(nvmev_dev_power_cut(rig_.device.get(), 1, nullptr), 0);
  rig_.runner.run_for(1'000'000'000);
  EXPECT_FALSE(rig_.pmr_ready());
  EXPECT_EQ(rig_.get(kBase, MemoryRig::kSize), pattern(MemoryRig::kSize, 4)) << "what was written is persistent";
}

TEST_F(Pmr, SanitizeErasesItAndWantsItDisabled) {
  rig_.start();
  EXPECT_TRUE(log().status & nvme::kGlobalDataErased);
  rig_.enable_pmr();
  EXPECT_FALSE(log().status & nvme::kGlobalDataErased) << "it was enabled";
  rig_.put(kBase, pattern(MemoryRig::kSize, 4));
  EXPECT_EQ(sanitize(), Status::kSanitizeWithPmr);
  EXPECT_EQ(rig_.get(kBase, MemoryRig::kSize), pattern(MemoryRig::kSize, 4));
  rig_.enable_pmr(false);
  EXPECT_EQ(sanitize(), Status::kSuccess);
  rig_.enable_pmr();
  EXPECT_FALSE(rig_.pmr_ready()) << "not until it is over";
  rig_.runner.run_for(100'000'000'000);
  EXPECT_TRUE(rig_.pmr_ready());
  EXPECT_EQ(rig_.get(kBase, MemoryRig::kSize), std::vector<u8>(MemoryRig::kSize, 0));
}

// ---- State that survives: see also state_test.cc

struct Kept {
  MemoryRig rig{{{"pmr", "256K"}, {"type", "conv"}, {"dies_per_channel", "1"}, {"channels", "2"}}};
  nvmev_error error{};

  int load(const TestFile* from = nullptr) {
    if (from != nullptr) rig.host.file = *from;
    return nvmev_dev_load(rig.device.get(), &error);
  }
  int save() { return nvmev_dev_save(rig.device.get(), rig.runner.now(), &error); }
};

TEST(PmrState, ContentsComeBack) {
  Kept first;
  ASSERT_EQ(first.load(), 0) << first.error.text;
  first.rig.enable_pmr();
  first.rig.put(kBase + 64 * 1024, pattern(100'000, 6));
  ASSERT_EQ(first.save(), 0) << first.error.text;
  EXPECT_EQ(first.save(), 1) << "nothing has changed";
  first.rig.put(kBase, pattern(16, 8));
  ASSERT_EQ(first.save(), 0) << "no command came, but the region has changed";

  Kept next;
  std::memset(next.rig.device.pmr(), 0xaa, MemoryRig::kSize);
  ASSERT_EQ(next.load(&first.rig.host.file), 0) << next.error.text;
  EXPECT_FALSE(next.rig.pmr_ready());
  EXPECT_EQ(next.rig.get(kBase, MemoryRig::kSize), first.rig.get(kBase, MemoryRig::kSize));
}

TEST(PmrState, OfAnotherSizeIsRefused) {
  Kept first;
  ASSERT_EQ(first.load(), 0);
  ASSERT_EQ(first.save(), 0);
  MemoryRig other({{"type", "conv"}, {"dies_per_channel", "1"}, {"channels", "2"}});
  other.host.file = first.rig.host.file;
  nvmev_error error{};
  EXPECT_NE(nvmev_dev_load(other.device.get(), &error), 0);
  EXPECT_NE(std::string(error.text).find("pmr=262144\" there"), std::string::npos) << error.text;
}

TEST(PmrState, DataThatStayLieBehindTheMemory) {
  // In a reserved range: the medium's contents are no part of the state.
  static std::vector<u8> range(64 << 20);
  const auto config = [](const Settings& settings) {
    nvmev_config made = make_config(settings);
    made.medium = NVMEV_MEDIUM_RESERVED;
    made.reserved_base = range.data();
    made.reserved_size = range.size();
    return made;
  };
  const nvmev_config plain = config({}), with_cmb = config({{"cmb", "64K"}});
  Rig first(&with_cmb);
  first.host.medium_stays = true;
  nvmev_error error{};
  ASSERT_EQ(nvmev_dev_save(first.device.get(), 0, &error), 0) << error.text;
  Rig same(&with_cmb), other(&plain);
  for (Rig* rig : {&same, &other}) {
    rig->host.medium_stays = true;
    rig->host.file = first.host.file;
  }
  EXPECT_EQ(nvmev_dev_load(same.device.get(), &error), 0) << error.text;
  EXPECT_NE(nvmev_dev_load(other.device.get(), &error), 0);
  EXPECT_NE(std::string(error.text).find("cmb=65536\" there"), std::string::npos) << error.text;
}

}  // namespace
}  // namespace nvmev::test
