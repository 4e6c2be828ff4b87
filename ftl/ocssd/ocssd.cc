// SPDX-License-Identifier: GPL-2.0-only
// Type "ocssd": an open-channel SSD of either version.
#include "ocssd12.h"
#include "ocssd20.h"

namespace nvmev {

namespace {

int check(const nvmev_config& config, nvmev_error* error) {
  return config.oc.version == 1 ? ocssd::Ocssd12::check(config, error) : ocssd::Ocssd20::check(config, error);
}

Ftl* create(const nvmev_config& config, nvmev_host* host) {
  return config.oc.version == 1 ? ocssd::Ocssd12::create(config, host) : ocssd::Ocssd20::create(config, host);
}

}  // namespace

extern const FtlType kOcssdType;
constinit const FtlType kOcssdType = {"ocssd", CommandFamily::kOpenChannel, check, create};

}  // namespace nvmev
