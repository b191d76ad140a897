// The resident set of a piece of work, measured in a forked child: a check on what arenas say.
#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace yoso {

struct ResidentGrowth {
  std::optional<std::size_t> bytes;  // peak resident set minus that before the work
  std::string payload;               // what the work returned, sent through a pipe
  std::string failure;               // why there is nothing: the child's message, or how it died
};

// Runs `work` in a child process. Call it before this process opens its first parallel region, or let the work use one
// thread: libgomp's threads do not survive fork. No number under sanitizers (shadow memory) or without /proc.
ResidentGrowth resident_growth(const std::function<std::string()>& work);

}  // namespace yoso
