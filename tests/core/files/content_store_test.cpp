// SPDX-License-Identifier: Apache-2.0
#include "core/files/content_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "core/files/files.h"
#include "support/support.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kRoom = 1 << 20;

std::string key_of(std::int64_t number) {
  return ContentKey("test 1").add(number).hex();
}

fs::path file_of(const fs::path& folder, const std::string& key) {
  return folder / key.substr(0, 1) / key.substr(1);
}

// `count` different keys of the same part.
std::vector<std::string> keys_of_one_part(std::size_t count) {
  std::vector<std::string> keys;
  for (std::int64_t i = 0; keys.size() < count; ++i) {
    if (const std::string key = key_of(i); key.front() == '7') keys.push_back(key);
  }
  return keys;
}

TEST(ContentKey, TellsPiecesAndKindsApart) {
  const std::string key = ContentKey("a 1").add("ab").add("c").hex();
  EXPECT_EQ(key.size(), 64u);
  EXPECT_EQ(key, ContentKey("a 1").add("ab").add("c").hex());
  EXPECT_NE(key, ContentKey("a 2").add("ab").add("c").hex());
  EXPECT_NE(key, ContentKey("a 1").add("a").add("bc").hex());
  EXPECT_NE(key, ContentKey("a 1").add("abc").hex());
}

TEST(ContentStore, KeepsBetweenRunsAndFindsByKeyAlone) {
  const test::TemporaryFolder folder;
  {
    ContentStore store(folder / "cache", kRoom, 0);
    EXPECT_EQ(store.find(key_of(1)), std::nullopt);
    EXPECT_TRUE(store.keep(key_of(1), "one"));
    store.keep(key_of(2), "");
    EXPECT_EQ(store.find(key_of(1)), "one");
    EXPECT_EQ(store.found(), 1);
    EXPECT_EQ(store.missed(), 1);
  }
  ContentStore store(folder / "cache", kRoom, 0);
  EXPECT_EQ(store.find(key_of(1)), "one");
  EXPECT_EQ(store.find(key_of(2)), "");
  EXPECT_EQ(store.find(key_of(3)), std::nullopt);
}

TEST(ContentStore, DamagedEntriesAreMadeAgain) {
  const test::TemporaryFolder folder;
  ContentStore store(folder.path(), kRoom, 0);
  const std::string bytes(5000, 'x');
  store.keep(key_of(1), bytes);
  const fs::path file = file_of(folder.path(), key_of(1));
  const std::string whole = read_file(file);
  for (const std::size_t length : {std::size_t{0}, std::size_t{10}, whole.size() - 1}) {
    write_file_atomic(file, whole.substr(0, length));
    EXPECT_EQ(store.find(key_of(1)), std::nullopt) << length;
    EXPECT_FALSE(fs::exists(file));
    store.keep(key_of(1), bytes);
    EXPECT_EQ(store.find(key_of(1)), bytes);
  }
  std::string changed = whole;
  changed[100] = 'y';
  write_file_atomic(file, changed);
  EXPECT_EQ(store.find(key_of(1)), std::nullopt);
  EXPECT_EQ(store.find(key_of(2)), std::nullopt);
  EXPECT_EQ(store.damaged(), 4) << "what was never there is not damaged";
}

TEST(ContentStore, WhatNobodyAskedForMakesRoomAndWhatIsInUseStays) {
  const test::TemporaryFolder folder;
  const std::string bytes(kRoom / 16 / 4 - 100, 'x');  // four fill a part
  const auto keys = keys_of_one_part(6);
  const fs::path photo = file_of(folder.path(), keys[0]).parent_path() / "photo.jpg";
  const auto age = [&](const std::string& key) {
    fs::last_write_time(file_of(folder.path(), key), fs::file_time_type::clock::now() - std::chrono::hours(24 * 9));
  };
  {
    ContentStore store(folder.path(), kRoom, 0);
    for (std::size_t i = 0; i < 5; ++i) store.keep(keys[i], bytes);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(store.find(keys[i])) << i;
    EXPECT_FALSE(store.find(keys[4])) << "full of entries in use";
    EXPECT_FALSE(store.find(keys[5]));
    for (const std::string& key : {keys[0], keys[1], keys[2]}) age(key);
    write_file_atomic(photo, bytes);
    fs::last_write_time(photo, fs::file_time_type::clock::now() - std::chrono::hours(24 * 99));
    EXPECT_TRUE(store.find(keys[2]));  // asked for: in use again
  }
  ContentStore store(folder.path(), kRoom, 0);
  store.keep(keys[5], bytes);
  EXPECT_TRUE(store.find(keys[5]));
  EXPECT_TRUE(store.find(keys[2]));
  EXPECT_TRUE(store.find(keys[3]));
  EXPECT_FALSE(store.find(keys[0]));
  std::uint64_t used = 0;
  for (const auto& file : fs::recursive_directory_iterator(folder.path())) {
    if (file.is_regular_file() && file.path() != photo) used += file.file_size();
  }
  EXPECT_LE(used, kRoom / 16);
  EXPECT_TRUE(fs::exists(photo)) << "no entry: not the store's to remove";
  store.keep(key_of(0), std::string(kRoom / 16 + 1, 'x'));
  EXPECT_FALSE(store.find(key_of(0))) << "larger than a part";
}

TEST(ContentStore, NothingIsKeptOnAFullDiskOrWhereNothingCanBeWritten) {
  const test::TemporaryFolder folder;
  ContentStore full(folder / "full", kRoom, std::uint64_t{1} << 62);
  EXPECT_FALSE(full.keep(key_of(1), "one"));
  EXPECT_EQ(full.find(key_of(1)), std::nullopt);
  ContentStore gone(folder / "gone", kRoom, 0);
  write_file_atomic(folder / "gone" / key_of(1).substr(0, 1), "a file where the part's folder would be");
  EXPECT_FALSE(gone.keep(key_of(1), "one"));
  EXPECT_EQ(gone.find(key_of(1)), std::nullopt);
  write_file_atomic(folder / "file", "");
  test::expect_error(ExitCode::runtime, {"file"}, [&] { ContentStore(folder / "file", kRoom, 0); });
}

TEST(ContentStore, ManyThreadsShareIt) {
  const test::TemporaryFolder folder;
  ContentStore store(folder.path(), kRoom, 0);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (std::int64_t i = 0; i < 100; ++i) {
        const std::string bytes(static_cast<std::size_t>(100 + i), static_cast<char>('a' + i % 26));
        store.keep(key_of(i), bytes);
        if (const auto kept = store.find(key_of(i)); kept && *kept != bytes) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(store.found(), 100);
}

}  // namespace
}  // namespace spinfill
