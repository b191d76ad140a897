#include <yoso/catalogue.hpp>

#include "walk.hpp"

namespace conformance {

yoso::Methods methods() { return yoso::catalogue(); }
yoso::Device* device() { return nullptr; }

}  // namespace conformance
