// SPDX-License-Identifier: GPL-2.0-only
// The example of docs/writing-an-ftl.md is the file that is compiled.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace nvmev {
namespace {

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Documentation, ExampleOfAPolicyIsTheCompiledOne) {
  const std::string root = NVMEV_ROOT;
  const std::string example = contents(root + "/ftl/conv/victim_windowed.cc");
  ASSERT_FALSE(example.empty()) << root;
  EXPECT_NE(contents(root + "/docs/writing-an-ftl.md").find("```cpp\n" + example + "```"), std::string::npos);
}

}  // namespace
}  // namespace nvmev
