#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <yoso/errors.hpp>
#include <yoso/report.hpp>

namespace yoso {
namespace {

BadInput cannot(const std::string& path, const char* what) {
  return BadInput(fmt::format("-o {}: cannot {}: {}", path, what, std::strerror(errno)));
}

}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  struct stat info {};
  if (::stat(path_.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
    throw cannot(path_, "replace what is not a regular file");
  }
  temporary_ = fmt::format("{}.{}.tmp", path_, ::getpid());
  file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file_ < 0) throw cannot(path_, "write");
}

OutputFile::~OutputFile() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

void OutputFile::commit(const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t written = ::write(file_, text.data() + at, text.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw cannot(path_, "write");
    at += static_cast<std::size_t>(written);
  }
  if (::fsync(file_) != 0) throw cannot(path_, "write");
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) throw cannot(path_, "replace");
  ::close(file_);
  file_ = -1;
}

}  // namespace yoso
