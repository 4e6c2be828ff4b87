// SPDX-License-Identifier: GPL-2.0-only
#include "kv_verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "nvmev/kv_client.h"

namespace nvmev::cli {

namespace {

std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
  value = (value ^ value >> 27) * 0x94d049bb133111eb;
  return value ^ value >> 31;
}

// What key and value number `n` are: all follows from the seed, so that nothing has to be kept.
class Contents {
 public:
  explicit Contents(const VerifySettings& settings) : settings_(settings) {}

  // 5 to 16 bytes, different from all others, in no order.
  std::string key(std::uint64_t n) const {
    const std::uint64_t hash = mix(n ^ settings_.seed << 40);
    std::string key;
    for (int shift = 0; shift < 32; shift += 8) key += static_cast<char>(n >> shift);
    std::reverse(key.begin(), key.end());
    key.insert(key.begin(), static_cast<char>(hash));
    for (std::uint64_t i = 0; i < hash % 12; i++) key += static_cast<char>(hash >> i);
    return key;
  }

  // Mostly small, now and then up to as large as allowed.
  std::string value(std::uint64_t n, unsigned version) const {
    std::uint64_t state = mix(n * 31 + version + settings_.seed);
    const std::size_t most = state % settings_.large_every == 0 ? settings_.value_max : std::min<std::size_t>(settings_.value_max, 1024);
    std::string value(state / settings_.large_every % (most + 1), '\0');
    for (std::size_t at = 0; at < value.size(); at += 8) {
      state = mix(state);
      std::memcpy(&value[at], &state, std::min<std::size_t>(8, value.size() - at));
    }
    return value;
  }

 private:
  VerifySettings settings_;
};

[[noreturn]] void wrong(std::uint64_t n, const char* what) {
  throw std::runtime_error(fmt::format("key number {}: {}", n, what));
}

class Verification {
 public:
  Verification(const std::string& device, const VerifySettings& settings)
      : device_(device), settings_(settings), contents_(settings) {}

  void run() {
    if (!KvNamespace(device_).list({}, 1).empty()) throw std::runtime_error(device_ + " is not empty");
    pass("store", 1, [this](KvNamespace& kv, std::uint64_t n) {
      kv.put(contents_.key(n), contents_.value(n, 0), KvNamespace::kMustNotExist);
    });
    pass("retrieve", 1, [this](KvNamespace& kv, std::uint64_t n) { compare(kv, n, 0); });
    expect_keys([](std::uint64_t) { return true; });
    pass("replace every third", 3, [this](KvNamespace& kv, std::uint64_t n) {
      kv.put(contents_.key(n), contents_.value(n, 1), KvNamespace::kMustExist);
    });
    while_listing([this] {
      pass("delete every second", 2, [this](KvNamespace& kv, std::uint64_t n) {
        if (!kv.remove(contents_.key(n))) wrong(n, "was not there to be deleted");
      });
      pass("store every fourth again", 4, [this](KvNamespace& kv, std::uint64_t n) {
        kv.put(contents_.key(n), contents_.value(n, 2), KvNamespace::kMustNotExist);
      });
    });
    const auto gone = [](std::uint64_t n) { return n % 4 == 2; };
    pass("retrieve", 1, [&](KvNamespace& kv, std::uint64_t n) {
      if (gone(n)) {
        if (n % 8 == 2 ? kv.exist(contents_.key(n)) : kv.get(contents_.key(n)).has_value()) wrong(n, "exists, and was deleted");
      } else {
        compare(kv, n, n % 4 == 0 ? 2 : n % 3 == 0 ? 1 : 0);
      }
    });
    expect_keys([&](std::uint64_t n) { return !gone(n); });
    pass("delete", 1, [&](KvNamespace& kv, std::uint64_t n) {
      if (kv.remove(contents_.key(n)) == gone(n)) wrong(n, "deletion says the wrong thing");
    });
    if (!KvNamespace(device_).list({}, 1).empty()) throw std::runtime_error("keys are left");
  }

 private:
  void compare(KvNamespace& kv, std::uint64_t n, unsigned version) {
    const auto value = kv.get(contents_.key(n));
    if (!value) wrong(n, "does not exist");
    if (*value != contents_.value(n, version)) wrong(n, "has another value");
  }

  // Calls work(namespace, n) for every `stride`th n, in several threads, and tells how fast that was.
  void pass(const char* what, unsigned stride, const std::function<void(KvNamespace&, std::uint64_t)>& work) {
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < settings_.threads; t++) {
      threads.emplace_back([&, t] {
        try {
          KvNamespace kv(device_);
          for (std::uint64_t n = t * stride; n < settings_.keys; n += settings_.threads * stride) work(kv, n);
        } catch (const std::exception& error) {
          fail(error.what());
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    if (!problem_.empty()) throw std::runtime_error(fmt::format("{}: {}", what, problem_));
    const std::uint64_t keys = (settings_.keys + stride - 1) / stride;
    fmt::print("{}: {} keys, {:.0f} a second\n", what, keys, static_cast<double>(keys) / seconds.count());
    std::fflush(stdout);
  }

  void expect_keys(const std::function<bool(std::uint64_t)>& there) {
    const std::vector<std::string> expected = keys_in_order(there);
    if (KvNamespace(device_).list() != expected) throw std::runtime_error("the list of keys is not what was stored");
    fmt::print("list: {} keys\n", expected.size());
  }

  // std::string compares characters as unsigned char, which is the order of List.
  std::vector<std::string> keys_in_order(const std::function<bool(std::uint64_t)>& there) const {
    std::vector<std::string> keys;
    for (std::uint64_t n = 0; n < settings_.keys; n++) {
      if (there(n)) keys.push_back(contents_.key(n));
    }
    std::sort(keys.begin(), keys.end());
    return keys;
  }

  // Keys with even numbers come and go while they are listed: those that stay must be there, exactly once.
  void while_listing(const std::function<void()>& work) {
    const std::vector<std::string> stay = keys_in_order([](std::uint64_t n) { return n % 2 != 0; });
    std::atomic<bool> stop{false};
    unsigned listings = 0;
    std::thread lister([&] {
      try {
        KvNamespace kv(device_);
        do {
          const std::vector<std::string> keys = kv.list();
          if (std::adjacent_find(keys.begin(), keys.end(), std::greater_equal()) != keys.end()) {
            return fail("keys are listed twice, or not in order");
          }
          if (!std::includes(keys.begin(), keys.end(), stay.begin(), stay.end())) return fail("a key that stays is not listed");
          listings++;
        } while (!stop);
      } catch (const std::exception& error) {
        fail(error.what());
      }
    });
    try {
      work();
    } catch (...) {
      stop = true;
      lister.join();
      throw;
    }
    stop = true;
    lister.join();
    if (!problem_.empty()) throw std::runtime_error(problem_);
    fmt::print("listed {} times meanwhile\n", listings);
  }

  void fail(const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (problem_.empty()) problem_ = what;
  }

  std::string device_;
  VerifySettings settings_;
  Contents contents_;
  std::mutex mutex_;
  std::string problem_;
};

}  // namespace

void verify(const std::string& device, const VerifySettings& settings) {
  if (settings.threads == 0) throw std::invalid_argument("--threads: at least 1 is right");
  if (settings.large_every == 0) throw std::invalid_argument("--large-every: at least 1 is right");
  Verification(device, settings).run();
}

}  // namespace nvmev::cli
