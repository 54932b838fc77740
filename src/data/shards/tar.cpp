// SPDX-License-Identifier: Apache-2.0
#include "data/shards/tar.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <memory>

#include "core/error.h"
#include "core/text.h"

namespace spinfill {
namespace {

constexpr std::size_t kHeaderRead = 4096;  // bytes at once: a header and, usually, the small file after it

// A range of a tar as libarchive reads it: by callbacks that must not throw.
struct Range {
  const PositionalFile& tar;
  std::uint64_t at, end;
  std::string buffer = {}, error = {};

  static la_ssize_t read(struct archive* archive, void* self, const void** bytes) {
    auto& range = *static_cast<Range*>(self);
    try {
      const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(kHeaderRead, range.end - range.at));
      range.buffer = range.tar.read(range.at, length);
      range.at += length;
      *bytes = range.buffer.data();
      return static_cast<la_ssize_t>(length);
    } catch (const std::exception& error) {
      range.error = error.what();
      archive_set_error(archive, EIO, "%s", error.what());
      return ARCHIVE_FATAL;
    }
  }
  static la_int64_t skip(struct archive*, void* self, la_int64_t request) {
    auto& range = *static_cast<Range*>(self);
    const auto length = static_cast<std::uint64_t>(std::max<la_int64_t>(request, 0));
    const std::uint64_t skipped = std::min(length, range.end - range.at);
    range.at += skipped;
    return static_cast<la_int64_t>(skipped);
  }
};

std::string text_or(const char* text, const char* fallback) {
  return text != nullptr ? text : fallback;
}

std::string name_of(struct archive_entry* entry) {
  const char* name = archive_entry_pathname(entry);
  if (name == nullptr) name = archive_entry_pathname_utf8(entry);  // where the locale cannot write the name
  return text_or(name, "");
}

bool leaves_its_folder(const std::string& name) {
  if (name.empty() || name.front() == '/' || name.find('\\') != std::string::npos) return true;
  const fs::path path(name);
  return std::ranges::any_of(path, [](const fs::path& part) { return part == ".."; });
}

// What is no tar by its first bytes, with the command that makes one of it.
void refuse_other_formats(const PositionalFile& tar) {
  struct Format {
    std::string_view start;
    const char *name, *ending, *command;
  };
  constexpr std::array kFormats = {
      Format{"\x1f\x8b", "gzip", "gz", "gunzip"}, Format{"\x28\xb5\x2f\xfd", "zstd", "zst", "unzstd --rm"},
      Format{"\xfd"
             "7zXZ",
             "xz", "xz", "unxz"},
      Format{"BZh", "bzip2", "bz2", "bunzip2"}, Format{"\x04\x22\x4d\x18", "lz4", "lz4", "unlz4 --rm"}};
  const std::string start = tar.read(0, static_cast<std::size_t>(std::min<std::uint64_t>(tar.size(), kTarBlock)));
  if (start.size() == kTarBlock && std::string_view(start).substr(257, 5) == "ustar") return;
  for (const Format& format : kFormats) {
    if (!start.starts_with(format.start)) continue;
    const std::string name = shell_word(tar.path().string()),
                      packed = shell_word(tar.path().string() + "." + format.ending);
    fail("{}: is compressed by {}, which has no random access: mv {} {} && {} {}", tar.path().string(), format.name,
         name, packed, format.command, packed);
  }
  if (start.starts_with("PK\x03\x04"))
    fail("{}: is a zip archive, not a tar: unpack it (unzip {})", tar.path().string(), shell_word(tar.path().string()));
}

bool holds_control(const std::string& name) {
  return std::ranges::any_of(name, is_control);
}

}  // namespace

std::uint64_t walk_tar(const PositionalFile& tar, std::uint64_t begin, std::uint64_t end,
                       const std::function<void(const TarEntry&)>& visit) {
  const std::string where = tar.path().string();
  if (begin == 0) refuse_other_formats(tar);
  Range range{tar, begin, end};
  const std::unique_ptr<struct archive, int (*)(struct archive*)> archive(archive_read_new(), archive_read_free);
  archive_read_support_format_tar(archive.get());
  archive_read_set_callback_data(archive.get(), &range);
  archive_read_set_read_callback(archive.get(), Range::read);
  archive_read_set_skip_callback(archive.get(), Range::skip);
  const auto damaged = [&](const std::string& after) {
    if (!range.error.empty()) throw Error(ExitCode::runtime, range.error);
    fail("{}: damaged {}: {}", where, after, text_or(archive_error_string(archive.get()), "not a tar"));
  };
  std::string place = "at its start";
  if (archive_read_open1(archive.get()) != ARCHIVE_OK) damaged(place);
  std::uint64_t last = begin;
  while (true) {
    struct archive_entry* raw = nullptr;
    const int code = archive_read_next_header(archive.get(), &raw);
    if (code == ARCHIVE_EOF) break;
    TarEntry entry;
    if (raw != nullptr) entry.name = name_of(raw);
    if (code != ARCHIVE_OK && (code != ARCHIVE_WARN || entry.name.empty())) damaged(place);
    place = fmt::format("after entry '{}'", entry.name);
    const auto type = archive_entry_filetype(raw);
    if (leaves_its_folder(entry.name) || holds_control(entry.name)) {
      fail("{}: entry '{}' has an absolute path, '..', '\\' or control characters in its name: {}", where, entry.name,
           repacking(tar.path(), "--transform='s,\\\\,/,g' "));
    }
    const bool link = archive_entry_hardlink(raw) != nullptr || archive_entry_symlink(raw) != nullptr;
    if (link || (type != AE_IFREG && type != AE_IFDIR)) {
      fail("{}: entry '{}' is a link or a device: store the file itself, from where the links lead somewhere: {}",
           where, entry.name, repacking(tar.path(), "", "--dereference --hard-dereference "));
    }
    if (archive_entry_sparse_count(raw) > 0)
      fail("{}: entry '{}' is stored sparse: pack without --sparse: {}", where, entry.name, repacking(tar.path()));
    entry.header = begin + static_cast<std::uint64_t>(archive_read_header_position(archive.get()));
    entry.data = begin + static_cast<std::uint64_t>(archive_filter_bytes(archive.get(), 0));
    entry.size = static_cast<std::uint64_t>(std::max<la_int64_t>(archive_entry_size(raw), 0));
    if (entry.data > end || entry.size > end - entry.data) {
      fail(
          "{}: entry '{}' states {} bytes, but only {} follow: the shard was cut or its header is wrong: copy or make "
          "it again",
          where, entry.name, entry.size, entry.data > end ? 0 : end - entry.data);
    }
    last = entry.end();
    if (type == AE_IFREG) visit(entry);
  }
  return last;
}

std::string shell_word(const std::string& text) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::strchr("/._-+,:@%", c) != nullptr;
  };
  if (!text.empty() && std::ranges::all_of(text, plain)) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string repacking(const fs::path& tar, const std::string& unpack, const std::string& pack) {
  const std::string name = shell_word(tar.string());
  return fmt::format("mkdir unpacked && tar {}-xf {} -C unpacked && tar {}--sort=name -cf {} -C unpacked .", unpack,
                     name, pack, name);
}

std::optional<SampleName> sample_name(const std::string& name) {
  std::string path = name;
  while (path.starts_with("./")) path.erase(0, 2);
  const std::size_t slash = path.rfind('/'), base = slash == std::string::npos ? 0 : slash + 1;
  const std::size_t dot = path.find('.', base);
  if (dot == std::string::npos || dot == base || dot + 1 == path.size()) return std::nullopt;
  SampleName out{path.substr(0, dot), path.substr(dot + 1)};
  std::ranges::transform(out.field, out.field.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

TarWriter::TarWriter(fs::path path) : path_(std::move(path)), archive_(archive_write_new(), archive_write_free) {
  archive_write_set_format_pax_restricted(archive_.get());
  archive_write_set_bytes_per_block(archive_.get(), 1 << 20);
  archive_write_set_bytes_in_last_block(archive_.get(), 1);
  if (archive_write_open_filename(archive_.get(), path_.c_str()) != ARCHIVE_OK) refuse();
}

void TarWriter::add(const std::string& name, std::string_view bytes) {
  const std::unique_ptr<struct archive_entry, void (*)(struct archive_entry*)> entry(archive_entry_new(),
                                                                                     archive_entry_free);
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_mtime(entry.get(), 0, 0);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
  if (archive_write_header(archive_.get(), entry.get()) != ARCHIVE_OK) refuse();
  std::size_t done = 0;
  while (done < bytes.size()) {
    const la_ssize_t put = archive_write_data(archive_.get(), bytes.data() + done, bytes.size() - done);
    if (put <= 0) refuse();
    done += static_cast<std::size_t>(put);
  }
}

void TarWriter::finish() {
  if (archive_write_close(archive_.get()) != ARCHIVE_OK) refuse();
}

void TarWriter::refuse() const {
  fail("{}: cannot be written: {}", path_.string(), text_or(archive_error_string(archive_.get()), "unknown reason"));
}

}  // namespace spinfill
