#include "relay/transport.h"

#include <cassert>
#include <cstring>

namespace postern::net {

struct Transport::Between {
  std::array<char, 16 * 1024> in;  // what the lower layer has given out, for the upper one to take
  CipherBuffer out;                // what the upper layer has to send, for the lower one to take
};

void Transport::DeleteBetween::operator()(Between* between) const noexcept { delete between; }

Transport::Between& Transport::between() {
  if (!between_) between_.reset(new Between);
  return *between_;
}

void Transport::put(std::unique_ptr<OctetLayer> layer) noexcept {
  assert(count_ < kLayersMax && !has_input());
  layers_[count_++] = std::move(layer);
}

void Transport::start(CipherBuffer& out) {
  if (count_ == 1) return layers_[0]->start(out);
  layers_[1]->start(between().out);
  pass_down(out);
}

ReadResult Transport::read(char* plain, std::size_t capacity, CipherBuffer& out) {
  if (out.room() < OctetLayer::kReadRoom) flush(out);
  return count_ == 1 ? layers_[0]->read(plain, capacity, out) : read_stacked(plain, capacity, out);
}

// The upper layer is asked first, so that what it was fed is used up before `in` is written anew.
ReadResult Transport::read_stacked(char* plain, std::size_t capacity, CipherBuffer& out) {
  OctetLayer& lower = *layers_[0];
  OctetLayer& upper = *layers_[1];
  Between& way = between();
  for (bool ended = false;;) {
    if (upper.has_input() || ended) {
      const ReadResult result = upper.read(plain, capacity, way.out);
      pass_down(out);
      if (result.status != ReadStatus::WantInput || ended) return result;
    }
    if (out.room() < OctetLayer::kReadRoom) flush(out);
    const ReadResult below = lower.read(way.in.data(), way.in.size(), out);
    switch (below.status) {
      case ReadStatus::Plain:
        upper.feed({way.in.data(), below.octets});
        break;
      case ReadStatus::CloseNotify:
      case ReadStatus::Truncated:
        upper.end_of_file();
        ended = true;
        break;
      case ReadStatus::WantInput:
      case ReadStatus::Handshaken:
      case ReadStatus::Failed:
        return below;
    }
  }
}

// All of it: `out` is sent as often as it is full. What a lower layer that has failed does not take is lost
// with the connection.
void Transport::pass_down(CipherBuffer& out) {
  Octets rest = between().out.octets();
  while (!rest.empty()) {
    const std::size_t taken = layers_[0]->write(rest, out);
    rest.remove_prefix(taken);
    if (taken != 0) continue;
    if (out.empty()) break;
    flush(out);
  }
  between().out.clear();
}

// From above: what the upper layer has not used of `in` it copies, and so nothing is left on the way.
void Transport::keep_layers() {
  for (std::size_t i = count_; i > 0; --i) layers_[i - 1]->keep();
  between_.reset();
}

const OctetLayer& Transport::failed() const noexcept {
  const bool upper = count_ > 1 && layers_[0]->error() == ErrorCode::Ok;
  return *layers_[upper ? 1 : 0];
}

void Transport::cleanse_plaintext(bool on) noexcept {
  for (std::size_t i = 0; i < count_; ++i) layers_[i]->cleanse_plaintext(on);
}

std::size_t Transport::write(Octets plain, CipherBuffer& out) {
  if (count_ == 1) return layers_[0]->write(plain, out);
  const std::size_t taken = layers_[1]->write(plain, between().out);
  pass_down(out);
  return taken;
}

void Transport::close_notify(CipherBuffer& out) {
  if (out.room() < OctetLayer::kReadRoom) flush(out);
  if (count_ > 1) {
    layers_[1]->close_notify(between().out);
    pass_down(out);
    if (out.room() < OctetLayer::kReadRoom) flush(out);
  }
  layers_[0]->close_notify(out);
}

// What try_write() said of octets: how many the kernel took, and none where it is broken.
std::size_t Transport::account(std::ptrdiff_t told) noexcept {
  broken_ = told < 0;
  if (broken_) return 0;
  sent_ += static_cast<std::uint64_t>(told);
  return static_cast<std::size_t>(told);
}

void Transport::flush(CipherBuffer& out) {
  if (out.empty()) return;
  if (broken_) return out.clear();
  const std::size_t offset = account(stream_->try_write(out.octets()));
  if (broken_) return out.clear();
  const Octets rest = out.octets().substr(offset);
  if (rest.size() > kDonatedBytes) {
    sent_ += rest.size();
    stream_->write(out.donate(), offset, rest.size(), false);
  } else {
    queue_rest(rest);
  }
  out.clear();
}

std::size_t Transport::offer(const iovec* ranges, std::size_t count) noexcept {
  return broken_ ? 0 : account(stream_->try_write(ranges, count));
}

void Transport::queue(std::unique_ptr<char[]> memory, std::size_t size, bool secret) {
  sent_ += size;
  stream_->write(std::move(memory), 0, size, secret);
}

void Transport::send(Octets plain, CipherBuffer& out) {
  if (!layered()) {
    if (plain.empty() || broken_) return;
    plain.remove_prefix(account(stream_->try_write(plain)));
    return broken_ ? void() : queue_rest(plain);
  }
  while (!plain.empty() && !broken_) {
    const std::size_t taken = write(plain, out);
    plain.remove_prefix(taken);
    if (taken == 0 && out.empty()) return;
    flush(out);
  }
}

// A copy of what the kernel did not take; nothing of a plaintext that is a secret.
void Transport::queue_rest(Octets octets) {
  if (octets.empty()) return;
  std::unique_ptr<char[]> memory(new char[octets.size()]);
  std::memcpy(memory.get(), octets.data(), octets.size());
  queue(std::move(memory), octets.size(), false);
}

}  // namespace postern::net
