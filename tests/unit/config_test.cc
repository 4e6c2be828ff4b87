// SPDX-License-Identifier: GPL-2.0-only
// Keys, values, profiles, and what people are told when one of them is wrong.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "host/rig.h"

namespace nvmev::test {
namespace {

nvmev_config fresh() {
  nvmev_config config;
  nvmev_config_init(&config);
  return config;
}

TEST(Config, DefaultsAreValidOnceTheHostHasItsSay) {
  nvmev_config config = fresh();
  EXPECT_EQ(config.capacity, 0u);
  nvmev_error error{};
  EXPECT_NE(nvmev_config_check(&config, &error), 0) << "no capacity";
  EXPECT_NE(std::strstr(error.text, "capacity"), nullptr) << error.text;
  config.capacity = 1u << 30;
  EXPECT_EQ(nvmev_config_check(&config, &error), 0) << error.text;
}

struct Good {
  const char* key;
  const char* value;
  std::function<u64(const nvmev_config&)> field;
  u64 expected;
};

TEST(Config, GoodValues) {
  const Good cases[] = {
      {"capacity", "1M", [](auto& c) { return c.capacity; }, 1u << 20},
      {"capacity", "3G", [](auto& c) { return c.capacity; }, 3ull << 30},
      {"capacity", "1T", [](auto& c) { return c.capacity; }, 1ull << 40},
      {"lba_size", "4096", [](auto& c) { return u64{c.lba_size}; }, 4096},
      {"lba_size", "4K", [](auto& c) { return u64{c.lba_size}; }, 4096},
      {"read_latency", "10", [](auto& c) { return c.read_time; }, 10'000},
      {"write_latency", "0", [](auto& c) { return c.write_time; }, 0},
      {"read_delay", "1", [](auto& c) { return c.read_delay; }, 1},
      {"read_trailing", "12345678901", [](auto& c) { return c.read_trailing; }, 12345678901},
      {"write_delay", "0x10", [](auto& c) { return c.write_delay; }, 16},
      {"io_unit_size", "512", [](auto& c) { return u64{c.io_unit_size}; }, 512},
      {"io_unit_size", "1M", [](auto& c) { return u64{c.io_unit_size}; }, 1u << 20},
      {"nr_io_units", "7", [](auto& c) { return u64{c.nr_io_units}; }, 7},
      {"time_scale", "1", [](auto& c) { return u64{c.time_scale_milli}; }, 1000},
      {"time_scale", "0.5", [](auto& c) { return u64{c.time_scale_milli}; }, 500},
      {"time_scale", "20", [](auto& c) { return u64{c.time_scale_milli}; }, 20'000},
      {"time_scale", "0.001", [](auto& c) { return u64{c.time_scale_milli}; }, 1},
      {"dispatchers", "8", [](auto& c) { return u64{c.dispatchers}; }, 8},
      {"queues", "255", [](auto& c) { return u64{c.queues}; }, 255},
      {"queue_entries", "65536", [](auto& c) { return u64{c.queue_entries}; }, 65536},
      {"mdts", "9", [](auto& c) { return u64{c.mdts}; }, 9},
      {"medium", "none", [](auto& c) { return u64{c.medium}; }, NVMEV_MEDIUM_NONE},
      {"medium", "pages", [](auto& c) { return u64{c.medium}; }, NVMEV_MEDIUM_PAGES},
      {"medium", "reserved", [](auto& c) { return u64{c.medium}; }, NVMEV_MEDIUM_RESERVED},
  };
  for (const Good& c : cases) {
    SCOPED_TRACE(std::string(c.key) + "=" + c.value);
    nvmev_config config = fresh();
    nvmev_error error{};
    EXPECT_EQ(nvmev_config_set(&config, c.key, c.value, &error), 0) << error.text;
    EXPECT_EQ(c.field(config), c.expected);
  }
}

struct Bad {
  const char* key;
  const char* value;
  int result;
};

TEST(Config, BadValuesAreNamedAndChangeNothing) {
  const Bad cases[] = {
      {"capacity", "0", -ERANGE},
      {"capacity", "-1", -EINVAL},
      {"capacity", "", -EINVAL},
      {"capacity", "1X", -EINVAL},
      {"capacity", "99999999T", -ERANGE},
      {"lba_size", "513", -EINVAL},
      {"lba_size", "1024M", -ERANGE},
      {"lba_size", "0", -ERANGE},
      {"read_latency", "1.5", -EINVAL},
      {"read_latency", "99999999999999999999", -ERANGE},
      {"read_latency", "18446744073709551", -ERANGE},
      {"read_delay", "10us", -EINVAL},
      {"write_time", "-5", -EINVAL},
      {"io_unit_size", "0", -ERANGE},
      {"io_unit_size", "4095", -EINVAL},
      {"io_unit_size", "256", -ERANGE},
      {"nr_io_units", "0", -ERANGE},
      {"nr_io_units", "100000000", -ERANGE},
      {"nr_io_units", "4K", -EINVAL},
      {"time_scale", "0", -ERANGE},
      {"time_scale", "-1", -EINVAL},
      {"time_scale", "1.2345", -EINVAL},
      {"time_scale", "1.", -EINVAL},
      {"time_scale", ".5", -EINVAL},
      {"time_scale", "99999999999", -ERANGE},
      {"dispatchers", "0", -ERANGE},
      {"dispatchers", "9", -ERANGE},
      {"inflight", "63", -ERANGE},
      {"inflight", "65537", -ERANGE},
      {"queues", "0", -ERANGE},
      {"queues", "256", -ERANGE},
      {"queue_entries", "1", -ERANGE},
      {"queue_entries", "65537", -ERANGE},
      {"mdts", "0", -ERANGE},
      {"mdts", "10", -ERANGE},
      {"medium", "tape", -EINVAL},
      {"type", "floppy", -EINVAL},
      {"type", "", -EINVAL},
      {"serial", "", -EINVAL},
      {"serial", "123456789012345678901", -EINVAL},
      {"serial", "a\nb", -EINVAL},
      {"serial", "\xc3\xa4", -EINVAL},
      {"model", "12345678901234567890123456789012345678901", -EINVAL},
  };
  for (const Bad& c : cases) {
    SCOPED_TRACE(std::string(c.key) + "=" + c.value);
    nvmev_config config = fresh();
    const nvmev_config before = config;
    nvmev_error error{};
    EXPECT_EQ(nvmev_config_set(&config, c.key, c.value, &error), c.result) << error.text;
    EXPECT_NE(std::strstr(error.text, c.key), nullptr) << error.text;
    const bool printable = std::strpbrk(c.value, "\n\xc3") == nullptr;
    if (printable) EXPECT_NE(std::strstr(error.text, c.value), nullptr) << error.text;
    EXPECT_NE(std::strstr(error.text, "right"), nullptr) << "says what would be right: " << error.text;
    EXPECT_EQ(std::strchr(error.text, '\n'), nullptr) << "one line";
    EXPECT_LT(std::strlen(error.text), sizeof(error.text));
    EXPECT_EQ(std::memcmp(&config, &before, sizeof(config)), 0) << "unchanged";
  }
}

TEST(Config, UnknownKeys) {
  nvmev_config config = fresh();
  for (const char* key : {"", "read", "Read_latency", "read_latency ", "memmap_start"}) {
    nvmev_error error{};
    EXPECT_EQ(nvmev_config_set(&config, key, "1", &error), -EINVAL) << key;
    EXPECT_NE(std::strstr(error.text, key), nullptr) << error.text;
  }
  nvmev_error error{};
  const std::string endless(5000, 'k');
  EXPECT_EQ(nvmev_config_set(&config, endless.c_str(), endless.c_str(), &error), -EINVAL);
  EXPECT_EQ(nvmev_config_set(&config, "capacity", endless.c_str(), &error), -EINVAL);
  EXPECT_EQ(nvmev_config_set(&config, "serial", endless.c_str(), &error), -EINVAL);
}

TEST(Config, ContradictingKeys) {
  for (const auto& [first, second] : {std::pair{"read_latency", "read_time"},
                                      {"read_time", "read_latency"},
                                      {"write_latency", "write_time"},
                                      {"write_time", "write_latency"}}) {
    nvmev_config config = fresh();
    nvmev_error error{};
    ASSERT_EQ(nvmev_config_set(&config, first, "10", &error), 0);
    EXPECT_EQ(nvmev_config_set(&config, second, "10", &error), -EINVAL);
    EXPECT_NE(std::strstr(error.text, first), nullptr) << error.text;
    EXPECT_NE(std::strstr(error.text, second), nullptr) << error.text;
  }
}

TEST(Config, CheckOfFieldsAgainstEachOther) {
  struct Case {
    const char* what;
    std::function<void(nvmev_config&)> spoil;
  };
  const Case cases[] = {
      {"capacity of half a page", [](auto& c) { c.capacity = 2048; }},
      {"capacity not whole pages", [](auto& c) { c.capacity = (1u << 20) + 512; }},
      {"no workers", [](auto& c) { c.workers = 0; }},
      {"too many workers", [](auto& c) { c.workers = NVMEV_MAX_WORKERS + 1; }},
      {"reserved without a range", [](auto& c) { c.medium = NVMEV_MEDIUM_RESERVED; }},
      {"reserved range too small",
       [](auto& c) {
         static char memory[4096];
         c.medium = NVMEV_MEDIUM_RESERVED;
         c.reserved_base = memory;
         c.reserved_size = sizeof(memory);
       }},
      {"type of another build", [](auto& c) { std::strcpy(c.type, "cards"); }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    nvmev_config config = make_config();
    c.spoil(config);
    nvmev_error error{};
    EXPECT_LT(nvmev_config_check(&config, &error), 0);
    EXPECT_NE(error.text[0], '\0');
  }
}

// ---- Profiles ----------------------------------------------------------------------------------------

int load(nvmev_config& config, const std::string& text, nvmev_error& error) {
  return nvmev_config_load(&config, "file.conf", text.c_str(), text.size(), &error);
}

TEST(Profile, EmbeddedOnesLoad) {
  const std::string names = nvmev_profile_names();
  ASSERT_FALSE(names.empty());
  std::string name;
  for (size_t at = 0; at <= names.size(); at++) {
    if (at < names.size() && names[at] != ',' && names[at] != ' ') {
      name += names[at];
      continue;
    }
    if (name.empty()) continue;
    SCOPED_TRACE(name);
    size_t length = 0;
    const char* text = nvmev_profile_text(name.c_str(), &length);
    ASSERT_NE(text, nullptr);
    EXPECT_GT(length, 0u);
    nvmev_config config = fresh();
    nvmev_error error{};
    EXPECT_EQ(nvmev_config_load(&config, name.c_str(), text, length, &error), 0) << error.text;
    if (config.capacity == 0) config.capacity = 16ull << 30;
    EXPECT_EQ(nvmev_config_check(&config, &error), 0) << error.text;
    name.clear();
  }
  size_t length = 7;
  EXPECT_EQ(nvmev_profile_text("no such profile", &length), nullptr);
  EXPECT_EQ(nvmev_profile_text("", &length), nullptr);
}

TEST(Profile, WhatTheParserTakes) {
  nvmev_config config = fresh();
  nvmev_error error{};
  const char* text =
      "# a comment\n"
      "\n"
      "  read_time\t=  123   # behind a value\r\n"
      "write_time=456\n"
      "model = Two Words\n"
      "nr_io_units = 3";  // no newline at the end
  ASSERT_EQ(load(config, text, error), 0) << error.text;
  EXPECT_EQ(config.read_time, 123u);
  EXPECT_EQ(config.write_time, 456u);
  EXPECT_STREQ(config.model, "Two Words");
  EXPECT_EQ(config.nr_io_units, 3u);
  EXPECT_EQ(load(config, "", error), 0);
}

TEST(Profile, WhatFollowsOverridesInWhicheverTerms) {
  nvmev_config config = fresh();
  nvmev_error error{};
  ASSERT_EQ(load(config, "read_time = 123\n", error), 0);
  EXPECT_EQ(nvmev_config_set(&config, "read_latency", "5", &error), 0) << error.text;
  EXPECT_EQ(config.read_time, 5000u);
}

TEST(Profile, ErrorsNameTheLineAndChangeNothing) {
  struct Case {
    std::string text;
    const char* where;
    int result;
  };
  const Case cases[] = {
      {"read_time = 1\nread_time\n", "file.conf:2:", -EINVAL},
      {"\n\n= 5\n", "file.conf:3:", -EINVAL},
      {"read_time = \n", "file.conf:1:", -EINVAL},
      {"read_time = 1\n#\nfoo = 1\n", "file.conf:3:", -EINVAL},
      {"mdts = 99\n", "file.conf:1:", -ERANGE},
      {"read_time = 1\nread_time = 1\n", "file.conf:2:", -EINVAL},
      {"read_time = 1\nread_latency = 1\n", "file.conf:2:", -EINVAL},
      {std::string("read_time = 1\nmo\0del = x\n", 26), "file.conf:2:", -EINVAL},
      {"model = " + std::string(1000, 'x') + "\n", "file.conf:1:", -EINVAL},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text.substr(0, 40));
    nvmev_config config = fresh();
    const nvmev_config before = config;
    nvmev_error error{};
    EXPECT_EQ(load(config, c.text, error), c.result) << error.text;
    EXPECT_EQ(std::strncmp(error.text, c.where, std::strlen(c.where)), 0) << error.text;
    EXPECT_EQ(std::memcmp(&config, &before, sizeof(config)), 0);
  }
}

// ---- A running device -----------------------------------------------------------------------------------

TEST(DeviceSet, LiveAndFixedKeys) {
  Rig rig;
  rig.start();
  for (const char* key : {"read_latency", "write_latency", "read_delay", "read_time", "read_trailing", "write_delay",
                          "write_time", "write_trailing", "time_scale"}) {
    std::string error;
    EXPECT_EQ(rig.device.set(key, "3", &error), 0) << error;
  }
  for (const auto& [key, value] : {std::pair{"type", "nvm"},
                                   {"medium", "none"},
                                   {"capacity", "1G"},
                                   {"lba_size", "512"},
                                   {"io_unit_size", "4K"},
                                   {"nr_io_units", "8"},
                                   {"dispatchers", "1"},
                                   {"queues", "4"},
                                   {"queue_entries", "64"},
                                   {"mdts", "5"},
                                   {"serial", "x"},
                                   {"inflight", "64"}}) {
    std::string error;
    EXPECT_EQ(rig.device.set(key, value, &error), -EBUSY) << key;
    EXPECT_NE(error.find(key), std::string::npos) << error;
  }
  std::string error;
  EXPECT_EQ(rig.device.set("read_time", "soon", &error), -EINVAL);
  EXPECT_NE(error.find("soon"), std::string::npos) << error;
  EXPECT_EQ(rig.device.set("no_such_key", "1", &error), -EINVAL);
  EXPECT_EQ(rig.device.set("time_scale", "0", &error), -ERANGE);
}

TEST(DeviceReport, IsLinesOfNameAndValue) {
  Rig rig;
  rig.start();
  ASSERT_TRUE(rig.driver.write(0, pattern(4096, 1)).ok());
  const std::string report = rig.device.report();
  ASSERT_FALSE(report.empty());
  EXPECT_EQ(report.back(), '\n');
  size_t lines = 0;
  for (size_t at = 0; at < report.size(); at++) {
    const size_t end = report.find('\n', at);
    const std::string line = report.substr(at, end - at);
    EXPECT_NE(line.find(' '), std::string::npos) << line;
    at = end;
    lines++;
  }
  EXPECT_GT(lines, 5u);
  // Cut, but terminated, at any size; the length is always the whole.
  for (const size_t size : {size_t{1}, size_t{2}, size_t{17}, report.size(), report.size() + 1}) {
    std::vector<char> buffer(size + 1, '#');
    EXPECT_EQ(nvmev_dev_report(rig.device.get(), buffer.data(), size), report.size());
    EXPECT_EQ(std::strlen(buffer.data()), std::min(size - 1, report.size()));
    EXPECT_EQ(buffer[size], '#');
  }
}

}  // namespace
}  // namespace nvmev::test
