#include "yoso_m/tables.hpp"

#include <algorithm>

namespace yoso::yoso_m {

Slicing::Slicing(const Shape& shape, const Plan& plan, int threads, std::int64_t columns) {
  const auto slice = [&](std::int64_t wide) {
    const std::int64_t fit = tables_in_flight(plan) / (plan.slots() * wide);
    width = wide;
    slices = (columns + wide - 1) / wide;
    group = std::clamp<std::int64_t>(fit, 1, plan.hashes);
  };
  slice(plan.bits <= 10 && columns > kLine ? 2 * kLine : kLine);
  if (shape.rows() * slices < threads) slice(kLine);
}

std::int64_t Slicing::floats(const Shape& shape, const Plan& plan) const {
  return (shape.n_k + shape.n_q + group * plan.slots()) * width;
}

void Tables::to_keys(const Codes& codes, const SliceWork& work) const {
  for_groups(
      codes, work.tables, [&](const std::uint16_t* q, const std::uint16_t* k, std::int64_t group, const auto& empty) {
        const auto insert = [&](std::int64_t from, std::int64_t to) {
          p_.insert(slicing_.width, from, to, q, stride(shape_.n_q), group, plan_.slots(), work.queries, work.tables);
        };
        const auto look_up = [&](std::int64_t from, std::int64_t to) {
          p_.look_up(slicing_.width, from, to, k, stride(shape_.n_k), group, plan_.slots(), work.tables, work.keys);
        };
        empty();
        if (!shape_.causal) {
          insert(0, shape_.n_q);
          return look_up(0, shape_.n_k);
        }
        std::int64_t left = shape_.n_q;  // queries join from the last one on, as keys come that they see
        for (std::int64_t j = shape_.n_k - 1; j >= 0; --j) {
          for (; left > 0 && shape_.visible(left - 1) > j; --left) insert(left - 1, left);
          look_up(j, j + 1);
        }
      });
}

}  // namespace yoso::yoso_m
