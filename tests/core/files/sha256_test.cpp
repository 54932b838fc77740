// SPDX-License-Identifier: Apache-2.0
#include "core/files/sha256.h"

#include <gtest/gtest.h>

#include <string>

#include "core/error.h"
#include "core/files/files.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::TemporaryFolder;

TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  TemporaryFolder folder;
  write_file_atomic(folder / "f", std::string(1000000, 'a'));
  EXPECT_EQ(sha256_file(folder / "f"), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  expect_error(ExitCode::runtime, {"absent"}, [&] { sha256_file(folder / "absent"); });
}

}  // namespace
}  // namespace spinfill
