// Connects through the proxy in HTTP_PROXY what Node.js sends, in versions that cannot do it by
// themselves: NODE_USE_ENV_PROXY is known from 22.21 and 24.5 on.
"use strict";

const [major, minor] = process.versions.node.split(".").map(Number);
const knows = major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);
if (!knows && process.env.HTTP_PROXY) {
  const http = require("node:http");
  const https = require("node:https");
  const net = require("node:net");
  const tls = require("node:tls");
  const proxy = new URL(process.env.HTTP_PROXY);
  const direct = (process.env.NO_PROXY || "").split(",").filter(Boolean);
  const isDirect = (host) =>
    direct.some((each) => host === each || (each.startsWith(".") && host.endsWith(each)));

  const tunnel = (host, port, done) =>
    http
      .request({
        createConnection: () => net.connect(proxy.port, proxy.hostname),
        method: "CONNECT",
        path: `${host}:${port}`,
      })
      .on("connect", (response, socket) =>
        response.statusCode === 200
          ? done(null, socket)
          : done(new Error(`the proxy refused ${host}:${port} with ${response.statusCode}`)),
      )
      .on("error", done)
      .end();

  const connect = (host, port, done) => {
    if (isDirect(host)) {
      const socket = net.connect(port, host).once("error", done);
      socket.once("connect", () => done(null, socket.off("error", done)));
    } else {
      tunnel(host, port, done);
    }
  };

  const secure = (options, socket, done) => {
    const own = { ALPNProtocols: ["http/1.1"], ...options, path: undefined, socket };
    const secured = tls.connect(own).once("error", done);
    secured.once("secureConnect", () => done(null, secured.off("error", done)));
  };

  http.Agent.prototype.createConnection = (options, done) => {
    connect(options.host, options.port || 80, done);
  };
  https.Agent.prototype.createConnection = (options, done) => {
    connect(options.host, options.port || 443, (error, socket) =>
      error ? done(error) : secure({ servername: options.host, ...options }, socket, done),
    );
  };

  // Loads fetch, which sets up the agent that is replaced here.
  void globalThis.Request;
  const dispatcher = Symbol.for("undici.globalDispatcher.1");
  const Agent = globalThis[dispatcher].constructor;
  globalThis[dispatcher] = new Agent({
    connect: ({ hostname, port, protocol, servername }, done) => {
      const encrypted = protocol === "https:";
      connect(hostname, port || (encrypted ? 443 : 80), (error, socket) =>
        error || !encrypted
          ? done(error, socket)
          : secure({ servername: servername || hostname }, socket, done),
      );
    },
  });
}
