// SPDX-License-Identifier: GPL-2.0-only
#include "zns.h"

#include <memory>

#include "zns_load.h"

namespace nvmev::cli {

void add_zns(CLI::App& app) {
  CLI::App* zns = app.add_subcommand("zns", "Zoned namespaces (NVMe Zoned Namespace Command Set)");
  zns->require_subcommand(1);
  zns->footer("DEVICE is the namespace's character device, such as /dev/ng0n1.");
  const auto device = std::make_shared<std::string>();
  const auto settings = std::make_shared<ZoneLoad>();
  const auto command = [&](const char* name, const char* what, bool append) {
    CLI::App* sub = zns->add_subcommand(name, what);
    sub->add_option("DEVICE", *device)->required();
    sub->add_option("--zones", settings->zones, "the first so many zones, which are reset")->capture_default_str();
    sub->add_option("--bs", settings->block, "bytes of a command")
        ->transform(CLI::AsSizeValue(false))
        ->check(CLI::Range(512, 1 << 24))
        ->capture_default_str();
    sub->add_option("--size", settings->zone_bytes, "bytes to write to each zone; 0: all of it")
        ->transform(CLI::AsSizeValue(false))
        ->capture_default_str();
    if (append) sub->add_option("--depth", settings->depth, "commands in flight of each thread")->capture_default_str()->check(CLI::Range(1, 4096));
    sub->add_option("--threads", settings->threads)->capture_default_str()->check(CLI::Range(1, 1024));
    sub->add_flag("!--no-verify", settings->verify, "do not read back what was written");
    sub->callback([device, settings, append] {
      settings->append = append;
      run_zone_load(*device, *settings);
    });
  };
  command("append", "Fills zones with Zone Append through io_uring, from several threads at once, and compares", true);
  command("write", "Fills zones with Write, one command in flight for each zone", false);
}

}  // namespace nvmev::cli
