// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace spinfill {

// XMP packets (ISO 16684-1) in picture files.

// Says that a picture was made by a trained model, from photographs and its own invention: IPTC's Digital Source Type
// `compositeWithTrainedAlgorithmicMedia` (IPTC Photo Metadata Standard 2023.1), which catalogues and search engines
// read.
std::string machine_made_xmp();

// The same PNG, JPEG, WebP, GIF or MP4 with the packet in it (XMP Specification Part 3, §1.1: APP1 of JPEG, iTXt of
// PNG, "XMP " of WebP, an application extension of GIF, a uuid box of MP4), its pixels untouched. The file holds none
// yet; exit 3 where it is of another format.
std::string with_xmp(std::string_view file, std::string_view packet);

// The packet that such a file holds; empty where there is none.
std::string xmp_of(std::string_view file);

}  // namespace spinfill
