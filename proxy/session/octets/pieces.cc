#include "session/octets/pieces.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace postern::session {

void Pieces::borrow(Octets range) {
  if (range.empty()) return;
  if (kept_) return own(range);
  size_ += range.size();
  if (!segments_.empty()) {
    Segment& last = segments_.back();
    if (last.begin != nullptr && last.begin + last.size == range.data()) {
      last.size += range.size();
      return;
    }
  }
  segments_.push_back({range.data(), range.size()});
}

void Pieces::own(Octets octets) {
  if (octets.empty()) return;
  size_ += octets.size();
  owned_.append(octets);
  if (!segments_.empty() && segments_.back().begin == nullptr) {
    segments_.back().size += octets.size();
  } else {
    segments_.push_back({nullptr, octets.size()});
  }
}

Octets Pieces::front() const noexcept {
  if (segments_.empty()) return {};
  const Segment& first = segments_.front();
  if (first.begin != nullptr) return {first.begin, first.size};
  return owned_.front().substr(0, first.size);
}

std::size_t Pieces::gather(iovec* out, std::size_t most) const noexcept {
  std::size_t filled = 0;
  std::size_t owned_at = 0;
  for (const Segment& segment : segments_) {
    if (segment.begin != nullptr) {
      if (filled == most) break;
      out[filled++] = {const_cast<char*>(segment.begin), segment.size};
      continue;
    }
    std::size_t left = segment.size;
    while (left > 0 && filled < most) {
      const Octets run = owned_.run(owned_at).substr(0, left);
      out[filled++] = {const_cast<char*>(run.data()), run.size()};
      owned_at += run.size();
      left -= run.size();
    }
    if (left > 0) break;
  }
  return filled;
}

void Pieces::drop(std::size_t octets) noexcept {
  assert(octets <= size_);
  size_ -= octets;
  dropped_ += octets;
  std::size_t emptied = 0;
  while (octets > 0) {
    Segment& first = segments_[emptied];
    const std::size_t n = std::min(octets, first.size);
    if (first.begin != nullptr) {
      first.begin += n;
    } else {
      owned_.drop(n);
    }
    first.size -= n;
    octets -= n;
    if (first.size == 0) ++emptied;
  }
  if (size_ == 0) {
    clear();
  } else if (emptied > 0) {
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(emptied));
  }
}

void Pieces::keep_all() {
  if (size_ == 0) return std::vector<Segment>().swap(segments_);
  kept_ = true;
  const bool borrowed = std::any_of(segments_.begin(), segments_.end(),
                                    [](const Segment& segment) { return segment.begin != nullptr; });
  if (borrowed) {
    ByteQueue all;
    all.set_secret(owned_.is_secret());
    for (const Segment& segment : segments_) {
      if (segment.begin != nullptr) {
        all.append({segment.begin, segment.size});
        continue;
      }
      for (std::size_t left = segment.size; left > 0;) {
        const Octets run = owned_.front().substr(0, left);
        all.append(run);
        left -= run.size();
        owned_.drop(run.size());
      }
    }
    owned_ = std::move(all);
  }
  segments_.assign(1, {nullptr, size_});
}

void Pieces::clear() noexcept {
  segments_.clear();
  owned_.clear();
  size_ = 0;
  kept_ = false;
}

}  // namespace postern::session
