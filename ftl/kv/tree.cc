// SPDX-License-Identifier: GPL-2.0-only
#include "tree.h"

#include "nvmev/text.h"

namespace nvmev::kv {

namespace {

u32 gap(const Node& node) { return node.heap - Node::kHeader - 2u * node.count; }
bool has_room(const Node& node, u32 key_length) { return gap(node) >= Node::kFixed + key_length; }

void init_node(Node* node, u8 level) {
  memset(node, 0, Node::kHeader);
  node->heap = kPageSize;
  node->level = level;
  node->place = kNone;
}

template <typename T>
T payload(const Node& node, u32 i) {
  static_assert(sizeof(T) == 8);
  T value;
  memcpy(&value, node.entry(i) + 1, sizeof(value));
  return value;
}

template <typename T>
void set_payload(Node& node, u32 i, T value) {
  static_assert(sizeof(T) == 8);
  memcpy(node.entry(i) + 1, &value, sizeof(value));
}

Node* child(const Node& node, int slot) {
  return slot < 0 ? node.link : payload<Node*>(node, static_cast<u32>(slot));
}

void insert_raw(Node& node, u32 at, const void* value, Key key) {
  const u32 bytes = Node::kFixed - 2 + key.length;
  node.heap = static_cast<u16>(node.heap - bytes);
  u8* entry = reinterpret_cast<u8*>(&node) + node.heap;
  entry[0] = static_cast<u8>(key.length);
  memcpy(entry + 1, value, 8);
  memcpy(entry + 9, key.bytes, key.length);
  u16* slots = node.slots();
  memmove(slots + at + 1, slots + at, (node.count - at) * sizeof(u16));
  slots[at] = node.heap;
  node.count++;
  node.live = static_cast<u16>(node.live + bytes + 2);
}

template <typename T>
void insert_entry(Node& node, u32 at, T value, Key key) {
  static_assert(sizeof(T) == 8);
  insert_raw(node, at, &value, key);
}

// Entries stay dense: what lies below the removed one moves up.
void remove_entry(Node& node, u32 at) {
  const u32 bytes = node.entry_bytes(at);
  const u32 offset = node.slots()[at];
  u8* base = reinterpret_cast<u8*>(&node);
  memmove(base + node.heap + bytes, base + node.heap, offset - node.heap);
  u16* slots = node.slots();
  memmove(slots + at, slots + at + 1, (node.count - at - 1u) * sizeof(u16));
  node.count--;
  for (u32 i = 0; i < node.count; i++) {
    if (slots[i] < offset) slots[i] = static_cast<u16>(slots[i] + bytes);
  }
  node.heap = static_cast<u16>(node.heap + bytes);
  node.live = static_cast<u16>(node.live - bytes - 2);
}

// The first entry whose key is not below `key`.
u32 lower_bound(const Node& node, Key key) {
  u32 low = 0, high = node.count;
  while (low < high) {
    const u32 middle = (low + high) / 2;
    if (compare(node.key(middle), key) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// The child that has a key: the last whose separator is not above it.
int child_slot(const Node& node, Key key) {
  const u32 at = lower_bound(node, key);
  const bool equal = at < node.count && compare(node.key(at), key) == 0;
  return static_cast<int>(at) - (equal ? 0 : 1);
}

// Of the keys between two, the shortest: it is above `low` and not above `high`.
u32 separate(Key low, Key high, u8* separator) {
  u32 common = 0;
  while (common < low.length && common < high.length && low.bytes[common] == high.bytes[common]) common++;
  const u32 length = common + 1 < high.length ? common + 1 : high.length;
  memcpy(separator, high.bytes, length);
  return length;
}

// Where to split a node of many entries so that both halves have about as many bytes.
u32 middle_of(const Node& node) {
  u32 bytes = 0;
  u32 at = 0;
  for (; at < node.count && bytes < node.live / 2u; at++) bytes += node.entry_bytes(at) + 2;
  if (at >= node.count) at = node.count - 1u;
  return at != 0 ? at : 1;
}

}  // namespace

int compare(Key a, Key b) {
  const u32 common = a.length < b.length ? a.length : b.length;
  const int order = common != 0 ? memcmp(a.bytes, b.bytes, common) : 0;
  if (order != 0) return order;
  return a.length < b.length ? -1 : a.length > b.length ? 1 : 0;
}

Tree::~Tree() {
  clear();
  while (reclaim(~0u)) {
  }
  while (void* page = take_spare(0)) nvmev_host_page_free(host_, page);
}

// ---- Pages ---------------------------------------------------------------------------------------------------------

void Tree::add_spare(void* page) {
  Node* node = static_cast<Node*>(page);
  node->link = spare_;
  spare_ = node;
  spare_count_++;
}

void* Tree::take_spare(u32 keep) {
  if (spare_count_ <= keep) return nullptr;
  Node* node = spare_;
  spare_ = node->link;
  spare_count_--;
  return node;
}

Node* Tree::make_node(u8 level) {
  Node* node = static_cast<Node*>(take_spare(0));
  init_node(node, level);
  pages_.add(1);
  if (level == 0) observer_->leaf_added(*node);
  return node;
}

void Tree::drop_node(Node* node) {
  if (node->level == 0) observer_->leaf_removed(*node);
  pages_.set(pages_.get() - 1);
  add_spare(node);
}

void Tree::clear() {
  if (root_ != nullptr) {
    root_->older = cleared_;
    cleared_ = root_;
  }
  root_ = nullptr;
  depth_ = 0;
  keys_.set(0);
  key_bytes_.set(0);
  pages_.set(0);
}

bool Tree::reclaim(u32 pages) {
  for (; pages != 0 && cleared_ != nullptr; pages--) {
    Node* node = cleared_;
    cleared_ = node->older;
    if (node->level != 0) {
      for (int slot = -1; slot < node->count; slot++) {
        Node* below = child(*node, slot);
        below->older = cleared_;
        cleared_ = below;
      }
    }
    add_spare(node);
  }
  return cleared_ != nullptr;
}

// ---- Looking up ----------------------------------------------------------------------------------------------------

Node* Tree::descend(Key key, Path* path) const {
  Node* node = root_;
  path->depth = 0;
  for (; node != nullptr; path->depth++) {
    path->node[path->depth] = node;
    path->slot[path->depth] = -1;
    if (node->level == 0) {
      path->depth++;
      break;
    }
    const int slot = child_slot(*node, key);
    path->slot[path->depth] = slot;
    node = child(*node, slot);
  }
  return node;
}

Node* Tree::leaf_of(Key key) const {
  Node* node = root_;
  while (node != nullptr && node->level != 0) node = child(*node, child_slot(*node, key));
  return node;
}

Node* Tree::seek(Key from, bool after, u32* index) const {
  Node* leaf = leaf_of(from);
  if (leaf == nullptr) return nullptr;
  *index = lower_bound(*leaf, from);
  if (after && *index < leaf->count && compare(leaf->key(*index), from) == 0) ++*index;
  return leaf;
}

bool Tree::find(Key key, Place* place) const {
  const Node* leaf = leaf_of(key);
  if (leaf == nullptr) return false;
  const u32 at = lower_bound(*leaf, key);
  if (at == leaf->count || compare(leaf->key(at), key) != 0) return false;
  *place = leaf->value(at);
  return true;
}

// ---- Insertion -----------------------------------------------------------------------------------------------------

// Moves the entries from `at` on to a new node on the right. Of an inner node, entry `at` itself goes up: its key is the separator.
Node* Tree::split(Node* node, u32 at, u8* separator, u32* separator_length) {
  Node* right = make_node(node->level);
  Node* copy = static_cast<Node*>(take_spare(0));
  memcpy(copy, node, kPageSize);
  node->count = 0;
  node->heap = kPageSize;
  node->live = 0;
  for (u32 i = 0; i < at; i++) insert_raw(*node, i, copy->entry(i) + 1, copy->key(i));
  u32 from = at;
  if (node->level != 0) {
    const Key up = copy->key(at);
    *separator_length = up.length;
    memcpy(separator, up.bytes, up.length);
    right->link = child(*copy, static_cast<int>(at));
    from++;
  } else {
    right->link = node->link;
    node->link = right;
  }
  for (u32 i = from; i < copy->count; i++) insert_raw(*right, i - from, copy->entry(i) + 1, copy->key(i));
  add_spare(copy);
  return right;
}

// The node at `level` of the path (counted from the root) has a new neighbour on its right.
void Tree::insert_above(Path& path, u32 level, Key separator, Node* right) {
  u8 up[kMaxKey];
  while (level != 0) {
    Node* parent = path.node[level - 1];
    const u32 at = static_cast<u32>(path.slot[level - 1] + 1);
    if (has_room(*parent, separator.length)) return insert_entry(*parent, at, right, separator);
    u8 separator_copy[kMaxKey];
    memcpy(separator_copy, separator.bytes, separator.length);
    const Key added{separator_copy, separator.length};
    const u32 middle = middle_of(*parent);
    u32 up_length = 0;
    Node* parent_right = split(parent, middle, up, &up_length);
    if (at <= middle) {
      insert_entry(*parent, at, right, added);
    } else {
      insert_entry(*parent_right, at - middle - 1, right, added);
    }
    separator = {up, up_length};
    right = parent_right;
    level--;
  }
  Node* root = make_node(static_cast<u8>(root_->level + 1));
  root->link = root_;
  insert_entry(*root, 0, right, separator);
  root_ = root;
  depth_++;
}

bool Tree::put(Key key, Place place, bool* replaced, Place* old) {
  Path path;
  Node* leaf = descend(key, &path);
  *replaced = false;
  if (leaf == nullptr) {
    if (!observer_->leaves_wanted(1)) return false;
    root_ = leaf = make_node(0);
    depth_ = 1;
    path.depth = 1;
  }
  const u32 at = lower_bound(*leaf, key);
  if (at < leaf->count && compare(leaf->key(at), key) == 0) {
    *replaced = true;
    *old = leaf->value(at);
    set_payload(*leaf, at, place);
    return true;
  }
  if (has_room(*leaf, key.length)) {
    insert_entry(*leaf, at, place, key);
  } else {
    if (!observer_->leaves_wanted(1)) return false;
    // Keys that come in ascending order fill their leaves.
    const bool append = at == leaf->count && leaf->link == nullptr;
    const u32 middle = append ? leaf->count : middle_of(*leaf);
    Node* right = split(leaf, middle, nullptr, nullptr);
    if (at < middle || (at == middle && !append)) {
      insert_entry(*leaf, at, place, key);
    } else {
      insert_entry(*right, at - middle, place, key);
    }
    u8 separator[kMaxKey];
    const u32 length = separate(leaf->key(leaf->count - 1u), right->key(0), separator);
    insert_above(path, path.depth - 1, {separator, length}, right);
  }
  keys_.add(1);
  key_bytes_.add(key.length);
  return true;
}

// ---- Loading ------------------------------------------------------------------------------------------------------

Node* Tree::begin_leaf() {
  Node* leaf = static_cast<Node*>(take_spare(0));
  init_node(leaf, 0);
  return leaf;
}

bool Tree::add_last(Node& leaf, Key key, Place place) {
  if (!has_room(leaf, key.length)) return false;
  if (leaf.count != 0 && compare(leaf.key(leaf.count - 1u), key) >= 0) return false;
  insert_entry(leaf, leaf.count, place, key);
  return true;
}

bool Tree::append_leaf(Node& leaf) {
  if (leaf.count == 0) return false;
  if (root_ == nullptr) {
    root_ = &leaf;
    depth_ = 1;
  } else {
    const Key first = leaf.key(0);
    Path path;
    Node* before = descend(first, &path);
    if (before->link != nullptr || compare(before->key(before->count - 1u), first) >= 0) return false;
    before->link = &leaf;
    u8 separator[kMaxKey];
    const u32 length = separate(before->key(before->count - 1u), first, separator);
    insert_above(path, path.depth - 1, {separator, length}, &leaf);
  }
  pages_.add(1);
  keys_.add(leaf.count);
  for (u32 i = 0; i < leaf.count; i++) key_bytes_.add(leaf.key(i).length);
  return true;
}

// ---- Removal -------------------------------------------------------------------------------------------------------

// Moves all of the right one of two neighbours to the left one, if that leaves some room there.
bool Tree::merge(Node* parent, int left_slot) {
  const u32 right_slot = static_cast<u32>(left_slot + 1);
  Node* left = child(*parent, left_slot);
  Node* right = child(*parent, left_slot + 1);
  const Key separator = parent->key(right_slot);
  const u32 bytes = left->live + right->live + (left->level != 0 ? Node::kFixed + separator.length : 0);
  const u32 most = left->count == 0 || right->count == 0 ? Node::kRoom : Node::kRoom / 8 * 7;
  if (bytes > most) return false;
  if (left->level != 0) {
    insert_entry(*left, left->count, right->link, separator);
  } else {
    left->link = right->link;
  }
  for (u32 i = 0; i < right->count; i++) insert_raw(*left, left->count, right->entry(i) + 1, right->key(i));
  remove_entry(*parent, right_slot);
  drop_node(right);
  return true;
}

void Tree::rebalance(Path& path, u32 level) {
  for (; level != 0; level--) {
    if (path.node[level]->live >= Node::kRoom / 2) return;
    Node* parent = path.node[level - 1];
    const int slot = path.slot[level - 1];
    const bool merged = (slot >= 0 && merge(parent, slot - 1)) || (slot + 1 < parent->count && merge(parent, slot));
    if (!merged) return;
  }
  if (root_->level != 0 && root_->count == 0) {
    Node* old = root_;
    root_ = old->link;
    depth_--;
    drop_node(old);
  }
}

bool Tree::remove(Key key, Place* old) {
  Path path;
  Node* leaf = descend(key, &path);
  if (leaf == nullptr) return false;
  const u32 at = lower_bound(*leaf, key);
  if (at == leaf->count || compare(leaf->key(at), key) != 0) return false;
  *old = leaf->value(at);
  keys_.set(keys_.get() - 1);
  key_bytes_.set(key_bytes_.get() - key.length);
  remove_entry(*leaf, at);
  rebalance(path, path.depth - 1);
  return true;
}

// ---- Checking ------------------------------------------------------------------------------------------------------

const char* Tree::check(const Node* node, u32 level, Key low, Key high, u64* keys) const {
  if (node->level != level) return "a node is at the wrong level";
  u32 bytes = 0;
  for (u32 i = 0; i < node->count; i++) {
    bytes += node->entry_bytes(i) + 2;
    if (node->slots()[i] < node->heap) return "an entry lies below the heap";
    if (compare(node->key(i), low) < 0) return "a key is below its separator";
    if (high.length != 0 && compare(node->key(i), high) >= 0) return "a key is above the next separator";
    if (i != 0 && compare(node->key(i - 1), node->key(i)) >= 0) return "keys are out of order";
  }
  if (bytes != node->live || node->heap != kPageSize - (bytes - 2u * node->count)) return "a node has lost bytes";
  if (level == 0) {
    *keys += node->count;
    return "";
  }
  for (int slot = -1; slot < node->count; slot++) {
    const Key from = slot < 0 ? low : node->key(static_cast<u32>(slot));
    const Key to = slot + 1 < node->count ? node->key(static_cast<u32>(slot + 1)) : high;
    const char* wrong = check(child(*node, slot), level - 1, from, to, keys);
    if (wrong[0] != '\0') return wrong;
  }
  return "";
}

const char* Tree::inconsistency() const {
  if (root_ == nullptr) return keys_.get() == 0 ? "" : "keys without a root";
  u64 keys = 0;
  const u8 none = 0;
  const char* wrong = check(root_, depth_ - 1, {&none, 0}, {&none, 0}, &keys);
  if (wrong[0] != '\0') return wrong;
  return keys == keys_.get() ? "" : "keys are counted wrongly";
}

}  // namespace nvmev::kv
