#include "tokenizer/chat_template.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

using nlohmann::ordered_json;

// What Jinja2 makes of chat templates in the manner of Llama 3, Qwen, Mistral and ChatML.
TEST(ChatTemplate, AgreesWithJinja2) {
    const auto text = read_file("tests/golden/template/cases.json");
    ASSERT_TRUE(text.ok());
    const ordered_json file = ordered_json::parse(*text);
    int rendered = 0, refused = 0;
    for (const auto& group : file["groups"]) {
        const auto& variables = group["variables"];
        if (group["mode"] != "chat" || !variables["tools"].is_null() || variables["add_generation_prompt"] != true) {
            continue;
        }
        ChatConfig config;
        config.special_tokens = {{"bos_token", variables["bos_token"]}, {"eos_token", variables["eos_token"]}};
        std::vector<ChatMessage> messages;
        for (const auto& message : variables["messages"]) messages.push_back({message["role"], message["content"]});
        for (const auto& entry : group["cases"]) {
            const auto source = entry["template"].get<std::string>();
            if (source.find("messages") == std::string::npos) continue;
            const auto parsed = ChatTemplate::parse(source, config, "golden");
            const auto ours = parsed.ok() ? parsed->render(messages, 0) : Result<std::string>(parsed.error());
            EXPECT_NE(ours.ok(), entry.contains("fails")) << source;
            if (!ours.ok()) {
                EXPECT_EQ(ours.error().context.back(), "golden");
                ++refused;
                continue;
            }
            EXPECT_EQ(*ours, entry["text"].get<std::string>()) << source;
            ++rendered;
        }
    }
    EXPECT_GE(rendered, 12);
    EXPECT_GE(refused, 1);
}

TEST(ChatTemplate, ChatMl) {
    const auto parsed = ChatTemplate::parse(kChatMl, {}, "chatml");
    ASSERT_TRUE(parsed.ok());
    const std::vector<ChatMessage> messages = {{"system", "a"}, {"user", " ż\n"}};
    EXPECT_EQ(parsed->render(messages, 0).value(),
              "<|im_start|>system\na<|im_end|>\n<|im_start|>user\n ż\n<|im_end|>\n<|im_start|>assistant\n");
}

TEST(ChatTemplate, TellsTheDate) {
    const std::vector<ChatMessage> messages = {{"user", "a"}};
    const auto render = [&](std::string_view text, std::time_t now) {
        return ChatTemplate::parse(text, {}, "t")->render(messages, now);
    };
    constexpr std::time_t kNoon = 951'825'600;  // 29 February 2000, 12:00 UTC
    EXPECT_EQ(render("{{ strftime_now('%Y %b') if strftime_now is defined }}", kNoon).value(), "2000 Feb");
    EXPECT_EQ(render("{{ strftime_now('') }}!", kNoon).value(), "!");
    EXPECT_FALSE(render("{{ strftime_now(7) }}", kNoon).ok());
    EXPECT_FALSE(render("{{ strftime_now('%1000000d') }}", kNoon).ok());
}

class ChatConfigTest : public ::testing::Test {
protected:
    void write(const std::string& name, std::string_view text) const {
        ASSERT_TRUE(write_file_atomically(folder_.path() / name, text).ok());
    }
    Result<ChatConfig> read() const { return read_chat_config(folder_.path()); }

    testing::TempFolder folder_;
};

TEST_F(ChatConfigTest, NoFilesNoTemplate) {
    const auto config = read();
    ASSERT_TRUE(config.ok());
    EXPECT_FALSE(config->chat_template.has_value());
    EXPECT_TRUE(config->special_tokens.empty());
}

TEST_F(ChatConfigTest, TokensAreTextsOrObjects) {
    write("tokenizer_config.json",
          R"({"bos_token": {"content": "<b>", "lstrip": false}, "eos_token": "<e>", "pad_token": null})");
    const auto config = read();
    ASSERT_TRUE(config.ok());
    EXPECT_EQ(config->special_token("bos_token"), "<b>");
    EXPECT_EQ(config->special_token("eos_token"), "<e>");
    EXPECT_EQ(config->special_token("pad_token"), std::nullopt);
    EXPECT_FALSE(config->chat_template.has_value());
}

TEST_F(ChatConfigTest, TheFileOfItsOwnCounts) {
    write("tokenizer_config.json", R"({"chat_template": "in the config"})");
    EXPECT_EQ(read()->chat_template, "in the config");
    write("tokenizer_config.json",
          R"({"chat_template": [{"name": "rag", "template": "r"}, {"name": "default", "template": "d"}]})");
    EXPECT_EQ(read()->chat_template, "d");
    write("chat_template.jinja", "in the file");
    EXPECT_EQ(read()->chat_template, "in the file");
    EXPECT_NE(read()->where.find("chat_template.jinja"), std::string::npos);
}

TEST_F(ChatConfigTest, RefusesWhatIsNoTemplate) {
    for (const char* bad : {"[]", R"({"chat_template": 1})", R"({"chat_template": [1]})", R"({"bos_token": 1})",
                            R"({"chat_template": [{"name": "rag", "template": "r"}]})",
                            R"({"chat_template": [{"name": "default"}]})", R"({"bos_token": {"content": 1}})", "{"}) {
        write("tokenizer_config.json", bad);
        const auto config = read();
        ASSERT_FALSE(config.ok()) << bad;
        EXPECT_NE(config.error().message.find("tokenizer_config.json"), std::string::npos) << bad;
    }
}

}  // namespace
}  // namespace dwubit
