#include <yoso/families.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include <yoso/errors.hpp>
#include <yoso/knobs.hpp>
#include <yoso/random.hpp>

namespace yoso {
namespace {

constexpr std::int64_t kTokensPerCentroid = 32;

// One (batch, head): what a family fills, and the random numbers it fills it from.
struct Row {
  const Shape& shape;
  std::uint64_t seed, index;
  std::span<float> q, k, v;

  Random random(std::string_view what) const { return {seed, stream_of(what, index)}; }
  std::span<float> query(std::int64_t i) const { return token(q, i, shape.d); }
  std::span<float> key(std::int64_t j) const { return token(k, j, shape.d); }

  static std::span<float> token(std::span<float> values, std::int64_t i, std::int64_t width) {
    return values.subspan(static_cast<std::size_t>(i * width), static_cast<std::size_t>(width));
  }
};

// Fills q, k and v with the normals that every family starts from, then lets `change` at them.
template <class Change>
void each_row(Capture& out, std::uint64_t seed, const Change& change) {
  const Shape& s = out.shape;
  const auto part = [](std::vector<float>& all, std::int64_t row, std::int64_t n, std::int64_t width) {
    return std::span(all).subspan(static_cast<std::size_t>(row * n * width), static_cast<std::size_t>(n * width));
  };
  for (std::int64_t r = 0; r < s.rows(); ++r) {
    const Row row{s,
                  seed,
                  static_cast<std::uint64_t>(r),
                  part(out.q, r, s.n_q, s.d),
                  part(out.k, r, s.n_k, s.d),
                  part(out.v, r, s.n_k, s.d_v)};
    row.random("inputs.q").normal(row.q);
    row.random("inputs.k").normal(row.k);
    row.random("inputs.v").normal(row.v);
    change(row);
  }
}

void set_length(std::span<float> x, double length) {
  double square = 0;
  for (const float e : x) square += static_cast<double>(e) * static_cast<double>(e);
  const double factor = length / std::sqrt(square);  // a vector of normals is never zero
  for (float& e : x) e = static_cast<float>(e * factor);
}

template <class Change>
void each_token(const Row& row, const Change& change) {
  for (std::int64_t i = 0; i < row.shape.n_q; ++i) change(row.query(i));
  for (std::int64_t j = 0; j < row.shape.n_k; ++j) change(row.key(j));
}

void gaussian(Capture& out, std::uint64_t seed, double) {
  each_row(out, seed, [](const Row&) {});
}

void unit(Capture& out, std::uint64_t seed, double) {
  each_row(out, seed, [](const Row& row) { each_token(row, [](std::span<float> x) { set_length(x, 1); }); });
}

void clustered(Capture& out, std::uint64_t seed, double noise) {
  each_row(out, seed, [&](const Row& row) {
    const std::int64_t d = row.shape.d, count = std::max<std::int64_t>(1, row.shape.n_k / kTokensPerCentroid);
    std::vector<float> centroids(static_cast<std::size_t>(count * d));
    row.random("inputs.centroids").normal(centroids);
    const auto around = [&](std::span<float> tokens, std::int64_t n, const Random& which) {
      for (std::int64_t i = 0; i < n; ++i) {
        const std::uint64_t c = which.below(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(count));
        const std::span<float> centroid = Row::token(centroids, static_cast<std::int64_t>(c), d);
        const std::span<float> x = Row::token(tokens, i, d);
        for (std::size_t e = 0; e < x.size(); ++e) x[e] = static_cast<float>(centroid[e] + noise * x[e]);
      }
    };
    around(row.q, row.shape.n_q, row.random("inputs.q_centroid"));
    around(row.k, row.shape.n_k, row.random("inputs.k_centroid"));
  });
}

void low_rank(Capture& out, std::uint64_t seed, double rank) {
  each_row(out, seed, [&](const Row& row) {
    const std::size_t d = static_cast<std::size_t>(row.shape.d), r = std::min(d, static_cast<std::size_t>(rank));
    std::vector<float> basis(d * r);  // W, [d, r]
    row.random("inputs.basis").normal(basis, 1 / std::sqrt(static_cast<double>(r)));
    std::vector<float> inner(r);
    each_token(row, [&](std::span<float> x) {
      std::copy_n(x.begin(), r, inner.begin());
      for (std::size_t e = 0; e < d; ++e) {
        double sum = 0;
        for (std::size_t c = 0; c < r; ++c) sum += static_cast<double>(basis[e * r + c]) * inner[c];
        x[e] = static_cast<float>(sum);
      }
    });
  });
}

void heavy_tailed(Capture& out, std::uint64_t seed, double sigma) {
  each_row(out, seed, [&](const Row& row) {
    const auto stretch = [&](std::span<float> tokens, std::int64_t n, const Random& random) {
      std::vector<float> logs(static_cast<std::size_t>(n));
      random.normal(logs, sigma);
      for (std::int64_t i = 0; i < n; ++i)
        set_length(Row::token(tokens, i, row.shape.d),
                   std::sqrt(static_cast<double>(row.shape.d)) *
                       std::exp(static_cast<double>(logs[static_cast<std::size_t>(i)])));
    };
    stretch(row.q, row.shape.n_q, row.random("inputs.q_length"));
    stretch(row.k, row.shape.n_k, row.random("inputs.k_length"));
  });
}

void duplicates(Capture& out, std::uint64_t seed, double copies) {
  each_row(out, seed, [&](const Row& row) {
    const std::int64_t times = static_cast<std::int64_t>(copies), distinct = (row.shape.n_k + times - 1) / times;
    for (std::int64_t j = distinct; j < row.shape.n_k; ++j)
      std::ranges::copy(row.key(j % distinct), row.key(j).begin());
  });
}

// With |k| = sqrt(d), q = L k / |k| has the logit L for its own key and L cos(angle) for any other.
void needle(Capture& out, std::uint64_t seed, double logit) {
  each_row(out, seed, [&](const Row& row) {
    const double length = std::sqrt(static_cast<double>(row.shape.d));
    for (std::int64_t j = 0; j < row.shape.n_k; ++j) set_length(row.key(j), length);
    const Random which = row.random("inputs.needle");
    for (std::int64_t i = 0; i < row.shape.n_q; ++i) {
      const std::uint64_t j = which.below(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(row.shape.n_k));
      std::ranges::transform(row.key(static_cast<std::int64_t>(j)), row.query(i).begin(),
                             [&](float e) { return static_cast<float>(e * logit / length); });
    }
  });
}

void temperature(Capture& out, std::uint64_t seed, double s) {
  each_row(out, seed, [&](const Row& row) {
    each_token(row, [&](std::span<float> x) {
      for (float& e : x) e = static_cast<float>(e * std::sqrt(s));
    });
  });
}

// What is left of a random key beside its query, turned towards the query.
void angle(Capture& out, std::uint64_t seed, double cosine) {
  each_row(out, seed, [&](const Row& row) {
    const double length = std::sqrt(static_cast<double>(row.shape.d));
    for (std::int64_t i = 0; i < row.shape.n_q; ++i) set_length(row.query(i), length);
    for (std::int64_t j = 0; j < row.shape.n_k; ++j) {
      const std::span<float> q = row.query(j % row.shape.n_q), k = row.key(j);
      double along = 0, beside = 0;
      for (std::size_t e = 0; e < q.size(); ++e) along += static_cast<double>(q[e]) * static_cast<double>(k[e]);
      along /= length * length;
      for (std::size_t e = 0; e < q.size(); ++e) beside += std::pow(k[e] - along * q[e], 2);
      // in one dimension there is nothing beside: the key lies along its query, whatever the cosine
      const double sine = row.shape.d > 1 ? std::sqrt(1 - cosine * cosine) * length / std::sqrt(beside) : 0;
      const double towards = row.shape.d > 1 ? cosine : std::copysign(1.0, cosine);
      for (std::size_t e = 0; e < q.size(); ++e)
        k[e] = static_cast<float>(towards * q[e] + sine * (k[e] - along * q[e]));
    }
  });
}

// The bounds keep every value far below kLargestInput: the largest normal there is is 6.8.
constexpr std::array kFamilies{
    Family{.name = "gaussian", .help = "independent normal q, k and v", .fill = gaussian},
    Family{.name = "unit", .help = "q and k uniform on the unit sphere: nearly uniform attention", .fill = unit},
    Family{.name = "clustered",
           .help = "q and k around n/32 shared centroids, with noise",
           .parameter = "noise",
           .usual = 0.7,
           .lowest = 0,
           .highest = 100,
           .fill = clustered},
    Family{.name = "low-rank",
           .help = "q and k in one random subspace",
           .parameter = "rank",
           .usual = 8,
           .lowest = 1,
           .highest = 65536,
           .whole = true,
           .fill = low_rank},
    Family{.name = "heavy-tailed",
           .help = "lengths of q and k log-normal: a few rows dominate",
           .parameter = "sigma of the log-lengths",
           .usual = 1,
           .lowest = 0,
           .highest = 2,
           .fill = heavy_tailed},
    Family{.name = "duplicates",
           .help = "every key repeated, with values of their own",
           .parameter = "copies of a key",
           .usual = 8,
           .lowest = 1,
           .highest = 65536,
           .whole = true,
           .fill = duplicates},
    Family{.name = "needle",
           .help = "every query points along one random key",
           .parameter = "logit of that key",
           .usual = 16,
           .lowest = 0,
           .highest = 10000,
           .fill = needle},
    Family{.name = "temperature",
           .help = "gaussian with all logits times s",
           .parameter = "s",
           .usual = 4,
           .lowest = 0,
           .highest = 10000,
           .fill = temperature},
    Family{.name = "angle",
           .help = "every key at one angle to a query of its own",
           .parameter = "cosine of that angle",
           .usual = 0,
           .lowest = -1,
           .highest = 1,
           .fill = angle},
};

}  // namespace

std::span<const Family> families() { return kFamilies; }

FamilyChoice parse_family(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const auto family = std::ranges::find(kFamilies, name, &Family::name);
  if (family == kFamilies.end()) {
    std::vector<std::string> known;
    for (const Family& f : kFamilies) known.emplace_back(f.name);
    const std::string close = nearest(name, known);
    throw BadSetting(fmt::format("unknown input family '{}'{}; the families are {}", name,
                                 close.empty() ? "" : fmt::format(" (did you mean {}?)", close),
                                 fmt::join(known, ", ")));
  }
  if (colon == std::string_view::npos) return {&*family, family->usual};
  if (family->parameter.empty())
    throw BadSetting(fmt::format("the input family {} has no parameter, got '{}'", name, text));
  const std::string_view number = text.substr(colon + 1);
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  const bool understood = error == std::errc() && end == number.data() + number.size() && value >= family->lowest &&
                          value <= family->highest && (!family->whole || value == std::floor(value));
  if (!understood)
    throw BadSetting(fmt::format("the {} of the input family {} must be {} in [{}, {}], got '{}'", family->parameter,
                                 name, family->whole ? "an integer" : "a number", family->lowest, family->highest,
                                 number));
  return {&*family, value};
}

Capture make_inputs(std::string_view text, const Shape& shape, std::uint64_t seed) {
  const auto [family, value] = parse_family(text);
  check(shape);
  Capture out;
  out.shape = shape;
  out.q.resize(static_cast<std::size_t>(shape.q_size()));
  out.k.resize(static_cast<std::size_t>(shape.k_size()));
  out.v.resize(static_cast<std::size_t>(shape.v_size()));
  out.name = text;
  out.metadata = {{"source", "synthetic"}, {"family", std::string(family->name)}, {"seed", fmt::format("{}", seed)}};
  if (!family->parameter.empty()) out.metadata["parameter"] = fmt::format("{} = {}", family->parameter, value);
  family->fill(out, seed, value);
  return out;
}

}  // namespace yoso
