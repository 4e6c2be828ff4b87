// SPDX-License-Identifier: GPL-2.0-only
// A small zoned device, whose flash is filled and worn soon.
#pragma once

#include "host/device.h"

namespace nvmev::test {

inline const Settings kZonedKeys = {{"type", "zns"},
                                    {"capacity", "4M"},
                                    {"lba_size", "4096"},
                                    {"channels", "2"},
                                    {"dies_per_channel", "2"},
                                    {"planes", "1"},
                                    {"page_size", "16K"},
                                    {"program_pages", "1"},
                                    {"pages_per_block", "16"},
                                    {"zone_size", "256K"},
                                    {"zone_capacity", "192K"},
                                    {"zone_write_buffer", "64K"},
                                    {"max_active_zones", "6"},
                                    {"max_open_zones", "4"},
                                    {"zone_append_limit", "64K"},
                                    {"zone_descriptor_extension", "128"},
                                    {"zrwa_size", "32K"},
                                    {"zrwa_flush_granularity", "8K"},
                                    {"zrwa_zones", "2"}};

}  // namespace nvmev::test
