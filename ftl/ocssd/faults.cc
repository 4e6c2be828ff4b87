// SPDX-License-Identifier: GPL-2.0-only
#include "faults.h"

#include "nvmev/error.h"
#include "nvmev/text.h"

namespace nvmev::ocssd {

namespace {

// Takes a text apart, field by field.
class Fields {
 public:
  explicit Fields(const char* text) : at_(text) {}

  bool end_of_text() const { return *at_ == '\0'; }
  bool end_of_entry() const { return end_of_text() || *at_ == '+'; }
  void next_entry() {
    if (*at_ == '+') at_++;
  }

  // A number, or kAnyPlace for `*`.
  bool number(u32* value) {
    if (*at_ == '*') {
      *value = kAnyPlace;
      at_++;
      return end_field();
    }
    if (*at_ < '0' || *at_ > '9') return false;
    u64 sum = 0;
    for (; *at_ >= '0' && *at_ <= '9' && sum < kAnyPlace; at_++) sum = sum * 10 + static_cast<u64>(*at_ - '0');
    *value = static_cast<u32>(sum);
    return sum < kAnyPlace && end_field();
  }

  // Whether the next field is this word; takes it then.
  bool word(const char* word) {
    const std::size_t length = strlen(word);
    for (std::size_t i = 0; i < length; i++) {
      if (at_[i] != word[i]) return false;
    }
    const char* after = at_ + length;
    if (*after != '/' && *after != '+' && *after != '\0') return false;
    at_ = after;
    return end_field();
  }

 private:
  bool end_field() {
    if (*at_ == '/') {
      at_++;
      return *at_ != '\0' && *at_ != '+';
    }
    return end_of_entry();
  }

  const char* at_;
};

bool read_fault(Fields& fields, bool with_sector, Fault* fault) {
  fault->place.sector = kAnyPlace;
  fault->next = false;
  if (!fields.number(&fault->place.group) || !fields.number(&fault->place.unit) || !fields.number(&fault->place.chunk) ||
      (with_sector && !fields.number(&fault->place.sector)) || !fields.number(&fault->percent) || fault->percent > 100) {
    return false;
  }
  if (with_sector && fields.word("next")) fault->next = true;
  return fields.end_of_entry();
}

bool read_state(Fields& fields, InitialState* state) {
  state->wp = kAnyPlace;
  if (!fields.number(&state->place.group) || !fields.number(&state->place.unit) || !fields.number(&state->place.chunk)) {
    return false;
  }
  constexpr struct {
    const char* name;
    nvme::ChunkState state;
  } kStates[] = {{"free", nvme::ChunkState::kFree},
                 {"open", nvme::ChunkState::kOpen},
                 {"closed", nvme::ChunkState::kClosed},
                 {"offline", nvme::ChunkState::kOffline}};
  bool known = false;
  for (const auto& row : kStates) {
    if (known || !fields.word(row.name)) continue;
    state->state = row.state;
    known = true;
  }
  if (!known) return false;
  state->random = fields.word("random");
  if (!fields.end_of_entry() && (!fields.number(&state->wp) || state->wp == kAnyPlace)) return false;
  if (!state->random) state->random = fields.word("random");
  return fields.end_of_entry();
}

bool read_blocks(Fields& fields, InitialBlocks* blocks) {
  if (!fields.number(&blocks->place.group) || !fields.number(&blocks->place.unit) ||
      !fields.number(&blocks->place.chunk) || !fields.number(&blocks->place.sector)) {
    return false;
  }
  constexpr struct {
    const char* name;
    u8 type;
  } kTypes[] = {{"free", 0},
                {"bad", nvme::block_type::kBad},
                {"grown", nvme::block_type::kGrownBad},
                {"device", nvme::block_type::kDeviceReserved},
                {"host", nvme::block_type::kHostReserved}};
  for (const auto& row : kTypes) {
    if (!fields.word(row.name)) continue;
    blocks->type = row.type;
    return fields.end_of_entry();
  }
  return false;
}

}  // namespace

int parse_block_types(const char* text, void* context, void (*with)(void* context, const InitialBlocks&),
                      nvmev_error* error) {
  for (Fields fields(text); !fields.end_of_text(); fields.next_entry()) {
    InitialBlocks blocks;
    if (!read_blocks(fields, &blocks)) {
      return fail(error, err::kInvalid,
                  "lbbtable=%s: channel/LUN/block/plane/type, numbers or *, with + between entries, is right; type is free, "
                  "bad, grown, device or host", text);
    }
    if (with != nullptr) with(context, blocks);
  }
  return 0;
}

int Faults::parse(const char* key, const char* text, bool with_sector, nvmev_error* error) {
  count_ = 0;
  for (Fields fields(text); !fields.end_of_text(); fields.next_entry()) {
    if (count_ == faults_.size()) {
      return fail(error, err::kInvalid, "%s: at most %u entries are right", key, static_cast<u32>(faults_.size()));
    }
    if (!read_fault(fields, with_sector, &faults_[count_++])) {
      return fail(error, err::kInvalid, "%s=%s: %s, numbers or *, with + between entries, is right", key, text,
                  with_sector ? "group/unit/chunk/sector/percent[/next]" : "group/unit/chunk/percent");
    }
  }
  return 0;
}

const Fault* Faults::hit(const Shape& shape, u64 chunk, u32 offset, flash::Random& random) const {
  for (u32 i = 0; i < count_; i++) {
    const Fault& fault = faults_[i];
    if (!matches(fault.place, shape, chunk)) continue;
    if (fault.place.sector != kAnyPlace && fault.place.sector != offset) continue;
    if (random.below(100) < fault.percent) return &fault;
  }
  return nullptr;
}

int parse_chunk_states(const char* text, void* context, void (*with)(void* context, const InitialState&),
                       nvmev_error* error) {
  for (Fields fields(text); !fields.end_of_text(); fields.next_entry()) {
    InitialState state;
    if (!read_state(fields, &state)) {
      return fail(error, err::kInvalid,
                  "chunk_state=%s: group/unit/chunk/state[/wp][/random], numbers or *, with + between entries, is right; "
                  "state is free, open, closed or offline", text);
    }
    if (with != nullptr) with(context, state);
  }
  return 0;
}

}  // namespace nvmev::ocssd
