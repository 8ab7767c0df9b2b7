// A question to a model by a client of JavaScript: node chat.mjs CLIENT [AUTO_CACHE]
const [client, flag] = process.argv.slice(2);
const messages = [{ role: "user", content: "Say hello." }];
const model = "anthropic/claude-sonnet-4-5";

const clients = {
  async openai() {
    const { default: OpenAI } = await import("openai");
    const body = { model, messages };
    if (flag) body.requesty = { auto_cache: flag === "true" };
    const completion = await new OpenAI().chat.completions.create(body);
    return completion.choices[0].message.content;
  },
  async stream() {
    const { default: OpenAI } = await import("openai");
    const stream = await new OpenAI().chat.completions.create({ model, messages, stream: true });
    let said = "";
    for await (const chunk of stream) said += chunk.choices[0]?.delta?.content ?? "";
    return said;
  },
  async anthropic() {
    const { default: Anthropic } = await import("@anthropic-ai/sdk");
    const message = await new Anthropic().messages.create({ model, messages, max_tokens: 99 });
    return message.content[0].text;
  },
  async ai() {
    const { createOpenAI } = await import("@ai-sdk/openai");
    const { generateText } = await import("ai");
    const provider = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL });
    const { text } = await generateText({ model: provider.chat(model), prompt: "Say hello." });
    return text;
  },
  async fetch() {
    const response = await fetch(`${process.env.OPENAI_BASE_URL}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, messages }),
    });
    return (await response.json()).choices[0].message.content;
  },
};

console.log(await clients[client]());
