// The attention weights of any method, read off its outputs: where outputs are linear in the values, the outputs for
// one-hot values are columns of the weight matrix.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include <yoso/instance.hpp>
#include <yoso/report.hpp>

namespace yoso {

// [rows, queries, n_k], for the queries asked for. Costs ceil(n_k / d_v) forward passes. Meaningless for a method that
// normalises its output to unit length.
std::vector<float> weights_of(Instance& instance, const Inputs& in, std::span<const std::int64_t> queries);

// Compares weights with those of exact attention, both [rows, queries, n_k], over the kept queries.
WeightResult compare_weights(const Shape& shape, const Inputs& in, std::span<const std::int64_t> queries,
                             std::span<const float> weights, std::span<const float> exact);

}  // namespace yoso
