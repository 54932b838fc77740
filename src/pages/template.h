// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace spinfill {

// The files of src/pages/templates, which the build puts into the program (cmake/Embed.cmake), by name: plain HTML, CSS
// and JavaScript without any library. A policy in the head of those with scripts forbids everything that is not inside
// the page.
const std::map<std::string_view, std::string_view>& page_templates();

// A template with each @include FILE@ replaced by that file, as it is, and each @NAME@ (capitals) by its value; what
// stands in a value stays as it is. Fails where a file or value is missing or a value has no place.
std::string filled_template(std::string_view name, const std::map<std::string, std::string>& values);

}  // namespace spinfill
