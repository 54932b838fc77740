// SPDX-License-Identifier: Apache-2.0
#pragma once

// A layer under the C library's file calls (a shared library: linked to, or named in LD_PRELOAD) that makes chosen ones
// go wrong. It counts the calls that change something at or below a path that holds `needle`: open for writing, write,
// fsync, rename, mkdir, unlink, rmdir.
//
// LD_PRELOAD programs take SPINFILL_FAULTS="KIND:FIRST:LAST:NEEDLE".
extern "C" {
// From call `first` to call `last` (from 1), each of them: "kill" ends the process before it, "torn" writes half and
// then ends it, "full" fails it with ENOSPC, "slow" waits half a second before it. "" only counts.
void spinfill_faults_arm(const char* kind, long first, long last, const char* needle);
long spinfill_faults_count();
}
