// parse_json: nlohmann's SAX parser feeds a builder that bounds depth and refuses duplicate keys.
#include "json/json.h"

#include <fmt/format.h>

#include <exception>
#include <iterator>
#include <new>
#include <type_traits>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/text.h"

namespace dwubit {
namespace {

// Input iterator over the text that leaves its position where the builder can read it: SAX events carry none.
class Cursor {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    Cursor(const char* at, const char** shared) : at_(at), shared_(shared) {}
    reference operator*() const { return *at_; }
    Cursor& operator++() {
        *shared_ = ++at_;
        return *this;
    }
    Cursor operator++(int) {
        Cursor before = *this;
        ++*this;
        return before;
    }
    bool operator==(const Cursor& other) const { return at_ == other.at_; }
    bool operator!=(const Cursor& other) const { return at_ != other.at_; }

private:
    const char* at_;
    const char** shared_;
};

// "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..." -> "syntax error ...".
std::string_view reason_of(std::string_view what) {
    if (const auto close = what.find("] "); close != std::string_view::npos) what.remove_prefix(close + 2);
    if (what.starts_with("parse error")) {
        if (const auto colon = what.find(": "); colon != std::string_view::npos) what.remove_prefix(colon + 2);
    }
    return what;
}

// An object in file order looks a key up member by member: so many at most.
constexpr std::size_t kMaxOrderedMembers = 10'000;

// Builds the value, T = Json or OrderedJson. open_ holds the containers from the root to the current one; each is the
// last member or element of its parent, to which nothing is added before it is closed, so the pointers hold.
template <class T>
class Builder : public nlohmann::json_sax<T> {
    using Base = nlohmann::json_sax<T>;

public:
    using number_integer_t = typename Base::number_integer_t;
    using number_unsigned_t = typename Base::number_unsigned_t;
    using number_float_t = typename Base::number_float_t;
    using string_t = typename Base::string_t;
    using binary_t = typename Base::binary_t;

    explicit Builder(std::size_t max_depth) : max_depth_(max_depth) {}

    bool null() override { return place(nullptr) != nullptr; }
    bool boolean(bool value) override { return place(value) != nullptr; }
    bool number_integer(number_integer_t value) override { return place(value) != nullptr; }
    bool number_unsigned(number_unsigned_t value) override { return place(value) != nullptr; }
    bool number_float(number_float_t value, const string_t& text) override {
        // The lexer turns integers that pass 64 bits into doubles, which would change them silently.
        if (text.find_first_of(".eE") == string_t::npos) {
            return fail(fmt::format("integer {} does not fit into 64 bits", printable(text, 40)));
        }
        return place(value) != nullptr;
    }
    bool string(string_t& value) override { return place(std::move(value)) != nullptr; }
    bool binary(binary_t&) override { return fail("binary value"); }

    bool start_object(std::size_t) override { return open(T::object()); }
    bool start_array(std::size_t) override { return open(T::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& value) override {
        auto& members = open_.back()->template get_ref<typename T::object_t&>();
        if (std::is_same_v<T, OrderedJson> && members.size() >= kMaxOrderedMembers) {
            return fail(fmt::format("an object of more than {} members", kMaxOrderedMembers));
        }
        auto [slot, inserted] = members.emplace(std::move(value), nullptr);
        if (!inserted) return fail(fmt::format("duplicate key '{}'", printable(slot->first)));
        member_ = &slot->second;
        return true;
    }

    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
        return fail(printable(reason_of(error.what()), 200));
    }

    T& root() { return root_; }
    const std::string& reason() const { return reason_; }

private:
    template <class V>
    T* place(V&& value) {
        if (open_.empty()) {
            root_ = T(std::forward<V>(value));
            return &root_;
        }
        T& parent = *open_.back();
        if (parent.is_array()) {
            auto& elements = parent.template get_ref<typename T::array_t&>();
            elements.emplace_back(std::forward<V>(value));
            return &elements.back();
        }
        *member_ = T(std::forward<V>(value));
        return member_;
    }

    bool open(T container) {
        if (open_.size() >= max_depth_) return fail(fmt::format("nested deeper than {} levels", max_depth_));
        open_.push_back(place(std::move(container)));
        return true;
    }

    bool close() {
        open_.pop_back();
        return true;
    }

    bool fail(std::string reason) {
        if (reason_.empty()) reason_ = std::move(reason);
        return false;
    }

    std::size_t max_depth_;
    T root_;
    std::vector<T*> open_;
    T* member_ = nullptr;
    std::string reason_;
};

// "line 3, column 14" of the byte before `end`; columns count characters.
std::string position(std::string_view text, std::size_t end) {
    const std::string_view before = text.substr(0, end > 0 ? end - 1 : 0);
    std::size_t line = 1;
    std::size_t column = 1;
    for (const char c : before) {
        if (c == '\n') {
            ++line;
            column = 1;
        } else if ((static_cast<unsigned char>(c) & 0xC0u) != 0x80u) {
            ++column;
        }
    }
    return fmt::format("line {}, column {}", line, column);
}

template <class T>
Result<T> parse(std::string_view text, const JsonLimits& limits) {
    if (text.size() > limits.max_bytes) {
        return errorf(ErrorKind::kInvalidInput, "JSON of {} bytes; at most {} are read", text.size(), limits.max_bytes);
    }
    try {
        const char* at = text.data();
        Builder<T> builder(limits.max_depth);
        const char* end = text.data() + text.size();
        if (T::sax_parse(Cursor(text.data(), &at), Cursor(end, &at), &builder)) return std::move(builder.root());
        const auto read = static_cast<std::size_t>(at - text.data());
        return errorf(ErrorKind::kInvalidInput, "{}: {}", position(text, read), builder.reason());
    } catch (const std::bad_alloc&) {
        return errorf(ErrorKind::kOutOfMemory, "no memory for JSON of {} bytes", text.size());
    } catch (const std::exception& e) {
        return make_error(ErrorKind::kInvalidInput, printable(reason_of(e.what()), 200));
    }
}

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
    return parse<Json>(text, limits);
}

Result<OrderedJson> parse_ordered_json(std::string_view text, const JsonLimits& limits) {
    return parse<OrderedJson>(text, limits);
}

Result<Json> read_json_file(const std::filesystem::path& path, const JsonLimits& limits) {
    DWUBIT_ASSIGN(const std::string text, read_file(path, limits.max_bytes));
    auto json = parse_json(text, limits);
    if (!json.ok()) json.error().message = fmt::format("{}: {}", path.string(), json.error().message);
    return json;
}

std::string dump_json(const Json& value, int indent) {
    return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string dump_json(const OrderedJson& value, int indent) {
    return value.dump(indent, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace dwubit
