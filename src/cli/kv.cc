// SPDX-License-Identifier: GPL-2.0-only
#include "kv.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>

#include "kv_verify.h"
#include "nvmev/kv_client.h"

namespace nvmev::cli {

namespace {

constexpr int kNoSuchKey = 1;

struct Arguments {
  std::string device, key, value, file, from;
  bool has_value = false, hex = false, must_exist = false, must_not_exist = false;
  std::size_t most = ~static_cast<std::size_t>(0);
  VerifySettings verify;
};

std::string from_hex(const std::string& text) {
  if (text.size() % 2 != 0) throw std::invalid_argument("hexadecimal keys have two digits for each byte");
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned char byte;
    const auto [end, error] = std::from_chars(&text[i], &text[i] + 2, byte, 16);
    if (error != std::errc() || end != &text[i] + 2) {
      throw std::invalid_argument(fmt::format("'{}' is no byte of a key: two hexadecimal digits are right", text.substr(i, 2)));
    }
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

std::string to_hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::string key_of(const Arguments& arguments) { return arguments.hex ? from_hex(arguments.key) : arguments.key; }

std::string read_all(const std::string& file) {
  if (file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream in(file, std::ios::binary);
  if (!in || std::filesystem::is_directory(file)) throw std::runtime_error("cannot read " + file);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const Arguments& arguments) {
  if (!arguments.has_value && arguments.file.empty()) {
    throw std::invalid_argument("there is no value: VALUE, which may be '', or --file is right");
  }
  const auto rule = arguments.must_exist       ? KvNamespace::kMustExist
                    : arguments.must_not_exist ? KvNamespace::kMustNotExist
                                               : KvNamespace::kAlways;
  KvNamespace(arguments.device).put(key_of(arguments), arguments.file.empty() ? arguments.value : read_all(arguments.file), rule);
}

void get(const Arguments& arguments) {
  const auto value = KvNamespace(arguments.device).get(key_of(arguments));
  if (!value) throw CLI::RuntimeError(kNoSuchKey);
  if (arguments.file.empty()) {
    std::cout.write(value->data(), static_cast<std::streamsize>(value->size())).flush();
  } else {
    std::ofstream out(arguments.file, std::ios::binary);
    out.write(value->data(), static_cast<std::streamsize>(value->size()));
    out.close();
    if (!out) throw std::runtime_error("cannot write " + arguments.file);
  }
}

void remove(const Arguments& arguments) {
  if (!KvNamespace(arguments.device).remove(key_of(arguments))) throw CLI::RuntimeError(kNoSuchKey);
}

void exist(const Arguments& arguments) {
  if (!KvNamespace(arguments.device).exist(key_of(arguments))) throw CLI::RuntimeError(kNoSuchKey);
}

void list(const Arguments& arguments) {
  const std::string from = arguments.hex ? from_hex(arguments.from) : arguments.from;
  for (const std::string& key : KvNamespace(arguments.device).list(from, arguments.most)) {
    fmt::print("{}\n", arguments.hex ? to_hex(key) : key);
  }
}

void info(const Arguments& arguments) {
  const KvNamespace::Limits limits = KvNamespace(arguments.device).limits();
  fmt::print("capacity_bytes {}\nused_bytes {}\nkey_bytes_max {}\nvalue_bytes_max {}\n", limits.capacity_bytes,
             limits.used_bytes, limits.key_bytes, limits.value_bytes);
}

}  // namespace

void add_kv(CLI::App& app) {
  CLI::App* kv = app.add_subcommand("kv", "Keys and values of a key-value namespace (NVMe Key Value Command Set)");
  kv->require_subcommand(1);
  kv->footer("DEVICE is the namespace's character device, such as /dev/ng0n1. Exit status: 0, 1 if there is no such key, 2 for errors.");
  const auto arguments = std::make_shared<Arguments>();
  const auto command = [&](const char* name, const char* what, void (*run)(const Arguments&)) {
    CLI::App* sub = kv->add_subcommand(name, what);
    sub->add_option("DEVICE", arguments->device)->required();
    sub->callback([arguments, run] { run(*arguments); });
    return sub;
  };
  const auto with_key = [&](CLI::App* sub) {
    sub->add_option("KEY", arguments->key, "1 to 16 bytes")->required();
    sub->add_flag("--hex", arguments->hex, "the key is given in hexadecimal digits");
    return sub;
  };
  CLI::App* sub = with_key(command("put", "Stores a value", put));
  CLI::Option* value = sub->add_option_function<std::string>("VALUE", [arguments](const std::string& text) {
    arguments->value = text;
    arguments->has_value = true;
  });
  sub->add_option("-f,--file", arguments->file, "takes the value from a file, - is standard input")->excludes(value);
  CLI::Option* must = sub->add_flag("--must-exist", arguments->must_exist, "only replaces a value");
  sub->add_flag("--must-not-exist", arguments->must_not_exist, "only adds a key")->excludes(must);
  sub = with_key(command("get", "Writes a value to standard output", get));
  sub->add_option("-o,--out", arguments->file, "or to a file");
  with_key(command("del", "Deletes a key", remove));
  with_key(command("exist", "Tells by its exit status whether there is a key", exist));
  sub = command("list", "Lists keys in order, one a line", list);
  sub->add_option("--from", arguments->from, "the first key, or what comes behind it");
  sub->add_option("-n,--most", arguments->most, "no more keys than these");
  sub->add_flag("--hex", arguments->hex, "keys in hexadecimal digits");
  command("info", "Capacity, use and limits", info);
  sub = command("verify", "Stores, replaces, retrieves, lists and deletes random keys, and compares; the namespace must be empty",
                [](const Arguments& given) { verify(given.device, given.verify); });
  sub->add_option("--keys", arguments->verify.keys, "how many")->capture_default_str()->check(CLI::Range(1ull, 1ull << 32));
  sub->add_option("--value-max", arguments->verify.value_max, "bytes of the largest values")->capture_default_str();
  sub->add_option("--large-every", arguments->verify.large_every, "one value of so many is larger than 1 KiB")->capture_default_str();
  sub->add_option("--threads", arguments->verify.threads)->capture_default_str()->check(CLI::Range(1, 1024));
  sub->add_option("--seed", arguments->verify.seed)->capture_default_str();
}

}  // namespace nvmev::cli
