// SPDX-License-Identifier: Apache-2.0
// Defaults of the sanitizers, in the program and in the tests, so that nobody has to set environment variables.

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier)
// LibTorch's libraries are not instrumented: containers cross the border, and its caches live until the end.
const char* __asan_default_options() {
  return "detect_container_overflow=0:detect_odr_violation=0:abort_on_error=0";
}
const char* __ubsan_default_options() {
  return "halt_on_error=1:print_stacktrace=1";
}
const char* __lsan_default_options() {
  return "print_suppressions=0";
}
const char* __lsan_default_suppressions() {
  return "leak:libtorch_cpu.so\nleak:libc10.so\nleak:libgomp\nleak:libgdal\nleak:libproj\nleak:libembree\nleak:"
         "libtbb\n";
}
// NOLINTEND(bugprone-reserved-identifier)
}
