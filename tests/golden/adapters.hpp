// How a golden case is put to our methods: which method, which knobs, which inputs, which masks, which draws.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <yoso/shape.hpp>

#include "case.hpp"

namespace golden {

struct Plan {
  std::vector<std::string> methods;  // catalogue names: each of them has to reproduce the case
  yoso::Shape shape;
  std::vector<std::pair<std::string, std::string>> knobs;
  std::vector<float> q, k, v;
  std::vector<std::uint8_t> keep_q, keep_k;           // empty: every token is kept
  std::map<std::string, std::vector<float>> tensors;  // draws and parameters by the names the method declares
  // How the run's q, k and v change with the case's, element by element of the case; empty: they are the same.
  // Gradients are multiplied by it.
  std::vector<float> q_gain, k_gain, v_gain;
  // What padded queries, which are none for us, add to the peer's gradient of v [rows, n, d]; empty: nothing.
  std::vector<float> dv_of_padding;
  bool draws_matter = true;      // false: the computation has no use for the draws, and the case holds none
  bool kept_rows_only = false;   // the peer's padded rows are an accident of its masking: compare the others
  std::int64_t first_token = 0;  // where token 0 of the case is among the tokens of the run
};

// Throws NotOffered for what is understood but not ours, Broken for everything else that cannot be planned. Decides by
// method, variant, parameters and mask alone; what a case is called does not matter.
Plan plan(const Case& c);

}  // namespace golden
