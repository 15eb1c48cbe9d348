#include "corpus/byte_source.h"

#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace dwubit {
namespace {

class PlainSource : public ByteSource {
public:
    explicit PlainSource(std::span<const std::byte> bytes) : rest_(bytes) {}
    Result<std::size_t> read(std::span<char> buffer) override {
        const std::size_t count = std::min(buffer.size(), rest_.size());
        if (count > 0) std::memcpy(buffer.data(), rest_.data(), count);
        rest_ = rest_.subspan(count);
        return count;
    }

private:
    std::span<const std::byte> rest_;
};

// zlib counts in 32 bits.
uInt zlib_size(std::size_t size) {
    return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

// One or more gzip members in a row, as gzip and pigz write them.
class GzipSource : public ByteSource {
public:
    explicit GzipSource(std::span<const std::byte> bytes) : rest_(bytes) {}
    ~GzipSource() override { inflateEnd(&stream_); }
    GzipSource(const GzipSource&) = delete;
    GzipSource& operator=(const GzipSource&) = delete;

    bool start() {
        constexpr int kGzipWithLargestWindow = 16 + MAX_WBITS;
        return inflateInit2(&stream_, kGzipWithLargestWindow) == Z_OK;
    }

    Result<std::size_t> read(std::span<char> buffer) override {
        while (true) {
            if (member_ended_) {
                if (rest_.empty()) return std::size_t{0};
                if (inflateReset(&stream_) != Z_OK) return make_error(ErrorKind::kInternal, "zlib cannot be reset");
                member_ended_ = false;
            }
            const uInt offered = zlib_size(rest_.size());
            const uInt room = zlib_size(buffer.size());
            stream_.next_in = reinterpret_cast<const Bytef*>(rest_.data());
            stream_.avail_in = offered;
            stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
            stream_.avail_out = room;
            const int status = inflate(&stream_, Z_NO_FLUSH);
            rest_ = rest_.subspan(offered - stream_.avail_in);
            member_ended_ = status == Z_STREAM_END;
            if (status == Z_MEM_ERROR) return make_error(ErrorKind::kOutOfMemory, "no memory to read gzip data");
            const bool stuck = status == Z_BUF_ERROR && rest_.empty();
            if (stuck) return make_error(ErrorKind::kInvalidInput, "the gzip data is cut short");
            if (status != Z_OK && status != Z_STREAM_END) {
                return errorf(ErrorKind::kInvalidInput, "the gzip data is damaged ({})",
                              stream_.msg != nullptr ? stream_.msg : "unknown preset dictionary");
            }
            if (const std::size_t count = room - stream_.avail_out; count > 0) return count;
        }
    }

private:
    std::span<const std::byte> rest_;
    z_stream stream_{};
    bool member_ended_ = false;
};

// One or more Zstandard frames in a row.
class ZstdSource : public ByteSource {
public:
    explicit ZstdSource(std::span<const std::byte> bytes) : rest_(bytes), stream_(ZSTD_createDStream()) {}
    ~ZstdSource() override { ZSTD_freeDStream(stream_); }
    ZstdSource(const ZstdSource&) = delete;
    ZstdSource& operator=(const ZstdSource&) = delete;

    bool start() { return stream_ != nullptr; }

    Result<std::size_t> read(std::span<char> buffer) override {
        while (true) {
            if (frame_ended_ && rest_.empty()) return std::size_t{0};
            ZSTD_inBuffer in{rest_.data(), rest_.size(), 0};
            ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
            const std::size_t status = ZSTD_decompressStream(stream_, &out, &in);
            rest_ = rest_.subspan(in.pos);
            if (ZSTD_isError(status)) {
                return errorf(ErrorKind::kInvalidInput, "the zstd data is damaged ({})", ZSTD_getErrorName(status));
            }
            frame_ended_ = status == 0;
            if (out.pos > 0) return out.pos;
            const bool stuck = in.pos == 0 && !frame_ended_;
            if (stuck) return make_error(ErrorKind::kInvalidInput, "the zstd data is cut short");
        }
    }

private:
    std::span<const std::byte> rest_;
    ZSTD_DStream* stream_;
    bool frame_ended_ = false;
};

template <class Source>
Result<std::unique_ptr<ByteSource>> started(std::span<const std::byte> bytes) {
    auto source = std::make_unique<Source>(bytes);
    if (!source->start()) return make_error(ErrorKind::kOutOfMemory, "no memory to decompress");
    return std::unique_ptr<ByteSource>(std::move(source));
}

}  // namespace

Result<std::unique_ptr<ByteSource>> open_byte_source(std::span<const std::byte> bytes, Compression compression) {
    switch (compression) {
        case Compression::kGzip:
            return started<GzipSource>(bytes);
        case Compression::kZstd:
            return started<ZstdSource>(bytes);
        case Compression::kNone:
            break;
    }
    return std::unique_ptr<ByteSource>(std::make_unique<PlainSource>(bytes));
}

}  // namespace dwubit
