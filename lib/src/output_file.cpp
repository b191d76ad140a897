#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>

#include <yoso/errors.hpp>
#include <yoso/report.hpp>

namespace yoso {
namespace {

BadInput cannot(const std::string& path, const char* what) {
  return BadInput(fmt::format("-o {}: cannot {}: {}", path, what, std::strerror(errno)));
}

}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)), target_(path_) {
  // not the process's number alone: two hosts, or two lives of a container, may have the same
  suffix_ = fmt::format("{:08x}{}", std::random_device()(), ::getpid());
  struct stat info {};
  if (::stat(path_.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) {
      errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
      throw cannot(path_, "replace what is not a regular file");
    }
    // a link stays a link: what it points to is replaced
    std::error_code unresolved;
    const auto real = std::filesystem::canonical(path_, unresolved);
    if (!unresolved) target_ = real.string();
  }
  // Only a trial: nothing lies about while measuring, however that ends.
  const int file = create();
  ::close(file);
  ::unlink(temporary().c_str());
}

std::string OutputFile::temporary() const { return fmt::format("{}.{}.tmp", target_, suffix_); }

int OutputFile::create() const {
  const int file = ::open(temporary().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) throw cannot(path_, "write");
  return file;
}

void OutputFile::commit(const std::string& text) const {
  const int file = create();
  try {
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t written = ::write(file, text.data() + at, text.size() - at);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw cannot(path_, "write");
      at += static_cast<std::size_t>(written);
    }
    if (::fsync(file) != 0) throw cannot(path_, "write");
    if (std::rename(temporary().c_str(), target_.c_str()) != 0) throw cannot(path_, "replace");
    sync_folder();
  } catch (...) {
    ::close(file);
    ::unlink(temporary().c_str());
    throw;
  }
  ::close(file);
}

// The new name is to survive a loss of power as well; a file system that cannot do that is no reason to fail.
void OutputFile::sync_folder() const {
  const std::string folder = std::filesystem::path(target_).parent_path().string();
  const int file = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  ::fsync(file);
  ::close(file);
}

}  // namespace yoso
