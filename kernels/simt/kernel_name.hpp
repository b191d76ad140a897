// A kernel's name as people write it.
#pragma once
#include <string>

namespace simt {

// "attend<64, true>" for the mangled name of yoso::softmax::cuda_impl::attend<64, true>(float const*, ...): no
// namespaces, no arguments. What cannot be demangled is returned as it is.
std::string kernel_name(const char* mangled);

}  // namespace simt
