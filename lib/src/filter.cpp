// No library: Debian's muparser has no static archive, so that the portable program could not hold it, and knows no
// text.
#include <yoso/filter.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include <yoso/errors.hpp>

namespace yoso {
namespace {

struct Node {
  enum class Kind : std::uint8_t { number, name, text, sum, difference, product, quotient } kind;
  double value = 0;
  std::string word;
  std::unique_ptr<Node> left, right;
};
using Tree = std::unique_ptr<Node>;

struct Comparison {
  Tree left, right;
  std::string op;
};

std::optional<double> number_of(std::string_view text) {
  double factor = 1;
  if (text.size() > 1 && (text.back() == 'k' || text.back() == 'm')) {
    factor = text.back() == 'k' ? 1024 : 1024 * 1024;
    text.remove_suffix(1);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value * factor;
}

class Parser {
 public:
  Parser(std::string_view flag, std::string_view text) : flag_(flag), text_(text) {}

  // alternatives of conjunctions
  std::vector<std::vector<Comparison>> parse() {
    std::vector<std::vector<Comparison>> all(1);
    all.back().push_back(comparison());
    while (!done()) {
      if (take("||"))
        all.emplace_back();
      else if (!take("&&"))
        refuse("&& or ||");
      all.back().push_back(comparison());
    }
    return all;
  }
  std::vector<std::string> names;

 private:
  [[noreturn]] void refuse(const char* wanted) {
    skip();
    throw BadSetting(
        fmt::format("{} must be comparisons such as 'hashes<=n/8 && method!=softmax': {} expected at '{}' in '{}'",
                    flag_, wanted, at_ < text_.size() ? text_.substr(at_) : "its end", text_));
  }
  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool done() {
    skip();
    return at_ == text_.size();
  }
  bool take(std::string_view symbol) {
    skip();
    if (!text_.substr(at_).starts_with(symbol)) return false;
    at_ += symbol.size();
    return true;
  }
  Comparison comparison() {
    Comparison c;
    c.left = sum();
    for (const char* op : {"<=", ">=", "==", "!=", "<", ">", "="})
      if (take(op)) {
        c.op = op == std::string_view("=") ? "==" : op;
        const std::size_t before = names.size();
        c.right = sum();
        if ((c.op == "==" || c.op == "!=") && c.right->kind == Node::Kind::name) names.resize(before);
        return c;
      }
    refuse("a comparison");
  }
  static Tree join(Node::Kind kind, Tree left, Tree right) {
    return std::make_unique<Node>(Node{kind, 0, {}, std::move(left), std::move(right)});
  }
  Tree sum() {
    Tree left = product();
    for (;;) {
      if (take("+"))
        left = join(Node::Kind::sum, std::move(left), product());
      else if (take("-"))
        left = join(Node::Kind::difference, std::move(left), product());
      else
        return left;
    }
  }
  Tree product() {
    Tree left = factor();
    for (;;) {
      if (take("*"))
        left = join(Node::Kind::product, std::move(left), factor());
      else if (take("/"))
        left = join(Node::Kind::quotient, std::move(left), factor());
      else
        return left;
    }
  }
  Tree factor() {
    if (take("(")) {
      Tree inner = sum();
      if (!take(")")) refuse(")");
      return inner;
    }
    if (take("-"))
      return join(Node::Kind::difference, std::make_unique<Node>(Node{Node::Kind::number, 0, "0", {}, {}}), factor());
    skip();
    if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
      const std::size_t end = text_.find(text_[at_], at_ + 1);
      if (end == std::string_view::npos) refuse("the end of a quotation");
      auto node =
          std::make_unique<Node>(Node{Node::Kind::text, 0, std::string(text_.substr(at_ + 1, end - at_ - 1)), {}, {}});
      at_ = end + 1;
      return node;
    }
    const std::size_t begin = at_;
    const auto word = [&](char c, bool inside) {
      // a method's name has dashes: one is part of a word where letters stand on both sides
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == ':' || (inside && c == '-');
    };
    while (at_ < text_.size()) {
      const bool inside = at_ > begin && std::isalpha(static_cast<unsigned char>(text_[begin])) &&
                          at_ + 1 < text_.size() && std::isalpha(static_cast<unsigned char>(text_[at_ + 1]));
      if (!word(text_[at_], inside)) break;
      ++at_;
    }
    if (at_ == begin) refuse("a number or a name");
    const std::string text(text_.substr(begin, at_ - begin));
    if (const auto value = number_of(text))
      return std::make_unique<Node>(Node{Node::Kind::number, *value, text, {}, {}});
    if (!std::isalpha(static_cast<unsigned char>(text[0]))) {
      at_ = begin;
      refuse("a number or a name");
    }
    names.push_back(text);
    return std::make_unique<Node>(Node{Node::Kind::name, 0, text, {}, {}});
  }

  std::string_view flag_, text_;
  std::size_t at_ = 0;
};

// Nothing when a name in it has no value.
std::optional<double> evaluate(const Node& n, const Filter::Lookup& lookup) {
  switch (n.kind) {
    case Node::Kind::number:
      return n.value;
    case Node::Kind::text:
      return std::nullopt;
    case Node::Kind::name: {
      const auto text = lookup(n.word);
      return text ? number_of(*text) : std::nullopt;
    }
    default:
      break;
  }
  const auto a = evaluate(*n.left, lookup), b = evaluate(*n.right, lookup);
  if (!a || !b) return std::nullopt;
  switch (n.kind) {
    case Node::Kind::sum:
      return *a + *b;
    case Node::Kind::difference:
      return *a - *b;
    case Node::Kind::product:
      return *a * *b;
    default:
      return *a / *b;
  }
}

bool is_word(const Node& n) {
  return n.kind == Node::Kind::name || n.kind == Node::Kind::text || n.kind == Node::Kind::number;
}

bool compare(const std::string& op, double a, double b) {
  if (op == "<") return a < b;
  if (op == "<=") return a <= b;
  if (op == ">") return a > b;
  if (op == ">=") return a >= b;
  return (a == b) == (op == "==");
}

// Nothing when it speaks of a name that the point does not have.
std::optional<bool> holds(const Comparison& c, const Filter::Lookup& lookup) {
  const auto a = evaluate(*c.left, lookup), b = evaluate(*c.right, lookup);
  if (a && b) return compare(c.op, *a, *b);
  if ((c.op != "==" && c.op != "!=") || !is_word(*c.left) || !is_word(*c.right)) return std::nullopt;
  const auto value = [&](const Node& n) { return n.kind == Node::Kind::name ? lookup(n.word) : std::nullopt; };
  const auto left = value(*c.left), right = value(*c.right);
  if (!left && !right) return std::nullopt;
  return (left.value_or(c.left->word) == right.value_or(c.right->word)) == (c.op == "==");
}

}  // namespace

struct Filter::Body {
  std::vector<std::vector<Comparison>> alternatives;
  std::vector<std::string> names;
};

Filter::Filter(std::string_view flag, std::string_view text) : body_(std::make_unique<Body>()) {
  Parser parser(flag, text);
  body_->alternatives = parser.parse();
  body_->names = parser.names;
}
Filter::~Filter() = default;
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;

bool Filter::operator()(const Lookup& lookup) const {
  bool any_false = false;
  for (const auto& all : body_->alternatives) {
    bool some_true = false, some_false = false;
    for (const Comparison& c : all) {
      const std::optional<bool> held = holds(c, lookup);
      some_true |= held == true;
      some_false |= held == false;
    }
    if (some_true && !some_false) return true;
    any_false |= some_false;
  }
  return !any_false;  // none of it speaks of the point
}

const std::vector<std::string>& Filter::names() const { return body_->names; }

}  // namespace yoso
