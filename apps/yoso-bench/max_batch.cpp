#include "max_batch.hpp"

#include <algorithm>

namespace yoso::app {
namespace {

// Peak of the member at a batch; nothing when such a batch is no shape (too many elements).
std::optional<std::size_t> peak(const Group& g, std::int64_t batch) {
  Shape shape = g.shape;
  shape.batch = batch;
  try {
    return Instance::predict(*g.members[0].method, shape, g.members[0].settings, g.context).total();
  } catch (const BadSetting&) {
    return std::nullopt;
  }
}

MaxBatch search(const Group& g, std::size_t budget) {
  const auto fits = [&](std::int64_t batch) {
    const auto bytes = peak(g, batch);
    return bytes && *bytes <= budget;
  };
  MaxBatch found;
  std::int64_t too_many = 1;  // doubled until it does not fit, then bisected to the instance
  while (too_many <= kLargestBatch && fits(too_many)) {
    found.batch = too_many;
    too_many *= 2;
  }
  while (found.batch > 0 && found.batch < kLargestBatch && too_many - found.batch > 1) {
    const std::int64_t middle = found.batch + (too_many - found.batch) / 2;
    (fits(middle) ? found.batch : too_many) = middle;
  }
  found.next = peak(g, found.batch + 1);
  // the mean slope from here on: peaks are a line in the batch once no thread idles and no window of rows is half empty
  const std::int64_t from = std::max<std::int64_t>(1, found.batch), to = 2 * from;
  const auto low = peak(g, from), high = peak(g, to);
  if (low && high) {
    found.per_instance = (static_cast<double>(*high) - static_cast<double>(*low)) / static_cast<double>(to - from);
    found.fixed = std::max(0.0, static_cast<double>(*low) - *found.per_instance * static_cast<double>(from));
  }
  return found;
}

}  // namespace

std::vector<Searched> search_batches(const Options& o, const std::vector<Group>& groups) {
  std::vector<Searched> all;
  for (const Group& g : groups)
    for (const Member& m : g.members) {
      Searched s{g, {}};
      s.group.members = {m};
      try {
        s.found = search(s.group, o.batch_budget);
      } catch (const Unsupported&) {  // weigh_group says so
      }
      s.group.shape.batch = std::max<std::int64_t>(1, s.found.batch);
      all.push_back(std::move(s));
    }
  return all;
}

}  // namespace yoso::app
