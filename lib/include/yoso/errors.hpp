// What can go wrong, by whose mistake it is. lib and kernels throw these; only main() prints and picks an exit code.
#pragma once
#include <stdexcept>

namespace yoso {

// A flag, knob, field or shape that cannot be used: exit code 2. The message names it, the allowed range and what was
// given.
class BadSetting : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

// A file that cannot be read, written or understood: exit code 3. The message names the file and the field.
class BadInput : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A method has no such computation (causal, n_q != n_k, backward, ...). Becomes a row with status "unsupported".
class Unsupported : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The point needs more memory than it may have. Becomes a row with status "over_budget".
class OutOfBudget : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A backend is missing or failed: exit code 4 when it was asked for by name.
class DeviceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace yoso
