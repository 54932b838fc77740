// SPDX-License-Identifier: Apache-2.0
#include "core/tensors/safetensors.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/files/descriptor.h"
#include "core/files/files.h"
#include "core/files/json.h"
#include "core/files/sha256.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kMaxHeader = 100'000'000;

struct DtypeName {
  const char* name;
  at::ScalarType type;
};
constexpr DtypeName kDtypes[] = {
    {"F64", at::kDouble}, {"F32", at::kFloat}, {"F16", at::kHalf}, {"BF16", at::kBFloat16}, {"I64", at::kLong},
    {"I32", at::kInt},    {"I16", at::kShort}, {"I8", at::kChar},  {"U8", at::kByte},       {"BOOL", at::kBool},
};

struct Entry {
  std::string name;
  at::ScalarType type;
  std::vector<std::int64_t> shape;
  std::uint64_t begin, end;
};

struct Header {
  std::vector<Entry> entries;  // by offset
  Metadata metadata;
  std::uint64_t data_start = 0;
};

Entry parse_entry(const std::string& name, const Json& json, const std::string& where) {
  const auto refuse = [&](const std::string& why) { fail("{}: tensor '{}': {}", where, name, why); };
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets")) {
    refuse("must have exactly dtype, shape and data_offsets");
  }
  Entry entry;
  entry.name = name;
  const Json &dtype = json["dtype"], &shape = json["shape"], &offsets = json["data_offsets"];
  const auto known = std::find_if(std::begin(kDtypes), std::end(kDtypes), [&](const DtypeName& d) {
    return dtype.is_string() && dtype.get<std::string>() == d.name;
  });
  if (known == std::end(kDtypes)) refuse("unknown dtype " + dtype.dump());
  entry.type = known->type;
  if (!shape.is_array() || shape.size() > 16) refuse("shape must be a list of at most 16 sizes");
  std::uint64_t bytes = c10::elementSize(entry.type);
  for (const Json& size : shape) {
    if (!size.is_number_unsigned() || size.get<std::uint64_t>() > std::uint64_t{1} << 48) refuse("impossible shape");
    entry.shape.push_back(size.get<std::int64_t>());
  }
  std::uint64_t extent = bytes;  // what the strides of an empty tensor multiply up to
  for (std::int64_t size : entry.shape) {
    if (size > 0 && __builtin_mul_overflow(extent, static_cast<std::uint64_t>(size), &extent))
      refuse("impossible shape");
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes)) refuse("impossible shape");
  }
  if (extent >> 62 != 0) refuse("impossible shape");
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    refuse("data_offsets must be two byte counts");
  }
  entry.begin = offsets[0].get<std::uint64_t>();
  entry.end = offsets[1].get<std::uint64_t>();
  if (entry.end < entry.begin || entry.end - entry.begin != bytes) {
    refuse(fmt::format("data_offsets span {} bytes, but dtype and shape need {}",
                       static_cast<std::int64_t>(entry.end - entry.begin), bytes));
  }
  return entry;
}

Header parse_header(const char* data, std::uint64_t size, const std::string& where) {
  if (size < 8) fail("{}: {} bytes are too few for a safetensors file", where, size);
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, data, 8);
  if (header_size > kMaxHeader || header_size > size - 8) {
    fail("{}: not a safetensors file, or cut off (header of {} bytes in a file of {})", where, header_size, size);
  }
  const std::string_view text(data + 8, header_size);
  if (text.empty() || text.front() != '{') fail("{}: safetensors header must begin with '{{'", where);
  const Json json = parse_json(text, where + " header");
  Header header;
  header.data_start = 8 + header_size;
  const std::uint64_t data_size = size - header.data_start;
  for (const auto& [name, value] : json.items()) {
    if (name != "__metadata__") {
      header.entries.push_back(parse_entry(name, value, where));
      continue;
    }
    if (!value.is_object()) fail("{}: __metadata__ must map strings to strings", where);
    for (const auto& [key, item] : value.items()) {
      if (!item.is_string()) fail("{}: __metadata__ must map strings to strings", where);
      header.metadata[key] = item.get<std::string>();
    }
  }
  std::sort(header.entries.begin(), header.entries.end(),
            [](const Entry& a, const Entry& b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  std::uint64_t expected = 0;
  for (const Entry& entry : header.entries) {
    if (entry.begin != expected) {
      fail("{}: tensor '{}' begins at byte {}, but {} is the next free one (hole or overlap)", where, entry.name,
           entry.begin, expected);
    }
    expected = entry.end;
  }
  if (expected != data_size) {
    fail("{}: tensors end at byte {} of the data, but the file has {} (cut off or padded)", where, expected, data_size);
  }
  return header;
}

// A private mapping: pages are shared with the file until written to.
class Mapping {
 public:
  explicit Mapping(const fs::path& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) fail("{}: cannot be opened: {}", path.string(), system_reason());
    struct stat info {};
    if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) fail("{}: is not a regular file", path.string());
    if (info.st_size == 0) return;
    size_ = static_cast<std::size_t>(info.st_size);
    data_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.get(), 0);
    if (data_ == MAP_FAILED) fail("{}: cannot be mapped: {}", path.string(), system_reason());
  }
  ~Mapping() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  char* data() const { return static_cast<char*>(data_); }
  std::size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace

Safetensors read_safetensors(const fs::path& path) {
  auto mapping = std::make_shared<Mapping>(path);
  Header header = parse_header(mapping->data(), mapping->size(), path.string());
  Safetensors result;
  result.metadata = std::move(header.metadata);
  for (const Entry& entry : header.entries) {
    char* data = mapping->data() + header.data_start + entry.begin;
    const auto options = at::TensorOptions().dtype(entry.type);
    const bool aligned = reinterpret_cast<std::uintptr_t>(data) % c10::elementSize(entry.type) == 0;
    at::Tensor tensor;
    if (entry.begin == entry.end) {
      tensor = at::empty(entry.shape, options);
    } else if (aligned) {
      tensor = at::from_blob(
          data, entry.shape, [mapping](void*) {}, options);
    } else {
      tensor = at::empty(entry.shape, options);
      std::memcpy(tensor.data_ptr(), data, entry.end - entry.begin);
    }
    result.tensors[entry.name] = tensor;
  }
  return result;
}

Safetensors parse_safetensors(std::string_view bytes, const std::string& where) {
  Header header = parse_header(bytes.data(), bytes.size(), where);
  Safetensors result;
  result.metadata = std::move(header.metadata);
  for (const Entry& entry : header.entries) {
    at::Tensor tensor = at::empty(entry.shape, at::TensorOptions().dtype(entry.type));
    if (entry.end > entry.begin) {
      std::memcpy(tensor.data_ptr(), bytes.data() + header.data_start + entry.begin, entry.end - entry.begin);
    }
    result.tensors[entry.name] = tensor;
  }
  return result;
}

std::string write_safetensors(const fs::path& path, const TensorMap& tensors, const Metadata& metadata) {
  std::vector<std::pair<std::string, at::Tensor>> ordered;
  for (const auto& [name, tensor] : tensors) {
    if (name == "__metadata__") fail_usage("{}: a tensor cannot be named __metadata__", path.string());
    ordered.emplace_back(name, tensor.detach().to(at::kCPU).contiguous());
  }
  // Large elements first keeps every tensor aligned.
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.second.element_size() > b.second.element_size(); });
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : ordered) {
    const auto dtype = std::find_if(std::begin(kDtypes), std::end(kDtypes),
                                    [&, type = tensor.scalar_type()](const DtypeName& d) { return d.type == type; });
    if (dtype == std::end(kDtypes)) {
      fail("{}: tensor '{}' has a type that safetensors lacks: {}", path.string(), name,
           c10::toString(tensor.scalar_type()));
    }
    header[name] = {
        {"dtype", dtype->name}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, offset + tensor.nbytes()}}};
    offset += tensor.nbytes();
  }
  std::string head = header.dump();
  head.append((8 - head.size() % 8) % 8, ' ');
  const std::uint64_t header_size = head.size();
  head.insert(0, reinterpret_cast<const char*>(&header_size), 8);
  std::vector<std::string_view> pieces = {head};
  Sha256 hash;
  for (const auto& [name, tensor] : ordered)
    pieces.emplace_back(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
  for (const std::string_view piece : pieces) hash.add(piece.data(), piece.size());
  write_file_atomic(path, pieces);
  return hash.hex();
}

}  // namespace spinfill
