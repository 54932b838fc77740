// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace spinfill {

// At the start: takes closed standard descriptors, so that no file opened later gets their number and what is printed.
void open_standard_output();

// At the end: `code`, if everything that was printed was taken. Else an error (exit 3): nobody has the results. A saved
// run (exit 75) stays one.
int close_standard_output(int code);

// Whether something that was printed was not taken.
bool standard_output_failed();

}  // namespace spinfill
