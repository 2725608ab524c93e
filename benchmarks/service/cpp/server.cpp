// NLImageService as C++ would serve it: gRPC's synchronous API, protobuf's generated classes, and a mean filter
// that the compiler vectorises. It rounds down and takes the neighbours that exist, as the contract has it.
// RotateImage is left out: nothing here calls it.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "nl_image_service.grpc.pb.h"

namespace {

// The row functions stay out of line: inlined, gcc forgets __restrict__ and does not vectorise them.
#define ROW_FUNCTION [[gnu::noinline]] void

// sums[i] = the column's sum over the rows that exist above, at and below one.
ROW_FUNCTION sum_rows(const std::uint8_t* __restrict__ above, const std::uint8_t* __restrict__ row,
                      const std::uint8_t* __restrict__ below, std::size_t length,
                      std::uint16_t* __restrict__ sums) {
  if (above && below) {
    for (std::size_t i = 0; i < length; ++i) {
      sums[i] = static_cast<std::uint16_t>(above[i] + row[i] + below[i]);
    }
  } else if (const std::uint8_t* other = above ? above : below) {
    for (std::size_t i = 0; i < length; ++i) {
      sums[i] = static_cast<std::uint16_t>(row[i] + other[i]);
    }
  } else {
    for (std::size_t i = 0; i < length; ++i) {
      sums[i] = row[i];
    }
  }
}

// dst[i] = (the sums of the pixel before, at and after i) / (3 * rows), for the pixels that have both.
// (total * inverse) >> 16 is total / divisor for every total that 3 * rows bytes can have.
ROW_FUNCTION mean_inside(const std::uint16_t* __restrict__ sums, std::size_t length, std::size_t channels,
                         unsigned rows, std::uint8_t* __restrict__ dst) {
  const auto inverse = static_cast<std::uint16_t>(65536 / (3 * rows) + 1);
  for (std::size_t i = channels; i + channels < length; ++i) {
    const auto total = static_cast<std::uint16_t>(sums[i - channels] + sums[i] + sums[i + channels]);
    dst[i] = static_cast<std::uint8_t>((static_cast<std::uint32_t>(total) * inverse) >> 16);
  }
}

// The first and the last pixel of a row, which lack a neighbour or two.
void mean_at_ends(const std::uint16_t* sums, std::size_t width, std::size_t channels, unsigned rows,
                  std::uint8_t* dst) {
  const unsigned count = rows * (width > 1 ? 2 : 1);
  const std::size_t last = (width - 1) * channels;
  for (std::size_t c = 0; c < channels; ++c) {
    const unsigned second = width > 1 ? sums[channels + c] : 0;
    const unsigned last_but_one = width > 1 ? sums[last - channels + c] : 0;
    dst[c] = static_cast<std::uint8_t>((sums[c] + second) / count);
    dst[last + c] = static_cast<std::uint8_t>((sums[last + c] + last_but_one) / count);
  }
}

void mean_3x3(const std::uint8_t* src, std::size_t height, std::size_t width, std::size_t channels,
              std::uint8_t* dst) {
  const std::size_t length = width * channels;
  std::vector<std::uint16_t> sums(length);
  for (std::size_t y = 0; y < height; ++y) {
    const std::uint8_t* row = src + y * length;
    const std::uint8_t* above = y > 0 ? row - length : nullptr;
    const std::uint8_t* below = y + 1 < height ? row + length : nullptr;
    const unsigned rows = 1 + (above ? 1 : 0) + (below ? 1 : 0);
    sum_rows(above, row, below, length, sums.data());
    mean_inside(sums.data(), length, channels, rows, dst + y * length);
    mean_at_ends(sums.data(), width, channels, rows, dst + y * length);
  }
}

class Service final : public NLImageService::Service {
  grpc::Status MeanFilter(grpc::ServerContext*, const NLImage* request, NLImage* response) override {
    const std::size_t channels = request->color() ? 3 : 1;
    if (request->width() < 1 || request->height() < 1) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "width and height: expected at least 1"};
    }
    const auto width = static_cast<std::size_t>(request->width());
    const auto height = static_cast<std::size_t>(request->height());
    const std::string& data = request->data();
    if (data.size() != width * height * channels) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "data: expected width * height * channels bytes"};
    }
    response->set_color(request->color());
    response->set_width(request->width());
    response->set_height(request->height());
    // Straight into the answer, and not over zeros.
    response->mutable_data()->resize_and_overwrite(data.size(), [&](char* dst, std::size_t size) {
      mean_3x3(reinterpret_cast<const std::uint8_t*>(data.data()), height, width, channels,
               reinterpret_cast<std::uint8_t*>(dst));
      return size;
    });
    return grpc::Status::OK;
  }
};

}  // namespace

int main() {
  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(-1);
  builder.SetMaxSendMessageSize(-1);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  if (!server || port == 0) {
    std::cerr << "cannot listen\n";
    return 1;
  }
  std::cout << "cpp-server " << grpc::Version() << " serving on 127.0.0.1:" << port << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {  // until whoever started it is gone
  }
  server->Shutdown();
  return 0;
}
