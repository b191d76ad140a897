// Xiong et al. 2021, in double precision: the three factors and the iteration as they stand in the paper.
#include "oracle.hpp"

namespace yoso::nystrom {
namespace {

using oracles::Row;
using Matrix = std::vector<Row>;

Matrix product(const Matrix& a, const Matrix& b) {
  const std::size_t width = b.empty() ? 0 : b[0].size();
  Matrix c(a.size(), Row(width));
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t k = 0; k < b.size(); ++k)
      for (std::size_t j = 0; j < width; ++j) c[i][j] += a[i][k] * b[k][j];
  return c;
}

// factor * I - a
Matrix identity_minus(double factor, Matrix a) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (double& e : a[i]) e = -e;
    a[i][i] += factor;
  }
  return a;
}

Matrix softmax_of_products(const Matrix& x, const Matrix& y, double scale) {
  Matrix weights;
  for (const Row& a : x) {
    Row row;
    for (const Row& b : y) row.push_back(oracles::dot(a, b) * scale);
    const double largest = row.empty() ? 0 : *std::max_element(row.begin(), row.end());
    double total = 0;
    for (double& e : row) total += e = std::exp(e - largest);
    for (double& e : row) e /= total;
    weights.push_back(row);
  }
  return weights;
}

// Means of the kept tokens of each of `count` segments; segments without any have none.
template <class Token, class Keeps>
Matrix landmarks_of(std::int64_t n, std::int64_t count, const Token& token, const Keeps& keeps) {
  Matrix means;
  for (std::int64_t l = 0; l < count; ++l) {
    Row sum;
    double kept = 0;
    for (std::int64_t i = l * n / count; i < (l + 1) * n / count; ++i) {
      if (!keeps(i)) continue;
      const Row x = token(i);
      sum.resize(x.size());
      for (std::size_t c = 0; c < x.size(); ++c) sum[c] += x[c];
      ++kept;
    }
    for (double& e : sum) e /= kept;
    if (kept > 0) means.push_back(sum);
  }
  return means;
}

struct Norms {
  double column = 0, row = 0;  // largest sums
};

Norms norms_of(const Matrix& b) {
  Norms norms;
  Row columns(b.empty() ? 0 : b[0].size());
  for (const Row& row : b) {
    double sum = 0;
    for (std::size_t j = 0; j < row.size(); ++j) {
      sum += row[j];
      columns[j] += row[j];
    }
    norms.row = std::max(norms.row, sum);
  }
  for (const double sum : columns) norms.column = std::max(norms.column, sum);
  return norms;
}

Matrix inverse_of(const Matrix& b, const Norms& norms, std::int64_t iterations) {
  Matrix z(b.empty() ? 0 : b[0].size(), Row(b.size()));
  for (std::size_t i = 0; i < b.size(); ++i)
    for (std::size_t j = 0; j < z.size(); ++j) z[j][i] = b[i][j] / (norms.column * norms.row);
  for (std::int64_t step = 0; step < iterations; ++step) {
    const Matrix bz = product(b, z);
    const Matrix inner = identity_minus(7, bz);
    const Matrix middle = identity_minus(15, product(bz, inner));
    z = product(z, identity_minus(13, product(bz, middle)));
    for (Row& row : z)
      for (double& e : row) e /= 4;
  }
  return z;
}

}  // namespace

void oracle(const Problem& problem, std::span<const std::int64_t> queries, double* out) {
  const Shape& shape = problem.shape;
  const std::int64_t n = shape.n_k, count = problem.settings.integer("landmarks");
  const double scale = 1 / std::sqrt(static_cast<double>(shape.d));
  if (count >= n) {
    oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
      const Row q = head.q(i);
      return oracles::softmax_average(problem, head, i,
                                      [&](std::int64_t j) { return oracles::dot(q, head.k(j)) * scale; });
    });
    return;
  }
  struct Parts {
    Matrix k_means, kernel, third;  // third: softmax(q~ K^T) V
    Norms norms;
  };
  std::vector<Parts> all;
  Norms widest;
  for (std::int64_t row = 0; row < shape.rows(); ++row) {
    const oracles::Head head(problem, row);
    const Matrix q_means = landmarks_of(
        n, count, [&](std::int64_t i) { return head.q(i); }, [&](std::int64_t i) { return head.keeps_query(i); });
    Parts parts;
    parts.k_means = landmarks_of(
        n, count, [&](std::int64_t j) { return head.k(j); }, [&](std::int64_t j) { return head.keeps_key(j); });
    parts.kernel = softmax_of_products(q_means, parts.k_means, scale);
    for (const Row& q : q_means)
      parts.third.push_back(oracles::softmax_average(
          problem, head, 0, [&](std::int64_t j) { return oracles::dot(q, head.k(j)) * scale; }));
    parts.norms = norms_of(parts.kernel);
    widest = {std::max(widest.column, parts.norms.column), std::max(widest.row, parts.norms.row)};
    all.push_back(parts);
  }
  const bool tensor = problem.settings.is("pinv_init", "tensor");
  std::vector<Matrix> values;
  for (const Parts& parts : all)
    values.push_back(product(
        inverse_of(parts.kernel, tensor ? widest : parts.norms, problem.settings.integer("iterations")), parts.third));
  oracles::for_each_query(problem, queries, out, [&](const oracles::Head& head, std::int64_t i) {
    const auto row = static_cast<std::size_t>(head.index());
    if (all[row].k_means.empty()) return Row(static_cast<std::size_t>(shape.d_v));
    return product(softmax_of_products({head.q(i)}, all[row].k_means, scale), values[row])[0];
  });
}

}  // namespace yoso::nystrom
