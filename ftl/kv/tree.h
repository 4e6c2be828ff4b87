// SPDX-License-Identifier: GPL-2.0-only
// The index of a key-value store: a B+-tree of 4 KiB pages that come from the host one by one.
#pragma once

#include "nvmev/counter.h"
#include "nvmev/host.h"
#include "nvmev/key_value.h"
#include "nvmev/types.h"

namespace nvmev::kv {

inline constexpr u32 kNone = ~0u;

// Where a value lies.
struct Place {
  u32 first;   // unit of the space, kNone for an empty value
  u32 length;  // bytes
};

// A page of the tree. Slots grow behind the header, entries from the page's end towards them. An entry is the key's length (1 byte),
// a Place in leaves or a child in inner nodes (8 bytes), and the key. Slots are in the order of the keys.
struct Node {
  u16 count;
  u16 heap;   // offset of the lowest entry
  u16 live;   // bytes of slots and entries
  u8 level;   // 0: leaf
  bool cached;  // with a flash-resident index: in the controller's memory (index_cache.h)
  bool dirty;
  u32 place;   // with a flash-resident index: first unit of a leaf
  Node* link;  // leaves: the next one; inner nodes: the child before the first key
  Node* older;
  Node* younger;

  static constexpr u32 kHeader = 40;
  static constexpr u32 kRoom = kPageSize - kHeader;
  static constexpr u32 kFixed = 1 + 8 + 2;  // bytes of an entry and its slot besides the key

  u16* slots() { return reinterpret_cast<u16*>(reinterpret_cast<u8*>(this) + kHeader); }
  const u16* slots() const { return reinterpret_cast<const u16*>(reinterpret_cast<const u8*>(this) + kHeader); }
  u8* entry(u32 i) { return reinterpret_cast<u8*>(this) + slots()[i]; }
  const u8* entry(u32 i) const { return reinterpret_cast<const u8*>(this) + slots()[i]; }
  Key key(u32 i) const { return {entry(i) + 9, entry(i)[0]}; }
  u32 entry_bytes(u32 i) const { return 9u + entry(i)[0]; }
  // Of a leaf.
  Place value(u32 i) const {
    Place at;
    __builtin_memcpy(&at, entry(i) + 1, sizeof(at));
    return at;
  }
};
static_assert(sizeof(Node) <= Node::kHeader + 8);
static_assert(offsetof(Node, younger) + sizeof(Node*) == Node::kHeader);

// Who is told of leaves that come and go.
class LeafObserver {
 public:
  // False: there is no room for it, and the operation fails before anything is changed.
  virtual bool leaves_wanted(u32 count) = 0;
  virtual void leaf_added(Node& leaf) = 0;
  virtual void leaf_removed(Node& leaf) = 0;

 protected:
  ~LeafObserver() = default;
};

// Keys are ordered as bytes; one that is another's beginning comes first. Of one thread at a time.
class Tree {
 public:
  Tree() = default;
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree();

  // Before any other function: where memory comes from, and who is told of leaves. Both outlive the tree.
  void attach(nvmev_host* host, LeafObserver* observer) {
    host_ = host;
    observer_ = observer;
  }

  // False if the key is not there.
  bool find(Key key, Place* place) const;

  // The leaf that has the key, or would have it; nullptr when the tree is empty.
  Node* leaf_of(Key key) const;

  // Pages that an insertion may need. They must be put in before: reserve.
  u32 pages_needed() const { return depth_ + 2; }
  u32 pages_spare() const { return spare_count_; }
  void add_spare(void* page);
  // Takes a spare page out for the caller to free; nullptr when there are no more than `keep`.
  void* take_spare(u32 keep);

  // Adds a key, or gives it another place: *replaced then tells whether, and *old the place that it had. False: the observer has no
  // room, nothing has changed.
  bool put(Key key, Place place, bool* replaced, Place* old);

  // False if the key is not there.
  bool remove(Key key, Place* old);

  // Keys in order, from `from` on (`after`: behind it), until with(key) returns false.
  template <typename Function>
  void walk(Key from, bool after, Function with) const {
    u32 index = 0;
    const Node* leaf = seek(from, after, &index);
    for (; leaf != nullptr; leaf = leaf->link, index = 0) {
      for (; index < leaf->count; index++) {
        if (!with(leaf->key(index))) return;
      }
    }
  }

  // Leaves in order, until with(leaf) returns false.
  template <typename Function>
  void for_each_leaf(Function with) const {
    u32 index;
    for (Node* leaf = seek({nullptr, 0}, false, &index); leaf != nullptr; leaf = leaf->link) {
      if (!with(*leaf)) return;
    }
  }

  // Loading a state: a leaf that is part of no tree yet, of one of the spare pages. Its keys are added in order (false: it is not above
  // the last one, or there is no room for it), then it becomes the last leaf of the tree (false: its keys are not above all others, or
  // there are none; it is the caller's then, for add_spare()). The observer is not told. A spare page for each of pages_needed() is used
  // at most.
  Node* begin_leaf();
  bool add_last(Node& leaf, Key key, Place place);
  bool append_leaf(Node& leaf);

  // Forgets everything. The pages become spare ones, some at each call of reclaim().
  void clear();
  // Returns whether there is more to do.
  bool reclaim(u32 pages);

  u64 keys() const { return keys_.get(); }
  u64 key_bytes() const { return key_bytes_.get(); }
  u64 pages() const { return pages_.get(); }
  u32 depth() const { return depth_; }

  // Empty, or what is wrong. Takes long; for tests.
  const char* inconsistency() const;

 private:
  static constexpr u32 kMaxDepth = 16;

  // The way from the root to a leaf: nodes and, in inner ones, the slot of the child taken, -1 for the one before the first.
  struct Path {
    Node* node[kMaxDepth];
    int slot[kMaxDepth];
    u32 depth = 0;
  };

  Node* seek(Key from, bool after, u32* index) const;
  Node* descend(Key key, Path* path) const;
  Node* make_node(u8 level);
  void drop_node(Node* node);
  Node* split(Node* node, u32 at, u8* separator, u32* separator_length);
  void insert_above(Path& path, u32 level, Key separator, Node* right);
  void rebalance(Path& path, u32 level);
  bool merge(Node* parent, int left_slot);
  const char* check(const Node* node, u32 level, Key low, Key high, u64* keys) const;

  nvmev_host* host_ = nullptr;
  LeafObserver* observer_ = nullptr;
  Node* root_ = nullptr;
  Node* spare_ = nullptr;    // unused pages, by link
  Node* cleared_ = nullptr;  // nodes to be reclaimed, by older
  u32 spare_count_ = 0;
  u32 depth_ = 0;  // levels
  Counter keys_, key_bytes_, pages_;  // pages: of the tree, spare ones not counted
};

int compare(Key a, Key b);

}  // namespace nvmev::kv
