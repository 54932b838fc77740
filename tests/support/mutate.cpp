// SPDX-License-Identifier: Apache-2.0
#include "support/mutate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "core/error.h"

namespace spinfill::test {
namespace {

std::size_t place(Random& random, std::size_t size) {
  return static_cast<std::size_t>(random.integer(static_cast<std::int64_t>(size)));
}

void damage(std::string& bytes, Random& random) {
  if (bytes.empty()) {
    bytes.push_back(static_cast<char>(random.integer(256)));
    return;
  }
  const std::size_t at = place(random, bytes.size());
  const std::size_t length = 1 + place(random, std::min<std::size_t>(bytes.size() - at, 64));
  switch (random.integer(7)) {
    case 0: bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.integer(8))); break;
    case 1: bytes[at] = static_cast<char>(random.integer(256)); break;
    case 2: {  // the integers at which arithmetic goes wrong
      constexpr std::array<std::uint64_t, 8> kEdges = {
          0, 1, 0x7F, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF};
      const std::uint64_t value = kEdges[place(random, kEdges.size())];
      std::memcpy(bytes.data() + at, &value, std::min<std::size_t>(bytes.size() - at, 8));
      break;
    }
    case 3: bytes.resize(at); break;
    case 4: bytes.erase(at, length); break;
    case 5: bytes.insert(place(random, bytes.size()), bytes.substr(at, length)); break;
    case 6: bytes.replace(place(random, bytes.size()), length, bytes.substr(at, length)); break;
  }
}

}  // namespace

std::string mutate(std::string_view bytes, Random& random) {
  std::string result(bytes);
  for (std::int64_t left = 1 + random.integer(4); left > 0; --left) damage(result, random);
  return result;
}

std::int64_t fuzz_iterations() {
  const char* given = std::getenv("SPINFILL_FUZZ_ITERATIONS");
  return given != nullptr ? std::strtoll(given, nullptr, 10) : 300;
}

std::int64_t mutate_and_try(std::string_view valid, const std::function<void(std::string_view)>& function,
                            std::uint64_t seed) {
  std::int64_t refused = 0;
  for (std::int64_t i = 0; i < fuzz_iterations(); ++i) {
    Random random(seed, static_cast<std::uint64_t>(i), Stream::test);
    const std::string input = mutate(valid, random);
    try {
      function(input);
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos) << "iteration " << i;
    } catch (const std::exception& error) {
      ADD_FAILURE() << "iteration " << i << " of seed " << seed
                    << " threw something other than Error: " << error.what();
    }
  }
  return refused;
}

}  // namespace spinfill::test
