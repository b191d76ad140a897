// Conditions on rows and points: "hashes <= n / 8 && method != softmax".
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace yoso {

// Comparisons (== != < <= > >=) of sums, differences, products and quotients of numbers (512, 4k, 0.5) and names,
// joined by && and ||, with parentheses around arithmetic. Where one side is a bare word or 'text in quotes', == and !=
// compare text.
// A comparison with a name that does not belong to the point (softmax has no hashes) says nothing of it: the others
// decide, and where there is none the point is kept.
class Filter {
 public:
  // Throws BadSetting naming `flag`, what was given and where it cannot be read.
  Filter(std::string_view flag, std::string_view text);
  ~Filter();
  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;

  // The text behind a name; nothing when the point has none.
  using Lookup = std::function<std::optional<std::string>(const std::string& name)>;
  bool operator()(const Lookup& lookup) const;
  const std::vector<std::string>& names() const;  // words that must be names: all but a word to the right of == or !=

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace yoso
